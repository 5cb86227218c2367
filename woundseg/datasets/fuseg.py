"""FUSeg, the Foot Ulcer Segmentation Challenge (MICCAI 2021)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from woundseg.classes import FUSEG_CLASSES
from woundseg.datasets.base import DataSet


class FUSeg(DataSet):
    """Foot ulcers of one wound clinic, 512×512, padded with black to a square.

    Photographs are PNG as published, or JPEG of the same names; masks are PNG (three equal
    channels, 0 or 255)::

        train/images/0011.png       validation/images/…     test/images/…
        train/labels/0011.png       validation/labels/…     (no labels)
        folds.csv                   image,group,fold[,…], when there is one

    Some photographs are in the published set twice, annotated apart; ``group`` keeps them
    together. Seven of the published training photographs are in the validation set too: the fold
    table does not name them, so they have no fold.
    """

    name: ClassVar[str] = "fuseg"
    title: ClassVar[str] = "FUSeg (Foot Ulcer Segmentation Challenge, MICCAI 2021)"
    source: ClassVar[str] = "https://fusc.grand-challenge.org/FUSeg-2021/"
    doi: ClassVar[str] = "10.3390/info15030140"
    citation: ClassVar[str] = (
        "Wang C, Mahbod A, Ellinger I, Galdran A, Gopalakrishnan S, Niezgoda J, Yu Z. FUSeg: The "
        "Foot Ulcer Segmentation Challenge. Information 2024, 15(3), 140."
    )
    licence: ClassVar[str] = "CC BY-NC"
    terms_known: ClassVar[bool] = True
    obtain: ClassVar[str] = (
        "Clone github.com/uwm-bigdata/wound-segmentation and give its folder "
        "'data/Foot Ulcer Segmentation Challenge'"
    )
    counts: ClassVar[Mapping[str, int]] = MappingProxyType(
        {"train": 810, "validation": 200, "test": 200}
    )
    classes: Mapping[int, int] = MappingProxyType(FUSEG_CLASSES)

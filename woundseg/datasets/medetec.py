"""Medetec foot ulcers, as published beside FUSeg."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

from woundseg.classes import MEDETEC_CLASSES
from woundseg.datasets.base import DataSet
from woundseg.datasets.folds import FoldRow, folds_by_group
from woundseg.datasets.pictures import by_stem

_COPY = re.compile(r"_[1-3]$")
_SERIES = re.compile(r"^(foot-ulcer(?:-?\d))-\d+$")


class Medetec(DataSet):
    """Foot ulcers of the Medetec picture library, 224×224, padded with black to a square.

    Masks are PNG of three equal channels, 0 or **1**::

        train/images/foot-ulcer-0001.png      test/images/…
        train/labels/foot-ulcer-0001.png      test/labels/…

    The 152 training files are 38 photographs, each four times (``_1`` to ``_3`` are mirrored and
    turned copies); ``foot-ulcer1-…``, ``foot-ulcer-2-…`` and ``foot-ulcer-3-…`` are series of one
    foot each. ``group`` keeps copies and series together. No fold table is published: without one,
    the groups are dealt out to five folds (``folds.folds_by_group``). The test files are copies of
    eight training files: never train on the one and report the other.
    """

    name: ClassVar[str] = "medetec"
    title: ClassVar[str] = "Medetec foot ulcers (as published beside FUSeg)"
    source: ClassVar[str] = "http://www.medetec.co.uk"
    doi: ClassVar[str] = "10.1038/s41598-020-78799-w"
    citation: ClassVar[str] = (
        "Thomas S. Medetec wound database (stock pictures of wounds), with masks by Wang C, "
        "Anisuzzaman DM, Williamson V, et al. Fully automatic wound segmentation with deep "
        "convolutional neural networks. Sci Rep 2020, 10, 21897."
    )
    licence: ClassVar[str] = (
        "photographs © Medetec; no licence travels with the files, so ask before passing any on"
    )
    terms_known: ClassVar[bool] = False
    obtain: ClassVar[str] = (
        "Clone github.com/uwm-bigdata/wound-segmentation and give its folder "
        "'data/Medetec_foot_ulcer_224'"
    )
    counts: ClassVar[Mapping[str, int]] = MappingProxyType({"train": 152, "test": 8})
    known_faults: ClassVar[Mapping[str, str]] = MappingProxyType(
        {"train/labels/foot-ulcer1-8_3.png": "cut off as published, does not decode"}
    )
    classes: Mapping[int, int] = MappingProxyType(MEDETEC_CLASSES)

    def __init__(self, root: str | Path, *, folds: str | Path | None = None) -> None:
        super().__init__(root, folds=folds)
        if not self.folds:
            self.folds = self._derived_folds()

    def _derived_folds(self) -> dict[str, FoldRow]:
        images = self.root / self.folds_for / "images"
        stems = list(by_stem(images)[0]) if images.is_dir() else []
        folds = folds_by_group([self.group_of(stem) for stem in stems])
        return {
            stem: FoldRow(group, folds[group]) for stem in stems if (group := self.group_of(stem))
        }

    def group_of(self, stem: str) -> str:
        """The photograph's name without its copy number, or its series."""
        photograph = _COPY.sub("", stem)
        series = _SERIES.match(photograph)
        return series.group(1) if series else photograph

"""Feet, toes and nails without an open ulcer, of several sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from woundseg.classes import BACKGROUND, ULCER, ULCER_MASK_VALUE
from woundseg.datasets.base import BoolMask, DataSet, Sample
from woundseg.datasets.pictures import ByteImage

FLAT_SPLIT = "train"


@dataclass(frozen=True)
class Source:
    """Where some of the set's photographs come from.

    Attributes:
        shows: what is on them.
        address: of whoever published them.
        licence: what is known of their terms.
        terms_known: whether that is enough to use them by.
        count: photographs.
    """

    shows: str
    address: str
    licence: str
    terms_known: bool
    count: int


_NAILS = "https://github.com/zhouyuChina/nasnet-densnet-fusion-onychomycosis"
SOURCES: Mapping[str, Source] = MappingProxyType(
    {
        "unsplash": Source(
            "feet outdoors and indoors",
            "https://unsplash.com",
            "Unsplash licence: free to use, also commercially",
            True,
            75,
        ),
        "toes": Source(
            "toes close up", _NAILS, "repository MIT, the pictures' own terms unknown", False, 84
        ),
        "nails": Source(
            "diseased nails close up",
            _NAILS,
            "repository MIT, the pictures' own terms unknown",
            False,
            225,
        ),
        "floor": Source(
            "bare feet on a floor, about five persons",
            "https://github.com/RafiansyahDS/Foot-Measurer",
            "no terms found",
            False,
            69,
        ),
    }
)
"""By the name that ``feet.csv`` has in its column ``source``."""


class Feet(DataSet):
    """Feet, toes and nails without an open ulcer: each mask is all False, and that is known.

    Photographs of four sources (``SOURCES``), JPEG, long side up to 1024 px, in a flat folder,
    which is the split ``train``. There are no files of labels::

        images/unsplash_000.jpg
        feet.csv                    image,source,group,fold[,width,height]

    Two thirds are close-ups of toes and of nails with fungus, black or yellow nails, crusts: what
    is taken for an ulcer most often. Near copies were left out; frames of one walk share a group,
    and groups do not part between the five folds. A photograph that ``feet.csv`` does not name, or
    of a source that is not in ``SOURCES``, is an offender: nothing says that it shows no ulcer.

    Args:
        root: the folder with ``images`` and ``feet.csv``.
        folds: another table of the same columns.
    """

    name: ClassVar[str] = "feet"
    title: ClassVar[str] = "Feet, toes and nails without an ulcer"
    source: ClassVar[str] = ", ".join(dict.fromkeys(each.address for each in SOURCES.values()))
    doi: ClassVar[str] = ""
    citation: ClassVar[str] = (
        "Unsplash (unsplash.com); zhouyuChina, nasnet-densnet-fusion-onychomycosis; RafiansyahDS, "
        "Foot-Measurer (github.com)."
    )
    licence: ClassVar[str] = (
        "75 under the Unsplash licence; of the other 378 the terms are unknown: for research, and "
        "not to be passed on"
    )
    terms_known: ClassVar[bool] = False
    obtain: ClassVar[str] = (
        "Put photographs of feet without an ulcer into images/ and name them in feet.csv "
        "(image,source,group,fold)"
    )
    counts: ClassVar[Mapping[str, int]] = MappingProxyType(
        {FLAT_SPLIT: sum(each.count for each in SOURCES.values())}
    )
    classes: Mapping[int, int] = MappingProxyType({0: BACKGROUND, ULCER_MASK_VALUE: ULCER})

    def default_folds(self) -> Path:
        """``feet.csv`` under the root."""
        return self.root / "feet.csv"

    def splits(self) -> tuple[str, ...]:
        """``train``, when the folder ``images`` is there."""
        return (FLAT_SPLIT,) if (self.root / "images").is_dir() else ()

    def read(self, sample: Sample) -> tuple[ByteImage, BoolMask | None]:
        """The photograph, uint8 RGB (H, W, 3), and its mask (H, W), all False.

        Raises:
            DataSetError: the file cannot be decoded.
        """
        pixels, _ = super().read(sample)
        return pixels, np.zeros(pixels.shape[:2], bool)

    def knows_terms_of(self, sample: Sample) -> bool:
        """Whether the terms of use of a photograph's source are known."""
        return SOURCES[sample.source].terms_known

    def _folders(self, split: str) -> tuple[Path, Path | None]:
        if split == FLAT_SPLIT:
            return self.root / "images", None
        return super()._folders(split)

    def _unnamed(self, images: Mapping[str, Path]) -> list[str]:
        return [f"{self._short(images[s])}: {why}" for s in images if (why := self._fault_of(s))]

    def _fault_of(self, stem: str) -> str | None:
        row = self.folds.get(stem)
        if row is None:
            return "feet.csv does not name it"
        if row.source not in SOURCES:
            return f"its source {row.source!r} is none of {', '.join(SOURCES)}"
        return None

    def _sample(
        self, split: str, stem: str, images: Mapping[str, Path], labels: Mapping[str, Path]
    ) -> Sample:
        return replace(super()._sample(split, stem, images, labels), bare=True)

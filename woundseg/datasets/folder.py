"""A folder of your own: photographs and masks of the same names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

from woundseg.classes import BACKGROUND, ULCER, ULCER_MASK_VALUE
from woundseg.datasets.base import DataSet
from woundseg.errors import ConfigurationError

FLAT_SPLIT = "train"


class Folder(DataSet):
    """Your own photographs (``images/``) and masks (``labels/``), paired by stem.

    Either flat, which is the split ``train``, or with a folder for each split::

        images/p01_v1.jpg           train/images/…      validation/images/…
        labels/p01_v1.png           train/labels/…      validation/labels/…
        folds.csv                   image,group,fold: keep a subject's photographs in one group

    Args:
        root: the folder.
        folds: see ``LabelledSet``.
        ulcer_value: value of ulcer in the masks, 1 to 255; background is 0.
    """

    name: ClassVar[str] = "folder"
    title: ClassVar[str] = "a folder of your own"
    source: ClassVar[str] = "your own"
    doi: ClassVar[str] = ""
    citation: ClassVar[str] = ""
    licence: ClassVar[str] = "your own"
    terms_known: ClassVar[bool] = True
    obtain: ClassVar[str] = (
        "Put photographs into images/ and masks of the same stem (0 background, 255 ulcer) into "
        "labels/"
    )
    counts: ClassVar[Mapping[str, int]] = MappingProxyType({})

    def __init__(
        self,
        root: str | Path,
        *,
        folds: str | Path | None = None,
        ulcer_value: int = ULCER_MASK_VALUE,
    ) -> None:
        if not 1 <= ulcer_value <= 255:
            raise ConfigurationError(
                f"ulcer_value={ulcer_value}", "is not between 1 and 255", "Give the masks' value"
            )
        self.classes = MappingProxyType({0: BACKGROUND, ulcer_value: ULCER})
        super().__init__(root, folds=folds)

    def splits(self) -> tuple[str, ...]:
        """``train`` for a flat folder, else the folders that hold ``images``."""
        return (FLAT_SPLIT,) if (self.root / "images").is_dir() else super().splits()

    def _folders(self, split: str) -> tuple[Path, Path | None]:
        if split == FLAT_SPLIT and (self.root / "images").is_dir():
            return self.root / "images", self.root / "labels"
        return super()._folders(split)

"""DFUTissue: tissues on crops of diabetic foot ulcers, cut from FUSeg's photographs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from woundseg.classes import CALLUS, DFUTISSUE_CLASSES, GRANULATION, SLOUGH
from woundseg.datasets.base import Sample, first_channel, grey_fault
from woundseg.datasets.folds import FoldRow
from woundseg.datasets.fuseg import FUSeg
from woundseg.datasets.tissue import LabelMap, TissueSet
from woundseg.errors import DataSetError

_IMAGES = Path("Labeled", "Original", "Images")
_LABELS = Path("Labeled", "Original", "Annotations")
_FOLDERS: Mapping[str, tuple[Path, Path | None]] = MappingProxyType(
    {
        "test": (_IMAGES / "Test", _LABELS / "Test"),
        "train": (_IMAGES / "TrainVal", _LABELS / "TrainVal"),
        "unlabelled": (Path("Unlabeled"), None),
    }
)
_LISTS: Mapping[str, Path] = MappingProxyType(
    {
        "listed_train": Path("Labeled", "labeled_train_names.txt"),
        "listed_validation": Path("Labeled", "labeled_val_names.txt"),
    }
)


class DFUTissue(TissueSet):
    """Crops of diabetic foot ulcers of one wound clinic, 79 to 266 px a side as given here.

    Label maps are grey PNG: 0 not labelled, 1 fibrin (slough), 2 granulation, 3 callus. Skin,
    background, necrosis, eschar, tendon and dressings all lie at 0, so 0 is ``UNLABELLED``. It
    counts all the same: annotators had labelled all that they took for one of the three::

        Labeled/Original/Images/TrainVal/0901.png         Labeled/labeled_train_names.txt
        Labeled/Original/Annotations/TrainVal/0901.png    Labeled/labeled_val_names.txt
        Labeled/Original/Images/Test/…, Annotations/Test/…
        Unlabeled/0001.png (or .jpg)                      256×256, padded with black

    Splits: ``train`` is the whole folder TrainVal, to be parted by fold; ``listed_train`` and
    ``listed_validation`` are its two published lists; ``test``; ``unlabelled``. The folders
    Padded and Palette hold the same again and are not read.

    Crop NNNN is cut from FUSeg's photograph NNNN+1 and reduced, mostly to 5/6. It has that
    photograph's group and fold.

    Args:
        root: the data set's folder.
        folds: fold table of **FUSeg**; None takes that of the folder ``fuseg`` beside the root.
    """

    name: ClassVar[str] = "dfutissue"
    title: ClassVar[str] = "DFUTissue (diabetic foot ulcer tissue)"
    source: ClassVar[str] = "https://github.com/uwm-bigdata/DFUTissueSegNet"
    doi: ClassVar[str] = "10.48550/arXiv.2406.16012"
    citation: ClassVar[str] = (
        "Dhar MK, Wang C, Patel Y, Zhang T, Niezgoda J, Gopalakrishnan S, Chen K, Yu Z. Wound "
        "Tissue Segmentation in Diabetic Foot Ulcer Images Using Deep Learning: A Pilot Study. "
        "arXiv 2024, 2406.16012."
    )
    licence: ClassVar[str] = (
        "published for research, to be cited; no licence travels with the files, so ask before "
        "passing any on"
    )
    terms_known: ClassVar[bool] = False
    obtain: ClassVar[str] = (
        "Clone github.com/uwm-bigdata/DFUTissueSegNet and give its folder 'DFUTissue'"
    )
    counts: ClassVar[Mapping[str, int]] = MappingProxyType(
        {"train": 94, "listed_train": 78, "listed_validation": 16, "test": 16, "unlabelled": 600}
    )
    classes: Mapping[int, int] = MappingProxyType(DFUTISSUE_CLASSES)
    tissues: ClassVar[tuple[int, ...]] = (GRANULATION, SLOUGH, CALLUS)
    unlabelled_counts: ClassVar[bool] = True
    cut_from: ClassVar[str | None] = FUSeg.name

    def default_folds(self) -> Path:
        """FUSeg's fold table, when FUSeg lies beside this data set."""
        return self.root.parent / FUSeg.name / "folds.csv"

    def splits(self) -> tuple[str, ...]:
        """The splits whose folder of photographs is there."""
        return tuple(
            split for split, (images, _) in _FOLDERS.items() if (self.root / images).is_dir()
        )

    def samples(self, split: str = "train") -> list[Sample]:
        """See ``LabelledSet``; the two published lists are parts of ``train``."""
        if split not in _LISTS:
            return super().samples(split)
        names = self._listed(split)
        if names is None:
            raise DataSetError(self.root / _LISTS[split], "there is no such list", self.obtain)
        self._refuse(self._faults_of_lists())
        return [sample for sample in super().samples("train") if sample.id in names]

    def fold_row(self, split: str, stem: str) -> FoldRow | None:
        """Where the photograph belongs that the crop is cut from."""
        return self.folds.get(photograph_of(stem))

    def group_of(self, stem: str) -> str:
        """The photograph that the crop is cut from."""
        return photograph_of(stem)

    def label_fault(self, values: NDArray[Any]) -> str | None:
        """See ``LabelledSet``."""
        if why := grey_fault(values):
            return f"{why}; the label maps lie in Annotations"
        found = np.unique(first_channel(values))
        outside = [int(value) for value in found if int(value) not in self.classes]
        return (
            f"holds the value {outside[0]}, not one of 0 to {max(self.classes)}"
            if outside
            else None
        )

    def tissue_of(self, values: NDArray[Any]) -> LabelMap:
        """See ``TissueSet``."""
        table = np.zeros(256, np.uint8)
        table[list(self.classes)] = list(self.classes.values())
        tissue: LabelMap = table[first_channel(values)]
        return tissue

    def _folders(self, split: str) -> tuple[Path, Path | None]:
        images, labels = _FOLDERS.get(split, (Path(split), None))
        return self.root / images, self.root / labels if labels else None

    def labels_needed(self, split: str) -> bool:
        """Whether a split without label maps is a fault."""
        return split != "unlabelled"

    def _listed(self, split: str) -> list[str] | None:
        path = self.root / _LISTS[split]
        return path.read_text(encoding="utf-8").split() if path.is_file() else None

    def _faults_of_lists(self) -> list[str]:
        """Names of the published lists that are no photograph, or that stand in both."""
        images, _ = self._folders("train")
        there = {path.stem for path in images.iterdir()} if images.is_dir() else set()
        listed = {split: self._listed(split) or [] for split in _LISTS}
        alone = [
            f"{_LISTS[split].as_posix()}: {name} has no photograph"
            for split, names in listed.items()
            for name in names
            if name not in there
        ]
        first, second = (set(names) for names in listed.values())
        where = " and ".join(path.name for path in _LISTS.values())
        return alone + [f"{where}: {name} stands in both" for name in sorted(first & second)]

    def _faults_of_tables(self) -> list[str]:
        return super()._faults_of_tables() + self._faults_of_lists()


def photograph_of(crop: str) -> str:
    """The stem of FUSeg's photograph that a crop is cut from; a name that is no number stays.

    >>> photograph_of("0901")
    '0902'
    """
    return f"{int(crop) + 1:04d}" if crop.isascii() and crop.isdigit() else crop

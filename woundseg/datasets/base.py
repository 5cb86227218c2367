"""What every data set answers: which photographs, their labels, and whether all is well.

``LabelledSet`` is what they share. ``DataSet`` has a mask for each photograph, True is ulcer;
``tissue.TissueSet`` has a map of tissues. Files are read as numpy arrays by OpenCV; no torch.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Generic, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from woundseg.classes import ULCER
from woundseg.datasets.folds import FoldRow, read_folds
from woundseg.datasets.pictures import (
    IMAGE_SUFFIXES,
    ByteImage,
    by_stem,
    decode,
    not_whole,
    read_rgb,
    size_fault,
)
from woundseg.errors import ConfigurationError, DataSetError

__all__ = [
    "IMAGE_SUFFIXES",
    "MAX_EDGE_SHARE",
    "DataSet",
    "LabelledSet",
    "Parts",
    "Sample",
    "fingerprint",
    "first_channel",
    "grey_fault",
    "hold_out",
    "limited",
    "value_fault",
]

MAX_EDGE_SHARE = 0.02
"""Published masks carry in-between values along outlines only. Measured on FUSeg and Medetec as
given: none at all; an outline four pixels soft around an ulcer of a tenth of the frame: 1.8%."""

NAMED_IN_MESSAGE = 3
NOTHING: Mapping[str, str] = MappingProxyType({})

BoolMask = NDArray[np.bool_]
Item = TypeVar("Item")
Label = TypeVar("Label", bound=NDArray[Any])
"""What ``read`` gives beside the photograph."""


@dataclass(frozen=True)
class Sample:
    """One photograph of a data set.

    Attributes:
        id: the file's stem, unique within its split.
        image_path: the photograph.
        label_path: its label; None where no file holds one.
        group: photographs of one group show the same thing and never part in a split.
        fold: cross-validation fold; None where none is given.
        source: which of the set's sources it comes from; blank where there is but one.
        bare: the set says that it shows no ulcer: its mask is all False, and no file holds it.
    """

    id: str
    image_path: Path
    label_path: Path | None
    group: str
    fold: int | None
    source: str = ""
    bare: bool = False

    @property
    def labelled(self) -> bool:
        """Whether what it shows is known, from a file or from the set."""
        return self.bare or self.label_path is not None


@dataclass(frozen=True)
class _Listing:
    """What a split's folders hold: usable samples, offenders, and things to know."""

    samples: tuple[Sample, ...]
    offenders: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Parts:
    """Samples parted by fold.

    Attributes:
        train: of the other folds.
        held_out: of the folds held out.
        without_fold: named by no fold table; on neither side, because nothing says whether they
            are copies of what is held out.
    """

    train: list[Sample]
    held_out: list[Sample]
    without_fold: list[Sample]


class LabelledSet(ABC, Generic[Label]):
    """Folders of photographs and of labels, paired by stem.

    Args:
        root: the data set's folder.
        folds: CSV ``image,group,fold[,…]``; None takes ``default_folds`` if it is there.

    Raises:
        DataSetError: there is no such folder; the message says how to obtain the data.
        TableError: the fold table cannot be understood.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    source: ClassVar[str]
    doi: ClassVar[str]
    citation: ClassVar[str]
    licence: ClassVar[str]
    terms_known: ClassVar[bool]
    """Whether anybody has said what the photographs may be used for."""
    obtain: ClassVar[str]
    counts: ClassVar[Mapping[str, int]]
    """Photographs in each split, as published."""
    known_faults: ClassVar[Mapping[str, str]] = NOTHING
    """Files that are faulty as published (path under the root, ``/``): named and left out."""
    folds_for: ClassVar[str] = "train"
    """The split that the fold table speaks of."""

    def __init__(self, root: str | Path, *, folds: str | Path | None = None) -> None:
        self.root = Path(root).expanduser()
        if not self.root.is_dir():
            raise DataSetError(
                self.root, f"there is no such folder, looked for {self.title} there", self.obtain
            )
        own = self.default_folds()
        table = Path(folds).expanduser() if folds else (own if own.is_file() else None)
        self.folds: Mapping[str, FoldRow] = read_folds(table) if table else {}

    def default_folds(self) -> Path:
        """Where the fold table lies when nobody says."""
        return self.root / "folds.csv"

    def splits(self) -> tuple[str, ...]:
        """The splits found under the root, by name."""
        return tuple(sorted(p.parent.name for p in self.root.glob("*/images") if p.is_dir()))

    def samples(self, split: str = "train") -> list[Sample]:
        """The photographs of a split, sorted by id; known faults are left out.

        Raises:
            DataSetError: the split is not there, or photographs and labels do not pair up.
        """
        listing = self._listing(split)
        self._refuse(listing.offenders)
        return list(listing.samples)

    def read(self, sample: Sample) -> tuple[ByteImage, Label | None]:
        """The photograph and its label.

        Returns:
            Photograph uint8 RGB (H, W, 3), turned upright; label (H, W), or None where what it
            shows is not known.

        Raises:
            DataSetError: a file cannot be decoded, or the two differ in size.
        """
        image = read_rgb(sample.image_path)
        if image is None:
            raise self._broken(sample.image_path, "cannot be decoded")
        if sample.label_path is None:
            return image, None
        values = decode(sample.label_path, cv2.IMREAD_UNCHANGED)
        if values is None:
            raise self._broken(sample.label_path, "cannot be decoded")
        if values.shape[:2] != image.shape[:2]:
            raise self._broken(sample.label_path, size_fault(image, values))
        return image, self.label_of(values, sample.label_path)

    @abstractmethod
    def label_of(self, values: NDArray[Any], path: Path) -> Label:
        """What the values of a label file say.

        Args:
            values: as decoded, (H, W) or (H, W, channels in OpenCV's order).
            path: the file, to be named in an error.
        """

    @abstractmethod
    def label_fault(self, values: NDArray[Any]) -> str | None:
        """What is wrong with the values of a label file; None when they are in the table."""

    def check(self) -> None:
        """Look at every file of every split.

        Raises:
            DataSetError: with every offender at once: a missing pair, two files of one name, a
                file that cannot be decoded whole, a size that differs, a label with values
                outside the class table, a group that lies in two folds.
        """
        splits = self.splits()
        if not splits:
            self._listing("train")
        offenders = list(self._faults_of_tables())
        for split in splits:
            listing = self._listing(split)
            offenders += listing.offenders
            for sample in listing.samples:
                offenders += self._faults(sample)
        self._refuse(offenders)

    def notes(self) -> tuple[str, ...]:
        """What is worth knowing and no fault: counts beside the published, files left out."""
        lines: list[str] = []
        for split in self.splits():
            listing = self._listing(split)
            lines += listing.notes
            published = self.counts.get(split)
            found = len(listing.samples) + len(self._faulty_stems(split))
            if published is not None and published != found:
                lines.append(f"{split}: {found} photographs of the published {published}")
        return tuple(lines)

    def group_of(self, stem: str) -> str:
        """The group of a photograph that the fold table does not name: its own, by itself."""
        return stem

    def knows_terms_of(self, sample: Sample) -> bool:
        """Whether the terms of use of a photograph's source are known."""
        return self.terms_known

    def fold_row(self, split: str, stem: str) -> FoldRow | None:
        """What the fold table says of a photograph; None where it does not speak of it."""
        return self.folds.get(stem) if split == self.folds_for else None

    def _folders(self, split: str) -> tuple[Path, Path | None]:
        """Where a split's photographs and labels lie; None: it has no labels."""
        return self.root / split / "images", self.root / split / "labels"

    def _listing(self, split: str) -> _Listing:
        images_dir, labels_dir = self._folders(split)
        if not images_dir.is_dir():
            have = ", ".join(self.splits()) or "none"
            raise DataSetError(
                images_dir,
                f"there is no such folder, so no split {split!r} (splits found: {have})",
                f"Name another split or folder, or obtain the data: {self.obtain}",
            )
        images, doubles, ignored = by_stem(images_dir)
        labels: dict[str, Path] = {}
        unpaired: list[str] = []
        if labels_dir is not None and labels_dir.is_dir():
            labels, more, others = by_stem(labels_dir)
            doubles, ignored = doubles + more, ignored + others
            unpaired = self._unpaired(images, labels)
        elif labels_dir is not None and self.labels_needed(split):
            doubles = (*doubles, f"{labels_dir}: there is no such folder")
        faulty = self._faulty_stems(split)
        found = [s for s in sorted(images) if s not in faulty and (s in labels or not labels)]
        return _Listing(
            samples=tuple(self._sample(split, stem, images, labels) for stem in found),
            offenders=(*doubles, *unpaired, *self._unnamed(images)),
            notes=(*ignored, *(f"left out: {name}, {why}" for name, why in faulty.values())),
        )

    def labels_needed(self, split: str) -> bool:
        """Whether a split without a ``labels`` folder is a fault."""
        return split != "test"

    def _faulty_stems(self, split: str) -> dict[str, tuple[str, str]]:
        return {
            Path(name).stem: (name, why)
            for name, why in self.known_faults.items()
            if name.startswith(f"{split}/") and (self.root / name).is_file()
        }

    def _unpaired(self, images: Mapping[str, Path], labels: Mapping[str, Path]) -> list[str]:
        alone = [f"{self._short(images[s])}: has no label" for s in images if s not in labels]
        return alone + [
            f"{self._short(labels[s])}: has no photograph" for s in labels if s not in images
        ]

    def _unnamed(self, images: Mapping[str, Path]) -> list[str]:
        """Photographs of which the set has to say more than their label, and does not."""
        return []

    def _sample(
        self, split: str, stem: str, images: Mapping[str, Path], labels: Mapping[str, Path]
    ) -> Sample:
        row = self.fold_row(split, stem)
        return Sample(
            id=stem,
            image_path=images[stem],
            label_path=labels.get(stem),
            group=row.group if row else self.group_of(stem),
            fold=row.fold if row else None,
            source=row.source if row else "",
        )

    def _faults_of_tables(self) -> list[str]:
        """Offenders in what lies beside the photographs."""
        return _groups_apart(self.folds)

    def _faults(self, sample: Sample) -> list[str]:
        paths = [sample.image_path, *([sample.label_path] if sample.label_path else [])]
        broken = [f"{self._short(path)}: {why}" for path in paths if (why := not_whole(path))]
        if broken or sample.label_path is None:
            return broken
        try:
            self.read(sample)
        except DataSetError as error:
            return [f"{self._short(error.subject)}: {error.cause}"]
        values = decode(sample.label_path, cv2.IMREAD_UNCHANGED)
        why = self.label_fault(values) if values is not None else None
        return [f"{self._short(sample.label_path)}: {why}"] if why else []

    def _broken(self, path: Path, cause: str) -> DataSetError:
        return DataSetError(path, cause, f"Replace the file or take it out; {self.obtain}")

    def _refuse(self, offenders: Sequence[str]) -> None:
        if not offenders:
            return
        named = "; ".join(offenders[:NAMED_IN_MESSAGE])
        more = len(offenders) - NAMED_IN_MESSAGE
        rest = f" (and {more} more)" if more > 0 else ""
        raise DataSetError(
            self.root,
            f"{len(offenders)} fault(s) in {self.title}: {named}{rest}",
            "Repair or take out the files named",
            tuple(offenders),
        )

    def _short(self, path: str | Path) -> str:
        path = Path(path)
        return (
            path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)
        )


class DataSet(LabelledSet[BoolMask]):
    """``<split>/images`` and ``<split>/labels``: one mask a photograph, True is ulcer.

    Values between background and ulcer are thresholded half-way.
    """

    classes: Mapping[int, int]
    """Value in a mask file to class id (``woundseg.classes``)."""

    def label_of(self, values: NDArray[Any], path: Path) -> BoolMask:
        """Bool (H, W), True is ulcer."""
        mask: BoolMask = first_channel(values) > self.threshold
        return mask

    def label_fault(self, values: NDArray[Any]) -> str | None:
        """See ``value_fault``."""
        return value_fault(values, self.ulcer_value)

    @property
    def ulcer_value(self) -> int:
        """The value that ulcer has in a mask file."""
        return max(value for value, class_id in self.classes.items() if class_id == ULCER)

    @property
    def threshold(self) -> int:
        """Values above this are ulcer: 127 for masks of 0 and 255, 0 for masks of 0 and 1."""
        return (self.ulcer_value - 1) // 2


def value_fault(label: NDArray[np.generic], ulcer_value: int) -> str | None:
    """What is wrong with the values of a mask; None when they are in the class table.

    A mask is 8-bit and grey. Values between 0 and ``ulcer_value`` are taken for soft outlines as
    long as they cover at most ``MAX_EDGE_SHARE`` of the frame and ulcer itself is there too.

    Args:
        label: as decoded, (H, W) or (H, W, channels).
        ulcer_value: the value of ulcer; background is 0.
    """
    if why := grey_fault(label):
        return why
    seen = np.bincount(first_channel(label).ravel(), minlength=256)
    values = np.flatnonzero(seen)
    if values[-1] > ulcer_value:
        return f"holds the value {values[-1]}, above {ulcer_value} for ulcer"
    if values[-1] not in (0, ulcer_value):
        return f"holds {values[0]} to {values[-1]} and nowhere {ulcer_value} for ulcer"
    between = seen[1:ulcer_value].sum() / seen.sum()
    if between > MAX_EDGE_SHARE:
        return f"{between:.1%} of its pixels are neither 0 nor {ulcer_value}"
    return None


def grey_fault(label: NDArray[np.generic]) -> str | None:
    """Why a label, (H, W[, channels]), is not 8-bit and grey; None when it is."""
    if label.dtype != np.uint8:
        return f"holds {label.dtype} values where 8-bit is expected"
    if label.ndim == 3 and (label[..., :3] != label[..., :1]).any():
        return "has coloured pixels where grey is expected"
    return None


def fingerprint(samples: Iterable[Sample]) -> str:
    """SHA-256 over ids and file contents of photographs and labels, in the order given."""
    digest = hashlib.sha256()
    for sample in samples:
        for path in (sample.image_path, sample.label_path):
            content = path.read_bytes() if path else b""
            digest.update(f"{sample.id}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()


def hold_out(samples: Iterable[Sample], folds: Collection[int]) -> Parts:
    """Part samples by fold, whole groups at a time.

    Raises:
        DataSetError: no sample is of one of these folds, or a group would be on both sides.
    """
    samples = list(samples)
    known = sorted({s.fold for s in samples if s.fold is not None})
    absent = [fold for fold in folds if fold not in known]
    parts = Parts(
        train=[s for s in samples if s.fold is not None and s.fold not in folds],
        held_out=[s for s in samples if s.fold in folds],
        without_fold=[s for s in samples if s.fold is None],
    )
    both = {s.group for s in parts.train} & {s.group for s in parts.held_out}
    if absent or both:
        named = f"fold {', '.join(map(str, absent))}" if absent else f"group {sorted(both)[0]}"
        cause = f"has no photograph (folds: {known})" if absent else "would be on both sides"
        remedy = "Give a folds.csv that names each photograph and keeps groups in one fold"
        raise DataSetError(named, cause, remedy, tuple(sorted(both)))
    return parts


def limited(items: list[Item], limit: int | None) -> list[Item]:
    """No more of a list than ``limit``, evenly spread over it; None keeps all.

    Raises:
        ConfigurationError: the limit is below 1.
    """
    if limit is not None and limit < 1:
        raise ConfigurationError(f"data.limit={limit}", "is below 1", "Give 1 or more, or null")
    if limit is None or len(items) <= limit:
        return items
    return [items[place * len(items) // limit] for place in range(limit)]


def first_channel(label: NDArray[Any]) -> NDArray[Any]:
    """(H, W) of a label that is grey, whether or not it was saved in colour."""
    return label if label.ndim == 2 else label[..., 0]


def _groups_apart(folds: Mapping[str, FoldRow]) -> list[str]:
    seen: dict[str, set[int]] = {}
    for row in folds.values():
        seen.setdefault(row.group, set()).add(row.fold)
    return [
        f"folds.csv: group {group} lies in folds {', '.join(map(str, sorted(parts)))}"
        for group, parts in seen.items()
        if len(parts) > 1
    ]

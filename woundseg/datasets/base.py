"""What every data set answers: which photographs, their labels, and whether all is well.

Labels are binary here: True is ulcer. Files are read as numpy arrays by OpenCV; no torch.
"""

from __future__ import annotations

import hashlib
from abc import ABC
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from woundseg.classes import ULCER
from woundseg.datasets.folds import FoldRow, read_folds
from woundseg.errors import DataSetError

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp"})

MAX_EDGE_SHARE = 0.02
"""Published masks carry in-between values along outlines only. Measured on FUSeg and Medetec as
given: none at all; an outline four pixels soft around an ulcer of a tenth of the frame: 1.8%."""

NAMED_IN_MESSAGE = 3
NOTHING: Mapping[str, str] = MappingProxyType({})

ByteImage = NDArray[np.uint8]
BoolMask = NDArray[np.bool_]


@dataclass(frozen=True)
class Sample:
    """One photograph of a data set.

    Attributes:
        id: the file's stem, unique within its split.
        image_path: the photograph.
        label_path: its mask; None where the split has no labels.
        group: photographs of one group show the same thing and never part in a split.
        fold: cross-validation fold; None where none is given.
    """

    id: str
    image_path: Path
    label_path: Path | None
    group: str
    fold: int | None


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


class DataSet(ABC):
    """A folder ``<split>/images`` and ``<split>/labels`` with one mask a photograph.

    Args:
        root: the data set's folder.
        folds: CSV ``image,group,fold[,…]``; None takes ``folds.csv`` in the root if it is there.

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
    obtain: ClassVar[str]
    counts: ClassVar[Mapping[str, int]]
    """Photographs in each split, as published."""
    known_faults: ClassVar[Mapping[str, str]] = NOTHING
    """Files that are faulty as published (path under the root, ``/``): named and left out."""
    folds_for: ClassVar[str] = "train"
    """The split that the fold table speaks of."""

    classes: Mapping[int, int]
    """Value in a mask file to class id (``woundseg.classes``)."""

    def __init__(self, root: str | Path, *, folds: str | Path | None = None) -> None:
        self.root = Path(root).expanduser()
        if not self.root.is_dir():
            raise DataSetError(
                self.root, f"there is no such folder, looked for {self.title} there", self.obtain
            )
        own = self.root / "folds.csv"
        table = Path(folds).expanduser() if folds else (own if own.is_file() else None)
        self.folds: Mapping[str, FoldRow] = read_folds(table) if table else {}

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

    def read(self, sample: Sample) -> tuple[ByteImage, BoolMask | None]:
        """The photograph and its mask.

        Returns:
            Photograph uint8 RGB (H, W, 3), turned upright; mask bool (H, W), True is ulcer, or
            None without a label.

        Raises:
            DataSetError: a file cannot be decoded, or the two differ in size.
        """
        pixels = _decode(sample.image_path, cv2.IMREAD_COLOR)
        if pixels is None:
            raise self._broken(sample.image_path, "cannot be decoded")
        image = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)
        if sample.label_path is None:
            return image, None
        label = _decode(sample.label_path, cv2.IMREAD_UNCHANGED)
        if label is None:
            raise self._broken(sample.label_path, "cannot be decoded")
        if label.shape[:2] != image.shape[:2]:
            raise self._broken(sample.label_path, _size_fault(image, label))
        return image, _first_channel(label) > self.threshold

    @property
    def ulcer_value(self) -> int:
        """The value that ulcer has in a mask file."""
        return max(value for value, class_id in self.classes.items() if class_id == ULCER)

    @property
    def threshold(self) -> int:
        """Values above this are ulcer: 127 for masks of 0 and 255, 0 for masks of 0 and 1."""
        return (self.ulcer_value - 1) // 2

    def check(self) -> None:
        """Look at every file of every split.

        Raises:
            DataSetError: with every offender at once: a missing pair, two files of one name, a
                file that cannot be decoded whole, a size that differs, a mask with values outside
                the class table, a group that lies in two folds.
        """
        splits = self.splits()
        if not splits:
            self._listing("train")
        offenders = list(_groups_apart(self.folds))
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

    def _folders(self, split: str) -> tuple[Path, Path]:
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
        images, doubles, ignored = _by_stem(images_dir)
        labels: dict[str, Path] = {}
        if labels_dir.is_dir():
            labels, more, others = _by_stem(labels_dir)
            doubles, ignored = doubles + more, ignored + others
        elif self.labels_needed(split):
            doubles = (*doubles, f"{labels_dir}: there is no such folder")
        faulty = self._faulty_stems(split)
        unpaired = self._unpaired(images, labels) if labels_dir.is_dir() else []
        found = [s for s in sorted(images) if s not in faulty and (s in labels or not labels)]
        return _Listing(
            samples=tuple(self._sample(split, stem, images, labels) for stem in found),
            offenders=(*doubles, *unpaired),
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

    def _sample(
        self, split: str, stem: str, images: Mapping[str, Path], labels: Mapping[str, Path]
    ) -> Sample:
        row = self.folds.get(stem) if split == self.folds_for else None
        return Sample(
            id=stem,
            image_path=images[stem],
            label_path=labels.get(stem),
            group=row.group if row else self.group_of(stem),
            fold=row.fold if row else None,
        )

    def _faults(self, sample: Sample) -> list[str]:
        paths = [sample.image_path, *([sample.label_path] if sample.label_path else [])]
        broken = [f"{self._short(path)}: {why}" for path in paths if (why := _not_whole(path))]
        if broken or sample.label_path is None:
            return broken
        try:
            self.read(sample)
        except DataSetError as error:
            return [f"{self._short(error.subject)}: {error.cause}"]
        label = _decode(sample.label_path, cv2.IMREAD_UNCHANGED)
        why = value_fault(label, self.ulcer_value) if label is not None else None
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


def value_fault(label: NDArray[np.generic], ulcer_value: int) -> str | None:
    """What is wrong with the values of a mask; None when they are in the class table.

    A mask is 8-bit and grey. Values between 0 and ``ulcer_value`` are taken for soft outlines as
    long as they cover at most ``MAX_EDGE_SHARE`` of the frame and ulcer itself is there too.

    Args:
        label: as decoded, (H, W) or (H, W, channels).
        ulcer_value: the value of ulcer; background is 0.
    """
    if label.dtype != np.uint8:
        return f"holds {label.dtype} values where 8-bit is expected"
    if label.ndim == 3 and (label[..., :3] != label[..., :1]).any():
        return "has coloured pixels; a mask is black and white"
    seen = np.bincount(_first_channel(label).ravel(), minlength=256)
    values = np.flatnonzero(seen)
    if values[-1] > ulcer_value:
        return f"holds the value {values[-1]}, above {ulcer_value} for ulcer"
    if values[-1] not in (0, ulcer_value):
        return f"holds {values[0]} to {values[-1]} and nowhere {ulcer_value} for ulcer"
    between = seen[1:ulcer_value].sum() / seen.sum()
    if between > MAX_EDGE_SHARE:
        return f"{between:.1%} of its pixels are neither 0 nor {ulcer_value}"
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


def _first_channel(label: NDArray[Any]) -> NDArray[Any]:
    return label if label.ndim == 2 else label[..., 0]


def _by_stem(folder: Path) -> tuple[dict[str, Path], tuple[str, ...], tuple[str, ...]]:
    """Files by stem, what is there twice, and what is no photograph."""
    found: dict[str, Path] = {}
    doubles: list[str] = []
    ignored: list[str] = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or not path.is_file():
            continue
        if path.suffix.lower() not in IMAGE_SUFFIXES:
            ignored.append(f"left out: {path}, not one of {', '.join(sorted(IMAGE_SUFFIXES))}")
        elif path.stem in found:
            doubles.append(f"{path}: {found[path.stem].name} has the same stem")
        else:
            found[path.stem] = path
    return found, tuple(doubles), tuple(ignored)


def _decode(path: Path, flags: int) -> NDArray[Any] | None:
    try:
        data = np.fromfile(path, np.uint8)
    except OSError:
        return None
    if data.size == 0:
        return None
    try:
        pixels: NDArray[Any] | None = cv2.imdecode(data, flags)
    except cv2.error:
        return None
    return pixels


def _not_whole(path: Path) -> str | None:
    """Why a file is not whole; OpenCV fills a cut-off JPEG with grey and says nothing."""
    from PIL import Image

    try:
        with Image.open(path) as picture:
            picture.load()
    except (OSError, SyntaxError, ValueError) as error:
        return f"cannot be decoded whole ({' '.join(str(error).split())[:80]})"
    return None


def _size_fault(image: NDArray[np.generic], label: NDArray[np.generic]) -> str:
    height, width = label.shape[:2]
    return f"is {width}×{height} but its photograph {image.shape[1]}×{image.shape[0]}"


def _groups_apart(folds: Mapping[str, FoldRow]) -> list[str]:
    seen: dict[str, set[int]] = {}
    for row in folds.values():
        seen.setdefault(row.group, set()).add(row.fold)
    return [
        f"folds.csv: group {group} lies in folds {', '.join(map(str, sorted(parts)))}"
        for group, parts in seen.items()
        if len(parts) > 1
    ]

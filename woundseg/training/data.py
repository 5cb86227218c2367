"""Data sets' photographs as batches of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from woundseg import datasets
from woundseg.datasets.base import limited
from woundseg.errors import ConfigurationError
from woundseg.nets.unet import STRIDE
from woundseg.training import augment
from woundseg.training.draws import Draw, SetSampler
from woundseg.training.made.close_up import brought_to
from woundseg.training.made.maker import Maker
from woundseg.training.options import DataOptions, SetOptions, TrainOptions

if TYPE_CHECKING:
    import albumentations as A

    from woundseg.datasets.base import DataSet, LabelledSet, Sample

Batch = tuple[Tensor, Tensor]
"""Photographs (N, 3, H, W) uint8 and masks (N, 1, H, W) uint8 of 0 and 1."""


@dataclass(frozen=True)
class SetPart:
    """What is taken of one data set.

    Attributes:
        data_set: reads the samples.
        weight: share of the draws, in any unit.
        train: samples to learn from.
        held_out: samples of the folds held out.
    """

    data_set: DataSet
    weight: float
    train: list[Sample]
    held_out: list[Sample]


def parts_of(options: DataOptions) -> list[SetPart]:
    """The data sets asked for, each parted into what is learnt from and what is held out.

    Where folds are held out, a photograph that belongs to no fold is not trained on either: it
    may be a copy of one that is held out. A set of weight 0 is not opened.

    Raises:
        ConfigurationError: no set has a weight above 0.
        DataSetError: a data set is not where it should be, or has no such fold.
    """
    if not options.sets:
        whole = SetOptions(options.root, 1.0, options.split, options.folds_csv)
        return [_part(options.name, whole, options)]
    wanted = {name: each for name, each in options.sets.items() if each.weight > 0}
    if not wanted:
        raise ConfigurationError("data.sets", "has no weight above 0", "Give a set a weight")
    return [_part(name, each, options) for name, each in wanted.items()]


def _part(name: str, chosen: SetOptions, options: DataOptions) -> SetPart:
    own = {} if options.ulcer_value is None else {"ulcer_value": options.ulcer_value}
    data_set = datasets.open(name, chosen.root, folds=chosen.folds_csv, **own)
    samples = [sample for sample in data_set.samples(chosen.split) if sample.labelled]
    parts = datasets.hold_out(samples, options.hold_out) if options.hold_out else None
    train, held_out = (parts.train, parts.held_out) if parts else (samples, [])
    return SetPart(
        data_set=data_set,
        weight=chosen.weight,
        train=limited(with_known_terms(train, data_set, options), options.limit),
        held_out=limited(held_out, options.limit),
    )


def with_known_terms(
    samples: list[Sample], data_set: LabelledSet[Any], options: DataOptions
) -> list[Sample]:
    """The samples that may be learnt from: all, or those whose terms of use are known."""
    if not options.known_terms_only:
        return samples
    return [sample for sample in samples if data_set.knows_terms_of(sample)]


@dataclass(frozen=True)
class Entry:
    """A sample with the set that reads it."""

    data_set: DataSet
    sample: Sample


class Photographs(Dataset[Batch]):
    """Samples, read once and kept in memory; augmented at every visit.

    Args:
        entries: the samples.
        options: of the run.
        transform: crops and varies; None shows whole photographs as they are.
    """

    def __init__(
        self, entries: Sequence[Entry], options: TrainOptions, transform: A.Compose | None
    ) -> None:
        self._entries = entries
        self._transform = transform
        self._long_side_px = options.data.long_side_px
        self._kept: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._maker: Maker | None = None
        if transform is not None and (options.augment.makes or self._long_side_px):
            donors = [i for i, entry in enumerate(entries) if not entry.sample.bare]
            self._maker = Maker(options.augment, self._long_side_px, donors, self._read)

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, draw: int | Draw) -> Batch:
        index = draw.index if isinstance(draw, Draw) else draw
        pixels, mask = self._read(index)
        if isinstance(draw, Draw) and self._transform is not None:
            shown, label = self._varied(pixels, mask, self._transform, draw)
        else:
            if self._long_side_px:
                pixels, mask = brought_to(pixels, mask, self._long_side_px)
            shown, label = _padded(pixels), _padded(mask.astype(np.uint8))
        photo = torch.from_numpy(np.ascontiguousarray(shown)).permute(2, 0, 1)
        return photo, torch.from_numpy(np.ascontiguousarray(label))[None]

    def _varied(
        self, pixels: np.ndarray, mask: np.ndarray, transform: A.Compose, draw: Draw
    ) -> tuple[np.ndarray, np.ndarray]:
        """A crop as this draw has it, the same in whichever process it is made."""
        rng = np.random.default_rng(draw.seed)
        if self._maker is not None:
            pixels, mask = self._maker(pixels, mask, rng)
        transform.set_random_seed(int(rng.integers(2**31)))
        return augment.apply(transform, pixels, mask)

    def _read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        if index not in self._kept:
            entry = self._entries[index]
            pixels, mask = entry.data_set.read(entry.sample)
            if mask is None:
                mask = np.zeros(pixels.shape[:2], bool)
            self._kept[index] = pixels, mask
        return self._kept[index]


def _padded(array: np.ndarray) -> np.ndarray:
    """Black added below and to the right, up to the network's stride."""
    height, width = array.shape[:2]
    pad = [(0, -height % STRIDE), (0, -width % STRIDE)] + [(0, 0)] * (array.ndim - 2)
    return np.pad(array, pad)


def training_loader(parts: Sequence[SetPart], options: TrainOptions) -> DataLoader[Batch]:
    """Augmented crops in batches of equal size, the sets in their shares."""
    entries = [Entry(part.data_set, sample) for part in parts for sample in part.train]
    transform = augment.pipeline(options.augment, options.seed)
    sampler = SetSampler(
        [len(part.train) for part in parts], [part.weight for part in parts], options.seed
    )
    workers = options.trainer.workers
    return DataLoader(
        Photographs(entries, options, transform),
        batch_size=options.trainer.batch_size,
        sampler=sampler,
        drop_last=len(sampler) >= options.trainer.batch_size,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=options.trainer.accelerator == "gpu",
    )


def validation_loader(parts: Sequence[SetPart], options: TrainOptions) -> DataLoader[Batch]:
    """Whole photographs, one by one."""
    entries = [Entry(part.data_set, sample) for part in parts for sample in part.held_out]
    return DataLoader(Photographs(entries, options, None), batch_size=1)

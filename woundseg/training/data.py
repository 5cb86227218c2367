"""A data set's photographs as batches of tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from woundseg import datasets
from woundseg.nets.unet import STRIDE
from woundseg.training import augment
from woundseg.training.options import DataOptions, TrainOptions

if TYPE_CHECKING:
    import albumentations as A

    from woundseg.datasets.base import DataSet, Sample

Batch = tuple[Tensor, Tensor]
"""Photographs (N, 3, H, W) uint8 and masks (N, 1, H, W) uint8 of 0 and 1."""


def split_samples(options: DataOptions) -> tuple[DataSet, list[Sample], list[Sample]]:
    """The data set, its samples to train on, and those held out (whole folds).

    Where folds are held out, a photograph that belongs to no fold is not trained on either: it
    may be a copy of one that is held out.
    """
    own = {} if options.ulcer_value is None else {"ulcer_value": options.ulcer_value}
    data_set = datasets.open(options.name, options.root, folds=options.folds_csv, **own)
    samples = [sample for sample in data_set.samples(options.split) if sample.label_path]
    if not options.hold_out:
        return data_set, samples, []
    parts = datasets.hold_out(samples, options.hold_out)
    return data_set, parts.train, parts.held_out


class Photographs(Dataset[Batch]):
    """Samples of one data set, read once and kept in memory, augmented at every visit."""

    def __init__(
        self, data_set: DataSet, samples: list[Sample], transform: A.Compose | None
    ) -> None:
        self._data_set = data_set
        self._samples = samples
        self._transform = transform
        self._kept: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, index: int) -> Batch:
        if index not in self._kept:
            pixels, mask = self._data_set.read(self._samples[index])
            if mask is None:
                mask = np.zeros(pixels.shape[:2], bool)
            self._kept[index] = pixels, mask
        pixels, mask = self._kept[index]
        if self._transform is None:
            shown, label = _padded(pixels), _padded(mask.astype(np.uint8))
        else:
            shown, label = augment.apply(self._transform, pixels, mask)
        photo = torch.from_numpy(np.ascontiguousarray(shown)).permute(2, 0, 1)
        return photo, torch.from_numpy(np.ascontiguousarray(label))[None]


def _padded(array: np.ndarray) -> np.ndarray:
    """Black added below and to the right, up to the network's stride."""
    height, width = array.shape[:2]
    pad = [(0, -height % STRIDE), (0, -width % STRIDE)] + [(0, 0)] * (array.ndim - 2)
    return np.pad(array, pad)


def training_loader(
    data_set: DataSet, samples: list[Sample], options: TrainOptions
) -> DataLoader[Batch]:
    """Augmented crops in shuffled batches of equal size."""
    photographs = Photographs(data_set, samples, augment.pipeline(options.augment, options.seed))
    workers = options.trainer.workers
    return DataLoader(
        photographs,
        batch_size=options.trainer.batch_size,
        shuffle=True,
        drop_last=len(samples) >= options.trainer.batch_size,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=options.trainer.accelerator == "gpu",
    )


def validation_loader(data_set: DataSet, samples: list[Sample]) -> DataLoader[Batch]:
    """Whole photographs, one by one, as published."""
    return DataLoader(Photographs(data_set, samples, None), batch_size=1)

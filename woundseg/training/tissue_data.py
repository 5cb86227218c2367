"""Pieces with tissue labels as batches of tensors."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, WeightedRandomSampler

from woundseg import datasets, tissue_map
from woundseg.datasets.base import Parts, limited
from woundseg.datasets.tissue import TissueSet
from woundseg.errors import ConfigurationError
from woundseg.tissue import allowed, pieces
from woundseg.tissue.pieces import Kind, Piece
from woundseg.training import augment
from woundseg.training.data import with_known_terms
from woundseg.training.options import DataOptions, TrainOptions

if TYPE_CHECKING:
    import albumentations as A

Batch = tuple[Tensor, Tensor]
"""Pictures (N, 3, S, S) uint8 and allowed bits (N, S, S) uint8."""

SHARES: dict[Kind, float] = {"label": 0.6, "necrosis": 0.15, "outline": 0.25}
"""How often each kind is drawn; what a kind that is not there leaves goes to the others."""
ROUNDS = 8
"""An epoch draws as many pieces as this many times the labelled crops."""
SURE = 0.9
"""A teacher's choice is taken from this share of what is allowed on."""


def split(options: DataOptions) -> tuple[list[Piece], list[Piece], Parts]:
    """Pieces to learn from, those held out (with labels), and the samples behind both.

    Raises:
        ConfigurationError: the folder of photographs that crops are cut from is not named.
        DataSetError: a data set is not where it should be.
    """
    data = opened(options)
    samples = [sample for sample in data.samples(options.split) if sample.label_path]
    parts = (
        datasets.hold_out(samples, options.hold_out) if options.hold_out else Parts(samples, [], [])
    )
    parts = Parts(
        train=limited(with_known_terms(parts.train, data, options), options.limit),
        held_out=limited(parts.held_out, options.limit),
        without_fold=parts.without_fold,
    )
    if data.cut_from is None:
        known = pieces.photographed(parts.train, data)
        held_out = pieces.photographed(parts.held_out, data)
    else:
        sources = _sources(data, data.cut_from, options)
        parts = dataclasses.replace(parts, train=pieces.unjudged(parts.train, sources))
        known = pieces.labelled(parts.train, sources)
        if options.outlines or options.necrosis:
            known += limited(pieces.outlined(options.hold_out, sources), options.limit)
        held_out = pieces.labelled(parts.held_out, sources)
    if options.teacher is not None:
        known = _taught(known, Path(options.teacher))
    return known, held_out, parts


def opened(options: DataOptions) -> TissueSet:
    """The data set of tissues that is asked for; raises as ``datasets.open_tissue``."""
    return datasets.open_tissue(options.name, options.root, folds=options.folds_csv)


def _sources(crops: TissueSet, cut_from: str, options: DataOptions) -> pieces.Sources:
    if options.photographs is None:
        title = datasets.DATA_SETS[cut_from].title
        raise ConfigurationError("data.photographs", "is not given", f"Name the folder of {title}")
    photographs = datasets.open(cut_from, options.photographs, folds=options.folds_csv)
    return pieces.Sources(crops, photographs, options.outlines, options.necrosis)


def _taught(known: list[Piece], teacher: Path) -> list[Piece]:
    """The pieces with the teacher's choices where they leave one."""
    reader = tissue_map.load(weights=teacher)
    return [
        dataclasses.replace(
            piece, allowed=allowed.taught(piece.allowed, reader.look(piece.pixels), SURE)
        )
        for piece in known
    ]


class Pieces(Dataset[Batch]):
    """Pieces kept in memory: augmented at every visit, or padded and as they are."""

    def __init__(self, known: list[Piece], transform: A.Compose | None) -> None:
        self._pieces = known
        self._transform = transform

    def __len__(self) -> int:
        return len(self._pieces)

    def __getitem__(self, index: int) -> Batch:
        piece = self._pieces[index]
        if self._transform is None:
            pixels, may = shown(piece)
        else:
            drawn = self._transform(image=piece.pixels, mask=piece.allowed)
            pixels, may = drawn["image"], drawn["mask"]
        picture = torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)
        return picture, torch.from_numpy(np.ascontiguousarray(may))


def shown(piece: Piece) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A piece as the network sees it in use; its padding may be anything."""
    pixels, (height, width) = tissue_map.as_seen(piece.pixels)
    may = np.full(pixels.shape[:2], allowed.ANY, np.uint8)
    may[:height, :width] = cv2.resize(
        piece.allowed, (width, height), interpolation=cv2.INTER_NEAREST
    )
    return pixels, may


def training_loader(known: list[Piece], options: TrainOptions) -> DataLoader[Batch]:
    """Augmented pieces, drawn so that labels outweigh what is known in part."""
    counts = Counter(piece.kind for piece in known)
    weights = [SHARES[piece.kind] / counts[piece.kind] for piece in known]
    generator = torch.Generator().manual_seed(options.seed)
    drawn = ROUNDS * counts["label"]
    return DataLoader(
        Pieces(known, augment.tissue_pipeline(options.augment, options.seed)),
        batch_size=options.trainer.batch_size,
        sampler=WeightedRandomSampler(weights, drawn, generator=generator),
        drop_last=True,
        num_workers=options.trainer.workers,
        persistent_workers=options.trainer.workers > 0,
        pin_memory=options.trainer.accelerator == "gpu",
    )


def validation_loader(held_out: list[Piece]) -> DataLoader[Batch]:
    """Whole pieces, one by one."""
    return DataLoader(Pieces(held_out, None), batch_size=1)

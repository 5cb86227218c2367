"""What a run learns: the ulcer's mask, or the tissues of its bed, as the data set has them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from woundseg.classes import TISSUE_CHANNELS
from woundseg.datasets import TISSUE_SETS
from woundseg.errors import ConfigurationError
from woundseg.training import data, tissue_data
from woundseg.training.module import SegmentationModule, UlcerModule
from woundseg.training.tissue_module import TissueModule

if TYPE_CHECKING:
    from torch import nn
    from torch.utils.data import DataLoader

    from woundseg.datasets.base import LabelledSet, Sample
    from woundseg.training.options import TrainerOptions, TrainOptions


@dataclass(frozen=True)
class Task:
    """What is learnt and what from.

    Attributes:
        module: built of a network, the trainer's options and the number of steps.
        training: batches.
        validation: batches of one; None where nothing is held out.
        learnt_from: the data set's samples behind ``training``.
        held_out: those behind ``validation``.
        pieces: how many pieces of each kind, where there are several kinds.
        sets: how many photographs of each set and source, as ``run.json`` says it.
    """

    module: Callable[[nn.Module, TrainerOptions, int], SegmentationModule]
    training: DataLoader[Any]
    validation: DataLoader[Any] | None
    learnt_from: list[Sample]
    held_out: list[Sample]
    pieces: dict[str, int] = field(default_factory=dict)
    sets: list[dict[str, Any]] = field(default_factory=list)


def of(options: TrainOptions) -> Task:
    """The task that the data set asks for.

    Raises:
        ConfigurationError: nothing is left to train on, or the network's outputs do not fit.
        DataSetError: a data set is not where it should be.
    """
    tissue = options.data.name in TISSUE_SETS
    wanted = len(TISSUE_CHANNELS) if tissue else 1
    if options.model.classes != wanted:
        raise ConfigurationError(
            f"model.classes={options.model.classes}",
            f"does not fit {options.data.name}, which has {wanted}",
            "Take model=tissue_lite0 for tissue, model=unet_lite2 for ulcers",
        )
    return _tissue(options) if tissue else _ulcer(options)


def _ulcer(options: TrainOptions) -> Task:
    parts = data.parts_of(options.data)
    training = [sample for part in parts for sample in part.train]
    held_out = [sample for part in parts for sample in part.held_out]
    _refuse_nothing(training)
    loader = data.training_loader(parts, options)
    validation = data.validation_loader(parts, options) if held_out else None
    told = [row for part in parts for row in _told(part.data_set, part.train, part.held_out)]
    return Task(UlcerModule, loader, validation, training, held_out, sets=told)


def _told(
    data_set: LabelledSet[Any], training: list[Sample], held_out: list[Sample]
) -> list[dict[str, Any]]:
    """A row for each source of a set: what was learnt from it, and whether its terms are known."""
    rows = []
    for source in sorted({sample.source for sample in (*training, *held_out)}):
        learnt, kept = (
            [sample for sample in samples if sample.source == source]
            for samples in (training, held_out)
        )
        rows.append(
            {
                "set": data_set.name,
                "source": source or None,
                "training": len(learnt),
                "held_out": len(kept),
                "terms_known": data_set.knows_terms_of((learnt or kept)[0]),
            }
        )
    return rows


def _tissue(options: TrainOptions) -> Task:
    known, held_out, parts = tissue_data.split(options.data)
    _refuse_nothing(parts.train)
    loader = tissue_data.training_loader(known, options)
    validation = tissue_data.validation_loader(held_out) if held_out else None
    counts = dict(Counter(str(piece.kind) for piece in known))
    module = partial(TissueModule, data=TISSUE_SETS[options.data.name])
    told = _told(tissue_data.opened(options.data), parts.train, parts.held_out)
    return Task(module, loader, validation, parts.train, parts.held_out, counts, told)


def _refuse_nothing(learnt_from: list[Sample]) -> None:
    if not learnt_from:
        raise ConfigurationError(
            "data.hold_out and data.known_terms_only",
            "leave nothing to train on",
            "Hold out less, or take photographs whose terms are known",
        )

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

    from woundseg.datasets.base import Sample
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
    """

    module: Callable[[nn.Module, TrainerOptions, int], SegmentationModule]
    training: DataLoader[Any]
    validation: DataLoader[Any] | None
    learnt_from: list[Sample]
    held_out: list[Sample]
    pieces: dict[str, int] = field(default_factory=dict)


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
    data_set, training, held_out = data.split_samples(options.data)
    _refuse_nothing(training)
    loader = data.training_loader(data_set, training, options)
    validation = data.validation_loader(data_set, held_out) if held_out else None
    return Task(UlcerModule, loader, validation, training, held_out)


def _tissue(options: TrainOptions) -> Task:
    known, held_out, parts = tissue_data.split(options.data)
    _refuse_nothing(parts.train)
    loader = tissue_data.training_loader(known, options)
    validation = tissue_data.validation_loader(held_out) if held_out else None
    counts = dict(Counter(str(piece.kind) for piece in known))
    module = partial(TissueModule, data=TISSUE_SETS[options.data.name])
    return Task(module, loader, validation, parts.train, parts.held_out, counts)


def _refuse_nothing(learnt_from: list[Sample]) -> None:
    if not learnt_from:
        raise ConfigurationError("data.hold_out", "leaves nothing to train on", "Hold out less")

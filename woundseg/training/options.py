"""The typed options of a training run; ``configs/train.yaml`` fills them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class DataOptions:
    """Which data set, and what of it is kept out of training.

    The last four are for tissue (``configs/data/dfutissue.yaml`` says what each is).
    """

    name: str
    root: str
    split: str = "train"
    folds_csv: str | None = None
    hold_out: list[int] = field(default_factory=list)
    ulcer_value: int | None = None
    photographs: str | None = None
    outlines: bool = False
    necrosis: bool = False
    teacher: str | None = None


@dataclass(frozen=True)
class NetOptions:
    """Architecture, encoder by its timm name, and where its ImageNet weights come from."""

    architecture: str
    encoder: str
    encoder_weights: str
    decoder_channels: list[int]
    classes: int = 1


@dataclass(frozen=True)
class TrainerOptions:
    """The machine, the schedule and the optimiser."""

    accelerator: str
    devices: int
    num_nodes: int
    strategy: str
    precision: str
    threads: int
    workers: int
    epochs: int
    batch_size: int
    learning_rate: float
    encoder_rate: float
    weight_decay: float
    warmup: float
    ema_decay: float
    validate_every: int


@dataclass(frozen=True)
class AugmentOptions:
    """Crops and the ranges that photographs are varied in (0 switches one off).

    ``light``: probability of another colour temperature of the light, left as it is; ``relit``:
    of another light that the card's greys put right.
    """

    crop_px: int
    wound_share: float
    scale_low: float
    scale_high: float
    rotate_deg: float
    shear_deg: float
    brightness: float
    contrast: float
    saturation: float
    hue: float
    degrade: float
    light: float = 0.0
    relit: float = 0.0


@dataclass(frozen=True)
class TrainOptions:
    """A whole training run."""

    data: DataOptions
    model: NetOptions
    trainer: TrainerOptions
    augment: AugmentOptions
    out: str
    seed: int
    resume: bool
    start_from: str | None

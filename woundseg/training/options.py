"""The typed options of a training run; ``configs/train.yaml`` fills them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class SetOptions:
    """One of several data sets: where it lies, and its share of what is drawn (any unit)."""

    root: str
    weight: float
    split: str = "train"
    folds_csv: str | None = None


@dataclass(frozen=True)
class DataOptions:
    """Which data set or sets, and what of them is kept out of training.

    ``photographs``, ``outlines``, ``necrosis`` and ``teacher`` are for tissue
    (``configs/data/dfutissue.yaml`` says what each is).

    Attributes:
        name: of the data set, or ``clinics`` for those in ``sets``.
        root: the set's folder, or the one that all of them lie in.
        split: of the data set.
        folds_csv: its fold table, if elsewhere.
        hold_out: folds kept out of training, in each of the sets.
        ulcer_value: value of ulcer in the masks, of a folder of one's own.
        limit: learn from no more photographs of a set, and validate with no more; None: all.
        known_terms_only: leave out photographs whose terms of use are not known.
        long_side_px: photographs are brought to this size; None leaves them.
        sets: by name.
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
    limit: int | None = None
    known_terms_only: bool = False
    long_side_px: int | None = None
    sets: dict[str, SetOptions] = field(default_factory=dict)


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
    """The machine, the schedule and the optimiser.

    ``steps_per_epoch`` cuts an epoch short; None goes through all that it draws.
    """

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
    steps_per_epoch: int | None = None


@dataclass(frozen=True)
class AugmentOptions:
    """Crops and the ranges that photographs are varied in (0 switches one off).

    ``light``: probability of another colour temperature of the light, left as it is; ``relit``:
    of another light that the card's greys put right.

    Probabilities of what ``training.made`` makes: ``close_up`` (as much as ``close_up_most`` times
    closer), ``painted_out``: ulcers; ``painted_skin``: skin that is none; ``pasted``: an ulcer onto
    a photograph that shows one, ``pasted_bare``: onto one that shows none. ``camera``: of another
    camera's white balance, resolution, noise, sharpening and compression.
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
    close_up: float = 0.0
    close_up_most: float = 3.0
    painted_out: float = 0.0
    painted_skin: float = 0.0
    pasted: float = 0.0
    pasted_bare: float = 0.0
    camera: float = 0.0

    @property
    def makes(self) -> bool:
        """Whether photographs are made that nobody took."""
        made = (self.close_up, self.painted_out, self.painted_skin, self.pasted, self.pasted_bare)
        return any(share > 0 for share in made)


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

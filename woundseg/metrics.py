"""How well masks agree with labels: per photograph first, summed up afterwards.

One rule for empty masks, for Dice, IoU, precision and recall alike: both empty is 1, one empty
is 0. Distances between outlines are undefined (NaN) as soon as one mask is empty. Means over the
photographs with a non-empty label stand beside those over all.

Pooled figures count every pixel of every photograph together, so large ulcers rule them;
averaged ones give each photograph the same say. They differ by several points for the same masks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from woundseg.errors import UsageError

BoolMask = NDArray[np.bool_]
Floats = NDArray[np.float64]

EMPTY_RULE = "both masks empty is 1, one empty is 0; distances are undefined where one is empty"
LIMITS_FACTOR = 1.96
"""Bland JM, Altman DG. Lancet 1986, 327, 307–310: bias ± 1.96 standard deviations."""

_COLUMNS = (
    *("label_px", "predicted_px", "common_px", "dice", "iou", "precision", "recall"),
    *("hd95_px", "assd_px"),
)
_BLOCK = 256  # draws at a time: keeps 10,000 photographs under 25 MB
_ROUGH = 1e-12  # of the sum of squares: below this a spread is rounding and no spread


@dataclass(frozen=True)
class PhotoScore:
    """Agreement of prediction and label on one photograph.

    Attributes:
        id: the photograph's, as in its data set.
        group: photographs of one group are drawn together by the bootstrap.
        fold: cross-validation fold, or None.
        label_px: ulcer pixels of the label.
        predicted_px: ulcer pixels of the prediction.
        common_px: ulcer pixels of both.
        hd95_px: 95% Hausdorff distance of the outlines [px]; NaN when one mask is empty.
        assd_px: mean symmetric surface distance [px]; NaN when one mask is empty.
    """

    id: str
    group: str
    fold: int | None
    label_px: int
    predicted_px: int
    common_px: int
    hd95_px: float
    assd_px: float

    @property
    def dice(self) -> float:
        """2 |A∩B| / (|A| + |B|) (Dice 1945)."""
        return _share(2 * self.common_px, self.label_px + self.predicted_px)

    @property
    def iou(self) -> float:
        """|A∩B| / |A∪B| (Jaccard 1912)."""
        return _share(self.common_px, self.label_px + self.predicted_px - self.common_px)

    @property
    def precision(self) -> float:
        """Share of the prediction that is ulcer; 0 when it is empty and the label is not."""
        return self._or_empty(self.predicted_px)

    @property
    def recall(self) -> float:
        """Share of the label that was found; 0 when it is empty and the prediction is not."""
        return self._or_empty(self.label_px)

    def _or_empty(self, whole_px: int) -> float:
        both_empty = self.label_px + self.predicted_px == 0
        return 1.0 if both_empty else (self.common_px / whole_px if whole_px else 0.0)


def score(
    label: BoolMask,
    prediction: BoolMask,
    *,
    photo: str = "",
    group: str = "",
    fold: int | None = None,
) -> PhotoScore:
    """Compare one prediction with its label.

    Args:
        label: bool (H, W).
        prediction: bool (H, W).
        photo: the photograph's id; ``group`` is the same when blank.
        group: see ``PhotoScore``.
        fold: see ``PhotoScore``.

    Raises:
        UsageError: the two differ in size.
    """
    if label.shape != prediction.shape:
        raise UsageError(
            photo or "prediction",
            f"is {_size(prediction)} but its label {_size(label)}",
            "Give masks of the photograph's own size",
        )
    hd95, assd = boundary_distances(label, prediction)
    return PhotoScore(
        id=photo,
        group=group or photo,
        fold=fold,
        label_px=int(np.count_nonzero(label)),
        predicted_px=int(np.count_nonzero(prediction)),
        common_px=int(np.count_nonzero(label & prediction)),
        hd95_px=hd95,
        assd_px=assd,
    )


def boundary_distances(first: BoolMask, second: BoolMask) -> tuple[float, float]:
    """Distances between two outlines, in pixels.

    The outline is the ulcer pixels with a neighbour above, below, left or right that is none,
    beyond the frame included. Distances run between pixel centres. Definitions: Taha and Hanbury,
    BMC Med Imaging 2015, 15, 29; Maier-Hein et al., Nat Methods 2024, 21, 195–212.

    Args:
        first: bool (H, W).
        second: bool (H, W).

    Returns:
        95% Hausdorff distance: the larger of the two directed 95th percentiles; mean symmetric
        surface distance: over the pixels of both outlines together. Both NaN when one is empty.
    """
    if not first.any() or not second.any():
        return math.nan, math.nan
    window = _window(first | second)
    edges = [_outline(mask[window]) for mask in (first, second)]
    away = [cv2.distanceTransform(1 - edge, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) for edge in edges]
    there = away[1][edges[0] > 0].astype(np.float64)
    back = away[0][edges[1] > 0].astype(np.float64)
    hd95 = max(float(np.percentile(there, 95)), float(np.percentile(back, 95)))
    return hd95, float(np.concatenate((there, back)).mean())


def icc_2_1(ratings: Floats) -> float:
    """Intraclass correlation ICC(2,1): two-way random effects, absolute agreement, one rater.

    Shrout and Fleiss, Psychol Bull 1979, 86, 420–428; McGraw and Wong, Psychol Methods 1996, 1,
    30–46, there ICC(A,1).

    Args:
        ratings: (targets, raters).

    Returns:
        The coefficient; NaN for fewer than two targets or without any spread.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(_icc(np.asarray(ratings, np.float64), np.ones((1, len(ratings))))[0])


@dataclass(frozen=True)
class Bootstrap:
    """Percentile bootstrap that draws groups of photographs (Efron and Tibshirani 1993, ch. 13)."""

    draws: int = 2000
    seed: int = 1
    level: float = 0.95

    def __post_init__(self) -> None:
        if self.draws < 1 or not 0 < self.level < 1:
            raise UsageError(
                f"bootstrap of {self.draws} draws at level {self.level}",
                "cannot be drawn",
                "Give at least one draw and a level between 0 and 1",
            )


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval, and all that must be said beside it.

    Attributes:
        name: key in metrics.json.
        title: what it is.
        how: ``pooled`` over pixels, ``averaged`` over photographs, ``median`` of photographs, or
            ``agreement`` of the photographs' areas.
        over: which photographs.
        unit: ``px``, ``ratio`` or blank.
        n: photographs that it is made from.
        value: None where it is undefined.
        low: lower end of the bootstrap interval; None where there is none.
        high: upper end.
    """

    name: str
    title: str
    how: str
    over: str
    unit: str
    n: int
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Counts:
    """How many photographs, and how many of them are empty on either side."""

    photographs: int
    groups: int
    label_empty: int
    both_empty: int
    missed: int
    false_alarm: int
    distance_undefined: int


Columns = dict[str, Floats]
Formula = Callable[[Columns, Floats], Floats]


@dataclass(frozen=True)
class Statistic:
    """One figure: from the photographs' columns (n,) and weights (draws, n) to (draws,).

    ``over`` names the column that is above 0 for the photographs it is made from.
    """

    name: str
    title: str
    how: str
    over: str
    formula: Formula
    unit: str = ""


def counts(scores: Sequence[PhotoScore]) -> Counts:
    """Count the empty masks on either side."""
    empty = [(score.label_px == 0, score.predicted_px == 0) for score in scores]
    return Counts(
        photographs=len(scores),
        groups=len({score.group for score in scores}),
        label_empty=sum(label for label, _ in empty),
        both_empty=sum(label and predicted for label, predicted in empty),
        missed=sum(predicted and not label for label, predicted in empty),
        false_alarm=sum(label and not predicted for label, predicted in empty),
        distance_undefined=sum(label or predicted for label, predicted in empty),
    )


def summarise(
    scores: Sequence[PhotoScore], bootstrap: Bootstrap | None = None
) -> tuple[Estimate, ...]:
    """Every figure over the photographs, each with its bootstrap interval.

    Args:
        scores: one a photograph.
        bootstrap: draws, seed and level of the intervals; None takes the defaults.

    Raises:
        UsageError: there is no photograph.
    """
    if not scores:
        raise UsageError("evaluation", "there is no photograph", "Give at least one")
    groups = [item.group for item in scores]
    return estimates(STATISTICS, _columns(scores), groups, bootstrap)


def estimates(
    statistics: Sequence[Statistic],
    columns: Columns,
    groups: Sequence[str],
    bootstrap: Bootstrap | None = None,
) -> tuple[Estimate, ...]:
    """Figures over the photographs, each with its bootstrap interval.

    Args:
        statistics: which figures, in the order in which they are given.
        columns: (n,) each, with those that the figures are over.
        groups: of each photograph; whole groups are drawn.
        bootstrap: draws, seed and level of the intervals; None takes the defaults.
    """
    options = bootstrap or Bootstrap()
    numbers = np.unique(groups, return_inverse=True)[1]
    drawn: dict[str, list[Floats]] = {stat.name: [] for stat in statistics}
    for weights in _draws(numbers, options):
        for stat in statistics:
            drawn[stat.name].append(_value(stat, columns, weights))
    return tuple(
        _estimate(stat, columns, np.concatenate(drawn[stat.name]), options.level)
        for stat in statistics
    )


def _estimate(stat: Statistic, columns: Columns, drawn: Floats, level: float) -> Estimate:
    known = drawn[np.isfinite(drawn)]
    tails = [(1 - level) / 2, (1 + level) / 2]
    # An interval from the few draws in which a figure happened to be defined would mislead.
    enough = known.size >= max(1, drawn.size / 2)
    low, high = np.quantile(known, tails) if enough else (math.nan, math.nan)
    rows = columns[stat.over] > 0
    return Estimate(
        name=stat.name,
        title=stat.title,
        how=stat.how,
        over=stat.over,
        unit=stat.unit,
        n=int(rows.sum()),
        value=_known(_value(stat, columns, np.ones((1, rows.size)))[0]),
        low=_known(low),
        high=_known(high),
    )


def _value(stat: Statistic, columns: Columns, weights: Floats) -> Floats:
    """The figure for each row of weights (draws, n); NaN where it is undefined."""
    rows = columns[stat.over] > 0
    chosen = {name: column[rows] for name, column in columns.items()}
    with np.errstate(invalid="ignore", divide="ignore"):
        return stat.formula(chosen, weights[:, rows])


def _draws(groups: NDArray[np.intp], options: Bootstrap) -> Iterator[Floats]:
    """How often each photograph is in each draw, (up to _BLOCK, n) at a time."""
    number = int(groups.max()) + 1
    if number == 1:  # one group drawn again and again has no spread to show
        yield np.full((1, groups.size), math.nan)
        return
    random = np.random.default_rng(options.seed)
    for start in range(0, options.draws, _BLOCK):
        rows = min(_BLOCK, options.draws - start)
        yield random.multinomial(number, np.full(number, 1 / number), rows)[:, groups].astype(float)


def _columns(scores: Iterable[PhotoScore]) -> Columns:
    scores = list(scores)
    columns = {name: np.array([getattr(s, name) for s in scores], np.float64) for name in _COLUMNS}
    both = (columns["label_px"] > 0) & (columns["predicted_px"] > 0)
    ones = np.ones(len(scores))
    columns["all"] = ones
    columns["nonempty label"] = (columns["label_px"] > 0).astype(np.float64)
    columns["both nonempty"] = both.astype(np.float64)
    columns["difference_px"] = columns["predicted_px"] - columns["label_px"]
    columns["log_label"] = np.log(columns["label_px"], where=both, out=ones * math.nan)
    columns["log_predicted"] = np.log(columns["predicted_px"], where=both, out=ones * math.nan)
    columns["log_ratio"] = columns["log_predicted"] - columns["log_label"]
    return columns


def mean_of(name: str) -> Formula:
    """The average of a column over photographs."""
    return lambda columns, weights: (weights @ columns[name]) / weights.sum(1)


def _median(name: str) -> Formula:
    def formula(columns: Columns, weights: Floats) -> Floats:
        values = columns[name]
        if values.size == 0:
            return np.full(len(weights), math.nan)
        order = np.argsort(values)
        reached = np.cumsum(weights[:, order], axis=1)
        half = reached[:, -1:] / 2
        lower = np.argmax(reached >= half, axis=1)
        upper = np.argmax(reached > half, axis=1)
        middle: Floats = (values[order][lower] + values[order][upper]) / 2
        return np.where(reached[:, -1] > 0, middle, math.nan)

    return formula


def _pooled(share: Callable[[Floats, Floats, Floats], tuple[Floats, Floats]]) -> Formula:
    def formula(columns: Columns, weights: Floats) -> Floats:
        names = ("label_px", "predicted_px", "common_px")
        label, predicted, common = (weights @ columns[name] for name in names)
        part, whole = share(label, predicted, common)
        result: Floats = np.where(label + predicted == 0, 1.0, np.where(whole > 0, part / whole, 0))
        return np.where(np.isnan(label), math.nan, result)

    return formula


def _limit(name: str, side: float, to: Callable[[Floats], Floats] = lambda x: x) -> Formula:
    """Bias of a difference plus ``side`` standard deviations, over photographs."""

    def formula(columns: Columns, weights: Floats) -> Floats:
        values, n = columns[name], weights.sum(1)
        mean = weights @ values / n
        if side == 0:
            return to(mean)
        centred = (values[None, :] - mean[:, None]) ** 2
        variance = np.einsum("ij,ij->i", weights, centred) / np.where(n > 1, n - 1, math.nan)
        return to(mean + side * np.sqrt(variance))

    return formula


def agreement_of(first: str, second: str) -> Formula:
    """ICC(2,1) of two columns."""
    return lambda columns, weights: _icc(np.stack([columns[first], columns[second]], 1), weights)


def _icc(ratings: Floats, weights: Floats) -> Floats:
    """ICC(2,1) of ratings (n, k) for each row of weights (draws, n), by mean squares."""
    n, k = weights.sum(1), ratings.shape[1]
    ratings = ratings - (ratings.mean() if ratings.size else 0)  # for the figures' precision
    squares = weights @ (ratings**2).sum(1)
    by_rater = weights @ ratings / n[:, None]
    grand = by_rater.mean(1)
    total = squares - n * k * grand**2
    targets = k * (weights @ ratings.mean(1) ** 2 - n * grand**2)
    raters = n * ((by_rater - grand[:, None]) ** 2).sum(1)
    free = np.where(n > 1, n - 1, math.nan)
    ms_targets = targets / free
    ms_raters = raters / (k - 1)
    ms_error = (total - targets - raters) / (free * (k - 1))
    spread = ms_targets + (k - 1) * ms_error + k * (ms_raters - ms_error) / n
    return np.where(spread * n > _ROUGH * squares, (ms_targets - ms_error) / spread, math.nan)


STATISTICS: tuple[Statistic, ...] = (
    *(
        Statistic(f"{name}_pooled", title, "pooled", "all", _pooled(share))
        for name, title, share in (
            ("dice", "Dice", lambda a, b, both: (2 * both, a + b)),
            ("iou", "IoU", lambda a, b, both: (both, a + b - both)),
            ("precision", "precision", lambda _, b, both: (both, b)),
            ("recall", "recall", lambda a, _, both: (both, a)),
        )
    ),
    *(
        Statistic(f"{name}_averaged{suffix}", title, "averaged", over, mean_of(name))
        for name, title in (
            ("dice", "Dice"),
            ("iou", "IoU"),
            ("precision", "precision"),
            ("recall", "recall"),
        )
        for suffix, over in (("", "all"), ("_nonempty", "nonempty label"))
    ),
    *(
        Statistic(f"{name}_{end}", title, how, "both nonempty", formula(name), "px")
        for name, title in (
            ("hd95_px", "95% Hausdorff distance"),
            ("assd_px", "mean surface distance"),
        )
        for end, how, formula in (("averaged", "averaged", mean_of), ("median", "median", _median))
    ),
    *(
        Statistic(f"area_{end}", f"area, {what}", "agreement", "all", formula, unit)
        for end, what, formula, unit in (
            ("bias_px", "bias", _limit("difference_px", 0), "px"),
            ("loa_low_px", "lower limit", _limit("difference_px", -LIMITS_FACTOR), "px"),
            ("loa_high_px", "upper limit", _limit("difference_px", LIMITS_FACTOR), "px"),
            ("icc_px", "ICC(2,1)", agreement_of("label_px", "predicted_px"), ""),
        )
    ),
    *(
        Statistic(f"area_{end}", f"log area, {what}", "agreement", "both nonempty", formula, unit)
        for end, what, formula, unit in (
            ("bias_ratio", "bias", _limit("log_ratio", 0, np.exp), "ratio"),
            ("loa_low_ratio", "lower limit", _limit("log_ratio", -LIMITS_FACTOR, np.exp), "ratio"),
            ("loa_high_ratio", "upper limit", _limit("log_ratio", LIMITS_FACTOR, np.exp), "ratio"),
            ("icc_log", "ICC(2,1)", agreement_of("log_label", "log_predicted"), ""),
        )
    ),
)
"""Every figure, in the order in which it is printed. Areas: prediction less label (or over it)."""


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 1.0


def _known(value: Any) -> float | None:
    return float(value) if math.isfinite(value) else None


def _window(mask: BoolMask) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _outline(mask: BoolMask) -> NDArray[np.uint8]:
    padded = np.pad(mask, 1)
    within = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return (mask & ~within).astype(np.uint8)


def _size(mask: NDArray[np.generic]) -> str:
    return "×".join(str(side) for side in reversed(mask.shape))

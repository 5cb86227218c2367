"""How well tissue is called: Dice of each labelled tissue, and the error of the bed's fractions.

Which tissues those are, the data set says (``datasets.tissue.TissueSet``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from woundseg.classes import (
    BACKGROUND,
    CALLUS,
    LABELLED_TISSUES,
    OTHER,
    TISSUES,
    UNLABELLED,
)
from woundseg.errors import UsageError
from woundseg.measure import LEAST_FRACTION, NORMAL_95
from woundseg.metrics import (
    Bootstrap,
    Estimate,
    Statistic,
    agreement_of,
    estimates,
    mean_of,
)

ByteMap = NDArray[np.uint8]
Floats = NDArray[np.float64]

BED = tuple(tissue.id for tissue in TISSUES)
"""What fractions are of."""
NAMES = {tissue.id: tissue.name for tissue in LABELLED_TISSUES}


@dataclass(frozen=True)
class CropScore:
    """One crop: pixels of each labelled tissue, and the fractions of the bed.

    Attributes:
        id: of the crop.
        group: crops of one group are drawn together.
        fold: of the crop.
        label_px: by class id, in the order of the set's ``tissues``; the same for what was called,
            and for what both have in common.
        predicted_px: see there.
        common_px: see there.
        label_fraction: of the labelled bed, for each of those tissues that lies in a bed; NaN
            without one.
        predicted_fraction: of what was called bed (granulation, slough, necrosis) in the whole
            crop; 0 without any.
        inside_fraction: of the bed inside the labelled bed, as in use, where another network
            draws the outline; 0 without any.
        inside_sure: mean sureness of what was called bed there, 0 to 1; NaN where it is not known.
    """

    id: str
    group: str
    fold: int | None
    label_px: dict[int, int]
    predicted_px: dict[int, int]
    common_px: dict[int, int]
    label_fraction: dict[int, float]
    predicted_fraction: dict[int, float]
    inside_fraction: dict[int, float]
    inside_sure: float = math.nan

    @property
    def worst_error(self) -> float:
        """The largest error of a fraction inside the labelled bed; NaN without one."""
        pairs = (
            (self.inside_fraction[each], self.label_fraction[each]) for each in self.label_fraction
        )
        return max((abs(called - label) for called, label in pairs), default=math.nan)

    def dice(self, tissue: int) -> float | None:
        """Of one tissue; None where it is neither labelled nor called."""
        both = self.label_px[tissue] + self.predicted_px[tissue]
        return 2 * self.common_px[tissue] / both if both else None

    @property
    def dice_all(self) -> float:
        """Over the labelled tissues together; 1 where there are none at all."""
        both = sum(self.label_px.values()) + sum(self.predicted_px.values())
        return 2 * sum(self.common_px.values()) / both if both else 1.0


@dataclass(frozen=True, eq=False)
class Labels:
    """What annotators said of a crop.

    Attributes:
        classes: ids of classes, uint8 (H, W).
        tissues: ids of those that they told apart.
        unlabelled_counts: whether what is called where they left no label is wrong.
    """

    classes: ByteMap
    tissues: tuple[int, ...]
    unlabelled_counts: bool


@dataclass(frozen=True, eq=False)
class Called:
    """What was called of a crop.

    Attributes:
        classes: ids of all classes, uint8 (H, W).
        bed: ids of ``classes.TISSUES`` were the pixel inside an outline, 0 on callus, uint8
            (H, W).
        sure: how sure of the bed's tissue, uint8 (H, W), 255 is wholly; None where it is not known.
    """

    classes: ByteMap
    bed: ByteMap
    sure: ByteMap | None = None

    @classmethod
    def of_classes(cls, classes: ByteMap) -> Called:
        """Where no more is known than the likeliest class: background cannot be called."""
        bed = np.where(classes == BACKGROUND, OTHER, classes)
        return cls(classes, np.where(classes == CALLUS, BACKGROUND, bed).astype(np.uint8))


def score(
    labels: Labels, called: Called, *, crop: str, group: str, fold: int | None = None
) -> CropScore:
    """Compares a crop's label map with what was called.

    Args:
        labels: what is true.
        called: what was called.
        crop: its id.
        group: see ``CropScore``.
        fold: see ``CropScore``.

    Raises:
        UsageError: the two differ in size.
    """
    if labels.classes.shape != called.classes.shape:
        raise UsageError(crop, "its prediction has another size", "Predict at the crop's size")
    counted = labels.unlabelled_counts | (labels.classes != UNLABELLED)
    label, found, bed = (each[counted] for each in (labels.classes, called.classes, called.bed))
    tissues = labels.tissues
    in_bed = [each for each in tissues if each in BED]
    return CropScore(
        id=crop,
        group=group,
        fold=fold,
        label_px={each: int((label == each).sum()) for each in tissues},
        predicted_px={each: int((found == each).sum()) for each in tissues},
        common_px={each: int(((label == each) & (found == each)).sum()) for each in tissues},
        label_fraction=_fractions(label, in_bed, math.nan),
        predicted_fraction=_fractions(found, in_bed, 0.0),
        inside_fraction=_fractions(bed[np.isin(label, BED)], in_bed, 0.0),
        inside_sure=_sureness(labels.classes, called),
    )


def _sureness(label: ByteMap, called: Called) -> float:
    here = np.isin(label, BED) & (called.bed > 0)
    if called.sure is None or not here.any():
        return math.nan
    return float(called.sure[here].mean()) / 255


def _fractions(tissue: ByteMap, asked: Sequence[int], without: float) -> dict[int, float]:
    """Fractions of the bed in some pixels, uint8 (n,)."""
    counts = {each: int((tissue == each).sum()) for each in BED}
    bed = sum(counts.values())
    return {each: counts[each] / bed if bed else without for each in asked}


def summarise(
    scores: Sequence[CropScore], bootstrap: Bootstrap | None = None
) -> tuple[Estimate, ...]:
    """Every figure over the crops, with bootstrap intervals over their groups.

    Args:
        scores: of crops whose labels tell the same tissues apart.
        bootstrap: see ``metrics.estimates``.

    Raises:
        UsageError: there is no crop.
    """
    if not scores:
        raise UsageError("evaluation", "there is no crop", "Give at least one")
    groups = [item.group for item in scores]
    return estimates(_statistics(scores[0]), _columns(scores), groups, bootstrap)


def fraction_sd(scores: Sequence[CropScore], level: float = 0.95) -> float:
    """How far a called fraction lies from the labelled one, on the logit scale.

    The standard deviation with which that share of the fractions (of every crop with a labelled
    bed) lies inside the interval that ``measure`` gives. Both are taken to be
    ``measure.LEAST_FRACTION`` away from nothing and from everything at least, as there.
    """
    off = [
        abs(_logit(item.label_fraction[each]) - _logit(item.inside_fraction[each]))
        for item in scores
        for each in item.label_fraction
        if not math.isnan(item.label_fraction[each])
    ]
    return float(np.quantile(off, level, method="higher")) / NORMAL_95 if off else math.nan


@dataclass(frozen=True)
class BySureness:
    """What the flag ``tissue_uncertain`` is worth: the larger error of each crop's fractions.

    Attributes:
        limit: of the mean sureness.
        flagged, others: crops below it, and the rest.
        flagged_error, others_error: mean of the larger error; NaN without a crop.
    """

    limit: float
    flagged: int
    others: int
    flagged_error: float
    others_error: float


def by_sureness(scores: Sequence[CropScore], limit: float) -> BySureness | None:
    """The crops with a labelled bed, parted by sureness; None where it is not known.

    Args:
        scores: of the crops.
        limit: crops with a lower mean sureness are flagged.
    """
    known = [s for s in scores if not math.isnan(s.inside_sure + s.worst_error)]
    flagged = [s.worst_error for s in known if s.inside_sure < limit]
    others = [s.worst_error for s in known if s.inside_sure >= limit]
    mean = (float(np.mean(errors)) if errors else math.nan for errors in (flagged, others))
    return BySureness(limit, len(flagged), len(others), *mean) if known else None


def _logit(share: float) -> float:
    kept = min(max(share, LEAST_FRACTION), 1 - LEAST_FRACTION)
    return math.log(kept / (1 - kept))


def _columns(scores: Sequence[CropScore]) -> dict[str, Floats]:
    columns: dict[str, Floats] = {"all": np.ones(len(scores))}
    for each in scores[0].label_px:
        name = NAMES[each]
        columns[f"{name}_common"] = np.array([2.0 * s.common_px[each] for s in scores])
        both = [float(s.label_px[each] + s.predicted_px[each]) for s in scores]
        columns[f"{name}_both"] = np.array(both)
        dice = [s.dice(each) for s in scores]
        columns[f"{name}_dice"] = np.array([np.nan if d is None else d for d in dice])
        columns[f"{name} labelled"] = np.array([float(s.label_px[each] > 0) for s in scores])
    for each in scores[0].label_fraction:
        name = NAMES[each]
        label = np.array([s.label_fraction[each] for s in scores])
        columns[f"{name}_label"] = label
        for where in ("predicted", "inside"):
            called = np.array([getattr(s, f"{where}_fraction")[each] for s in scores])
            columns[f"{name}_{where}"] = called
            columns[f"{name}_{where}_error"] = np.abs(called - label)
            columns[f"{name}_{where}_bias"] = called - label
        columns["labelled bed"] = np.isfinite(label).astype(np.float64)
    return columns


def _pooled(names: Sequence[str]) -> Callable[[dict[str, Floats], Floats], Floats]:
    def formula(columns: dict[str, Floats], weights: Floats) -> Floats:
        inside = sum(weights @ columns[f"{name}_common"] for name in names)
        both = sum(weights @ columns[f"{name}_both"] for name in names)
        return np.asarray(inside / both, np.float64)

    return formula


_NUMBERS = ("no", "one", "two", "three", "four", "five")


def _statistics(like: CropScore) -> tuple[Statistic, ...]:
    """Every figure, in the order in which it is printed. Fractions: called less labelled.

    Args:
        like: a crop with the tissues that figures are asked of.
    """
    named = [NAMES[each] for each in like.label_px]
    title = f"Dice, {_NUMBERS[len(named)]} tissues"
    return (
        Statistic("dice_pooled", title, "pooled", "all", _pooled(named)),
        *(
            Statistic(f"dice_pooled_{name}", f"Dice, {name}", "pooled", "all", _pooled([name]))
            for name in named
        ),
        *(
            Statistic(
                f"dice_averaged_{name}",
                f"Dice, {name}",
                "averaged",
                f"{name} labelled",
                mean_of(f"{name}_dice"),
            )
            for name in named
        ),
        *_of_fractions([NAMES[each] for each in like.label_fraction]),
    )


def _of_fractions(names: Sequence[str]) -> Iterator[Statistic]:
    """Error, bias and agreement of each tissue's fraction, inside the labelled bed and at all."""
    for key, where, told in (
        ("inside", "inside", "inside"),
        ("crop", "predicted", "in the crop"),
    ):
        for name in names:
            column = f"{name}_{where}"
            for end, what, how, formula in (
                ("error", "error", "averaged", mean_of(f"{column}_error")),
                ("bias", "bias", "averaged", mean_of(f"{column}_bias")),
                ("icc", "ICC(2,1)", "agreement", agreement_of(f"{name}_label", column)),
            ):
                yield Statistic(
                    f"{name}_{key}_{end}", f"{name} {told}, {what}", how, "labelled bed", formula
                )

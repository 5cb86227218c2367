"""Healing kinetics (section 7): supportive figures, never part of the response.

Areas in cm², perimeters in cm, weeks = days / 7 between the two measurements. Sources: G1 Gilman
1990 (Wounds 2:95); S4 Margolis 2003 (Diabetes Care 26:1696).
"""

from __future__ import annotations

from typing import overload

import numpy as np

from woundseg.trial.codes import AnyArray, Bools, Floats


def circle_perimeter(area: Floats) -> Floats:
    """Perimeter [cm] of the circle of this area [cm²]: 2·sqrt(pi·A); 0 for a closed ulcer."""
    return np.asarray(2.0 * np.sqrt(np.pi * area))


def margin_advance(a0: Floats, a: Floats, p0: Floats, p: Floats) -> Floats:
    """Gilman's d = (A0 - A)/((p0 + p)/2) [cm]; a NaN perimeter takes the circle's.

    A closed ulcer has p = 0, so that a circle gives its radius.
    """
    start = np.where(a0 == 0.0, 0.0, np.where(np.isnan(p0), circle_perimeter(a0), p0))
    end = np.where(a == 0.0, 0.0, np.where(np.isnan(p), circle_perimeter(a), p))
    mean = (start + end) / 2.0
    advance = np.divide(a0 - a, mean, out=np.full(np.shape(mean), np.nan), where=mean > 0.0)
    return np.asarray(advance)


@overload
def gilman_rate(
    a0: float, a: float, days: float, p0: float | None = None, p: float | None = None
) -> float: ...
@overload
def gilman_rate(
    a0: AnyArray,
    a: AnyArray,
    days: AnyArray,
    p0: AnyArray | None = None,
    p: AnyArray | None = None,
) -> Floats: ...
def gilman_rate(
    a0: float | AnyArray,
    a: float | AnyArray,
    days: float | AnyArray,
    p0: float | AnyArray | None = None,
    p: float | AnyArray | None = None,
) -> float | Floats:
    """Margin advance in cm a week, for figures or arrays; negative when the ulcer grows.

    Args:
        a0: area at the start [cm²].
        a: area at the end [cm²].
        days: days between the two.
        p0: perimeter at the start [cm]; None takes that of a circle.
        p: perimeter at the end [cm]; None takes that of a circle.
    """
    nan = np.nan
    parts = [nan if value is None else value for value in (a0, a, p0, p)]
    start, end, rim0, rim = (np.asarray(value, dtype=np.float64) for value in parts)
    weeks = np.asarray(days, dtype=np.float64) / 7.0
    advance = margin_advance(start, end, rim0, rim)
    rate = np.divide(advance, weeks, out=np.full(np.shape(advance), nan), where=weeks > 0.0)
    return float(rate) if rate.ndim == 0 else rate


def area_reduction(a0: Floats, a: Floats) -> Floats:
    """PAR = 100·(A0 - A)/A0 [percent]."""
    return np.asarray(100.0 * (a0 - a) / a0)


def log_healing_rate(a0: Floats, a: Floats, days: Floats) -> Floats:
    """ln(A0/A) a week; NaN at A = 0."""
    usable = (a > 0.0) & (a0 > 0.0) & (days > 0.0)
    safe = np.where(usable, a, 1.0)
    return np.where(usable, np.log(np.where(usable, a0, 1.0) / safe) / _weeks(days), np.nan)


def log_area_ratio(a0: Floats, a: Floats) -> Floats:
    """Log-area ratio ln A / ln A0; NaN where A or A0 is 0 or A0 is 1."""
    usable = (a > 0.0) & (a0 > 0.0) & (a0 != 1.0)
    return np.where(
        usable, np.log(np.where(usable, a, 1.0)) / np.log(np.where(usable, a0, 2.0)), np.nan
    )


def _weeks(days: Floats) -> Floats:
    return np.where(days > 0.0, days, np.nan) / 7.0


def log_slope(areas: Floats, days: Floats, used: Bools) -> Floats:
    """Least-squares slope of ln A on weeks, along the last axis; NaN under three points.

    Args:
        areas: (subjects, visits) [cm²].
        days: (subjects, visits), any origin.
        used: which cells take part; those of area 0 never do.
    """
    usable = used & (areas > 0.0)
    weight = usable.astype(np.float64)
    count = weight.sum(axis=-1, keepdims=True)
    weeks = np.where(usable, days / 7.0, 0.0)
    logs = np.log(np.where(usable, areas, 1.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        dx = (weeks - weeks.sum(axis=-1, keepdims=True) / count) * weight
        dy = (logs - logs.sum(axis=-1, keepdims=True) / count) * weight
        slope = (dx * dy).sum(axis=-1) / np.square(dx).sum(axis=-1)
    return np.where(count[..., 0] >= 3, slope, np.nan)

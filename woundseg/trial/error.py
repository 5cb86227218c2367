"""Measurement error of an area (section 5): log-normal, from its standard deviation.

A closed ulcer has no error. Sources: M1 to M3 of the protocol.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from woundseg.trial.codes import Bools, Floats
from woundseg.trial.protocol import Uncertainty


def z_value(level: float) -> float:
    """Two-sided normal quantile of a confidence level: 1.959964 for 0.95."""
    return NormalDist().inv_cdf(0.5 + level / 2.0)


def area_sd(area: Floats, sd: Floats, low: Floats, high: Floats, rules: Uncertainty) -> Floats:
    """Standard deviation of each area [cm²], NaN where there is no area.

    Takes ``sd`` where it is given, else (high - low) / (2 · 1.96), else the larger of
    ``default_cv`` times the area and ``min_sd_cm2``.
    """
    fallback = np.maximum(rules.default_cv * area, rules.min_sd_cm2)
    from_interval = (high - low) / (2.0 * 1.96)
    chosen = np.where(np.isfinite(from_interval), from_interval, fallback)
    return np.where(np.isnan(area), np.nan, np.where(np.isfinite(sd), sd, chosen))


def log_sd(area: Floats, sd: Floats, closed: Bools) -> Floats:
    """s(A) = sqrt(ln(1 + (sd / A)²)); 0 where the ulcer is closed or has no area."""
    exact = closed | ~(area > 0.0)
    ratio = np.divide(sd, area, out=np.zeros_like(area, dtype=np.float64), where=~exact)
    return np.where(exact, 0.0, np.sqrt(np.log1p(np.square(ratio))))


def ratio_interval(
    area: Floats, reference: Floats, area_s: Floats, reference_s: Floats, z: float
) -> tuple[Floats, Floats]:
    """Interval of A/B: (A/B)·exp(± z·sqrt(s²(A) + s²(B))); NaN where B is 0 or either is absent."""
    usable = (reference > 0.0) & (area >= 0.0)
    shape = np.broadcast(area, reference).shape
    ratio = np.divide(area, reference, out=np.full(shape, np.nan), where=usable)
    spread = np.exp(z * np.sqrt(np.square(area_s) + np.square(reference_s)))
    return ratio / spread, ratio * spread


def straddles(low: Floats, high: Floats, threshold: float) -> Bools:
    """Whether the interval holds ``threshold`` strictly inside."""
    return (low < threshold) & (threshold < high)

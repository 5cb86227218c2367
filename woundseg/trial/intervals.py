"""Confidence intervals of a proportion (section 5), for whole arrays.

Sources: C1 Clopper and Pearson 1934 (Biometrika 26:404); C2 Wilson 1927 (JASA 22:209), without
continuity correction, as Newcombe 1998 (Stat Med 17:857) method 3.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from woundseg.trial.codes import Floats
from woundseg.trial.error import z_value

Method = Literal["clopper-pearson", "wilson"]


def clopper_pearson(x: ArrayLike, n: ArrayLike, level: float = 0.95) -> tuple[Floats, Floats]:
    """Exact interval: Beta quantiles; 0 below where x = 0, 1 above where x = n, NaN where n = 0."""
    from scipy.special import betaincinv

    hits, trials = np.broadcast_arrays(np.asarray(x, float), np.asarray(n, float))
    tail = (1.0 - level) / 2.0
    misses = trials - hits
    low = betaincinv(np.maximum(hits, 1.0), misses + 1.0, tail)
    high = betaincinv(hits + 1.0, np.maximum(misses, 1.0), 1.0 - tail)
    low, high = np.where(hits == 0, 0.0, low), np.where(misses == 0, 1.0, high)
    return np.where(trials > 0, low, np.nan), np.where(trials > 0, high, np.nan)


def wilson(x: ArrayLike, n: ArrayLike, level: float = 0.95) -> tuple[Floats, Floats]:
    """Score interval: (p + z²/2n ± z·sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n); NaN where n = 0."""
    hits, trials = np.broadcast_arrays(np.asarray(x, float), np.asarray(n, float))
    safe = np.where(trials > 0, trials, np.nan)
    z = z_value(level)
    p = hits / safe
    centre = p + z * z / (2.0 * safe)
    half = z * np.sqrt(p * (1.0 - p) / safe + z * z / (4.0 * safe * safe))
    scale = 1.0 + z * z / safe
    low = np.where(hits == 0, 0.0, (centre - half) / scale)
    high = np.where(hits == trials, 1.0, (centre + half) / scale)
    return np.where(trials > 0, low, np.nan), np.where(trials > 0, high, np.nan)


_METHODS = {"clopper-pearson": clopper_pearson, "wilson": wilson}


def binom_ci(
    x: int, n: int, method: Method = "clopper-pearson", level: float = 0.95
) -> tuple[float, float]:
    """Two-sided confidence interval of a proportion, as fractions.

    Args:
        x: how many of ``n``.
        n: how many in all.
        method: ``clopper-pearson`` (exact) or ``wilson`` (score, no continuity correction).
        level: confidence level.

    Raises:
        ValueError: x is not between 0 and n, an unknown method, or a level outside (0, 1).
    """
    if method not in _METHODS:
        raise ValueError(f"method must be one of {', '.join(_METHODS)}, not {method!r}")
    if not 0 <= x <= n:
        raise ValueError(f"x must lie between 0 and n, not {x} of {n}")
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must lie between 0 and 1, not {level}")
    low, high = _METHODS[method](x, n, level)
    return float(low), float(high)

"""Kaplan-Meier, its log-log band and median, and Aalen-Johansen (section 6), in numpy.

Conventions are those of R's survival and SAS LIFETEST (K1 to K4 of the protocol); where
lifelines differs, tests/trial/test_survival.py says how.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike

from woundseg.trial.codes import Floats, Ints
from woundseg.trial.error import z_value

if TYPE_CHECKING:
    import pandas as pd

TIE = 1e-9
"""How near S must come to 0.5 to count as flat there (section 6, median)."""

MedianTie = Literal["midpoint", "first"]


@dataclass(frozen=True)
class KaplanMeier:
    """A Kaplan-Meier curve; arrays have one entry for each distinct time.

    Attributes:
        time: distinct times, rising, censorings included.
        n_risk: subjects with a time at or after it.
        n_event: events at it.
        n_censor: censorings at it; those subjects are still at risk at it.
        survival: S = prod(1 - d/n).
        se: S·sqrt(V), Greenwood; NaN where S = 0.
        low: lower log-log limit; NaN where S = 0.
        high: upper log-log limit; NaN where S = 0.
        median_tie: what the median is where S stays at 0.5.
    """

    time: Floats
    n_risk: Ints
    n_event: Ints
    n_censor: Ints
    survival: Floats
    se: Floats
    low: Floats
    high: Floats
    median_tie: MedianTie = "midpoint"

    @property
    def n(self) -> int:
        """Subjects."""
        return int(self.n_risk[0]) if self.n_risk.size else 0

    @property
    def events(self) -> int:
        """Events."""
        return int(self.n_event.sum())

    @cached_property
    def median(self) -> float | None:
        """First event time with S ≤ 0.5; where S = 0.5 the midpoint to the next event time."""
        at_event = np.flatnonzero(self.n_event)
        below = at_event[self.survival[at_event] <= 0.5 + TIE]
        if below.size == 0:
            return None
        first = int(below[0])
        if self.median_tie == "first" or abs(self.survival[first] - 0.5) >= TIE:
            return float(self.time[first])
        following = self.time[below[1]] if below.size > 1 else self.time[-1]
        return float((self.time[first] + following) / 2.0)

    @property
    def median_lo(self) -> float | None:
        """First event time at which the lower band is at most 0.5 (Brookmeyer-Crowley)."""
        return self._first_at_half(self.low)

    @property
    def median_hi(self) -> float | None:
        """First event time at which the upper band is at most 0.5 (Brookmeyer-Crowley)."""
        return self._first_at_half(self.high)

    def _first_at_half(self, band: Floats) -> float | None:
        reached = np.flatnonzero((self.n_event > 0) & (band <= 0.5))
        return float(self.time[reached[0]]) if reached.size else None

    @property
    def table(self) -> pd.DataFrame:
        """t, n_risk, n_event, n_censor, S, se, lo, hi; None where undefined."""
        import pandas as pd

        table = pd.DataFrame(
            {
                "t": self.time,
                "n_risk": self.n_risk,
                "n_event": self.n_event,
                "n_censor": self.n_censor,
                "S": self.survival,
            }
        )
        for name, values in (("se", self.se), ("lo", self.low), ("hi", self.high)):
            table[name] = pd.Series(
                [None if np.isnan(value) else float(value) for value in values], dtype=object
            )
        return table

    def at(self, day: float) -> dict[str, float | int | None]:
        """S, its band and the number at risk at ``day``; null beyond the largest time.

        A curve that has come to 0 stays 0 for ever, with no band.
        """
        n_risk = int(np.sum((self.n_event + self.n_censor)[self.time >= day]))
        step = int(np.searchsorted(self.time, day, side="right")) - 1
        beyond = self.time.size == 0 or day > self.time[-1]
        if beyond and not (self.time.size and self.survival[-1] == 0.0):
            return {"S": None, "lo": None, "hi": None, "n_risk": n_risk}
        if step < 0:
            return {"S": 1.0, "lo": 1.0, "hi": 1.0, "n_risk": n_risk}
        survival, low, high = (float(v[step]) for v in (self.survival, self.low, self.high))
        band = {"lo": None, "hi": None} if survival == 0.0 else {"lo": low, "hi": high}
        return {"S": survival, **band, "n_risk": n_risk}


def _counts(time: Floats, event: Ints) -> tuple[Floats, Ints, Ints, Ints]:
    """Distinct times, at risk (time ≥ t), events and censorings at each."""
    distinct, place = np.unique(time, return_inverse=True)
    n_event = np.bincount(place, weights=event, minlength=distinct.size).astype(np.int64)
    n_all = np.bincount(place, minlength=distinct.size).astype(np.int64)
    n_risk = np.cumsum(n_all[::-1])[::-1]
    return distinct, n_risk, n_event, n_all - n_event


def km(
    time: ArrayLike, event: ArrayLike, level: float = 0.95, median_tie: MedianTie = "midpoint"
) -> KaplanMeier:
    """Kaplan-Meier estimate with Greenwood's variance and a log-log band.

    Args:
        time: durations, one a subject.
        event: 1 for an event, 0 for a censoring; a subject censored at t is at risk at t.
        level: confidence level of the band.
        median_tie: ``midpoint`` (R, SAS) or ``first`` (lifelines) where S stays at 0.5.

    Raises:
        ValueError: different lengths, or a time that is not a finite number.
    """
    times = np.asarray(time, dtype=np.float64).ravel()
    events = np.asarray(event).astype(bool).astype(np.int64).ravel()
    if times.shape != events.shape:
        raise ValueError(f"time has {times.size} entries and event {events.size}")
    if not np.isfinite(times).all():
        raise ValueError("time must be finite")
    distinct, n_risk, n_event, n_censor = _counts(times, events)
    survival: Floats = np.cumprod(1.0 - n_event / np.maximum(n_risk, 1), dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance: Floats = np.cumsum(n_event / (n_risk * (n_risk - n_event)), dtype=np.float64)
    low, high = _log_log_band(survival, variance, z_value(level))
    se = np.where(survival > 0.0, survival * np.sqrt(np.where(survival > 0, variance, 0)), np.nan)
    return KaplanMeier(distinct, n_risk, n_event, n_censor, survival, se, low, high, median_tie)


def _log_log_band(survival: Floats, variance: Floats, z: float) -> tuple[Floats, Floats]:
    """S^exp(± z·sqrt(V)/|ln S|); [1, 1] where S = 1, NaN where S = 0 (Kalbfleisch-Prentice)."""
    inside = (survival > 0.0) & (survival < 1.0)
    safe = np.where(inside, survival, 0.5)
    spread = z * np.sqrt(np.where(inside, variance, 0.0)) / np.abs(np.log(safe))
    edge = np.where(survival == 0.0, np.nan, 1.0)
    low = np.where(inside, safe ** np.exp(spread), edge)
    high = np.where(inside, safe ** np.exp(-spread), edge)
    return low, high


def follow_up_median(time: ArrayLike, event: ArrayLike) -> float | None:
    """Median follow-up by the reverse Kaplan-Meier: censorings are its events."""
    return km(time, ~np.asarray(event).astype(bool)).median


@dataclass(frozen=True)
class CumulativeIncidence:
    """Aalen-Johansen curves; one entry for each distinct time, censorings included.

    Attributes:
        time: distinct times, rising.
        first: F1, cumulative incidence of the event of interest (type 1).
        second: F2, that of the competing event (type 2).
    """

    time: Floats
    first: Floats
    second: Floats


def aalen_johansen(time: ArrayLike, event_type: ArrayLike) -> CumulativeIncidence:
    """F_k(t) = sum of S(t-)·d_k/n over event times up to t, S for any event (source K4).

    Args:
        time: durations, one a subject.
        event_type: 0 censored, 1 the event of interest, 2 a competing event.
    """
    times = np.asarray(time, dtype=np.float64).ravel()
    types = np.asarray(event_type, dtype=np.int64).ravel()
    distinct, n_risk, n_any, _ = _counts(times, (types > 0).astype(np.int64))
    survival = np.cumprod(1.0 - n_any / np.maximum(n_risk, 1))
    before = np.concatenate([[1.0], survival[:-1]])[: distinct.size]
    first, second = (
        np.cumsum(before * _counts(times, (types == kind).astype(np.int64))[2] / n_risk)
        for kind in (1, 2)
    )
    return CumulativeIncidence(distinct, first, second)

"""Numbers as the report writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from woundseg.pages.words import MINUS, NONE, number
from woundseg.trial.protocol import Protocol

__all__ = ["MINUS", "NONE", "confidence", "interval", "months", "number", "of", "percent", "share"]


def percent(value: float | None, digits: int = 1) -> str:
    """A fraction as percent."""
    return NONE if value is None else f"{number(100.0 * value, digits)} %"


def interval(low: float | None, high: float | None, digits: int = 1) -> str:
    """Two fractions as percent, ``26.4 to 54.8``."""
    if low is None or high is None:
        return NONE
    return f"{number(100.0 * low, digits)} to {number(100.0 * high, digits)}"


def of(rate: Mapping[str, Any]) -> str:
    """``20/50``."""
    return f"{rate['n']}/{rate['N']}"


def share(n: int, total: int) -> str:
    """``20 (40 %)``; without anyone only the count."""
    return f"{n} ({100.0 * n / total:.0f} %)" if total else str(n)


def months(days: float | None, month_days: float, none: str = "not reached") -> str:
    """Days as months."""
    return none if days is None else number(days / month_days)


def confidence(protocol: Protocol) -> str:
    """``95 % CI``."""
    return f"{100 * protocol.population.conf_level:g} % CI"

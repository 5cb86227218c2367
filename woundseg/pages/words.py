"""Numbers as pages write them."""

from __future__ import annotations

import math

NONE = "–"
MINUS = "−"


def number(value: float | None, digits: int = 1) -> str:
    """A number with ``digits`` decimals and a true minus; a dash for none."""
    if value is None or math.isnan(value):
        return NONE
    text = f"{value:.{digits}f}"
    if float(text) == 0.0:
        text = text.lstrip("-")
    return text.replace("-", MINUS)

"""What of a row may be told to another system: one rule for every kind of file."""

from __future__ import annotations

import math

from woundseg.classes import TISSUE_NAMES
from woundseg.records import VisitRow

DECIMALS = 6
"""Of every figure, as in visits.csv."""

CM_FIGURES = (
    "area_cm2", "area_sd", "area_cm2_low", "area_cm2_high",
    "perimeter_cm", "length_cm", "width_cm",
)  # fmt: skip


NOT_OF_A_PART = ("area_sd", "area_cm2_high", "perimeter_cm", "width_cm")
"""Figures that a part of an ulcer does not give: the whole may be larger, and lie another way."""


def figures(row: VisitRow) -> dict[str, float]:
    """The figures of a row that were measured, by column; what is not there was not measured.

    A row that is not evaluable tells nothing, whatever stands in it, and one without scale
    nothing in cm (protocol, rule 2.2). Of a lower bound (rule 2.6a) area, lower end and length are
    told, which the whole ulcer has at least, and the tissue in view. Zero is told only where zero
    was found: a figure too small for the decimals stays as it is.
    """
    if row.evaluable == "N":
        return {}
    names = TISSUE_NAMES if row.calibrated == "N" else (*CM_FIGURES, *TISSUE_NAMES)
    left_out = NOT_OF_A_PART if row.lower_bound == "Y" else ()
    values = {name: getattr(row, name) for name in names if name not in left_out}
    return {
        name: rounded(value)
        for name, value in values.items()
        if value is not None and math.isfinite(value)
    }


def rounded(value: float) -> float:
    """The figure at six decimals; never 0 for one that is not."""
    return (round(value, DECIMALS) or float(value)) + 0.0  # + 0.0 takes the sign off a zero

"""Data frames of the results: columns in protocol.md's order (section 10), and their CSV text."""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from woundseg.trial.cells import NEVER
from woundseg.trial.codes import AnyArray, Bools, Ints

if TYPE_CHECKING:
    import pandas as pd

SIGNIFICANT_DIGITS = 12
"""Of every number written: more than measured, fewer than the last bits of a processor's sum."""


def iso(dates: Ints) -> AnyArray:
    """ISO text of days since 1970-01-01, blank for ``NEVER``."""
    known = dates < NEVER
    text = np.where(known, dates, 0).astype("datetime64[D]").astype(str).astype(object)
    return np.where(known, text, "")


def dates_of(days: Ints, trt_start: Ints) -> Ints:
    """Dates of days after the first dose; ``NEVER`` stays."""
    return np.where(days < NEVER, days + trt_start, NEVER)


def flag(values: Bools, known: Bools | None = None, no: str = "N") -> AnyArray:
    """Y, or ``no``; blank where not known."""
    text = np.where(values, "Y", no).astype(object)
    return text if known is None else np.where(known, text, "")


def number_text(value: Any) -> str:
    """A cell as CSV text: 12 significant digits, blank for None and NaN."""
    if value is None:
        return ""
    if isinstance(value, float):
        # + 0.0 takes the sign off a negative zero
        return "" if math.isnan(value) else format(value + 0.0, f".{SIGNIFICANT_DIGITS}g")
    return str(value)


def csv_text(frame: pd.DataFrame) -> str:
    """The frame as CSV: UTF-8, comma, ``.`` decimals, blank for missing, LF line ends."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(frame.columns)
    writer.writerows(zip(*(_column_text(frame[name]) for name in frame.columns), strict=True))
    return stream.getvalue()


def _column_text(column: pd.Series) -> list[str]:
    """Each cell as text; a value that stands in many rows is made into text once."""
    import pandas as pd

    place, distinct = pd.factorize(column, use_na_sentinel=True)
    texts = [number_text(value) for value in distinct.tolist()]
    return list(map([*texts, ""].__getitem__, place.tolist()))


def rounded(value: Any) -> Any:
    """A JSON value with its numbers at 12 significant digits, NaN as null."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    if isinstance(value, np.generic):
        return rounded(value.item())
    if isinstance(value, float):
        return None if math.isnan(value) else float(number_text(value))
    return value

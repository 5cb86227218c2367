"""How one cell of a study's tables is read: text to value, or why not.

Every parser takes stripped text and raises :class:`CellError` with the cause and the remedy.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from typing import Any

from woundseg.trial.codes import ASSESSED, Code

NEVER = 10_000_000
"""A day after all others: stands for "no such date", so that comparisons need no second test."""

FIRST_YEAR = 1990
_EPOCH = date(1970, 1, 1).toordinal()
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_PARTIAL = re.compile(r"\d{4}(-\d{2})?(-(UN|UNK|XX|00)?)*", re.ASCII | re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_THREE_NUMBERS = re.compile(r"(\d{1,4})([-./_ ])(\d{1,2})\2(\d{1,4})", re.ASCII)
_COMPACT = re.compile(r"\d{8}", re.ASCII)
_COMMA = re.compile(r"[+-]?\d+,\d+", re.ASCII)

EXCEL_DECIMALS = (
    "In Excel clear File > Options > Advanced > Use system separators, set the decimal separator "
    "to '.', and save as CSV UTF-8"
)
EXCEL_COMMAS = (
    "Set the list separator to ',' and the decimal symbol to '.' (Windows: Region > Additional "
    "settings), then save in Excel as CSV UTF-8 (Comma delimited)"
)

Parser = Callable[[str], Any]


class CellError(ValueError):
    """Why a cell cannot be used, and what to do."""

    def __init__(self, cause: str, remedy: str) -> None:
        super().__init__(cause)
        self.cause = cause
        self.remedy = remedy


def text(cell: str) -> str:
    """The cell as it is."""
    return cell


def needed(parse: Parser) -> Parser:
    """``parse``, but a blank is refused."""

    def parse_needed(cell: str) -> Any:
        if not cell:
            raise CellError("is blank", "Fill it in")
        return parse(cell)

    return parse_needed


def iso_day(cell: str) -> int:
    """Days since 1970-01-01 of a complete ISO date (section 2.1); ``NEVER`` for a blank."""
    if not cell:
        return NEVER
    if not _DATE.fullmatch(cell):
        raise _not_iso(cell)
    try:
        day = date.fromisoformat(cell)
    except ValueError:
        raise _impossible() from None
    if day.year < FIRST_YEAR:
        raise CellError(f"lies before {FIRST_YEAR}", "Correct the year")
    return day.toordinal() - _EPOCH


def visit_date(cell: str) -> date:
    """The date of a visit: ISO (2026-03-04) or the same without its marks (20260304)."""
    if _COMPACT.fullmatch(cell):
        if int(cell[:4]) < FIRST_YEAR:  # 04032026: the year stands last
            raise _not_iso(f"{cell[:2]}-{cell[2:4]}-{cell[4:]}")
        cell = f"{cell[:4]}-{cell[4:6]}-{cell[6:]}"
    return date.fromordinal(needed(iso_day)(cell) + _EPOCH)


def _impossible() -> CellError:
    return CellError("is an impossible date", "Correct it, as YYYY-MM-DD")


def _not_iso(cell: str) -> CellError:
    """Why a date that is not written as YYYY-MM-DD is refused, with what it may have meant."""
    if _PARTIAL.fullmatch(cell):
        return CellError("is a partial date", "Write complete dates as YYYY-MM-DD")
    numbers = _THREE_NUMBERS.fullmatch(cell)
    if numbers is None:
        return CellError("is not an ISO date", "Write complete dates as YYYY-MM-DD")
    meant = _readings(numbers[1], numbers[3], numbers[4])
    if not meant:
        return _impossible()
    cause = "is an ambiguous date" if len(meant) > 1 else "is not an ISO date"
    return CellError(cause, f"Write {' or '.join(meant)}")


def _readings(first: str, second: str, third: str) -> list[str]:
    """The ISO dates that three numbers may mean: year, day or month first; 26 is 2026."""
    orders = ((first, second, third), (third, second, first), (third, first, second))
    found = []
    for year, month, day in orders:
        if len(year) in (2, 4):
            full = int(year) if len(year) == 4 else 2000 + int(year)
            with suppress(ValueError):
                if 1900 <= full < 2100:
                    found.append(date(full, int(month), int(day)).isoformat())
    return list(dict.fromkeys(found))


def iso_text(day: int) -> str:
    """The ISO date of a day since 1970-01-01; blank for ``NEVER``."""
    return "" if day >= NEVER else date.fromordinal(day + _EPOCH).isoformat()


def number(cell: str) -> float:
    """A finite number; NaN for a blank."""
    if not cell:
        return math.nan
    if not _NUMBER.fullmatch(cell):
        if _COMMA.fullmatch(cell):
            raise CellError("has a decimal comma", EXCEL_DECIMALS)
        raise CellError("is not a number", "Write a number such as 3.25, or leave the cell blank")
    value = float(cell)
    if not math.isfinite(value):
        raise CellError("is not a finite number", "Correct it, or leave the cell blank")
    return value


def not_negative(cell: str) -> float:
    """A number that is not below 0; NaN for a blank."""
    value = number(cell)
    if value < 0.0:
        raise CellError("is negative", "Correct it, or leave the cell blank")
    return abs(value)


def fraction(cell: str) -> float:
    """A number from 0 to 1; NaN for a blank."""
    value = not_negative(cell)
    if value > 1.0:
        raise CellError("is more than 1", "Write a fraction between 0 and 1")
    return value


def between(low: float, high: float) -> Parser:
    """A parser of numbers from ``low`` to ``high``; NaN for a blank."""

    def parse_between(cell: str) -> float:
        value = number(cell)
        if value < low or value > high:
            raise CellError(
                f"is not between {low:g} and {high:g}", "Correct it, or leave the cell blank"
            )
        return value

    return parse_between


def yes_no(cell: str) -> int:
    """1 for Y, -1 for N, 0 for a blank."""
    try:
        return {"": 0, "Y": 1, "N": -1}[cell.upper()]
    except KeyError:
        raise CellError("is not Y, N or blank", "Write Y or N, or leave the cell blank") from None


def one_of(*values: str, blank: str) -> Parser:
    """A parser of one of some words; ``blank`` stands for a blank."""

    def parse_one_of(cell: str) -> str:
        word = cell.lower() or blank
        if word not in values:
            raise CellError(
                f"is none of {', '.join(values)}", "Write one of them, or leave the cell blank"
            )
        return word

    return parse_one_of


def response_code(cell: str) -> int:
    """The number of an assessed code (section 4); 0 for a blank."""
    if not cell:
        return int(Code.ABSENT)
    if cell not in ASSESSED:
        near = difflib.get_close_matches(cell.upper(), ASSESSED, n=1, cutoff=0.5)
        hint = f"Did you mean {near[0]}" if near else f"Use one of {', '.join(ASSESSED)}"
        raise CellError("is not a response code", hint)
    return int(ASSESSED[cell])

"""A plan as text, for a person to look over before the work starts."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from woundseg.records import PhotoRef
from woundseg.visits.planning import Plan

HEADER = ("path", "subject", "visit", "date", "ulcer", "from")


def table(plan: Plan) -> Iterator[str]:
    """Aligned columns with a line for each photograph; then the failures and the warnings.

    Names in Chinese and emoji count two places, as terminals show them.
    """
    widths = [0] * len(HEADER)
    for row in _rows(plan):
        widths = [max(width, _width(cell)) for width, cell in zip(widths, row, strict=True)]
    for row in _rows(plan):
        cells = zip(row, widths, strict=True)
        yield "  ".join(cell + " " * (width - _width(cell)) for cell, width in cells).rstrip()
    for lines in _lists(plan):
        yield ""
        yield from lines


def document(plan: Plan) -> dict[str, Any]:
    """The plan as JSON would hold it: ``photos`` by the columns of the table, what fails, notes."""
    return {
        "photos": [dict(zip(HEADER, _cells(ref), strict=True)) for ref in plan.photos],
        "failures": [asdict(failure) for failure in plan.failures],
        "warnings": list(plan.warnings),
    }


def faults(plan: Plan) -> Iterator[str]:
    """Everything that is wrong: a list of the failures, then of the warnings, where there are."""
    for lines in _lists(plan):
        yield from lines


def _lists(plan: Plan) -> Iterator[Iterator[str]]:
    failures = (f"{f.path}: {f.error}. {f.advice}" for f in plan.failures)
    if count := len(plan.failures):
        yield _listed("not in the plan", count, failures)
    if plan.warnings:
        yield _listed("to know", len(plan.warnings), plan.warnings)


def _rows(plan: Plan) -> Iterator[tuple[str, ...]]:
    yield HEADER
    for ref in plan.photos:
        yield tuple(_plain(cell) for cell in _cells(ref))


def _cells(ref: PhotoRef) -> tuple[str, ...]:
    day, ulcer = ref.date.isoformat(), ref.ulcer or ""
    return ref.relative, ref.subject, ref.visit, day, ulcer, ref.dated_by


def _listed(title: str, count: int, lines: Iterable[str]) -> Iterator[str]:
    yield f"{title}: {count:,}"
    yield from (f"  {_plain(line)}" for line in lines)


def _plain(text: str) -> str:
    """Without line breaks and other control characters, which would break the table."""
    if text.isprintable():
        return text
    return "".join(
        c if unicodedata.category(c) not in ("Cc", "Zl", "Zp") else repr(c)[1:-1] for c in text
    )


def _width(text: str) -> int:
    """Places on a terminal: wide letters take two, marks on another letter none."""
    if text.isascii():
        return len(text)
    return sum(
        0
        if unicodedata.category(c) in ("Mn", "Me", "Cf")
        else 2
        if unicodedata.east_asian_width(c) in "WF"
        else 1
        for c in text
    )

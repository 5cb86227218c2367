"""A plan as text, for a person to look over before the work starts."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from woundseg.visits.planning import Plan

HEADER = ("path", "subject", "visit", "date", "ulcer", "from")


def table(plan: Plan) -> str:
    """Aligned columns with a row for each photograph; then the failures and the warnings.

    Names in Chinese and emoji count two places, as terminals show them.
    """
    rows = [HEADER] + [
        (ref.relative, ref.subject, ref.visit, ref.date.isoformat(), ref.ulcer or "", ref.dated_by)
        for ref in plan.photos
    ]
    lines = _aligned([[_plain(cell) for cell in row] for row in rows])
    for title, told in (
        ("not in the plan", [f"{f.path}: {f.error}. {f.advice}" for f in plan.failures]),
        ("to know", list(plan.warnings)),
    ):
        if told:
            lines += ["", f"{title}: {len(told):,}", *(f"  {_plain(line)}" for line in told)]
    return "\n".join(lines) + "\n"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]


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

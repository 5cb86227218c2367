"""What to do with a column that reads like a known one and may hold another unit."""

from __future__ import annotations

import re

_MM = {"um": 0.001, "mm": 1.0, "cm": 10.0, "m": 1000.0, "in": 25.4}
"""Lengths in mm."""

_SPELLED = {"µm": "um", "μm": "um", "inch": "in", "inches": "in", "pixel": "px", "pixels": "px"}
_UNIT = re.compile(
    r"((?<![a-zµμ])(?:[uµμ]m|mm|cm|m|inch(?:es)?|in(?=\W*[2²]|$)|px|pixels?)|[cm]m(?=\^?[2²]))"
    r"(?![a-z])"
)


def remedy(column: str, found: str) -> str:
    """How the column ``found`` of a file becomes the known ``column``; its unit may be another."""
    ours, theirs = _units(column), _units(found)
    if ours == theirs:
        return f"Rename {found!r} to {column}"
    shown = " per ".join(ours)
    if _is_square(column):
        shown += "²"
    if not theirs:
        return f"If {found!r} is in {shown}, rename it to {column}"
    return f"Convert {found!r} to {shown}{_how(column, ours, theirs)} and name it {column}"


def _units(name: str) -> list[str]:
    """The units in a column's name, in order: mm and px of mm_per_px."""
    found = _UNIT.findall(name.casefold().replace("_", " "))
    return [_SPELLED.get(unit, unit) for unit in found]


def _is_square(column: str) -> bool:
    return re.search(r"m2(?![a-z0-9])", column.replace("_", " ")) is not None


def _how(column: str, ours: list[str], theirs: list[str]) -> str:
    """By which factor, where it is the same for every row."""
    pairs = [(a, b) for a, b in zip(ours, theirs, strict=False) if a != b]
    if len(ours) != len(theirs) or len(pairs) != 1 or not set(pairs[0]) <= _MM.keys():
        return ""
    factor = (_MM[pairs[0][1]] / _MM[pairs[0][0]]) ** (2 if _is_square(column) else 1)
    if factor < 1:
        return f" (divide by {1 / factor:g})"
    return f" (multiply by {factor:g})"

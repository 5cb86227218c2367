"""Who, which visit and when, from a photograph's path."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from woundseg.errors import UsageError
from woundseg.trial.cells import CellError, visit_date

DEFAULT_PATTERNS = ("{subject}/{visit}_{date}/*", "{subject}/{date}/*")

_PIECE = re.compile(r"\{(?P<field>[^{}]*)\}|(?P<star>\*+)|(?P<literal>[^{}*]+)|(?P<stray>[{}])")
_NAME = r"[^/]+"
_FIELDS = {
    "subject": _NAME,
    "visit": _NAME,
    "date": r"(?<!\d)(?:\d{4}-\d{2}-\d{2}|\d{8})(?!\d)",
}

_YEAR = r"(?:19|20)\d\d"
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_DATE_LIKE = re.compile(
    rf"(?<!\d)(?:{_YEAR}([-._ ])\d\d?\1\d\d?|\d\d?([-._ ])\d\d?\2(?:{_YEAR}|\d\d)"
    rf"|{_YEAR}\d{{4}}|\d{{4}}{_YEAR}|{_YEAR}-\d\d|{_YEAR}年\d\d?月\d\d?"
    rf"|\d\d?[-._ ]?{_MONTH}[-._ ]?{_YEAR})(?!\d)",
    re.ASCII | re.IGNORECASE,
)
"""What a person would call a date; wider than what is understood, so that none is passed over."""


@dataclass(frozen=True)
class Place:
    """What a path says of a photograph; a visit or date that it does not name is None."""

    subject: str
    visit: str | None = None
    day: date | None = None


@dataclass(frozen=True)
class Pattern:
    """One layout of paths.

    Attributes:
        text: as the user wrote it.
        expression: of the whole path, NFC.
        fields: named in it.
    """

    text: str
    expression: re.Pattern[str]
    fields: frozenset[str]

    @property
    def dates_files(self) -> bool:
        """Whether the date stands in the file's name, not in a folder's."""
        return "{date}" in self.text.rpartition("/")[2]


def nfc(text: str) -> str:
    """Composed Unicode, so that the two ways to write ``ü`` are one."""
    return unicodedata.normalize("NFC", text)


def compiled(text: str) -> Pattern:
    """A pattern such as ``{subject}/{visit}_{date}/*``.

    A field and ``*`` stay within one part of the path. A field that comes twice has the same
    text both times. ``{date}`` takes 2026-03-04 and 20260304.

    Raises:
        UsageError: it lacks ``{subject}``, names an unknown field, or cannot be told apart.
    """
    expression, fields, before = "", set[str](), ""
    for piece in _PIECE.finditer(nfc(text)):
        name = piece["field"]
        if piece["stray"] or (name is not None and name not in _FIELDS):
            raise _refused(text, f"names {piece[0]!r}", "Use {subject}, {visit}, {date} and *")
        if name is None:
            expression += _star(text, piece[0]) if piece["star"] else re.escape(piece[0])
        elif before:
            raise _refused(text, f"has {before} and {piece[0]} side by side", "Part them")
        else:
            expression += f"(?P={name})" if name in fields else f"(?P<{name}>{_FIELDS[name]})"
            fields.add(name)
        before = piece[0] if name is not None else ""
    if "subject" not in fields:
        raise _refused(text, "lacks {subject}", "Write where the subject stands")
    if not all(text.split("/")):
        raise _refused(text, "has an empty part", "Begin with a name, end with /*")
    return Pattern(text, re.compile(expression, re.ASCII), frozenset(fields))


def _star(text: str, stars: str) -> str:
    if len(stars) > 1:
        raise _refused(text, f"has {stars}", "Write one * for each folder between")
    return r"[^/]*"


def _refused(text: str, cause: str, remedy: str) -> UsageError:
    return UsageError(f"--pattern {text}", cause, remedy)


def place(relative: str, patterns: Sequence[Pattern]) -> Place:
    """What the first pattern that fits says of a path.

    A path without any date that begins with the subject's folder, as a pattern has it, names
    the subject alone: the date is then left to the photograph.

    Args:
        relative: path below the folder of photographs, with ``/``.
        patterns: in the order in which they are tried.

    Raises:
        CellError: no pattern fits, or the date is ambiguous or impossible.
    """
    path = nfc(relative)
    for pattern in patterns:
        if fits := pattern.expression.fullmatch(path):
            return _named(fits.groupdict())
    _refuse_deeper(path, patterns)
    _refuse_dated(path, patterns)
    first, _, rest = path.partition("/")
    if rest and any(pattern.text.startswith("{subject}/") for pattern in patterns):
        return _named({"subject": first})
    raise _no_fit("fits no pattern", patterns)


def _named(found: dict[str, str]) -> Place:
    subject, visit, day = (found.get(name, "").strip() for name in _FIELDS)
    if not subject:
        raise CellError("names a blank subject", "Rename the folder")
    return Place(subject, visit or None, _day(day) if day else None)


def _day(text: str) -> date:
    try:
        return visit_date(text)
    except CellError as bad:
        raise CellError(f"{text!r} {bad.cause}", bad.remedy) from None


def _refuse_deeper(path: str, patterns: Sequence[Pattern]) -> None:
    """Says so when the photograph would fit but for folders between it and the visit's folder."""
    *folders, name = path.split("/")
    for depth in range(len(folders) - 1, 0, -1):
        for pattern in patterns:
            kept = "/".join(folders[:depth])
            if pattern.expression.fullmatch(f"{kept}/{name}"):
                parts = pattern.text.split("/")
                deeper = "/".join(parts[:-1] + ["*"] * (len(folders) - depth) + parts[-1:])
                raise CellError(
                    f"lies deeper than the pattern {pattern.text}",
                    f"Move it up into {kept}, or give --pattern '{deeper}' too",
                )


def _refuse_dated(path: str, patterns: Sequence[Pattern]) -> None:
    """A date in the path that no pattern takes is never passed over for another source."""
    folders = path.rpartition("/")[0]
    looked = path if any(pattern.dates_files for pattern in patterns) else folders
    if date_like := _DATE_LIKE.search(looked):
        _day(date_like[0])
        raise _no_fit(f"holds the date {date_like[0]} but fits no pattern", patterns)


def _no_fit(cause: str, patterns: Sequence[Pattern]) -> CellError:
    known = " or ".join(pattern.text for pattern in patterns)
    return CellError(cause, f"Lay it out as {known}, or give a --pattern or a --manifest")

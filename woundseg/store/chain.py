"""Entries and how each follows from the one before it; the package's docstring has the rule."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields, replace
from typing import Literal, get_args

from woundseg.canonical import canonical
from woundseg.errors import UsageError

Kind = Literal["measured", "failed", "corrected", "tables"]
KINDS: tuple[str, ...] = get_args(Kind)
MACHINE: tuple[Kind, ...] = ("measured", "failed")
"""Kinds of entries that a run makes of a photograph."""

SCHEMA = 2
"""Of the tables and of what entries may say. A study of an earlier schema is migrated; 2 has
corrections that a woundseg for schema 1 cannot read (accepted, closed, undone)."""

GENESIS = hashlib.sha256(b"woundseg study, schema 1").hexdigest()
"""What the first entry follows, and the head of an empty study, whatever its schema."""


@dataclass(frozen=True)
class Entry:
    """One row of the chain.

    Attributes:
        number: from 1, without gaps.
        kind: ``measured`` or ``failed`` (a run), ``corrected`` (a person), ``tables`` (what a run
            wrote at its end).
        path: the photograph below the folder of photographs, with ``/``; blank for tables.
        sha256: of the photograph's file.
        settings: canonical JSON of all that influences the figures.
        result: canonical JSON: a score record, a failure, or hashes of tables.
        sketch: canonical JSON of the sketch without its thumbnail; blank when there is none.
        thumbnail_sha256: names the JPEG in ``thumbnails``; blank when there is none.
        made: canonical JSON: software, versions, machine, device, UTC time; for a correction by
            whom and why, what was decided, of which ulcer, and which entry it takes back.
        previous: hash of the entry before it.
        hash: of this entry.
    """

    number: int
    kind: Kind
    path: str
    sha256: str
    settings: str
    result: str
    sketch: str
    thumbnail_sha256: str
    made: str
    previous: str
    hash: str


@dataclass(frozen=True, kw_only=True)
class NewEntry:
    """What is to be appended: an ``Entry`` that has no place in the chain yet.

    Attributes:
        thumbnail_sha256: may be left blank where ``thumbnail`` is given; given without it, it
            names a thumbnail that the study holds already.
        thumbnail: JPEG; None when there is none, or when the study holds it already.
    """

    kind: Kind
    path: str
    sha256: str
    settings: str
    result: str
    sketch: str = ""
    thumbnail_sha256: str = ""
    made: str
    thumbnail: bytes | None = None


_DOCUMENTS = ("settings", "result", "sketch", "made")
_HASHED = tuple(f.name for f in fields(Entry) if f.name not in ("previous", "hash"))


def hash_of(entry: Entry) -> str:
    """The hash that the entry's own fields and ``previous`` give; blank if they are no entry's."""
    own = {name: getattr(entry, name) for name in _HASHED}
    texts = [entry.previous, *(value for name, value in own.items() if name != "number")]
    if not all(isinstance(text, str) for text in texts):
        return ""  # an altered row may hold anything
    whole = entry.previous + canonical(own)
    return hashlib.sha256(whole.encode("utf-8", errors="surrogateescape")).hexdigest()


def link(new: NewEntry, number: int, previous: str) -> Entry:
    """``new`` as the entry that follows ``previous``.

    Raises:
        UsageError: its path or a text holds what no database can keep.
        ValueError: it is not made as ``NewEntry`` says; a fault of the caller.
    """
    _check_text(new)
    _check_form(new)
    unsealed = Entry(
        number=number,
        kind=new.kind,
        path=new.path,
        sha256=new.sha256,
        settings=new.settings,
        result=new.result,
        sketch=new.sketch,
        thumbnail_sha256=thumbnail_name(new),
        made=new.made,
        previous=previous,
        hash="",
    )
    return replace(unsealed, hash=hash_of(unsealed))


def thumbnail_name(new: NewEntry) -> str:
    """SHA-256 of the entry's thumbnail; blank without one.

    Raises:
        ValueError: its bytes do not hash to the name given.
    """
    if new.thumbnail is None:
        return new.thumbnail_sha256
    name = hashlib.sha256(new.thumbnail).hexdigest()
    if new.thumbnail_sha256 not in ("", name):
        raise ValueError(f"{new.path}: the thumbnail does not hash to thumbnail_sha256")
    return name


def storable(text: str) -> bool:
    """Whether databases can hold ``text``: no halves of letters (undecodable names), no NUL."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _check_text(new: NewEntry) -> None:
    texts = (new.path, new.sha256, new.thumbnail_sha256, *(getattr(new, n) for n in _DOCUMENTS))
    if not all(map(storable, texts)):
        shown = new.path.encode("utf-8", errors="backslashreplace").decode("utf-8")
        raise UsageError(shown, "its name or a text about it is not Unicode", "Rename the file")


def _check_form(new: NewEntry) -> None:
    if new.kind not in KINDS:
        raise ValueError(f"{new.path}: {new.kind!r} is no kind of entry")
    for name in _DOCUMENTS:
        text = getattr(new, name)
        if text and canonical(json.loads(text)) != text:
            raise ValueError(f"{new.path}: {name} is not canonical JSON")

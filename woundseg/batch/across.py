"""The same photograph under two subjects, saved again: by a hash of its looks, then by its pixels.

Each photograph's hash lies in a private database of SQLite without a name, so that memory does
not grow with the study. Hashes that differ in few bits share one of their quarters, by which they
are found; ``match.same`` has the last word.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

from woundseg import match
from woundseg.batch.doubtful import SAME_PHOTOGRAPH
from woundseg.batch.follow import TURNS, look_of
from woundseg.batch.seen import Seen
from woundseg.match import Named
from woundseg.records import QualityFlag
from woundseg.store import Store

MOST_BITS: Final = 3
"""Hashes that differ in more are not compared further; any four quarters share one then."""

_QUARTERS: Final = 4
_BITS: Final = 16
_MOST_TRIED: Final = 8

_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE hash (quarter INTEGER, value INTEGER, whole TEXT, photo INTEGER);
CREATE INDEX hash_quarter ON hash (quarter, value);
CREATE TABLE photo (number INTEGER PRIMARY KEY, path TEXT, told TEXT, thumbnail TEXT);
BEGIN;
"""
_ALIKE = "SELECT DISTINCT whole, photo FROM hash WHERE quarter = ? AND value = ?"


class Across:
    """Takes the subjects one after the other.

    Args:
        kept: the study's store, for the thumbnails.
    """

    def __init__(self, kept: Store) -> None:
        self._kept = kept
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.executescript(_SCHEMA)

    def take(self, photos: Sequence[Seen], named: Sequence[Named]) -> dict[str, QualityFlag]:
        """A warning for each photograph that an earlier subject has too, by path.

        Args:
            photos: all of one subject.
            named: for each of them, what matching says of it.
        """
        pairs = [pair for pair in zip(photos, named, strict=True) if pair[1].hashes]
        found = {}
        for photo, one in pairs:
            told = self._earlier(photo, one)
            if told is not None:
                text = (
                    f"{photo.ref.relative} is the same photograph as {told}, saved again: find "
                    "out whose it is, and remove the other."
                )
                flag = QualityFlag(code=SAME_PHOTOGRAPH, severity="warning", advice=text)
                found[photo.ref.relative] = flag
        for photo, one in pairs:
            self._keep(photo, one.hashes[0])
        return found

    def _earlier(self, photo: Seen, one: Named) -> str | None:
        """What an earlier subject's photograph is called that shows the same; None without one."""
        tried = sorted(self._alike(one))[:_MOST_TRIED]
        if not tried:
            return None
        own = look_of(self._kept.thumbnail(photo.entry.thumbnail_sha256), photo)
        for number in tried:
            asked = "SELECT told, thumbnail FROM photo WHERE number = ?"
            told, thumbnail = self._database.execute(asked, (number,)).fetchone()
            if match.same(look_of(self._kept.thumbnail(thumbnail)), own):
                return str(told)
        return None

    def _alike(self, one: Named) -> set[int]:
        """Photographs of earlier subjects whose hash is nearly this one's, turned as it may be."""
        found = set()
        for text in one.hashes[:TURNS]:
            for quarter, value in enumerate(_parts(text)):
                for whole, number in self._database.execute(_ALIKE, (quarter, value)):
                    if (int(whole, 16) ^ int(text, 16)).bit_count() <= MOST_BITS:
                        found.add(int(number))
        return found

    def _keep(self, photo: Seen, text: str) -> None:
        ref = photo.ref
        told = f"{ref.relative} (subject {ref.subject}, {ref.visit} {ref.date})"
        statement = "INSERT INTO photo (path, told, thumbnail) VALUES (?, ?, ?)"
        row = ref.relative, told, photo.entry.thumbnail_sha256
        number = self._database.execute(statement, row).lastrowid
        rows = [(quarter, value, text, number) for quarter, value in enumerate(_parts(text))]
        self._database.executemany("INSERT INTO hash VALUES (?, ?, ?, ?)", rows)


def _parts(text: str) -> list[int]:
    """The quarters of a hash of 64 bits."""
    whole = int(text, 16)
    return [(whole >> (_BITS * k)) & (2**_BITS - 1) for k in range(_QUARTERS)]

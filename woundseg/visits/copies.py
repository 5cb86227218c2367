"""Photographs that are there twice, by content."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

from woundseg.records import PhotoRef
from woundseg.visits.ledger import REF, Ledger

_LOOK_BYTES = 4096

_OF_ONE_SIZE = """
SELECT relative, size FROM photo WHERE size IN
(SELECT size FROM photo WHERE size IS NOT NULL GROUP BY size HAVING count(*) > 1)
"""
_OF_ONE_LOOK = """
SELECT relative FROM middle WHERE (size, middle) IN
(SELECT size, middle FROM middle GROUP BY size, middle HAVING count(*) > 1)
"""
_OF_ONE_CONTENT = f"""
SELECT digest, {REF} FROM digest JOIN photo USING (relative) WHERE digest IN
(SELECT digest FROM digest GROUP BY digest HAVING count(*) > 1)
ORDER BY digest, photo.relative IN (SELECT relative FROM fault), date, photo.relative
"""


def find(ledger: Ledger) -> Iterator[tuple[PhotoRef, PhotoRef]]:
    """Each photograph whose bytes another has, and that other one, which can stay.

    Of those with the same bytes the earliest stays that has no fault noted so far. Files of a size
    of their own are not opened. Of those of equal size a few bytes from the middle are compared,
    and where these are equal too, all (SHA-256). What cannot be read, is empty or is no ordinary
    file is left out.
    """
    looked = (
        (relative, size, key)
        for relative, size in ledger.database.execute(_OF_ONE_SIZE)
        if (key := _key(_middle, ledger.root / relative)) is not None
    )
    ledger.many("INSERT INTO middle VALUES (?, ?, ?)", looked)
    read = (
        (relative, key)
        for (relative,) in ledger.database.execute(_OF_ONE_LOOK)
        if (key := _key(_digest, ledger.root / relative)) is not None
    )
    ledger.many("INSERT INTO digest VALUES (?, ?)", read)
    content, stays = b"", None
    for digest, *row in ledger.database.execute(_OF_ONE_CONTENT):
        if stays is None or digest != content:
            content, stays = digest, ledger.ref(row)
        else:
            yield ledger.ref(row), stays


def _key(of: Callable[[Path], bytes], path: Path) -> bytes | None:
    try:
        return of(path)
    except OSError:  # the photograph's own reading will say why
        return None


def _middle(path: Path) -> bytes:
    with path.open("rb") as stream:
        stream.seek(path.stat().st_size // 2)
        return hashlib.sha256(stream.read(_LOOK_BYTES)).digest()


def _digest(path: Path) -> bytes:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()

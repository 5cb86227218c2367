"""Photographs that are there twice, by content."""

from __future__ import annotations

import hashlib
import stat
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path

_LOOK_BYTES = 4096


def groups(paths: Sequence[Path]) -> list[list[int]]:
    """Which files hold the same bytes: places in ``paths``, two or more in a group, in order.

    Files of a size of their own are not opened. Of those of equal size a few bytes from the
    middle are compared, and where these are equal too, all (SHA-256). What cannot be read, is
    empty or is no ordinary file is in no group.
    """
    found = [list(range(len(paths)))]
    for key in (_size, _middle, _digest):
        found = [part for group in found for part in _parted(group, paths, key)]
    return found


def _parted(
    group: list[int], paths: Sequence[Path], key: Callable[[Path], Hashable]
) -> list[list[int]]:
    """A group by ``key``; what stands alone or has none is left out."""
    parts: dict[Hashable, list[int]] = defaultdict(list)
    for place in group:
        try:
            value = key(paths[place])
        except OSError:  # the photograph's own reading will say why
            continue
        if value is not None:
            parts[value].append(place)
    return [part for part in parts.values() if len(part) > 1]


def _size(path: Path) -> int | None:
    status = path.stat()
    return status.st_size or None if stat.S_ISREG(status.st_mode) else None


def _middle(path: Path) -> bytes:
    with path.open("rb") as stream:
        stream.seek(path.stat().st_size // 2)
        return stream.read(_LOOK_BYTES)


def _digest(path: Path) -> bytes:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()

"""The photographs in a folder, however deep."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from woundseg.errors import UsageError

PHOTO_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".png", ".tif", ".tiff", ".webp", ".heic", ".heif", ".bmp"}
)
_KINDS = ", ".join(sorted(PHOTO_SUFFIXES))


@dataclass
class Seen:
    """What was met on a walk through a folder.

    Attributes:
        photos: how many photographs.
        files: how many files, photographs or not.
        closed: folders below it that cannot be read, with the reason.
    """

    photos: int = 0
    files: int = 0
    closed: list[tuple[str, str]] = field(default_factory=list)


def is_photo(name: str) -> bool:
    """Whether a file of this name is a photograph, by its suffix; ``._a.jpg`` is a Mac's note."""
    return os.path.splitext(name)[1].lower() in PHOTO_SUFFIXES and not name.startswith("._")  # noqa: PTH122 - a Path for each of a million names is slow


def find_photos(root: Path, out: Path | None = None) -> list[Path]:
    """The photographs at or below ``root``, sorted; see ``walk``. A file is taken as it is.

    Raises:
        UsageError: nothing there, or no photograph among it.
    """
    if root.is_file():
        return [root]
    return sorted(root / relative for relative in walk(root, out))


def walk(root: Path, out: Path | None = None, seen: Seen | None = None) -> Iterator[str]:
    """The photographs in ``root``: their paths below it, with ``/``, in no order.

    Links to folders are not followed, so a circle of them ends. Where the results' folder ``out``
    lies inside ``root`` it is left out: masks and pictures of an earlier run are no photographs.

    Args:
        root: the folder.
        out: the results' folder.
        seen: told of what is met on the way.

    Raises:
        UsageError: no folder, one that cannot be read, or no photograph in it.
    """
    if not root.is_dir():
        raise UsageError(root, "is neither a file nor a folder", "Check the path")
    results = None if out is None or out.resolve() == root.resolve() else out.resolve()
    seen = seen or Seen()
    folders = [""]
    while folders:
        below = folders.pop()
        try:
            with os.scandir(root / below) as listing:
                yield from _sorted_out(
                    listing, f"{below}/" if below else "", results, folders, seen
                )
        except OSError as error:
            seen.closed.append((below, error.strerror or str(error)))
    if not seen.photos:
        raise _no_photograph(root, seen)


def _sorted_out(
    entries: Iterator[os.DirEntry[str]],
    prefix: str,
    results: Path | None,
    folders: list[str],
    seen: Seen,
) -> Iterator[str]:
    """The photographs of one folder; the folders in it are added to ``folders``."""
    for entry in entries:
        if _is_folder(entry):
            if not entry.is_symlink() and not _is(entry, results):
                folders.append(prefix + entry.name)
            continue
        seen.files += 1
        if is_photo(entry.name) and not _leads_into(entry, results):
            seen.photos += 1
            yield prefix + entry.name


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether it is a folder or a link to one; a link that leads back to itself is a file."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is(entry: os.DirEntry[str], results: Path | None) -> bool:
    """Whether the folder is the results'; its name tells most of them apart without a look."""
    return (
        results is not None
        and entry.name.casefold() == results.name.casefold()
        and Path(entry.path).resolve() == results
    )


def _leads_into(entry: os.DirEntry[str], results: Path | None) -> bool:
    """Whether it is a link to a file of the results."""
    return (
        results is not None
        and entry.is_symlink()
        and results in Path(os.path.realpath(entry.path)).parents
    )


def _no_photograph(root: Path, seen: Seen) -> UsageError:
    if closed := dict(seen.closed).get(""):
        return UsageError(root, f"cannot be read ({closed})", "Choose a folder you may read")
    told = f"files seen: {seen.files:,}"
    if seen.closed:
        told += f"; folders that could not be read: {len(seen.closed):,}"
    return UsageError(root, f"holds no photograph ({told})", f"Name a folder with {_KINDS} files")

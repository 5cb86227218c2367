"""The photographs in a folder, however deep."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from woundseg.errors import UsageError

PHOTO_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".png", ".tif", ".tiff", ".webp", ".heic", ".heif"}
)
_KINDS = ", ".join(sorted(PHOTO_SUFFIXES))


@dataclass
class Found:
    """What lies in a folder.

    Attributes:
        photos: paths below the folder, with ``/``, in no order.
        files: how many files were seen, photographs or not.
        closed: folders below it that cannot be read, with the reason.
    """

    photos: list[str] = field(default_factory=list)
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
    return sorted(root / relative for relative in walk(root, out).photos)


def walk(root: Path, out: Path | None = None) -> Found:
    """What lies in ``root``; links to folders are not followed, so a circle of them ends.

    Where the results' folder ``out`` lies inside ``root`` it is left out: masks and pictures of
    an earlier run are no photographs.

    Raises:
        UsageError: no folder, one that cannot be read, or no photograph in it.
    """
    if not root.is_dir():
        raise UsageError(root, "is neither a file nor a folder", "Check the path")
    results = None if out is None or out.resolve() == root.resolve() else out.resolve()
    found = Found()
    folders = [""]
    while folders:
        below = folders.pop()
        try:
            with os.scandir(root / below) as listing:
                entries = list(listing)
        except OSError as error:
            found.closed.append((below, error.strerror or str(error)))
            continue
        folders += _sorted_out(entries, f"{below}/" if below else "", results, found)
    if not found.photos:
        raise _no_photograph(root, found)
    return found


def _sorted_out(
    entries: list[os.DirEntry[str]], prefix: str, results: Path | None, found: Found
) -> list[str]:
    """Adds the files of one folder to ``found``; gives the folders in it."""
    folders = []
    for entry in entries:
        if _is_folder(entry):
            if not entry.is_symlink() and not _is(entry, results):
                folders.append(prefix + entry.name)
            continue
        found.files += 1
        if is_photo(entry.name) and not _leads_into(entry, results):
            found.photos.append(prefix + entry.name)
    return folders


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


def _no_photograph(root: Path, found: Found) -> UsageError:
    if closed := dict(found.closed).get(""):
        return UsageError(root, f"cannot be read ({closed})", "Choose a folder you may read")
    seen = f"files seen: {found.files:,}"
    if found.closed:
        seen += f"; folders that could not be read: {len(found.closed):,}"
    return UsageError(root, f"holds no photograph ({seen})", f"Name a folder with {_KINDS} files")

"""Writing results whole or not at all.

A result is written beside its place under a passing name, flushed to the disk and renamed, so
that nobody ever sees half of it and an earlier result stays until the new one is complete.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from woundseg.errors import OutputError

_DISK_FULL = ("the disk is full", "Free some space and run it again")
_FORBIDDEN = ("may not be written to", "Choose a folder you may write to")
_CAUSES: dict[int, tuple[str, str]] = {
    errno.ENOSPC: _DISK_FULL,
    errno.EDQUOT: ("the disk quota is used up", "Free some space and run it again"),
    errno.EFBIG: ("the file is too large for this disk", "Choose another disk"),
    errno.EACCES: _FORBIDDEN,
    errno.EPERM: _FORBIDDEN,
    errno.EROFS: ("lies on a disk that can only be read", "Choose another folder"),
    errno.ENOENT: ("its folder does not exist", "Make the folder first"),
    errno.ENOTDIR: ("part of its path is a file, not a folder", "Choose another folder"),
    errno.EISDIR: ("is a folder", "Name a file"),
    errno.EEXIST: ("a file of this name is in the way", "Choose another folder"),
    errno.ENAMETOOLONG: ("its name is too long", "Choose a shorter name"),
    errno.ELOOP: ("is a link that leads back to itself", "Choose another path"),
}


_PASSING = re.compile(r"\..{1,30}\.[0-9a-f]{8}\.part(\..*)?", re.DOTALL)
"""Names that ``_new_part`` gives."""


def write_bytes(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path``, whole or not at all.

    Raises:
        OutputError: it cannot be written; what stood at ``path`` before still stands.
    """
    with writing(path) as part:
        part.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8 with its line ends untouched, whole or not at all.

    Raises:
        OutputError: it cannot be written; what stood at ``path`` before still stands.
    """
    write_bytes(path, text.encode("utf-8"))


def remove(path: Path) -> None:
    """Remove a file, if it is there.

    Raises:
        OutputError: it cannot be removed.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise output_error(path, error) from error


def make_folder(path: Path) -> Path:
    """Make the folder ``path`` and those above it; one that stands already is kept.

    Raises:
        OutputError: it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(path, error) from error
    return path


def sweep(folder: Path) -> None:
    """Remove what writers left in ``folder`` and below when they were killed.

    Only for a folder that nobody else writes to now: a writer at work would lose its passing
    file. What cannot be removed stays.
    """
    for place, _, names in os.walk(folder):
        for name in filter(_PASSING.fullmatch, names):
            with suppress(OSError):
                Path(place, name).unlink()


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Lend a passing path beside ``path``; rename it to ``path`` when the block ends well.

    For libraries that write files themselves: the passing path keeps the suffix of ``path``, so
    that they choose the same format. When the block fails nothing is left behind. A link is
    followed, as by ordinary writing.

    Raises:
        OutputError: the file cannot be written (permission, full disk, no such folder).
    """
    part: Path | None = None
    try:
        target = Path(os.path.realpath(path))
        _refuse_special(target)
        part = _new_part(target)
        yield part
        _flush_to_disk(part)
        part.replace(target)
    except OSError as error:
        if part is not None and error.filename not in (None, str(part), part):
            raise  # the block failed on a file of its own: not ours to explain
        raise output_error(path, error) from error
    finally:
        if part is not None:
            with suppress(OSError):
                part.unlink(missing_ok=True)


def try_writing(path: Path) -> None:
    """Finds out whether ``path`` can be written; leaves what stands there as it is.

    Raises:
        OutputError: as ``writing`` would raise now.
    """
    try:
        target = Path(os.path.realpath(path))
        _refuse_special(target)
        _new_part(target).unlink()
    except OSError as error:
        raise output_error(path, error) from error


def _refuse_special(target: Path) -> None:
    """Renaming over a folder or a device (/dev/null) would fail late or destroy it."""
    if target.is_symlink():  # after realpath: it leads back to itself
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if target.exists() and not target.is_file():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))


def _new_part(target: Path) -> Path:
    """An empty file beside ``target``, with the rights that the user's umask gives new files."""
    stem = target.name[:30]  # disks take 255 bytes a name, and a letter has up to four
    part = target.with_name(f".{stem}.{secrets.token_hex(4)}.part{target.suffix[:20]}")
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    return part


def _flush_to_disk(part: Path) -> None:
    """Without this a power cut after the rename may leave an empty file."""
    handle = os.open(part, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def output_error(path: Path, error: OSError) -> OutputError:
    """The error to raise for what the system complained of at ``path``."""
    told = (f"cannot be written ({error.strerror or error})", "Choose another folder")
    cause, remedy = _CAUSES.get(error.errno or 0, told)
    return OutputError(path, cause, remedy)

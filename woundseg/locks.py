"""One process at a time: a lock on a file, kept by the operating system.

The system gives it back when the process that holds it ends, however that ends. No process can
leave it behind.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from woundseg import files

if sys.platform == "win32":
    import msvcrt

    def _take(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

    def _give_back(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _take(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _give_back(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_UN)


_TAKEN = (errno.EAGAIN, errno.EACCES)
"""What a system says of a lock that another holds: EACCES is Windows' word."""


@contextmanager
def holding(path: Path) -> Iterator[bool]:
    """Hold the lock of the file ``path`` as long as the block lasts; lends whether it was free.

    Without waiting: where another process (or this one) holds it, the block runs with False and
    must do nothing. The file is made where it is missing, and stays: were it removed, two others
    could each lock a file of that name.

    Raises:
        OutputError: the file cannot be made, or its disk knows no locks.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise files.output_error(path, error) from error
    try:
        held = _is_free(handle, path)
        try:
            yield held
        finally:
            if held:
                _give_back(handle)
    finally:
        os.close(handle)


def _is_free(handle: int, path: Path) -> bool:
    """Takes the lock where nobody holds it."""
    try:
        _take(handle)
    except OSError as error:
        if error.errno in _TAKEN:
            return False
        raise files.output_error(path, error) from error
    return True

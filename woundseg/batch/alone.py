"""One run at a time into one study: a second is refused before it writes anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from woundseg import files, locks
from woundseg.store import BUSY, Store, lock_file

STORE = "study.sqlite"
"""The store's name in the study's folder."""


Say = Callable[[str], None]
"""Shows a line to whoever runs the command."""


def quiet(_line: str) -> None:
    """Shows nothing."""


@contextmanager
def alone(out: Path, where: str | None, create: bool = False, say: Say = quiet) -> Iterator[Store]:
    """The study's store, lent while no other run writes to the store or to the folder.

    A study of an earlier schema is migrated first (``Store.migrate``).

    Args:
        out: the study's folder, made where it is missing.
        where: URL of the store; None takes ``study.sqlite`` in the folder.
        create: make the store where there is none yet.
        say: shows the line about a migration.

    Raises:
        StudyBusyError: another run is at work.
        UsageError, ConfigurationError: see ``Store.open``.
        OutputError: folder, store or lock cannot be made.
    """
    own = out / STORE
    with Store.open(where or own, create) as kept, kept.alone():
        if kept.is_at(own):
            yield migrated(kept, say)
            return
        files.make_folder(out)
        with locks.holding(lock_file(own)) as free:
            if not free:
                raise BUSY.error(str(out))
            yield migrated(kept, say)


def migrated(kept: Store, say: Say) -> Store:
    """The store with this version's schema; says so where it had an earlier one.

    Raises:
        StudyBusyError, OutputError: see ``Store.migrate``.
    """
    line = kept.migrate()
    if line:
        say(line)
    return kept

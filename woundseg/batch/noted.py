"""What a run leaves in the chain beside photographs: hashes of its tables and of ulcers' names.

Names are worked out from photographs and kept as notes, outside the chain, since they are made
anew with every visit. A healed ulcer's 0 hangs on them, so their hash stands in the chain: notes
that do not give it are dropped, and the names are worked out again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from woundseg.store import NewEntry, Store, canonical

NAMES = "names"
"""Under this key the hash of the names stands beside those of the tables."""
SEALED_EVERY = 1000
"""Subjects: so many are followed again at most when a run is cut off."""


def last_noted(kept: Store) -> dict[str, str]:
    """Hashes by name of table, and of the names, as they were written last; empty before."""
    written = kept.history("")
    return dict(json.loads(written[-1].result)) if written else {}


def names_hold(kept: Store) -> bool:
    """Whether the names are those whose hash stands in the chain."""
    return last_noted(kept).get(NAMES) == kept.notes_sha256()


class Noted:
    """A run's names and what it notes of its tables.

    Args:
        kept: the store.
        made: what made an entry, told at the time of it.
    """

    def __init__(self, kept: Store, made: Callable[[], str]) -> None:
        self._kept, self._made = kept, made
        self._unsealed = 0
        if not names_hold(kept):
            kept.forget()

    def names(self, subject: str, stamp: str) -> str | None:
        """The subject's names as text, if they were kept with this very stamp."""
        return self._kept.recall(subject, stamp)

    def keep_names(self, subject: str, stamp: str, text: str) -> None:
        """Keeps a subject's names."""
        self._kept.remember(subject, stamp, text)
        self._unsealed += 1
        if self._unsealed >= SEALED_EVERY:
            self.seal()

    def seal(self, tables: Mapping[str, str] | None = None) -> None:
        """Appends the hashes, unless the last ones are the same.

        Args:
            tables: hashes by name of table; None keeps those of the last run.
        """
        last = last_noted(self._kept)
        now = {**(last if tables is None else tables), NAMES: self._kept.notes_sha256()}
        self._unsealed = 0
        if now != last:
            new = NewEntry(
                kind="tables", path="", sha256="", settings="{}", result=canonical(now),
                made=self._made(),
            )  # fmt: skip
            self._kept.append([new])

"""What a run leaves in the chain beside photographs: hashes of what it wrote, and of names.

Names are worked out from photographs and kept as notes, outside the chain, since they are made
anew with every visit. A healed ulcer's 0 depends on them, so their hash stands in the chain: notes
that do not give it are dropped, and the names are worked out again.

The report's hash has an entry of its own, since the report shows the head of the chain before it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from woundseg.batch import tables
from woundseg.store import Entry, NewEntry, Store, canonical

NAMES = "names"
"""Under this key the hash of the names stands beside those of the tables."""
REPORT, PAGES = "report.html", "report"
"""Under these keys stand the hash of the report, and one over the pages in its folder."""
PICTURES = "pictures"
"""Under this key stand the hashes of pictures that were drawn again, by hash of their entry."""
SEALED_EVERY = 1000
"""Subjects: so many are followed again at most when a run is cut off."""


def last_noted(kept: Store) -> dict[str, str]:
    """Hashes by name of table, and of the names, as they were written last; empty before."""
    written = [told for _, told in _told(kept) if NAMES in told or not {REPORT, PICTURES} & {*told}]
    return written[-1] if written else {}


def noted_report(kept: Store) -> dict[str, str]:
    """Hashes of the report and its pages as they were written last; empty where none are noted."""
    written = [told for _, told in _told(kept) if REPORT in told]
    return written[-1] if written else {}


def noted_pictures(kept: Store) -> dict[str, str]:
    """By hash of an entry, that of its picture as it was drawn again."""
    drawn: dict[str, str] = {}
    for _, told in _told(kept):
        drawn.update(told.get(PICTURES, {}))
    return drawn


def head_before_report(kept: Store) -> str:
    """Hash of the last entry that is not about the report: what a report can show of the chain."""
    reports = {entry.hash: entry.previous for entry, told in _told(kept) if REPORT in told}
    head = kept.head()
    while head in reports:
        head = reports[head]
    return head


def names_hold(kept: Store) -> bool:
    """Whether the names are those whose hash stands in the chain."""
    return last_noted(kept).get(NAMES) == kept.notes_sha256()


def report_sha256(out: Path) -> dict[str, str]:
    """Hashes of the report and of its pages as they stand in the study's folder."""
    pages = sorted((out / PAGES).glob("*.html"))
    found = {REPORT: tables.sha256(out / REPORT)}
    if pages:
        whole = canonical([[page.name, tables.sha256(page)] for page in pages])
        found[PAGES] = hashlib.sha256(whole.encode()).hexdigest()
    return found


def _told(kept: Store) -> Iterator[tuple[Entry, dict[str, Any]]]:
    """The entries about what runs wrote, the oldest first."""
    for entry in kept.history(""):
        yield entry, json.loads(entry.result)


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
            self._append(now)

    def seal_report(self, out: Path) -> None:
        """Appends the hashes of the report in the study's folder, unless they are noted."""
        now = report_sha256(out)
        if now != noted_report(self._kept):
            self._append(now)

    def pictures(self, drawn: Mapping[str, str]) -> None:
        """Notes the hashes of pictures that came out otherwise than their entries say.

        Args:
            drawn: by hash of the entry that a picture shows.
        """
        if drawn:
            self._append({PICTURES: dict(drawn)})

    def _append(self, result: Mapping[str, Any]) -> None:
        new = NewEntry(
            kind="tables", path="", sha256="", settings="{}", result=canonical(result),
            made=self._made(),
        )  # fmt: skip
        self._kept.append([new])

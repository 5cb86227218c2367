r"""The append-only store of a study: every result, every correction, and what produced each.

``study.sqlite`` in the study's folder, or the same tables by URL on PostgreSQL 11 or newer
(``postgresql+psycopg://…``; a database or a schema for each study).

::

    with store.Store.open(folder / "study.sqlite", create=True) as study:
        head = study.append([NewEntry(kind="measured", path=path, sha256=sha256, …)])
        study.current(path)
        list(study.alterations(head))  # empty when nothing was altered

Tables
    ``entries`` holds the chain, ``thumbnails`` the JPEGs that entries name by their SHA-256, and
    ``study`` the schema's version. Triggers refuse to change, delete or replace their rows.
    ``files`` (which file had which SHA-256) and ``notes`` (texts worked out before) are caches:
    they may change, and prove nothing.

The chain
    Entries are numbered from 1 without gaps. Each carries ``previous``, the hash of the entry
    before it, and ``hash``. All hashes are SHA-256, written as 64 small hexadecimal letters.

    - ``previous`` of entry 1 is the hash of the ASCII text ``woundseg study, schema 1``, whatever
      the study's schema is now.
    - ``hash`` is the hash of these bytes: the 64 letters of ``previous``, then the entry's other
      nine fields (``kind``, ``made``, ``number``, ``path``, ``result``, ``settings``, ``sha256``,
      ``sketch``, ``thumbnail_sha256``) as canonical JSON.
    - Canonical JSON is one object in UTF-8 with its keys sorted by code point, nothing between
      the tokens, ``number`` as a whole number, and everything else as strings in which only
      ``"``, ``\`` and the control characters below U+0020 are escaped (``\b \t \n \f \r``,
      else ``\u00xx``). ``settings``, ``result``, ``sketch`` and ``made`` are JSON documents
      themselves; here they count as the strings that stand in the table.

    Whoever changes a row must change all rows after it, and with them the head, the hash of the
    last entry. Rows cut off the end are seen only by someone who kept the head.

One writer at a time
    ``append`` writes a whole batch in one transaction and holds the writer's lock only for that
    long. A second process waits for its turn; after ``wait_s`` it gets ``StudyBusyError``. So the
    chain never forks.

Corrections
    A correction supersedes what stood before it. Its ``made`` may name in ``undoes`` the hash of
    an earlier correction of the same photograph, which then no longer counts.

An earlier schema
    ``Store.migrate`` brings a study of an earlier version up to this one. Entries stay as they
    are, so that the chain and every head stay the same; the file of SQLite is copied first.

One run at a time
    Whoever measures or corrects does so inside ``with study.alone():``, so that no photograph is
    measured twice. Reading needs no lock.
"""

from __future__ import annotations

from woundseg.canonical import canonical
from woundseg.store.chain import GENESIS, SCHEMA, Entry, Kind, NewEntry
from woundseg.store.database import lock_file
from woundseg.store.faults import BUSY, StudyBusyError
from woundseg.store.study import Store

__all__ = [
    "BUSY",
    "GENESIS",
    "SCHEMA",
    "Entry",
    "Kind",
    "NewEntry",
    "Store",
    "StudyBusyError",
    "canonical",
    "lock_file",
]

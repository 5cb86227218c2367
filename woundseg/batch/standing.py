"""Which row of the store stands for a photograph as it is now, measured as is asked now."""

from __future__ import annotations

import json
from dataclasses import dataclass

from woundseg.batch import provenance
from woundseg.batch.one import Outcome, Task, file_sha256, stamp
from woundseg.batch.seen import Seen, seen
from woundseg.pipeline import ScoreOptions
from woundseg.records import Failure, PhotoRef
from woundseg.store import Entry, NewEntry, Store
from woundseg.visits import Photos


@dataclass(frozen=True, eq=False)
class Standing:
    """The store, asked for the photographs, weights and options of this run.

    Each photograph is looked at once: what it held then stands to the run's end, though the file
    may change or go meanwhile.

    Attributes:
        kept: the store.
        photos: the run's photographs.
        weights_sha256, precision, options: what figures hang on.
    """

    kept: Store
    photos: Photos
    weights_sha256: str
    precision: str
    options: ScoreOptions

    def task(self, ref: PhotoRef) -> Task:
        """The photograph's measurement, with what the manifest says of it."""
        return Task(ref, provenance.options_for(ref, self.options))

    def settings(self, ref: PhotoRef) -> str:
        """All that the photograph's figures hang on."""
        options = provenance.options_for(ref, self.options)
        return provenance.settings(self.weights_sha256, self.precision, options)

    def is_measured(self, ref: PhotoRef) -> bool:
        """Whether there is a result of this very photograph for these settings.

        Where a later run asked for other settings, the result is appended again: the newest is
        what stands, for corrections and ``verify`` as well.
        """
        newest = self.kept.found(ref.relative)
        sha256 = self._sha256(ref) if newest else ""
        result = self.kept.measured(ref.relative, sha256, self.settings(ref)) if sha256 else None
        if newest is None or result is None:
            return False
        self.photos.keep_content(ref.relative, sha256)
        if result.number != newest.number:
            self.kept.append([_again(result)])
        return True

    def keep(self, outcome: Outcome) -> None:
        """Notes what a photograph held as it was measured; blank when it could not be read."""
        relative, sha256 = outcome.ref.relative, outcome.sha256
        self.photos.keep_content(relative, sha256)
        if sha256:
            self.kept.remember_files([(relative, *outcome.stamp, sha256)])

    def seen(self, ref: PhotoRef) -> Seen:
        """The photograph and what stands for it: a person's word, else the machine's.

        Raises:
            LookupError: it was not measured; a fault of ours.
        """
        settings, sha256 = self.settings(ref), self.photos.content(ref.relative)
        corrected = self.kept.corrected(ref.relative, sha256) if sha256 else None
        if corrected is not None:
            return _as_corrected(ref, corrected, settings)
        entry = None if sha256 is None else self.kept.measured(ref.relative, sha256, settings)
        if entry is None:
            raise LookupError(f"{ref.relative} was placed and not measured")
        return seen(ref, entry)

    def _sha256(self, ref: PhotoRef) -> str:
        size, mtime_ns = stamp(ref.path)
        known = self.kept.known_file(ref.relative, size, mtime_ns)
        if known is not None:
            return known
        sha256 = file_sha256(ref.path)
        if sha256:
            self.kept.remember_files([(ref.relative, size, mtime_ns, sha256)])
        return sha256


def _again(entry: Entry) -> NewEntry:
    return NewEntry(
        kind=entry.kind,
        path=entry.path,
        sha256=entry.sha256,
        settings=entry.settings,
        result=entry.result,
        sketch=entry.sketch,
        thumbnail_sha256=entry.thumbnail_sha256,
        made=entry.made,
    )


def _as_corrected(ref: PhotoRef, entry: Entry, settings: str) -> Seen:
    """A person's word; an outline measured at another scale says nothing at this one."""
    found = seen(ref, entry)
    if found.record is None or provenance.same_given(entry.settings, settings):
        return found
    by = json.loads(entry.made).get("by", "a person")
    told = f"was corrected by {by} under another scale or smallest area"
    advice = "Correct it again (woundseg correct), or run batch with the settings of then."
    return Seen(ref, entry, None, Failure(ref.relative, "corrected", told, advice))

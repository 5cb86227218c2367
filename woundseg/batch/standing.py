"""Which row of the store stands for a photograph as it is now, measured as is asked now."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from woundseg.batch import provenance
from woundseg.batch.one import Outcome, Task, file_sha256, stamp
from woundseg.batch.readings import Reading, reading
from woundseg.batch.seen import Seen, seen
from woundseg.pipeline import ScoreOptions
from woundseg.records import Failure, PhotoRef
from woundseg.store import Store
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
        """Whether the newest result is of this very photograph and for these settings.

        An older one is not enough: the photograph's picture is that of the newest.
        """
        newest = self.kept.found(ref.relative)
        if newest is None or newest.settings != self.settings(ref):
            return False
        sha256 = self._sha256(ref)
        if not sha256 or newest.sha256 != sha256:
            return False
        self.photos.keep_content(ref.relative, sha256)
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
        entry = None if sha256 is None else self.kept.measured(ref.relative, sha256, settings)
        if entry is None:
            raise LookupError(f"{ref.relative} was placed and not measured")
        by_machine = seen(ref, entry)
        said = reading(self.kept.corrections(ref.relative, sha256)) if sha256 else Reading()
        return _as_read(by_machine, said, settings)

    def _sha256(self, ref: PhotoRef) -> str:
        size, mtime_ns = stamp(ref.path)
        known = self.kept.known_file(ref.relative, size, mtime_ns)
        if known is not None:
            return known
        sha256 = file_sha256(ref.path)
        if sha256:
            self.kept.remember_files([(ref.relative, size, mtime_ns, sha256)])
        return sha256


def _as_read(by_machine: Seen, said: Reading, settings: str) -> Seen:
    """What people said; an outline measured at another scale says nothing at this one."""
    ref, entry = by_machine.ref, said.base
    if entry is None:
        return replace(by_machine, reading=said)
    found = replace(seen(ref, entry), reading=said)
    if found.record is None:
        return replace(found, hides_ulcer=_shows_ulcer(by_machine))
    if provenance.same_given(entry.settings, settings):
        return found
    by = json.loads(entry.made).get("by", "a person")
    told = f"was corrected by {by} under another scale or smallest area"
    advice = "Correct it again (woundseg correct), or run batch with the settings of then."
    failure = Failure(ref.relative, "corrected", told, advice)
    return Seen(ref, entry, None, failure, hides_ulcer=_shows_ulcer(found), reading=said)


def _shows_ulcer(photo: Seen) -> bool:
    return photo.record is not None and bool(photo.record.ulcers)

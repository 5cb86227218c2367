"""Which row of the store stands for a photograph as it is now, measured as is asked now."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from woundseg.batch import provenance
from woundseg.batch.one import Task, file_sha256
from woundseg.pipeline import ScoreOptions
from woundseg.records import PhotoRef
from woundseg.store import Entry, Store


@dataclass(frozen=True, eq=False)
class Standing:
    """The store, asked for the weights and options of this run.

    Attributes:
        kept: the store.
        weights_sha256, precision, options: what figures hang on.
    """

    kept: Store
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
        """Whether there is a result of this very photograph for these settings."""
        if not self.kept.history(ref.relative):
            return False
        sha256 = self._sha256(ref)
        found = self.kept.measured(ref.relative, sha256, self.settings(ref)) if sha256 else None
        return found is not None

    def entry(self, ref: PhotoRef) -> Entry | None:
        """The row that stands: a person's word on this very photograph, else the machine's."""
        history = self.kept.history(ref.relative)
        sha256 = self._sha256(ref) if history else ""
        settings = self.settings(ref)
        for entry in reversed(history):
            if entry.kind == "corrected" and entry.sha256 == sha256:
                return entry
        for same in (sha256, ""):  # without a hash: a failure that may be passing
            for entry in reversed(history):
                if entry.sha256 == same and entry.settings == settings:
                    return entry
        return None

    def _sha256(self, ref: PhotoRef) -> str:
        size, mtime_ns = stamp(ref.path)
        return self.kept.known_file(ref.relative, size, mtime_ns) or file_sha256(ref.path)


def stamp(path: Path) -> tuple[int, int]:
    """Size in bytes and time of change in ns: as long as both stay, the file is not read again."""
    try:
        found = path.stat()
    except OSError:
        return -1, -1
    return found.st_size, found.st_mtime_ns

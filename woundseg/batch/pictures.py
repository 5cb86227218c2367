"""The large pictures of a study: which one belongs to each photograph, and drawing one again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from woundseg.batch import provenance
from woundseg.batch.noted import noted_pictures
from woundseg.batch.one import file_sha256, overlay_path
from woundseg.batch.readings import Reading, reading
from woundseg.store import Entry, Store


@dataclass(frozen=True)
class Expected:
    """The picture that belongs to a photograph.

    Attributes:
        entry: the entry whose figures it shows; None where there should be no picture.
        sha256: of the file; blank without an entry.
    """

    entry: Entry | None = None
    sha256: str = ""


class Pictures:
    """The pictures of a study's folder.

    Args:
        out: the study's folder.
        kept: its store.
    """

    def __init__(self, out: Path, kept: Store) -> None:
        self._out, self._kept = out, kept
        self._drawn_again = noted_pictures(kept)

    def expected(self, relative: str) -> Expected:
        """The picture that belongs to a photograph as the newest run found it."""
        machine = self._kept.found(relative)
        if machine is None:
            return Expected()
        said = reading(self._kept.corrections(relative, machine.sha256))
        shown = picture_of(machine, said)
        if shown is None:
            return Expected()
        drawn: str = json.loads(shown.sketch)["overlay_sha256"]
        return Expected(shown, self._drawn_again.get(shown.hash, drawn))

    def altered(self, relatives: Iterable[str]) -> Iterator[str]:
        """A line for each picture that is another than the one drawn."""
        for relative in relatives:
            path = overlay_path(self._out, relative)
            found = file_sha256(path)
            if found and found != self.expected(relative).sha256:
                remedy = "Remove it: woundseg batch draws it again"
                yield f"{path}: is not the picture that was drawn. {remedy}."

    def missing(self, relatives: Iterable[str]) -> Iterator[tuple[str, Entry]]:
        """Photographs without their picture, and the entry that it would show."""
        for relative in relatives:
            if not overlay_path(self._out, relative).is_file():
                entry = self.expected(relative).entry
                if entry is not None:
                    yield relative, entry


def picture_of(machine: Entry, said: Reading) -> Entry | None:
    """The entry whose figures a photograph's picture shows; None where there is no picture.

    There is none of what was not measured, of an outline by hand under another scale, and where
    a person has taken back what a picture would show.
    """
    entry = said.base or machine
    if not entry.sketch or not provenance.same_given(entry.settings, machine.settings):
        return None
    shows_ulcers = bool(json.loads(entry.sketch)["outlines"])
    return None if said.takes_away() and shows_ulcers else entry

"""A study's files for import elsewhere: what stands in their way is said before the work starts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from woundseg import files
from woundseg.batch import tables
from woundseg.batch.alone import STORE
from woundseg.errors import UsageError, WoundsegError
from woundseg.exchange import fhir, redcap
from woundseg.exchange.redcap import RedcapOptions
from woundseg.store import lock_file
from woundseg.visits import PHOTO_SUFFIXES, Plan

Write = Callable[[], list[Path]]


@dataclass(frozen=True)
class Wanted:
    """The files to write, and those that the run reads and must not write over."""

    redcap: Path | None
    fhir: Path | None
    inputs: tuple[Path | None, ...] = ()


def hindrances(plan: Plan, out: Path | None, asked: Wanted) -> Iterator[WoundsegError]:
    """What would keep the exports from being written, as far as the plan and the disk tell now."""
    to_redcap, to_fhir = asked.redcap, asked.fhir
    wanted = [] if to_redcap is None else [to_redcap, redcap.dictionary_path(to_redcap)]
    wanted += [] if to_fhir is None else [to_fhir]
    taken = {path.resolve() for path in (*_own(out), *filter(None, asked.inputs))}
    for path in wanted:
        if path.resolve() in taken:
            yield UsageError(path, "is another file of the same run", "Give it another name")
            continue
        if path.suffix.lower() in PHOTO_SUFFIXES:
            yield UsageError(path, "has a photograph's name", "Give it another name")
            continue
        taken.add(path.resolve())
        if out is None or path.parent.resolve() != out.resolve():  # the study's folder is made
            yield from _caught(partial(files.try_writing, path))
    if to_redcap is not None:
        names = ((ref.subject, ref.visit) for ref in plan.photos)
        yield from redcap.refused(names, to_redcap, RedcapOptions())


def _own(out: Path | None) -> list[Path]:
    """The files of a study that no export may take the place of."""
    if out is None:
        return []
    store = out / STORE
    beside = [store.with_name(f"{STORE}{end}") for end in ("-wal", "-shm", "-journal")]
    return [
        *(out / name for name in (*tables.ALL, "report.html")),
        store,
        lock_file(store),
        *beside,
    ]


def _caught(attempt: Callable[[], object]) -> Iterator[WoundsegError]:
    try:
        attempt()
    except WoundsegError as error:
        yield error


def writers(visits: Path, to_redcap: Path | None, to_fhir: Path | None, study: str) -> list[Write]:
    """What writes each of the exports from visits.csv and gives its paths."""
    rows = partial(tables.read_visits, visits)

    def for_redcap(path: Path) -> list[Path]:
        redcap.write(rows(), path, RedcapOptions())
        return [path]

    def for_fhir(path: Path) -> list[Path]:
        fhir.write(rows(), path, study)
        return [path]

    asked = ((for_redcap, to_redcap), (for_fhir, to_fhir))
    return [partial(write, path) for write, path in asked if path is not None]


def each_by_itself(writes: Iterable[Write]) -> tuple[list[Path], list[WoundsegError]]:
    """Writes all that can be written: the paths, and the errors of what could not be."""
    made: list[Path] = []
    errors: list[WoundsegError] = []
    for write in writes:
        try:
            made += write()
        except WoundsegError as error:
            errors.append(error)
    return made, errors

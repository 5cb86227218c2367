"""A study's files for import elsewhere: what stands in their way is said before the work starts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from woundseg import files
from woundseg.batch import tables
from woundseg.errors import UsageError, WoundsegError
from woundseg.exchange import fhir, redcap
from woundseg.exchange.redcap import RedcapOptions
from woundseg.visits import Plan

Write = Callable[[], list[Path]]


def hindrances(
    plan: Plan, out: Path | None, to_redcap: Path | None, to_fhir: Path | None
) -> Iterator[WoundsegError]:
    """What would keep the exports from being written, as far as the plan and the disk tell now."""
    own = [] if out is None else [out / name for name in (*tables.ALL, "report.html")]
    wanted = [] if to_redcap is None else [to_redcap, redcap.dictionary_path(to_redcap)]
    wanted += [] if to_fhir is None else [to_fhir]
    taken = {path.resolve() for path in own}
    for path in wanted:
        if path.resolve() in taken:
            yield UsageError(path, "is another file of the same run", "Give it another name")
        taken.add(path.resolve())
        if out is None or path.parent.resolve() != out.resolve():  # the study's folder is made
            yield from _caught(partial(files.try_writing, path))
    if to_redcap is not None:
        names = ((ref.subject, ref.visit) for ref in plan.photos)
        yield from redcap.refused(names, to_redcap, RedcapOptions())


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

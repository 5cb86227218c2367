"""The plan of a study: every photograph in its place, and all that is wrong, before work starts."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from woundseg.errors import OutputError, UsageError, WoundsegError
from woundseg.records import Failure, PhotoRef
from woundseg.trial.cells import CellError
from woundseg.visits import calendar, copies, manifest, names, patterns, subjects
from woundseg.visits.calendar import Calendar
from woundseg.visits.ledger import Failures, Ledger, Photos
from woundseg.visits.patterns import DEFAULT_PATTERNS, Pattern
from woundseg.visits.walk import Seen, walk

Captured = Callable[[Path], datetime | None]


@dataclass(frozen=True)
class VisitOptions:
    """How the photographs of a study are told apart.

    Attributes:
        manifest: CSV that names each photograph; the patterns are not used then.
        patterns: layouts of the paths, tried in order.
        subjects: subjects.csv (protocol, section 10).
        names: CSV with ulcers' names for single photographs, beside the manifest or the patterns.
        calendar: what the visits' dates are compared with.
    """

    manifest: Path | None = None
    patterns: tuple[str, ...] = DEFAULT_PATTERNS
    subjects: Path | None = None
    names: Path | None = None
    calendar: Calendar = field(default_factory=Calendar)


@dataclass(frozen=True)
class Plan:
    """What will be measured; it lies on the disk, so that its size costs no memory.

    Attributes:
        photos: by subject, date and path.
        failures: what will not be, and why; by path.
        warnings: one line for each thing to know about a subject.
    """

    photos: Photos
    failures: Failures
    warnings: tuple[str, ...]


def plan(root: Path, out: Path | None, options: VisitOptions, captured: Captured) -> Plan:
    """Places every photograph in ``root``; whatever is wrong with one is a failure, not raised.

    Args:
        root: the folder of photographs.
        out: the results' folder; left out where it lies inside ``root``.
        options: how to tell who, which visit and when.
        captured: capture time of a photograph; asked only where neither manifest nor path has a
            date.

    Raises:
        UsageError: no photographs, or a pattern that cannot be used.
        TableError: a manifest, a subjects.csv or a table of names that cannot be understood as a
            whole.
        OutputError: there is no room for the system's temporary files.
    """
    _refuse_places(root, out)
    known = [patterns.compiled(text) for text in options.patterns]
    listed = None if options.subjects is None else subjects.read(options.subjects)
    starts = None if listed is None else listed.starts
    try:
        ledger = Ledger(root)
        _list(ledger, out)
        if options.manifest is not None:
            found = manifest.read(options.manifest, ledger)
        else:
            found = _placed(ledger, known, captured)
        ledger.place(subjects.respelled(_good(found, ledger), starts or ()))
        if options.names is not None:
            names.apply(options.names, ledger)
        _find_faults(ledger, options, starts)
        photos = ledger.placed()
        ledger.doubt(calendar.doubts(photos, listed, options.calendar))
        told = subjects.warnings(photos, starts, options.calendar.baseline_window_days)
        return Plan(photos, Failures(ledger), tuple(told))
    except sqlite3.OperationalError as error:
        raise OutputError(
            "the plan",
            f"cannot be kept among the system's temporary files ({error})",
            "Make room there, or set TMPDIR to a folder with room",
        ) from error


def _refuse_places(root: Path, out: Path | None) -> None:
    if root.is_file():
        raise UsageError(root, "is a file, not a folder", "Name the folder of photographs")
    if out is not None and out.resolve() == root.resolve():
        raise UsageError(
            out, "holds the photographs: results would mix with them", "Choose another folder"
        )


def _list(ledger: Ledger, out: Path | None) -> None:
    """Notes all photographs; those whose names are not Unicode fail: no table could hold them."""
    seen = Seen()

    def nameable() -> Iterator[str]:
        for path in walk(ledger.root, out, seen):
            if (shown := _in_unicode(path)) == path:
                yield path
            else:
                told = "its name is not Unicode (UTF-8)"
                ledger.fail([Failure(shown, "plan", told, "Rename it.")])

    ledger.list_files(nameable())
    ledger.fail(
        Failure(
            _in_unicode(folder), "plan", f"folder cannot be read ({why})",
            "Give yourself leave to read it.",
        )
        for folder, why in seen.closed
    )  # fmt: skip


def _in_unicode(path: str) -> str:
    """A path itself, or what can be shown of one that is not Unicode."""
    return path.encode(errors="surrogateescape").decode(errors="backslashreplace")


def _good(found: Iterable[PhotoRef | Failure], ledger: Ledger) -> Iterator[PhotoRef]:
    """What has a place; the others are noted as failures."""
    for one in found:
        if isinstance(one, PhotoRef):
            yield one
        else:
            ledger.fail([one])


def _placed(
    ledger: Ledger, known: Sequence[Pattern], captured: Captured
) -> Iterator[PhotoRef | Failure]:
    """By their paths, and where those hold no date by their capture time."""
    for photo in ledger.files():
        try:
            yield _ref(ledger.root, photo, known, captured)
        except CellError as bad:
            yield _failure(photo, [bad])


def _ref(root: Path, photo: str, known: Sequence[Pattern], captured: Captured) -> PhotoRef:
    path, place = root / photo, patterns.place(photo, known)
    if place.day is not None:
        day = place.day
        visit = place.visit or day.isoformat()
        return PhotoRef(path, photo, place.subject, visit, day)
    try:
        taken = captured(path)
    except WoundsegError as error:
        raise CellError(error.cause, error.remedy) from error
    if taken is None:
        layouts = " or ".join(pattern.text for pattern in known)
        raise CellError(
            "has no date: neither its path nor the camera tells one",
            f"Lay it out as {layouts}, or name it in a --manifest",
        )
    day = taken.date()
    return PhotoRef(
        path, photo, place.subject, place.visit or day.isoformat(), day, dated_by="exif"
    )


def _find_faults(ledger: Ledger, options: VisitOptions, starts: subjects.Starts | None) -> None:
    """What is wrong with photographs that have a place; all of it."""
    if options.subjects is not None and starts is not None:
        ledger.find_fault(subjects.unknown(ledger.noted(), starts, options.subjects.name))
    else:
        ledger.find_fault(subjects.spelled_twice(ledger.noted))
    ledger.find_fault((ref.relative, _copy(ref, stays)) for ref, stays in copies.find(ledger))
    ledger.fail(_failure(path, told) for path, told in ledger.faults())


def _copy(ref: PhotoRef, first: PhotoRef) -> CellError:
    if (ref.subject, ref.visit, ref.date) == (first.subject, first.visit, first.date):
        return CellError(
            f"is the same photograph as {first.relative}, of the same visit", "Remove one of them"
        )
    return CellError(
        f"is the same photograph as {first.relative} (subject {first.subject}, "
        f"visit {first.visit}, {first.date})",
        "Find out which visit it belongs to, and remove the other",
    )


def _failure(path: str, told: Sequence[CellError]) -> Failure:
    cause = "; ".join(fault.cause for fault in told)
    return Failure(path, "plan", cause, " ".join(f"{fault.remedy.rstrip('.')}." for fault in told))

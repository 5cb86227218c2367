"""The plan of a study: every photograph in its place, and all that is wrong, before work starts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from woundseg.errors import UsageError, WoundsegError
from woundseg.records import Failure, PhotoRef
from woundseg.trial.cells import CellError
from woundseg.visits import copies, manifest, patterns, subjects
from woundseg.visits.patterns import DEFAULT_PATTERNS, Pattern
from woundseg.visits.walk import walk

Captured = Callable[[Path], datetime | None]


@dataclass(frozen=True)
class VisitOptions:
    """How the photographs of a study are told apart.

    Attributes:
        manifest: CSV that names each photograph; the patterns are not used then.
        patterns: layouts of the paths, tried in order.
        subjects: subjects.csv (protocol, section 10).
        baseline_window_days: how long before the first dose a baseline may lie.
    """

    manifest: Path | None = None
    patterns: tuple[str, ...] = DEFAULT_PATTERNS
    subjects: Path | None = None
    baseline_window_days: int = 28


@dataclass(frozen=True)
class Plan:
    """What will be measured.

    Attributes:
        photos: by subject, date and path.
        failures: what will not be, and why; by path.
        warnings: one line for each thing to know about a subject.
    """

    photos: tuple[PhotoRef, ...]
    failures: tuple[Failure, ...]
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
        TableError: a manifest or a subjects.csv that cannot be understood as a whole.
    """
    _refuse_places(root, out)
    known = [patterns.compiled(text) for text in options.patterns]
    found = walk(root, out)
    starts = None if options.subjects is None else subjects.read_starts(options.subjects)
    failures = [
        Failure(folder, "plan", f"folder cannot be read ({why})", "Give yourself leave to read it.")
        for folder, why in found.closed
    ]
    photos, unnameable = _nameable(sorted(found.photos))
    failures += unnameable
    if options.manifest is not None:
        refs, bad = manifest.read(options.manifest, root, photos)
    else:
        refs, bad = _placed(root, photos, known, captured)
    failures += bad
    refs = subjects.respelled(refs, starts or ())
    faults = _faults(refs, options, starts)
    failures += [_failure(path, told) for path, told in faults.items()]
    good = sorted((ref for ref in refs if ref.relative not in faults), key=_order)
    return Plan(
        photos=tuple(good),
        failures=tuple(sorted(failures, key=lambda failure: failure.path)),
        warnings=tuple(subjects.warnings(good, starts, options.baseline_window_days)),
    )


def _refuse_places(root: Path, out: Path | None) -> None:
    if root.is_file():
        raise UsageError(root, "is a file, not a folder", "Name the folder of photographs")
    if out is not None and out.resolve() == root.resolve():
        raise UsageError(
            out, "holds the photographs: results would mix with them", "Choose another folder"
        )


def _order(ref: PhotoRef) -> tuple[str, date, str]:
    return ref.subject, ref.date, ref.relative


def _nameable(photos: Sequence[str]) -> tuple[list[str], list[Failure]]:
    """Without those whose names are not Unicode: no table could hold them."""
    good, bad = [], []
    for photo in photos:
        try:
            photo.encode()
        except UnicodeEncodeError:
            shown = photo.encode(errors="surrogateescape").decode(errors="backslashreplace")
            bad.append(Failure(shown, "plan", "its name is not Unicode (UTF-8)", "Rename it."))
        else:
            good.append(photo)
    return good, bad


def _placed(
    root: Path, photos: Sequence[str], known: Sequence[Pattern], captured: Captured
) -> tuple[list[PhotoRef], list[Failure]]:
    """By their paths, and where those hold no date by their capture time."""
    refs, failures = [], []
    for photo in photos:
        try:
            refs.append(_ref(root, photo, known, captured))
        except CellError as bad:
            failures.append(_failure(photo, [bad]))
    return refs, failures


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


def _faults(
    refs: Sequence[PhotoRef], options: VisitOptions, starts: subjects.Starts | None
) -> dict[str, list[CellError]]:
    """What is wrong with photographs that have a place, by path; all of it."""
    faults: dict[str, list[CellError]] = defaultdict(list)
    if options.subjects is not None and starts is not None:
        wrong = subjects.unknown(refs, starts, options.subjects.name)
    else:
        wrong = subjects.spelled_twice(refs)
    for path, fault in wrong.items():
        faults[path].append(fault)
    for path, fault in _copies(refs, wrong).items():
        faults[path].append(fault)
    return faults


def _copies(refs: Sequence[PhotoRef], wrong: dict[str, CellError]) -> dict[str, CellError]:
    """All but the first of each photograph that is there twice; the first is one that can stay."""
    inorder = sorted(refs, key=lambda ref: (ref.relative in wrong, ref.date, ref.relative))
    found = {}
    for group in copies.groups([ref.path for ref in inorder]):
        first, *others = (inorder[place] for place in group)
        for other in others:
            found[other.relative] = _copy(other, first)
    return found


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

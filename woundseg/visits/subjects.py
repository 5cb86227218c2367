"""What is wrong with a study's subjects: unknown, spelled in two ways, without a baseline."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from heapq import merge
from itertools import groupby
from operator import attrgetter, itemgetter
from pathlib import Path

from woundseg.errors import TableError
from woundseg.records import PhotoRef
from woundseg.trial import tables
from woundseg.trial.cells import CellError, iso_text
from woundseg.visits.patterns import nfc

Starts = Mapping[str, date]
"""The first dose of each subject."""


@dataclass(frozen=True)
class Subjects:
    """What a plan takes from subjects.csv.

    Attributes:
        starts: the first dose of each subject.
        amputations: of those who lost the index limb, the day.
    """

    starts: Starts
    amputations: Mapping[str, date]


def read(path: Path) -> Subjects:
    """The subjects of subjects.csv.

    Raises:
        TableError: the file cannot be understood, or is a pipe: a study reads it again later.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise TableError(path, "can be read only once", "Save the table of subjects as a file")
    found = tables.read_subjects(path)
    names = found.subject.tolist()
    days = (date.fromisoformat(iso_text(day)) for day in found.trt_start.tolist())
    gone = zip(names, map(iso_text, found.amputation.tolist()), strict=True)
    return Subjects(
        starts=dict(zip(names, days, strict=True)),
        amputations={who: date.fromisoformat(day) for who, day in gone if day},
    )


def respelled(refs: Iterable[PhotoRef], known: Iterable[str]) -> Iterator[PhotoRef]:
    """Subjects as subjects.csv spells them (composed or not), so that endpoint finds them."""
    spelled = {nfc(subject): subject for subject in known}
    for ref in refs:
        subject = spelled.get(ref.subject, ref.subject)
        yield ref if subject == ref.subject else replace(ref, subject=subject)


def unknown(
    refs: Iterable[PhotoRef], known: Iterable[str], table: str
) -> Iterator[tuple[str, CellError]]:
    """The photographs of subjects that ``table`` lacks, by path."""
    subjects = set(known)
    by_case = {subject.casefold(): subject for subject in subjects}
    for ref in refs:
        if ref.subject not in subjects:
            alike = by_case.get(ref.subject.casefold())
            yield (
                ref.relative,
                CellError(
                    f"subject {ref.subject!r} is not in {table}",
                    f"Spell the subject {alike!r}" if alike else f"Add the subject to {table}",
                ),
            )


def spelled_twice(refs: Callable[[], Iterable[PhotoRef]]) -> Iterator[tuple[str, CellError]]:
    """The photographs whose subject differs from another only in case, by path.

    They are one person with a slip of the pen: as two, both would lack visits, and the count of
    subjects would be wrong. The spelling of the earliest photograph stands: it does not change
    as visits are added.

    Args:
        refs: gives all photographs; called twice.
    """
    first: dict[str, tuple[date, str, str]] = {}
    for ref in refs():
        folded, here = ref.subject.casefold(), (ref.date, ref.relative, ref.subject)
        first[folded] = min(first.get(folded, here), here)
    for ref in refs():
        standing = first[ref.subject.casefold()][2]
        if standing != ref.subject:
            told = f"subject {ref.subject!r} differs from {standing!r} only in case"
            yield ref.relative, CellError(told, "Spell each subject one way")


def one_by_one(refs: Iterable[PhotoRef]) -> Iterator[tuple[str, list[PhotoRef]]]:
    """Photographs in order of subject, a subject at a time."""
    for who, own in groupby(refs, key=attrgetter("subject")):
        yield who, list(own)


def warnings(refs: Iterable[PhotoRef], starts: Starts | None, window_days: int) -> Iterator[str]:
    """One line for each thing to know about a subject, in the subjects' order.

    Args:
        refs: of all subjects, a subject at a time and in their order.
        starts: first dose of each subject; None takes it from the visits (protocol, section 10).
        window_days: how long before the first dose a baseline may lie (section 2.3).
    """
    listed: Iterable[tuple[str, list[PhotoRef]]] = ((who, []) for who in sorted(starts or ()))
    shown = one_by_one(refs)
    for who, found in groupby(merge(shown, listed, key=itemgetter(0)), key=itemgetter(0)):
        own = [ref for _, some in found for ref in some]
        start = None if starts is None else starts[who]
        yield from (f"subject {who}: {line}" for line in _told(own, start, window_days))


def _told(refs: Sequence[PhotoRef], start: date | None, window_days: int) -> list[str]:
    if not refs:
        return ["is in the table of subjects, but has no photograph in the plan"]
    found = [*dict.fromkeys(doubt.told for ref in refs for doubt in ref.doubts)]
    found += _one_name_two_dates(refs)
    start = start or first_dose(refs)
    earliest = start - timedelta(days=window_days)
    if not any(earliest <= ref.date <= start and ref.given.evaluable != "N" for ref in refs):
        found.append(
            f"no baseline: no photograph to evaluate is dated {earliest} to {start} "
            f"(first dose {start}, window {window_days} days)"
        )
    return found


def first_dose(refs: Iterable[PhotoRef]) -> date:
    """Of one subject without a table: the visit named BASELINE, else the first date."""
    named = [ref.date for ref in refs if ref.visit.upper() == "BASELINE"]
    return min(named or [ref.date for ref in refs])


def _one_name_two_dates(refs: Iterable[PhotoRef]) -> list[str]:
    dates: dict[str, set[date]] = defaultdict(set)
    for ref in refs:
        dates[ref.visit].add(ref.date)
    return [
        f"visit {visit} is on {len(days)} dates: {', '.join(map(str, sorted(days)))}"
        for visit, days in sorted(dates.items())
        if len(days) > 1
    ]

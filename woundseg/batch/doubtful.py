"""What a study's photographs and rows say that can hardly be true: for a person to look at.

A photograph is compared with its own date and with the other photographs of its subject; a row
with the other rows of its ulcer. ``rows`` takes the codes from here, ``telling`` the sentences.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final

from woundseg.batch.seen import Seen
from woundseg.match import Named
from woundseg.records import QualityFlag, VisitRow
from woundseg.trial.kinetics import gilman_rate

SAME_PHOTOGRAPH: Final = "same_photograph"
DATE_CONFLICT: Final = "date_conflict"
IMPLAUSIBLE: Final = "implausible"
AREAS_DISAGREE: Final = "areas_disagree"

MOST_CM_PER_WEEK: Final = 1.0
"""A margin that moved faster since the last visit is implausible."""

MOST_DAYS_APART: Final = 1
"""The camera's date and the visit's may differ by so much: clocks and time zones."""

MOST_TIMES: Final = 3.0
"""Two photographs of one ulcer and date whose areas differ so many times disagree."""


def by_photo(
    photos: Sequence[Seen], named: Sequence[Named], rows: Sequence[VisitRow]
) -> dict[str, tuple[QualityFlag, ...]]:
    """By path, all warnings about a subject's photographs and their rows; each once.

    Args:
        photos: of one subject, in order of time.
        named: for each of them, what matching says of it.
        rows: made from them.
    """
    found: dict[str, list[QualityFlag]] = {
        photo.ref.relative: [*photo_flags(photo, one, photos)]
        for photo, one in zip(photos, named, strict=True)
    }
    for place, flags in row_flags(rows).items():
        found[rows[place].path] += flags
    return {path: tuple(dict.fromkeys(flags)) for path, flags in found.items()}


def lines(
    photos: Sequence[Seen], named: Sequence[Named], rows: Sequence[VisitRow]
) -> Iterator[str]:
    """A line for each warning of :func:`by_photo` that the plan could not give."""
    refs = {photo.ref.relative: photo.ref for photo in photos}
    for path, flags in by_photo(photos, named, rows).items():
        ref = refs[path]
        planned = {doubt.code for doubt in ref.doubts}
        for flag in flags:
            if flag.code not in planned:
                yield f"subject {ref.subject}: {ref.visit} {ref.date}: {flag.advice}"


def photo_flags(photo: Seen, named: Named, photos: Sequence[Seen]) -> Iterator[QualityFlag]:
    """Warnings about one photograph: its visit, its date, and whether it is another one again.

    Args:
        photo: one of the subject's photographs.
        named: what matching says of it.
        photos: all of the subject's, in order of time.
    """
    for doubt in photo.ref.doubts:
        text = f"{doubt.told[:1].upper()}{doubt.told[1:]}. {doubt.advice}"
        yield QualityFlag(code=doubt.code, severity="warning", advice=text)
    taken = photo.captured_at
    if taken is not None and abs((taken.date() - photo.ref.date).days) > MOST_DAYS_APART:
        text = (
            f"The camera dates the photograph {taken.date()}, the visit is of {photo.ref.date}: "
            "correct the visit's date, or see that the camera's clock was right."
        )
        yield QualityFlag(code=DATE_CONFLICT, severity="warning", advice=text)
    if named.same_as is not None:
        first = photos[named.same_as].ref
        text = (
            f"{photo.ref.relative} is the same photograph as {first.relative} "
            f"({first.visit} {first.date}), saved again: find out which visit it belongs to, "
            "and remove the other."
        )
        yield QualityFlag(code=SAME_PHOTOGRAPH, severity="warning", advice=text)


def row_flags(rows: Sequence[VisitRow]) -> dict[int, tuple[QualityFlag, ...]]:
    """Warnings about rows of one subject, by the row's place.

    Args:
        rows: of one subject, in order of time.
    """
    found: dict[int, tuple[QualityFlag, ...]] = {}
    by_ulcer: dict[str, list[int]] = {}
    for place, row in enumerate(rows):
        if row.evaluable == "Y" and row.area_cm2 is not None:
            by_ulcer.setdefault(row.ulcer, []).append(place)
    for places in by_ulcer.values():
        before: VisitRow | None = None
        for _, today in groupby(places, key=lambda place: rows[place].date):
            own = list(today)
            areas = {place: rows[place].area_cm2 or 0.0 for place in own}
            for place in own:
                flags = [*_moved(before, rows[place]), *_disagreeing(rows, place, areas)]
                if flags:
                    found[place] = tuple(flags)
            before = rows[max(own, key=areas.__getitem__)]
    return found


def _moved(before: VisitRow | None, row: VisitRow) -> Iterator[QualityFlag]:
    """Whether the margin moved faster than skin grows or breaks down."""
    if before is None or before.area_cm2 is None or row.area_cm2 is None:
        return
    if "Y" in (before.lower_bound, row.lower_bound):  # a bound is no area
        return
    days = (row.date - before.date).days
    rate = gilman_rate(before.area_cm2, row.area_cm2, days, before.perimeter_cm, row.perimeter_cm)
    if abs(rate) > MOST_CM_PER_WEEK:
        text = (
            f"From {before.area_cm2:.3g} cm² on {before.date} to {row.area_cm2:.3g} cm² the margin "
            f"of {row.ulcer} moved {abs(rate):.1f} cm a week, more than {MOST_CM_PER_WEEK:g}: "
            "look at scale and outline of both."
        )
        yield QualityFlag(code=IMPLAUSIBLE, severity="warning", advice=text)


def _disagreeing(
    rows: Sequence[VisitRow], place: int, areas: Mapping[int, float]
) -> Iterator[QualityFlag]:
    """Whether another photograph of the day gives the ulcer a very different area."""
    own = areas[place]
    for other, area in areas.items():
        low, high = sorted((own, area))
        if high > low and high >= MOST_TIMES * low:
            text = (
                f"{rows[place].ulcer} is {own:.3g} cm² in {rows[place].path} and {area:.3g} cm² in "
                f"{rows[other].path}, of the same day: see which of them shows it."
            )
            yield QualityFlag(code=AREAS_DISAGREE, severity="warning", advice=text)
            return

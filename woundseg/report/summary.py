"""What the front page says of one subject: small, so that many subjects can be told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from woundseg.pages.words import NONE
from woundseg.report import words
from woundseg.report.course import Course, Point, courses, natural
from woundseg.report.facts import SubjectReport


@dataclass(frozen=True)
class Summary:
    """One subject's line.

    Attributes:
        subject: the name.
        index_ulcer, baseline_cm2, baseline_date: None where there is none.
        last: the index ulcer's last evaluable date; None without one.
        last_text: its area with the interval, or that it is closed.
        change_percent: of the last area from baseline.
        last_visit: date of the last visit, evaluable or not.
        visits: dates with a photograph.
        unmeasured: dates on which an ulcer was not measured, with why.
        flags: codes of warnings and rejections on any photograph, in order.
        overdue: as the subject's.
        to_look_at: as the subject's.
    """

    subject: str
    index_ulcer: str | None
    baseline_cm2: float | None
    baseline_date: date | None
    last: Point | None
    last_text: str
    change_percent: float | None
    last_visit: date | None
    visits: int
    unmeasured: tuple[str, ...]
    flags: tuple[str, ...]
    overdue: str | None
    to_look_at: tuple[str, ...]


def summarise(report: SubjectReport) -> Summary:
    """The line of a subject."""
    found = courses(report)
    index = next((course for course in found if course.ulcer == report.index_ulcer), None)
    last = index.evaluable[-1] if index is not None and index.evaluable else None
    days = {row.date for row in report.rows}
    return Summary(
        subject=report.subject,
        index_ulcer=report.index_ulcer,
        baseline_cm2=None if index is None else index.baseline_cm2,
        baseline_date=report.baseline_date,
        last=last,
        last_text=NONE if last is None else words.finding(last.row, None, report.thresholds),
        change_percent=None if index is None else index.change_percent,
        last_visit=max(days, default=None),
        visits=len(days),
        unmeasured=tuple(_unmeasured(report, found)),
        flags=_flags(report),
        overdue=report.overdue,
        to_look_at=report.to_look_at,
    )


def _unmeasured(report: SubjectReport, found: tuple[Course, ...]) -> Iterator[str]:
    """``V4 2025-03-31 (too dark)``, with the ulcers' names where others were measured."""
    photos = {photo.path: photo for photo in report.photos}
    days = sorted({point.row.date for course in found for point in course.points})
    for day in days:
        points = [(c, p) for c in found for p in c.points if p.row.date == day]
        missed = [(course, point) for course, point in points if point.area_cm2 is None]
        if not missed:
            continue
        row = missed[0][1].row
        some = "" if len(missed) == len(points) else _names(missed) + ": "
        yield f"{row.visit} {day.isoformat()} ({some}{words.why_not(row, photos.get(row.path))})"


def _names(missed: list[tuple[Course, Point]]) -> str:
    return ", ".join(sorted((course.ulcer for course, _ in missed), key=natural))


def _flags(report: SubjectReport) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for severity in ("reject", "warning"):
        for photo in report.photos:
            found |= {flag.code: None for flag in photo.flags if flag.severity == severity}
    return tuple(found)

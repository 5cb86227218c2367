"""What the study's report tells of each subject, one subject at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

from woundseg.batch import doubtful
from woundseg.batch.elsewhere import elsewhere, without_told
from woundseg.batch.one import overlay_path
from woundseg.batch.questions import NAMES, Folders, questions
from woundseg.batch.rows import DATE_FROM_CAMERA, parts_by_name, tissue_together
from woundseg.batch.seen import Outline, Seen
from woundseg.match import FLAG_ADVICE, Named
from woundseg.records import PUT_TO_A_PERSON, QualityFlag, VisitRow
from woundseg.report import PhotoShown, SubjectReport
from woundseg.report.facts import Place, Within
from woundseg.trial.cells import NEVER, iso_text
from woundseg.trial.healing_course import HealingRow
from woundseg.trial.protocol import Protocol
from woundseg.trial.study import Study as TrialStudy

FOR_A_PERSON = ("ulcer_cut", "ulcer_unsure", "skin_unsure")
"""Flags of a photograph that ask for a person's eye, beside those of matching."""


@dataclass(frozen=True)
class Facts:
    """What the trial's rules say of one subject.

    Attributes:
        index_ulcer: its name; None without one.
        baseline_date: of the index ulcer; None without one.
        trt_start: first dose.
        ends: last day on which a visit can be expected (death, end of study); None while it runs.
    """

    index_ulcer: str | None
    baseline_date: date | None
    trt_start: date
    ends: date | None


def facts(trial: TrialStudy) -> dict[str, Facts]:
    """By subject."""
    subjects = trial.subjects
    found = {}
    for who, subject in enumerate(subjects.subject.tolist()):
        ulcer = int(trial.index[who])
        row = int(trial.ulcers.baseline_row[ulcer]) if ulcer >= 0 else -1
        ends = min(int(subjects.death[who]), int(subjects.eos[who]))
        found[subject] = Facts(
            index_ulcer=str(trial.ulcers.name[ulcer]) if ulcer >= 0 else None,
            baseline_date=_date(int(trial.rows.date[row])) if row >= 0 else None,
            trt_start=_date(int(subjects.trt_start[who])),
            ends=None if ends == NEVER else _date(ends),
        )
    return found


def _date(day: int) -> date:
    return date.fromisoformat(iso_text(day))


@dataclass(frozen=True)
class Context:
    """What is the same for all subjects: the rules, the day, where pictures stand.

    ``photos`` and ``names`` are what the report's commands name; ``copied`` are warnings about
    photographs that another subject has too, by path.
    """

    protocol: Protocol
    as_of: date
    out: Path
    photos: Path = Path("PHOTOS")
    names: Path | None = None
    copied: Mapping[str, QualityFlag] = field(default_factory=dict)

    @property
    def folders(self) -> Folders:
        """What the report's commands name."""
        return Folders(self.photos, self.out, self.names or NAMES)

    def overlay(self, relative: str) -> str:
        """The photograph's large picture, relative to the report; blank without one."""
        path = overlay_path(self.out, relative)
        return path.relative_to(self.out).as_posix() if path.is_file() else ""


def subject_report(
    photos: list[tuple[Seen, Named, bytes]],
    rows: list[VisitRow],
    healing: list[HealingRow],
    told: Facts,
    context: Context,
) -> SubjectReport:
    """One subject.

    Args:
        photos: in order of time, with names and thumbnails.
        rows: as in visits.csv.
        healing: figures by ulcer and date.
        told: what the trial's rules say.
        context: the study.
    """
    told_twice = elsewhere([seen for seen, _, _ in photos], [named for _, named, _ in photos])
    photos = [
        (seen, without_told(named, aside), thumbnail)
        for (seen, named, thumbnail), aside in zip(photos, told_twice, strict=True)
    ]
    doubts = doubtful.by_photo(
        [seen for seen, _, _ in photos], [named for _, named, _ in photos], rows
    )
    doubts |= {
        path: (*doubts[path], flag) for path, flag in context.copied.items() if path in doubts
    }
    shown = tuple(
        _shown(
            seen, named, thumbnail, (context.overlay(seen.ref.relative), doubts[seen.ref.relative])
        )
        for seen, named, thumbnail in photos
    )
    return SubjectReport(
        subject=rows[0].subject,
        rows=tuple(rows),
        photos=shown,
        healing=tuple(healing),
        baseline_date=told.baseline_date,
        index_ulcer=told.index_ulcer,
        thresholds=context.protocol.category,
        overdue=overdue(context.protocol, told, [row.date for row in rows], context.as_of),
        to_look_at=tuple(dict.fromkeys(_to_look_at(photos, doubts))),
        questions=tuple(
            questions([(seen, named) for seen, named, _ in photos], shown, rows, context.folders)
        ),
    )


def _shown(
    seen: Seen, named: Named, thumbnail: bytes, more: tuple[str, tuple[QualityFlag, ...]]
) -> PhotoShown:
    overlay, doubts = more
    record = seen.record
    flags = record.quality.flags if record else ()
    return PhotoShown(
        path=seen.ref.relative,
        thumbnail=thumbnail,
        thumb_px_per_px=seen.thumb_px_per_px,
        mm_per_px=record.scale.mm_per_px if record else None,
        outlines=_outlines(seen, named),
        flags=(*flags, *_date_flag(seen), *_match_flags(named), *doubts),
        measurable=seen.measurable,
        failure=seen.failure,
        places=_places(seen, named),
        overlay=overlay,
        tissue_within=_tissue_within(seen, named),
        read=tuple(word.line() for word in seen.reading.words()),
    )


def _outlines(seen: Seen, named: Named) -> dict[str, tuple[Outline, ...]]:
    """By name; parts of one ulcer together, those without a name under a blank one."""
    found: dict[str, tuple[Outline, ...]] = {}
    if seen.measurable:
        for name, lines in zip(named.names, seen.outlines, strict=False):
            if name is not None and _taken_back(seen, name):
                continue
            found[name or ""] = (*found.get(name or "", ()), *lines)
    return found


def _taken_back(seen: Seen, ulcer: str) -> bool:
    """Whether a person has called an ulcer closed or not evaluable: its outline says nothing."""
    word = seen.word(ulcer)
    return word is not None and word.decision in ("closed", "not_evaluable")


def _tissue_within(seen: Seen, named: Named) -> dict[str, Within]:
    """By ulcer, the 95% intervals of its shares: visits.csv has no columns for them."""
    found: dict[str, Within] = {}
    for ulcer, parts in parts_by_name(seen, named).items() if seen.speaks else ():
        low, high = tissue_together(parts, "tissue_low"), tissue_together(parts, "tissue_high")
        found[ulcer] = {tissue: (end, high[tissue]) for tissue, end in low.items()}
    return found


def _places(seen: Seen, named: Named) -> dict[str, Place]:
    """Where healed ulcers were, from px of the thumbnail to px of the photograph."""
    ratio = seen.thumb_px_per_px
    return {
        name: ((x + 0.5) / ratio - 0.5, (y + 0.5) / ratio - 0.5) for name, (x, y) in named.places
    }


def _date_flag(seen: Seen) -> Iterator[QualityFlag]:
    if seen.ref.dated_by == "exif":
        advice = "The date is the camera's: see that its clock was right, or name it in a manifest."
        yield QualityFlag(code=DATE_FROM_CAMERA, severity="note", advice=advice)


def _match_flags(named: Named) -> Iterator[QualityFlag]:
    for code in dict.fromkeys(code for _, code in named.flags):
        advice = FLAG_ADVICE.get(code)
        if advice is not None:
            yield QualityFlag(code=code, severity="warning", advice=advice)


def _to_look_at(
    photos: list[tuple[Seen, Named, bytes]], doubts: dict[str, tuple[QualityFlag, ...]]
) -> Iterator[str]:
    """A sentence for each thing that a person should decide."""
    for seen, named, _ in photos:
        when = f"{seen.ref.visit} {seen.ref.date.isoformat()}"
        for flag in seen.record.quality.flags if seen.record else ():
            if flag.code in FOR_A_PERSON or flag.code in PUT_TO_A_PERSON:
                yield f"{when}: {flag.advice}"
        for name, code in named.flags:
            advice = FLAG_ADVICE.get(code)
            if advice is not None:
                yield f"{when}{f', {name}' if name else ''}: {advice}"
        planned = {doubt.code for doubt in seen.ref.doubts}
        for flag in doubts[seen.ref.relative]:
            yield flag.advice if flag.code in planned else f"{when}: {flag.advice}"


def overdue(protocol: Protocol, told: Facts, dates: list[date], as_of: date) -> str | None:
    """The first scheduled window after the last visit that has passed; None when none has.

    A subject whose study has ended is not waited for.
    """
    last = max(dates)
    for window in protocol.schedule:
        opens, closes = (told.trt_start + timedelta(days=day) for day in (window.lo, window.hi))
        if told.ends is not None and told.ends <= closes:
            return None
        if opens > last and closes < as_of:
            return f"{window.name} ({opens.isoformat()} to {closes.isoformat()})"
    return None


def by_subject(rows: Iterator[Any]) -> Iterator[tuple[str, list[Any]]]:
    """Rows that stand in order of subject, a subject at a time."""
    for subject, group in groupby(rows, key=lambda row: row.subject):
        yield subject, list(group)

"""What a study says: tables, exports and report, made from the store alone."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from itertools import groupby
from pathlib import Path

from woundseg import __version__, files, report, tissue_map
from woundseg.batch import doubtful, exports, follow, tables, telling
from woundseg.batch.across import Across
from woundseg.batch.follow import Following
from woundseg.batch.noted import Noted, head_before_report
from woundseg.batch.rows import flagged, subject_rows
from woundseg.batch.seen import Seen, in_order
from woundseg.batch.standing import Standing
from woundseg.batch.workers import Engine
from woundseg.errors import WoundsegError
from woundseg.match import MatchOptions, Named
from woundseg.records import Failure, QualityFlag
from woundseg.report import StudyFacts, SubjectReport
from woundseg.report.failures import gathered
from woundseg.store import Store
from woundseg.trial import healing_course
from woundseg.trial.healing_course import HealingRow
from woundseg.trial.protocol import Protocol
from woundseg.trial.study import prepare
from woundseg.trial.tables import in_blocks, read_subjects, subjects_of
from woundseg.visits import Plan

SUBJECTS_AHEAD = 16
"""Subjects whose ulcers are followed at the same time."""


MOST_WARNINGS = 100
"""Lines of a run's warnings; the report and the tables hold the rest."""


@dataclass(frozen=True)
class ConcludeOptions:
    """What is made of a study's results.

    Attributes:
        protocol: the trial's rules, for baseline, schedule and thresholds.
        subjects: subjects.csv; None takes each subject's visit named BASELINE, else the first.
        as_of: the day on which lateness is judged.
        names: the table of ulcers' names that the run was given, for the report's commands.
        redcap, fhir: files to write for import elsewhere.
        study: the study's name in exports and in the report.
        match: how ulcers are followed.
    """

    protocol: Protocol
    as_of: date
    subjects: Path | None = None
    names: Path | None = None
    redcap: Path | None = None
    fhir: Path | None = None
    study: str = ""
    match: MatchOptions = field(default_factory=MatchOptions)


@dataclass(frozen=True, eq=False)
class Study:
    """One run: photographs, plan, folder of results, store, workers and what is noted."""

    root: Path
    plan: Plan
    out: Path
    standing: Standing
    engine: Engine
    noted: Noted


@dataclass(frozen=True, eq=False)
class Written:
    """The tables as written.

    Attributes:
        rows, failures: how many.
        subjects: how many take part, by subjects.csv if there is one.
        sha256: of each table, by name.
        warnings: what a person should look at, the first ``MOST_WARNINGS`` lines and how many
            more there are; the plan's are not among them.
        copied: warnings about photographs that another subject has too, by path.
    """

    rows: int
    failures: int
    subjects: int
    sha256: dict[str, str]
    warnings: tuple[str, ...] = ()
    copied: Mapping[str, QualityFlag] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class _Concluded:
    """What the trial's rules say of one subject, and its healing figures."""

    subject: str
    facts: telling.Facts
    healing: list[HealingRow]


def write_tables(study: Study, options: ConcludeOptions) -> Written:
    """Follows the ulcers and writes visits.csv, failures.csv and healing.csv.

    Raises:
        OutputError: one of them cannot be written.
    """
    warned: list[str] = []
    copied: dict[str, QualityFlag] = {}
    rows, failures = _write_visits(study, options, warned, copied)
    subjects = _write_healing(study.out, options)
    sha256 = {name: tables.sha256(study.out / name) for name in tables.ALL}
    return Written(rows, failures, subjects, sha256, tuple(warned), copied)


def _write_healing(out: Path, options: ConcludeOptions) -> int:
    """Writes healing.csv; gives how many subjects take part."""
    subjects = 0

    def rows() -> Iterator[HealingRow]:
        nonlocal subjects
        for concluded in _concluded(out, options):
            subjects += 1
            yield from concluded.healing

    with (
        files.writing(out / tables.HEALING) as part,
        part.open("w", encoding="utf-8", newline="") as stream,
    ):
        healing_course.write_csv(rows(), stream)
    return subjects


def _concluded(out: Path, options: ConcludeOptions) -> Iterator[_Concluded]:
    """Each subject of visits.csv that takes part, in order; some are in memory at a time."""
    listed = read_subjects(options.subjects) if options.subjects else None
    for visits in in_blocks(out / tables.VISITS):
        subjects = subjects_of(visits) if listed is None else listed.of(visits.subject)
        if not subjects.subject.size:
            continue
        facts = telling.facts(prepare(visits, subjects, options.protocol))
        courses = healing_course.courses(visits, subjects, options.protocol)
        healing = dict(telling.by_subject(iter(courses)))
        for who, told in facts.items():
            yield _Concluded(who, told, healing.get(who, []))


def publish(
    study: Study, options: ConcludeOptions, written: Written
) -> tuple[list[Path], list[WoundsegError]]:
    """Writes the report and the exports that were asked for, each whatever becomes of the others.

    Returns:
        The paths of what was written, and the errors of what could not be.
    """
    visits = study.out / tables.VISITS
    asked = exports.writers(visits, options.redcap, options.fhir, options.study)
    return exports.each_by_itself([partial(_report, study, options, written), *asked])


def _report(study: Study, options: ConcludeOptions, written: Written) -> list[Path]:
    """report.html, from the tables just written."""
    facts = _study_facts(study, options, written)
    subjects = _subject_reports(study, options, written.copied)
    paths = report.write(facts, subjects, study.out, written.subjects)
    study.noted.seal_report(study.out)
    return paths


def _subject_reports(
    study: Study, options: ConcludeOptions, copied: Mapping[str, QualityFlag]
) -> Iterator[SubjectReport]:
    context = telling.Context(
        options.protocol, options.as_of, study.out, study.root, options.names, copied
    )
    rows = telling.by_subject(tables.read_visits(study.out / tables.VISITS))
    concluded = _concluded(study.out, options)
    now = next(concluded, None)
    for (photos, names), (who, own) in zip(named_subjects(study, options), rows, strict=True):
        if now is None or now.subject != who:
            continue  # not in subjects.csv: visits.plan has said so
        with_thumbnails = [
            (photo, name, _thumbnail(photo, study.standing.kept))
            for photo, name in zip(photos, names, strict=True)
        ]
        yield telling.subject_report(with_thumbnails, own, now.healing, now.facts, context)
        now = next(concluded, None)


def _study_facts(study: Study, options: ConcludeOptions, written: Written) -> StudyFacts:
    plan, standing = study.plan, study.standing
    return StudyFacts(
        title=options.study or "Study",
        software=f"woundseg {__version__}",
        weights=(
            f"{standing.weights_sha256[:12]}… (ulcer), "
            f"{tissue_map.weights_sha256()[:12]}… (tissue), {standing.precision}"
        ),
        head=head_before_report(standing.kept),
        photos=str(study.root),
        failures=gathered(tables.read_failures(study.out / tables.FAILURES)),
        warnings=plan.warnings,
        as_of=options.as_of,
        counts={
            "subjects": plan.photos.subjects(),
            "photographs": len(plan.photos),
            "failures": written.failures,
        },
    )


def _write_visits(
    study: Study,
    options: ConcludeOptions,
    warned: list[str],
    copied: dict[str, QualityFlag],
) -> tuple[int, int]:
    rows = over = 0
    across = Across(study.standing.kept)
    with tables.writing(study.out) as made:
        for failure in (*study.plan.failures, *_gone(study)):
            made.failure(failure)
        for photos, named in named_subjects(study, options):
            subject = subject_rows(photos, named)
            strangers = across.take(photos, named)
            copied |= strangers
            for row in subject.rows:
                made.visit(flagged(row, [strangers[row.path]] if row.path in strangers else ()))
            for failure in subject.failures:
                made.failure(failure)
            rows += len(subject.rows)
            lines = doubtful.lines(photos, named, subject.rows)
            for line in (*lines, *(flag.advice for flag in strangers.values())):
                if len(warned) < MOST_WARNINGS:
                    warned.append(line)
                else:
                    over += 1
        if over:
            warned.append(f"and {over:,} more: see the report")
        return rows, made.failed


def _gone(study: Study) -> Iterator[Failure]:
    """Photographs that were measured earlier and are no longer placed."""
    photos, failures = study.plan.photos, study.plan.failures
    for path in study.standing.kept.paths():
        if not photos.holds(path) and not failures.hold(path):
            told = "was measured earlier and is no longer in the folder"
            yield Failure(path, "plan", told, "Put it back; its results are kept in the store.")


def subjects_seen(study: Study) -> Iterator[list[Seen]]:
    """The photographs of one subject after the other, in order of time."""
    for _, refs in groupby(study.plan.photos, key=lambda ref: ref.subject):
        yield in_order([study.standing.seen(ref) for ref in refs])


def named_subjects(
    study: Study, options: ConcludeOptions
) -> Iterator[tuple[list[Seen], list[Named]]]:
    """Each subject's photographs with names; names from an earlier run are kept where they hold."""
    waiting: deque[tuple[list[Seen], Callable[[], list[Named]]]] = deque()
    for photos in subjects_seen(study):
        waiting.append((photos, _names(photos, study, options)))
        if len(waiting) >= SUBJECTS_AHEAD:
            first, names = waiting.popleft()
            yield first, names()
    for photos, names in waiting:
        yield photos, names()


def _names(photos: list[Seen], study: Study, options: ConcludeOptions) -> Callable[[], list[Named]]:
    """Gives the names when called: those kept from before, or what a worker is asked now."""
    kept = study.standing.kept
    subject, stamp = photos[0].ref.subject, follow.stamp(photos, options.match)
    text = study.noted.names(subject, stamp)
    if text is not None:
        known = follow.from_text(text)
        return lambda: known
    thumbnails = [_thumbnail(photo, kept) for photo in photos]
    following = Following(tuple(zip(thumbnails, photos, strict=True)), options.match)
    answer = study.engine.ask(follow.follow, following)

    def names() -> list[Named]:
        found: list[Named] = answer()
        study.noted.keep_names(subject, stamp, follow.to_text(found))
        return found

    return names


def _thumbnail(photo: Seen, kept: Store) -> bytes:
    name = photo.entry.thumbnail_sha256
    return kept.thumbnail(name) if name else b""

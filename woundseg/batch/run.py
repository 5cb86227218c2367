"""A study's folder of visits, from photographs to tables and report.

::

    visits.plan      who, which visit, when; all that is wrong, before work starts
    engine.outcomes  each new photograph read, measured, drawn; a row of the store as it is ready
    follow           the same ulcer from visit to visit
    write_tables     visits.csv, failures.csv, healing.csv, from the store alone
    publish          exports and report.html, from tables and store

Whatever is killed goes on from the store: a photograph is in it wholly or not at all, and the
tables are made from it each time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from woundseg import files, photo, segment, store, visits
from woundseg.batch import exports, provenance, tables
from woundseg.batch.alone import alone
from woundseg.batch.conclude import (
    ConcludeOptions,
    Study,
    publish,
    write_tables,
)
from woundseg.batch.noted import Noted, head_before_report, noted_pictures
from woundseg.batch.one import Outcome, Task, file_sha256, overlay_path, write_overlay
from woundseg.batch.pictures import Expected, Pictures
from woundseg.batch.readings import reading, word
from woundseg.batch.seen import CORRECTED, sketch_json
from woundseg.batch.standing import Standing
from woundseg.batch.workers import Engine, Setup
from woundseg.errors import UsageError, WoundsegError
from woundseg.pipeline import ScoreOptions
from woundseg.store import Entry, NewEntry, Store, canonical
from woundseg.visits import Plan, VisitOptions

PHOTOS_ROOT = "photos root"
"""Under this name the store remembers where the photographs lay."""


@dataclass(frozen=True)
class BatchOptions:
    """How a study is measured.

    Attributes:
        visits: who, which visit, when.
        score: how one photograph is measured.
        setup: weights, device, precision.
        conclude: what is made of the results.
        store: URL of the store; None takes ``study.sqlite`` in the study's folder.
        strict: anything wrong with the plan stops the run.
        now: the clock.
    """

    visits: VisitOptions
    setup: Setup
    conclude: ConcludeOptions
    now: Callable[[], datetime]
    score: ScoreOptions = field(default_factory=ScoreOptions)
    store: str | None = None
    strict: bool = False


class Watch:
    """Told what goes on; the door shows it. This one keeps still."""

    def planned(self, plan: Plan) -> None:
        """The plan, before work starts."""

    def refused(self, error: WoundsegError) -> None:
        """One of several reasons not to start; the last is raised."""

    def told(self, line: str) -> None:
        """Something that was done to the study before the run began."""

    def began(self, photos: int) -> None:
        """So many photographs have to be measured."""

    def measured(self, outcome: Outcome) -> None:
        """One more photograph is in the store."""

    def stage(self, name: str) -> None:
        """A later stage begins."""


@dataclass(frozen=True)
class Summary:
    """What one run did.

    Attributes:
        photos: placed photographs.
        measured: of them, those measured by this run.
        failures: rows of failures.csv.
        rows: rows of visits.csv.
        head: hash of the store's last row that is not about the report, which shows it.
        paths: what was written.
        errors: of the report or an export that could not be written; the rest was.
        warnings: what a person should look at, beside what the plan warned of.
    """

    photos: int
    measured: int
    failures: int
    rows: int
    head: str
    paths: tuple[Path, ...]
    errors: tuple[WoundsegError, ...] = ()
    warnings: tuple[str, ...] = ()


def make_plan(
    root: Path, out: Path | None, options: BatchOptions, watch: Watch | None = None
) -> Plan:
    """The plan, with everything that is wrong with it.

    Raises:
        UsageError: no photographs, a table that cannot be understood, ``strict`` and a fault, or
            names that an export cannot hold.
        OutputError: an export's file cannot be written.
    """
    plan = visits.plan(root, out, options.visits, photo.captured_at)
    wanted, watch = options.conclude, watch or Watch()
    asked = options.visits
    inputs = (asked.manifest, asked.subjects, asked.names, wanted.subjects)
    files_asked = exports.Wanted(wanted.redcap, wanted.fhir, (*inputs, options.setup.weights))
    reasons = list(exports.hindrances(plan, out, files_asked))
    count = len(plan.failures) + len(plan.warnings)
    if options.strict and count:
        told = f"the plan has {count:,} fault{'s' if count > 1 else ''}"
        reasons.append(UsageError(root, told, "Mend what is listed, or leave out --strict"))
    if reasons:
        watch.planned(plan)
        for error in reasons[:-1]:
            watch.refused(error)
        raise reasons[-1]
    return plan


def run(
    root: Path, out: Path, options: BatchOptions, engine: Engine, watch: Watch | None = None
) -> Summary:
    """Measures what is new or changed, and writes the study's tables and report.

    Raises:
        UsageError: see ``make_plan``.
        StudyBusyError: another run is writing to this study; nothing was written.
        ConfigurationError: the study was made by a newer woundseg, or is none.
        OutputError: something cannot be written; what was measured before stays.
    """
    watch = watch or Watch()
    plan = make_plan(root, out, options, watch)
    with alone(out, options.store, create=True, say=watch.told) as kept:
        watch.planned(plan)
        files.sweep(out)  # of a run that was killed as it wrote
        kept.remember(PHOTOS_ROOT, "", str(root.resolve()))
        noted = Noted(kept, lambda: provenance.made(options.setup.device, options.now()))
        study = Study(root, plan, out, _standing(kept, plan, options), engine, noted)
        measured = _measure(study, options, watch)
        _draw_missing(study, options, watch)
        watch.stage("following ulcers")
        written = write_tables(study, options.conclude)
        noted.seal(written.sha256)
        watch.stage("writing exports and report")
        pages, errors = publish(study, options.conclude, written)
        return Summary(
            photos=len(plan.photos),
            measured=measured,
            failures=written.failures,
            rows=written.rows,
            head=head_before_report(kept),
            paths=(*(out / name for name in tables.ALL), *pages),
            errors=tuple(errors),
            warnings=written.warnings,
        )


def _standing(kept: Store, plan: Plan, options: BatchOptions) -> Standing:
    weights = segment.weights_path(options.setup.weights)
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    return Standing(kept, plan.photos, digest, options.setup.precision, options.score)


def _measure(study: Study, options: BatchOptions, watch: Watch) -> int:
    """Every photograph that has no result for these settings; gives how many."""
    standing = study.standing
    pending = study.plan.photos.where(lambda ref: not standing.is_measured(ref))
    watch.began(len(pending))
    for outcome in study.engine.outcomes(standing.task(ref) for ref in pending):
        _keep(outcome, standing.settings(outcome.ref), study, options)
        watch.measured(outcome)
    return len(pending)


def _keep(outcome: Outcome, settings: str, study: Study, options: BatchOptions) -> None:
    """A row and its picture; cut off in between, a picture may be missing and is never wrong.

    The first picture comes before its row: without the row both are made again. A later one
    comes after it, and the one before is gone by then.
    """
    ref, kept = outcome.ref, study.standing.kept
    said = reading(kept.corrections(ref.relative, outcome.sha256))
    path = overlay_path(study.out, ref.relative)
    taken_away = said.takes_away() and outcome.sketch is not None and outcome.sketch.outlines
    drawn = None if said.base is not None or taken_away else outcome.overlay
    first = kept.found(ref.relative) is None
    if first and drawn is not None:
        write_overlay(path, drawn)
    elif said.base is None or not _is_drawn(path, said.base, settings, kept):
        files.remove(path)
    kept.append([_entry(outcome, settings, options)])
    study.standing.keep(outcome)
    if not first and drawn is not None:
        write_overlay(path, drawn)


def _is_drawn(picture: Path, by_hand: Entry, settings: str, kept: Store) -> bool:
    """Whether the picture is that of an outline by hand which counts under these settings."""
    told = json.loads(by_hand.sketch) if by_hand.sketch else {}
    same = provenance.same_given(by_hand.settings, settings)
    drawn = noted_pictures(kept).get(by_hand.hash, told.get("overlay_sha256"))
    return same and drawn == file_sha256(picture)


def _draw_missing(study: Study, options: BatchOptions, watch: Watch) -> None:
    """Draws the pictures that are missing, each from the figures that it showed."""
    kept, standing = study.standing.kept, study.standing
    pictures = Pictures(study.out, kept)
    lacking = study.plan.photos.where(lambda ref: any(pictures.missing([ref.relative])))
    if not len(lacking):
        return
    watch.stage(f"drawing {len(lacking):,} missing picture{'s' if len(lacking) > 1 else ''}")

    def tasks() -> Iterator[Task]:
        for ref in lacking:
            for _, entry in pictures.missing([ref.relative]):
                outlined = entry.kind == CORRECTED and (
                    word(entry).decision == "mask" or "mask" in json.loads(entry.sketch)
                )
                yield replace(standing.task(ref), by_hand=entry if outlined else None)

    for outcome in study.engine.outcomes(tasks()):
        _keep_picture(outcome, pictures.expected(outcome.ref.relative), study, options)


def _keep_picture(
    outcome: Outcome, expected: Expected, study: Study, options: BatchOptions
) -> None:
    """A missing picture, if it shows the same figures; a measurement that differs is a new row."""
    entry, picture = expected.entry, outcome.overlay
    if entry is None or picture is None or outcome.sha256 != entry.sha256:
        return
    if outcome.record != entry.result:
        if entry.kind != CORRECTED:
            _keep(outcome, entry.settings, study, options)
        return
    sha256 = hashlib.sha256(picture).hexdigest()
    if sha256 != expected.sha256:
        study.noted.pictures({entry.hash: sha256})
    write_overlay(overlay_path(study.out, outcome.ref.relative), picture)


def _entry(outcome: Outcome, settings: str, options: BatchOptions) -> NewEntry:
    made = provenance.made(options.setup.device, options.now())
    if outcome.failure is not None:
        told = canonical(vars(outcome.failure))
        return _new("failed", outcome, settings, told, made)
    return _new("measured", outcome, settings, outcome.record or "", made)


def _new(kind: store.Kind, outcome: Outcome, settings: str, result: str, made: str) -> NewEntry:
    sketch = outcome.sketch
    return NewEntry(
        kind=kind,
        path=outcome.ref.relative,
        sha256=outcome.sha256,
        settings=settings,
        result=result,
        made=made,
        sketch=sketch_json(sketch, outcome.overlay or b"") if sketch else "",
        thumbnail=sketch.thumbnail if sketch else None,
    )


def photos_root(kept: Store) -> Path:
    """The folder of photographs of the last run.

    Raises:
        UsageError: no run is known.
    """
    text = kept.recall(PHOTOS_ROOT, "")
    if text is None:
        raise UsageError("--photos", "is not known of this study", "Name the folder of photographs")
    return Path(text)

"""The commands of a study: ``batch``, ``verify``, ``correct``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from woundseg.cli.parts import (
    add,
    add_engine_options,
    add_scale_options,
    say,
    score_options,
)
from woundseg.cli.record import is_record, verify_record
from woundseg.errors import EXIT_DONE, EXIT_PARTLY, UsageError

if TYPE_CHECKING:
    from woundseg.batch.conclude import ConcludeOptions
    from woundseg.batch.local import LocalEngine
    from woundseg.batch.on_ray import RayEngine
    from woundseg.batch.readings import Decision
    from woundseg.batch.run import BatchOptions, Summary, Watch
    from woundseg.batch.workers import Setup
    from woundseg.cli.parts import Commands


# --- batch ------------------------------------------------------------------------------------


def add_batch(commands: Commands) -> None:
    """``woundseg batch``."""
    parser = add(
        commands,
        "batch",
        "Measure a study's folder of visits; run again, it goes on where it stopped.",
        "woundseg batch photos --out study --subjects subjects.csv --card-line-mm 100",
    )
    parser.add_argument("photos", type=Path, metavar="PHOTOS")
    parser.add_argument("--out", type=Path, required=True, metavar="STUDY")
    _add_plan_options(parser)
    add_scale_options(parser)
    parser.add_argument("--protocol", type=Path, metavar="FILE", help="rules that differ (YAML)")
    parser.add_argument("--min-ulcer-cm2", type=float, metavar="CM2", help="smallest that counts")
    add_engine_options(parser)
    _add_work_options(parser)
    for option, meaning in (
        ("--redcap", "write an import file for REDCap there (CSV, its dictionary beside it)"),
        ("--fhir", "write FHIR R4 Observations there (JSON)"),
    ):
        parser.add_argument(option, type=Path, metavar="FILE", help=meaning)
    parser.add_argument("--json", action="store_true", help="print what was done as JSON")
    parser.set_defaults(command=_batch)


def _add_plan_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--manifest",
        type=Path,
        metavar="CSV",
        help="path,subject,visit,date[,ulcer,evaluable,mm_per_px,card_line_mm,closed,debrided,"
        "target]",
    )
    parser.add_argument(
        "--pattern",
        action="append",
        default=[],
        metavar="PATTERN",
        help="of a photograph's path, by default {subject}/{visit}_{date}/* and "
        "{subject}/{date}/*; repeat it for more",
    )
    parser.add_argument("--subjects", type=Path, metavar="CSV", help="first dose, death, ...")
    parser.add_argument(
        "--names",
        type=Path,
        metavar="CSV",
        help="path,ulcer: names the largest ulcer of single photographs; give it at every run",
    )
    parser.add_argument("--strict", action="store_true", help="stop at anything wrong in the plan")
    parser.add_argument("--dry-run", action="store_true", help="print the plan, measure nothing")


def _add_work_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--jobs", type=int, metavar="N", help="processes (default: one a core)")
    parser.add_argument("--engine", default="local", choices=("local", "ray"))
    parser.add_argument("--address", metavar="HOST:PORT", help="of the Ray cluster")
    parser.add_argument("--store", metavar="URL", help="a PostgreSQL database, not study.sqlite")
    parser.add_argument(
        "--as-of", metavar="DATE", help="today, for late visits and dates in the future"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def _batch(arguments: argparse.Namespace) -> int:
    from woundseg.batch.run import make_plan, run

    options = _batch_options(arguments)
    if arguments.dry_run:
        from woundseg.cli.progress import Dry, DryJson

        dry = DryJson() if arguments.json else Dry()
        plan = make_plan(arguments.photos, arguments.out, options, dry)
        dry.planned(plan)
        return EXIT_PARTLY if len(plan.failures) else EXIT_DONE
    if arguments.jobs is not None and arguments.jobs < 1:
        raise UsageError("--jobs", f"{arguments.jobs} is not 1 or more", "Leave it out")
    with _engine(arguments, options.setup) as engine:
        summary = run(arguments.photos, arguments.out, options, engine, watch(arguments.quiet))
    say(_told(summary, arguments.json))
    if summary.warnings:
        sys.stderr.write("to look at:\n")
        sys.stderr.writelines(f"  {line}\n" for line in summary.warnings)
    for error in summary.errors[:-1]:
        sys.stderr.write(f"{error.line()}\n")
    if summary.errors:
        raise summary.errors[-1]
    return EXIT_PARTLY if summary.failures else EXIT_DONE


def _batch_options(arguments: argparse.Namespace) -> BatchOptions:
    from datetime import UTC, datetime

    from woundseg.batch.run import BatchOptions
    from woundseg.trial import protocol
    from woundseg.visits import Calendar, VisitOptions

    rules = protocol.load(arguments.protocol)
    conclude = _conclude_options(arguments)
    patterns = {"patterns": tuple(arguments.pattern)} if arguments.pattern else {}
    return BatchOptions(
        visits=VisitOptions(
            manifest=arguments.manifest,
            subjects=arguments.subjects,
            names=arguments.names,
            calendar=Calendar(tuple(rules.schedule), conclude.as_of, rules.baseline.window_days),
            **patterns,
        ),
        setup=setup(arguments),
        conclude=conclude,
        now=lambda: datetime.now(UTC),
        score=score_options(arguments),
        store=arguments.store,
        strict=arguments.strict,
    )


def _conclude_options(arguments: argparse.Namespace) -> ConcludeOptions:
    from datetime import date

    from woundseg.batch.conclude import ConcludeOptions
    from woundseg.trial import protocol

    try:
        as_of = date.fromisoformat(arguments.as_of) if arguments.as_of else date.today()
    except ValueError:
        raise UsageError(
            "--as-of", f"{arguments.as_of!r} is no date", "Write it as 2026-03-04"
        ) from None
    rules = protocol.load(arguments.protocol)
    return ConcludeOptions(
        protocol=rules,
        as_of=as_of,
        subjects=arguments.subjects,
        names=arguments.names,
        redcap=arguments.redcap,
        fhir=arguments.fhir,
        study=rules.protocol.study,
    )


def setup(arguments: argparse.Namespace) -> Setup:
    """What each worker loads, as the options of the engine say."""
    from woundseg import engines
    from woundseg.batch.workers import Setup

    device = engines.resolve(arguments.device, arguments.precision)
    return Setup(arguments.weights, device, arguments.precision)


def _engine(arguments: argparse.Namespace, loaded: Setup) -> LocalEngine | RayEngine:
    if arguments.engine == "ray":
        from woundseg.batch.on_ray import RayEngine

        return RayEngine(loaded, arguments.address)
    if arguments.address is not None:
        raise UsageError("--address", "is for --engine ray", "Add --engine ray, or leave it out")
    from woundseg.batch.local import LocalEngine

    return LocalEngine(loaded, arguments.jobs)


def watch(quiet: bool) -> Watch:
    """Who tells of the progress."""
    from woundseg.cli.progress import Quiet, Shown

    return Quiet() if quiet else Shown()


def _told(summary: Summary, as_json: bool) -> str:
    paths = [str(path) for path in summary.paths]
    if as_json:
        import json

        errors = [error.line() for error in summary.errors]
        told = {**vars(summary), "paths": paths, "errors": errors}
        return json.dumps(told, indent=2) + "\n"
    kept = summary.photos - summary.measured
    return (
        f"{summary.photos} photographs: {summary.measured} measured now, {kept} kept from before\n"
        f"{summary.rows} rows in {paths[0]}\n"
        f"{summary.failures} not measured or not placed (failures.csv)\n"
        f"head of the chain: {summary.head}\n"
    )


# --- verify, correct --------------------------------------------------------------------------


def add_verify(commands: Commands) -> None:
    """``woundseg verify``."""
    parser = add(
        commands,
        "verify",
        "Say whether a study was altered, and measure a sample of it again; or whether a record of"
        " score is as written.",
        "woundseg verify study --head 3f9c...",
    )
    parser.add_argument("study", type=Path, metavar="STUDY|RECORD.json")
    parser.add_argument("--head", metavar="HASH", help="the chain's head, as you kept it")
    parser.add_argument("--sample", type=int, default=5, metavar="N", help="measured again (5)")
    _add_study_options(parser)
    parser.set_defaults(command=_verify)


def _add_study_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--photos", type=Path, metavar="DIR", help="where the photographs lie now")
    parser.add_argument("--weights", type=Path, metavar="FILE", help="other weights (.onnx)")
    parser.add_argument("--store", metavar="URL", help="a PostgreSQL database, not study.sqlite")


def _verify(arguments: argparse.Namespace) -> int:
    if is_record(arguments.study):
        return verify_record(arguments)
    from woundseg.batch.verify import VerifyOptions, verify

    if arguments.sample < 0:
        raise UsageError("--sample", f"{arguments.sample} is below 0", "Give 0 or more")
    options = VerifyOptions(
        head=arguments.head,
        sample=arguments.sample,
        photos=arguments.photos,
        weights=arguments.weights,
        where=arguments.store,
    )
    verdict = verify(arguments.study, options, _notice)
    found = (verdict.altered, verdict.photographs, verdict.differing, verdict.missing_pictures)
    for line in (*(line for lines in found for line in lines), *verdict.notes):
        sys.stderr.write(f"{line}\n")
    say(
        f"{verdict.state()}\n{verdict.entries} rows, head {verdict.head}\n"
        f"checked: {'; '.join(verdict.checked)}\n"
        f"not checked: {'; '.join(verdict.unchecked)}\n"
    )
    return EXIT_DONE if verdict.sound else EXIT_PARTLY


def _notice(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def add_correct(commands: Commands) -> None:
    """``woundseg correct``."""
    parser = add(
        commands,
        "correct",
        "Correct one photograph by hand: a new row supersedes, nothing is overwritten.",
        'woundseg correct study S01/V2_2026-01-20/foot.jpg --not-evaluable --by "A. Nurse"'
        ' --reason "dressing in view"',
    )
    parser.add_argument("study", type=Path, metavar="STUDY")
    parser.add_argument("path", metavar="PATH", help="the photograph, as visits.csv names it")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--mask", type=Path, metavar="PNG", help="of the photograph's size, 255 inside the ulcers"
    )
    for option, meaning in (
        ("--accept", "the machine's figures are right"),
        ("--closed", "the ulcer is seen to be closed: its area is 0"),
        ("--not-evaluable", "nothing can be said of it"),
        ("--undo", "take back the newest correction of the photograph"),
    ):
        what.add_argument(option, action="store_true", help=meaning)
    parser.add_argument(
        "--ulcer", metavar="ID", default="", help="the ulcer meant; the others stay as they are"
    )
    parser.add_argument(
        "--confirm", action="store_true", help="what looks wrong about the mask is meant"
    )
    parser.add_argument("--by", required=True, metavar="NAME")
    parser.add_argument("--reason", required=True, metavar="TEXT")
    _add_study_options(parser)
    parser.set_defaults(command=_correct)


def _decision(arguments: argparse.Namespace) -> Decision | Literal["undo"]:
    decisions: tuple[Decision | Literal["undo"], ...] = (
        "accept",
        "closed",
        "not_evaluable",
        "undo",
    )
    return next((name for name in decisions if getattr(arguments, name)), "mask")


def _correct(arguments: argparse.Namespace) -> int:
    from datetime import UTC, datetime

    from woundseg.batch.correct import Correction, correct

    correction = Correction(
        decision=_decision(arguments),
        ulcer=arguments.ulcer,
        confirm=arguments.confirm,
        path=arguments.path,
        by=arguments.by,
        reason=arguments.reason,
        mask=arguments.mask,
        photos=arguments.photos,
        weights=arguments.weights,
        where=arguments.store,
    )
    done = correct(arguments.study, correction, datetime.now(UTC), _notice)
    say("".join(f"{line}\n" for line in (*done.lines, f"head of the chain: {done.head}")))
    sys.stderr.write("Run woundseg batch again to write it into the tables and the report.\n")
    return EXIT_DONE

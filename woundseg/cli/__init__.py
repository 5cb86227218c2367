"""The commands: parse, import inside the body, call one function, turn errors into statuses.

Messages go to standard error; standard output carries the result alone.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from woundseg import __version__
from woundseg.cli import score, study
from woundseg.cli.parts import (
    Command,
    Parser,
    add,
    add_engine_options,
    say,
)
from woundseg.errors import (
    EXIT_DONE,
    EXIT_FAULT,
    EXIT_INTERRUPTED,
    EXIT_PARTLY,
    EXIT_UNREADABLE,
    OutputError,
    UsageError,
    WoundsegError,
)

if TYPE_CHECKING:
    from woundseg.cli.parts import Commands
    from woundseg.trial.endpoint import Endpoint


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and gives its exit status (interface.md's list)."""
    parser = build_parser()
    arguments = parser.parse_args(argv)
    try:
        command: Command = arguments.command
        return command(arguments)
    except WoundsegError as error:
        return _complain(error.line(), error.exit_status, arguments.debug)
    except KeyboardInterrupt:
        return _complain("woundseg: interrupted.", EXIT_INTERRUPTED, arguments.debug)
    except BrokenPipeError:  # the reader of our output (head, less) has gone and asks no more
        return OutputError.exit_status
    except Exception as error:
        kind = type(error).__name__
        line = (
            f"woundseg: a fault of ours ({kind}: {' '.join(str(error).split())[:200]}). "
            "Run again with --debug and report what it prints."
        )
        return _complain(line, EXIT_FAULT, arguments.debug)


def _complain(line: str, status: int, debug: bool) -> int:
    if debug:
        import traceback

        traceback.print_exc()
    sys.stderr.write(line + "\n")
    return status


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = Parser(
        prog="woundseg",
        description="Measures diabetic foot ulcers on photographs, and a trial's endpoint.",
        epilog="Example: woundseg score visit.jpg --out results",
    )
    parser.add_argument("--version", action="version", version=f"woundseg {__version__}")
    parser.set_defaults(debug=False)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for add_command in (
        score.add_score,
        study.add_batch,
        study.add_verify,
        study.add_correct,
        _add_segment,
        _add_card,
        _add_schema,
        _add_endpoint,
        _add_demo,
        _add_train,
        _add_evaluate,
    ):
        add_command(commands)
    return parser


# --- segment, card, schema, demo --------------------------------------------------------------


def _add_segment(commands: Commands) -> None:
    parser = add(
        commands,
        "segment",
        "Write ulcer masks (PNG, 0 and 255) for a folder of photographs or one file.",
        "woundseg segment photos --out masks",
    )
    parser.add_argument("photos", type=Path, metavar="PHOTOS")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument(
        "--tissue",
        action="store_true",
        help="write <stem>_tissue.png too: 0 not ulcer, 1 granulation, 2 slough, 3 necrosis,"
        " 4 other",
    )
    parser.add_argument("--json", action="store_true", help="print the list of results as JSON")
    add_engine_options(parser)
    parser.set_defaults(command=_segment)


def _segment(arguments: argparse.Namespace) -> int:
    import json

    from woundseg import segment, segment_folder

    segmenter = segment.load(arguments.device, arguments.precision, arguments.weights)
    found = []
    results = segment_folder.segment(
        arguments.photos, arguments.out, segmenter, _progress, arguments.tissue
    )
    for result in results:
        found.append(result)
        if result.error is not None:
            sys.stderr.write(f"{result.error}\n")
        elif not arguments.json:
            say(f"{result.mask}\n")
    if arguments.json:
        say(json.dumps([vars(result) for result in found], indent=2, default=str) + "\n")
    failed = [result for result in found if result.error is not None]
    if failed and arguments.photos.is_file():
        return EXIT_UNREADABLE
    return EXIT_PARTLY if failed else EXIT_DONE


def _progress(done: int, of: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{done} of {of}" + ("\n" if done == of else ""))


def _add_card(commands: Commands) -> None:
    parser = add(
        commands, "card", "Draw the scale card to print (PDF or PNG).", "woundseg card card.pdf"
    )
    parser.add_argument("out", type=Path, metavar="OUT.pdf|OUT.png")
    parser.add_argument("--size", default="standard", choices=("small", "standard"))
    parser.add_argument("--dpi", type=float, default=300.0, help="of a PNG (default 300)")
    parser.set_defaults(command=_card)


def _card(arguments: argparse.Namespace) -> int:
    from woundseg.card import write_card

    say(f"{write_card(arguments.out, arguments.size, arguments.dpi)}\n")
    return EXIT_DONE


def _add_schema(commands: Commands) -> None:
    parser = add(commands, "schema", "Print the JSON schema of score's record.", "woundseg schema")
    parser.set_defaults(command=_schema)


def _schema(_arguments: argparse.Namespace) -> int:
    import json

    from woundseg.records import ScoreRecord

    say(json.dumps(ScoreRecord.model_json_schema(), indent=2) + "\n")
    return EXIT_DONE


def _add_demo(commands: Commands) -> None:
    parser = add(
        commands,
        "demo",
        "Measure a simulated subject's visits beside the truth, then run a simulated trial.",
        "woundseg demo demo",
    )
    parser.add_argument("folder", type=Path, metavar="DIR")
    add_engine_options(parser)
    parser.set_defaults(command=_demo)


def _demo(arguments: argparse.Namespace) -> int:
    from datetime import UTC, datetime

    from woundseg import demo
    from woundseg.trial import protocol

    rules = protocol.load(None)
    setup = study.setup(arguments)
    watch = study.watch(quiet=False)
    visits = demo.subject(arguments.folder, setup, rules, lambda: datetime.now(UTC), watch)
    lines = [visit.line() for visit in visits]
    say("\n".join([demo.TITLE, demo.HEADER, *lines, demo.best_response(arguments.folder)]) + "\n")
    say(f"\n{demo.TRIAL_TITLE}\n{demo.trial(arguments.folder, rules)}")
    sys.stderr.write(
        f"photographs, the study's and the trial's report.html are in {arguments.folder}\n"
    )
    return EXIT_DONE


# --- endpoint ---------------------------------------------------------------------------------


def _add_endpoint(commands: Commands) -> None:
    parser = add(
        commands,
        "endpoint",
        "From a table of visits to the trial's endpoint: responses, rates, remission.",
        "woundseg endpoint visits.csv --subjects subjects.csv --out results --report",
    )
    parser.add_argument("visits", type=Path, metavar="VISITS.csv")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write the tables there")
    parser.add_argument("--subjects", type=Path, metavar="CSV", help="first dose, death, ...")
    parser.add_argument("--protocol", type=Path, metavar="FILE", help="rules that differ (YAML)")
    parser.add_argument(
        "--source", choices=("area", "assessed"), help="measured areas, or the response column"
    )
    for option, meaning in (
        ("--mc", "carry the areas' error to the rates (Monte Carlo)"),
        ("--xpt", "write the data sets as XPT (version 5) too"),
        ("--report", "write report.html"),
        ("--pdf", "write report.pdf"),
        ("--json", "print summary.json"),
        ("--strict", "stop (2) while a visit waits for a reading or queries.csv has an open query"),
    ):
        parser.add_argument(option, action="store_true", help=meaning)
    parser.add_argument("--explain", metavar="SUBJECT", help="tell one subject's story; alone it"
                        " writes nothing")  # fmt: skip
    parser.set_defaults(command=_endpoint)


def _endpoint(arguments: argparse.Namespace) -> int:
    if arguments.out is None and arguments.explain is None:
        raise UsageError("--out", "is missing", "Name the folder for the tables")
    from woundseg.trial import endpoint, protocol, readings, story

    rules = protocol.load(arguments.protocol)
    if arguments.source is not None:
        rules = rules.override({"source": arguments.source})
    found = endpoint.run(arguments.visits, arguments.subjects, rules, arguments.mc)
    if arguments.strict:
        readings.require_settled(found.found.study, arguments.visits)
    waiting = readings.waiting(found.found.study)
    if waiting:
        sys.stderr.write(f"{readings.WAITING}: {readings.sentence(waiting)}\n")
    told = None if arguments.explain is None else story.explain(found, arguments.explain)
    if arguments.out is not None:
        _write_endpoint(found, arguments)
    if arguments.json:
        told = endpoint.summary_text(found.summary)
    elif told is None:
        from woundseg import trial_report

        told = trial_report.told(found)
    say(told)
    return EXIT_DONE


def _write_endpoint(found: Endpoint, arguments: argparse.Namespace) -> None:
    """Everything is made before the first file is written."""
    from woundseg.trial import endpoint

    pages = {}
    if arguments.report or arguments.pdf:
        from woundseg import trial_report

        pages = trial_report.texts(found, arguments.report, arguments.pdf)
    written = endpoint.write(found, arguments.out, arguments.xpt)
    if pages:
        written += trial_report.write(pages, arguments.out)
    sys.stderr.write(f"wrote {len(written)} files into {arguments.out}\n")


# --- train, evaluate --------------------------------------------------------------------------


def _add_train(commands: Commands) -> None:
    parser = add(
        commands,
        "train",
        "Train a network; Hydra overrides follow the command.",
        "woundseg train data=fuseg model=unet_lite2 trainer=cpu data.hold_out=[0]",
    )
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    parser.set_defaults(command=_train)


def _train(arguments: argparse.Namespace) -> int:
    from contextlib import redirect_stdout

    from woundseg.config import train_options

    options = train_options(arguments.overrides)
    from woundseg.training.fit import fit

    with redirect_stdout(sys.stderr):  # Lightning's progress bar goes to standard output
        checkpoint = fit(options)
    say(f"{checkpoint}\n")
    return EXIT_DONE


def _add_evaluate(commands: Commands) -> None:
    parser = add(
        commands,
        "evaluate",
        "Compare masks with labels over a data set; Hydra overrides follow the command.",
        "woundseg evaluate data=fuseg folds=[0] weights=fold0.onnx",
    )
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    parser.set_defaults(command=_evaluate)


def _evaluate(arguments: argparse.Namespace) -> int:
    from woundseg import evaluate, evaluate_tissue
    from woundseg.config import evaluation
    from woundseg.datasets import TISSUE_SETS

    asked = evaluation(arguments.overrides)
    run = evaluate_tissue.run if asked.data.name in TISSUE_SETS else evaluate.run
    say(run(asked, _progress).text() + "\n")
    return EXIT_DONE

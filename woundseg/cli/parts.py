"""What all commands share: the parser, options that several have, and how results are said."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from woundseg.errors import EXIT_USAGE, OutputError, UsageError

if TYPE_CHECKING:
    from woundseg.colour import Profile
    from woundseg.pipeline import ScoreOptions

    Commands = argparse._SubParsersAction["Parser"]

Command = Callable[[argparse.Namespace], int]


class Parser(argparse.ArgumentParser):
    """argparse, with its complaint on one line and this project's exit status."""

    def error(self, message: str) -> NoReturn:
        """Complains and ends."""
        sys.stderr.write(f"{self.prog}: {message}. See {self.prog} --help.\n")
        raise SystemExit(EXIT_USAGE)


def say(text: str) -> None:
    """Gives a part of the result to standard output, at once.

    Raises:
        OutputError: nothing more can be written there, as on a full disk.
        BrokenPipeError: whoever read it has gone.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        # What is left in the buffer would fail again, with a traceback, as Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise
        raise OutputError(
            "standard output", f"cannot be written ({error.strerror})", "Send it elsewhere"
        ) from error


def add(commands: Commands, name: str, summary: str, example: str) -> argparse.ArgumentParser:
    """A command's own parser, with its example and ``--debug``."""
    parser = commands.add_parser(
        name, help=summary, description=summary, epilog=f"Example: {example}"
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def add_scale_options(parser: argparse.ArgumentParser) -> None:
    """How the scale is known."""
    for option, meaning in (
        ("--card-line-mm", "what the card's 100 mm line measures in print"),
        ("--marker-mm", "a single marker, not the card: side of its black border"),
        ("--mm-per-px", "scale known otherwise"),
    ):
        parser.add_argument(option, type=float, metavar="MM", help=meaning)
    parser.add_argument(
        "--card-profile",
        type=Path,
        metavar="CSV",
        help="measured colours of the card's print (patch,L,a,b) for a full correction",
    )
    parser.add_argument(
        "--marker-dict", default="DICT_4X4_50", metavar="NAME", help="the single marker's family"
    )


def add_engine_options(parser: argparse.ArgumentParser) -> None:
    """What the network runs on."""
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--precision", default="fp32", choices=("fp32", "bf16", "fp16", "int8"))
    parser.add_argument("--weights", type=Path, metavar="FILE", help="other weights (.onnx)")


def score_options(arguments: argparse.Namespace) -> ScoreOptions:
    """How photographs are measured.

    Raises:
        UsageError: a value that cannot be.
        TableError: the card's profile cannot be understood.
    """
    from woundseg.measure import MeasureOptions
    from woundseg.pipeline import ScoreOptions
    from woundseg.scale import ScaleOptions

    smallest = arguments.min_ulcer_cm2
    if smallest is not None and not 0 < smallest <= 10:
        raise UsageError(
            "--min-ulcer-cm2", f"{smallest} is not above 0 and at most 10", "Leave it out for 0.05"
        )
    return ScoreOptions(
        measure=MeasureOptions() if smallest is None else MeasureOptions(min_ulcer_cm2=smallest),
        scale=ScaleOptions(
            card_line_mm=arguments.card_line_mm,
            marker_mm=arguments.marker_mm,
            marker_dict=arguments.marker_dict,
            mm_per_px=arguments.mm_per_px,
        ),
        require_scale=getattr(arguments, "require_scale", False),
        card_profile=_profile(arguments.card_profile),
    )


def _profile(path: Path | None) -> Profile | None:
    if path is None:
        return None
    from woundseg.colour import read_profile

    return read_profile(path)

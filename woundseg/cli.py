"""The commands: they parse, import inside their body, call one function, and turn known errors
into exit statuses. Messages go to standard error; standard output carries the result alone.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from woundseg import __version__
from woundseg.errors import (
    EXIT_DONE,
    EXIT_FAULT,
    EXIT_INTERRUPTED,
    EXIT_USAGE,
    OutputError,
    WoundsegError,
)

Command = Callable[[argparse.Namespace], int]


class _Parser(argparse.ArgumentParser):
    """argparse, with its complaint on one line and this project's exit status."""

    def error(self, message: str) -> NoReturn:
        sys.stderr.write(f"{self.prog}: {message}. See {self.prog} --help.\n")
        raise SystemExit(EXIT_USAGE)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and gives its exit status (interface.md's list)."""
    parser = build_parser()
    arguments = parser.parse_args(argv)
    try:
        command: Command = arguments.command
        status = command(arguments)
        sys.stdout.flush()
    except WoundsegError as error:
        if arguments.debug:
            raise
        return _complain(error.line(), error.exit_status)
    except KeyboardInterrupt:
        return _complain("woundseg: interrupted.", EXIT_INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output (head, less) has gone; nothing more can be said to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OutputError.exit_status
    except Exception as error:
        if arguments.debug:
            raise
        kind = type(error).__name__
        return _complain(
            f"woundseg: a fault of ours ({kind}: {' '.join(str(error).split())[:200]}). "
            "Run again with --debug and report what it prints.",
            EXIT_FAULT,
        )
    return status


def _complain(line: str, status: int) -> int:
    sys.stderr.write(line + "\n")
    return status


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = _Parser(
        prog="woundseg",
        description="Measures diabetic foot ulcers on photographs, and a trial's endpoint.",
        epilog="Example: woundseg score visit.jpg --out results",
    )
    parser.add_argument("--version", action="version", version=f"woundseg {__version__}")
    parser.set_defaults(debug=False)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for add in (_add_train,):
        add(commands)
    return parser


def _add(
    commands: argparse._SubParsersAction[_Parser], name: str, summary: str, example: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name, help=summary, description=summary, epilog=f"Example: {example}"
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def _add_train(commands: argparse._SubParsersAction[_Parser]) -> None:
    parser = _add(
        commands,
        "train",
        "Train a network; Hydra overrides follow the command.",
        "woundseg train data=fuseg model=unet_lite2 trainer=cpu data.hold_out=[0]",
    )
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    parser.set_defaults(command=_train)


def _train(arguments: argparse.Namespace) -> int:
    from woundseg.config import train_options

    options = train_options(arguments.overrides)
    from woundseg.training.fit import fit

    checkpoint = fit(options)
    sys.stdout.write(f"{checkpoint}\n")
    return EXIT_DONE


if __name__ == "__main__":
    raise SystemExit(main())

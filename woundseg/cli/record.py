"""``woundseg verify RECORD.json``: whether a record is as woundseg score wrote it."""

from __future__ import annotations

import argparse
from pathlib import Path

from woundseg.cli.parts import say
from woundseg.errors import EXIT_DONE, EXIT_PARTLY, UsageError

_SAYS = {
    "as_written": "as written by {software} (a guard against slips, not against forgery)",
    "edited": "NOT AS WRITTEN: edited after {software} wrote it. Measure {photo} again",
    "no_digest": "has no digest ({software}), so it cannot be checked. Measure {photo} again",
}


def is_record(path: Path) -> bool:
    """Whether ``verify`` was given a record and not a study's folder."""
    return path.suffix.lower() == ".json" and not path.is_dir()


def verify_record(arguments: argparse.Namespace) -> int:
    """Says whether the record ``arguments.study`` is as written.

    Raises:
        UsageError: it is not a record, or an option is for a study.
    """
    from woundseg import record_files

    for option in ("head", "photos", "weights", "store"):
        if getattr(arguments, option) is not None:
            raise UsageError(f"--{option}", "is for a study, not for a record", "Leave it out")
    found = record_files.read(arguments.study)
    facts = {"software": found.record.software, "photo": found.record.photo.path}
    say(f"{found.path}: {_SAYS[found.state].format(**facts)}.\n")
    return EXIT_DONE if found.state == "as_written" else EXIT_PARTLY

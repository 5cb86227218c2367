"""``woundseg score``: one photograph, at the clinic."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from woundseg.cli.parts import (
    add,
    add_engine_options,
    add_scale_options,
    say,
    score_options,
)
from woundseg.errors import EXIT_DONE, NotMeasurableError, UsageError

if TYPE_CHECKING:
    from woundseg.baseline import Statement
    from woundseg.cli.parts import Commands
    from woundseg.earlier import Earlier
    from woundseg.photo import Photo
    from woundseg.pipeline import Scored, ScoreOptions
    from woundseg.segment import Segmenter
    from woundseg.trial.protocol import Protocol


def add_score(commands: Commands) -> None:
    """``woundseg score``."""
    parser = add(
        commands,
        "score",
        "Measure the ulcer on one photograph.",
        "woundseg score visit.jpg --baseline first.jpg --out results",
    )
    parser.add_argument("photo", type=Path, metavar="PHOTO")
    add_scale_options(parser)
    parser.add_argument(
        "--require-scale", action="store_true", help="exit status 4 when there is no scale"
    )
    _add_baseline_options(parser)
    parser.add_argument("--min-ulcer-cm2", type=float, metavar="CM2", help="smallest that counts")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write record and picture there")
    parser.add_argument("--json", action="store_true", help="print the record as JSON")
    add_engine_options(parser)
    parser.set_defaults(command=_score)


def _add_baseline_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--baseline",
        action="append",
        default=[],
        metavar="CM2|RECORD.json|PHOTO",
        help="an earlier visit (a photograph with a card or marker of its own); repeat it for"
        " more, in order of time. The place of the ulcer is checked with a photograph, or a record"
        " whose photograph is still there, but not with an area",
    )
    parser.add_argument(
        "--ulcer", metavar="ID", help="the ulcer that is compared, where this photograph has more"
    )
    parser.add_argument(
        "--closed", action="store_true", help="a person has seen the ulcer closed at this visit"
    )
    parser.add_argument("--protocol", type=Path, metavar="FILE", help="rules that differ (YAML)")


@dataclass(frozen=True)
class _Comparison:
    """What this visit is compared with, read before any work starts.

    Attributes:
        earlier: the visits given, in order of time.
        rules: the protocol.
        said: what a person says of this visit.
    """

    earlier: Sequence[Earlier]
    rules: Protocol
    said: Statement


def _score(arguments: argparse.Namespace) -> int:
    from woundseg import photo, results, segment, wording
    from woundseg.pipeline import score

    options = score_options(arguments)
    read = photo.read(arguments.photo)
    if arguments.out is not None:
        results.refuse_others(read, arguments.out, arguments.photo.stem)
    comparison = _comparison(arguments, read, options)
    segmenter = segment.load(arguments.device, arguments.precision, arguments.weights)
    scored = score(read, segmenter, options)
    if comparison is not None:
        scored = _compared(scored, comparison, segmenter, options)
    if arguments.out is not None:
        for path in results.write(scored, arguments.out, arguments.photo.stem):
            sys.stderr.write(f"wrote {path}\n")
    say(results.to_json(scored) if arguments.json else wording.describe(scored.record) + "\n")
    _refuse_unmeasurable(scored, arguments.require_scale)
    return EXIT_DONE


def _comparison(
    arguments: argparse.Namespace, read: Photo, options: ScoreOptions
) -> _Comparison | None:
    """What to compare with; None where nothing is.

    Raises:
        UsageError: earlier visits that cannot be, or options that need one.
        UnreadablePhotoError: an earlier photograph that cannot be read.
    """
    needing = {"--ulcer": arguments.ulcer, "--closed": arguments.closed}
    for option, value in needing.items():
        if value and not arguments.baseline:
            raise UsageError(option, "is for a comparison", "Give --baseline as well")
    if not arguments.baseline and arguments.protocol is None:
        return None
    from woundseg.trial import protocol

    rules = protocol.load(arguments.protocol)
    if not arguments.baseline:
        return None
    from woundseg import earlier
    from woundseg.baseline import Statement

    visits = [earlier.read(text) for text in arguments.baseline]
    earlier.check_order(visits, read)
    earlier.check_card_line(visits, options)
    for warning in (visit.warning for visit in visits):
        if warning is not None:
            sys.stderr.write(f"{warning}\n")
    return _Comparison(visits, rules, Statement(arguments.ulcer, arguments.closed))


def _compared(
    scored: Scored, comparison: _Comparison, segmenter: Segmenter, options: ScoreOptions
) -> Scored:
    """With the response to the earlier visits."""
    from woundseg import baseline, earlier
    from woundseg.pipeline import score

    comparison.said.check(scored.record)
    # Millimetres per pixel hold for one photograph; a card or marker is found in each.
    others = options.without_given_scale()
    visits = [
        earlier.measured(visit, lambda found, how: score(found, segmenter, how), others)
        for visit in comparison.earlier
    ]
    now = baseline.visit_of(scored)
    response = baseline.respond(visits, now, comparison.rules, comparison.said)
    return scored.with_response(response)


def _refuse_unmeasurable(scored: Scored, require_scale: bool) -> None:
    """Says on standard error what the record says, for who reads the exit status.

    Raises:
        NotMeasurableError: a flag rejects the photograph, or a scale is required and missing.
    """
    from woundseg.records import NotEvaluable

    record = scored.record
    flags = {flag.severity: flag for flag in reversed(record.quality.flags)}
    if not record.quality.measurable:
        flag = flags["reject"]
        raise NotMeasurableError(record.photo.path, f"not measurable ({flag.code})", flag.advice)
    if require_scale and record.scale.source == "none":
        missing = scored.scale
        advice = missing.advice if isinstance(missing, NotEvaluable) else "Lay the card beside it"
        raise NotMeasurableError(record.photo.path, "has no scale", advice)

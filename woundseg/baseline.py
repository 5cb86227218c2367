"""Earlier visits given to ``woundseg score --baseline``, and this visit's response to them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from woundseg import photo
from woundseg.errors import UnreadablePhotoError, UsageError
from woundseg.photo import Photo
from woundseg.pipeline import Scored, ScoreOptions, options_from
from woundseg.records import ResponseFacts, ScoreRecord, Sketch, Ulcer
from woundseg.sketch import look, sketch
from woundseg.trial.protocol import Protocol
from woundseg.trial.response import Measured, compare, not_evaluable

if TYPE_CHECKING:
    from woundseg.match import Named

RECORD_FORMS = "Give an area in cm², a record (.json) of woundseg score, or a photograph"

ADVICE = {
    "not_measurable": "One of the photographs cannot be measured: take it again.",
    "no_scale": "One of the visits has no area in cm²: give the area, or a photograph with a card.",
    "NOBASE": "The first visit shows no ulcer to compare with.",
    "match_unsure": "Which ulcer is the first visit's largest cannot be told: compare them by eye.",
}
"""What to do, by the reason why a visit cannot be judged."""

_AREA_ALONE = (
    "A photograph shows several ulcers, and an area alone does not say which one it is of: "
    "give the earlier photograph or its record."
)
_TOLD = ("match_unregistered", "merged", "split", "out_of_view", "hidden")
"""Of the flags of matching, those that say something of the index ulcer to who sees this visit."""

_SAME_BOX = 0.5
"""Least common area of an ulcer's boxes, over that of both, at two measurings of a photograph."""


@dataclass(frozen=True)
class Visit:
    """One visit: an area the user knows, or a record of a photograph.

    Attributes:
        area_cm2: as given.
        record: the photograph's figures.
        sketch: of the photograph, to follow its ulcers; None where it is not at hand.
        folder: of the record's file; its photograph may be named from there.
    """

    area_cm2: float | None = None
    record: ScoreRecord | None = None
    sketch: Sketch | None = None
    folder: Path | None = None


def read(argument: str, score_photo: Callable[[Path], Scored]) -> Visit:
    """The earlier visit that ``argument`` names: CM2, RECORD.json or a photograph.

    Args:
        argument: as typed after ``--baseline``.
        score_photo: measures a photograph.

    Raises:
        UsageError: an impossible area, or a file that is no record.
        UnreadablePhotoError: a photograph that cannot be read.
    """
    try:
        area_cm2 = float(argument)
    except ValueError:
        path = Path(argument)
        if path.suffix.lower() == ".json":
            return Visit(record=_read_record(path), folder=path.parent)
        return visit_of(score_photo(path))
    if not (math.isfinite(area_cm2) and area_cm2 >= 0):
        raise UsageError(f"--baseline {argument}", "is no area in cm²", RECORD_FORMS)
    return Visit(area_cm2=area_cm2)


def visit_of(scored: Scored) -> Visit:
    """A visit whose photograph is at hand."""
    return Visit(record=scored.record, sketch=sketch(scored))


def _read_record(path: Path) -> ScoreRecord:
    try:
        return ScoreRecord.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UsageError(path, f"cannot be read ({error.strerror})", RECORD_FORMS) from None
    except (ValidationError, json.JSONDecodeError):
        raise UsageError(path, "is no record of woundseg score", RECORD_FORMS) from None


def several(visits: Sequence[Visit]) -> bool:
    """Whether a photograph shows several ulcers, so that they have to be matched."""
    return any(visit.record is not None and len(visit.record.ulcers) > 1 for visit in visits)


def with_sketch(visit: Visit, score_as: Callable[[Photo, ScoreOptions], Scored]) -> Visit:
    """A record's visit with the sketch of its photograph, where that is still there.

    A record has no outlines, so the photograph is measured again, with the record's settings; the
    figures stay the record's. The sketch is left out where the photograph is gone or another one,
    or where other weights now see other ulcers on it.

    Args:
        visit: as given.
        score_as: measures a photograph.
    """
    record = visit.record
    if record is None or visit.sketch is not None:
        return visit
    found = _photograph(visit, record)
    if found is None:
        return visit
    again = score_as(found, options_from(record.settings.model_dump()))
    return replace(visit, sketch=sketch(again)) if _agree(record, again.record) else visit


def _photograph(visit: Visit, record: ScoreRecord) -> Photo | None:
    """The record's very photograph: where it was named, or as seen from the record's folder."""
    named = Path(record.photo.path)
    beside = [] if visit.folder is None else [visit.folder / named, visit.folder / named.name]
    for path in (named, *beside):
        try:
            found = photo.read(path)
        except UnreadablePhotoError:
            continue
        if found.sha256 == record.photo.sha256:
            return found
    return None


def _agree(one: ScoreRecord, other: ScoreRecord) -> bool:
    """The same ulcers in the same order, by their boxes."""
    if len(one.ulcers) != len(other.ulcers):
        return False
    pairs = zip(one.ulcers, other.ulcers, strict=True)
    return all(_common(a.bbox_px, b.bbox_px) >= _SAME_BOX for a, b in pairs)


Box = tuple[int, int, int, int]


def _common(one: Box | None, other: Box | None) -> float:
    """Common area of two boxes over that of both together."""
    if one is None or other is None:
        return 0.0
    wide = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    high = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    shared = max(0, wide) * max(0, high)
    return shared / (one[2] * one[3] + other[2] * other[3] - shared)


def respond(earlier: Sequence[Visit], now: Visit, protocol: Protocol) -> ResponseFacts:
    """This visit's category against the earlier ones; unconfirmed, as one visit always is.

    The index ulcer is the largest of the first visit. Where a photograph shows several ulcers they
    are matched as in a study, which takes the photographs of all visits. Where one is missing, or
    the match is not sure on one of them, the category is ``not_evaluable`` with the reason
    ``match_unsure``. A visit that gave no area in cm² is ``not_evaluable`` too.
    """
    visits = [*earlier, now]
    first = _only(visits[0])
    reason = _obstacle(visits)
    if reason is not None:
        return _unjudged(reason, first.area_cm2)
    if not several(visits):
        ulcers = tuple(ulcer.id for ulcer in now.record.ulcers) if now.record else ()
        return _judged([_only(visit) for visit in visits], protocol, ulcers)
    missing = _missing(visits)
    if missing is not None:
        return _unjudged("match_unsure", first.area_cm2, missing)
    return _matched(visits, protocol)


def _obstacle(visits: Sequence[Visit]) -> str | None:
    records = [visit.record for visit in visits if visit.record is not None]
    if any(not record.quality.measurable for record in records):
        return "not_measurable"
    if any(_only(visit).area_cm2 is None for visit in visits):
        return "no_scale"
    return "NOBASE" if not _only(visits[0]).area_cm2 else None


def _only(visit: Visit) -> Measured:
    """The area given, or the record's largest ulcer; 0 where it shows none."""
    if visit.record is None:
        return Measured(visit.area_cm2)
    figures = visit.record.ulcers[0] if visit.record.ulcers else visit.record.total
    return Measured(figures.area_cm2, figures.area_sd)


def _unjudged(reason: str, baseline_cm2: float | None, advice: str | None = None) -> ResponseFacts:
    advice = advice or ADVICE.get(reason)
    return not_evaluable(reason, baseline_cm2).model_copy(update={"advice": advice})


def _judged(
    areas: Sequence[Measured], protocol: Protocol, ulcers: tuple[str, ...], advice: str = ""
) -> ResponseFacts:
    found = compare(areas[:-1], areas[-1], protocol)
    return found.model_copy(update={"ulcers": ulcers, "advice": advice or None})


def _missing(visits: Sequence[Visit]) -> str | None:
    """Why the visits' ulcers cannot be matched: something other than a photograph was given."""
    for visit in visits:
        if visit.record is None:
            return _AREA_ALONE
        if visit.sketch is None:
            return (
                f"A photograph shows several ulcers, and {visit.record.photo.path} is not there "
                "as it was measured: give the earlier photograph itself."
            )
    return None


def _matched(visits: Sequence[Visit], protocol: Protocol) -> ResponseFacts:
    """By the index ulcer's area on each photograph, as following tells it."""
    from woundseg.match import FLAG_ADVICE, follow

    named = follow([look(visit.sketch, visit.record) for visit in visits if visit.sketch])
    index = named[0].names[0] or ""
    areas = [_area(visit, one, index) for visit, one in zip(visits, named, strict=True)]
    codes = dict.fromkeys(code for one in named for name, code in one.flags if name == index)
    told = [FLAG_ADVICE[code] for code in codes if code in _TOLD]
    known = [area for area in areas if area is not None]
    if len(known) < len(areas):
        advice = " ".join([ADVICE["match_unsure"], *told])
        return _unjudged("match_unsure", _only(visits[0]).area_cm2, advice)
    ulcers = tuple(part.id for part in _parts(visits[-1], named[-1], index))
    return _judged(known, protocol, ulcers, " ".join(told))


def _parts(visit: Visit, named: Named, index: str) -> list[Ulcer]:
    ulcers = visit.record.ulcers if visit.record else ()
    return [ulcer for ulcer, name in zip(ulcers, named.names, strict=True) if name == index]


def _area(visit: Visit, named: Named, index: str) -> Measured | None:
    """The index ulcer's area, its parts added up as if they erred together; None where unsure."""
    if index in named.closed:
        return Measured(0.0)
    parts = _parts(visit, named, index)
    if not parts:
        return None
    areas, errors = [part.area_cm2 for part in parts], [part.area_sd for part in parts]
    return Measured(_sum(areas), _sum(errors))


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None

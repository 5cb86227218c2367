"""Earlier visits given to ``woundseg score --baseline``, and this visit's response to them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from woundseg.errors import UsageError
from woundseg.records import ResponseFacts, ScoreRecord
from woundseg.trial.protocol import Protocol
from woundseg.trial.response import Measured, compare, not_evaluable

RECORD_FORMS = "Give an area in cm², a record (.json) of woundseg score, or a photograph"


@dataclass(frozen=True)
class EarlierVisit:
    """One earlier visit: an area the user knows, or a record of a photograph."""

    area_cm2: float | None = None
    record: ScoreRecord | None = None


def read(argument: str, score_photo: Callable[[Path], ScoreRecord]) -> EarlierVisit:
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
            return EarlierVisit(record=_read_record(path))
        return EarlierVisit(record=score_photo(path))
    if not (math.isfinite(area_cm2) and area_cm2 >= 0):
        raise UsageError(f"--baseline {argument}", "is no area in cm²", RECORD_FORMS)
    return EarlierVisit(area_cm2=area_cm2)


def _read_record(path: Path) -> ScoreRecord:
    try:
        return ScoreRecord.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UsageError(path, f"cannot be read ({error.strerror})", RECORD_FORMS) from None
    except (ValidationError, json.JSONDecodeError):
        raise UsageError(path, "is no record of woundseg score", RECORD_FORMS) from None


def respond(earlier: list[EarlierVisit], record: ScoreRecord, protocol: Protocol) -> ResponseFacts:
    """This visit's category against the earlier ones; unconfirmed, as one visit always is.

    The index ulcer is the largest of the first visit. Where one visit shows several ulcers, which
    of them is the index ulcer is not guessed: the category is ``not_evaluable`` with the reason
    ``match_unsure``. A visit that gave no area in cm² is ``not_evaluable`` too.
    """
    visits = [*earlier, EarlierVisit(record=record)]
    reason = _obstacle(visits)
    if reason is not None:
        return not_evaluable(reason, _area(visits[0]).area_cm2)
    return compare([_area(visit) for visit in earlier], _area(visits[-1]), protocol)


def _obstacle(visits: list[EarlierVisit]) -> str | None:
    records = [visit.record for visit in visits if visit.record is not None]
    if any(not record.quality.measurable for record in records):
        return "not_measurable"
    if any(_area(visit).area_cm2 is None for visit in visits):
        return "no_scale"
    if any(len(record.ulcers) > 1 for record in records):
        return "match_unsure"
    return None


def _area(visit: EarlierVisit) -> Measured:
    if visit.record is None:
        return Measured(visit.area_cm2)
    figures = visit.record.ulcers[0] if visit.record.ulcers else visit.record.total
    return Measured(figures.area_cm2, figures.area_sd)

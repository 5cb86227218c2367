"""Earlier visits given to ``woundseg score --baseline``: read, checked, measured."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from woundseg import card, photo, record_files
from woundseg.baseline import Visit, visit_of
from woundseg.errors import UnreadablePhotoError, UsageError
from woundseg.photo import Photo
from woundseg.pipeline import Scored, ScoreOptions, options_from
from woundseg.record_files import RecordFile
from woundseg.records import ScoreRecord
from woundseg.sketch import sketch

FORMS = "Give an area in cm², a record (.json) of woundseg score, or a photograph"

_SAME_BOX = 0.5
"""Least common area of an ulcer's boxes, over that of both, at two measurings of a photograph."""

Score = Callable[[Photo, ScoreOptions], Scored]


@dataclass(frozen=True)
class Earlier:
    """An earlier visit as it was named; one of the three is not None.

    Attributes:
        argument: as typed after ``--baseline``.
        area_cm2: the area that was given.
        file: the record that was given.
        photo: the photograph that was given, not measured yet.
    """

    argument: str
    area_cm2: float | None = None
    file: RecordFile | None = None
    photo: Photo | None = None

    @property
    def warning(self) -> str | None:
        """What to know of it before its figures are used."""
        if self.file is None or self.file.state != "no_digest":
            return None
        return (
            f"{self.file.path}: has no digest, so whether it was edited cannot be checked. "
            "Measure its photograph again for a record with one."
        )

    @property
    def captured_at(self) -> datetime | None:
        """When the photograph was taken by the camera's clock, without a time zone."""
        if self.photo is not None:
            return _local(self.photo.captured_at)
        told = self.file.record.photo.captured_at if self.file else None
        try:
            return _local(datetime.fromisoformat(told)) if told else None
        except ValueError:
            return None


def _local(time: datetime | None) -> datetime | None:
    return None if time is None else time.replace(tzinfo=None)


def read(argument: str) -> Earlier:
    """The earlier visit that ``argument`` names: CM2, RECORD.json or a photograph.

    Raises:
        UsageError: an impossible area, a file that is not a record, a record that was edited.
        UnreadablePhotoError: a photograph that cannot be read.
    """
    try:
        area_cm2 = float(argument)
    except ValueError:
        return _read_file(argument)
    if not (math.isfinite(area_cm2) and area_cm2 >= 0):
        raise UsageError(f"--baseline {argument}", "is not an area in cm²", FORMS)
    return Earlier(argument, area_cm2=area_cm2)


def _read_file(argument: str) -> Earlier:
    path = Path(argument)
    if argument[:1].isdigit() and not path.exists():
        cause = "is neither an area nor a file that is there"
        raise UsageError(f"--baseline {argument}", cause, f"{FORMS}; an area is a bare number: 4.2")
    if path.suffix.lower() != ".json":
        return Earlier(argument, photo=photo.read(path))
    file = record_files.read(path)
    if file.state == "edited":
        raise UsageError(
            path,
            "was edited after woundseg wrote it (its digest does not match)",
            "Give the record as it was written, or its photograph",
        )
    return Earlier(argument, file=file)


def check_order(earlier: Sequence[Earlier], now: Photo) -> None:
    """The visits are in order of time, as far as their photographs say when they were taken.

    Raises:
        UsageError: a visit is later than the next one.
    """
    times = [(one.argument, one.captured_at) for one in earlier]
    times.append((str(now.path), _local(now.captured_at)))
    known = [(name, time) for name, time in times if time is not None]
    for (name, time), (following, later) in pairwise(known):
        if time > later:
            raise UsageError(
                f"--baseline {name}",
                f"was taken on {time:%Y-%m-%d %H:%M}, after {following} ({later:%Y-%m-%d %H:%M})",
                "Give the visits in order of time, all before the photograph to be judged",
            )


def check_card_line(earlier: Sequence[Earlier], options: ScoreOptions) -> None:
    """Records that were scaled by the card took its line to be as long as this visit does.

    A line that was not measured is taken to be 100 mm long.

    Raises:
        UsageError: a record took another length.
    """
    if options.scale.marker_mm is not None or options.scale.mm_per_px is not None:
        return
    line_mm = options.scale.card_line_mm or card.LINE_MM
    for file in (one.file for one in earlier if one.file is not None):
        settings = file.record.settings
        then_mm = settings.card_line_mm or card.LINE_MM
        if file.record.scale.source == "card" and not math.isclose(then_mm, line_mm):
            raise UsageError(
                file.path,
                f"was measured with a card's line of {then_mm:g} mm, this visit with {line_mm:g} "
                "mm (--card-line-mm; 100 where it is not given)",
                "Measure both with the same value; if two prints of the card were used, give the "
                "earlier area as a number",
            )


def measured(earlier: Earlier, score: Score, options: ScoreOptions) -> Visit:
    """The earlier visit with its figures and, where its photograph is at hand, its sketch.

    A record has no outlines, so its photograph is measured again, with the record's settings; the
    figures stay the record's. The sketch is left out where the photograph is gone or another one,
    or where other weights now see other ulcers on it.

    Args:
        earlier: as read.
        score: measures a photograph.
        options: of a photograph; a record has its own.
    """
    if earlier.photo is not None:
        return visit_of(score(earlier.photo, options))
    if earlier.file is None:
        return Visit(area_cm2=earlier.area_cm2)
    record = earlier.file.record
    found = _photograph(earlier.file)
    if found is None:
        return Visit(record=record)
    again = score(found, options_from(record.settings.model_dump()))
    return Visit(record=record, sketch=sketch(again) if _agree(record, again.record) else None)


def _photograph(file: RecordFile) -> Photo | None:
    """The record's very photograph: where it was named, or as seen from the record's folders."""
    named = Path(file.record.photo.path)
    folders = list(file.path.absolute().parents)
    for path in (named, file.path.parent / named.name, *(folder / named for folder in folders)):
        try:
            found = photo.read(path)
        except UnreadablePhotoError:
            continue
        if found.sha256 == file.record.photo.sha256:
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

"""One photograph of a study as the store knows it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from woundseg.batch.readings import Reading, Word
from woundseg.errors import ConfigurationError
from woundseg.records import Failure, PhotoRef, ScoreRecord, Sketch
from woundseg.store import Entry, canonical

Outline = tuple[tuple[float, float], ...]

CORRECTED = "corrected"
"""Stage of a failure, and flag of a row, that a person's word stands behind."""


@dataclass(frozen=True, eq=False)
class Seen:
    """A photograph, what was found in it, and by which row of the store.

    Attributes:
        ref: which photograph.
        entry: the store's current row.
        record: the score record; None when there is none.
        failure: why there is none.
        thumb_px_per_px, outlines, hidden: as in ``Sketch``; outlines follow the record's ulcers.
        hides_ulcer: an ulcer was seen on it, and a person's word took its figures away.
        told: names that a person gave to the record's ulcers, in their order; None leaves one to
            matching. Empty where nobody named any.
        reading: what people have said of the photograph.
    """

    ref: PhotoRef
    entry: Entry
    record: ScoreRecord | None
    failure: Failure | None
    thumb_px_per_px: float = 1.0
    outlines: tuple[tuple[Outline, ...], ...] = ()
    hidden: Outline = ()
    hides_ulcer: bool = False
    told: tuple[str | None, ...] = ()
    reading: Reading = field(default_factory=Reading)

    @property
    def measurable(self) -> bool:
        """Whether there are figures to speak of."""
        return self.record is not None and self.record.quality.measurable

    @property
    def speaks(self) -> bool:
        """Whether areas in cm² can be taken from the photograph.

        Where it may not call all of the foot closed, and so gives no total, it still can of the
        places of known ulcers.
        """
        record = self.record
        if record is None or not self.measurable or self.ref.given.evaluable == "N":
            return False
        scaled = not record.ulcers and record.scale.source != "none"
        return scaled or record.total.area_cm2 is not None

    def word(self, ulcer: str) -> Word | None:
        """What a person said of an ulcer on it; None where it is the machine that counts."""
        return self.reading.of(ulcer)

    @property
    def captured_at(self) -> datetime | None:
        """The camera's clock, without a time zone, so that photographs can be put in order."""
        if self.record is None or self.record.photo.captured_at is None:
            return None
        return datetime.fromisoformat(self.record.photo.captured_at).replace(tzinfo=None)


def seen(ref: PhotoRef, entry: Entry) -> Seen:
    """The photograph behind a row of the store.

    Raises:
        ConfigurationError: see ``record_of``.
    """
    result = json.loads(entry.result)
    if "stage" in result:
        return Seen(ref, entry, None, Failure(**result))
    kept = json.loads(entry.sketch)
    return Seen(
        ref,
        entry,
        record_of(entry),
        None,
        thumb_px_per_px=kept["thumb_px_per_px"],
        outlines=tuple(tuple(_points(line) for line in lines) for lines in kept["outlines"]),
        hidden=_points(kept["hidden"]),
        told=tuple(kept.get("names", ())),
    )


def record_of(entry: Entry) -> ScoreRecord:
    """The score record that a row of the store holds.

    Raises:
        ConfigurationError: it says what this version does not know.
    """
    try:
        return ScoreRecord.model_validate_json(entry.result)
    except ValidationError:
        maker = json.loads(entry.made).get("software", "another version")
        told = f"its record was made by {maker} and says what this version does not know"
        raise ConfigurationError(entry.path, told, "Update woundseg") from None


def sketch_json(sketch: Sketch, overlay: bytes, **by_hand: Any) -> str:
    """The sketch without its thumbnail, in the store's form, and the hash of its large picture.

    Args:
        sketch: of the photograph.
        overlay: the large picture, JPEG.
        by_hand: of an outline by hand: ``names`` of the record's ulcers, and ``mask``, the PNG
            of all outlines in base64, from which the picture can be drawn again.
    """
    return canonical(
        {
            "overlay_sha256": hashlib.sha256(overlay).hexdigest(),
            "thumb_px_per_px": sketch.thumb_px_per_px,
            "outlines": sketch.outlines,
            "hidden": sketch.hidden,
            **by_hand,
        }
    )


def in_order(photos: list[Seen]) -> list[Seen]:
    """By date, then capture time, then path; a photograph without a time comes last."""

    def key(photo: Seen) -> tuple[Any, ...]:
        taken = photo.captured_at
        return photo.ref.date, taken is None, taken or datetime.min, photo.ref.relative

    return sorted(photos, key=key)


def _points(line: list[list[float]]) -> Outline:
    return tuple((float(x), float(y)) for x, y in line)

"""The same ulcer from visit to visit: from what the store keeps to names for every ulcer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from woundseg import match
from woundseg.batch.seen import Outline, Seen
from woundseg.match import Look, MatchOptions, Named
from woundseg.store import canonical

LOGIC = 4
"""Raised when matching changes, so that names kept from before are made anew."""


FLAG_ADVICE = {
    "match_unsure": "Which ulcer this is cannot be told: look, and name it in the manifest.",
    "match_unregistered": "Taken for the same ulcer by size alone: look whether it is.",
    "possible_new_ulcer": "There may be a new ulcer, too small to be counted: look at the foot.",
    "new_ulcer": "A new ulcer was opened: look whether it is one.",
    "match_overridden": "The manifest's name belongs elsewhere by the skin around it: look again.",
    "out_of_view": "The ulcer's place is out of the frame: show more of the foot.",
    "hidden": "The ulcer's place is covered (card, dressing): uncover it and take it again.",
    "merged": "Two ulcers have grown together: decide which one goes on.",
    "split": "The ulcer has parted; its parts are added up: look whether they belong together.",
}
"""What a person is asked to do, by the code of a flag of matching."""


@dataclass(frozen=True, eq=False)
class Following:
    """One subject's photographs in order of time, with their thumbnails, for a worker."""

    photos: tuple[tuple[bytes, Seen], ...]
    options: MatchOptions


def follow(following: Following) -> list[Named]:
    """Runs in a worker: names for the ulcers of each photograph."""
    looks = [_look(thumbnail, photo) for thumbnail, photo in following.photos]
    named: list[Named] = match.follow(looks, following.options)
    return named


def stamp(photos: Sequence[Seen], options: MatchOptions) -> str:
    """Changes when anything changes that the names hang on."""
    told = [
        (photo.entry.hash, photo.ref.ulcer, photo.ref.date.isoformat(), photo.measurable)
        for photo in photos
    ]
    text = canonical([LOGIC, asdict(options), told])
    return hashlib.sha256(text.encode()).hexdigest()


def to_text(named: Sequence[Named]) -> str:
    """Names in the store's form."""
    return canonical([asdict(one) for one in named])


def from_text(text: str) -> list[Named]:
    """The names that :func:`to_text` wrote."""
    return [
        Named(
            names=tuple(one["names"]),
            closed=tuple(one["closed"]),
            unsure=tuple(one["unsure"]),
            flags=tuple((name, code) for name, code in one["flags"]),
            places=tuple((name, (x, y)) for name, (x, y) in one["places"]),
        )
        for one in json.loads(text)
    ]


def _look(thumbnail: bytes, photo: Seen) -> Look:
    ratio, record = photo.thumb_px_per_px, photo.record
    ulcers = record.ulcers if record is not None and photo.measurable else ()
    mm_per_px = record.scale.mm_per_px if record else None
    return Look(
        pixels=_pixels(thumbnail),
        mm_per_px=None if mm_per_px is None else mm_per_px / ratio,
        outlines=tuple(
            _scaled(lines[0], ratio) for lines in photo.outlines[: len(ulcers)] if lines
        ),
        areas_cm2=tuple(ulcer.area_cm2 for ulcer in ulcers),
        areas_px=tuple((ulcer.area_px or 0) * ratio * ratio for ulcer in ulcers),
        hidden=_scaled(photo.hidden, ratio),
        measurable=photo.measurable,
        named=photo.ref.ulcer,
        visit=photo.ref.visit,
    )


def _pixels(thumbnail: bytes) -> NDArray[np.uint8]:
    """Upright RGB; one grey pixel where there is no thumbnail, for a look that says nothing."""
    if not thumbnail:
        return np.full((1, 1, 3), 127, np.uint8)
    bgr = np.asarray(cv2.imdecode(np.frombuffer(thumbnail, np.uint8), cv2.IMREAD_COLOR), np.uint8)
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def _scaled(outline: Outline, ratio: float) -> NDArray[np.float64]:
    """Pixel centres of the photograph to those of the thumbnail."""
    points = np.asarray(outline, np.float64).reshape(-1, 2)
    return np.asarray((points + 0.5) * ratio - 0.5)

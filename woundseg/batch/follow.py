"""The same ulcer from visit to visit: from what the store keeps to names for every ulcer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from woundseg import match
from woundseg.batch.seen import Seen
from woundseg.datasets import copies
from woundseg.match import Look, MatchOptions, Named
from woundseg.records import Sketch
from woundseg.sketch import look
from woundseg.store import canonical

TURNS = 4
"""Positions in which a photograph may have been saved again, by quarter turns."""

LOGIC = 7
"""Raised when matching changes, so that names kept from before are made anew."""


@dataclass(frozen=True, eq=False)
class Following:
    """One subject's photographs in order of time, with their thumbnails, for a worker."""

    photos: tuple[tuple[bytes, Seen], ...]
    options: MatchOptions


def follow(following: Following) -> list[Named]:
    """Runs in a worker: names for the ulcers of each photograph."""
    looks = [look_of(thumbnail, photo) for thumbnail, photo in following.photos]
    named: list[Named] = match.follow(looks, following.options)
    visits = [(photo.ref.visit, photo.ref.date) for _, photo in following.photos]
    again = match.copies(looks, visits)
    return [
        replace(one, same_as=first, hashes=_hashes(own) if thumbnail else ())
        for one, first, own, (thumbnail, _) in zip(
            named, again, looks, following.photos, strict=True
        )
    ]


def _hashes(one: Look) -> tuple[str, ...]:
    """Of a look as it is and turned by quarters, 16 hexadecimal digits each."""
    small = copies.appearance(one.pixels)
    turned = (np.ascontiguousarray(np.rot90(small, turn)) for turn in range(TURNS))
    bits = (copies.photo_hash(each) for each in turned)
    return tuple(np.packbits(np.r_[False, each]).tobytes().hex() for each in bits)


def stamp(photos: Sequence[Seen], options: MatchOptions) -> str:
    """Changes when anything changes that the names hang on."""
    told = [
        (
            photo.entry.hash,
            photo.ref.ulcer,
            photo.ref.visit,
            photo.ref.date.isoformat(),
            photo.measurable,
        )
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
            same_as=one.get("same_as"),  # an earlier version noted neither
            hashes=tuple(one.get("hashes", ())),
        )
        for one in json.loads(text)
    ]


def look_of(thumbnail: bytes, photo: Seen | None = None) -> Look:
    """A photograph as matching sees it; without what was found on it where ``photo`` is None."""
    if photo is None:
        return look(Sketch(thumbnail, 1.0, (), ()), None)
    kept = Sketch(thumbnail, photo.thumb_px_per_px, photo.outlines, photo.hidden)
    return look(kept, photo.record, photo.ref.ulcer, photo.ref.visit, photo.told)

"""An outline by hand: read, looked at for what is likely a slip, measured, put to other ulcers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from woundseg import masks, measure, photo, segment
from woundseg.batch import by_hand
from woundseg.batch.one import drawn as picture_of
from woundseg.batch.one import record_json
from woundseg.batch.seen import sketch_json
from woundseg.errors import UsageError
from woundseg.masks import BoolMap
from woundseg.overlay import Caption
from woundseg.photo import Photo
from woundseg.pipeline import Scored, ScoreOptions, score, score_outlined
from woundseg.records import Quality, ScoreRecord, Ulcer
from woundseg.segment import Segmenter
from woundseg.sketch import sketch
from woundseg.store import Entry

SAME_DICE: Final = 0.999
"""From this overlap on a mask is the machine's own, handed back."""
NEARLY_DICE: Final = 0.98
"""Likewise, where it differs by no more than a pixel anywhere along the outline."""
FAR_SHARE: Final = 0.05
"""Of the photograph's long side: a smaller gap is never far."""

Lines = Sequence[Sequence[tuple[float, float]]]
"""Closed outlines of one ulcer, (x, y) px, islands of skin after the outer one."""


@dataclass(frozen=True)
class Other:
    """An ulcer that stays as it is beside the one outlined."""

    figures: Ulcer
    name: str | None
    lines: Lines


@dataclass(frozen=True)
class Others:
    """The ulcers that stay, and the record that they stand in; None where none stays."""

    record: ScoreRecord | None = None
    ulcers: tuple[Other, ...] = ()


@dataclass(frozen=True)
class Drawing:
    """A mask and what it was drawn on.

    Attributes:
        photo: the photograph's file.
        entry: what the last run found on it.
        mask: PNG, 255 inside.
        others: ulcers that stay; without any the mask is all that there is.
        weights: the weight file; None takes the shipped one.
    """

    photo: Path
    entry: Entry
    mask: Path
    others: Others
    weights: Path | None = None


@dataclass(frozen=True, eq=False)
class Drawn:
    """A mask, and the photograph that it was drawn on.

    Attributes:
        file: the mask's.
        photo: the photograph.
        mask: what the person outlined, bool (H, W).
        others: ulcers that stay, none of which the mask touches.
        options: how the photograph was measured.
        segmenter: the network.
    """

    file: Path
    photo: Photo
    mask: BoolMap
    others: Others
    options: ScoreOptions
    segmenter: Segmenter

    @property
    def empty(self) -> bool:
        """Whether nothing is outlined."""
        return not self.mask.any()

    @cached_property
    def whole(self) -> BoolMap:
        """The mask and the ulcers that stay."""
        kept = by_hand.filled((other.lines for other in self.others.ulcers), self.mask.shape)
        return np.asarray(self.mask | kept)

    @cached_property
    def scored(self) -> Scored:
        """``whole``, measured."""
        return score_outlined(self.photo, self.whole, self.segmenter, self.options)

    def is_machine(self, ulcer: str, names: Sequence[str | None]) -> bool:
        """Whether the mask is the machine's own.

        Args:
            ulcer: the one outlined; blank compares all ulcers together.
            names: of the machine's ulcers, in their order.
        """
        if not ulcer:
            found = self.segmenter(self.photo.pixels)
            exported = measure.ulcers(found, None).labels > 0  # as woundseg segment writes it
            own = score(self.photo, self.segmenter, self.options).measurement.labels > 0
            return same(self.mask, own) or same(self.mask, exported)
        own_parts = score(self.photo, self.segmenter, self.options).measurement
        meant = ulcer if ulcer in names else None
        places = [place for place, name in enumerate(names, start=1) if name == meant]
        if len(names) != len(own_parts.ulcers) or (meant is None and len(places) != 1):
            return False
        return same(self.mask, np.isin(own_parts.labels, places))


@dataclass(frozen=True)
class Outlines:
    """What the store keeps of an outline by hand."""

    result: str
    sketch: str
    thumbnail: bytes
    picture: bytes


def draw(drawing: Drawing, options: ScoreOptions) -> Drawn:
    """Reads photograph and mask.

    Raises:
        UnreadablePhotoError: one of them cannot be read.
        UsageError: the photograph has changed, the mask has another size or covers an ulcer that
            is to stay.
        ConfigurationError: the weights cannot be used.
    """
    read = photo.read(drawing.photo)
    if read.sha256 != drawing.entry.sha256:
        raise UsageError(
            drawing.entry.path, "has changed since it was measured", "Run woundseg batch first"
        )
    mask = masks.read_mask(drawing.mask)
    if mask.shape != (read.height, read.width):
        size = f"{mask.shape[1]} x {mask.shape[0]} pixels, the photograph {read.width} x"
        told = f"has {size} {read.height}"
        raise UsageError(drawing.mask, told, "Draw it on the photograph at its full size")
    named = replace(read, path=Path(drawing.entry.path))
    others = replace(drawing.others, ulcers=tuple(_untouched(drawing, mask)))
    segmenter = segment.load("cpu", weights=drawing.weights, threads=1)
    return Drawn(drawing.mask, named, mask, others, options, segmenter)


def _untouched(drawing: Drawing, mask: BoolMap) -> Iterable[Other]:
    """The ulcers that stay; one without a name that the mask covers is the one outlined."""
    wide = cv2.dilate(mask.view(np.uint8), np.ones((3, 3), np.uint8)) > 0
    for other in drawing.others.ulcers:
        if not (by_hand.filled([other.lines], mask.shape) & wide).any():
            yield other
        elif other.name is not None:
            told = f"covers or touches {other.name}, which is to stay as it is"
            remedy = "Leave a gap of two pixels, or outline every ulcer without --ulcer"
            raise UsageError(drawing.mask, told, remedy)


def same(one: BoolMap, other: BoolMap) -> bool:
    """Whether two masks are the same outline: pixel for pixel, or nearly so."""
    both = int(np.count_nonzero(one)) + int(np.count_nonzero(other))
    dice = 2 * int(np.count_nonzero(one & other)) / both if both else 0.0
    if dice >= SAME_DICE:
        return True
    if dice < NEARLY_DICE:
        return False
    around = np.ones((3, 3), np.uint8)
    wide, narrow = (step(other.view(np.uint8), around) > 0 for step in (cv2.dilate, cv2.erode))
    return not (one & ~wide).any() and not (narrow & ~one).any()


# --- slips ---------------------------------------------------------------------------------------


def doubt(drawn: Drawn, entries: Iterable[Entry], places: Sequence[tuple[float, float]]) -> str:
    """What looks wrong about a mask, as a cause; blank where nothing does.

    Args:
        drawn: the mask on its photograph.
        entries: of the photograph: their outlines are the earlier ones.
        places: where ulcers without an outline lie, (x, y) px of the thumbnail.

    Raises:
        UsageError: nothing outlined is as large as an ulcer; no confirmation helps that.
    """
    if len(drawn.scored.record.ulcers) <= len(drawn.others.ulcers):
        smallest = drawn.scored.record.settings.min_ulcer_cm2
        told_small = f"outlines nothing as large as the smallest ulcer ({smallest:g} cm²)"
        raise UsageError(drawn.file, told_small, "Use --closed where the ulcer is closed")
    mask, sketches = drawn.mask, [json.loads(entry.sketch) for entry in entries if entry.sketch]
    earlier = np.zeros(mask.shape, bool)
    for told in sketches:
        earlier |= by_hand.filled(told["outlines"], mask.shape)
    if _inverted(mask, earlier):
        return f"covers {mask.mean():.0%} of the photograph and looks inverted: 255 is inside"
    for told in sketches:
        for x, y in places:
            ratio = told["thumb_px_per_px"]
            column, row = int((x + 0.5) / ratio), int((y + 0.5) / ratio)
            if 0 <= row < mask.shape[0] and 0 <= column < mask.shape[1]:
                earlier[row, column] = True
    if _far(mask, earlier):
        return "lies far from every earlier outline and known ulcer on this photograph"
    if any(flag.code == "implausible" for flag in drawn.scored.record.quality.flags):
        area = drawn.scored.record.total.area_cm2
        return f"gives an implausible area{'' if area is None else f' ({area:.1f} cm²)'}"
    return ""


def _inverted(mask: BoolMap, earlier: BoolMap) -> bool:
    """Most of the photograph where no earlier outline was so large, or just what they leave."""
    if mask.mean() > 0.5 and _overlap(mask, earlier) < 0.5:
        return True
    return bool(_overlap(~mask, earlier) >= 0.5 and _overlap(mask, earlier) < 0.1)


def _overlap(one: BoolMap, other: BoolMap) -> float:
    """Intersection over union; 0 where both are empty."""
    union = int(np.count_nonzero(one | other))
    return int(np.count_nonzero(one & other)) / union if union else 0.0


def _far(mask: BoolMap, earlier: BoolMap) -> bool:
    """Whether more than an ulcer's length lies between a mask and all that was known before."""
    if not earlier.any():
        return False
    away = cv2.distanceTransform((~earlier).view(np.uint8), cv2.DIST_L2, 3)
    parts = [*masks.components(mask), *masks.components(earlier)]
    longest = max(max(part.bbox_px[2:]) for part in parts)
    return bool(away[mask].min() > max(longest, FAR_SHARE * max(mask.shape)))


# --- what is kept --------------------------------------------------------------------------------


def outlines(drawn: Drawn, ulcer: str, whose: Caption | None) -> Outlines:
    """Record, sketch and picture of an outline by hand.

    Args:
        drawn: the mask on its photograph.
        ulcer: its name; blank where it stands for all ulcers.
        whose: subject and visit, for the picture.
    """
    scored, kept = drawn.scored, sketch(drawn.scored)
    more: dict[str, Any] = {"mask": by_hand.encoded(drawn.whole)}
    if ulcer:
        parts = _parts(drawn, ulcer, kept.outlines)
        more["names"] = [part.name for part in parts]
        kept = replace(kept, outlines=tuple(_as_kept(part.lines) for part in parts))
        scored = _together(drawn, parts)
    picture = picture_of(scored, whose)
    told = sketch_json(kept, picture, **more)
    return Outlines(record_json(scored.record), told, kept.thumbnail, picture)


def _as_kept(lines: Lines) -> tuple[tuple[tuple[float, float], ...], ...]:
    return tuple(tuple((float(x), float(y)) for x, y in line) for line in lines)


def _parts(drawn: Drawn, ulcer: str, kept: Sequence[Lines]) -> list[Other]:
    """Every ulcer of the photograph, the largest first: those that stay, and the one outlined."""
    labels = drawn.scored.measurement.labels
    ours = set(np.unique(labels[drawn.mask]).tolist())
    new = [
        Other(figures, ulcer, kept[place])
        for place, figures in enumerate(drawn.scored.record.ulcers)
        if place + 1 in ours
    ]
    return sorted([*drawn.others.ulcers, *new], key=lambda part: -(part.figures.area_cm2 or 0.0))


def _together(drawn: Drawn, parts: Sequence[Other]) -> Scored:
    """The record of the photograph with the figures of ulcers that stay untouched."""
    scored, before = drawn.scored, drawn.others.record
    ulcers = tuple(
        part.figures.model_copy(update={"id": f"u{place}"})
        for place, part in enumerate(parts, start=1)
    )
    total = measure.together(ulcers)
    changed: dict[str, Any] = {"ulcers": ulcers, "total": total}
    if before is not None and drawn.others.ulcers:
        known = {flag.code for flag in before.quality.flags}
        new = [flag for flag in scored.record.quality.flags if flag.code not in known]
        flags = (*before.quality.flags, *new)
        changed |= {"quality": Quality(measurable=True, flags=flags), "model": before.model}
    record = scored.record.model_copy(update=changed)
    lines = tuple(tuple(np.asarray(line, float) for line in part.lines) for part in parts)
    measurement = replace(scored.measurement, ulcers=ulcers, total=total, outlines=lines)
    return replace(scored, record=record, measurement=measurement)

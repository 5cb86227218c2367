"""What is kept of a photograph to follow its ulcers, and how matching sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from woundseg import photo
from woundseg.outlines import Points
from woundseg.pipeline import Scored, card_outline
from woundseg.records import Scale, ScoreRecord, Sketch
from woundseg.segment import resized

if TYPE_CHECKING:
    from woundseg.match import Look

THUMBNAIL_PX = 800
"""Long side of what is kept of a photograph: enough to follow ulcers and to draw reports."""

_THUMBNAIL_QUALITY = 85
_STEP_PX = 0.25
"""An outline is kept as closely as this, in pixels of the thumbnail."""


def sketch(scored: Scored) -> Sketch:
    """What is kept of the photograph."""
    pixels = scored.photo.pixels
    height, width = pixels.shape[:2]
    ratio = min(1.0, THUMBNAIL_PX / max(height, width))
    size = max(1, round(width * ratio)), max(1, round(height * ratio))
    usable = scored.scale if isinstance(scored.scale, Scale) else None
    hidden = card_outline(usable)
    return Sketch(
        thumbnail=jpeg(resized(pixels, size), _THUMBNAIL_QUALITY),
        thumb_px_per_px=ratio,
        outlines=tuple(
            tuple(_thinned(line, _STEP_PX / ratio) for line in lines)
            for lines in scored.measurement.outlines
        ),
        hidden=() if hidden is None else tuple((float(x), float(y)) for x, y in hidden.round(1)),
    )


def _thinned(line: Points, step_px: float) -> tuple[tuple[float, float], ...]:
    """A closed outline with fewer corners, nowhere further than ``step_px`` from it."""
    kept = cv2.approxPolyDP(line.astype("float32"), step_px, True)[:, 0]
    return tuple((round(float(x), 2), round(float(y), 2)) for x, y in kept)


def jpeg(pixels: photo.ByteImage, quality: int) -> bytes:
    """RGB pixels as JPEG."""
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), options)
    return bytes(encoded)


def look(
    kept: Sketch,
    record: ScoreRecord | None,
    named: str | None = None,
    visit: str = "",
    told: tuple[str | None, ...] = (),
) -> Look:
    """The photograph as matching sees it.

    Args:
        kept: of the photograph.
        record: its figures; None where it could not be measured.
        named: the manifest's name for the ulcer shown.
        visit: its name, where it is known.
        told: names that a person gave to the record's ulcers, in their order.
    """
    from woundseg.match import Look  # scipy comes with it, which score alone does not need

    ratio = kept.thumb_px_per_px
    measurable = record is not None and record.quality.measurable
    ulcers = record.ulcers if record is not None and measurable else ()
    mm_per_px = record.scale.mm_per_px if record else None
    return Look(
        pixels=_pixels(kept.thumbnail),
        mm_per_px=None if mm_per_px is None else mm_per_px / ratio,
        outlines=tuple(_scaled(lines[0], ratio) for lines in kept.outlines[: len(ulcers)] if lines),
        areas_cm2=tuple(ulcer.area_cm2 for ulcer in ulcers),
        areas_px=tuple((ulcer.area_px or 0) * ratio * ratio for ulcer in ulcers),
        hidden=_scaled(kept.hidden, ratio),
        measurable=measurable,
        named=named,
        visit=visit,
        told=told,
    )


def _pixels(thumbnail: bytes) -> NDArray[np.uint8]:
    """Upright RGB; one grey pixel where there is no thumbnail, for a look that says nothing."""
    if not thumbnail:
        return np.full((1, 1, 3), 127, np.uint8)
    bgr = np.asarray(cv2.imdecode(np.frombuffer(thumbnail, np.uint8), cv2.IMREAD_COLOR), np.uint8)
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def _scaled(outline: tuple[tuple[float, float], ...], ratio: float) -> NDArray[np.float64]:
    """Pixel centres of the photograph to those of the thumbnail."""
    points = np.asarray(outline, np.float64).reshape(-1, 2)
    return np.asarray((points + 0.5) * ratio - 0.5)

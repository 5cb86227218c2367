"""One photograph's way, straight through: scale, network, figures, flags, record."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from woundseg import __version__, measure, quality, scale
from woundseg.masks import Segmentation
from woundseg.measure import Measurement, MeasureOptions
from woundseg.photo import Photo
from woundseg.records import (
    ColourFacts,
    NotEvaluable,
    PhotoFacts,
    ResponseFacts,
    Scale,
    ScaleFacts,
    ScoreRecord,
    Settings,
)
from woundseg.scale import ScaleOptions
from woundseg.segment import Segmenter

WHITE_AROUND_MARKERS = 1.04
"""The card over the hull of its markers: they lie close to its edge."""


@dataclass(frozen=True)
class ScoreOptions:
    """How one photograph is measured."""

    measure: MeasureOptions = field(default_factory=MeasureOptions)
    scale: ScaleOptions = field(default_factory=ScaleOptions)
    require_scale: bool = False

    def without_given_scale(self) -> ScoreOptions:
        """The same for another photograph, of which the mm per pixel are not known."""
        return replace(self, scale=replace(self.scale, mm_per_px=None))


@dataclass(frozen=True, eq=False)
class Scored:
    """A photograph's record, and what a picture of it needs beside."""

    photo: Photo
    record: ScoreRecord
    measurement: Measurement
    scale: Scale | NotEvaluable

    def with_response(self, response: ResponseFacts) -> Scored:
        """The same, with the response to earlier visits in the record."""
        return replace(self, record=self.record.model_copy(update={"response": response}))


def score(photo: Photo, segmenter: Segmenter, options: ScoreOptions | None = None) -> Scored:
    """Measures one photograph.

    A photograph that cannot be measured gives a record too: with the flag that says why, and
    every figure null.
    """
    options = options or ScoreOptions()
    known = options.scale
    if known.focal_px is None:
        known = replace(known, focal_px=photo.focal_px)
    found = scale.find(photo.pixels, known)
    usable = found if isinstance(found, Scale) else None
    segmentation = segmenter(photo.pixels, _card_outline(usable))
    measurement = measure.ulcers(segmentation, usable, options.measure)
    judged = quality.assess(photo.pixels, segmentation, measurement, found)
    ulcers, total = measurement.ulcers, measurement.total
    if not judged.measurable:
        ulcers, total = measure.withheld(measurement)
    record = ScoreRecord(
        software=f"woundseg {__version__}",
        photo=_photo_facts(photo),
        scale=_scale_facts(usable, measurement),
        colour=ColourFacts(source="none", residual_de2000=None),
        ulcers=ulcers,
        total=total,
        quality=judged,
        settings=_settings(segmentation, usable, options),
        model=segmenter.model,
    )
    return Scored(photo, record, measurement, found)


def _card_outline(found: Scale | None) -> NDArray[np.float64] | None:
    """The card's or marker's outline, (N, 2) of (x, y) px, with the white around its markers."""
    if found is None or not found.corners_px:
        return None
    corners = np.asarray(found.corners_px, np.float64)
    hull = cv2.convexHull(corners.astype(np.float32))[:, 0].astype(np.float64)
    middle = hull.mean(axis=0)
    return np.asarray(middle + (hull - middle) * WHITE_AROUND_MARKERS)


def _photo_facts(photo: Photo) -> PhotoFacts:
    return PhotoFacts(
        # A name that is no UTF-8 must not stop the record from being written.
        path=str(photo.path).encode("utf-8", "backslashreplace").decode(),
        sha256=photo.sha256,
        width=photo.width,
        height=photo.height,
        captured_at=photo.captured_at.isoformat() if photo.captured_at else None,
    )


def _scale_facts(found: Scale | None, measurement: Measurement) -> ScaleFacts:
    if found is None:
        return ScaleFacts(source="none", mm_per_px=None, tilt_deg=None, residual_px=None)
    return ScaleFacts(
        source=found.source,
        mm_per_px=measurement.mm_per_px,
        tilt_deg=found.tilt_deg,
        residual_px=found.residual_px,
    )


def _settings(segmentation: Segmentation, found: Scale | None, options: ScoreOptions) -> Settings:
    smallest = measure.smallest_ulcer_px(segmentation, found, options.measure)
    known = options.scale
    return Settings(
        min_ulcer_cm2=options.measure.min_ulcer_cm2,
        min_ulcer_px=round(smallest),
        card_line_mm=known.card_line_mm,
        marker_mm=known.marker_mm,
        marker_dict=known.marker_dict if known.marker_mm is not None else None,
        mm_per_px=known.mm_per_px,
        require_scale=options.require_scale,
        threshold=options.measure.threshold,
    )

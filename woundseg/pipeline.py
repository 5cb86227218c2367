"""One photograph's way, straight through: scale, network, figures, flags, record."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from woundseg import __version__, colour, masks, measure, quality, scale, skin
from woundseg.colour import Balanced, Profile
from woundseg.errors import UsageError
from woundseg.masks import BoolMap, Segmentation
from woundseg.measure import Measurement, MeasureOptions
from woundseg.photo import Photo
from woundseg.records import (
    ModelFacts,
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
from woundseg.tissue_map import TissueReader

WHITE_AROUND_MARKERS = 1.04
"""The card over the hull of its markers: they lie close to its edge."""

GIVEN_TOLERANCE = 0.05
"""A given scale may differ by this share of the side of a pixel from the card's at the ulcer: 10%
of the area, several times the error of either."""

BY_HAND = ModelFacts(name="outlined by hand", version="", sha256="", device="", precision="")
"""Stands for the network where a person drew the outline."""


@dataclass(frozen=True)
class ScoreOptions:
    """How one photograph is measured."""

    measure: MeasureOptions = field(default_factory=MeasureOptions)
    scale: ScaleOptions = field(default_factory=ScaleOptions)
    require_scale: bool = False
    card_profile: Profile | None = None

    def without_given_scale(self) -> ScoreOptions:
        """The same for another photograph, of which the mm per pixel are not known."""
        return replace(self, scale=replace(self.scale, mm_per_px=None))


def options_from(told: Mapping[str, Any]) -> ScoreOptions:
    """How a photograph was measured, from the settings that were kept with its result."""
    family = {"marker_dict": told["marker_dict"]} if told["marker_dict"] else {}
    patches = told.get("card_profile")
    return ScoreOptions(
        measure=MeasureOptions(told["min_ulcer_cm2"], told["threshold"]),
        scale=ScaleOptions(
            card_line_mm=told["card_line_mm"],
            marker_mm=told["marker_mm"],
            mm_per_px=told["mm_per_px"],
            **family,
        ),
        card_profile=patches and {name: (lab[0], lab[1], lab[2]) for name, lab in patches.items()},
    )


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


@dataclass(frozen=True, eq=False)
class Looked:
    """What was seen of a photograph: ulcers with their tissue, its scale and its colours."""

    segmentation: Segmentation
    scale: Scale | NotEvaluable
    balanced: Balanced


def score(photo: Photo, segmenter: Segmenter, options: ScoreOptions | None = None) -> Scored:
    """Measures one photograph.

    A photograph that cannot be measured gives a record too: with the flag that says why, and
    every figure null.

    Raises:
        UsageError: a scale was given, and the card in view contradicts it.
    """
    options = options or ScoreOptions()
    found = scale_of(photo, options)
    segmentation = segmenter(photo.pixels, card_outline(_usable(found)))
    looked = with_tissue(photo, segmentation, found, options, segmenter.tissue)
    return measured(photo, looked, options)


def scale_of(photo: Photo, options: ScoreOptions) -> Scale | NotEvaluable:
    """The photograph's scale, with what its file says of the lens.

    Raises:
        UsageError: a scale was given, and the card in view contradicts it.
    """
    known = options.scale
    if known.focal_px is None:
        known = replace(known, focal_px=photo.focal_px)
    found = scale.find(photo.pixels, known)
    if known.mm_per_px is not None and isinstance(found, NotEvaluable):
        raise UsageError(photo.path, "has two scales that disagree", found.advice)
    return found


def score_outlined(
    photo: Photo, outline: BoolMap, segmenter: Segmenter, options: ScoreOptions
) -> Scored:
    """Measures what a person outlined, as if the network had.

    The outline's place is taken to be as uncertain as the network's. Flags that would reject the
    photograph become warnings: the person has seen what they warn of.

    Args:
        photo: the photograph.
        outline: true inside the ulcers, bool (H, W) of the photograph's size.
        segmenter: its card says how uncertain an outline's place is.
        options: as the photograph was measured before.

    Raises:
        UsageError: the outline has another size.
    """
    if outline.shape != photo.pixels.shape[:2]:
        height, width = outline.shape
        told = f"has {width} x {height} pixels, the photograph {photo.width} x {photo.height}"
        raise UsageError("--mask", told, "Draw it on the photograph at its full size")
    looked = segmenter(photo.pixels)
    drawn = replace(looked, probability=outline.astype(np.float32), model=BY_HAND)
    found = scale_of(photo, options)
    seen = with_tissue(photo, drawn, found, options, segmenter.tissue)
    return measured(photo, seen, options, by_hand=True)


def _usable(found: Scale | NotEvaluable) -> Scale | None:
    return found if isinstance(found, Scale) else None


def with_tissue(
    photo: Photo,
    segmentation: Segmentation,
    found: Scale | NotEvaluable,
    options: ScoreOptions,
    reader: TissueReader | None,
) -> Looked:
    """Reads the tissue of the ulcers that count, in colours that were put right.

    Of a black and white photograph no tissue is read.

    Args:
        photo: the photograph.
        segmentation: its ulcers.
        found: its scale; the card's greys set the white balance.
        options: how it is measured.
        reader: reads the tissue; None reads none.
    """
    usable = _usable(found)
    balanced = colour.balance(photo.pixels, usable, options.card_profile)
    smallest = measure.smallest_ulcer_px(segmentation, usable, options.measure)
    # Half of it: on a tilted photograph a small ulcer may count with fewer pixels than that.
    ulcer = masks.remove_specks(
        segmentation.probability >= options.measure.threshold, math.ceil(smallest / 2)
    )
    if reader is not None and ulcer.any() and not skin.is_grey(photo.pixels):
        bed = reader(photo.pixels, ulcer, balanced)
        segmentation = replace(
            segmentation,
            tissue=bed.tissue,
            tissue_sure=bed.sure,
            fraction_sd=reader.fraction_sd,
            model=segmentation.model.model_copy(update={"tissue": reader.model}),
        )
    return Looked(segmentation, found, balanced)


def measured(photo: Photo, looked: Looked, options: ScoreOptions, by_hand: bool = False) -> Scored:
    """Figures, flags and record of what the network or a person outlined."""
    segmentation, found = looked.segmentation, looked.scale
    usable = _usable(found)
    measurement = measure.ulcers(segmentation, usable, options.measure)
    _refuse_contradiction(photo, usable, measurement)
    judged = quality.assess(photo.pixels, segmentation, measurement, found)
    judged = quality.with_light(judged, looked.balanced)
    if by_hand:
        judged = quality.overruled(judged)
    ulcers, total = measurement.ulcers, measurement.total
    if not judged.measurable or (not ulcers and not by_hand and quality.against_zero(judged)):
        ulcers, total = measure.withheld(measurement)
    record = ScoreRecord(
        software=f"woundseg {__version__}",
        photo=_photo_facts(photo),
        scale=_scale_facts(usable, measurement),
        colour=looked.balanced.facts(),
        ulcers=ulcers,
        total=total,
        quality=judged,
        settings=_settings(segmentation, usable, options),
        model=segmentation.model,
    )
    return Scored(photo, record, measurement, found)


def _refuse_contradiction(photo: Photo, found: Scale | None, measurement: Measurement) -> None:
    """A scale that was given and the card in view agree at the ulcers.

    Raises:
        UsageError: they differ by more than ``GIVEN_TOLERANCE``.
    """
    if found is None or found.by_card is None or measurement.mm_per_px is None:
        return
    for lines in measurement.outlines:
        x, y = lines[0].mean(axis=0).tolist()
        by_card = scale.mm_per_px_at(found.by_card, x, y)
        if abs(math.log(measurement.mm_per_px / by_card)) > GIVEN_TOLERANCE:
            raise UsageError(
                photo.path,
                "has two scales that disagree",
                f"The card in view gives {by_card:.3g} mm for each pixel at the ulcer, not the "
                f"{measurement.mm_per_px:.3g} given: leave the given scale out, or take the "
                "picture without the card.",
            )


def card_outline(found: Scale | None) -> NDArray[np.float64] | None:
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
        card_profile=None if options.card_profile is None else dict(options.card_profile),
    )

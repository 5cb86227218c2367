"""Whether a photograph can be measured, and what a nurse can do about it.

Limits were set on the 803 photographs of FUSeg (512 px, hand-drawn outlines as the ulcers) and on
copies of them made worse; ``docs/figures.md`` gives the share of each that every flag fires on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from woundseg import colour, skin
from woundseg.colour import Balanced
from woundseg.masks import BoolMap, ByteMap, Segmentation
from woundseg.measure import Measurement
from woundseg.records import NotEvaluable, Quality, QualityFlag, Reason, Scale, Severity
from woundseg.scale import mapping as planes

MOST_AREA_CM2: Final = 300.0
"""A larger ulcer is implausible: the sole of a large foot has 250 cm²."""
MOST_OF_SKIN: Final = 0.6
"""An ulcer over a larger share of the skin in view is implausible."""


@dataclass(frozen=True)
class FlagKind:
    """One row of the closed table of flags: what it says, how grave it is, what to do."""

    code: str
    severity: Severity
    meaning: str
    advice: str


FLAGS: Final[tuple[FlagKind, ...]] = (
    FlagKind(
        "too_dark",
        "warning",
        "the photograph is dark at the ulcer",
        "Add light (ceiling lamp, flash from 40 cm) and take it again.",
    ),
    FlagKind(
        "too_dark",
        "reject",
        "too dark to see an outline",
        "Too dark to measure: add light (ceiling lamp, flash from 40 cm) and take it again.",
    ),
    FlagKind(
        "too_bright",
        "warning",
        "parts of the ulcer and its rim are burnt out",
        "Turn off the flash or move the lamp away, tap the ulcer to expose for it, take it again.",
    ),
    FlagKind(
        "too_bright",
        "reject",
        "the ulcer and its rim are burnt out",
        "Burnt out, not measurable: turn off the flash, tap the ulcer to expose for it, "
        "take it again.",
    ),
    FlagKind(
        "coloured_light",
        "warning",
        "the light is strongly coloured: tissue is less sure",
        "Turn off coloured lamps, use daylight or a white lamp, and take it again.",
    ),
    FlagKind(
        "blurred",
        "warning",
        "the ulcer and its rim are not sharp",
        "Tap the ulcer to focus on it, hold still, and take it again.",
    ),
    FlagKind(
        "blurred",
        "reject",
        "too blurred to place an outline",
        "Too blurred to measure: wipe the lens, tap the ulcer to focus, hold still, take it again.",
    ),
    FlagKind(
        "glare",
        "warning",
        "bright reflections on the ulcer",
        "Dab the ulcer dry, turn off the flash or tilt the lamp, and take it again.",
    ),
    FlagKind(
        "tissue_uncertain",
        "note",
        "the network is not sure what the bed is made of",
        "The tissue fractions are uncertain: look at the ulcer yourself, in even daylight.",
    ),
    FlagKind(
        "no_skin",
        "reject",
        "no skin in sight",
        "No skin found: check that this is the right photograph, and show the whole foot.",
    ),
    FlagKind(
        "skin_unsure",
        "warning",
        "no ulcer was found, and what is seen may not be a foot or leg: no area of 0",
        "No ulcer found, but this may not be a foot or leg: take the bare foot, so that it fills "
        "half of the picture.",
    ),
    FlagKind(
        "colour_missing",
        "warning",
        "the photograph is black and white: no tissue, a doubtful outline, no area of 0",
        "Black and white: switch the camera to colour and take it again.",
    ),
    FlagKind(
        "mirrored",
        "warning",
        "the card is seen in a mirror image: nothing in cm",
        "Use the back camera, or switch off mirroring, and take it again.",
    ),
    FlagKind(
        "tilt",
        "warning",
        "the camera looks at the card at a slant",
        "Hold the phone straight above the ulcer, parallel to the card.",
    ),
    FlagKind(
        "card_missing",
        "warning",
        "no scale: nothing in cm",
        "Lay the scale card flat beside the ulcer, wholly in view, and take it again.",
    ),
    FlagKind(
        "scale_disagrees",
        "warning",
        "two scales that disagree: nothing in cm",
        "Leave one scale card in view and take it again.",
    ),
    FlagKind(
        "scale_tilted",
        "warning",
        "the card is seen at too steep a slant: nothing in cm",
        "Hold the phone straight above the ulcer, parallel to the card.",
    ),
    FlagKind(
        "scale_cut",
        "warning",
        "too little of the card is in view: nothing in cm",
        "Move back until the whole card is in view.",
    ),
    FlagKind(
        "scale_small",
        "warning",
        "the card is too small in the photograph: nothing in cm",
        "Go closer, until card and ulcer fill the picture.",
    ),
    FlagKind(
        "card_far",
        "warning",
        "the ulcer is far from the card",
        "Lay the card beside the ulcer, at its height.",
    ),
    FlagKind(
        "card_unverified",
        "note",
        "the print's size was never checked",
        "Measure the card's 100 mm line once and give it with --card-line-mm.",
    ),
    FlagKind(
        "ulcer_cut",
        "warning",
        "the photograph's edge cuts an ulcer, or comes so close that it may",
        "Move back until the whole ulcer is in view; the figures are of the part in view.",
    ),
    FlagKind(
        "implausible",
        "warning",
        f"an ulcer of more than {MOST_AREA_CM2:g} cm², or over more than "
        f"{MOST_OF_SKIN:.0%} of the skin in view",
        "Look at the outline, and check the scale.",
    ),
    FlagKind(
        "ulcer_small",
        "warning",
        "an ulcer is small for this resolution",
        "Go closer: the ulcer is only a few pixels wide.",
    ),
    FlagKind(
        "ulcer_unsure",
        "warning",
        "the network is not sure that this is an ulcer",
        "Look at the outline: if it is no ulcer, correct it.",
    ),
    FlagKind(
        "speck",
        "note",
        "spots smaller than the smallest ulcer were left out",
        "Look at the spots that were left out: too small to count as ulcers.",
    ),
)
_KINDS: Final = {(kind.code, kind.severity): kind for kind in FLAGS}
_SCALE_CODES: Final = {Reason.SCALE_NOT_FOUND: "card_missing"}

_AGAINST_ZERO: Final = frozenset({"skin_unsure", "colour_missing"})
"""Warnings under which a photograph on which nothing was found has no area, and not 0."""


@dataclass(frozen=True)
class QualityOptions:
    """Where each flag begins.

    Luminance is Rec. 601 luma of 8-bit sRGB. Lengths with ``look`` are in pixels of the network's
    look.

    Attributes:
        dark_frame: 95th percentile of luma over the frame, warning and reject.
        dark_ulcer: the same over ulcer and rim.
        clipped_any: share of ulcer and rim with a channel at its end, warning.
        clipped_all: share with all channels at their end, warning and reject.
        blur_look_px: standard deviation of the blur of the sharpest edges, warning and reject.
        blur_of_ulcer: the same as a share of the ulcer's size (root of its area), warning, where
            that is more and the network saw the photograph reduced.
        coloured: the largest of the card's gains over the smallest, where they set the colours:
            a channel that has to be raised so far shows the file's steps and blocks. A black
            body of 3,600 K that no camera has balanced gives 3.5.
        burnt_bed: share of the bed with a burnt channel, where its tissue was read.
        glare: share of an ulcer that is a reflection.
        tissue_sure: least mean sureness of the bed's tissues (``tissue_map.Bed``).
        skin: least share of the frame in skin tones.
        hue_spread_deg: least standard deviation of hue over what has skin tones.
        foot: least evidence that a foot or leg is in view (``skin.foot_evidence``, log odds),
            where no ulcer was found.
        most_cm2: area of an ulcer that is plausible.
        most_of_skin: share of the skin in view, the ulcer's own area counted, likewise.
        tilt_deg: camera axis to the card's normal.
        card_far_mm: ulcer's centre to the nearest corner found on the card.
        small_look_px: area of an ulcer that the network hardly sees.
        sure: least highest probability of an ulcer.
    """

    dark_frame: tuple[float, float] = (105.0, 70.0)
    dark_ulcer: tuple[float, float] = (75.0, 30.0)
    clipped_any: float = 0.5
    clipped_all: tuple[float, float] = (0.1, 0.4)
    blur_look_px: tuple[float, float] = (2.0, 3.6)
    blur_of_ulcer: float = 0.04
    coloured: float = 3.5
    burnt_bed: float = 0.25
    glare: float = 0.03
    tissue_sure: float = 0.88
    skin: float = 0.03
    hue_spread_deg: float = 2.0
    foot: float = -0.9
    most_cm2: float = MOST_AREA_CM2
    most_of_skin: float = MOST_OF_SKIN
    tilt_deg: float = 30.0
    card_far_mm: float = 120.0
    small_look_px: float = 150.0
    sure: float = 0.95


@dataclass(frozen=True, eq=False)
class _View:
    """A piece of the photograph at the network's scale: what is asked about, and the ulcer."""

    pixels: ByteMap
    region: BoolMap
    ulcer: BoolMap


def assess(
    pixels: ByteMap,
    segmentation: Segmentation,
    measurement: Measurement,
    scale: Scale | NotEvaluable | None,
    options: QualityOptions | None = None,
) -> Quality:
    """The flags of one photograph; ``measurable`` is false where one of them rejects it.

    Args:
        pixels: uint8 RGB (H, W, 3).
        segmentation: of the same size.
        measurement: from that segmentation.
        scale: what ``scale.find`` gave.
        options: where each flag begins.
    """
    options = options or QualityOptions()
    frame = skin.reduced(pixels, skin.FRAME_PX)
    views = _ulcer_views(pixels, segmentation, measurement) or [_skin_view(pixels)]
    flags = _exposure(frame, views, options)
    if not any(flag.severity == "reject" for flag in flags):
        flags += _skin(pixels, frame, measurement, options)
    flags += _sharpness(views, segmentation.looked_px_per_px < 1.0, options)
    flags += _glare(views, options)
    flags += _tissue(segmentation, options)
    if not any(flag.code == "too_bright" for flag in flags):
        flags += _burnt_bed(pixels, segmentation, options)
    flags += _scale_flags(measurement, scale, options)
    flags += _framing(segmentation, measurement, options)
    flags += _plausibility(frame, measurement, options)
    order = {"reject": 0, "warning": 1, "note": 2}
    flags.sort(key=lambda flag: order[flag.severity])
    return Quality(measurable=all(flag.severity != "reject" for flag in flags), flags=tuple(flags))


def against_zero(judged: Quality) -> tuple[QualityFlag, ...]:
    """Why a photograph on which no ulcer was found may not claim an area of 0; empty: it may.

    This is the one place where that is decided for a single photograph: 0 reads as healed, so it
    needs a photograph that can be measured, in colour, of a foot or leg.
    """
    return tuple(
        one for one in judged.flags if one.severity == "reject" or one.code in _AGAINST_ZERO
    )


def flag(code: str, severity: Severity, advice: str | None = None) -> QualityFlag:
    """A flag of the closed table; ``advice`` replaces the table's where it knows more."""
    kind = _KINDS[code, severity]
    return QualityFlag(code=code, severity=severity, advice=advice or kind.advice)


def with_light(
    judged: Quality, balanced: Balanced, options: QualityOptions | None = None
) -> Quality:
    """The same, with a warning where the card's greys tell of strongly coloured light."""
    options = options or QualityOptions()
    gains = balanced.gains
    if balanced.source != "card" or max(gains) < options.coloured * min(gains):
        return judged
    place = sum(one.severity != "note" for one in judged.flags)
    flags = (*judged.flags[:place], flag("coloured_light", "warning"), *judged.flags[place:])
    return Quality(measurable=judged.measurable, flags=flags)


def overruled(judged: Quality) -> Quality:
    """The same after a person has outlined the ulcer: what rejected it becomes a warning."""
    flags = tuple(
        one.model_copy(update={"severity": "warning"}) if one.severity == "reject" else one
        for one in judged.flags
    )
    return Quality(measurable=True, flags=flags)


_SKIN_PX: Final = 512


def _ulcer_views(
    pixels: ByteMap, segmentation: Segmentation, measurement: Measurement
) -> list[_View]:
    """The ulcers with their rims, at the network's scale.

    Those far smaller than the largest say little and are left out.
    """
    views = []
    for place, ulcer in enumerate(measurement.ulcers, start=1):
        if ulcer.bbox_px is None or 4 * (ulcer.area_px or 0) < (measurement.ulcers[0].area_px or 0):
            continue
        x, y, width, height = ulcer.bbox_px
        look = min(1.0, segmentation.looked_px_per_px)
        rim = math.ceil(max(6.0 / look, math.sqrt(ulcer.area_px or 0) / 3))
        window = (
            slice(max(0, y - rim), y + height + rim),
            slice(max(0, x - rim), x + width + rim),
        )
        mask = (measurement.labels[window] == place).view(np.uint8) * np.uint8(255)
        inside = skin.shrunk(mask, look) > 127
        away = cv2.distanceTransform((~inside).view(np.uint8), cv2.DIST_L2, 3)
        region = np.asarray(away <= max(1.0, rim * look))
        views.append(_View(skin.shrunk(pixels[window], look), region, inside))
    return views


def _skin_view(pixels: ByteMap) -> _View:
    """Where no ulcer is found, all skin is looked at; where no skin is found either, all."""
    frame = skin.reduced(pixels, _SKIN_PX)
    tones = skin.tones(frame)
    region = tones if tones.mean() > 0.01 else skin.shown(frame)
    if not region.any():
        region = np.ones_like(region)
    return _View(frame, region, np.zeros_like(region))


def _exposure(frame: ByteMap, views: list[_View], options: QualityOptions) -> list[QualityFlag]:
    seen = np.concatenate([view.pixels[view.region] for view in views])
    brightest = float(np.percentile(_luma(frame), 95))
    at_ulcer = float(np.percentile(_luma(seen), 95))
    flags = []
    if brightest < options.dark_frame[1] or at_ulcer < options.dark_ulcer[1]:
        flags.append(flag("too_dark", "reject"))
    elif max(brightest, at_ulcer) < options.dark_frame[0] or at_ulcer < options.dark_ulcer[0]:
        flags.append(flag("too_dark", "warning"))
    any_clipped = float(np.mean(seen.max(axis=-1) >= 254))
    all_clipped = float(np.mean(seen.min(axis=-1) >= 250))
    if all_clipped > options.clipped_all[1]:
        flags.append(flag("too_bright", "reject"))
    elif all_clipped > options.clipped_all[0] or any_clipped > options.clipped_any:
        flags.append(flag("too_bright", "warning"))
    return flags


def _luma(pixels: ByteMap) -> NDArray[np.float32]:
    weights = np.array([0.299, 0.587, 0.114], dtype=np.float32)
    return np.asarray(pixels.astype(np.float32) @ weights)


def _skin(
    pixels: ByteMap, frame: ByteMap, measurement: Measurement, options: QualityOptions
) -> list[QualityFlag]:
    """No skin: hardly a skin tone in the frame, or all of it of one hue, as paint is.

    Where no ulcer was found it has to be a foot or leg too: nothing else may read as healed.
    """
    if skin.is_grey(frame):
        return [flag("colour_missing", "warning")]
    tints = skin.tints(frame)
    tones = skin.tones(frame, tints)
    share = float(np.count_nonzero(tones)) / max(1.0, float(np.count_nonzero(skin.shown(frame))))
    if share < options.skin or float(skin.hue_deg(tints)[tones].std()) < options.hue_spread_deg:
        return [flag("no_skin", "reject")]
    if not measurement.ulcers and skin.foot_evidence(pixels) < options.foot:
        return [flag("skin_unsure", "warning")]
    return []


def _sharpness(views: list[_View], reduced: bool, options: QualityOptions) -> list[QualityFlag]:
    """How blurred the ulcers are.

    Of a photograph that even the closest look reduces, the coarse look, half of the answer, sees
    hardly any of the blur. Blur then matters by what it is of the ulcer, and no limit is lower.
    """
    flags = []
    for view in views:
        blur = blur_px(_luma(view.pixels), view.region)
        soft, useless = options.blur_look_px
        if reduced:
            size = math.sqrt(np.count_nonzero(view.ulcer))
            soft = max(soft, options.blur_of_ulcer * size)
        if blur > useless:
            return [flag("blurred", "reject")]
        if blur > soft:
            flags = [flag("blurred", "warning")]
    return flags


def blur_px(luma: NDArray[np.float32], region: BoolMap) -> float:
    """Standard deviation of the blur of the sharpest edges in a region, in pixels.

    An edge blurred by σ has a greatest gradient in proportion to 1/√(σ² + s²) after a Gaussian of
    s (Zhuo and Sim 2011, Pattern Recognition 44:1852): two of them, s and 2s, give σ whatever
    the contrast. The gradients that noise makes are subtracted first (noise by the median of
    Immerkær's operator, 1996), and the larger of the answers for s = 1 and 1.5 counts, as noise
    makes both too small. Edges are the strongest tenth of the gradients, and the sharpest fifth of
    those decides, as skin has soft edges in sharp photographs too.

    Args:
        luma: float32 (H, W).
        region: bool (H, W), where to look.
    """
    noise = _noise_variance(luma, region)
    return max(_edge_blur(luma, region, noise, spread) for spread in (1.0, 1.5))


def _edge_blur(luma: NDArray[np.float32], region: BoolMap, noise: float, spread: float) -> float:
    near = _gradient_squared(luma, spread)[region]
    far = _gradient_squared(luma, 2 * spread)[region]
    edges = near >= np.percentile(near, 90)
    # White noise of variance v has a mean squared gradient of v/(4π s⁴) after a Gaussian of s.
    of_noise = noise / (4 * math.pi * spread**4)
    ratio = np.maximum(near[edges] - of_noise, 0.0) / np.maximum(far[edges] - of_noise / 16, 1e-6)
    ratio = np.clip(ratio, 1.0001, 3.9999)
    sigma = spread * np.sqrt((4.0 - ratio) / (ratio - 1.0))
    return float(np.percentile(sigma, 20))


def _gradient_squared(luma: NDArray[np.float32], spread: float) -> NDArray[np.float32]:
    soft = cv2.GaussianBlur(luma, (0, 0), spread)
    across, down = (cv2.Sobel(soft, cv2.CV_32F, dx, 1 - dx, ksize=3, scale=1 / 8) for dx in (1, 0))
    return np.asarray(across * across + down * down)


def _noise_variance(luma: NDArray[np.float32], region: BoolMap) -> float:
    operator = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], dtype=np.float32)
    left = np.abs(cv2.filter2D(luma, cv2.CV_32F, operator))[region]
    return float((np.median(left) / (0.6745 * 6.0)) ** 2)


def _glare(views: list[_View], options: QualityOptions) -> list[QualityFlag]:
    """Reflections: nearly white and much brighter than the rest of the ulcer."""
    inside = [view.pixels[view.ulcer] for view in views if view.ulcer.any()]
    if not inside:
        return []
    bed = np.concatenate(inside)
    usual = float(np.median(_luma(bed)))
    shine = (bed.min(axis=-1) >= 200) & (_luma(bed) > usual + 40)
    return [flag("glare", "warning")] if float(shine.mean()) > options.glare else []


def _bed(segmentation: Segmentation) -> tuple[tuple[slice, slice], BoolMap]:
    """Rows and columns around all bed whose tissue was read, and what of it is bed, bool."""
    if segmentation.tissue is None:
        return (slice(0, 0), slice(0, 0)), np.zeros((0, 0), np.bool_)
    left, top, width, height = cv2.boundingRect(segmentation.tissue)
    window = slice(top, top + height), slice(left, left + width)
    return window, segmentation.tissue[window] > 0


def _tissue(segmentation: Segmentation, options: QualityOptions) -> list[QualityFlag]:
    """Whether the tissues were told apart with enough certainty, over all ulcers."""
    if segmentation.tissue_sure is None:
        return []
    window, bed = _bed(segmentation)
    sure = segmentation.tissue_sure[window][bed]
    unsure = sure.size > 0 and float(sure.mean()) / 255 < options.tissue_sure
    return [flag("tissue_uncertain", "note")] if unsure else []


def _burnt_bed(
    pixels: ByteMap, segmentation: Segmentation, options: QualityOptions
) -> list[QualityFlag]:
    """Where tissue was read: a bed burnt in a channel, so that its colours are not known."""
    window, bed = _bed(segmentation)
    shown = pixels[window][bed]
    burnt = float((shown >= colour.BURNT).any(axis=-1).mean()) if shown.size else 0.0
    return [flag("too_bright", "warning")] if burnt > options.burnt_bed else []


def _scale_flags(
    measurement: Measurement, scale: Scale | NotEvaluable | None, options: QualityOptions
) -> list[QualityFlag]:
    if scale is None:
        return [flag("card_missing", "warning")]
    if isinstance(scale, NotEvaluable):
        code = _SCALE_CODES.get(scale.reason, str(scale.reason))
        return [flag(code, "warning", scale.advice)]
    flags = []
    if scale.tilt_deg is not None and scale.tilt_deg > options.tilt_deg:
        flags.append(flag("tilt", "warning"))
    if _farthest_mm(measurement, scale) > options.card_far_mm:
        flags.append(flag("card_far", "warning"))
    if not scale.verified:
        flags.append(flag("card_unverified", "note"))
    return flags


def _farthest_mm(measurement: Measurement, scale: Scale) -> float:
    """From the ulcer farthest away, its outline's middle, to the card's nearest corner."""
    if not scale.corners_px:
        return 0.0
    corners = planes.to_plane_mm(scale, scale.corners_px)
    farthest = 0.0
    for lines in measurement.outlines:
        middle = planes.to_plane_mm(scale, lines[0]).mean(axis=0)
        farthest = max(farthest, float(np.hypot(*(corners - middle).T).min()))
    return farthest


def _framing(
    segmentation: Segmentation, measurement: Measurement, options: QualityOptions
) -> list[QualityFlag]:
    flags = []
    if any(ulcer.lower_bound for ulcer in measurement.ulcers):
        flags.append(flag("ulcer_cut", "warning"))
    look = segmentation.looked_px_per_px**2
    if any((ulcer.area_px or 0) * look < options.small_look_px for ulcer in measurement.ulcers):
        flags.append(flag("ulcer_small", "warning"))
    flags += _unsure(measurement, options)
    if measurement.specks:
        flags.append(flag("speck", "note"))
    return flags


def _unsure(measurement: Measurement, options: QualityOptions) -> list[QualityFlag]:
    """Names the ulcers that may be none."""
    names = [
        ulcer.id
        for ulcer, peak in zip(measurement.ulcers, measurement.peaks, strict=True)
        if peak < options.sure
    ]
    if not names:
        return []
    if len(names) == 1:
        advice = f"{names[0]} may not be an ulcer: look at its outline; if it is none, correct it."
    else:
        told = f"{', '.join(names[:-1])} and {names[-1]}"
        advice = (
            f"{told} may not be ulcers: look at their outlines, and correct those that are none."
        )
    return [flag("ulcer_unsure", "warning", advice)]


def _plausibility(
    frame: ByteMap, measurement: Measurement, options: QualityOptions
) -> list[QualityFlag]:
    """Ulcers too large to be true: a wrong scale, or an outline around the foot."""
    if not measurement.ulcers:
        return []
    grey = skin.is_grey(frame)  # no skin is found without colour
    of_skin = [0.0] * len(measurement.ulcers) if grey else _shares_of_skin(frame, measurement)
    for ulcer, share in zip(measurement.ulcers, of_skin, strict=True):
        if (ulcer.area_cm2 or 0.0) > options.most_cm2:
            advice = (
                f"{ulcer.id} has {ulcer.area_cm2:.0f} cm², more than {options.most_cm2:g} cm²: "
                "check the scale, and look at the outline."
            )
            return [flag("implausible", "warning", advice)]
        if share > options.most_of_skin:
            advice = (
                f"{ulcer.id} covers {share:.0%} of the skin in view, more than "
                f"{options.most_of_skin:.0%}: look at the outline, or move back until the skin "
                "around it is in view."
            )
            return [flag("implausible", "warning", advice)]
    return []


def _shares_of_skin(frame: ByteMap, measurement: Measurement) -> list[float]:
    """Each ulcer's area over that of the skin in view, ulcers counted as skin."""
    rows, columns = frame.shape[:2]
    high, wide = measurement.labels.shape
    across = (np.arange(columns) + 0.5) * wide // columns
    down = (np.arange(rows) + 0.5) * high // rows
    labels = measurement.labels[down.astype(int)[:, None], across.astype(int)]
    seen = np.count_nonzero(skin.tones(frame) | (labels > 0)) * (high * wide) / (rows * columns)
    return [(ulcer.area_px or 0) / max(1.0, seen) for ulcer in measurement.ulcers]

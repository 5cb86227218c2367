"""Where skin is, and whether it is a foot's or leg's: decided once for the whole package."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from woundseg.masks import PADDING, BoolMap, ByteMap

Tints = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Red and yellow (CIELAB's a* and b*) of every pixel, float32 (H, W) each."""

FRAME_PX: Final = 128
"""Long side of the copy on which the frame as a whole is judged."""

_GRAIN_PX: Final = 2.0
"""Noise and grain below this size are no part of a skin's colours."""

# Skin of all tones in CIELAB lies between red and yellow with some chroma, while its lightness
# says nothing; the bounds are wide, so that inflamed, cyanotic and jaundiced skin are inside.
_CHROMA, _REDNESS, _HUE_DEG = 8.0, 3.0, (-10.0, 78.0)

_GREY_CHROMA: Final = 4.0
"""A photograph whose chroma is nowhere above this (99th percentile) is black and white."""


def reduced(pixels: ByteMap, long_side: int) -> ByteMap:
    """The photograph, uint8 RGB (H, W, 3), at most that long."""
    return shrunk(pixels, min(1.0, long_side / max(pixels.shape[:2])))


def shrunk(pixels: ByteMap, factor: float) -> ByteMap:
    """Reduced by area averaging, thinned first to twice the size asked: that is much quicker."""
    if factor >= 1.0:
        return pixels
    height, width = pixels.shape[:2]
    size = max(1, round(width * factor)), max(1, round(height * factor))
    thin = max(1, int(0.5 / factor))
    pixels = np.ascontiguousarray(pixels[::thin, ::thin])
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def tints(pixels: ByteMap, sigma_px: float = _GRAIN_PX) -> Tints:
    """Red and yellow of a picture, uint8 RGB (H, W, 3), that is smoothed first."""
    smooth = cv2.GaussianBlur(pixels.astype(np.float32) / 255, (0, 0), sigma_px)
    _, red, yellow = cv2.split(cv2.cvtColor(smooth, cv2.COLOR_RGB2Lab))
    return np.asarray(red, np.float32), np.asarray(yellow, np.float32)


def shown(pixels: ByteMap) -> BoolMap:
    """True where the picture is not padded with black, bool (H, W)."""
    brightest = cv2.max(cv2.max(*cv2.split(pixels)[:2]), pixels[..., 2])
    return np.asarray(brightest > PADDING)


def tones(pixels: ByteMap, seen: Tints | None = None) -> BoolMap:
    """True where a pixel has a skin's colour, from very dark to very light, bool (H, W).

    Args:
        pixels: uint8 RGB (H, W, 3).
        seen: the picture's tints, where they are at hand.
    """
    red, yellow = tints(pixels) if seen is None else seen
    # hue within bounds, by comparing with the bounds' tangents (red is above 0 here)
    low, high = (math.tan(math.radians(bound)) for bound in _HUE_DEG)
    tone = (red >= _REDNESS) & (yellow >= low * red) & (yellow <= high * red)
    tone &= red * red + yellow * yellow >= _CHROMA**2
    return np.asarray(tone & shown(pixels))


def hue_deg(seen: Tints) -> NDArray[np.float32]:
    """Every pixel's hue in degrees, float32 (H, W): 0 is red, 90 yellow."""
    red, yellow = seen
    return np.degrees(np.arctan2(yellow, red)).astype(np.float32)


def is_grey(pixels: ByteMap) -> bool:
    """Whether a photograph is black and white, in however many channels it is kept."""
    red, yellow = tints(reduced(pixels, FRAME_PX))
    return float(np.percentile(np.hypot(red, yellow), 99)) < _GREY_CHROMA


# --- a foot or leg ----------------------------------------------------------------------------

EVIDENCE_PX: Final = 256
"""Long side of the copy on which the evidence is looked for."""

_LEAST_PART_PX: Final = 150
_SPREAD_PX: Final = 8.0
_SCALES_PX: Final = (0.6, 1.2, 2.4, 4.8, 9.6)
"""Standard deviations of the Gaussians whose differences are the grain at four sizes."""
_NONE: Final = -math.inf
_MOST_SD: Final = 3.0
"""Further than this from its mean a feature says no more."""
_BIAS: Final = 4.473


@dataclass(frozen=True)
class _Weight:
    """What a feature says: in standard deviations from its mean, linear and squared."""

    mean: float
    sd: float
    linear: float
    squared: float


# Logistic regression on 3,535 photographs and crops of feet and legs and 4,346 of other things;
# docs/figures.md says which, and what it does on photographs that were kept apart.
_WEIGHTS: Final = {
    "share": _Weight(0.5667, 0.3378, -0.840, 0.305),
    "edge": _Weight(0.4887, 0.3609, 0.007, -0.555),
    "roughness": _Weight(4.858, 1.877, -1.015, 0.072),
    "solidity": _Weight(0.9043, 0.1346, -0.999, -0.242),
    "straightness": _Weight(0.2578, 0.4681, 1.191, -0.896),
    "lightness": _Weight(52.37, 17.24, -0.369, -0.350),
    "lightness_sd": _Weight(9.376, 4.866, 1.279, -0.269),
    "chroma": _Weight(24.91, 10.95, -1.650, -0.122),
    "chroma_sd": _Weight(0.1935, 0.1295, -0.178, -0.325),
    "redness_left": _Weight(0.8931, 0.9302, 1.732, -0.179),
    "colours_together": _Weight(0.2585, 0.4576, -0.505, -0.595),
    "yellow_grain": _Weight(-3.399, 0.7891, 0.889, -0.323),
    "grain": _Weight(-4.725, 0.8608, -1.405, -0.789),
    "grain_step_1": _Weight(0.2532, 0.3395, 0.093, -0.513),
    "grain_step_3": _Weight(0.2431, 0.4465, -0.640, -0.644),
    "light_over_grain": _Weight(2.546, 0.5656, -0.713, -0.590),
    "grain_tail": _Weight(0.5307, 0.3855, -0.644, -0.677),
    "coarse_tail": _Weight(0.3859, 0.3111, 1.374, -0.052),
}


def foot_evidence(pixels: ByteMap) -> float:
    """How much the largest part in skin tones looks like a bare foot or leg: log odds.

    Minus infinity where there is no such part. Its outline, its colours and its grain are judged:
    skin is smooth, light falls off over it, and blood and melanin change its colour where its
    lightness does not change; cloth, wood, plaster and wall differ in one of these at least.

    Args:
        pixels: uint8 RGB (H, W, 3), the whole photograph.
    """
    features = foot_features(pixels)
    if features is None:
        return _NONE
    sum_of = _BIAS
    for name, weight in _WEIGHTS.items():
        z = min(max((features[name] - weight.mean) / weight.sd, -_MOST_SD), _MOST_SD)
        sum_of += weight.linear * z + weight.squared * z * z
    return sum_of


def foot_features(pixels: ByteMap) -> dict[str, float] | None:
    """What ``foot_evidence`` weighs, by name; None where hardly anything has a skin's colour.

    Lengths are in pixels of the copy, of at most ``EVIDENCE_PX``; colours in CIELAB; grain is the
    natural logarithm of luma's contrast.
    """
    copy = reduced(pixels, EVIDENCE_PX)
    soft = _soft(copy.astype(np.float32) / np.float32(255), _GRAIN_PX)
    smooth = np.asarray(cv2.cvtColor(soft, cv2.COLOR_RGB2Lab), np.float32)
    part = _largest_part(tones(copy, (smooth[..., 1], smooth[..., 2])))
    if np.count_nonzero(part) < _LEAST_PART_PX:
        return None
    core = cv2.erode(part.view(np.uint8), np.ones((5, 5), np.uint8), borderValue=1) > 0
    if np.count_nonzero(core) < 60:
        core = part
    return {
        **_outline_features(part, shown(copy)),
        **_colour_features(smooth, core),
        **_grain_features(copy, core),
    }


def _largest_part(tone: BoolMap) -> BoolMap:
    """The largest connected part, thin bridges cut; nothing where hardly anything is true."""
    if tone.mean() < 0.005:
        return np.zeros_like(tone)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7))
    opened = cv2.morphologyEx(tone.view(np.uint8), cv2.MORPH_OPEN, disc)
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(
        opened if opened.any() else tone.view(np.uint8), connectivity=4
    )
    return np.asarray(labels == 1 + np.argmax(boxes[1:, cv2.CC_STAT_AREA]))


def _outline_features(part: BoolMap, seen: BoolMap) -> dict[str, float]:
    """Size and shape: a foot has a long smooth outline, or fills the frame."""
    lines, tree = cv2.findContours(part.view(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    outer = [line for line, above in zip(lines, tree[0], strict=True) if above[3] < 0]
    line = max(outer, key=len)
    whole = np.zeros(part.shape, np.uint8)
    cv2.drawContours(whole, [line], -1, 1, -1)
    area = int(np.count_nonzero(whole))
    inner = cv2.erode(seen.view(np.uint8), np.ones((5, 5), np.uint8), borderValue=0) > 0
    hull = cv2.convexHull(line)
    corners = cv2.approxPolyDP(line, 2.0, True)[:, 0].astype(np.float64)
    sides = np.linalg.norm(corners - np.roll(corners, -1, axis=0), axis=1)
    middles = np.round((corners + np.roll(corners, -1, axis=0)) / 2).astype(int)
    free = sides[inner[middles[:, 1], middles[:, 0]]]
    return {
        "share": float(np.count_nonzero(part)) / max(1.0, float(np.count_nonzero(seen))),
        "edge": float(1 - inner[line[:, 0, 1], line[:, 0, 0]].mean()),
        "roughness": len(line) / math.sqrt(area),
        "solidity": area / max(1.0, cv2.contourArea(hull)) if len(hull) > 2 else 1.0,
        "straightness": float((free**2).sum() / max(free.sum(), 1.0) / math.sqrt(area)),
    }


def _colour_features(smooth: NDArray[np.float32], core: BoolMap) -> dict[str, float]:
    """Lightness, chroma, and what of the colours lightness does not explain."""
    lightness, red, yellow = smooth[core].astype(np.float64).T
    chroma = np.hypot(red, yellow)
    known = np.stack([np.ones(len(lightness)), lightness - lightness.mean()], axis=1)
    colours = np.stack([red, yellow], axis=1)
    left = colours - known @ np.linalg.lstsq(known, colours, rcond=None)[0]
    spread = left.std(axis=0)
    together = float((left[:, 0] * left[:, 1]).mean() / max(float(spread.prod()), 1e-9))
    usual = float(np.median(chroma))
    fine = np.abs(smooth[..., 2] - _soft(smooth[..., 2], 6.0))[core]
    return {
        "lightness": float(np.median(lightness)),
        "lightness_sd": float(lightness.std()),
        "chroma": usual,
        "chroma_sd": float(chroma.std()) / usual,
        "redness_left": math.log(float(spread[0]) + 0.05),
        "colours_together": together,
        "yellow_grain": math.log((float(np.median(fine)) + 0.1) / usual),
    }


def _grain_features(copy: ByteMap, core: BoolMap) -> dict[str, float]:
    """Contrast of log luma at four sizes, each over the one before."""
    luma = copy.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    light = _spread_out(np.log(np.maximum(luma, 8.0)).astype(np.float32), core)
    steps = [_soft(light, sigma) for sigma in _SCALES_PX]
    grain = [np.abs(one - other)[core] for one, other in pairwise(steps)]
    size = [math.log(float(np.median(each)) + 1e-3) for each in grain]
    tail = [math.log(float(each.mean()) + 1e-3) - of for each, of in zip(grain, size, strict=True)]
    return {
        "grain": size[0],
        "grain_step_1": size[1] - size[0],
        "grain_step_3": size[3] - size[2],
        "light_over_grain": math.log(float(light[core].std()) + 0.02) - size[3],
        "grain_tail": tail[0],
        "coarse_tail": tail[2],
    }


def _soft(values: NDArray[np.float32], spread: float) -> NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), spread), dtype=np.float32)


def _spread_out(values: NDArray[np.float32], inside: BoolMap) -> NDArray[np.float32]:
    """Values continued smoothly beyond a region, so that its edge is no edge."""
    weight = _soft(inside.astype(np.float32), _SPREAD_PX)
    mixed = _soft(np.where(inside, values, 0.0).astype(np.float32), _SPREAD_PX)
    usual = np.float32(values[inside].mean())
    beyond = np.where(weight > 1e-3, mixed / np.maximum(weight, 1e-3), usual)
    return np.where(inside, values, beyond).astype(np.float32)

"""Where skin is, and colours carried on from it into places where they are not known."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from woundseg.datasets.base import BoolMask
from woundseg.datasets.pictures import ByteImage

FloatImage = NDArray[np.float32]
FloatMap = NDArray[np.float32]

# Skin of all tones lies between red and yellow in CIELAB, with some chroma, whatever its
# lightness. Whiter or bluer than that are sheets, gloves and floors; darker is a frame's padding.
LEAST_RED, LEAST_CHROMA, HUE_DEG, PADDING = 3.0, 9.0, (-8.0, 74.0), 24
LEAST_WARM = 10.0
"""Callus and macerated skin are paler and yellower: red and yellow together, at least."""
SMALLEST_SHARE = 0.01
"""Of the frame: a smaller patch in a skin's colours is something else."""
LOOKED_PX = 256
"""Long side at which colours are looked at: a patch's outline need not be exact."""


def skin(pixels: ByteImage) -> BoolMask:
    """Where a photograph, uint8 RGB (H, W, 3), has the colours of skin, in patches of some size.

    Ulcers have such colours too. What is red or brown and no skin, as a carpet, is taken for it.
    """
    return _enlarged(_large(_toned(_reduced(pixels))), pixels)


def foot(pixels: ByteImage, ulcers: BoolMask) -> BoolMask:
    """Skin with the ulcers on it, callus and what is white with wet around them, bool (H, W).

    What is as pale as a sheet belongs to the foot where the foot encloses it.

    Args:
        pixels: uint8 RGB (H, W, 3).
        ulcers: bool (H, W).
    """
    seen = _reduced(pixels)
    size = (seen.shape[1], seen.shape[0])
    wound = cv2.resize(ulcers.astype(np.uint8), size, interpolation=cv2.INTER_AREA)
    red, yellow = _tints(seen)
    warm = (red >= -3) & (red + yellow >= LEAST_WARM) & (seen.max(axis=2) > PADDING)
    whole = _large(_toned(seen)) | (wound > 0)
    reach = cv2.dilate(whole.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    joined = (whole | (warm & reach)).astype(np.uint8)
    closed = cv2.morphologyEx(np.pad(joined, 8), cv2.MORPH_CLOSE, _disc(7))[8:-8, 8:-8]
    outlines, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return _enlarged(cv2.drawContours(closed, outlines, -1, 1, cv2.FILLED) > 0, pixels)


def _reduced(pixels: ByteImage) -> ByteImage:
    height, width = pixels.shape[:2]
    factor = min(1.0, LOOKED_PX / max(height, width))
    size = max(1, round(width * factor)), max(1, round(height * factor))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _enlarged(mask: BoolMask, pixels: ByteImage) -> BoolMask:
    size = (pixels.shape[1], pixels.shape[0])
    large = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    return np.asarray(large > 0)


def _tints(pixels: ByteImage) -> tuple[FloatMap, FloatMap]:
    """How red and how yellow each pixel is, CIELAB a and b."""
    lab = cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB)
    return lab[..., 1].astype(np.float32) - 128, lab[..., 2].astype(np.float32) - 128


def _toned(pixels: ByteImage) -> BoolMask:
    red, yellow = _tints(pixels)
    low, high = np.tan(np.radians(HUE_DEG))
    toned: BoolMask = (red >= LEAST_RED) & (yellow >= low * red) & (yellow <= high * red)
    toned &= (red**2 + yellow**2 >= LEAST_CHROMA**2) & (pixels.max(axis=2) > PADDING)
    return toned


def _large(mask: BoolMask) -> BoolMask:
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, _disc(1))
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(opened)
    large = boxes[:, cv2.CC_STAT_AREA] >= SMALLEST_SHARE * mask.size
    large[0] = False
    found: BoolMask = large[labels]
    return found


def _disc(radius: int) -> ByteImage:
    side = 2 * radius + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)


def carried_on(values: FloatImage, known: BoolMask) -> FloatImage:
    """Values where they are known, and smoothly carried on from there everywhere else.

    Pull-push over a pyramid (Gortler et al. 1996, "The Lumigraph"): what is not known takes the
    weighted mean of what is, nearer places first.

    Args:
        values: float32 (H, W, 3).
        known: bool (H, W); where nothing is, the answer is 0.
    """
    weight = known.astype(np.float32)[..., None]
    levels = [np.concatenate([values * weight, weight], axis=2)]
    while min(levels[-1].shape[:2]) > 1:
        coarse = cv2.pyrDown(levels[-1])
        # A quarter known is as good as all: else knowledge fades from level to level.
        share = np.clip(coarse[..., 3:], 1e-6, None)
        levels.append(coarse * (np.minimum(1.0, 4.0 * share) / share))
    filled = levels[-1][..., :3] / np.clip(levels[-1][..., 3:], 1e-6, None)
    for level in reversed(levels[:-1]):
        height, width = level.shape[:2]
        filled = cv2.pyrUp(np.ascontiguousarray(filled), dstsize=(width, height))
        filled = level[..., :3] + filled * (1.0 - np.minimum(1.0, level[..., 3:]))
    return np.asarray(filled, np.float32)


def smoothed(values: FloatImage, known: BoolMask, sd_px: float) -> FloatImage:
    """Values (H, W, 3) blurred by a Gaussian over what is known alone, float32.

    What is far from anything known keeps its own value.
    """
    weight = known.astype(np.float32)
    under = cv2.GaussianBlur(weight, (0, 0), sd_px)[..., None]
    over = cv2.GaussianBlur(values * weight[..., None], (0, 0), sd_px)
    return np.where(under > 0.02, over / np.maximum(under, 0.02), values).astype(np.float32)


def grain(values: FloatImage, where: BoolMask) -> float:
    """Standard deviation of the finest grain, in levels of 255, robust against outlines.

    From the median absolute response of Immerkaer's mask, which no plane and no straight edge
    passes (Immerkaer 1996, "Fast Noise Variance Estimation"). 0 where ``where`` is empty.

    Args:
        values: float32 (H, W, 3), 0 to 255.
        where: bool (H, W), the pixels that count.
    """
    grey = values @ np.array([0.299, 0.587, 0.114], np.float32)
    mask = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    response = np.abs(cv2.filter2D(grey, cv2.CV_32F, mask))[where]
    return float(np.median(response)) / (0.6745 * 6.0) if response.size else 0.0

"""What the ulcer's bed is made of: a second, small network looks at each ulcer by itself.

Its *look* is a window over the ulcer, brought to one size: tissue has no scale of its own, and
DFUTissue's crops are windows of this kind. Inside the ulcer's outline each pixel gets the tissue
of the highest probability. Callus is no bed: it is left out of the map and of the fractions. What
the network takes for neither bed nor callus, and what glares, is ``other``: it cannot be called.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from woundseg import colour, engines, masks, resources
from woundseg.classes import (
    BACKGROUND,
    GRANULATION,
    NECROSIS,
    OTHER,
    SLOUGH,
    TISSUE_CHANNELS,
)
from woundseg.colour import Balanced
from woundseg.engines import Device, Engine, Precision
from woundseg.errors import ConfigurationError
from woundseg.records import TissueModelFacts
from woundseg.tissue.window import window_over

ByteImage = NDArray[np.uint8]
ByteMap = NDArray[np.uint8]
BoolMap = NDArray[np.bool_]
FloatMap = NDArray[np.float32]
Window = tuple[slice, slice]

SHIPPED_WEIGHTS = "models/tissue.onnx"
READING = 3
"""Version of how colours are put right and told of, and tissue is read: with it a study's
photographs are measured again. 2: burnt channels held up, the estimate without a card limited,
burnt beds told. 3: coloured light told."""
LOOK_PX = 224
"""Long side of a look."""
DRAWN_PX = 336
"""Long side at which tissues are told apart: more than the look's, so that outlines are smooth."""
STRIDE = 32
CALLABLE = 0.25
"""Share of the probability that a pixel's bed tissues need together; below it is ``other``."""
GLARE = colour.BURNT
"""A pixel whose three channels are all at least this bright shows the lamp and no tissue."""

_IDS = np.array(TISSUE_CHANNELS, np.uint8)


@dataclass(frozen=True, eq=False)
class Bed:
    """The bed's tissues in a photograph.

    Attributes:
        tissue: ids of ``classes.TISSUES``, uint8 (H, W); 0 outside the ulcers and on callus.
        sure: share of the bed's probability that each pixel's tissue has, uint8 (H, W), 255 is 1.
    """

    tissue: ByteMap
    sure: ByteMap


def as_seen(pixels: ByteImage) -> tuple[ByteImage, tuple[int, int]]:
    """A window (H, W, 3) as the network sees it, and the height and width of what is no padding."""
    width, height = _fitted(pixels.shape, LOOK_PX)
    way = cv2.INTER_AREA if width < pixels.shape[1] else cv2.INTER_LINEAR
    shown = cv2.resize(pixels, (width, height), interpolation=way)
    padded = np.pad(shown, ((0, -height % STRIDE), (0, -width % STRIDE), (0, 0)))
    return np.asarray(padded, np.uint8), (height, width)


def called(probability: FloatMap) -> ByteMap:
    """The class of the highest probability, callus and background too.

    Args:
        probability: float32 (channels, H, W).
    """
    return np.asarray(_IDS[probability.argmax(axis=0)])


class TissueReader:
    """Loads the weights once; then each photograph is a call.

    Attributes:
        model: name, version and hash of the weights.
        fraction_sd: as the weights' card says: how far a fraction may be off, on the logit scale.
    """

    def __init__(self, engine: Engine, sha256: str) -> None:
        facts = engine.facts
        self._engine = engine
        self.model = TissueModelFacts(name=facts["name"], version=facts["version"], sha256=sha256)
        self.fraction_sd = float(facts["fraction_sd"])

    def __call__(self, pixels: ByteImage, ulcer: BoolMap, balanced: Balanced) -> Bed:
        """The tissues inside the ulcers of a photograph.

        Args:
            pixels: sRGB uint8 (H, W, 3), as photographed.
            ulcer: true inside the ulcers, bool (H, W).
            balanced: how its colours are put right.
        """
        bed = Bed(np.zeros(ulcer.shape, np.uint8), np.zeros(ulcer.shape, np.uint8))
        for window, parts in _windows(ulcer):
            seen = pixels[window]
            drawn = self._answer(seen, _fitted(seen.shape, DRAWN_PX), balanced)
            _fill(bed, window, told(drawn), parts)
            darkest = np.minimum(np.minimum(seen[..., 0], seen[..., 1]), seen[..., 2])
            bed.tissue[window][parts & (darkest >= GLARE)] = OTHER
        return bed

    def look(self, pixels: ByteImage) -> FloatMap:
        """Probability of each channel (``classes.TISSUE_CHANNELS``), float32 (channels, H, W).

        Args:
            pixels: a window, sRGB uint8 (H, W, 3).
        """
        return self._answer(pixels, (pixels.shape[1], pixels.shape[0]), Balanced("none"))

    def _answer(self, pixels: ByteImage, size: tuple[int, int], balanced: Balanced) -> FloatMap:
        """Mean of a look and its mirror image, at another size (width, height)."""
        seen, (height, width) = as_seen(pixels)
        seen = balanced.apply(seen)  # of the look alone: a window can have 20 megapixels
        shown = seen[:height, :width]
        mirrored = np.zeros_like(seen)
        mirrored[:height, :width] = shown[:, ::-1]
        both = [self._engine(each[None])[0, :, :height, :width] for each in (seen, mirrored)]
        mean = (both[0] + both[1][..., ::-1]) / 2
        found = cv2.resize(
            np.ascontiguousarray(mean.transpose(1, 2, 0)), size, interpolation=cv2.INTER_LINEAR
        )
        return np.asarray(found.transpose(2, 0, 1), np.float32)


def _windows(ulcer: BoolMap) -> Iterator[tuple[Window, BoolMap]]:
    """Windows over the ulcers, and which of their pixels each one answers for, bool (h, w).

    An ulcer that lies in the window over a larger one is looked at there.
    """
    windows: list[tuple[Window, BoolMap]] = []
    for part in masks.components(ulcer):
        rows, columns = part.window
        around = [w for w in windows if _within(rows, w[0][0]) and _within(columns, w[0][1])]
        if not around:
            window = window_over(part.bbox_px, ulcer.shape)
            size = (window[0].stop - window[0].start, window[1].stop - window[1].start)
            around = [(window, np.zeros(size, np.bool_))]
            windows += around
        window, parts = around[0]
        parts[_moved(rows, window[0]), _moved(columns, window[1])] |= part.mask
    yield from windows


def _within(inner: slice, outer: slice) -> bool:
    return bool(outer.start <= inner.start and inner.stop <= outer.stop)


def _moved(inner: slice, outer: slice) -> slice:
    """``inner`` counted from where ``outer`` begins."""
    return slice(inner.start - outer.start, inner.stop - outer.start)


def _fill(bed: Bed, window: Window, found: tuple[ByteMap, ByteMap], parts: BoolMap) -> None:
    """Writes what was told of a window into the bed, where its ulcers are."""
    for whole, part in zip((bed.tissue, bed.sure), found, strict=True):
        fitted = cv2.resize(part, parts.shape[::-1], interpolation=cv2.INTER_NEAREST)
        whole[window][parts] = fitted[parts]


def told(probability: FloatMap) -> tuple[ByteMap, ByteMap]:
    """Tissue and sureness of pixels inside an outline, uint8 (H, W); see ``Bed``.

    Args:
        probability: float32 (channels, H, W), in the order of ``classes.TISSUE_CHANNELS``.
    """
    background, granulation, slough, necrosis, callus = probability
    together = granulation + slough + necrosis
    most = np.maximum(np.maximum(granulation, slough), necrosis)
    tissue = np.full(most.shape, NECROSIS, np.uint8)
    tissue[slough == most] = SLOUGH
    tissue[granulation == most] = GRANULATION
    tissue[together < CALLABLE] = OTHER
    tissue[(callus > together) & (callus > background)] = BACKGROUND
    share = most / np.maximum(together, np.float32(1e-6))
    return tissue, np.asarray(share * np.float32(255) + np.float32(0.5), np.uint8)


def _fitted(shape: tuple[int, ...], longest: int) -> tuple[int, int]:
    """Width and height with the long side ``longest``."""
    ratio = longest / max(shape[:2])
    return max(1, round(shape[1] * ratio)), max(1, round(shape[0] * ratio))


def load(
    device: Device = "auto",
    precision: Precision = "fp32",
    weights: Path | None = None,
    threads: int | None = None,
) -> TissueReader:
    """A reader with the shipped weights, or with those in the file ``weights``.

    Args:
        device: where to run.
        precision: what to compute in.
        weights: an ONNX file of ours; None takes the shipped one.
        threads: of the processor's engine; None takes its own number.

    Raises:
        UsageError: a device or precision that this machine does not have.
        ConfigurationError: no such weight file, or not one of tissue.
    """
    path = weights or resources.path(SHIPPED_WEIGHTS)
    sha256 = weights_sha256(path)
    engine = engines.load(path, device, precision, threads)
    if "fraction_sd" not in engine.facts:
        raise ConfigurationError(path, "holds no tissue network", "Name weights of one")
    return TissueReader(engine, sha256)


@lru_cache(maxsize=4)
def weights_sha256(weights: Path | None = None) -> str:
    """The hash of the weight file; None is the shipped one.

    Raises:
        ConfigurationError: no such file.
    """
    path = weights or resources.path(SHIPPED_WEIGHTS)
    if not path.is_file():
        raise ConfigurationError(path, "is no file", "Name an ONNX file of woundseg")
    return hashlib.sha256(path.read_bytes()).hexdigest()

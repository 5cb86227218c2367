"""Finding the ulcer: coarse over the whole photograph, then finer where it is.

The network sees *looks*: the photograph, or a window of it, brought to a size that it knows from
training. Around each thing found in the whole, a window is cut from the full photograph and
looked at again, closer; there both looks are averaged, which on the folds is better than either.
What comes out has the photograph's own size.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from woundseg import engines, masks, resources, tissue_map
from woundseg.engines import Device, Engine, Precision
from woundseg.errors import ConfigurationError
from woundseg.masks import ByteMap, FloatMap, Segmentation
from woundseg.records import ModelFacts
from woundseg.tissue_map import TissueReader

SHIPPED_WEIGHTS = "models/ulcer.onnx"
STRIDE = 32
"""Sides of a look are padded with black to multiples of this (the network's own stride)."""

Window = tuple[int, int, int, int]
"""x, y, width, height in pixels of the photograph."""


@dataclass(frozen=True)
class LookOptions:
    """How the photograph is looked at.

    The defaults were chosen out of fold (``models/ulcer.md``).

    Attributes:
        coarse_px: long sides of the looks at the whole.
        fine_px: long sides of the looks at a window.
        mirrored: look at everything a second time, mirrored left to right, and average.
        fine_share: weight of the closer looks inside a window; the whole's has the rest.
        candidate: probability above which the coarse look sends a closer one.
        smallest_candidate_px: pixels of the first coarse look that are worth a closer one.
        context: side of a window, in lengths of what was found.
        most_windows: the largest finds only; more would make a scored photograph slow.
        most_enlarged: a window is never enlarged by more than this: there is nothing to see.
    """

    coarse_px: tuple[int, ...] = (512,)
    fine_px: tuple[int, ...] = (320,)
    mirrored: bool = True
    fine_share: float = 0.5
    candidate: float = 0.3
    smallest_candidate_px: int = 8
    context: float = 3.0
    most_windows: int = 4
    most_enlarged: float = 1.43


class Segmenter:
    """Loads weights once; then each photograph is a call.

    Attributes:
        model: name, version and hash of the weights, and what they run on.
        border_sd_px: as the weights' card says, in pixels of a look.
        min_ulcer_px: as the weights' card says, in pixels of a look.
    """

    def __init__(
        self,
        engine: Engine,
        sha256: str,
        looks: LookOptions | None = None,
        tissue: Callable[[], TissueReader] | None = None,
    ) -> None:
        self._engine = engine
        self._looks = looks or LookOptions()
        self._load_tissue = tissue
        facts = engine.facts
        self.model = ModelFacts(
            name=facts["name"],
            version=facts["version"],
            sha256=sha256,
            device=engine.device,
            precision=engine.precision,
        )
        self.border_sd_px = float(facts["border_sd_px"])
        self.min_ulcer_px = int(facts["min_ulcer_px"])

    def __call__(self, pixels: ByteMap, without: NDArray[np.float64] | None = None) -> Segmentation:
        """The ulcers of an upright RGB photograph, uint8 (H, W, 3).

        Args:
            pixels: the photograph.
            without: a convex outline, (N, 2) of (x, y), in which no ulcer can be: the scale card,
                whose black and red fields can look like one.
        """
        height, width = pixels.shape[:2]
        probability = self._coarse(pixels)
        ratio = max(probability.shape) / max(height, width)
        _erase(probability, without, ratio)
        found = masks.resize_probability(probability, height, width)
        closest = []
        for window in self._windows(probability, height, width):
            fine, fine_ratio = self._fine(pixels, window)
            _blend(found, fine, window, self._looks.fine_share)
            closest.append(max(ratio, fine_ratio))
        _erase(found, without, 1.0)
        return Segmentation(
            probability=found,
            tissue=None,
            model=self.model,
            looked_px_per_px=min(closest, default=ratio),
            border_sd_px=self.border_sd_px,
            min_ulcer_px=self.min_ulcer_px,
            content_px=masks.content_box(pixels),
        )

    @cached_property
    def tissue(self) -> TissueReader | None:
        """What reads the ulcers' tissue, loaded when it is first asked for; None without any."""
        return None if self._load_tissue is None else self._load_tissue()

    def _look(self, pixels: ByteMap, long_side: int) -> FloatMap:
        """Probability of ``pixels`` (H, W, 3) brought to ``long_side``, at that size."""
        height, width = pixels.shape[:2]
        ratio = long_side / max(height, width)
        size = max(1, round(width * ratio)), max(1, round(height * ratio))
        shown = resized(pixels, size)
        answer = self._ask(shown)
        if self._looks.mirrored:
            mirrored = self._ask(shown[:, ::-1])[:, ::-1]
            answer = np.asarray((answer + mirrored) / 2, np.float32)
        return answer

    def _ask(self, shown: ByteMap) -> FloatMap:
        """The engine's answer to a look (h, w, 3), padded to the network's stride."""
        height, width = shown.shape[:2]
        padded = np.zeros((1, _up(height), _up(width), 3), np.uint8)
        padded[0, :height, :width] = shown
        answer: FloatMap = self._engine(padded)[0, :height, :width]
        return answer

    def _coarse(self, pixels: ByteMap) -> FloatMap:
        """Mean of the looks at the whole, at the size of the largest."""
        longest = max(self._looks.coarse_px)
        largest = self._look(pixels, longest)
        looks = [largest]
        for long_side in self._looks.coarse_px:
            if long_side != longest:
                look = self._look(pixels, long_side)
                looks.append(masks.resize_probability(look, *largest.shape))
        return np.asarray(np.mean(looks, axis=0), np.float32)

    def _windows(self, probability: FloatMap, height: int, width: int) -> list[Window]:
        """Where to look closer: windows of the photograph around what the coarse look found."""
        ratio = max(height, width) / max(probability.shape)
        options = self._looks
        worth = masks.components(probability >= options.candidate, options.smallest_candidate_px)
        least = max(options.fine_px) / options.most_enlarged
        boxes = []
        for part in worth[: options.most_windows]:
            x, y, w, h = (ratio * side for side in part.bbox_px)
            side = max(options.context * max(w, h), least)
            boxes.append(_window(x + w / 2, y + h / 2, side, height, width))
        return _merged(boxes)

    def _fine(self, pixels: ByteMap, window: Window) -> tuple[FloatMap, float]:
        """Mean of the closer looks at a window, at the window's size; and look px per px."""
        x, y, width, height = window
        cut = pixels[y : y + height, x : x + width]
        looks = [self._look(cut, side) for side in self._looks.fine_px]
        shown = [masks.resize_probability(look, height, width) for look in looks]
        ratio = max(self._looks.fine_px) / max(width, height)
        return np.asarray(np.mean(shown, axis=0), np.float32), ratio


def _window(x: float, y: float, side: float, height: int, width: int) -> Window:
    """A square of ``side`` around (x, y), pushed into the frame, cut where it is larger."""
    across, down = min(round(side), width), min(round(side), height)
    left = min(max(round(x - across / 2), 0), width - across)
    top = min(max(round(y - down / 2), 0), height - down)
    return left, top, across, down


def _merged(windows: list[Window]) -> list[Window]:
    """Windows whose centre lies in a larger one are dropped: it has been looked at there."""
    kept: list[Window] = []
    for window in sorted(windows, key=lambda w: w[2] * w[3], reverse=True):
        x, y = window[0] + window[2] / 2, window[1] + window[3] / 2
        if not any(k[0] <= x < k[0] + k[2] and k[1] <= y < k[1] + k[3] for k in kept):
            kept.append(window)
    return kept


def _erase(probability: FloatMap, outline: NDArray[np.float64] | None, ratio: float) -> None:
    """Sets ``probability`` to 0 inside ``outline`` (px of the photograph), in place."""
    if outline is not None:
        here = (outline + 0.5) * ratio - 0.5
        cv2.fillConvexPoly(probability, np.rint(here).astype(np.int32), 0.0)


def _blend(found: FloatMap, fine: FloatMap, window: Window, share: float) -> None:
    """Mixes the closer look into ``found``, fading out over the window's rim, in place."""
    x, y, width, height = window
    part = found[y : y + height, x : x + width]
    across = share * _fade(width, x > 0, x + width < found.shape[1])
    down = _fade(height, y > 0, y + height < found.shape[0])
    part += (fine - part) * (down[:, None] * across[None, :])


def _fade(length: int, at_start: bool, at_end: bool) -> NDArray[np.float32]:
    """Weights along one side: 1, falling to 0 over an eighth at ends inside the photograph."""
    weights = np.ones(length, np.float32)
    rim = max(1, length // 8)
    ramp = (np.arange(rim, dtype=np.float32) + 0.5) / rim
    if at_start:
        weights[:rim] = ramp
    if at_end:
        weights[-rim:] = ramp[::-1]
    return weights


def resized(pixels: ByteMap, size: tuple[int, int]) -> ByteMap:
    """``pixels`` (H, W, 3) at ``size`` (width, height): averaged down, interpolated up."""
    if size == (pixels.shape[1], pixels.shape[0]):
        return pixels
    shrinks = size[0] < pixels.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, size, interpolation=method), np.uint8)


def _up(side: int) -> int:
    return -(-side // STRIDE) * STRIDE


def load(
    device: Device = "auto",
    precision: Precision = "fp32",
    weights: Path | None = None,
    looks: LookOptions | None = None,
    threads: int | None = None,
) -> Segmenter:
    """A segmenter with the shipped weights, or with those in the file ``weights``.

    Args:
        device: where to run.
        precision: what to compute in.
        weights: an ONNX file of ours; None takes the shipped one.
        looks: how the photograph is looked at.
        threads: of the processor's engine; None takes its own number.

    Raises:
        UsageError: a device or precision that this machine does not have.
        ConfigurationError: no such weight file, or not one of ours.
    """
    path = weights_path(weights)
    reader = partial(tissue_map.load, device, precision, None, threads)
    return on_engine(engines.load(path, device, precision, threads), path, looks, reader)


def weights_path(weights: Path | None = None) -> Path:
    """The weight file that :func:`load` takes.

    Raises:
        ConfigurationError: no such file.
    """
    path = weights or resources.path(SHIPPED_WEIGHTS)
    if not path.is_file():
        raise ConfigurationError(path, "is no file", "Name an ONNX file of woundseg")
    return path


def on_engine(
    engine: Engine,
    weights: Path,
    looks: LookOptions | None = None,
    tissue: Callable[[], TissueReader] | None = None,
) -> Segmenter:
    """A segmenter on an engine that has loaded the file ``weights``.

    Args:
        engine: the engine.
        weights: the file.
        looks: how the photograph is looked at.
        tissue: loads what reads the ulcers' tissue.

    Raises:
        ConfigurationError: the file was not exported by woundseg.
    """
    missing = {"name", "version", "border_sd_px", "min_ulcer_px"} - engine.facts.keys()
    if missing:
        raise ConfigurationError(weights, "was not exported by woundseg", "Name one that was")
    return Segmenter(engine, hashlib.sha256(weights.read_bytes()).hexdigest(), looks, tissue)

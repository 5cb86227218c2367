"""Seeded noise that is fixed to places in millimetres, whatever the resolution asked for."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, cos, pi, sin, sqrt

import cv2
import numpy as np
from numpy.typing import NDArray

FloatImage = NDArray[np.float32]


@dataclass(frozen=True)
class Window:
    """A rectangle of the plane, sampled at texel centres.

    Texel (column i, row j) lies at X = x0_mm + (i + ½) / px_per_mm, Y likewise.
    """

    x0_mm: float
    y0_mm: float
    width: int
    height: int
    px_per_mm: float

    @classmethod
    def around(
        cls, low_mm: tuple[float, float], high_mm: tuple[float, float], px_per_mm: float
    ) -> Window:
        """The window from one corner to the other, its size rounded up to whole texels."""
        width, height = (
            max(1, ceil((high - low) * px_per_mm))
            for low, high in zip(low_mm, high_mm, strict=True)
        )
        return cls(low_mm[0], low_mm[1], width, height, px_per_mm)

    def grid(self) -> tuple[FloatImage, FloatImage]:
        """X as (1, width) and Y as (height, 1), in mm; they broadcast."""
        x = self.x0_mm + (np.arange(self.width, dtype=np.float64) + 0.5) / self.px_per_mm
        y = self.y0_mm + (np.arange(self.height, dtype=np.float64) + 0.5) / self.px_per_mm
        return x.astype(np.float32)[None, :], y.astype(np.float32)[:, None]

    def at(self, px_per_mm: float) -> Window:
        """The same rectangle at another resolution (a coarser one reaches a little over)."""
        width, height = (
            max(1, ceil(side * px_per_mm / self.px_per_mm)) for side in (self.width, self.height)
        )
        return Window(self.x0_mm, self.y0_mm, width, height, px_per_mm)

    def warp(self, image: FloatImage, own: Window) -> FloatImage:
        """Resamples an image of window ``own`` onto this window's texels (bilinear)."""
        ratio = own.px_per_mm / self.px_per_mm
        shift_x = (self.x0_mm - own.x0_mm) * own.px_per_mm + ratio / 2 - 0.5
        shift_y = (self.y0_mm - own.y0_mm) * own.px_per_mm + ratio / 2 - 0.5
        matrix = np.array([[ratio, 0, shift_x], [0, ratio, shift_y]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        size = (self.width, self.height)
        warped = cv2.warpAffine(image, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(warped, dtype=np.float32)


LATTICE_MM = 512.0
"""Noise is drawn over −256 to 256 mm and repeats beyond."""

GOLDEN_ANGLE = pi * (3 - sqrt(5))

MAX_LATTICE = 512
"""Lattice points a side: a finer grain repeats sooner."""


def _octave(seed: tuple[int, ...], cell_mm: float, window: Window) -> FloatImage:
    """One octave of value noise, mean 0 and standard deviation about 1."""
    count = min(MAX_LATTICE, max(4, round(LATTICE_MM / cell_mm)))
    lattice = np.random.default_rng(seed).standard_normal((count, count), dtype=np.float32)
    # Each lattice is turned by its own angle, so that their grids do not add up to a weave.
    angle = GOLDEN_ANGLE * (sum(seed) % 360)
    c, s = cos(angle) / cell_mm, sin(angle) / cell_mm
    texel = 1 / window.px_per_mm
    x0, y0 = window.x0_mm + texel / 2, window.y0_mm + texel / 2
    shift_x, shift_y = c * x0 - s * y0 + count / 2, s * x0 + c * y0 + count / 2
    matrix = np.array([[c * texel, -s * texel, shift_x], [s * texel, c * texel, shift_y]])
    noise = cv2.warpAffine(
        lattice,
        matrix,
        (window.width, window.height),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_WRAP,
    )
    return np.asarray(noise, dtype=np.float32)


@dataclass(frozen=True)
class Grain:
    """A recipe for noise: the largest cell in mm, how many octaves, and their falling weight."""

    cell_mm: float
    octaves: int = 3
    fall: float = 0.5


def field(seed: tuple[int, ...], grain: Grain, window: Window) -> FloatImage:
    """Fractal noise over a window, mean 0 and standard deviation about 1.

    Coarse octaves are computed at a quarter of their cell and enlarged; octaves finer than the
    texels are left out, so that the same place looks the same at every resolution.
    """
    total = np.zeros((window.height, window.width), dtype=np.float32)
    power = 0.0
    for octave in range(grain.octaves):
        cell = grain.cell_mm / 2**octave
        weight = grain.fall**octave
        power += weight**2
        if cell * window.px_per_mm < 1.0:
            continue
        if 4 / cell < window.px_per_mm:
            coarse = window.at(4 / cell)
            noise = window.warp(_octave((*seed, octave), cell, coarse), coarse)
        else:
            noise = _octave((*seed, octave), cell, window)
        total += np.float32(weight) * noise
    return np.asarray(total * np.float32(1.35 / np.sqrt(power)), dtype=np.float32)


def step(values: FloatImage, low: float, high: float) -> FloatImage:
    """0 below ``low``, 1 above ``high``, smooth between (3t² − 2t³)."""
    t = np.clip((values - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), dtype=np.float32)


def mix(image: FloatImage, colour: FloatImage | tuple[float, ...], amount: FloatImage) -> None:
    """Moves an image (H, W, 3) towards a colour by an amount (H, W), in place."""
    image += (np.asarray(colour, dtype=np.float32) - image) * amount[..., None]

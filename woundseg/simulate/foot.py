"""A foot's silhouette and skin, painted flat: a plane with the shading of a rounded body."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians, sin
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from woundseg.simulate.noise import FloatImage, Grain, Window, field, mix, step

View = Literal["sole", "heel"]

# Soles and heels of the six skin types of Fitzpatrick, sRGB 0 to 1, chosen by eye: palms and
# soles are lighter than the rest of the body.
TONES: tuple[tuple[float, float, float], ...] = (
    (0.90, 0.76, 0.70),
    (0.87, 0.70, 0.62),
    (0.79, 0.61, 0.52),
    (0.68, 0.50, 0.41),
    (0.53, 0.38, 0.31),
    (0.39, 0.28, 0.23),
)


@dataclass(frozen=True)
class Foot:
    """One subject's foot; the same seed gives the same skin at every visit.

    Attributes:
        seed: of the skin's pattern.
        view: the sole with its toes, or the heel with the leg leaving the frame.
        tone: index into ``TONES`` (Fitzpatrick type − 1), fractions blend.
        left: mirrored.
        size: 1 for a foot of 250 mm.
    """

    seed: int
    view: View = "sole"
    tone: float = 1.0
    left: bool = False
    size: float = 1.0

    def sites_mm(self) -> tuple[tuple[float, float], ...]:
        """Where ulcers sit: under the metatarsal heads and on the heel."""
        sole = ((-24.0, -50.0), (4.0, -48.0), (24.0, -36.0), (2.0, 62.0))
        heel = ((0.0, 8.0), (-10.0, 20.0), (8.0, -6.0))
        side = -1.0 if self.left else 1.0
        chosen = sole if self.view == "sole" else heel
        return tuple((x * side * self.size, y * self.size) for x, y in chosen)

    def bounds_mm(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Two corners of a rectangle that holds the foot (as far as it is painted)."""
        x, top, bottom = (56.0, -128.0, 122.0) if self.view == "sole" else (58.0, -400.0, 62.0)
        return (-x * self.size, top * self.size), (x * self.size, bottom * self.size)

    def distance_mm(self, x: NDArray[np.floating], y: NDArray[np.floating]) -> FloatImage:
        """Roughly the signed distance to the silhouette: negative on the foot."""
        side = -1.0 if self.left else 1.0
        u, v = x * np.float32(side / self.size), y * np.float32(1 / self.size)
        body = _sole(u, v) if self.view == "sole" else _heel(u, v)
        return np.asarray(body * np.float32(self.size), dtype=np.float32)


def _ellipse(
    u: FloatImage, v: FloatImage, centre: tuple[float, float], radii: tuple[float, float]
) -> FloatImage:
    """Roughly the distance to an ellipse: exact for circles."""
    a, b = (u - centre[0]) / radii[0], (v - centre[1]) / radii[1]
    reach = np.sqrt(a * a + b * b)
    slope = np.sqrt((a / radii[0]) ** 2 + (b / radii[1]) ** 2) + np.float32(1e-6)
    return np.asarray((reach - 1) * reach / slope, dtype=np.float32)


def _join(first: FloatImage, second: FloatImage, blend_mm: float) -> FloatImage:
    """The union of two bodies, smooth over ``blend_mm`` (polynomial smooth minimum)."""
    near = np.clip(0.5 + 0.5 * (second - first) / blend_mm, 0, 1)
    return np.asarray(second + (first - second) * near - blend_mm * near * (1 - near))


TOES: tuple[tuple[tuple[float, float], tuple[float, float]], ...] = (
    ((-28.5, -92), (15.0, 21)),
    ((-5.5, -95), (9.4, 17)),
    ((12.0, -89), (9.0, 15.5)),
    ((27.0, -78), (8.8, 14)),
    ((39.0, -63), (9.0, 13)),
)
"""Centre and radii of each toe on a right sole, big toe first, in mm."""


def _sole(u: FloatImage, v: FloatImage) -> FloatImage:
    heel = _ellipse(u, v, (2, 82), (30, 36))
    arch = _ellipse(u, v, (10, 20), (29, 72))
    ball = _ellipse(u, v, (-1, -46), (46, 34))
    body = _join(_join(heel, arch, 22), ball, 26)
    for centre, radii in TOES:
        toe = _ellipse(u, v, centre, radii)
        neck = _ellipse(u, v, (centre[0] * 0.95, centre[1] + 15), (radii[0] * 0.66, 16))
        body = _join(body, _join(toe, neck, 5.0), 2.5)
    return body


def _heel(u: FloatImage, v: FloatImage) -> FloatImage:
    cap = _ellipse(u, v, (0, 8), (43, 44))
    width = 30 + 9 * np.exp(-(((v + 25) / 45) ** 2)) + 10 * np.clip((-v - 90) / 110, 0, 1)
    leg = np.maximum(np.abs(u) - width, v - 6)
    return _join(cap, np.asarray(leg, dtype=np.float32), 18)


@dataclass(frozen=True)
class Paint:
    """A painted piece of plane.

    Attributes:
        window: where it lies.
        albedo: float32 (H, W, 3), sRGB-encoded, 0 to 1.
        shade: float32 (H, W), what light falls on each texel, linear, about 1.
        cover: float32 (H, W), 1 where the piece is, 0 where it is not.
    """

    window: Window
    albedo: FloatImage
    shade: FloatImage
    cover: FloatImage


def light_vector(light_deg: float) -> tuple[float, float, float]:
    """Unit vector to the light: 35° off the plane's normal, in a direction of the plane."""
    lean = radians(35)
    return (
        sin(lean) * cos(radians(light_deg)),
        sin(lean) * sin(radians(light_deg)),
        cos(lean),
    )


def relief(height_mm: FloatImage, px_per_mm: float, light_deg: float) -> FloatImage:
    """Lambert's law on a height field: light over that on a level place."""
    along = cv2.Sobel(height_mm, cv2.CV_32F, 1, 0, ksize=3, scale=px_per_mm / 8)
    down = cv2.Sobel(height_mm, cv2.CV_32F, 0, 1, ksize=3, scale=px_per_mm / 8)
    x, y, z = light_vector(light_deg)
    facing = (z - x * along - y * down) / np.sqrt(1 + along * along + down * down)
    return np.asarray(np.clip(facing, 0, None) / z, dtype=np.float32)


def paint_foot(foot: Foot, window: Window, light_deg: float) -> Paint:
    """The foot without ulcers."""
    x, y = window.grid()
    inside = -foot.distance_mm(x, y)
    cover = np.clip(0.5 + inside * window.px_per_mm, 0, 1).astype(np.float32)
    depth = np.clip(inside, 0, None)
    albedo = _skin(foot, window, depth)
    height = _body_height(depth) + _folds(foot, window)
    shade = 0.42 + 0.58 * relief(height, window.px_per_mm, light_deg)
    shade *= 1 - 0.35 * np.exp(-depth / 2.5)
    return Paint(window, albedo, np.asarray(shade, dtype=np.float32), cover)


def _body_height(depth: FloatImage) -> FloatImage:
    """A rounded edge 26 mm wide, level further in."""
    inward = 1 - np.clip(depth / 26, 0, 1)
    return np.asarray(17 * np.sqrt(np.clip(1 - inward**2, 1e-3, 1)), dtype=np.float32)


def _folds(foot: Foot, window: Window) -> FloatImage:
    """Height in mm of creases, skin lines and fat pads."""
    seed = (foot.seed, 1)
    pads = 0.9 * field((*seed, 0), Grain(22, 2), window)
    bend = field((*seed, 1), Grain(30, 2), window)
    crease = (
        -0.30 * np.exp(-((bend * 5.0) ** 2)) * step(field((*seed, 2), Grain(25, 1), window), 0, 1)
    )
    lines = 0.025 * field((*seed, 3), Grain(1.6, 2, 0.6), window)
    return np.asarray(pads + crease + lines, dtype=np.float32)


def _skin(foot: Foot, window: Window, depth: FloatImage) -> FloatImage:
    """Albedo (H, W, 3), sRGB-encoded: tone, flush, mottling, vessels, dry scale."""
    seed = (foot.seed, 2)
    low = int(np.clip(np.floor(foot.tone), 0, len(TONES) - 2))
    part = np.float32(np.clip(foot.tone - low, 0, 1))
    tone = np.asarray(TONES[low]) * (1 - part) + np.asarray(TONES[low + 1]) * part
    dark = float(np.clip(foot.tone / 5, 0, 1))
    albedo = np.empty((*depth.shape, 3), dtype=np.float32)
    albedo[:] = tone
    flush = field((*seed, 0), Grain(34, 4, 0.55), window)
    flush += 0.9 * np.exp(-depth / 9)
    mix(albedo, _tint(tone, (1.0, 0.78, 0.79)), _share(0.22 + 0.20 * flush, 0.75))
    yellow = step(field((*seed, 1), Grain(28, 3), window), 0.2, 1.6)
    mix(albedo, _tint(tone, (1.02, 0.96, 0.78)), 0.35 * yellow)
    vessel = np.exp(-((field((*seed, 2), Grain(38, 3, 0.45), window) * 9) ** 2))
    mix(albedo, _tint(tone, (0.80, 0.80, 0.92)), _share(0.22 * (1 - dark) * vessel, 1.0))
    spots = field((*seed, 3), Grain(1.4, 2, 0.7), window)
    albedo *= (1 + (0.012 + 0.02 * dark) * spots)[..., None]
    scale = step(field((*seed, 4), Grain(16, 2), window), 0.6, 1.6)
    scale *= step(field((*seed, 5), Grain(2.2, 3, 0.7), window), 0.1, 1.3)
    mix(albedo, _tint(tone, (1.18, 1.2, 1.22)), _share((0.35 + 0.2 * dark) * scale, 1.0))
    return np.clip(albedo, 0.01, 0.97)


def _share(amount: NDArray[np.floating], most: float) -> FloatImage:
    return np.asarray(np.clip(amount, 0, most), dtype=np.float32)


def _tint(tone: NDArray[np.float64], factors: tuple[float, float, float]) -> FloatImage:
    return np.asarray(np.clip(tone * factors, 0, 0.96), dtype=np.float32)

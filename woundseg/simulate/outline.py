"""Outlines of ulcers whose area is known in closed form.

The outline is a low-order Fourier series in polar coordinates,
r(θ) = r₀·(1 + Σ aₖ·cos(kθ + φₖ)), stretched along one axis and squeezed by as much along the
other, which leaves the area at ½∫r²dθ = π·r₀²·(1 + ½·Σ aₖ²).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import cos, pi, radians, sin, sqrt

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Outline:
    """A closed smooth curve on the ulcer's plane.

    Attributes:
        centre_mm: (X, Y).
        area_cm2: the exact area.
        waves: (order, amplitude, phase in radians) of each term; the amplitudes' sum is below 1.
        stretch: length over width of the ellipse that it would be without waves, root of it.
        angle_deg: direction of the long axis.
    """

    centre_mm: tuple[float, float]
    area_cm2: float
    waves: tuple[tuple[int, float, float], ...] = ()
    stretch: float = 1.0
    angle_deg: float = 0.0

    @property
    def base_radius_mm(self) -> float:
        """r₀, from the area."""
        power = sum(amplitude**2 for _, amplitude, _ in self.waves)
        return sqrt(100.0 * self.area_cm2 / (pi * (1 + power / 2)))

    @property
    def reach_mm(self) -> float:
        """A radius that holds the whole outline."""
        swing = 1 + sum(abs(amplitude) for _, amplitude, _ in self.waves)
        return self.base_radius_mm * swing * max(self.stretch, 1 / self.stretch)

    def radius_mm(self, theta: Floats) -> Floats:
        """r(θ), before the stretch."""
        wave = np.ones_like(theta)
        for order, amplitude, phase in self.waves:
            wave = wave + amplitude * np.cos(order * theta + phase)
        return self.base_radius_mm * wave

    def points_mm(self, count: int = 1440) -> NDArray[np.float64]:
        """The outline as (count, 2) points, in mm; the last is not the first again."""
        theta = np.arange(count) * (2 * pi / count)
        radius = self.radius_mm(theta)
        along, across = radius * np.cos(theta) * self.stretch, radius * np.sin(theta) / self.stretch
        c, s = cos(radians(self.angle_deg)), sin(radians(self.angle_deg))
        x, y = along * c - across * s, along * s + across * c
        return np.stack([x + self.centre_mm[0], y + self.centre_mm[1]], axis=1)

    def level(self, x: Floats, y: Floats) -> Floats:
        """A field that is negative inside, 0 on the outline and positive outside [mm, roughly].

        Only its sign and zero are exact; ``skin`` divides by its slope to get distances.
        """
        c, s = cos(radians(self.angle_deg)), sin(radians(self.angle_deg))
        dx, dy = x - self.centre_mm[0], y - self.centre_mm[1]
        along, across = (dx * c + dy * s) / self.stretch, (dy * c - dx * s) * self.stretch
        return np.asarray(np.hypot(along, across) - self.radius_mm(np.arctan2(across, along)))

    def of_area(self, area_cm2: float) -> Outline:
        """The same shape with another area."""
        return replace(self, area_cm2=area_cm2)


@dataclass(frozen=True)
class Extent:
    """Perimeter, longest axis, and the widest extent at right angles to it, in cm."""

    perimeter_cm: float
    length_cm: float
    width_cm: float


def extent(points_mm: NDArray[np.float64]) -> Extent:
    """Measures a closed polygon (N, 2) given in mm."""
    steps = np.diff(points_mm, axis=0, append=points_mm[:1])
    perimeter = float(np.hypot(steps[:, 0], steps[:, 1]).sum())
    # The longest axis is the widest shadow over all directions (a quarter of a degree apart:
    # the shadow's error is below 2e-6 of it).
    angles = np.arange(720) * (pi / 720)
    axes = np.stack([np.cos(angles), np.sin(angles)])
    shadows = np.ptp(points_mm @ axes, axis=0)
    longest = int(np.argmax(shadows))
    across = shadows[(longest + 360) % 720]
    return Extent(perimeter / 10, float(shadows[longest]) / 10, float(across) / 10)


def draw_outline(
    rng: np.random.Generator, centre_mm: tuple[float, float], area_cm2: float
) -> Outline:
    """An irregular, smooth outline of that exact area."""
    waves = tuple(
        (order, float(rng.uniform(0.25, 1.0) * 0.3 / order**1.3), float(rng.uniform(0, 2 * pi)))
        for order in range(2, 8)
    )
    stretch = float(sqrt(rng.uniform(1.0, 1.9)))
    return Outline(centre_mm, area_cm2, waves, stretch, float(rng.uniform(0, 180)))

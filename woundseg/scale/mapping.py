"""What a scale says at a place of the photograph."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from woundseg.records import Scale
from woundseg.scale.plane import straighten

DEFAULT_DISTANCE_MM = 300.0
"""Camera to card when EXIF gives no focal length."""
PLANE_OFFSET_MM = 5.0
"""How far above or below the ulcer's plane the card may lie: inside the 95% interval."""
FITTED_HEIGHT_MARGIN = 1.06
"""A fitted camera height may be too large by this: EXIF states focal lengths in whole mm (2%), and
the fit lets them move by 4%."""


def to_plane_mm(scale: Scale, points_xy: ArrayLike) -> NDArray[np.float64]:
    """Pixel positions (x, y), shape (..., 2), as positions (X, Y) in mm on the card's plane."""
    points = _straight(scale, points_xy)
    matrix = np.asarray(scale.px_to_mm, np.float64)
    mapped = points @ matrix[:, :2].T + matrix[:, 2]
    return np.asarray(mapped[..., :2] / mapped[..., 2:])


def to_pixels(scale: Scale, points_mm: ArrayLike) -> NDArray[np.float64]:
    """Positions (X, Y) in mm on the card's plane, shape (..., 2), as pixel positions (x, y)."""
    inverse = np.linalg.inv(np.asarray(scale.px_to_mm, np.float64))
    mapped = np.asarray(points_mm, np.float64) @ inverse[:, :2].T + inverse[:, 2]
    straight = mapped[..., :2] / mapped[..., 2:]
    if scale.radial is None:
        return np.asarray(straight)
    cx, cy, kappa = scale.radial
    out = straight - (cx, cy)
    return np.asarray(out * (1 + kappa * (out**2).sum(axis=-1, keepdims=True)) + (cx, cy))


def _straight(scale: Scale, points_xy: ArrayLike) -> NDArray[np.float64]:
    points = np.asarray(points_xy, np.float64)
    if scale.radial is None:
        return points
    cx, cy, kappa = scale.radial
    return straighten(points, np.array([cx, cy]), kappa)


def mm_per_px_at(scale: Scale, x: float, y: float) -> float:
    """The square root of the area in mm² of a pixel at (x, y).

    A straight pixel covers |det H| / W³; the lens's radial term, seen = r (1 + kappa r²), makes
    a pixel cover 1 / ((1 + kappa r²) (1 + 3 kappa r²)) straight ones.
    """
    matrix = np.asarray(scale.px_to_mm, np.float64)
    straight = _straight(scale, (x, y))
    depth = float(matrix[2] @ (*straight, 1.0))
    area = abs(float(np.linalg.det(matrix))) / abs(depth) ** 3
    if scale.radial is not None:
        cx, cy, kappa = scale.radial
        bend = kappa * float(((straight - (cx, cy)) ** 2).sum())
        area /= abs((1 + bend) * (1 + 3 * bend))
    return math.sqrt(area)


def log_area_sd_at(scale: Scale, x: float, y: float) -> float:
    """Standard deviation of the logarithm of a small area at (x, y), from the scale alone.

    Two parts, added as variances: that of the homography, carried through
    log area = log |det H| − 3 log W; and the card lying up to 5 mm above or below the ulcer,
    whose half-width at 95% is −2 ln(1 − 5 / height), with the camera's height over the plane:
    distance × cos tilt, 6% less where both were fitted (EXIF's focal length is in whole mm). A
    scale given by the user is taken as exact and gives 0.
    """
    if scale.source == "given":
        return 0.0
    height = scale.distance_mm or DEFAULT_DISTANCE_MM
    if scale.tilt_deg is not None:
        height *= math.cos(math.radians(scale.tilt_deg)) / FITTED_HEIGHT_MARGIN
    offset = -2 * math.log(1 - min(PLANE_OFFSET_MM / height, 0.9)) / 1.959964
    return math.hypot(homography_log_area_sd(scale, x, y), offset)


def homography_log_area_sd(scale: Scale, x: float, y: float) -> float:
    """As `log_area_sd_at`, of the homography alone; 0 where it has no covariance."""
    if scale.covariance is None:
        return 0.0
    matrix = np.asarray(scale.px_to_mm, np.float64)
    here = np.array([*_straight(scale, (x, y)), 1.0])
    slope = np.linalg.inv(matrix).T
    slope[2] -= 3 * here / float(matrix[2] @ here)
    gradient = slope.ravel()[:8]
    return math.sqrt(max(0.0, float(gradient @ np.asarray(scale.covariance) @ gradient)))

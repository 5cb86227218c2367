"""Finding square fiducial markers, and placing their corners to a fraction of a pixel."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Grey = NDArray[np.uint8]
Float = NDArray[np.float32]

COARSE_PX = 1_600_000
"""Pixels of the first, reduced look."""
FINE_PX = 6_000_000
"""Pixels of the second look, taken when the first sees nothing."""
FINEST_SD_PX = 0.05
"""No corner is believed closer than this: sampling, paper and print are not better."""

_PROFILES = 32  # across each edge, averaged in groups of four
_GROUPS = 8
_SAMPLES = 25  # along each profile
_SPAN = (0.14, 0.86)  # the part of an edge looked at: corners are rounded by blur


@dataclass(frozen=True)
class Sighting:
    """One marker in the photograph.

    Attributes:
        id: its id in the dictionary.
        corners: (4, 2), (x, y) in px of the photograph, clockwise from the marker's upper left.
        sd_px: standard deviation of each coordinate.
        crisp: its four sides were seen as straight edges; a chance pattern's rarely are.
    """

    id: int
    corners: Points
    sd_px: float
    crisp: bool

    @property
    def side_px(self) -> float:
        """Mean length of the four sides."""
        return float(
            np.linalg.norm(self.corners - np.roll(self.corners, -1, axis=0), axis=1).mean()
        )

    @property
    def centre(self) -> Points:
        """Mean of the corners, (x, y)."""
        return np.asarray(self.corners.mean(axis=0))


def look(grey: Grey, dictionary: str) -> list[Sighting]:
    """The markers of one dictionary in a photograph: reduced first, finer if none is seen.

    Args:
        grey: uint8 (H, W).
        dictionary: OpenCV's name, such as ``DICT_4X4_50``.

    Returns:
        Sightings sorted by id, then by place; the same id may come twice.
    """
    seen = _decode(grey, dictionary, COARSE_PX)
    if not seen and grey.size > COARSE_PX:
        seen = _decode(grey, dictionary, FINE_PX)
    return _sharpen_all(grey, dictionary, seen)


def look_coarse(grey: Grey, dictionary: str) -> list[Sighting]:
    """The markers that the first, reduced look alone sees; as ``look`` otherwise."""
    return _sharpen_all(grey, dictionary, _decode(grey, dictionary, COARSE_PX))


def look_again(grey: Grey, dictionary: str, region: tuple[int, int, int, int]) -> list[Sighting]:
    """The markers inside a part of the photograph (x0, y0, x1, y1), looked at more closely."""
    x0, y0, x1, y1 = region
    part = np.ascontiguousarray(grey[y0:y1, x0:x1])
    shift = np.array([x0, y0])
    seen = [(i, corners + shift) for i, corners in _decode(part, dictionary, 2 * COARSE_PX)]
    return _sharpen_all(grey, dictionary, seen)


def _sharpen_all(grey: Grey, dictionary: str, seen: list[tuple[int, Points]]) -> list[Sighting]:
    cells = _dictionary(dictionary).markerSize + 2
    sharp = [_sharpen(grey, marker_id, corners, cells) for marker_id, corners in seen]
    return sorted(sharp, key=lambda sighting: (sighting.id, *sighting.corners[0]))


def _dictionary(name: str) -> cv2.aruco.Dictionary:
    return cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, name))


def _decode(grey: Grey, dictionary: str, max_px: int) -> list[tuple[int, Points]]:
    """Ids and rough corners, in px of `grey`, from a copy of at most `max_px` pixels."""
    ratio = max(1.0, (grey.size / max_px) ** 0.5)
    small: NDArray[np.uint8] = grey
    if ratio > 1.0:
        size = (round(grey.shape[1] / ratio), round(grey.shape[0] / ratio))
        small = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)
    settings = cv2.aruco.DetectorParameters()
    settings.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
    settings.cornerRefinementWinSize = 3
    settings.minMarkerPerimeterRate = 40.0 / max(small.shape)  # sides from 10 px
    detector = cv2.aruco.ArucoDetector(_dictionary(dictionary), settings)
    corners, ids, _ = detector.detectMarkers(small)
    if ids is None or len(ids) == 0:
        return []
    factor = np.array([grey.shape[1] / small.shape[1], grey.shape[0] / small.shape[0]])
    places = [(np.asarray(c, np.float64).reshape(4, 2) + 0.5) * factor - 0.5 for c in corners]
    names = [int(marker_id) for marker_id in np.asarray(ids).ravel()]
    return list(zip(names, places, strict=True))


def _srgb_to_linear() -> Float:
    """Light for each 8-bit value (IEC 61966-2-1): blur mixes light, not coded values."""
    value = np.arange(256) / 255
    light = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return light.astype(np.float32)


_LIGHT = _srgb_to_linear()


def _sharpen(grey: Grey, marker_id: int, corners: Points, cells: int) -> Sighting:
    """Corners as crossings of straight lines fitted to the four sides at full resolution."""
    side = float(np.linalg.norm(corners - np.roll(corners, -1, axis=0), axis=1).mean())
    cell = side / cells
    margin = int(2 * cell) + 3
    low = np.maximum(np.floor(corners.min(0)).astype(int) - margin, 0)
    high = np.ceil(corners.max(0)).astype(int) + margin
    light = _LIGHT[grey[low[1] : high[1], low[0] : high[0]]]
    found, spread = corners - low, 0.0
    for reach in (0.8 * cell, min(0.8 * cell, 10.0), min(0.8 * cell, 10.0)):
        lines = _edge_lines(light, found, reach)
        if lines is None:
            return Sighting(marker_id, corners, max(0.5, 0.02 * side), crisp=False)
        found, spread = _crossings(lines[0]), lines[1]
    moved = float(np.abs(found + low - corners).max())
    if not np.isfinite(moved) or moved > 1.5 * cell:
        return Sighting(marker_id, corners, max(0.5, 0.02 * side), crisp=False)
    sd = max(FINEST_SD_PX, 0.85 * spread)  # 0.85: a line through 8 places, prolonged to its end
    return Sighting(marker_id, found + low, sd, crisp=spread < 0.15 * cell)


def _edge_lines(light: Float, corners: Points, reach: float) -> tuple[Points, float] | None:
    """A line (point, direction) for each side, (4, 2, 2), and the scatter about them in px.

    Across each side the light is averaged in groups of profiles; the edge lies where a step
    from black to white would hold the same light, which symmetric blur does not move.
    """
    ends = np.roll(corners, -1, axis=0)
    along = (ends - corners) / np.linalg.norm(ends - corners, axis=1, keepdims=True)
    outward = np.stack([along[:, 1], -along[:, 0]], axis=1)  # clockwise corners, y down
    share = np.linspace(*_SPAN, _PROFILES)[None, :, None]
    base = corners[:, None] * (1 - share) + ends[:, None] * share  # (4, profiles, 2)
    offset = np.linspace(-reach, reach, _SAMPLES)
    place = base[:, :, None] + offset[None, None, :, None] * outward[:, None, None]
    maps = place.reshape(4 * _PROFILES, _SAMPLES, 2).astype(np.float32)
    values = cv2.remap(
        light, maps[..., 0], maps[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    profile = values.reshape(4, _GROUPS, _PROFILES // _GROUPS, _SAMPLES).mean(axis=2)
    ends_wide = _SAMPLES // 6
    black = profile[..., :ends_wide].mean(axis=-1)
    white = profile[..., -ends_wide:].mean(axis=-1)
    contrast = white - black
    if (np.median(contrast, axis=1) < 0.01).any():
        return None
    contrast = np.maximum(contrast, 0.01)
    level = (profile - black[..., None]) / contrast[..., None]
    # Trapezoid rule over [-reach, reach]: a step at e holds (reach - e) of white.
    held = (level[..., 1:] + level[..., :-1]).sum(axis=-1) * (offset[1] - offset[0]) / 2
    edge = np.clip(reach - held, -reach, reach)
    middles = base.reshape(4, _GROUPS, -1, 2).mean(axis=2)
    points = middles + edge[..., None] * outward[:, None]
    return _fit_lines(points)


def _fit_lines(points: Points) -> tuple[Points, float]:
    """Total least squares through (4, n, 2) points, one reweighting against outliers."""
    weight = np.ones(points.shape[:2])
    lines, far = np.empty((4, 2, 2)), np.zeros(points.shape[:2])
    for _ in range(3):
        for k in range(4):
            share = weight[k, :, None] / weight[k].sum()
            centre = (share * points[k]).sum(axis=0)
            spread = points[k] - centre
            direction = np.linalg.eigh((share * spread).T @ spread)[1][:, 1]
            lines[k] = centre, direction
            far[k] = spread @ np.array([-direction[1], direction[0]])
        scatter = float(1.4826 * np.median(np.abs(far)))
        weight = 1 / (1 + (far / (3 * max(scatter, 0.02))) ** 4)
    return lines, max(scatter, float(np.sqrt((weight * far**2).sum() / weight.sum())))


def _crossings(lines: Points) -> Points:
    """Corner k is where side k meets the side before it."""
    corners = np.empty((4, 2))
    for k in range(4):
        (p, u), (q, v) = lines[k], lines[k - 1]
        across = u[0] * v[1] - u[1] * v[0]
        gap = q - p
        corners[k] = p + u * (gap[0] * v[1] - gap[1] * v[0]) / (across or np.nan)
    return corners

"""Outlines between pixels: tracing them, their length, their area, their longest axis.

Outlines are closed polygons, float64 (N, 2) arrays of (x, y) in pixels (whole numbers are pixel
centres), the last point joined to the first. The inside lies to the left of the walk with y
pointing down, so islands inside a region run the other way round and subtract themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Values = NDArray[np.float32]

_TOP, _RIGHT, _BOTTOM, _LEFT = range(4)
# Marching squares (Lorensen and Cline 1987, in the plane): corners of a cell that are inside,
# 1 top left, 2 top right, 4 bottom right, 8 bottom left; where the outline comes in, goes out.
_WAYS: Final = {
    1: (_LEFT, _TOP),
    2: (_TOP, _RIGHT),
    3: (_LEFT, _RIGHT),
    4: (_RIGHT, _BOTTOM),
    5: (_RIGHT, _TOP),
    6: (_TOP, _BOTTOM),
    7: (_LEFT, _BOTTOM),
    8: (_BOTTOM, _LEFT),
    9: (_BOTTOM, _TOP),
    10: (_TOP, _LEFT),
    11: (_BOTTOM, _RIGHT),
    12: (_RIGHT, _LEFT),
    13: (_RIGHT, _TOP),
    14: (_TOP, _LEFT),
}
# Two inside corners that touch at a point belong together (regions are 8-connected): the second
# way through such a cell.
_SECOND_WAYS: Final = {5: (_LEFT, _BOTTOM), 10: (_BOTTOM, _RIGHT)}

STEP_PX: Final = 0.5
"""Spacing of the points that a length is taken from."""

_NEAR_PX, _USUAL_PX, _FAR_PX = 4.0, 6.0, 8.0
_CORNER_ARM_PX: Final = 5.0
_CORNER_TURN: Final = np.deg2rad(55.0)
_CORNER_GAIN: Final = 1.5


def _way_table(ways: dict[int, tuple[int, int]]) -> NDArray[np.intp]:
    table = np.zeros((16, 2), dtype=np.intp)
    for code, way in ways.items():
        table[code] = way
    return table


_FIRST, _SECOND = _way_table(_WAYS), _way_table(_SECOND_WAYS)


def trace(values: Values, level: float) -> list[Points]:
    """The outlines of ``values >= level``, between pixels (marching squares).

    Args:
        values: float32 (H, W), below ``level`` all along its own edge.
        level: where the outline lies; crossings are interpolated linearly.

    Returns:
        Closed outlines, float64 (N, 2) of (x, y), the longest first.
    """
    inside = (values >= level).view(np.uint8)
    code = inside[:-1, :-1] | inside[:-1, 1:] << 1 | inside[1:, 1:] << 2 | inside[1:, :-1] << 3
    rows, columns = np.nonzero((code != 0) & (code != 15))
    codes = code[rows, columns]
    saddle = np.flatnonzero((codes == 5) | (codes == 10))
    ways = np.concatenate([_FIRST[codes], _SECOND[codes[saddle]]])
    width = values.shape[1]
    cell = np.concatenate([rows, rows[saddle]]) * width + np.concatenate([columns, columns[saddle]])
    # An edge's number: 2·(y·width + x) for the one to the right of pixel (x, y), plus 1 downwards.
    offset = np.array([0, 3, 2 * width, 1], dtype=np.intp)
    start, end = (2 * cell + offset[ways[:, side]] for side in (0, 1))
    order = np.argsort(start)
    start = start[order]
    follower = np.searchsorted(start, end[order])
    points = _crossings(values, level, start)
    return sorted((points[chain] for chain in _chains(follower)), key=len, reverse=True)


def _crossings(values: Values, level: float, edges: NDArray[np.intp]) -> Points:
    """Where the level is met on each edge, by linear interpolation."""
    pixel, downwards = np.divmod(edges, 2)
    y, x = np.divmod(pixel, values.shape[1])
    here = values[y, x].astype(np.float64)
    there = values[y + downwards, x + 1 - downwards].astype(np.float64)
    share = (level - here) / (there - here)
    return np.stack([x + share * (1 - downwards), y + share * downwards], axis=1)


def _chains(follower: NDArray[np.intp]) -> list[list[int]]:
    """The closed walks of a permutation."""
    after: list[int] = follower.tolist()
    seen = bytearray(len(after))
    chains = []
    for first in range(len(after)):
        chain, at = [], first
        while not seen[at]:
            seen[at] = 1
            chain.append(at)
            at = after[at]
        if chain:
            chains.append(chain)
    return chains


def signed_area(outline: Points) -> float:
    """Area inside a closed outline (shoelace formula), negative for an island's."""
    x, y = (outline - outline.mean(axis=0)).T  # near the origin, for precision
    return float(np.sum(y * np.roll(x, -1) - x * np.roll(y, -1)) / 2)


@dataclass(frozen=True)
class Smoothed:
    """An outline ready for its length: three smoothings of the same points, and its corners.

    Attributes:
        usual: float64 (N, 2), for the outline away from corners.
        near: smoothed over a shorter stretch, for corners.
        far: smoothed over a longer stretch, for corners.
        corner: bool (N,), points within reach of a corner.
    """

    usual: Points
    near: Points
    far: Points
    corner: NDArray[np.bool_]

    def mapped(self, mapping: Callable[[Points], Points]) -> Smoothed:
        """The same outline in another plane."""
        usual, near, far = (mapping(points) for points in (self.usual, self.near, self.far))
        return Smoothed(usual, near, far, self.corner)


def smooth(outline: Points) -> Smoothed:
    """Takes the pixel steps out of an outline without shrinking it.

    A parabola is fitted to each stretch of points (Savitzky and Golay 1964), which leaves circles
    in place where a plain average would shrink them. Corners are where the outline turns by more
    than 55° within 10 px; a disc of 8 px radius turns by 36° there.

    Args:
        outline: float64 (N, 2) of (x, y) in pixels.
    """
    points = _resample(outline)
    near, usual, far = (_fit(points, reach) for reach in (_NEAR_PX, _USUAL_PX, _FAR_PX))
    arm = round(_CORNER_ARM_PX / STEP_PX)
    before = near - np.roll(near, arm, axis=0)
    after = np.roll(near, -arm, axis=0) - near
    cross = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
    turn = np.abs(np.arctan2(cross, np.sum(before * after, axis=1)))
    reach = round(_FAR_PX / STEP_PX)
    flags = _wrapped((turn > _CORNER_TURN).astype(np.float64), reach)
    corner = np.convolve(flags, np.ones(2 * reach + 1), "valid") > 0.5
    return Smoothed(usual, near, far, corner)


def _resample(outline: Points) -> Points:
    """Points at even steps along a closed outline."""
    closed = np.vstack([outline, outline[:1]])
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])
    count = max(8, round(along[-1] / STEP_PX))
    at = np.arange(count) * (along[-1] / count)
    return np.stack([np.interp(at, along, closed[:, axis]) for axis in (0, 1)], axis=1)


def _wrapped(values: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    at = np.arange(-reach, len(values) + reach)
    return np.asarray(np.take(values, at, mode="wrap"), dtype=np.float64)


def _fit(points: Points, reach_px: float) -> Points:
    """Each point moved onto the parabola through its neighbours within ``reach_px``."""
    reach = round(reach_px / STEP_PX)
    kernel = _kernel(reach)
    columns = [np.convolve(_wrapped(points[:, axis], reach), kernel, "valid") for axis in (0, 1)]
    return np.stack(columns, axis=1)


@lru_cache
def _kernel(reach: int) -> NDArray[np.float64]:
    """Weights that give a least squares parabola's value in the middle of its stretch."""
    at = np.arange(-reach, reach + 1, dtype=np.float64)
    weights: NDArray[np.float64] = np.linalg.pinv(np.vander(at, 3, increasing=True))[0]
    return weights


def _steps(points: Points) -> NDArray[np.float64]:
    across, down = (np.roll(points, -1, axis=0) - points).T
    steps: NDArray[np.float64] = np.hypot(across, down)
    return steps


def length(outline: Smoothed) -> float:
    """Length of a closed outline, right to 1% on discs and squares from 8 px half width.

    Away from corners it is the length of the smoothed outline. Smoothing cuts corners by a
    length that grows with its reach, so there the length is extrapolated from two reaches back
    to none; the gain, 1.5 instead of 1, also gives back the corner that marching squares cut.

    Args:
        outline: from :func:`smooth`, or its three point lists mapped to another plane.
    """
    near, far = _steps(outline.near), _steps(outline.far)
    at_corner = near + _CORNER_GAIN * (near - far)
    return float(np.where(outline.corner, at_corner, _steps(outline.usual)).sum())


def axes(points: Points) -> tuple[float, float]:
    """Longest axis (greatest Feret diameter), and the extent at right angles to it.

    Args:
        points: float64 (N, 2), in any unit of length.
    """
    origin = points.mean(axis=0)
    hull = cv2.convexHull((points - origin).astype(np.float32)).reshape(-1, 2).astype(np.float64)
    hull = hull[:: 1 + len(hull) // 250]  # every pair is looked at; 250 directions are plenty
    apart = hull[:, None] - hull[None]
    first, second = np.unravel_index(np.argmax(np.sum(apart**2, axis=2)), apart.shape[:2])
    axis = hull[first] - hull[second]
    longest = float(np.hypot(*axis))
    if longest == 0.0:
        return 0.0, 0.0
    across = hull @ np.array([-axis[1], axis[0]]) / longest
    return longest, float(np.ptp(across))

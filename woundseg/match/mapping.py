"""Maps from one thumbnail to another: similarities and homographies, by least squares."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from woundseg.match.look import Points

Matrix = NDArray[np.float64]

PULL: Final = (4.0, 10.0)
"""Pull of a homography towards a similarity, in points: on the affine part, on the perspective."""

_SETTLED: Final = 1e-3
"""The last step, in the spread of the points; what is left to do is a hundredth of it."""


def moved(matrix: Matrix, points: Points) -> Points:
    """Points (N, 2) through a homography (3, 3)."""
    across = points @ matrix[:, :2].T + matrix[:, 2]
    return np.asarray(across[:, :2] / across[:, 2:])


def scale_and_turn(matrix: Matrix, point: Points) -> tuple[float, float]:
    """Scale and turn in degrees of a homography at a point (2,); scale 0 where it mirrors."""
    x, y, w = matrix @ np.array([point[0], point[1], 1.0])
    a, b = (matrix[0, :2] - x / w * matrix[2, :2]) / w
    c, d = (matrix[1, :2] - y / w * matrix[2, :2]) / w
    return float(np.sqrt(max(a * d - b * c, 0.0))), float(np.degrees(np.arctan2(c - b, a + d)))


def similarity(at: Points, to: Points) -> Matrix:
    """The similarity that takes points (N, 2) nearest to others (N, 2)."""
    a, b = at[:, 0] + 1j * at[:, 1], to[:, 0] + 1j * to[:, 1]
    middle, goal = a.mean(), b.mean()
    z = ((b - goal) * np.conj(a - middle)).sum() / ((np.abs(a - middle) ** 2).sum() + 1e-9)
    shift = goal - z * middle
    return np.array([[z.real, -z.imag, shift.real], [z.imag, z.real, shift.imag], [0, 0, 1]])


def homography(at: Points, to: Points) -> Matrix:
    """The homography that takes points (N, 2) nearest to others (N, 2) (Gauss and Newton).

    It is pulled towards the similarity, so that few points do not bend it.
    """
    into, out = _centred(at), _centred(to)
    ends = np.concatenate([moved(into, at).T, np.ones((1, len(at)))])
    goal = moved(out, to).T
    start = _entries(out @ similarity(at, to) @ np.linalg.inv(into))
    pull = np.array([PULL[0]] * 4 + [0.0] * 2 + [PULL[1]] * 2)
    now, slope = start, np.zeros((8, 2, len(at)))
    for _ in range(4):
        across = _matrix(now) @ ends
        seen = across[:2] / across[2]
        flat = _slope(slope, ends / across[2], seen)
        right = flat @ (goal - seen).ravel() - pull * (now - start)
        step = np.linalg.solve(flat @ flat.T + np.diag(pull + 1e-9), right)
        now = now + step
        if np.abs(step).max() < _SETTLED:
            break
    whole: Matrix = np.linalg.inv(out) @ _matrix(now) @ into
    return whole


def _centred(points: Points) -> Matrix:
    """To the middle of the points, in their own spread."""
    middle = points.mean(axis=0)
    size = 1 / (float(np.sqrt(np.mean((points - middle) ** 2))) + 1e-9)
    return np.array([[size, 0, -middle[0] * size], [0, size, -middle[1] * size], [0, 0, 1]])


def _entries(matrix: Matrix) -> NDArray[np.float64]:
    """Linear part, shift, perspective: (8,), with the last entry of the matrix made 1."""
    m = matrix / matrix[2, 2]
    return np.asarray(np.r_[m[0, :2], m[1, :2], m[:2, 2], m[2, :2]])


def _matrix(entries: NDArray[np.float64]) -> Matrix:
    a, b, c, d, x, y, g, h = entries
    return np.array([[a, b, x], [c, d, y], [g, h, 1.0]])


def _slope(slope: NDArray[np.float64], left: Points, seen: Points) -> Matrix:
    """How both coordinates of mapped points follow the entries: (8, 2 N).

    Args:
        slope: (8, 2, N), overwritten where it is not 0.
        left: (3, N), the points and 1, over their depth.
        seen: (2, N), the points mapped.
    """
    slope[0:2, 0] = slope[2:4, 1] = left[:2]
    slope[4, 0] = slope[5, 1] = left[2]
    np.multiply(left[:2, None], -seen, out=slope[6:8])
    return slope.reshape(8, -1)

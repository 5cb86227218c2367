"""Maps from one thumbnail to another: similarities and homographies, by least squares."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from woundseg.match.look import Points

Matrix = NDArray[np.float64]

PULL: Final = (4.0, 10.0)
"""Pull of a homography towards a similarity, in points: on the affine part, on the perspective."""


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
    x, y = moved(into, at), moved(out, to)
    start = _entries(out @ similarity(at, to) @ np.linalg.inv(into))
    pull = np.array([PULL[0]] * 4 + [0.0] * 2 + [PULL[1]] * 2)
    now = start
    for _ in range(4):
        seen = moved(_matrix(now), x)
        slope = _slope(now, x, seen)
        right = slope.T @ (y - seen).ravel() - pull * (now - start)
        now = now + np.linalg.solve(slope.T @ slope + np.diag(pull + 1e-9), right)
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


def _slope(entries: NDArray[np.float64], x: Points, seen: Points) -> Matrix:
    """How each coordinate of the mapped points (N, 2) follows the entries: (2 N, 8)."""
    w = (1 / (x @ entries[6:] + 1))[:, None]
    slope = np.zeros((2 * len(x), 8))
    slope[0::2, 0:2] = slope[1::2, 2:4] = x * w
    slope[0::2, 4] = slope[1::2, 5] = w[:, 0]
    slope[0::2, 6:] = -seen[:, :1] * x * w
    slope[1::2, 6:] = -seen[:, 1:] * x * w
    return slope

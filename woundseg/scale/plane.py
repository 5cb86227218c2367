"""From marker corners to the plane that they lie in: camera, homography and its covariance.

The corners are explained by a camera (pose, focal length, principal point, one radial
distortion term), by how much the print's black squares look larger or smaller than drawn (ink,
glare, a camera's sharpening), and by how much the card bows: a millimetre, left out, would be
taken for tilt and distortion and spoil areas beside the card by 5%. What the corners do not
settle is held by weak priors, so that the same fit serves four corners and twenty-four, and its
covariance says what is unknown. The plane's homography is given for positions straightened by
the radial term.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Matrix = NDArray[np.float64]

DEFAULT_FOCAL = 0.85
"""Focal length for each pixel of the photograph's long side when EXIF gives none: between a
phone's main camera (26 mm equivalent, 0.75) and a compact camera at 35 mm (1.0)."""
_FOCAL_LOG_SD = {True: 0.04, False: 0.25}  # known from EXIF (35 mm equivalents are rounded), or not
_CENTRE_SD = 0.03  # principal point, of the long side: lens shift, stabiliser, slight crop
_RADIAL_SD = 0.05  # k1 in OpenCV's units: a phone's after its own correction, with room
_SPREAD_SD_MM = 0.10  # apparent growth of black squares, at each side
_SPREAD_SD_PX = 0.30
_BOW_SD_MM = 1.0  # a sheet of paper lying on a cloth: its middle above its left and right ends
_N = 12  # rotation 3, translation 3, log f, cx, cy, k1, spread, bow
_PRIORS = _N - 6  # all but the pose


@dataclass(frozen=True)
class Camera:
    """What is known of the camera: the photograph's size, and the focal length if EXIF has it."""

    width: int
    height: int
    focal_px: float | None

    @property
    def focal(self) -> float:
        """Focal length in px: known, else by the default."""
        return self.focal_px or DEFAULT_FOCAL * max(self.width, self.height)


@dataclass(frozen=True)
class Corners:
    """Marker corners seen and drawn.

    Attributes:
        px: (n, 4, 2), seen, clockwise from the marker's upper left.
        mm: (n, 4, 2), as they lie in the plane.
        sd_px: (n,), standard deviation of each seen coordinate.
    """

    px: Points
    mm: Points
    sd_px: Points

    def keep(self, chosen: NDArray[np.bool_] | list[int]) -> Corners:
        """Some of the markers."""
        return Corners(self.px[chosen], self.mm[chosen], self.sd_px[chosen])


@dataclass(frozen=True)
class PlaneFit:
    """The plane as fitted.

    Attributes:
        px_to_mm: (3, 3), last entry 1; from straightened positions.
        covariance: (8, 8) of its first eight entries; what is unknown of the lens is in it.
        radial: (cx, cy, kappa), as `records.Scale` has it.
        tilt_deg: angle between the camera's axis and the plane's normal.
        distance_mm: camera to the middle of the markers.
        residual_px: (n,), root mean square misfit of each marker.
    """

    px_to_mm: Matrix
    covariance: Matrix
    radial: tuple[float, float, float]
    tilt_deg: float
    distance_mm: float
    residual_px: Points

    @property
    def rms_px(self) -> float:
        """Root mean square misfit of all corners."""
        return float(np.sqrt((self.residual_px**2).mean()))


def consistent(corners: Corners, tolerance: float = 0.12) -> NDArray[np.bool_]:
    """Which markers agree on one plane: the largest set that one pair of them predicts.

    A marker agrees when its corners lie, root mean square, within `tolerance` of its side.

    Returns:
        bool (n,); a single marker agrees with itself, two that disagree give all False.
    """
    n = len(corners.px)
    if n == 1:
        return np.ones(1, np.bool_)
    best = np.zeros(n, np.bool_)
    best_misfit = math.inf
    side = np.linalg.norm(corners.px[:, 0] - corners.px[:, 2], axis=1) / math.sqrt(2)
    for pair in combinations(range(n), 2):
        some = corners.keep(list(pair))
        guess = homography(some.mm.reshape(-1, 2), some.px.reshape(-1, 2))
        far = apply(guess, corners.mm.reshape(-1, 2)).reshape(-1, 4, 2) - corners.px
        misfit = np.sqrt((far**2).sum(axis=2).mean(axis=1)) / side
        agree = misfit < tolerance
        if not agree[list(pair)].all():
            continue
        total = float(misfit[agree].mean())
        if (agree.sum(), -total) > (best.sum(), -best_misfit):
            best, best_misfit = agree, total
    return best


def homography(source: Points, target: Points) -> Matrix:
    """Least squares homography from (n, 2) to (n, 2) points, last entry 1.

    Direct linear transform on normalised points (Hartley 1997).
    """
    s, t = _normaliser(source), _normaliser(target)
    a, b = apply(s, source), apply(t, target)
    ones, zeros = np.ones(len(a)), np.zeros(len(a))
    x, y = a.T
    rows_x = np.stack([x, y, ones, zeros, zeros, zeros, -b[:, 0] * x, -b[:, 0] * y, -b[:, 0]], 1)
    rows_y = np.stack([zeros, zeros, zeros, x, y, ones, -b[:, 1] * x, -b[:, 1] * y, -b[:, 1]], 1)
    matrix = np.vstack([rows_x, rows_y])
    entries = np.linalg.eigh(matrix.T @ matrix)[1][:, 0]
    found = np.linalg.inv(t) @ entries.reshape(3, 3) @ s
    return np.asarray(found / found[2, 2])


def _normaliser(points: Points) -> Matrix:
    centre = points.mean(axis=0)
    size = max(float(np.abs(points - centre).mean()), 1e-12)
    return np.array([[1 / size, 0, -centre[0] / size], [0, 1 / size, -centre[1] / size], [0, 0, 1]])


def apply(matrix: Matrix, points: Points) -> Points:
    """Points (n, 2) through a homography."""
    mapped = points @ matrix[:, :2].T + matrix[:, 2]
    return np.asarray(mapped[:, :2] / mapped[:, 2:])


def straighten(points: Points, centre: Points, kappa: float) -> Points:
    """Positions (..., 2) in px without the lens's radial distortion.

    Solves seen = straight (1 + kappa |straight|²) about the centre by repeated substitution,
    which converges for any lens that photographs are taken with (|kappa r²| < 0.3).
    """
    seen = points - centre
    straight = seen
    for _ in range(12):
        size = np.clip(1 + kappa * (straight**2).sum(axis=-1, keepdims=True), 0.5, 2.0)
        straight = seen / size
    return np.asarray(straight + centre)


def fit(corners: Corners, camera: Camera) -> PlaneFit:
    """The plane that explains the corners best, given what is known of the camera."""
    problem = _Problem(corners, camera)
    theta = problem.start()
    damping = 1e-3
    residual, jacobian = problem.evaluate(theta)
    for _ in range(40):
        normal = jacobian.T @ jacobian
        step = np.linalg.solve(normal + damping * np.diag(np.diag(normal)), -jacobian.T @ residual)
        trial = problem.evaluate(theta + step)
        if trial[0] @ trial[0] < residual @ residual:
            gain = residual @ residual - trial[0] @ trial[0]
            theta, (residual, jacobian), damping = theta + step, trial, damping / 10
            if gain < 1e-9 * (1 + residual @ residual):
                break
        else:
            damping *= 10
            if damping > 1e8:
                break
    return problem.result(theta, residual, jacobian)


class _Problem:
    """The least squares problem of one photograph: data terms first, then the priors."""

    def __init__(self, corners: Corners, camera: Camera) -> None:
        self.corners = corners
        self.camera = camera
        self.mm = corners.mm.reshape(-1, 2)
        self.px = corners.px.reshape(-1, 2)
        self.weight = 1 / np.repeat(corners.sd_px, 8)
        middle = corners.mm.mean(axis=1, keepdims=True)
        self.growth = np.sign(corners.mm - middle).reshape(-1, 2)
        self.pivot = self.mm.mean(axis=0)  # the pose is that of the middle of the markers
        half = max(float(np.ptp(self.mm[:, 0])) / 2, 1e-9)
        middle_x = (self.mm[:, 0].max() + self.mm[:, 0].min()) / 2
        self.lift = 1 - ((self.mm[:, 0] - middle_x) / half) ** 2
        centre = ((camera.width - 1) / 2, (camera.height - 1) / 2)
        long_side = max(camera.width, camera.height)
        scale = float(
            np.linalg.norm(corners.px[:, 0] - corners.px[:, 2])
            / np.linalg.norm(corners.mm[:, 0] - corners.mm[:, 2])
        )
        self.prior = np.array([math.log(camera.focal), *centre, 0.0, 0.0, 0.0])
        self.prior_sd = np.array(
            [
                _FOCAL_LOG_SD[camera.focal_px is not None],
                _CENTRE_SD * long_side,
                _CENTRE_SD * long_side,
                _RADIAL_SD,
                math.hypot(_SPREAD_SD_MM, _SPREAD_SD_PX / scale),
                _BOW_SD_MM if len(corners.px) > 1 else 1e-6,
            ]
        )

    def start(self) -> NDArray[np.float64]:
        """Pose from the plain homography with the focal length taken as known (Zhang 2000)."""
        plain = homography(self.mm - self.pivot, self.px)
        focal, cx, cy = self.camera.focal, self.prior[1], self.prior[2]
        inverse = np.array([[1 / focal, 0, -cx / focal], [0, 1 / focal, -cy / focal], [0, 0, 1]])
        columns = inverse @ plain
        columns /= math.sqrt(np.linalg.norm(columns[:, 0]) * np.linalg.norm(columns[:, 1]))
        if columns[2, 2] < 0:
            columns = -columns
        rotation = np.stack(
            [columns[:, 0], columns[:, 1], np.cross(columns[:, 0], columns[:, 1])], axis=1
        )
        u, _, v = np.linalg.svd(rotation)
        turn = cv2.Rodrigues(u @ np.diag([1, 1, np.linalg.det(u @ v)]) @ v)[0].ravel()
        return np.concatenate([turn, columns[:, 2], self.prior])

    def evaluate(self, theta: NDArray[np.float64]) -> tuple[Points, Matrix]:
        """Residuals in standard deviations, and their derivatives by the parameters."""
        focal = math.exp(min(theta[6], 30.0))
        places = self.mm - self.pivot + theta[10] * self.growth
        space = np.column_stack([places, -theta[11] * self.lift])
        matrix = np.array([[focal, 0, theta[7]], [0, focal, theta[8]], [0, 0, 1]])
        radial = np.array([theta[9], 0, 0, 0])
        seen, by = cv2.projectPoints(space, theta[:3], theta[3:6], matrix, radial)
        level = np.zeros(len(places))
        grown = self._by_move(theta, space, np.column_stack([self.growth, level]), focal)
        bowed = self._by_move(theta, space, np.column_stack([level, level, -self.lift]), focal)
        columns = [by[:, :6], (by[:, 6] + by[:, 7])[:, None] * focal, by[:, 8:11]]
        data = np.column_stack([*columns, grown, bowed])
        misfit = (seen.reshape(-1, 2) - self.px).ravel()
        held = (theta[6:] - self.prior) / self.prior_sd
        prior_rows = np.hstack([np.zeros((_PRIORS, 6)), np.diag(1 / self.prior_sd)])
        return (
            np.concatenate([misfit * self.weight, held]),
            np.vstack([data * self.weight[:, None], prior_rows]),
        )

    def _by_move(
        self, theta: NDArray[np.float64], space: Points, move: Points, focal: float
    ) -> Points:
        """Derivative of the seen places by moving the corners (n, 3), distortion left out."""
        turn = cv2.Rodrigues(theta[:3])[0]
        seen = space @ turn.T + theta[3:6]
        moved = move @ turn.T
        rate = (moved[:, :2] - seen[:, :2] / seen[:, 2:] * moved[:, 2:]) / seen[:, 2:]
        return np.asarray(focal * rate).ravel()

    def result(self, theta: NDArray[np.float64], residual: Points, jacobian: Matrix) -> PlaneFit:
        """The fit as figures, with the covariance that residuals and priors leave."""
        n_data = self.mm.size
        misfit = residual[:n_data] / self.weight
        spare = n_data - 8
        worse = float(residual[:n_data] @ residual[:n_data]) / spare if spare >= 8 else 1.0
        spread = np.linalg.inv(jacobian.T @ jacobian) * max(1.0, worse)
        grid = self._grid()
        centre, kappa = theta[7:9], theta[9] * math.exp(-2 * theta[6])
        straight = straighten(grid, centre, kappa)
        plain = homography(straight, self._on_plane(theta, grid))
        change = np.empty((8, _N))
        for k in range(_N):
            step = np.zeros(_N)
            step[k] = 0.1 * math.sqrt(spread[k, k])
            upper, lower = (
                homography(straight, self._on_plane(theta + move, grid)) for move in (step, -step)
            )
            change[:, k] = (upper - lower).ravel()[:8] / (2 * step[k])
        covariance = change @ spread @ change.T
        turn = cv2.Rodrigues(theta[:3])[0]
        return PlaneFit(
            px_to_mm=plain,
            covariance=(covariance + covariance.T) / 2,
            radial=(float(centre[0]), float(centre[1]), float(kappa)),
            tilt_deg=math.degrees(math.acos(min(1.0, abs(float(turn[2, 2]))))),
            distance_mm=float(np.linalg.norm(theta[3:6])),
            residual_px=np.sqrt((misfit.reshape(-1, 4, 2) ** 2).sum(axis=2).mean(axis=1)),
        )

    def _grid(self) -> Points:
        """Pixels around the markers, as far again as they reach, inside the photograph."""
        low, high = self.px.min(axis=0), self.px.max(axis=0)
        reach = float((high - low).max())
        size = np.array([self.camera.width - 1, self.camera.height - 1])
        low, high = np.maximum(low - reach, 0), np.minimum(high + reach, size)
        axes = [np.linspace(a, b, 7) for a, b in zip(low, high, strict=True)]
        return np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)

    def _on_plane(self, theta: NDArray[np.float64], grid: Points) -> Points:
        """Where pixels lie on the plane in mm, by this camera."""
        focal = math.exp(theta[6])
        rays = (straighten(grid, theta[7:9], theta[9] / focal**2) - theta[7:9]) / focal
        turn = cv2.Rodrigues(theta[:3])[0]
        plane = np.column_stack([turn[:, 0], turn[:, 1], theta[3:6]])
        return np.asarray(apply(np.linalg.inv(plane), rays) + self.pivot)

"""A pinhole camera with radial lens distortion, over planes parallel to the ulcer's.

World: X to the right and Y down on the ulcer's plane (Z = 0), in mm; Z grows away from the
camera, so a card lying 5 mm nearer to the camera than the ulcer has Z = −5. Pixels as in
``records``: whole numbers are pixel centres.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import atan2, cos, hypot, radians, sin

import numpy as np
from numpy.typing import NDArray

from woundseg.records import Matrix3

Points = NDArray[np.float64]

DIAGONAL_35MM = hypot(36.0, 24.0)
"""Diagonal of a 35 mm film frame [mm]: phones state their focal length against it."""


@dataclass(frozen=True)
class Lens:
    """Sensor size in pixels, and the lens before it.

    Attributes:
        width: pixels.
        height: pixels.
        focal_35mm: focal length for the same diagonal on 35 mm film (what EXIF states).
        k1: radial distortion: a ray at normalised radius r lands at r · (1 + k1·r² + k2·r⁴).
        k2: its next term.
        off_centre: where the optical axis meets the sensor, from the frame's middle, as shares of
            the frame's diagonal (right, down).
    """

    width: int
    height: int
    focal_35mm: float = 28.0
    k1: float = 0.0
    k2: float = 0.0
    off_centre: tuple[float, float] = (0.0, 0.0)

    @property
    def focal_px(self) -> float:
        """Focal length in pixels."""
        return self.focal_35mm / DIAGONAL_35MM * hypot(self.width, self.height)

    @property
    def centre_px(self) -> tuple[float, float]:
        """The principal point."""
        diagonal, (right, down) = hypot(self.width, self.height), self.off_centre
        return (self.width - 1) / 2 + right * diagonal, (self.height - 1) / 2 + down * diagonal


@dataclass(frozen=True)
class Pose:
    """Where the camera stands.

    Attributes:
        target_mm: the point (X, Y) of the ulcer's plane in the middle of the frame.
        distance_mm: from the lens to that point, along the optical axis.
        tilt_deg: angle between the optical axis and the plane's normal.
        tilt_axis_deg: direction, in the plane, of the axis that the tilt turns about.
        roll_deg: turn about the optical axis.
    """

    target_mm: tuple[float, float] = (0.0, 0.0)
    distance_mm: float = 300.0
    tilt_deg: float = 0.0
    tilt_axis_deg: float = 0.0
    roll_deg: float = 0.0

    def rotation(self) -> NDArray[np.float64]:
        """World to camera axes, (3, 3): Rodrigues' formula for the tilt, then the roll."""
        axis_deg, tilt, roll = self.tilt_axis_deg, radians(self.tilt_deg), radians(self.roll_deg)
        x, y = cos(radians(axis_deg)), sin(radians(axis_deg))
        cross = np.array([[0.0, 0.0, y], [0.0, 0.0, -x], [-y, x, 0.0]])
        tilted = np.eye(3) + sin(tilt) * cross + (1 - cos(tilt)) * cross @ cross
        rolled = np.array([[cos(roll), -sin(roll), 0], [sin(roll), cos(roll), 0], [0, 0, 1.0]])
        return np.asarray(rolled @ tilted, dtype=np.float64)


@dataclass(frozen=True)
class Camera:
    """A lens in a pose: between millimetres on a plane and pixels, both ways."""

    lens: Lens
    pose: Pose

    def project(self, points_mm: Points, height_mm: float = 0.0) -> Points:
        """Pixels of points on the plane that lies ``height_mm`` nearer than the ulcer's.

        Args:
            points_mm: (..., 2), X and Y.
            height_mm: towards the camera.

        Returns:
            (..., 2), x and y in px.
        """
        target = np.array([*self.pose.target_mm, 0.0])
        world = np.concatenate(
            [points_mm, np.full((*points_mm.shape[:-1], 1), -height_mm)], axis=-1
        )
        seen = (world - target) @ self.pose.rotation().T + [0.0, 0.0, self.pose.distance_mm]
        ray = seen[..., :2] / seen[..., 2:]
        square = np.sum(ray**2, axis=-1, keepdims=True)
        bent = ray * (1 + self.lens.k1 * square + self.lens.k2 * square**2)
        return np.asarray(bent * self.lens.focal_px + self.lens.centre_px)

    def to_plane(self, points_px: Points, height_mm: float = 0.0) -> Points:
        """Points (..., 2) in mm where pixels (..., 2) meet the plane; the inverse of project."""
        x, y = self.to_plane_xy(points_px[..., 0], points_px[..., 1], height_mm)
        return np.stack([x, y], axis=-1)

    def to_plane_xy(
        self, x_px: NDArray[np.floating], y_px: NDArray[np.floating], height_mm: float = 0.0
    ) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """As :meth:`to_plane`, for separate arrays of x and y that broadcast; keeps the dtype."""
        x, y = self._undistort(x_px, y_px)
        (a, b, c), (d, e, f), (g, h, i) = self.plane_homography(height_mm)
        depth = g * x + h * y + i
        return (a * x + b * y + c) / depth, (d * x + e * y + f) / depth

    def plane_homography(self, height_mm: float = 0.0) -> Matrix3:
        """From undistorted normalised rays (x, y, 1) to (X, Y, W) on the plane, in mm."""
        rotation, pose = self.pose.rotation(), self.pose
        origin = -rotation.T @ [0.0, 0.0, pose.distance_mm]
        # A ray from the lens centre C along R'(x, y, 1) meets Z = −height after a length of
        # (−height − C_z) / (R'(x, y, 1))_z; its X and Y follow, times that denominator.
        reach = -height_mm - origin[2]
        back = rotation.T
        target = pose.target_mm
        rows = [reach * back[k] + (origin[k] + target[k]) * back[2] for k in (0, 1)]
        first, second, third = ((float(x), float(y), float(w)) for x, y, w in (*rows, back[2]))
        return first, second, third

    def px_per_mm(self, point_mm: tuple[float, float]) -> float:
        """Pixels a mm at a point of the ulcer's plane: the root of the local area ratio."""
        x, y = point_mm
        steps = np.array([[x - 0.5, y], [x + 0.5, y], [x, y - 0.5], [x, y + 0.5]])
        left, right, up, down = self.project(steps)
        across, along = right - left, down - up
        return float(np.sqrt(abs(across[0] * along[1] - across[1] * along[0])))

    def _undistort(
        self, x_px: NDArray[np.floating], y_px: NDArray[np.floating]
    ) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Normalised undistorted rays, by Newton's method on the radius."""
        (centre_x, centre_y), focal = self.lens.centre_px, self.lens.focal_px
        k1, k2 = self.lens.k1, self.lens.k2
        x, y = (x_px - centre_x) / focal, (y_px - centre_y) / focal
        if k1 == 0 and k2 == 0:
            return x, y
        bent = x * x + y * y
        # s = r / bent radius solves s·(1 + a·s² + b·s⁴) = 1; three steps reach float precision
        # while the distortion stays below a tenth.
        a, b = k1 * bent, k2 * bent * bent
        s = 1 - a - b
        for _ in range(3):
            square = s * s
            first, second = a * square, b * square * square
            s = s - (s * (1 + first + second) - 1) / (1 + 3 * first + 5 * second)
        return x * s, y * s


def tilt_between(camera: Camera) -> float:
    """Angle in degrees between the optical axis and the plane's normal, from the rotation."""
    forward = camera.pose.rotation()[2]
    return float(np.degrees(atan2(hypot(forward[0], forward[1]), forward[2])))

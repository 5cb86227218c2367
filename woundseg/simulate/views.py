"""Drawing photographs at random, over stated ranges."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import cos, radians, sin, sqrt
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from woundseg.card import CardSize, layout
from woundseg.simulate.camera import Camera, Lens, Pose
from woundseg.simulate.develop import Capture
from woundseg.simulate.foot import Foot, View
from woundseg.simulate.outline import draw_outline
from woundseg.simulate.scene import CardPlace, Cloth, SceneSpec, card_corners_mm
from woundseg.simulate.ulcer import UlcerLook

Range = tuple[float, float]

SENSORS: tuple[tuple[int, int], ...] = ((1440, 1080), (1632, 1224), (2048, 1536), (4032, 3024))
"""Photographs of 1.6, 2.0, 3.1 and 12.2 megapixels."""

CLEARANCE_MM = 4.0
"""From the foot's silhouette to the card."""


@dataclass(frozen=True)
class ViewRanges:
    """What a view is drawn from; every range is drawn from evenly unless said otherwise.

    Attributes:
        tilt_deg: the camera's tilt, about an axis of any direction.
        distance_mm: lens to the plane; moved back where ulcer and card would not fit.
        focal_35mm: focal length for 35 mm film.
        k1: radial distortion left after the phone's own correction (0.02 moves a corner of the
            frame by about 1.2% of its radius).
        k2: the next term.
        off_centre: the optical axis from the frame's middle, as a share of the diagonal, on both
            axes.
        blur_px: standard deviation of the defocus in a copy of 2 megapixels.
        motion_px: length of the motion blur in a copy of 2 megapixels.
        shot: noise at full scale, linear, in a copy of 2 megapixels.
        read: noise in the dark, likewise.
        exposure: light factor.
        gradient: change of light from the middle to the edge.
        vignette: loss of light in the corners.
        white_balance: error of the factors on red and on blue.
        jpeg_quality: of the file.
        area_cm2: of the ulcer, drawn evenly on the log scale.
        sensors: weights of ``SENSORS``.
        small_card: share of views with the small card.
        bow_mm: how far the card's middle stands up.
        hidden: share of views in which something covers one of the card's corner markers.
    """

    tilt_deg: Range = (0.0, 30.0)
    distance_mm: Range = (220.0, 420.0)
    focal_35mm: Range = (24.0, 30.0)
    k1: Range = (-0.02, 0.02)
    k2: Range = (-0.01, 0.01)
    off_centre: Range = (-0.01, 0.01)
    blur_px: Range = (0.5, 1.6)
    motion_px: Range = (0.0, 3.0)
    shot: Range = (0.004, 0.02)
    read: Range = (0.0005, 0.003)
    exposure: Range = (0.6, 1.05)
    gradient: Range = (0.0, 0.4)
    vignette: Range = (0.0, 0.3)
    white_balance: Range = (0.9, 1.1)
    jpeg_quality: Range = (60, 95)
    area_cm2: Range = (1.0, 12.0)
    sensors: tuple[float, ...] = (0.45, 0.4, 0.12, 0.03)
    small_card: float = 0.3
    bow_mm: Range = (0.0, 0.0)
    hidden: float = 0.1


def draw_view(rng: np.random.Generator, ranges: ViewRanges | None = None) -> SceneSpec:
    """One view of one foot with one ulcer and the card, drawn from ``ranges``."""
    ranges = ranges or ViewRanges()
    foot = draw_foot(rng)
    site = foot.sites_mm()[int(rng.integers(len(foot.sites_mm())))]
    area = float(np.exp(rng.uniform(*np.log(ranges.area_cm2))))
    look = draw_ulcer(rng, site, area)
    size: CardSize = "small" if rng.random() < ranges.small_card else "standard"
    card = CardPlace(
        site, float(rng.uniform(0, 360)), size=size, bow_mm=float(rng.uniform(*ranges.bow_mm))
    )
    card = place_card(rng, foot, look, card)
    if rng.random() < ranges.hidden:
        card = replace(card, hidden=_cover_corner(rng, size))
    camera = aim(draw_camera(rng, ranges), look, card)
    return SceneSpec(
        camera=camera,
        foot=foot,
        ulcers=(look,),
        card=card,
        capture=draw_capture(rng, ranges, camera.lens),
        cloth=draw_cloth(rng),
        light_deg=float(rng.uniform(0, 360)),
        seed=int(rng.integers(2**31)),
    )


def _cover_corner(rng: np.random.Generator, size: CardSize) -> tuple[float, float, float]:
    """A round place over one of the card's corners, about as wide as a marker."""
    card = layout(size)
    right, low = rng.random() < 0.5, rng.random() < 0.5
    radius = float(rng.uniform(1.0, 1.6)) * card.markers[0].side
    return card.width_mm * right, card.height_mm * low, radius


def draw_foot(rng: np.random.Generator) -> Foot:
    """Any of the six skin types, either foot, sole or heel."""
    views: tuple[View, ...] = get_args(View)
    return Foot(
        seed=int(rng.integers(2**31)),
        view=views[int(rng.random() < 0.4)],
        tone=float(rng.uniform(0, 5)),
        left=bool(rng.random() < 0.5),
        size=float(rng.uniform(0.9, 1.08)),
    )


def draw_cloth(rng: np.random.Generator) -> Cloth:
    """What the foot lies on."""
    cloths: tuple[Cloth, ...] = get_args(Cloth)
    return cloths[int(rng.integers(len(cloths)))]


def draw_ulcer(
    rng: np.random.Generator, centre_mm: tuple[float, float], area_cm2: float
) -> UlcerLook:
    """An ulcer of that exact area: mostly granulating, some slough, seldom necrosis."""
    return UlcerLook(
        outline=draw_outline(rng, centre_mm, area_cm2),
        seed=int(rng.integers(2**31)),
        slough=float(rng.beta(1.2, 4.0)),
        necrosis=float(rng.uniform(0.08, 0.3)) if rng.random() < 0.2 else 0.0,
        callus_mm=float(rng.uniform(0.6, 4.0)),
        flush=float(rng.uniform(0.15, 0.8)),
        wet=float(rng.uniform(0.2, 0.9)),
    )


def place_card(rng: np.random.Generator, foot: Foot, look: UlcerLook, card: CardPlace) -> CardPlace:
    """Moves the card away from the ulcer, sideways, until it lies clear of foot and ulcer."""
    x, y = look.outline.centre_mm
    side = 0.0 if (x > 0) == (rng.random() < 0.85) else 180.0
    heading = radians(side + float(rng.uniform(-30, 30)))
    for away in np.arange(30.0, 260.0, 3.0):
        place = replace(card, centre_mm=(x + away * cos(heading), y + away * sin(heading)))
        if _clear(foot, look, place):
            return place
    return place


def _clear(foot: Foot, look: UlcerLook, place: CardPlace) -> bool:
    width, height = place.side_mm()
    across, down = np.meshgrid(np.linspace(0, width, 9), np.linspace(0, height, 9))
    points = place.to_plane(np.stack([across, down], axis=-1).reshape(-1, 2))
    x, y = points[:, 0].astype(np.float32), points[:, 1].astype(np.float32)
    if float(foot.distance_mm(x, y).min()) < CLEARANCE_MM:
        return False
    apart = points - np.asarray(look.outline.centre_mm)
    return bool(np.hypot(apart[:, 0], apart[:, 1]).min() > look.outline.reach_mm + CLEARANCE_MM)


def draw_camera(rng: np.random.Generator, ranges: ViewRanges) -> Camera:
    """A lens and a pose that looks at the origin; :func:`aim` turns it to the subject."""
    weights = np.asarray(ranges.sensors) / sum(ranges.sensors)
    width, height = SENSORS[int(rng.choice(len(SENSORS), p=weights))]
    if rng.random() < 0.5:
        width, height = height, width
    lens = Lens(
        width,
        height,
        focal_35mm=float(rng.uniform(*ranges.focal_35mm)),
        k1=float(rng.uniform(*ranges.k1)),
        k2=float(rng.uniform(*ranges.k2)),
        off_centre=(
            float(rng.uniform(*ranges.off_centre)),
            float(rng.uniform(*ranges.off_centre)),
        ),
    )
    pose = Pose(
        distance_mm=float(rng.uniform(*ranges.distance_mm)),
        tilt_deg=float(rng.uniform(*ranges.tilt_deg)),
        tilt_axis_deg=float(rng.uniform(0, 360)),
        roll_deg=float(rng.uniform(0, 360)),
    )
    return Camera(lens, pose)


def aim(camera: Camera, look: UlcerLook, card: CardPlace | None) -> Camera:
    """Turns the camera to ulcer and card, and steps back until both are in the frame."""
    shown = [look.outline.points_mm(90)]
    if card is not None:
        shown.append(card_corners_mm(card))
    points = np.concatenate(shown)
    target = (points.min(axis=0) + points.max(axis=0)) / 2
    pose = replace(camera.pose, target_mm=(float(target[0]), float(target[1])))
    for _ in range(60):
        placed = replace(camera, pose=pose)
        if _in_frame(placed.project(points), camera.lens):
            return placed
        pose = replace(pose, distance_mm=pose.distance_mm * 1.03)
    return placed


def _in_frame(points_px: NDArray[np.float64], lens: Lens) -> bool:
    margin = 0.025 * max(lens.width, lens.height)
    low, high = points_px.min(axis=0), points_px.max(axis=0)
    return bool(
        low.min() > margin and high[0] < lens.width - margin and high[1] < lens.height - margin
    )


def draw_capture(rng: np.random.Generator, ranges: ViewRanges, lens: Lens) -> Capture:
    """Light, focus, noise and JPEG; blur and noise follow the resolution."""
    finer = sqrt(lens.width * lens.height / 2e6)
    return Capture(
        blur_px=float(rng.uniform(*ranges.blur_px)) * finer,
        motion_px=float(rng.uniform(*ranges.motion_px)) * finer,
        motion_deg=float(rng.uniform(0, 180)),
        shot=float(rng.uniform(*ranges.shot)) * finer,
        read=float(rng.uniform(*ranges.read)) * finer,
        exposure=float(rng.uniform(*ranges.exposure)),
        gradient=float(rng.uniform(*ranges.gradient)),
        gradient_deg=float(rng.uniform(0, 360)),
        vignette=float(rng.uniform(*ranges.vignette)),
        white_balance=(
            float(rng.uniform(*ranges.white_balance)),
            float(rng.uniform(*ranges.white_balance)),
        ),
        sharpen=float(rng.uniform(0, 0.6)),
        jpeg_quality=int(
            rng.integers(int(ranges.jpeg_quality[0]), int(ranges.jpeg_quality[1]) + 1)
        ),
    )

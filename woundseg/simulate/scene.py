"""A simulated photograph: foot, ulcers and card on planes, through a camera, with its truth.

Surfaces are painted flat, in linear light, and each is drawn by inverse mapping: every pixel
asks the camera where on the plane it looks. ``develop`` does the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from math import cos, radians, sin
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from woundseg.card import CardSize, draw_card, layout
from woundseg.simulate import foot as feet
from woundseg.simulate.camera import Camera
from woundseg.simulate.develop import Capture, Exif, decode_jpeg, develop, encode_jpeg, to_linear
from woundseg.simulate.noise import FloatImage, Grain, Window
from woundseg.simulate.noise import field as noise_field
from woundseg.simulate.outline import Outline, extent
from woundseg.simulate.ulcer import (
    UlcerLook,
    bed_tissue,
    paint_scar,
    paint_ulcer,
    signed_distance_mm,
)

Cloth = Literal["white", "blue", "green", "grey", "dark"]

CLOTHS: dict[Cloth, tuple[float, float, float]] = {
    "white": (0.86, 0.87, 0.88),
    "blue": (0.33, 0.47, 0.66),
    "green": (0.36, 0.58, 0.52),
    "grey": (0.52, 0.53, 0.54),
    "dark": (0.24, 0.22, 0.21),
}
"""Colours of what the foot lies on, sRGB 0 to 1."""


@dataclass(frozen=True)
class CardPlace:
    """Where the card lies.

    Attributes:
        centre_mm: (X, Y) of the card's middle.
        angle_deg: its turn on the plane.
        height_mm: how much nearer to the camera than the ulcer's plane it lies.
        size: which card.
        print_scale: size of the print over the nominal size (0.97 for a "fit to page" print).
        bow_mm: how much the card's middle stands above its left and right ends.
        hidden: a round place (x, y, radius; nominal mm from the upper left corner) where
            something covers the card; radius 0 for none.
    """

    centre_mm: tuple[float, float]
    angle_deg: float = 0.0
    height_mm: float = 0.0
    size: CardSize = "standard"
    print_scale: float = 1.0
    bow_mm: float = 0.0
    hidden: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def side_mm(self) -> tuple[float, float]:
        """Width and height as printed."""
        card = layout(self.size)
        return card.width_mm * self.print_scale, card.height_mm * self.print_scale

    def to_plane(self, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Places of points (..., 2), given in mm from the printed card's upper left corner."""
        c, s = cos(radians(self.angle_deg)), sin(radians(self.angle_deg))
        centred = points_mm - np.asarray(self.side_mm()) / 2
        return np.asarray(centred @ np.array([[c, s], [-s, c]]) + self.centre_mm)


@dataclass(frozen=True)
class SceneSpec:
    """Everything that a photograph is drawn from.

    Attributes:
        camera: lens and pose.
        foot: the subject's foot.
        ulcers: what lies open on it.
        scars: what has closed (its outline as it was).
        card: the card; None for a photograph without.
        capture: light and sensor.
        cloth: what the foot lies on.
        light_deg: direction that the light comes from, on the plane.
        seed: of the sensor's noise and the cloth.
        taken_at: goes into EXIF; None leaves it out.
    """

    camera: Camera
    foot: feet.Foot
    ulcers: tuple[UlcerLook, ...]
    scars: tuple[UlcerLook, ...] = ()
    card: CardPlace | None = None
    capture: Capture = field(default_factory=Capture)
    cloth: Cloth = "white"
    light_deg: float = -120.0
    seed: int = 0
    taken_at: datetime | None = None


@dataclass(frozen=True)
class TrueUlcer:
    """One ulcer as it is.

    Attributes:
        area_cm2: exact, from the outline's formula.
        perimeter_cm: of the outline.
        length_cm: longest axis.
        width_cm: widest extent at right angles to it.
        outline_px: (N, 2), x and y in the photograph.
    """

    area_cm2: float
    perimeter_cm: float
    length_cm: float
    width_cm: float
    outline_px: NDArray[np.float64]


@dataclass(frozen=True)
class Scene:
    """A photograph and what it shows.

    Attributes:
        pixels: uint8 RGB (H, W, 3), as decoded from ``jpeg``.
        jpeg: the photograph's file.
        ulcers: the truth, in the order of the specification.
        mask: bool (H, W): pixel centre inside an ulcer.
        tissue: uint8 (H, W): ids of ``classes.TISSUES`` inside, 0 outside.
        spec: what it was drawn from.
    """

    pixels: NDArray[np.uint8]
    jpeg: bytes
    ulcers: tuple[TrueUlcer, ...]
    mask: NDArray[np.bool_]
    tissue: NDArray[np.uint8]
    spec: SceneSpec

    @property
    def focal_px(self) -> float:
        """Focal length in pixels."""
        return self.spec.camera.lens.focal_px

    @property
    def distance_mm(self) -> float:
        """Lens to the point of the ulcer's plane in the middle of the frame."""
        return self.spec.camera.pose.distance_mm

    def to_mm(self, points_px: NDArray[np.float64]) -> NDArray[np.float64]:
        """True places on the ulcer's plane (..., 2) in mm of pixels (..., 2)."""
        return self.spec.camera.to_plane(points_px)


def true_ulcer(camera: Camera, outline: Outline) -> TrueUlcer:
    """An outline's figures, and where the camera sees it."""
    points = outline.points_mm()
    size = extent(points)
    return TrueUlcer(
        outline.area_cm2, size.perimeter_cm, size.length_cm, size.width_cm, camera.project(points)
    )


def render(spec: SceneSpec) -> Scene:
    """Draws the photograph. The same specification gives the same bytes on one machine."""
    light = light_on_sensor(spec)
    mask, tissue = _true_labels(spec)
    facts = Exif(spec.camera.lens.focal_35mm, spec.taken_at)
    picture = develop(light, spec.capture, spec.seed)
    jpeg = encode_jpeg(picture, spec.capture.jpeg_quality, facts)
    truth = tuple(true_ulcer(spec.camera, look.outline) for look in spec.ulcers)
    return Scene(decode_jpeg(jpeg), jpeg, truth, mask, tissue, spec)


# --- painting -----------------------------------------------------------------------------

BACKDROP_MM = 420.0
"""The cloth is painted from −420 to 420 mm, and mirrored beyond."""

BACKDROP_PX_PER_MM = 1.25


def _paint_cloth(spec: SceneSpec) -> feet.Paint:
    """The cloth with its folds, and the foot's shadow on it."""
    side, scale = BACKDROP_MM, BACKDROP_PX_PER_MM
    window = Window.around((-side, -side), (side, side), scale)
    folds = 5.0 * noise_field((spec.seed, 70), Grain(120, 3, 0.5), window)
    ridge = np.abs(noise_field((spec.seed, 71), Grain(90, 2, 0.5), window))
    folds += 3.0 * np.exp(-ridge * 6)
    shade = 0.55 + 0.45 * feet.relief(folds, scale, spec.light_deg)
    x, y = window.grid()
    across, down, _ = feet.light_vector(spec.light_deg)
    away = spec.foot.distance_mm(x + np.float32(14 * across), y + np.float32(14 * down))
    shade *= 1 - 0.55 * np.exp(-np.clip(away, 0, None) / 11)
    albedo = np.empty((window.height, window.width, 3), dtype=np.float32)
    albedo[:] = CLOTHS[spec.cloth]
    weave = noise_field((spec.seed, 72), Grain(2.0, 2, 0.7), window)
    albedo *= (1 + 0.02 * weave)[..., None]
    return feet.Paint(window, albedo, shade.astype(np.float32), np.ones_like(shade))


def _paint_foot(spec: SceneSpec) -> feet.Paint:
    """The foot with its ulcers, at about the camera's own resolution."""
    density = spec.camera.px_per_mm(spec.camera.pose.target_mm)
    low, high = _seen_of(spec.camera, *spec.foot.bounds_mm())
    window = Window.around(low, high, px_per_mm=1.15 * density)
    paint = feet.paint_foot(spec.foot, window, spec.light_deg)
    for look in spec.scars:
        paint_scar(paint, look)
    for look in spec.ulcers:
        paint_ulcer(paint, look, spec.light_deg)
    return paint


CARD_PX_PER_MM = 14.0
"""Every edge of both cards' markers falls on a texel's edge at this resolution."""

PAPER, INK = 0.86, 0.03
"""Reflectance of the card's white and black."""


@lru_cache(maxsize=8)
def _card_texture(size: CardSize, shrink: int) -> tuple[FloatImage, float]:
    """The card in linear light with 4 channels (the last is 1), and its texels a mm.

    ``shrink`` averages that many half-texels into one.
    """
    full = np.asarray(draw_card(size, CARD_PX_PER_MM) / 255, dtype=np.float32)
    linear = INK + (PAPER - INK) * to_linear(full)
    texture = np.concatenate([linear, np.ones_like(linear[..., :1])], axis=2)
    # A transparent frame, so that the card's own edge is drawn as softly as any other.
    margin = 2 * shrink
    texture = cv2.copyMakeBorder(
        texture, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=(0, 0, 0, 0)
    )
    height, width = texture.shape[:2]
    width, height = width // shrink * shrink, height // shrink * shrink
    small = cv2.resize(
        texture[:height, :width],
        (width // shrink, height // shrink),
        interpolation=cv2.INTER_AREA,
    )
    return np.asarray(small, dtype=np.float32), CARD_PX_PER_MM / shrink


# --- projecting ---------------------------------------------------------------------------


def light_on_sensor(spec: SceneSpec) -> FloatImage:
    """Linear light (H, W, 3) before the lens blurs it."""
    lens = spec.camera.lens
    columns = np.arange(lens.width, dtype=np.float32)[None, :]
    rows = np.arange(lens.height, dtype=np.float32)[:, None]
    x, y = spec.camera.to_plane_xy(columns, rows)
    x, y = x.astype(np.float32, copy=False), y.astype(np.float32, copy=False)
    cloth = _paint_cloth(spec)
    light = _sample(_lit(cloth), cloth.window, x, y, cv2.BORDER_REFLECT)
    foot = _paint_foot(spec)
    covered = np.concatenate([_lit(foot) * foot.cover[..., None], foot.cover[..., None]], axis=2)
    window = foot.window
    reach = (window.width / window.px_per_mm, window.height / window.px_per_mm)
    low, high = (window.x0_mm, window.y0_mm), (window.x0_mm + reach[0], window.y0_mm + reach[1])
    top, left, bottom, right = _frame_of(spec.camera, low, high)
    area = slice(top, bottom), slice(left, right)
    if bottom > top and right > left:
        drawn = _sample(covered, foot.window, x[area], y[area], cv2.BORDER_CONSTANT)
        light[area] = light[area] * (1 - drawn[..., 3:]) + drawn[..., :3]
    if spec.card is not None:
        _lay_card(light, spec.camera, spec.card)
    return light


def _lit(paint: feet.Paint) -> FloatImage:
    return np.asarray(to_linear(paint.albedo) * paint.shade[..., None], dtype=np.float32)


def _sample(
    image: FloatImage, window: Window, x: FloatImage, y: FloatImage, border: int
) -> FloatImage:
    """Looks up an image of a window at places in mm (bilinear)."""
    scale = np.float32(window.px_per_mm)
    columns = (x - np.float32(window.x0_mm)) * scale - np.float32(0.5)
    rows = (y - np.float32(window.y0_mm)) * scale - np.float32(0.5)
    sampled = cv2.remap(image, columns, rows, cv2.INTER_LINEAR, borderMode=border)
    return np.asarray(sampled, dtype=np.float32)


def _seen_of(
    camera: Camera, low_mm: tuple[float, float], high_mm: tuple[float, float]
) -> tuple[tuple[float, float], tuple[float, float]]:
    """The part of a rectangle of the plane that the frame can show (never empty)."""
    lens = camera.lens
    across, down = np.linspace(0, lens.width - 1, 9), np.linspace(0, lens.height - 1, 9)
    seen = camera.to_plane(np.stack(np.meshgrid(across, down), axis=-1).reshape(-1, 2))
    spans = []
    for axis in (0, 1):
        low = float(np.clip(seen[:, axis].min() - 2, low_mm[axis], high_mm[axis] - 1))
        high = float(np.clip(seen[:, axis].max() + 2, low + 1, high_mm[axis]))
        spans.append((low, high))
    (left, right), (top, bottom) = spans
    return (left, top), (right, bottom)


def _frame_of(
    camera: Camera,
    low_mm: tuple[float, float],
    high_mm: tuple[float, float],
    height_mm: float = 0.0,
) -> tuple[int, int, int, int]:
    """Top, left, bottom, right of the pixels that can show a rectangle of the plane."""
    across, down = np.linspace(low_mm[0], high_mm[0], 9), np.linspace(low_mm[1], high_mm[1], 9)
    corners = np.stack(np.meshgrid(across, down), axis=-1).reshape(-1, 2)
    seen = camera.project(corners, height_mm)
    left, top = np.floor(seen.min(axis=0)).astype(int) - 2
    right, bottom = np.ceil(seen.max(axis=0)).astype(int) + 3
    lens = camera.lens
    return (
        int(np.clip(top, 0, lens.height)),
        int(np.clip(left, 0, lens.width)),
        int(np.clip(bottom, 0, lens.height)),
        int(np.clip(right, 0, lens.width)),
    )


def card_corners_mm(place: CardPlace) -> NDArray[np.float64]:
    """The card's four corners (4, 2) on its plane."""
    width, height = place.side_mm()
    return place.to_plane(np.array([[0.0, 0.0], [width, 0], [width, height], [0, height]]))


def _lay_card(light: FloatImage, camera: Camera, place: CardPlace) -> None:
    """Draws the card into the light, in place, with nine looks a pixel."""
    corners = card_corners_mm(place)
    low, high = tuple(corners.min(axis=0)), tuple(corners.max(axis=0))
    top, left, bottom, right = _frame_of(camera, low, high, place.height_mm + place.bow_mm / 2)
    if bottom <= top or right <= left:
        return
    density = camera.px_per_mm(place.centre_mm)
    # At least 1.5 texels a pixel: with nine looks edges then lie within 0.01 px of their place
    # (with four, or finer texels, within 0.06 where an edge runs along the pixels).
    shrink = int(np.clip(CARD_PX_PER_MM * place.print_scale / (1.5 * density), 1, 8))
    texture, texels_per_mm = _card_texture(place.size, shrink)
    columns = np.arange(left, right, dtype=np.float32)[None, :]
    rows = np.arange(top, bottom, dtype=np.float32)[:, None]
    u, v = _seen_on_card(camera, place, columns, rows)
    shown = _shown(place, u, v)
    # The texture's frame is two texels wide.
    u, v = (np.asarray(axis * texels_per_mm + 1.5, dtype=np.float32) for axis in (u, v))
    drawn = np.zeros((bottom - top, right - left, 4), dtype=np.float32)
    for step_u, step_v in _ninth_steps(u, v):
        drawn += cv2.remap(texture, u + step_u, v + step_v, cv2.INTER_LINEAR) / 9
    drawn *= shown[..., None]
    area = light[top:bottom, left:right]
    area *= 1 - drawn[..., 3:]
    area += drawn[..., :3]


def _seen_on_card(
    camera: Camera, place: CardPlace, columns: FloatImage, rows: FloatImage
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Nominal mm on the card (H, W) where pixels see it, bowed or flat."""
    x, y = camera.to_plane_xy(columns, rows, place.height_mm)
    u, v = _on_card(place, x, y)
    if place.bow_mm == 0:
        return u, v
    # A ray moves evenly with height, so one more plane tells how far; the height depends on the
    # place in turn, and three rounds settle it.
    x_up, y_up = camera.to_plane_xy(columns, rows, place.height_mm + 1)
    half = layout(place.size).width_mm / 2
    for _ in range(3):
        height = place.bow_mm * (1 - np.clip(u / half - 1, -1, 1) ** 2)
        u, v = _on_card(place, x + height * (x_up - x), y + height * (y_up - y))
    return u, v


def _shown(
    place: CardPlace, u: NDArray[np.floating], v: NDArray[np.floating]
) -> NDArray[np.floating]:
    """1 where the card is in sight, 0 where it is covered."""
    x, y, radius = place.hidden
    if radius <= 0:
        return np.ones_like(u)
    return np.asarray(np.clip((np.hypot(u - x, v - y) - radius) / 0.3 + 0.5, 0, 1))


def _ninth_steps(u: FloatImage, v: FloatImage) -> list[tuple[FloatImage, FloatImage]]:
    """What u and v change by from a pixel's centre to the middles of its nine parts."""
    u_down, u_across = np.gradient(u)
    v_down, v_across = np.gradient(v)
    thirds = (np.float32(-1 / 3), np.float32(0), np.float32(1 / 3))
    return [
        (np.asarray(u_across * dx + u_down * dy), np.asarray(v_across * dx + v_down * dy))
        for dx in thirds
        for dy in thirds
    ]


def _on_card(
    place: CardPlace, x: NDArray[np.floating], y: NDArray[np.floating]
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Nominal mm from the card's upper left corner; the inverse of ``CardPlace.to_plane``."""
    c, s = cos(radians(place.angle_deg)), sin(radians(place.angle_deg))
    dx, dy = x - place.centre_mm[0], y - place.centre_mm[1]
    width, height = place.side_mm()
    u, v = dx * c + dy * s + width / 2, dy * c - dx * s + height / 2
    return u / place.print_scale, v / place.print_scale


def _true_labels(spec: SceneSpec) -> tuple[NDArray[np.bool_], NDArray[np.uint8]]:
    """Mask and tissue map at the photograph's size: each pixel by its centre."""
    lens = spec.camera.lens
    mask = np.zeros((lens.height, lens.width), dtype=bool)
    tissue = np.zeros((lens.height, lens.width), dtype=np.uint8)
    for look in spec.ulcers:
        (x0, y0), reach = look.outline.centre_mm, look.outline.reach_mm
        low, high = (x0 - reach, y0 - reach), (x0 + reach, y0 + reach)
        top, left, bottom, right = _frame_of(spec.camera, low, high)
        if bottom <= top or right <= left:
            continue
        columns = np.arange(left, right, dtype=np.float64)[None, :]
        rows = np.arange(top, bottom, dtype=np.float64)[:, None]
        x, y = spec.camera.to_plane_xy(columns, rows)
        inside = look.outline.level(x, y) < 0
        mask[top:bottom, left:right] |= inside
        density = spec.camera.px_per_mm(look.outline.centre_mm)
        window = Window.around(low, high, px_per_mm=1.15 * density)
        bed = bed_tissue(look, window, signed_distance_mm(look.outline, window))
        ids = _nearest(bed.labels(), window, x.astype(np.float32), y.astype(np.float32))
        part = tissue[top:bottom, left:right]
        part[inside] = ids[inside]
    return mask, tissue


def _nearest(image: FloatImage, window: Window, x: FloatImage, y: FloatImage) -> NDArray[np.uint8]:
    columns = (x - np.float32(window.x0_mm)) * window.px_per_mm
    rows = (y - np.float32(window.y0_mm)) * window.px_per_mm
    columns = np.clip(columns.astype(int), 0, window.width - 1)
    rows = np.clip(rows.astype(int), 0, window.height - 1)
    return np.asarray(image[rows, columns], dtype=np.uint8)

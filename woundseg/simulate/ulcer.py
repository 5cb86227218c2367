"""Painting an ulcer of known outline, and the healed place that it leaves, onto skin."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from woundseg.simulate.foot import Paint, relief
from woundseg.simulate.noise import FloatImage, Grain, Window, field, mix, step
from woundseg.simulate.outline import Outline

GRANULATION, SLOUGH, NECROSIS = 1, 2, 3
"""Ids of ``classes.TISSUES``."""

BORDER_MM = 0.6
"""Width over which skin turns into bed."""

HALO_MM = 20.0
"""How far around an ulcer the skin is changed."""


@dataclass(frozen=True)
class UlcerLook:
    """What an ulcer is made of.

    Attributes:
        outline: its exact border.
        seed: of its texture.
        slough: share of the bed, roughly.
        necrosis: share of the bed, roughly.
        callus_mm: mean width of the pale, thick rim.
        flush: strength of the reddened skin around, 0 to 1.
        wet: strength of the glints, 0 to 1.
    """

    outline: Outline
    seed: int
    slough: float = 0.2
    necrosis: float = 0.0
    callus_mm: float = 2.5
    flush: float = 0.5
    wet: float = 0.5


@dataclass(frozen=True)
class Bed:
    """Where on the bed each tissue is, as weights (H, W) of 0 to 1, over granulation."""

    slough: FloatImage
    necrosis: FloatImage

    def labels(self) -> FloatImage:
        """Tissue ids, as floats."""
        ids = np.full(self.slough.shape, GRANULATION, dtype=np.float32)
        ids[self.slough > 0.5] = SLOUGH
        ids[self.necrosis > 0.5] = NECROSIS
        return ids


def crop_window(outline: Outline, window: Window) -> tuple[slice, slice, Window]:
    """Rows, columns and window of the texels within ``HALO_MM`` of an ulcer."""
    reach = outline.reach_mm + HALO_MM
    spans = []
    places = (
        (outline.centre_mm[0], window.x0_mm, window.width),
        (outline.centre_mm[1], window.y0_mm, window.height),
    )
    for centre, start, size in places:
        first = int(np.clip((centre - reach - start) * window.px_per_mm, 0, size - 1))
        last = int(np.clip((centre + reach - start) * window.px_per_mm, first + 1, size))
        spans.append((first, last))
    (left, right), (top, bottom) = spans
    x0, y0 = (
        window.x0_mm + left / window.px_per_mm,
        window.y0_mm + top / window.px_per_mm,
    )
    own = Window(x0, y0, right - left, bottom - top, window.px_per_mm)
    return slice(top, bottom), slice(left, right), own


def signed_distance_mm(outline: Outline, window: Window) -> FloatImage:
    """Distance to the outline (H, W), negative inside; exact near the outline."""
    x, y = window.grid()
    level = outline.level(x.astype(np.float64), y.astype(np.float64)).astype(np.float32)
    half = 0.25 / window.px_per_mm
    slope_x = outline.level(x + half, y + 0.0) - outline.level(x - half, y + 0.0)
    slope_y = outline.level(x + 0.0, y + half) - outline.level(x + 0.0, y - half)
    slope = np.hypot(slope_x, slope_y) / (2 * half)
    return np.asarray(level / np.maximum(slope, 0.2), dtype=np.float32)


def bed_tissue(look: UlcerLook, window: Window, distance: FloatImage) -> Bed:
    """Slough and necrosis by thresholds on noise, so that their shares come out roughly."""
    inside = distance < 0
    parts = []
    for layer, share, cell in ((10, look.slough, 9.0), (11, look.necrosis, 14.0)):
        noise = field((look.seed, layer), Grain(cell, 4, 0.55), window)
        if share <= 0 or not inside.any():
            parts.append(np.zeros_like(distance))
            continue
        limit = float(np.quantile(noise[inside], 1 - min(share, 0.98)))
        parts.append(step(noise, limit - 0.4, limit + 0.4))
    return Bed(parts[0], parts[1])


def paint_ulcer(paint: Paint, look: UlcerLook, light_deg: float) -> None:
    """Paints an ulcer and the skin around it into ``paint``, in place."""
    rows, columns, window = crop_window(look.outline, paint.window)
    distance = signed_distance_mm(look.outline, window)
    albedo, shade = paint.albedo[rows, columns], paint.shade[rows, columns]
    _paint_rim(albedo, look, window, distance)
    bed = bed_tissue(look, window, distance)
    bed_albedo, bed_height = _bed(look, window, bed)
    _paint_glints(bed_albedo, bed_height, look, window)
    hollow = np.clip(0.16 + 0.14 * field((look.seed, 23), Grain(11, 2), window), 0, 0.5)
    bed_albedo *= (1 - hollow * np.exp(-(((distance + 0.5) / 1.1) ** 2)))[..., None]
    cover = bed_cover(distance, window)
    albedo += (bed_albedo - albedo) * cover[..., None]
    rim = 0.25 * look.callus_mm * np.exp(-(((distance - 1.4) / 1.5) ** 2))
    rim = rim - 1.2 * step(-distance, -0.6, 2.2)
    lit = relief(np.asarray(rim, dtype=np.float32), window.px_per_mm, light_deg)
    shade *= 1 + 0.55 * (lit - 1)
    lit = relief(bed_height, window.px_per_mm, light_deg)
    shade *= 1 + cover * 0.45 * (np.clip(lit, 0.3, 1.7) - 1)


def bed_cover(distance: FloatImage, window: Window) -> FloatImage:
    """Share of each texel that is bed: a half exactly on the outline, however soft the border."""
    soft = max(BORDER_MM, 1 / window.px_per_mm)
    return np.asarray(np.clip(0.5 - distance / soft, 0, 1), dtype=np.float32)


def _paint_rim(albedo: FloatImage, look: UlcerLook, window: Window, distance: FloatImage) -> None:
    """Reddened skin around, then the pale rim of callus and wet skin."""
    outer = np.clip(distance, 0, None)
    patchy = field((look.seed, 20), Grain(12, 3), window)
    flush = look.flush * np.exp(-((outer / (7 + 1.5 * patchy)) ** 2))
    red = albedo * np.array((0.98, 0.66, 0.68), dtype=np.float32)
    mix(albedo, red, np.asarray(np.clip(flush, 0, 0.9), dtype=np.float32))
    width = look.callus_mm * np.clip(1 + 0.4 * field((look.seed, 21), Grain(16, 2), window), 0.3, 2)
    callus = 1 - step(np.asarray(outer / width, dtype=np.float32), 0.35, 1.5)
    grain = 1 + 0.04 * field((look.seed, 22), Grain(1.2, 2, 0.7), window)
    skin = albedo.mean(axis=2, keepdims=True)
    pale = np.array((0.93, 0.87, 0.75), dtype=np.float32) * (0.5 + 0.5 * skin / 0.7)
    strength = np.clip(0.3 + 0.16 * look.callus_mm + 0.2 * patchy, 0.1, 0.85)
    mix(albedo, np.clip(pale * grain[..., None], 0, 0.96), strength * callus)


def _bed(look: UlcerLook, window: Window, bed: Bed) -> tuple[FloatImage, FloatImage]:
    """Albedo (H, W, 3) and height in mm (H, W) of the bed."""
    seed = look.seed
    height = 0.28 * field((seed, 30), Grain(2.6, 3, 0.6), window)
    height += 0.45 * field((seed, 31), Grain(9, 2), window)
    blood = field((seed, 32), Grain(7, 4, 0.6), window)
    albedo = np.empty((*height.shape, 3), dtype=np.float32)
    albedo[:] = (0.62, 0.19, 0.19)
    mix(albedo, (0.76, 0.42, 0.38), step(blood, 0.0, 1.8))
    mix(albedo, (0.42, 0.06, 0.09), step(-blood, 0.1, 1.7))
    clump = field((seed, 33), Grain(1.5, 3, 0.7), window)
    albedo *= (1 + 0.11 * clump)[..., None]
    fibre = field((seed, 34), Grain(3.0, 4, 0.7), window)
    yellow = np.array((0.80, 0.68, 0.46), dtype=np.float32) * (1 + 0.10 * fibre)[..., None]
    mix(yellow, (0.88, 0.82, 0.66), step(fibre, 0.3, 1.6))
    mix(albedo, yellow, (0.85 + 0.1 * np.clip(fibre, -1, 1)) * bed.slough)
    black = np.array((0.13, 0.09, 0.08), dtype=np.float32) * (1 + 0.25 * fibre)[..., None]
    mix(albedo, (0.36, 0.22, 0.12), step(bed.necrosis, 0.0, 0.6))
    mix(albedo, black, step(bed.necrosis, 0.35, 1.0))
    return np.clip(albedo, 0.015, 0.97), height


def _paint_glints(albedo: FloatImage, height: FloatImage, look: UlcerLook, window: Window) -> None:
    """Wet spots: bright where the bed's small bumps face between light and camera."""
    bumps = field((look.seed, 40), Grain(1.8, 2, 0.6), window)
    slope = cv2.Sobel(height + 0.2 * bumps, cv2.CV_32F, 1, 1, ksize=3)
    shine = step(bumps + 0.3 * slope * window.px_per_mm, 1.9, 2.6)
    mix(albedo, (0.97, 0.93, 0.92), look.wet * 0.85 * shine)


def paint_scar(paint: Paint, look: UlcerLook) -> None:
    """The closed ulcer: pink, smooth new skin whose border fades over 3 mm."""
    rows, columns, window = crop_window(look.outline, paint.window)
    distance = signed_distance_mm(look.outline, window)
    albedo = paint.albedo[rows, columns]
    fade = step(-distance, -2.0, 3.0)
    grain = 1 + 0.02 * field((look.seed, 50), Grain(2.0, 2), window)
    skin = albedo * np.array((1.02, 0.84, 0.83), dtype=np.float32) * grain[..., None]
    mix(albedo, np.clip(skin, 0, 0.96), 0.75 * fade)

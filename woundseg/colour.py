"""White balance, exposure and colour of a photograph, from the card's greys or estimated.

Light adds up in linear values, so sRGB is undone first (IEC 61966-2-1). A change of light is then
a factor on each channel (von Kries), and the card's greys tell those factors: the slope of what
the camera saw over what the patch reflects. The slope, and not the ratio, because ink and flare
add a little light to all patches alike, which would make the dark ones speak another way than the
bright ones once those are burnt out.

A burnt channel is known only from below. Balanced as if it were right, a red that is burnt turns
skin and slough grey or green; so it is never left darker than the other channels (``_held_up``).

Without a card the mean gradient of the photograph (grey edge: van de Weijer, Gevers and Gijsenij
2007) is compared with what it usually is over photographs of foot ulcers, skin and all.

With the measured L*, a*, b* of a card's print (``read_profile``) a 3 by 3 matrix takes the place
of the factors, and the mean CIEDE2000 that it leaves over the patches is its residual.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from woundseg import card
from woundseg.errors import TableError
from woundseg.records import ColourFacts, Matrix3, Scale
from woundseg.scale import mapping

ByteImage = NDArray[np.uint8]
FloatImage = NDArray[np.float32]
Values = NDArray[np.float64]
Profile = Mapping[str, tuple[float, float, float]]
"""Measured L*, a*, b* (D50, 2°) by the name of the card's patch."""

BURNT = 250
"""A channel at least this bright (sRGB, 8 bits) may have held any light above it."""
IDENTITY: Matrix3 = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


@dataclass(frozen=True, eq=False)
class Balanced:
    """How a photograph's colours are put right: linear light times a matrix.

    Attributes:
        source: where it came from.
        matrix: rows times linear sRGB (r, g, b) of the photograph give linear sRGB under D65;
            diagonal unless measured patch values were given.
        residual_de2000: mean CIEDE2000 left over the patches; None without measured values.
        patches: names of the patches that it rests on.
    """

    source: Literal["card", "estimate", "none"]
    matrix: Matrix3 = IDENTITY
    residual_de2000: float | None = None
    patches: tuple[str, ...] = ()

    @property
    def gains(self) -> tuple[float, float, float]:
        """The factors on linear red, green and blue (the matrix's diagonal)."""
        return self.matrix[0][0], self.matrix[1][1], self.matrix[2][2]

    def facts(self) -> ColourFacts:
        """For the record."""
        return ColourFacts(source=self.source, residual_de2000=self.residual_de2000)

    def linear(self, pixels: ByteImage) -> FloatImage:
        """Corrected linear light, float32 (H, W, 3); 1 is white, brighter is not cut off.

        Args:
            pixels: sRGB uint8 (H, W, 3).
        """
        matrix = np.asarray(self.matrix, np.float32)
        return np.asarray(cv2.transform(to_linear(pixels), matrix), np.float32)

    def lab(self, pixels: ByteImage) -> FloatImage:
        """Corrected CIELAB (D65), float32 (H, W, 3), of sRGB uint8 (H, W, 3)."""
        return np.asarray(linear_to_lab(self.linear(pixels)), np.float32)

    def apply(self, pixels: ByteImage) -> ByteImage:
        """The corrected photograph, sRGB uint8 (H, W, 3); see ``_held_up`` for what is burnt."""
        if self.matrix == IDENTITY:
            return pixels
        if self._diagonal:
            corrected = np.asarray(cv2.LUT(pixels, self._tables), np.uint8)
        else:
            corrected = np.asarray(to_srgb(self.linear(pixels)) * 255 + 0.5, np.uint8)
        return _held_up(corrected, pixels)

    @cached_property
    def _diagonal(self) -> bool:
        matrix = np.asarray(self.matrix)
        return bool((matrix == np.diag(np.diag(matrix))).all())

    @cached_property
    def _tables(self) -> ByteImage:
        """What each of 256 values becomes in each channel, uint8 (1, 256, 3)."""
        light = _TABLE[:, None] * np.asarray(self.gains, np.float32)
        return np.asarray(to_srgb(light[None]) * 255 + 0.5, np.uint8)


def _held_up(corrected: ByteImage, pixels: ByteImage) -> ByteImage:
    """Burnt channels no darker than the brightest one of their pixel: towards neutral.

    Args:
        corrected: sRGB uint8 (H, W, 3), each pixel's channels corrected.
        pixels: the same as photographed.
    """
    burnt = pixels >= BURNT
    if not burnt.any():
        return corrected
    return np.where(burnt, corrected.max(axis=2, keepdims=True), corrected)


def balance(pixels: ByteImage, scale: Scale | None, profile: Profile | None = None) -> Balanced:
    """White balance and exposure of a photograph.

    From the card's greys where at least three of them can be read; else an estimate that leaves
    photographs of usual colour alone; else none.

    Args:
        pixels: sRGB uint8 (H, W, 3).
        scale: of the same photograph; its card is read when it has one.
        profile: measured values of this card's print: a full correction instead of gains.
    """
    if scale is not None and scale.source == "card":
        found = _from_card(read_patches(pixels, scale), profile)
        if found is not None:
            return found
    return _estimate(pixels)


# --- colour spaces ----------------------------------------------------------------------------


def _decoded(encoded: Values) -> Values:
    """Linear light of sRGB values of 0 to 1."""
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


_TABLE = _decoded(np.arange(256) / 255).astype(np.float32)


def to_linear(pixels: ByteImage) -> FloatImage:
    """Linear light 0 to 1, float32, of sRGB uint8 of the same shape."""
    return np.asarray(_TABLE[pixels], np.float32)


def to_srgb(linear: FloatImage) -> FloatImage:
    """SRGB 0 to 1, float32 (H, W, 3), of linear light; what lies outside 0 to 1 is cut off."""
    light = np.clip(linear, 0, 1)
    bright = np.float32(1.055) * cv2.pow(light, 1 / 2.4) - np.float32(0.055)
    return np.asarray(np.where(light <= 0.0031308, light * np.float32(12.92), bright), np.float32)


# IEC 61966-2-1, and Bradford's cone responses as ICC.1:2022 (annex E) gives them.
_RGB_TO_XYZ = np.array(
    [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
)
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
D65 = _RGB_TO_XYZ.sum(axis=1)
"""White of sRGB, XYZ."""
D50 = np.array([0.9642, 1.0, 0.8249])
"""White that prints are measured under, XYZ."""


def adaptation(source: Values, target: Values) -> Values:
    """XYZ under one white (3,) to XYZ under another: Bradford, (3, 3)."""
    ratio = (_BRADFORD @ target) / (_BRADFORD @ source)
    return np.asarray(np.linalg.inv(_BRADFORD) @ np.diag(ratio) @ _BRADFORD)


_RGB_TO_D50 = adaptation(D65, D50) @ _RGB_TO_XYZ


def linear_to_lab(linear: ArrayLike, *, d50: bool = False) -> NDArray[np.floating]:
    """CIELAB (..., 3) of linear sRGB (..., 3): under D65, or adapted to D50; keeps the dtype."""
    light = np.asarray(linear)
    matrix, white = (_RGB_TO_D50, D50) if d50 else (_RGB_TO_XYZ, D65)
    xyz = light @ (matrix / white[:, None]).T.astype(light.dtype)
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1).astype(light.dtype)


def lab_to_linear(lab: ArrayLike) -> Values:
    """Linear sRGB (..., 3) of CIELAB under D50 (..., 3)."""
    values = np.asarray(lab, np.float64)
    y = (values[..., 0] + 16) / 116
    f = np.stack([y + values[..., 1] / 500, y, y - values[..., 2] / 200], axis=-1)
    xyz = np.where(f**3 > 216 / 24389, f**3, (116 * f - 16) * 27 / 24389) * D50
    return np.asarray(xyz @ np.linalg.inv(_RGB_TO_D50).T)


def ciede2000(first: ArrayLike, second: ArrayLike) -> Values:
    """Colour difference CIEDE2000 (...,) of CIELAB values (..., 3), all weights 1.

    After Sharma, Wu and Dalal, Color Research and Application 30 (2005) 21: the hue difference
    and the mean hue are taken the short way round, and a colour without chroma has no hue.
    """
    one, two = np.asarray(first, np.float64), np.asarray(second, np.float64)
    grey = (np.hypot(one[..., 1], one[..., 2]) + np.hypot(two[..., 1], two[..., 2])) / 2
    stretch = 1.5 - 0.5 * np.sqrt(grey**7 / (grey**7 + 25.0**7))
    chroma1, hue1 = _polar(one, stretch)
    chroma2, hue2 = _polar(two, stretch)
    coloured = chroma1 * chroma2 > 0
    turn, apart = hue2 - hue1, np.abs(hue2 - hue1)
    turn = np.where(coloured, turn - 360 * np.sign(turn) * (apart > 180), 0.0)
    sum_ = hue1 + hue2
    across = np.where(sum_ < 360, sum_ + 360, sum_ - 360) / 2
    hue = np.where(coloured, np.where(apart <= 180, sum_ / 2, across), sum_)
    light, chroma = (one[..., 0] + two[..., 0]) / 2, (chroma1 + chroma2) / 2
    t = (
        1
        - 0.17 * _cos(hue - 30)
        + 0.24 * _cos(2 * hue)
        + 0.32 * _cos(3 * hue + 6)
        - 0.20 * _cos(4 * hue - 63)
    )
    far = (light - 50) ** 2
    d_light = (two[..., 0] - one[..., 0]) / (1 + 0.015 * far / np.sqrt(20 + far))
    d_chroma = (chroma2 - chroma1) / (1 + 0.045 * chroma)
    d_hue = 2 * np.sqrt(chroma1 * chroma2) * np.sin(np.radians(turn) / 2) / (1 + 0.015 * chroma * t)
    swing = 60 * np.exp(-(((hue - 275) / 25) ** 2))
    rotation = -2 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7)) * np.sin(np.radians(swing))
    return np.asarray(np.sqrt(d_light**2 + d_chroma**2 + d_hue**2 + rotation * d_chroma * d_hue))


def _polar(lab: Values, stretch: Values) -> tuple[Values, Values]:
    """Chroma and hue in degrees (0 to 360) with a* stretched."""
    a, b = lab[..., 1] * stretch, lab[..., 2]
    return np.hypot(a, b), np.degrees(np.arctan2(b, a)) % 360


def _cos(degrees: Values) -> Values:
    return np.cos(np.radians(degrees))


# --- the card's patches -----------------------------------------------------------------------

_INNER = 0.6
"""The middle of a patch that is read, of its width and height: its rim is blurred."""
_GRID = 24
_BLOCKS = 4
_CLIPPED, _CLIPPED_SHARE = 252, 0.05
_BLACK = 0.0015
"""Linear light that the darkest patch, three stops too dark, is still above."""
_UNEVEN = 0.35
"""Greatest difference of a patch's sixteenths, of their mean: noise stays below, edges above."""


def read_patches(pixels: ByteImage, scale: Scale) -> dict[str, Values]:
    """Mean linear light (r, g, b) of the card's patches that can be read.

    Left out are those outside the frame, burnt out, in the dark, and uneven (half covered, a
    reflection, a shadow's edge). One wholly covered is not seen here: the greys' agreement
    among themselves finds it.

    Args:
        pixels: sRGB uint8 (H, W, 3).
        scale: from the card in it.
    """
    found = _card_in_view(scale)
    if found is None:
        return {}
    layout, factor = found
    steps = 0.5 + _INNER * ((np.arange(_GRID) + 0.5) / _GRID - 0.5)
    across, down = np.meshgrid(steps, steps)
    readings = {}
    for patch in layout.patches:
        box = patch.box
        places = np.stack([box.x + across * box.width, box.y + down * box.height], axis=-1)
        colour = _read(pixels, mapping.to_pixels(scale, places * factor))
        if colour is not None:
            readings[patch.name] = colour
    return readings


def _card_in_view(scale: Scale) -> tuple[card.CardLayout, float] | None:
    """Which card the scale was taken from, and its print's size over the nominal size."""
    corners = np.asarray(scale.corners_px, np.float64).reshape(-1, 4, 2)
    if not len(corners):
        return None
    placed = mapping.to_plane_mm(scale, corners)
    side = float(np.median(np.linalg.norm(placed - np.roll(placed, 1, axis=1), axis=2)))
    for size in card.SIZES:
        layout = card.layout(size)
        factor = side / layout.markers[0].side
        if 0.85 < factor < 1.15:
            return layout, factor
    return None


def _read(pixels: ByteImage, places_px: Values) -> Values | None:
    """Mean linear light at places (n, n, 2), or None where it says nothing of the patch."""
    at = np.rint(places_px).astype(int)
    height, width = pixels.shape[:2]
    if (at < 0).any() or (at >= (width, height)).any():
        return None
    seen = pixels[at[..., 1], at[..., 0]]
    light = to_linear(seen).astype(np.float64)
    step = _GRID // _BLOCKS
    blocks = light.reshape(_BLOCKS, step, _BLOCKS, step, 3).mean(axis=(1, 3)).reshape(-1, 3)
    mean = light.mean(axis=(0, 1))
    burnt = (seen >= _CLIPPED).any(axis=-1).mean() > _CLIPPED_SHARE
    uneven = (np.ptp(blocks, axis=0) > _UNEVEN * mean + _BLACK).any()
    return None if burnt or uneven or mean.max() < _BLACK else mean


def _nominal() -> dict[str, tuple[float, float, float]]:
    """L*, a*, b* (D50) of the patches as drawn; the same on both cards."""
    return {
        patch.name: tuple(linear_to_lab(_decoded(np.array(patch.box.colour) / 255), d50=True))
        for patch in card.layout("standard").patches
    }


# --- from the card ----------------------------------------------------------------------------

_LIGHTNESS_TOLERANCE = 10.0
"""How far, in L*, a grey may lie from where the others put it: office printers are that far off."""
_CAST_TOLERANCE = 0.2
"""How far ln(R/G) and ln(B/G) of a grey may lie from the others'; 0.2 is a pale skin's least."""
_LEAST_GREYS = 3
_LEAST_PATCHES = 7
"""A full correction has nine unknowns and three equations a patch; less would only follow noise."""
_FAR_OFF = 12.0
"""CIEDE2000 of a patch that shows something else than its own ink."""


def _from_card(readings: Mapping[str, Values], profile: Profile | None) -> Balanced | None:
    """From the greys that agree, and with a profile from all patches; None with too few greys."""
    known = {name: np.asarray(lab) for name, lab in (profile or _nominal()).items()}
    names = [name for name in readings if name in known]
    greys = _agreeing({n: readings[n] for n in names if n.startswith("grey")}, known)
    if not greys:
        return None
    reflected = np.stack([lab_to_linear(known[name]) for name in greys])
    slopes = _slopes(np.stack([readings[name] for name in greys]), reflected)
    if (slopes <= 0).any():
        return None
    gains = np.diag(1 / slopes)
    if profile is None:
        return Balanced("card", _as_matrix(gains), None, tuple(greys))
    chosen = greys + [name for name in names if not name.startswith("grey")]
    seen = np.stack([readings[name] for name in chosen])
    measured = np.stack([known[name] for name in chosen])
    matrix, kept = _full(seen, measured) if len(chosen) >= _LEAST_PATCHES else (gains, None)
    kept = np.ones(len(chosen), np.bool_) if kept is None else kept
    left = _left(matrix, seen[kept], measured[kept])
    used = tuple(name for name, good in zip(chosen, kept, strict=True) if good)
    return Balanced("card", _as_matrix(matrix), float(left.mean()), used)


def _agreeing(readings: Mapping[str, Values], known: Mapping[str, Values]) -> list[str]:
    """The greys of one cast that lie on one line of light over reflectance.

    Each pair draws a line; the pair that most others follow wins. Empty where fewer than three
    agree.
    """
    names = list(readings)
    if len(names) < _LEAST_GREYS:
        return []
    seen = np.stack([readings[name] for name in names])
    cast = np.log(np.maximum(seen[:, [0, 2]], 1e-6) / np.maximum(seen[:, [1]], 1e-6))
    lightness = np.array([known[name][0] for name in names])
    reflectance = _luminance(lightness)
    best, least = np.zeros(len(names), np.bool_), math.inf
    for one, two in combinations(range(len(names)), 2):
        slope = (seen[one, 1] - seen[two, 1]) / (reflectance[one] - reflectance[two])
        if slope <= 0:
            continue
        placed = (seen[:, 1] - seen[one, 1]) / slope + reflectance[one]
        off = np.abs(_lightness(placed) - lightness)
        tint = np.abs(cast - cast[[one, two]].mean(axis=0)).max(axis=1)
        agree = (off < _LIGHTNESS_TOLERANCE) & (tint < _CAST_TOLERANCE)
        misfit = float(off[agree].sum()) if agree.any() else math.inf
        if (agree.sum(), -misfit) > (best.sum(), -least):
            best, least = agree, misfit
    enough = best.sum() >= _LEAST_GREYS
    return [name for name, good in zip(names, best, strict=True) if good] if enough else []


def _luminance(lightness: Values) -> Values:
    """Y of L*, 0 to 1."""
    f = (lightness + 16) / 116
    return np.where(lightness > 8, f**3, lightness * 27 / 24389)


def _lightness(luminance: Values) -> Values:
    """L* of Y."""
    light = np.maximum(luminance, 0.0)
    return np.where(light > 216 / 24389, 116 * np.cbrt(light) - 16, light * 24389 / 27)


def _slopes(seen: Values, reflected: Values) -> Values:
    """Slope (3,) of light (n, 3) over reflectance (n, 3) in each channel, with an intercept.

    Weighted against the bright patches' larger errors.
    """
    weight = 1 / (reflected + 0.1)
    slopes = np.empty(3)
    for channel in range(3):
        x, w = reflected[:, channel], weight[:, channel]
        design = np.column_stack([x, np.ones_like(x)]) * w[:, None]
        slopes[channel] = np.linalg.lstsq(design, seen[:, channel] * w, rcond=None)[0][0]
    return slopes


def _full(seen: Values, measured: Values) -> tuple[Values, NDArray[np.bool_]]:
    """The matrix from light (n, 3) to measured colours (n, 3), and the patches that it rests on.

    A covered patch bends the fit until others look wrong, so each is left out in turn: the one
    without which the rest agree best is dropped when it then lies far off and the rest agree at
    least twice as well.
    """
    kept = np.ones(len(seen), np.bool_)
    matrix = _least_squares(seen, measured)
    while kept.sum() > _LEAST_PATCHES:
        now = float(_left(matrix, seen, measured)[kept].mean())
        trials = []
        for one in np.flatnonzero(kept):
            rest = kept & (np.arange(len(seen)) != one)
            without = _least_squares(seen[rest], measured[rest])
            left = _left(without, seen, measured)
            trials.append((float(left[rest].mean()), int(one), float(left[one]), without))
        then, worst, off, without = min(trials, key=lambda trial: trial[:2])
        if off < _FAR_OFF or then > now / 2:
            break
        kept[worst], matrix = False, without
    return matrix, kept


def _least_squares(seen: Values, measured: Values) -> Values:
    """The matrix (3, 3) in linear light, each patch relative to its luminance."""
    weight = 1 / (_luminance(measured[:, :1]) + 0.05)
    target = lab_to_linear(measured)
    return np.asarray(np.linalg.lstsq(seen * weight, target * weight, rcond=None)[0].T)


def _left(matrix: Values, seen: Values, measured: Values) -> Values:
    """CIEDE2000 (n,) between corrected and measured colours."""
    return ciede2000(linear_to_lab(seen @ matrix.T, d50=True), measured)


def _as_matrix(matrix: Values) -> Matrix3:
    red, green, blue = ((float(r), float(g), float(b)) for r, g, b in matrix)
    return red, green, blue


# --- without a card ---------------------------------------------------------------------------

_LOOK_PX = 128
_PADDING = 12
"""Frames padded to a square are black there, a little less so after JPEG."""
_LEAST_PIXELS = 200
# Over the 803 photographs of FUSeg: median and standard deviation of ln of the mean gradient's
# red over green and blue over green, and of ln of the sixth-power mean of green.
_USUAL = np.array([0.20, -0.09, -0.58])
_SPREAD = np.array([0.09, 0.07, 0.15])
_SPREAD_DARK = 0.3
"""In the place of the last where it is dark: FUSeg's skin is light, and dark skin is no dark light.
"""
_COLOUR_GAINS = np.log([[0.45, 0.85], [1.15, 4.0]])
"""Least and most of ln of the gains on red and blue over green's: black bodies of
2,700 to 8,500 K are within. What lies beyond is rather a coloured cloth."""
_BRIGHTEST_GAIN = 6.0


def _estimate(pixels: ByteImage) -> Balanced:
    """What the photograph lies outside the usual by is taken away.

    Half of all photographs differ from the usual by what they show, not by their light, and a
    phone has balanced them already. So deviations up to one standard deviation are left alone
    and larger ones are reduced to it: the most probable light when lights deviate by a Laplace
    law and contents by a normal one. Dark skin and coloured cloth set limits to it.
    """
    seen = _gradient_and_level(pixels)
    if seen is None:
        return Balanced("none")
    off = seen - _USUAL
    left = _SPREAD.copy()
    if off[2] < 0:
        left[2] = _SPREAD_DARK
    excess = np.sign(off) * np.maximum(np.abs(off) - left, 0.0)
    red, blue = np.exp(np.clip(-excess[:2], *_COLOUR_GAINS))
    level = min(float(np.exp(-excess[2])), _BRIGHTEST_GAIN)
    return Balanced("estimate", _as_matrix(np.diag([red * level, level, blue * level])))


def _gradient_and_level(pixels: ByteImage) -> Values | None:
    """Logarithms of the mean gradient's R/G and B/G, and of green's level; None in bare pictures.

    Padding and burnt pixels are left out, and gradients beside them; but what is burnt is bright,
    and counts for the level.
    """
    longest = max(pixels.shape[:2])
    thin = max(1, longest // (2 * _LOOK_PX))
    few = np.ascontiguousarray(pixels[::thin, ::thin])
    factor = min(1.0, _LOOK_PX * thin / longest)
    size = [max(1, round(side * factor)) for side in few.shape[1::-1]]
    small = cv2.resize(few, size, interpolation=cv2.INTER_AREA)
    brightest = few.max(axis=2)
    shown = _free_of(brightest <= _PADDING, size)
    usable = shown & _free_of(brightest >= BURNT, size)
    brush = np.ones((3, 3), np.uint8)
    inner = cv2.erode(usable.astype(np.uint8), brush, borderValue=1)[1:, 1:] > 0
    light = to_linear(np.asarray(small, np.uint8))
    across, down = light[1:, 1:] - light[1:, :-1], light[1:, 1:] - light[:-1, 1:]
    edges = np.hypot(across, down)[inner].astype(np.float64)
    if len(edges) < _LEAST_PIXELS or (mean := edges.mean(axis=0)).min() < 1e-5:
        return None
    level = float((light[shown][:, 1].astype(np.float64) ** 6).mean() ** (1 / 6))
    red, green, blue = np.log(mean)
    return np.array([red - green, blue - green, math.log(level)])


def _free_of(fault: NDArray[np.bool_], size: list[int]) -> NDArray[np.bool_]:
    """Pixels of the reduced picture (of this width and height) that no fault lies in."""
    share = cv2.resize(fault.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return np.asarray(share < 1e-3)


# --- measured values of a print ---------------------------------------------------------------

_COLUMNS = ("patch", "L", "a", "b")
_REMEDY = "Give a CSV with patch,L,a,b: one row a patch of the card, CIELAB under D50"


def read_profile(path: Path) -> Profile:
    """The measured colours of a card's print, by patch.

    Raises:
        TableError: it cannot be read; a column is missing; a patch is not on the card or stands
            there twice; a value is no number or no colour; too few patches to correct by.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, strict=True)
            columns, rows = reader.fieldnames or (), list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TableError(path, f"cannot be read ({error})", _REMEDY) from error
    missing = [name for name in _COLUMNS if name not in columns]
    if missing:
        raise TableError(path, f"has no column {', '.join(missing)}", _REMEDY)
    profile: dict[str, tuple[float, float, float]] = {}
    for number, row in enumerate(rows, start=2):
        name, lab = _profile_row(row, f"{path}, row {number}")
        if name in profile:
            where = f"{path}, row {number}"
            raise TableError(where, f"column patch: {name!r} stands there twice", _REMEDY)
        profile[name] = lab
    greys = sum(name.startswith("grey") for name in profile)
    if greys < _LEAST_GREYS or len(profile) < _LEAST_PATCHES:
        told = f"has {greys} greys and {len(profile)} patches in all"
        raise TableError(path, told, f"Measure {_LEAST_GREYS} greys and {_LEAST_PATCHES} patches")
    return profile


def _profile_row(
    row: Mapping[str, str | None], where: str
) -> tuple[str, tuple[float, float, float]]:
    name = (row["patch"] or "").strip()
    on_card = [patch.name for patch in card.layout("standard").patches]
    if name not in on_card:
        cause = f"column patch: the card has no {name!r}"
        raise TableError(where, cause, f"Choose {', '.join(on_card)}")
    lab = []
    for column, low, high in (("L", 0.0, 100.0), ("a", -128.0, 128.0), ("b", -128.0, 128.0)):
        text = (row[column] or "").strip()
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            cause = f"column {column}: {text!r} is not between {low:g} and {high:g}"
            raise TableError(where, cause, _REMEDY)
        lab.append(value)
    return name, (lab[0], lab[1], lab[2])

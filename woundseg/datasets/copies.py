"""The same photograph in two data sets: all of it, or a piece cut from it.

Before data sets are joined, pairs are looked for and given one fold. Whole photographs are
compared by a hash of their looks, which does not mind size, padding or a JPEG. A crop has no hash
in common with the photograph that it is cut from: it is looked for in each photograph, first on
thumbnails, then in full. No pair rests on a likeness of hashes or thumbnails alone: in the end the
colours of the two must correlate.

The hash is written here in a few lines of ``cv2.dct``. It is the usual one of low frequencies
(Zauner 2010, "Implementation and Benchmarking of Perceptual Image Hash Functions").
Hashes are neither stored nor compared with anybody else's, so a library would add a dependency
and nothing that could be relied on.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from woundseg.datasets.base import Sample
from woundseg.datasets.folds import FoldRow
from woundseg.datasets.pictures import ByteImage, read_rgb
from woundseg.errors import DataSetError

MIN_CORRELATION = 0.96
"""At and above this two pictures show the same. Measured: DFUTissue's 550 crops in the FUSeg
photographs that they are cut from, 0.963 at least; in any other, 0.951 at most (the same foot on
another day). Copies of whole photographs, 18 pairs in FUSeg and 225 in Medetec, 0.985 at least;
others whose hashes are alike, 0.925 at most."""
MAX_BITS = 14
"""Hashes of 63 bits that differ in more are of different photographs."""

PADDING = 16
"""Rows and columns at the rim that are darker than this on average (0 to 255) are padding."""
RIM = 3
"""Beside padding, a JPEG's blocks carry some of it over: so many pixels go with it."""

HASHED_SIDE, KEPT_SIDE, COMPARED_SIDE, THUMB_SIDE, SMALLEST_SIDE = 32, 8, 64, 96, 8
SHIFT = 4
"""Of ``COMPARED_SIDE``: copies are not always trimmed at the same pixel."""
FLAT = 2.0
"""A thumbnail of less contrast than this (standard deviation) lies anywhere as well as here."""

BitRow = NDArray[np.bool_]
FloatMap = NDArray[np.float32]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Pair:
    """A picture, and a photograph that shows the same.

    Attributes:
        picture: id of the picture, such as a crop.
        photograph: id of the photograph.
        x_px: column of the picture's left edge in the photograph, from 0.
        y_px: row of its upper edge, from 0.
        width_px: its width there.
        height_px: its height there.
        scale: pixels of the photograph to one of the picture.
        mirrored: whether left and right change places, before it is turned.
        turned_deg: how far the picture is turned counter-clockwise to lie in the photograph.
        correlation: of their colours, up to 1.
    """

    picture: str
    photograph: str
    x_px: int
    y_px: int
    width_px: int
    height_px: int
    scale: float
    mirrored: bool
    turned_deg: int
    correlation: float


COLUMNS = tuple(field.name for field in fields(Pair))


@dataclass(frozen=True)
class Search:
    """How crops are looked for.

    Attributes:
        scales: pixels of a photograph to one of a crop, each tried with 7% to either side.
        candidates: photographs that are looked at in full for each crop, by their thumbnails.
        min_correlation: from which a place is a pair.
    """

    scales: tuple[float, ...] = tuple(round(0.8 * 1.1**step, 3) for step in range(11))
    candidates: int = 5
    min_correlation: float = MIN_CORRELATION


@dataclass(frozen=True)
class Place:
    """Where a crop lies in a photograph: its upper left corner (x, y) and its scale there."""

    correlation: float
    x: float
    y: float
    scale: float


NOWHERE = Place(-1.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True)
class _Thumb:
    """A photograph made small, grey; ``factor`` of its pixels to one of the photograph's."""

    grey: ByteImage
    factor: float


# --- whole photographs ------------------------------------------------------------------------


def same_photographs(
    pictures: Sequence[Sample],
    photographs: Sequence[Sample],
    progress: Progress = lambda done, of: None,
) -> list[Pair]:
    """Copies of whole photographs, also mirrored or turned by quarters.

    Files that are in both lists are not compared with themselves, and each two files once.

    Args:
        pictures: of the one data set.
        photographs: of the other, or the same again.
        progress: told how many files are read, of how many.

    Raises:
        DataSetError: a file cannot be decoded.
    """
    every = [*pictures, *photographs]
    looks: list[FloatMap] = []
    for done, sample in enumerate(every, start=1):
        looks.append(appearance(_read(sample)))
        progress(done, len(every))
    pairs: list[Pair] = []
    known: set[frozenset[str]] = set()
    for one, other in _near(looks[: len(pictures)], looks[len(pictures) :]):
        files = frozenset((str(pictures[one].image_path), str(photographs[other].image_path)))
        if len(files) == 1 or files in known:
            continue
        pair = _compared(pictures[one], photographs[other])
        if pair is not None:
            known.add(files)
            pairs.append(pair)
    return pairs


def photo_hash(small: FloatMap) -> BitRow:
    """63 bits of a photograph's looks: which of its low frequencies are above their median.

    Args:
        small: grey, (32, 32).
    """
    low = cv2.dct(small)[:KEPT_SIDE, :KEPT_SIDE].ravel()[1:]
    bits: BitRow = low > np.median(low)
    return bits


def trimmed(pixels: ByteImage) -> tuple[ByteImage, int, int]:
    """A picture (H, W, 3) without its black padding; x and y of its first pixel kept."""
    bright = pixels.max(axis=2)
    rows = np.flatnonzero(bright.mean(axis=1) > PADDING)
    columns = np.flatnonzero(bright.mean(axis=0) > PADDING)
    if rows.size == 0 or columns.size == 0:
        return pixels, 0, 0
    top, bottom = _kept(int(rows[0]), int(rows[-1]) + 1, pixels.shape[0])
    left, right = _kept(int(columns[0]), int(columns[-1]) + 1, pixels.shape[1])
    return np.ascontiguousarray(pixels[top:bottom, left:right]), left, top


def _kept(first: int, end: int, length: int) -> tuple[int, int]:
    """What is left of a side when the rim beside padding goes too."""
    first, end = first + RIM * (first > 0), end - RIM * (end < length)
    return (first, end) if end > first else (0, length)


def appearance(pixels: ByteImage) -> FloatMap:
    """What is hashed of a photograph: grey, (32, 32)."""
    return _made(_grey(trimmed(pixels)[0]), (HASHED_SIDE, HASHED_SIDE)).astype(np.float32)


def _near(ours: list[FloatMap], theirs: list[FloatMap]) -> list[tuple[int, int]]:
    """Places in both lists of what looks alike in one of eight positions, the likest first."""
    if not ours or not theirs:
        return []
    right = np.array([photo_hash(small) for small in theirs]).astype(np.int32)
    best = np.full((len(ours), len(theirs)), KEPT_SIDE**2, np.int32)
    for mirrored, quarters in _POSITIONS:
        turned = [_positioned(small, mirrored, quarters) for small in ours]
        left = np.array([photo_hash(small) for small in turned]).astype(np.int32)
        differ = left @ (1 - right).T + (1 - left) @ right.T
        np.minimum(best, differ, out=best)
    found = np.argwhere(best <= MAX_BITS)
    return sorted(((int(a), int(b)) for a, b in found), key=lambda ab: (best[ab], ab))


_POSITIONS = [(mirrored, quarters) for mirrored in (False, True) for quarters in range(4)]


def _positioned(pixels: NDArray[Any], mirrored: bool, quarters: int) -> NDArray[Any]:
    return np.ascontiguousarray(np.rot90(pixels[:, ::-1] if mirrored else pixels, quarters))


def _compared(picture: Sample, photograph: Sample) -> Pair | None:
    """The pair that two whole photographs are in the position where their colours agree best."""
    ours, _, _ = trimmed(_read(picture))
    theirs, left, top = trimmed(_read(photograph))
    side = (COMPARED_SIDE, COMPARED_SIDE)
    small, wanted = (_made(p, side) for p in (ours, theirs))
    agree = {
        position: _correlation(_positioned(small, *position), wanted) for position in _POSITIONS
    }
    mirrored, quarters = max(agree, key=lambda position: agree[position])
    if agree[mirrored, quarters] < MIN_CORRELATION:
        return None
    height, width = theirs.shape[:2]
    return Pair(
        picture=picture.id,
        photograph=photograph.id,
        x_px=left,
        y_px=top,
        width_px=width,
        height_px=height,
        scale=round(float(np.sqrt(theirs.size / ours.size)), 4),
        mirrored=mirrored,
        turned_deg=90 * quarters,
        correlation=round(agree[mirrored, quarters], 4),
    )


def _correlation(one: ByteImage, other: ByteImage) -> float:
    """Of two small pictures of one size, moved by up to ``SHIFT`` pixels; 0 where one is flat."""
    inner = np.ascontiguousarray(one[SHIFT:-SHIFT, SHIFT:-SHIFT])
    if min(float(inner.std()), float(other.std())) < FLAT:
        return 0.0
    return float(cv2.matchTemplate(other, inner, cv2.TM_CCOEFF_NORMED).max())


# --- crops ------------------------------------------------------------------------------------


def find_crops(
    crops: Sequence[Sample],
    photographs: Sequence[Sample],
    search: Search | None = None,
    progress: Progress = lambda done, of: None,
) -> list[Pair]:
    """The photographs that crops are cut from, and the place in each.

    Args:
        crops: pieces of photographs, at one of ``search.scales``; black padding is left out.
        photographs: to look in.
        search: how; None takes the defaults.
        progress: told how many crops are done, of how many.

    Returns:
        Pairs in the order of the crops, the best first; a crop may lie in several photographs
        (copies of one another), or in none.

    Raises:
        DataSetError: a file cannot be decoded.
    """
    search = search or Search()
    thumbs = [_thumb(_read(photograph)) for photograph in photographs]
    pairs: list[Pair] = []
    for done, crop in enumerate(crops, start=1):
        pixels, _, _ = trimmed(_read(crop))
        found = [
            (photographs[index], place_in(pixels, _read(photographs[index]), rough))
            for index, rough in _candidates(pixels, thumbs, search)
        ]
        kept = [(p, place) for p, place in found if place.correlation >= search.min_correlation]
        kept.sort(key=lambda entry: -entry[1].correlation)
        pairs += [_pair(crop.id, p.id, place, pixels.shape[:2]) for p, place in kept]
        progress(done, len(crops))
    return pairs


def place_in(crop: ByteImage, photograph: ByteImage, rough: Place) -> Place:
    """Where a crop lies in a photograph, near a place and a scale that are roughly known.

    Args:
        crop: RGB (H, W, 3), without padding.
        photograph: RGB (H, W, 3).
        rough: to within a tenth of the crop's size and 7% of its scale.

    Returns:
        The place of the highest correlation, in the photograph's pixels.
    """
    best = replace(rough, correlation=-1.0)
    for step, reach in ((0.02, 3), (0.005, 3), (0.00125, 3)):
        middle = best.scale
        for times in range(-reach, reach + 1):
            tried = _matched(crop, photograph, rough, middle * (1 + step * times))
            best = max(best, tried, key=lambda place: place.correlation)
    return best


def _matched(crop: ByteImage, photograph: ByteImage, rough: Place, scale: float) -> Place:
    """The best place at one scale, compared at the coarser of the two resolutions."""
    height, width = (side * scale for side in crop.shape[:2])
    margin = 8 + 0.12 * max(height, width)
    x0, y0 = (max(0, int(at - margin)) for at in (rough.x, rough.y))
    window = photograph[
        y0 : int(rough.y + height + margin) + 1, x0 : int(rough.x + width + margin) + 1
    ]
    template, across, down = crop, 1.0, 1.0
    if scale > 1:
        whole = window.shape
        window = _resized(window, 1 / scale)
        down, across = (a / b for a, b in zip(whole[:2], window.shape[:2], strict=True))
    else:
        template = _resized(crop, scale)
    if any(a > b for a, b in zip(template.shape, window.shape, strict=True)):
        return NOWHERE
    found = cv2.matchTemplate(window, template, cv2.TM_CCOEFF_NORMED)
    _, highest, _, (x, y) = cv2.minMaxLoc(found)
    exact = scale if scale <= 1 else math.sqrt(across * down)
    return Place(float(highest), x0 + x * across, y0 + y * down, exact)


def _candidates(
    crop: ByteImage, thumbs: Sequence[_Thumb], search: Search
) -> list[tuple[int, Place]]:
    """The photographs whose thumbnails agree best with the crop's, and the place in each."""
    grey = _grey(crop)
    if float(grey.std()) < FLAT:
        return []
    rough = [
        max((_on_thumb(grey, thumb, s) for s in search.scales), key=lambda p: p.correlation)
        for thumb in thumbs
    ]
    ranked = sorted(range(len(rough)), key=lambda index: -rough[index].correlation)
    return [(i, rough[i]) for i in ranked[: search.candidates] if rough[i] is not NOWHERE]


def _on_thumb(grey: ByteImage, thumb: _Thumb, scale: float) -> Place:
    template = _resized(grey, scale * thumb.factor)
    height, width = template.shape
    fits = height <= thumb.grey.shape[0] and width <= thumb.grey.shape[1]
    if not fits or min(height, width) < SMALLEST_SIDE or float(template.std()) < FLAT:
        return NOWHERE
    _, highest, _, (x, y) = cv2.minMaxLoc(
        cv2.matchTemplate(thumb.grey, template, cv2.TM_CCOEFF_NORMED)
    )
    return Place(float(highest), x / thumb.factor, y / thumb.factor, scale)


def _thumb(pixels: ByteImage) -> _Thumb:
    factor = min(1.0, THUMB_SIDE / max(pixels.shape[:2]))
    return _Thumb(_resized(_grey(pixels), factor), factor)


def _resized(pixels: ByteImage, factor: float) -> ByteImage:
    height, width = (max(1, round(side * factor)) for side in pixels.shape[:2])
    return _made(pixels, (width, height))


def _made(pixels: ByteImage, size: tuple[int, int]) -> ByteImage:
    """A picture of another size (width, height): averaged where smaller, else interpolated."""
    how = cv2.INTER_AREA if size[0] < pixels.shape[1] else cv2.INTER_CUBIC
    return cv2.resize(pixels, size, interpolation=how).astype(np.uint8, copy=False)


def _grey(pixels: ByteImage) -> ByteImage:
    return cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)


def _pair(crop: str, photograph: str, place: Place, size: tuple[int, ...]) -> Pair:
    return Pair(
        picture=crop,
        photograph=photograph,
        x_px=round(place.x),
        y_px=round(place.y),
        width_px=round(size[1] * place.scale),
        height_px=round(size[0] * place.scale),
        scale=round(place.scale, 4),
        mirrored=False,
        turned_deg=0,
        correlation=round(place.correlation, 4),
    )


def _read(sample: Sample) -> ByteImage:
    pixels = read_rgb(sample.image_path)
    if pixels is None:
        raise DataSetError(sample.image_path, "cannot be decoded", "Replace it or take it out")
    return pixels


# --- folds ------------------------------------------------------------------------------------


def folds_of(pairs: Iterable[Pair], folds: Mapping[str, FoldRow]) -> dict[str, FoldRow]:
    """Group and fold of each picture: those of the photograph that it shows.

    Args:
        pairs: as found here; a picture may stand in several.
        folds: the photographs' fold table. Pictures of photographs that it does not name get
            none.

    Raises:
        DataSetError: a picture shows photographs of two folds.
    """
    rows: dict[str, FoldRow] = {}
    apart: list[str] = []
    for pair in pairs:
        row = folds.get(pair.photograph)
        if row is None:
            continue
        kept = rows.setdefault(pair.picture, row)
        if kept.fold != row.fold:
            apart.append(f"{pair.picture}: shows photographs of folds {kept.fold} and {row.fold}")
    if apart:
        remedy = "Keep copies of a photograph in one fold"
        raise DataSetError("fold table", apart[0], remedy, tuple(apart))
    return rows


def to_csv(pairs: Iterable[Pair], folds: Mapping[str, FoldRow] | None = None) -> str:
    """One row a pair, ``COLUMNS``; with a fold table, the photograph's fold as well."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*COLUMNS, *(["fold"] if folds is not None else [])])
    for pair in pairs:
        row: list[object] = list(asdict(pair).values())
        if folds is not None:
            known = folds.get(pair.photograph)
            row.append("" if known is None else known.fold)
        writer.writerow(row)
    return stream.getvalue()

"""From an ulcer's probability and the scale to its figures (planimetry on the card's plane).

``docs/figures.md`` says in words what is computed here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from woundseg import outlines
from woundseg.classes import TISSUES
from woundseg.masks import BoolMap, Box, ByteMap, FloatMap, Segmentation, fill_pinholes
from woundseg.outlines import Points
from woundseg.records import (
    DEFAULT_MIN_ULCER_CM2,
    Scale,
    TissueFractions,
    Ulcer,
    UlcerFigures,
)
from woundseg.scale import mapping as planes

LEAST_FRACTION: Final = 0.02
"""Of the bed: a share below this cannot be told from none, nor one above its rest from all."""
NORMAL_95: Final = 1.96
"""Half width of a 95% interval in standard deviations."""

NORMAL_QUARTILE: Final = 0.6745
"""Upper quartile of the standard normal distribution."""

MAX_BORDER_SD: Final = 1.0
"""Greatest relative sd that the outline's place can give (interval: a factor 7 either way)."""


CUT_MARGIN_PX: Final = 4.0
"""So near the picture's edge an ulcer is taken to be cut, in pixels of the network's look."""
MAY_BE_ULCER: Final = 0.15
MAY_GO_ON_PX: Final = 24.0
"""What may be ulcer, and how far off the edge it is sought, in pixels of the network's look."""

_BLOCK_PX: Final = 8


@dataclass(frozen=True)
class MeasureOptions:
    """What counts as an ulcer.

    Attributes:
        min_ulcer_cm2: smallest ulcer where there is a scale.
        threshold: a pixel is ulcer from this probability on.
    """

    min_ulcer_cm2: float = DEFAULT_MIN_ULCER_CM2
    threshold: float = 0.5


@dataclass(frozen=True, eq=False)
class Measurement:
    """The ulcers of one photograph, and what drawing and quality need of them.

    Attributes:
        ulcers: largest first, ids ``u1``, ``u2`` ...
        total: over all ulcers together; length and width only where there is one ulcer.
        labels: uint16 (H, W): 0, or the ulcer's place in ``ulcers`` counted from 1.
        outlines: of each ulcer, its closed outlines in pixels of the photograph, float64 (N, 2)
            of (x, y), the outer one first, islands of skin after it.
        peaks: of each ulcer, the highest probability inside it.
        specks: components too small to be ulcers.
        mm_per_px: root of the area of a pixel at the ulcers (the image's centre when there is
            none); None without a scale.
        tissue: ids of ``classes.TISSUES``, uint8 (H, W), 0 elsewhere; None where none was read.
    """

    ulcers: tuple[Ulcer, ...]
    total: UlcerFigures
    labels: NDArray[np.uint16]
    outlines: tuple[tuple[Points, ...], ...]
    peaks: tuple[float, ...]
    specks: int
    mm_per_px: float | None
    tissue: ByteMap | None = None


@dataclass(frozen=True, eq=False)
class _Piece:
    """One component: its pixels within its bounding box, its outlines, its place."""

    x: int
    y: int
    mask: BoolMap
    area_px: int
    centre: tuple[float, float]
    outlines: tuple[Points, ...]
    area_mm2: float | None

    @property
    def window(self) -> tuple[slice, slice]:
        height, width = self.mask.shape
        return slice(self.y, self.y + height), slice(self.x, self.x + width)

    @property
    def bbox(self) -> tuple[int, int, int, int]:
        return self.x, self.y, self.mask.shape[1], self.mask.shape[0]


@dataclass(frozen=True)
class _Spread:
    """Relative standard deviations of an area, by cause."""

    scale: float
    border: float


def ulcers(
    segmentation: Segmentation, scale: Scale | None, options: MeasureOptions | None = None
) -> Measurement:
    """The figures of each ulcer and of all together, with 95% intervals.

    An ulcer is an 8-connected component of probability at or above the threshold. Holes smaller
    than the smallest ulcer are filled; larger ones are islands of skin and are subtracted.

    Args:
        segmentation: of the whole photograph.
        scale: to the card's plane; None gives ``area_px`` and tissue alone.
        options: what counts as an ulcer.
    """
    options = options or MeasureOptions()
    found, specks = _pieces(segmentation, scale, options)
    labels = np.zeros(segmentation.probability.shape, dtype=np.uint16)
    for place, piece in enumerate(found, start=1):
        labels[piece.window][piece.mask] = place
    spreads = [_spread(piece, labels, segmentation, scale, options) for piece in found]
    figures = tuple(
        _ulcer(place, piece, spread, segmentation, scale)
        for place, (piece, spread) in enumerate(zip(found, spreads, strict=True), start=1)
    )
    return Measurement(
        ulcers=figures,
        total=_total(figures, spreads, scale),
        labels=labels,
        outlines=tuple(piece.outlines for piece in found),
        peaks=tuple(_peak(piece, segmentation.probability) for piece in found),
        specks=specks,
        mm_per_px=_mm_per_px(found, scale, labels.shape),
        tissue=segmentation.tissue,
    )


def withheld(measurement: Measurement) -> tuple[tuple[Ulcer, ...], UlcerFigures]:
    """Ulcers and total where figures may not be given: the ids stay, every figure is null."""
    nothing: dict[str, Any] = dict.fromkeys(UlcerFigures.model_fields)
    ids = (ulcer.id for ulcer in measurement.ulcers)
    return tuple(Ulcer(id=name, **nothing) for name in ids), UlcerFigures(**nothing)


def smallest_ulcer_px(
    segmentation: Segmentation, scale: Scale | None, options: MeasureOptions | None = None
) -> float:
    """Area of the smallest ulcer, in pixels of the photograph, at the image's centre."""
    options = options or MeasureOptions()
    if scale is None:
        return segmentation.min_ulcer_px / segmentation.looked_px_per_px**2
    height, width = segmentation.probability.shape
    side_mm = planes.mm_per_px_at(scale, (width - 1) / 2, (height - 1) / 2)
    return options.min_ulcer_cm2 * 100.0 / side_mm**2


def _pieces(
    segmentation: Segmentation, scale: Scale | None, options: MeasureOptions
) -> tuple[list[_Piece], int]:
    """The components that count, largest first, and how many do not."""
    smallest = smallest_ulcer_px(segmentation, scale, options)
    least = smallest if scale is None else options.min_ulcer_cm2 * 100.0
    largest_hole = math.ceil(smallest) - 1
    kept: list[_Piece] = []
    count = 0
    for corner, mask in _components(segmentation.probability, options.threshold):
        count += 1
        if mask.size < smallest / 4:  # far too small wherever it lies: no need to look
            continue
        piece = _piece(
            corner, fill_pinholes(mask, largest_hole), segmentation, scale, options.threshold
        )
        if (piece.area_px if piece.area_mm2 is None else piece.area_mm2) >= least:
            kept.append(piece)
    kept.sort(key=lambda piece: (-(piece.area_mm2 or piece.area_px), piece.y, piece.x))
    return kept, count - len(kept)


def _components(probability: FloatMap, level: float) -> Iterator[tuple[tuple[int, int], BoolMap]]:
    """The 8-connected components: corner (x, y) and mask within the bounding box.

    Labelling 12 million pixels takes 80 ms, so blocks of pixels are labelled first, and pixels
    only within each group of blocks.
    """
    inside: MatLike = (probability >= level).view(np.uint8) * np.uint8(255)
    bottom, right = (-side % _BLOCK_PX for side in inside.shape)
    inside = cv2.copyMakeBorder(inside, 0, bottom, 0, right, cv2.BORDER_CONSTANT, value=0)
    size = inside.shape[1] // _BLOCK_PX, inside.shape[0] // _BLOCK_PX
    blocks = cv2.resize(inside, size, interpolation=cv2.INTER_AREA)  # one pixel of 64 gives 4
    groups, of_block, boxes, _ = cv2.connectedComponentsWithStats(blocks, connectivity=8)
    for group in range(1, groups):
        x, y, width, height = (int(value) for value in boxes[group][:4])
        own = (of_block[y : y + height, x : x + width] == group).view(np.uint8)
        x, y, width, height = (_BLOCK_PX * value for value in (x, y, width, height))
        own = cv2.resize(own, (width, height), interpolation=cv2.INTER_NEAREST)
        own &= inside[y : y + height, x : x + width]
        count, labels, places, _ = cv2.connectedComponentsWithStats(own, connectivity=8)
        for label in range(1, count):
            left, top, wide, high = (int(value) for value in places[label][:4])
            mask = labels[top : top + high, left : left + wide] == label
            yield (x + left, y + top), mask


def _piece(
    corner: tuple[int, int],
    mask: BoolMap,
    segmentation: Segmentation,
    scale: Scale | None,
    level: float,
) -> _Piece:
    x, y = corner
    moments = cv2.moments(mask.view(np.uint8), binaryImage=True)
    centre = x + moments["m10"] / moments["m00"], y + moments["m01"] / moments["m00"]
    field = _field(segmentation.probability, corner, mask, level)
    shift = np.array([x - 1.0, y - 1.0])
    traced = tuple(line + shift for line in outlines.trace(field, level))
    area = None
    if scale is not None:
        # Straight lines stay straight in the plane, so the polygon's area there is exact.
        in_plane = (outlines.signed_area(planes.to_plane_mm(scale, line)) for line in traced)
        area = abs(sum(in_plane))
    return _Piece(x, y, mask, int(moments["m00"]), centre, traced, area)


def _field(probability: FloatMap, corner: tuple[int, int], mask: BoolMap, level: float) -> FloatMap:
    """Probability around one component, one pixel wider than it, all else below the level.

    Beyond the photograph's edge it goes on so that the outline runs along the edge itself.
    """
    (x, y), (height, width) = corner, mask.shape
    top, left = max(y - 1, 0), max(x - 1, 0)
    inner = probability[top : y + height + 1, left : x + width + 1]
    before = (1 - (y - top), 1 - (x - left))
    after = (height + 2 - inner.shape[0] - before[0], width + 2 - inner.shape[1] - before[1])
    pads = tuple(zip(before, after, strict=True))
    field = np.pad(inner, pads, mode="edge")
    beyond = np.pad(np.zeros(inner.shape, dtype=np.bool_), pads, constant_values=True)
    field = np.where(beyond, np.float32(2 * level) - field, field)
    below = np.nextafter(np.float32(level), np.float32(-1.0))
    inside = np.pad(mask, 1)
    joined: FloatMap = np.where(
        inside, np.maximum(field, np.float32(level)), np.minimum(field, below)
    )
    return joined


def _spread(
    piece: _Piece,
    labels: NDArray[np.uint16],
    segmentation: Segmentation,
    scale: Scale | None,
    options: MeasureOptions,
) -> _Spread:
    """Relative sd of one ulcer's area: of the scale, and of the outline's place."""
    place = segmentation.border_sd_px / segmentation.looked_px_per_px
    around = sum(outlines.length(outlines.smooth(line)) for line in piece.outlines)
    moved = math.log1p(around * place / piece.area_px)
    border = max(moved, _softness(piece, labels, segmentation.probability, options.threshold))
    of_scale = 0.0 if scale is None else planes.log_area_sd_at(scale, *piece.centre)
    return _Spread(of_scale, min(border, MAX_BORDER_SD))


def _softness(
    piece: _Piece, labels: NDArray[np.uint16], probability: FloatMap, level: float
) -> float:
    """Relative sd of the area that the probability itself admits.

    Read as the chance that the outline lies further out, 0.75 and 0.25 are the quartiles of the
    area, 2 × 0.6745 standard deviations apart.
    """
    x, y, width, height = piece.bbox
    margin = max(width, height) // 2 + 2
    top, left = max(y - margin, 0), max(x - margin, 0)
    window = slice(top, y + height + margin), slice(left, x + width + margin)
    own = np.zeros(labels[window].shape, dtype=np.bool_)
    own[y - top : y - top + height, x - left : x - left + width] = piece.mask
    free = (labels[window] == 0) | own
    wide = ((probability[window] >= level / 2) & free) | own
    _, parts = cv2.connectedComponents(wide.view(np.uint8), connectivity=8)
    outer = int(np.count_nonzero(parts == parts[own][0]))
    sure = int(np.count_nonzero(probability[piece.window][piece.mask] >= (1 + level) / 2))
    inner = max(sure, piece.area_px / 10)
    return math.log(outer / inner) / (2 * NORMAL_QUARTILE)


def _ulcer(
    place: int,
    piece: _Piece,
    spread: _Spread,
    segmentation: Segmentation,
    scale: Scale | None,
) -> Ulcer:
    shape = dict.fromkeys(("perimeter_cm", "length_cm", "width_cm"))
    area = None if piece.area_mm2 is None else piece.area_mm2 / 100.0
    tissue = _tissue(piece, segmentation)
    low, high = _tissue_interval(tissue, segmentation.fraction_sd)
    return Ulcer(
        id=f"u{place}",
        **_interval(area, math.hypot(spread.scale, spread.border)),
        **(shape if scale is None else _shape(piece, scale)),
        area_px=piece.area_px,
        bbox_px=piece.bbox,
        tissue=tissue,
        tissue_low=low,
        tissue_high=high,
        lower_bound=_is_cut(piece, segmentation),
    )


def _interval(area_cm2: float | None, sd_log: float) -> dict[str, float | None]:
    """Area, its sd and its 95% interval, symmetrical on the log scale."""
    if area_cm2 is None:
        return dict.fromkeys(("area_cm2", "area_sd", "area_cm2_low", "area_cm2_high"))
    low, high = (area_cm2 * math.exp(sign * NORMAL_95 * sd_log) for sign in (-1, 1))
    sd = area_cm2 * (math.log(high) - math.log(low)) / (2 * NORMAL_95)
    return {"area_cm2": area_cm2, "area_sd": sd, "area_cm2_low": low, "area_cm2_high": high}


def _shape(piece: _Piece, scale: Scale) -> dict[str, float]:
    """Perimeter, length and width in the plane, in cm."""
    perimeter = 0.0
    for line in piece.outlines:
        flat = outlines.smooth(line)
        perimeter += outlines.length(flat.mapped(lambda at: planes.to_plane_mm(scale, at)))
    longest, across = outlines.axes(planes.to_plane_mm(scale, piece.outlines[0]))
    return {
        "perimeter_cm": perimeter / 10.0,
        "length_cm": longest / 10.0,
        "width_cm": across / 10.0,
    }


def _tissue(piece: _Piece, segmentation: Segmentation) -> TissueFractions | None:
    if segmentation.tissue is None:
        return None
    inside = segmentation.tissue[piece.window][piece.mask]
    counts = np.bincount(inside, minlength=len(TISSUES) + 1)
    return _fractions({tissue.name: float(counts[tissue.id]) for tissue in TISSUES})


def _fractions(amounts: dict[str, float]) -> TissueFractions | None:
    whole = sum(amounts.values())
    if whole <= 0.0:
        return None
    return TissueFractions(**{name: amount / whole for name, amount in amounts.items()})


def _tissue_interval(
    tissue: TissueFractions | None, fraction_sd: float
) -> tuple[TissueFractions | None, TissueFractions | None]:
    """The ends of the fractions' 95% intervals, symmetrical on the logit scale."""
    if tissue is None or fraction_sd <= 0.0:
        return None, None
    low, high = (
        TissueFractions(
            **{
                name: _moved(share, sign * NORMAL_95 * fraction_sd)
                for name, share in tissue.model_dump().items()
            }
        )
        for sign in (-1.0, 1.0)
    )
    return low, high


def _moved(share: float, by: float) -> float:
    """A share moved on the logit scale; what is all but nothing may be nothing."""
    if by < 0.0 and share <= LEAST_FRACTION:
        return 0.0
    if by > 0.0 and share >= 1.0 - LEAST_FRACTION:
        return 1.0
    kept = min(max(share, LEAST_FRACTION), 1.0 - LEAST_FRACTION)
    moved = 1.0 / (1.0 + math.exp(-math.log(kept / (1.0 - kept)) - by))
    return min(share, moved) if by < 0.0 else max(share, moved)


def _total(figures: tuple[Ulcer, ...], spreads: list[_Spread], scale: Scale | None) -> UlcerFigures:
    """All ulcers together: areas and perimeters add up; the errors are taken to go together."""
    if len(figures) == 1:
        return UlcerFigures(**figures[0].model_dump(exclude={"id", "lower_bound"}))
    areas = np.array([figure.area_cm2 or 0.0 for figure in figures])
    area, sd_log, perimeter = None, 0.0, None
    if scale is not None and figures:
        area = float(areas.sum())
        share = areas / area
        sd_log = math.hypot(
            float(share @ np.array([spread.scale for spread in spreads])),
            float(share @ np.array([spread.border for spread in spreads])),
        )
        perimeter = sum(figure.perimeter_cm or 0.0 for figure in figures)
    interval = _interval(area, sd_log)
    if scale is not None and not figures:
        interval["area_cm2"] = 0.0
    return _joined(figures, interval, perimeter)


def together(figures: tuple[Ulcer, ...]) -> UlcerFigures:
    """Ulcers that were measured apart, as one: their errors are taken to go together.

    Their total's standard deviation is the sum of theirs on the log scale, weighted by area; it is
    never below that of ulcers measured at once, whose causes of error are known one by one.
    """
    if len(figures) == 1:
        return UlcerFigures(**figures[0].model_dump(include={*UlcerFigures.model_fields}))
    areas = [figure.area_cm2 for figure in figures]
    area = None if None in areas else sum(area or 0.0 for area in areas)
    sd_log = sum(figure.area_sd or 0.0 for figure in figures) / area if area else 0.0
    perimeters = [figure.perimeter_cm for figure in figures]
    perimeter = None if None in perimeters else sum(each or 0.0 for each in perimeters)
    return _joined(figures, _interval(area, sd_log), perimeter)


def _joined(
    figures: tuple[Ulcer, ...], interval: dict[str, float | None], perimeter_cm: float | None
) -> UlcerFigures:
    """Several ulcers as one, of a given area and perimeter; their length and width say nothing."""
    return UlcerFigures(
        **interval,
        perimeter_cm=perimeter_cm,
        length_cm=None,
        width_cm=None,
        area_px=sum(figure.area_px or 0 for figure in figures),
        bbox_px=_joined_box(figures),
        tissue=_joined_tissue(figures, "tissue"),
        tissue_low=_joined_tissue(figures, "tissue_low"),
        tissue_high=_joined_tissue(figures, "tissue_high"),
    )


def _joined_box(figures: tuple[Ulcer, ...]) -> tuple[int, int, int, int] | None:
    boxes = np.array([figure.bbox_px for figure in figures if figure.bbox_px])
    if boxes.size == 0:
        return None
    left, top = boxes[:, :2].min(axis=0).tolist()
    right, bottom = (boxes[:, :2] + boxes[:, 2:]).max(axis=0).tolist()
    return left, top, right - left, bottom - top


def _joined_tissue(
    figures: tuple[Ulcer, ...], name: Literal["tissue", "tissue_low", "tissue_high"]
) -> TissueFractions | None:
    """Fractions, or ends of their intervals, averaged over the ulcers by area.

    The errors are taken to go together: one light falls on all of them.
    """
    known = [(getattr(figure, name), _weight(figure)) for figure in figures]
    known = [(fractions, weight) for fractions, weight in known if fractions is not None]
    whole = sum(weight for _, weight in known)
    if whole <= 0.0:
        return None
    return TissueFractions(
        **{
            tissue.name: min(
                1.0, sum(getattr(each, tissue.name) * weight for each, weight in known) / whole
            )
            for tissue in TISSUES
        }
    )


def _weight(figure: Ulcer) -> float:
    return float((figure.area_px if figure.area_cm2 is None else figure.area_cm2) or 0.0)


def _is_cut(piece: _Piece, segmentation: Segmentation) -> bool:
    """Whether the photograph's edge cuts the ulcer, or comes so close that it may.

    The network's outline stops some pixels short of the edge, and beyond black padding there is
    nothing to see either. So an ulcer is taken to be cut within ``CUT_MARGIN_PX`` of the picture's
    edge, or where what may be ulcer goes on from it to the edge.
    """
    rows, columns = segmentation.probability.shape
    left, top, width, height = segmentation.content_px or (0, 0, columns, rows)
    frame = left, top, left + width, top + height
    look = segmentation.looked_px_per_px
    if _gap(piece.bbox, frame) < max(1.0, CUT_MARGIN_PX / look):
        return True
    reach = math.ceil(MAY_GO_ON_PX / look)
    if _gap(piece.bbox, frame) > reach:
        return False
    x, y, wide, high = piece.bbox
    window = (
        slice(max(top, y - reach), min(frame[3], y + high + reach)),
        slice(max(left, x - reach), min(frame[2], x + wide + reach)),
    )
    may_be = (segmentation.probability[window] >= MAY_BE_ULCER).view(np.uint8)
    _, parts, boxes, _ = cv2.connectedComponentsWithStats(may_be, connectivity=8)
    row, column = np.argwhere(piece.mask)[0]
    own = parts[y + row - window[0].start, x + column - window[1].start]
    if own == 0:  # a threshold below what may be ulcer
        return False
    seen = boxes[own]
    around = (
        int(seen[cv2.CC_STAT_LEFT]) + window[1].start,
        int(seen[cv2.CC_STAT_TOP]) + window[0].start,
        int(seen[cv2.CC_STAT_WIDTH]),
        int(seen[cv2.CC_STAT_HEIGHT]),
    )
    return _gap(around, frame) < max(1.0, 1.0 / look)


def _gap(box: Box, frame: tuple[int, int, int, int]) -> int:
    """From a box to the nearest edge of the frame (left, top, right, bottom) [px]."""
    x, y, width, height = box
    return min(x - frame[0], y - frame[1], frame[2] - x - width, frame[3] - y - height)


def _peak(piece: _Piece, probability: FloatMap) -> float:
    return float(probability[piece.window][piece.mask].max())


def _mm_per_px(pieces: list[_Piece], scale: Scale | None, shape: tuple[int, ...]) -> float | None:
    if scale is None:
        return None
    if not pieces:
        return planes.mm_per_px_at(scale, (shape[1] - 1) / 2, (shape[0] - 1) / 2)
    weights = np.array([piece.area_px for piece in pieces], dtype=np.float64)
    centre = weights @ np.array([piece.centre for piece in pieces]) / weights.sum()
    return planes.mm_per_px_at(scale, float(centre[0]), float(centre[1]))

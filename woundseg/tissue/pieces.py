"""What the tissue network learns from: labelled crops, and windows over other ulcers.

A *piece* is a picture and what its pixels may be (``allowed``). Crops of DFUTissue carry labels;
the place where each was cut from FUSeg's photograph gives the ulcer's outline with it. Windows
over FUSeg's other ulcers have an outline alone, and some have derived necrosis. WoundTissue's
photographs are labelled all over, and give the window over their bed.

Photographs that were judged by eye, and their copies, give no piece: they are kept to judge by.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from woundseg import masks, resources
from woundseg.classes import NECROSIS
from woundseg.datasets import copies
from woundseg.datasets.base import DataSet, Sample
from woundseg.datasets.dfutissue import photograph_of
from woundseg.datasets.tissue import TissueSet
from woundseg.errors import DataSetError
from woundseg.tissue import allowed, derive, judged
from woundseg.tissue.derive import DerivedRow
from woundseg.tissue.window import over_bed, window_over

ByteImage = NDArray[np.uint8]
BoolMap = NDArray[np.bool_]
Kind = Literal["label", "necrosis", "outline"]
Box = tuple[int, int, int, int]

LEAST_ULCER_PX = 60
"""Of FUSeg's photographs: in a smaller ulcer there is too little to see."""

LONGEST_PX = 512
"""Long side of a piece of a photograph: more than twice what the network is shown, and no more,
since all pieces are kept in memory."""


@dataclass(frozen=True, eq=False)
class Piece:
    """A picture to learn from.

    Attributes:
        id: of the crop, or of the photograph and the ulcer's number in it.
        kind: what is known of it; a piece with labels and derived necrosis is a ``label``.
        pixels: sRGB uint8 (H, W, 3).
        allowed: what each pixel may be, uint8 (H, W) (``tissue.allowed``).
    """

    id: str
    kind: Kind
    pixels: ByteImage
    allowed: NDArray[np.uint8]


@dataclass(frozen=True)
class Sources:
    """The data sets, and which of their knowledge is used.

    Attributes:
        crops: with labels.
        photographs: with outlines, from which the crops were cut.
        outlines: windows over ulcers that have an outline alone.
        necrosis: derived necrosis.
    """

    crops: TissueSet
    photographs: DataSet
    outlines: bool
    necrosis: bool


def labelled(crops: Iterable[Sample], sources: Sources) -> list[Piece]:
    """The labelled crops with the ulcer's outline laid over them.

    Raises:
        DataSetError: a crop is not found in the photograph that it is named after.
    """
    photographs = {sample.id: sample for sample in sources.photographs.samples("train")}
    rows = _derived() if sources.necrosis else {}
    pieces = []
    for crop in crops:
        photograph = photographs.get(photograph_of(crop.id))
        if photograph is None:
            raise DataSetError(crop.image_path, "has no photograph in FUSeg", "Leave it out")
        pieces.append(_labelled(crop, photograph, sources, rows.get(photograph.id, [])))
    return pieces


def photographed(samples: Iterable[Sample], data: TissueSet) -> list[Piece]:
    """Windows over the labelled bed of photographs that are labelled all over."""
    pieces = []
    for sample in samples:
        pixels, label = data.read(sample)
        if label is not None:
            window = over_bed(label)
            may = allowed.of_photograph(label[window])
            pieces.append(_reduced(Piece(sample.id, "label", pixels[window], may)))
    return pieces


def _reduced(piece: Piece) -> Piece:
    """A piece with a long side of ``LONGEST_PX`` at most."""
    height, width = piece.allowed.shape
    ratio = LONGEST_PX / max(height, width)
    if ratio >= 1:
        return piece
    size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
    pixels = cv2.resize(piece.pixels, size, interpolation=cv2.INTER_AREA)
    may = cv2.resize(piece.allowed, size, interpolation=cv2.INTER_NEAREST)
    return replace(piece, pixels=np.asarray(pixels, np.uint8), allowed=np.asarray(may, np.uint8))


def unjudged(crops: Iterable[Sample], sources: Sources) -> list[Sample]:
    """The crops of no photograph that was judged by eye, nor of a copy of one."""
    kept_back = _judged_groups(sources)
    return [crop for crop in crops if crop.group not in kept_back]


def outlined(hold_out: Iterable[int], sources: Sources) -> list[Piece]:
    """Windows over the ulcers of photographs outside the folds ``hold_out``.

    None is of a photograph that was judged by eye, or of a copy of one; nor, where folds are held
    out, of one that no fold table names. Without ``sources.outlines`` only those with derived
    necrosis are given.
    """
    apart = set(hold_out)
    samples = [s for s in sources.photographs.samples("train") if s.label_path]
    kept_back = _judged_groups(sources)
    rows = _derived() if sources.necrosis else {}
    pieces: list[Piece] = []
    for sample in samples:
        unknown = sample.fold is None and len(apart) > 0
        if unknown or sample.fold in apart or sample.group in kept_back:
            continue
        if sources.outlines or sample.id in rows:
            pieces += _windows(sample, sources, rows.get(sample.id, []))
    return pieces


def _judged_groups(sources: Sources) -> set[str]:
    """Groups of the photographs that were judged by eye."""
    eyed = {crop.image for crop in judged.read_judged(resources.path(judged.SHIPPED))}
    return {s.group for s in sources.photographs.samples("train") if s.id in eyed}


def place_of(crop: Sample, photograph: Sample) -> Box:
    """Where a crop lies in the photograph that it was cut from: x, y, width and height [px].

    Raises:
        DataSetError: it does not lie there.
    """
    pairs = copies.find_crops([crop], [photograph])
    if not pairs:
        raise DataSetError(crop.image_path, f"does not lie in {photograph.id}", "Leave it out")
    return pairs[0].x_px, pairs[0].y_px, pairs[0].width_px, pairs[0].height_px


def _labelled(crop: Sample, photograph: Sample, sources: Sources, rows: list[DerivedRow]) -> Piece:
    pixels, label = sources.crops.read(crop)
    photo, mask = sources.photographs.read(photograph)
    box = place_of(crop, photograph)
    if label is None or mask is None:
        raise DataSetError(crop.image_path, "has no label, or its photograph none", "Leave it out")
    may = allowed.of_labels(label, cut(mask, box, pixels))
    dark = cut(_necrosis(photo, mask, rows, {crop.id: label}), box, pixels)
    may[dark & (may == allowed.ANY)] = allowed.bits(NECROSIS)
    return Piece(crop.id, "label", pixels, may)


def _windows(sample: Sample, sources: Sources, rows: list[DerivedRow]) -> list[Piece]:
    photo, mask = sources.photographs.read(sample)
    if mask is None:
        return []
    may = allowed.of_outline(mask)
    # A row made from a crop belongs to that crop, which is a piece by itself.
    dark = _necrosis(photo, mask, [row for row in rows if row.how == "colour"], {})
    may[dark] = allowed.bits(NECROSIS)
    pieces = []
    for number, part in enumerate(masks.components(mask, LEAST_ULCER_PX), start=1):
        window = window_over(part.bbox_px, mask.shape)
        kind: Kind = "necrosis" if dark[window].any() else "outline"
        if kind == "necrosis" or sources.outlines:
            pieces.append(Piece(f"{sample.id}-{number}", kind, photo[window], may[window]))
    return pieces


def _necrosis(
    photo: ByteImage, mask: BoolMap, rows: list[DerivedRow], labels: Mapping[str, ByteImage]
) -> BoolMap:
    """Derived necrosis in a photograph; rows of crops that are not at hand are passed over."""
    found = np.zeros(mask.shape, np.bool_)
    for row in rows:
        label = labels.get(row.place.crop) if row.place else None
        if row.place is None or label is not None:
            found |= derive.derived_necrosis(photo, mask, row, label)
    return found


def cut(mask: BoolMap, box: Box, like: ByteImage) -> BoolMap:
    """What lies in a box of a photograph's mask, bool, at the size of the crop cut from there."""
    x, y, width, height = box
    piece = mask[y : y + height, x : x + width].astype(np.uint8)
    size = (like.shape[1], like.shape[0])
    return np.asarray(cv2.resize(piece, size, interpolation=cv2.INTER_NEAREST) > 0)


def _derived() -> dict[str, list[DerivedRow]]:
    found: dict[str, list[DerivedRow]] = {}
    for row in derive.read_derived(resources.path(derive.SHIPPED)):
        found.setdefault(row.image, []).append(row)
    return found

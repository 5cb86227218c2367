"""Masks and label maps: components, holes, resizing, reading and writing."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from woundseg.classes import MASK_THRESHOLD, ULCER_MASK_VALUE
from woundseg.errors import OutputError, UnreadablePhotoError
from woundseg.files import write_bytes
from woundseg.records import ModelFacts

FloatMap = NDArray[np.float32]
ByteMap = NDArray[np.uint8]
BoolMap = NDArray[np.bool_]
Boxes = NDArray[np.int32]
Box = tuple[int, int, int, int]
"""x, y, width, height [px]."""


@dataclass(frozen=True)
class Segmentation:
    """What the network says about one photograph, at the photograph's own size.

    Attributes:
        probability: ulcer probability, float32 (H, W), 0 to 1.
        tissue: tissue class of each pixel, uint8 (H, W), ids of ``classes.TISSUES`` inside the
            ulcer and 0 outside and on callus; None where no tissue was read.
        model: the weights and what they ran on.
        looked_px_per_px: pixels the network saw for each pixel of the photograph where it looked
            closest (1 at full size, below 1 when the photograph was reduced).
        border_sd_px: standard deviation of the outline's place, in pixels of the network's look,
            as calibrated out of fold (the model card says how).
        min_ulcer_px: smallest ulcer that counts without a scale, in pixels of the network's look.
        tissue_sure: how sure the network is of each pixel's tissue, uint8 (H, W), 255 is wholly.
        fraction_sd: standard deviation of a tissue's fraction on the logit scale, as calibrated
            out of fold.
        content_px: where the picture is within black padding (``content_box``); None is the whole.
    """

    probability: FloatMap
    tissue: ByteMap | None
    model: ModelFacts
    looked_px_per_px: float
    border_sd_px: float
    min_ulcer_px: int
    tissue_sure: ByteMap | None = None
    fraction_sd: float = 0.0
    content_px: Box | None = None


@dataclass(frozen=True, eq=False)
class Component:
    """One connected part of a mask, cut out at its box so that large photographs stay cheap.

    Attributes:
        mask: bool (h, w), true where the part is; other parts inside the box are false.
        bbox_px: x, y, width, height of the box in the whole mask [px].
        area_px: pixels of the part; its holes do not count.
    """

    mask: BoolMap
    bbox_px: tuple[int, int, int, int]
    area_px: int

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the box, to cut the same place out of another map."""
        x, y, width, height = self.bbox_px
        return slice(y, y + height), slice(x, x + width)

    def in_full(self, shape: tuple[int, int]) -> BoolMap:
        """The part alone in a mask of ``shape`` (rows, columns)."""
        full = np.zeros(shape, bool)
        full[self.window] = self.mask
        return full

    def touches_frame(self, shape: tuple[int, int]) -> bool:
        """Whether the part reaches the edge of a mask of ``shape``, so that more may lie beyond."""
        x, y, width, height = self.bbox_px
        return x == 0 or y == 0 or x + width == shape[1] or y + height == shape[0]


PADDING: Final = 12
"""Frames padded to a square (FUSeg) are black there, a little less so after JPEG."""
_PADDED_SHARE: Final = 0.98


def content_box(pixels: ByteMap) -> Box:
    """The picture within black padding of a photograph, uint8 RGB (H, W, 3).

    A row or column is padding where 98% of it is black, and only up to the first that is not.
    """
    height, width = pixels.shape[:2]
    top, left = _padded_lines(pixels), _padded_lines(pixels.swapaxes(0, 1))
    if top == height or left == width:
        return 0, 0, width, height
    bottom = _padded_lines(pixels[::-1])
    right = _padded_lines(pixels[:, ::-1].swapaxes(0, 1))
    return left, top, width - left - right, height - top - bottom


def _padded_lines(pixels: ByteMap) -> int:
    """How many of the first rows are black; most photographs have none, and one row is read."""
    for count, row in enumerate(pixels):
        if np.mean(row.max(axis=-1) <= PADDING) < _PADDED_SHARE:
            return count
    return len(pixels)


def components(
    mask: BoolMap, min_area_px: int = 1, connectivity: Literal[4, 8] = 8
) -> tuple[Component, ...]:
    """The connected parts of ``mask``, bool (H, W), from the largest to the smallest.

    Parts of equal area keep the order of their boxes from top to bottom, then left to right.

    Args:
        mask: true where something is.
        min_area_px: smaller parts are left out.
        connectivity: 8 joins pixels that touch at a corner, 4 only those that share a side.
    """
    window, (left, top) = _occupied(mask)
    labels, boxes = _label(mask[window], connectivity)
    kept = [n for n in range(1, len(boxes)) if boxes[n, cv2.CC_STAT_AREA] >= min_area_px]
    kept.sort(key=lambda n: (-boxes[n, 4], boxes[n, 1], boxes[n, 0]))
    found = []
    for number in kept:
        x, y, width, height, area = (int(value) for value in boxes[number])
        part = labels[y : y + height, x : x + width] == number
        found.append(Component(part, (left + x, top + y, width, height), area))
    return tuple(found)


def remove_specks(mask: BoolMap, min_area_px: int) -> BoolMap:
    """``mask``, bool (H, W), without its parts (joined at corners too) below ``min_area_px``."""
    window, _ = _occupied(mask)
    result = np.zeros_like(mask)
    labels, boxes = _label(mask[window], 8)
    large = boxes[:, cv2.CC_STAT_AREA] >= min_area_px
    large[0] = False
    result[window] = large[labels]
    return result


def fill_pinholes(mask: BoolMap, max_area_px: int) -> BoolMap:
    """``mask``, bool (H, W), with its holes of at most ``max_area_px`` filled.

    A hole is background that is shut in by the mask and does not reach the frame; background is
    joined by sides only, as the mask is joined at corners. Larger holes are islands of skin and
    stay.
    """
    window, _ = _occupied(mask)
    result = mask.copy()
    # Around the box of the mask lies background or the frame: what is joined to it is no hole.
    outside = np.pad(~mask[window], 1, constant_values=True)
    labels, boxes = _label(outside, 4)
    small = boxes[:, cv2.CC_STAT_AREA] <= max_area_px
    small[[0, labels[0, 0]]] = False
    result[window] |= small[labels[1:-1, 1:-1]]
    return result


def _occupied(mask: BoolMap) -> tuple[tuple[slice, slice], tuple[int, int]]:
    """Rows and columns of the box around all that is true, and its corner (x, y).

    Of an empty mask its first pixel: on maps without pixels OpenCV crashes.
    """
    x, y, width, height = cv2.boundingRect(np.ascontiguousarray(mask).view(np.uint8))
    return (slice(y, y + max(height, 1)), slice(x, x + max(width, 1))), (int(x), int(y))


def _label(mask: BoolMap, connectivity: Literal[4, 8]) -> tuple[NDArray[np.int32], Boxes]:
    """Labels from 1 (0 is what is false), and a row of x, y, width, height, area a label."""
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(
        np.ascontiguousarray(mask).view(np.uint8), connectivity=connectivity
    )
    return np.asarray(labels, np.int32), np.asarray(boxes, np.int32)


def resize_probability(probability: FloatMap, height: int, width: int) -> FloatMap:
    """``probability``, float32 (h, w), at another size: float32 (height, width), 0 to 1.

    Pixels are areas: the corners of both pictures fall together, not the corner pixels' centres.
    Enlarged bilinearly, reduced by the mean over what each pixel covers.
    """
    rows, columns = probability.shape
    if (rows, columns) == (height, width):
        return probability.copy()
    reduced = height <= rows and width <= columns
    how = cv2.INTER_AREA if reduced else cv2.INTER_LINEAR
    resized = cv2.resize(probability, (width, height), interpolation=how)
    return np.clip(resized, 0.0, 1.0, out=resized).astype(np.float32, copy=False)


def read_mask(path: Path) -> BoolMap:
    """The ulcer mask at ``path``: bool (H, W), true above ``classes.MASK_THRESHOLD``.

    Of a coloured picture the brightest channel counts, whatever colour the ulcer was painted in.

    Raises:
        UnreadablePhotoError: missing, undecodable, or made of 0 and 1, which would read as empty.
    """
    values = _read_values(path, of_palette=False)
    if values.ndim == 3:
        values = values.max(axis=2)
    if values.size and values.max() == 1:
        told = "holds 0 and 1, and a mask is 0 and 255"
        raise UnreadablePhotoError(path, told, "Multiply its values by 255")
    return np.asarray(values > MASK_THRESHOLD)


def read_labels(path: Path) -> ByteMap:
    """The label map at ``path``: uint8 (H, W), class ids as stored.

    Raises:
        UnreadablePhotoError: missing, undecodable, or in colour.
    """
    values = _read_values(path, of_palette=True)
    if values.ndim == 3 and (values != values[:, :, :1]).any():
        raise UnreadablePhotoError(path, "is in colour", "Save class ids in one channel of 8 bits")
    return np.ascontiguousarray(values if values.ndim == 2 else values[:, :, 0])


def _read_values(path: Path, of_palette: bool) -> ByteMap:
    """Values as stored, uint8 (H, W) or (H, W, 3); of a palette its indices, if asked for."""
    try:
        data = path.read_bytes()
        with warnings.catch_warnings(), Image.open(io.BytesIO(data)) as image:
            warnings.simplefilter("ignore")  # Pillow's, on odd metadata
            image.load()
            if image.mode == "L" or (image.mode == "P" and of_palette):
                return np.array(image)
            if image.mode in {"1", "LA"}:
                return np.array(image.convert("L"))
            if image.mode in {"P", "RGB", "RGBA"}:
                return np.array(image.convert("RGB"))
            cause = f"has pixels of an unusual kind ({image.mode})"
    except FileNotFoundError as error:
        raise UnreadablePhotoError(path, "there is no such file", "Check the path") from error
    except Exception as error:  # on hostile bytes decoders raise whatever they please
        told = "cannot be decoded as a mask"
        raise UnreadablePhotoError(path, told, "Obtain the file again") from error
    raise UnreadablePhotoError(path, cause, "Save it as a PNG of 8 bits")


def write_mask(path: Path, mask: BoolMap) -> None:
    """Write ``mask``, bool (H, W), as an 8-bit PNG of 0 and 255, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    write_bytes(path, mask_png(mask))


def mask_png(mask: BoolMap) -> bytes:
    """``mask``, bool (H, W), as an 8-bit PNG of 0 and 255."""
    return _png(mask.astype(np.uint8) * np.uint8(ULCER_MASK_VALUE))


def write_labels(path: Path, labels: ByteMap) -> None:
    """Write ``labels``, uint8 (H, W), as an 8-bit PNG of the ids, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    write_bytes(path, _png(labels))


def _png(values: ByteMap) -> bytes:
    is_encoded, data = cv2.imencode(".png", values)
    if not is_encoded:
        told = f"of shape {values.shape} cannot be written as PNG"
        raise OutputError("a mask", told, "Report this internal error")
    return data.tobytes()

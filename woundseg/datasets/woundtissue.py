"""WoundTissue: six tissues of chronic wounds, as coloured pictures."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from woundseg.classes import (
    GRANULATION,
    NECROSIS,
    SLOUGH,
    UNLABELLED,
    WOUNDTISSUE_CLASSES,
    WOUNDTISSUE_COLOURS,
)
from woundseg.datasets.pictures import ByteImage
from woundseg.datasets.tissue import LabelMap, TissueSet
from woundseg.errors import TableError

FLAT_SPLIT = "train"
MAX_DISTANCE = 60
"""A pixel has the nearest colour of the table when that is no further off than this, as the
straight line between two sRGB colours of 0 to 255. Half-way between red and blue is 180 from
both. Cream and white alone lie closer together (47): between those two, the nearer."""

MAX_FAR_SHARE = 0.05
"""Edges that are soft, or blurred by a JPEG, are further off than that. Measured on drawn labels of
seven colours, 224 px a side: 1.9% with soft edges, 3.8% as a JPEG of quality 60. A label in other
colours than the table's has more."""

Colour = tuple[int, int, int]
_COLUMNS = ("class", "red", "green", "blue")


class WoundTissue(TissueSet):
    """Chronic wounds of many kinds, in a flat folder, which is the split ``train``.

    ::

        image/img (1).png
        label/img (1).png     red granulation, yellow slough, white maceration, black necrosis,
                              sky blue tendon, cream bone, blue background
        palette.csv           class,red,green,blue: only if the colours are others than ours
        folds.csv             image,group,fold: when you make one

    Maceration is skin and counts as background; tendon and bone are ``other``. The colours are
    published as words. A pixel takes the nearest colour within ``MAX_DISTANCE``. One that is
    further off than that, or that lies on a line too thin for a block of 3×3, is the softened
    edge between two colours: ``UNLABELLED``. Where more than ``MAX_FAR_SHARE`` of a label is
    further off, the label is an offender, and the commonest such colour is named.

    Args:
        root: the folder with ``image`` and ``label``.
        folds: see ``LabelledSet``.

    Raises:
        TableError: ``palette.csv`` cannot be understood.
    """

    name: ClassVar[str] = "woundtissue"
    title: ClassVar[str] = "WoundTissue (wound image dataset for tissue segmentation)"
    source: ClassVar[str] = "https://github.com/akabircs/WoundTissue"
    doi: ClassVar[str] = "10.48550/arXiv.2502.10652"
    citation: ClassVar[str] = (
        "Kabir MA, Roy N, Hossain ME, Featherston J, Ahmed S. Deep Learning for Wound Tissue "
        "Segmentation: A Comprehensive Evaluation using A Novel Dataset. arXiv 2025, 2502.10652."
    )
    licence: ClassVar[str] = "CC BY-NC-SA 4.0, for research that is not commercial"
    terms_known: ClassVar[bool] = True
    obtain: ClassVar[str] = "Clone github.com/akabircs/WoundTissue and give its folder"
    counts: ClassVar[Mapping[str, int]] = MappingProxyType({FLAT_SPLIT: 147})
    classes: Mapping[str, int] = MappingProxyType(WOUNDTISSUE_CLASSES)
    tissues: ClassVar[tuple[int, ...]] = (GRANULATION, SLOUGH, NECROSIS)
    unlabelled_counts: ClassVar[bool] = False
    cut_from: ClassVar[str | None] = None

    def __init__(self, root: str | Path, *, folds: str | Path | None = None) -> None:
        super().__init__(root, folds=folds)
        own = self.root / "palette.csv"
        self.palette: Mapping[str, Colour] = (
            read_palette(own) if own.is_file() else MappingProxyType(WOUNDTISSUE_COLOURS)
        )

    def splits(self) -> tuple[str, ...]:
        """``train``, when the folder ``image`` is there."""
        return (FLAT_SPLIT,) if (self.root / "image").is_dir() else ()

    def _folders(self, split: str) -> tuple[Path, Path | None]:
        if split == FLAT_SPLIT:
            return self.root / "image", self.root / "label"
        return super()._folders(split)

    def label_fault(self, values: NDArray[Any]) -> str | None:
        """See ``LabelledSet``."""
        if values.dtype != np.uint8:
            return f"holds {values.dtype} values where 8-bit is expected"
        if values.ndim != 3:
            return "has no colours"
        rgb = _rgb(values)
        _, distance = nearest(rgb, list(self.palette.values()))
        far = distance > MAX_DISTANCE
        if far.mean() <= MAX_FAR_SHARE:
            return None
        colours, times = np.unique(rgb[far], axis=0, return_counts=True)
        commonest = tuple(int(channel) for channel in colours[times.argmax()])
        return (
            f"{far.mean():.1%} of its pixels are further than {MAX_DISTANCE} from each colour of "
            f"the table, most often {commonest}; if that is one of its colours, put it into "
            "palette.csv"
        )

    def tissue_of(self, values: NDArray[Any]) -> LabelMap:
        """See ``TissueSet``."""
        place, distance = nearest(_rgb(values), list(self.palette.values()))
        ids = np.array([self.classes[name] for name in self.palette], np.uint8)
        tissue: LabelMap = ids[place]
        tissue[(distance > MAX_DISTANCE) | _soft_edge(place, distance)] = UNLABELLED
        return tissue


def nearest(rgb: ByteImage, colours: list[Colour]) -> tuple[LabelMap, NDArray[np.float32]]:
    """The nearest of some colours to each pixel.

    Args:
        rgb: uint8 (H, W, 3).
        colours: at least one, RGB.

    Returns:
        Its place in ``colours``, uint8 (H, W), the earlier of two as near; and how far off it is,
        float32 (H, W), Euclidean.
    """
    pixels = rgb.astype(np.int32)
    squares = np.stack([((pixels - np.array(c, np.int32)) ** 2).sum(axis=2) for c in colours])
    place = squares.argmin(axis=0)
    distance = np.sqrt(np.take_along_axis(squares, place[None], axis=0)[0])
    return place.astype(np.uint8), distance.astype(np.float32)


def read_palette(path: Path) -> dict[str, Colour]:
    """The colours of the classes, ``class,red,green,blue``.

    Raises:
        TableError: it cannot be read, or does not give each class one colour of its own.
    """
    remedy = f"Give {','.join(_COLUMNS)} with a row for each of {', '.join(WOUNDTISSUE_CLASSES)}"
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TableError(path, f"cannot be read ({error})", remedy) from error
    palette: dict[str, Colour] = {}
    for number, row in enumerate(rows, start=2):
        name, *channels = ((row.get(column) or "").strip() for column in _COLUMNS)
        where = f"{path}, row {number}"
        if name not in WOUNDTISSUE_CLASSES or name in palette:
            cause = "stands there twice" if name in palette else "is no class"
            raise TableError(where, f"column class: {name!r} {cause}", remedy)
        palette[name] = _colour(channels, where)
    missing = [name for name in WOUNDTISSUE_CLASSES if name not in palette]
    if missing:
        raise TableError(path, f"has no colour for {', '.join(missing)}", remedy)
    if len(set(palette.values())) < len(palette):
        raise TableError(path, "gives two classes one colour", remedy)
    return palette


def _colour(channels: list[str], where: str) -> Colour:
    for name, text in zip(_COLUMNS[1:], channels, strict=True):
        if not (text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= 255):
            raise TableError(where, f"column {name}: {text!r} is not 0 to 255", "Correct it")
    red, green, blue = map(int, channels)
    return red, green, blue


def _rgb(values: NDArray[Any]) -> ByteImage:
    """RGB of what OpenCV gives in the order blue, green, red[, alpha]."""
    return np.ascontiguousarray(values[..., 2::-1])


def _soft_edge(place: LabelMap, distance: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Pixels off their colour that no 3×3 block of one colour holds.

    The edge between yellow and white runs through cream: it would come out as a line of bone.
    """
    block = np.ones((3, 3), np.uint8)
    held = np.zeros(place.shape, bool)
    for index in np.unique(place):
        here = (place == index).astype(np.uint8)
        opened = cv2.morphologyEx(here, cv2.MORPH_OPEN, block, borderType=cv2.BORDER_REPLICATE)
        held |= opened.astype(bool)
    return (distance > 0) & ~held

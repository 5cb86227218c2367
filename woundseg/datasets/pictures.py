"""Picture files of a data set: found by stem, decoded by OpenCV, looked at whole by Pillow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp"})

ByteImage = NDArray[np.uint8]


def by_stem(folder: Path) -> tuple[dict[str, Path], tuple[str, ...], tuple[str, ...]]:
    """Files by stem, what is there twice, and what is no photograph."""
    found: dict[str, Path] = {}
    doubles: list[str] = []
    ignored: list[str] = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or not path.is_file():
            continue
        if path.suffix.lower() not in IMAGE_SUFFIXES:
            ignored.append(f"left out: {path}, not one of {', '.join(sorted(IMAGE_SUFFIXES))}")
        elif path.stem in found:
            doubles.append(f"{path}: {found[path.stem].name} has the same stem")
        else:
            found[path.stem] = path
    return found, tuple(doubles), tuple(ignored)


def decode(path: Path, flags: int) -> NDArray[Any] | None:
    """The pixels as OpenCV gives them (colours in the order blue, green, red); None: it cannot."""
    try:
        data = np.fromfile(path, np.uint8)
    except OSError:
        return None
    if data.size == 0:
        return None
    try:
        pixels: NDArray[Any] | None = cv2.imdecode(data, flags)
    except cv2.error:
        return None
    return pixels


def read_rgb(path: Path) -> ByteImage | None:
    """A photograph, uint8 RGB (H, W, 3), turned upright; None where it cannot be decoded."""
    pixels = decode(path, cv2.IMREAD_COLOR)
    if pixels is None:
        return None
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)


def not_whole(path: Path) -> str | None:
    """Why a file is not whole; OpenCV fills a cut-off JPEG with grey and says nothing."""
    from PIL import Image

    try:
        with Image.open(path) as picture:
            picture.load()
    except (OSError, SyntaxError, ValueError) as error:
        return f"cannot be decoded whole ({' '.join(str(error).split())[:80]})"
    return None


def size_fault(image: NDArray[np.generic], label: NDArray[np.generic]) -> str:
    """That a label is not of its photograph's size, in words; both are (H, W[, channels])."""
    height, width = label.shape[:2]
    return f"is {width}×{height} but its photograph {image.shape[1]}×{image.shape[0]}"

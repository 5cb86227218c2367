"""A photograph taken in another light, put right by a card's greys: what that takes away."""

from __future__ import annotations

from typing import Any

import albumentations as A
import cv2
import numpy as np
from numpy.typing import NDArray

from woundseg import colour
from woundseg.colour import Balanced
from woundseg.simulate import light

ByteImage = NDArray[np.uint8]


class Relit(A.ImageOnlyTransform):  # type: ignore[misc]  # albumentations is not typed
    """Another light, the camera's file, and the greys' gains, which are right.

    Colours come back as they were, but for what the file has lost: what was burnt, and in a dark
    channel the steps of 8 bits and JPEG's blocks, which the gain makes visible.

    Args:
        kelvin: range of the light's colour temperature, drawn evenly in its inverse.
        stops: range of the exposure.
        quality: range of JPEG's.
        shrunk: range of the photograph's size over the look's, for JPEG's blocks.
        p: probability.
    """

    def __init__(
        self,
        kelvin: tuple[float, float] = (2800.0, 8000.0),
        stops: tuple[float, float] = (-1.2, 1.2),
        quality: tuple[int, int] = (70, 95),
        shrunk: tuple[float, float] = (0.4, 1.0),
        p: float = 0.5,
    ) -> None:
        super().__init__(p=p)
        self.kelvin, self.stops, self.quality, self.shrunk = kelvin, stops, quality, shrunk

    def get_params(self) -> dict[str, Any]:
        """What is drawn for a picture: ``seen``, of ``relit``."""
        low, high = self.kelvin
        kelvin = 1 / self.py_random.uniform(1 / high, 1 / low)
        return {
            "factors": light.factors(kelvin, self.py_random.uniform(*self.stops)),
            "quality": self.py_random.randint(*self.quality),
            "shrunk": self.py_random.uniform(*self.shrunk),
        }

    def apply(self, img: ByteImage, **params: Any) -> ByteImage:
        """The picture, uint8 (H, W, 3)."""
        return relit(img, params["factors"], params["quality"], params["shrunk"])


def relit(
    pixels: ByteImage, factors: NDArray[np.float64], quality: int, shrunk: float
) -> ByteImage:
    """A picture through another light and a JPEG file, balanced again, sRGB uint8 (H, W, 3).

    Args:
        pixels: sRGB uint8 (H, W, 3).
        factors: of the light, on linear red, green and blue (3,).
        quality: of the JPEG file.
        shrunk: the file's size over the picture's, at most 1.
    """
    height, width = pixels.shape[:2]
    size = (max(1, round(width * shrunk)), max(1, round(height * shrunk)))
    small = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    lit = colour.to_srgb(colour.to_linear(small) * factors.astype(np.float32)) * 255 + 0.5
    _, file = cv2.imencode(
        ".jpg",
        cv2.cvtColor(lit.astype(np.uint8), cv2.COLOR_RGB2BGR),
        [cv2.IMWRITE_JPEG_QUALITY, quality],
    )
    read = np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR), np.uint8)
    read = np.ascontiguousarray(read[..., ::-1])
    whole = cv2.resize(read, (width, height), interpolation=cv2.INTER_LINEAR)
    red, green, blue = (float(1 / factor) for factor in factors)
    matrix = ((red, 0.0, 0.0), (0.0, green, 0.0), (0.0, 0.0, blue))
    return Balanced("card", matrix).apply(np.asarray(whole, np.uint8))

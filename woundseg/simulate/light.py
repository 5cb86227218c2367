"""Light of another colour and strength: factors on linear sRGB."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

DAYLIGHT_K = 6500.0
"""Colour temperature that factors are told against."""

# IEC 61966-2-1: linear sRGB of XYZ, and the luminance of linear sRGB.
_TO_RGB = np.array(
    [[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]]
)
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


def black_body(kelvin: float) -> Values:
    """Linear sRGB (3,) of a black body's light of luminance 1, from 2,222 K on.

    x and y by Kim et al. (US patent 7024034, 2002), a cubic fit to Planck's law under the CIE
    1931 observer.
    """
    t = 1000.0 / kelvin
    if kelvin < 4000:
        x = -0.2661239 * t**3 - 0.2343589 * t**2 + 0.8776956 * t + 0.179910
        y = -0.9549476 * x**3 - 1.37418593 * x**2 + 2.09137015 * x - 0.16748867
    else:
        x = -3.0258469 * t**3 + 2.1070379 * t**2 + 0.2226347 * t + 0.240390
        y = 3.0817580 * x**3 - 5.87338670 * x**2 + 3.75112997 * x - 0.37001483
    return np.asarray(_TO_RGB @ [x / y, 1.0, (1 - x - y) / y], np.float64)


def factors(kelvin: float, stops: float) -> Values:
    """On linear red, green and blue (3,), against daylight and 0 stops.

    Scaled so that a white surface keeps its luminance at 0 stops: what a meter would do.
    """
    colours = black_body(kelvin) / black_body(DAYLIGHT_K)
    return np.asarray(colours / (_LUMINANCE @ colours) * 2.0**stops)

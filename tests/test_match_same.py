"""A photograph that was saved again is told from another one of the same foot, on drawn skin."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawn_foot import CLOTH, SHAPE, circle, foot, look, turned

from woundseg.match import Look, copies, same

ULCER = circle(200, 180, 30)
FIRST = look(foot(), [ULCER])


def saved(pixels, quality=75):
    """As a JPEG, and read again."""
    _, data = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])


def smaller(pixels, factor):
    return cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)


def rotated(pixels, degrees):
    matrix = cv2.getRotationMatrix2D((SHAPE[1] / 2, SHAPE[0] / 2), degrees, 1.0)
    return cv2.warpAffine(pixels, matrix, SHAPE[::-1], flags=cv2.INTER_CUBIC)


def brighter(pixels, factor):
    return np.clip(pixels * factor, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    "again",
    [
        lambda pixels: pixels,
        lambda pixels: saved(pixels, 40),
        lambda pixels: saved(pixels, 95),
        lambda pixels: saved(smaller(pixels, 0.5)),
        lambda pixels: saved(smaller(pixels, 0.75)),
        lambda pixels: saved(pixels[60:340, 70:406]),  # 70% of each side
        lambda pixels: saved(smaller(pixels[40:, 48:], 0.7)),
        lambda pixels: saved(np.rot90(pixels, 1)),
        lambda pixels: saved(np.rot90(pixels, 2)),
        lambda pixels: saved(np.rot90(pixels, 3)),
        lambda pixels: saved(rotated(pixels, 5)),
        lambda pixels: saved(rotated(pixels, -3)),
        lambda pixels: saved(brighter(pixels, 0.7)),
        lambda pixels: saved(brighter(pixels, 1.25)),
    ],
)
def test_a_photograph_that_was_saved_again_is_the_same(again):
    copy = Look(np.ascontiguousarray(again(FIRST.pixels)))
    assert same(FIRST, copy)
    assert same(copy, FIRST)


@pytest.mark.parametrize("ulcers", [[], [circle(200, 180, 24)], [circle(200, 180, 36)]])
def test_an_ulcer_that_healed_shrank_or_grew_makes_another_photograph(ulcers):
    """All else is equal to the last bit, as on no two real photographs."""
    other = look(foot(), ulcers)
    assert not same(FIRST, other)
    assert not same(other, FIRST)


def test_an_ulcer_that_healed_in_a_glare_makes_another_photograph():
    """White pixels are not compared, but an ulcer's place always is."""
    white = circle(200, 180, 45)
    first, other = (look(glaring(foot(), white), ulcers) for ulcers in ([ULCER], []))
    assert not same(first, other)


def glaring(picture, place):
    inside = np.zeros(SHAPE, np.uint8)
    cv2.fillPoly(inside, [place.astype(np.int32)], 1)
    return np.where(inside[..., None] > 0, 255, picture).astype(np.uint8)


def test_the_same_skin_seen_from_elsewhere_is_another_photograph():
    tilted = turned(1.02, 4, (5, -3))
    tilted[2, :2] = 1.5e-4, -1e-4
    light = np.linspace(0.85, 1.1, SHAPE[1])[None, :, None]
    other = look(foot(), [circle(201, 181, 27)], tilted)
    other = Look(np.clip(other.pixels * light, 0, 255).astype(np.uint8), other.outlines)
    assert not same(FIRST, other)


def test_another_foot_is_another_photograph():
    assert not same(FIRST, look(foot(2), [ULCER]))


def test_a_picture_without_skin_is_no_copy_of_anything():
    plain = Look(np.full((*SHAPE, 3), CLOTH, np.uint8))
    assert not same(plain, plain)


def test_each_copy_points_to_the_first_of_another_visit():
    again = Look(saved(FIRST.pixels), FIRST.outlines)
    other = look(foot(2), [ULCER])
    looks, visits = [FIRST, again, other, again, again], ["V1", "V1", "V2", "V2", "V3"]
    assert copies(looks, visits) == [None, None, None, 0, 0]

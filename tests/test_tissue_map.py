"""The bed's tissues by an engine of known answers: places, sides, what is left out, the file."""

from __future__ import annotations

import shutil

import cv2
import drawn_tissue
import numpy as np
import pytest
from drawn_tissue import BLACK, HARD, RED, SKIN, YELLOW, ByColour
from hypothesis import example, given, settings
from hypothesis import strategies as st

from woundseg import resources, tissue_map
from woundseg.classes import (
    BACKGROUND,
    CALLUS,
    GRANULATION,
    NECROSIS,
    OTHER,
    SLOUGH,
    TISSUE_CHANNELS,
)
from woundseg.colour import Balanced
from woundseg.errors import ConfigurationError
from woundseg.tissue_map import DRAWN_PX, LOOK_PX, STRIDE, TissueReader

PLAIN = Balanced("none")


class Fixed:
    """An engine that gives one answer to every pixel, and counts its looks."""

    device, precision = "cpu", "fp32"
    facts = ByColour().facts

    def __init__(self, **shares: float) -> None:
        names = ("background", "granulation", "slough", "necrosis", "callus")
        self._shares = np.array([shares.get(name, 0.0) for name in names], np.float32)
        self.looks = 0

    def __call__(self, photos: np.ndarray) -> np.ndarray:
        self.looks += len(photos)
        answer = self._shares[None, :, None, None]
        return np.broadcast_to(answer, (len(photos), 5, *photos.shape[1:3])).copy()


def read(engine, pixels, ulcer, balanced=PLAIN):
    return TissueReader(engine, "hash")(pixels, ulcer, balanced)


def scene(turned: bool = False):
    """150 rows and 260 columns of skin with a bed of four parts near the upper left; its ulcer.

    No two of its sides look alike. Turned, rows and columns change places.
    """
    tissue = np.full((150, 260), BACKGROUND, np.uint8)
    tissue[20:120, 30:130] = drawn_tissue.quarters(100, (50, 50), 40)
    tissue = np.ascontiguousarray(tissue.T) if turned else tissue
    ulcer = np.isin(tissue, (GRANULATION, SLOUGH, NECROSIS))
    return drawn_tissue.painted(tissue), ulcer, tissue


def away_from_edges(tissue, px=3):
    """Where a map says the same for so many pixels around."""
    brush = np.ones((2 * px + 1, 2 * px + 1), np.uint8)
    return cv2.dilate(tissue, brush) == cv2.erode(tissue, brush)


def disc(shape, x, y, radius):
    canvas = np.zeros(shape, np.uint8)
    cv2.circle(canvas, (x, y), radius, 1, -1)
    return canvas > 0


# --- the way there and back -------------------------------------------------------------------


@pytest.mark.parametrize("turned", [False, True])
def test_each_tissue_lies_where_it_is_seen(turned):
    """The window is cut at the frame: 160 by 150 px, so one side of the look is padded."""
    pixels, ulcer, tissue = scene(turned)
    engine = ByColour()
    bed = read(engine, pixels, ulcer)
    assert bed.tissue.shape == bed.sure.shape == pixels.shape[:2]
    assert bed.tissue.dtype == bed.sure.dtype == np.uint8
    assert not bed.tissue[~ulcer].any()
    inner = away_from_edges(tissue) & ulcer
    assert inner.sum() > 3000
    assert np.array_equal(bed.tissue[inner], tissue[inner])
    # 0.8 of 0.8 + 0.05 + 0.05 that the bed has.
    assert set(bed.sure[inner]) == {round(255 * 0.8 / 0.9)}


def test_the_second_look_is_the_first_one_mirrored_within_its_padding():
    engine = ByColour()
    read(engine, *scene(turned=True)[:2])
    first, second = engine.shown
    assert first.shape == (LOOK_PX, LOOK_PX, 3)
    width = round(150 * LOOK_PX / 160)
    assert not first[:, width:].any()
    assert not second[:, width:].any()
    assert np.array_equal(second[:, :width], first[:, :width][:, ::-1])
    assert not np.array_equal(second, first)


def test_both_looks_count_the_same():
    """An engine that sees granulation on the left of every look, slough on the right."""

    class Sided(Fixed):
        def __call__(self, photos):
            answer = np.zeros((1, 5, *photos.shape[1:3]), np.float32)
            middle = photos.shape[2] // 2
            answer[:, TISSUE_CHANNELS.index(GRANULATION), :, :middle] = 1
            answer[:, TISSUE_CHANNELS.index(SLOUGH), :, middle:] = 1
            return answer

    found = TissueReader(Sided(), "hash").look(np.zeros((100, 100, 3), np.uint8))
    assert found.shape == (5, 100, 100)
    assert found.dtype == np.float32
    assert found[TISSUE_CHANNELS.index(GRANULATION)] == pytest.approx(0.5)
    assert found[TISSUE_CHANNELS.index(SLOUGH)] == pytest.approx(0.5)


def test_the_network_sees_balanced_colours():
    """Red and green change places: what is photographed as callus is granulation."""
    swapped = Balanced("card", ((0.0, 1.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)))
    pixels = np.full((80, 90, 3), (RED[1], RED[0], RED[2]), np.uint8)
    ulcer = disc((80, 90), 45, 40, 20)
    engine = ByColour()
    assert set(read(engine, pixels, ulcer, swapped).tissue[ulcer]) == {GRANULATION}
    assert np.abs(engine.shown[0][50, 50].astype(int) - RED).max() <= 1


# --- windows ----------------------------------------------------------------------------------


def test_an_ulcer_in_the_window_over_another_is_answered_there():
    """A disc of 61 px has a window of 122 px: the small one beside it lies in that."""
    shape = (300, 400)
    ulcer = disc(shape, 150, 150, 30) | disc(shape, 195, 150, 6)
    engine = Fixed(slough=1.0)
    bed = read(engine, np.zeros((*shape, 3), np.uint8), ulcer)
    assert engine.looks == 2  # one window, looked at twice
    assert np.array_equal(bed.tissue, np.where(ulcer, SLOUGH, 0))


@pytest.mark.parametrize("x", [207, 330])
def test_an_ulcer_that_lies_in_no_window_or_half_in_one_has_its_own(x):
    shape = (300, 400)
    ulcer = disc(shape, 150, 150, 30) | disc(shape, x, 150, 6)
    engine = Fixed(slough=1.0)
    bed = read(engine, np.zeros((*shape, 3), np.uint8), ulcer)
    assert engine.looks == 4
    assert np.array_equal(bed.tissue, np.where(ulcer, SLOUGH, 0))


def test_without_an_ulcer_nothing_is_looked_at():
    engine = Fixed(slough=1.0)
    bed = read(engine, np.zeros((40, 50, 3), np.uint8), np.zeros((40, 50), bool))
    assert engine.looks == 0
    assert not bed.tissue.any()


@settings(deadline=None, max_examples=30)
@given(st.data())
def test_every_pixel_of_an_ulcer_is_answered_and_no_other(data):
    height, width = (data.draw(st.integers(1, 120)) for _ in range(2))
    ulcer = np.zeros((height, width), bool)
    for _ in range(data.draw(st.integers(0, 3))):
        top, left = data.draw(st.integers(0, height)), data.draw(st.integers(0, width))
        ulcer[top : top + data.draw(st.integers(1, 40)), left : left + 20] = True
    bed = read(Fixed(necrosis=1.0), np.zeros((height, width, 3), np.uint8), ulcer)
    assert np.array_equal(bed.tissue, np.where(ulcer, NECROSIS, 0))
    assert np.array_equal(bed.sure, np.where(ulcer, 255, 0))


# --- what is called ---------------------------------------------------------------------------

WHOLE = np.ones((64, 64), bool)


@pytest.mark.parametrize(
    ("shares", "expected", "sure"),
    [
        ({"granulation": 0.6, "slough": 0.2, "necrosis": 0.2}, GRANULATION, 0.6),
        ({"slough": 0.3, "necrosis": 0.1, "background": 0.6}, SLOUGH, 0.75),
        ({"necrosis": 0.5, "callus": 0.5}, NECROSIS, 1.0),  # as likely bed as callus
        ({"callus": 0.6, "slough": 0.4}, BACKGROUND, None),
        ({"callus": 0.4, "granulation": 0.3, "slough": 0.3}, GRANULATION, 0.5),
        ({"background": 0.9, "slough": 0.1}, OTHER, None),
        ({"background": 0.74, "slough": 0.26}, SLOUGH, 1.0),  # CALLABLE is 0.25
        ({"background": 0.76, "slough": 0.24}, OTHER, None),
        ({"background": 0.5, "callus": 0.4, "slough": 0.1}, OTHER, None),
        ({"background": 1.0}, OTHER, None),
    ],
)
def test_bed_callus_and_what_cannot_be_called(shares, expected, sure):
    bed = read(Fixed(**shares), np.zeros((64, 64, 3), np.uint8), WHOLE)
    assert set(bed.tissue.ravel()) == {expected}
    if sure is not None:
        assert bed.sure[30, 30] == pytest.approx(255 * sure, abs=1)


def test_callus_is_left_out_of_an_ulcer_that_is_drawn_too_wide():
    pixels, _, tissue = scene()
    wide = tissue != BACKGROUND
    bed = read(ByColour(), pixels, wide)
    inner = away_from_edges(tissue, 2)
    assert not bed.tissue[inner & (tissue == CALLUS)].any()
    assert (bed.tissue[inner & (tissue == SLOUGH)] == SLOUGH).all()


def test_what_glares_in_the_photograph_is_other():
    """250 in all three channels, as photographed and whatever the white balance makes of it."""
    pixels = np.full((64, 64, 3), 120, np.uint8)
    pixels[10, 10], pixels[10, 11], pixels[10, 12] = 250, 249, (255, 255, 249)
    brighter = Balanced("card", ((9.0, 0.0, 0.0), (0.0, 9.0, 0.0), (0.0, 0.0, 9.0)))
    for balanced in (PLAIN, brighter):
        bed = read(Fixed(granulation=1.0), pixels, WHOLE, balanced)
        glare = np.zeros((64, 64), bool)
        glare[10, 10] = True
        assert np.array_equal(bed.tissue, np.where(glare, OTHER, GRANULATION))


def test_called_takes_the_highest_of_all_channels():
    colours = np.array([[SKIN, RED, YELLOW, BLACK, HARD]], np.uint8)
    found = tissue_map.called(ByColour()(colours[None])[0])
    assert found.tolist() == [[BACKGROUND, GRANULATION, SLOUGH, NECROSIS, CALLUS]]
    assert found.dtype == np.uint8


# --- the look ---------------------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 900), st.integers(1, 900))
@example(900, 1)
@example(1, 900)
def test_a_look_has_one_long_side_and_padding_to_the_stride(height, width):
    seen, (down, across) = tissue_map.as_seen(np.full((height, width, 3), 200, np.uint8))
    assert max(down, across) == LOOK_PX
    ratio = LOOK_PX / max(height, width)
    for found, side in ((down, height), (across, width)):
        assert abs(found - side * ratio) <= 0.5 or (found == 1 and side * ratio < 1)
    assert seen.shape[0] % STRIDE == seen.shape[1] % STRIDE == 0
    assert 0 <= seen.shape[0] - down < STRIDE
    assert 0 <= seen.shape[1] - across < STRIDE
    assert (seen[:down, :across] == 200).all()
    assert not seen[down:].any()
    assert not seen[:, across:].any()
    assert DRAWN_PX > LOOK_PX


# --- weights ----------------------------------------------------------------------------------


def test_weights_of_ulcers_are_refused(toy):
    with pytest.raises(ConfigurationError, match=r"toy\.onnx: holds no tissue network"):
        tissue_map.load("cpu", weights=toy)


def test_weights_that_are_not_there_are_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"gone\.onnx: is no file"):
        tissue_map.load("cpu", weights=tmp_path / "gone.onnx")


@pytest.fixture(scope="module")
def shipped():
    return tissue_map.load("cpu")


def test_the_shipped_weights_say_what_they_are(shipped, tmp_path):
    path = resources.path(tissue_map.SHIPPED_WEIGHTS)
    assert shipped.model.sha256 == tissue_map.weights_sha256() == tissue_map.weights_sha256(path)
    assert len(shipped.model.sha256) == 64
    assert shipped.model.name.startswith("unet")
    assert shipped.model.version
    assert 0 < shipped.fraction_sd < 5
    copied = shutil.copy(path, tmp_path / "copied.onnx")
    assert tissue_map.load("cpu", weights=copied).model == shipped.model
    # design.md: 16 MB of weights in all.
    assert sum(each.stat().st_size for each in path.parent.glob("*.onnx")) <= 16e6


def test_the_shipped_weights_give_shares_of_every_channel(shipped):
    pixels, ulcer, _ = scene()
    found = shipped.look(pixels)
    assert found.shape == (len(TISSUE_CHANNELS), *pixels.shape[:2])
    assert found.sum(axis=0) == pytest.approx(1, abs=1e-4)
    bed = shipped(pixels, ulcer, PLAIN)
    assert set(np.unique(bed.tissue)) <= {0, GRANULATION, SLOUGH, NECROSIS, OTHER}
    again = shipped(pixels, ulcer, PLAIN)
    assert np.array_equal(bed.tissue, again.tissue)
    assert np.array_equal(bed.sure, again.sure)

"""Ulcers painted out: what changes, what does not, and what the place looks like afterwards."""

import subprocess
import sys

import cv2
import numpy as np
import pytest
from drawn_skin import SKIN, disc, leg, with_ulcer

from woundseg.training.made import painted_out as module
from woundseg.training.made.painted_out import paintable, painted_out, rim_px
from woundseg.training.made.skin import grain


def rng(seed=0):
    return np.random.default_rng(seed)


def reach(part):
    side = 2 * rim_px(part) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return cv2.dilate(part.astype(np.uint8), kernel) > 0


def test_nothing_changes_beyond_the_rim():
    one, other = disc(50, 60, 9), disc(110, 100, 5)
    mask = one | other
    pixels = with_ulcer(mask)
    before = pixels.copy()
    made = painted_out(pixels, mask, rng())
    changed = (made != pixels).any(axis=2)
    assert not changed[~(reach(one) | reach(other))].any()
    assert changed[mask].mean() > 0.99
    assert np.array_equal(pixels, before)


def test_the_sheet_beside_the_foot_stays():
    mask = disc(80, 43, 20)
    pixels = with_ulcer(mask)
    assert reach(mask)[:, :15].any()  # the rim would reach over the sheet
    made = painted_out(pixels, mask, rng())
    assert np.array_equal(made[:, :15], pixels[:, :15])


def test_the_ulcers_wall_goes_too_and_colours_nothing(monkeypatch):
    monkeypatch.setattr(module, "SCARS", 0.0)
    mask, wall = disc(80, 80, 14), disc(80, 80, 17)
    assert reach(mask)[wall].all()
    pixels = with_ulcer(wall)
    made = painted_out(pixels, mask, rng()).astype(np.float32)
    assert np.abs(made[mask].mean(axis=0) - np.array(SKIN)).max() < 3


def test_the_place_has_the_colour_and_the_grain_of_the_skin(monkeypatch):
    monkeypatch.setattr(module, "SCARS", 0.0)
    mask = disc(80, 80, 14)
    made = painted_out(with_ulcer(mask, grain=4.0), mask, rng()).astype(np.float32)
    assert np.abs(made[mask].mean(axis=0) - np.array(SKIN)).max() < 3
    inside, skin = disc(80, 80, 12), ~disc(80, 80, 30)
    skin[:, :24] = skin[:, -24:] = False
    assert grain(made, inside) == pytest.approx(grain(made, skin), rel=0.25)


def test_a_scar_is_another_colour_than_the_skin(monkeypatch):
    monkeypatch.setattr(module, "SCARS", 1.0)
    mask = disc(80, 80, 14)
    made = painted_out(with_ulcer(mask), mask, rng()).astype(np.float32)
    off = np.abs(made[mask].mean(axis=0) - np.array(SKIN)).max()
    assert 4 < off < 40


def test_no_ulcer_is_no_change():
    pixels = leg()
    assert np.array_equal(painted_out(pixels, np.zeros((160, 160), bool), rng()), pixels)


def test_the_same_seed_paints_the_same():
    mask = disc(80, 80, 14)
    pixels = with_ulcer(mask)
    one, two, other = (painted_out(pixels, mask, rng(seed)) for seed in (4, 4, 5))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_an_ulcer_at_the_frame_is_painted_out():
    mask = disc(2, 80, 10)
    made = painted_out(with_ulcer(mask), mask, rng())
    assert made[mask][:, 1].min() > 90  # a bed's green is 35


def test_without_skin_there_is_nothing_to_paint_with():
    pixels = np.full((60, 60, 3), (150, 35, 35), np.uint8)
    whole = np.ones((60, 60), bool)
    assert not paintable(pixels, whole)
    with pytest.raises(ValueError, match="no skin is in view"):
        painted_out(pixels, whole, rng())


def test_what_is_paintable_has_skin_enough():
    assert paintable(with_ulcer(disc(80, 80, 10)), disc(80, 80, 10))
    large = disc(80, 80, 62)
    assert not paintable(with_ulcer(large), large)
    assert not paintable(leg(), np.zeros((160, 160), bool))


def test_painting_needs_no_torch():
    words = "import sys, woundseg.training.made.painted_out; print('torch' in sys.modules)"
    told = subprocess.run(
        [sys.executable, "-c", words], capture_output=True, text=True, check=True
    ).stdout
    assert told.strip() == "False"

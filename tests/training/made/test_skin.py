"""Where skin is, and colours carried on: planes whose answer is known."""

import numpy as np
import pytest
from drawn_skin import BED, SKIN, disc, leg, with_ulcer

from woundseg.training.made.skin import carried_on, foot, grain, skin, smoothed


def test_skin_is_the_leg_and_not_the_sheet():
    found = skin(leg())
    assert found[:, 24:-24].mean() > 0.99
    assert not found[:, :16].any()
    assert not found[:, -16:].any()


@pytest.mark.parametrize("tone", [(238, 200, 180), (120, 75, 55), (75, 48, 38)])
def test_skin_of_each_tone_is_skin(tone):
    assert skin(leg(tone))[:, 24:-24].mean() > 0.99


@pytest.mark.parametrize("colour", [(240, 240, 240), (70, 90, 190), (10, 8, 6), (90, 150, 90)])
def test_sheets_gloves_and_padding_are_none(colour):
    assert not skin(np.full((80, 80, 3), colour, np.uint8)).any()


def test_the_foot_holds_its_ulcer_and_the_white_rim_around_it():
    ulcer, rim = disc(80, 80, 8), disc(80, 80, 14)
    pixels = leg()
    pixels[rim] = (232, 230, 226)
    pixels[ulcer] = BED
    assert not skin(pixels)[rim & ~disc(80, 80, 10)].all()
    found = foot(pixels, ulcer)
    assert found[rim].all()
    assert not found[:, :14].any()


def test_colours_carried_on_are_those_around():
    values = np.full((65, 90, 3), 7.0, np.float32)
    values[:, :] = SKIN
    known = ~disc(30, 45, 20, 90)[:65]
    values[~known] = (0, 255, 0)
    made = carried_on(values, known)
    assert np.abs(made - np.array(SKIN)).max() < 0.05


def test_colours_carried_on_run_from_one_side_to_the_other():
    ramp = np.repeat(np.linspace(60, 180, 96, dtype=np.float32)[None, :, None], 64, 0).repeat(3, 2)
    known = np.ones((64, 96), bool)
    known[:, 40:56] = False
    made = carried_on(np.where(known[..., None], ramp, 0), known)
    row = made[32, 38:58, 0]
    assert (np.diff(row) >= -1.0).all()
    assert row[0] == pytest.approx(ramp[32, 38, 0], abs=1)
    assert np.abs(made - ramp).max() < 14


def test_what_is_near_counts_before_what_is_far():
    values = np.full((64, 128, 3), 50, np.float32)
    values[:, 60:] = 200
    known = np.ones((64, 128), bool)
    known[:, 36:52] = False  # 36 to 51 lie in the dark half, 8 px from the light one
    assert carried_on(values, known)[:, 38:44].max() < 60


def test_nothing_known_gives_nothing():
    assert not carried_on(np.ones((9, 7, 3), np.float32), np.zeros((9, 7), bool)).any()


def test_smoothing_takes_no_colour_from_what_is_not_known():
    pixels = with_ulcer(disc(80, 80, 12)).astype(np.float32)
    known = skin(leg()) & ~disc(80, 80, 12)
    made = smoothed(pixels, known, 5.0)
    assert np.abs(made[known] - np.array(SKIN)).max() < 4


@pytest.mark.parametrize("sd", [0.0, 2.0, 6.0])
def test_grain_is_the_noise_that_was_added(sd):
    noise = np.random.default_rng(1).normal(0, sd, (200, 200, 1)).repeat(3, 2)
    ramp = np.linspace(40, 200, 200)[None, :, None]
    values = (ramp + noise).astype(np.float32)
    assert grain(values, np.ones((200, 200), bool)) == pytest.approx(sd, rel=0.06, abs=0.01)


def test_grain_of_no_place_is_0():
    assert grain(np.ones((9, 9, 3), np.float32), np.zeros((9, 9), bool)) == 0.0

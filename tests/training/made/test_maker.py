"""What a training photograph goes through: each step by itself, the same for the same seed."""

import dataclasses

import numpy as np
import pytest
from drawn_skin import disc, leg, with_ulcer

from woundseg.training.made import maker
from woundseg.training.made.maker import Maker
from woundseg.training.options import AugmentOptions

NOTHING = AugmentOptions(128, 0.75, 1, 1, 0, 0, 0, 0, 0, 0, 0)
ULCER = disc(80, 80, 12)
NONE = np.zeros((160, 160), bool)


def made(pixels, mask, seed=0, long_side_px=None, **shares):
    options = dataclasses.replace(NOTHING, **shares)
    read = {0: (with_ulcer(ULCER, seed=5), ULCER), 1: (leg(), NONE)}.__getitem__
    make = Maker(options, long_side_px, [0], read)
    return make(pixels, mask, np.random.default_rng(seed))


def test_all_switched_off_leaves_the_photograph():
    pixels = with_ulcer(ULCER)
    shown, label = made(pixels, ULCER)
    assert np.array_equal(shown, pixels)
    assert np.array_equal(label, ULCER)
    assert not NOTHING.makes


@pytest.mark.parametrize(
    "share", ["close_up", "painted_out", "painted_skin", "pasted", "pasted_bare"]
)
def test_each_share_makes(share):
    assert dataclasses.replace(NOTHING, **{share: 0.1}).makes


def test_painted_out_has_no_label():
    shown, label = made(with_ulcer(ULCER), ULCER, painted_out=1.0)
    assert not label.any()
    assert shown[ULCER][:, 1].min() > 60


def test_painted_skin_keeps_ulcer_and_label():
    pixels = with_ulcer(ULCER)
    changed = 0
    for seed in range(6):
        shown, label = made(pixels, ULCER, seed, painted_skin=1.0)
        assert np.array_equal(label, ULCER)
        assert np.array_equal(shown[ULCER], pixels[ULCER])
        changed += (shown != pixels).any()
    assert changed >= 4


def test_skin_is_painted_where_no_ulcer_is_too():
    pixels = leg()
    shown, label = made(pixels, NONE, painted_skin=1.0)
    assert (shown != pixels).any()
    assert not label.any()


def test_pasted_is_for_photographs_with_an_ulcer_and_pasted_bare_for_those_without(monkeypatch):
    monkeypatch.setattr(maker, "SOUND", 0.0)
    assert made(leg(), NONE, pasted_bare=1.0)[1].any()
    assert not made(leg(), NONE, pasted=1.0)[1].any()
    small = disc(40, 80, 6)
    assert made(with_ulcer(small), small, pasted=1.0)[1].sum() > small.sum()
    assert np.array_equal(made(with_ulcer(small), small, pasted_bare=1.0)[1], small)


def test_a_sound_piece_is_pasted_without_a_label(monkeypatch):
    monkeypatch.setattr(maker, "SOUND", 1.0)
    shown, label = made(leg(), NONE, pasted_bare=1.0)
    assert not label.any()
    assert (shown != leg()).any()


def test_close_ups_come_back_to_the_photographs_size():
    shown, label = made(with_ulcer(ULCER), ULCER, close_up=1.0)
    assert shown.shape == (160, 160, 3)
    assert label.sum() > 1.4 * ULCER.sum()


def test_photographs_are_brought_to_the_size_asked_for():
    assert made(leg(), NONE, long_side_px=96)[0].shape == (96, 96, 3)


def test_the_same_seed_makes_the_same():
    shares = {"close_up": 0.5, "painted_skin": 0.5, "pasted": 0.8, "painted_out": 0.2}
    for seed in range(4):
        one, two = (made(with_ulcer(ULCER), ULCER, seed, **shares) for _ in range(2))
        assert np.array_equal(one[0], two[0])
        assert np.array_equal(one[1], two[1])

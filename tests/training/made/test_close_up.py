"""Windows that are looked at closer, and photographs brought to a size."""

import numpy as np
import pytest
from drawn_skin import disc, leg, with_ulcer

from woundseg.training.made.close_up import brought_to, close_up


@pytest.mark.parametrize("seed", range(10))
def test_a_close_up_is_a_window_over_the_ulcer(seed):
    mask = disc(40, 110, 6)
    pixels = with_ulcer(mask)
    shown, label = close_up(pixels, mask, 3.0, np.random.default_rng(seed))
    height, width = label.shape
    assert shown.shape[:2] == label.shape
    assert 160 / 3 - 1 <= height == width <= 160 / 1.3 + 1
    assert label.any()
    assert np.shares_memory(shown, pixels)


def test_a_large_bed_may_fill_the_window():
    mask = disc(80, 80, 55)
    shares = [
        close_up(with_ulcer(mask), mask, 3.0, np.random.default_rng(seed))[1].mean()
        for seed in range(30)
    ]
    assert max(shares) > 0.95


def test_without_an_ulcer_the_window_lies_anywhere():
    pixels = leg()
    starts = set()
    for seed in range(12):
        shown, label = close_up(
            pixels, np.zeros((160, 160), bool), 2.0, np.random.default_rng(seed)
        )
        assert not label.any()
        starts.add(shown.__array_interface__["data"][0])
    assert len(starts) > 8


def test_brought_to_a_size_the_long_side_has_it():
    mask = np.zeros((60, 120), bool)
    mask[20:40, 40:80] = True
    for side in (60, 120, 240):
        shown, label = brought_to(leg()[:60, :120], mask, side)
        assert shown.shape == (side // 2, side, 3)
        assert label.shape == (side // 2, side)
        assert label.mean() == pytest.approx(mask.mean(), rel=0.05)
        assert label.dtype == np.bool_


def test_at_its_size_a_photograph_is_itself():
    pixels, mask = leg(), disc(80, 80, 9)
    shown, label = brought_to(pixels, mask, 160)
    assert shown is pixels
    assert label is mask

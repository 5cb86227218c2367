"""A light that the greys put right: by hand, and against the light's own factors.

Expected figures: IEC 61966-2-1 (128 is 0.2159 linear, twice that is 0.4317 or 176 in 8 bits).
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from woundseg.simulate.light import factors
from woundseg.training.relit import Relit, relit


def flat(*colour):
    return np.full((64, 64, 3), colour, np.uint8)


def far(before, after):
    """Greatest distance of a channel's mean."""
    return float(np.abs(after.astype(float).mean((0, 1)) - before.mean((0, 1))).max())


@settings(max_examples=30, deadline=None)
@given(
    kelvin=st.floats(2800, 8000),
    stops=st.floats(-1.2, 0.5),
    shrunk=st.floats(0.4, 1.0),
    red=st.integers(60, 130),
)
def test_colours_that_the_file_holds_come_back(kelvin, stops, shrunk, red):
    """A flat field has no edges for JPEG to blur: what is left is rounding, made larger by gain."""
    before = flat(red, 70, 60)
    assert far(before, relit(before, factors(kelvin, stops), 95, shrunk)) < 14


def test_burnt_light_does_not_come_back_but_is_held_up():
    """Two stops more burn 150 (0.305 linear, 1.22): 255 comes back as 0.25, which is 137."""
    after = relit(flat(150, 150, 150), np.array([4.0, 4.0, 4.0]), 95, 1.0)
    assert after.mean() == pytest.approx(137, abs=1)
    # With red alone burnt (240 is 0.871, 100 is 0.127): red comes back as 0.5, 188, not darker.
    after = relit(flat(240, 100, 100), np.array([2.0, 2.0, 2.0]), 95, 1.0).mean((0, 1))
    assert after == pytest.approx([188, 100, 100], abs=3)


def test_fine_colour_is_lost_where_a_dark_channel_is_compressed():
    """Blue stripes of one pixel: kept under daylight, gone under a lamp, with colour at half."""
    stripes = flat(120, 80, 70)
    stripes[:, ::2, 2] = 110
    daylight = relit(stripes, factors(6500, 0), 95, 1.0)[..., 2].astype(float)
    lamp = relit(stripes, factors(3000, -1), 70, 0.5)[..., 2].astype(float)
    assert np.abs(np.diff(daylight, axis=1)).mean() > 2 * np.abs(np.diff(lamp, axis=1)).mean()


def test_what_is_drawn_keeps_to_its_ranges_and_its_seed():
    transform = Relit(p=1.0)
    transform.set_random_seed(5)
    drawn = [transform.get_params() for _ in range(50)]
    assert all(70 <= each["quality"] <= 95 and 0.4 <= each["shrunk"] <= 1 for each in drawn)
    balance = [each["factors"][0] / each["factors"][2] for each in drawn]
    red, _, blue = factors(2800, 0)
    assert 0.7 < min(balance) < 1.2
    assert 4 < max(balance) <= red / blue
    transform.set_random_seed(5)
    assert transform.get_params()["shrunk"] == drawn[0]["shrunk"]


def test_a_worse_file_loses_more():
    grain = np.random.default_rng(1).integers(60, 140, (64, 64, 3)).astype(np.uint8)

    def lost(quality):
        return np.abs(relit(grain, np.ones(3), quality, 1.0).astype(float) - grain).mean()

    assert lost(70) > 1.1 * lost(95)

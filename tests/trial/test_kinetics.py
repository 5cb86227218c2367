"""Section 7: margin advance, healing rates, slope; figures worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from woundseg.trial.kinetics import (
    area_reduction,
    gilman_rate,
    log_area_ratio,
    log_healing_rate,
    log_slope,
)


def test_a_shrinking_circle_advances_by_its_radius():
    # Gilman 1990: d = (A0 - A) / mean perimeter; two circles give r0 - r: 2 cm to 1 cm in a week
    assert gilman_rate(np.pi * 4, np.pi * 1, 7) == pytest.approx(1.0)
    # a circle that closes in two weeks: its radius, 2 cm, over 2 weeks
    assert gilman_rate(np.pi * 4, 0.0, 14) == pytest.approx(1.0)
    assert gilman_rate(np.pi * 1, np.pi * 4, 7) == pytest.approx(-1.0)


def test_measured_perimeters_are_used_where_given():
    # a 2 x 3 rectangle shrinks to 1 x 2: (6 - 2) / ((10 + 6) / 2) = 0.5 cm in 3.5 days
    assert gilman_rate(6.0, 2.0, 3.5, 10.0, 6.0) == pytest.approx(1.0)
    assert np.isnan(gilman_rate(6.0, 2.0, 0))


def test_arrays_and_figures_agree():
    both = gilman_rate(np.array([6.0, 6.0]), np.array([2.0, 0.0]), np.array([7.0, 7.0]))
    assert both.tolist() == [gilman_rate(6.0, 2.0, 7), gilman_rate(6.0, 0.0, 7)]


def test_log_healing_rate_and_ratio():
    a0, a = np.array([4.0, 4.0, 1.0]), np.array([2.0, 0.0, 0.5])
    assert log_healing_rate(a0, a, np.array([14.0] * 3))[0] == pytest.approx(np.log(2) / 2)
    assert np.isnan(log_healing_rate(a0, a, np.array([14.0] * 3))[1])  # null at A = 0
    assert log_area_ratio(a0, a)[0] == pytest.approx(0.5)
    assert np.isnan(log_area_ratio(a0, a)[1:]).all()  # A = 0; A0 = 1
    assert area_reduction(a0, a).tolist() == [50.0, 100.0, 50.0]


def test_slope_is_numpys_least_squares_line():
    days = np.array([[0.0, 7.0, 21.0, 30.0, 50.0]])
    areas = np.array([[5.0, 4.1, 2.2, 0.0, 1.4]])
    used = np.array([[True, True, True, True, True]])
    kept = [0, 1, 2, 4]  # area 0 has no logarithm
    expected = np.polyfit(days[0, kept] / 7, np.log(areas[0, kept]), 1)[0]
    assert log_slope(areas, days, used)[0] == pytest.approx(expected)
    two = np.array([[True, True, False, False, False]])
    assert np.isnan(log_slope(areas, days, two)[0])  # at least three points

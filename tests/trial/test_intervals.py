"""Section 5: Clopper-Pearson and Wilson, against published tables, scipy and statsmodels."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from statsmodels.stats.proportion import proportion_confint

from woundseg.trial.intervals import binom_ci

# Newcombe 1998, Stat Med 17:857, table I: method 5 (Clopper-Pearson), method 3 (Wilson)
NEWCOMBE = [
    (81, 263, (0.2527, 0.3676), (0.2553, 0.3662)),
    (15, 148, (0.0578, 0.1617), (0.0624, 0.1605)),
    (0, 20, (0.0000, 0.1684), (0.0000, 0.1611)),
    (1, 29, (0.0009, 0.1776), (0.0061, 0.1718)),
]


@pytest.mark.parametrize(("x", "n", "exact", "score"), NEWCOMBE)
def test_newcombes_table(x, n, exact, score):
    assert binom_ci(x, n) == pytest.approx(exact, abs=5e-5)
    assert binom_ci(x, n, "wilson") == pytest.approx(score, abs=5e-5)


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_agrees_with_scipy_and_statsmodels(pair):
    x, n = pair
    for level in (0.8, 0.95):
        reference = binomtest(x, n).proportion_ci(level, "exact")
        assert binom_ci(x, n, level=level) == pytest.approx(tuple(reference), abs=1e-9)
        reference = proportion_confint(x, n, 1 - level, "wilson")
        assert binom_ci(x, n, "wilson", level) == pytest.approx(reference, abs=1e-9)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [((3, 2), "x must lie"), ((1, 2, "wald"), "method must"), ((1, 2, "wilson", 95), "level must")],
)
def test_impossible_arguments_are_refused(arguments, told):
    with pytest.raises(ValueError, match=told):
        binom_ci(*arguments)

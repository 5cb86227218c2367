"""Section 6: Kaplan-Meier, its band and median, Aalen-Johansen, against outside references."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines import AalenJohansenFitter, KaplanMeierFitter
from lifelines.utils import median_survival_times

from woundseg.trial.survival import aalen_johansen, follow_up_median, km

# Freireich et al. 1963 (6-MP arm), as printed in Kleinbaum & Klein, Survival Analysis, table 2.3:
# t, at risk, S(t)
SIX_MP = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
SIX_MP_EVENT = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
PRINTED = {
    6: (21, 0.8571),
    7: (17, 0.8067),
    10: (15, 0.7529),
    13: (12, 0.6902),
    16: (11, 0.6275),
    22: (7, 0.5378),
    23: (6, 0.4482),
}


def test_textbook_curve():
    fitted = km(SIX_MP, SIX_MP_EVENT)
    table = fitted.table.set_index("t")
    for time, (at_risk, survival) in PRINTED.items():
        assert table.loc[time, "n_risk"] == at_risk
        assert table.loc[time, "S"] == pytest.approx(survival, abs=5e-5)
    assert fitted.median == 23
    assert (fitted.n, fitted.events) == (21, 9)
    # R: survfit(Surv(t, d) ~ 1), std.err at 6 is 0.0764
    assert table.loc[6, "se"] == pytest.approx(0.0764, abs=5e-5)


STUDY = st.lists(st.tuples(st.integers(1, 12), st.booleans()), min_size=1, max_size=40)


@settings(max_examples=30, deadline=None)
@given(STUDY)
def test_agrees_with_lifelines(study):
    time, event = (np.array(values) for values in zip(*study, strict=True))
    ours = km(time, event)
    theirs = KaplanMeierFitter().fit(time, event)  # its band is log-log by default
    at = theirs.survival_function_at_times(ours.time).to_numpy()
    assert ours.survival == pytest.approx(at, abs=1e-12)
    band = theirs.confidence_interval_.loc[ours.time].to_numpy()
    inside = (ours.survival > 0) & (ours.survival < 1)  # at 0 lifelines gives 0, R and we nothing
    assert ours.low[inside] == pytest.approx(band[inside, 0], abs=1e-9)
    assert ours.high[inside] == pytest.approx(band[inside, 1], abs=1e-9)
    if not np.any(np.abs(ours.survival - 0.5) < 1e-9):
        median = theirs.median_survival_time_
        assert ours.median == (None if np.isinf(median) else median)


def test_median_interval_agrees_with_lifelines():
    # Brookmeyer-Crowley by the band; lifelines: inf where the upper band never falls to 0.5
    fitted = km(SIX_MP, SIX_MP_EVENT)
    theirs = median_survival_times(
        KaplanMeierFitter().fit(SIX_MP, SIX_MP_EVENT).confidence_interval_
    )
    assert fitted.median_lo == theirs.iloc[0, 0] == 13
    assert fitted.median_hi is None
    assert np.isinf(theirs.iloc[0, 1])


def test_where_conventions_differ_at_a_flat_half():
    # S = 0.5 from 2 to 3: R and SAS give 2.5 (K2, K3), lifelines the first, 2
    assert km([1, 2, 3, 4], [1, 1, 1, 1]).median == 2.5
    assert KaplanMeierFitter().fit([1, 2, 3, 4]).median_survival_time_ == 2
    assert km([1, 2, 3, 4], [1, 1, 1, 1], median_tie="first").median == 2
    # no further event: the midpoint to the largest time
    assert km([1, 2, 3, 8], [1, 1, 0, 0]).median == 5.0


def test_curve_that_ends_at_zero():
    fitted = km([2, 4], [1, 1])
    assert fitted.table.iloc[-1].to_dict() == {
        "t": 4.0, "n_risk": 1, "n_event": 1, "n_censor": 0, "S": 0.0,
        "se": None, "lo": None, "hi": None,
    }  # fmt: skip
    assert fitted.at(9) == {"S": 0.0, "lo": None, "hi": None, "n_risk": 0}


def test_rates_before_within_and_beyond():
    fitted = km([10, 20, 30], [1, 0, 0])
    assert fitted.at(5) == {"S": 1.0, "lo": 1.0, "hi": 1.0, "n_risk": 3}
    assert fitted.at(10)["n_risk"] == 3  # at risk: time >= t
    assert fitted.at(30)["S"] == pytest.approx(2 / 3)
    assert fitted.at(31) == {"S": None, "lo": None, "hi": None, "n_risk": 0}


def test_nobody_and_no_event():
    assert (km([], []).n, km([], []).median, km([], []).at(3)["S"]) == (0, None, None)
    quiet = km([3, 5], [0, 0])
    assert (quiet.events, quiet.median, quiet.median_lo) == (0, None, None)
    assert quiet.table["lo"].tolist() == [1.0, 1.0]


def test_reverse_kaplan_meier_is_the_curve_of_the_censorings():
    assert follow_up_median(SIX_MP, SIX_MP_EVENT) == km(SIX_MP, 1 - np.array(SIX_MP_EVENT)).median


@pytest.mark.parametrize(("time", "event"), [([1, 2], [1]), ([np.nan], [1]), ([np.inf], [0])])
def test_impossible_input_is_refused(time, event):
    with pytest.raises(ValueError, match="time"):
        km(time, event)


@pytest.mark.filterwarnings("ignore")
def test_aalen_johansen_agrees_with_lifelines():
    random = np.random.default_rng(5)
    time = random.permutation(60) + 1.0  # distinct: lifelines jitters ties
    kind = random.integers(0, 3, 60)
    ours = aalen_johansen(time, kind)
    for code, values in ((1, ours.first), (2, ours.second)):
        theirs = AalenJohansenFitter(calculate_variance=False).fit(time, kind, code)
        at = theirs.cumulative_density_.iloc[:, 0].reindex(ours.time).to_numpy()
        assert values == pytest.approx(at, abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 2)), min_size=1, max_size=30))
def test_incidences_and_survival_sum_to_one(study):
    # Kalbfleisch & Prentice 2002, section 8.2: S + F1 + F2 = 1
    time, kind = (np.array(values) for values in zip(*study, strict=True))
    curves = aalen_johansen(time, kind)
    survival = km(time, kind > 0).survival
    assert survival + curves.first + curves.second == pytest.approx(np.ones(curves.time.size))
    # 1 - KM of the event of interest alone overstates it (K4)
    naive = 1 - km(time, kind == 1).survival
    assert (naive >= curves.first - 1e-12).all()


def test_table_is_a_data_frame_with_the_published_columns():
    table = km([1, 2], [1, 0]).table
    assert isinstance(table, pd.DataFrame)
    assert table.columns.tolist() == ["t", "n_risk", "n_event", "n_censor", "S", "se", "lo", "hi"]

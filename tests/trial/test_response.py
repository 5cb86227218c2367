"""Section 3 of the protocol: the category of a visit. Expected codes worked by hand."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from woundseg.trial.codes import Code
from woundseg.trial.protocol import load
from woundseg.trial.response import (
    REASONS,
    RULES,
    Measured,
    VisitFacts,
    classify,
    compare,
    is_closed,
)

PROTOCOL = load()

# earlier areas (the first is the baseline), this area, code, reason: by hand from section 3
ONE_VISIT = [
    ([4.4], 5.5, "PD", "GROWTH"),  # 25 % exactly, although 100*(5.5-4.4)/4.4 is 24.99... in floats
    ([4.4], 5.4999, "SD", "STABLE"),
    ([4.0], 2.0, "PR", "PAR50"),  # 50 % exactly: inclusive
    ([4.0], 2.0001, "SD", "STABLE"),
    ([0.4], 0.2, "SD", "STABLE"),  # 50 %, but 0.2 cm² is under the floor of 0.25
    ([0.5], 0.25, "PR", "PAR50"),  # both thresholds met exactly
    ([0.4], 0.6, "SD", "STABLE"),  # grown by 50 %, but by 0.2 cm² only
    ([4.0, 1.0], 1.3, "PD", "GROWTH"),  # a PD outranks a PR: 67.5 % below baseline
    ([4.0, 1.0], 1.2, "PR", "PAR50"),  # 20 % over the nadir is no PD
    ([4.0, 0.0], 0.24, "PR", "PAR50"),  # after an unconfirmed zero the floor of 0.25 applies
    ([4.0, 0.0], 0.25, "PD", "GROWTH"),
    ([4.0], 0.0, "CR", "CLOSED"),
    ([0.0], 0.0, "NE", "NOBASE"),  # area 0 is no baseline, and NE comes before CR
    ([None], 1.0, "NE", "NOBASE"),
    ([4.0], None, "NE", "NOTEVAL"),
    ([4.0, None, 1.0], 2.0, "PD", "GROWTH"),  # a not-evaluable visit takes no part in the nadir
]


@pytest.mark.parametrize(("earlier", "area", "code", "reason"), ONE_VISIT)
def test_one_visit(earlier, area, code, reason):
    facts = compare([Measured(value) for value in earlier], Measured(area), PROTOCOL)
    assert (facts.code, facts.reason) == (code, reason)


# the same for a lower bound, by hand from rule 2.6a; a trailing + marks an area that is a bound
LOWER_BOUNDS = [
    (["4"], "0+", "NE", "CUT"),  # rule 3 would give CR
    (["4"], "2+", "NE", "CUT"),  # rule 7 would give PR: 50 %
    (["4"], "4.9+", "NE", "CUT"),  # rule 8 would give SD: 22.5 %
    (["4"], "5+", "PD", "GROWTH"),  # at least 25 % and 1 cm²
    (["4", "1"], "2+", "PD", "GROWTH"),  # at least 100 % above the nadir
    (["4", "1+"], "2", "PR", "PAR50"),  # the bound of 1 is no nadir: 2 is 50 % below 4
    (["4", "1+"], "4.9", "SD", "STABLE"),
    (["4+"], "2", "NE", "NOBASE"),  # a bound is no baseline
    (["4+", "4"], "2", "NE", "NOBASE"),  # and the first visit stays the baseline
    (["4+"], "9+", "NE", "NOBASE"),
    (["4"], "-+", "NE", "NOTEVAL"),
]


def measured(text):
    """An area such as 4, 4+ for a lower bound, - for none."""
    number = text.rstrip("+")
    return Measured(None if number == "-" else float(number), lower_bound=text.endswith("+"))


@pytest.mark.parametrize(("earlier", "area", "code", "reason"), LOWER_BOUNDS)
def test_a_lower_bound_shows_progression_or_nothing(earlier, area, code, reason):
    facts = compare([measured(text) for text in earlier], measured(area), PROTOCOL)
    assert (facts.code, facts.reason) == (code, reason)


def test_the_change_of_a_lower_bound_is_told_as_its_least():
    # s² = ln(1 + 0.05²) for each; 6 / 4 · exp(-1.959964 · sqrt(2 s²)) = 1.3059898
    facts = compare([Measured(4.0)], Measured(6.0, lower_bound=True), PROTOCOL)
    assert (facts.percent_change, facts.percent_change_high, facts.growth_percent) == (None,) * 3
    assert facts.percent_change_low == pytest.approx(30.59898, abs=1e-5)
    assert facts.growth_from_cm2 == 4.0
    unsure = compare([Measured(4.0)], Measured(5.1, lower_bound=True), PROTOCOL)
    assert unsure.borderline == "borderline_pd"
    shares = unsure.probability.model_dump()
    # P(ln(5.1/4) + Z·sqrt(2 s²) >= ln 1.25) = P(Z >= -0.280)
    assert shares == {"CR": 0.0, "PR": 0.0, "SD": 0.0, "PD": pytest.approx(0.610, abs=0.04)}
    both = compare([Measured(4.0), Measured(1.0)], Measured(2.0, lower_bound=True), PROTOCOL)
    assert (both.code, both.borderline) == ("PD", None)  # 50 % of baseline: but never PR


@pytest.mark.parametrize(
    ("area", "flag", "require", "closed"),
    [
        (0.0, 0, False, True),
        (0.01, 0, False, False),
        (0.05, 1, False, True),
        (0.051, 1, False, False),  # Y with more than the tolerance: a warning, not closed
        (0.0, -1, False, False),  # the clinician's N wins over a measured 0
        (0.0, 0, True, False),
        (0.0, 1, True, True),
        (np.nan, 1, False, False),
    ],
)
def test_closed(area, flag, require, closed):
    rule = PROTOCOL.category.cr.model_copy(update={"require_flag": require})
    assert bool(is_closed(np.array(area), np.array(flag), rule)) is closed


def facts(**changes):
    """Facts of one visit, 4 cm² at baseline and now; ``changes`` replace fields."""
    plain = {
        "baseline": 4.0,
        "area": 4.0,
        "nadir": 4.0,
        "evaluable": True,
        "closed": False,
        "reopened": False,
        "new_ulcer": False,
    }
    return VisitFacts(**{key: np.array(value) for key, value in (plain | changes).items()})


def reason_of(visit, protocol=PROTOCOL):
    return REASONS[int(classify(visit, protocol)[1])]


def test_reopening_is_progression_of_any_size():
    assert reason_of(facts(area=0.01, nadir=0.0, reopened=True)) == "REOPEN"
    lenient = PROTOCOL.override({"category": {"pd": {"reopen_after_confirmed_closure": False}}})
    assert reason_of(facts(area=0.01, nadir=0.0, reopened=True), lenient) == "PAR50"
    assert reason_of(facts(area=0.0, nadir=0.0, closed=True, reopened=True)) == "CLOSED"


def test_a_lower_bound_can_reopen_an_ulcer():
    reopened = {"nadir": 0.0, "reopened": True, "lower_bound": True}
    assert reason_of(facts(area=0.01, **reopened)) == "REOPEN"
    assert reason_of(facts(area=0.0, closed=True, **reopened)) == "CUT"  # rule 3 comes first
    who_like = PROTOCOL.override({"ulcer": {"new_ulcer_response": "pd"}})
    assert reason_of(facts(new_ulcer=True, lower_bound=True), who_like) == "NEWULC"
    assert reason_of(facts(new_ulcer=True, lower_bound=True)) == "CUT"


def test_new_ulcer_counts_only_when_the_protocol_says_so():
    assert reason_of(facts(new_ulcer=True)) == "STABLE"
    who_like = PROTOCOL.override({"ulcer": {"new_ulcer_response": "pd"}})
    assert reason_of(facts(new_ulcer=True), who_like) == "NEWULC"
    assert reason_of(facts(new_ulcer=True, evaluable=False), who_like) == "NOTEVAL"


def test_rules_print_their_own_values():
    text = RULES[6].describe(PROTOCOL.override({"category": {"pr": {"min_decrease_pct": 40}}}))
    assert text == "PR (PAR50): shrunk from baseline by at least 40 % and at least 0.25 cm²"
    assert [rule.order for rule in RULES] == list(range(1, 9))


def test_same_rules_on_many_visits_at_once():
    areas = np.array([[4.0, 2.0], [5.0, 0.0]])
    visit = facts(baseline=[[4.0]], area=areas, nadir=4.0, closed=areas == 0.0)
    codes, _ = classify(visit, PROTOCOL)
    assert codes.tolist() == [[Code.SD, Code.PR], [Code.PD, Code.CR]]
    bound = np.array([[False, True], [True, True]])
    codes, _ = classify(replace(visit, lower_bound=bound), PROTOCOL)
    assert codes.tolist() == [[Code.SD, Code.NE], [Code.PD, Code.NE]]


@pytest.mark.parametrize(
    ("area", "code"),
    [(0.0, "CR"), (0.05, "CR"), (0.06, "PR"), (3.0, "SD")],  # closed_tol_cm2 is 0.05
)
def test_a_visit_that_a_person_has_seen_closed(area, code):
    assert compare([Measured(4.0)], Measured(area, closed=True), PROTOCOL).code == code
    strict = PROTOCOL.override({"category": {"cr": {"require_flag": True}}})
    assert compare([Measured(4.0)], Measured(area, closed=True), strict).code == code
    assert compare([Measured(4.0)], Measured(area), strict).code != "CR"


def test_compare_gives_interval_borderline_and_probability():
    # s² = ln(1 + 0.05²) for each; 2 / 4 · exp(± 1.959964 · sqrt(2 s²)): 43.532994 %, 57.427707 %
    near = compare([Measured(4.0)], Measured(2.0), PROTOCOL)
    assert near.percent_change == pytest.approx(-50.0)
    assert near.percent_change_low == pytest.approx(-56.467006, abs=1e-6)
    assert near.percent_change_high == pytest.approx(-42.572293, abs=1e-6)
    assert near.borderline == "borderline_pr"
    # median of a log-normal ratio: half of the draws lie on either side of 50 %
    share = near.probability.model_dump()
    assert share["PR"] == pytest.approx(0.5, abs=0.04)
    assert share["PR"] + share["SD"] == pytest.approx(1.0)
    assert compare([Measured(4.0)], Measured(0.0), PROTOCOL).probability.CR == 1.0


def test_compare_says_what_growth_is_told_from():
    grown = compare([Measured(4.0), Measured(1.0), Measured(2.0)], Measured(1.5), PROTOCOL)
    assert (grown.growth_from_cm2, grown.growth_percent) == (1.0, pytest.approx(50.0))
    closed = compare([Measured(4.0), Measured(0.0)], Measured(1.0), PROTOCOL)
    assert (closed.growth_from_cm2, closed.growth_percent) == (0.0, None)
    rules = PROTOCOL.override({"category": {"pd": {"ref": "baseline"}}})
    told = compare([Measured(4.0), Measured(1.0)], Measured(6.0), rules)
    assert (told.growth_from_cm2, told.growth_percent) == (4.0, pytest.approx(50.0))
    assert not told.grown_since_baseline


def test_compare_without_error_is_certain():
    sure = compare([Measured(4.0, 0.0)], Measured(2.0, 0.0), PROTOCOL)
    assert sure.probability.PR == 1.0
    assert (sure.percent_change_low, sure.percent_change_high) == (-50.0, -50.0)
    assert sure.borderline is None


AREA = st.floats(min_value=0.0, max_value=80.0).map(lambda value: round(value, 3))
BEST_FIRST = ["CR", "PR", "SD", "PD"]


@settings(max_examples=150, deadline=None)
@given(st.lists(AREA.filter(bool), min_size=1, max_size=4), AREA, AREA)
def test_a_smaller_area_never_gives_a_worse_category(earlier, one, other):
    few = PROTOCOL.override({"uncertainty": {"draws": 1}})
    visits = [Measured(value) for value in earlier]
    small, large = (compare(visits, Measured(a), few).code for a in sorted((one, other)))
    assert BEST_FIRST.index(small) <= BEST_FIRST.index(large)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(AREA.filter(lambda a: a > 0.01), min_size=1, max_size=4),
    AREA,
    st.sampled_from([0.125, 0.25, 2.0, 8.0, 64.0]),  # powers of two: no rounding of the areas
)
def test_scale_does_not_matter_without_floors(earlier, area, factor):
    no_floor = {"min_decrease_cm2": 0.0}, {"min_increase_cm2": 0.0}, {"closed_tol_cm2": 0.0}
    category = dict(zip(("pr", "pd", "cr"), no_floor, strict=True))
    relative = PROTOCOL.override({"category": category, "uncertainty": {"draws": 1}})
    plain = compare([Measured(a) for a in earlier], Measured(area), relative)
    scaled = compare([Measured(a * factor) for a in earlier], Measured(area * factor), relative)
    assert (plain.code, plain.reason) == (scaled.code, scaled.reason)


def test_scores_path_loads_no_pandas_and_no_scipy():
    program = (
        "import sys; from woundseg.trial import compare, load; load();"
        "print([m for m in ('pandas', 'scipy', 'matplotlib', 'skimage') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"

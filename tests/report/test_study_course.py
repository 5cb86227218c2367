"""One ulcer from visit to visit, against protocol.md's rules by hand."""

from __future__ import annotations

from datetime import timedelta

import pytest
from drawn_study import RULES, START, healing, row, subject

from woundseg.report.course import Limit, courses, natural
from woundseg.report.summary import summarise


def only(report):
    (found,) = courses(report)
    return found


def at(week):
    return START + timedelta(weeks=week)


def test_the_limits_are_half_of_baseline_and_a_quarter_over_the_smallest_area_before():
    # Section 3: PR −50 % of 8 = 4. PD +25 % of the nadir: 10 against 8, 5 against 4, and from 4.
    found = only(subject([row(0, 8.0), row(2, 4.0), row(4, 6.0), row(6, 4.5)]))
    assert found.baseline_cm2 == 8.0
    assert found.response_cm2 == pytest.approx(4.0)
    assert [limit.area_cm2 for limit in found.progression] == pytest.approx([10, 5, 5, 5])
    assert found.progression[0] == Limit(at(0), at(2), pytest.approx(10))
    assert found.progression[-1].until is None


def test_a_lower_bound_is_no_area_to_tell_anything_from():
    # Rule 2.6a: the bound of 2 is no nadir, so the limit stays on 4; nor is it the last area.
    bound = row(4, 2.0, lower_bound="Y")
    report = subject([row(0, 8.0), row(2, 4.0), bound, row(6, 9.0, lower_bound="Y")])
    found = only(report)
    assert [(point.area_cm2, point.at_least_cm2) for point in found.points] == [
        (8.0, None), (4.0, None), (None, 2.0), (None, 9.0),
    ]  # fmt: skip
    assert [limit.area_cm2 for limit in found.progression] == pytest.approx([10, 5])
    assert found.change_percent == pytest.approx(-50.0)
    summary = summarise(report)
    assert summary.last_text.startswith("4.00 cm²")
    assert summary.unmeasured[0].endswith("(at least 2.00 cm²)")
    same_day = subject([row(0, 8.0), row(2, 4.0, lower_bound="Y"), row(2, 4.0), bound])
    assert [point.area_cm2 for point in only(same_day).points] == [8.0, 4.0, None]
    assert only(subject([row(0, 8.0, lower_bound="Y")])).baseline_cm2 is None


def test_small_ulcers_are_held_to_the_floor_in_cm2():
    # 0.25 cm² is more than 50 % of 0.3 and more than 25 % of 0.3.
    found = only(subject([row(0, 0.3), row(2, 0.3)]))
    assert found.response_cm2 == pytest.approx(0.05)
    assert found.progression[0].area_cm2 == pytest.approx(0.55)
    assert only(subject([row(0, 0.2)])).response_cm2 is None


def test_after_closure_the_limit_stands_on_zero():
    # A closed ulcer counts as 0 whatever is left of its area; any percentage of 0 is the floor.
    found = only(subject([row(0, 2.0), row(4, 0.04, closed="Y"), row(8, 1.0)]))
    assert found.points[1].closed
    assert [limit.area_cm2 for limit in found.progression] == pytest.approx([2.5, 0.25, 0.25])


def test_progression_may_be_told_from_baseline():
    pd = RULES.pd.model_copy(update={"ref": "baseline"})
    rules = RULES.model_copy(update={"pd": pd})
    found = only(subject([row(0, 8.0), row(2, 4.0), row(4, 6.0)], thresholds=rules))
    assert [limit.area_cm2 for limit in found.progression] == pytest.approx([10, 10, 10])


@pytest.mark.parametrize(
    ("area", "flag", "closed"),
    [(0.0, "", True), (0.0, "N", False), (0.04, "Y", True), (0.06, "Y", False), (0.04, "", False)],
)
def test_closed_is_the_protocols_rule(area, flag, closed):
    # Section 3 rule 3 with closed_tol_cm2 0.05 and closed_max_cm2 0.
    found = only(subject([row(0, 2.0), row(4, area, closed=flag)]))
    assert found.points[1].closed is closed


def test_what_is_not_evaluable_has_no_area_and_is_not_closed():
    rows = [row(0, 2.0), row(2), row(4, 1.0, evaluable="N"), row(6, 1.0, calibrated="N")]
    found = only(subject(rows))
    assert [point.area_cm2 for point in found.points] == [2.0, None, None, None]
    assert not any(point.closed for point in found.points)
    assert len(found.evaluable) == 1
    assert found.change_percent is None


def test_of_several_photographs_of_a_date_the_largest_evaluable_area_counts():
    # Protocol 2.5.
    rows = [row(0, 2.0), row(4, 1.0, seq=1), row(4, 1.4, seq=2), row(4, seq=3)]
    assert [point.area_cm2 for point in only(subject(rows)).points] == [2.0, 1.4]


def test_at_baseline_the_row_after_debridement_counts_then_the_last():
    # Protocol 2.3: debrided wins, then the highest seq.
    rows = [row(0, 3.0, seq=1), row(0, 2.5, seq=2, debrided="Y"), row(0, 2.0, seq=3)]
    assert only(subject(rows)).baseline_cm2 == 2.5
    plain = [row(0, 3.0, seq=1), row(0, 2.0, seq=2), row(0, seq=3)]
    assert only(subject(plain)).baseline_cm2 == 2.0


def test_the_healing_figures_know_the_baseline_better():
    rows = [row(0, 2.0), row(4, 1.0)]
    assert only(subject(rows, healing=(healing(4, 1.0),))).baseline_cm2 == 8.0


def test_zero_is_no_baseline():
    found = only(subject([row(0, 0.0), row(4, 1.0)]))
    assert found.baseline_cm2 is None
    assert found.progression == ()


def test_the_index_ulcer_comes_first_then_names_in_their_order():
    rows = [row(0, 1.0, ulcer=name) for name in ("u10", "u2", "u1", "heel")]
    report = subject(rows, index_ulcer="u2")
    assert [found.ulcer for found in courses(report)] == ["u2", "heel", "u1", "u10"]
    assert natural("u2") < natural("u10")


def test_the_line_of_a_subject():
    rows = [row(0, 8.0), row(4), row(8, 2.0), row(12)]
    found = summarise(subject(rows))
    assert (found.baseline_cm2, found.change_percent) == (8.0, -75.0)
    assert found.last_text == "2.00 cm² (1.80–2.20)"
    assert found.last_visit == at(12)
    assert found.visits == 4
    assert found.unmeasured == (
        f"V4 {at(4)} (said to be not evaluable)",
        f"V12 {at(12)} (said to be not evaluable)",
    )


def test_a_visit_on_which_one_of_two_ulcers_was_lost_names_it():
    rows = [
        row(0, 8.0),
        row(0, 2.0, ulcer="u2"),
        row(4, 7.0),
        row(4, ulcer="u2", flags=("match_unsure",)),
    ]
    (told,) = summarise(subject(rows)).unmeasured
    assert told == f"V4 {at(4)} (u2: not sure which ulcer this is)"


def test_a_subject_of_whom_nothing_is_known():
    found = summarise(subject([], baseline_date=None, index_ulcer=None))
    assert (found.last, found.last_visit, found.visits, found.unmeasured) == (None, None, 0, ())

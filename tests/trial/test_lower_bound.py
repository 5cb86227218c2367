"""Rule 2.6a: an area that may be larger. Expected codes worked by hand from the protocol."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from making import DEFAULT, date, endpoint, lines, shown, subjects, visits

from woundseg.trial import explain
from woundseg.trial.healing_course import courses
from woundseg.trial.tables import subjects_from_frame, visits_from_frame

ONE = "subject\nA"


def coded(rows, changes=None, columns="subject day response reason"):
    names = sorted({line.split()[0] for line in rows.strip().splitlines()[1:]})
    found = endpoint(rows, "\n".join(["subject", *names]), changes)
    return shown(found.visit_response, columns)


def test_a_lower_bound_is_progression_or_nothing():
    rows = """
    subject day  area lower_bound
    A        -7  4.0  .
    A        -1  3.0  Y
    A        28  0.8  Y
    A        56  2.0  .
    A        84  2.6  Y
    B        -1  4.0  .
    B        14  0    .
    B        28  0.1  Y
    B        42  0    .
    B        56  0.02 Y
    C        -1  4.0  .
    C        28  0    Y
    C        56  4.9  Y
    D        -1  4.0  Y
    D        28  9.0  .
    D        56  9.9  Y
    """
    expected = """
    A -7 4 .   .    .   . .
    A -1 4 .   .    .   . .
    A 28 4 4   .    .   NE CUT
    A 56 4 4   -50  -50 PR PAR50
    A 84 4 2   .    .   PD GROWTH
    B -1 4 .   .    .   . .
    B 14 4 4   -100 -100 CR CLOSED
    B 28 4 0   .    .   NE CUT
    B 42 4 0   -100 .   CR CLOSED
    B 56 4 0   .    .   PD REOPEN
    C -1 4 .   .    .   . .
    C 28 4 4   .    .   NE CUT
    C 56 4 4   .    .   NE CUT
    D -1 . .   .    .   . .
    D 28 . .   .    .   NE NOBASE
    D 56 . .   .    .   NE NOBASE
    """
    columns = "subject day base_area nadir_area pchg_base pchg_nadir response reason"
    assert coded(rows, columns=columns) == lines(expected)


def test_the_table_says_which_areas_are_lower_bounds_where_some_are():
    rows = "subject day area lower_bound\nA 0 4 .\nA 28 9 Y\nA 56 4.5 N"
    found = endpoint(rows, ONE).visit_response
    assert shown(found, "day area_cm2 lower_bound response") == [
        "0 4 . .",
        "28 9 Y PD",
        "56 4.5 . SD",
    ]
    without = endpoint(rows.replace("Y", "."), ONE).visit_response
    assert "lower_bound" not in without.columns


def test_of_one_date_the_largest_row_stands_and_of_equals_the_whole_one():
    rows = """
    subject day  area lower_bound
    A         0  4.0  .
    A        28  1.5  Y
    A        28  1.6  .
    B         0  4.0  .
    B        28  2.0  .
    B        28  2.0  Y
    C         0  4.0  .
    C        28  1.9  .
    C        28  2.3  Y
    """
    assert [line for line in coded(rows) if " 28 " in line] == lines("""
    A 28 . .
    A 28 PR PAR50
    B 28 PR PAR50
    B 28 . .
    C 28 . .
    C 28 NE CUT
    """)


def test_a_sum_with_a_lower_bound_is_one():
    rows = """
    subject day ulcer area lower_bound
    A         0 u1    4.0  .
    A         0 u2    2.0  .
    A        28 u1    1.0  .
    A        28 u2    1.0  Y
    A        56 u1    3.0  .
    A        56 u2    5.0  Y
    A        84 u1    0    .
    A        84 u2    0    Y
    A       112 u1    1.0  .
    A       112 u2    1.0  .
    """
    by_sum = {"ulcer": {"strategy": "sum"}}
    found = coded(rows, by_sum, "day area_cm2 nadir_area pchg_base response reason")
    assert found[1:] == lines("""
    28 2 6 . NE CUT
    56 8 6 . PD GROWTH
    84 0 6 . NE CUT
    112 2 6 -66.6667 PR PAR50
    """)


def test_a_bound_breaks_a_closure_only_by_progression():
    """Between two closed visits NE may lie once; a PD there means that nothing is confirmed."""
    rows = """
    subject day  area lower_bound
    A         0  4.0  .
    A        14  0    .
    A        28  {}   Y
    A        42  0    .
    A        56  0.1  .
    """
    assert coded(rows.format("0.24"))[-1] == "A 56 PD REOPEN"
    assert coded(rows.format("0.25"))[2:] == lines("""
    A 28 PD GROWTH
    A 42 CR CLOSED
    A 56 PR PAR50
    """)


def test_assessed_codes_decide_by_themselves():
    rows = "subject day area lower_bound response\nA 0 4 . .\nA 28 1 Y PR\nA 70 1 Y PR"
    found = endpoint(rows, ONE, {"source": "assessed"})
    assert found.subject_response.cbor.tolist() == ["PR"]


def test_a_record_left_without_a_category_is_not_evaluable_anywhere():
    rows = """
    subject day  area lower_bound
    A         0  4.0  .
    A       170  3.9  .
    A       183  3.0  Y
    B         0  4.0  .
    B        84  3.0  Y
    C         0  4.0  .
    C        56  0    .
    C        84  0    .
    C       112  0    Y
    """
    found = endpoint(rows, "subject\nA\nB\nC").subject_response
    columns = "subject evalfl cbor lm6 lm6_date dor_end dor_cnsr dor_event"
    assert shown(found, columns) == lines(f"""
    A Y SD SD {date(170)} . . .
    B N NE NE . . . .
    C Y CR NE . {date(84)} 1 LASTASM
    """)


def test_a_progression_seen_on_a_bound_ends_remission():
    rows = """
    subject day  area lower_bound
    A         0  4.0  .
    A        56  0    .
    A        84  0    .
    A       112  0.1  Y
    """
    row = endpoint(rows, ONE).subject_response.iloc[0]
    assert (row.dor_end, row.dor_cnsr, row.dor_event) == (date(112), 0, "RECUR")


def test_kinetics_take_no_bound():
    """PAR4 from day 24 (a bound lies nearer to 28); the slope from four whole areas."""
    rows = """
    subject day  area lower_bound perimeter_cm
    A         0  4.0  .  .
    A        14  2.8  .  .
    A        24  2.0  .  .
    A        28  1.0  Y  4
    A        56  9.0  Y  .
    A        70  1.4  .  .
    """
    found = endpoint(rows, ONE)
    row = found.subject_response.iloc[0]
    weeks, logs = np.array([0, 2, 24 / 7, 10]), np.log([4.0, 2.8, 2.0, 1.4])
    assert row.par4 == pytest.approx(50.0)
    assert row.lhr4 == pytest.approx(np.log(2.0) * 7 / 24)
    assert row.ln_slope == pytest.approx(np.polyfit(weeks, logs, 1)[0])
    middle = {row["avisit"]: row["n"] for row in found.summary["supportive"]["trajectory"]}
    assert (middle["W4"], middle["W8"]) == (1, 0)


def test_healing_figures_are_blank_for_a_bound():
    rows = """
    subject day  area lower_bound
    A         0  4.0  .
    A        28  1.0  Y
    A        56  2.0  .
    """
    table = visits_from_frame(visits(rows))
    found = courses(table, subjects_from_frame(subjects(ONE)), DEFAULT)
    assert [(row.day, row.area_cm2, row.par_pct) for row in found] == [
        (0, 4.0, 0.0), (28, None, None), (56, 2.0, 50.0),
    ]  # fmt: skip
    assert found[1].gilman_from_last_cm_per_week is None
    # from day 0, over eight weeks, by two circles
    advance = (np.sqrt(4 / np.pi) - np.sqrt(2 / np.pi)) / 8
    assert found[2].gilman_from_last_cm_per_week == pytest.approx(advance)
    assert found[0].par4_pct is None


def test_borderline_growth_of_a_bound_counts_in_the_worst_case():
    """4.9 / 4 straddles 1.25 (default error of 5 % each); 4.1 / 4 does not."""
    rows = "subject day area lower_bound\nA 0 4 .\nA 56 {} Y"
    found = endpoint(rows.format(4.9), ONE)
    columns = "response reason borderline_pr borderline_pd"
    assert shown(found.visit_response, columns)[1] == "NE CUT . Y"
    assert found.summary["sensitivity"]["worst"]["FAS"]["PD"] == 1
    far = endpoint(rows.format(4.1), ONE)
    assert shown(far.visit_response, columns)[1] == "NE CUT . N"
    assert far.summary["sensitivity"]["worst"]["FAS"]["NE"] == 1
    grown = endpoint(rows.format(5.1), ONE)
    assert shown(grown.visit_response, columns)[1] == "PD GROWTH . Y"
    assert grown.summary["sensitivity"]["best"]["FAS"]["NE"] == 1


def test_a_drawn_bound_is_progression_or_nothing():
    """P(ln(5.1 / 4) + Z·sqrt(2·ln(1 + 0.05²)) >= ln 1.25) = P(Z >= -0.284) = 0.61."""
    rows = "subject day area lower_bound\nA 0 4 .\nA 56 5.1 Y\nA 84 2 Y"
    found = endpoint(rows, ONE, monte_carlo=True)
    shares = found.visit_response[["p_cr", "p_pr", "p_sd", "p_pd"]]
    assert shares.iloc[1].tolist() == [0, 0, 0, pytest.approx(0.61, abs=0.04)]
    assert shares.iloc[2].isna().all()  # never a category at all
    mine = found.summary["mc"]["subjects"]["A"]
    assert mine["PD"] + mine["NE"] == pytest.approx(1.0)


def test_the_story_says_why():
    rows = "subject day area lower_bound\nA -40 4 .\nA -3 3 Y\nA 0 4 .\nA 28 1 Y\nA 56 9 Y"
    told = explain(endpoint(rows, ONE), "A").splitlines()
    assert told[5] == (
        f"{date(28)} (day 28, W4): at least 1 cm²: not evaluable (NE), the area is a lower bound: "
        "the whole ulcer may be larger, so only progression can follow from it, and it shows none."
    )
    assert told[6].startswith(f"{date(56)} (day 56, W8): at least 9 cm²: progression (PD), grown")
    alone = explain(endpoint("subject day area lower_bound\nA 0 4 Y\nA 28 1 .", ONE), "A")
    assert alone.splitlines()[1].endswith("to the first dose. A lower bound is no baseline.")


def test_the_data_sets_write_a_bound_as_one():
    """CDISC: a qualified result has its sign in the text and no numeric result."""
    rows = "subject day area area_sd lower_bound\nA 0 4 0.1 .\nA 28 9 0.2 Y"
    found = endpoint(rows, ONE).datasets
    tr = found["TR"][["TRTESTCD", "TRORRES", "TRSTRESC", "TRSTRESN", "TRSTRESU", "TRSTAT"]]
    assert shown(tr, " ".join(tr.columns)) == lines("""
    AREA   4    4    4    cm2 .
    AREASD 0.1  0.1  0.1  cm2 .
    AREA   >=9  >=9  .    cm2 .
    AREASD 0.2  0.2  0.2  cm2 .
    """)
    adrs = found["ADRS"]
    visit = adrs[(adrs.PARAMCD == "OVR")]
    assert shown(visit, "AVALC REASON AREA PCHGB PCHGN") == ["PD GROWTH . . ."]
    assert pd.isna(visit.AREA.iloc[0])


def test_an_ulcer_cut_at_baseline_is_a_warning():
    """Another ulcer becomes the index ulcer then (rules 2.3, 2.4 and 2.6a): somebody must know."""
    rows = """
    subject ulcer day area lower_bound
    A       u1    0   8.0  Y
    A       u2    0   1.0  .
    A       u1    28  7.0  .
    A       u2    28  0    .
    """
    found = endpoint(rows, ONE)
    (warning,) = [w for w in found.summary["warnings"] if w["code"] == "CUT_BASELINE"]
    assert warning["subject"] == "A"
    assert "u1 has at least 8 cm² at baseline" in warning["text"]
    whole = endpoint(rows.replace("8.0  Y", "8.0  ."), ONE)
    assert not [w for w in whole.summary["warnings"] if w["code"] == "CUT_BASELINE"]

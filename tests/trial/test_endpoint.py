"""Sections 2 to 6 and 10 on whole small tables: input and expected output side by side, by hand."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making import DEFAULT, date, endpoint, lines, shown, subjects, visits

from woundseg.trial import explain, visit_response
from woundseg.trial.best import CBOR
from woundseg.trial.endpoint import derive, derive_from, write

ONE = "subject\nA"


def first(rows, subject_rows=ONE, changes=None):
    """The first subject's row of subject_response."""
    return endpoint(rows, subject_rows, changes).subject_response.iloc[0]


def codes(rows, subject_rows=ONE, changes=None):
    """day, response, reason and anl01fl of every visit."""
    found = endpoint(rows, subject_rows, changes).visit_response
    return shown(found, "day response reason anl01fl")


# --- the whole way, three subjects -------------------------------------------------------------

TRIAL_VISITS = """
subject day  area evaluable
A        -7  4.0  .
A        28  2.0  .
A        56  1.0  .
A        84  0    .
A       112  0    .
A       140  .    N
A       183  0    .
A       274  0.6  .
B         0  3.0  .
B        28  3.3  .
B        56  3.9  .
B        84  2.9  .
C        -1  2.0  .
C        60  1.9  .
"""


def test_visit_table_side_by_side():
    expected = """
    A  -7 BASELINE 4   . .   .    .   .  .        . .
    A  28 W4       2   4 4   -50  -50 PR PAR50    Y Y
    A  56 W8       1   4 2   -75  -50 PR PAR50    Y Y
    A  84 W12      0   4 1  -100 -100 CR CLOSED   Y Y
    A 112 W16      0   4 0  -100    . CR CLOSED   Y Y
    A 140 W20      .   4 0     .    . NE NOTEVAL  Y Y
    A 183 M6       0   4 0  -100    . CR CLOSED   Y Y
    A 274 M9       0.6 4 0   -85    . PD REOPEN   Y Y
    B   0 BASELINE 3   . .   .    .   .  .        . .
    B  28 W4       3.3 3 3    10   10 SD STABLE   Y Y
    B  56 W8       3.9 3 3    30   30 PD GROWTH   Y Y
    B  84 W12      2.9 3 3 -3.33333 -3.33333 SD STABLE Y .
    C  -1 BASELINE 2   . .   .    .   .  .        . .
    C  60 W8       1.9 2 2    -5   -5 SD STABLE   Y Y
    """
    found = endpoint(TRIAL_VISITS, "subject\nA\nB\nC\nD").visit_response
    columns = (
        "subject day avisit area_cm2 base_area nadir_area pchg_base pchg_nadir "
        "response reason anl01fl anl02fl"
    )
    found = found.assign(base_area=found.base_area.where(found.response != "", np.nan))
    assert shown(found, columns) == lines(expected)


def test_subject_table_side_by_side():
    found = endpoint(TRIAL_VISITS, "subject\nA\nB\nC\nD").subject_response
    responses = f"""
    A Y {date(28)} CR {date(84)} CR {date(84)} Y {date(28)} Y {date(28)} CR {date(183)}
    B N .          PD {date(56)} PD {date(56)} N .          N .          PD {date(56)}
    C N .          SD {date(60)} SD {date(60)} N .          Y {date(60)} NE .
    D N .          NE .          NE .          N .          N .          NE .
    """
    columns = "subject rsp rsp_date bor bor_date cbor cbor_date crsp crsp_date ccb ccb_date"
    assert shown(found, f"{columns} lm6 lm6_date") == lines(responses)
    durations = f"""
    A {date(84)} {date(274)} 191 0 RECUR {date(28)} {date(274)} 247 0 REOPEN 29 85
    B .          .           .   . .     .          .           .   . .      .  .
    C .          .           .   . .     .          .           .   . .      .  .
    D .          .           .   . .     .          .           .   . .      .  .
    """
    columns = "subject dor_start dor_end dor_days dor_cnsr dor_event"
    columns += " rsd_start rsd_end rsd_days rsd_cnsr rsd_event ttr_days ttc_days"
    assert shown(found, columns) == lines(durations)
    assert found.evalfl.tolist() == ["Y", "Y", "Y", "N"]
    # par4: 100*(4-2)/4; lhr4: ln 2 over 5 weeks from day -7; gilman4 by two circles
    radii = np.sqrt(4 / np.pi) - np.sqrt(2 / np.pi)
    row = found.iloc[0]
    assert [row.par4, row.lhr4, row.gilman4] == pytest.approx([50, np.log(2) / 5, radii / 5])


def test_summary_side_by_side():
    found = endpoint(TRIAL_VISITS, "subject\nA\nB\nC\nD").summary
    assert found["n"] == {"subjects": 4, "fas": 4, "eval": 3}
    fas, evaluable = found["bor_confirmed"]["FAS"], found["bor_confirmed"]["EVAL"]
    assert [fas[code] for code in ("CR", "PR", "SD", "PD", "NE")] == [1, 0, 1, 1, 1]
    # exact binomial limits of 2 of 4: 0.0676 and 0.9324 (Clopper & Pearson 1934, their chart)
    assert (fas["DCR"]["n"], fas["DCR"]["N"], fas["DCR"]["p"]) == (2, 4, 0.5)
    assert [fas["DCR"]["cp_lo"], fas["DCR"]["cp_hi"]] == pytest.approx([0.0676, 0.9324], abs=5e-5)
    assert (evaluable["ORR"]["n"], evaluable["ORR"]["N"]) == (1, 3)
    assert [row["n"] for row in found["tipping_orr_fas"]] == [1, 2]
    assert list(found["sensitivity"]) == [
        "eval", "unconfirmed", "accept_sd", "no_cutoff", "sd84", "new_ulcer_pd",
        "worst", "best", "ne_responders", "no_small", "waiting_closed",
    ]  # fmt: skip
    assert found["sensitivity"]["sd84"]["FAS"]["SD"] == 0  # C's only visit is on day 60
    assert found["sensitivity"]["ne_responders"]["FAS"]["ORR"]["n"] == 2
    assert found["tte"]["DOR"]["n"] == 1
    assert found["cif"]["TTC"][0] == {"t": 1.0, "F1": 0.0, "F2": 0.0}  # D, censored on day 0


# --- section 2 ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "area"),
    [
        ("A -28 4\nA -10 3", 3.0),  # the last on or before the first dose
        ("A -28 4\nA 20 3", 4.0),  # the first day of the window
        ("A -29 4\nA 20 3", np.nan),  # outside the window
        ("A -5 4\nA 0 2.5", 2.5),  # the day of the first dose counts
        ("A -5 4\nA 1 2.5", 4.0),
        ("A -5 4\nA -2 0", np.nan),  # area 0 is no baseline
    ],
)
def test_rule_2_3_baseline(rows, area):
    found = first(f"subject day area\n{rows}\nA 30 1")
    assert found.base_area == pytest.approx(area, nan_ok=True)


def test_rule_2_3_same_date_debrided_then_seq():
    header = "subject day area debrided seq\n"
    assert first(header + "A 0 3 Y 1\nA 0 2 . 2").base_area == 3.0
    assert first(header + "A 0 3 . 2\nA 0 2 . 1").base_area == 3.0
    assert first(header + "A 0 3 . .\nA 0 2 . .").base_area == 2.0  # file order


def test_rule_2_4_index_ulcer():
    header = "subject day ulcer area target\n"
    assert first(header + "A 0 u1 2 .\nA 0 u2 3 .").index_ulcer == "u2"
    assert first(header + "A 0 u1 2 Y\nA 0 u2 3 .").index_ulcer == "u1"
    assert first(header + "A 0 u2 3 .\nA 0 u1 3 .").index_ulcer == "u1"


def test_rule_2_4_new_ulcer():
    rows = "subject day ulcer area\nA 0 u1 4\nA 30 u2 0\nA 40 u1 4\nA 40 u2 1\nA 70 u1 4\nA 70 u2 1"
    assert first(rows).new_ulcer_date == date(40)
    who_like = {"ulcer": {"new_ulcer_response": "pd"}}
    found = codes(rows, ONE, who_like)
    assert found == ["0 . . .", "40 PD NEWULC Y", "70 SD STABLE Y"]


def test_rule_2_4_sum_of_baseline_ulcers():
    rows = """
    subject day ulcer area
    A 0  u1 3
    A 0  u2 1
    A 30 u1 1
    A 30 u2 1
    A 60 u1 1
    A 90 u1 0
    A 90 u2 0
    """
    found = endpoint(rows, ONE, {"ulcer": {"strategy": "sum"}}).visit_response
    assert shown(found, "day ulcer area_cm2 base_area response reason") == lines(
        """
        0  SUM 4 4 . .
        30 SUM 2 4 PR PAR50
        60 SUM . 4 NE NOTEVAL
        90 SUM 0 4 CR CLOSED
        """
    )


def test_rule_2_5_largest_evaluable_of_a_date():
    rows = "subject day area evaluable\nA 0 4 .\nA 30 1 .\nA 30 3 .\nA 30 9 N"
    assert codes(rows) == ["0 . . .", "30 . . .", "30 SD STABLE Y", "30 . . ."]


def test_rule_2_5_worst_assessed_code_of_a_date():
    rows = "subject day response\nA 50 PR\nA 50 SD\nA 80 CR\nA 80 NE\nA 90 ."
    found = codes(rows, ONE, {"source": "assessed"})
    assert found == ["50 . . .", "50 SD ASSESSED Y", "80 CR ASSESSED Y", "80 . . .", "90 . . ."]


def test_rule_2_6_death_amputation_and_rescue():
    rows = "subject day area\nA 0 4\nA 30 2\nA 60 0\nA 90 0"
    assert codes(rows, "subject death\nA 60")[-1] == "60 CR CLOSED Y"
    assert codes(rows, "subject amputation\nA 60") == [
        "0 . . .", "30 PR PAR50 Y", "60 PD AMPUT Y", "60 NE POSTAMP .", "90 NE POSTAMP .",
    ]  # fmt: skip
    assert codes(rows, "subject rescue\nA 60")[2:] == ["60 CR CLOSED Y", "90 CR CLOSED ."]
    dropped = endpoint(rows, "subject death\nA 60").summary["warnings"]
    assert [warned["code"] for warned in dropped] == ["AFTER_DEATH"]


# --- section 3 along a course ------------------------------------------------------------------


def test_reopening_needs_a_confirmed_closure():
    rows = "subject day area\nA 0 4\nA 30 0\nA 43 0\nA 50 0.1"
    assert codes(rows)[-1] == "50 PR PAR50 Y"  # 13 days apart: not confirmed, floor of 0.25
    assert codes(rows.replace("43 0", "44 0"))[-1] == "50 PD REOPEN Y"
    two_ne = "subject day area\nA 0 4\nA 30 0\nA 35 .\nA 40 .\nA 60 0\nA 70 0.1"
    assert codes(two_ne)[-1] == "70 PR PAR50 Y"


def test_borderline_flags():
    # interval of 2/4: 0.4353 to 0.5743 holds 0.50; of 3.7/4 does not; of 3.7/2 lies above 1.25
    found = endpoint("subject day area\nA 0 4\nA 30 2\nA 60 2.4\nA 90 0", ONE).visit_response
    assert shown(found, "day borderline_pr borderline_pd") == lines(
        """
        0  . .
        30 Y N
        60 N Y
        90 . .
        """
    )


# --- section 4: landmark -----------------------------------------------------------------------

LANDMARK = [
    ("A 170 2\nA 196 2.1", ONE, "SD", 196),  # 13 days each: the later
    ("A 170 2\nA 197 2.1", ONE, "PR", 170),
    ("A 100 6\nA 183 2", ONE, "PD", 100),  # a PD before it
    ("A 183 2\nA 200 6", ONE, "PR", 183),  # a PD after it
    ("A 100 2\nA 150 2", ONE, "NE", None),  # no carrying forward
    ("A 183 2", "subject death\nA 183", "DEATH", 183),
    ("A 100 2", "subject death\nA 211", "DEATH", 211),
    ("A 183 2", "subject rescue\nA 183", "PR", 183),
    ("A 100 2\nA 183 2", "subject rescue\nA 182", "RESCUE", 182),
    ("A 160 2\nA 183 2", "subject rescue\nA 170", "PR", 160),  # the later visit is not analysed
    ("A 183 2", "subject amputation\nA 120", "PD", 120),
]


@pytest.mark.parametrize(("rows", "subject_rows", "code", "day"), LANDMARK)
def test_landmark(rows, subject_rows, code, day):
    found = first(f"subject day area\nA 0 4\n{rows}", subject_rows)
    assert (found.lm6, found.lm6_date) == (code, "" if day is None else date(day))


# --- section 6: endings ------------------------------------------------------------------------

CLOSED = "subject day area\nA 0 4\nA 56 0\nA 84 0\n"
ENDINGS = [
    ("A 112 0\nA 140 0", ONE, (140, 1, "LASTASM")),
    ("A 112 0.1", ONE, (112, 0, "RECUR")),
    ("A 112 0", "subject death\nA 130", (130, 0, "DEATH")),
    ("A 112 0", "subject amputation\nA 130", (130, 0, "AMPUT")),
    ("A 112 0\nA 140 1", "subject rescue\nA 120", (112, 2, "RESCUE")),
    ("A 140 1", "subject rescue\nA 140", (140, 0, "RECUR")),  # the photograph precedes treatment
    ("A 140 1", ONE, (140, 0, "RECUR")),  # one window (W16) missed
    ("A 183 1", ONE, (84, 3, "MISSED")),  # two windows (W16, W20) missed
    ("A 98 0\nA 154 1", ONE, (154, 0, "RECUR")),  # both at a window's edge: none wholly missed
    ("A 112 0", "subject death\nA 220", (112, 3, "MISSED")),  # W20 and M6 before a death
    ("A 1917 0\nA 1920 1", ONE, (1917, 1, "LASTASM")),  # later visits are ignored
]


@pytest.mark.parametrize(("rows", "subject_rows", "ending"), ENDINGS)
def test_how_remission_ends(rows, subject_rows, ending):
    found = first(CLOSED + rows, subject_rows)
    day, cnsr, event = ending
    assert (found.dor_start, found.dor_end) == (date(56), date(day))
    assert (found.dor_days, found.dor_cnsr, found.dor_event) == (day - 56 + 1, cnsr, event)


def test_a_new_ulcer_ends_remission_unless_ignored():
    rows = (CLOSED + "A 100 1\nA 112 0").replace("area", "area ulcer")
    rows = "\n".join(
        f"{line} {'u2' if line.startswith('A 100') else 'u1'}" if line[0] == "A" else line
        for line in rows.splitlines()
    )
    assert first(rows)[["dor_days", "dor_event"]].tolist() == [45, "NEWULC"]
    ignore = {"ulcer": {"new_ulcer_remission": "ignore"}}
    assert first(rows, ONE, ignore)[["dor_days", "dor_event"]].tolist() == [57, "LASTASM"]


def test_death_competes_with_closure():
    rows = "subject day area\nA 0 4\nA 28 3\nB 0 4\nB 56 0\nB 84 0"
    found = endpoint(rows, "subject death\nA 40\nB .")
    assert found.summary["cif"]["TTC"] == [
        {"t": 41.0, "F1": 0.0, "F2": 0.5},
        {"t": 57.0, "F1": 0.5, "F2": 0.5},
    ]
    assert found.subject_response.ttc_days.tolist() == [None, 57]


# --- Monte Carlo -------------------------------------------------------------------------------


def test_draws_without_error_give_the_plain_result():
    rows = TRIAL_VISITS.replace("evaluable", "evaluable area_sd").splitlines()
    rows = "\n".join(f"{line} 0" if line and line[0] in "ABC" else line for line in rows)
    found = endpoint(rows, "subject\nA\nB\nC\nD", {"uncertainty": {"draws": 9}}, True)
    plain = found.subject_response.set_index("subject").cbor
    assert {
        subject: max(share, key=share.get)
        for subject, share in found.summary["mc"]["subjects"].items()
    } == plain.to_dict()
    assert all(max(s.values()) == 1.0 for s in found.summary["mc"]["subjects"].values())
    judged = found.visit_response[found.visit_response.response.isin(["CR", "PR", "SD", "PD"])]
    for row in judged.itertuples():
        assert getattr(row, f"p_{row.response.lower()}") == 1.0
    dcr = found.summary["mc"]["DCR"]
    assert (dcr["mean"], dcr["lo"], dcr["hi"]) == (0.5, 0.5, 0.5)


def test_draws_choose_the_index_ulcer_anew():
    # two equal ulcers: in half of the draws the one that shrank is the larger at baseline
    rows = "subject day ulcer area\nA 0 u1 4\nA 0 u2 4\nA 60 u1 1\nA 60 u2 4\nA 95 u1 1\nA 95 u2 4"
    shares = endpoint(rows, ONE, None, True).summary["mc"]["subjects"]["A"]
    assert shares["PR"] == pytest.approx(0.5, abs=0.04)
    assert shares["PR"] + shares["SD"] == pytest.approx(1.0)


def test_share_of_a_visit_on_the_threshold_is_a_half():
    found = endpoint("subject day area\nA 0 4\nA 60 2", ONE, None, True).visit_response
    assert found.p_pr[1] == pytest.approx(0.5, abs=0.04)
    assert found.p_pr[1] + found.p_sd[1] == pytest.approx(1.0)


def test_each_draw_is_the_plain_derivation_of_its_areas():
    """Draw by draw, with the same noise, through the plain way: counts of CBOR are equal."""
    rows = TRIAL_VISITS + "A -7 3.9 .\n".replace("-7", "300")
    two = visits(rows + "B 0 2.9 .\n").assign(ulcer=lambda f: ["u1"] * (len(f) - 1) + ["u2"])
    listed, draws = subjects("subject\nA\nB\nC\nD"), 25
    few = DEFAULT.override({"uncertainty": {"draws": draws, "default_cv": 0.3}})
    simulated = derive(two, listed, few, True)
    study = simulated.found.study
    noise = np.random.default_rng(few.uncertainty.seed).standard_normal((draws, study.who.size))
    counts = pd.DataFrame(0.0, index=list("ABCD"), columns=["CR", "PR", "SD", "PD", "NE"])
    for one in noise:
        drawn = replace(study.rows, area=study.rows.area * np.exp(study.spread * one))
        cbor = derive_from(drawn, study.subjects, few).subject_response.cbor
        for subject, code in zip("ABCD", cbor, strict=True):
            counts.loc[subject, code] += 1 / draws
    expected = counts.T.to_dict()
    assert simulated.summary["mc"]["subjects"] == {
        subject: pytest.approx(shares) for subject, shares in expected.items()
    }
    assert 0 < expected["B"]["PD"] < 1  # the draws do differ


# --- section 10: files -------------------------------------------------------------------------


def test_same_input_gives_the_same_bytes(tmp_path):
    for folder in ("one", "two"):
        found = endpoint(TRIAL_VISITS, "subject\nA\nB\nC\nD", {"uncertainty": {"draws": 50}}, True)
        paths = write(found, tmp_path / folder)
    assert sorted(path.name for path in paths) == [
        "adrs.csv", "adsl.csv", "adtte.csv", "define.csv", "define.html",
        "km_dor.csv", "km_rsd.csv", "protocol_used.yaml", "rs.csv",
        "subject_response.csv", "summary.json", "tr.csv", "tu.csv", "visit_response.csv",
    ]  # fmt: skip
    for path in paths:
        assert path.read_bytes() == (tmp_path / "one" / path.name).read_bytes()
    summary = json.loads((tmp_path / "one" / "summary.json").read_text(encoding="utf-8"))
    assert summary["protocol"]["sha256"] == found.protocol.sha256()
    back = pd.read_csv(tmp_path / "one" / "visit_response.csv")
    assert back.columns.tolist()[-4:] == ["p_cr", "p_pr", "p_sd", "p_pd"]


def test_columns_are_those_of_section_10():
    found = endpoint(TRIAL_VISITS, ONE)
    assert " ".join(found.visit_response.columns) == (
        "subject visit avisit date day ulcer area_cm2 area_sd evaluable base_area nadir_area "
        "pchg_base pchg_nadir response reason anl01fl anl02fl borderline_pr borderline_pd"
    )
    assert " ".join(found.subject_response.columns) == (
        "subject fasfl evalfl index_ulcer base_date base_area small_ulcer rsp rsp_date bor "
        "bor_date cbor cbor_date crsp crsp_date cb cb_date ccb ccb_date pd_date pd_reason lm6 "
        "lm6_date new_ulcer_date dor_start dor_end dor_days dor_cnsr dor_event rsd_start rsd_end "
        "rsd_days rsd_cnsr rsd_event ttr_days ttc_days par4 lhr4 gilman4 crpr_warning ln_slope "
        "halving_weeks"
    )


def test_no_visits_at_all():
    found = derive(visits("subject day area\nX 0 1"), subjects("subject\nA"))
    assert found.subject_response.cbor.tolist() == ["NE"]
    assert found.summary["tte"]["DOR"]["n"] == 0
    assert [w["code"] for w in found.summary["warnings"]] == ["NOT_LISTED"]


def test_evidence_names_the_record_and_the_rule():
    found = endpoint(TRIAL_VISITS, ONE).evidence.set_index("parameter").loc["CBOR"]
    assert found.rule == CBOR[0].name == "cbor_cr"
    assert (found.value, found.date, found.confirmed_by) == ("CR", date(84), date(112))
    assert found.row == 5  # row of visits.csv; the header is 1


def test_story():
    told = explain(endpoint(TRIAL_VISITS, "subject\nA\nB\nC\nD"), "A")
    assert "Baseline: ulcer u1, 4 cm² on 2023-12-25" in told
    assert "shrunk from baseline by at least 50 % and at least 0.25 cm²" in told
    assert "complete response (CR) on 2024-03-25, confirmed on 2024-04-22" in told
    assert "Remission began on 2024-03-25 and ended on 2024-10-01 after 191 days" in told


# --- properties --------------------------------------------------------------------------------

COURSE = st.dictionaries(
    st.integers(1, 400),
    st.one_of(st.none(), st.sampled_from([0.0, 0.03, 0.3, 0.6, 1.0, 1.9, 2.0, 2.1, 2.6, 4.0])),
    max_size=7,
)


def study_of(courses, factor=1.0):
    rows = [
        (f"S{who}", date(day), "u1", "" if area is None else area * factor, "", f"D{day}")
        for who, course in enumerate(courses)
        for day, area in {0: 2.0, **course}.items()
    ]
    columns = ["subject", "date", "ulcer", "area_cm2", "evaluable", "visit"]
    listed = [(f"S{who}", date(0)) for who in range(len(courses))]
    return (
        pd.DataFrame(rows, columns=columns, dtype=object),
        pd.DataFrame(listed, columns=["subject", "trt_start"]),
    )


@settings(max_examples=15, deadline=None)
@given(st.lists(COURSE, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter(courses, random):
    table, listed = study_of(courses)
    order = list(range(len(table)))
    random.shuffle(order)
    plain, mixed = derive(table, listed, DEFAULT), derive(table.iloc[order], listed, DEFAULT)
    for found in (plain, mixed):
        found.summary["warnings"] = []  # they name rows of the file
    assert plain.texts == mixed.texts
    assert len(plain.subject_response) == len(courses)  # every subject has one row


@settings(max_examples=15, deadline=None)
@given(st.lists(COURSE, min_size=1, max_size=5), st.sampled_from([0.125, 0.5, 4.0, 16.0]))
def test_scale_does_not_matter_without_floors(courses, factor):
    relative = DEFAULT.override(
        {
            "category": {
                "pr": {"min_decrease_cm2": 0.0},
                "pd": {"min_increase_cm2": 0.0},
                "cr": {"closed_tol_cm2": 0.0},
            }
        }
    )
    tables = [study_of(courses, scale) for scale in (1.0, factor)]
    plain, scaled = (derive(table, listed, relative) for table, listed in tables)
    assert plain.visit_response.response.tolist() == scaled.visit_response.response.tolist()
    assert plain.subject_response.cbor.tolist() == scaled.subject_response.cbor.tolist()
    assert plain.subject_response.dor_days.tolist() == scaled.subject_response.dor_days.tolist()


def coded_plainly(course):
    """Code and reason of each visit after a baseline of 2 cm², read off section 3 line by line."""
    days, found, nadir = sorted(course), {}, 2.0
    for place, day in enumerate(days):
        area = course[day]
        if area is None:
            found[day] = ("NE", "NOTEVAL")
            continue
        if area <= 0:
            found[day] = ("CR", "CLOSED")
        elif closure_confirmed([(d, course[d]) for d in days[:place]]):
            found[day] = ("PD", "REOPEN")
        elif round(area - nadir, 6) >= 0.25 and (
            nadir == 0 or round(100 * (area - nadir) / nadir, 6) >= 25
        ):
            found[day] = ("PD", "GROWTH")
        elif round(2.0 - area, 6) >= 0.25 and round(100 * (2.0 - area) / 2.0, 6) >= 50:
            found[day] = ("PR", "PAR50")
        else:
            found[day] = ("SD", "STABLE")
        nadir = min(nadir, area)
    return found


def closure_confirmed(visits_before):
    """Two closed visits at least 14 days apart, only CR and at most one NE between."""
    for i, (day, area) in enumerate(visits_before):
        for j in range(i + 1, len(visits_before)):
            later, other = visits_before[j]
            between = [a for _, a in visits_before[i + 1 : j]]
            if (
                area == 0 and other == 0 and later - day >= 14
                and all(a is None or a == 0 for a in between)
                and between.count(None) <= 1
            ):  # fmt: skip
                return True
    return False


CLOSING = st.dictionaries(
    st.integers(1, 90), st.sampled_from([None, 0.0, 0.0, 0.0, 0.2, 1.0, 2.6]), max_size=9
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(COURSE, CLOSING), min_size=1, max_size=8))
def test_arrays_agree_with_section_3_read_plainly(courses):
    table, listed = study_of(courses)
    found = visit_response(table, listed, DEFAULT)
    for who, course in enumerate(courses):
        mine = found[(found.subject == f"S{who}") & (found.day > 0)]
        actual = {row.day: (row.response, row.reason) for row in mine.itertuples()}
        assert actual == coded_plainly(course)


@settings(max_examples=25, deadline=None)
@given(COURSE.filter(bool), st.data())
def test_a_better_area_never_gives_a_worse_category_at_its_visit(course, data):
    day = data.draw(st.sampled_from(sorted(course)))
    if course[day] is None:
        return
    better = {**course, day: data.draw(st.sampled_from([0.0, course[day] / 2, course[day]]))}
    table, listed = study_of([course, better])
    found = visit_response(table, listed, DEFAULT)
    plain, other = found[found.day == day].response
    assert ["CR", "PR", "SD", "PD"].index(other) <= ["CR", "PR", "SD", "PD"].index(plain)

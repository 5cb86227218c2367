"""Section 4: best overall response, against admiralonco's tests and a plain re-reading."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making import lines, shown, table

from woundseg.errors import TableError
from woundseg.trial import best_response, confirmed_response
from woundseg.trial.best import PARAMETERS
from woundseg.trial.protocol import load

# pharmaverse/admiralonco, tests/testthat/test-derive_param_confirmed_bor.R (ADSL and ADRS)
ADSL = """
subject trt_start  pd_date
1       2020-01-01 .
2       2019-12-12 .
3       2019-11-11 .
4       2019-12-30 .
5       2020-01-01 .
6       2020-02-02 .
7       2020-02-02 .
8       2020-04-01 .
9       2020-02-01 2020-02-16
"""
PROTOCOL = load()
ADRS = """
subject date       response
1       2020-01-01 PR
1       2020-02-01 CR
1       2020-02-16 NE
1       2020-03-01 CR
1       2020-04-01 SD
2       2020-01-01 SD
2       2020-02-01 PR
2       2020-03-01 SD
2       2020-03-13 CR
3       2019-11-12 CR
3       2019-12-02 CR
3       2020-01-01 SD
4       2020-01-01 PR
4       2020-03-01 SD
4       2020-04-01 SD
4       2020-05-01 PR
4       2020-05-15 NON-CR/NON-PD
5       2020-01-01 PR
5       2020-01-10 SD
5       2020-01-20 PR
5       2020-05-15 NON-CR/NON-PD
6       2020-02-06 PR
6       2020-02-16 CR
6       2020-03-30 PR
7       2020-02-06 PR
7       2020-02-16 CR
7       2020-04-01 NE
9       2020-02-16 PD
9       2020-03-06 SD
"""
# ref_start_window = 28, ref_confirm = 28, source_pd: our names for admiralonco's arguments
ADMIRAL = {
    "cutoff_day": None,
    "postbaseline_only": False,
    "sd_min_days": 28,
    "confirm_days_cr": 28,
    "confirm_days_pr": 28,
    "pd_date_source": "external",
    "missing_as_ne": False,
}


def admiral(**changes):
    return PROTOCOL.override({"bor": ADMIRAL | changes})


def test_admiralonco_confirmed_bor_test_1_default():
    expected = """
    1 CR            2020-02-01
    2 SD            2020-02-01
    3 SD            2020-01-01
    4 SD            2020-03-01
    5 NON-CR/NON-PD 2020-05-15
    6 SD            2020-03-30
    7 NE            2020-02-06
    8 MISSING       .
    9 PD            2020-02-16
    """
    actual = confirmed_response(table(ADRS), table(ADSL), admiral())
    assert shown(actual, "subject cbor cbor_date") == lines(expected)


def test_admiralonco_confirmed_bor_test_2_accept_sd_nd_missing_as_ne():
    other = table(ADRS).query("subject != '7'")
    coded = pd.concat([other, table("subject date response\n7 2020-04-02 ND")])
    rules = admiral(
        confirm_days_cr=14,
        confirm_days_pr=14,
        max_ne_between=0,
        accept_sd_between=True,
        missing_as_ne=True,
    )
    expected = """
    1 PR 2020-01-01
    2 PR 2020-02-01
    3 CR 2019-11-12
    4 SD 2020-03-01
    5 PR 2020-01-01
    6 SD 2020-03-30
    7 ND 2020-04-02
    8 NE .
    9 PD 2020-02-16
    """
    actual = confirmed_response(coded, table(ADSL), rules)
    assert shown(actual, "subject cbor cbor_date") == lines(expected)
    # test-derive_param_confirmed_resp.R, test 2: accept SD
    responders = {"1": "2020-01-01", "2": "2020-02-01", "3": "2019-11-12", "5": "2020-01-01"}
    assert dict(zip(actual.subject, actual.crsp_date, strict=True)) == {
        subject: responders.get(subject, "") for subject in "123456789"
    }


def test_admiralonco_confirmed_resp_test_1_default():
    # test-derive_param_confirmed_resp.R, test 1: subject 1 alone, by the PR of 2020-01-01
    actual = confirmed_response(table(ADRS), table(ADSL), admiral())
    assert actual.crsp.tolist() == ["Y"] + ["N"] * 8
    assert actual.crsp_date.tolist() == ["2020-01-01"] + [""] * 8


def test_admiralonco_bor_test_1_without_pd():
    # test-derive_param_bor.R, test 1 (subjects 1 to 8)
    expected = """
    1 CR      2020-02-01
    2 CR      2020-03-13
    3 CR      2019-11-12
    4 PR      2020-01-01
    5 PR      2020-01-01
    6 CR      2020-02-16
    7 CR      2020-02-16
    8 MISSING .
    """
    actual = best_response(table(ADRS), table(ADSL), admiral(stop_at_pd=False))
    assert shown(actual, "subject bor bor_date")[:8] == lines(expected)


def test_admiralonco_bor_test_2_stops_at_the_external_pd():
    # test-derive_param_bor.R, test 2: PD of subject 2 on 2020-03-01, of subject 6 on 2020-02-05
    listed = table(ADSL).set_index("subject")
    listed.loc[["2", "6"], "pd_date"] = ["2020-03-01", "2020-02-05"]
    actual = best_response(table(ADRS), listed.reset_index(), admiral()).set_index("subject")
    assert (actual.bor["2"], actual.bor_date["2"]) == ("PR", "2020-02-01")
    assert (actual.bor["6"], actual.bor_date["6"]) == ("MISSING", "")


def test_admiralonco_bor_only_early_stable_disease_is_not_evaluable():
    # test-derive_param_bor.R, test 1, expected_03: SD before the reference date gives NE
    coded = table("subject date response\n7 2020-01-01 SD\n7 2020-01-02 SD\n7 2020-01-03 SD")
    actual = best_response(coded, table(ADSL), admiral()).set_index("subject")
    assert (actual.bor["7"], actual.bor_date["7"]) == ("NE", "2020-01-01")


def test_an_unknown_code_is_named():
    # admiralonco: "The following invalid values were found: `iCR`"
    coded = table("subject date response\n1 2020-01-01 PR\n1 2020-03-01 iCR")
    with pytest.raises(TableError, match=r"row 3, column response: 'iCR' is not a response code"):
        best_response(coded, table(ADSL), admiral())


def test_every_parameter_ends_with_a_catch_all():
    for sources in PARAMETERS.values():
        assert [source.condition is None for source in sources][-1]
        assert sum(source.condition is None for source in sources) == 1
        assert len({source.name for source in sources}) == len(sources)
        assert sources[0].describe().startswith(sources[0].name)


# The rules of section 4 once more, record by record, as a person would apply them.
ORDER = ["CR", "PR", "SD", "NON-CR/NON-PD", "PD", "NE", "ND", "MISSING"]


def plainly(records, rules):
    """BOR, CBOR and CRSP of one subject's (day, code) records, read off section 4."""
    records = [r for r in records if rules.cutoff_day is None or r[0] <= rules.cutoff_day]
    first_pd = min((day for day, code in records if code == "PD"), default=10**6)
    if rules.stop_at_pd:
        records = [r for r in records if r[0] <= first_pd]
    bor, cbor, crsp = [], [], []
    for i, (day, code) in enumerate(records):
        late = day >= rules.sd_min_days
        by_cr, by_pr = confirms(records, i, rules)
        soft = code in ("SD", "NON-CR/NON-PD") and not late
        bor.append(("NE" if soft else code, day))
        candidates = {"CR": by_cr, "PR": by_pr, "SD": late and code in ("CR", "PR", "SD")}
        cbor += [(name, day) for name, met in candidates.items() if met]
        early = not late and code in ("CR", "PR", "SD", "NON-CR/NON-PD")
        if early or code in ("NE", "ND", "PD", "NON-CR/NON-PD"):
            cbor.append(("NE" if early else code, day))
        crsp += [day] if by_cr or by_pr else []
    pick = [
        min(c, key=lambda r: (ORDER.index(r[0]), r[1]), default=("NE", None)) for c in (bor, cbor)
    ]
    return pick[0], pick[1], min(crsp, default=None)


def confirms(records, i, rules):
    day, code = records[i]
    later = list(enumerate(records))[i + 1 :]

    def segment(codes, days):
        j = next((j for j, (d, c) in later if c in codes and d >= day + days), None)
        return None if j is None else [c for _, c in records[i + 1 : j + 1]]

    cr = segment(["CR"], rules.confirm_days_cr) if code == "CR" else None
    pr = segment(["CR", "PR"], rules.confirm_days_pr) if code == "PR" else None
    by_cr = cr is not None and set(cr) <= {"CR", "NE"} and cr.count("NE") <= rules.max_ne_between
    by_pr = (
        pr is not None
        and set(pr) <= {"CR", "PR", "SD", "NE"}
        and pr.count("NE") <= rules.max_ne_between
        and pr.count("SD") <= int(rules.accept_sd_between)
        and not ("CR" in pr and "PR" in pr[pr.index("CR") :])
    )
    return by_cr, by_pr


CODED = st.dictionaries(
    st.integers(1, 260),
    st.sampled_from(["CR", "CR", "PR", "PR", "SD", "NE", "PD", "NON-CR/NON-PD", "ND"]),
    max_size=9,
)
RULES = st.fixed_dictionaries(
    {
        "max_ne_between": st.integers(0, 2),
        "accept_sd_between": st.booleans(),
        "stop_at_pd": st.booleans(),
        "cutoff_day": st.sampled_from([None, 211]),
        "confirm_days_cr": st.sampled_from([0, 14, 28]),
    }
)


@settings(max_examples=30, deadline=None)
@given(st.lists(CODED, min_size=1, max_size=12), RULES)
def test_arrays_agree_with_the_rules_read_plainly(study, changes):
    protocol = PROTOCOL.override({"bor": changes})
    start = pd.Timestamp("2024-01-01")
    rows = [
        (f"S{who:02d}", start + pd.Timedelta(days=day), code)
        for who, records in enumerate(study)
        for day, code in records.items()
    ]
    coded = pd.DataFrame(rows, columns=["subject", "date", "response"])
    listed = pd.DataFrame(
        {"subject": [f"S{who:02d}" for who in range(len(study))], "trt_start": start}
    )
    best = best_response(coded, listed, protocol)
    sure = confirmed_response(coded, listed, protocol)
    assert len(best) == len(sure) == len(study)
    for who, records in enumerate(study):
        bor, cbor, crsp = plainly(sorted(records.items()), protocol.bor)
        for (code, day), actual, dated in (
            (bor, best.bor[who], best.bor_date[who]),
            (cbor, sure.cbor[who], sure.cbor_date[who]),
        ):
            assert (actual, dated) == (code, iso(start, day))
        assert sure.crsp_date[who] == iso(start, crsp)


def iso(start, day):
    return "" if day is None else (start + pd.Timedelta(days=day)).date().isoformat()


@settings(max_examples=30, deadline=None)
@given(CODED, st.integers(1, 260))
def test_one_more_not_evaluable_visit_never_improves_the_best_response(records, day):
    # ND is left out: by section 4's order an added NE does outrank a lone ND
    records = {d: code for d, code in records.items() if d != day and code != "ND"}
    listed = pd.DataFrame({"subject": ["A", "B"], "trt_start": ["2024-01-01"] * 2})
    start = pd.Timestamp("2024-01-01")
    rows = [("A", d, c) for d, c in records.items()] + [("B", d, c) for d, c in records.items()]
    frame = pd.DataFrame([*rows, ("B", day, "NE")], columns=["subject", "day", "response"])
    frame["date"] = start + pd.to_timedelta(frame["day"].astype(int), unit="D")
    for function, name in ((best_response, "bor"), (confirmed_response, "cbor")):
        plain, more = function(frame, listed, PROTOCOL)[name]
        assert ORDER.index(more) >= ORDER.index(plain)

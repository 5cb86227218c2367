"""The data sets of section 8 on a whole small study: input and expected rows side by side, by hand.

Outside sources: pharmaversesdtm's tu_onco, tr_onco and rs_onco and pharmaverseadam's adrs_onco and
adtte_onco as documented (one RS record a visit traced by SRCDOM, SRCVAR and SRCSEQ; AVAL of a code;
no day 0 in --DY, SDTMIG), admiral's derive_param_tte (AVAL = ADT - STARTDT + 1, CNSR 0 = event).
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making import DEFAULT, date, endpoint, lines, shown

from woundseg.errors import TableError
from woundseg.trial.cdisc.variables import (
    DURATIONS,
    MAX_LABEL,
    MAX_NAME,
    PARAMETERS,
    TESTS,
    data_sets,
)
from woundseg.trial.endpoint import write

VISITS = """
subject day area ulcer evaluable calibrated area_sd granulation
A        -7 4.0  u1 . . .   .
A        -7 1.0  u2 . . .   .
A        28 2.0  u1 . . 0.1 0.6
A        56 0    u1 . . .   .
A        70 0    u1 . . .   .
A       112 .    u1 N . .   .
A       183 0    u1 . . .   .
A       274 0    u1 . . .   .
A       274 0.5  u3 . . .   .
B         0 3.0  u1 . . .   .
B        28 2.9  u1 . N .   .
B        56 2.8  u1 . . .   .
B        84 1.0  u1 . . .   .
B       112 0    u1 . . .   .
"""
SUBJECTS = """
subject rescue amputation death fasfl
A       .      .          .     .
B       70     100        300   .
C       .      .          .     .
"""
"""A closes (days 56 and 70) and has a new ulcer; B is rescued on day 70 and loses the limb on day
100; C never came. Day 0 is 2024-01-01."""


@pytest.fixture(scope="module")
def study():
    return endpoint(VISITS, SUBJECTS).datasets


def dated(text):
    """Lines of text in which ``@28`` is the date of day 28."""
    return [re.sub(r"@(-?\d+)", lambda m: date(int(m[1])), line) for line in lines(text)]


def rows(frame, columns):
    """The columns as lines, the study's prefix of USUBJID left out, spaces as underscores."""
    cells = frame[columns.split()].replace({r"^NCT06480123-": "", " ": "_"}, regex=True)
    return shown(cells, columns)


def test_tu(study):
    expected = """
    A 1 u1 TUMIDENT TARGET     TARGET     PHOTOGRAPHY ALGORITHM 0 BASELINE @-7  -7
    A 2 u2 TUMIDENT NON-TARGET NON-TARGET PHOTOGRAPHY ALGORITHM 0 BASELINE @-7  -7
    A 3 u3 TUMIDENT NEW        NEW        PHOTOGRAPHY ALGORITHM 8 M9       @274 275
    B 1 u1 TUMIDENT TARGET     TARGET     PHOTOGRAPHY ALGORITHM 0 BASELINE @0     1
    """
    columns = (
        "USUBJID TUSEQ TULNKID TUTESTCD TUORRES TUSTRESC TUMETHOD TUEVAL VISITNUM VISIT TUDTC TUDY"
    )
    assert rows(study["TU"], columns) == dated(expected)


def test_tr(study):
    expected = """
    A  1 u1 AREA   4    cm2      4    . .                  @-7
    A  2 u2 AREA   1    cm2      1    . .                  @-7
    A  3 u1 AREA   2    cm2      2    . .                  @28
    A  4 u1 AREASD 0.1  cm2      0.1  . .                  @28
    A  5 u1 GRANFR 0.6  fraction 0.6  . .                  @28
    A  6 u1 AREA   0    cm2      0    . .                  @56
    A  7 u1 AREA   0    cm2      0    . .                  @70
    A  8 u1 AREA   .    .        .    NOT_DONE NOTEVAL     @112
    A  9 u1 AREA   0    cm2      0    . .                  @183
    A 10 u1 AREA   0    cm2      0    . .                  @274
    A 11 u3 AREA   0.5  cm2      0.5  . .                  @274
    B  1 u1 AREA   3    cm2      3    . .                  @0
    B  2 u1 AREA   .    .        .    NOT_DONE uncalibrated_photo @28
    B  3 u1 AREA   2.8  cm2      2.8  . .                  @56
    B  4 u1 AREA   1    cm2      1    . .                  @84
    B  5 u1 AREA   .    .        .    NOT_DONE POSTAMP     @112
    """
    found = study["TR"]
    columns = "USUBJID TRSEQ TRLNKID TRTESTCD TRORRES TRORRESU TRSTRESN TRSTAT TRREASND TRDTC"
    assert rows(found, columns) == dated(expected)
    assert found["TRLNKGRP"].tolist() == found["TRDTC"].tolist()
    assert found["TRSTRESC"].tolist() == found["TRORRES"].tolist()


def test_rs(study):
    expected = """
    A 1 OVRLRESP PR @28  @28  29  2 W4  PHOTOGRAPHY
    A 2 OVRLRESP CR @56  @56  57  3 W8  PHOTOGRAPHY
    A 3 OVRLRESP CR @70  @70  71  4 W12 PHOTOGRAPHY
    A 4 OVRLRESP NE @112 @112 113 5 W16 PHOTOGRAPHY
    A 5 OVRLRESP CR @183 @183 184 7 M6  PHOTOGRAPHY
    A 6 OVRLRESP CR @274 @274 275 8 M9  PHOTOGRAPHY
    A 7 BESTRESP CR .    @56  57  3 W8  .
    B 1 OVRLRESP NE @28  @28  29  2 W4  PHOTOGRAPHY
    B 2 OVRLRESP SD @56  @56  57  3 W8  PHOTOGRAPHY
    B 3 OVRLRESP PR @84  @84  85  4 W12 PHOTOGRAPHY
    B 4 OVRLRESP PD @100 @100 101 5 W16 .
    B 5 OVRLRESP NE @112 @112 113 5 W16 PHOTOGRAPHY
    B 6 BESTRESP SD .    @56  57  3 W8  .
    C 1 BESTRESP NE .    .    .   . .   .
    """
    found = study["RS"]
    columns = "USUBJID RSSEQ RSTESTCD RSORRES RSLNKGRP RSDTC RSDY VISITNUM VISIT RSMETHOD"
    assert rows(found, columns) == dated(expected)
    assert set(found["RSCAT"]) == {"WOUNDSEG WHO-LIKE 1.0"}
    assert set(found["RSSTAT"]) == {""}  # NE is a result; only ND is not done


def test_adsl(study):
    expected = """
    A A Y Y @0 .   .    .    . @-7 4 N u1 @274 @274
    B B Y Y @0 @70 @100 @300 Y @0  3 N u1 .    @56
    C C Y N @0 .   .    .    . .   . N .  .    .
    """
    columns = (
        "USUBJID SUBJID FASFL EVALFL TRTSDT RESCDT AMPDT DTHDT DTHFL BLADT BLAREA SMALLFL "
        "INDEXULC NEWULDT LSTEVDT"
    )
    assert rows(study["ADSL"], columns) == dated(expected)
    assert {"AGE", "SEX"}.isdisjoint(study["ADSL"].columns)


def test_adrs_visits(study):
    expected = """
    A 2 PR @28  29  W4  2 4 4 2   -50  -50  PAR50   Y Y Y 1
    A 1 CR @56  57  W8  3 4 2 0   -100 -100 CLOSED  . Y Y 2
    A 1 CR @70  71  W12 4 4 0 0   -100 .    CLOSED  . Y Y 3
    A 6 NE @112 113 W16 5 4 0 .   .    .    NOTEVAL . Y Y 4
    A 1 CR @183 184 M6  7 4 0 0   -100 .    CLOSED  . Y Y 5
    A 1 CR @274 275 M9  8 4 0 0   -100 .    CLOSED  . Y Y 6
    B 6 NE @28  29  W4  2 3 3 .   .    .    NOTEVAL . Y Y 1
    B 3 SD @56  57  W8  3 3 3 2.8 -6.66667 -6.66667 STABLE N Y Y 2
    B 2 PR @84  85  W12 4 3 2.8 1 -66.6667 -64.2857 PAR50  N . . 3
    B 5 PD @100 101 W16 5 3 1 .   .    .    AMPUT   . . . 4
    B 6 NE @112 113 W16 5 3 . .   .    .    POSTAMP . . . 5
    """
    found = study["ADRS"].query("PARAMCD == 'OVR'")
    columns = (
        "USUBJID AVAL AVALC ADT ADY AVISIT AVISITN BASE NADIR AREA PCHGB PCHGN REASON BORDFL "
        "ANL01FL ANL02FL SRCSEQ"
    )
    assert rows(found, columns) == dated(expected)
    assert set(found["SRCDOM"] + "." + found["SRCVAR"]) == {"RS.RSSTRESC"}


def test_adrs_parameters(study):
    # LM6 of B: rescue (day 70) lies before the limit (day 211); the amputation comes after rescue
    expected = """
    A PD    N  0 .    .   .    .        .  7
    A RSP   Y  1 @28  W4  RS   RSSTRESC 1  8
    A CRSP  Y  1 @28  W4  RS   RSSTRESC 1  9
    A BOR   CR 1 @56  W8  RS   RSSTRESC 2 10
    A CBOR  CR 1 @56  W8  RS   RSSTRESC 2 11
    A CB    Y  1 @28  W4  RS   RSSTRESC 1 12
    A CCB   Y  1 @28  W4  RS   RSSTRESC 1 13
    A LM6   CR 1 @183 M6  RS   RSSTRESC 5 14
    A DEATH N  0 .    .   .    .        . 15
    A LSTA  CR 1 @274 M9  RS   RSSTRESC 6 16
    B PD    N  0 .    .   .    .        .  6
    B RSP   N  0 .    .   .    .        .  7
    B CRSP  N  0 .    .   .    .        .  8
    B BOR   SD 3 @56  W8  RS   RSSTRESC 2  9
    B CBOR  SD 3 @56  W8  RS   RSSTRESC 2 10
    B CB    Y  1 @56  W8  RS   RSSTRESC 2 11
    B CCB   Y  1 @56  W8  RS   RSSTRESC 2 12
    B LM6   RESCUE . @70 . ADSL RESCDT  . 13
    B DEATH Y  1 @300 .   ADSL DTHDT    . 14
    B LSTA  SD 3 @56  W8  RS   RSSTRESC 2 15
    C PD    N  0 .    .   .    .        .  1
    C RSP   N  0 .    .   .    .        .  2
    C CRSP  N  0 .    .   .    .        .  3
    C BOR   NE 6 .    .   .    .        .  4
    C CBOR  NE 6 .    .   .    .        .  5
    C CB    N  0 .    .   .    .        .  6
    C CCB   N  0 .    .   .    .        .  7
    C LM6   NE 6 .    .   .    .        .  8
    C DEATH N  0 .    .   .    .        .  9
    """
    found = study["ADRS"].query("PARAMCD != 'OVR'")
    columns = "USUBJID PARAMCD AVALC AVAL ADT AVISIT SRCDOM SRCVAR SRCSEQ ASEQ"
    assert rows(found, columns) == dated(expected)
    assert set(found["ANL01FL"]) == {"Y"}


def test_adtte(study):
    # TTC of B: rescue comes before closure, amputation and death
    expected = """
    A DOR 219 @56 @274 0 NEWULC   .                                1 TU   TUDTC  3 1
    A RSD 247 @28 @274 1 LASTASM  Last_evaluable_visit             0 ADRS ADT    6 2
    A TTR 29  @0  @28  0 RESPONSE .                                1 ADRS ADT    1 3
    A TTC 57  @0  @56  0 CLOSED   .                                1 ADRS ADT    2 4
    B TTR 57  @0  @56  2 RESCUE   Last_evaluable_visit_up_to_rescue 0 ADRS ADT   2 1
    B TTC 57  @0  @56  2 RESCUE   Last_evaluable_visit_up_to_rescue 0 ADRS ADT   2 2
    C TTR 1   @0  @0   1 LASTASM  First_dose:_no_evaluable_visit   0 ADSL TRTSDT . 1
    C TTC 1   @0  @0   1 LASTASM  First_dose:_no_evaluable_visit   0 ADSL TRTSDT . 2
    """
    columns = (
        "USUBJID PARAMCD AVAL STARTDT ADT CNSR EVNTDESC CNSDTDSC EVTYPE SRCDOM SRCVAR SRCSEQ ASEQ"
    )
    assert rows(study["ADTTE"], columns) == dated(expected)


# --- other modes -------------------------------------------------------------------------------


def test_sum_strategy_gives_sums_and_several_targets():
    found = endpoint(
        "subject day area ulcer\nA 0 3 u1\nA 0 1 u2\nA 60 1 u1\nA 60 1 u2\nA 90 1 u1",
        "subject\nA",
        {"ulcer": {"strategy": "sum"}},
    ).datasets
    assert found["TU"]["TUORRES"].tolist() == ["TARGET", "TARGET"]
    sums = found["TR"].query("TRTESTCD == 'SUMAREA'")
    expected = """
    .  4 . .                @0
    .  2 . .                @60
    .  . NOT_DONE NOTEVAL   @90
    """
    assert rows(sums, "TRLNKID TRSTRESN TRSTAT TRREASND TRDTC") == dated(expected)
    assert rows(found["RS"], "RSTESTCD RSORRES RSDTC") == dated(
        "OVRLRESP PR @60\nOVRLRESP NE @90\nBESTRESP SD @60"
    )


def test_a_photograph_on_the_day_of_amputation_gives_no_second_response():
    found = endpoint("subject day area\nA 0 4\nA 60 0\nA 60 0", "subject amputation\nA 60").datasets
    visits = found["RS"].query("RSTESTCD == 'OVRLRESP'")
    assert rows(visits, "RSSEQ RSORRES RSDTC RSMETHOD") == dated("1 PD @60 .")
    assert rows(found["ADRS"].query("PARAMCD == 'OVR'"), "AVALC REASON") == ["PD AMPUT"]
    assert found["TR"]["TRREASND"].tolist() == ["", "POSTAMP", "POSTAMP"]


def test_assessed_codes_are_the_investigators():
    found = endpoint(
        "subject day response evaluable\nA 50 SD .\nA 90 ND .\nA 120 PD .",
        "subject amputation pd\nA 130 120",
        {"source": "assessed"},
    ).datasets
    expected = """
    OVRLRESP SD .        .  INVESTIGATOR
    OVRLRESP .  NOT_DONE ND INVESTIGATOR
    OVRLRESP PD .        .  INVESTIGATOR
    OVRLRESP PD .        .  ALGORITHM
    BESTRESP SD .        .  ALGORITHM
    """
    assert rows(found["RS"], "RSTESTCD RSORRES RSSTAT RSREASND RSEVAL") == lines(expected)
    assert set(found["RS"]["RSMETHOD"]) == {""}
    assert found["TR"].empty  # a blank area is not a failed photograph where the code decides
    assert found["ADRS"]["AVALC"].tolist()[:4] == ["SD", "ND", "PD", "PD"]
    assert np.isnan(found["ADRS"]["AVAL"][1])


def test_a_progression_from_outside_names_its_source():
    found = endpoint(
        "subject day area\nA 0 4\nA 60 1\nA 100 1",
        "subject pd\nA 80",
        {"bor": {"pd_date_source": "external"}},
    ).datasets
    pd_row = found["ADRS"].query("PARAMCD == 'PD'")
    assert rows(pd_row, "AVALC ADT SRCDOM SRCVAR SRCSEQ") == dated("Y @80 SUBJECTS PD_DATE .")


def test_age_and_sex_where_they_are_given():
    found = endpoint("subject day area\nA 0 4", "subject age sex\nA 61 F\nB . M").datasets
    assert rows(found["ADSL"], "AGE SEX") == ["61 F", ". M"]
    with pytest.raises(TableError, match=r"column age, subject 'A': '61y' is not a number"):
        _ = endpoint("subject day area\nA 0 4", "subject age\nA 61y").texts


def test_a_study_without_visits():
    found = endpoint("subject day area", "subject\nA")
    assert found.datasets["TR"].empty and found.datasets["TU"].empty
    assert found.datasets["TR"]["TRSTRESN"].dtype == np.float64
    assert sorted(found.xpt) == ["adrs.xpt", "adsl.xpt", "adtte.xpt", "rs.xpt", "tr.xpt", "tu.xpt"]


# --- the table of variables ----------------------------------------------------------------------

EVERY = [(name, v) for name, found in data_sets().items() for v in found.variables]


@pytest.mark.parametrize(("name", "variable"), EVERY, ids=[f"{n}.{v.name}" for n, v in EVERY])
def test_names_and_labels_fit_xpt(name, variable):
    """TS-140: names of 8 characters, labels of 40; FDA's guide: A-Z, 0-9 and _ only."""
    assert re.fullmatch(rf"[A-Z_][A-Z0-9_]{{0,{MAX_NAME - 1}}}", variable.name)
    assert 0 < len(variable.label) <= MAX_LABEL
    assert variable.label.isascii()
    assert "--" not in variable.derivation


def test_parameters_tests_and_data_sets_fit():
    for code, text in [(c, p[0]) for c, p in PARAMETERS.items()] + list(DURATIONS.items()):
        assert len(code) <= 8 and len(text) <= 40
    for code, (text, _) in TESTS.items():
        assert len(code) <= 8 and len(text) <= 40
    for name, found in data_sets().items():
        assert len(name) <= 8 and len(found.label) <= 40
        names = [variable.name for variable in found.variables]
        assert len(set(names)) == len(names) and set(found.keys) <= set(names)


SECTION_8 = {
    "TU": "STUDYID DOMAIN USUBJID TUSEQ TULNKID TUTESTCD TUTEST TUORRES TUSTRESC TUMETHOD TUEVAL "
    "VISITNUM VISIT TUDTC TUDY",
    "TR": "STUDYID DOMAIN USUBJID TRSEQ TRLNKID TRLNKGRP TRTESTCD TRTEST TRORRES TRORRESU TRSTRESC "
    "TRSTRESN TRSTRESU TRSTAT TRREASND TRMETHOD TREVAL VISITNUM VISIT TRDTC TRDY",
    "RS": "STUDYID DOMAIN USUBJID RSSEQ RSLNKGRP RSTESTCD RSTEST RSORRES RSSTRESC RSSTAT RSREASND "
    "RSCAT RSMETHOD RSEVAL VISITNUM VISIT RSDTC RSDY",
    "ADSL": "STUDYID USUBJID SUBJID FASFL EVALFL TRTSDT RESCDT AMPDT DTHDT DTHFL BLADT BLAREA "
    "SMALLFL INDEXULC NEWULDT LSTEVDT",
    "ADRS": "STUDYID USUBJID FASFL EVALFL TRTSDT PARAMCD PARAM PARCAT1 AVAL AVALC ADT ADY AVISIT "
    "AVISITN BASE NADIR AREA PCHGB PCHGN REASON BORDFL ANL01FL ANL02FL SRCDOM SRCVAR SRCSEQ ASEQ",
    "ADTTE": "STUDYID USUBJID FASFL EVALFL TRTSDT PARAMCD PARAM PARCAT1 AVAL ADT STARTDT CNSR "
    "EVNTDESC CNSDTDSC EVTYPE SRCDOM SRCVAR SRCSEQ ASEQ",
}


@pytest.mark.parametrize("name", SECTION_8)
def test_columns_are_those_of_section_8(study, name):
    assert " ".join(study[name].columns) == SECTION_8[name]


# --- what holds for any study --------------------------------------------------------------------

row = st.tuples(
    st.sampled_from("AB"),
    st.integers(-40, 400),
    st.sampled_from(["0", "0.3", "1", "2.4", "4", ""]),
    st.sampled_from(["u1", "u2"]),
)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(row, max_size=14),
    st.sampled_from(["index", "sum"]),
    st.tuples(*[st.sampled_from([".", "30", "150"])] * 3),
)
def test_every_value_is_listed_and_every_source_exists(visit_rows, strategy, ends):
    text = "\n".join(f"{s} {day} {area or '.'} {u}" for s, day, area, u in visit_rows)
    found = endpoint(
        f"subject day area ulcer\n{text}",
        f"subject rescue amputation death\nA {' '.join(ends)}\nB . . .",
        {"ulcer": {"strategy": strategy}},
    ).datasets
    for name, frame in found.items():
        known = data_sets()[name]
        for variable in known.variables:
            if variable.codelist:
                assert set(frame[variable.name]) <= {"", *variable.codelist}, variable.name
        for keys, seq in ((["USUBJID"], next((c for c in frame if c.endswith("SEQ")), None)),):
            if seq in ("TUSEQ", "TRSEQ", "RSSEQ"):
                counted = frame.groupby(keys).cumcount() + 1
                assert frame[seq].tolist() == counted.tolist()
        unique = [key for key in known.keys if key != "TRSEQ"] if name != "TR" else list(known.keys)
        assert not frame.duplicated(unique).any(), name
    _check_sources(found)
    assert found["ADRS"].query("PARAMCD == 'CBOR'").shape[0] == 2


def _check_sources(found):
    """SRCDOM, SRCVAR and SRCSEQ lead to a record that holds the date, and of OVR the code."""
    for name in ("ADRS", "ADTTE"):
        for entry in found[name].to_dict("records"):
            if not entry["SRCDOM"]:
                assert entry["ADT"] == ""
                continue
            source = found[entry["SRCDOM"]]
            source = source[source["USUBJID"] == entry["USUBJID"]]
            number = {"ADRS": "ASEQ", "ADSL": ""}.get(entry["SRCDOM"], f"{entry['SRCDOM']}SEQ")
            if number:
                source = source[source[number] == entry["SRCSEQ"]]
            assert len(source) == 1
            value = source.iloc[0][entry["SRCVAR"]]
            if entry["SRCVAR"] == "RSSTRESC":
                assert entry["ADT"] in ("", source.iloc[0]["RSDTC"])
                assert entry["PARAMCD"] != "OVR" or value == entry["AVALC"]
            else:
                assert value == entry["ADT"]


def test_the_folder_holds_the_data_sets(tmp_path):
    found = endpoint(VISITS, SUBJECTS)
    names = [path.name for path in write(found, tmp_path, xpt=True)]
    assert {"tu.csv", "tu.xpt", "adtte.csv", "adtte.xpt", "define.csv", "define.html"} <= set(names)
    back = pd.read_csv(tmp_path / "adrs.csv", keep_default_na=False)
    assert back["AVALC"].tolist() == found.datasets["ADRS"]["AVALC"].tolist()
    assert DEFAULT.protocol.study == "NCT06480123"

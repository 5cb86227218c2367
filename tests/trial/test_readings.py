"""Visits that wait for a reading, people's readings, and open queries (sections 5, 8 and 10)."""

from __future__ import annotations

import pytest
from making import date, endpoint, lines, shown

from woundseg.errors import TableError
from woundseg.trial import explain, readings

ONE = "subject\nA"

WAITING = """
subject day ulcer visit area evaluable reading_status reader
A         0 u1    B     4    .         machine        .
A        14 u1    W2    .    N         waiting        .
A        14 u2    W2    1    .         waiting        .
A        56 u1    W8    0    .         read           Dr_A
A        84 u1    W12   3    .         waiting        .
B         0 u1    B     4    .         waiting        .
B        56 u1    W8    4    .         .              .
B        84 u1    W12   4    .         adjudicated    Dr_B
"""


@pytest.fixture(scope="module")
def found():
    return endpoint(WAITING, "subject\nA\nB\nC")


def test_every_visit_that_waits_is_a_warning(found):
    told = [w for w in found.summary["warnings"] if w["code"] == "WAITING"]
    assert [(w["subject"], w["date"], w["text"]) for w in told] == [
        ("A", date(14), "visit W2, ulcers u1, u2 (rows 3, 4): waits for a person's reading"),
        ("A", date(84), "visit W12, ulcer u1 (row 6): waits for a person's reading"),
        ("B", date(0), "visit B, ulcer u1 (row 7): waits for a person's reading"),
    ]
    sentence = readings.sentence(readings.waiting(found.found.study))
    assert sentence == (
        f"3 visits of 2 subjects wait for a person's reading (A on {date(14)}, A on {date(84)}, "
        f"B on {date(0)})"
    )


def test_without_any_nothing_is_said():
    plain = endpoint("subject day area\nA 0 4\nA 56 2", ONE)
    assert readings.waiting(plain.found.study) == []
    assert [w["code"] for w in plain.summary["warnings"]] == []


def test_waiting_visits_count_as_closed_in_sensitivity_k(found):
    """A: 14, 56 and 84 are then all closed; B's waiting baseline stays a baseline."""
    primary = found.summary["bor_confirmed"]["FAS"]
    closed = found.summary["sensitivity"]["waiting_closed"]["FAS"]
    assert (primary["CR"], primary["SD"], primary["NE"]) == (0, 2, 1)
    assert (closed["CR"], closed["SD"], closed["NE"]) == (1, 1, 1)


def test_a_waiting_lower_bound_or_uncalibrated_visit_counts_as_closed_too():
    rows = """
    subject day area calibrated lower_bound closed reading_status
    A         0 4    .          .           .      .
    A        56 1    .          Y           .      waiting
    A        84 .    N          .           .      waiting
    """
    strict = {"category": {"cr": {"require_flag": True}}}
    summary = endpoint(rows, ONE, strict).summary
    assert summary["bor_confirmed"]["FAS"]["NE"] == 1
    assert summary["sensitivity"]["waiting_closed"]["FAS"]["CR"] == 1


def test_a_persons_reading_is_theirs_in_tr_and_rs(found):
    tr, rs = found.datasets["TR"], found.datasets["RS"]
    expected = """
    NCT06480123-A AREA 4 ALGORITHM    .
    NCT06480123-A AREA . ALGORITHM    .
    NCT06480123-A AREA 1 ALGORITHM    .
    NCT06480123-A AREA 0 INVESTIGATOR Dr_A
    NCT06480123-A AREA 3 ALGORITHM    .
    NCT06480123-B AREA 4 ALGORITHM    .
    NCT06480123-B AREA 4 ALGORITHM    .
    NCT06480123-B AREA 4 INVESTIGATOR Dr_B
    """
    assert shown(tr, "USUBJID TRTESTCD TRORRES TREVAL TREVALID") == lines(expected)
    expected = f"""
    OVRLRESP {date(14)} NE ALGORITHM    .
    OVRLRESP {date(56)} CR INVESTIGATOR Dr_A
    OVRLRESP {date(84)} PD ALGORITHM    .
    BESTRESP {date(56)} SD ALGORITHM    .
    OVRLRESP {date(56)} SD ALGORITHM    .
    OVRLRESP {date(84)} SD INVESTIGATOR Dr_B
    BESTRESP {date(56)} SD ALGORITHM    .
    BESTRESP .          NE ALGORITHM    .
    """
    assert shown(rs, "RSTESTCD RSDTC RSORRES RSEVAL RSEVALID") == lines(expected)
    define = found.texts["define.csv"]
    assert ",TREVALID,Evaluator Identifier,char," in define and ",RSEVALID," in define
    assert "TREVALID" not in endpoint("subject day area\nA 0 4", ONE).datasets["TR"]


def test_in_a_sum_every_reader_of_the_date_is_named():
    rows = """
    subject day ulcer area reading_status reader
    A         0 u1    4    .              .
    A         0 u2    2    .              .
    A        56 u1    2    read           Dr_B
    A        56 u2    1    read           Dr_A
    A        56 u3    1    read           Dr_C
    A        84 u1    2    .              .
    A        84 u2    1    .              .
    """
    found = endpoint(rows, ONE, {"ulcer": {"strategy": "sum"}}).datasets
    rs = found["RS"][found["RS"].RSTESTCD == "OVRLRESP"]
    assert rs[["RSEVAL", "RSEVALID"]].to_numpy().tolist() == [
        ["INVESTIGATOR", "Dr_A; Dr_B"], ["ALGORITHM", ""],
    ]  # fmt: skip
    tr = found["TR"][found["TR"].TRTESTCD == "SUMAREA"]
    assert tr.TREVALID.tolist() == ["", "Dr_A; Dr_B", ""]


def test_the_story_says_who_read_and_what_waits(found):
    told = explain(found, "A").splitlines()
    assert told[4].endswith("the row is not evaluable. It waits for a person's reading.")
    assert told[5].endswith("the ulcer is closed. Read by Dr_A.")


def test_an_unknown_reading_status_is_refused():
    with pytest.raises(TableError) as refused:
        endpoint("subject day area reading_status\nA 0 4 seen", ONE)
    assert str(refused.value) == (
        "visits: row 2, column reading_status: 'seen' is none of machine, waiting, read, "
        "adjudicated. Write one of them, or leave the cell blank."
    )


def strict(found, folder, queries=None):
    if queries is not None:
        (folder / "queries.csv").write_text(queries, encoding="utf-8")
    readings.require_settled(found.found.study, folder / "visits.csv")


def test_strict_refuses_while_a_visit_waits(found, tmp_path):
    with pytest.raises(TableError, match=r"3 visits of 2 subjects wait .* \(WAITING\)\. Have them"):
        strict(found, tmp_path)


@pytest.mark.parametrize(
    ("queries", "told"),
    [
        (
            "status\nopened\n",
            r"1 query is not closed \(row 2\)\. Close them, or leave out --strict",
        ),
        ("id,status\n1,closed\n2,answered\n3,\n", r"2 queries are not closed \(rows 3, 4\)"),
        ("status\ndone\n", "row 2, column status: 'done' is none of opened, answered, closed"),
        ("id\n1\n", "column status is missing"),
    ],
)
def test_strict_refuses_while_a_query_is_open(queries, told, tmp_path):
    settled = endpoint("subject day area\nA 0 4", ONE)
    strict(settled, tmp_path)  # without the file there is no query
    strict(settled, tmp_path, "id,status\n1,closed\n")
    with pytest.raises(TableError, match=told):
        strict(settled, tmp_path, queries)

"""Section 10: each fault in the input is refused with file, row, column and value."""

from __future__ import annotations

import math
import os
import threading

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from woundseg.errors import TableError
from woundseg.trial import tables
from woundseg.trial.cells import CellError, iso_day, iso_text, number
from woundseg.trial.tables import in_blocks, read_subjects, read_visits, visits_from_frame

HEADER = "subject,visit,date,ulcer,area_cm2,evaluable,response,area_cm2_low,area_cm2_high\n"
GOOD = "A,W4,2024-01-29,u1,2.5,Y,,,\n"


def written(tmp_path, text, name="visits.csv", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return path


FAULTS = [
    ("A,W4,2024-01,u1,2.5,Y,,,", "row 3, column date: '2024-01' is a partial date"),
    ("A,W4,2024-02-30,u1,2.5,Y,,,", "row 3, column date: '2024-02-30' is an impossible date"),
    ("A,W4,1924-01-29,u1,2.5,Y,,,", "row 3, column date: '1924-01-29' lies before 1990"),
    ("A,W4,29.01.2024,u1,2.5,Y,,,", "row 3, column date: '29.01.2024' is not an ISO date"),
    (
        "A,W4,03/04/2024,u1,2.5,Y,,,",
        "row 3, column date: '03/04/2024' is an ambiguous date. Write 2024-04-03 or 2024-03-04.",
    ),
    (
        "A,W4,29.01.24,u1,2.5,Y,,,",
        "row 3, column date: '29.01.24' is an ambiguous date. Write 2029-01-24 or 2024-01-29.",
    ),
    (
        "A,W4,31.02.2024,u1,2.5,Y,,,",
        "row 3, column date: '31.02.2024' is an impossible date. Correct it, as YYYY-MM-DD.",
    ),
    ("A,W4,20240129,u1,2.5,Y,,,", "row 3, column date: '20240129' is not an ISO date"),
    ("A,W4,,u1,2.5,Y,,,", "row 3, column date: '' is blank"),
    ("A,W4,2024-01-29,u1,-2.5,Y,,,", "row 3, column area_cm2: '-2.5' is negative"),
    ("A,W4,2024-01-29,u1,NaN,Y,,,", "row 3, column area_cm2: 'NaN' is not a number"),
    ("A,W4,2024-01-29,u1,1e999,Y,,,", "row 3, column area_cm2: '1e999' is not a finite number"),
    ("A,W4,2024-01-29,u1,1_0,Y,,,", "row 3, column area_cm2: '1_0' is not a number"),
    ('A,W4,2024-01-29,u1,"2,5",Y,,,', "row 3, column area_cm2: '2,5' has a decimal comma"),
    ("A,W4,2024-01-29,u1,2,5,Y,,,", "row 3: 10 cells, not 9"),
    ("A,W4,2024-01-29,u1", "row 3: 4 cells, not 9"),
    ("A,W4,2024-01-29,u1,2.5,yes,,,", "row 3, column evaluable: 'yes' is not Y, N or blank"),
    ("A,W4,2024-01-29,u1,2.5,Y,iCR,,", "row 3, column response: 'iCR' is not a response code"),
    ("A,W4,2024-01-29,U1,2.5,Y,,,", "row 3, column ulcer: 'U1' differs from 'u1' only in case"),
    ("A,W4,2024-01-29,u1,2.5,Y,,3,2", "row 3, column area_cm2_low: '3' is more than area_cm2_high"),
    (",W4,2024-01-29,u1,2.5,Y,,,", "row 3, column subject: '' is blank"),
    ('A,"W4,2024-01-29,u1,2.5,Y,,,', "row 3: is not CSV"),
]


@pytest.mark.parametrize(("row", "told"), FAULTS)
def test_a_fault_is_named(tmp_path, row, told):
    path = written(tmp_path, HEADER + GOOD + row + "\n")
    with pytest.raises(TableError) as refused:
        read_visits(path)
    assert refused.value.line().startswith(f"{path}: {told}")


def test_header_faults(tmp_path):
    def told(text, encoding="utf-8"):
        with pytest.raises(TableError) as refused:
            read_visits(written(tmp_path, text, encoding=encoding))
        return refused.value.line()

    assert "column area_cm2 is missing" in told("subject,visit,date,ulcer,area_cm,evaluable\n")
    assert "Rename 'area_cm'" in told("subject,visit,date,ulcer,area_cm,evaluable\n")
    assert told("subject,visit,date,ulcer,area_mm2,evaluable\n").endswith(
        "Convert 'area_mm2' to cm² (divide by 100) and name it area_cm2."
    )
    assert "Rename 'AREA_CM2'" in told("subject,visit,date,ulcer,AREA_CM2,evaluable\n")
    assert "parted by semicolons" in told("subject;visit;date\nA;1;2\n")
    assert "list separator" in told("subject;visit;date\nA;1;2\n")
    assert "column date is there twice" in told("date,date\n")
    assert "is empty" in told(" \n")
    assert "is not UTF-8" in told(HEADER + "Müller,W4,2024-01-29,u1,2.5,Y,,,\n", "latin-1")
    with pytest.raises(TableError, match="cannot be read"):
        read_visits(tmp_path / "none.csv")


def test_unknown_columns_are_passed_over(tmp_path):
    text = "subject,visit,date,ulcer,area_cm2,evaluable,calibration\nA,W4,2024-01-29,u1,2,Y,x\n"
    assert read_visits(written(tmp_path, text)).calibrated.tolist() == [0]


def test_decimal_commas_name_the_setting_in_excel(tmp_path):
    path = written(tmp_path, HEADER + 'A,W4,2024-01-29,u1,"2,5",Y,,,\n')
    with pytest.raises(TableError, match=r"decimal separator to '.'"):
        read_visits(path)


def test_a_byte_order_mark_blank_lines_and_windows_line_ends_are_read(tmp_path):
    text = (HEADER + GOOD + ",,,,,,,,\n\n").replace("\n", "\r\n")
    found = read_visits(written(tmp_path, text, encoding="utf-8-sig"))
    assert found.subject.tolist() == ["A"]
    assert found.row.tolist() == [2]


def test_too_many_rows_are_refused_by_size(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "MAX_ROWS", 3)
    assert read_visits(written(tmp_path, HEADER + GOOD * 3)).row.size == 3
    with pytest.raises(TableError, match=r"more than 3 rows .* Split it by subject"):
        read_visits(written(tmp_path, HEADER + GOOD * 5))


@pytest.fixture
def pipe(tmp_path):
    """Makes a pipe from which a text can be read once, as the shell's ``<(...)`` does."""

    def make(name, text):
        path = tmp_path / name
        os.mkfifo(path)
        threading.Thread(target=path.write_text, args=(text,), daemon=True).start()
        return path

    return make


def test_a_pipe_is_read_like_a_file(pipe):
    assert read_visits(pipe("visits", HEADER + GOOD)).subject.tolist() == ["A"]
    listed = read_subjects(pipe("subjects", "subject,trt_start\nA,2024-01-01\n"))
    assert listed.subject.tolist() == ["A"]
    with pytest.raises(TableError, match="is empty: it has no rows"):
        read_subjects(pipe("nothing", ""))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty: it has no rows. Give it a header row, and rows below."),
        ("subject,trt_start\n", "has no rows. Give it a row for each subject."),
        ("subject,trt_start\n,\n\n", "has no rows. Give it a row for each subject."),
    ],
)
def test_a_table_of_subjects_without_rows_is_refused(tmp_path, text, told):
    path = written(tmp_path, text)
    with pytest.raises(TableError) as refused:
        read_subjects(path)
    assert refused.value.line() == f"{path}: {told}"


SUBJECT_FAULTS = [
    ("A,2024-01-01\nA,2024-01-02", "row 3, column subject: 'A' is there already, in row 2"),
    ("A,", "row 2, column trt_start: '' is blank for subject A"),
    ("A,2024-1-1", "row 2, column trt_start: '2024-1-1' is not an ISO date"),
]


@pytest.mark.parametrize(("rows", "told"), SUBJECT_FAULTS)
def test_subject_faults(tmp_path, rows, told):
    path = written(tmp_path, f"subject,trt_start\n{rows}\n", "subjects.csv")
    with pytest.raises(TableError) as refused:
        read_subjects(path)
    assert told in refused.value.line()


def test_without_subjects_the_visit_named_baseline_is_the_first_dose():
    frame = pd.DataFrame(
        {
            "subject": ["A", "A", "B", "B"],
            "visit": ["Screening", "BASELINE", "V1", "V2"],
            "date": ["2024-01-01", "2024-01-08", "2024-02-01", "2024-03-01"],
            "ulcer": "u1",
            "area_cm2": [4.0, 4.0, 3.0, 2.0],
            "evaluable": "Y",
        }
    )
    found = tables.subjects_of(visits_from_frame(frame))
    assert [iso_text(day) for day in found.trt_start] == ["2024-01-08", "2024-02-01"]


def test_a_frame_of_typed_columns_reads_as_its_csv_would():
    frame = pd.DataFrame(
        {
            "subject": ["A", 7],
            "visit": ["x", None],
            "date": [pd.Timestamp("2024-01-08"), pd.Timestamp("2024-01-09")],
            "ulcer": [1, 1],
            "area_cm2": [4.25, float("nan")],
            "evaluable": [True, pd.NA],
        }
    )
    found = visits_from_frame(frame)
    assert found.subject.tolist() == ["7", "A"]
    assert found.ulcer.tolist() == ["1", "1"]
    assert found.area.tolist()[1] == 4.25
    assert found.evaluable.tolist() == [0, 1]


@given(st.dates(min_value=pd.Timestamp("1990-01-01").date()))
def test_dates_go_there_and_back(day):
    assert iso_text(iso_day(day.isoformat())) == day.isoformat()


@settings(max_examples=50)
@given(st.text(max_size=12))
def test_a_cell_is_a_number_or_refused(text):
    try:
        value = number(text)
    except CellError:
        return
    assert math.isnan(value) or abs(value) < math.inf  # NaN for a blank


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_number_reads_exactly(value):
    assert number(repr(value)) == value


def test_the_byte_that_is_not_utf8_is_named_however_far_it_lies(tmp_path):
    path = tmp_path / "visits.csv"
    # ü is C3 BC; the megabyte that is read at a time ends between the two
    text = HEADER.encode() + b"x" * ((1 << 20) - len(HEADER) - 1) + "ü".encode()
    path.write_bytes(text + b"\xff")
    with pytest.raises(TableError, match=f"is not UTF-8 \\(byte {(1 << 20) + 1}\\)"):
        read_visits(path)
    path.write_bytes(text + b"\xc3")  # ends within a letter
    with pytest.raises(TableError, match=f"is not UTF-8 \\(byte {(1 << 20) + 1}\\)"):
        read_visits(path)


def test_blocks_hold_whole_subjects_and_the_same_rows(tmp_path):
    rows = [f"S{who},W{n},2024-01-{n:02},u1,2.5,Y,,,\n" for who in range(1, 5) for n in (1, 2, 3)]
    path = written(tmp_path, HEADER + "".join(rows))
    blocks = list(in_blocks(path, least_rows=4))
    assert [block.subject.tolist() for block in blocks] == [
        ["S1"] * 3 + ["S2"] * 3, ["S3"] * 3 + ["S4"] * 3,
    ]  # fmt: skip
    whole = read_visits(path)
    assert [n for block in blocks for n in block.row.tolist()] == whole.row.tolist()
    assert list(in_blocks(written(tmp_path, HEADER))) == []


def test_subjects_are_taken_by_name(tmp_path):
    text = "subject,trt_start,age\nA,2024-01-01,50\nB,2024-01-02,60\nC,2024-01-03,70\n"
    some = read_subjects(written(tmp_path, text, "subjects.csv")).of(["C", "A", "Z"])
    assert (some.subject.tolist(), some.age.tolist()) == (["A", "C"], ["50", "70"])
    assert some.of(["Z"]).subject.tolist() == []

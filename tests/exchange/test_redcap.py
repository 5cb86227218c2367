"""REDCap's import file and data dictionary: columns, names and rules as REDCap documents them."""

from __future__ import annotations

import csv
import io
import re
import weakref
from collections import Counter
from dataclasses import replace
from datetime import date
from typing import get_args

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from rows_made import BLURRED, CUT, HEALED, MEASURED, UNSCALED, any_row

from woundseg.errors import EXIT_USAGE, OutputError, UsageError
from woundseg.exchange import redcap
from woundseg.exchange.redcap import RedcapOptions, dictionary_path, event_name
from woundseg.records import VISIT_COLUMNS, ReadingStatus

FIELD_NAME = re.compile(r"[a-z][a-z0-9_]{0,25}")
UNIQUE_EVENT = re.compile(r"[a-z0-9_]+_arm_1")


def written(path, *rows, options=None):
    """The import file's rows as dictionaries."""
    redcap.write(rows, path, options or RedcapOptions())
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8"), newline="")))


@pytest.fixture
def target(tmp_path):
    return tmp_path / "redcap.csv"


def test_a_row_is_an_instance_of_the_instrument_at_the_visits_event(target):
    (row,) = written(target, MEASURED)
    assert row == {
        "record_id": "S01",
        "redcap_event_name": "w4_arm_1",
        "redcap_repeat_instrument": "wound_photograph",
        "redcap_repeat_instance": "1",
        "wound_visit": "W4",
        "wound_date": "2024-01-29",
        "wound_seq": "1",
        "wound_ulcer": "u1",
        "wound_path": "S01/W4_2024-01-29/a.jpg",
        "wound_evaluable": "1",
        "wound_area_cm2": "3.25",
        "wound_area_sd": "0.1",
        "wound_area_cm2_low": "3.06",
        "wound_area_cm2_high": "3.45",
        "wound_perimeter_cm": "7.1",
        "wound_length_cm": "2.5",
        "wound_width_cm": "1.75",
        "wound_granulation": "0.75",
        "wound_slough": "0.2",
        "wound_necrosis": "0.05",
        "wound_other": "0",
        "wound_calibrated": "1",
        "wound_scale": "card",
        "wound_mm_per_px": "0.052",
        "wound_flags": "card_unverified;speck",
        "wound_model": "ulcer 1.0 fp32",
        "wound_sha256": "ab" * 32,
        "wound_closed": "",
        "wound_debrided": "1",
        "wound_target": "0",
        "wound_lower_bound": "",
        "wound_reading_status": "machine",
        "wound_reader": "",
    }


def test_blank_where_not_measured_and_zero_where_healed(target):
    blurred, unscaled, healed = written(target, BLURRED, UNSCALED, HEALED)[:3]
    by_visit = {row["wound_path"]: row for row in (blurred, unscaled, healed)}
    cm = [f"wound_{name}" for name in redcap.CM_FIGURES]
    tissue = [f"wound_{name}" for name in redcap.TISSUE_NAMES]
    blurred, unscaled, healed = (by_visit[row.path] for row in (BLURRED, UNSCALED, HEALED))
    assert {blurred[name] for name in (*cm, *tissue)} == {""}
    assert (blurred["wound_evaluable"], blurred["wound_calibrated"]) == ("0", "0")
    assert {unscaled[name] for name in cm} == {""}
    assert unscaled["wound_granulation"] == "0.75"
    assert healed["wound_area_cm2"] == "0"
    assert healed["wound_length_cm"] == ""
    assert healed["wound_closed"] == "1"


def test_figures_that_stand_in_a_row_that_is_not_evaluable_are_not_told(target):
    (row,) = written(target, replace(MEASURED, evaluable="N"))
    assert row["wound_area_cm2"] == ""
    assert row["wound_granulation"] == ""
    (row,) = written(target, replace(HEALED, evaluable="N"))
    assert row["wound_area_cm2"] == ""
    (row,) = written(target, replace(MEASURED, calibrated="N"))
    assert (row["wound_area_cm2"], row["wound_granulation"]) == ("", "0.75")


def test_a_lower_bound_and_a_reading_travel(target):
    (row,) = written(target, replace(CUT, reading_status="read", reader="Dr A"))
    assert row["wound_lower_bound"] == "1"
    assert (row["wound_reading_status"], row["wound_reader"]) == ("read", "Dr A")
    assert (row["wound_area_cm2"], row["wound_area_cm2_low"]) == ("3.25", "3.06")
    assert row["wound_length_cm"] == "2.5"
    of_the_whole = ("area_sd", "area_cm2_high", "perimeter_cm", "width_cm")
    assert [row[f"wound_{name}"] for name in of_the_whole] == [""] * 4


def test_instances_are_counted_by_record_and_event_in_a_stable_order(target):
    def one(subject, visit, day, seq, ulcer):
        return replace(
            MEASURED,
            subject=subject,
            visit=visit,
            date=date(2024, 1, day),
            seq=seq,
            ulcer=ulcer,
            path=f"{visit}/{seq}.jpg",
        )

    rows = [
        one("A", "W2", 15, 2, "u1"),
        one("A", "W2", 15, 1, "u2"),
        one("A", "W2", 15, 1, "u1"),
        one("A", "BASELINE", 1, 1, "u1"),
        one("B", "W2", 16, 1, "u1"),
    ]
    expected = [
        ("A", "baseline_arm_1", "1", "u1", "1"),
        ("A", "w2_arm_1", "1", "u1", "1"),
        ("A", "w2_arm_1", "1", "u2", "2"),
        ("A", "w2_arm_1", "2", "u1", "3"),
        ("B", "w2_arm_1", "1", "u1", "1"),
    ]
    for order in (rows, [*rows[3::-1], rows[4]]):
        assert [
            (
                row["record_id"],
                row["redcap_event_name"],
                row["wound_seq"],
                row["wound_ulcer"],
                row["redcap_repeat_instance"],
            )
            for row in written(target, *order)
        ] == expected
    # a subject whose rows come apart goes on counting
    apart = written(target, rows[2], rows[4], rows[1])
    assert [row["redcap_repeat_instance"] for row in apart] == ["1", "1", "2"]


@pytest.mark.parametrize(
    ("visit", "event"),
    [
        ("BASELINE", "baseline_arm_1"),
        ("W2", "w2_arm_1"),
        # documented: hyphens vanish
        ("3 Month Follow-up", "3_month_followup_arm_1"),
        # lsgs/redcap-instance-table issue 9: 18 letters, then no underscore at the end
        ("testing long name test1", "testing_long_name_arm_1"),
        ("2024-01-29", "20240129_arm_1"),
        (" Visit  1 (early) ", "visit_1_early_arm_1"),
        ("Visit\n2", "visit_2_arm_1"),
        ("第2周", "2_arm_1"),
        ("__a__b__", "a_b_arm_1"),
    ],
)
def test_event_names_are_those_that_redcap_makes(visit, event):
    assert event_name(visit) == event


def test_a_visit_without_a_latin_letter_gets_a_name_of_its_own():
    # printf '基线' | sha256sum begins a7ac587a
    assert event_name("基线") == "v_a7ac587a_arm_1"
    assert event_name("基线") != event_name("随访")
    assert event_name("\udce4") != event_name("😀")


def test_visits_that_would_be_one_event_are_refused(target):
    target.write_text("earlier")
    rows = [MEASURED, replace(MEASURED, visit="w4", path="b.jpg")]
    with pytest.raises(UsageError) as caught:
        redcap.write(rows, target, RedcapOptions())
    assert caught.value.line() == (
        f"{target}: visits 'W4' and 'w4' would be one event in REDCap, w4_arm_1. "
        "Rename one of them."
    )
    assert caught.value.exit_status == EXIT_USAGE
    assert target.read_text() == "earlier"
    assert [path.name for path in target.parent.iterdir()] == ["redcap.csv"]
    options = RedcapOptions(events={"w4": "repeat_arm_1"})
    assert [row["redcap_event_name"] for row in written(target, *rows, options=options)] == [
        "w4_arm_1",
        "repeat_arm_1",
    ]
    options = RedcapOptions(events={"w4": "other_arm_1", "W4": "other_arm_1"})
    with pytest.raises(UsageError, match="would be one event"):
        redcap.write(rows, target, options)


@pytest.mark.parametrize("pair", [("S01", "s01"), ("S 1", "S\n1"), ("S1", " S1 ")])
def test_subjects_that_would_be_one_record_are_refused(target, pair):
    rows = [replace(MEASURED, subject=name, path=name) for name in pair]
    with pytest.raises(UsageError, match="would be one record in REDCap"):
        redcap.write(rows, target, RedcapOptions())
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("subject", ["", " \n", "x" * 101])
def test_a_subject_that_is_no_name_of_a_record(target, subject):
    with pytest.raises(UsageError, match="no name of a record"):
        redcap.write([replace(MEASURED, subject=subject)], target, RedcapOptions())


@pytest.mark.parametrize(
    "wrong",
    [
        {"record_field": "Record"},
        {"record_field": "1st"},
        {"record_field": "a__b"},
        {"record_field": "a_"},
        {"record_field": "a" * 27},
        {"record_field": "wound_date"},
        {"instrument": "wound photo"},
        {"instrument": "wound_subject"},
        {"arm": 0},
        {"events": {"W2": "Week 2"}},
        {"events": {"W2": "w2"}},
    ],
)
def test_names_that_redcap_would_refuse(wrong):
    with pytest.raises(UsageError):
        RedcapOptions(**wrong)


def test_a_project_with_names_of_its_own(target):
    options = RedcapOptions("study_id", "ulcer_photo", 2, {"W4": "week_4_arm_2b"})
    rows = written(target, MEASURED, HEALED, options=options)
    assert [row["redcap_event_name"] for row in rows] == ["week_4_arm_2b", "m6_arm_2"]
    assert rows[0]["study_id"] == "S01"
    assert rows[0]["redcap_repeat_instrument"] == "ulcer_photo"
    with dictionary_path(target).open(encoding="utf-8", newline="") as stream:
        dictionary = list(csv.DictReader(stream))
    assert dictionary[0]["Variable / Field Name"] == "study_id"
    assert {row["Form Name"] for row in dictionary[1:]} == {"ulcer_photo"}


def test_the_dictionary_can_be_uploaded(target):
    rows = written(target, MEASURED)
    assert dictionary_path(target).name == "redcap_dictionary.csv"
    text = dictionary_path(target).read_text(encoding="utf-8")
    head, first, *_ = text.splitlines()
    # as REDCap itself writes it when a project's dictionary is downloaded
    assert next(csv.reader([head])) == [
        "Variable / Field Name",
        "Form Name",
        "Section Header",
        "Field Type",
        "Field Label",
        "Choices, Calculations, OR Slider Labels",
        "Field Note",
        "Text Validation Type OR Show Slider Number",
        "Text Validation Min",
        "Text Validation Max",
        "Identifier?",
        "Branching Logic (Show field only if...)",
        "Required Field?",
        "Custom Alignment",
        "Question Number (surveys only)",
        "Matrix Group Name",
        "Matrix Ranking?",
        "Field Annotation",
    ]
    assert first == "record_id,wound_subject,,text,Subject,,,,,,,,,,,,,"
    fields = list(csv.DictReader(io.StringIO(text, newline="")))
    names = [field["Variable / Field Name"] for field in fields]
    assert len(set(names)) == len(names)
    assert all(FIELD_NAME.fullmatch(name) for name in names)
    coordinates = {"redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance"}
    assert set(rows[0]) - coordinates == set(names)
    assert {field["Field Type"] for field in fields} == {"text", "yesno", "dropdown"}
    for field in fields:
        assert field["Field Label"]
        if field["Field Type"] == "yesno":
            assert field["Text Validation Type OR Show Slider Number"] == ""
    by_name = {field["Variable / Field Name"]: field for field in fields}

    def rule(name):
        keys = ("Text Validation Type OR Show Slider Number", "Text Validation Min",
                "Text Validation Max")  # fmt: skip
        return tuple(by_name[name][key] for key in keys)

    assert rule("wound_date") == ("date_ymd", "", "")
    assert rule("wound_seq") == ("integer", "", "")
    assert rule("wound_area_cm2") == ("number", "0", "")
    assert rule("wound_slough") == ("number", "0", "1")
    assert rule("wound_mm_per_px") == ("number", "0", "")
    assert rule("wound_ulcer") == ("", "", "")
    assert [name for name, field in by_name.items() if field["Identifier?"]] == [
        "wound_path", "wound_reader",
    ]  # fmt: skip
    choices = by_name["wound_reading_status"]["Choices, Calculations, OR Slider Labels"]
    coded = [choice.split(", ", 1)[0] for choice in choices.split(" | ")]
    assert coded == list(get_args(ReadingStatus))
    assert by_name["wound_area_cm2"]["Field Label"].endswith("[cm²]")


def test_every_column_of_visits_csv_travels():
    assert set(redcap.FIELDS.values()) == set(VISIT_COLUMNS) - {"subject"}


def test_numbers_have_no_exponent_and_no_false_zero(target):
    (row,) = written(target, replace(MEASURED, area_cm2=4e-7, length_cm=1e22, width_cm=-0.0))
    assert row["wound_area_cm2"] == "0.0000004"
    assert row["wound_length_cm"] == "1" + 22 * "0"
    assert row["wound_width_cm"] == "0"
    (row,) = written(target, replace(MEASURED, area_cm2=1 / 3, mm_per_px=float("inf")))
    assert row["wound_area_cm2"] == "0.333333"
    assert row["wound_mm_per_px"] == ""


def test_names_keep_to_one_line_and_are_not_changed_otherwise(target):
    odd = replace(
        MEASURED, subject='张伟 "😀"', visit="基线", ulcer="=1+1", path='a  "b",\r\nc\udce4.jpg'
    )
    (row,) = written(target, odd)
    assert row["record_id"] == '张伟 "😀"'
    assert row["wound_visit"] == "基线"
    assert row["wound_ulcer"] == "=1+1"  # for REDCap, not for a spreadsheet: no mark before it
    assert row["wound_path"] == 'a  "b", c\ufffd.jpg'


def test_no_rows_and_no_folder(target):
    assert written(target) == []
    assert target.read_text(encoding="utf-8").startswith("record_id,redcap_event_name,")
    with pytest.raises(OutputError, match=r"redcap.csv: its folder does not exist"):
        redcap.write([MEASURED], target.parent / "none" / "redcap.csv", RedcapOptions())


def test_it_holds_one_subject_at_a_time(target):
    seen = []

    def rows():
        for number in range(200):
            row = replace(MEASURED, subject=f"S{number // 4:03d}", path=f"{number}.jpg")
            seen.append(weakref.ref(row))
            yield row
            del row
            assert sum(ref() is not None for ref in seen) <= 4

    redcap.write(rows(), target, RedcapOptions())
    assert len(target.read_text().splitlines()) == 201


@given(rows=st.lists(any_row, max_size=4))
@settings(max_examples=120, deadline=None)
def test_any_rows_make_a_file_that_can_be_read_back(rows, tmp_path_factory):
    target = tmp_path_factory.mktemp("redcap") / "study.csv"
    try:
        read = written(target, *rows)
    except UsageError as error:
        assert "\n" not in error.line()
        assert not target.exists()
        assume(False)
    assert len(read) == len(rows)
    keys = Counter(
        (row["record_id"], row["redcap_event_name"], row["redcap_repeat_instance"]) for row in read
    )
    assert not rows or max(keys.values()) == 1
    for row in read:
        assert None not in row
        assert UNIQUE_EVENT.fullmatch(row["redcap_event_name"])
        assert not any(re.search("[\x00-\x1f]", cell) for cell in row.values())
        for name in redcap.NUMBERS:
            assert re.fullmatch(r"(-?\d+(\.\d+)?)?", row[f"wound_{name}"], re.ASCII)
        for name in redcap.YES_NO:
            assert row[f"wound_{name}"] in {"0", "1", ""}
    zeros = sum(row["wound_area_cm2"] == "0" for row in read)
    assert zeros <= sum(row.area_cm2 == 0 for row in rows)

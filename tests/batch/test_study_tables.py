"""The tables: what is written can be read again, and stands whole or not at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from woundseg.batch import tables
from woundseg.errors import OutputError
from woundseg.records import Failure, VisitRow
from woundseg.trial.tables import read_visits

ROW = VisitRow(
    subject="S1", visit="V1", date=date(2026, 1, 5), seq=1, ulcer="u1", path="S1/V1/a.jpg",
    evaluable="Y", area_cm2=4.25, area_sd=0.125, area_cm2_low=4.0, area_cm2_high=4.5,
    calibrated="Y", scale="card", mm_per_px=0.06, flags=("speck", "split"), model="net 1 fp32",
    sha256="ab",
)  # fmt: skip


def test_every_value_as_text():
    assert tables.visit_cells(ROW) == [
        "S1", "V1", "2026-01-05", "1", "u1", "S1/V1/a.jpg", "Y", "4.25", "0.125", "4", "4.5",
        "", "", "", "", "", "", "", "Y", "card", "0.06", "speck;split", "net 1 fp32", "ab",
        "", "", "", "", "machine", "",
    ]  # fmt: skip


def test_what_was_written_is_read_again_here_and_by_the_endpoint(tmp_path):
    closed = replace(ROW, visit="V2", area_cm2=0.0, area_sd=None, area_cm2_low=None)
    closed = replace(closed, area_cm2_high=None, flags=())
    with tables.writing(tmp_path) as made:
        made.visit(ROW)
        made.visit(closed)
        made.failure(Failure("a,b.jpg", "read", "is cut off", "Copy it again."))
    assert list(tables.read_visits(tmp_path / "visits.csv")) == [ROW, closed]
    assert next(tables.read_failures(tmp_path / "failures.csv")).path == "a,b.jpg"
    assert read_visits(tmp_path / "visits.csv").area.tolist() == [4.25, 0.0]


def test_nothing_is_written_where_the_block_fails(tmp_path):
    with tables.writing(tmp_path) as made:
        made.visit(ROW)
    before = (tmp_path / "visits.csv").read_bytes()
    with pytest.raises(KeyError), tables.writing(tmp_path) as made:
        made.visit(replace(ROW, subject="S2"))
        raise KeyError
    assert (tmp_path / "visits.csv").read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"visits.csv", "failures.csv"}


def test_a_folder_that_is_not_there_is_an_output_error(tmp_path):
    with pytest.raises(OutputError, match="visits"), tables.writing(tmp_path / "gone"):
        pass


@given(st.floats(0, 1e6, allow_nan=False))
def test_a_figure_keeps_six_decimals(value):
    assert abs(float(tables.cell(value)) - value) <= 5e-7 + 1e-9 * value


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20))
def test_names_of_every_script_come_back(tmp_path_factory, name):
    folder = tmp_path_factory.mktemp("t")
    with tables.writing(folder) as made:
        made.visit(replace(ROW, subject=name))
    assert next(tables.read_visits(folder / "visits.csv")).subject == name

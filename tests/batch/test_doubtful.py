"""What can hardly be true is flagged in the rows and said in sentences."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from math import pi

import pytest
from made_photos import named, ref, shown

from woundseg.batch import doubtful
from woundseg.batch.rows import subject_rows
from woundseg.records import Doubt, VisitRow

START = date(2026, 1, 1)


def row(day: int, area_cm2: float | None, **more) -> VisitRow:
    """A row of ulcer u1, so many days after the first of January 2026."""
    when = START + timedelta(days=day)
    given = {"visit": "V", "seq": 1, "ulcer": "u1", "path": f"{day}.jpg", "evaluable": "Y", **more}
    return VisitRow(subject="S1", date=when, area_cm2=area_cm2, **given)


def codes(*rows: VisitRow) -> dict[int, list[str]]:
    found = doubtful.row_flags(rows)
    return {place: [flag.code for flag in flags] for place, flags in found.items()}


@pytest.mark.parametrize(
    ("days", "implausible"),
    # A circle of radius 1 cm that closes has moved 1 cm: a week is just possible.
    [(8, False), (6, True), (1, True)],
)
def test_a_margin_closes_by_one_centimetre_a_week_at_most(days, implausible):
    found = codes(row(0, pi), row(days, 0.0))
    assert found == ({1: ["implausible"]} if implausible else {})


@pytest.mark.parametrize(
    ("days", "implausible"),
    # From radius 1 to radius 3: (pi - 9 pi) / ((2 pi + 6 pi) / 2) is 2 cm.
    [(15, False), (13, True)],
)
def test_a_margin_grows_by_one_centimetre_a_week_at_most(days, implausible):
    found = codes(row(0, pi), row(days, 9 * pi))
    assert found == ({1: ["implausible"]} if implausible else {})


def test_a_measured_perimeter_goes_before_the_circles():
    # 4 cm² in 4 by 1 cm: (4 - 0) / ((10 + 0) / 2) is 0.8 cm; a circle's would be 1.13 cm.
    assert codes(row(0, 4.0), row(7, 0.0)) == {1: ["implausible"]}
    assert codes(row(0, 4.0, perimeter_cm=10.0), row(7, 0.0)) == {}


def test_the_last_visit_is_compared_with_and_no_other():
    rows = [row(0, 30.0), row(70, 4.0), row(77, 3.8), row(84, 30.0)]
    assert codes(*rows) == {3: ["implausible"]}


def test_what_says_nothing_is_passed_over():
    lost = row(3, None, evaluable="N")
    assert codes(row(0, 9.0), lost, row(28, 0.0)) == {}
    assert codes(row(0, 9.0), replace(lost, date=START + timedelta(26)), row(28, 0.0)) == {}
    assert codes(row(0, 9.0), row(4, 1.0, ulcer="u2")) == {}
    assert codes(row(0, 9.0), row(4, 1.0, lower_bound="Y")) == {}


def test_photographs_of_one_day_disagree_from_three_times_on():
    pair = row(0, 1.0), row(0, 3.0, path="b.jpg")
    assert codes(*pair) == {0: ["areas_disagree"], 1: ["areas_disagree"]}
    assert codes(pair[0], row(0, 2.9, path="b.jpg")) == {}
    assert codes(row(0, 0.0), row(0, 0.1, path="b.jpg")) == {
        0: ["areas_disagree"],
        1: ["areas_disagree"],
    }
    assert codes(row(0, 0.0), row(0, 0.0, path="b.jpg")) == {}
    assert codes(pair[0], row(0, 3.0, path="b.jpg", ulcer="u2")) == {}
    (flag,) = doubtful.row_flags(pair)[1]
    assert "u1 is 3 cm² in b.jpg and 1 cm² in 0.jpg, of the same day" in flag.advice


def test_the_largest_area_of_a_day_is_the_last_one():
    """As the endpoint takes it: from 12.6 cm² (radius 2) to radius 1 in eight days is possible."""
    rows = [row(0, 4 * pi), row(0, 0.1, path="b.jpg"), row(8, pi)]
    assert codes(*rows) == {0: ["areas_disagree"], 1: ["areas_disagree"]}


def test_an_implausible_row_keeps_its_area_and_waits_for_a_person():
    photos = [shown(ref(), 4.0), shown(ref("V2", 8), 40.0)]
    rows = subject_rows(photos, [named("u1"), named("u1")]).rows
    assert [(r.area_cm2, r.evaluable, r.flags, r.reading_status) for r in rows] == [
        (4.0, "Y", (), "machine"),
        (40.0, "Y", ("implausible",), "waiting"),
    ]


@pytest.mark.parametrize(("taken", "conflict"), [(9, True), (10, False), (12, False), (13, True)])
def test_the_cameras_date_may_be_a_day_off(taken, conflict):
    photo = shown(ref("V2", 11), 4.0, taken=f"2026-01-{taken:02d}T23:50:00")
    (found,) = subject_rows([photo], [named("u1")]).rows
    assert found.flags == (("date_conflict",) if conflict else ())
    assert (found.evaluable, found.area_cm2, found.reading_status) == ("Y", 4.0, "machine")


def test_a_photograph_saved_again_names_both_files():
    photos = [shown(ref(), 4.0), shown(ref("V2", 15), 4.0)]
    names = [named("u1"), named("u1", same_as=0)]
    rows = subject_rows(photos, names).rows
    assert [(r.flags, r.evaluable) for r in rows] == [((), "Y"), (("same_photograph",), "Y")]
    (line,) = doubtful.lines(photos, names, rows)
    assert line == (
        "subject S1: V2 2026-01-15: S1/V2_2026-01-15/a.jpg is the same photograph as "
        "S1/V1_2026-01-01/a.jpg (V1 2026-01-01), saved again: find out which visit it belongs "
        "to, and remove the other."
    )


def test_what_the_plan_doubts_is_in_the_row_and_not_said_twice():
    doubt = Doubt("date_future", "visit V2 is dated 2026-01-15, after today", "Correct the date.")
    photo = shown(replace(ref("V2", 15), doubts=(doubt,)), 4.0)
    rows = subject_rows([photo], [named("u1")]).rows
    assert rows[0].flags == ("date_future",)
    assert list(doubtful.lines([photo], [named("u1")], rows)) == []
    (flag,) = doubtful.by_photo([photo], [named("u1")], rows)[photo.ref.relative]
    assert flag.advice == "Visit V2 is dated 2026-01-15, after today. Correct the date."

"""Healing figures per ulcer and visit (section 7); expected figures are worked by hand."""

from __future__ import annotations

import io
import math
import subprocess
import sys
import time
from datetime import date

import making
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from woundseg.simulate.trial import SUBJECT_COLUMNS, VISIT_COLUMNS, TrialSpec, draw_trial
from woundseg.trial.endpoint import derive_from
from woundseg.trial.healing_course import COLUMNS, HealingRow, courses, write_csv
from woundseg.trial.tables import subjects_from_frame, subjects_of, visits_from_frame

PROTOCOL = making.DEFAULT


def course(visit_rows, subject_rows=None, changes=None):
    """The rows of two small tables written as text; day 0 is 2024-01-01."""
    visits = visits_from_frame(making.visits(visit_rows))
    if subject_rows is None:
        subjects = subjects_of(visits)
    else:
        subjects = subjects_from_frame(making.subjects(subject_rows))
    return courses(visits, subjects, PROTOCOL.override(changes) if changes else PROTOCOL)


def by_day(rows, ulcer="u1"):
    return {row.day: row for row in rows if row.ulcer == ulcer}


def test_figures_worked_by_hand():
    # a 2 x 3 rectangle becomes 1 x 2 in two weeks, then closes in one more
    rows = course(
        """
        subject day area perimeter_cm
        A       -2  6    10
        A       12  2    6
        A       19  0    0
        """,
        "subject\nA",
    )
    base, shrunk, closed = rows
    assert (base.day, base.weeks, base.date) == (-2, 0.0, date(2023, 12, 30))
    assert (base.par_pct, base.log_healing_rate_per_week, base.gilman_cm_per_week) == (
        0,
        None,
        None,
    )
    assert base.gilman_from_last_cm_per_week is None
    assert shrunk.weeks == 2.0
    assert shrunk.base_area_cm2 == 6.0
    assert shrunk.par_pct == pytest.approx(100 * 4 / 6)
    assert shrunk.log_healing_rate_per_week == pytest.approx(math.log(3) / 2)
    # (6 - 2) / ((10 + 6) / 2) = 0.5 cm in two weeks
    assert shrunk.gilman_cm_per_week == pytest.approx(0.25)
    assert shrunk.gilman_from_last_cm_per_week == pytest.approx(0.25)
    assert closed.par_pct == 100.0
    assert closed.log_healing_rate_per_week is None  # ln of 0
    assert closed.gilman_cm_per_week == pytest.approx(6 / (10 / 2) / 3)
    assert closed.gilman_from_last_cm_per_week == pytest.approx(2 / (6 / 2) / 1)


def test_a_circle_without_perimeter_advances_by_its_radius():
    # Gilman 1990: radius 2 cm, then 1 cm after a week, then 1.5 cm
    area = {0: math.pi * 4, 7: math.pi, 14: math.pi * 2.25}
    lines = "\n".join(f"A {day} {size!r}" for day, size in area.items())
    rows = by_day(course(f"subject day area\n{lines}", "subject\nA"))
    assert rows[7].gilman_cm_per_week == pytest.approx(1.0)
    assert rows[14].gilman_cm_per_week == pytest.approx(0.25)
    assert rows[14].gilman_from_last_cm_per_week == pytest.approx(-0.5)
    assert rows[14].par_pct == pytest.approx(100 * (1 - 2.25 / 4))


def test_not_evaluable_visits_have_no_figures_and_are_passed_over():
    rows = by_day(
        course(
            """
            subject day area perimeter_cm evaluable calibrated
            A       0   6    10           Y         Y
            A       7   0    0            N         Y
            A       8   1    1            Y         N
            A       9   .    .            .         Y
            A       14  2    6            Y         Y
            """,
            "subject\nA",
        )
    )
    for day in (7, 8, 9):
        assert rows[day].area_cm2 is None
        assert rows[day].par_pct is None
        assert rows[day].gilman_from_last_cm_per_week is None
        assert rows[day].weeks == pytest.approx(day / 7)
    assert rows[14].gilman_from_last_cm_per_week == pytest.approx(0.25)  # from day 0


def test_the_baseline_is_rule_2_3s():
    table = """
        subject day area debrided seq
        A       -40 9    .        1
        A       -20 5    .        1
        A       0   3    Y        1
        A       0   4    .        2
        A       14  1.5  .        1
        """
    rows = by_day(course(table, "subject\nA"))
    assert rows[14].base_area_cm2 == 3.0  # the last day; of that day the debrided one
    assert rows[14].par_pct == pytest.approx(50.0)
    assert rows[0].area_cm2 == 3.0
    assert rows[-20].par_pct is None
    assert rows[-20].weeks is None
    assert rows[-20].gilman_from_last_cm_per_week is None
    assert rows[-20].area_cm2 == 5.0
    # without subjects.csv the first visit is the first dose
    rows = course(table)
    assert {row.base_area_cm2 for row in rows} == {9.0}
    assert [row.day for row in rows] == [0, 20, 40, 54]


def test_without_subjects_the_visit_named_baseline_starts():
    rows = course("subject day area visit\nA -10 8 SCREEN\nA 0 4 BASELINE\nA 7 2 W1")
    assert [(row.day, row.par_pct) for row in rows] == [(-10, None), (0, 0.0), (7, 50.0)]


def test_the_largest_evaluable_row_of_a_date_stands_for_it():
    rows = by_day(
        course(
            """
            subject day area evaluable seq visit
            A       0   4    Y         1   first
            A       7   1    Y         1   a
            A       7   2    Y         2   b
            A       7   9    N         3   c
            """,
            "subject\nA",
        )
    )
    assert len(rows) == 2
    assert (rows[7].area_cm2, rows[7].visit) == (2.0, "b")


@pytest.mark.parametrize(
    ("days", "par4"),
    [
        ({21: 2.0, 27: 1.9, 41: 1.0}, 52.5),
        ({26: 1.5, 30: 1.0}, 75.0),  # two days on either side: the later
        ({25: 1.5, 30: 1.0}, 75.0),
        ({26: 1.5, 31: 1.0}, 62.5),
        ({20: 1.0, 42: 1.0}, None),  # outside days 21 to 41
        ({28: 2.0}, 50.0),
        ({28: 2.0001}, 49.9975),
    ],
)
def test_week_four_is_the_closest_visit_of_its_window(days, par4):
    lines = "\n".join(f"A {day} {area!r}" for day, area in days.items())
    rows = course(f"subject day area\nA 0 4\n{lines}", "subject\nA")
    assert len(rows) == 1 + len(days)
    for row in rows:
        assert row.par4_pct == (None if par4 is None else pytest.approx(par4))
        assert row.par50w4 == (None if par4 is None else par4 >= 50.0)


def test_the_line_is_reached_in_spite_of_binary_fractions():
    assert 100 * (0.34 - 0.17) / 0.34 < 50.0  # so it is in binary arithmetic
    rows = course("subject day area\nA 0 0.34\nA 28 0.17", "subject\nA")
    assert rows[1].par50w4 is True


def test_rescue_amputation_and_death():
    table = "subject day area\nA 0 4\nA 24 3\nA 28 1\nA 35 1"
    assert course(table, "subject rescue\nA 27")[0].par4_pct == pytest.approx(25.0)
    assert course(table, "subject rescue\nA 28")[0].par4_pct == pytest.approx(75.0)
    dropped = {"bor": {"rescue_same_day": "drop"}}
    assert course(table, "subject rescue\nA 28", dropped)[0].par4_pct == pytest.approx(25.0)
    rows = by_day(course(table, "subject rescue\nA 27"))
    assert rows[28].par_pct == pytest.approx(75.0)  # the figure stays, only week 4 passes it over
    rows = by_day(course("subject day area\nA 0 4\nA 24 3\nA 28 0", "subject amputation\nA 28"))
    assert (rows[28].area_cm2, rows[28].par_pct) == (None, None)  # amputated is not healed
    assert rows[28].par4_pct == pytest.approx(25.0)
    assert set(by_day(course(table, "subject death\nA 30"))) == {0, 24, 28}


def test_each_ulcer_has_its_own_baseline():
    rows = course(
        """
        subject day area ulcer
        A       0   4    u1
        A       0   2    u2
        A       28  3    u1
        A       28  0.5  u2
        A       35  1    u3
        A       42  4    u3
        B       0   9    u1
        """,
        "subject\nA\nB",
    )
    assert [(row.subject, row.day, row.ulcer) for row in rows] == [
        ("A", 0, "u1"),
        ("A", 0, "u2"),
        ("A", 28, "u1"),
        ("A", 28, "u2"),
        ("A", 35, "u3"),
        ("A", 42, "u3"),
        ("B", 0, "u1"),
    ]
    assert by_day(rows[:6], "u1")[28].par4_pct == pytest.approx(25.0)
    assert by_day(rows[:6], "u1")[28].par50w4 is False
    assert by_day(rows[:6], "u2")[28].par4_pct == pytest.approx(75.0)
    assert by_day(rows[:6], "u2")[28].par50w4 is True
    assert by_day(rows, "u3")[35].gilman_from_last_cm_per_week is None  # u2 is another ulcer
    new = by_day(rows, "u3")[42]  # no baseline: only the way from visit to visit is known
    assert (new.base_area_cm2, new.par_pct, new.weeks, new.par4_pct, new.par50w4) == (None,) * 5
    # circles of 1 and 4 cm²: the radius grows from 0.5642 to 1.1284 cm in a week
    assert new.gilman_from_last_cm_per_week == pytest.approx(-1 / math.sqrt(math.pi))
    assert rows[6].par4_pct is None


def test_a_clinicians_closed_counts_as_no_margin():
    # closed with 0.04 cm² left (tolerance 0.05): the margin has come the whole way
    rows = by_day(
        course(
            "subject day area perimeter_cm closed\nA 0 6 10 N\nA 7 0.04 1 Y\nA 14 0 . Y",
            "subject\nA",
        )
    )
    assert rows[7].gilman_cm_per_week == pytest.approx(6 / 5)
    assert rows[7].log_healing_rate_per_week == pytest.approx(math.log(6 / 0.04))
    assert rows[14].gilman_from_last_cm_per_week is None  # closed to closed: no margin
    # a baseline is an open ulcer whatever the flag says: 0.04 cm² of 1 cm round come to 0
    rows = by_day(course("subject day area perimeter_cm closed\nA 0 0.04 1 Y\nA 7 0 0 Y"))
    assert rows[7].gilman_from_last_cm_per_week == pytest.approx(0.04 / 0.5)
    assert rows[7].gilman_cm_per_week == pytest.approx(0.04 / 0.5)


def as_csv(rows):
    stream = io.StringIO()
    write_csv(rows, stream)
    return stream.getvalue()


def test_no_rows_and_a_schedule_without_week_four():
    empty = visits_from_frame(making.visits("subject day area"))
    assert courses(empty, subjects_of(empty), PROTOCOL) == []
    assert as_csv([]) == ",".join(COLUMNS) + "\n"
    whole = {"schedule": [["M6", 183, 1, 211]]}
    rows = course("subject day area\nA 0 4\nA 28 1", "subject\nA", whole)
    assert [row.par4_pct for row in rows] == [None, None]


def test_csv_is_blank_where_a_figure_is_not_defined():
    rows = course("subject day area\nA 0 4\nA 28 1\nA 30 .", "subject\nA")
    lines = as_csv(rows).splitlines()
    assert lines[0] == (
        "subject,ulcer,visit,date,day,weeks,area_cm2,base_area_cm2,par_pct,"
        "log_healing_rate_per_week,gilman_cm_per_week,gilman_from_last_cm_per_week,par4_pct,par50w4"
    )
    # ln 4 / 4 = 0.346573590280; circles of 1.128 and 0.564 cm: 0.564189583548 / 4
    advance = "0.141047395887"
    assert lines[2] == (f"A,u1,D28,2024-01-29,28,4,1,4,75,0.34657359028,{advance},{advance},75,Y")
    assert lines[3] == "A,u1,D30,2024-01-31,30,4.28571428571,,4,,,,,75,Y"
    assert lines[1] == "A,u1,D0,2024-01-01,0,0,4,4,0,,,,75,Y"


def simulated(subjects):
    visits, people = draw_trial(TrialSpec(subjects=subjects, seed=11))
    frame = pd.DataFrame(visits, columns=VISIT_COLUMNS, dtype=object)
    who = pd.DataFrame(people, columns=SUBJECT_COLUMNS, dtype=object)
    return visits_from_frame(frame), subjects_from_frame(who)


@pytest.mark.parametrize("listed", [True, False])
def test_the_index_ulcer_agrees_with_the_endpoint(listed):
    visits, subjects = simulated(60)
    subjects = subjects if listed else subjects_of(visits)
    table = derive_from(visits, subjects, PROTOCOL).subject_response
    rows = courses(visits, subjects, PROTOCOL)
    compared = 0
    for one in table.itertuples():
        mine = [r for r in rows if (r.subject, r.ulcer) == (one.subject, one.index_ulcer)]
        assert mine
        assert {row.par4_pct for row in mine} == {mine[0].par4_pct}
        if pd.isna(one.par4):
            assert mine[0].par4_pct is None
            continue
        compared += 1
        assert mine[0].par4_pct == pytest.approx(one.par4, abs=1e-9)
        week4 = [r for r in mine if 21 <= r.day <= 41 and r.par_pct == mine[0].par4_pct]
        row = min(week4, key=lambda r: (abs(r.day - 28), -r.day))
        lhr = row.log_healing_rate_per_week
        assert (lhr is None) == bool(pd.isna(one.lhr4))
        assert lhr is None or lhr == pytest.approx(one.lhr4, abs=1e-9)
        assert row.gilman_cm_per_week == pytest.approx(one.gilman4, abs=1e-9)
    assert compared > 40


def test_the_first_step_is_the_way_from_the_baseline():
    visits, subjects = simulated(40)
    rows = courses(visits, subjects, PROTOCOL)
    seen = set()
    for row in rows:
        key = (row.subject, row.ulcer)
        if row.day > 0 and row.area_cm2 is not None and key not in seen:
            seen.add(key)
            assert row.gilman_from_last_cm_per_week == row.gilman_cm_per_week
    assert len(seen) > 30


@given(
    scale=st.floats(0.1, 50.0),
    areas=st.lists(st.floats(0.01, 80.0), min_size=2, max_size=6),
    seed=st.integers(0, 1000),
)
@settings(max_examples=40, deadline=None)
def test_figures_do_not_depend_on_size_or_on_the_order_of_rows(scale, areas, seed):
    def table(factor, order):
        lines = [f"A {7 * i} {areas[i] * factor!r}" for i in order]
        return course("subject day area\n" + "\n".join(lines), "subject\nA")

    straight = list(range(len(areas)))
    shuffled = np.random.default_rng(seed).permutation(len(areas)).tolist()
    plain, large = table(1.0, straight), table(scale, shuffled)
    for one, other in zip(plain, large, strict=True):
        assert other.par_pct == pytest.approx(one.par_pct, abs=1e-6)
        if one.gilman_cm_per_week is not None:  # a length: it grows by the root
            expected = one.gilman_cm_per_week * math.sqrt(scale)
            assert other.gilman_cm_per_week == pytest.approx(expected, rel=1e-6, abs=1e-9)
        for name in COLUMNS:
            value = getattr(one, name)
            assert not (isinstance(value, float) and math.isnan(value)), name


def test_many_subjects_take_seconds():
    n, k = 5_000, 10
    frame = pd.DataFrame(
        {
            "subject": np.repeat([f"S{i:05d}" for i in range(n)], k),
            "visit": np.tile([f"V{i}" for i in range(k)], n),
            "date": np.tile([str(d) for d in np.datetime64("2024-01-01") + 7 * np.arange(k)], n),
            "ulcer": "u1",
            "area_cm2": np.tile([f"{4 / (i + 1):.3f}" for i in range(k)], n),
            "evaluable": "Y",
        }
    )
    visits = visits_from_frame(frame)
    subjects = subjects_of(visits)
    start = time.process_time()
    rows = courses(visits, subjects, PROTOCOL)
    assert time.process_time() - start < 10.0  # 0.3 s; one pass over the others a row takes minutes
    assert len(rows) == n * k
    assert all(row.par4_pct == pytest.approx(80.0) for row in rows[:: k * 100])


def test_a_row_is_frozen_and_pandas_is_not_loaded():
    with pytest.raises(AttributeError):
        course("subject day area\nA 0 4", "subject\nA")[0].day = 3
    assert HealingRow.__dataclass_params__.frozen
    code = "import sys, woundseg.trial.healing_course; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

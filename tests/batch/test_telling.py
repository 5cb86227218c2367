"""What the report tells of a subject: who is late, and what a person is asked to look at."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from made_photos import named, ref, shown
from made_records import BED, figures

from woundseg.batch import telling
from woundseg.batch.follow import from_text, to_text
from woundseg.batch.rows import subject_rows
from woundseg.batch.telling import Context, Facts
from woundseg.records import Ulcer
from woundseg.trial import protocol

RULES = protocol.load(None)
STARTED = Facts("u1", date(2026, 1, 1), date(2026, 1, 1), None)


@pytest.mark.parametrize(
    ("last", "as_of", "late"),
    [
        # W2 is days 1 to 20, W4 21 to 41, W8 42 to 69 (protocol, section 1: schedule)
        (date(2026, 1, 1), date(2026, 1, 21), None),
        (date(2026, 1, 1), date(2026, 1, 22), "W2 (2026-01-02 to 2026-01-21)"),
        (date(2026, 1, 15), date(2026, 2, 11), None),
        (date(2026, 1, 15), date(2026, 2, 12), "W4 (2026-01-22 to 2026-02-11)"),
        (date(2026, 1, 15), date(2027, 1, 1), "W4 (2026-01-22 to 2026-02-11)"),
    ],
)
def test_late_is_the_first_window_that_passed_without_a_visit(last, as_of, late):
    assert telling.overdue(RULES, STARTED, [date(2026, 1, 1), last], as_of) == late


def test_nobody_waits_for_a_subject_whose_study_has_ended():
    ended = Facts("u1", date(2026, 1, 1), date(2026, 1, 1), date(2026, 1, 16))
    assert telling.overdue(RULES, ended, [date(2026, 1, 1)], date(2027, 1, 1)) is None


def test_a_date_from_the_camera_is_said_in_the_report(tmp_path):
    photo = shown(replace(ref(), dated_by="exif"), 4.0)
    rows = list(subject_rows([photo], [named("u1")]).rows)
    context = Context(RULES, date(2026, 1, 20), tmp_path)
    made = telling.subject_report([(photo, named("u1"), b"")], rows, [], STARTED, context)
    assert [flag.code for flag in made.photos[0].flags] == ["date_from_camera"]


def test_a_person_is_asked_in_sentences(tmp_path):
    unsure = named(unsure=("u1",), flags=(("u1", "match_unsure"), ("u1", "merged_into_u2")))
    photos = [(shown(ref("V2", 15)), unsure, b"")]
    rows = list(subject_rows([photos[0][0]], [unsure]).rows)
    context = Context(RULES, date(2026, 1, 20), tmp_path)
    made = telling.subject_report(photos, rows, [], STARTED, context)
    assert made.to_look_at == (
        "V2 2026-01-15, u1: Which ulcer this is cannot be told: compare the photographs and "
        "name it.",
    )
    assert [flag.code for flag in made.photos[0].flags] == ["match_unsure"]
    assert made.photos[0].overlay == ""
    assert made.thresholds == RULES.category


def healed_at(*place: float):
    return named(closed=("u1",), places=(("u1", place),))


def test_where_a_healed_ulcer_was_goes_from_the_thumbnail_to_the_photograph(tmp_path):
    """Whole numbers are the middles of pixels: 99.5 is the corner of 100 by 100 px, on both."""
    half = replace(shown(ref("V2", 15)), thumb_px_per_px=0.5)
    photos = [(half, healed_at(99.5, 49.5), b"")]
    rows = list(subject_rows([half], [healed_at(99.5, 49.5)]).rows)
    context = Context(RULES, date(2026, 1, 20), tmp_path)
    made = telling.subject_report(photos, rows, [], STARTED, context)
    assert made.photos[0].places == {"u1": (199.5, 99.5)}


def test_the_intervals_of_the_fractions_come_from_the_record(tmp_path):
    ends = {"tissue_low": BED, "tissue_high": BED.model_copy(update={"slough": 0.65})}
    large, small = (figures(area, px) for area, px in ((3.0, 300), (1.0, 100)))
    ulcers = (large.model_copy(update=ends), small.model_copy(update=dict.fromkeys(ends, BED)))
    ulcers = tuple(Ulcer(id=f"u{n}", **vars(each)) for n, each in enumerate(ulcers, start=1))
    both = shown(ref("V2", 15), 3.0, 1.0)
    both = replace(both, record=both.record.model_copy(update={"ulcers": ulcers}))
    context = Context(RULES, date(2026, 1, 20), tmp_path)

    def within(*names):
        rows = list(subject_rows([both], [named(*names)]).rows)
        made = telling.subject_report([(both, named(*names), b"")], rows, [], STARTED, context)
        return made.photos[0].tissue_within

    assert within("u1", None)["u1"]["slough"] == (0.25, 0.65)
    assert within("u1", "u2")["u2"]["slough"] == (0.25, 0.25)
    # Parts of one ulcer: (300 · 0.65 + 100 · 0.25) / 400.
    assert within("u1", "u1")["u1"]["slough"] == pytest.approx((0.25, 0.55))
    assert within(None, None) == {}


def test_names_come_back_from_the_store_as_they_were():
    both = [named("u1", None, flags=(("", "possible_new_ulcer"),)), healed_at(12.5, 3.0)]
    assert from_text(to_text(both)) == both

"""Rows of visits.csv: what is written of an ulcer that is seen, healed, or not to be judged.

Expected values are those of interface.md's section on ``woundseg batch``.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from made_photos import named, ref, rejected, shown, unreadable, without_scale

from woundseg.batch.readings import Reading, Word
from woundseg.batch.rows import subject_rows
from woundseg.batch.seen import in_order
from woundseg.records import QualityFlag


def rows_of(*pairs):
    photos, names = zip(*pairs, strict=True)
    return subject_rows(photos, names)


def brief(made) -> list[tuple]:
    return [(row.visit, row.ulcer, row.evaluable, row.area_cm2) for row in made.rows]


FIRST = (shown(ref(), 4.0), named("u1"))


def test_an_ulcer_with_its_figures():
    made = rows_of(FIRST)
    (row,) = made.rows
    assert (row.subject, row.visit, row.date.isoformat(), row.seq) == ("S1", "V1", "2026-01-01", 1)
    assert (row.ulcer, row.evaluable, row.area_cm2, row.area_sd) == ("u1", "Y", 4.0, 0.2)
    assert (row.calibrated, row.scale, row.model) == ("Y", "card", "toy 0 fp32")
    assert (row.granulation, row.slough) == (0.75, 0.25)
    assert made.failures == ()


def test_healed_is_zero_only_where_the_place_was_seen():
    healed = (shown(ref("V2", 15)), named(closed=("u1",)))
    assert brief(rows_of(FIRST, healed))[1] == ("V2", "u1", "Y", 0.0)


def test_a_place_that_cannot_be_established_is_not_evaluable_and_a_failure():
    lost = (shown(ref("V2", 15)), named(unsure=("u1",), flags=(("u1", "match_unsure"),)))
    made = rows_of(FIRST, lost)
    assert brief(made)[1] == ("V2", "u1", "N", None)
    assert made.rows[1].flags == ("match_unsure",)
    assert [(f.path, f.stage) for f in made.failures] == [("S1/V2_2026-01-15/a.jpg", "match")]


def test_no_ulcer_before_any_is_known_is_one_row_of_zero():
    assert brief(rows_of((shown(ref()), named()))) == [("V1", "u1", "Y", 0.0)]


def withheld(of):
    """A photograph with a scale, on which no ulcer was found and no 0 may be written."""
    photo = shown(of)
    nothing = dict.fromkeys(type(photo.record.total).model_fields)
    total = photo.record.total.model_copy(update=nothing)
    return replace(photo, record=photo.record.model_copy(update={"total": total}))


def test_a_zero_that_is_withheld_is_not_evaluable_before_any_ulcer_is_known():
    assert brief(rows_of((withheld(ref()), named()))) == [("V1", "u1", "N", None)]


def test_a_place_that_was_found_bare_decides_for_its_ulcer_alone():
    """Whatever the photograph as a whole may claim (interface.md: Zero is decided ...)."""
    healed = (withheld(ref("V2", 15)), named(closed=("u1",), unsure=("u2",)))
    two = (shown(ref(), 4.0, 1.0), named("u1", "u2"))
    assert brief(rows_of(two, healed))[2:] == [("V2", "u1", "Y", 0.0), ("V2", "u2", "N", None)]


def test_doubt_about_an_outline_leaves_a_closed_ulcers_row_alone():
    unsure = QualityFlag(code="ulcer_unsure", severity="warning", advice="Look at it.")
    photo = shown(ref("V2", 15), 1.0)
    quality = photo.record.quality.model_copy(update={"flags": (unsure,)})
    photo = replace(photo, record=photo.record.model_copy(update={"quality": quality}))
    rows = rows_of(FIRST, (photo, named("u2", closed=("u1",)))).rows
    assert [(row.ulcer, row.area_cm2, row.reading_status) for row in rows[1:]] == [
        ("u2", 1.0, "waiting"),
        ("u1", 0.0, "machine"),
    ]


def flagged(photo, *codes):
    """The photograph with further warnings."""
    flags = tuple(QualityFlag(code=code, severity="warning", advice="Look.") for code in codes)
    quality = photo.record.quality.model_copy(update={"flags": flags})
    return replace(photo, record=photo.record.model_copy(update={"quality": quality}))


def test_an_implausible_ulcer_leaves_a_closed_ulcers_row_alone():
    photo = flagged(shown(ref("V2", 15), 400.0), "implausible")
    rows = rows_of(FIRST, (photo, named("u2", closed=("u1",)))).rows[1:]
    assert [(row.ulcer, row.reading_status) for row in rows] == [
        ("u2", "waiting"),
        ("u1", "machine"),
    ]


def test_an_ulcer_named_by_a_likeness_alone_waits_for_a_person():
    alike = named("u1", flags=(("u1", "match_unregistered"),))
    (row,) = rows_of(FIRST, (shown(ref("V2", 15), 3.0), alike)).rows[1:]
    assert (row.evaluable, row.area_cm2, row.reading_status) == ("Y", 3.0, "waiting")


def test_an_outline_by_hand_that_matching_cannot_name_goes_on_waiting():
    photo = shown(ref("V2", 15), 3.0)
    photo = replace(photo, reading=Reading(base=None, whole=Word("mask", "A. Nurse")))
    lost = named(None, unsure=("u1",), flags=(("u1", "match_unsure"),))
    (row,) = rows_of(FIRST, (photo, lost)).rows[1:]
    assert (row.evaluable, row.reading_status, row.reader) == ("N", "waiting", "")


@pytest.mark.parametrize("photo", [without_scale, rejected, unreadable])
def test_the_manifests_words_hold_on_a_photograph_without_figures(photo):
    (row,) = rows_of(FIRST, (photo(ref("V2", 15, target="Y", ulcer="u1")), named())).rows[1:]
    assert (row.evaluable, row.area_cm2, row.target) == ("N", None, "Y")


def test_the_manifests_closed_is_a_persons_word():
    lost = named(unsure=("u1",), flags=(("u1", "match_unsure"),))
    (row,) = rows_of(FIRST, (shown(ref("V2", 15, closed="Y", ulcer="u1")), lost)).rows[1:]
    assert (row.evaluable, row.area_cm2, row.closed) == ("Y", 0.0, "Y")
    assert row.reading_status == "read"
    (row,) = rows_of(FIRST, (shown(ref("V2", 15, ulcer="u1")), lost)).rows[1:]
    assert (row.evaluable, row.area_cm2) == ("N", None)


@pytest.mark.parametrize("first", [shown, unreadable])
def test_without_any_known_ulcer_every_photograph_that_shows_none_is_zero(first):
    """The row that a photograph without an ulcer has makes none known (interface.md)."""
    visits = [(first(ref()), named()), *((shown(ref(f"V{n}", n)), named()) for n in (15, 29))]
    assert brief(rows_of(*visits))[1:] == [("V15", "u1", "Y", 0.0), ("V29", "u1", "Y", 0.0)]


@pytest.mark.parametrize(
    "first",
    [
        (without_scale(ref()), named(None)),  # an ulcer of unknown size
        (rejected(ref()), named(None)),  # seen, and too dark to measure
        (replace(unreadable(ref()), hides_ulcer=True), named()),  # a person took it back
        (unreadable(ref(ulcer="heel")), named()),  # the manifest knows one
    ],
)
def test_an_ulcer_that_was_met_without_a_figure_is_never_zero_afterwards(first):
    assert brief(rows_of(first, (shown(ref("V2", 15)), named())))[-1][2:] == ("N", None)


def test_a_spot_too_small_to_be_opened_makes_no_ulcer_known():
    tiny = (shown(ref(), 0.1), named(None, flags=(("", "possible_new_ulcer"),)))
    assert brief(rows_of(tiny, (shown(ref("V2", 15)), named())))[1] == ("V2", "u1", "Y", 0.0)


def test_a_date_from_the_camera_is_said_in_the_row():
    (row,) = rows_of((shown(replace(ref(), dated_by="exif"), 4.0), named("u1"))).rows
    assert row.flags == ("date_from_camera",)


def test_no_ulcer_and_nothing_told_of_a_known_one_is_never_zero():
    assert brief(rows_of(FIRST, (shown(ref("V2", 15)), named())))[1] == ("V2", "u1", "N", None)


def test_an_ulcer_too_small_to_be_opened_is_never_zero():
    tiny = (shown(ref(), 0.1), named(None, flags=(("", "possible_new_ulcer"),)))
    assert brief(rows_of(tiny)) == [("V1", "u1", "N", None)]


@pytest.mark.parametrize("fails", [rejected, unreadable, without_scale])
def test_what_cannot_be_measured_has_a_row_for_each_known_ulcer(fails):
    two = (shown(ref(), 4.0, 1.0), named("u1", "u2"))
    made = rows_of(two, (fails(ref("V2", 15)), named(None)))
    assert brief(made)[2:] == [("V2", "u1", "N", None), ("V2", "u2", "N", None)]
    assert len(made.failures) == 1


def test_what_cannot_be_measured_before_any_ulcer_is_known_has_one_row():
    made = rows_of((unreadable(ref()), named()))
    assert brief(made) == [("V1", "u1", "N", None)]
    assert made.rows[0].calibrated == "N"
    (failure,) = made.failures
    assert (failure.stage, failure.error) == ("read", "is cut off")


def test_a_rejected_photograph_says_why_and_what_to_do():
    (failure,) = rows_of((rejected(ref()), named(None))).failures
    assert (failure.stage, failure.error) == ("measure", "not measurable (too_dark)")
    assert failure.advice == "Add light."


def test_parts_of_one_ulcer_add_up():
    parted = (shown(ref("V2", 15), 3.0, 1.0), named("u1", "u1", flags=(("u1", "split"),)))
    row = rows_of(FIRST, parted).rows[1]
    assert (row.area_cm2, row.area_cm2_low) == (4.0, pytest.approx(3.6))
    assert (row.area_sd, row.perimeter_cm) == (pytest.approx(0.2), pytest.approx(11.2))
    assert (row.length_cm, row.width_cm) == (None, None)
    assert row.flags == ("split",)


def test_the_manifests_word_goes_to_the_ulcer_it_names_or_the_only_one():
    only = shown(ref(closed="N", target="Y", debrided="Y"), 4.0)
    (row,) = rows_of((only, named("u1"))).rows
    assert (row.closed, row.target, row.debrided) == ("N", "Y", "Y")
    meant = shown(ref(ulcer="heel", target="Y", debrided="Y"), 4.0, 1.0)
    rows = rows_of((meant, named("heel", "u2"))).rows
    assert [(r.ulcer, r.target, r.debrided) for r in rows] == [("heel", "Y", "Y"), ("u2", "", "Y")]
    nobody = shown(ref(target="Y"), 4.0, 1.0)
    assert [r.target for r in rows_of((nobody, named("u1", "u2"))).rows] == ["", ""]


def test_called_not_evaluable_by_the_manifest():
    made = rows_of((shown(ref(evaluable="N"), 4.0), named("u1")))
    assert brief(made) == [("V1", "u1", "N", None)]
    assert "manifest" in made.failures[0].error


def test_seq_counts_within_a_date_in_the_order_of_the_camera():
    late = shown(ref(name="a.jpg"), 4.0, taken="2026-01-01T10:00:00")
    early = shown(ref(name="b.jpg"), 4.1, taken="2026-01-01T09:00:00")
    silent = shown(ref(name="0.jpg"), 4.2)
    photos = in_order([silent, late, early])
    made = subject_rows(photos, [named("u1")] * 3)
    assert [(row.path[-5:], row.seq) for row in made.rows] == [
        ("b.jpg", 1), ("a.jpg", 2), ("0.jpg", 3),
    ]  # fmt: skip


def test_a_corrected_photograph_says_so():
    (row,) = rows_of((shown(ref(), 4.0, kind="corrected"), named("u1"))).rows
    assert row.flags == ("corrected",)

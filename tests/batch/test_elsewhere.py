"""Several photographs of one visit: nobody is asked about an ulcer that another of them told."""

from __future__ import annotations

from datetime import date

import pytest
from made_photos import named, ref, shown, without_scale

from woundseg.batch import tables, telling
from woundseg.batch.rows import subject_rows
from woundseg.batch.telling import Context, Facts
from woundseg.trial import endpoint, protocol

FIRST = (shown(ref(), 4.0, 1.0), named("u1", "u2"))
WHOLE, CLOSE = ref("V2", 15, "a.jpg"), ref("V2", 15, "b.jpg")


def unsure(*names, found=(), flags=(), **more):
    """A photograph on which these ulcers were not told, with a nameless outline by default."""
    own = tuple((name, "match_unsure") for name in names)
    return named(*(found or (None,)), unsure=names, flags=(*own, *flags), **more)


def made_of(*pairs):
    photos, names = zip(*pairs, strict=True)
    return subject_rows(photos, names)


def brief(made) -> list[tuple]:
    """Rows after the first visit, without what is the same in all of them."""
    return [(row.path[-5:], row.ulcer, row.area_cm2) for row in made.rows if row.visit != "V1"]


def failed(made) -> list[tuple[str, str]]:
    return [(failure.path[-5:], failure.stage) for failure in made.failures]


def test_an_unsure_row_is_left_out_beside_what_the_photograph_says_itself():
    whole = (shown(WHOLE, 3.0), named("u1", unsure=("u2",), flags=(("u2", "match_unsure"),)))
    close = (shown(CLOSE, 0.8), unsure("u1", found=("u2",)))
    for pairs in ((whole, close), (close, whole)):
        made = made_of(FIRST, *pairs)
        assert sorted(brief(made)) == [("a.jpg", "u1", 3.0), ("b.jpg", "u2", 0.8)]
        assert failed(made) == []


def test_a_photograph_keeps_its_row_when_it_has_no_other_and_nobody_is_sent_after_it():
    whole = (shown(WHOLE, 3.0, 0.8), named("u1", "u2"))
    made = made_of(FIRST, whole, (shown(CLOSE, 2.9), unsure("u1", "u2")))
    assert brief(made)[2:] == [("b.jpg", "u1", None), ("b.jpg", "u2", None)]
    assert [row.evaluable for row in made.rows[-2:]] == ["N", "N"]
    assert failed(made) == []


def test_an_ulcer_that_no_photograph_of_the_visit_measures_stays_with_its_failure():
    whole = (shown(WHOLE, 3.0), unsure("u2", found=("u1",)))
    made = made_of(FIRST, whole, (shown(CLOSE, 2.9), unsure("u1", "u2")))
    assert brief(made) == [("a.jpg", "u1", 3.0), ("a.jpg", "u2", None), ("b.jpg", "u2", None)]
    assert failed(made) == [("b.jpg", "match")]


def test_another_visit_or_another_day_tells_nothing():
    whole = (shown(ref("V2", 16, "a.jpg"), 3.0, 0.8), named("u1", "u2"))
    other = (shown(ref("U1", 15, "c.jpg"), 3.0, 0.8), named("u1", "u2"))
    made = made_of(FIRST, (shown(CLOSE, 2.9), unsure("u1", "u2")), other, whole)
    assert brief(made)[:2] == [("b.jpg", "u1", None), ("b.jpg", "u2", None)]
    assert failed(made) == [("b.jpg", "match")]


def test_healed_elsewhere_counts_only_where_nothing_nameless_is_seen():
    """What has no name may be the very ulcer: then a person looks before 0 is believed."""
    healed = (shown(WHOLE, 0.8), named("u2", closed=("u1",)))
    nothing = (shown(CLOSE, 0.7), unsure("u1", found=("u2",)))
    assert brief(made_of(FIRST, healed, nothing)) == [
        ("a.jpg", "u2", 0.8), ("a.jpg", "u1", 0.0), ("b.jpg", "u2", 0.7),
    ]  # fmt: skip
    nameless = (shown(CLOSE, 0.7, 0.3), unsure("u1", found=("u2", None)))
    assert brief(made_of(FIRST, healed, nameless))[2:] == [
        ("b.jpg", "u2", 0.7), ("b.jpg", "u1", None),
    ]  # fmt: skip


@pytest.mark.parametrize("code", ["named_u2", "merged"])
def test_what_says_more_than_unsure_is_kept(code):
    whole = (shown(WHOLE, 3.0, 0.8), named("u1", "u2"))
    close = (shown(CLOSE, 0.8), unsure("u1", found=("u2",), flags=(("u1", code),)))
    assert brief(made_of(FIRST, whole, close))[2:] == [
        ("b.jpg", "u2", 0.8), ("b.jpg", "u1", None),
    ]  # fmt: skip


def test_a_persons_name_is_never_put_aside():
    whole = (shown(WHOLE, 3.0, 0.8), named("u1", "u2"))
    close = (shown(ref("V2", 15, "b.jpg", ulcer="u1"), 0.8), unsure("u1", found=("u2",)))
    assert ("b.jpg", "u1", None) in brief(made_of(FIRST, whole, close))


def test_a_photograph_without_a_scale_tells_nothing_of_others_and_keeps_its_own_failure():
    no_scale = (without_scale(WHOLE), named("u1"))
    made = made_of(FIRST, no_scale, (shown(CLOSE, 2.9), unsure("u1", found=("u2",))))
    assert ("b.jpg", "u1", None) in brief(made)
    measures = (shown(CLOSE, 2.9, 0.8), named("u1", "u2"))
    made = made_of(FIRST, (without_scale(WHOLE), unsure("u1", "u2")), measures)
    assert brief(made)[:2] == [("a.jpg", "u1", None), ("a.jpg", "u2", None)]
    assert failed(made) == [("a.jpg", "measure")]


def test_the_report_asks_nobody_either(tmp_path):
    pairs = [
        (shown(WHOLE, 3.0, 0.8), named("u1", "u2")),
        (shown(CLOSE, 2.9), unsure("u1", "u2", flags=(("", "possible_new_ulcer"),))),
    ]
    rows = list(made_of(*pairs).rows)
    facts = Facts("u1", date(2026, 1, 1), date(2026, 1, 1), None)
    context = Context(protocol.load(None), date(2026, 1, 20), tmp_path)
    photos = [(photo, names, b"") for photo, names in pairs]
    made = telling.subject_report(photos, rows, [], facts, context)
    assert len(made.to_look_at) == 1
    assert "There may be a new ulcer" in made.to_look_at[0]
    assert [flag.code for flag in made.photos[1].flags] == ["possible_new_ulcer"]


def test_the_endpoint_is_the_same_with_and_without_the_rows_left_out(tmp_path):
    """Protocol 2.5: of several rows of one ulcer and date the evaluable one counts."""
    whole = (shown(WHOLE, 1.0), unsure("u2", found=("u1",)))
    close = (shown(CLOSE, 0.8), unsure("u1", found=("u2",)))
    short = made_of(FIRST, whole, close).rows
    long = [row for pair in (FIRST, whole, close) for row in made_of(pair).rows]
    assert (len(short), len(long)) == (4, 6)
    told = []
    for rows in (short, long):
        with tables.writing(tmp_path) as written:
            for row in rows:
                written.visit(row)
        found = endpoint.run(tmp_path / tables.VISITS, None, protocol.load(None))
        analysed = found.visit_response.query("anl01fl == 'Y'")
        told.append((analysed.to_csv(index=False), found.subject_response.to_csv()))
    assert told[0] == told[1]
    assert "PR" in told[0][0]

"""Response to earlier visits. Categories by section 3 of the protocol, by hand."""

from __future__ import annotations

import cv2
import pytest
from drawn_foot import box, circle, foot, look, turned
from made_records import DARK, record

from woundseg import baseline
from woundseg.baseline import Statement, Visit, respond
from woundseg.errors import UsageError
from woundseg.match import FLAG_ADVICE
from woundseg.records import QualityFlag, Sketch
from woundseg.trial.protocol import load

PROTOCOL = load()
_WITHHELD = record().total.model_copy(update={"area_cm2": None, "area_px": None})
UNSURE = record().model_copy(update={"total": _WITHHELD})
"""Nothing was found, and 0 was not written."""


def known(area_cm2: float) -> Visit:
    return Visit(area_cm2=area_cm2)


BIG, OTHER = circle(200, 180, 30), circle(300, 230, 18)
SKIN = foot()
CLOTHED = cv2.rectangle(foot(), (150, 130), (250, 230), (120, 160, 190), -1)
"""Blue cloth over the place of BIG."""


def seen(areas, *ulcers, skin=SKIN, turn_deg=0.0, card=None, cut=()):
    """A visit with ulcers of these areas, largest first, and these outlines on one foot.

    The frame cuts those whose id is in ``cut``.
    """
    shown = look(skin, ulcers, turned(1.0, turn_deg), card)
    _, encoded = cv2.imencode(".png", shown.pixels[..., ::-1])
    lines = tuple((tuple(map(tuple, line)),) for line in shown.outlines)
    kept = Sketch(encoded.tobytes(), 1.0, lines, tuple(map(tuple, shown.hidden)))
    told = record(*areas)
    ulcers = tuple(u.model_copy(update={"lower_bound": u.id in cut}) for u in told.ulcers)
    return Visit(record=told.model_copy(update={"ulcers": ulcers}), sketch=kept)


FIRST = seen((4.0, 1.0), BIG, OTHER)
ALONE = seen((4.0,), BIG)


@pytest.mark.parametrize(
    ("earlier", "now", "code", "change"),
    [
        ([4.0], 1.9, "PR", -52.5),
        ([4.0], 3.0, "SD", -25.0),
        ([4.0], 5.2, "PD", 30.0),
        ([4.0, 1.0], 1.5, "PD", -62.5),  # against the smallest, 0.5 cm² and 50% more
    ],
)
def test_category_against_the_first_and_the_smallest(earlier, now, code, change):
    visits = [known(area) for area in earlier]
    response = respond(visits, Visit(record=record(now)), PROTOCOL)
    assert (response.code, response.ulcers, response.place) == (code, ("u1",), "unchecked")
    assert response.advice == baseline._UNCHECKED
    assert response.baseline_cm2 == 4.0
    assert response.percent_change == pytest.approx(change)
    shares = response.probability
    assert pytest.approx(1) == shares.CR + shares.PR + shares.SD + shares.PD


def test_a_records_own_error_widens_the_interval():
    first, now = seen((4.0,), BIG), seen((3.0,), circle(201, 181, 26), turn_deg=6)
    exact = respond([first], now, PROTOCOL)
    # 5% each: ± 1.96 √(2 · 0.05²) = 13.9% on the log scale around 0.75.
    assert exact.percent_change_low == pytest.approx(100 * (0.75 / 1.149 - 1), abs=0.3)
    assert exact.percent_change_high == pytest.approx(100 * (0.75 * 1.149 - 1), abs=0.3)


@pytest.mark.parametrize(
    ("earlier", "now", "reason"),
    [
        ([record(4.0, 1.0)], record(3.0), "match_unsure"),
        ([record(4.0)], record(3.0, 1.0), "match_unsure"),
        ([record(None, scale="none")], record(3.0), "no_scale"),
        ([record(4.0)], record(scale="none"), "no_scale"),
        ([record(None, flags=(DARK,))], record(3.0), "not_measurable"),
        ([record(4.0)], record(None, flags=(DARK,)), "not_measurable"),
        ([record(4.0), record(None, None, scale="none")], record(3.0), "no_scale"),
        ([record()], record(3.0, 1.0), "NOBASE"),
        ([record()], record(3.0), "NOBASE"),  # healed already: there is nothing to compare with
        ([record(4.0)], UNSURE, "closed_unsure"),
        ([record(4.0), UNSURE], record(3.0), "closed_unsure"),
        ([UNSURE], record(3.0), "closed_unsure"),
    ],
)
def test_what_cannot_be_compared_says_why(earlier, now, reason):
    response = respond([Visit(record=r) for r in earlier], Visit(record=now), PROTOCOL)
    assert (response.category, response.code, response.reason) == ("not_evaluable", "NE", reason)
    assert response.percent_change is None
    assert response.probability is None
    assert response.advice == baseline.ADVICE[reason] or "give the photograph" in response.advice


def test_a_zero_that_was_withheld_says_why():
    flag = QualityFlag(code="skin_unsure", severity="warning", advice="Is this the foot?")
    quality = UNSURE.quality.model_copy(update={"flags": (flag,)})
    now = Visit(record=UNSURE.model_copy(update={"quality": quality}))
    response = respond([known(4.0)], now, PROTOCOL)
    assert (response.code, response.reason) == ("NE", "skin_unsure")
    assert (response.baseline_cm2, response.advice) == (4.0, "Is this the foot?")


# --- a baseline given as a number ---------------------------------------------------------------

NOTHING = Visit(record=record())


def test_a_zero_against_a_number_is_not_closed():
    response = respond([known(4.0)], NOTHING, PROTOCOL)
    assert (response.code, response.reason, response.place) == (
        "NE",
        "place_unchecked",
        "unchecked",
    )
    assert response.baseline_cm2 == 4.0
    assert "--closed" in response.advice


@pytest.mark.parametrize("now", [NOTHING, Visit(record=UNSURE)])
def test_a_person_who_has_seen_it_closed_settles_a_zero(now):
    response = respond([known(4.0)], now, PROTOCOL, Statement(closed=True))
    assert (response.code, response.reason, response.place) == ("CR", "CLOSED", "unchecked")
    assert (response.percent_change, response.closed_by_person) == (-100.0, True)


def test_a_person_and_the_photograph_that_disagree():
    # 3 of 4 cm²: closed counts up to 0.05 cm² alone (rule 3).
    response = respond([known(4.0)], Visit(record=record(3.0)), PROTOCOL, Statement(closed=True))
    assert (response.code, response.closed_by_person) == ("SD", False)
    assert "A person calls it closed, but an ulcer was found" in response.advice


def test_a_number_does_not_say_which_of_several_ulcers_it_is_of():
    now = Visit(record=record(3.0, 1.0))
    response = respond([known(4.0)], now, PROTOCOL)
    assert (response.reason, response.baseline_cm2) == ("match_unsure", 4.0)
    assert "--ulcer u1 or u2" in response.advice
    named = respond([known(4.0)], now, PROTOCOL, Statement("u2"))
    assert (named.code, named.ulcers, named.percent_change) == ("PR", ("u2",), -75.0)


def test_the_ulcer_named_is_one_of_the_records():
    Statement("u2").check(record(3.0, 1.0))
    Statement("u9").check(record(None, flags=(DARK,)))  # that it cannot be measured is said first
    with pytest.raises(UsageError, match="has no ulcer 'u3': its ulcers are u1, u2"):
        Statement("u3").check(record(3.0, 1.0))
    with pytest.raises(UsageError, match="no ulcer was found on it"):
        Statement("u1").check(record())


def test_the_index_ulcer_is_followed_by_its_place_and_not_by_its_size():
    now = seen((1.2, 0.9), OTHER, circle(202, 182, 15), turn_deg=12)
    response = respond([FIRST], now, PROTOCOL)
    assert (response.code, response.ulcers, response.advice) == ("PR", ("u2",), None)
    assert response.percent_change == pytest.approx(-77.5)  # (0.9 - 4.0) / 4.0
    assert response.baseline_cm2 == 4.0
    # Against a visit in between it has grown: (0.9 - 0.6) / 0.6 = 50% and 0.3 cm².
    between = seen((1.1, 0.6), OTHER, circle(201, 181, 12), turn_deg=-8)
    grown = respond([FIRST, between], now, PROTOCOL)
    assert (grown.code, grown.growth_from_cm2) == ("PD", 0.6)
    assert grown.growth_percent == pytest.approx(50.0)


def test_an_index_ulcer_whose_place_is_seen_and_empty_is_closed():
    response = respond([FIRST], seen((1.2,), OTHER, turn_deg=12), PROTOCOL)
    assert (response.code, response.percent_change, response.ulcers) == ("CR", -100.0, ())


def test_parts_of_the_index_ulcer_add_up_and_a_person_is_asked():
    parts = circle(187, 170, 9), circle(214, 192, 8)
    response = respond([FIRST], seen((1.0, 0.6, 0.4), OTHER, *parts), PROTOCOL)
    assert response.ulcers == ("u2", "u3")
    assert response.percent_change == pytest.approx(-75.0)  # 0.6 + 0.4 of 4.0
    assert response.advice == FLAG_ADVICE["split"]


UNSURE_ADVICE = baseline.ADVICE["match_unsure"]


@pytest.mark.parametrize(
    ("now", "advice"),
    [
        (
            seen((1.2,), OTHER, card=box(150, 130, 250, 230)),
            f"{FLAG_ADVICE['hidden']} If you know that it is the same ulcer: --baseline 4.00.",
        ),
        (
            seen((4.0, 1.0), BIG, OTHER, skin=foot(seed=2)),
            "If you know which ulcer it is: --baseline 4.00 --ulcer u1 or u2.",
        ),
        (
            seen((), skin=foot(seed=2)),
            "If a person has seen the ulcer closed: --baseline 4.00 --closed.",
        ),
    ],
)
def test_what_cannot_be_matched_says_what_settles_it(now, advice):
    response = respond([FIRST], now, PROTOCOL)
    assert (response.category, response.reason) == ("not_evaluable", "match_unsure")
    assert (response.baseline_cm2, response.place) == (4.0, None)
    assert response.advice == f"{UNSURE_ADVICE} {advice}"


# --- one ulcer on each photograph ---------------------------------------------------------------


def test_one_ulcer_is_matched_by_its_place_too():
    response = respond([ALONE], seen((1.5,), circle(201, 181, 18), turn_deg=12), PROTOCOL)
    assert (response.code, response.place, response.ulcers) == ("PR", "found", ("u1",))
    assert response.advice is None


def test_another_foot_is_not_evaluable():
    other = foot(seed=2)
    for now in (
        seen((3.9,), BIG, skin=other),
        seen((1.5,), OTHER, skin=other),
        seen((), skin=other),
    ):
        response = respond([ALONE], now, PROTOCOL)
        assert (response.code, response.reason) == ("NE", "match_unsure")


def test_another_ulcer_of_the_same_foot_is_not_the_index_ulcer():
    # The first visit's place is in view and empty: it is closed, and the ulcer seen is new.
    response = respond([ALONE], seen((1.0,), circle(310, 240, 15), turn_deg=5), PROTOCOL)
    assert (response.code, response.ulcers, response.place) == ("CR", (), "found")


def test_a_zero_needs_the_place_in_view_and_uncovered():
    closed = respond([ALONE], seen((), turn_deg=12), PROTOCOL)
    assert (closed.code, closed.percent_change, closed.place) == ("CR", -100.0, "found")
    for now in (seen((), card=box(150, 130, 250, 230)), seen((), turn_deg=0, skin=CLOTHED)):
        response = respond([ALONE], now, PROTOCOL)
        assert (response.code, response.reason) == ("NE", "match_unsure")
    # A person's word does not place a photograph of another foot.
    other = seen((), skin=foot(seed=2))
    stated = respond([ALONE], other, PROTOCOL, Statement(closed=True))
    assert (stated.code, stated.reason) == ("NE", "match_unsure")


def test_a_number_among_photographs_counts_as_an_area_of_the_same_ulcer():
    now = seen((1.5,), circle(201, 181, 18), turn_deg=12)
    grown = respond([ALONE, known(1.0)], now, PROTOCOL)  # (1.5 - 1.0) / 1.0
    assert (grown.code, grown.growth_from_cm2) == ("PD", 1.0)
    assert grown.advice == baseline._PARTLY_CHECKED
    first = respond([known(8.0), ALONE], seen((), turn_deg=12), PROTOCOL)
    assert (first.code, first.baseline_cm2, first.place) == ("CR", 8.0, "found")
    several = respond([known(8.0), FIRST], now, PROTOCOL)
    assert (several.reason, several.baseline_cm2) == ("match_unsure", 8.0)
    assert "does not say which one it is of" in several.advice


def test_the_ulcer_named_is_the_one_compared():
    now = seen((1.2, 0.9), OTHER, circle(202, 182, 15), turn_deg=12)
    response = respond([FIRST], now, PROTOCOL, Statement("u1"))  # OTHER: 1.0, now 1.2
    assert (response.code, response.ulcers, response.baseline_cm2) == ("SD", ("u1",), 1.0)
    new = respond([ALONE], now, PROTOCOL, Statement("u1"))
    assert (new.code, new.reason) == ("NE", "match_unsure")  # it was not there at first


# --- an ulcer cut by the frame ------------------------------------------------------------------

SMALLER, LARGER = circle(201, 181, 18), circle(201, 181, 36)


@pytest.mark.parametrize(
    ("visits", "code", "reason"),
    [
        ((ALONE, seen((1.5,), SMALLER, cut=("u1",))), "NE", "CUT"),  # it may be PR or not
        ((ALONE, seen((3.9,), BIG, cut=("u1",))), "NE", "CUT"),
        ((ALONE, seen((5.2,), LARGER, cut=("u1",))), "PD", "GROWTH"),
        ((seen((4.0,), BIG, cut=("u1",)), seen((1.5,), SMALLER)), "NE", "NOBASE"),
        # A cut ulcer in between is no nadir: 1.5 of 4.0 cm² stays a response.
        ((ALONE, seen((1.0,), SMALLER, cut=("u1",)), seen((1.5,), SMALLER)), "PR", "PAR50"),
    ],
)
def test_an_ulcer_that_the_frame_cuts_is_a_lower_bound(visits, code, reason):
    response = respond(visits[:-1], visits[-1], PROTOCOL)
    assert (response.code, response.reason) == (code, reason)
    if code == "NE":
        assert "cuts the ulcer" in response.advice


def test_a_cut_ulcer_against_a_number():
    now = seen((1.5,), SMALLER, cut=("u1",))
    response = respond([known(4.0)], now, PROTOCOL)
    assert (response.code, response.reason) == ("NE", "CUT")
    assert response.advice == baseline.ADVICE["CUT"]


def test_a_record_whose_photograph_is_gone_does_not_match():
    response = respond([Visit(record=record(4.0))], ALONE, PROTOCOL)
    assert (response.reason, response.baseline_cm2) == ("match_unsure", 4.0)
    assert "v.jpg, the photograph of a record, is not there as it was measured" in response.advice

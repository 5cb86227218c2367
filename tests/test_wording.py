"""The record in a few lines: every figure that is said stands in the record."""

from __future__ import annotations

from made_records import DARK, record

from woundseg.baseline import ADVICE, Statement, Visit, not_evaluable, respond
from woundseg.records import QualityFlag, TissueFractions
from woundseg.trial.protocol import load
from woundseg.trial.response import Measured, compare
from woundseg.wording import describe

PROTOCOL = load()
NOT_CHECKED = (
    "note: The place was not checked: an area given as a number does not say which ulcer it is of."
)


def with_response(now, *earlier):
    visits = [Visit(area_cm2=area) for area in earlier]
    return now.model_copy(update={"response": respond(visits, Visit(record=now), PROTOCOL)})


def test_one_ulcer():
    assert describe(record(2.5)).splitlines() == [
        "v.jpg",
        "  u1    2.50 cm²  (95%: 2.25 to 2.78)  2.1 × 1.5 cm  perimeter 5.6 cm"
        "  granulation 75%, slough 25%",
    ]


def test_each_fraction_is_told_with_its_interval():
    low = TissueFractions(granulation=0.126, slough=0.007, necrosis=0, other=0)
    high = TissueFractions(granulation=0.988, slough=0.874, necrosis=0.16, other=0.16)
    one = record(None, scale="none")
    ends = {"tissue_low": low, "tissue_high": high}
    ulcer, total = (figures.model_copy(update=ends) for figures in (one.ulcers[0], one.total))
    told = describe(one.model_copy(update={"ulcers": (ulcer,), "total": total}))
    assert told.endswith("granulation 75% (13–99), slough 25% (1–87)")
    both = describe(one.model_copy(update={"ulcers": (ulcer, ulcer), "total": total}))
    assert both.count("granulation 75% (13–99), slough 25% (1–87)") == 3


def test_several_ulcers_have_a_total():
    lines = describe(record(2.5, 0.5)).splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["u1", "u2", "total"]
    assert "3.00 cm²" in lines[-1]


SEEN = "  evidence: the photograph is measurable and shows skin; "
UNCHECKED = "whether the place of an earlier ulcer is in view was not checked"


def test_no_ulcer_is_a_finding_with_the_size_that_counts_and_its_evidence():
    assert describe(record()).splitlines()[1:] == [
        "  no ulcer found: 0 cm² (smallest that counts: 0.05 cm²)",
        f"{SEEN}{UNCHECKED} (--baseline PHOTO)",
    ]
    assert describe(record(scale="none")).splitlines()[1:] == [
        "  no ulcer found (smallest that counts: 12 px)",
        f"{SEEN}{UNCHECKED} (--baseline PHOTO)",
    ]


def test_a_zero_that_was_not_written_is_not_told_as_one():
    withheld = record().total.model_copy(update={"area_cm2": None, "area_px": None})
    flag = QualityFlag(code="closed_unsure", severity="warning", advice="Look at the foot.")
    quality = record().quality.model_copy(update={"flags": (flag,)})
    facts = record().model_copy(update={"total": withheld, "quality": quality})
    assert describe(facts).splitlines()[1:] == [
        "  no ulcer found, but this is not sure enough for 0 cm²: see below",
        "  warning: Look at the foot. [closed_unsure]",
    ]


def test_a_zero_against_a_number_says_that_the_place_was_not_checked():
    lines = describe(with_response(record(), 4.0)).splitlines()[2:]
    assert lines == [
        SEEN + UNCHECKED,
        "  against baseline: not evaluable (place_unchecked): " + ADVICE["place_unchecked"],
    ]


def test_closed_by_a_person_and_closed_at_its_place():
    said = respond([Visit(area_cm2=4.0)], Visit(record=record()), PROTOCOL, Statement(closed=True))
    lines = describe(record().model_copy(update={"response": said})).splitlines()[2:]
    assert lines == [
        SEEN + UNCHECKED,
        "  against baseline 4.00 cm²: -100%: response (CR, CLOSED), unconfirmed",
        "  a person has seen the ulcer closed (--closed)",
        f"  {NOT_CHECKED}",
    ]
    placed = said.model_copy(
        update={"place": "found", "closed_by_person": False, "advice": None, "ulcers": ()}
    )
    lines = describe(record().model_copy(update={"response": placed})).splitlines()[2:]
    assert lines == [
        SEEN + "the place of the earlier ulcer was found by the skin around it, in view and empty",
        "  against baseline 4.00 cm²: -100%: response (CR, CLOSED), unconfirmed",
    ]


def test_an_ulcer_that_the_frame_cuts_is_at_least_as_large():
    (ulcer,) = record(2.5).ulcers
    cut = record(2.5).model_copy(
        update={"ulcers": (ulcer.model_copy(update={"lower_bound": True}),)}
    )
    line = describe(cut).splitlines()[1]
    assert line.startswith("  u1    at least 2.50 cm²  (95%: 2.25 to 2.78)")
    assert line.endswith("  (the edge of the photograph cuts it)")


def test_without_a_scale_nothing_is_said_in_cm():
    text = describe(record(None, scale="none"))
    assert "400 px (no scale: nothing in cm)" in text
    assert "cm²" not in text


def test_a_rejected_photograph_never_reads_as_healed():
    text = describe(record(None, flags=(DARK,)))
    assert text.splitlines() == [
        "v.jpg",
        "  NOT MEASURABLE: see below what to do",
        "  u1    not measured",
        "  reject: Add light. [too_dark]",
    ]
    assert "no ulcer" not in describe(record(flags=(DARK,)))


def test_flags_with_their_advice():
    flag = QualityFlag(code="tilt", severity="warning", advice="Hold the phone straight.")
    assert describe(record(2.5, flags=(flag,))).endswith(
        "\n  warning: Hold the phone straight. [tilt]"
    )


def test_response_is_said_to_be_unconfirmed():
    line = describe(with_response(record(1.0), 4.0)).splitlines()[2]
    assert line.startswith("  against baseline 4.00 cm²: -75% (95%: ")
    assert line.endswith("): response (PR, PAR50), unconfirmed")


def test_a_borderline_response_says_what_else_it_may_be():
    lines = describe(with_response(record(1.95), 4.0)).splitlines()
    assert lines[3].startswith("  borderline: within the measurement error it may be PR ")
    assert "SD " in lines[3]


def test_a_progression_says_from_which_area_it_has_grown():
    # 7.73, 1.11, now 4.67: 40% less than the first, but (4.67 - 1.11) / 1.11 = 321% more.
    lines = describe(with_response(record(4.67), 7.73, 1.11)).splitlines()[2:]
    assert lines[0].startswith("  against baseline 7.73 cm²: -40% (95%: ")
    assert "progression" not in lines[0]
    assert lines[1:] == [
        "  against the smallest before, 1.11 cm²: +321%: progression (PD, GROWTH), unconfirmed",
        f"  {NOT_CHECKED}",
    ]
    healed = describe(with_response(record(1.0), 4.0, 0.0)).splitlines()[2:]
    assert healed[1].startswith("  against the smallest before, 0.00 cm² (closed): progression")


def test_a_progression_from_the_baseline_needs_one_line():
    line = describe(with_response(record(6.0), 4.0)).splitlines()[2]
    assert line.startswith("  against baseline 4.00 cm²: +50% (95%: ")
    assert line.endswith("): progression (PD, GROWTH), unconfirmed")


def test_a_lower_bound_is_said_to_be_one():
    rules = load()
    cut = compare([Measured(4.0)], Measured(6.0, lower_bound=True), rules)
    line = describe(record(6.0).model_copy(update={"response": cut})).splitlines()[2]
    assert line == (
        "  against baseline 4.00 cm²: at least +31%, as the area is a lower bound: progression "
        "(PD, GROWTH), unconfirmed"
    )
    grown = compare([Measured(4.0), Measured(1.0)], Measured(2.0, lower_bound=True), rules)
    lines = describe(record(2.0).model_copy(update={"response": grown})).splitlines()
    assert (
        lines[3] == "  against the smallest before, 1.00 cm²: progression (PD, GROWTH), unconfirmed"
    )


def test_borderline_is_not_said_of_one_category_alone():
    facts = with_response(record(4.67), 7.73, 1.11)
    near = facts.response.model_copy(update={"borderline": "borderline_pr"})
    assert near.probability.PD == 1.0
    assert "borderline" not in describe(facts.model_copy(update={"response": near}))


def test_a_response_that_cannot_be_judged():
    now = record(2.5).model_copy(update={"response": not_evaluable("no_scale", None)})
    assert "  against baseline: not evaluable (no_scale)" in describe(now).splitlines()
    text = describe(with_response(record(2.5, 1.0), 4.0))
    assert "not evaluable (match_unsure): A photograph shows several ulcers, and an area" in text


def test_of_several_ulcers_the_one_that_was_judged_is_named():
    facts = with_response(record(1.0), 4.0).response
    told = facts.model_copy(update={"ulcers": ("u1", "u2"), "advice": "Look."})
    lines = describe(record(1.0, 0.5).model_copy(update={"response": told})).splitlines()
    assert lines[4].startswith("  u1 and u2, against baseline 4.00 cm²: -75%")
    assert lines[5] == "  note: Look."


def test_a_closed_ulcer_beside_an_open_one_is_said_to_be_another():
    said = Statement(closed=True)
    closed = respond([Visit(area_cm2=4.0)], Visit(record=record()), PROTOCOL, said)
    lines = describe(record(1.0).model_copy(update={"response": closed})).splitlines()
    assert lines[2].startswith("  index ulcer, closed here, against baseline 4.00 cm²: -100%")

"""Earlier visits of ``score --baseline``. Categories by section 3 of the protocol, by hand."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import cv2
import pytest
from drawn_foot import box, circle, foot, look, turned
from made_records import DARK, record

from woundseg import baseline, photo
from woundseg.baseline import Visit, respond
from woundseg.errors import UsageError
from woundseg.match import FLAG_ADVICE
from woundseg.records import Sketch
from woundseg.trial.protocol import load

PROTOCOL = load()
KEPT = Sketch(b"", 1.0, (), ())


def never(path: Path):
    raise AssertionError(f"{path} was measured")


def known(area_cm2: float) -> Visit:
    return Visit(area_cm2=area_cm2)


def test_an_area_a_record_a_photograph(tmp_path, monkeypatch):
    assert baseline.read("4.2", never) == known(4.2)
    assert baseline.read("0", never) == known(0.0)
    path = tmp_path / "RECORD.JSON"
    path.write_text(record(3.0).model_dump_json())
    assert baseline.read(str(path), never) == Visit(record=record(3.0), folder=tmp_path)
    asked = []
    monkeypatch.setattr(baseline, "sketch", lambda _: KEPT)
    scored = SimpleNamespace(record=record(5.0))
    visit = baseline.read("before.jpg", lambda path: asked.append(path) or scored)
    assert (asked, visit) == ([Path("before.jpg")], Visit(record=record(5.0), sketch=KEPT))


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "-inf"])
def test_impossible_areas(text):
    with pytest.raises(UsageError, match="is no area in cm²"):
        baseline.read(text, never)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"area_cm2": 3}', b"\xff\xfe"])
def test_files_that_are_no_record(tmp_path, content):
    path = tmp_path / "r.json"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="is no record of woundseg score") as caught:
        baseline.read(str(path), never)
    assert caught.value.subject == str(path)


@pytest.mark.parametrize("place", ["gone.json", ".json/"])
def test_records_that_are_not_there(tmp_path, place):
    with pytest.raises(UsageError, match="cannot be read"):
        baseline.read(str(tmp_path / place / "x.json"), never)


@pytest.mark.parametrize(
    ("earlier", "now", "code", "change"),
    [
        ([4.0], 1.9, "PR", -52.5),
        ([4.0], 3.0, "SD", -25.0),
        ([4.0], 5.2, "PD", 30.0),
        ([4.0, 1.0], 1.5, "PD", -62.5),  # against the smallest, 0.5 cm² and 50% more
        ([4.0], 0.0, "CR", -100.0),
    ],
)
def test_category_against_the_first_and_the_smallest(earlier, now, code, change):
    visits = [known(area) for area in earlier]
    response = respond(visits, Visit(record=record(now) if now else record()), PROTOCOL)
    assert response.code == code
    assert response.baseline_cm2 == 4.0
    assert response.percent_change == pytest.approx(change)
    shares = response.probability
    assert pytest.approx(1) == shares.CR + shares.PR + shares.SD + shares.PD


def test_a_records_own_error_widens_the_interval():
    exact = respond([Visit(record=record(4.0))], Visit(record=record(3.0)), PROTOCOL)
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
    ],
)
def test_what_cannot_be_compared_says_why(earlier, now, reason):
    response = respond([Visit(record=r) for r in earlier], Visit(record=now), PROTOCOL)
    assert (response.category, response.code, response.reason) == ("not_evaluable", "NE", reason)
    assert response.percent_change is None
    assert response.probability is None
    assert response.advice == baseline.ADVICE[reason] or "give the earlier" in response.advice


# --- several ulcers ---------------------------------------------------------------------------

BIG, OTHER = circle(200, 180, 30), circle(300, 230, 18)
SKIN = foot()


def seen(areas, *ulcers, skin=SKIN, turn_deg=0.0, card=None):
    """A visit with ulcers of these areas, largest first, and these outlines on one foot."""
    shown = look(skin, ulcers, turned(1.0, turn_deg), card)
    _, encoded = cv2.imencode(".png", shown.pixels[..., ::-1])
    lines = tuple((tuple(map(tuple, line)),) for line in shown.outlines)
    kept = Sketch(encoded.tobytes(), 1.0, lines, tuple(map(tuple, shown.hidden)))
    return Visit(record=record(*areas), sketch=kept)


FIRST = seen((4.0, 1.0), BIG, OTHER)


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


@pytest.mark.parametrize(
    ("now", "advice"),
    [
        (seen((1.2,), OTHER, card=box(150, 130, 250, 230)), FLAG_ADVICE["hidden"]),
        (seen((4.0, 1.0), BIG, OTHER, skin=foot(seed=2)), ""),
    ],
)
def test_what_cannot_be_matched_says_so(now, advice):
    response = respond([FIRST], now, PROTOCOL)
    assert (response.category, response.reason) == ("not_evaluable", "match_unsure")
    assert response.baseline_cm2 == 4.0
    assert response.advice == f"{baseline.ADVICE['match_unsure']} {advice}".strip()


@pytest.mark.parametrize(
    ("earlier", "advice"),
    [
        (known(4.0), "an area alone does not say which one it is of"),
        (Visit(record=record(4.0, 1.0)), "v.jpg is not there as it was measured"),
    ],
)
def test_several_ulcers_need_the_earlier_photograph(earlier, advice):
    response = respond([earlier], FIRST, PROTOCOL)
    assert (response.reason, response.baseline_cm2) == ("match_unsure", 4.0)
    assert advice in response.advice


def test_a_records_photograph_is_measured_again_with_its_settings(tmp_path, monkeypatch):
    monkeypatch.setattr(baseline, "sketch", lambda _: KEPT)
    path = tmp_path / "v.png"
    cv2.imwrite(str(path), SKIN)
    found = photo.read(path)
    facts = record(4.0, 1.0).photo.model_copy(update={"path": str(path), "sha256": found.sha256})
    settings = record().settings.model_copy(update={"mm_per_px": 0.4})
    told = record(4.0, 1.0).model_copy(update={"photo": facts, "settings": settings})
    asked = []

    def kept(told, now=told):
        def score_as(photograph, options):
            asked.append((photograph.path, options.scale.mm_per_px))
            return SimpleNamespace(record=now)

        return baseline.with_sketch(Visit(record=told), score_as)

    assert kept(told) == Visit(record=told, sketch=KEPT)
    assert asked == [(path, 0.4)]
    # Other weights see one ulcer, or two elsewhere: their outlines are not the record's.
    assert kept(told, record(4.0)).sketch is None
    moved = [ulcer.model_copy(update={"bbox_px": (22, 2, 30, 20)}) for ulcer in told.ulcers]
    assert kept(told, told.model_copy(update={"ulcers": tuple(moved)})).sketch is None
    for change in ({"path": str(tmp_path / "gone.png")}, {"sha256": "0" * 64}):
        other = told.model_copy(update={"photo": facts.model_copy(update=change)})
        assert kept(other).sketch is None
    assert len(asked) == 3
    # Named from the folder that score was run in: found from the record's own folder too.
    away = facts.model_copy(update={"path": f"nowhere/{path.name}"})
    moved_away = Visit(record=told.model_copy(update={"photo": away}), folder=tmp_path)
    assert baseline._photograph(moved_away, moved_away.record).path == path
    assert baseline.with_sketch(known(4.0), never) == known(4.0)
    assert baseline.with_sketch(FIRST, never) is FIRST


@pytest.mark.parametrize(
    ("other", "share"),
    [
        ((0, 0, 10, 10), 1.0),
        ((5, 0, 10, 10), 50 / 150),
        ((0, 0, 5, 10), 0.5),
        ((10, 0, 5, 5), 0.0),
        (None, 0.0),
    ],
)
def test_common_share_of_two_boxes(other, share):
    assert baseline._common((0, 0, 10, 10), other) == pytest.approx(share)

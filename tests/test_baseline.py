"""Earlier visits of ``score --baseline``. Categories by section 3 of the protocol, by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_records import DARK, record

from woundseg import baseline
from woundseg.baseline import EarlierVisit, respond
from woundseg.errors import UsageError
from woundseg.trial.protocol import load

PROTOCOL = load()


def never(path: Path):
    raise AssertionError(f"{path} was measured")


def known(area_cm2: float) -> EarlierVisit:
    return EarlierVisit(area_cm2=area_cm2)


def test_an_area_a_record_a_photograph(tmp_path):
    assert baseline.read("4.2", never) == known(4.2)
    assert baseline.read("0", never) == known(0.0)
    path = tmp_path / "RECORD.JSON"
    path.write_text(record(3.0).model_dump_json())
    assert baseline.read(str(path), never) == EarlierVisit(record=record(3.0))
    asked = []
    visit = baseline.read("before.jpg", lambda p: asked.append(p) or record(5.0))
    assert (asked, visit.record) == ([Path("before.jpg")], record(5.0))


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
    response = respond(visits, record(now) if now else record(), PROTOCOL)
    assert response.code == code
    assert response.baseline_cm2 == 4.0
    assert response.percent_change == pytest.approx(change)
    shares = response.probability
    assert pytest.approx(1) == shares.CR + shares.PR + shares.SD + shares.PD


def test_a_records_own_error_widens_the_interval():
    exact = respond([EarlierVisit(record=record(4.0))], record(3.0), PROTOCOL)
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
        ([record()], record(3.0), "NOBASE"),  # healed already: there is nothing to compare with
    ],
)
def test_what_cannot_be_compared_says_why(earlier, now, reason):
    response = respond([EarlierVisit(record=r) for r in earlier], now, PROTOCOL)
    assert (response.category, response.code, response.reason) == ("not_evaluable", "NE", reason)
    assert response.percent_change is None
    assert response.probability is None

"""Earlier visits of ``score --baseline``: what is read, and what is refused before any work."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from made_records import record

from woundseg import baseline, earlier, photo
from woundseg.baseline import Visit
from woundseg.earlier import Earlier, check_card_line, check_order
from woundseg.errors import UnreadablePhotoError, UsageError
from woundseg.pipeline import ScoreOptions
from woundseg.record_files import RecordFile, with_digest
from woundseg.records import Sketch
from woundseg.scale import ScaleOptions

KEPT = Sketch(b"", 1.0, (), ())


def written(path: Path, told) -> str:
    path.write_text(told.model_dump_json(), encoding="utf-8")
    return str(path)


def picture(path: Path) -> Path:
    cv2.imwrite(str(path), np.full((64, 64, 3), 90, np.uint8))
    return path


def test_an_area_a_record_a_photograph(tmp_path):
    assert earlier.read("4.2") == Earlier("4.2", area_cm2=4.2)
    assert earlier.read("0") == Earlier("0", area_cm2=0.0)
    told = with_digest(record(3.0))
    found = earlier.read(written(tmp_path / "RECORD.JSON", told))
    assert (found.file.record, found.file.state, found.warning) == (told, "as_written", None)
    assert earlier.read(str(picture(tmp_path / "v.png"))).photo.width == 64


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "-inf"])
def test_impossible_areas(text):
    with pytest.raises(UsageError, match="is not an area in cm²"):
        earlier.read(text)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        earlier.read(str(tmp_path / "gone.json"))
    with pytest.raises(UnreadablePhotoError):
        earlier.read(str(tmp_path / "gone.jpg"))


def test_an_edited_record_is_refused(tmp_path):
    told = with_digest(record(3.0))
    larger = told.ulcers[0].model_copy(update={"area_cm2": 20.0})
    path = tmp_path / "r.json"
    written(path, told.model_copy(update={"ulcers": (larger,)}))
    with pytest.raises(UsageError, match="was edited after woundseg wrote it") as caught:
        earlier.read(str(path))
    assert caught.value.subject == str(path)


def test_a_record_without_a_digest_is_taken_with_a_warning(tmp_path):
    found = earlier.read(written(tmp_path / "old.json", record(3.0)))
    assert found.file.state == "no_digest"
    assert found.warning.startswith(f"{tmp_path / 'old.json'}: has no digest")


# --- order of time ------------------------------------------------------------------------------


def taken(time: str | None, name: str = "r.json") -> Earlier:
    facts = record().photo.model_copy(update={"captured_at": time})
    told = record(3.0).model_copy(update={"photo": facts})
    return Earlier(name, file=RecordFile(Path(name), told, "as_written"))


def shot(time: datetime | None) -> photo.Photo:
    return photo.Photo(Path("now.jpg"), np.zeros((1, 1, 3), np.uint8), "0" * 64, time)


NOW = shot(datetime(2026, 2, 1, 12, 0))


@pytest.mark.parametrize(
    "visits",
    [
        [taken("2026-01-01T09:00:00"), taken("2026-01-15T09:00:00")],
        [taken("2026-02-01T12:00:00")],  # the same moment
        [taken("2026-02-01T12:00:00+05:00")],  # the camera's clock, wherever it was
        [taken(None), taken("2026-01-15T09:00:00"), Earlier("4.2", area_cm2=4.2)],
        [taken("yesterday")],
    ],
)
def test_visits_in_order_of_time(visits):
    check_order(visits, NOW)
    check_order(visits[:1], shot(None))


@pytest.mark.parametrize(
    ("visits", "named"),
    [
        ([taken("2026-02-02T09:00:00")], "r.json: was taken on 2026-02-02 09:00, after now.jpg"),
        ([taken("2026-01-15T09:00:00", "b"), taken("2026-01-01T09:00:00", "a")], "b: was taken"),
        ([taken("2026-03-15T09:00:00", "b"), taken(None), Earlier("4", area_cm2=4.0)], "now.jpg"),
    ],
)
def test_a_visit_after_the_next_one_is_wrong_usage(visits, named):
    with pytest.raises(UsageError, match="--baseline") as caught:
        check_order(visits, NOW)
    assert named in caught.value.line()


def test_photographs_say_when_they_were_taken():
    later = shot(datetime(2026, 2, 1, 11, 0, tzinfo=UTC))
    assert Earlier("x.jpg", photo=later).captured_at == datetime(2026, 2, 1, 11, 0)


# --- the card's line ----------------------------------------------------------------------------


def by_card(line_mm: float | None, source: str = "card") -> Earlier:
    told = record(3.0, scale=source)
    settings = told.settings.model_copy(update={"card_line_mm": line_mm})
    told = told.model_copy(update={"settings": settings})
    return Earlier("r.json", file=RecordFile(Path("r.json"), told, "as_written"))


def options(**known) -> ScoreOptions:
    return ScoreOptions(scale=ScaleOptions(**known))


@pytest.mark.parametrize(
    ("visit", "now"),
    [
        (by_card(97.0), options(card_line_mm=97.0)),
        (by_card(None), options(card_line_mm=100.0)),  # not measured: taken to be 100 mm
        (by_card(100.0), options()),
        (by_card(97.0, "given"), options()),  # the card took no part
        (by_card(97.0), options(mm_per_px=0.2)),
        (by_card(97.0), options(marker_mm=20.0)),
        (Earlier("4", area_cm2=4.0), options(card_line_mm=97.0)),
    ],
)
def test_card_lines_that_agree(visit, now):
    check_card_line([visit], now)


@pytest.mark.parametrize(
    ("then", "now"), [(97.0, None), (None, 97.0), (97.0, 100.0), (100.0, 97.5)]
)
def test_a_record_measured_with_another_card_line_is_refused(then, now):
    with pytest.raises(UsageError, match="--card-line-mm") as caught:
        check_card_line([by_card(100.0), by_card(then)][then == 100.0 :], options(card_line_mm=now))
    assert f"line of {then or 100:g} mm, this visit with {now or 100:g} mm" in caught.value.cause


# --- measuring ----------------------------------------------------------------------------------


def never(*_arguments):
    raise AssertionError("a photograph was measured")


def test_an_area_needs_no_measuring():
    assert earlier.measured(earlier.read("4.0"), never, options()) == Visit(area_cm2=4.0)


def test_a_photograph_is_measured_with_this_visits_options(tmp_path, monkeypatch):
    monkeypatch.setattr(baseline, "sketch", lambda _: KEPT)
    asked = []

    def score(found, how):
        asked.append((found.path, how))
        return SimpleNamespace(record=record(5.0))

    given, how = earlier.read(str(picture(tmp_path / "v.png"))), options(card_line_mm=97.0)
    assert earlier.measured(given, score, how) == Visit(record=record(5.0), sketch=KEPT)
    assert asked == [(tmp_path / "v.png", how)]


@pytest.fixture
def told(tmp_path):
    """A record of two ulcers, of a photograph in tmp_path that lies where it was."""
    found = photo.read(picture(tmp_path / "v.png"))
    facts = record().photo.model_copy(update={"path": str(found.path), "sha256": found.sha256})
    settings = record().settings.model_copy(update={"mm_per_px": 0.4})
    return record(4.0, 1.0).model_copy(update={"photo": facts, "settings": settings})


def kept(told, now, path="r.json"):
    asked = []

    def score(found, how):
        asked.append((found.path, how.scale.mm_per_px))
        return SimpleNamespace(record=now)

    given = Earlier(path, file=RecordFile(Path(path), told, "as_written"))
    return earlier.measured(given, score, options()), asked


def test_a_records_photograph_is_measured_again_with_its_settings(told, tmp_path, monkeypatch):
    monkeypatch.setattr(earlier, "sketch", lambda _: KEPT)
    assert kept(told, told) == (Visit(record=told, sketch=KEPT), [(tmp_path / "v.png", 0.4)])
    # Other weights see one ulcer, or two elsewhere: their outlines are not the record's.
    assert kept(told, record(4.0))[0] == Visit(record=told)
    moved = [ulcer.model_copy(update={"bbox_px": (22, 2, 30, 20)}) for ulcer in told.ulcers]
    assert kept(told, told.model_copy(update={"ulcers": tuple(moved)}))[0].sketch is None


@pytest.mark.parametrize("change", [{"path": "gone.png"}, {"sha256": "1" * 64}])
def test_a_record_whose_photograph_is_gone_or_another(told, change):
    other = told.model_copy(update={"photo": told.photo.model_copy(update=change)})
    assert kept(other, told) == (Visit(record=other), [])


@pytest.mark.parametrize(
    ("named", "record_at"),
    [
        ("nowhere/v.png", "r.json"),  # beside the record
        ("photos/v.png", "results/deep/r.json"),  # as seen from a folder above the record's
    ],
)
def test_a_records_photograph_is_found_from_the_records_folder(
    told, tmp_path, monkeypatch, named, record_at
):
    monkeypatch.setattr(earlier, "sketch", lambda _: KEPT)
    if named.startswith("photos"):
        (tmp_path / "photos").mkdir()
        (tmp_path / "v.png").rename(tmp_path / "photos" / "v.png")
    away = told.model_copy(update={"photo": told.photo.model_copy(update={"path": named})})
    assert kept(away, told, str(tmp_path / record_at))[0].sketch == KEPT


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
    assert earlier._common((0, 0, 10, 10), other) == pytest.approx(share)


def test_an_area_with_its_unit_is_told_from_a_file():
    with pytest.raises(UsageError, match="an area is a bare number"):
        earlier.read("5cm2")

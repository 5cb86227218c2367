"""One photograph's way, straight through, on a drawn photograph of known area."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn_tissue import ByColour

from woundseg import __version__, engines, photo, results, segment
from woundseg.classes import CALLUS, GRANULATION
from woundseg.errors import OutputError, UsageError
from woundseg.measure import MeasureOptions
from woundseg.pipeline import ScoreOptions, score, score_outlined
from woundseg.records import NotEvaluable, Reason
from woundseg.scale import ScaleOptions
from woundseg.tissue_map import TissueReader

toy_weights = pytest.importorskip("toy_weights", reason="needs onnx")


@pytest.fixture(scope="module")
def segmenter(toy):
    return segment.load("cpu", weights=toy)


@pytest.fixture(scope="module")
def scored(segmenter, drawn):
    return score(photo.read(drawn / "foot.png"), segmenter)


def measured(segmenter, pixels, **options):
    return score(photo.from_pixels(pixels), segmenter, ScoreOptions(**options))


def test_the_record_of_a_disc(scored, segmenter):
    """Radius 9 mm: area π 0.9² cm², outline 2 π 0.9 cm, length and width 1.8 cm; 4 px a mm."""
    record = scored.record
    (ulcer,) = record.ulcers
    assert ulcer.area_cm2 == pytest.approx(2.545, rel=0.02)
    assert ulcer.perimeter_cm == pytest.approx(5.655, rel=0.02)
    assert (ulcer.length_cm, ulcer.width_cm) == pytest.approx((1.8, 1.8), rel=0.02)
    assert ulcer.area_px == pytest.approx(np.pi * 36**2, rel=0.02)
    assert record.scale.source == "card"
    assert record.scale.mm_per_px == pytest.approx(0.25, rel=0.005)
    assert record.scale.tilt_deg == pytest.approx(0, abs=3)
    assert record.total.area_cm2 == ulcer.area_cm2
    assert record.quality.measurable
    assert record.model.tissue == segmenter.tissue.model
    assert record.model.model_copy(update={"tissue": None}) == segmenter.model
    assert record.software == f"woundseg {__version__}"
    assert record.response is None
    assert record.colour.source == "card"


def test_area_sd_follows_from_the_interval(scored):
    """interface.md: area × (ln high − ln low) / (2 × 1.96)."""
    total = scored.record.total
    width = np.log(total.area_cm2_high) - np.log(total.area_cm2_low)
    assert total.area_sd == pytest.approx(total.area_cm2 * width / (2 * 1.96), rel=1e-3)


def test_what_was_in_force_is_in_the_record(segmenter):
    pixels = toy_weights.photograph(cards=0)
    options = ScoreOptions(
        MeasureOptions(min_ulcer_cm2=0.1), ScaleOptions(mm_per_px=0.25), require_scale=True
    )
    settings = score(photo.from_pixels(pixels), segmenter, options).record.settings
    # 0.1 cm² = 10 mm² = 160 px of (1/4 mm)².
    assert (settings.min_ulcer_cm2, settings.min_ulcer_px) == (0.1, 160)
    assert (settings.mm_per_px, settings.marker_mm, settings.marker_dict) == (0.25, None, None)
    assert settings.require_scale is True


def test_smaller_than_the_smallest_is_a_speck(segmenter):
    pixels = toy_weights.photograph(((30.0, 30.0, 9.0), (30.0, 90.0, 2.0)))
    assert [len(measured(segmenter, pixels).record.ulcers)] == [2]
    record = measured(segmenter, pixels, measure=MeasureOptions(min_ulcer_cm2=0.2)).record
    assert len(record.ulcers) == 1  # π 0.2² = 0.126 cm²
    assert "speck" in {flag.code for flag in record.quality.flags}


def test_no_ulcer_is_zero_and_measurable(segmenter):
    record = measured(segmenter, toy_weights.photograph(())).record
    assert record.quality.measurable
    assert (record.ulcers, record.total.area_cm2, record.total.area_px) == ((), 0, 0)
    assert record.total.tissue is None
    record = measured(segmenter, toy_weights.photograph((), cards=0)).record
    assert (record.total.area_cm2, record.total.area_px) == (None, 0)


def cup():
    """A round brown cup on a grey table, which the toy network sees no ulcer on."""
    down, across = np.mgrid[:360, :480]
    away = np.hypot(across - 240, down - 180)[..., None] / 130
    grain = np.random.default_rng(1).normal(0, 2, (360, 480, 3))
    glaze = 1 + 0.1 * np.sin(down / 40)[..., None] * (1, 0, -1)
    lit = np.where(away < 1, (150, 95, 60) * glaze * (1.1 - 0.5 * away**2), (200, 200, 204))
    return np.clip(lit * (1 - 0.0004 * across[..., None]) + grain, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("grey", [False, True])
def test_what_is_no_foot_or_has_no_colour_has_no_area_of_zero(segmenter, grey):
    pixels = toy_weights.photograph(()) if grey else cup()
    if grey:
        pixels = np.repeat(pixels.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    scale = ScaleOptions(mm_per_px=0.25)
    record = measured(segmenter, pixels, scale=scale).record
    flags = {flag.code for flag in record.quality.flags}
    assert ("colour_missing" if grey else "skin_unsure") in flags
    assert record.quality.measurable
    assert record.ulcers == ()
    assert set(record.total.model_dump().values()) == {None}


def test_a_person_may_call_closed_what_the_machine_may_not(segmenter):
    scale = ScoreOptions(scale=ScaleOptions(mm_per_px=0.25))
    closed = np.zeros((360, 480), bool)
    record = score_outlined(photo.from_pixels(cup()), closed, segmenter, scale).record
    assert (record.ulcers, record.total.area_cm2) == ((), 0.0)


def test_of_a_black_and_white_photograph_no_tissue_is_read(segmenter):
    grey = toy_weights.photograph().mean(axis=2, keepdims=True)
    pixels = np.repeat(grey, 3, axis=2).astype(np.uint8)
    outline = np.zeros(pixels.shape[:2], bool)
    outline[60:140, 80:160] = True
    options = ScoreOptions(scale=ScaleOptions(mm_per_px=0.25))
    record = score_outlined(photo.from_pixels(pixels), outline, segmenter, options).record
    (ulcer,) = record.ulcers
    assert ulcer.tissue is None and ulcer.area_px == 6400
    assert record.model.tissue is None


def test_a_rejected_photograph_has_no_figure(segmenter):
    dark = toy_weights.photograph() // 12
    seen = measured(segmenter, dark)
    assert not seen.record.quality.measurable
    for figures in (*seen.record.ulcers, seen.record.total):
        assert {v for k, v in figures.model_dump().items() if k != "id"} == {None}


def test_two_cards_are_a_reason_and_no_number(segmenter):
    seen = measured(segmenter, toy_weights.photograph(cards=2))
    assert isinstance(seen.scale, NotEvaluable)
    assert seen.scale.reason is Reason.SCALE_DISAGREES
    assert seen.record.scale.source == "none"
    assert seen.record.total.area_cm2 is None
    assert seen.record.total.area_px > 0


def test_the_cards_line_corrects_the_print(segmenter):
    """A print at 97%: lengths count 0.97, areas 0.97² = 0.9409 of what an unchecked card says."""
    pixels = toy_weights.photograph()
    areas = [
        measured(segmenter, pixels, scale=ScaleOptions(card_line_mm=line)).record.total.area_cm2
        for line in (100.0, 97.0)
    ]
    assert areas[1] / areas[0] == pytest.approx(0.9409, rel=1e-4)
    flags = measured(segmenter, pixels, scale=ScaleOptions(card_line_mm=97.0)).record.quality.flags
    assert "card_unverified" not in {flag.code for flag in flags}


@pytest.mark.parametrize("family", ["DICT_4X4_50", "5X5_100", "6X6_250", "APRILTAG_36h11"])
def test_a_single_marker(segmenter, family):
    """A marker of 20 mm, 80 px: 0.25 mm a pixel, as the card would say."""
    pixels = toy_weights.photograph(cards=0)
    name = "DICT_" + family.removeprefix("DICT_")
    dictionary = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, name))
    pixels[80:220, 330:470] = 240
    pixels[110:190, 360:440] = cv2.aruco.generateImageMarker(dictionary, 7, 80)[..., None]
    options = ScaleOptions(marker_mm=20.0, marker_dict=family)
    record = measured(segmenter, pixels, scale=options).record
    assert record.scale.source == "marker"
    assert record.total.area_cm2 == pytest.approx(2.545, rel=0.03)
    assert (record.settings.marker_mm, record.settings.marker_dict) == (20.0, family)


def test_capture_time_and_focal_length_come_from_the_photograph(segmenter, drawn, monkeypatch):
    read = photo.read(drawn / "foot.png")
    taken = photo.Photo(read.path, read.pixels, read.sha256, datetime(2024, 3, 1, 9, 30), 700.0)
    record = score(taken, segmenter).record
    assert record.photo.captured_at == "2024-03-01T09:30:00"
    asked = []

    def find(_pixels, options):
        asked.append(options.focal_px)
        return NotEvaluable(Reason.SCALE_NOT_FOUND, "Lay the card beside it.")

    monkeypatch.setattr("woundseg.pipeline.scale.find", find)
    score(taken, segmenter)
    score(taken, segmenter, ScoreOptions(scale=ScaleOptions(focal_px=900.0)))
    assert asked == [700.0, 900.0]


def test_the_same_photograph_gives_the_same_record(scored, segmenter, drawn):
    again = score(photo.read(drawn / "foot.png"), segmenter)
    assert results.to_json(again) == results.to_json(scored)


def test_results_are_a_record_and_a_picture(scored, tmp_path):
    record, picture = results.write(scored, tmp_path / "new", "v1")
    assert (record.name, picture.name) == ("v1.json", "v1_overlay.png")
    assert json.loads(record.read_text())["total"] == scored.record.total.model_dump(mode="json")
    drawn = cv2.imdecode(np.frombuffer(picture.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    assert drawn.shape[2] == 3
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        results.write(scored, tmp_path / "file", "v1")


def test_scoring_needs_no_network(no_network, segmenter, drawn, tmp_path):
    found = score(photo.read(drawn / "foot.png"), segmenter)
    assert len(results.write(found, tmp_path, "v")) == 2


def test_a_path_with_unusual_letters(segmenter):
    read = photo.from_pixels(toy_weights.photograph())
    odd = photo.Photo(Path("caf\udce9.jpg"), read.pixels, read.sha256)
    assert '"caf\\\\udce9.jpg"' in results.to_json(score(odd, segmenter))


# --- tissue -----------------------------------------------------------------------------------


class Told(ByColour):
    """Calls each class of the bed one class, whatever its colour."""

    def __init__(self, place: int) -> None:
        super().__init__()
        self._place = place

    def __call__(self, photos: np.ndarray) -> np.ndarray:
        self.shown += list(photos)
        answer = np.zeros((len(photos), 5, *photos.shape[1:3]), np.float32)
        answer[:, self._place] = 1
        return answer


def reading(toy, engine):
    """The toy network with this engine for the tissues."""
    reader = TissueReader(engine, "f" * 64)
    return segment.on_engine(engines.load(toy, "cpu"), toy, tissue=lambda: reader)


def test_the_tissues_of_the_ulcer_are_in_the_record(toy):
    """Crimson is nearest to what the engine knows as granulation; its sd on the logit is 0.5."""
    engine = ByColour()
    seen = measured(reading(toy, engine), toy_weights.photograph())
    (ulcer,) = seen.record.ulcers
    assert ulcer.tissue.granulation > 0.97
    assert sum(ulcer.tissue.model_dump().values()) == pytest.approx(1)
    assert ulcer.tissue_high.granulation == 1
    assert ulcer.tissue_high.slough == pytest.approx(0.0516, abs=0.01)
    assert seen.record.total.tissue == ulcer.tissue
    assert vars(seen.record.model.tissue) == {
        "name": "by colour",
        "version": "0",
        "sha256": "f" * 64,
    }
    assert np.array_equal(seen.measurement.tissue > 0, seen.measurement.labels > 0)
    assert len(engine.shown) == 2


def test_the_bed_may_be_all_callus(toy):
    seen = measured(reading(toy, Told(4)), toy_weights.photograph())
    assert CALLUS not in np.unique(seen.measurement.tissue)
    assert seen.record.total.area_cm2 == pytest.approx(2.545, rel=0.02)
    assert seen.record.total.tissue is None
    assert seen.record.model.tissue is not None  # it was looked for


def test_without_an_ulcer_there_is_no_tissue_and_nobody_looks(toy):
    engine = ByColour()
    record = measured(reading(toy, engine), toy_weights.photograph(())).record
    assert (record.total.tissue, record.total.tissue_low, record.model.tissue) == (None, None, None)
    assert record.colour.source == "card"
    assert engine.shown == []


def test_the_reader_is_loaded_once_and_when_it_is_first_asked_for(toy):
    loaded = []
    reader = TissueReader(Told(1), "f" * 64)

    def load():
        loaded.append(1)
        return reader

    segmenter = segment.on_engine(engines.load(toy, "cpu"), toy, tissue=load)
    segmenter(toy_weights.photograph())
    assert loaded == []
    assert segmenter.tissue is segmenter.tissue is reader
    assert loaded == [1]


def test_a_segmenter_without_a_reader_gives_no_tissue(toy):
    seen = measured(segment.on_engine(engines.load(toy, "cpu"), toy), toy_weights.photograph())
    assert (seen.record.total.tissue, seen.record.model.tissue) == (None, None)
    assert seen.record.total.area_cm2 == pytest.approx(2.545, rel=0.02)
    assert seen.measurement.tissue is None


def test_the_tissue_of_specks_is_not_read(toy):
    """The second disc has 0.126 cm²: less than half of a least of 0.3 cm², where it is a speck."""
    pixels = toy_weights.photograph(((30.0, 30.0, 9.0), (30.0, 90.0, 2.0)))
    at = (round(90 * toy_weights.PX_PER_MM), round(30 * toy_weights.PX_PER_MM))
    for least, tissue, looks in ((0.05, GRANULATION, 4), (0.3, 0, 2)):
        engine = Told(1)
        options = MeasureOptions(min_ulcer_cm2=least)
        seen = measured(reading(toy, engine), pixels, measure=options)
        assert seen.measurement.tissue[at] == tissue
        assert len(engine.shown) == looks  # twice each window


def test_where_white_balance_came_from(segmenter):
    """The card's greys; with its measured colours what these leave; else an estimate, or none."""
    pixels = toy_weights.photograph()
    profile = toy_weights.profile()
    record = measured(segmenter, pixels, card_profile=profile).record
    assert record.colour.source == "card"
    assert record.colour.residual_de2000 == pytest.approx(0, abs=1)
    assert record.settings.card_profile == profile
    plain = measured(segmenter, pixels).record
    assert (plain.colour.residual_de2000, plain.settings.card_profile) == (None, None)
    bare = measured(segmenter, toy_weights.photograph(cards=0)).record
    assert bare.colour.source in ("estimate", "none")
    assert bare.total.tissue is not None


def test_the_network_is_shown_the_balanced_photograph(toy):
    """Half the blue light: the card's greys take it back, and the skin has its own blue again."""
    dim = toy_weights.photograph().astype(np.float32)
    dim[..., 2] *= 0.7
    engine = Told(1)
    measured(reading(toy, engine), dim.astype(np.uint8))
    plain = Told(1)
    measured(reading(toy, plain), toy_weights.photograph())
    shown, usual = (each.shown[0].reshape(-1, 3).mean(axis=0) for each in (engine, plain))
    assert shown == pytest.approx(usual, abs=6)


def test_what_a_person_outlined_has_tissue_too(toy):
    outline = np.zeros(toy_weights.photograph().shape[:2], bool)
    outline[100:140, 100:160] = True
    segmenter = reading(toy, Told(1))
    read = photo.from_pixels(toy_weights.photograph(()))
    record = score_outlined(read, outline, segmenter, ScoreOptions()).record
    assert record.model.name == "outlined by hand"
    assert record.model.tissue == segmenter.tissue.model
    assert record.total.tissue.granulation == 1
    with pytest.raises(UsageError, match="has 60 x 40 pixels"):
        score_outlined(read, outline[100:140, 100:160], segmenter, ScoreOptions())

"""Evaluation of tissue maps over a drawn DFUTissue, with maps made by hand."""

from __future__ import annotations

import csv
import io
import json

import cv2
import drawn_tissue
import numpy as np
import pytest
from datasets import toy
from drawn_tissue import ByColour
from PIL import Image

from woundseg import contact, datasets, evaluate_tissue, tissue_map
from woundseg.classes import (
    BACKGROUND,
    CALLUS,
    GRANULATION,
    LABELLED_TISSUES,
    NECROSIS,
    SLOUGH,
    TISSUE_CHANNELS,
    UNLABELLED,
)
from woundseg.errors import DataSetError, UsageError
from woundseg.evaluate import DataSource, Evaluation
from woundseg.tissue_map import TissueReader


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return drawn_tissue.draw(tmp_path_factory.mktemp("drawn"))


def labels(root):
    """Label maps by crop, in ids of classes."""
    data = datasets.open_tissue("dfutissue", root / "dfutissue")
    return {sample.id: data.read(sample)[1] for sample in data.samples("train")}


@pytest.fixture
def maps(root, tmp_path):
    """Each crop's label; but 0100 is called slough throughout, and 0101 nothing at all."""
    for stem, label in labels(root).items():
        called = np.where(label == UNLABELLED, BACKGROUND, label).astype(np.uint8)
        if stem == "0100":
            called[:] = SLOUGH
        if stem == "0101":
            called[:] = BACKGROUND
        toy.save(tmp_path / "maps" / f"{stem}.png", called)
    return tmp_path / "maps"


@pytest.fixture
def asked(root, tmp_path):
    def evaluation(**changes) -> Evaluation:
        given = {
            "data": DataSource("dfutissue", str(root / "dfutissue")),
            "out": str(tmp_path / "out"),
            "predictions": None,
            "weights": None,
            "device": "cpu",
            "precision": "fp32",
            "split": "train",
            "folds": [],
            "seed": 1,
            "bootstrap_draws": 40,
            "threshold": 0.5,
            "min_ulcer_px": None,
            "worst": 2,
            "keep": None,
        }
        return Evaluation(**(given | changes))

    return evaluation


def test_figures_of_maps_in_a_folder(root, maps, asked):
    """Right in two crops; in 0100 all 3,600 px are slough, in 0101 none is anything."""
    report = evaluate_tissue.run(asked(predictions=str(maps)))
    pixels = {
        stem: {each: int((label == each).sum()) for each in (GRANULATION, SLOUGH, CALLUS)}
        for stem, label in labels(root).items()
    }
    slough, every = pixels["0100"][SLOUGH], {s: sum(px.values()) for s, px in pixels.items()}
    # A quarter of a disc of 20 px, half of it, and the ring of callus around it to 23.3 px.
    assert slough == pytest.approx(np.pi * 20**2 / 4, rel=0.02)
    assert every["0100"] == pytest.approx(np.pi * (20**2 * 3 / 4 + 23.33**2 - 20**2), rel=0.02)
    # All four labels have the same pixels: the crops are drawn alike.
    common = slough + 2 * every["0100"]
    both = 4 * every["0100"] + 3600 + 2 * every["0100"]
    assert report["dice_pooled"].value == pytest.approx(2 * common / both)
    assert report["dice_pooled_slough"].value == pytest.approx(
        2 * (slough + 2 * slough) / (4 * slough + 3600 + 2 * slough)
    )
    assert report["dice_averaged_callus"].value == pytest.approx((0 + 0 + 1 + 1) / 4)
    # Slough of the labelled bed; called: all of it, none, and right twice.
    share = slough / (slough + pixels["0100"][GRANULATION])
    assert report["slough_inside_error"].value == pytest.approx((1 - share + share) / 4)
    assert report["slough_inside_bias"].value == pytest.approx((1 - share - share) / 4)
    assert [score.id for score in report.worst(2)] == ["0101", "0100"]
    assert [score.dice_all for score in report.scores] == pytest.approx(
        [2 * slough / (every["0100"] + 3600), 0, 1, 1]
    )


def test_what_is_written(maps, asked, tmp_path):
    report = evaluate_tissue.run(asked(predictions=str(maps)))
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "metrics.json",
        "per_crop.csv",
        "worst.jpg",
    }
    content = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert content == json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert (content["crops"], content["folds"], content["split"]) == (4, "all", "train")
    assert content["maps"] == str(maps)
    assert content["bootstrap"]["draws"] == 40
    dice = content["figures"]["dice_pooled"]
    assert (dice["how"], dice["n"]) == ("pooled", 4)
    assert dice["low"] <= dice["value"] <= dice["high"]
    rows = list(csv.DictReader((tmp_path / "out" / "per_crop.csv").open()))
    assert [(row["id"], row["group"], row["fold"]) for row in rows] == [
        ("0100", "0101", "0"),
        ("0101", "0102", "1"),
        ("0102", "0103", "1"),
        ("0105", "0111", "1"),
    ]
    assert (rows[0]["slough_label_px"], rows[0]["slough_predicted_px"]) == ("316", "3600")
    assert (rows[1]["callus_dice"], rows[2]["callus_dice"]) == ("0", "1")
    assert (rows[0]["slough_inside"], rows[1]["slough_inside"]) == ("1", "0")


def test_undefined_is_blank(root, maps, asked, tmp_path):
    """No label and nothing called: no Dice, and no bed to have a share of."""
    blank = tmp_path / "blank"
    drawn_tissue.draw(blank)
    folder = blank / "dfutissue" / "Labeled" / "Original" / "Annotations" / "TrainVal"
    toy.save(folder / "0101.png", np.zeros((60, 60), np.uint8))
    source = DataSource("dfutissue", str(blank / "dfutissue"))
    evaluate_tissue.run(asked(predictions=str(maps), data=source))
    rows = list(csv.DictReader((tmp_path / "out" / "per_crop.csv").open()))
    assert (rows[1]["granulation_dice"], rows[1]["slough_label"]) == ("", "")


def test_without_a_labelled_bed_metrics_json_is_strict_json(maps, asked, tmp_path):
    blank = drawn_tissue.draw(tmp_path / "blank")
    folder = blank / "dfutissue" / "Labeled" / "Original" / "Annotations" / "TrainVal"
    for path in folder.iterdir():
        toy.save(path, np.zeros((60, 60), np.uint8))
    source = DataSource("dfutissue", str(blank / "dfutissue"))
    report = evaluate_tissue.run(asked(predictions=str(maps), data=source))

    def refuse(word):
        raise AssertionError(word)

    text = (tmp_path / "out" / "metrics.json").read_text()
    content = json.loads(text, parse_constant=refuse)
    assert content["fraction_sd"] is None
    assert content["figures"]["slough_inside_error"]["value"] is None
    assert "nan" not in report.text()


def test_the_text_says_how_over_what_and_how_sure(maps, asked):
    text = evaluate_tissue.run(asked(predictions=str(maps))).text()
    assert "split train, all folds: 4 crops in 4 groups" in text
    assert f"Maps: {maps}" in text
    assert "percentile bootstrap over groups, 40 draws, seed 1" in text
    first = next(line for line in text.splitlines() if line.startswith("Dice, three"))
    assert first.split()[3:6] == ["pooled", "all", "4"]
    assert " to " in first
    assert "ICC(2,1)" in text


def test_only_the_folds_asked_for(maps, asked):
    (maps / "0100.png").unlink()
    report = evaluate_tissue.run(asked(predictions=str(maps), folds=[1]))
    assert [score.id for score in report.scores] == ["0101", "0102", "0105"]
    assert "fold 1" in report.text()
    assert report.to_dict()["folds"] == [1]
    with pytest.raises(UsageError, match="no photograph is of fold 9"):
        evaluate_tissue.run(asked(predictions=str(maps), folds=[9]))


def test_progress_is_told(maps, asked):
    told = []
    evaluate_tissue.run(asked(predictions=str(maps)), lambda done, of: told.append((done, of)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


# --- maps that cannot be used -----------------------------------------------------------------


def refused(maps, asked, tmp_path) -> str:
    with pytest.raises(DataSetError) as caught:
        evaluate_tissue.run(asked(predictions=str(maps)))
    assert not (tmp_path / "out").exists()
    return caught.value.line()


def test_a_missing_map_is_never_skipped(maps, asked, tmp_path):
    (maps / "0102.png").unlink()
    assert refused(maps, asked, tmp_path).startswith(f"{maps / '0102.png'}: is not there.")


def test_a_map_of_another_size_is_refused(maps, asked, tmp_path):
    toy.save(maps / "0102.png", np.zeros((61, 59), np.uint8))
    told = refused(maps, asked, tmp_path)
    assert told.startswith(f"{maps / '0102.png'}: is 59×61 but its photograph 60×60.")


@pytest.mark.parametrize(
    "values",
    [
        np.full((60, 60), UNLABELLED, np.uint8),
        np.full((60, 60), 6, np.uint8),
        np.full((60, 60, 3), GRANULATION, np.uint8),
    ],
    ids=["unlabelled", "no class", "in colour"],
)
def test_a_map_of_other_values_is_refused(maps, asked, tmp_path, values):
    toy.save(maps / "0102.png", values)
    told = refused(maps, asked, tmp_path)
    assert told.startswith(f"{maps / '0102.png'}: is no map of tissues.")


def test_what_is_no_picture_and_no_folder_is_refused(maps, asked, tmp_path):
    (maps / "0102.png").write_text("no picture")
    assert f"{maps / '0102.png'}: is no map of tissues" in refused(maps, asked, tmp_path)
    told = refused(tmp_path / "gone", asked, tmp_path)
    assert told.startswith(f"{tmp_path / 'gone'}: there is no such folder")


# --- maps of a network ------------------------------------------------------------------------


def test_a_network_is_called_crop_by_crop_and_its_maps_are_kept(root, asked, tmp_path, monkeypatch):
    """The engine knows the colours that the crops are painted in."""
    loaded = []

    def load(device, precision, weights):
        loaded.append((device, precision, str(weights)))
        return TissueReader(ByColour(), "0123456789abcdef")

    monkeypatch.setattr(tissue_map, "load", load)
    kept = tmp_path / "kept"
    report = evaluate_tissue.run(asked(weights="tissue.onnx", keep=str(kept)))
    assert loaded == [("cpu", "fp32", "tissue.onnx")]
    assert report.maps == "by colour 0 (0123456789ab)"
    assert report["dice_pooled"].value > 0.9
    again = evaluate_tissue.run(asked(predictions=str(kept)))
    # A map holds the likeliest class alone: not which bed would be likeliest inside an outline.
    same = [name for name in (each.name for each in report.estimates) if "inside" not in name]
    assert len(same) == 13
    assert [again[name] for name in same] == [report[name] for name in same]
    assert {path.stem for path in kept.iterdir()} == set(drawn_tissue.CROPS)
    called = cv2.imread(str(kept / "0100.png"), cv2.IMREAD_UNCHANGED)
    assert set(np.unique(called)) <= {BACKGROUND, GRANULATION, SLOUGH, NECROSIS, CALLUS}
    without = evaluate_tissue.run(asked(weights="tissue.onnx"))
    assert without.estimates == report.estimates


# --- photographs that are labelled all over ----------------------------------------------------

EDGE = (slice(14, 30), slice(13, 14))
"""16 px between slough and maceration."""
BED_PX = 32 * 52
GRANULATION_PX = BED_PX - 16 * 20 - 10 * 10 - 6 * 8 - 5 * 6


@pytest.fixture
def wounds(tmp_path):
    """WoundTissue as drawn by ``toy``; in ``img (1)`` the line ``EDGE`` is soft: no label."""
    root = toy.draw_woundtissue(tmp_path / "woundtissue")
    colours = toy.wound_map()
    colours[EDGE] = (255, 255, 200)
    toy.save(root / "label" / "img (1).png", colours)
    return root


def test_woundtissue_counts_its_own_three_tissues_where_something_was_called(
    wounds, asked, tmp_path
):
    """Right in ``img (2)``. In ``img (1)`` the soft edge is called slough, half of 100 px of
    necrosis granulation, and 32 px of background necrosis and callus."""
    called = datasets.open_tissue("woundtissue", wounds)
    first, second = (called.read(sample)[1] for sample in called.samples())
    assert (first[EDGE] == UNLABELLED).all()
    first[EDGE] = SLOUGH
    first[20:25, 40:50] = GRANULATION
    first[0, :16], first[1, :16] = NECROSIS, CALLUS
    for number, tissue in enumerate((first, second), start=1):
        toy.save(tmp_path / "maps" / f"img ({number}).png", tissue)
    source = DataSource("woundtissue", str(wounds))
    report = evaluate_tissue.run(asked(predictions=str(tmp_path / "maps"), data=source))
    assert report["dice_pooled_slough"].value == 1
    necrosis = 2 * (50 + 100) / (200 + 50 + 16 + 100)
    assert report["dice_pooled_necrosis"].value == pytest.approx(necrosis)
    granulation = 2 * 2 * GRANULATION_PX / (4 * GRANULATION_PX + 50)
    assert report["dice_pooled_granulation"].value == pytest.approx(granulation)
    assert report["dice_averaged_necrosis"].value == pytest.approx((100 / 166 + 1) / 2)
    # Of the labelled bed, tendon and bone among it, 50 px too little in one of two photographs.
    assert report["necrosis_inside_error"].value == pytest.approx(50 / BED_PX / 2)
    assert "callus" not in report.text()
    row, _ = csv.DictReader((tmp_path / "out" / "per_crop.csv").open())
    assert (row["slough_label_px"], row["slough_predicted_px"]) == ("320", "320")
    assert (row["necrosis_label_px"], row["necrosis_predicted_px"]) == ("100", "66")
    assert float(row["necrosis_label"]) == pytest.approx(100 / BED_PX, rel=1e-5)


def test_a_network_sees_the_window_over_the_bed_and_calls_nothing_outside(
    asked, tmp_path, monkeypatch
):
    """Red all over; the bed's window is columns 70 to 190, rows 40 to 160 of 300 × 200 px."""
    label = np.full((200, 300, 3), toy.WOUND_COLOURS["background"], np.uint8)
    label[80:120, 100:160] = toy.WOUND_COLOURS["granulation"]
    root = tmp_path / "woundtissue"
    toy.save(root / "label" / "img (1).png", label)
    toy.save(root / "image" / "img (1).png", np.full_like(label, drawn_tissue.RED))
    engine = ByColour()
    monkeypatch.setattr(tissue_map, "load", lambda *_: TissueReader(engine, "0123456789abcdef"))
    source, kept = DataSource("woundtissue", str(root)), tmp_path / "kept"
    report = evaluate_tissue.run(asked(weights="t.onnx", keep=str(kept), data=source))
    assert {photo.shape for photo in engine.shown} == {(224, 224, 3)}
    expected = np.full((200, 300), BACKGROUND, np.uint8)
    expected[40:160, 70:190] = GRANULATION
    assert np.array_equal(cv2.imread(str(kept / "img (1).png"), cv2.IMREAD_UNCHANGED), expected)
    assert report["dice_pooled_granulation"].value == pytest.approx(
        2 * 40 * 60 / (40 * 60 + 120 * 120)
    )
    assert report.scores[0].inside_fraction == {GRANULATION: 1, SLOUGH: 0, NECROSIS: 0}


# --- the sheet --------------------------------------------------------------------------------


def opened(tiles):
    with Image.open(io.BytesIO(contact.tissue_sheet(tiles, "title"))) as picture:
        return np.asarray(picture.convert("RGB"))


def test_the_worst_are_drawn_with_label_and_call(maps, asked, tmp_path):
    evaluate_tissue.run(asked(predictions=str(maps)))
    with Image.open(tmp_path / "out" / "worst.jpg") as picture:
        wide = contact.ACROSS * 3 * (contact.PANEL_PX + contact.GAP_PX) + contact.GAP_PX
        assert picture.width == wide
        assert picture.format == "JPEG"


def test_a_tile_is_the_crop_its_label_and_what_was_called():
    label = np.full((40, 30), UNLABELLED, np.uint8)
    label[:, :15] = GRANULATION
    tile = contact.TissueTile(
        np.full((40, 30, 3), 90, np.uint8), label, np.full((40, 30), CALLUS, np.uint8), "crop"
    )
    sheet = opened([tile])
    step, top = contact.PANEL_PX + contact.GAP_PX, 2 * contact.CAPTION_PX
    colours = {tissue.id: tissue.colour for tissue in LABELLED_TISSUES}
    # 40 × 30 px on a square of 280 px: 7 to one; 5 px from the upper left of each panel, then 25.
    for panel, x, colour in (
        (0, 5, (90, 90, 90)),
        (1, 5, colours[GRANULATION]),
        (1, 25, contact.UNLABELLED_GREY),
        (2, 5, colours[CALLUS]),
        (2, 35, (0, 0, 0)),  # beyond the crop
    ):
        at = sheet[top + 7 * 5, contact.GAP_PX + panel * step + 7 * x].astype(int)
        assert np.abs(at - colour).max() <= 12, (panel, x)
    # The key names each tissue's colour above the panels.
    key = sheet[contact.CAPTION_PX : top].reshape(-1, 3).astype(int)
    for colour in colours.values():
        assert (np.abs(key - colour).max(axis=1) <= 40).any()


def test_a_sheet_of_nothing():
    assert opened([]).ndim == 3


def test_each_crop_by_the_network_of_its_own_fold(asked, monkeypatch):
    """Fold 0 has crop 0100; its network sees background everywhere, and slough were it bed."""

    class Blind(ByColour):
        def __call__(self, photos):
            answer = np.zeros((len(photos), 5, *photos.shape[1:3]), np.float32)
            answer[:, TISSUE_CHANNELS.index(BACKGROUND)] = 0.6
            answer[:, TISSUE_CHANNELS.index(SLOUGH)] = 0.4
            return answer

    loaded = []

    def load(_device, _precision, weights):
        loaded.append(str(weights))
        engine = Blind() if weights.name == "tissue0.onnx" else ByColour()
        return TissueReader(engine, "0123456789abcdef")

    monkeypatch.setattr(tissue_map, "load", load)
    report = evaluate_tissue.run(asked(weights="tissue%.onnx"))
    assert loaded == ["tissue0.onnx", "tissue1.onnx"]
    assert report.maps.startswith("tissue%.onnx, % is the crop's own fold")
    assert [score.dice_all > 0.5 for score in report.scores] == [False, True, True, True]
    assert report.scores[0].predicted_fraction == {GRANULATION: 0, SLOUGH: 0}
    assert report.scores[0].inside_fraction == {GRANULATION: 0, SLOUGH: 1}

"""Evaluation over a small folder of photographs with known masks."""

import csv
import io
import json

import cv2
import numpy as np
import pytest
from datasets import toy
from PIL import Image

from woundseg import contact, datasets, evaluate
from woundseg.errors import DataSetError, OutputError, TableError, UsageError
from woundseg.evaluate import EvaluateOptions, Network
from woundseg.metrics import Bootstrap

SIDE = 48
QUICK = Bootstrap(draws=40)


def block(height, width, top=10, left=10):
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[top : top + height, left : left + width] = 255
    return mask


LABELS = {"a": block(10, 10), "b": block(4, 5), "c": block(0, 0), "d": block(8, 8)}
# a: half of it, b: all, c: a false alarm of 6 px, d: missed.
PREDICTED = {"a": block(5, 10), "b": block(4, 5), "c": block(2, 3), "d": block(0, 0)}
DICE = {"a": 100 / 150, "b": 1.0, "c": 0.0, "d": 0.0}


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".png", pixels)[1].tobytes())


@pytest.fixture
def data(tmp_path):
    root = tmp_path / "set"
    for stem, label in LABELS.items():
        save(root / "images" / f"{stem}.png", np.dstack([label // 2 + 60] * 3))
        save(root / "labels" / f"{stem}.png", label)
    (root / "folds.csv").write_text("image,group,fold\na,a,0\nb,b,0\nc,c,1\nd,d,1\n")
    return datasets.open("folder", root)


@pytest.fixture
def masks(tmp_path):
    for stem, predicted in PREDICTED.items():
        save(tmp_path / "masks" / f"{stem}.png", predicted)
    return tmp_path / "masks"


@pytest.fixture
def oof(masks):
    path = masks.parent / "oof.csv"
    path.write_text("id,path\n" + "".join(f"{stem},masks/{stem}.png\n" for stem in PREDICTED))
    return path


def run(data, predictions, **options):
    return evaluate.evaluate(data, predictions, EvaluateOptions(bootstrap=QUICK, **options))


def check_figures(report):
    assert {s.id: s.dice for s in report.scores} == pytest.approx(DICE)
    assert report["dice_averaged"].value == pytest.approx(sum(DICE.values()) / 4)
    assert report["dice_averaged_nonempty"].value == pytest.approx((2 / 3 + 1 + 0) / 3)
    # Pooled: 50 + 20 px in common, labels 184 px, predictions 76 px.
    assert report["dice_pooled"].value == pytest.approx(2 * 70 / 260)
    assert (report.counts.missed, report.counts.false_alarm) == (1, 1)


def test_masks_in_a_folder(data, masks):
    check_figures(run(data, evaluate.folder(masks)))


def test_masks_that_a_table_names(data, oof):
    check_figures(run(data, evaluate.table(oof)))


def test_a_folder_or_a_table_is_told_by_what_it_is(data, masks, oof):
    check_figures(run(data, evaluate.predictions_at(masks)))
    check_figures(run(data, evaluate.predictions_at(oof)))


def test_a_network(data):
    seen = []

    def segment(pixels):
        seen.append((pixels.shape, pixels.dtype))
        return (pixels[..., 0] > 100).astype(np.float32)  # the photographs are drawn brighter there

    report = run(data, Network(segment, "thresholds"))
    assert report["dice_pooled"].value == 1
    assert report.predictions == "thresholds"
    assert set(seen) == {((SIDE, SIDE, 3), np.dtype(np.uint8))}


def test_progress_is_told(data, masks):
    told = []
    evaluate.evaluate(
        data,
        evaluate.folder(masks),
        EvaluateOptions(bootstrap=QUICK),
        lambda done, of: told.append((done, of)),
    )
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


@pytest.mark.parametrize(("dtype", "full"), [(np.uint8, 255), (np.uint16, 65535)])
def test_probabilities_are_cut_at_the_threshold(data, masks, dtype, full):
    # 60% everywhere on a: ulcer above 0.5, none above 0.7.
    save(masks / "a.png", np.full((SIDE, SIDE), round(0.6 * full), dtype))
    at = {
        threshold: run(data, evaluate.folder(masks), threshold=threshold).scores[0].predicted_px
        for threshold in (0.5, 0.7)
    }
    assert at == {0.5: SIDE * SIDE, 0.7: 0}


def test_small_pieces_can_be_left_out(data, masks):
    report = run(data, evaluate.folder(masks), min_ulcer_px=7)
    assert {s.id: s.predicted_px for s in report.scores} == {"a": 50, "b": 20, "c": 0, "d": 0}


def test_only_the_folds_asked_for(data, masks):
    (masks / "c.png").unlink()
    report = run(data, evaluate.folder(masks), folds=(0,))
    assert [s.id for s in report.scores] == ["a", "b"]
    assert "fold 0" in report.text()
    with pytest.raises(UsageError, match="no photograph is of fold 9"):
        run(data, evaluate.folder(masks), folds=(9,))


def test_a_missing_prediction_is_never_skipped(data, masks, oof):
    (masks / "b.png").unlink()
    for predictions in (evaluate.folder(masks), evaluate.table(oof)):
        with pytest.raises(DataSetError, match="1 of 4 photographs have no prediction"):
            run(data, predictions)


def test_a_prediction_of_another_size_is_refused(data, masks):
    save(masks / "b.png", np.zeros((20, 30), np.uint8))
    with pytest.raises(UsageError, match=r"b: is 30×20 but its label 48×48"):
        run(data, evaluate.folder(masks))


def test_a_prediction_that_is_no_picture_is_refused(data, masks):
    (masks / "b.png").write_text("nothing")
    with pytest.raises(DataSetError, match=r"b\.png: is no 8- or 16-bit image"):
        run(data, evaluate.folder(masks))


def test_masks_of_0_and_1_are_refused_and_not_taken_for_empty(data, masks):
    for stem, predicted in PREDICTED.items():
        save(masks / f"{stem}.png", predicted // 255)
    with pytest.raises(DataSetError, match="holds no value above 1"):
        run(data, evaluate.folder(masks))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("photo,mask\na,b.png\n", "lacks the column"),
        ("id,path\na,x.png\na,y.png\n", "row 3: id 'a'"),
        ("id,path\na,\n", "row 2"),
    ],
)
def test_tables_that_cannot_be_understood(tmp_path, text, told):
    path = tmp_path / "oof.csv"
    path.write_text(text)
    with pytest.raises(TableError, match=told):
        evaluate.table(path)


def test_no_such_predictions(tmp_path):
    with pytest.raises(TableError, match="cannot be read"):
        evaluate.predictions_at(tmp_path / "none.csv")
    with pytest.raises(DataSetError):
        evaluate.folder(tmp_path / "none")


def test_a_split_without_labels_is_refused(tmp_path):
    save(tmp_path / "test" / "images" / "a.png", np.zeros((SIDE, SIDE, 3), np.uint8))
    with pytest.raises(DataSetError, match="has no labels"):
        run(datasets.open("fuseg", tmp_path), Network(lambda p: p[..., 0]), split="test")


def test_the_text_says_pooled_or_averaged_split_n_and_interval(data, masks):
    text = run(data, evaluate.folder(masks)).text()
    assert "split train, all folds: 4 photographs in 4 groups" in text
    assert "both masks empty is 1" in text
    lines = [line for line in text.splitlines() if line.startswith("Dice")]
    assert [line.split()[1] for line in lines] == ["pooled", "averaged", "averaged"]
    for line in lines:
        assert " to " in line
    assert lines[0].split()[3:5] == ["4", "0.5385"]


def test_what_is_written(data, masks, tmp_path):
    predictions = evaluate.folder(masks)
    report = run(data, predictions, worst=3)
    paths = evaluate.write(report, data, predictions, tmp_path / "new" / "out")
    assert [path.name for path in paths] == ["metrics.json", "per_photo.csv", "worst.jpg"]
    content = json.loads(paths[0].read_text())
    assert content["split"] == "train"
    assert content["bootstrap"]["draws"] == 40
    dice = content["figures"]["dice_pooled"]
    assert (dice["how"], dice["n"]) == ("pooled", 4)
    assert dice["low"] <= dice["value"] <= dice["high"]
    rows = list(csv.DictReader(paths[1].open()))
    assert tuple(rows[0]) == evaluate.COLUMNS
    assert [row["id"] for row in rows] == ["a", "b", "c", "d"]
    assert (rows[2]["hd95_px"], rows[2]["dice"]) == ("", "0")
    assert [s.id for s in report.worst()] == ["d", "c", "a"]
    with Image.open(paths[2]) as picture:
        assert picture.width > 2 * contact.PANEL_PX * contact.ACROSS


def test_metrics_json_is_strict_json(data, masks):
    empty = run(data, Network(lambda pixels: np.zeros(pixels.shape[:2], np.float32)))
    text = json.dumps(empty.to_dict(), allow_nan=False)
    assert json.loads(text)["figures"]["area_icc_log"]["value"] is None


def test_no_permission_is_an_output_error(data, masks, tmp_path):
    predictions = evaluate.folder(masks)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        evaluate.write(run(data, predictions), data, predictions, tmp_path / "file" / "out")


class TestContactSheet:
    GREY = np.full((100, 60, 3), 90, np.uint8)

    @staticmethod
    def near(pixels, colour):
        return (np.abs(pixels.astype(int) - colour).max(-1) <= 60).any()

    def opened(self, tiles):
        with Image.open(io.BytesIO(contact.sheet(tiles, "title"))) as picture:
            return np.asarray(picture.convert("RGB"))

    def test_both_outlines_are_drawn_in_their_colours(self):
        label, prediction = np.zeros((2, 100, 60), bool)
        label[20:40, 10:30] = prediction[30:60, 20:50] = True
        below = self.opened([contact.Tile(self.GREY, label, prediction, "")])[60:300]
        assert self.near(below, contact.LABEL_COLOUR)
        assert self.near(below, contact.PREDICTION_COLOUR)
        without = self.opened([contact.Tile(self.GREY, label, label & False, "")])[60:300]
        assert self.near(without, contact.LABEL_COLOUR)
        assert not self.near(without, contact.PREDICTION_COLOUR)

    def test_the_close_view_holds_the_ulcer_and_may_pass_the_frame(self):
        label = np.zeros((100, 60), bool)
        label[95:100, 55:60] = True
        left, top, side = contact._close(contact.Tile(self.GREY, label, label & False, ""))
        assert left <= 55
        assert top <= 95
        assert min(left, top) + side >= 60
        cut = contact._cut(label.astype(np.uint8), (left, top, side))
        assert cut.shape == (side, side)
        assert cut.sum() == 25

    def test_masks_that_are_empty(self):
        none = np.zeros((100, 60), bool)
        assert contact._close(contact.Tile(self.GREY, none, none, "")) == (-20, 0, 100)

    def test_an_empty_sheet(self):
        assert self.opened([]).ndim == 3


# --- sets of several sources ------------------------------------------------------------------


def test_false_alarms_are_counted_by_source(tmp_path):
    root = toy.draw_feet(tmp_path / "feet")
    data = datasets.open("feet", root)

    def network(pixels):
        """An ulcer on the first two photographs, of floor and of nails, and on no other."""
        network.seen += 1
        return np.full(pixels.shape[:2], float(network.seen <= 2), np.float32)

    network.seen = 0
    report = evaluate.evaluate(data, Network(network), EvaluateOptions(bootstrap=QUICK))
    found = {source: (c.label_empty, c.false_alarm) for source, c in report.sources.items()}
    assert found == {"floor": (1, 1), "nails": (2, 1), "unsplash": (2, 0)}
    assert report.counts.label_empty == 5
    assert report.to_dict()["sources"]["nails"]["false_alarm"] == 1
    assert "nails: 1 of 2 empty labels are false alarms" in report.text()
    assert report["dice_averaged"].value == pytest.approx(3 / 5)


def test_a_set_of_one_source_has_no_counts_by_source(data):
    report = evaluate.evaluate(data, Network(lambda pixels: np.zeros(pixels.shape[:2])))
    assert report.sources == {}


def test_a_limit_is_spread_over_the_set(data):
    options = EvaluateOptions(limit=2, bootstrap=QUICK)
    report = evaluate.evaluate(
        data, Network(lambda pixels: np.zeros(pixels.shape[:2], np.float32)), options
    )
    assert [score.id for score in report.scores] == ["a", "c"]

"""DFUTissue and WoundTissue in their published layouts, drawn by toy.py."""

import shutil
from collections import Counter

import cv2
import numpy as np
import pytest
import toy
from hypothesis import given, settings
from hypothesis import strategies as st

from woundseg import datasets
from woundseg.classes import (
    BACKGROUND,
    CALLUS,
    GRANULATION,
    LABELLED_TISSUES,
    NECROSIS,
    OTHER,
    SLOUGH,
    UNLABELLED,
    WOUNDTISSUE_COLOURS,
)
from woundseg.datasets import TISSUE_SETS
from woundseg.datasets.dfutissue import photograph_of
from woundseg.datasets.woundtissue import MAX_DISTANCE, nearest, read_palette
from woundseg.errors import ConfigurationError, DataSetError, TableError


@pytest.mark.parametrize("kind", TISSUE_SETS.values())
def test_a_set_counts_tissues_that_its_labels_hold(kind):
    assert set(kind.tissues) <= set(kind.classes.values())
    assert set(kind.tissues) | {BACKGROUND, OTHER, UNLABELLED} >= set(kind.classes.values())
    # Where what has no label lies at a value of its own, it was looked at, and counts.
    assert kind.unlabelled_counts == (UNLABELLED in kind.classes.values())


@pytest.fixture
def dfu(tmp_path):
    return toy.draw_dfutissue(tmp_path / "dfutissue")


@pytest.fixture
def wounds(tmp_path):
    return toy.draw_woundtissue(tmp_path)


def faults(name, root):
    with pytest.raises(DataSetError) as caught:
        datasets.open_tissue(name, root).check()
    return caught.value.offenders


def counts(labels):
    return Counter(labels.ravel().tolist())


ANNOTATIONS = "Labeled/Original/Annotations/TrainVal"


class TestDFUTissue:
    def test_values_become_tissues_and_0_is_unlabelled(self, dfu):
        data = datasets.open_tissue("dfutissue", dfu)
        data.check()
        image, labels = data.read(data.samples()[0])
        assert image.shape == (48, 48, 3)
        assert labels.dtype == np.uint8
        # As drawn: 20 fibrin, in 120 of granulation and fibrin, in 480 of all three.
        assert counts(labels) == {
            SLOUGH: 20,
            GRANULATION: 100,
            CALLUS: 360,
            UNLABELLED: 48 * 48 - 480,
        }
        assert BACKGROUND not in labels

    def test_splits_and_the_published_lists(self, dfu):
        data = datasets.open_tissue("dfutissue", dfu)
        assert data.splits() == ("test", "train", "unlabelled")
        names = {
            split: [sample.id for sample in data.samples(split)]
            for split in (*data.splits(), "listed_train", "listed_validation")
        }
        assert names == {
            "test": ["0014"],
            "train": ["0011", "0012", "0013"],
            "unlabelled": ["0020"],
            "listed_train": ["0011", "0012"],
            "listed_validation": ["0013"],
        }

    @pytest.mark.parametrize("kind", [".png", ".jpg"])
    def test_crops_without_labels(self, tmp_path, kind):
        data = datasets.open_tissue("dfutissue", toy.draw_dfutissue(tmp_path / "d", kind))
        data.check()
        sample = data.samples("unlabelled")[0]
        assert sample.label_path is None
        assert data.read(sample)[1] is None

    def test_a_crop_has_group_and_fold_of_the_photograph_numbered_one_more(self, dfu):
        data = datasets.open_tissue("dfutissue", dfu)
        placed = {
            sample.id: (sample.group, sample.fold)
            for split in data.splits()
            for sample in data.samples(split)
        }
        assert placed == {
            "0011": ("a", 3),
            "0012": ("0013", 1),
            "0013": ("0014", None),  # no row in the table: on neither side of a split
            "0014": ("0015", 0),
            "0020": ("b", 2),
        }

    def test_folds_from_elsewhere_and_none_at_all(self, dfu, tmp_path):
        other = tmp_path / "other.csv"
        other.write_text("image,group,fold\n0012,z,4\n")
        assert datasets.open_tissue("dfutissue", dfu, folds=other).samples()[0].fold == 4
        shutil.rmtree(tmp_path / "fuseg")
        samples = datasets.open_tissue("dfutissue", dfu).samples()
        assert [sample.fold for sample in samples] == [None] * 3
        assert [sample.group for sample in samples] == ["0012", "0013", "0014"]

    @pytest.mark.parametrize(
        ("crop", "photograph"), [("0901", "0902"), ("0999", "1000"), ("a1", "a1"), ("٣", "٣")]
    )
    def test_the_photograph_of_a_crop(self, crop, photograph):
        assert photograph_of(crop) == photograph

    def test_every_offender_is_reported_at_once(self, dfu):
        labels = dfu / ANNOTATIONS
        values = toy.tissue_map(48)
        values[0, 0] = 4
        toy.save(labels / "0011.png", values)
        grey = toy.tissue_map(49)
        toy.save(labels / "0012.png", np.dstack([grey, 0 * grey, grey]))
        (labels / "0013.png").unlink()
        names = dfu / "Labeled" / "labeled_val_names.txt"
        names.write_text("0013\n0012\n0099\n")
        (dfu / "Unlabeled" / "0020.png").write_bytes(b"no picture")
        offenders = faults("dfutissue", dfu)
        for told in (
            "TrainVal/0011.png: holds the value 4, not one of 0 to 3",
            "TrainVal/0012.png: has coloured pixels where grey is expected",
            "Images/TrainVal/0013.png: has no label",
            "labeled_val_names.txt: 0099 has no photograph",
            "labeled_train_names.txt and labeled_val_names.txt: 0012 stands in both",
            "Unlabeled/0020.png: cannot be decoded whole",
        ):
            assert any(told in offender for offender in offenders), told
        assert len(offenders) == 6

    def test_reading_refuses_a_value_outside_the_table(self, dfu):
        values = np.full((48, 48), 200, np.uint8)
        toy.save(dfu / ANNOTATIONS / "0011.png", values)
        data = datasets.open_tissue("dfutissue", dfu)
        with pytest.raises(DataSetError, match=r"0011\.png: holds the value 200"):
            data.read(data.samples()[0])

    def test_a_list_or_a_folder_that_is_not_there(self, dfu):
        (dfu / "Labeled" / "labeled_val_names.txt").unlink()
        data = datasets.open_tissue("dfutissue", dfu)
        data.check()
        with pytest.raises(DataSetError, match=r"labeled_val_names\.txt: there is no such list"):
            data.samples("listed_validation")
        with pytest.raises(DataSetError, match="splits found: test, train, unlabelled"):
            data.samples("holdout")
        shutil.rmtree(dfu / ANNOTATIONS)
        assert "Annotations/TrainVal: there is no such folder" in faults("dfutissue", dfu)[0]

    def test_fewer_than_published_is_a_note(self, dfu):
        notes = datasets.open_tissue("dfutissue", dfu).notes()
        assert "train: 3 photographs of the published 94" in notes
        assert "unlabelled: 1 photographs of the published 600" in notes


# As drawn (toy.wound_map), the smaller on top of the larger.
AREAS = {
    GRANULATION: 32 * 52 - 16 * 20 - 10 * 10 - 6 * 8 - 5 * 6,
    SLOUGH: 16 * 20,
    NECROSIS: 10 * 10,
    OTHER: 6 * 8 + 5 * 6,
    BACKGROUND: 60 * 80 - 32 * 52,
}


class TestWoundTissue:
    def test_colours_become_tissues_exactly(self, wounds):
        data = datasets.open_tissue("woundtissue", wounds)
        data.check()
        samples = data.samples()
        assert [(s.id, s.group, s.fold) for s in samples] == [
            ("img (1)", "img (1)", None),
            ("img (2)", "img (2)", None),
        ]
        image, labels = data.read(samples[0])
        assert tuple(image[0, 0]) == toy.SKIN
        assert counts(labels) == AREAS
        assert data.notes() == ("train: 2 photographs of the published 147",)

    def test_a_label_with_alpha_or_with_a_palette_reads_the_same(self, wounds):
        from PIL import Image

        path = wounds / "label" / "img (1).png"
        with Image.open(path) as picture:
            rgba, indexed = picture.convert("RGBA"), picture.convert("P", palette=Image.ADAPTIVE)
        data = datasets.open_tissue("woundtissue", wounds)
        for saved in (rgba, indexed):
            saved.save(path)
            assert counts(data.read(data.samples()[0])[1]) == AREAS

    def test_a_jpeg_of_the_colours_keeps_every_area(self, wounds):
        (wounds / "label" / "img (1).png").unlink()
        (wounds / "label" / "img (2).png").unlink()
        for number in (1, 2):
            photo = np.kron(np.full((60, 80, 1), 99, np.uint8), np.ones((4, 4, 3), np.uint8))
            toy.save(wounds / "image" / f"img ({number}).png", photo)
            toy.save(wounds / "label" / f"img ({number}).jpg", toy.wound_map(4))
        data = datasets.open_tissue("woundtissue", wounds)
        data.check()
        labels = data.read(data.samples()[0])[1]
        truth = nearest(toy.wound_map(4), list(WOUNDTISSUE_COLOURS.values()))[0]
        ids = np.array([data.classes[name] for name in WOUNDTISSUE_COLOURS], np.uint8)[truth]
        called = labels != UNLABELLED
        assert (labels[called] == ids[called]).all()
        for tissue, area in AREAS.items():
            assert (labels == tissue).sum() > 0.75 * 16 * area

    def test_a_soft_edge_between_yellow_and_white_is_no_bone(self, wounds):
        """Half-way from yellow to white lies (255, 255, 128); the colours of cream lie beyond."""
        data = datasets.open_tissue("woundtissue", wounds)
        soft = toy.wound_map()
        soft[14:30, 13] = (255, 255, 200)  # one pixel wide, between slough and maceration
        toy.save(wounds / "label" / "img (1).png", soft)
        labels = data.read(data.samples()[0])[1]
        assert (labels[14:30, 13] == UNLABELLED).all()
        soft[14:30, 13] = WOUNDTISSUE_COLOURS["bone"]  # an exact colour is meant
        toy.save(wounds / "label" / "img (1).png", soft)
        assert (data.read(data.samples()[0])[1][14:30, 13] == OTHER).all()

    def test_soft_edges_all_round_pass(self, wounds):
        data = datasets.open_tissue("woundtissue", wounds)
        soft = cv2.resize(toy.wound_map(7), (224, 168), interpolation=cv2.INTER_AREA)
        assert data.label_fault(soft[..., ::-1]) is None

    def test_colours_of_another_table_are_an_offender_and_named(self, wounds):
        other = {**toy.WOUND_COLOURS, "tendon": (0, 176, 240), "background": (128, 128, 128)}
        toy.save(wounds / "label" / "img (2).png", toy.wound_map(1, other))
        (offender,) = faults("woundtissue", wounds)
        # Grey: 60 × 80 px less the wound's 40 × 60. Tendon's blue: 6 × 8. Together 51.0%.
        assert offender.startswith("label/img (2).png: 51.0% of its pixels are further than 60")
        assert "most often (128, 128, 128)" in offender
        assert "palette.csv" in offender

    def test_a_palette_of_ones_own(self, wounds):
        other = {**toy.WOUND_COLOURS, "tendon": (0, 176, 240), "background": (128, 128, 128)}
        for number in (1, 2):
            toy.save(wounds / "label" / f"img ({number}).png", toy.wound_map(1, other))
        rows = [f"{name},{r},{g},{b}" for name, (r, g, b) in other.items()]
        (wounds / "palette.csv").write_text("\n".join(["class,red,green,blue", *rows]) + "\n")
        data = datasets.open_tissue("woundtissue", wounds)
        data.check()
        assert counts(data.read(data.samples()[0])[1]) == AREAS

    def test_labels_that_are_no_colours(self, wounds):
        data = datasets.open_tissue("woundtissue", wounds)
        assert data.label_fault(np.zeros((4, 4), np.uint8)) == "has no colours"
        assert "uint16" in data.label_fault(np.zeros((4, 4, 3), np.uint16))

    def test_missing_pairs_and_folders(self, wounds):
        (wounds / "label" / "img (1).png").unlink()
        assert faults("woundtissue", wounds) == ("image/img (1).png: has no label",)
        shutil.rmtree(wounds / "label")
        assert "label: there is no such folder" in faults("woundtissue", wounds)[0]
        shutil.rmtree(wounds / "image")
        with pytest.raises(DataSetError, match=r"github\.com/akabircs/WoundTissue"):
            datasets.open_tissue("woundtissue", wounds).check()


GOOD = "".join(f"{name},{r},{g},{b}\n" for name, (r, g, b) in WOUNDTISSUE_COLOURS.items())


class TestPalette:
    @pytest.mark.parametrize(
        ("text", "told"),
        [
            (GOOD.replace("bone,", "skin,"), "row 8: column class: 'skin' is no class"),
            (GOOD + "bone,1,2,3\n", "row 9: column class: 'bone' stands there twice"),
            (GOOD.replace("208", "300"), "row 8: column blue: '300' is not 0 to 255"),
            (GOOD.replace("tendon,135,206,235\n", ""), "has no colour for tendon"),
            (GOOD.replace("208", "255").replace("253", "255"), "gives two classes one colour"),
        ],
    )
    def test_faults_are_named(self, tmp_path, text, told):
        path = tmp_path / "palette.csv"
        path.write_text("class,red,green,blue\n" + text)
        with pytest.raises(TableError, match=told):
            read_palette(path)

    @settings(deadline=None)
    @given(st.binary(max_size=60))
    def test_any_bytes_give_a_table_error_or_a_whole_palette(self, tmp_path_factory, content):
        path = tmp_path_factory.mktemp("palette") / "palette.csv"
        path.write_bytes(b"class,red,green,blue\n" + GOOD.encode() + content)
        try:
            palette = read_palette(path)
        except TableError:
            return
        assert palette.keys() == WOUNDTISSUE_COLOURS.keys()


COLOUR = st.tuples(*[st.integers(0, 255)] * 3)


@settings(deadline=None)
@given(COLOUR, st.lists(COLOUR, min_size=1, max_size=7))
def test_the_nearest_colour_is_nearest(pixel, colours):
    place, distance = nearest(np.array([[pixel]], np.uint8), colours)
    all_of_them = [np.linalg.norm(np.subtract(pixel, colour)) for colour in colours]
    assert distance[0, 0] == pytest.approx(min(all_of_them), rel=1e-5)
    assert all_of_them[place[0, 0]] == pytest.approx(min(all_of_them))


def test_only_cream_and_white_lie_closer_than_two_distances():
    names = list(WOUNDTISSUE_COLOURS)
    close = {
        (a, b)
        for i, a in enumerate(names)
        for b in names[i + 1 :]
        if np.linalg.norm(np.subtract(WOUNDTISSUE_COLOURS[a], WOUNDTISSUE_COLOURS[b]))
        <= 2 * MAX_DISTANCE
    }
    assert close == {("maceration", "bone")}


@pytest.mark.parametrize("kind", TISSUE_SETS.values())
def test_each_set_states_what_a_reader_needs(kind):
    for fact in ("name", "title", "source", "licence", "obtain", "citation", "counts"):
        assert getattr(kind, fact)
    assert kind.doi.startswith("10.")
    known = {tissue.id for tissue in LABELLED_TISSUES} | {BACKGROUND, UNLABELLED}
    assert set(kind.classes.values()) <= known


def test_published_counts_and_classes():
    # github.com/uwm-bigdata/DFUTissueSegNet, README: 78 to train, 16 to validate, 16 to test,
    # 600 without labels; palette_colorCode.txt: fibrin, granulation, callus.
    dfu = TISSUE_SETS["dfutissue"]
    assert dfu.counts["listed_train"] + dfu.counts["listed_validation"] == dfu.counts["train"] == 94
    assert (dfu.counts["listed_train"], dfu.counts["test"], dfu.counts["unlabelled"]) == (
        78,
        16,
        600,
    )
    assert dict(dfu.classes) == {0: UNLABELLED, 1: SLOUGH, 2: GRANULATION, 3: CALLUS}
    # github.com/akabircs/WoundTissue, README: 147 images.
    assert dict(TISSUE_SETS["woundtissue"].counts) == {"train": 147}
    assert TISSUE_SETS["woundtissue"].classes["maceration"] == BACKGROUND
    assert toy.WOUND_COLOURS == WOUNDTISSUE_COLOURS


def test_masks_and_tissues_are_opened_apart(dfu, tmp_path):
    with pytest.raises(ConfigurationError, match="dfutissue: has maps of tissues and no ulcer"):
        datasets.open("dfutissue", dfu)
    with pytest.raises(ConfigurationError, match="Take one of dfutissue, woundtissue"):
        datasets.open_tissue("fuseg", dfu)
    assert datasets.open_any("dfutissue", dfu).samples()[0].id == "0011"
    toy.draw_fuseg(tmp_path / "f")
    assert datasets.open_any("fuseg", tmp_path / "f").samples()[0].id == "0011"

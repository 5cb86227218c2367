"""The integrity check, own folders, folds and fingerprints."""

import shutil

import numpy as np
import pytest
import toy
from hypothesis import given, settings
from hypothesis import strategies as st

from woundseg import datasets
from woundseg.datasets.base import MAX_EDGE_SHARE, Sample, fingerprint, hold_out, value_fault
from woundseg.datasets.folds import read_folds
from woundseg.errors import ConfigurationError, DataSetError, TableError


@pytest.fixture
def fuseg(tmp_path):
    return toy.draw_fuseg(tmp_path)


def faults(root, name="fuseg"):
    with pytest.raises(DataSetError) as caught:
        datasets.open(name, root).check()
    return caught.value


def test_every_offender_is_reported_at_once(fuseg):
    train = fuseg / "train"
    (train / "labels" / "0011.png").unlink()
    shutil.copy(train / "labels" / "0012.png", train / "labels" / "0099.png")
    toy.save(train / "labels" / "0012.png", np.zeros((64, 60), np.uint8))
    image = train / "images" / "0013.png"
    image.write_bytes(image.read_bytes()[:-40])
    coloured = np.zeros((64, 64, 3), np.uint8)
    coloured[3, 3] = (255, 0, 0)
    toy.save(train / "labels" / "0014.png", coloured)
    (fuseg / "validation" / "labels" / "0101.png").write_text("no picture")
    error = faults(fuseg)
    named = [offender.split(":")[0] for offender in error.offenders]
    assert named == [
        "train/images/0011.png",
        "train/labels/0099.png",
        "train/labels/0012.png",
        "train/images/0013.png",
        "train/labels/0014.png",
        "validation/labels/0101.png",
    ]
    for wanted in ("has no label", "has no photograph", "is 60×64", "decoded whole", "coloured"):
        assert any(wanted in offender for offender in error.offenders)
    assert "6 fault(s)" in error.line()
    assert "(and 3 more)" in error.line()


def test_a_cut_off_jpeg_is_found_though_opencv_fills_it_with_grey(tmp_path):
    toy.draw_fuseg(tmp_path, ".jpg")
    image = tmp_path / "train" / "images" / "0012.jpg"
    image.write_bytes(image.read_bytes()[:-100])
    assert (
        faults(tmp_path).offenders[0].startswith("train/images/0012.jpg: cannot be decoded whole")
    )


def test_two_photographs_of_one_stem_are_refused(fuseg):
    shutil.copy(fuseg / "train/images/0011.png", fuseg / "train/images/0011.jpg")
    assert "has the same stem" in faults(fuseg).offenders[0]


def test_a_group_in_two_folds_is_an_offender(fuseg):
    table = fuseg / "folds.csv"
    table.write_text(table.read_text().replace("0012,a,0", "0012,a,1"))
    assert faults(fuseg).offenders == ("folds.csv: group a lies in folds 0, 1",)


def test_samples_refuse_a_missing_pair_and_never_drop_it(fuseg):
    (fuseg / "train" / "labels" / "0011.png").unlink()
    with pytest.raises(DataSetError, match=r"train/images/0011\.png: has no label"):
        datasets.open("fuseg", fuseg).samples()


def test_a_training_split_without_labels_is_an_offender(fuseg):
    shutil.rmtree(fuseg / "train" / "labels")
    with pytest.raises(DataSetError, match="there is no such folder"):
        datasets.open("fuseg", fuseg).samples()


def test_hidden_and_foreign_files_are_left_out_and_named(fuseg):
    (fuseg / "train" / "images" / ".DS_Store").write_text("")
    (fuseg / "train" / "images" / "0050.heic").write_text("")
    data = datasets.open("fuseg", fuseg)
    data.check()
    assert any("0050.heic" in note for note in data.notes())
    assert not any("DS_Store" in note for note in data.notes())


def test_reading_names_the_file_that_is_broken(fuseg):
    data = datasets.open("fuseg", fuseg)
    sample = data.samples()[0]
    sample.image_path.write_bytes(b"")
    with pytest.raises(DataSetError, match=r"0011\.png: cannot be decoded"):
        data.read(sample)


def test_no_such_folder_says_where_it_looked_and_how_to_obtain_it(tmp_path):
    with pytest.raises(DataSetError) as caught:
        datasets.open("fuseg", tmp_path / "nowhere")
    assert str(tmp_path / "nowhere") in caught.value.line()
    assert "github.com/uwm-bigdata/wound-segmentation" in caught.value.line()
    with pytest.raises(DataSetError, match="no folder was given"):
        datasets.open("medetec", None)


def test_no_such_split_names_those_found(fuseg):
    with pytest.raises(DataSetError, match="splits found: test, train, validation"):
        datasets.open("fuseg", fuseg).samples("holdout")


def test_an_empty_folder_does_not_pass_the_check(tmp_path):
    assert "splits found: none" in faults(tmp_path).line()


def test_unknown_names_and_options_are_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="fuseg, medetec, feet, folder"):
        datasets.open("fuzeg", tmp_path)
    with pytest.raises(ConfigurationError, match="ulcer_value"):
        datasets.open("fuseg", tmp_path, ulcer_value=3)


class TestOwnFolder:
    def test_flat_folder_is_the_split_train(self, tmp_path):
        data = datasets.open("folder", toy.draw_folder(tmp_path))
        data.check()
        assert data.splits() == ("train",)
        assert [sample.id for sample in data.samples()] == ["p01_v1", "p02_v1"]
        assert int(data.read(data.samples()[0])[1].sum()) == 36

    def test_folder_of_splits(self, tmp_path):
        toy.draw_folder(tmp_path / "validation")
        data = datasets.open("folder", tmp_path)
        assert data.splits() == ("validation",)
        assert len(data.samples("validation")) == 2

    def test_folds_of_its_own(self, tmp_path):
        toy.draw_folder(tmp_path)
        (tmp_path / "folds.csv").write_text("image,group,fold\np01_v1,p01,0\np02_v1,p02,1\n")
        samples = datasets.open("folder", tmp_path).samples()
        assert [(s.group, s.fold) for s in samples] == [("p01", 0), ("p02", 1)]

    def test_masks_of_0_and_1_are_named_until_their_value_is_given(self, tmp_path):
        toy.draw_folder(tmp_path)
        for stem in ("p01_v1", "p02_v1"):
            toy.save(tmp_path / f"labels/{stem}.png", toy.rectangle(64, 6, 6).astype(np.uint8))
        assert "holds 0 to 1 and nowhere 255" in faults(tmp_path, "folder").line()
        data = datasets.open("folder", tmp_path, ulcer_value=1)
        data.check()
        assert int(data.read(data.samples()[0])[1].sum()) == 36

    def test_an_impossible_ulcer_value_is_refused(self, tmp_path):
        with pytest.raises(ConfigurationError):
            datasets.open("folder", tmp_path, ulcer_value=0)


class TestMaskValues:
    def test_soft_outlines_pass(self):
        mask = np.zeros((100, 100), np.uint8)
        mask[40:60, 40:60] = 255
        mask[40, 40:60] = 100
        assert value_fault(mask, 255) is None

    def test_more_than_an_outline_is_a_fault(self):
        mask = np.zeros((100, 100), np.uint8)
        mask[0, 0] = 255
        mask[50:53, :] = 100
        assert MAX_EDGE_SHARE < 300 / 10_000
        assert "3.0% of its pixels" in value_fault(mask, 255)

    @pytest.mark.parametrize("value", [0, 255])
    def test_all_of_one_class_passes(self, value):
        assert value_fault(np.full((4, 4), value, np.uint8), 255) is None

    def test_16_bit_is_a_fault(self):
        assert "uint16" in value_fault(np.zeros((4, 4), np.uint16), 255)

    @pytest.mark.parametrize(("value", "ulcer"), [(127, False), (128, True)])
    def test_the_threshold_is_127(self, tmp_path, value, ulcer):
        toy.draw_folder(tmp_path)
        toy.save(tmp_path / "labels/p01_v1.png", np.full((64, 64), value, np.uint8))
        data = datasets.open("folder", tmp_path)
        assert data.read(data.samples()[0])[1].all() == ulcer


class TestFolds:
    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("image,group\n1,a\n", "has no column fold"),
            ("image,group,fold\n1,a,0\n1,a,1\n", "row 3: column image: '1' stands there twice"),
            ("image,group,fold\n1,a,one\n", "row 2: column fold: 'one' is no whole number"),
            ("image,group,fold\n1,a,-1\n", "row 2: column fold"),
            ("image,group,fold\n,a,0\n", "row 2: column image is blank"),
        ],
    )
    def test_faults_name_row_column_and_value(self, tmp_path, text, told):
        path = tmp_path / "folds.csv"
        path.write_text(text)
        with pytest.raises(TableError, match=told):
            read_folds(path)

    def test_a_table_that_is_not_there(self, fuseg):
        with pytest.raises(TableError, match="cannot be read"):
            datasets.open("fuseg", fuseg, folds=fuseg / "other.csv")

    @settings(deadline=None)
    @given(st.binary(max_size=60))
    def test_any_bytes_give_a_table_or_a_table_error(self, tmp_path_factory, content):
        path = tmp_path_factory.mktemp("folds") / "folds.csv"
        path.write_bytes(b"image,group,fold\n" + content)
        try:
            table = read_folds(path)
        except TableError:
            return
        assert all(row.fold >= 0 and row.group for row in table.values())


def sample_of(name, group, fold):
    return Sample(name, None, None, group, fold)


class TestHoldOut:
    def test_parts_by_fold_and_leaves_out_what_has_none(self):
        samples = [sample_of("1", "a", 0), sample_of("2", "b", 1), sample_of("3", "c", None)]
        parts = hold_out(samples, [1])
        assert [s.id for s in parts.train] == ["1"]
        assert [s.id for s in parts.held_out] == ["2"]
        assert [s.id for s in parts.without_fold] == ["3"]

    def test_a_group_on_both_sides_is_refused(self):
        with pytest.raises(DataSetError, match="group a: would be on both sides"):
            hold_out([sample_of("1", "a", 0), sample_of("2", "a", 1)], [1])

    def test_a_fold_that_is_not_there_is_refused(self):
        with pytest.raises(DataSetError, match="fold 7: has no photograph"):
            hold_out([sample_of("1", "a", 0)], [7])

    @settings(deadline=None)
    @given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 4)), min_size=1, max_size=40))
    def test_no_group_is_ever_on_both_sides(self, rows):
        samples = [sample_of(str(i), f"g{g}", f) for i, (g, f) in enumerate(rows)]
        try:
            parts = hold_out(samples, [rows[0][1]])
        except DataSetError:
            return
        assert not {s.group for s in parts.train} & {s.group for s in parts.held_out}
        assert len(parts.train) + len(parts.held_out) == len(samples)


def test_the_fingerprint_changes_with_any_byte(fuseg):
    samples = datasets.open("fuseg", fuseg).samples()
    before = fingerprint(samples)
    assert before == fingerprint(samples)
    assert len(before) == 64
    content = bytearray(samples[0].label_path.read_bytes())
    content[-1] ^= 1
    samples[0].label_path.write_bytes(content)
    assert fingerprint(samples) != before
    assert fingerprint(samples[1:]) != before


def test_an_upright_phone_photograph_matches_its_upright_mask(tmp_path):
    from PIL import Image

    (tmp_path / "images").mkdir()
    exif = Image.Exif()
    exif[274] = 6  # lies on its side: 90° clockwise to show
    Image.new("RGB", (40, 20), (9, 9, 9)).save(tmp_path / "images" / "a.jpg", exif=exif)
    toy.save(tmp_path / "labels" / "a.png", np.zeros((40, 20), np.uint8))
    data = datasets.open("folder", tmp_path)
    data.check()
    assert data.read(data.samples()[0])[0].shape == (40, 20, 3)

"""FUSeg and Medetec in their published layouts, drawn by toy.py."""

from pathlib import Path

import numpy as np
import pytest
import toy

from woundseg import datasets
from woundseg.classes import WOUNDTISSUE_COLOURS
from woundseg.datasets import DATA_SETS, TISSUE_SETS
from woundseg.datasets.copies import MIN_CORRELATION
from woundseg.datasets.feet import SOURCES
from woundseg.datasets.woundtissue import MAX_DISTANCE, MAX_FAR_SHARE
from woundseg.errors import DataSetError


@pytest.mark.parametrize("kind", [".png", ".jpg"])
def test_fuseg_is_read_as_published_and_as_jpeg(tmp_path, kind):
    data = datasets.open("fuseg", toy.draw_fuseg(tmp_path, kind))
    data.check()
    samples = data.samples("train")
    assert [(s.id, s.group, s.fold) for s in samples] == [
        ("0011", "a", 0),
        ("0012", "a", 0),
        ("0013", "0013", 1),
        ("0014", "0014", 1),
    ]
    areas = []
    for sample in samples:
        image, mask = data.read(sample)
        assert image.shape == (64, 64, 3)
        assert image.dtype == np.uint8
        assert mask.dtype == np.bool_
        areas.append(int(mask.sum()))
    assert areas == [35, 35, 0, 200]


def test_photographs_come_as_rgb(tmp_path):
    data = datasets.open("fuseg", toy.draw_fuseg(tmp_path))
    image, mask = data.read(data.samples()[0])
    assert tuple(image[0, 0]) == toy.SKIN
    assert tuple(image[mask][0]) == toy.WOUND


def test_fuseg_splits_and_the_test_split_without_labels(tmp_path):
    data = datasets.open("fuseg", toy.draw_fuseg(tmp_path))
    assert data.splits() == ("test", "train", "validation")
    validation = data.samples("validation")[0]
    assert (validation.id, validation.fold) == ("0101", None)
    toy.save_pair(tmp_path / "validation", "0011", toy.rectangle(64, 3, 3), kind=".png")
    assert [s.fold for s in data.samples("validation")] == [None, None]  # the table is of train
    sample = data.samples("test")[0]
    assert sample.label_path is None
    assert data.read(sample)[1] is None


def test_a_subset_is_a_note_and_no_fault(tmp_path):
    data = datasets.open("fuseg", toy.draw_fuseg(tmp_path))
    data.check()
    assert "train: 4 photographs of the published 810" in data.notes()


def test_fuseg_without_a_fold_table_has_no_folds(tmp_path):
    toy.draw_fuseg(tmp_path)
    (tmp_path / "folds.csv").unlink()
    samples = datasets.open("fuseg", tmp_path).samples()
    assert {s.fold for s in samples} == {None}
    assert [s.group for s in samples] == [s.id for s in samples]


def test_medetec_masks_of_0_and_1_hold_ulcer(tmp_path):
    data = datasets.open("medetec", toy.draw_medetec(tmp_path))
    data.check()
    assert {int(data.read(sample)[1].sum()) for sample in data.samples()} == {20}


def test_medetec_gets_folds_by_group_where_no_table_gives_any(tmp_path):
    toy.draw_medetec(tmp_path)
    samples = datasets.open("medetec", tmp_path).samples()
    # Three groups of two photographs each, by name: the first three folds.
    assert {sample.group: sample.fold for sample in samples} == {
        "foot-ulcer-0001": 0,
        "foot-ulcer-2": 1,
        "foot-ulcer1": 2,
    }
    assert {sample.fold for sample in datasets.open("medetec", tmp_path).samples("test")} == {None}
    (tmp_path / "folds.csv").write_text("image,group,fold\nfoot-ulcer-0001,a,4\n")
    assert [s.fold for s in datasets.open("medetec", tmp_path).samples()][:2] == [4, None]


def test_medetec_names_its_cut_off_label_and_goes_on(tmp_path):
    data = datasets.open("medetec", toy.draw_medetec(tmp_path))
    assert "foot-ulcer1-8_3" not in [sample.id for sample in data.samples()]
    assert any("train/labels/foot-ulcer1-8_3.png" in note for note in data.notes())


def test_medetec_copies_and_series_stay_together(tmp_path):
    data = datasets.open("medetec", toy.draw_medetec(tmp_path))
    assert {sample.id: sample.group for sample in data.samples()} == {
        "foot-ulcer-0001": "foot-ulcer-0001",
        "foot-ulcer-0001_1": "foot-ulcer-0001",
        "foot-ulcer-2-1": "foot-ulcer-2",
        "foot-ulcer-2-2_3": "foot-ulcer-2",
        "foot-ulcer1-8": "foot-ulcer1",
    }


def test_medetec_masks_of_255_are_outside_its_table(tmp_path):
    toy.draw_medetec(tmp_path)
    toy.save_pair(
        tmp_path / "train", "foot-ulcer-0003", toy.rectangle(32, 4, 5), kind=".png", value=255
    )
    with pytest.raises(DataSetError, match="holds the value 255"):
        datasets.open("medetec", tmp_path).check()


@pytest.mark.parametrize("kind", DATA_SETS.values())
def test_each_set_states_what_a_reader_needs(kind):
    for fact in ("name", "title", "source", "licence", "obtain"):
        assert getattr(kind, fact)
    assert kind.terms_known in (True, False)
    if kind.name != "folder":
        assert kind.name == "feet" or kind.doi.startswith("10.")
        assert kind.citation
        assert set(kind.classes.values()) == {0, 1}


def test_published_counts():
    # FUSeg: Wang et al. 2024 (1,010 for training, 810 + 200 as laid out, and 200 for testing).
    assert dict(DATA_SETS["fuseg"].counts) == {"train": 810, "validation": 200, "test": 200}
    # Medetec: files in the repository beside FUSeg.
    assert dict(DATA_SETS["medetec"].counts) == {"train": 152, "test": 8}


def test_the_docs_say_what_the_code_says():
    text = (Path(__file__).parents[2] / "docs" / "datasets.md").read_text(encoding="utf-8")
    prose = " ".join(text.split())
    for kind in (*DATA_SETS.values(), *TISSUE_SETS.values()):
        assert f"`{kind.name}`" in prose
        assert kind.doi in prose
        assert kind.citation in prose
        for count in kind.counts.values():
            assert str(count) in prose
        for path in kind.known_faults:
            assert path in prose
    for kind in (*DATA_SETS.values(), *TISSUE_SETS.values()):
        assert kind.name == "folder" or kind.licence in prose
    for name, source in SOURCES.items():
        assert f"| `{name}` | {source.count} | {source.shows} | {source.licence} |" in prose
    for fact in (WOUNDTISSUE_COLOURS["bone"], f"a distance of {MAX_DISTANCE}"):
        assert str(fact) in prose
    assert f"more than {MAX_FAR_SHARE:.0%}" in prose
    assert f"{MIN_CORRELATION} and more is a pair" in prose

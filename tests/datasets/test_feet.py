"""Feet without an ulcer: no label is a label there; and folds dealt out by group."""

import numpy as np
import pytest
import toy

from woundseg import datasets
from woundseg.datasets.base import Sample, limited
from woundseg.datasets.feet import SOURCES
from woundseg.datasets.folds import folds_by_group, read_folds
from woundseg.errors import ConfigurationError, DataSetError


@pytest.fixture
def feet(tmp_path):
    return toy.draw_feet(tmp_path / "feet")


def test_every_mask_is_known_to_be_empty(feet):
    data = datasets.open("feet", feet)
    data.check()
    samples = data.samples()
    assert [sample.id for sample in samples] == sorted(toy.FEET)
    for sample in samples:
        assert sample.labelled
        assert sample.label_path is None
        pixels, mask = data.read(sample)
        assert pixels.shape == (48, 64, 3)
        assert mask.shape == (48, 64)
        assert mask.dtype == np.bool_
        assert not mask.any()


def test_source_group_and_fold_are_those_of_the_table(feet):
    samples = {sample.id: sample for sample in datasets.open("feet", feet).samples()}
    assert (samples["nails_001"].source, samples["nails_001"].fold) == ("nails", 1)
    assert {sample.fold for sample in samples.values()} == {0, 1}
    assert samples["floor_000"].group == "floor_000"


def test_terms_are_known_of_unsplash_alone(feet):
    data = datasets.open("feet", feet)
    known = {sample.source for sample in data.samples() if data.knows_terms_of(sample)}
    assert known == {"unsplash"}
    assert [name for name, source in SOURCES.items() if source.terms_known] == ["unsplash"]
    assert sum(source.count for source in SOURCES.values()) == data.counts["train"] == 453


@pytest.mark.parametrize(
    ("old", "new", "cause"),
    [
        ("nails_001.jpg,", "nails_002.jpg,", "images/nails_001.jpg: feet.csv does not name it"),
        (",floor,", ",tiles,", "images/floor_000.jpg: its source 'tiles' is none of unsplash"),
    ],
)
def test_what_the_table_does_not_know_is_an_offender(feet, old, new, cause):
    table = feet / "feet.csv"
    table.write_text(table.read_text().replace(old, new))
    with pytest.raises(DataSetError, match=cause):
        datasets.open("feet", feet).samples()


def test_without_the_table_no_photograph_is_taken(feet):
    (feet / "feet.csv").unlink()
    with pytest.raises(DataSetError, match="5 fault"):
        datasets.open("feet", feet).check()


def test_a_photograph_that_is_not_whole_is_an_offender(feet):
    image = feet / "images" / "nails_000.jpg"
    image.write_bytes(image.read_bytes()[:-60])
    with pytest.raises(DataSetError, match=r"nails_000\.jpg: cannot be decoded whole"):
        datasets.open("feet", feet).check()


def test_a_sample_without_a_label_is_not_labelled():
    assert not Sample("a", toy.Path("a.png"), None, "a", None).labelled


def test_suffixes_in_a_fold_table_are_left_out(tmp_path):
    table = tmp_path / "folds.csv"
    table.write_text("image,group,fold,source\na.JPG,g,1,clinic\nb.1,,2,\n")
    rows = read_folds(table)
    assert sorted(rows) == ["a", "b.1"]
    assert (rows["a"].source, rows["b.1"].group, rows["b.1"].source) == ("clinic", "b.1", "")


def test_folds_by_group_fill_up_evenly_and_the_same_way():
    groups = ["a"] * 5 + ["b"] * 3 + ["c"] * 3 + ["d", "e", "f"]
    folds = folds_by_group(groups, 3)
    # a: fold 0 (5); b: 1 (3); c: 2 (3); d and e: 1 and 2 (4 each); f: 1.
    assert folds == {"a": 0, "b": 1, "c": 2, "d": 1, "e": 2, "f": 1}
    assert folds_by_group(groups[::-1], 3) == folds


def test_a_limit_is_spread_over_the_list():
    assert limited(list(range(10)), 4) == [0, 2, 5, 7]
    assert limited([1, 2], 4) == limited([1, 2], None) == [1, 2]
    with pytest.raises(ConfigurationError, match=r"data\.limit=0: is below 1"):
        limited([1, 2], 0)

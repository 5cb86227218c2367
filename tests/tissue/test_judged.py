"""The crops judged by eye: reading them, and what is shipped."""

from __future__ import annotations

from collections import Counter

import pytest

from woundseg import resources
from woundseg.classes import GRANULATION, NECROSIS, SLOUGH
from woundseg.errors import TableError
from woundseg.tissue.judged import COLUMNS, SHIPPED, Judged, read_judged

HEAD = ",".join(COLUMNS) + "\n"
ROW = "0389,134,255,42,36,necrosis,black,3\n"


def written(tmp_path, text):
    path = tmp_path / "judged.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_crop_is_read(tmp_path):
    (crop,) = read_judged(written(tmp_path, HEAD + ROW))
    assert crop == Judged("0389", (134, 255, 42, 36), NECROSIS, "black", 3)
    assert crop.window() == (slice(255, 291), slice(134, 176))


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (ROW.replace("necrosis", "callus"), "column class: 'callus' stands there, not granulation"),
        (ROW.replace(",42,", ",0,"), "column width: '0' stands there, not a number above 0"),
        (ROW.replace(",134,", ",-1,"), "column x: '-1' stands there, not a whole number"),
        (ROW + ROW, "row 3: column image: '0389' stands there twice"),
        (ROW.replace(",3\n", ",\n"), "column fold: ''"),
    ],
)
def test_a_row_that_cannot_be_used(tmp_path, row, told):
    with pytest.raises(TableError) as failed:
        read_judged(written(tmp_path, HEAD + row))
    assert told in failed.value.line()


def test_the_shipped_crops_are_enough_and_about_a_third_each():
    crops = read_judged(resources.path(SHIPPED))
    counts = Counter(crop.tissue for crop in crops)
    assert len(crops) >= 60
    assert set(counts) == {GRANULATION, SLOUGH, NECROSIS}
    assert min(counts.values()) >= 0.3 * len(crops)
    for crop in crops:
        x, y, width, height = crop.box_px
        assert x + width <= 512
        assert y + height <= 512
        assert 0 <= crop.fold <= 4

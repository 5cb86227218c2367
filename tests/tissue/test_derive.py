"""Necrosis by rule, on drawn pictures, and the table that it is made again from."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from woundseg import resources
from woundseg.classes import GRANULATION, UNLABELLED
from woundseg.errors import TableError, UsageError
from woundseg.tissue import derive
from woundseg.tissue.derive import DerivedRow, Place, derived_necrosis, read_derived
from woundseg.tissue.judged import SHIPPED, read_judged

SKIN, RED, DARK_RED = (214, 160, 138), (176, 52, 50), (84, 14, 20)
BLACK, BROWN, YELLOW = (32, 29, 27), (86, 66, 44), (214, 190, 120)
ROW = DerivedRow("0001", "colour", None, (1.0, 1.0, 1.0), 42, 14, 30, (), 0, "drawn")


def bed(*patches):
    """Skin with a round red bed, and squares (x, y, side, colour) on it; the bed's mask."""
    photo = np.full((120, 120, 3), SKIN, np.uint8)
    mask = np.zeros((120, 120), np.uint8)
    cv2.circle(mask, (60, 60), 50, 1, -1)
    photo[mask > 0] = RED
    for x, y, side, colour in patches:
        photo[y : y + side, x : x + side] = colour
    return photo, mask > 0


def square(x, y, side):
    wanted = np.zeros((120, 120), np.bool_)
    wanted[y : y + side, x : x + side] = True
    return wanted


def differs(found, wanted):
    """Pixels in which two maps differ, where they are more than 2 px from the wanted outline."""
    rim = cv2.morphologyEx(wanted.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((5, 5), np.uint8))
    return int(((found != wanted) & (rim == 0)).sum())


@pytest.mark.parametrize("colour", [BLACK, BROWN, (18, 18, 18), (70, 70, 72)])
def test_black_brown_and_dark_grey_bed_is_found(colour):
    photo, mask = bed((45, 40, 24, colour))
    found = derived_necrosis(photo, mask, ROW)
    assert found.dtype == np.bool_
    assert found.sum() > 400
    assert differs(found, square(45, 40, 24)) == 0


@pytest.mark.parametrize("colour", [RED, DARK_RED, YELLOW, SKIN, (150, 120, 84)])
def test_red_in_the_shade_yellow_and_light_brown_are_not(colour):
    photo, mask = bed((45, 40, 24, colour))
    assert not derived_necrosis(photo, mask, ROW).any()


def test_outside_the_mask_nothing_is_found():
    photo, mask = bed((0, 0, 20, BLACK), (45, 40, 24, BLACK))
    assert not derived_necrosis(photo, mask, ROW)[:20, :20].any()
    assert not derived_necrosis(photo, np.zeros_like(mask), ROW).any()


def test_hair_and_specks_are_left_out_and_glints_filled():
    glint, slough = (55, 50, 5, (250, 250, 250)), (30, 70, 34, YELLOW)
    photo, mask = bed((45, 40, 24, BLACK), (80, 60, 5, BLACK), glint, slough)
    photo[80:82, 31:63] = BLACK
    found = derived_necrosis(photo, mask, ROW)
    assert differs(found, square(45, 40, 24)) == 0


def test_black_padding_is_left_out_and_black_eschar_is_not():
    photo, mask = bed((45, 40, 24, (4, 4, 4)))
    photo[:, :25] = 0
    found = derived_necrosis(photo, mask, ROW)
    assert mask[:, :25].any()
    assert not found[:, :20].any()
    assert differs(found, square(45, 40, 24)) == 0


def test_the_white_balance_of_the_row_is_applied():
    """Brown bed in a warm light is red, until the row takes the light away."""
    photo, mask = bed((45, 40, 24, (62, 34, 20)))
    assert not derived_necrosis(photo, mask, replace(ROW, a_max=8)).any()
    balanced = replace(ROW, gains=(0.55, 1.0, 1.6), a_max=8)
    assert differs(derived_necrosis(photo, mask, balanced), square(45, 40, 24)) == 0


def test_only_the_polygon_that_was_judged_counts():
    photo, mask = bed((40, 30, 20, BLACK), (60, 70, 20, BLACK))
    row = replace(ROW, polygon=((30, 20), (70, 20), (70, 55), (30, 55)))
    assert differs(derived_necrosis(photo, mask, row), square(40, 30, 20)) == 0


def test_a_crop_leaves_its_labelled_bed_out():
    """A crop of half the resolution over the left black square; the right one is granulation."""
    photo, mask = bed((35, 50, 20, BLACK), (65, 50, 20, BLACK))
    label = np.full((40, 40), UNLABELLED, np.uint8)
    label[:, 22:] = GRANULATION  # from x = 20 + 2 · 22 = 64 on
    row = replace(ROW, how="crop", place=Place("0000", 20, 20, 80))
    found = derived_necrosis(photo, mask, row, label)
    assert differs(found, square(35, 50, 20)) == 0
    outside = replace(row, place=Place("0000", 20, 20, 28))
    assert not derived_necrosis(photo, mask, outside, label[:14, :14]).any()


def test_the_same_input_gives_the_same_map():
    photo, mask = bed((45, 40, 24, BROWN))
    assert (derived_necrosis(photo, mask, ROW) == derived_necrosis(photo, mask, ROW)).all()


@pytest.mark.parametrize(
    ("change", "label", "told"),
    [
        ({"place": Place("0007", 0, 0, 40)}, None, "crop 0007: its map of tissues is missing"),
        ({"place": Place("0007", 90, 0, 40)}, np.zeros((9, 9), np.uint8), "reaches to (130, 40)"),
    ],
)
def test_a_crop_that_does_not_fit(change, label, told):
    photo, mask = bed()
    with pytest.raises(UsageError) as failed:
        derived_necrosis(photo, mask, replace(ROW, **change), label)
    assert told in failed.value.line()


def test_a_mask_of_another_photograph_is_refused():
    photo, _ = bed()
    with pytest.raises(UsageError, match="mask of 0001: has 7 x 9 pixels"):
        derived_necrosis(photo, np.ones((9, 7), np.bool_), ROW)


# --- the table ----------------------------------------------------------------------------------

HEAD = ",".join(derive.COLUMNS) + "\n"
CROP = "0952,crop,0951,96,269,118,1.01,1.0,0.97,60,22,-5,,1079,black\n"
PLAIN = "0247,colour,,,,,1,1,1,58,12,0,1 2;30 4;5 60,1222,grey\n"


def written(tmp_path, text):
    path = tmp_path / "derived.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_table_is_read(tmp_path):
    crop, plain = read_derived(written(tmp_path, HEAD + CROP + PLAIN))
    assert crop == DerivedRow(
        "0952",
        "crop",
        Place("0951", 96, 269, 118),
        (1.01, 1.0, 0.97),
        60,
        22,
        -5,
        (),
        1079,
        "black",
    )
    assert plain.place is None
    assert plain.polygon == ((1, 2), (30, 4), (5, 60))


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (PLAIN.replace("colour", "guess"), "row 2: column how: 'guess' stands there, not crop or"),
        (CROP.replace(",96,", ",,"), "row 2: column x: '' stands there, not a whole number"),
        (PLAIN.replace(",58,", ",dark,"), "column l_max: 'dark' stands there, not a number"),
        (PLAIN.replace(",58,", ",nan,"), "column l_max: 'nan' stands there, not a number"),
        (PLAIN.replace("1 2;30 4;5 60", "1 2;30 4"), "column polygon"),
        (PLAIN.replace("1 2;30 4;5 60", "1 2;30 4;5,60"), "column polygon"),
        (PLAIN.replace("0247", ""), "column image: '' stands there, not something"),
    ],
)
def test_a_row_that_cannot_be_used(tmp_path, row, told):
    with pytest.raises(TableError) as failed:
        read_derived(written(tmp_path, HEAD + row))
    assert told in failed.value.line()


def test_a_missing_column_is_named(tmp_path):
    with pytest.raises(TableError, match="has no column side"):
        read_derived(written(tmp_path, HEAD.replace(",side", "")))
    with pytest.raises(TableError, match="cannot be read"):
        read_derived(tmp_path / "nothing.csv")


@settings(max_examples=80)
@given(st.text(alphabet='0123456789 ,;.-acropluxy\n"', max_size=60))
def test_any_text_is_rows_or_an_error(tmp_path_factory, text):
    path = written(tmp_path_factory.mktemp("t"), HEAD + text)
    try:
        rows = read_derived(path)
    except TableError:
        return
    assert rows == ()


# --- what is shipped ----------------------------------------------------------------------------


def test_the_shipped_rows_can_be_used_and_share_no_photograph_with_the_judged():
    rows = read_derived(resources.path(derive.SHIPPED))
    judged = {crop.image for crop in read_judged(resources.path(SHIPPED))}
    assert len({row.image for row in rows}) == 35
    assert {row.image for row in rows} & (judged | {"0386", "0889", "1008"}) == set()
    for row in rows:
        assert row.pixels >= derive.LEAST_PX
        assert (row.how == "crop") == (row.place is not None)
        assert all(0 <= x < 512 and 0 <= y < 512 for x, y in row.polygon)
        assert all(0.5 < gain < 2 for gain in row.gains)
        if row.place is not None:
            assert int(row.image) == int(row.place.crop) + 1
            assert max(row.place.x, row.place.y) + row.place.side <= 512

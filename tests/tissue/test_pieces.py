"""What is learnt from: drawn crops and windows, and what must never be among them."""

from __future__ import annotations

from dataclasses import replace

import drawn_tissue
import numpy as np
import pytest
from datasets import toy
from drawn_tissue import BLACK, BOX, CENTRE, RADIUS, REDUCED, SIDE, SMALL_ULCER

from woundseg import datasets
from woundseg.classes import BACKGROUND, CALLUS, GRANULATION, NECROSIS, SLOUGH
from woundseg.errors import DataSetError
from woundseg.tissue import derive, pieces
from woundseg.tissue.allowed import ANY, AROUND, BED, bits
from woundseg.tissue.derive import DerivedRow, Place
from woundseg.tissue.pieces import Sources

ROW = DerivedRow("0104", "colour", None, (1.0, 1.0, 1.0), 42, 14, 30, (), 1, "drawn black")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return drawn_tissue.draw(tmp_path_factory.mktemp("drawn"))


@pytest.fixture
def sources(root, monkeypatch):
    """All of them, with derived necrosis in photograph 0104 and in the crop 0101 of 0102."""
    x, y, side = BOX
    cut = replace(ROW, image="0102", how="crop", place=Place("0101", x, y, side))
    monkeypatch.setattr(derive, "read_derived", lambda _path: (ROW, cut))
    return Sources(
        datasets.open_tissue("dfutissue", root / "dfutissue"),
        datasets.open("fuseg", root / "fuseg"),
        outlines=True,
        necrosis=True,
    )


def crops(sources, *stems):
    return [crop for crop in sources.crops.samples("train") if not stems or crop.id in stems]


def at(piece, angle_deg, share):
    """What a crop's pixel may be, in a direction from the ulcer's middle, at a share of its
    radius; 0° is right and 90° down."""
    x, y, _ = BOX
    turn = np.radians(angle_deg)
    column = (CENTRE[0] - x + share * RADIUS * np.cos(turn)) / REDUCED
    row = (CENTRE[1] - y + share * RADIUS * np.sin(turn)) / REDUCED
    return int(piece.allowed[int(row), int(column)])


# --- labelled crops ---------------------------------------------------------------------------


def test_a_labelled_crop_may_be_what_its_label_and_the_outline_say(sources):
    (piece,) = pieces.labelled(crops(sources, "0100"), sources)
    assert (piece.id, piece.kind) == ("0100", "label")
    assert piece.pixels.shape == (60, 60, 3)
    assert piece.allowed.shape == (60, 60)
    assert at(piece, 0, 0.6) == bits(GRANULATION)
    assert at(piece, 225, 0.6) == bits(SLOUGH)
    assert at(piece, 135, 0.6) == ANY  # bed that nobody labelled
    assert at(piece, 0, 1.08) == bits(CALLUS)
    assert at(piece, 225, 1.6) == bits(BACKGROUND)


def test_the_outline_is_laid_over_the_crop_where_it_was_cut(sources):
    """Bed that nobody labelled is a quarter of a disc of radius 24 / 1.2: 314 px."""
    (piece,) = pieces.labelled(crops(sources, "0100"), sources)
    rows, columns = np.nonzero(piece.allowed == ANY)
    assert len(rows) == pytest.approx(np.pi * (RADIUS / REDUCED) ** 2 / 4, rel=0.1)
    middle = [(centre - corner) / REDUCED for centre, corner in zip(CENTRE, BOX[:2], strict=True)]
    assert columns.max() < middle[0]
    assert rows.min() >= middle[1]
    assert columns.min() == pytest.approx(middle[0] - RADIUS / REDUCED, abs=2)
    assert rows.max() == pytest.approx(middle[1] + RADIUS / REDUCED, abs=2)


def test_derived_necrosis_fills_what_was_left_unlabelled(sources):
    (piece,) = pieces.labelled(crops(sources, "0101"), sources)
    assert at(piece, 135, 0.6) == bits(NECROSIS)
    assert at(piece, 0, 0.6) == bits(GRANULATION)
    assert np.count_nonzero(piece.allowed == bits(NECROSIS)) > 200
    without = replace(sources, necrosis=False)
    (piece,) = pieces.labelled(crops(sources, "0101"), without)
    assert at(piece, 135, 0.6) == ANY


def test_a_label_outweighs_what_was_derived(sources, monkeypatch):
    """A row so wide that all of the ulcer is necrosis to it."""
    wide = replace(ROW, image="0102", l_max=101, a_max=200, hue_min=-360)
    monkeypatch.setattr(derive, "read_derived", lambda _path: (wide,))
    (piece,) = pieces.labelled(crops(sources, "0101"), sources)
    assert at(piece, 135, 0.6) == bits(NECROSIS)
    assert (at(piece, 0, 0.6), at(piece, 225, 0.6)) == (bits(GRANULATION), bits(SLOUGH))


def test_derived_necrosis_of_another_crop_stays_there(sources, monkeypatch):
    row = replace(ROW, image="0102", how="crop", place=Place("0999", *BOX))
    monkeypatch.setattr(derive, "read_derived", lambda _path: (row,))
    (piece,) = pieces.labelled(crops(sources, "0101"), sources)
    assert not (piece.allowed == bits(NECROSIS)).any()


def test_a_crop_of_no_photograph_or_of_another_one_is_refused(tmp_path):
    root = drawn_tissue.draw(tmp_path)
    images = root / "dfutissue" / "Labeled" / "Original" / "Images" / "TrainVal"
    stranger, _ = drawn_tissue.crop("0777")
    toy.save(images / "0101.png", stranger)
    sources = Sources(
        datasets.open_tissue("dfutissue", root / "dfutissue"),
        datasets.open("fuseg", root / "fuseg"),
        outlines=False,
        necrosis=False,
    )
    with pytest.raises(DataSetError, match=r"0101\.png: does not lie in 0102"):
        pieces.labelled(crops(sources, "0101"), sources)
    for folder in ("images", "labels"):
        (root / "fuseg" / "train" / folder / "0103.png").unlink()
    with pytest.raises(DataSetError, match=r"0102\.png: has no photograph in FUSeg"):
        pieces.labelled(crops(sources, "0102"), sources)


# --- photographs that are labelled all over ----------------------------------------------------


@pytest.fixture
def wounds(tmp_path):
    """One photograph of 200 × 300 px. Its bed of 40 × 60 px from (100, 80) on is granulation, the
    last 20 columns necrosis; the column between the two is a soft edge, the first ten are bone."""
    label = np.full((200, 300, 3), toy.WOUND_COLOURS["background"], np.uint8)
    label[80:120, 100:160] = toy.WOUND_COLOURS["granulation"]
    label[80:120, 100:110] = toy.WOUND_COLOURS["bone"]
    label[80:120, 140:160] = toy.WOUND_COLOURS["necrosis"]
    label[80:120, 139] = (128, 0, 0)
    toy.save(tmp_path / "label" / "img (1).png", label)
    pixels = np.zeros((200, 300, 3), np.uint8)
    pixels[..., 0], pixels[..., 1] = np.mgrid[:200, :300].clip(max=255)
    toy.save(tmp_path / "image" / "img (1).png", pixels)
    return datasets.open_tissue("woundtissue", tmp_path)


def test_a_photograph_gives_the_window_over_its_bed(wounds):
    """Twice 60 px about (130, 100): columns 70 to 190, rows 40 to 160."""
    (piece,) = pieces.photographed(wounds.samples("train"), wounds)
    assert (piece.id, piece.kind, piece.pixels.shape) == ("img (1)", "label", (120, 120, 3))
    assert piece.pixels[0, 0].tolist() == [40, 70, 0]
    row = [AROUND] * 30 + [ANY] * 10 + [bits(GRANULATION)] * 29 + [ANY]
    row += [bits(NECROSIS)] * 20 + [AROUND] * 30
    assert piece.allowed[40:80].tolist() == [row] * 40
    assert (piece.allowed[:40] == AROUND).all()
    assert (piece.allowed[80:] == AROUND).all()


def test_a_large_photograph_is_reduced(wounds, monkeypatch):
    monkeypatch.setattr(pieces, "LONGEST_PX", 60)
    (piece,) = pieces.photographed(wounds.samples("train"), wounds)
    assert (piece.pixels.shape, piece.allowed.shape) == ((60, 60, 3), (60, 60))
    assert np.abs(piece.pixels[0, 0].astype(int) - [40, 70, 0]).max() <= 1
    row = [AROUND] * 15 + [ANY] * 5 + [bits(GRANULATION)] * 15
    row += [bits(NECROSIS)] * 10 + [AROUND] * 15
    assert piece.allowed[20:40].tolist() == [row] * 20


# --- windows over outlines --------------------------------------------------------------------


def test_windows_lie_over_each_ulcer_and_know_its_outline(sources):
    """0104: a disc of 48 px about (64, 60), so 96 px a side; and one of 13 px, so 64 px."""
    found = {piece.id: piece for piece in pieces.outlined([], sources)}
    large, small = found["0104-1"], found["0104-2"]
    assert large.allowed.shape == (96, 96)
    assert (large.allowed[48, 48 + 15], large.allowed[3, 3]) == (BED, AROUND)
    x, y, _ = SMALL_ULCER
    assert small.allowed.shape == (y + 32, SIDE - (x - 32))  # cut at the frame
    whole = drawn_tissue.photograph("0104")
    assert np.array_equal(small.pixels, whole[: y + 32, x - 32 :])


def test_derived_necrosis_makes_a_window_of_that_kind(sources):
    found = {piece.id: piece for piece in pieces.outlined([], sources)}
    assert (found["0104-1"].kind, found["0103-1"].kind) == ("necrosis", "outline")
    dark = found["0104-1"].allowed == bits(NECROSIS)
    assert dark.sum() == pytest.approx(np.pi * RADIUS**2 / 4, rel=0.15)
    assert np.abs(found["0104-1"].pixels[dark].astype(int).mean(axis=0) - BLACK).max() < 12
    # The row that was made from a crop belongs to that crop.
    assert found["0102-1"].kind == "outline"


def test_a_speck_gives_no_window(sources, monkeypatch):
    monkeypatch.setattr(pieces, "LEAST_ULCER_PX", 200)  # the small ulcer has 113 px
    assert "0104-2" not in {piece.id for piece in pieces.outlined([], sources)}


@pytest.mark.parametrize(
    ("outlines", "necrosis", "expected"),
    [
        (True, True, {"0101-1", "0102-1", "0103-1", "0104-1", "0104-2", "0105-1"}),
        (True, False, {"0101-1", "0102-1", "0103-1", "0104-1", "0104-2", "0105-1"}),
        (False, True, {"0104-1"}),
        (False, False, set()),
    ],
)
def test_what_is_asked_for_is_given(sources, outlines, necrosis, expected):
    asked = replace(sources, outlines=outlines, necrosis=necrosis)
    found = pieces.outlined([], asked)
    assert {piece.id for piece in found} == expected
    assert any(piece.kind == "necrosis" for piece in found) == necrosis


# --- what must never be learnt from -----------------------------------------------------------


def test_held_out_folds_give_no_window(sources):
    assert {piece.id for piece in pieces.outlined([0], sources)} == {
        "0102-1",
        "0103-1",
        "0104-1",
        "0104-2",
    }
    assert {piece.id for piece in pieces.outlined([1], sources)} == {"0101-1", "0105-1"}


def test_judged_photographs_and_their_copies_give_no_piece(sources):
    """0111 was judged by eye, 0106 is of its group, and crop 0105 is cut from 0106."""
    assert not {"0106-1", "0111-1"} & {piece.id for piece in pieces.outlined([], sources)}
    kept = pieces.unjudged(crops(sources), sources)
    assert [crop.id for crop in kept] == ["0100", "0101", "0102"]


def test_a_photograph_without_a_fold_is_on_neither_side(root, sources, tmp_path):
    """Nothing says whether it is a copy of what is held out (``datasets.hold_out``)."""
    table = (root / "fuseg" / "folds.csv").read_text().replace("0103,0103,1\n", "")
    (tmp_path / "folds.csv").write_text(table)
    known = datasets.open("fuseg", root / "fuseg", folds=tmp_path / "folds.csv")
    asked = replace(sources, photographs=known)
    assert "0103-1" in {piece.id for piece in pieces.outlined([], asked)}
    assert "0103-1" not in {piece.id for piece in pieces.outlined([0], asked)}

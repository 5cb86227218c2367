from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from woundseg import masks
from woundseg.errors import OutputError, UnreadablePhotoError


def drawn(text):
    return np.array([[letter == "#" for letter in row] for row in text.split()])


TWO = drawn("""
    ........
    .###..#.
    .#.#.#..
    .###....
    ........
""")


def test_components_largest_first():
    large, small = masks.components(TWO)
    assert (large.bbox_px, large.area_px) == ((1, 1, 3, 3), 8)
    assert (small.bbox_px, small.area_px) == ((5, 1, 2, 2), 2)
    assert large.mask.tolist() == drawn("### #.# ###").tolist()
    assert small.mask.tolist() == drawn(".# #.").tolist()
    assert (large.in_full(TWO.shape) | small.in_full(TWO.shape)).tolist() == TWO.tolist()
    assert TWO[small.window].tolist() == small.mask.tolist()


def test_components_by_sides_and_from_an_area():
    areas = [part.area_px for part in masks.components(TWO, connectivity=4)]
    assert areas == [8, 1, 1]
    assert [part.bbox_px[:2] for part in masks.components(TWO, connectivity=4)[1:]] == [
        (6, 1),
        (5, 2),
    ]
    assert [part.area_px for part in masks.components(TWO, min_area_px=3)] == [8]


def test_another_part_inside_the_box_is_left_out():
    ring_and_core = drawn("##### #...# #.#.# #...# #####")
    ring, core = masks.components(ring_and_core)
    assert (ring.area_px, int(ring.mask.sum())) == (16, 16)
    assert core.bbox_px == (2, 2, 1, 1)


def test_nothing_and_everything():
    empty = np.zeros((4, 6), bool)
    assert masks.components(empty) == ()
    assert not masks.remove_specks(empty, 1).any()
    assert not masks.fill_pinholes(empty, 99).any()
    (whole,) = masks.components(~empty)
    assert (whole.bbox_px, whole.area_px) == ((0, 0, 6, 4), 24)
    assert masks.fill_pinholes(~empty, 99).all()


@pytest.mark.parametrize(
    ("row", "column", "cut"),
    [(0, 3, True), (9, 3, True), (3, 0, True), (3, 9, True), (1, 8, False)],
)
def test_touches_frame(row, column, cut):
    mask = np.zeros((10, 10), bool)
    mask[row, column] = True
    assert masks.components(mask)[0].touches_frame(mask.shape) is cut


def test_remove_specks():
    assert (
        masks.remove_specks(TWO, 3).tolist() == masks.components(TWO)[0].in_full(TWO.shape).tolist()
    )
    assert masks.remove_specks(TWO, 2).tolist() == TWO.tolist()


def test_fill_pinholes_leaves_islands_and_bays():
    before = drawn("""
        ..........
        .########.
        .#.##...#.
        .####...#.
        .####...#.
        .##.#####.
        .#.######.
        .########.
        .###.####.
        ..........
    """)
    after = masks.fill_pinholes(before, 4)
    filled = {(int(r), int(c)) for r, c in np.argwhere(after & ~before)}
    # Three single pixels (two of them meet at a corner, which does not join background); the
    # island of 9 and the bay that opens downwards stay.
    assert filled == {(2, 2), (5, 3), (6, 2)}
    assert (masks.fill_pinholes(before, 1) == after).all()
    assert masks.fill_pinholes(before, 9)[2:5, 5:8].all()


def test_background_at_the_frame_is_no_hole():
    mask = drawn("##.## ##### #.### #####")
    assert masks.fill_pinholes(mask, 9).tolist() == drawn("##.## ##### ##### #####").tolist()


@settings(max_examples=60, deadline=None)
@given(
    mask=hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12)),
    area=st.integers(0, 20),
)
def test_laws_of_parts(mask, area):
    parts = masks.components(mask)
    assert sum(part.area_px for part in parts) == mask.sum()
    together = np.zeros_like(mask)
    for part in parts:
        assert not (together & part.in_full(mask.shape)).any()
        together |= part.in_full(mask.shape)
    assert (together == mask).all()
    kept = masks.remove_specks(mask, area)
    assert not (kept & ~mask).any()
    assert all(part.area_px >= area for part in masks.components(kept))
    filled = masks.fill_pinholes(mask, area)
    assert not (mask & ~filled).any()
    assert (masks.fill_pinholes(filled, area) == filled).all()
    assert (masks.fill_pinholes(mask, 0) == mask).all()


def test_a_view_of_a_larger_mask_is_understood():
    mask = np.zeros((20, 20), bool)
    mask[4:8, 6:10] = True
    assert masks.components(mask[::2, ::2])[0].bbox_px == (3, 2, 2, 2)


def test_resize_keeps_places_and_range():
    half = np.zeros((4, 8), np.float32)
    half[:, 4:] = 1
    large = masks.resize_probability(half, 40, 80)
    assert (large.shape, large.dtype) == ((40, 80), np.float32)
    # The border between the halves stays in the middle: 0.5 lies between columns 39 and 40.
    assert large[20, 39] + large[20, 40] == pytest.approx(1)
    assert large[0, 0] == 0
    assert large[0, -1] == 1
    back = masks.resize_probability(large, 4, 8)
    assert np.abs(back - half).max() < 0.13
    assert masks.resize_probability(half, 1, 1)[0, 0] == pytest.approx(0.5)
    same = masks.resize_probability(half, 4, 8)
    assert (same == half).all()
    assert same is not half


# Files


@pytest.mark.parametrize("name", ["m.png", "fuß.png"])
def test_mask_round_trip(tmp_path, name):
    masks.write_mask(tmp_path / name, TWO)
    stored = np.array(Image.open(tmp_path / name))
    assert (stored.dtype, sorted(np.unique(stored))) == (np.uint8, [0, 255])
    assert masks.read_mask(tmp_path / name).tolist() == TWO.tolist()


def test_labels_round_trip(tmp_path):
    labels = np.arange(20, dtype=np.uint8).reshape(4, 5)
    masks.write_labels(tmp_path / "m.png", labels)
    assert masks.read_labels(tmp_path / "m.png").tolist() == labels.tolist()


def test_kinds_of_mask(tmp_path):
    path = tmp_path / "m.png"
    grey = Image.fromarray(TWO.astype(np.uint8) * 255)
    for image in (
        grey,
        grey.convert("RGB"),
        grey.convert("1"),
        grey.convert("P"),
        grey.convert("LA"),
    ):
        image.save(path)
        assert masks.read_mask(path).tolist() == TWO.tolist()
    red = np.zeros((*TWO.shape, 3), np.uint8)
    red[TWO] = (255, 0, 0)
    Image.fromarray(red).save(path)
    assert masks.read_mask(path).tolist() == TWO.tolist()


def test_threshold(tmp_path):
    Image.fromarray(np.array([[0, 127, 128, 255]], np.uint8)).save(tmp_path / "m.png")
    assert masks.read_mask(tmp_path / "m.png").tolist() == [[False, False, True, True]]


def test_labels_of_a_palette_are_its_indices(tmp_path):
    image = Image.fromarray(np.array([[0, 1, 2]], np.uint8)).convert("P")
    image.putpalette([9, 9, 9, 200, 0, 0, 0, 200, 0])
    image.save(tmp_path / "m.png")
    assert masks.read_labels(tmp_path / "m.png").tolist() == [[0, 1, 2]]


def test_labels_in_three_equal_channels(tmp_path):
    labels = np.array([[0, 3], [4, 1]], np.uint8)
    Image.fromarray(labels).convert("RGB").save(tmp_path / "m.png")
    assert masks.read_labels(tmp_path / "m.png").tolist() == labels.tolist()


def test_masks_that_are_refused(tmp_path):
    path = tmp_path / "m.png"
    rng = np.random.default_rng(3)
    noise = cv2.imencode(".png", rng.integers(0, 256, (64, 64), np.uint8))[1].tobytes()
    for data in (b"", b"text", noise[: len(noise) // 2], noise[:-200]):
        path.write_bytes(data)
        for reader in (masks.read_mask, masks.read_labels):
            with pytest.raises(UnreadablePhotoError, match="cannot be decoded") as caught:
                reader(path)
            assert caught.value.subject == str(path)
    Image.fromarray(TWO.astype(np.uint8)).save(path)
    with pytest.raises(UnreadablePhotoError, match="0 and 1"):
        masks.read_mask(path)
    Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8)).save(path)
    with pytest.raises(UnreadablePhotoError, match="in colour"):
        masks.read_labels(path)
    Image.fromarray(rng.integers(0, 9999, (8, 8), np.uint16)).save(path)
    with pytest.raises(UnreadablePhotoError, match="unusual"):
        masks.read_mask(path)
    with pytest.raises(UnreadablePhotoError, match="no such file"):
        masks.read_mask(tmp_path / "missing.png")


def test_mask_that_cannot_be_written(tmp_path):
    with pytest.raises(OutputError, match="folder does not exist"):
        masks.write_mask(tmp_path / "missing" / "m.png", TWO)


def test_the_picture_within_black_padding():
    pixels = np.full((60, 100, 3), 8, np.uint8)  # black, as JPEG leaves it
    pixels[10:50] = 90
    pixels[10, 5] = 0
    assert masks.content_box(pixels) == (0, 10, 100, 40)
    assert masks.content_box(np.ascontiguousarray(pixels.swapaxes(0, 1))) == (10, 0, 40, 100)
    assert masks.content_box(pixels[10:50]) == (0, 0, 100, 40)
    pixels[30] = 0  # black inside the picture is no padding
    assert masks.content_box(pixels) == (0, 10, 100, 40)
    assert masks.content_box(np.zeros((60, 100, 3), np.uint8)) == (0, 0, 100, 60)

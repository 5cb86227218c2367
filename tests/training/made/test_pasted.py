"""Ulcers set into other skin: the label is the ulcer, and the rest stays."""

import cv2
import numpy as np
import pytest
from drawn_skin import BED, SKIN, disc, leg, with_ulcer

from woundseg.training.made.painted_out import painted_out
from woundseg.training.made.pasted import Cutting, cuttings, pasted
from woundseg.training.made.skin import grain

ULCER = disc(80, 80, 12)
DARK = (110, 68, 50)


def rng(seed=0):
    return np.random.default_rng(seed)


def cut(mask=ULCER, **told):
    (cutting,) = cuttings(with_ulcer(mask, **told), mask)
    return cutting


def place(pixels, mask=None, seed=0, cutting=None):
    mask = np.zeros(pixels.shape[:2], bool) if mask is None else mask
    made = pasted(pixels, mask, cutting or cut(), rng(seed))
    assert made is not None
    return made


def test_each_ulcer_of_some_size_is_cut_with_skin_around_it():
    mask = disc(40, 60, 10) | disc(110, 100, 6) | disc(110, 40, 2)
    found = cuttings(with_ulcer(mask), mask)
    assert [int(each.ulcer.sum()) for each in found] == [
        int(disc(40, 60, 10).sum()),
        int(disc(110, 100, 6).sum()),
    ]
    for each in found:
        assert (each.known >= each.ulcer).all()
        assert each.known.sum() > 2 * each.ulcer.sum()


def test_an_ulcer_without_skin_around_it_is_not_cut():
    pixels = np.full((160, 160, 3), (235, 238, 240), np.uint8)
    pixels[ULCER] = BED
    assert cuttings(pixels, ULCER) == []


def test_an_ulcer_at_the_edge_of_the_foot_is_not_cut():
    edge = disc(80, 26, 10) & (np.arange(160) >= 22)[None, :]
    assert cuttings(with_ulcer(edge), edge) == []


@pytest.mark.parametrize("seed", range(6))
def test_the_label_is_what_is_red_on_a_foot_that_had_nothing(seed):
    made, label = place(leg(seed=3), seed=seed)
    red = made[..., 0].astype(int) - made[..., 1] > 85  # of the bed 115, of the skin 55
    assert label.any()
    both = (red & label).sum()
    assert 2 * both / (red.sum() + label.sum()) > 0.9


@pytest.mark.parametrize("seed", range(6))
def test_ulcers_lie_on_skin_and_the_sheet_stays(seed):
    pixels = leg()
    made, label = place(pixels, seed=seed)
    assert not label[:, :18].any()
    assert not label[:, -18:].any()
    assert np.array_equal(made[:, :14], pixels[:, :14])


@pytest.mark.parametrize("seed", range(12))
def test_a_long_ulcer_never_hangs_over_the_edge(seed):
    bar = np.zeros((160, 160), bool)
    bar[40:120, 76:84] = True
    narrow = leg()
    narrow[:, 60:] = 240  # 40 px of skin
    got = pasted(narrow, np.zeros((160, 160), bool), cut(bar), rng(seed))
    assert got is None or not got[1][:, 62:].any()


@pytest.mark.parametrize("seed", range(6))
def test_nothing_changes_far_from_the_ulcer(seed):
    pixels = leg()
    made, label = place(pixels, seed=seed)
    rows, columns = np.nonzero(label)
    width = np.sqrt(label.sum())
    y, x = np.indices(label.shape)
    near = (abs(y - rows.mean()) < 2.6 * width + 12) & (abs(x - columns.mean()) < 2.6 * width + 12)
    assert not (made != pixels).any(axis=2)[~near].any()


def test_an_ulcer_that_is_there_stays_and_is_not_covered():
    there = disc(120, 80, 10)
    pixels = with_ulcer(there)
    for seed in range(8):
        got = pasted(pixels, there, cut(), rng(seed))
        if got is None:
            continue
        made, label = got
        assert label[there].all()
        assert label.sum() > there.sum()
        assert np.array_equal(made[there], pixels[there])


def test_the_arguments_are_left_as_they_are():
    pixels, mask = leg(), np.zeros((160, 160), bool)
    before = pixels.copy()
    place(pixels, mask)
    assert np.array_equal(pixels, before)
    assert not mask.any()


def test_the_rim_takes_the_tone_of_the_skin_under_it():
    pixels = leg(DARK, grain=0.0)
    made, label = place(pixels, cutting=cut(grain=0.0))
    rim = (made != pixels).any(axis=2) & ~label
    away = np.abs(made[rim].astype(int) - np.array(DARK)).max(axis=1)
    assert np.median(away) < 12
    assert made[label][:, 0].mean() < BED[0]  # less light on dark skin, and still red
    assert made[label][:, 0].mean() > 1.8 * made[label][:, 1].mean()


def test_grain_that_is_missing_is_added():
    smooth = np.where(ULCER[..., None], np.array(BED, np.uint8), leg(grain=0.0))
    (cutting,) = cuttings(smooth, ULCER)
    for there, least, most in ((0.0, 0.0, 0.5), (6.0, 4.5, 7.5)):
        made, label = place(leg(grain=there), cutting=cutting)
        core = cv2.erode(label.astype(np.uint8), np.ones((5, 5))) > 0
        assert least <= grain(made.astype(np.float32), core) <= most


def test_a_painted_out_ulcer_is_pasted_as_skin():
    pixels = with_ulcer(ULCER)
    (sound,) = cuttings(pixels, ULCER, sound=painted_out(pixels, ULCER, rng()))
    assert sound.sound
    made, label = place(leg(), cutting=sound)
    assert not label.any()
    assert (made != leg()).any()
    assert made[..., 1].min() > 60


def test_where_no_skin_is_nothing_is_pasted():
    sheet = np.full((160, 160, 3), 240, np.uint8)
    assert pasted(sheet, np.zeros((160, 160), bool), cut(), rng()) is None


def test_the_same_seed_pastes_the_same():
    one, two, other = (place(leg(), seed=seed) for seed in (7, 7, 8))
    assert np.array_equal(one[0], two[0])
    assert np.array_equal(one[1], two[1])
    assert not np.array_equal(one[0], other[0])


def test_a_cutting_of_nothing_is_not_pasted():
    nothing = np.zeros((30, 30), np.float32)
    empty = Cutting(np.full((30, 30, 3), SKIN, np.float32), nothing + 1e-9, nothing)
    assert pasted(leg(), np.zeros((160, 160), bool), empty, rng()) is None

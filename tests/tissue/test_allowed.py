"""What pixels may be: labels, outlines and a teacher's choices as bits, on maps worked by hand."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from woundseg.classes import (
    BACKGROUND,
    CALLUS,
    DFUTISSUE_CLASSES,
    GRANULATION,
    NECROSIS,
    OTHER,
    SLOUGH,
    TISSUE_CHANNELS,
    UNLABELLED,
)
from woundseg.tissue import allowed
from woundseg.tissue.allowed import ANY, AROUND, BED

# The bits in the order of the channels: background 1, granulation 2, slough 4, necrosis 8,
# callus 16.
B, G, S, N, C = 1, 2, 4, 8, 16


def test_the_bits_are_the_channels_places():
    assert [allowed.bits(each) for each in TISSUE_CHANNELS] == [B, G, S, N, C]
    assert (ANY, BED, AROUND) == (31, G + S + N, B + C)
    assert allowed.bits() == 0
    assert BED & AROUND == 0
    assert BED | AROUND == ANY


def test_a_class_without_a_channel_has_no_bit():
    with pytest.raises(ValueError, match="not in tuple"):
        allowed.bits(UNLABELLED)


# --- labels -----------------------------------------------------------------------------------


def test_labels_are_themselves_and_what_has_none_depends_on_the_outline():
    label = np.array(
        [
            [GRANULATION, SLOUGH, CALLUS, BACKGROUND, NECROSIS, UNLABELLED],
            [GRANULATION, SLOUGH, CALLUS, BACKGROUND, NECROSIS, UNLABELLED],
        ],
        np.uint8,
    )
    bed = np.array([[True] * 6, [False] * 6])
    found = allowed.of_labels(label, bed)
    assert found.dtype == np.uint8
    assert found.tolist() == [[G, S, C, B, N, ANY], [G, S, C, B, N, B]]


def test_tendon_and_bone_may_be_anything():
    """WoundTissue labels them, the network has no channel for them."""
    other = np.full((2, 2), OTHER, np.uint8)
    assert (allowed.of_labels(other, other > 0) == ANY).all()


def test_in_a_photograph_labelled_all_over_only_background_leaves_a_choice():
    """Background or callus; tendon, bone and what nobody called may be anything."""
    label = np.array([[BACKGROUND, GRANULATION, SLOUGH, NECROSIS, OTHER, UNLABELLED]], np.uint8)
    found = allowed.of_photograph(label)
    assert found.dtype == np.uint8
    assert found.tolist() == [[B + C, G, S, N, B + G + S + N + C, B + G + S + N + C]]


MAPS = arrays.arrays(
    np.uint8, (5, 7), elements=st.sampled_from(sorted({*DFUTISSUE_CLASSES.values()}))
)
MASKS = arrays.arrays(np.bool_, (5, 7))


@given(MAPS, MASKS)
def test_every_pixel_of_a_labelled_crop_may_be_something(label, bed):
    found = allowed.of_labels(label, bed)
    assert (found > 0).all()
    one = (found & (found - 1)) == 0
    # Nothing is left open but the bed that nobody labelled.
    assert (one == ~((label == UNLABELLED) & bed)).all()


# --- outlines ---------------------------------------------------------------------------------


def test_within_two_pixels_of_the_outline_nothing_is_said():
    """One row of 13 px, ulcer from the fifth to the eleventh: 2 px on either side are open."""
    mask = np.zeros((9, 13), np.bool_)
    mask[:, 4:11] = True
    row = [AROUND] * 2 + [ANY] * 4 + [BED] * 3 + [ANY] * 4
    assert allowed.of_outline(mask).tolist() == [row] * 9
    told = [AROUND] * 4 + [BED] * 7 + [AROUND] * 2
    assert allowed.of_outline(mask, unsure_px=0).tolist() == [told] * 9


@pytest.mark.parametrize(("mask", "told"), [(True, BED), (False, AROUND)])
def test_the_frame_is_no_outline(mask, told):
    assert (allowed.of_outline(np.full((6, 8), mask)) == told).all()


@settings(deadline=None)
@given(arrays.arrays(np.bool_, (12, 12)), st.integers(0, 3))
def test_bed_lies_inside_and_skin_outside(mask, unsure_px):
    found = allowed.of_outline(mask, unsure_px)
    assert set(np.unique(found)) <= {BED, AROUND, ANY}
    assert mask[found == BED].all()
    assert not mask[found == AROUND].any()
    # What is open lies within a square of the outline's other side.
    brush = np.ones((2 * unsure_px + 1,) * 2, np.uint8)
    near_skin = cv2.dilate((~mask).astype(np.uint8), brush) > 0
    near_ulcer = cv2.dilate(mask.astype(np.uint8), brush) > 0
    assert ((found == ANY) == (near_skin & near_ulcer)).all()


# --- a teacher --------------------------------------------------------------------------------


def teacher(*shares: tuple[float, ...]) -> np.ndarray:
    """Probabilities of one row of pixels, float32 (channels, 1, W)."""
    return np.array(shares, np.float32).T[:, None]


def test_a_teacher_chooses_among_what_is_allowed_where_it_is_sure():
    # In the bed background does not count: 0.45 of 0.5 that is allowed is 0.9.
    sure = (0.5, 0.45, 0.03, 0.02, 0.0)
    unsure = (0.5, 0.44, 0.04, 0.02, 0.0)  # 0.88
    skin = (0.1, 0.0, 0.8, 0.05, 0.05)  # around the ulcer: 0.1 to 0.05
    before = np.array([[BED, BED, AROUND, ANY, S]], np.uint8)
    found = allowed.taught(before, teacher(sure, unsure, skin, sure, sure), 0.89)
    assert found.tolist() == [[G, BED, AROUND, ANY, S]]
    assert found.dtype == np.uint8
    easier = allowed.taught(before, teacher(sure, unsure, skin, sure, sure), 0.66)
    assert easier.tolist() == [[G, G, B, ANY, S]]


def test_a_teacher_who_gives_what_is_allowed_nothing_changes_nothing():
    before = np.array([[BED]], np.uint8)
    assert allowed.taught(before, teacher((1.0, 0.0, 0.0, 0.0, 0.0)), 0.5).tolist() == [[BED]]


@given(
    arrays.arrays(np.uint8, (3, 4), elements=st.integers(1, ANY)),
    arrays.arrays(np.float32, (5, 3, 4), elements=st.floats(0, 1, width=32)),
    st.floats(0.05, 1),
)
def test_a_teacher_never_allows_what_was_not(before, probability, sure):
    found = allowed.taught(before, probability, sure)
    assert (found & ~before == 0).all()
    assert (found > 0).all()
    changed = found != before
    assert ((found & (found - 1)) == 0)[changed].all()
    assert (found[before == ANY] == ANY).all()

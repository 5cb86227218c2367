"""Dice of tissues and errors of fractions, on maps of a few pixels worked by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from woundseg import measure
from woundseg.classes import BACKGROUND, CALLUS, GRANULATION, NECROSIS, OTHER, SLOUGH, UNLABELLED
from woundseg.datasets import DFUTissue, WoundTissue
from woundseg.errors import UsageError
from woundseg.metrics import Bootstrap
from woundseg.tissue import figures

B, G, S, N, C, U = BACKGROUND, GRANULATION, SLOUGH, NECROSIS, CALLUS, UNLABELLED
QUICK = Bootstrap(draws=40)


def scored(label, called, *, crop="a", group=None, fold=None, of=DFUTissue):
    label, called = (np.array(values, np.uint8) for values in (label, called))
    labels = figures.Labels(label, of.tissues, of.unlabelled_counts)
    found = figures.Called.of_classes(called)
    return figures.score(labels, found, crop=crop, group=group or crop, fold=fold)


# Granulation: 4 labelled, 3 called, 3 in both. Slough: 2, 3 and 1. Callus: 1, 2 and 1.
FIRST = scored(
    [[G, G, G, G, S], [S, C, U, U, U]],
    [[G, G, G, S, S], [N, C, S, C, B]],
    crop="first",
    group="one",
    fold=3,
)
# Granulation: 2 labelled, none called. Slough: none labelled, 2 called. No callus at all.
SECOND = scored([[G, G, U]], [[S, S, B]], crop="second")
# No bed is labelled: fractions are undefined.
THIRD = scored([[C, C, U]], [[C, G, B]], crop="third")


def test_pixels_by_class():
    assert (FIRST.id, FIRST.group, FIRST.fold) == ("first", "one", 3)
    assert FIRST.label_px == {G: 4, S: 2, C: 1}
    assert FIRST.predicted_px == {G: 3, S: 3, C: 2}
    assert FIRST.common_px == {G: 3, S: 1, C: 1}


def test_dice_of_one_crop():
    # Dice 1945: 2 |A∩B| / (|A| + |B|).
    assert FIRST.dice(G) == pytest.approx(6 / 7)
    assert FIRST.dice(S) == pytest.approx(2 / 5)
    assert FIRST.dice(C) == pytest.approx(2 / 3)
    assert FIRST.dice_all == pytest.approx(10 / 15)
    assert SECOND.dice(C) is None
    assert SECOND.dice(S) == 0
    assert scored([[U]], [[B]]).dice_all == 1


def test_what_is_called_where_no_label_is_counts_as_wrong():
    """Annotators had labelled all that they took for one of the three tissues."""
    assert scored([[G, G, U, U]], [[G, G, G, G]]).dice(G) == pytest.approx(4 / 6)
    assert scored([[G, G, U, U]], [[G, G, N, B]]).dice(G) == 1


# WoundTissue's label: tendon lies in the bed, the two pixels of a soft edge have none.
# Counted are granulation 3 labelled, 4 called, 2 in both; slough 1, 2 and 1; necrosis 2, 2 and 1.
WHOLE = scored(
    [[G, G, G, S], [N, N, U, U], [OTHER, B, B, B]],
    [[G, G, S, S], [N, G, G, N], [G, N, C, B]],
    of=WoundTissue,
)


def test_where_unlabelled_pixels_do_not_count_they_are_in_no_figure():
    assert WHOLE.label_px == {G: 3, S: 1, N: 2}
    assert WHOLE.predicted_px == {G: 4, S: 2, N: 2}
    assert WHOLE.common_px == {G: 2, S: 1, N: 1}
    assert WHOLE.dice(G) == pytest.approx(4 / 7)
    assert WHOLE.dice(N) == pytest.approx(2 / 4)
    assert WHOLE.dice_all == pytest.approx(8 / 14)
    # Labelled bed: 3 + 1 + 2 and tendon. Called: 4 + 2 + 2; the soft edge would make it ten.
    assert WHOLE.label_fraction == pytest.approx({G: 3 / 7, S: 1 / 7, N: 2 / 7})
    assert WHOLE.predicted_fraction == pytest.approx({G: 4 / 8, S: 2 / 8, N: 2 / 8})
    # The seven pixels of the labelled bed: four are called granulation, two slough, one necrosis.
    assert WHOLE.inside_fraction == pytest.approx({G: 4 / 7, S: 2 / 7, N: 1 / 7})


def test_the_figures_are_of_the_tissues_that_the_set_labels():
    found = {each.name: each for each in figures.summarise([WHOLE], QUICK)}
    assert found["dice_pooled_necrosis"].value == pytest.approx(2 / 4)
    assert found["dice_averaged_necrosis"].over == "necrosis labelled"
    assert found["necrosis_inside_error"].value == pytest.approx(1 / 7)
    assert found["necrosis_crop_bias"].value == pytest.approx(2 / 8 - 2 / 7)
    assert not [name for name in found if "callus" in name]
    assert len(found) == 1 + 2 * 3 + 2 * 3 * 3
    crops = {each.name for each in figures.summarise([FIRST], QUICK)}
    assert not [name for name in crops if "necrosis" in name]
    assert len(crops) == 1 + 2 * 3 + 2 * 2 * 3
    # Off by 1/7: necrosis 1/7 for 2/7 is ln(12/5) on the logit scale, the worst of the three.
    assert figures.fraction_sd([WHOLE]) == pytest.approx(math.log(12 / 5) / 1.96)


def test_fractions_are_of_the_bed():
    # Labelled: granulation 4 of 6. Called: granulation 3, slough 3, necrosis 1; callus is no bed.
    assert FIRST.label_fraction == pytest.approx({G: 4 / 6, S: 2 / 6})
    assert FIRST.predicted_fraction == pytest.approx({G: 3 / 7, S: 3 / 7})
    assert all(math.isnan(share) for share in THIRD.label_fraction.values())
    assert scored([[G]], [[C]]).predicted_fraction == {G: 0, S: 0}


def test_fractions_inside_the_labelled_bed():
    """Of the six labelled pixels three are granulation, two slough, one necrosis."""
    assert FIRST.inside_fraction == pytest.approx({G: 3 / 6, S: 2 / 6})
    # Callus inside the bed is not counted; background there is "other", which is.
    assert scored([[G, G, S, S]], [[G, C, B, S]]).inside_fraction == pytest.approx(
        {G: 1 / 3, S: 1 / 3}
    )
    assert scored([[G]], [[C]]).inside_fraction == {G: 0, S: 0}
    # What is called outside it, on labelled callus too, is not of it.
    assert scored([[G, S, C, U]], [[G, S, G, G]]).inside_fraction == {G: 1 / 2, S: 1 / 2}


def test_inside_an_outline_background_cannot_be_called_and_callus_is_no_bed():
    called = figures.Called.of_classes(np.array([[B, G, S, N, C]], np.uint8))
    assert called.classes.tolist() == [[B, G, S, N, C]]
    assert called.bed.tolist() == [[OTHER, G, S, N, 0]]


def test_more_may_be_known_of_the_bed_than_the_likeliest_class():
    """The second pixel is most likely background, and slough were it bed."""
    called = figures.Called(np.array([[G, B]], np.uint8), np.array([[G, S]], np.uint8))
    labels = figures.Labels(np.array([[G, G]], np.uint8), (G, S, C), unlabelled_counts=True)
    crop = figures.score(labels, called, crop="a", group="a")
    assert crop.inside_fraction == {G: 1 / 2, S: 1 / 2}
    assert crop.predicted_fraction == {G: 1, S: 0}
    assert crop.common_px == {G: 1, S: 0, C: 0}


def test_sureness_is_that_of_the_bed_that_is_called_inside_the_labelled_bed():
    """204 and 102 of 255: 0.8 and 0.4. Callus there and bed elsewhere are left out."""
    label = figures.Labels(np.array([[G, S, G, U]], np.uint8), (G, S, C), unlabelled_counts=True)
    bed = np.array([[G, G, B, G]], np.uint8)
    sure = np.array([[204, 102, 255, 255]], np.uint8)
    crop = figures.score(label, figures.Called(bed, bed, sure), crop="a", group="a")
    assert crop.inside_sure == pytest.approx(0.6)
    # Labelled: granulation 2/3, slough 1/3. Called: all granulation.
    assert crop.worst_error == pytest.approx(1 / 3)
    assert math.isnan(
        figures.score(label, figures.Called(bed, bed), crop="a", group="a").inside_sure
    )


def test_crops_are_parted_by_sureness():
    def crop(called, sure):
        label = figures.Labels(np.array([[G, S]], np.uint8), (G, S, C), unlabelled_counts=True)
        found = np.array([called], np.uint8)
        return figures.score(
            label, figures.Called(found, found, np.full((1, 2), sure, np.uint8)), crop="", group=""
        )

    # 51 of 255 is 0.2; errors of 1/2 and 0 below 0.5, 1/2 above it.
    crops = [crop([G, G], 51), crop([G, S], 51), crop([S, S], 255)]
    parted = figures.by_sureness(crops, 0.5)
    assert parted == figures.BySureness(0.5, 2, 1, 0.25, 0.5)
    assert figures.by_sureness(crops, 0.2).flagged == 0  # not below
    assert figures.by_sureness([scored([[G]], [[G]])], 0.5) is None


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=12))
def test_intervals_of_that_sd_hold_19_of_20_labelled_fractions(pairs):
    """Pixels of granulation of 20, labelled and called; the interval is ``measure``'s.

    None and all of the bed count as 2% and 98%.
    """
    crops = [
        scored([[G] * label + [S] * (20 - label)], [[G] * call + [S] * (20 - call)])
        for label, call in pairs
    ]
    by = measure.NORMAL_95 * figures.fraction_sd(crops) + 1e-9
    held = [
        measure._moved(crop.inside_fraction[each], -by) - 1e-9
        <= np.clip(crop.label_fraction[each], 0.02, 0.98)
        <= measure._moved(crop.inside_fraction[each], by) + 1e-9
        for crop in crops
        for each in (G, S)
    ]
    assert np.mean(held) >= 0.95


def test_without_a_labelled_bed_there_is_no_sd():
    assert math.isnan(figures.fraction_sd([THIRD]))


def test_the_sd_that_covers_the_labelled_fractions():
    """Off by logit(3/4) = ln 3 in the worst of two crops, exact in the other; 1.96 sd reach."""
    half = scored([[G, G, S, S]], [[G, G, S, S]], crop="half")
    off = scored([[G, G, S, S]], [[G, G, G, S]], crop="off")
    assert figures.fraction_sd([half, off]) == pytest.approx(math.log(3) / 1.96)
    assert figures.fraction_sd([half]) == pytest.approx(0)
    # Inside the bed: 3/6 for 4/6 is ln 2 off, 2/6 for 2/6 nothing. Of the third's bed none knows.
    assert figures.fraction_sd([FIRST, THIRD]) == pytest.approx(math.log(2) / 1.96)
    assert measure._moved(3 / 6, math.log(2)) == pytest.approx(4 / 6)
    # Nothing and everything count as 0.02 and 0.98 (``measure.LEAST_FRACTION``).
    wrong = figures.fraction_sd([scored([[G]], [[S]])])
    assert wrong == pytest.approx(2 * math.log(49) / 1.96)


def test_pooled_and_averaged_figures():
    found = {each.name: each for each in figures.summarise([FIRST, SECOND, THIRD], QUICK)}
    values = {name: each.value for name, each in found.items()}
    # Labelled 7 + 2 + 2 px, called 8 + 2 + 2, in both 5 + 0 + 1.
    assert values["dice_pooled"] == pytest.approx(12 / 23)
    assert values["dice_pooled_granulation"] == pytest.approx(2 * 3 / (6 + 4))
    assert values["dice_pooled_slough"] == pytest.approx(2 * 1 / (2 + 5))
    assert values["dice_pooled_callus"] == pytest.approx(2 * 2 / (3 + 3))
    # Averaged over the crops that show the tissue: third has no granulation label.
    assert values["dice_averaged_granulation"] == pytest.approx((6 / 7 + 0) / 2)
    assert values["dice_averaged_slough"] == pytest.approx(2 / 5)
    assert values["dice_averaged_callus"] == pytest.approx((2 / 3 + 2 / 3) / 2)
    # Over the two crops with a labelled bed; called less labelled.
    off = [3 / 7 - 4 / 6, 0 - 1]
    assert values["granulation_crop_error"] == pytest.approx(-sum(off) / 2)
    assert values["granulation_crop_bias"] == pytest.approx(sum(off) / 2)
    inside = [3 / 6 - 4 / 6, 0 - 1]
    assert values["granulation_inside_error"] == pytest.approx(-sum(inside) / 2)
    assert values["granulation_inside_bias"] == pytest.approx(sum(inside) / 2)
    assert values["slough_crop_error"] == pytest.approx((3 / 7 - 2 / 6 + 1) / 2)
    assert [
        found[name].n for name in ("dice_pooled", "dice_averaged_slough", "slough_crop_icc")
    ] == [
        3,
        1,
        2,
    ]


def test_agreement_of_fractions_is_icc_2_1():
    """Four crops; the value by Shrout and Fleiss 1979's mean squares, worked here again."""
    pairs = [(0, 1), (2, 2), (3, 4), (4, 4)]  # pixels of granulation of 4: labelled, called
    scores = [
        scored([[G] * label + [S] * (4 - label)], [[G] * call + [S] * (4 - call)], crop=str(n))
        for n, (label, call) in enumerate(pairs)
    ]
    found = {each.name: each.value for each in figures.summarise(scores, QUICK)}
    ratings = np.array(pairs) / 4
    n, k = ratings.shape
    rows, columns = ratings.mean(axis=1, keepdims=True), ratings.mean(axis=0, keepdims=True)
    between = k * ((rows - ratings.mean()) ** 2).sum() / (n - 1)
    raters = n * ((columns - ratings.mean()) ** 2).sum() / (k - 1)
    left = ((ratings - rows - columns + ratings.mean()) ** 2).sum() / ((n - 1) * (k - 1))
    icc = (between - left) / (between + (k - 1) * left + k * (raters - left) / n)
    assert found["granulation_crop_icc"] == pytest.approx(icc)
    assert found["slough_crop_icc"] == pytest.approx(icc)  # shares of the rest


def test_intervals_draw_whole_groups():
    crops = [FIRST, SECOND, THIRD]
    low, high = (
        {each.name: getattr(each, end) for each in figures.summarise(crops, QUICK)}["dice_pooled"]
        for end in ("low", "high")
    )
    assert low < 12 / 23 < high
    twin = replace(FIRST, id="twin")
    alone = figures.summarise([FIRST, twin], QUICK)[0]  # one group, drawn again and again
    assert (alone.value, alone.low, alone.high) == (pytest.approx(10 / 15), None, None)


def test_figures_without_a_pixel_are_undefined():
    found = {each.name: each for each in figures.summarise([scored([[U]], [[B]])], QUICK)}
    assert {each.value for each in found.values()} == {None}


def test_another_size_and_no_crop_are_refused():
    with pytest.raises(UsageError, match="crop 7: its prediction has another size"):
        scored([[G, G]], [[G]], crop="crop 7")
    with pytest.raises(UsageError, match="there is no crop"):
        figures.summarise([])


@given(
    arrays.arrays(np.uint8, (6, 5), elements=st.sampled_from([G, S, C, U])),
    arrays.arrays(np.uint8, (6, 5), elements=st.sampled_from([B, G, S, N, C])),
)
def test_dice_is_symmetrical_and_between_0_and_1(label, called):
    one, other = scored(label, called), scored(called, label)
    assert 0 <= one.dice_all <= 1
    for each in (G, S, C):
        assert one.dice(each) == other.dice(each)
        assert one.common_px[each] <= min(one.label_px[each], one.predicted_px[each])
    assert scored(called, called).dice_all == 1
    for fractions in (one.predicted_fraction, one.inside_fraction):
        assert 0 <= sum(fractions.values()) <= 1 + 1e-9

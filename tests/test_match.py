"""Following an ulcer from visit to visit, on drawn skin whose places are known."""

from __future__ import annotations

from dataclasses import replace
from math import cos, pi, radians

import cv2
import numpy as np
import pytest
from drawn_foot import CLOTH, SHAPE, box, circle, foot, look, turned
from hypothesis import given, settings
from hypothesis import strategies as st

from woundseg import skin
from woundseg.match import (
    Look,
    MatchOptions,
    Named,
    RegisterOptions,
    follow,
    mapping,
    register,
)
from woundseg.match.assign import Sheet
from woundseg.match.likeness import Alike, Likeness, LikenessOptions, Pairs, falling
from woundseg.match.look import Features, filled
from woundseg.match.mapping import homography, moved, scale_and_turn, similarity
from woundseg.match.places import Drawn, Place, alike, area_px, joined
from woundseg.match.registration import propose, trusted

MOVES = (
    turned(),
    turned(1.1, 12, (10, -6)),
    turned(0.9, -9, (-8, 4)),
    turned(1.0, 25, (0, 10)),
)
BIG, SMALLER, SMALL = circle(200, 180, 30), circle(202, 182, 20), circle(203, 183, 9)
OTHER = circle(300, 230, 18)


# --- maps -------------------------------------------------------------------------------------

places = st.lists(
    st.tuples(st.floats(-200, 200), st.floats(-200, 200)), min_size=4, max_size=30, unique=True
).map(np.array)


@settings(deadline=None, max_examples=50)
@given(places, st.floats(0.5, 2), st.floats(-180, 180), st.floats(-50, 50))
def test_a_similarity_is_found_again(at, scale, turn, shift):
    if np.linalg.svd(at - at.mean(axis=0))[1][0] < 1:
        return
    truth = turned(scale, turn, (shift, -shift))
    found = similarity(at, moved(truth, at))
    np.testing.assert_allclose(moved(found, at), moved(truth, at), atol=1e-6)
    size, angle = scale_and_turn(found, at[0])
    assert size == pytest.approx(scale, rel=1e-6)
    assert cos(radians(angle - turn)) == pytest.approx(1, abs=1e-6)


def grid(step):
    x, y = np.meshgrid(np.arange(0, 400, step), np.arange(0, 300, step))
    return np.c_[x.ravel(), y.ravel()].astype(float)


def test_many_points_bend_a_homography_and_few_do_not():
    truth = np.array([[1.05, 0.02, 3], [-0.04, 0.95, 8], [2e-4, -1e-4, 1]])
    at = grid(10)
    many = homography(at, moved(truth, at))
    assert np.abs(moved(many, at) - moved(truth, at)).max() < 1.0
    affine = moved(similarity(at, moved(truth, at)), at) - moved(truth, at)
    assert np.abs(affine).max() > 10
    few = homography(at[:3], at[:3] + np.array([[0, 0], [0, 4], [0, 0]]))
    assert abs(few[2] / few[2, 2])[:2].max() < 1e-3


def test_a_homography_is_given_up_only_when_it_has_settled(monkeypatch):
    """To be stopped early moves no point by a hundredth of a pixel."""
    truth = np.array([[1.05, 0.02, 3], [-0.04, 0.95, 8], [8e-4, -4e-4, 1]])
    at = grid(40)
    soon = moved(homography(at, moved(truth, at)), at)
    monkeypatch.setattr(mapping, "_SETTLED", 0.0)
    late = moved(homography(at, moved(truth, at)), at)
    assert 0 < np.abs(late - soon).max() < 0.01


# --- looks ------------------------------------------------------------------------------------


def test_skin_is_found_and_cloth_and_card_are_not():
    card = box(100, 150, 180, 200)
    seen = look(foot(), card=card)
    assert seen.skin[200, 300] == 1
    assert seen.skin[10, 10] == seen.skin[170, 140] == 0
    assert seen.skin.sum() == pytest.approx(pi * 170 * 130 - 80 * 50, rel=0.03)


def test_all_skin_tones_of_the_simulation_are_skin():
    from woundseg.simulate.foot import TONES

    for tone in TONES:
        patch = np.full((40, 40, 3), np.rint(np.array(tone) * 255), np.uint8)
        assert skin.tones(patch).mean() == 1
    cloth = np.full((40, 40, 3), CLOTH, np.uint8)
    assert not skin.tones(cloth).any()


@pytest.mark.parametrize(
    ("shape", "smaller"),
    [
        ((600, 800), (300, 400)),
        ((1300, 500), (433, 167)),
        ((799, 600), (799, 600)),
        ((1, 1), (1, 1)),
    ],
)
def test_colours_are_judged_by_a_whole_number_smaller(shape, smaller):
    assert Look(np.zeros((*shape, 3), np.uint8)).reduced.shape[:2] == smaller


def test_skin_of_a_large_picture_is_that_of_the_small_one_enlarged():
    """The foot on the left bears the ulcer; the one beside it does not count, nor the card."""
    picture = np.concatenate([look(foot(), (BIG,)).pixels, cv2.resize(foot(2), (300, 400))], axis=1)
    card = box(101, 151, 180, 200)
    small = Look(picture, (BIG,), hidden=card)
    twice = cv2.resize(picture, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    large = Look(twice, ((BIG + 0.5) * 2 - 0.5,), hidden=(card + 0.5) * 2 - 0.5)
    assert large.skin.shape == (800, 1560)
    assert set(np.unique(large.skin)) == {0, 1}
    doubled = small.skin.repeat(2, axis=0).repeat(2, axis=1)
    assert np.mean(doubled != large.skin) < 0.005
    assert large.skin[400, 400] == 1
    assert large.skin[304:400, 204:360].max() == large.skin[400, 1000:].max() == 0
    assert large.span_px == pytest.approx(2 * small.span_px, rel=0.01)


def test_no_feature_on_ulcer_or_card():
    """A card printed in skin's colours: only ``hidden`` tells it from skin."""
    picture = foot()
    picture[150:200, 100:180] = foot(9)[150:200, 100:180]
    card = box(100, 150, 180, 200)
    seen = replace(look(picture, (BIG,)), hidden=card)
    spots = seen.features.places
    assert len(spots) > 100
    for outline in (card, BIG):
        for spot in spots:
            assert cv2.pointPolygonTest(outline.astype(np.float32), spot, False) < 0


def test_a_picture_without_skin_or_size_has_no_features():
    assert len(Look(np.full((1, 1, 3), 127, np.uint8)).features) == 0
    assert len(Look(np.full((300, 300, 3), CLOTH, np.uint8)).features) == 0


# --- likeness ---------------------------------------------------------------------------------


def features(descriptors, log_size=0.0, angle_deg=0.0):
    """Features of given directions, 10 px apart in a row."""
    count = len(descriptors)
    places = np.c_[np.arange(count) * 10.0, np.zeros(count)]
    size, angle = (np.broadcast_to(np.asarray(x, float), count) for x in (log_size, angle_deg))
    rows = np.asarray(descriptors, np.float32)
    return Features(places, size, angle, rows / np.linalg.norm(rows, axis=1, keepdims=True))


def likeness(one, other):
    """Of two sets of features, each on a foot of 300 by 300 px."""
    looks = [Look(np.full((400, 400, 3), 127, np.uint8)) for _ in range(2)]
    for seen, found in zip(looks, (one, other), strict=True):
        seen.__dict__.update(skin=np.ones((300, 300), np.uint8), features=found)
    return Likeness(*looks, LikenessOptions())


def test_the_most_alike_come_first_and_of_equals_the_first():
    cosine = np.array([0.9, 0.95, 0.9, 0.81, 1.0, 0.9], np.float32)
    assert falling(cosine).tolist() == [4, 1, 0, 2, 5, 3]
    assert falling(cosine[:0]).tolist() == []


def four_pairs():
    """One feature with four others: another size, turned by 178 and by −178, and unlike."""
    one, other = features([[1.0]]), features([[1.0]] * 4, [1, 0, 0, 0], [0, 178, -178, 178])
    cosine = np.array([[0.9, 0.85, 0.95, 0.7]], np.float32)
    return Alike(one, other, cosine, LikenessOptions())


def test_pairs_that_suit_a_turn_are_found_across_the_half_turn():
    pairs = four_pairs().suiting(0.0, 179.0)
    assert pairs.other.tolist() == [2, 1]
    assert pairs.turn_deg.tolist() == [-178, 178]
    assert pairs.to.tolist() == [[20, 0], [10, 0]]


def test_pairs_kept_for_the_next_map_serve_no_other():
    """27 degrees of turn and 6 more are looked at, and kept for what lies within those 6."""
    pairs = four_pairs()
    assert pairs.suiting(0.0, 178.0 - 34.0).other.tolist() == []
    assert pairs.suiting(0.0, 178.0 - 26.9).other.tolist() == [2, 1]
    assert pairs.suiting(1.0, 178.0 - 26.9).other.tolist() == []
    assert pairs.suiting(0.6, 0.0).other.tolist() == [0]


def test_a_pair_is_telling_by_its_margin_over_the_next_best():
    """Two alike of which one is plainly the best, and two that cannot be told apart."""
    one = features([[1, 0, 0], [0, 0, 1]])
    other = features([[1, 0.1, 0], [1, 0.9, 0], [0, 0.1, 1], [0, 0.1, 1]])
    pairs = likeness(one, other)._telling()
    assert (pairs.one.tolist(), pairs.other.tolist()) == ([0], [0])


def test_of_features_that_are_the_same_the_first_is_told():
    """Two of the one are the same and both like the same of the other: no margin, no pair."""
    one = features([[1, 0], [1, 0], [0, 1]])
    pairs = likeness(one, features([[1, 0.5], [0, 1]]))._telling()
    assert (pairs.one.tolist(), pairs.other.tolist()) == ([2], [1])


def test_one_map_is_proposed_once_and_two_maps_twice():
    """Five pairs that agree on no shift, and four that agree on another."""
    at = np.array(
        [[0, 0], [50, 9], [90, 70], [20, 90], [60, 60], [5, 40], [80, 5], [33, 66], [9, 9]]
    )
    to = at + np.r_[np.zeros((5, 2)), np.full((4, 2), 150.0)]
    none, count = np.zeros(9), np.arange(9)
    pairs = Pairs(count, count, none, none, at, to)
    both = likeness(features([[1.0]] * 9), features([[1.0]] * 9))
    chosen = both._proposals(pairs)
    assert [found.one.tolist() for found in chosen] == [[0, 1, 2, 3, 4], [5, 6, 7, 8]]


# --- registration -----------------------------------------------------------------------------


@pytest.mark.parametrize("where", MOVES[1:])
def test_the_same_foot_is_laid_on_itself(where):
    found = register(look(foot(), (BIG,)), look(foot(), (SMALL,), where))
    assert found is not None
    spots = grid(60)[8:]
    on_foot = np.hypot(*((spots - [240, 200]) / [150, 110]).T) < 1
    error = found.place(spots[on_foot]) - moved(where, spots[on_foot])
    assert np.hypot(*error.T).max() < 2
    assert found.scale == pytest.approx(scale_and_turn(where, np.zeros(2))[0], rel=0.02)
    assert found.scale_agreement == pytest.approx(1, rel=0.02)


def test_a_tilted_view_is_laid_on_too():
    tilted = np.array([[1, 0.05, 0], [0, 0.95, 5], [0, 3e-4, 1]]) @ turned(1.05, 8)
    found = register(look(foot(), (BIG,)), look(foot(), (BIG,), tilted))
    assert found is not None
    at = circle(240, 200, 90)
    assert np.hypot(*(found.place(at) - moved(tilted, at)).T).max() < 3


def test_another_foot_is_not():
    one = look(foot(1), (BIG,))
    for seed in (2, 3, 4, 5):
        assert register(one, look(foot(seed), (BIG,))) is None


def test_the_same_card_beside_another_foot_carries_nothing():
    """The card has skin's colours and the same print at both visits; it moved between them."""

    def with_card(seed, left):
        picture = foot(seed)
        picture[140:240, left : left + 130] = foot(9)[140:240, 170:300]
        return replace(look(picture), hidden=box(left, 140, left + 129, 239))

    assert register(with_card(1, 120), with_card(2, 180)) is None
    # Not hidden, the print alone is enough: the case is a real one.
    bare = [replace(with_card(*how), hidden=np.zeros((0, 2))) for how in ((1, 120), (2, 180))]
    found = propose(*bare, RegisterOptions())
    assert found is not None
    assert found.evidence > RegisterOptions().least_evidence
    np.testing.assert_allclose(found.place(np.array([[180.0, 190]])), [[240, 190]], atol=2)


def test_a_scale_that_contradicts_the_card_is_not_trusted():
    one, other = look(foot(), (BIG,)), look(foot(), (BIG,), MOVES[1])
    assert register(one, other) is not None
    assert register(one, replace(other, mm_per_px=other.mm_per_px * 1.6)) is None
    assert register(one, replace(other, mm_per_px=None)) is not None


def test_thin_evidence_is_not_trusted():
    found = propose(look(foot()), look(foot(), (), MOVES[1]), RegisterOptions())
    options = RegisterOptions()
    assert trusted(found, options)
    for worse in (
        {"inliers": options.least_inliers - 1, "by_chance": 0.0, "most_by_chance": 1},
        {"most_by_chance": found.inliers},
        {"by_chance": found.inliers - 5.0},
        {"residual": options.loose_from + found.evidence / options.loose_costs},
        {"at": np.c_[found.at[:, 0], np.full(len(found.at), 200.0)]},
        {"scale_agreement": None, "scale": 2.0},
    ):
        assert not trusted(replace(found, **worse), options), worse


def test_a_place_needs_skin_around_it():
    found = register(look(foot()), look(foot(), (), MOVES[1]))
    options = RegisterOptions()
    middle = np.array([240.0, 200.0])
    assert found.supports(middle, 10, options)
    right = found.at[:, 0] > 260
    one_sided = replace(found, at=found.at[right], to=found.to[right])
    assert one_sided.supports(np.array([330.0, 200]), 10, options)
    assert not one_sided.supports(np.array([150.0, 200]), 10, options)
    assert one_sided.sd_px(np.array([100.0, 200]), 10) > 3 * found.sd_px(middle, 10)


def test_registering_again_gives_the_same_bits():
    pair = [(look(foot(), (BIG,)), look(foot(), (SMALL,), MOVES[2])) for _ in range(2)]
    first, again = (register(*looks) for looks in pair)
    np.testing.assert_array_equal(first.matrix, again.matrix)
    np.testing.assert_array_equal(first.at, again.at)


# --- places -----------------------------------------------------------------------------------


def test_areas_and_hulls():
    assert area_px(box(0, 0, 10, 5)) == pytest.approx(50)
    assert area_px(box(0, 0, 10, 5)[::-1]) == pytest.approx(50)
    assert area_px(np.zeros((2, 2))) == 0
    both = joined([box(0, 0, 10, 10), box(20, 0, 30, 10)])
    assert area_px(both) == pytest.approx(300)
    assert joined([BIG]) is BIG


def test_shapes_whatever_their_size_and_turn():
    long = circle(0, 0, 1) * (30, 10)
    assert alike(long, moved(turned(2.5, 40, (100, 0)), long)) > 0.9
    # A disc on an ellipse of 3 to 1 and the same area: 4 atan(1/√3)/(2π − that) = 0.5.
    assert alike(long, circle(0, 0, 25)) == pytest.approx(0.5, abs=0.06)


def test_what_two_outlines_share_and_how_far_they_are_apart():
    drawn = Drawn(Place(box(100, 100, 140, 140)), SHAPE, 10)
    assert drawn.shared(filled(box(120, 100, 160, 140), SHAPE)) == pytest.approx(0.5, abs=0.05)
    assert drawn.shared(filled(box(110, 110, 120, 120), SHAPE)) == pytest.approx(1)
    assert drawn.gap_px(filled(box(150, 100, 160, 140), SHAPE)) == pytest.approx(10, abs=0.6)
    assert drawn.gap_px(filled(box(130, 100, 160, 140), SHAPE)) == 0
    outside = Drawn(Place(box(-90, 100, -60, 140)), SHAPE, 10)
    assert outside.gap_px(filled(BIG, SHAPE)) == float("inf")


def test_what_is_in_view():
    seen = look(foot(), card=box(130, 180, 190, 230))
    assert Drawn(Place(circle(300, 200, 15)), SHAPE, 5).view(seen) == "seen"
    assert Drawn(Place(circle(160, 205, 15)), SHAPE, 5).view(seen) == "hidden"
    assert Drawn(Place(circle(-100, 205, 15)), SHAPE, 5).view(seen) == "out_of_view"
    assert Drawn(Place(circle(475, 205, 15)), SHAPE, 5).view(seen) == "out_of_view"
    a_fifth_covered = Drawn(Place(circle(182, 205, 15)), SHAPE, 5)
    assert a_fifth_covered.view(look(foot(), card=box(190, 150, 250, 260))) == "hidden"


# --- one look ---------------------------------------------------------------------------------


def assigned(found, told=None, sd_px=2.0, **known):
    """What becomes of outlines where ulcers are known at places."""
    at = {name: Place(line, sd_px) for name, line in known.items()}
    return Sheet(look(foot(), found), at, slack_px=4.0).assign(dict([told] if told else []))


def test_a_smaller_outline_inside_and_an_empty_place():
    result = assigned((SMALL,), u1=BIG, u2=OTHER)
    assert result.names == ["u1"]
    assert result.closed == ["u2"]


def test_two_under_one_outline():
    result = assigned((circle(250, 200, 75),), u1=BIG, u2=OTHER)
    assert result.names == ["u1"]
    assert result.merged == {"u2": "u1"}
    assert result.closed == []


def test_one_in_two_parts():
    result = assigned((circle(190, 180, 8), circle(215, 180, 7)), u1=BIG)
    assert result.names == ["u1", "u1"]


def test_two_that_were_one_find_their_own_places_again():
    result = assigned((BIG, OTHER), u1=circle(250, 200, 75), u2=OTHER)
    assert result.names == ["u1", "u2"]
    assert result.merged == {}


def test_an_outline_beside_its_place():
    beside = circle(200 + 30 + 12, 180, 7)  # 5 px away: the margin is 2 · 2 + 4 px
    assert assigned((beside,), u1=BIG).names == ["u1"]
    far = circle(200 + 30 + 25, 180, 7)
    result = assigned((far,), u1=BIG)
    assert (result.names, result.closed) == ([None], ["u1"])


def test_an_outline_between_two_places_is_neither():
    result = assigned((circle(250, 180, 3),), u1=circle(225, 180, 17), u2=circle(275, 180, 17))
    assert result.names == [None]
    assert result.beside == [True]
    assert result.unsure == {"u1": "match_unsure", "u2": "match_unsure"}


def test_an_outline_near_an_empty_place_leaves_it_unsure():
    # 13 px from the place: beyond the margin of 8, within that and the slack of 4 … and not.
    near, clear = circle(200 + 30 + 13, 180, 2), circle(200 + 30 + 20, 180, 2)
    assert assigned((near,), u1=BIG).unsure == {"u1": "match_unsure"}
    assert assigned((clear,), u1=BIG).closed == ["u1"]


def test_a_much_larger_outline_beside_a_place_is_not_that_ulcer():
    small = circle(150, 180, 5)
    large = circle(150 + 5 + 45, 180, 40)
    assert assigned((large,), u1=small).names == [None]


def test_a_persons_word():
    result = assigned((BIG,), told=(0, "left"), u1=BIG)
    assert result.names == ["left"]
    assert result.displaced == {"u1": "left"}
    result = assigned((BIG, OTHER), told=(0, "u2"), u1=BIG, u2=OTHER)
    assert result.names == ["u2", None]
    assert result.overridden == ["u2"]
    assert result.displaced == {"u1": "u2"}


# --- a subject --------------------------------------------------------------------------------


def visits(*ulcers, seed=1, **more):
    """Looks at one foot through different maps, with these ulcers at each visit."""
    picture = foot(seed)
    return [look(picture, u, MOVES[k % len(MOVES)], **more) for k, u in enumerate(ulcers)]


def names(named):
    return [one.names for one in named]


def test_nothing_at_all():
    assert follow([]) == []
    assert follow([look(foot())]) == [Named()]


def test_an_ulcer_that_heals_and_comes_back():
    named = follow(visits((BIG,), (SMALLER,), (), (SMALL,)))
    assert names(named) == [("u1",), ("u1",), (), ("u1",)]
    assert named[2].closed == ("u1",)
    assert all(one.unsure == () and one.flags == () for one in named)


def test_where_a_healed_ulcer_was_is_told_in_px_of_that_look():
    named = follow(visits((BIG, OTHER), (SMALLER, OTHER), (OTHER,)))
    assert [one.places for one in named[:2]] == [(), ()]
    ((name, place),) = named[2].places
    assert name == "u1"
    (middle,) = moved(MOVES[2], np.array([[202.0, 182.0]]))  # SMALLER's own
    assert place == pytest.approx(middle, abs=1.5)


def test_names_go_by_size_at_first_sight_and_by_place_after():
    named = follow(visits((OTHER, BIG), (SMALL, OTHER), (OTHER,)))
    assert names(named) == [("u2", "u1"), ("u1", "u2"), ("u2",)]
    assert named[2].closed == ("u1",)


def test_following_again_gives_the_same():
    seen = [(BIG, OTHER), (SMALL, OTHER), (OTHER,)]
    assert follow(visits(*seen)) == follow(visits(*seen))


def test_a_later_look_changes_no_earlier_name():
    seen = [(BIG,), (SMALLER, OTHER), (OTHER,), ()]
    whole = follow(visits(*seen))
    assert follow(visits(*seen)[:2]) == whole[:2]


def test_a_new_ulcer_is_opened_from_the_floor():
    # 0.5 mm a px: 0.25 cm² is a disc of radius 5.64 px.
    tiny, enough = circle(300, 230, 5.2, 200), circle(300, 230, 6.2, 200)
    named = follow(visits((BIG,), (BIG, tiny), (BIG, enough)))
    assert names(named) == [("u1",), ("u1", None), ("u1", "u2")]
    assert named[1].flags == (("", "possible_new_ulcer"),)
    assert "possible_new_ulcer" in named[1].codes("u1")
    assert named[2].flags == (("u2", "new_ulcer"),)
    lower = follow(visits((BIG,), (BIG, tiny)), MatchOptions(new_from_cm2=0.1))
    assert names(lower)[1] == ("u1", "u2")


def test_the_floor_holds_at_first_sight_but_for_the_largest():
    tiny = circle(300, 230, 4)
    assert names(follow(visits((BIG, tiny))))[0] == ("u1", None)
    assert names(follow(visits((tiny,))))[0] == ("u1",)


def test_without_any_scale_a_new_ulcer_is_left_to_a_person():
    bare = {"mm_per_px": None, "areas_cm2": (None, None)}
    named = follow(visits((BIG, OTHER), (SMALLER, OTHER), **bare))
    assert names(named) == [("u1", "u2"), ("u1", "u2")]
    later = [*visits((BIG,), **bare), *visits((BIG, OTHER), **bare)]
    assert names(follow(later))[1] == ("u1", None)


def test_a_scale_is_taken_from_an_earlier_look():
    one, other = visits((BIG,), (BIG, OTHER))
    bare = replace(other, mm_per_px=None, areas_cm2=(None, None))
    assert names(follow([one, bare]))[1] == ("u1", "u2")


def test_growing_together_and_apart_again():
    both = circle(250, 200, 75)
    named = follow(visits((BIG, OTHER), (both,), (BIG, OTHER)))
    assert names(named) == [("u1", "u2"), ("u1",), ("u1", "u2")]
    assert named[1].unsure == ("u2",)
    assert named[1].closed == ()
    assert set(named[1].flags) == {("u1", "merged"), ("u2", "merged"), ("u2", "merged_into_u1")}
    assert named[2].flags == ()


def test_parting():
    parts = (circle(186, 180, 9), circle(214, 180, 8))
    named = follow(visits((BIG,), parts, (SMALL,)))
    assert names(named)[1:] == [("u1", "u1"), ("u1",)]
    assert named[1].flags == (("u1", "split"),)


def test_a_place_known_too_badly_is_not_known():
    seen = visits((BIG,), ())
    assert follow(seen)[1].closed == ("u1",)
    assert follow(seen, MatchOptions(most_reach_mm=2.1))[1].unsure == ("u1",)


def test_out_of_view_is_not_closed():
    away = look(foot(), (OTHER,), turned(1, 0, (-170, 0)))
    left = circle(110, 200, 20)
    named = follow([look(foot(), (left, OTHER)), away])
    assert named[1].names == ("u2",)
    assert named[1].closed == ()
    assert named[1].unsure == ("u1",)
    assert set(named[1].flags) == {("u1", "match_unsure"), ("u1", "out_of_view")}


def test_under_the_card_is_not_closed():
    covered = look(foot(), (OTHER,), card=box(160, 140, 250, 225))
    named = follow([look(foot(), (BIG, OTHER)), covered])
    assert named[1].closed == ()
    assert named[1].unsure == ("u1",)
    assert ("u1", "hidden") in named[1].flags


def test_another_foot_is_unsure_and_found_again_later():
    named = follow([*visits((BIG,)), look(foot(7), ()), *visits((SMALL,), ())])
    assert named[1] == Named((), (), ("u1",), (("u1", "match_unsure"),))
    assert names(named)[2] == ("u1",)
    assert named[3].closed == ("u1",)


def test_the_only_ulcer_on_skin_that_cannot_be_registered():
    one = look(foot(1), (BIG,))
    likely = look(foot(7), (SMALLER,))  # 0.44 of its area, and round
    named = follow([one, likely])
    assert named[1] == Named(("u1",), flags=(("u1", "match_unregistered"),))
    for unlikely in (
        look(foot(7), (circle(200, 180, 60),)),  # four times as large
        look(foot(7), (circle(200, 180, 8),)),  # 0.07 of it
        look(foot(7), (np.array([200, 180]) + circle(0, 0, 1) * (45, 9),)),  # a slit
        look(foot(7), (SMALLER,), mm_per_px=None, areas_cm2=(None,)),
        look(foot(7), (SMALLER, OTHER)),
    ):
        said = follow([one, unlikely])[1]
        assert set(said.names) == {None}
        assert said.unsure == ("u1",)
        assert ("u1", "match_unsure") in said.flags


def test_a_likeness_joins_no_two_photographs_of_one_visit():
    one, likely = look(foot(1), (BIG,), visit="V1"), look(foot(7), (SMALLER,), visit="V1")
    assert follow([one, likely])[1].unsure == ("u1",)
    assert follow([one, replace(likely, visit="V2")])[1].names == ("u1",)


def test_what_rests_on_a_likeness_stays_flagged():
    named = follow([look(foot(1), (BIG,)), *visits((SMALLER,), (SMALL,), (), seed=7)])
    assert names(named) == [("u1",), ("u1",), ("u1",), ()]
    assert [one.codes("u1") for one in named[1:3]] == [("match_unregistered",)] * 2


def test_what_rests_on_a_likeness_is_never_closed():
    """Where the ulcer was, by registration, is not known on any of these looks."""
    named = follow([look(foot(1), (BIG,)), *visits((SMALLER,), (SMALL,), (), seed=7)])
    assert (named[3].closed, named[3].unsure) == ((), ("u1",))
    assert named[3].codes("u1") == ("match_unsure", "match_unregistered")


def test_two_known_and_one_found_without_registration_is_unsure():
    named = follow([look(foot(1), (BIG, OTHER)), look(foot(7), (BIG,))])
    assert named[1].names == (None,)
    assert named[1].unsure == ("u1", "u2")


def test_an_unmeasurable_look_is_passed_over():
    one, bad, last = visits((BIG,), (BIG,), (SMALL,))
    named = follow([one, replace(bad, measurable=False), last])
    assert named[1] == Named((None,))
    assert named[2].names == ("u1",)


def test_a_look_is_reached_through_one_between():
    """Two halves of a foot that share nothing, and a look at the whole between them."""
    whole = foot()
    left, right = whole.copy(), whole.copy()
    left[:, 240:] = CLOTH
    right[:, :215] = CLOTH
    first = look(left, (circle(190, 200, 20),))
    last = look(right, (circle(290, 200, 18),))
    assert register(first, last) is None
    between = look(whole, (circle(190, 200, 18), circle(290, 200, 20)))
    named = follow([first, between, last])
    assert names(named)[1:] == [("u1", "u2"), ("u2",)]
    assert named[2].unsure == ("u1",)


def test_an_older_look_is_asked_when_none_of_the_last_serves():
    whole = foot()
    left, right = whole.copy(), whole.copy()
    left[:, 240:] = CLOTH
    right[:, :215] = CLOTH
    left_look = look(left, (circle(190, 200, 20),))
    between = look(whole, (circle(190, 200, 18), circle(290, 200, 20)))
    last = look(right, (circle(290, 200, 18),))
    named = follow([left_look, between, left_look, left_look, left_look, last])
    assert names(named)[5] == ("u2",)


def test_registrations_that_disagree(monkeypatch):
    """Each look in turn is made to put the ulcer 90 px aside: one against one, one against two."""
    from woundseg.match import following

    looks = visits((BIG,), (BIG,), (SMALLER,), ())
    real = following.register

    def wrong_from(liar):
        def fake(one, other, options):
            found = real(one, other, options)
            return replace(found, matrix=turned(1, 0, (90, 0)) @ found.matrix)

        def chosen(one, other, options):
            ask = fake if one is looks[liar] and other in last else real
            return ask(one, other, options)

        return chosen

    last = (looks[2],)
    monkeypatch.setattr(following, "register", wrong_from(1))
    assert follow(looks[:3])[2].unsure == ("u1",)
    last = (looks[3],)
    assert follow(looks)[3].closed == ("u1",)


# --- the manifest -----------------------------------------------------------------------------


def told(looks, *words):
    return [replace(one, named=word) for one, word in zip(looks, words, strict=True)]


def test_the_manifests_name_from_the_first_look():
    named = follow(told(visits((BIG, OTHER), (SMALLER, OTHER), (OTHER,)), "heel", None, None))
    assert names(named) == [("heel", "u1"), ("heel", "u1"), ("u1",)]
    assert named[2].closed == ("heel",)


def test_a_new_name_at_a_known_place_replaces_the_automatic_one():
    named = follow(told(visits((BIG,), (SMALLER,), (SMALL,), ()), None, None, "heel", None))
    assert names(named) == [("heel",), ("heel",), ("heel",), ()]
    assert named[3].closed == ("heel",)
    assert [name for name, _ in named[3].places] == ["heel"]
    assert all(one.flags == () for one in named)


def test_an_automatic_name_is_replaced_where_it_had_healed_too():
    named = follow(told(visits((BIG,), (), (SMALL,)), None, None, "heel"))
    assert (named[1].closed, [name for name, _ in named[1].places]) == (("heel",), ["heel"])


def test_a_known_name_at_another_place_is_believed_and_noted():
    named = follow(told(visits((BIG, OTHER), (BIG, OTHER)), None, "u2"))
    assert named[1].names == ("u2", None)
    assert named[1].unsure == ("u1",)
    assert ("u1", "match_unsure") in named[1].flags
    assert ("u2", "match_overridden") in named[1].flags


def test_a_named_look_needs_no_registration():
    looks = [look(foot(1), (BIG, OTHER)), look(foot(7), (SMALL,)), look(foot(7), ())]
    named = follow(told(looks, None, "u2", None))
    assert named[1].names == ("u2",)
    assert named[1].unsure == ("u1",)
    assert named[2].closed == ("u2",)  # on the look that was named
    assert named[2].unsure == ("u1",)


def test_a_name_alone_does_not_say_that_an_ulcer_has_closed():
    looks = [look(foot(1), (BIG,)), look(foot(7), ())]
    said = follow(told(looks, None, "u1"))[1]
    assert (said.closed, said.unsure) == ((), ("u1",))
    same = follow(told(visits((BIG,), ()), None, "u1"))[1]
    assert same.closed == ("u1",)  # its place is seen


# --- simulated photographs --------------------------------------------------------------------


def test_the_demonstrations_subject_heals():
    """The photographs that ``woundseg demo`` draws, first, middle and healed, at less size."""
    from woundseg.simulate import Course, draw_visits, render
    from woundseg.simulate.scene import card_corners_mm
    from woundseg.simulate.visits import BEDSIDE

    ranges = replace(BEDSIDE, sensors=(1.0, 0.0, 0.0, 0.0))
    looks = []
    for visit in (
        draw_visits(Course(ranges=ranges), 6)[::3] + draw_visits(Course(ranges=ranges))[5:]
    ):
        scene = render(visit.spec)
        factor = 800 / max(scene.pixels.shape[:2])
        small = cv2.resize(scene.pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        corners = card_corners_mm(visit.spec.card)
        looks.append(
            Look(
                small,
                tuple(u.outline_px * factor for u in scene.ulcers),
                tuple(u.area_cm2 for u in scene.ulcers),
                tuple(u.area_cm2 for u in scene.ulcers),
                1 / (visit.spec.camera.px_per_mm((0, 0)) * factor),
                visit.spec.camera.project(corners) * factor,
            )
        )
    named = follow(looks)
    assert names(named) == [("u1",), ("u1",), ()]
    assert named[2].closed == ("u1",)
    assert all(one.flags == () for one in named)

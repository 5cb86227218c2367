from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from woundseg import card, scale
from woundseg.errors import UsageError
from woundseg.records import NotEvaluable, Reason, Scale
from woundseg.scale.mapping import homography_log_area_sd
from woundseg.scale.plane import Camera, Corners, consistent, fit

SKIN = (196, 142, 120)
WIDTH, HEIGHT, FOCAL = 1400, 1050, 1200.0


@cache
def drawn(size="standard", px_per_mm=12.0):
    image = card.draw_card(size, px_per_mm)
    image.flags.writeable = False
    return image


def flat(px_per_mm=6, size="standard", shape=(1000, 1340), at=(120, 150)):
    """The card pasted without any resampling: 1 / px_per_mm mm a pixel, known by hand.

    At a whole px_per_mm every edge of a marker falls between two pixels.
    """
    photo = np.full((*shape, 3), SKIN, np.uint8)
    image = drawn(size, px_per_mm)
    photo[at[1] : at[1] + image.shape[0], at[0] : at[0] + image.shape[1]] = image
    return photo


def pose(tilt_deg=0.0, turn_deg=0.0, distance=300.0, towards_deg=90.0, middle=(74.0, 52.5)):
    """Homography from mm to px of a camera over the card (Hartley & Zisserman 2004, 8.1.1)."""
    towards = math.radians(towards_deg)
    axis = np.array([math.cos(towards), math.sin(towards), 0.0]) * math.radians(tilt_deg)
    turn = np.array([0.0, 0.0, math.radians(turn_deg)])
    rotation = cv2.Rodrigues(axis)[0] @ cv2.Rodrigues(turn)[0]
    shift = np.array([0, 0, distance]) - rotation @ [*middle, 0.0]
    camera = np.array([[FOCAL, 0, (WIDTH - 1) / 2], [0, FOCAL, (HEIGHT - 1) / 2], [0, 0, 1]])
    return camera @ np.column_stack([rotation[:, 0], rotation[:, 1], shift])


def photograph(mm_to_px, size="standard", image=None, px_per_mm=12.0):
    """The card seen through a homography, drawn three times finer and averaged."""
    fine, n = np.diag([3.0, 3.0, 1.0]), 3
    fine[:2, 2] = 1.0  # centre of pixel 0 is the centre of its nine
    texture = np.array([[1 / px_per_mm, 0, 0.5 / px_per_mm], [0, 1 / px_per_mm, 0.5 / px_per_mm]])
    to_fine = fine @ mm_to_px @ np.vstack([texture, [0, 0, 1]])
    shown = drawn(size, px_per_mm) if image is None else image
    big = cv2.warpPerspective(shown, to_fine, (n * WIDTH, n * HEIGHT), borderValue=SKIN)
    return cv2.resize(big, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)


def seen_at(mm_to_px, points_mm):
    mapped = np.asarray(points_mm, float) @ mm_to_px[:, :2].T + mm_to_px[:, 2]
    return mapped[:, :2] / mapped[:, 2:]


def shoelace(points):
    x, y = points.T
    return abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def found(photo, **options):
    result = scale.find(photo, scale.ScaleOptions(**options))
    assert isinstance(result, Scale), result
    return result


def refused(photo, **options):
    result = scale.find(photo, scale.ScaleOptions(**options))
    assert isinstance(result, NotEvaluable), result
    assert result.advice.endswith(".")
    return result.reason


def blurred(photo, sigma):
    """Defocus mixes light: sRGB (IEC 61966-2-1) undone, blurred, and coded again."""
    coded = photo / 255
    light = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    soft = np.clip(cv2.GaussianBlur(light, (0, 0), sigma), 0, 1)
    coded = np.where(soft <= 0.0031308, 12.92 * soft, 1.055 * soft ** (1 / 2.4) - 0.055)
    return np.rint(coded * 255).astype(np.uint8)


# A square of 20 mm above the card, where an ulcer would be: 400 mm².
ULCER_MM = np.array([(60, -40), (80, -40), (80, -20), (60, -20)], float)


class TestTheCardSeenStraight:
    @pytest.mark.parametrize("size", card.SIZES)
    @pytest.mark.parametrize("px_per_mm", [3, 8])
    def test_a_pixel_is_the_size_it_was_drawn(self, size, px_per_mm):
        seen = found(flat(px_per_mm, size))
        for x, y in ((500, 400), (150, 900), (1200, 100)):
            assert scale.mm_per_px_at(seen, x, y) == pytest.approx(1 / px_per_mm, rel=2e-3)
        assert seen.tilt_deg < 1.5
        assert seen.residual_px < 0.1
        assert len(seen.corners_px) == 24

    def test_places_are_counted_from_the_cards_corner(self):
        # Pasted at (120, 150): its corner is the edge of that pixel, (119.5, 149.5).
        seen = found(flat(6))
        corners = scale.to_plane_mm(seen, [(119.5, 149.5), (119.5 + 600, 149.5 + 300)])
        assert np.allclose(corners, [(0, 0), (100, 50)], atol=0.05)

    def test_what_is_unknown_is_said(self):
        seen = found(flat())
        assert seen.source == "card"
        assert not seen.verified
        assert seen.distance_mm == 300.0

    def test_a_large_photograph_is_looked_at_reduced(self):
        seen = found(flat(4.0, shape=(3000, 4000), at=(2000, 1500)))
        assert scale.mm_per_px_at(seen, 2300, 1300) == pytest.approx(0.25, rel=2e-3)

    def test_a_small_card_in_a_large_photograph_is_found_at_the_second_look(self):
        seen = found(flat(1.2, "small", shape=(3000, 4000), at=(2000, 1500)))
        assert scale.mm_per_px_at(seen, 2070, 1530) == pytest.approx(1 / 1.2, rel=0.01)

    def test_the_same_photograph_gives_the_same_figures(self):
        assert found(flat()) == found(flat())


class TestTheCardSeenFromTheSide:
    @pytest.mark.parametrize("tilt", [10.0, 20.0, 30.0, 40.0])
    def test_tilt_distance_and_area(self, tilt):
        mm_to_px = pose(tilt, 25.0, distance=300.0)
        seen = found(photograph(mm_to_px), focal_px=FOCAL)
        assert seen.tilt_deg == pytest.approx(tilt, abs=1.0)
        assert seen.distance_mm == pytest.approx(300.0, rel=0.03)
        area = shoelace(scale.to_plane_mm(seen, seen_at(mm_to_px, ULCER_MM)))
        assert area == pytest.approx(400.0, rel=0.01)

    @settings(max_examples=8, deadline=None)
    @given(
        st.floats(0, 30), st.floats(-180, 180), st.floats(0, 360), st.sampled_from([230.0, 420.0])
    )
    def test_any_rotation_with_the_focal_length_unknown(self, tilt, turn, towards, distance):
        mm_to_px = pose(tilt, turn, distance, towards)
        seen = found(photograph(mm_to_px))
        area = shoelace(scale.to_plane_mm(seen, seen_at(mm_to_px, ULCER_MM)))
        assert area == pytest.approx(400.0, rel=0.01)

    def test_beyond_the_limit_it_is_refused(self):
        assert refused(photograph(pose(55.0)), focal_px=FOCAL) == Reason.SCALE_TILTED
        assert refused(photograph(pose(30.0)), max_tilt_deg=20.0) == Reason.SCALE_TILTED


class TestTheCardSeenBadly:
    @pytest.mark.parametrize("sigma", [1.0, 2.5])
    def test_blur_does_not_move_the_scale(self, sigma):
        seen = found(blurred(flat(6), sigma))
        assert scale.mm_per_px_at(seen, 600, 500) == pytest.approx(1 / 6, rel=2e-3)

    def test_blur_does_not_shrink_a_single_marker(self):
        # Read in coded values its sides would move in by 0.5 sigma each: 2% of 120 px.
        photo = with_marker(wall(), "DICT_4X4_50", 120, at=(500, 400))
        seen = found(blurred(photo, 2.5), marker_mm=24.0)
        assert scale.mm_per_px_at(seen, 560, 460) == pytest.approx(0.2, rel=5e-3)

    def test_noise_and_jpeg(self):
        noise = np.random.default_rng(7).normal(0, 8, flat(6).shape)
        noisy = np.clip(flat(6) + noise, 0, 255).astype(np.uint8)
        packed = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, 60])[1]
        seen = found(np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR)))
        assert scale.mm_per_px_at(seen, 600, 500) == pytest.approx(1 / 6, rel=3e-3)

    def test_a_hand_over_half_of_it(self):
        photo = flat(6)
        photo[:, 120 + 444 :] = SKIN  # cut at 74 mm: one column of markers and half of the next
        seen = found(photo)
        assert len(seen.corners_px) == 8  # two markers
        assert scale.mm_per_px_at(seen, 300, 400) == pytest.approx(1 / 6, rel=5e-3)
        assert homography_log_area_sd(seen, 900, 400) > homography_log_area_sd(seen, 300, 400)

    def test_a_marker_half_smeared_is_left_out(self):
        photo = flat(6)
        whole = found(photo)
        photo[150 + 36 : 150 + 168, 120 + 36 + 118 : 120 + 36 + 132] = 235  # glare on one side
        seen = found(photo)
        assert scale.mm_per_px_at(seen, 600, 500) == pytest.approx(
            scale.mm_per_px_at(whole, 600, 500), rel=2e-3
        )

    def test_one_marker_is_too_little(self):
        photo = flat(6)
        photo[:, 120 + 200 :] = SKIN
        photo[150 + 300 :] = SKIN
        assert refused(photo) == Reason.SCALE_CUT

    def test_cut_by_the_frame_and_covered_read_differently(self):
        photo = flat(6)
        covered = photo.copy()
        covered[:, 120 + 200 :] = SKIN
        covered[150 + 300 :] = SKIN
        cut = photo[: 150 + 300, : 120 + 200]
        advice = [scale.find(image).advice for image in (covered, np.ascontiguousarray(cut))]
        assert "uncover" in advice[0]
        assert "frame cuts" in advice[1]

    def test_nothing_in_view(self):
        wall = np.full((900, 1200, 3), 140, np.uint8)
        assert refused(wall) == Reason.SCALE_NOT_FOUND

    def test_a_mirrored_card_is_named_and_gives_no_scale(self):
        mirrored = np.ascontiguousarray(flat(6)[:, ::-1])
        assert refused(mirrored) == Reason.MIRRORED
        assert "mirroring" in scale.find(mirrored).advice
        upside_down = np.ascontiguousarray(flat(6)[::-1])  # a mirror image too
        assert refused(upside_down) == Reason.MIRRORED
        turned = np.ascontiguousarray(flat(6)[::-1, ::-1])
        assert found(turned).source == "card"

    def test_too_small_for_the_precision_asked(self):
        assert refused(flat(2.5), min_marker_px=60.0) == Reason.SCALE_SMALL
        assert refused(flat(2.5, "small"), max_area_sd=1e-5) == Reason.SCALE_SMALL

    @pytest.mark.parametrize("other", card.SIZES)
    def test_two_cards(self, other):
        photo = flat(4.0, "small", shape=(900, 1300))
        photo[450 : 450 + drawn(other, 4.0).shape[0], 500 : 500 + drawn(other, 4.0).shape[1]] = (
            drawn(other, 4.0)
        )
        assert refused(photo) == Reason.SCALE_DISAGREES

    def test_a_card_folded_in_two_is_refused(self):
        plan, image = card.layout("standard"), drawn().copy()
        left, right = image[:, : 12 * 70], image[:, 12 * 70 :]
        folded = np.hstack([left, cv2.resize(right, None, fx=0.6, fy=1.0)])
        assert plan.width_mm == 148
        assert refused(photograph(pose(), image=folded)) == Reason.SCALE_DISAGREES


class TestThePrintsOwnSize:
    def test_a_card_printed_at_97_percent_comes_out_right(self):
        # Its 100 mm line measures 97 mm, so a card drawn at 6 px a nominal mm has
        # 6 / 0.97 px a true one; unmeasured, areas come out 1 / 0.97² = 1.0628 times too large.
        photo = flat(6)
        true, assumed = found(photo, card_line_mm=97.0), found(photo)
        assert scale.mm_per_px_at(true, 500, 400) == pytest.approx(0.97 / 6, rel=2e-3)
        ratio = scale.mm_per_px_at(assumed, 500, 400) ** 2 / scale.mm_per_px_at(true, 500, 400) ** 2
        assert ratio == pytest.approx(1.0628, rel=2e-3)
        assert true.verified

    def test_100_mm_verifies_and_changes_nothing(self):
        measured, assumed = found(flat(), card_line_mm=100.0), found(flat())
        assert replace(measured, verified=False) == assumed


def with_marker(photo, family, px, at=(60, 60), marker_id=3):
    dictionary = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, family))
    picture = cv2.cvtColor(
        cv2.aruco.generateImageMarker(dictionary, marker_id, px), cv2.COLOR_GRAY2RGB
    )
    x, y = at
    photo[y - px // 4 : y + px + px // 4, x - px // 4 : x + px + px // 4] = 245
    photo[y : y + px, x : x + px] = picture
    return photo


def wall(shape=(900, 1300)):
    return np.full((*shape, 3), SKIN, np.uint8)


class TestASingleMarker:
    @pytest.mark.parametrize(
        ("name", "family", "px"),
        [
            ("DICT_4X4_50", "DICT_4X4_50", 120),
            ("5X5_100", "DICT_5X5_100", 140),
            ("dict_6x6_250", "DICT_6X6_250", 160),
            ("APRILTAG_36h11", "DICT_APRILTAG_36h11", 160),
        ],
    )
    def test_each_family_with_its_side(self, name, family, px):
        photo = with_marker(wall(), family, px, at=(500, 400))
        seen = found(photo, marker_mm=24.0, marker_dict=name)
        assert seen.source == "marker"
        assert seen.verified
        middle = 500 + px / 2
        assert scale.mm_per_px_at(seen, middle, 400 + px / 2) == pytest.approx(24 / px, rel=3e-3)

    def test_a_mirrored_marker_is_named(self):
        photo = with_marker(wall(), "DICT_6X6_250", 160, at=(500, 400))
        mirrored = np.ascontiguousarray(photo[:, ::-1])
        asked = {"marker_mm": 24.0, "marker_dict": "6X6_250"}
        assert refused(mirrored, **asked) == Reason.MIRRORED

    def test_it_says_that_it_knows_less_than_a_card(self):
        photo = with_marker(wall(), "DICT_4X4_50", 130, at=(500, 400))
        seen = found(photo, marker_mm=20.0)
        assert homography_log_area_sd(seen, 900, 465) > 3 * homography_log_area_sd(
            found(flat(6)), 900, 465
        )

    def test_without_its_side_it_is_no_scale(self):
        photo = with_marker(wall(), "DICT_4X4_50", 120, at=(500, 400))
        assert refused(photo) == Reason.SCALE_NOT_FOUND

    def test_another_family_is_not_found(self):
        photo = with_marker(wall(), "DICT_4X4_50", 120, at=(500, 400))
        asked = {"marker_mm": 24.0, "marker_dict": "5X5_100"}
        assert refused(photo, **asked) == Reason.SCALE_NOT_FOUND

    def test_beside_the_card_it_is_ignored_unless_asked_for(self):
        photo = with_marker(flat(6, shape=(1100, 1300)), "DICT_4X4_50", 120, at=(1120, 900))
        assert found(photo).source == "card"
        assert found(photo, marker_mm=20.0).source == "marker"  # 120 px at 6 px a mm

    def test_a_card_that_disagrees_is_a_refusal(self):
        photo = with_marker(flat(6, shape=(1100, 1300)), "DICT_4X4_50", 120, at=(1120, 900))
        assert refused(photo, marker_mm=30.0) == Reason.SCALE_DISAGREES
        assert found(photo, marker_mm=19.4, card_line_mm=97.0).source == "marker"

    def test_two_markers_of_different_size_disagree(self):
        photo = with_marker(wall(), "DICT_4X4_50", 120, at=(300, 400))
        photo = with_marker(photo, "DICT_4X4_50", 80, at=(600, 400), marker_id=4)
        assert refused(photo, marker_mm=20.0) == Reason.SCALE_DISAGREES


class TestOptions:
    @pytest.mark.parametrize(
        ("option", "values", "name"),
        [
            ("card_line_mm", (0, -97, 89.9, 110.1, math.nan, math.inf), "--card-line-mm"),
            ("marker_mm", (0, -20, 2000, math.nan, math.inf), "--marker-mm"),
            ("mm_per_px", (0, -0.1, 50, math.nan, math.inf), "--mm-per-px"),
            ("focal_px", (0, -1, math.nan), "focal_px"),
        ],
    )
    def test_values_that_cannot_be_are_refused_by_name(self, option, values, name):
        for value in values:
            with pytest.raises(UsageError, match=name):
                scale.ScaleOptions(**{option: value})

    def test_an_unknown_family_is_refused_with_the_known_ones(self):
        with pytest.raises(UsageError, match="DICT_APRILTAG_36h11"):
            scale.ScaleOptions(marker_dict="QR")

    def test_two_scales_cannot_both_be_given(self):
        with pytest.raises(UsageError, match="--marker-mm"):
            scale.ScaleOptions(mm_per_px=0.1, marker_mm=20.0)

    def test_a_given_scale_is_taken_as_it_is(self):
        given = found(wall(), mm_per_px=0.125)
        assert given.source == "given"
        assert scale.mm_per_px_at(given, 17, 900) == pytest.approx(0.125)
        assert scale.log_area_sd_at(given, 17, 900) == 0.0
        assert given.tilt_deg is None


class TestAGivenScaleBesideTheCard:
    """The card is drawn at 6 px/mm: 0.1667 mm for each pixel. 8% of the side may differ."""

    def test_a_mirrored_card_is_seen_beside_it(self):
        mirrored = np.ascontiguousarray(flat(6)[:, ::-1])
        assert refused(mirrored, mm_per_px=1 / 6) == Reason.MIRRORED

    @pytest.mark.parametrize("step", [0.157, 1 / 6, 0.178])
    def test_one_that_agrees_is_taken_as_it_is(self, step):
        seen = found(flat(6), mm_per_px=step)
        assert (seen.source, scale.mm_per_px_at(seen, 17, 900)) == ("given", pytest.approx(step))

    @pytest.mark.parametrize("step", [0.05, 0.152, 0.182, 0.5])
    def test_one_that_disagrees_is_refused_and_both_are_named(self, step):
        assert refused(flat(6), mm_per_px=step) == Reason.SCALE_DISAGREES
        advice = scale.find(flat(6), scale.ScaleOptions(mm_per_px=step)).advice
        assert f"gives 0.167 mm for each pixel, not the {step:g} given" in advice

    def test_a_measured_print_counts(self):
        # Drawn at 6 px/mm and printed at 90%: 0.15 mm for each pixel.
        assert found(flat(6), mm_per_px=0.15, card_line_mm=90.0).source == "given"
        assert refused(flat(6), mm_per_px=0.15) == Reason.SCALE_DISAGREES

    def test_a_tilt_of_the_card_is_allowed_for(self):
        # At 300 mm and f = 1200 px a length across the tilt has 0.25 mm for each pixel, and the
        # root of a pixel's area at 40° is 0.25 / √cos 40° = 0.286: 13% more.
        seen = photograph(pose(40.0))
        assert found(seen, mm_per_px=0.25).source == "given"
        assert refused(photograph(pose(0.0)), mm_per_px=0.286) == Reason.SCALE_DISAGREES

    def test_a_card_that_alone_gives_no_scale_is_still_a_check(self):
        cut = flat(6)[:400]  # the upper row of markers
        assert refused(cut, min_markers=4) in (Reason.SCALE_CUT, Reason.SCALE_SMALL)
        assert found(cut, mm_per_px=0.16, min_markers=4).source == "given"
        assert refused(cut, mm_per_px=0.5, min_markers=4) == Reason.SCALE_DISAGREES


class TestUncertainty:
    def test_the_cards_height_by_hand(self):
        # 5 mm of 300: half-width −2 ln(1 − 5/300) = 0.033614, and 1.96 standard deviations of it.
        plain = Scale("card", ((0.2, 0, 0), (0, 0.2, 0), (0, 0, 1)), distance_mm=None)
        assert 1.959964 * scale.log_area_sd_at(plain, 5, 5) == pytest.approx(0.033614, abs=1e-6)

    def test_a_tilted_camera_is_lower_over_the_plane(self):
        # 346.41 mm away at 30° is 300 mm above; 6% less is 283.02: −2 ln(1 − 5/283.02) = 0.035650.
        square = ((0.2, 0, 0), (0, 0.2, 0), (0, 0, 1))
        tilted = Scale("card", square, distance_mm=346.410162, tilt_deg=30.0)
        assert 1.959964 * scale.log_area_sd_at(tilted, 5, 5) == pytest.approx(0.035650, abs=2e-6)

    def test_the_homographys_part_agrees_with_draws(self):
        seen = found(photograph(pose(20.0, 30.0)))
        matrix, rng = np.array(seen.px_to_mm).ravel(), np.random.default_rng(3)
        draws = rng.multivariate_normal(matrix[:8], np.array(seen.covariance), 2000)
        at = (900.0, 200.0)
        areas = [
            math.log(
                scale.mm_per_px_at(
                    replace(seen, px_to_mm=tuple(map(tuple, np.append(d, 1).reshape(3, 3)))), *at
                )
                ** 2
            )
            for d in draws
        ]
        assert np.std(areas) == pytest.approx(homography_log_area_sd(seen, *at), rel=0.06)

    def test_the_interval_holds_over_noisy_views(self):
        rng, within = np.random.default_rng(11), []
        for _ in range(60):
            mm_to_px = pose(rng.uniform(0, 30), rng.uniform(0, 360), 300, rng.uniform(0, 360))
            _, plane = noisy_fit(mm_to_px, rng, 0.2)
            mapped = scale_of(plane)
            ulcer = seen_at(mm_to_px, ULCER_MM)
            error = math.log(shoelace(scale.to_plane_mm(mapped, ulcer)) / 400)
            within.append(abs(error) < 1.96 * homography_log_area_sd(mapped, *ulcer.mean(0)))
        assert np.mean(within) > 0.93

    @settings(max_examples=20, deadline=None)
    @given(st.floats(-8e-8, 8e-8), st.floats(100, 1300), st.floats(100, 950))
    def test_a_pixels_area_under_distortion_is_the_maps_own(self, kappa, x, y):
        plain = Scale(
            "card", ((0.2, 0.01, 3), (0.0, 0.21, 1), (1e-5, 4e-5, 1)), radial=(700, 520, kappa)
        )
        h = 0.01
        square = [(x - h, y - h), (x + h, y - h), (x + h, y + h), (x - h, y + h)]
        area = shoelace(scale.to_plane_mm(plain, square)) / (4 * h * h)
        assert scale.mm_per_px_at(plain, x, y) ** 2 == pytest.approx(area, rel=1e-5)
        back = scale.to_pixels(plain, scale.to_plane_mm(plain, (x, y)))
        assert np.allclose(back, (x, y), atol=1e-4)


def noisy_fit(mm_to_px, rng, sd_px, radial=0.0):
    drawn_mm = np.array([marker.corners() for marker in card.layout("standard").markers])
    px = seen_at(mm_to_px, drawn_mm.reshape(-1, 2))
    middle = np.array([(WIDTH - 1) / 2, (HEIGHT - 1) / 2])
    px = middle + (px - middle) * (
        1 + radial * ((px - middle) ** 2).sum(1, keepdims=True) / FOCAL**2
    )
    px += rng.normal(0, sd_px, px.shape) if sd_px else 0
    corners = Corners(px.reshape(-1, 4, 2), drawn_mm, np.full(6, sd_px or 0.05))
    return corners, fit(corners, Camera(WIDTH, HEIGHT, FOCAL))


def scale_of(plane):
    return Scale(
        "card",
        tuple(map(tuple, plane.px_to_mm)),
        tuple(map(tuple, plane.covariance)),
        radial=plane.radial,
    )


class TestThePlane:
    @pytest.mark.parametrize("k1", [-0.08, 0.0, 0.08])
    def test_a_lens_that_bends_lines_is_straightened(self, k1):
        rng = np.random.default_rng(0)
        _, plane = noisy_fit(pose(15.0, 40.0, 250.0), rng, 0.0, k1)
        assert plane.radial[2] * FOCAL**2 == pytest.approx(k1, abs=0.01)
        ulcer = seen_at(pose(15.0, 40.0, 250.0), ULCER_MM)
        middle = np.array([(WIDTH - 1) / 2, (HEIGHT - 1) / 2])
        out = ulcer - middle
        bent = middle + out * (1 + k1 * (out**2).sum(1, keepdims=True) / FOCAL**2)
        area = shoelace(scale.to_plane_mm(scale_of(plane), bent))
        assert area == pytest.approx(400.0, rel=3e-3)

    def test_a_misread_marker_is_outvoted(self):
        corners, _ = noisy_fit(pose(10.0), np.random.default_rng(1), 0.1)
        wrong = corners.mm.copy()
        wrong[2] = corners.mm[5]
        assert consistent(replace(corners, mm=wrong)).tolist() == [1, 1, 0, 1, 1, 1]

    def test_two_markers_that_disagree_leave_none(self):
        corners, _ = noisy_fit(pose(10.0), np.random.default_rng(1), 0.1)
        wrong = replace(corners.keep([0, 5]), mm=corners.mm[[0, 2]])
        assert not consistent(wrong).any()

    def test_squares_printed_too_fat_do_not_change_the_scale(self):
        # Ink 0.15 mm past each side: 1.4% of a side of 22 mm, but the squares keep their places.
        drawn_mm = np.array([marker.corners() for marker in card.layout("standard").markers])
        fat = drawn_mm + 0.15 * np.sign(drawn_mm - drawn_mm.mean(axis=1, keepdims=True))
        px = seen_at(pose(10.0), fat.reshape(-1, 2)).reshape(-1, 4, 2)
        plane = fit(Corners(px, drawn_mm, np.full(6, 0.1)), Camera(WIDTH, HEIGHT, FOCAL))
        area = shoelace(scale.to_plane_mm(scale_of(plane), seen_at(pose(10.0), ULCER_MM)))
        assert area == pytest.approx(400.0, rel=3e-3)


def test_a_bowed_card_keeps_the_areas_beside_it():
    """A card whose middle stands 1 mm above its ends; a square of 20 mm, 100 mm beside it."""
    from woundseg import card
    from woundseg.scale import plane
    from woundseg.simulate import Camera, Lens, Pose

    view = Camera(Lens(1632, 1224, 28.0), Pose((74, 133), 350, 25, 90))  # 4% without the bow
    markers = card.layout("standard").markers
    mm = np.array([marker.corners() for marker in markers], float)
    lift = 1 - (mm[..., 0] / 74 - 1) ** 2
    px = np.array(
        [
            [view.project(point, height) for point, height in zip(*marker, strict=True)]
            for marker in zip(mm, lift, strict=True)
        ]
    )
    known = plane.Camera(1632, 1224, view.lens.focal_px)
    fit = plane.fit(plane.Corners(px, mm, np.full(len(px), 0.1)), known)
    square = np.array([[64.0, 205], [84, 205], [84, 225], [64, 225]])
    rows = tuple(tuple(row) for row in fit.px_to_mm.tolist())
    seen = scale.to_plane_mm(Scale("card", rows, radial=fit.radial), view.project(square))
    x, y = seen.T
    area = abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2
    assert area == pytest.approx(400, rel=0.01)

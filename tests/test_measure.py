"""Figures of shapes whose measures are known from geometry."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from woundseg import measure, outlines
from woundseg.masks import Segmentation
from woundseg.records import ModelFacts, Scale

MODEL = ModelFacts(name="drawn", version="0", sha256="0" * 64, device="cpu", precision="f32")
MM = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
FINE = 8


def segmentation(probability, tissue=None, look=1.0, border=0.0, smallest=30, **more):
    return Segmentation(
        np.ascontiguousarray(probability, np.float32), tissue, MODEL, look, border, smallest, **more
    )


def scale(mm=1.0):
    return Scale("given", ((mm, 0.0, 0.0), (0.0, mm, 0.0), (0.0, 0.0, 1.0)))


def grid(side, fine=FINE):
    at = (np.arange(side * fine) + 0.5) / fine - 0.5
    return np.meshgrid(at, at)


def averaged(inside, fine=FINE):
    side = inside.shape[0] // fine
    return inside.reshape(side, fine, side, fine).mean(axis=(1, 3))


def disc(side, centre, radius, *, soft):
    x, y = grid(side, FINE if soft else 1)
    inside = (x - centre[0]) ** 2 + (y - centre[1]) ** 2 <= radius**2
    return averaged(inside) if soft else inside.astype(float)


def square(side, centre, half, turn, *, soft):
    x, y = grid(side, FINE if soft else 1)
    x, y = x - centre[0], y - centre[1]
    along, across = math.cos(turn) * x + math.sin(turn) * y, math.cos(turn) * y - math.sin(turn) * x
    inside = (abs(along) <= half) & (abs(across) <= half)
    return averaged(inside) if soft else inside.astype(float)


@pytest.mark.parametrize("soft", [True, False])
@pytest.mark.parametrize("radius", [8, 12, 20, 40, 100])
def test_discs_have_the_perimeter_and_area_of_geometry(radius, soft):
    side = 2 * radius + 12
    errors = []
    for shift in ((0.0, 0.0), (0.31, 0.17), (0.5, 0.5), (0.83, 0.42)):
        centre = (side / 2 + shift[0], side / 2 + shift[1])
        picture = disc(side, centre, radius, soft=soft)
        total = measure.ulcers(segmentation(picture), scale()).total
        # How many pixels a hard disc covers depends on its place (Gauss's circle problem).
        area = math.pi * radius**2 if soft else picture.sum()
        assert total.area_cm2 == pytest.approx(area / 100, rel=0.01)
        assert total.length_cm == pytest.approx(2 * radius / 10, rel=0.07)
        errors.append(total.perimeter_cm / (2 * math.sqrt(math.pi * area) / 10) - 1)
    assert np.abs(errors).max() < 0.01


@pytest.mark.parametrize("turn", [0.0, 0.2, 0.5, math.pi / 4])
@pytest.mark.parametrize("half", [8, 12, 20, 40, 100])
def test_squares_have_the_perimeter_and_area_of_geometry(half, turn):
    side = 3 * half + 12
    picture = square(side, (side / 2 + 0.2, side / 2 - 0.3), half, turn, soft=True)
    total = measure.ulcers(segmentation(picture), scale()).total
    assert total.perimeter_cm == pytest.approx(8 * half / 10, rel=0.01)
    assert total.area_cm2 == pytest.approx(4 * half**2 / 100, rel=0.01)
    assert total.length_cm == pytest.approx(2 * math.sqrt(2) * half / 10, rel=0.04)


@pytest.mark.parametrize("side", [16, 25, 60])
def test_a_hard_upright_square(side):
    picture = np.zeros((side + 20, side + 20))
    picture[10 : 10 + side, 10 : 10 + side] = 1
    total = measure.ulcers(segmentation(picture), scale()).total
    assert total.perimeter_cm == pytest.approx(4 * side / 10, rel=0.01)
    assert total.area_cm2 == pytest.approx(side**2 / 100, rel=0.01)
    assert total.area_px == side**2
    assert total.bbox_px == (10, 10, side, side)


@pytest.mark.parametrize("turn", [0.2, 0.5, math.pi / 4])
def test_a_hard_turned_square(turn):
    picture = square(150, (75.2, 74.7), 40, turn, soft=False)
    total = measure.ulcers(segmentation(picture), scale()).total
    assert total.perimeter_cm == pytest.approx(32.0, rel=0.01)


def test_an_island_is_subtracted_and_its_outline_counted():
    picture = disc(120, (60, 60), 45, soft=True) - disc(120, (64, 58), 15, soft=True)
    measured = measure.ulcers(segmentation(picture), scale())
    assert measured.total.area_cm2 == pytest.approx(math.pi * (45**2 - 15**2) / 100, rel=0.005)
    assert measured.total.perimeter_cm == pytest.approx(2 * math.pi * (45 + 15) / 10, rel=0.01)
    assert len(measured.outlines[0]) == 2
    assert measured.labels[58, 64] == 0
    assert measured.labels[60, 30] == 1


def test_a_pinhole_is_filled():
    picture = disc(120, (60, 60), 45, soft=False)
    picture[58:60, 60:62] = 0
    measured = measure.ulcers(segmentation(picture), scale())
    assert len(measured.outlines[0]) == 1
    assert measured.total.area_px == np.count_nonzero(disc(120, (60, 60), 45, soft=False))


def test_a_tilted_plane_is_measured_through_the_homography():
    # Perspective: a disc of 20 mm radius on the plane, imaged by the inverse of px_to_mm.
    to_mm = np.array([[0.2, 0.02, -10.0], [0.01, 0.25, -12.0], [0.0004, 0.0009, 1.0]])
    x, y = grid(300, 4)
    depth = to_mm[2, 0] * x + to_mm[2, 1] * y + 1
    plane_x = (to_mm[0, 0] * x + to_mm[0, 1] * y + to_mm[0, 2]) / depth
    plane_y = (to_mm[1, 0] * x + to_mm[1, 1] * y + to_mm[1, 2]) / depth
    picture = averaged((plane_x - 15) ** 2 + (plane_y - 16) ** 2 <= 12**2, 4)
    tilted = Scale("given", tuple(tuple(row) for row in to_mm.tolist()))
    total = measure.ulcers(segmentation(picture), tilted).total
    assert total.area_cm2 == pytest.approx(math.pi * 1.2**2, rel=0.001)
    assert total.perimeter_cm == pytest.approx(2 * math.pi * 1.2, rel=0.003)
    assert total.length_cm == pytest.approx(2.4, rel=0.005)
    assert total.width_cm == pytest.approx(2.4, rel=0.005)


def test_the_longest_axis_and_the_extent_at_right_angles():
    # A 3-4-5 right triangle: longest axis 5, extent at right angles 3·4/5 = 2.4.
    longest, across = outlines.axes(np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 3.0]]))
    assert (longest, across) == (pytest.approx(5.0), pytest.approx(2.4))


def test_without_a_scale_only_pixels():
    total = measure.ulcers(segmentation(disc(60, (30, 30), 20, soft=True)), None).total
    assert total.area_px == pytest.approx(math.pi * 400, rel=0.02)
    assert total.area_cm2 is None and total.perimeter_cm is None and total.area_sd is None


def test_no_ulcer_is_zero_and_only_a_scale_makes_it_zero_cm2():
    empty = segmentation(np.zeros((40, 50)))
    measured = measure.ulcers(empty, scale(0.2))
    assert measured.ulcers == () and measured.total.area_px == 0
    assert measured.total.area_cm2 == 0.0 and measured.total.area_cm2_high is None
    assert measured.total.bbox_px is None and measured.mm_per_px == pytest.approx(0.2)
    assert measure.ulcers(empty, None).total.area_cm2 is None
    assert measure.ulcers(empty, None).mm_per_px is None


def test_several_ulcers_largest_first_and_their_total():
    picture = np.zeros((100, 200))
    picture[10:20, 10:40] = 1
    picture[50:90, 100:180] = 1
    measured = measure.ulcers(segmentation(picture), scale())
    assert [(u.id, u.area_px) for u in measured.ulcers] == [("u1", 3200), ("u2", 300)]
    assert measured.total.area_px == 3500
    assert measured.total.area_cm2 == pytest.approx(sum(u.area_cm2 for u in measured.ulcers))
    assert measured.total.bbox_px == (10, 10, 170, 80)
    assert measured.total.length_cm is None
    assert measured.labels[15, 15] == 2 and measured.labels[60, 120] == 1


def test_each_ulcer_has_the_peak_of_its_own_probability():
    picture = np.zeros((100, 200))
    picture[10:20, 10:40] = 0.6
    picture[12, 12] = 0.75
    picture[50:90, 100:180] = 0.9
    picture[2, 190] = 1.0  # a speck
    measured = measure.ulcers(segmentation(picture), scale())
    assert measured.peaks == pytest.approx((0.9, 0.75))
    assert measure.ulcers(segmentation(np.zeros((40, 50))), None).peaks == ()


def test_a_rejected_photograph_keeps_ids_and_no_figure():
    measured = measure.ulcers(segmentation(disc(60, (30, 30), 20, soft=True)), scale())
    ulcers, total = measure.withheld(measured)
    assert [ulcer.id for ulcer in ulcers] == ["u1"]
    assert set(ulcers[0].model_dump(exclude={"id", "lower_bound"}).values()) == {None}
    assert set(total.model_dump().values()) == {None}


def test_small_components_are_specks():
    picture = np.zeros((60, 60))
    picture[5:25, 5:25] = 1
    picture[40:45, 40:45] = 1  # 25 px
    picture[50, 50] = 1
    assert measure.ulcers(segmentation(picture), None).specks == 2
    # At 0.5 mm a pixel 25 px are 0.0625 cm² (0.05 is the least), at 0.4 mm 0.04.
    assert measure.ulcers(segmentation(picture), scale(0.5)).specks == 1
    assert measure.ulcers(segmentation(picture), scale(0.4)).specks == 2
    # Seen at half size, 30 px of the look are 120 px of the photograph.
    assert len(measure.ulcers(segmentation(picture, look=0.5), None).ulcers) == 1
    assert len(measure.ulcers(segmentation(picture, look=2.0), None).ulcers) == 2


def test_pixels_that_touch_at_a_corner_are_one_ulcer():
    picture = np.zeros((40, 40))
    picture[5:15, 5:15] = 1
    picture[15:25, 15:25] = 1
    measured = measure.ulcers(segmentation(picture), None)
    assert [u.area_px for u in measured.ulcers] == [200]
    assert len(measured.outlines[0]) == 1


def test_an_ulcer_cut_by_the_frame_is_flagged_and_not_zeroed():
    picture = np.zeros((50, 50))
    picture[0:20, 10:30] = 1
    picture[35:45, 5:15] = 1
    measured = measure.ulcers(segmentation(picture), scale())
    assert [ulcer.lower_bound for ulcer in measured.ulcers] == [True, False]
    assert measured.ulcers[0].area_cm2 == pytest.approx(4.0, rel=0.005)


@pytest.mark.parametrize(
    ("gap", "look", "cut"),
    [(3, 1.0, True), (4, 1.0, False), (7, 0.5, True), (8, 0.5, False), (1, 8.0, False)],
)
def test_an_outline_that_stops_short_of_the_edge_is_cut(gap, look, cut):
    """Within 4 px of the network's look; nothing of the ulcer is seen in between."""
    picture = np.zeros((80, 80))
    picture[gap : gap + 20, 30:50] = 1
    (ulcer,) = measure.ulcers(segmentation(picture, look=look), scale()).ulcers
    assert ulcer.lower_bound is cut


@pytest.mark.parametrize(("between", "cut"), [(0.2, True), (0.1, False)])
def test_an_ulcer_that_may_go_on_to_the_edge_is_cut(between, cut):
    picture = np.zeros((80, 80))
    picture[0:10, 30:50] = between
    picture[10:30, 30:50] = 1
    assert measure.ulcers(segmentation(picture), scale()).ulcers[0].lower_bound is cut
    picture[0] = 0  # what may be ulcer ends before the edge
    assert not measure.ulcers(segmentation(picture), scale()).ulcers[0].lower_bound


def test_the_edge_is_the_pictures_own_within_black_padding():
    picture = np.zeros((80, 80))
    picture[20:40, 30:50] = 1
    padded = segmentation(picture, content_px=(0, 20, 80, 40))
    assert measure.ulcers(padded, scale()).ulcers[0].lower_bound
    assert not measure.ulcers(segmentation(picture), scale()).ulcers[0].lower_bound


def test_an_outline_runs_along_the_edge_whatever_the_probability():
    # 0.8 inside: 0.5 is met 0.375 px beyond a pixel's centre, at the frame 0.5 px beyond it.
    picture = np.zeros((50, 50))
    picture[0:20, 10:30] = 0.8
    area = measure.ulcers(segmentation(picture), scale()).total.area_cm2
    assert area == pytest.approx((19 + 0.5 + 0.375) * (19 + 2 * 0.375) / 100, rel=0.001)


def test_the_interval_of_a_border_that_moves():
    # Disc of 40 px, border sd 2 px: sd_log = ln(1 + 2·2/40); no scale error with a given scale.
    picture = disc(120, (60, 60), 40, soft=True)
    total = measure.ulcers(segmentation(picture, border=2.0), scale()).total
    sd_log = math.log(1 + 2 * 2 / 40)
    area = total.area_cm2
    assert total.area_cm2_low == pytest.approx(area * math.exp(-1.96 * sd_log), rel=0.002)
    assert total.area_cm2_high == pytest.approx(area * math.exp(1.96 * sd_log), rel=0.002)
    assert total.area_sd == pytest.approx(area * sd_log, rel=0.01)
    half = measure.ulcers(segmentation(picture, border=1.0, look=0.5), scale()).total
    assert half.area_cm2_low == pytest.approx(total.area_cm2_low)


def test_the_interval_of_a_card_above_or_below_the_ulcer():
    # Known scale but a card up to 5 mm off the plane at 300 mm: half width −2·ln(1 − 5/300).
    picture = disc(120, (60, 60), 40, soft=False)
    card = Scale("card", MM, covariance=None, distance_mm=300.0)
    total = measure.ulcers(segmentation(picture), card).total
    assert math.log(total.area_cm2_high / total.area_cm2) == pytest.approx(
        -2 * math.log(1 - 5 / 300), rel=0.01
    )


def test_an_unsure_border_widens_the_interval():
    x, y = grid(160, 1)
    slope = 1 / (1 + np.exp((np.hypot(x - 80, y - 80) - 40) / 6))
    # Logistic border: p = 0.25 at 40 + 6·ln 3, p = 0.75 at 40 − 6·ln 3.
    ratio = ((40 + 6 * math.log(3)) / (40 - 6 * math.log(3))) ** 2
    total = measure.ulcers(segmentation(slope), scale()).total
    assert total.area_sd / total.area_cm2 == pytest.approx(math.log(ratio) / (2 * 0.6745), rel=0.03)


def test_a_weak_tiny_ulcer_has_a_bounded_interval():
    picture = np.full((40, 40), 0.3)
    picture[20, 20] = 0.6
    weak = segmentation(picture, border=3.0, smallest=1)
    total = measure.ulcers(weak, scale(5.0)).total
    assert total.area_sd / total.area_cm2 == pytest.approx(1.0)


def test_tissue_fractions_sum_to_one():
    picture = np.zeros((40, 60))
    picture[10:30, 10:50] = 1
    tissue = np.zeros((40, 60), np.uint8)
    tissue[10:30, 10:40] = 1
    tissue[10:30, 40:50] = 2
    measured = measure.ulcers(segmentation(picture, tissue), None)
    assert measured.total.tissue.model_dump() == pytest.approx(
        {"granulation": 0.75, "slough": 0.25, "necrosis": 0.0, "other": 0.0}
    )
    assert measure.ulcers(segmentation(picture), None).total.tissue is None


def shares(tissue):
    return tuple(tissue.model_dump().values())


def two_ulcers(*tissues):
    """200 px above and 100 px below, with ids of tissues in ten equal parts from left to right."""
    picture, tissue = np.zeros((60, 60)), np.zeros((60, 60), np.uint8)
    for (top, high), ids in zip(((5, 10), (40, 5)), tissues, strict=False):
        picture[top : top + high, 10:30] = 1
        tissue[top : top + high, 10:30] = np.repeat(ids, 2)
    return picture, tissue


def test_the_interval_of_a_fraction_is_symmetrical_on_the_logit_scale():
    """Granulation 0.5, slough 0.3, necrosis 0.2; sd 0.5: 0.98 either way."""
    picture, tissue = two_ulcers([1] * 5 + [2] * 3 + [3] * 2)
    (ulcer,) = measure.ulcers(segmentation(picture, tissue, fraction_sd=0.5), None).ulcers
    assert shares(ulcer.tissue) == pytest.approx((0.5, 0.3, 0.2, 0.0))
    # logit 0 - 0.98 is 1 / (1 + e^0.98); logit 0.3 is -0.8473, logit 0.2 -1.3863.
    assert shares(ulcer.tissue_low)[:3] == pytest.approx((0.2729, 0.1386, 0.0858), abs=1e-4)
    assert shares(ulcer.tissue_high)[:3] == pytest.approx((0.7271, 0.5331, 0.3998), abs=1e-4)
    # Nothing was called other: from none to what 2% may be, logit -3.8918 + 0.98.
    assert (ulcer.tissue_low.other, ulcer.tissue_high.other) == (
        0.0,
        pytest.approx(0.0516, abs=1e-4),
    )


def test_a_bed_of_one_tissue_may_be_all_of_it():
    picture, tissue = two_ulcers([3] * 10)
    total = measure.ulcers(segmentation(picture, tissue, fraction_sd=0.5), None).total
    assert shares(total.tissue) == (0.0, 0.0, 1.0, 0.0)
    assert total.tissue_high.necrosis == 1.0
    assert total.tissue_low.necrosis == pytest.approx(1 - 0.0516, abs=1e-4)
    assert shares(total.tissue_low)[:2] == (0.0, 0.0)


def test_weights_that_say_nothing_of_their_error_give_no_interval():
    picture, tissue = two_ulcers([1] * 10)
    total = measure.ulcers(segmentation(picture, tissue), None).total
    assert total.tissue is not None
    assert (total.tissue_low, total.tissue_high) == (None, None)


@given(st.floats(0, 1), st.floats(0.001, 6))
def test_an_interval_holds_its_fraction(share, by):
    low, high = measure._moved(share, -by), measure._moved(share, by)
    assert 0 <= low <= share <= high <= 1
    assert measure._moved(1 - share, by) == pytest.approx(1 - low)


def test_callus_inside_the_outline_is_no_bed():
    """Tissue 0: neither its share nor the others' is of it; the area is."""
    picture, tissue = two_ulcers([0] * 6 + [1] * 3 + [4])
    total = measure.ulcers(segmentation(picture, tissue), None).total
    assert shares(total.tissue) == pytest.approx((0.75, 0.0, 0.0, 0.25))
    assert total.area_px == 200


def test_an_ulcer_of_callus_alone_has_no_bed():
    picture, tissue = two_ulcers([0] * 10, [2] * 10)
    measured = measure.ulcers(segmentation(picture, tissue, fraction_sd=0.5), None)
    first, second = measured.ulcers
    assert (first.tissue, first.tissue_low, first.tissue_high) == (None, None, None)
    # The total is of what is known.
    assert measured.total.tissue == second.tissue
    alone = two_ulcers([0] * 10)
    total = measure.ulcers(segmentation(*alone, fraction_sd=0.5), None).total
    assert (total.tissue, total.tissue_low, total.tissue_high) == (None, None, None)


def test_the_total_is_weighted_by_area():
    """200 px of granulation, 100 px of half slough, half necrosis; without a scale and with one."""
    picture, tissue = two_ulcers([1] * 10, [2] * 5 + [3] * 5)
    known = segmentation(picture, tissue, fraction_sd=0.5)
    for plane in (None, scale()):
        measured = measure.ulcers(known, plane)
        assert shares(measured.total.tissue) == pytest.approx((2 / 3, 1 / 6, 1 / 6, 0), abs=1e-3)
        first, second = measured.ulcers
        for end in ("tissue_low", "tissue_high"):
            mixed = [
                (2 * one + other) / 3
                for one, other in zip(
                    shares(getattr(first, end)), shares(getattr(second, end)), strict=True
                )
            ]
            assert shares(getattr(measured.total, end)) == pytest.approx(mixed, abs=1e-3)
    # On a plane of which the lower part is seen from farther, its ulcer weighs more.
    tilted = Scale("given", ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, -0.01, 1.0)))
    measured = measure.ulcers(known, tilted)
    areas = {ulcer.tissue.granulation: ulcer.area_cm2 for ulcer in measured.ulcers}
    assert areas[0.0] > 0.6 * areas[1.0]
    assert measured.total.tissue.granulation == pytest.approx(areas[1.0] / sum(areas.values()))


def test_the_tissue_goes_on_to_whoever_draws_it():
    picture, tissue = two_ulcers([1] * 10)
    assert measure.ulcers(segmentation(picture, tissue), None).tissue is tissue
    assert measure.ulcers(segmentation(picture), None).tissue is None
    _, total = measure.withheld(measure.ulcers(segmentation(picture, tissue), None))
    assert (total.tissue, total.tissue_low, total.tissue_high) == (None, None, None)


@hypothesis_settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_outlines_enclose_what_the_pixels_say(seed):
    draw = np.random.default_rng(seed)
    picture = np.pad((draw.random((12, 14)) < 0.6).astype(np.float32), 1)
    lines = outlines.trace(picture, 0.5)
    area = sum(outlines.signed_area(line) for line in lines)
    # Each corner that is cut takes or gives at most 1/8 px, and a pixel has four.
    assert abs(area - picture.sum()) <= picture.size / 2
    # Midpoints of the edges between unlike neighbours: as many points as such edges.
    unlike = np.abs(np.diff(picture, axis=0)).sum() + np.abs(np.diff(picture, axis=1)).sum()
    assert sum(len(line) for line in lines) == unlike

"""Agreement of masks: cases counted by hand, and published or outside figures."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from woundseg import metrics
from woundseg.errors import UsageError
from woundseg.metrics import Bootstrap, PhotoScore, boundary_distances, icc_2_1, score, summarise


def mask(*rows):
    return np.array([[letter == "#" for letter in row] for row in rows])


EMPTY = mask("....", "....")
PAIR = mask("##..", "....")
ROW = mask("####", "....")


def photo(label_px, predicted_px, common_px, group="", fold=None):
    """A score from counts alone."""
    name = group or f"{label_px}-{predicted_px}-{common_px}"
    return PhotoScore(name, name, fold, label_px, predicted_px, common_px, math.nan, math.nan)


def figure(scores, name, **options):
    return {e.name: e for e in summarise(scores, Bootstrap(**{"draws": 50} | options))}[name]


class TestOnePhotograph:
    def test_counted_by_hand(self):
        # Label 2 px, prediction 4 px, 2 in common: Dice 4/6, IoU 2/4, precision 2/4, recall 2/2.
        got = score(PAIR, ROW)
        assert (got.label_px, got.predicted_px, got.common_px) == (2, 4, 2)
        assert (got.dice, got.iou, got.precision, got.recall) == (4 / 6, 0.5, 0.5, 1.0)

    def test_both_empty_is_1(self):
        got = score(EMPTY, EMPTY)
        assert (got.dice, got.iou, got.precision, got.recall) == (1, 1, 1, 1)

    @pytest.mark.parametrize(("label", "prediction"), [(EMPTY, PAIR), (PAIR, EMPTY)])
    def test_one_empty_is_0(self, label, prediction):
        got = score(label, prediction)
        assert (got.dice, got.iou, got.precision, got.recall) == (0, 0, 0, 0)

    def test_distances_are_undefined_where_one_is_empty(self):
        for label, prediction in ((EMPTY, EMPTY), (EMPTY, PAIR), (PAIR, EMPTY)):
            assert all(math.isnan(d) for d in boundary_distances(label, prediction))

    def test_sizes_that_differ_are_refused(self):
        with pytest.raises(UsageError, match=r"p7: is 4×2 but its label 2×4"):
            score(PAIR.T, PAIR, photo="p7")

    @settings(deadline=None)
    @given(hnp.arrays(bool, (6, 7)), hnp.arrays(bool, (6, 7)))
    def test_identities(self, a, b):
        got, back = score(a, b), score(b, a)
        assert 0 <= got.iou <= got.dice <= 1
        assert got.dice == pytest.approx(2 * got.iou / (1 + got.iou))
        assert got.dice == back.dice
        assert got.precision == back.recall
        assert score(a, a).dice == 1


class TestDistances:
    def test_two_points(self):
        # 3 columns and 4 rows apart: 5 px each way.
        first, second = np.zeros((2, 9, 9), bool)
        first[1, 1] = second[5, 4] = True
        assert boundary_distances(first, second) == (5.0, 5.0)

    def test_the_same_mask_is_0(self):
        assert boundary_distances(ROW, ROW) == (0.0, 0.0)

    def test_a_row_moved_down_by_one(self):
        first, second = np.zeros((2, 6, 8), bool)
        first[2, 1:7] = second[3, 1:7] = True
        assert boundary_distances(first, second) == (1.0, 1.0)

    def test_the_outline_leaves_the_inside_out(self):
        # 5×5 against its centre: outline of 16 px; 4 at 2, 8 at √5, 4 at √8; back: 1 px at 2.
        first, second = np.zeros((2, 7, 7), bool)
        first[1:6, 1:6] = True
        second[3, 3] = True
        hd95, assd = boundary_distances(first, second)
        assert hd95 == pytest.approx(math.sqrt(8))
        mean = (4 * 2 + 8 * math.sqrt(5) + 4 * math.sqrt(8) + 2) / 17
        assert assd == pytest.approx(mean)

    def test_the_edge_of_the_frame_is_outline(self):
        full, centre = np.ones((5, 5), bool), np.zeros((5, 5), bool)
        centre[2, 2] = True
        assert boundary_distances(full, centre)[0] == pytest.approx(math.sqrt(8))

    @settings(deadline=None)
    @given(hnp.arrays(bool, (9, 11)), hnp.arrays(bool, (9, 11)))
    def test_against_scipy(self, a, b):
        # scipy.ndimage: exact Euclidean distance transform and erosion with a cross.
        if not a.any() or not b.any():
            return
        edges = [m & ~ndimage.binary_erosion(m) for m in (a, b)]
        far = [ndimage.distance_transform_edt(~edge) for edge in edges]
        there, back = far[1][edges[0]], far[0][edges[1]]
        hd95, assd = boundary_distances(a, b)
        wanted = max(np.percentile(there, 95), np.percentile(back, 95))
        assert hd95 == pytest.approx(wanted, abs=1e-4)
        assert assd == pytest.approx(np.concatenate((there, back)).mean(), abs=1e-4)


class TestIntraclassCorrelation:
    # Shrout and Fleiss 1979, table 2: six targets, four judges.
    EXAMPLE = np.array(
        [
            [9, 2, 5, 8],
            [6, 1, 3, 2],
            [8, 4, 6, 8],
            [7, 1, 2, 6],
            [10, 5, 6, 9],
            [6, 2, 4, 7],
        ],
        float,
    )

    def test_the_published_example(self):
        # Shrout and Fleiss 1979, table 4: ICC(2,1) = .29.
        assert round(icc_2_1(self.EXAMPLE), 2) == 0.29

    def test_from_the_published_mean_squares(self):
        # Their table 3: BMS 11.24, JMS 32.49, EMS 1.02; k 4, n 6.
        wanted = (11.24 - 1.02) / (11.24 + 3 * 1.02 + 4 * (32.49 - 1.02) / 6)
        assert icc_2_1(self.EXAMPLE) == pytest.approx(wanted, abs=2e-3)

    def test_agreement_and_not_mere_correlation(self):
        areas = np.array([1.0, 2, 3, 4])
        assert icc_2_1(np.stack([areas, areas], 1)) == pytest.approx(1)
        # A rater 2 above the other: MSR 10/3, MSE 0, MSC 8: 10/3 / (10/3 + 2 × 8 / 4) = 5/11.
        assert icc_2_1(np.stack([areas, areas + 2], 1)) == pytest.approx(5 / 11)

    def test_large_figures_keep_their_precision(self):
        moved = icc_2_1(self.EXAMPLE + 1e8)
        assert moved == pytest.approx(icc_2_1(self.EXAMPLE), abs=1e-6)

    def test_without_spread_or_with_one_target_it_is_undefined(self):
        assert math.isnan(icc_2_1(np.full((5, 2), 3.0)))
        assert math.isnan(icc_2_1(np.array([[1.0, 2.0]])))


class TestSummary:
    # A large ulcer found well and a small one found badly: Dice 0.9 and 0.2.
    LARGE = photo(1000, 1000, 900)
    SMALL = photo(10, 10, 2)

    def test_pooled_and_averaged_part(self):
        scores = [self.LARGE, self.SMALL]
        assert figure(scores, "dice_averaged").value == pytest.approx(0.55)
        assert figure(scores, "dice_pooled").value == pytest.approx(2 * 902 / 2020)
        assert figure(scores, "iou_pooled").value == pytest.approx(902 / 1118)
        assert figure(scores, "precision_pooled").value == pytest.approx(902 / 1010)
        assert figure(scores, "recall_pooled").value == pytest.approx(902 / 1010)

    def test_empty_labels_count_in_all_but_not_in_non_empty(self):
        scores = [photo(10, 10, 5), photo(0, 0, 0), photo(0, 8, 0, group="f")]
        assert figure(scores, "dice_averaged").value == pytest.approx((0.5 + 1 + 0) / 3)
        nonempty = figure(scores, "dice_averaged_nonempty")
        assert (nonempty.value, nonempty.n) == (0.5, 1)
        assert figure(scores, "dice_pooled").value == pytest.approx(10 / 28)

    def test_all_empty_pools_to_1(self):
        scores = [photo(0, 0, 0, group="a"), photo(0, 0, 0, group="b")]
        assert figure(scores, "dice_pooled").value == 1
        assert figure(scores, "precision_pooled").value == 1
        assert figure(scores, "area_icc_log").value is None
        assert figure(scores, "hd95_px_median").value is None

    def test_a_missed_ulcer_pools_to_0(self):
        scores = [photo(5, 0, 0, group="a"), photo(9, 0, 0, group="b")]
        assert figure(scores, "precision_pooled").value == 0
        assert figure(scores, "recall_pooled").value == 0

    def test_limits_of_agreement(self):
        # Differences 2, 4, 6 px: mean 4, standard deviation 2 (Bland and Altman 1986).
        scores = [photo(10, 12, 10), photo(20, 24, 20), photo(30, 36, 30)]
        assert figure(scores, "area_bias_px").value == pytest.approx(4)
        assert figure(scores, "area_loa_low_px").value == pytest.approx(4 - 1.96 * 2)
        assert figure(scores, "area_loa_high_px").value == pytest.approx(4 + 1.96 * 2)
        # Each is 1.2 times its label.
        assert figure(scores, "area_bias_ratio").value == pytest.approx(1.2)
        assert figure(scores, "area_loa_low_ratio").value == pytest.approx(1.2)

    def test_intraclass_correlation_of_areas(self):
        scores = [photo(1, 3, 1), photo(2, 4, 2), photo(3, 5, 3), photo(4, 6, 4)]
        assert figure(scores, "area_icc_px").value == pytest.approx(5 / 11)
        pairs = np.log([[1, 3], [2, 4], [3, 5], [4, 6]])
        assert figure(scores, "area_icc_log").value == pytest.approx(icc_2_1(pairs))

    def test_log_areas_are_of_photographs_with_both(self):
        scores = [photo(1, 3, 1), photo(2, 4, 2), photo(0, 5, 0), photo(4, 0, 0)]
        assert figure(scores, "area_icc_log").n == 2
        assert figure(scores, "area_icc_px").n == 4

    def test_medians(self):
        def away(hd95):
            return PhotoScore(str(hd95), str(hd95), None, 5, 5, 4, hd95, hd95 / 2)

        assert figure([away(9.0), away(1.0), away(3.0)], "hd95_px_median").value == 3
        assert figure([away(9.0), away(1.0), away(3.0), away(4.0)], "hd95_px_median").value == 3.5
        assert figure([away(9.0), away(1.0)], "assd_px_averaged").value == 2.5

    def test_counts(self):
        scores = [
            photo(5, 5, 5, group="a"),
            photo(0, 0, 0, group="a"),
            photo(0, 3, 0, group="b"),
            photo(7, 0, 0, group="c"),
        ]
        got = metrics.counts(scores)
        assert (got.photographs, got.groups, got.label_empty) == (4, 3, 2)
        assert (got.both_empty, got.missed, got.false_alarm) == (1, 1, 1)
        assert got.distance_undefined == 3

    def test_no_photograph_is_refused(self):
        with pytest.raises(UsageError):
            summarise([])


def many(number=200, seed=3):
    random = np.random.default_rng(seed)
    found = random.integers(20, 90, number)
    return [photo(100, 100, int(common), group=str(i)) for i, common in enumerate(found)]


class TestBootstrap:
    def test_the_same_seed_gives_the_same_interval(self):
        scores = many(20)
        assert summarise(scores, Bootstrap(100, 7)) == summarise(scores, Bootstrap(100, 7))
        first, second = (figure(scores, "dice_averaged", seed=seed) for seed in (7, 8))
        assert first.low != second.low

    def test_the_interval_of_a_mean_is_near_the_normal_one(self):
        # Of a mean of 200: mean ± 1.96 s/√n (central limit theorem), within a tenth of its width.
        scores = many()
        dice = np.array([s.dice for s in scores])
        reach = 1.96 * dice.std(ddof=1) / math.sqrt(200)
        got = figure(scores, "dice_averaged", draws=2000)
        assert got.low == pytest.approx(dice.mean() - reach, abs=reach / 5)
        assert got.high == pytest.approx(dice.mean() + reach, abs=reach / 5)

    def test_copies_in_one_group_do_not_narrow_it(self):
        once = many(60)
        width = self.width(once)
        assert self.width(once * 4) == pytest.approx(width, rel=0.15)
        apart = [
            photo(100, 100, s.common_px, group=f"{s.group}/{copy}")
            for s in once
            for copy in range(4)
        ]
        assert self.width(apart) == pytest.approx(width / 2, rel=0.15)

    @staticmethod
    def width(scores):
        got = figure(scores, "dice_averaged", draws=1000)
        return got.high - got.low

    def test_a_statistic_of_a_draw_is_that_of_the_photographs_drawn(self):
        # Weights 2, 0, 1 must give what listing the photographs that often gives.
        scores = [photo(10, 12, 10), photo(20, 29, 20), photo(30, 36, 28)]
        listed = metrics._columns([scores[0], scores[0], scores[2]])
        columns, weights = metrics._columns(scores), np.array([[2.0, 0, 1]])
        for stat in metrics.STATISTICS:
            wanted = metrics._value(stat, listed, np.ones((1, 3)))
            assert metrics._value(stat, columns, weights) == pytest.approx(wanted, nan_ok=True)

    def test_one_photograph_drawn_again_and_again_has_no_correlation(self):
        # No spread but rounding, which would pass for a correlation of 1.
        areas = np.random.default_rng(0).uniform(1, 9, (5, 1)).repeat(2, 1)
        weights = np.eye(5)[np.arange(200) % 5] * np.arange(2, 202)[:, None]
        with np.errstate(invalid="ignore", divide="ignore"):
            assert np.isnan(metrics._icc(areas, weights)).all()

    def test_one_group_has_no_interval(self):
        scores = [photo(10, 12, 10, group="a"), photo(20, 24, 20, group="a")]
        got = figure(scores, "dice_pooled")
        assert got.value == pytest.approx(60 / 66)
        assert (got.low, got.high) == (None, None)

    def test_a_figure_seldom_defined_has_no_interval(self):
        # Two ulcers in 42 groups: a draw holds both with probability (1 − 1/e)², 40%.
        scores = [photo(0, 0, 0, group=str(i)) for i in range(40)]
        scores += [photo(9, 9, 5, group="x"), photo(20, 30, 20, group="y")]
        got = figure(scores, "area_icc_log", draws=500)
        assert got.value is not None
        assert (got.low, got.high) == (None, None)

    @pytest.mark.parametrize("options", [{"draws": 0}, {"level": 1.0}, {"level": 0.0}])
    def test_impossible_options_are_refused(self, options):
        with pytest.raises(UsageError):
            Bootstrap(**options)


def test_names_are_unique_and_say_how():
    names = [stat.name for stat in metrics.STATISTICS]
    assert len(set(names)) == len(names)
    assert {stat.how for stat in metrics.STATISTICS} == {
        "pooled",
        "averaged",
        "median",
        "agreement",
    }

"""The square over an ulcer in which its tissue is looked at."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from woundseg.classes import BACKGROUND, CALLUS, GRANULATION, OTHER, UNLABELLED
from woundseg.tissue.window import CONTEXT, LEAST_SIDE_PX, over_bed, window_over


@pytest.mark.parametrize(
    ("box", "rows", "columns"),
    [
        # Twice the longer side, about the middle (150, 120): 100 px to either side.
        ((100, 80, 100, 80), (20, 220), (50, 250)),
        ((110, 70, 80, 100), (20, 220), (50, 250)),
        # 10 px are too few: 64 px about (205, 155).
        ((200, 150, 10, 10), (123, 187), (173, 237)),
        # Cut at the frame of 300 rows and 400 columns, not moved.
        ((0, 0, 60, 40), (0, 80), (0, 90)),
        ((360, 280, 40, 20), (250, 300), (340, 400)),
        ((0, 0, 400, 300), (0, 300), (0, 400)),
    ],
)
def test_by_hand(box, rows, columns):
    assert window_over(box, (300, 400)) == (slice(*rows), slice(*columns))


@given(st.data())
def test_it_holds_the_ulcer_and_lies_in_the_frame(data):
    height, width = (data.draw(st.integers(1, 600)) for _ in range(2))
    x, y = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    across, down = data.draw(st.integers(1, width - x)), data.draw(st.integers(1, height - y))
    rows, columns = window_over((x, y, across, down), (height, width))
    assert 0 <= rows.start <= y
    assert y + down <= rows.stop <= height
    assert 0 <= columns.start <= x
    assert x + across <= columns.stop <= width
    side = max(CONTEXT * max(across, down), LEAST_SIDE_PX)
    assert max(rows.stop - rows.start, columns.stop - columns.start) <= side
    # Where the frame is far enough, nothing is cut: a square, the ulcer in its middle.
    if rows.start > 0 and rows.stop < height and columns.start > 0 and columns.stop < width:
        assert rows.stop - rows.start == columns.stop - columns.start == side
        assert abs((rows.start + rows.stop) - (2 * y + down)) <= 1
        assert abs((columns.start + columns.stop) - (2 * x + across)) <= 1


def test_one_window_over_all_labelled_bed():
    """Granulation from (100, 80) and bone to (200, 160): twice 100 px about (150, 120)."""
    label = np.full((300, 400), BACKGROUND, np.uint8)
    label[80:100, 100:140] = GRANULATION
    label[150:160, 190:200] = OTHER
    label[10:20, 10:20], label[280:290, 380:390] = CALLUS, UNLABELLED  # neither is bed
    assert over_bed(label) == (slice(20, 220), slice(50, 250))


@pytest.mark.parametrize("nothing", [BACKGROUND, CALLUS, UNLABELLED])
def test_without_labelled_bed_the_window_is_the_photograph(nothing):
    assert over_bed(np.full((30, 40), nothing, np.uint8)) == (slice(0, 30), slice(0, 40))

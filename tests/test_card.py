from __future__ import annotations

import re

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from woundseg import card
from woundseg.errors import OutputError, UsageError

OTHER_FAMILIES = ("DICT_4X4_50", "DICT_5X5_100", "DICT_6X6_250", "DICT_APRILTAG_36h11")


def decoded(image, family):
    dictionary = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, family))
    ids = cv2.aruco.ArucoDetector(dictionary).detectMarkers(image)[1]
    return [] if ids is None else sorted(int(i) for i in np.ravel(ids))


@pytest.mark.parametrize("size", card.SIZES)
def test_everything_lies_on_the_card_and_the_line_fits(size):
    plan = card.layout(size)
    (x0, y0), (x1, y1) = plan.line
    assert (x1 - x0, y1 - y0) == (100.0, 0.0)
    for box in (*plan.boxes, *(patch.box for patch in plan.patches)):
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + box.width <= plan.width_mm + 1e-9
        assert box.y + box.height <= plan.height_mm + 1e-9
    assert any("measure me once" in text.words for text in plan.texts)
    written = {text.words for text in plan.texts}
    assert {"subject", "visit", "date"} <= written


@pytest.mark.parametrize("size", card.SIZES)
def test_each_marker_keeps_a_white_cell_around_it(size):
    scale = 20
    image = card.draw_card(size, scale)
    for marker in card.layout(size).markers:
        cell = marker.side / 7
        low = [round((v - cell) * scale) for v in (marker.x, marker.y)]
        high = [round((v + marker.side + cell) * scale) for v in (marker.x, marker.y)]
        assert min(low) >= 0
        around = image[low[1] : high[1], low[0] : high[0]].copy()
        inner = round(cell * scale)
        around[inner - 1 : -inner + 1, inner - 1 : -inner + 1] = 255
        assert around.min() == 255


@pytest.mark.parametrize("size", card.SIZES)
@pytest.mark.parametrize("px_per_mm", [3.3, 11.0])
def test_opencv_reads_every_marker_and_takes_none_for_another_family(size, px_per_mm):
    image = card.draw_card(size, px_per_mm)
    assert decoded(image, card.DICTIONARY) == sorted(m.id for m in card.layout(size).markers)
    for family in OTHER_FAMILIES:
        assert decoded(image, family) == []


def test_ids_are_of_one_card_and_far_from_every_5x5_code():
    ids = [marker.id for size in card.SIZES for marker in card.layout(size).markers]
    assert len(ids) == len(set(ids)) == 12
    five = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_5X5_100)
    size = five.markerSize
    codes = [
        cv2.aruco.Dictionary.getBitsFromByteList(five.bytesList[i : i + 1], size)
        for i in range(len(five.bytesList))
    ]
    for marker_id in ids:
        bits = card.marker_cells(marker_id)[1:-1, 1:-1]
        near = min(int((np.rot90(bits, k) != code).sum()) for code in codes for k in range(4))
        assert near >= 6


def test_pixels_of_a_marker_lie_where_the_layout_says():
    # Standard card, first marker from (6, 6) to (28, 28) mm; at 10 px a mm: pixels 60 to 279.
    grey = card.draw_card("standard", 10)[..., 0]
    assert grey.shape == (1050, 1480)
    dark = grey[60 + 15, 40:300] < 128  # a row through the black border
    assert np.flatnonzero(dark)[[0, -1]].tolist() == [20, 239]
    assert grey[59, 65] == 255
    assert grey[60, 65] == 0


@settings(max_examples=15, deadline=None)
@given(st.floats(2.0, 15.0))
def test_ink_of_a_marker_is_exact_at_any_scale(px_per_mm):
    # Black cells of 2 mm (14 mm by 7) each hold (2 × scale)² px of black, whatever the raster.
    marker = card.layout("small").markers[0]
    grey = card.draw_card("small", px_per_mm)[..., 0].astype(float)
    reach = int(np.ceil((marker.x + marker.side + 1) * px_per_mm))
    first = int((marker.x - 1) * px_per_mm)
    ink = (1 - grey[first:reach, first:reach] / 255).sum()
    black = int((card.marker_cells(marker.id) == 0).sum())
    assert ink == pytest.approx(black * (2 * px_per_mm) ** 2, rel=2e-3)


def test_the_ruler_measures_100_mm():
    plan = card.layout("small")
    row = card.draw_card("small", 20)[round((plan.line[0][1] + 1.8) * 20)]
    ticks = np.flatnonzero(row[:, 0] < 100)
    starts = ticks[np.flatnonzero(np.diff(ticks, prepend=-9) > 1)]
    assert len(starts) == 11  # only the ten-millimetre ticks are this long
    assert starts[-1] - starts[0] == 100 * 20


def test_greys_are_neutral_and_fall_evenly_in_lightness():
    greys = [patch.box.colour for patch in card.layout("standard").patches[:6]]
    assert all(r == g == b for r, g, b in greys)
    image = np.array([greys], np.float32) / 255
    lightness = cv2.cvtColor(image, cv2.COLOR_RGB2Lab)[0, :, 0]
    assert np.allclose(lightness, [96, 81, 66, 51, 36, 20], atol=1.0)


def test_png_has_the_exact_size_and_says_its_dpi(tmp_path):
    path = card.write_card(tmp_path / "card.png", "small", 300)
    with Image.open(path) as image:
        assert image.size == (1441, 638)  # 122 and 54 mm × 300 / 25.4 = 1440.9 and 637.8
        assert image.mode == "RGB"
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.01)


def test_pdf_page_is_the_card_and_carries_no_clock(tmp_path):
    content = card.write_card(tmp_path / "card.pdf", "standard").read_bytes()
    box = re.search(rb"MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", content)
    assert box is not None
    # 148 and 105 mm in points of 1/72 inch
    assert [float(side) for side in box.groups()] == pytest.approx([419.52756, 297.63780], abs=1e-4)
    assert b"CreationDate" not in content
    assert b"/Subtype /Image" not in content


@pytest.mark.parametrize("name", ["card.pdf", "card.png", "card.PNG"])
def test_the_same_card_has_the_same_bytes_whatever_the_user_has_set(tmp_path, name):
    import matplotlib as mpl

    first = card.write_card(tmp_path / name).read_bytes()
    with mpl.rc_context({"font.size": 30, "savefig.bbox": "tight", "pdf.compression": 0}):
        second = card.write_card(tmp_path / name).read_bytes()
        assert mpl.rcParams["font.size"] == 30
    assert first == second
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("dpi", [0, -300, 71.9, 1201, float("nan"), float("inf")])
def test_a_silly_dpi_is_refused(tmp_path, dpi):
    with pytest.raises(UsageError, match="--dpi"):
        card.write_card(tmp_path / "card.png", "small", dpi)


@pytest.mark.parametrize("name", ["card.jpg", "card", "card.svg"])
def test_another_suffix_is_refused(tmp_path, name):
    with pytest.raises(UsageError, match=r"\.pdf or \.png"):
        card.write_card(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_an_unknown_size_is_refused():
    with pytest.raises(UsageError, match="small or standard"):
        card.layout("huge")


@pytest.mark.parametrize("px_per_mm", [0, float("nan"), 61])
def test_an_absurd_scale_is_refused(px_per_mm):
    with pytest.raises(UsageError, match="px_per_mm"):
        card.draw_card("small", px_per_mm)


def test_a_folder_that_is_not_there_is_an_output_error(tmp_path):
    with pytest.raises(OutputError):
        card.write_card(tmp_path / "nowhere" / "card.png", "small", 72)

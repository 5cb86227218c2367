"""Photographs at one scale: what stands on the page, measured in mm."""

from __future__ import annotations

import base64
import re

import cv2
import numpy as np
import pytest
from drawn_study import SKIN, ellipse, photo, row, subject, thumbnail
from hypothesis import given
from hypothesis import strategies as st

from woundseg.report import PhotoShown, tiles, views
from woundseg.report.views import TILE

SPECK = (((600, 600), (601, 601)),)


def page(*photos, rows=()):
    rows = rows or [row(n, 1.0, path=shown.path) for n, shown in enumerate(photos)]
    return str(tiles.tiles(subject(rows, photos)))


def outlines(svg):
    """The outlines of a tile in its units, (N, 2) each."""
    ways = re.findall(r'<path d="([^"]*)" class="ol">', svg)
    return [np.array(re.findall(r"([-\d.]+) ([-\d.]+)", way), dtype=float) for way in ways]


def picture(svg):
    """The embedded JPEG (H, W, 3) RGB, and where it stands: x, y, width, height."""
    tag = re.search(r"<image [^>]*>", svg).group()
    place = [float(re.search(rf' {name}="([-\d.]+)"', tag).group(1))
             for name in ("x", "y", "width", "height")]  # fmt: skip
    data = base64.b64decode(re.search(r"base64,([^\"]*)", tag).group(1))
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1]
    return pixels, place


def split(html):
    return re.findall(r"<figure.*?</figure>", html, re.DOTALL)


def test_a_millimetre_is_as_long_on_every_photograph():
    # The same ulcer of 30 × 20 mm seen at 0.1 and at 0.05 mm a pixel, and one half as large.
    html = page(
        photo("a.jpg", 0.1, u1=(800, 600, 150, 100)),
        photo("b.jpg", 0.05, u1=(500, 500, 300, 200)),
        photo("c.jpg", 0.05, u1=(900, 700, 150, 100)),
    )
    sizes = [np.ptp(outlines(svg)[0], axis=0) for svg in split(html)]
    assert sizes[1] == pytest.approx(sizes[0], rel=0.01)
    assert sizes[2] == pytest.approx(sizes[0] / 2, rel=0.02)
    side_mm = 40.0  # 30 mm × 1.3, up to a whole 5 mm
    assert sizes[0] * side_mm / TILE == pytest.approx([30, 20], rel=0.01)
    assert "each square is 4.0 cm wide" in html


def test_the_scale_bar_is_true():
    svg = page(photo("a.jpg", 0.1, u1=(800, 600, 150, 100)))
    wide = float(re.search(r'<rect [^>]*width="([\d.]+)"', svg).group(1))
    assert ">1 cm</text>" in svg
    assert wide * 40.0 / TILE == pytest.approx(10.0, rel=0.001)


@pytest.mark.parametrize("place", [(800, 600, 150, 100), (60, 40, 120, 90), (1560, 1180, 90, 60)])
def test_the_outline_lies_on_the_ulcer(place):
    """Also where the view reaches beyond the frame."""
    svg = page(photo("a.jpg", 0.1, u1=place))
    pixels, (x, y, width, height) = picture(svg)
    red = pixels[:, :, 1] < 90
    down, across = np.nonzero(red)
    per = width / pixels.shape[1], height / pixels.shape[0]
    seen = np.array([across.min(), down.min(), across.max() + 1, down.max() + 1]) * [*per, *per]
    seen += [x, y, x, y]
    line = outlines(svg)[0]
    told = np.array([*line.min(axis=0), *line.max(axis=0)])
    inside = np.array([x, y, x + width, y + height])
    told[:2], told[2:] = np.maximum(told[:2], inside[:2]), np.minimum(told[2:], inside[2:])
    assert seen == pytest.approx(told, abs=3.0)


def test_islands_of_skin_are_drawn_and_the_ulcers_are_named():
    lines = (ellipse(600, 600, 200, 150), ellipse(600, 600, 50, 40))
    shown = PhotoShown("a.jpg", thumbnail(()), 0.5, 0.1, {"u1": lines, "u2": SPECK})
    rows = [row(0, 1.0, path="a.jpg"), row(0, 1.0, ulcer="u2", path="a.jpg")]
    svg = page(shown, rows=rows)
    assert svg.count('class="ol"') == 1  # u2's outline has no inside
    assert re.search(r'<path d="M[^"]*ZM[^"]*Z" class="ol">', svg)
    assert ">u1</text>" in svg


def test_without_a_scale_the_whole_photograph_is_shown_and_it_is_said():
    svg = page(photo("a.jpg", None, u1=(800, 600, 150, 100)))
    _, place = picture(svg)
    assert place == pytest.approx([0, 45, 360, 270])  # 1600 × 1200, its long side the tile's
    assert ">no scale</text>" in svg
    assert "<rect" not in svg


def test_a_healed_ulcer_is_shown_where_it_was_and_at_the_same_scale():
    before = photo("a.jpg", 0.1, u1=(800, 600, 150, 100))
    after = PhotoShown("b.jpg", thumbnail(()), 0.5, 0.05, {}, places={"u1": (400, 300)})
    html = page(before, after)
    _, (x, y, width, height) = picture(split(html)[1])
    # 40 mm are 800 px at 0.05 mm: from px 0.5 to 800.5 across, from −99.5 to 700.5 down.
    assert (x, y) == pytest.approx((-0.2, 44.8), abs=0.3)
    assert (width, height) == pytest.approx((360.9, 315.9), abs=1.0)
    assert "shown whole" not in html


def test_without_an_outline_or_a_place_the_whole_photograph_has_a_bar_of_its_own():
    before = photo("a.jpg", 0.1, u1=(800, 600, 150, 100))
    html = page(before, PhotoShown("b.jpg", thumbnail(()), 0.5, 0.1, {}))
    svg = split(html)[1]
    assert ">5 cm</text>" in svg
    wide = float(re.search(r'<rect [^>]*width="([\d.]+)"', svg).group(1))
    assert wide == pytest.approx(50 / 160 * 360, abs=0.1)
    assert "shown whole" in html


@pytest.mark.parametrize("data", [b"", b"not a picture"])
def test_what_could_not_be_read_has_no_picture(data):
    assert ">no picture</text>" in page(PhotoShown("a.jpg", data, 1.0, None, {}))


def test_a_view_beside_the_frame_shows_nothing():
    shown = PhotoShown("a.jpg", thumbnail(()), 0.5, 0.1, {}, places={"u1": (-900.0, -900.0)})
    assert "<image" not in page(photo("b.jpg", u1=(800, 600, 150, 100)), shown).split("figure")[3]


def test_pictures_are_no_larger_than_they_are_shown():
    pixels, _ = picture(page(photo("a.jpg", 0.1, u1=(800, 600, 600, 400))))
    assert max(pixels.shape[:2]) <= TILE + 2
    assert np.abs(pixels[5, 5].astype(int) - SKIN).max() < 12


where = st.floats(0, 4000)
sizes = st.floats(3, 900)
scales = st.floats(0.01, 2.0)


@given(st.lists(st.tuples(where, where, sizes, sizes, scales), min_size=1, max_size=4))
def test_every_ulcer_fits_its_tile_and_every_unit_is_the_same_mm(places):
    photos = [
        PhotoShown("p", b"", 0.2, scale, {"u1": (ellipse(x, y, rx, ry, 24),)})
        for x, y, rx, ry, scale in places
    ]
    side = views.common_mm(photos)
    units = set()
    for shown in photos:
        view = views.view(shown, (800, 600), side)
        units.add(view.mm_per_unit)
        assert shown.mm_per_px / view.units_per_px == pytest.approx(view.mm_per_unit)
        spots = np.array([view.at(*point) for point in shown.outlines["u1"][0]])
        assert spots.min() >= 0.1 * TILE - 1e-6
        assert spots.max() <= 0.9 * TILE + 1e-6
    assert len(units) == 1


@given(st.lists(st.tuples(where, where), min_size=3, max_size=40))
def test_a_simplified_outline_keeps_its_place(line):
    view = views.View(0.0, 0.0, 0.1, 0.1, True)
    fewer = np.array(views.simplified(line, view))
    full = np.array([view.at(*point) for point in line])
    assert fewer.min(axis=0) == pytest.approx(full.min(axis=0), abs=0.4)
    assert fewer.max(axis=0) == pytest.approx(full.max(axis=0), abs=0.4)

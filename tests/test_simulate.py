"""The simulator against hand-computed pinhole projections, closed forms and itself.

Expected figures: the pinhole equation u = f·X/Z + c and Pythagoras, worked by hand beside each
case; the area of a circle and of a Fourier outline in polar coordinates (½∫r²dθ); IEC 61966-2-1
for sRGB (0.5 encoded is 0.21404 linear); CIE 15 for the chromaticity of light.
"""

import csv
import io
from dataclasses import replace
from datetime import date, datetime
from math import cos, hypot, pi, radians, sqrt

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from woundseg.card import layout
from woundseg.classes import TISSUE_NAMES
from woundseg.errors import OutputError
from woundseg.simulate import (
    Camera,
    Capture,
    CardPlace,
    Course,
    Foot,
    Healing,
    Lens,
    Outline,
    Pose,
    SceneSpec,
    UlcerLook,
    ViewRanges,
    draw_view,
    draw_visits,
    render,
    write_visits,
)
from woundseg.simulate.camera import DIAGONAL_35MM, tilt_between
from woundseg.simulate.develop import decode_jpeg, encode_jpeg, to_linear, to_srgb
from woundseg.simulate.light import black_body, factors
from woundseg.simulate.noise import Grain, Window, field
from woundseg.simulate.outline import extent
from woundseg.simulate.scene import card_corners_mm

CLEAN = Capture(blur_px=0.0, shot=0.0, read=0.0, vignette=0.0, sharpen=0.0, jpeg_quality=95)
FAST = ViewRanges(sensors=(1, 0, 0, 0))


def focal_500(width=601, height=401, **more):
    """A lens of exactly 500 px focal length, whose middle pixel is (300, 200)."""
    return Lens(width, height, 500 / hypot(width, height) * DIAGONAL_35MM, **more)


def camera(lens=None, **pose):
    return Camera(lens or focal_500(), Pose(**pose))


def small_spec(**more):
    spec = SceneSpec(
        camera=Camera(Lens(480, 360), Pose(target_mm=(30, -40), distance_mm=260, tilt_deg=12)),
        foot=Foot(seed=3),
        ulcers=(UlcerLook(Outline((-24, -50), 4.0, ((2, 0.1, 0.4), (3, 0.08, 2.0))), seed=5),),
        card=CardPlace((95, -30), 80.0, size="small"),
        seed=7,
    )
    return replace(spec, **more)


# --- camera -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pose", "height", "point", "pixel"),
    [
        ({"distance_mm": 250}, 0, (0, 0), (300, 200)),
        ({"distance_mm": 250}, 0, (50, -25), (400, 150)),  # 500 · 50 / 250 = 100
        ({"distance_mm": 250}, 50, (50, -25), (425, 137.5)),  # 500 · 50 / 200 = 125
        ({"distance_mm": 250, "target_mm": (50, -25)}, 0, (50, -25), (300, 200)),
        ({"distance_mm": 250, "roll_deg": 90}, 0, (50, 0), (300, 300)),  # X turns into Y
        # Tilted by 30° about X: Y = 100 lies 100·cos 30 = 86.6 down and 50 farther off.
        ({"distance_mm": 250, "tilt_deg": 30}, 0, (0, 100), (300, 200 + 500 * 86.60254 / 300)),
        # Tilted by 30° about Y: X = 100 lies 86.6 to the right and 50 nearer.
        (
            {"distance_mm": 250, "tilt_deg": 30, "tilt_axis_deg": 90},
            0,
            (100, 0),
            (300 + 500 * 86.60254 / 200, 200),
        ),
    ],
)
def test_projection_by_hand(pose, height, point, pixel):
    seen = camera(**pose).project(np.array(point, float), height)
    np.testing.assert_allclose(seen, pixel, atol=1e-4)


def test_distortion_by_hand():
    # r = 0.2, so k1 = 0.1 moves 100 px to 100 · (1 + 0.1 · 0.04) and k2 = 0.5 adds 0.5 · 0.0016.
    seen = camera(focal_500(k1=0.1, k2=0.5), distance_mm=250).project(np.array([50.0, 0.0]))
    np.testing.assert_allclose(seen, (300 + 100 * (1 + 0.004 + 0.0008), 200), atol=1e-9)


def test_optical_axis_off_the_middle():
    lens = focal_500(off_centre=(0.01, -0.02))
    diagonal = hypot(601, 401)
    seen = camera(lens, distance_mm=250).project(np.zeros(2))
    np.testing.assert_allclose(seen, (300 + 0.01 * diagonal, 200 - 0.02 * diagonal))


def test_focal_length_from_35_mm_film():
    # 4:3 at 5000 px diagonal; a 43.27 mm lens sees its own diagonal: focal length = diagonal.
    assert Lens(4000, 3000, hypot(36, 24)).focal_px == pytest.approx(5000)


lenses = st.builds(
    Lens,
    width=st.integers(200, 4000),
    height=st.integers(200, 4000),
    focal_35mm=st.floats(22, 80),
    k1=st.floats(-0.03, 0.05),
    k2=st.floats(-0.02, 0.02),
    off_centre=st.tuples(st.floats(-0.02, 0.02), st.floats(-0.02, 0.02)),
)
poses = st.builds(
    Pose,
    target_mm=st.tuples(st.floats(-100, 100), st.floats(-100, 100)),
    distance_mm=st.floats(100, 600),
    tilt_deg=st.floats(0, 30),
    tilt_axis_deg=st.floats(0, 360),
    roll_deg=st.floats(0, 360),
)


@settings(deadline=None, max_examples=60)
@given(lenses, poses, st.floats(-10, 10), st.floats(0, 1), st.floats(0, 1))
def test_pixels_to_the_plane_and_back(lens, pose, height, right, down):
    view = Camera(lens, pose)
    pixel = np.array([right * (lens.width - 1), down * (lens.height - 1)])
    there = view.to_plane(pixel, height)
    np.testing.assert_allclose(view.project(there, height), pixel, atol=1e-4 * hypot(*pixel) + 1e-3)


@settings(deadline=None, max_examples=30)
@given(poses)
def test_tilt_is_the_angle_between_axis_and_normal(pose):
    assert tilt_between(Camera(Lens(400, 300), pose)) == pytest.approx(pose.tilt_deg, abs=1e-6)


def test_px_per_mm_straight_and_tilted():
    assert camera(distance_mm=250).px_per_mm((0, 0)) == pytest.approx(2.0)
    # Tilting shortens one direction by cos 30° at the target: area · cos 30°.
    tilted = camera(distance_mm=250, tilt_deg=30).px_per_mm((0, 0))
    assert tilted == pytest.approx(2 * sqrt(cos(radians(30))), rel=1e-5)


# --- outlines -----------------------------------------------------------------------------


def shoelace(points):
    x, y = points.T
    return abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def test_circle():
    circle = Outline((3.0, -2.0), pi)  # π cm²: radius 10 mm
    assert circle.base_radius_mm == pytest.approx(10)
    size = extent(circle.points_mm(2000))
    assert size.perimeter_cm == pytest.approx(2 * pi, rel=1e-5)
    assert (size.length_cm, size.width_cm) == pytest.approx((2, 2), rel=1e-5)


def test_ellipse_length_and_width():
    ellipse = Outline((0, 0), pi, stretch=1.5, angle_deg=30)  # half axes 15 and 6.667 mm
    size = extent(ellipse.points_mm())
    assert size.length_cm == pytest.approx(3.0, rel=1e-4)
    assert size.width_cm == pytest.approx(2 * 10 / 15, rel=1e-3)


waves = st.lists(
    st.tuples(st.integers(1, 8), st.floats(0, 0.1), st.floats(0, 6.28)), max_size=5
).map(tuple)


@settings(deadline=None, max_examples=50)
@given(st.floats(0.1, 60), waves, st.floats(0.7, 1.5), st.floats(0, 180))
def test_stated_area_is_the_polygons(area, terms, stretch, angle):
    # Each order once: two terms of one order would interfere, and the closed form not hold.
    terms = tuple({order: (order, size, phase) for order, size, phase in terms}.values())
    outline = Outline((12, -7), area, terms, stretch, angle)
    points = outline.points_mm(7200)
    assert shoelace(points) / 100 == pytest.approx(area, rel=1e-5)
    assert np.abs(outline.level(*points.T)).max() < 1e-9 * outline.reach_mm
    assert np.hypot(*(points - outline.centre_mm).T).max() <= outline.reach_mm * (1 + 1e-9)


# --- noise and colour ---------------------------------------------------------------------


def test_noise_stays_in_place_at_another_resolution():
    coarse = Window.around((-30, -30), (30, 30), 4.0)
    fine = Window.around((-30, -30), (30, 30), 8.0)
    grain = Grain(8.0, 2)
    first, second = field((1, 2), grain, coarse), field((1, 2), grain, fine)
    halved = cv2.resize(second, first.shape[::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(first - halved).mean() < 0.05
    assert np.abs(first - field((1, 3), grain, coarse)).mean() > 0.5


def test_srgb_by_the_standard():
    encoded = np.array([[0.0, 0.02, 0.5, 1.0]], dtype=np.float32)
    np.testing.assert_allclose(to_linear(encoded)[0], (0, 0.02 / 12.92, 0.21404, 1), atol=1e-5)
    np.testing.assert_allclose(to_srgb(to_linear(encoded)), encoded, atol=1e-5)


# --- rendering ----------------------------------------------------------------------------


def test_same_seed_same_bytes_and_another_seed_other_noise():
    first, again = render(small_spec()), render(small_spec())
    assert first.jpeg == again.jpeg
    assert render(small_spec(seed=8)).jpeg != first.jpeg
    np.testing.assert_array_equal(first.pixels, decode_jpeg(first.jpeg))


def test_shapes_and_tissue_only_inside():
    scene = render(small_spec())
    assert scene.pixels.shape == (360, 480, 3)
    assert scene.mask.shape == scene.tissue.shape == (360, 480)
    np.testing.assert_array_equal(scene.tissue > 0, scene.mask)
    assert set(np.unique(scene.tissue)) <= {0, 1, 2, 3}


def test_mask_has_the_area_that_the_outline_encloses():
    scene = render(small_spec())
    assert scene.mask.sum() == pytest.approx(shoelace(scene.ulcers[0].outline_px), rel=0.01)
    truth = shoelace(scene.to_mm(scene.ulcers[0].outline_px)) / 100
    assert truth == pytest.approx(4.0, rel=1e-4)


def flat_look(monkeypatch):
    """White paint for ulcers and black for all else, so that light is area."""
    from woundseg.simulate import scene as scenes

    def paint_only_cover(paint, look, _light_deg):
        from woundseg.simulate.ulcer import bed_cover, crop_window, signed_distance_mm

        rows, columns, window = crop_window(look.outline, paint.window)
        distance = signed_distance_mm(look.outline, window)
        cover = bed_cover(distance, window)
        # In linear light; ``_lit`` below leaves it as it is.
        paint.albedo[...], paint.shade[...], paint.cover[...] = 0, 1, 1
        paint.albedo[rows, columns] = cover[..., None]

    monkeypatch.setattr(scenes, "paint_ulcer", paint_only_cover)
    monkeypatch.setattr(scenes, "_lit", lambda paint: paint.albedo)
    return scenes


@pytest.mark.parametrize("tilt_deg", [0.0, 25.0])
def test_drawn_ulcer_covers_its_outline(monkeypatch, tilt_deg):
    scenes = flat_look(monkeypatch)
    view = Camera(Lens(480, 360, k1=0.02), Pose((-24, -50), 200, tilt_deg, 40, 25))
    spec = small_spec(camera=view, card=None)
    light = scenes.light_on_sensor(spec)[..., 0]
    truth = shoelace(view.project(spec.ulcers[0].outline.points_mm()))
    around = cv2.dilate(render(spec).mask.astype(np.uint8), np.ones((9, 9))) > 0
    # An edge misplaced by 0.05 px all around would change the area by 0.05 · perimeter.
    perimeter = sqrt(4 * pi * truth)
    assert abs(light[around].sum() - truth) < 0.03 * perimeter


@pytest.mark.parametrize("bow_mm", [0.0, 2.0])
@pytest.mark.parametrize("height_mm", [0.0, 5.0])
def test_drawn_card_lies_where_the_camera_sees_it(monkeypatch, height_mm, bow_mm):
    """The centroid of each marker's darkness, against the projection of the same darkness."""
    scenes = flat_look(monkeypatch)
    view = Camera(Lens(640, 480, k1=0.02, k2=0.01), Pose((60, 0), 230, 20, 70, 15))
    place = CardPlace((60, 0), 75.0, height_mm, "standard", bow_mm=bow_mm)
    light = np.ones((480, 640, 3), np.float32) * scenes.PAPER
    scenes._lay_card(light, view, place)
    card = layout("standard")
    dark = (scenes.PAPER - light[..., 0]) / (scenes.PAPER - scenes.INK)
    for marker in card.markers:
        corners = np.array(marker.corners(), float)
        quiet = np.array(((-1.5, -1.5), (1.5, -1.5), (1.5, 1.5), (-1.5, 1.5)))
        region = np.zeros(dark.shape, np.uint8)
        seen = project_card(view, place, corners + quiet)
        cv2.fillPoly(region, [np.rint(seen).astype(np.int32)], 1)
        weight = np.where(region > 0, dark, 0)
        rows, columns = np.nonzero(weight > 0.001)
        amount = weight[rows, columns]
        found = np.array([columns @ amount, rows @ amount]) / amount.sum()
        expected, area = dark_centroid(view, place, marker)
        np.testing.assert_allclose(found, expected, atol=0.02)
        assert abs(amount.sum() - area) < 0.02 * 4 * sqrt(area)


def project_card(view, place, points_mm):
    """Pixels of points on the (bowed) card, point by point."""
    half = layout(place.size).width_mm / 2
    pixels = [
        view.project(
            place.to_plane(point[None]),
            place.height_mm + place.bow_mm * (1 - (point[0] / half - 1) ** 2),
        )[0]
        for point in points_mm
    ]
    return np.array(pixels)


def dark_centroid(view, place, marker):
    """Centroid and area in px of a marker's black cells, each cell as a projected polygon."""
    from woundseg.card import marker_cells

    cells = marker_cells(marker.id)
    side = marker.side / len(cells)
    total, moment = 0.0, np.zeros(2)
    for row, column in np.argwhere(cells == 0):
        corner = np.array([marker.x + column * side, marker.y + row * side])
        square = corner + side * np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
        seen = project_card(view, place, square)
        area = shoelace(seen)
        total += area
        moment += area * seen.mean(axis=0)
    return moment / total, total


def test_covered_card_shows_what_lies_beneath(monkeypatch):
    scenes = flat_look(monkeypatch)
    view = Camera(Lens(640, 480), Pose((0, 0), 250))
    place = CardPlace((0, 0), hidden=(0.0, 0.0, 30.0))
    light = np.full((480, 640, 3), 0.5, np.float32)
    scenes._lay_card(light, view, place)
    corner, middle = (
        np.rint(view.project(place.to_plane(np.array(p)))).astype(int)
        for p in ((4.0, 4.0), (74.0, 45.0))
    )
    assert light[corner[1], corner[0], 0] == pytest.approx(0.5)
    assert light[middle[1], middle[0], 0] > 0.7


def test_print_scale_shrinks_the_card():
    nominal, printed = CardPlace((0, 0)), CardPlace((0, 0), print_scale=0.97)
    ratio = shoelace(card_corners_mm(printed)) / shoelace(card_corners_mm(nominal))
    assert ratio == pytest.approx(0.97**2)


def test_exif_is_written():
    from PIL import Image

    scene = render(small_spec(taken_at=datetime(2025, 3, 4, 9, 30)))
    details = Image.open(io.BytesIO(scene.jpeg)).getexif().get_ifd(0x8769)
    assert details[0x9003] == "2025:03:04 09:30:00"
    assert details[0xA405] == 28


def test_jpeg_quality_matters():
    from woundseg.simulate.develop import Exif

    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    assert len(encode_jpeg(noise, 60, Exif(28))) < len(encode_jpeg(noise, 95, Exif(28)))


# --- drawn views and visits ---------------------------------------------------------------


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10_000))
def test_views_keep_to_their_ranges(seed):
    spec = draw_view(np.random.default_rng(seed))
    lens, pose = spec.camera.lens, spec.camera.pose
    assert 0 <= pose.tilt_deg <= 30
    assert pose.distance_mm >= 220
    assert 60 <= spec.capture.jpeg_quality <= 95
    assert 1.0 <= spec.ulcers[0].outline.area_cm2 <= 12
    shown = [
        spec.camera.project(spec.ulcers[0].outline.points_mm(50)),
        spec.camera.project(card_corners_mm(spec.card)),
    ]
    for pixels in shown:
        assert pixels.min() > 0
        assert pixels[:, 0].max() < lens.width - 1
        assert pixels[:, 1].max() < lens.height - 1
    corners = card_corners_mm(spec.card).astype(np.float32)
    assert spec.foot.distance_mm(corners[:, 0], corners[:, 1]).min() > 0


def test_healing_curve_by_hand():
    healing = Healing(start_cm2=8.0, half_time_days=20.0, closed_below_cm2=0.2)
    assert [healing.area_cm2(day) for day in (0, 20, 60)] == pytest.approx([8, 4, 1])
    assert healing.area_cm2(112) == 0.0  # 8 · 2^-5.6 = 0.165


def test_visits_share_the_foot_and_follow_the_curve():
    visits = draw_visits(Course(seed=4), 6)
    assert len({visit.spec.foot for visit in visits}) == 1
    assert len({visit.spec.camera for visit in visits}) == 6
    areas = [sum(u.outline.area_cm2 for u in visit.spec.ulcers) for visit in visits]
    assert areas[0] == pytest.approx(8.0)
    assert areas[2] == pytest.approx(8 * 0.5 ** (28 / 20))
    assert areas[-1] == 0.0
    assert visits[-1].spec.scars
    assert not visits[0].spec.scars
    assert visits[1].path == "S01/V2_2025-01-20/photo.jpg"
    assert draw_visits(Course(seed=4), 6) == visits


def test_written_visits(tmp_path):
    course = Course(start=date(2025, 2, 1), ranges=FAST, healing=Healing(half_time_days=2))
    paths = write_visits(tmp_path / "study", course, 2)
    assert [p.relative_to(tmp_path).as_posix() for p in paths] == [
        "study/S01/V1_2025-02-01/photo.jpg",
        "study/S01/V2_2025-02-15/photo.jpg",
    ]
    with (tmp_path / "study" / "truth.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["path"] for row in rows] == [
        "S01/V1_2025-02-01/photo.jpg",
        "S01/V2_2025-02-15/photo.jpg",
    ]
    assert [float(row["area_cm2"]) for row in rows] == [8.0, 0.0]
    open_bed, closed = ([row[tissue] for tissue in TISSUE_NAMES] for row in rows)
    assert sum(map(float, open_bed)) == pytest.approx(1.0, abs=2e-4)
    assert closed == [""] * 4
    assert decode_jpeg(paths[0].read_bytes()).shape[2] == 3


def test_visits_that_cannot_be_written(tmp_path):
    (tmp_path / "study").write_text("a file in the way")
    with pytest.raises(OutputError, match="study"):
        write_visits(tmp_path / "study", Course(ranges=FAST), 1)


# --- light of another colour ------------------------------------------------------------------

# IEC 61966-2-1: XYZ of linear sRGB.
TO_XYZ = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]


@pytest.mark.parametrize(
    ("kelvin", "x", "y"),
    # CIE 15: illuminant A, a black body of 2,856 K. Wyszecki and Stiles, Color Science (2nd ed.),
    # table 1(3.11): a black body of 5,000 and of 6,500 K.
    [(2856, 0.4476, 0.4074), (5000, 0.3451, 0.3516), (6500, 0.3135, 0.3237)],
)
def test_a_black_body_has_its_chromaticity_and_luminance_1(kelvin, x, y):
    seen = np.array(TO_XYZ) @ black_body(kelvin)
    assert seen[:2] / seen.sum() == pytest.approx([x, y], abs=0.0012)
    assert seen[1] == pytest.approx(1.0, abs=0.001)


def test_light_is_told_against_daylight_and_a_stop_doubles_it():
    assert factors(6500, 0) == pytest.approx([1, 1, 1])
    assert factors(6500, 1) == pytest.approx([2, 2, 2])
    assert factors(3000, -1) == pytest.approx(factors(3000, 0) / 2)
    red, green, blue = factors(3000, 0)
    assert red > green > blue
    # A white surface keeps its luminance (Rec. 709 weights).
    assert 0.2126 * red + 0.7152 * green + 0.0722 * blue == pytest.approx(1.0)

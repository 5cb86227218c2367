"""Colour: the formulas against published values, the card and the estimate on drawn pictures."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from woundseg import card, colour, scale
from woundseg.errors import TableError
from woundseg.records import ColourFacts, Scale
from woundseg.simulate.camera import Camera, Lens, Pose
from woundseg.simulate.develop import Capture
from woundseg.simulate.foot import Foot
from woundseg.simulate.light import factors
from woundseg.simulate.outline import Outline
from woundseg.simulate.scene import CardPlace, SceneSpec, render
from woundseg.simulate.ulcer import UlcerLook

SKIN = (205, 150, 125)
PX_PER_MM = 6
AT = (60, 40)


# --- formulas -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        # Sharma, Wu and Dalal 2005, table 1: the pairs with these numbers.
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),  # 1
        ((50.0, 2.8361, -74.0200), (50.0, 0.0, -82.7485), 3.4412),  # 3
        ((50.0, -1.3802, -84.2814), (50.0, 0.0, -82.7485), 1.0),  # 4
        ((50.0, 0.0, 0.0), (50.0, -1.0, 2.0), 2.3669),  # 7: one without hue
        ((50.0, 2.49, -0.001), (50.0, -2.49, 0.0009), 7.1792),  # 9: hues half a turn apart
        ((50.0, 2.49, -0.001), (50.0, -2.49, 0.0011), 7.2195),  # 11
        ((50.0, -0.001, 2.49), (50.0, 0.0009, -2.49), 4.8045),  # 13
        ((50.0, -0.001, 2.49), (50.0, 0.0011, -2.49), 4.7461),  # 15
        ((50.0, 2.5, 0.0), (50.0, 0.0, -2.5), 4.3065),  # 16
        ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),  # 17
        ((50.0, 2.5, 0.0), (61.0, -5.0, 29.0), 22.8977),  # 18
        ((50.0, 2.5, 0.0), (56.0, -27.0, -3.0), 31.9030),  # 19
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),  # 25
        ((22.7233, 20.0904, -46.6940), (23.0331, 14.9730, -42.5619), 2.0373),  # 29
        ((90.8027, -2.0831, 1.4410), (91.1528, -1.6435, 0.0447), 1.4441),  # 31
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),  # 34
    ],
)
def test_ciede2000_as_published(first, second, expected):
    assert colour.ciede2000(first, second) == pytest.approx(expected, abs=5e-5)


LABS = st.tuples(st.floats(0, 100), st.floats(-100, 100), st.floats(-100, 100))


@given(LABS, LABS)
def test_ciede2000_is_a_difference(first, second):
    assert colour.ciede2000(first, first) == 0
    there, back = colour.ciede2000(first, second), colour.ciede2000(second, first)
    assert there == pytest.approx(float(back), abs=1e-9)
    assert there >= 0


@pytest.mark.parametrize(
    ("d50", "rgb", "expected"),
    [
        (False, (1, 1, 1), (100, 0, 0)),
        (False, (1, 0, 0), (53.24, 80.09, 67.20)),  # brucelindbloom.com, CIE colour calculator
        (False, (0, 0, 1), (32.30, 79.19, -107.86)),  # the same
        (True, (1, 0, 0), (54.29, 80.81, 69.89)),  # CSS Color 4, lab() of red
        (True, (0, 1, 0), (87.82, -79.27, 80.99)),  # the same, of lime
    ],
)
def test_lab_of_primaries(d50, rgb, expected):
    found = colour.linear_to_lab(np.array(rgb, float), d50=d50)
    assert found == pytest.approx(expected, abs=0.05)


@given(st.tuples(*[st.floats(0.0, 1.0)] * 3))
def test_lab_and_back(rgb):
    lab = colour.linear_to_lab(np.array(rgb), d50=True)
    assert colour.lab_to_linear(lab) == pytest.approx(rgb, abs=1e-9)


def test_every_byte_survives_decoding_and_encoding():
    bytes_ = np.arange(256, dtype=np.uint8).reshape(1, 256, 1).repeat(3, axis=2)
    linear = colour.to_linear(bytes_)
    assert linear.dtype == np.float32
    assert linear[0, 188, 0] == pytest.approx(0.5028865, abs=1e-6)  # ((188/255 + .055) / 1.055)^2.4
    assert (np.rint(colour.to_srgb(linear) * 255) == bytes_).all()


# --- the card -----------------------------------------------------------------------------------


def scale_of(size, print_scale=1.0):
    """The scale that goes with ``drawn``: known, not found."""
    step = print_scale / PX_PER_MM
    x, y = ((0.5 - at) * step for at in AT)  # the centre of the pixel at AT shows (0.5, 0.5) px
    corners = np.array([marker.corners() for marker in card.layout(size).markers])
    px = corners.reshape(-1, 2) * PX_PER_MM + AT - 0.5
    return Scale(
        "card",
        ((step, 0.0, x), (0.0, step, y), (0.0, 0.0, 1.0)),
        corners_px=tuple((float(a), float(b)) for a, b in px),
    )


def drawn(size="standard", gains=(1.0, 1.0, 1.0), cover=()):
    """The card on skin in a light of these factors; ``cover`` holds (patch, part, colour)."""
    image = card.draw_card(size, PX_PER_MM).copy()
    for name, part, over in cover:
        box = next(patch.box for patch in card.layout(size).patches if patch.name == name)
        x, y, width, height = (
            round(v * PX_PER_MM) for v in (box.x, box.y, box.width * part, box.height)
        )
        image[y : y + height, x : x + width] = over
    height, width = image.shape[:2]
    photo = np.full((height + 2 * AT[1], width + 2 * AT[0], 3), SKIN, np.uint8)
    photo[AT[1] : AT[1] + height, AT[0] : AT[0] + width] = image
    return lit(photo, gains)


def lit(photo, gains):
    """The photograph in another light: factors on linear light, and what is too bright cut off."""
    light = colour.to_linear(photo) * np.asarray(gains, np.float32)
    return np.rint(colour.to_srgb(light) * 255).astype(np.uint8)


@pytest.mark.parametrize("size", card.SIZES)
@pytest.mark.parametrize("gains", [(1, 1, 1), (0.8, 0.5, 0.3), (0.42, 0.2, 0.07), (0.5, 0.6, 0.9)])
def test_the_greys_give_the_light_back(size, gains):
    found = colour.balance(drawn(size, gains), scale_of(size))
    assert found.source == "card"
    assert found.facts() == ColourFacts(source="card", residual_de2000=None)
    assert len(found.patches) == 6
    assert found.gains == pytest.approx(1 / np.array(gains), rel=0.02)


def test_balanced_greys_are_neutral_and_as_light_as_they_reflect():
    photo = drawn(gains=(0.6, 0.35, 0.15))
    found = colour.balance(photo, scale_of("standard"))
    corrected = found.apply(photo)
    box = next(p.box for p in card.layout().patches if p.name == "grey 51")
    x, y = round((box.x + 3) * PX_PER_MM) + AT[0], round((box.y + 3) * PX_PER_MM) + AT[1]
    assert corrected[y, x].astype(int) == pytest.approx([121, 121, 121], abs=2)
    lab = found.lab(photo)[y, x]
    assert lab == pytest.approx([51, 0, 0], abs=1.5)


@pytest.mark.parametrize("print_scale", [0.9, 1.1])
def test_a_card_printed_larger_or_smaller_is_read_in_its_place(print_scale):
    found = colour.balance(drawn(gains=(0.5, 0.5, 0.4)), scale_of("standard", print_scale))
    assert found.gains == pytest.approx((2, 2, 2.5), rel=0.02)


def test_burnt_greys_are_left_out_and_do_not_change_the_rest():
    found = colour.balance(drawn(gains=(2.4, 2.2, 1.8)), scale_of("standard"))
    assert "grey 96" not in found.patches
    assert "grey 36" in found.patches
    assert found.gains == pytest.approx(1 / np.array([2.4, 2.2, 1.8]), rel=0.03)


@pytest.mark.parametrize("part", [0.5, 1.0])
@pytest.mark.parametrize("over", [SKIN, (90, 60, 45), (250, 250, 250), (20, 20, 20)])
def test_a_covered_grey_is_left_out(part, over):
    photo = drawn(gains=(0.5, 0.4, 0.3), cover=[("grey 66", part, over)])
    found = colour.balance(photo, scale_of("standard"))
    assert "grey 66" not in found.patches
    assert found.gains == pytest.approx((2, 2.5, 1 / 0.3), rel=0.02)


def test_a_card_under_a_hand_is_no_card():
    cover = [(f"grey {n}", 1.0, SKIN) for n in (96, 81, 66, 51)]
    found = colour.balance(drawn(cover=cover), scale_of("standard"))
    assert found.source == "estimate"


def test_a_card_half_out_of_the_frame_is_read_as_far_as_it_is_seen():
    photo = drawn(gains=(0.5, 0.5, 0.5))
    names = set(colour.read_patches(photo[:, : AT[0] + 60 * PX_PER_MM], scale_of("standard")))
    assert names == {"grey 96", "grey 81", "grey 66", "grey 51", "grey 36", "grey 20"}


@pytest.mark.parametrize("source", ["marker", "given"])
def test_without_a_card_the_light_is_estimated(source):
    other = replace(scale_of("standard"), source=source)
    assert colour.balance(drawn(), other).source == "estimate"
    assert colour.balance(drawn(), None).source == "estimate"


def test_a_diagonal_correction_is_the_same_by_table_and_by_light():
    photo = drawn(gains=(0.5, 0.4, 0.3))
    found = colour.balance(photo, scale_of("standard"))
    by_light = np.rint(colour.to_srgb(found.linear(photo)) * 255)
    assert np.abs(found.apply(photo).astype(int) - by_light).max() <= 1
    assert colour.Balanced("none").apply(photo) is photo


def test_a_burnt_channel_is_not_brought_below_the_others():
    """Red burnt and halved beside an unchanged green: neutral, not green. Lawful red stays red."""
    halved = colour.Balanced("card", ((0.5, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)))
    pixels = np.array(
        [[(255, 240, 180), (250, 240, 180), (249, 240, 180), (255, 90, 80)]], np.uint8
    )
    # Half the light of 255 is 188 in sRGB, of 249 it is 183.
    corrected = [[[240, 240, 180], [240, 240, 180], [183, 240, 180], [188, 90, 80]]]
    assert halved.apply(pixels).tolist() == corrected
    mixing = colour.Balanced("card", ((0.5, 0.0, 0.0), (0.0, 1.0, 1e-9), (0.0, 0.0, 1.0)))
    assert mixing.apply(pixels).tolist() == corrected


# --- measured values ----------------------------------------------------------------------------

MIX = np.array([[0.86, 0.10, 0.02], [0.05, 0.90, 0.07], [0.03, 0.12, 0.80]])
"""A camera whose channels see a little of each other."""


def measured(size="standard"):
    """What the patches as drawn would measure."""
    rgb = {p.name: colour.to_linear(np.uint8(p.box.colour)) for p in card.layout(size).patches}
    return {n: tuple(map(float, colour.linear_to_lab(v, d50=True))) for n, v in rgb.items()}


def mixed(photo):
    light = colour.to_linear(photo) @ MIX.T.astype(np.float32) * np.float32(0.8)
    return np.rint(colour.to_srgb(light) * 255).astype(np.uint8)


@pytest.mark.parametrize("size", card.SIZES)
def test_a_profile_undoes_what_gains_cannot(size):
    photo, profile = mixed(drawn(size)), measured(size)
    found = colour.balance(photo, scale_of(size), profile)
    assert found.source == "card"
    assert found.residual_de2000 == pytest.approx(0, abs=0.6)  # 8-bit rounding in the dark
    assert np.asarray(found.matrix) @ MIX * 0.8 == pytest.approx(np.eye(3), abs=0.02)
    skin = found.lab(photo)[5, 5]
    assert skin == pytest.approx(colour.linear_to_lab(colour.to_linear(np.uint8(SKIN))), abs=1.0)
    plain = colour.balance(photo, scale_of(size)).lab(photo)[5, 5]
    assert np.linalg.norm(plain - skin) > 4


def test_the_residual_is_the_mean_difference_over_the_patches():
    """Measured values that no matrix can reach: one patch 10 L* lighter than seen."""
    profile = measured()
    lightness, a, b = profile["green"]
    profile["green"] = (lightness + 10, a, b)
    photo = drawn(gains=(0.8, 0.8, 0.8))
    found = colour.balance(photo, scale_of("standard"), profile)
    readings = colour.read_patches(photo, scale_of("standard"))
    seen = np.stack([readings[n] for n in found.patches]) @ np.asarray(found.matrix).T
    labs = colour.linear_to_lab(seen, d50=True)
    left = [colour.ciede2000(lab, profile[n]) for lab, n in zip(labs, found.patches, strict=True)]
    assert found.residual_de2000 == pytest.approx(float(np.mean(left)))
    assert 0.5 < found.residual_de2000 < 5


def test_a_covered_colour_is_left_out_of_the_full_correction():
    photo = mixed(drawn(cover=[("blue", 1.0, (230, 120, 40))]))
    found = colour.balance(photo, scale_of("standard"), measured())
    assert "blue" not in found.patches
    assert len(found.patches) == 11
    assert found.residual_de2000 < 0.8


def test_with_too_few_patches_the_greys_alone_are_used_and_the_residual_says_so():
    few = {n: v for n, v in measured().items() if n.startswith("grey")}
    found = colour.balance(mixed(drawn()), scale_of("standard"), few)
    assert found.source == "card"
    assert np.count_nonzero(np.asarray(found.matrix) - np.diag(found.gains)) == 0
    assert found.residual_de2000 is not None


def written(tmp_path, text):
    path = tmp_path / "print.csv"
    path.write_text(text, encoding="utf-8")
    return path


def table(rows):
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(("patch", "L", "a", "b"))
    writer.writerows(rows)
    return stream.getvalue()


def rows(**changes):
    return [(n, *changes.get(n.replace(" ", "_"), lab)) for n, lab in measured().items()]


def test_a_profile_is_read(tmp_path):
    found = colour.read_profile(written(tmp_path, "\ufeff" + table(rows(red=(40.25, 50, 30)))))
    assert len(found) == 12
    assert found["red"] == (40.25, 50.0, 30.0)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("patch,L,a\nred,1,2\n", "has no column b"),
        (table([*rows(), ("red", 40, 50, 30)]), "row 14: column patch: 'red' stands there twice"),
        (table([("mauve", 40, 50, 30)]), "row 2: column patch: the card has no 'mauve'"),
        (table(rows(red=(140, 50, 30))), "column L: '140' is not between 0 and 100"),
        (table(rows(red=(40, "x", 30))), "column a: 'x' is not between -128 and 128"),
        (table(rows(red=(40, 50, "nan"))), "column b: 'nan' is not"),
        (table(rows()[4:]), "has 2 greys and 8 patches"),
        (table(rows()[:6]), "has 6 greys and 6 patches"),
        ('patch,L,a,b\n"red,1,2,3\n', "cannot be read"),
    ],
)
def test_a_profile_that_cannot_be_used(tmp_path, text, told):
    with pytest.raises(TableError) as failed:
        colour.read_profile(written(tmp_path, text))
    assert told in failed.value.line()


@settings(max_examples=60)
@given(st.text(max_size=80))
def test_any_text_is_a_profile_or_an_error(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("p") / "print.csv"
    path.write_bytes(("patch,L,a,b\n" + text).encode("utf-8", "surrogatepass"))
    with pytest.raises(TableError):
        colour.read_profile(path)


# --- without a card -----------------------------------------------------------------------------


@cache
def scene():
    """A simulated foot with an ulcer and the small card beside it."""
    look = UlcerLook(Outline((0.0, 0.0), 9.0), seed=5, slough=0.3, necrosis=0.2)
    return render(
        SceneSpec(
            camera=Camera(Lens(1120, 840), Pose((35.0, 0.0), 250.0)),
            foot=Foot(seed=4, view="sole", tone=1.0),
            ulcers=(look,),
            card=CardPlace((90.0, -20.0), 90.0, size="small"),
            capture=Capture(exposure=0.5),
            cloth="blue",
            seed=3,
        )
    )


@cache
def seen_in(kelvin, stops):
    """The scene's photograph when the camera leaves the light as it is."""
    return lit(scene().pixels, factors(kelvin, stops))


def moved(correct, kelvin, stops):
    """Distance in CIELAB that the bed's mean moves by from light of 6,500 K, no stop."""
    views = scene().pixels, seen_in(kelvin, stops)
    means = [correct(view).lab(view)[scene().mask].mean(axis=0) for view in views]
    return float(np.linalg.norm(means[1] - means[0]))


def by_card(view):
    found = colour.balance(view, scale.find(view))
    assert found.source == "card"
    return found


LIGHTS = [(3000, 0), (3000, 1), (4000, -1), (5000, 1), (7500, -1), (7500, 1)]


@pytest.mark.parametrize(("kelvin", "stops"), LIGHTS)
def test_the_bed_keeps_its_colour_with_the_card_in_view(kelvin, stops):
    before = moved(lambda view: colour.Balanced("none"), kelvin, stops)
    after = moved(by_card, kelvin, stops)
    assert before > 7
    assert after < 2.5


@pytest.mark.parametrize(("kelvin", "stops"), [(3000, 0), (4000, -1), (7500, -1)])
def test_the_estimate_takes_most_of_a_strange_light_away(kelvin, stops):
    before = moved(lambda view: colour.Balanced("none"), kelvin, stops)
    after = moved(lambda view: colour.balance(view, None), kelvin, stops)
    assert after < 0.75 * before


def usual(seed=0):
    """A picture whose gradients and level are those of the usual photograph."""
    noise = np.random.default_rng(seed).normal(size=(200, 260)).astype(np.float32)
    ripple = cv2.GaussianBlur(noise, (0, 0), 4)
    light = 0.45 + 0.12 * ripple[..., None] / ripple.std() * np.exp([0.20, 0.0, -0.09])
    return np.rint(colour.to_srgb(light.astype(np.float32)) * 255).astype(np.uint8)


def test_a_photograph_of_usual_colour_is_left_alone():
    assert colour.balance(usual(), None).gains == (1.0, 1.0, 1.0)


@pytest.mark.parametrize("channel", [0, 1, 2])
def test_only_what_is_beyond_the_usual_is_taken_away(channel):
    light = np.ones(3)
    light[channel] = 0.6
    gains = np.array(colour.balance(lit(usual(), light), None).gains)
    others = np.delete(gains, channel)
    assert (gains[channel] > 1.14 * others).all()
    assert (gains[channel] < 1 / 0.6 * others).all()


@pytest.mark.parametrize(
    ("light", "gain"),
    [
        (0.82, 1.0),  # 0.09 - ln 0.82 is 0.29, within 0.3
        (0.5, 1.62),  # exp(0.09 + ln 2 - 0.3)
        (0.25, 3.24),  # exp(0.09 + ln 4 - 0.3)
        (0.05, 6.0),  # exp(0.09 + ln 20 - 0.3) is 16
        (1.4, 0.91),  # exp(0.09 - ln 1.4 + 0.15): bright is not spared
    ],
)
def test_dark_skin_is_hardly_brightened(light, gain):
    """The picture's level lies 0.09 (ln) below the usual."""
    found = colour.balance(lit(usual(), (light,) * 3), None)
    assert found.gains == pytest.approx((gain,) * 3, rel=0.03)


@pytest.mark.parametrize(
    ("light", "gains"),
    [
        ((0.3, 0.9, 0.9), (1.15, 1.0)),  # on green and blue cloth red is scarce
        ((0.9, 0.9, 3.0), (1.0, 0.85)),
        ((2.0, 0.6, 0.6), (0.45, 1.0)),
        ((0.9, 0.9, 0.12), (1.0, 4.0)),
    ],
)
def test_coloured_cloth_is_no_light(light, gains):
    """Gains on red and blue over green's have limits."""
    picture = colour.to_srgb(0.3 * colour.to_linear(usual()) * np.float32(light))
    red, green, blue = colour.balance(np.rint(picture * 255).astype(np.uint8), None).gains
    assert (red / green, blue / green) == pytest.approx(gains, rel=0.02)


def test_padding_says_nothing_of_the_light():
    photo = lit(usual(), (0.9, 0.6, 0.4))
    padded = cv2.copyMakeBorder(photo, 30, 30, 0, 0, cv2.BORDER_CONSTANT)
    plain, found = (colour.balance(p, None).gains for p in (photo, padded))
    assert found == pytest.approx(plain, rel=0.03)


def test_burnt_places_say_nothing_of_the_lights_colour_and_are_bright():
    photo = lit(usual(), (0.6, 0.4, 0.27))
    marked = photo.copy()
    marked[:40, :40] = 255
    plain, found = (np.array(colour.balance(p, None).gains) for p in (photo, marked))
    assert found / found[1] == pytest.approx(plain / plain[1], rel=0.05)
    assert found[1] < 0.8 * plain[1]


def test_a_photograph_burnt_out_is_not_taken_for_a_dark_one():
    found = colour.balance(lit(usual(), (3.0, 2.4, 2.0)), None)
    assert max(found.gains) < 1


@pytest.mark.parametrize("value", [0, 5, 128, 255])
def test_a_bare_picture_has_no_colour_to_tell(value):
    found = colour.balance(np.full((300, 300, 3), value, np.uint8), None)
    assert found.facts() == ColourFacts(source="none", residual_de2000=None)
    assert found.matrix == colour.IDENTITY

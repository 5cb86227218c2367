"""Flags on drawn photographs: each fires where it should, and stays silent where it should."""

import functools
import warnings
from dataclasses import replace

import cv2
import numpy as np
import pytest

from woundseg import measure, quality
from woundseg.colour import Balanced
from woundseg.masks import Segmentation
from woundseg.records import ModelFacts, NotEvaluable, Quality, Reason, Scale
from woundseg.simulate import ViewRanges, draw_view, render
from woundseg.simulate.light import factors

MODEL = ModelFacts(name="drawn", version="0", sha256="0" * 64, device="cpu", precision="f32")
SIDE = 400
# Skin from very light to very dark, with the red and brown that it varies by (drawn, not measured).
SKINS = {
    "very light": ((236, 201, 185), (226, 172, 160)),
    "light": ((224, 182, 155), (205, 140, 120)),
    "olive": ((190, 145, 105), (170, 110, 85)),
    "brown": ((140, 95, 65), (120, 70, 55)),
    "dark": ((92, 62, 48), (78, 44, 38)),
    "reddish": ((214, 142, 106), (185, 80, 80)),
}


def cloud(draw, grain, shape=(SIDE, SIDE)):
    """Smooth noise from 0 to 1; ``grain`` is its width in px, or across and down."""
    wide = grain if isinstance(grain, tuple) else (grain, grain)
    soft = cv2.GaussianBlur(
        draw.normal(size=shape).astype(np.float32), (0, 0), sigmaX=wide[0], sigmaY=wide[1]
    )
    return (soft - soft.min()) / np.ptp(soft)


@functools.cache
def foot(skin="light", *, with_ulcer=True, seed=0):
    """A foot on a grey sheet: uint8 RGB, and the probability of its ulcer."""
    draw = np.random.default_rng(seed)
    picture = np.full((SIDE, SIDE, 3), (205, 207, 210), np.float32)
    patches, tan = (cloud(draw, 14)[..., None] for _ in range(2))
    first, second = (np.array(tone, np.float32) for tone in SKINS[skin])
    body = np.zeros((SIDE, SIDE), np.uint8)
    cv2.ellipse(body, (200, 200), (110, 180), 0, 0, 360, 1, -1)
    down, across = np.mgrid[:SIDE, :SIDE]
    away = np.hypot((across - 200) / 110, (down - 200) / 180)[..., None]
    body_colour = (
        (first + patches * (second - first)) * (1.1 - tan * (0.0, 0.3, 0.15)) * (1 - 0.3 * away**2)
    )
    picture = np.where(body[..., None] > 0, body_colour, picture)
    ulcer = np.zeros((SIDE, SIDE), np.uint8)
    if with_ulcer:
        cv2.ellipse(ulcer, (200, 240), (42, 30), 20, 0, 360, 1, -1)
    bed = np.array((150, 35, 35), np.float32) + 60 * (patches - 0.5)
    picture = np.where(ulcer[..., None] > 0, bed, picture)
    picture += cv2.GaussianBlur(draw.normal(0, 6, picture.shape).astype(np.float32), (0, 0), 0.7)
    return np.clip(picture, 0, 255).astype(np.uint8), ulcer.astype(np.float32)


def assess(pixels, probability, scale=None, look=1.0):
    found = Segmentation(probability.astype(np.float32), None, MODEL, look, 1.0, 30)
    plane = scale if isinstance(scale, Scale) else None
    return quality.assess(pixels, found, measure.ulcers(found, plane), scale)


def codes(result):
    return {(flag.code, flag.severity) for flag in result.flags}


def given(**changes):
    facts = {
        "source": "card",
        "px_to_mm": ((0.5, 0.0, 0.0), (0.0, 0.5, 0.0), (0.0, 0.0, 1.0)),
        "tilt_deg": 5.0,
        "corners_px": ((180.0, 300.0), (220.0, 300.0)),
    }
    return Scale(**(facts | changes))


@pytest.mark.parametrize("skin", SKINS)
def test_a_good_photograph_of_any_skin_has_no_flag(skin):
    result = assess(*foot(skin), given())
    assert result.measurable
    assert codes(result) <= ({("too_dark", "warning")} if skin == "dark" else set())


@functools.cache
def bare_foot(tone):
    """A simulated foot without an ulcer: uint8 RGB; tones from 0, very light, to 5, very dark."""
    spec = draw_view(np.random.default_rng((3, tone)), ViewRanges(sensors=(1, 0, 0, 0)))
    return render(replace(spec, foot=replace(spec.foot, tone=tone), ulcers=())).pixels


@pytest.mark.parametrize("tone", range(6))
def test_a_bare_foot_of_any_skin_may_read_as_healed(tone):
    pixels = bare_foot(tone)
    result = assess(pixels, np.zeros(pixels.shape[:2]), given())
    assert not codes(result) & {("no_skin", "reject"), ("skin_unsure", "warning")}
    assert quality.against_zero(result) == ()


@pytest.mark.parametrize(
    ("sigma", "expected"), [(1.0, None), (2.8, "warning"), (6.0, "reject"), (9.0, "reject")]
)
def test_blur_over_the_ulcer(sigma, expected):
    pixels, probability = foot()
    found = codes(assess(cv2.GaussianBlur(pixels, (0, 0), sigma), probability, given()))
    assert {severity for code, severity in found if code == "blurred"} == (
        {expected} if expected else set()
    )


@pytest.mark.parametrize(
    ("sigma", "at_half", "at_full"),
    [(2.3, None, "warning"), (3.1, "warning", "warning"), (6.0, "reject", "reject")],
)
def test_blur_of_a_photograph_that_the_network_reduces(sigma, at_half, at_full):
    # An ulcer 63 px wide (root of its area): 4% of it are 2.5 px. Blur is in pixels of the look.
    pixels, probability = foot()
    blurred = cv2.GaussianBlur(pixels, (0, 0), sigma)
    large = cv2.resize(blurred, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    mask = cv2.resize(probability, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    for found, expected in (
        (codes(assess(large, mask, given(), look=0.5)), at_half),
        (codes(assess(blurred, probability, given())), at_full),
    ):
        severities = {severity for code, severity in found if code == "blurred"}
        assert severities == ({expected} if expected else set())


def test_blur_of_the_background_does_not_count():
    pixels, probability = foot()
    near = cv2.dilate(probability, np.ones((61, 61))) > 0
    mixed = np.where(near[..., None], pixels, cv2.GaussianBlur(pixels, (0, 0), 8))
    assert not codes(assess(mixed, probability, given()))


@pytest.mark.parametrize("sigma", [1.5, 2.5, 4.0])
def test_the_blur_of_an_edge_is_measured(sigma):
    # A step blurred by σ; the estimate is that σ, whatever the contrast.
    step = np.zeros((120, 120), np.float32)
    step[:, 60:] = 100.0
    around = np.zeros(step.shape, bool)
    around[:, 40:80] = True
    for contrast in (0.3, 1.0):
        soft = cv2.GaussianBlur(contrast * step, (0, 0), sigma)
        assert quality.blur_px(soft, around) == pytest.approx(sigma, abs=0.25)


@pytest.mark.parametrize(
    ("stops", "expected"),
    [
        (-5, ("too_dark", "reject")),
        (-3, ("too_dark", "warning")),
        (1, ("too_bright", "warning")),
        (5, ("too_bright", "reject")),
    ],
)
def test_exposure(stops, expected):
    pixels, probability = foot()
    light = (pixels / 255.0) ** 2.2 * 2.0**stops
    exposed = np.round(255 * np.clip(light, 0, 1) ** (1 / 2.2)).astype(np.uint8)
    result = assess(exposed, probability, given())
    assert expected in codes(result)
    assert result.measurable == (expected[1] == "warning")


def test_glare_on_the_ulcer():
    pixels, probability = foot()
    shining = pixels.copy()
    cv2.ellipse(shining, (205, 238), (12, 6), 0, 0, 360, (252, 250, 248), -1)
    assert codes(assess(shining, probability, given())) == {("glare", "warning")}
    beside = pixels.copy()
    cv2.ellipse(beside, (200, 100), (12, 6), 0, 0, 360, (252, 250, 248), -1)
    assert not codes(assess(beside, probability, given()))


def painted(colour, seed=1):
    draw = np.random.default_rng(seed)
    down, across = np.mgrid[:300, :400]
    shade = (0.8 + 0.2 * across / 400 - 0.1 * down / 300)[..., None]
    noisy = np.array(colour) * shade + draw.normal(0, 4, (300, 400, 3))
    return np.clip(noisy, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    "colour", [(225, 205, 175), (230, 205, 190), (150, 105, 80), (60, 120, 50)]
)
def test_a_wall_has_no_skin(colour):
    wall = painted(colour)
    result = assess(wall, np.zeros(wall.shape[:2]), given())
    assert ("no_skin", "reject") in codes(result)
    assert not result.measurable


@pytest.mark.parametrize("colour", [(245, 245, 242), (128, 128, 128)])
def test_a_wall_without_colour_may_not_read_as_healed(colour):
    wall = painted(colour)
    result = assess(wall, np.zeros(wall.shape[:2]), given())
    assert [flag.code for flag in quality.against_zero(result)] == ["colour_missing"]


def planks(draw):
    """Growth rings along boards of two trees."""
    down = np.mgrid[:300, :400][0]
    rings = np.sin(2 * np.pi * (down + 8 * cloud(draw, (60, 6), (300, 400))) / 9)
    board = ((down // 75) % 2)[..., None]
    colour = np.where(board, (172, 118, 70), (150, 92, 74))
    return colour * (
        1 + 0.18 * rings[..., None] - 0.15 * cloud(draw, (15, 1), (300, 400))[..., None]
    )


def fur(draw):
    """Hair in tufts, brown with grey patches."""
    hair = cloud(draw, (12, 1), (300, 400)) + cloud(draw, (30, 6), (300, 400)) - 1
    patch = cloud(draw, 40, (300, 400))[..., None]
    colour = patch * (150, 112, 78) + (1 - patch) * (140, 108, 100)
    return colour * (1 + 0.7 * hair[..., None])


def checks(draw):
    """Cloth of two dyes, woven."""
    down, across = np.mgrid[:300, :400]
    dye = ((down // 20 + across // 20) % 2)[..., None]
    weave = np.sin(np.pi * across / 4) * np.sin(np.pi * down / 4)
    rough = cloud(draw, 1, (300, 400)) - 0.5
    return (
        np.where(dye, (205, 160, 120), (190, 128, 118))
        * (1 + 0.08 * weave + 0.1 * rough)[..., None]
    )


def bricks(draw):
    """Courses of bricks of several colours in mortar."""
    down, across = np.mgrid[:300, :400]
    course = down // 24
    shifted = across + 30 * (course % 2)
    fired = draw.random((20, 20))[course, shifted // 60][..., None]
    colour = fired * (180, 104, 66) + (1 - fired) * (156, 96, 86)
    mortar = (down % 24 < 3) | (shifted % 60 < 3)
    rough = cloud(draw, 1.5, (300, 400)) - 0.5
    return np.where(mortar[..., None], (170, 165, 158), colour) * (1 + 0.3 * rough[..., None])


@pytest.mark.parametrize("surface", [planks, fur, checks, bricks])
def test_what_has_the_colours_of_skin_but_grain_is_not_healed_skin(surface):
    draw = np.random.default_rng(3)
    pixels = np.clip(surface(draw) + draw.normal(0, 3, (300, 400, 3)), 0, 255).astype(np.uint8)
    found = codes(assess(pixels, np.zeros(pixels.shape[:2]), given()))
    assert found in ({("no_skin", "reject")}, {("skin_unsure", "warning")})
    # Where an ulcer was found nothing reads as healed.
    ulcer = np.zeros(pixels.shape[:2])
    ulcer[120:180, 150:230] = 1
    assert not codes(assess(pixels, ulcer, given())) & {
        ("no_skin", "reject"),
        ("skin_unsure", "warning"),
    }


def gauze(draw):
    """A net of white threads, stained."""
    down, across = np.mgrid[:300, :400]
    bend = 3 * cloud(draw, 40, (300, 400))
    net = np.maximum(np.cos(np.pi * (across + bend) / 4), np.cos(np.pi * (down + bend) / 4))
    stain = np.clip(3 * cloud(draw, 40, (300, 400)) - 2, 0, 1)[..., None]
    return (240, 225, 205) * (1 - 0.12 * (net < 0.3))[..., None] * (1 - stain * (0.1, 0.4, 0.4))


def plaster(draw):
    """Skin-coloured, with rows of holes."""
    down, across = np.mgrid[:300, :400]
    holes = np.hypot(across % 20 - 10, down % 20 - 10) < 3
    tint = 1 + 0.05 * cloud(draw, 60, (300, 400))[..., None] * (1, -1, 0)
    return (225, 180, 145) * tint * (1 - 0.25 * holes[..., None])


def plain_cloth(draw):
    """Of one dye, woven, in folds."""
    down, across = np.mgrid[:300, :400]
    folds = cloud(draw, (60, 20), (300, 400)) - 0.5
    weave = np.sin(np.pi * across / 2.5) * np.sin(np.pi * down / 2.5)
    faded = 1 + 0.1 * cloud(draw, 40, (300, 400))[..., None] * (1, 0, -1)
    return (205, 150, 120) * faded * (1 + 0.3 * folds + 0.05 * weave)[..., None]


def cup(draw):
    """A round brown cup on grey."""
    down, across = np.mgrid[:300, :400]
    away = np.hypot(across - 200, down - 150)[..., None] / 110
    round_light = 1 - 0.5 * away**2 + 0.1 * cloud(draw, 30, (300, 400))[..., None]
    return np.where(away < 1, (150, 95, 60) * round_light, (200, 200, 204))


@pytest.mark.parametrize("thing", [gauze, plaster, plain_cloth, cup])
def test_a_thing_in_a_skins_colours_may_not_read_as_healed(thing):
    draw = np.random.default_rng(3)
    pixels = np.clip(thing(draw) + draw.normal(0, 3, (300, 400, 3)), 0, 255).astype(np.uint8)
    assert quality.against_zero(assess(pixels, np.zeros(pixels.shape[:2]), given()))


def test_a_page_of_text_has_no_skin():
    page = np.full((400, 300, 3), 235, np.uint8)
    for line in range(30, 390, 24):
        cv2.putText(page, "woundseg measures ulcers", (10, line), 0, 0.5, (20, 20, 20), 1)
    assert quality.against_zero(assess(page, np.zeros(page.shape[:2]), given()))


def test_black_and_white_frames_are_rejected_without_a_fault():
    for value, code in ((0, "too_dark"), (255, "too_bright")):
        blank = np.full((60, 80, 3), value, np.uint8)
        assert (code, "reject") in codes(assess(blank, np.zeros((60, 80)), given()))


@pytest.mark.parametrize(
    ("scale", "expected"),
    [
        (None, ("card_missing", "warning")),
        (NotEvaluable(Reason.SCALE_NOT_FOUND, "Lay it."), ("card_missing", "warning")),
        (NotEvaluable(Reason.SCALE_DISAGREES, "One."), ("scale_disagrees", "warning")),
        (NotEvaluable(Reason.SCALE_TILTED, "Up."), ("scale_tilted", "warning")),
        (NotEvaluable(Reason.SCALE_CUT, "Back."), ("scale_cut", "warning")),
        (NotEvaluable(Reason.SCALE_SMALL, "Closer."), ("scale_small", "warning")),
        (NotEvaluable(Reason.MIRRORED, "Back camera."), ("mirrored", "warning")),
        (given(tilt_deg=34.0), ("tilt", "warning")),
        (given(verified=False), ("card_unverified", "note")),
        # The ulcer's centre is (200, 240): 20 px of 0.5 mm from the edge, 130 mm from the card.
        (given(corners_px=((200.0, -20.0), (200.0, -60.0))), ("card_far", "warning")),
    ],
)
def test_scale_flags(scale, expected):
    result = assess(*foot(), scale)
    assert codes(result) == {expected}
    if isinstance(scale, NotEvaluable):
        assert result.flags[0].advice == scale.advice


def test_framing_flags():
    pixels, probability = foot()
    cut = np.zeros_like(probability)
    cut[380:, 150:250] = 1
    assert ("ulcer_cut", "warning") in codes(assess(pixels, cut, given()))
    small = np.zeros_like(probability)
    small[200:210, 200:210] = 1
    small[250, 250] = 1
    found = codes(assess(pixels, small, given(px_to_mm=((1, 0, 0), (0, 1, 0), (0, 0, 1)))))
    assert {("ulcer_small", "warning"), ("speck", "note")} <= found


def test_an_ulcer_that_the_network_is_not_sure_of():
    pixels, probability = foot()
    assert not codes(assess(pixels, 0.96 * probability, given()))
    unsure = assess(pixels, 0.9 * probability, given())
    assert codes(unsure) == {("ulcer_unsure", "warning")}
    assert unsure.measurable
    second = 0.97 * probability
    second[60:80, 180:200] = 0.7
    (told,) = assess(pixels, second, given()).flags
    assert (told.code, told.severity) == ("ulcer_unsure", "warning")
    assert told.advice.startswith("u2 may not be an ulcer")
    second[120:135, 180:195] = 0.7
    (told,) = assess(pixels, second, given()).flags
    assert told.advice.startswith("u2 and u3 may not be ulcers")


@pytest.mark.parametrize(
    ("side_mm", "flagged"),
    [(2.7, False), (2.8, True)],  # 4,068 px of the drawn ulcer: 297 and 319 cm²
)
def test_more_than_300_cm2_is_implausible(side_mm, flagged):
    plane = given(px_to_mm=((side_mm, 0, 0), (0, side_mm, 0), (0, 0, 1)), corners_px=())
    told = [flag for flag in assess(*foot(), plane).flags if flag.code == "implausible"]
    assert [flag.severity for flag in told] == (["warning"] if flagged else [])
    assert all("u1 has 319 cm², more than 300 cm²" in flag.advice for flag in told)


@pytest.mark.parametrize(("scaled", "flagged"), [(0.7, False), (0.85, True)])
def test_more_than_60_percent_of_the_skin_in_view_is_implausible(scaled, flagged):
    """The drawn foot is an ellipse; one of 0.7 times its axes has 49% of it, of 0.85 72%."""
    pixels, _ = foot(with_ulcer=False)
    outline = np.zeros((SIDE, SIDE), np.uint8)
    cv2.ellipse(outline, (200, 200), (round(110 * scaled), round(180 * scaled)), 0, 0, 360, 1, -1)
    told = [flag for flag in assess(pixels, outline, given()).flags if flag.code == "implausible"]
    assert len(told) == flagged
    assert all("more than 60%" in flag.advice for flag in told)


def grey_of(pixels, chroma=0.0):
    """The same in black and white; with ``chroma`` the share of colour that a file may keep."""
    grey = (pixels @ np.array([0.299, 0.587, 0.114]))[..., None]
    return np.clip(grey + chroma * (pixels - grey), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("skin", ["light", "brown", "dark"])
@pytest.mark.parametrize("chroma", [0.0, 0.04])
def test_a_black_and_white_photograph_may_not_read_as_healed(skin, chroma):
    pixels, probability = foot(skin, with_ulcer=False)
    bare = assess(grey_of(pixels, chroma), probability, given())
    assert ("colour_missing", "warning") in codes(bare)
    assert bare.measurable
    assert "colour_missing" in {flag.code for flag in quality.against_zero(bare)}
    with_ulcer = assess(grey_of(foot(skin)[0], chroma), foot(skin)[1], given())
    assert ("colour_missing", "warning") in codes(with_ulcer)
    assert not any(code == "colour_missing" for code, _ in codes(assess(*foot(skin), given())))


def unsure_of_tissue(sure_px, tissue_px=None):
    """Flags of the drawn foot whose bed has this sureness, 0 to 255, and this tissue.

    The limit is 0.75, whatever the network that is shipped needs.
    """
    pixels, probability = foot()
    bed = probability > 0
    tissue = np.where(bed, 1 if tissue_px is None else tissue_px, 0).astype(np.uint8)
    sure = np.where(bed, sure_px, 0).astype(np.uint8)
    found = Segmentation(probability, tissue, MODEL, 1.0, 1.0, 30, tissue_sure=sure)
    options = quality.QualityOptions(tissue_sure=0.75)
    return quality.assess(pixels, found, measure.ulcers(found, given()), given(), options)


def test_tissue_that_the_network_is_not_sure_of():
    """0.75 of 255 is 191.25, on average over the bed; callus and skin do not count."""
    assert not codes(unsure_of_tissue(192))
    unsure = unsure_of_tissue(191)
    assert codes(unsure) == {("tissue_uncertain", "note")}
    assert unsure.measurable
    left = np.arange(SIDE)[None, :] < 200
    assert not codes(unsure_of_tissue(np.where(left, 155, 235)))  # half and half: 195
    assert codes(unsure_of_tissue(np.where(left, 145, 235)))  # 190
    assert not codes(unsure_of_tissue(np.where(left, 0, 255), np.where(left, 0, 2)))


def test_where_no_tissue_was_read_nothing_is_uncertain():
    pixels, probability = foot()
    assert not codes(assess(pixels, probability, given()))
    nothing = np.zeros(probability.shape, np.uint8)
    found = Segmentation(probability, nothing, MODEL, 1.0, 1.0, 30, tissue_sure=nothing)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # numpy's, on the mean of nothing
        seen = quality.assess(pixels, found, measure.ulcers(found, given()), given())
    assert not codes(seen)  # the ulcer is all callus


def test_the_table_is_closed_and_gravest_first():
    assert len({(kind.code, kind.severity) for kind in quality.FLAGS}) == len(quality.FLAGS)
    for reason in Reason:
        if reason is not Reason.UNREADABLE:
            code = "card_missing" if reason is Reason.SCALE_NOT_FOUND else reason.value
            assert code in {kind.code for kind in quality.FLAGS}
    pixels, probability = foot()
    dim = (pixels * 0.1).astype(np.uint8)
    severities = [flag.severity for flag in assess(dim, probability, given(verified=False)).flags]
    assert severities == sorted(severities, key=("reject", "warning", "note").index)


def burnt_in_red(columns, tissue_read=True):
    """Flags of the drawn foot with this many of the bed's 40 columns burnt out in red."""
    pixels, probability = foot()
    bed = np.zeros(probability.shape, bool)
    bed[220:240, 180:220] = True  # 20 rows of 40 px, inside the ulcer
    pixels = pixels.copy()
    pixels[220:240, 180 : 180 + columns, 0] = 250
    tissue = bed.astype(np.uint8) if tissue_read else None
    sure = np.where(bed, 255, 0).astype(np.uint8) if tissue_read else None
    found = Segmentation(probability, tissue, MODEL, 1.0, 1.0, 30, tissue_sure=sure)
    return codes(quality.assess(pixels, found, measure.ulcers(found, given()), given()))


def test_a_bed_burnt_in_a_channel_where_tissue_is_read():
    """The limit is a quarter: 10 of 40 columns. The ulcer's outline can be seen all the same."""
    assert ("too_bright", "warning") not in burnt_in_red(10)
    assert ("too_bright", "warning") in burnt_in_red(11)
    assert ("too_bright", "warning") not in burnt_in_red(40, tissue_read=False)


# --- coloured light ---------------------------------------------------------------------------


def balanced(red, green, blue, source="card"):
    return Balanced(source, ((red, 0.0, 0.0), (0.0, green, 0.0), (0.0, 0.0, blue)))


NOTED = Quality(
    measurable=True,
    flags=(quality.flag("tilt", "warning"), quality.flag("speck", "note")),
)


@pytest.mark.parametrize(
    ("light", "told"),
    [
        (balanced(0.7, 1.0, 2.4), False),  # 3.43 times
        (balanced(0.7, 1.0, 2.5), True),  # 3.57 times
        (balanced(4.0, 1.0, 1.1), True),  # dark red: a blue lamp
        (balanced(4.0, 4.0, 4.0), False),  # dark, and not coloured
        (balanced(0.5, 1.0, 3.0, "estimate"), False),  # a guess accuses no lamp
    ],
)
def test_strongly_coloured_light_is_told_by_the_cards_gains(light, told):
    codes = [flag.code for flag in quality.with_light(NOTED, light).flags]
    assert codes == (["tilt", "coloured_light", "speck"] if told else ["tilt", "speck"])


@pytest.mark.parametrize(("kelvin", "told"), [(3000, True), (4000, False), (6500, False)])
def test_a_lamp_that_no_camera_balanced(kelvin, told):
    """Black bodies' factors on sRGB: 3,000 K 6.4 times, 4,000 K 2.6 times."""
    gains = 1 / factors(kelvin, 0)
    flags = quality.with_light(NOTED, balanced(*gains)).flags
    assert ("coloured_light" in [flag.code for flag in flags]) is told

"""The picture: what is drawn, what is covered, and what is not."""

from itertools import pairwise

import made_records
import numpy as np
import pytest

from woundseg import measure, overlay, quality
from woundseg.classes import GRANULATION, NECROSIS, OTHER, SLOUGH, TISSUES
from woundseg.masks import Segmentation
from woundseg.overlay import bed
from woundseg.overlay.lettering import INK, PAPER, font
from woundseg.pages.look import OUTLINE, OUTLINE_EDGE
from woundseg.records import (
    ColourFacts,
    ModelFacts,
    PhotoFacts,
    Quality,
    QualityFlag,
    Scale,
    ScaleFacts,
    ScoreRecord,
    Settings,
    TissueFractions,
    UlcerFigures,
)
from woundseg.trial import protocol
from woundseg.trial.response import Measured, compare

MODEL = ModelFacts(name="drawn", version="0", sha256="0" * 64, device="cpu", precision="f32")
TENTH = Scale("given", ((0.1, 0.0, 0.0), (0.0, 0.1, 0.0), (0.0, 0.0, 1.0)))
SKINS = {"light": (226, 190, 165), "dark": (70, 48, 38)}


def picture(boxes, *, shape=(600, 800), skin="light", scale=TENTH, flags=(), tissue=None):
    pixels = np.full((*shape, 3), SKINS[skin], np.uint8)
    probability = np.zeros(shape, np.float32)
    for x, y, width, height in boxes:
        probability[y : y + height, x : x + width] = 1
        pixels[y : y + height, x : x + width] = (150, 30, 30)
    tissues = None if tissue is None else (probability * tissue).astype(np.uint8)
    measured = measure.ulcers(Segmentation(probability, tissues, MODEL, 1.0, 1.0, 30), scale)
    height, width = shape
    record = ScoreRecord(
        software="test",
        photo=PhotoFacts(path="p", sha256="0", width=width, height=height, captured_at=None),
        scale=ScaleFacts(source="given", mm_per_px=0.1, tilt_deg=None, residual_px=None),
        colour=ColourFacts(source="none", residual_de2000=None),
        ulcers=measured.ulcers,
        total=measured.total,
        quality=Quality(
            measurable=all(flag.severity != "reject" for flag in flags), flags=tuple(flags)
        ),
        settings=Settings(min_ulcer_cm2=0.05, min_ulcer_px=30),
        model=MODEL,
    )
    return pixels, overlay.draw(pixels, record, measured, scale)


def near(image, colour, tolerance=12):
    return np.abs(image.astype(int) - colour).max(axis=-1) <= tolerance


@pytest.mark.parametrize("skin", SKINS)
def test_the_outline_stands_out_and_the_ulcer_stays_in_view(skin):
    _, drawn = picture([(300, 200, 200, 150)], skin=skin)
    assert drawn.dtype == np.uint8 and drawn.shape[1] == 800 and drawn.shape[0] > 600
    photo = drawn[:600]
    line = near(photo, OUTLINE)
    ys, xs = np.nonzero(line)
    assert abs(xs.min() - 300) <= 3 and abs(xs.max() - 499) <= 3
    assert abs(ys.min() - 200) <= 3 and abs(ys.max() - 349) <= 3
    assert near(photo, OUTLINE_EDGE).sum() > 500  # the darker line, for light skin
    inside = photo[206:344, 306:494]
    assert near(inside, (150, 30, 30)).all()


def test_the_scale_bar_is_as_long_as_it_says():
    # 0.1 mm a pixel, a third of 800 px at most: 2 cm are 200 px.
    _, drawn = picture([(300, 200, 200, 150)])
    corner = near(drawn[540:600, :400], overlay._LIGHT, 3)
    longest = max(row.sum() for row in corner)
    assert longest == pytest.approx(200, abs=3)
    _, without = picture([(300, 200, 200, 150)], scale=None)
    assert not near(without[540:600, :400], overlay._LIGHT, 3).any()


@pytest.mark.parametrize(
    ("earlier", "now", "told"),
    [
        ([4.0], 3.0, ["-25% since baseline: SD, unconfirmed"]),
        # (4.67 - 1.11) / 1.11 = 321%
        (
            [7.73, 1.11],
            4.67,
            ["-40% since baseline", "+321% since the smallest, 1.11 cm²: PD, unconfirmed"],
        ),
        (
            [4.0, 0.0],
            1.0,
            ["-75% since baseline", "grown since the smallest, 0.00 cm²: PD, unconfirmed"],
        ),
    ],
)
def test_a_progression_says_since_when(earlier, now, told):
    facts = compare([Measured(area) for area in earlier], Measured(now), protocol.load())
    record = made_records.record(now).model_copy(update={"response": facts})
    assert [line.text for line in overlay._response_lines(record)] == told


def test_of_several_ulcers_the_one_that_was_judged_is_named():
    facts = compare([Measured(4.0)], Measured(3.0), protocol.load())
    judged = facts.model_copy(update={"ulcers": ("u2",)})
    both = made_records.record(5.0, 3.0).model_copy(update={"response": judged})
    (line,) = overlay._response_lines(both)
    assert line.text == "u2: -25% since baseline: SD, unconfirmed"
    closed = compare([Measured(4.0)], Measured(0.0), protocol.load())
    one = made_records.record(5.0).model_copy(update={"response": closed})
    (line,) = overlay._response_lines(one)
    assert line.text == "index ulcer, closed here: -100% since baseline: CR, unconfirmed"


def test_a_rejected_photograph_has_no_outline():
    flag = quality.flag("blurred", "reject")
    pixels, drawn = picture([(300, 200, 200, 150)], flags=[flag])
    assert not near(drawn[:600], OUTLINE).any()
    assert (drawn[:600] == pixels).all()
    assert near(drawn[600:], overlay._SEVERITY_COLOURS["reject"]).sum() > 50


@pytest.mark.parametrize(
    "shape", [(3000, 4000), (4000, 3000), (224, 224), (60, 90), (200, 3000), (3000, 200)]
)
def test_the_picture_is_never_longer_than_stated(shape):
    height, width = shape
    box = (width // 4, height // 4, width // 2, height // 2)
    flags = [quality.flag(kind.code, kind.severity) for kind in quality.FLAGS[2:12:2]]
    _, drawn = picture([box], shape=shape, flags=flags)
    assert max(drawn.shape) <= overlay.LONG_SIDE_PX


def test_several_ulcers_with_tissue_and_none():
    boxes = [(40, 40, 200, 150), (300, 60, 120, 90), (600, 300, 80, 80), (20, 400, 60, 60)]
    _, many = picture([*boxes, (200, 400, 50, 50)], tissue=2)
    slough = TISSUES[1].colour
    assert near(many[600:], slough, 4).sum() > 5000  # the whole bar of the bed
    _, none = picture([])
    assert none.shape[0] < many.shape[0]


def test_an_id_lies_beside_its_ulcer():
    ulcer = (10.0, 10.0, 50.0, 50.0)
    at = overlay._free_place(ulcer, (20.0, 10.0), (100, 100), [ulcer])
    assert overlay._shared(at, ulcer) == 0
    right_taken = (50.0, 0.0, 100.0, 100.0)
    at = overlay._free_place(ulcer, (20.0, 10.0), (100, 100), [ulcer, right_taken])
    assert overlay._shared(at, ulcer) + overlay._shared(at, right_taken) == 0


@pytest.mark.parametrize("read", [True, False])
def test_of_several_ulcers_each_is_shown_closer_under_its_name(read):
    boxes = [(40, 40, 200, 150), (300, 60, 120, 90), (600, 300, 80, 80)]
    pixels = np.full((600, 800, 3), SKINS["light"], np.uint8)
    probability = np.zeros((600, 800), np.float32)
    for x, y, width, height in boxes:
        probability[y : y + height, x : x + width] = 1
    tissue = (probability * SLOUGH).astype(np.uint8) if read else None
    measured = measure.ulcers(Segmentation(probability, tissue, MODEL, 1.0, 1.0, 30), TENTH)
    closer = bed.close_ups(pixels, measured)
    assert [close.name for close in closer] == ["u1", "u2", "u3"]
    assert [int(close.outline.sum()) for close in closer] == [30000, 10800, 6400]
    assert all((close.tissue is not None) == read for close in closer)
    _, one = picture(boxes[:1], tissue=2 if read else None)
    _, three = picture(boxes, tissue=2 if read else None)
    line = near(three[600:], OUTLINE).sum()
    assert (line > 500) == (not read)  # the outline in the close-ups; else the tissue's colour
    assert three.shape[0] > one.shape[0] + 100


# --- whose photograph it is -------------------------------------------------------------------


def caption_of(path, caption=None, taken=None, room=640.0):
    record = made_records.record(5.0)
    photo = record.photo.model_copy(update={"path": path, "captured_at": taken})
    shown = record.model_copy(update={"photo": photo, "software": "woundseg 9.9"})
    lines = overlay._caption_lines(shown, caption or overlay._taken(shown), room, 32.0)
    return [line.text for line in lines]


def test_the_panel_says_which_photograph_this_is():
    known = overlay.Caption("001", "W4", "2024-03-05")
    assert caption_of("001/W4_2024-03-05/left.jpg", known) == [
        "left.jpg",
        "subject 001, visit W4, 2024-03-05",
        "woundseg 9.9",
    ]
    # score knows the camera's date alone, and folders may name people: they are left out.
    assert caption_of("/home/jane/left.jpg", taken="2024-03-05T10:11:12") == [
        "left.jpg",
        "2024-03-05",
        "woundseg 9.9",
    ]
    assert caption_of("left.jpg") == ["left.jpg", "woundseg 9.9"]


def test_a_long_name_is_broken_and_a_very_long_one_keeps_both_ends():
    name = "left_foot_" * 6 + "after.jpg"
    first, second, _ = caption_of(name)
    assert first + second == name
    first, second, _ = caption_of("A" + "m" * 250 + "Z.jpg")
    assert first.startswith("Am") and second.endswith("mZ.jpg") and " ... " in first + second
    for row in (first, second):
        assert overlay._text_length(row, 0.75 * 32.0) <= 640


def test_letters_of_a_name_that_no_font_has_are_squares_and_never_lost():
    assert caption_of("Fuß_Żółć.jpg")[0] == "Fuß_Żółć.jpg"
    assert caption_of("Fu\u0308ß.jpg")[0] == "Füß.jpg"  # as macOS writes it
    assert caption_of("стопа_πόδι.jpg")[0] == "стопа_πόδι.jpg"
    assert caption_of("足.jpg")[0] == "□.jpg"
    assert caption_of("a\nb.jpg")[0] == "a□b.jpg"
    assert overlay._text_length("Żółć", 24.0) > 4 * 24 * 0.4


def test_long_advice_is_wrapped_into_the_panel():
    flag = QualityFlag(code="x", severity="note", advice="word " * 60)
    lines = overlay._wrapped([overlay._Line(flag.advice.strip())], 300.0, 20.0)
    assert len(lines) > 3
    assert all(overlay._text_length(line.text, 20.0) <= 300 for line in lines)


# --- the bed ----------------------------------------------------------------------------------

COLOURS = {tissue.id: tissue.colour for tissue in TISSUES}


def bed_of(*shares, low=None, high=None):
    """Figures with these shares of granulation, slough, necrosis, other."""
    kinds = [tissue.name for tissue in TISSUES]
    told = {"tissue": shares, "tissue_low": low, "tissue_high": high}
    fractions = {
        name: TissueFractions(**dict(zip(kinds, each, strict=True)))
        for name, each in told.items()
        if each is not None
    }
    return UlcerFigures(**{**dict.fromkeys(UlcerFigures.model_fields), **fractions})


QUARTERS = bed_of(*[0.25] * 4, low=[0.02] * 4, high=[0.83] * 4)


class Noted:
    """A pen that notes what it writes, where, and where that ends."""

    def __init__(self) -> None:
        self.texts: list[tuple[str, tuple[float, float], float]] = []

    def text(self, at, text, *, font, **_more):
        self.texts.append((text, at, at[0] + font.getlength(text)))

    def rectangle(self, *_place, **_colour):
        pass


def four_parts(shape=(600, 800), top=200, left=300):
    """A bed of 160 px with each tissue in a quarter: ids of classes, times the mask."""
    tissue = np.zeros(shape, np.uint8)
    for number, each in enumerate((GRANULATION, SLOUGH, NECROSIS, OTHER)):
        y, x = top + 80 * (number // 2), left + 80 * (number % 2)
        tissue[y : y + 80, x : x + 80] = each
    return tissue


def test_the_panel_has_a_bar_of_shares_and_the_ulcer_painted():
    box = (300, 200, 160, 160)
    _, plain = picture([box])
    _, read = picture([box], tissue=four_parts())
    assert read.shape[0] > plain.shape[0] + 100
    panel = read[600:]
    for colour in COLOURS.values():
        rows = near(panel, colour, 4).sum(axis=1)
        # A quarter of the bar: the room is 800 px less two margins of 0.8 · 800/22.
        assert (abs(rows - (800 - 1.6 * 800 / 22) / 4) <= 3).any()
    # The close-up: seven tenths of the tissue's colour, three of the drawn bed's.
    for colour in COLOURS.values():
        mixed = 0.7 * np.array(colour) + 0.3 * np.array((150, 30, 30))
        assert near(panel, mixed, 6).sum() > 1500
        assert not near(plain[600:], mixed, 6).sum() > 400
    assert near(panel, (150, 30, 30), 6).sum() > 4 * 1500  # and as photographed


def test_a_rejected_photograph_shows_no_tissue():
    flag = quality.flag("blurred", "reject")
    _, read = picture([(300, 200, 160, 160)], tissue=four_parts(), flags=[flag])
    _, plain = picture([(300, 200, 160, 160)], flags=[flag])
    assert np.array_equal(read, plain)


def test_the_close_up_is_a_square_around_the_ulcers_black_beyond_the_frame():
    pixels = np.full((100, 120, 3), 90, np.uint8)
    probability = np.zeros((100, 120), np.float32)
    probability[0:40, 100:120] = 1
    tissue = np.where(probability > 0, NECROSIS, 0).astype(np.uint8)

    def measured(tissue, probability):
        return measure.ulcers(Segmentation(probability, tissue, MODEL, 1.0, 1.0, 30), None)

    (close,) = bed.close_ups(pixels, measured(tissue, probability))
    # 40 px and a quarter on each side; its middle is (110, 20).
    assert (close.pixels.shape, close.tissue.shape) == ((60, 60, 3), (60, 60))
    seen = np.zeros((60, 60), bool)
    seen[10:60, 0:40] = True
    assert np.array_equal(close.pixels[..., 0] == 90, seen)
    assert not close.pixels[~seen].any()
    drawn = np.zeros((60, 60), np.uint8)
    drawn[10:50, 20:40] = NECROSIS
    assert np.array_equal(close.tissue, drawn)
    assert np.array_equal(close.outline, drawn > 0)
    assert bed.close_ups(pixels, measured(None, probability)) == ()
    assert bed.close_ups(pixels, measured(tissue, 0 * probability)) == ()


def test_a_bed_of_callus_alone_has_neither_bar_nor_close_up():
    box = (300, 200, 160, 160)
    _, callus = picture([box], tissue=np.zeros((600, 800)))
    _, plain = picture([box])
    assert np.array_equal(callus, plain)


def test_letters_stand_on_the_thickest_patch_and_only_where_they_fit():
    pen = Noted()
    where = np.zeros((100, 100), bool)
    where[5:46, 50:91] = True  # its middle is (70, 25)
    where[60:90, 10:20] = True
    for tissue in TISSUES:
        bed._letter(pen, tissue, where, 20.0)
    assert [text for text, _, _ in pen.texts] == ["G", "S", "N", "O"]
    assert {at for _, at, _ in pen.texts} == {(70, 25)}
    thin = np.zeros((100, 100), bool)
    thin[10:22, :] = True  # 6 px deep; from 0.35 · 20 = 7 px on there is room
    bed._letter(pen, TISSUES[0], thin, 20.0)
    bed._letter(pen, TISSUES[0], where & False, 20.0)
    assert len(pen.texts) == 4


def test_letters_can_be_read_on_every_colour():
    """Light, with a dark edge: both are in the middle of each quarter of the painted picture."""
    from PIL import Image

    tissue = four_parts((160, 160), 0, 0)
    shown = (bed.CloseUp(np.full((160, 160, 3), 128, np.uint8), tissue, tissue > 0),)
    panel = Image.new("RGB", (700, 400), PAPER)
    end = bed.draw(panel, QUARTERS, shown, (10.0, 0.0, 680.0), 32.0)
    assert end == bed.height(QUARTERS, shown, 680.0, 32.0)
    side = bed._rows_of(shown, 680.0, 32.0).side
    left = 10 + side + round(0.6 * 32)
    top = round(bed._above_pictures(QUARTERS, 680.0, 32.0) + 0.2 * 32)
    painted = np.asarray(panel)[top : top + side, left : left + side]
    letters = []
    for number in range(4):
        y, x = side // 4 + side // 2 * (number // 2), side // 4 + side // 2 * (number % 2)
        middle = painted[y - 18 : y + 18, x - 18 : x + 18]
        assert near(middle, PAPER, 6).sum() > 30
        assert near(middle, INK, 6).sum() > 30
        letters.append(near(middle, PAPER, 40))
    different = [(a != b).mean() for n, a in enumerate(letters) for b in letters[:n]]
    assert min(different) > 0.02


@pytest.mark.parametrize("room", [200.0, 680.0, 1500.0])
def test_the_key_names_each_tissue_with_its_interval_within_the_room(room):
    pen = Noted()
    text_px = room / 20.4
    bed._key(pen, bed._labels(QUARTERS), (10.0, 50.0, room), text_px)
    assert [text for text, _, _ in pen.texts] == [f"{name.name} 25% (2-83)" for name in TISSUES]
    assert max(end for _, _, end in pen.texts) <= 10 + room
    lines = sorted({at[1] for _, at, _ in pen.texts})
    assert lines == pytest.approx([50, 50 + 1.2 * text_px])
    for line in lines:
        written = [(at[0], end) for _, at, end in pen.texts if at[1] == line]
        assert all(end < start for (_, end), (start, _) in pairwise(written))


def test_the_panel_is_higher_by_each_row_of_the_key():
    # 0.6 · 32 px and what is above and below it: 1.4 text heights; then 1.2 for each row.
    assert bed.height(QUARTERS, (), 680.0, 32.0) == pytest.approx((1.4 + 2 * 1.2) * 32)
    one = bed_of(1.0, 0.0, 0.0, 0.0)
    assert bed.height(one, (), 680.0, 32.0) == pytest.approx((1.4 + 1.2) * 32)


def test_the_key_leaves_out_what_is_not_there_and_keeps_its_size_where_it_fits():
    pen = Noted()
    labels = bed._labels(bed_of(0.996, 0.004, 0.0, 0.0))
    bed._key(pen, labels, (10.0, 50.0, 680.0), 32.0)
    ((text, at, end),) = pen.texts
    assert text == "granulation 100%"
    assert end - at[0] == font(0.8 * 32.0).getlength(text)


def test_a_key_whose_longest_name_does_not_fit_is_written_smaller():
    pen = Noted()
    labels = bed._labels(QUARTERS)
    bed._key(pen, labels, (10.0, 50.0, 150.0), 32.0)
    assert len({at[1] for _, at, _ in pen.texts}) == 4
    assert max(end for _, _, end in pen.texts) <= 10 + 150.0

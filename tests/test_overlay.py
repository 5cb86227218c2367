"""The picture: what is drawn, what is covered, and what is not."""

import numpy as np
import pytest

from woundseg import measure, overlay, quality
from woundseg.masks import Segmentation
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
)

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
    slough = overlay.TISSUES[1].colour
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


def test_long_advice_is_wrapped_into_the_panel():
    flag = QualityFlag(code="x", severity="note", advice="word " * 60)
    lines = overlay._wrapped([overlay._Line(flag.advice.strip())], 300.0, 20.0)
    assert len(lines) > 3
    assert all(overlay._text_length(line.text, 20.0) <= 300 for line in lines)

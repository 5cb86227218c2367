"""The picture that goes with the figures: outlines, ids, a scale bar, and a panel below.

Made to be read on a phone: the sizes of text and lines are shares of the picture's width, and the
panel stands below the photograph, so that nothing covers the ulcer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from woundseg.masks import ByteMap
from woundseg.measure import Measurement
from woundseg.outlines import Points
from woundseg.overlay import bed
from woundseg.overlay.lettering import INK, PAPER, face_for, font, writable
from woundseg.pages.look import OUTLINE, OUTLINE_EDGE
from woundseg.records import NotEvaluable, QualityFlag, Scale, ScoreRecord, UlcerFigures

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

LONG_SIDE_PX: Final = 1600
"""The picture's longer side, at most."""

_MIN_WIDTH_PX: Final = 720
_TEXT_SHARE: Final = 1 / 22
"""Text height over the picture's width: 2.7 mm (8 points) on a screen 6 cm wide."""

_LIGHT: Final = (255, 255, 255)
_SOFT_INK, _RULE = (96, 102, 108), (222, 222, 218)
_SEVERITY_COLOURS: Final = {
    "reject": (196, 30, 40),
    "warning": (214, 137, 0),
    "note": (0, 114, 178),
}
_MOST_LISTED: Final = 4
_SMALL: Final = 0.75
"""Size of the lines that say which photograph this is, over the usual."""
_MOST_NAME_ROWS: Final = 2
_RAISED: Final = 0.62
_BARS_CM: Final = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20)


@dataclass(frozen=True)
class Caption:
    """Whose photograph it is and of which visit, where a study knows it."""

    subject: str = ""
    visit: str = ""
    date: str = ""


@dataclass(frozen=True)
class _Line:
    """One line of the panel: text, its size as a multiple of the usual, colour, badge."""

    text: str
    size: float = 1.0
    colour: tuple[int, int, int] = INK
    badge: tuple[int, int, int] | None = None
    space_before: float = 0.25


def draw(
    pixels: ByteMap,
    record: ScoreRecord,
    measurement: Measurement,
    scale: Scale | NotEvaluable | None,
    caption: Caption | None = None,
) -> ByteMap:
    """The photograph with its outlines, above a panel with figures, flags and what it is of.

    Args:
        pixels: uint8 RGB (H, W, 3).
        record: what is written in the panel.
        measurement: the outlines.
        scale: for the scale bar; there is none without it.
        caption: subject, visit and date; without it the day when the photograph was taken.

    Returns:
        uint8 RGB, longer side at most ``LONG_SIDE_PX``.
    """
    factor = _factor(pixels)
    photo = _resized(pixels, factor)
    if record.quality.measurable:
        _draw_outlines(photo, measurement, factor)
    from PIL import Image as Pictures
    from PIL import ImageDraw as Pens

    picture = Pictures.fromarray(photo)
    pen = Pens.Draw(picture)
    text_px = picture.width * _TEXT_SHARE
    if record.quality.measurable:
        _draw_ids(pen, measurement, factor, text_px)
    if record.quality.measurable and isinstance(scale, Scale) and measurement.mm_per_px:
        _draw_bar(pen, picture.size, measurement.mm_per_px / factor, text_px)
    closer = bed.close_ups(pixels, measurement) if record.quality.measurable else ()
    panel = _panel(record, caption or _taken(record), closer, picture.width, text_px)
    whole = Pictures.new("RGB", (picture.width, picture.height + panel.height), PAPER)
    whole.paste(picture, (0, 0))
    whole.paste(panel, (0, picture.height))
    whole.thumbnail((LONG_SIDE_PX, LONG_SIDE_PX), Pictures.Resampling.LANCZOS)
    return np.asarray(whole, dtype=np.uint8)


def _factor(pixels: ByteMap) -> float:
    """Photograph to picture: leaves room for a panel, and small photographs grow to hold text."""
    height, width = pixels.shape[:2]
    most = min(LONG_SIDE_PX / width, 0.75 * LONG_SIDE_PX / height)
    return float(min(most, max(1.0, _MIN_WIDTH_PX / width)))


def _resized(pixels: ByteMap, factor: float) -> ByteMap:
    size = round(pixels.shape[1] * factor), round(pixels.shape[0] * factor)
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return np.array(cv2.resize(pixels, size, interpolation=way), dtype=np.uint8)


def _draw_outlines(photo: ByteMap, measurement: Measurement, factor: float) -> None:
    """A light line between two dark ones: one of them stands out on any skin."""
    width = max(1.0, photo.shape[1] / 400)
    lines = [
        np.round(((line + 0.5) * factor - 0.5) * 16).astype(np.int32)
        for outlines in measurement.outlines
        for line in outlines
    ]
    for colour, thickness in ((OUTLINE_EDGE, 2.4 * width), (OUTLINE, width)):
        cv2.polylines(photo, lines, True, colour, max(1, round(thickness)), cv2.LINE_AA, shift=4)


def _draw_ids(pen: ImageDraw, measurement: Measurement, factor: float, text_px: float) -> None:
    """Each ulcer's id beside its outline, never on the ulcer."""
    if len(measurement.ulcers) < 2:
        return
    type_face = font(0.9 * text_px)
    taken: list[tuple[float, float, float, float]] = [
        _scaled_box(lines[0], factor, 0.25 * text_px) for lines in measurement.outlines
    ]
    for ulcer, lines in zip(measurement.ulcers, measurement.outlines, strict=True):
        left, top, right, bottom = pen.textbbox((0, 0), ulcer.id, font=type_face)
        size = right - left, bottom - top
        box = _free_place(_scaled_box(lines[0], factor, 0.25 * text_px), size, pen.im.size, taken)
        taken.append(box)
        pen.text(
            (box[0] - left, box[1] - top),
            ulcer.id,
            font=type_face,
            fill=_LIGHT,
            stroke_width=max(1, round(text_px / 12)),
            stroke_fill=OUTLINE_EDGE,
        )


def _scaled_box(line: Points, factor: float, around: float) -> tuple[float, float, float, float]:
    left, top = line.min(axis=0) * factor - around
    right, bottom = line.max(axis=0) * factor + around
    return float(left), float(top), float(right), float(bottom)


def _free_place(
    box: tuple[float, float, float, float],
    size: tuple[float, float],
    frame: tuple[int, int],
    taken: list[tuple[float, float, float, float]],
) -> tuple[float, float, float, float]:
    """A place for a text of that size right, left, above or below a box, the freest first."""
    (left, top, right, bottom), (wide, high) = box, size
    gap = 0.15 * high
    middle = (left + right - wide) / 2, (top + bottom - high) / 2
    places = (
        (right + gap, middle[1]),
        (left - gap - wide, middle[1]),
        (middle[0], top - gap - high),
        (middle[0], bottom + gap),
    )
    best, least = (0.0, 0.0), math.inf
    for x, y in places:
        at = (min(max(x, gap), frame[0] - wide - gap), min(max(y, gap), frame[1] - high - gap))
        place = (at[0], at[1], at[0] + wide, at[1] + high)
        covered = sum(_shared(place, other) for other in taken)
        if covered < least:
            best, least = at, covered
    return best[0], best[1], best[0] + wide, best[1] + high


def _shared(
    one: tuple[float, float, float, float], other: tuple[float, float, float, float]
) -> float:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, wide) * max(0.0, high)


def _draw_bar(pen: ImageDraw, frame: tuple[int, int], mm_per_px: float, text_px: float) -> None:
    """A scale bar at the lower left, true at the ulcer; a third of the width at most."""
    fitting = [bar for bar in _BARS_CM if bar * 10 / mm_per_px <= frame[0] / 3]
    if not fitting:
        return
    long = fitting[-1] * 10 / mm_per_px
    thick = max(4, round(text_px / 5))
    x, y = 0.8 * text_px, frame[1] - 0.8 * text_px
    edge = max(2, thick // 3)
    pen.rectangle((x - edge, y - thick - edge, x + long + edge, y + edge), fill=OUTLINE_EDGE)
    pen.rectangle((x, y - thick, x + long, y), fill=_LIGHT)
    pen.text(
        (x, y - thick - 0.4 * text_px),
        f"{fitting[-1]:g} cm",
        font=font(0.85 * text_px),
        anchor="ls",
        fill=_LIGHT,
        stroke_width=edge,
        stroke_fill=OUTLINE_EDGE,
    )


def _taken(record: ScoreRecord) -> Caption:
    """What is known of a photograph without its study: the camera's date."""
    return Caption(date=(record.photo.captured_at or "")[:10])


def _panel(
    record: ScoreRecord,
    caption: Caption,
    closer: tuple[bed.CloseUp, ...],
    width: int,
    text_px: float,
) -> Image:
    """Figures, tissue, close-ups, flags and caption on paper, as high as they need."""
    from PIL import Image as Pictures
    from PIL import ImageDraw as Pens

    margin = 0.8 * text_px
    room = width - 2 * margin
    figures = _wrapped(_figure_lines(record), room, text_px)
    flags = _wrapped(_flag_lines(record), room, text_px)
    named = _caption_lines(record, caption, room, text_px)
    total = record.total if record.quality.measurable else None
    height = 2 * margin + sum(_height(lines, text_px) for lines in (figures, flags, named))
    height += bed.height(total, closer, room, text_px)
    panel = Pictures.new("RGB", (width, math.ceil(height)), PAPER)
    pen = Pens.Draw(panel)
    pen.line((0, 0, width, 0), fill=_RULE, width=max(1, round(text_px / 20)))
    y = _write(pen, figures, (margin, margin), text_px)
    y = bed.draw(panel, total, closer, (margin, y, room), text_px)
    y = _write(pen, flags, (margin, y), text_px)
    _write(pen, named, (margin, y), text_px)
    return panel


def _caption_lines(
    record: ScoreRecord, caption: Caption, room: float, text_px: float
) -> list[_Line]:
    """The file's name without its folders; subject, visit and date; the program's version."""
    size = _SMALL * text_px
    rows = _name_rows(writable(PurePath(record.photo.path).name), room, size)
    whose = [
        f"subject {caption.subject}" if caption.subject else "",
        f"visit {caption.visit}" if caption.visit else "",
        caption.date,
    ]
    told = writable(", ".join(part for part in whose if part))
    texts = [*rows, *(_name_rows(told, room, size) if told else []), record.software]
    spaces = [0.6] + [0.0] * (len(texts) - 1)
    return [
        _Line(text, _SMALL, _SOFT_INK, space_before=space)
        for text, space in zip(texts, spaces, strict=True)
    ]


def _name_rows(name: str, room: float, size_px: float) -> list[str]:
    """A name broken wherever a row is full; of a very long one the middle is left out."""
    kept = name
    while True:
        rows = [""]
        for letter in kept:
            if rows[-1] and _text_length(rows[-1] + letter, size_px) > room:
                rows.append("")
            rows[-1] += letter
        if len(rows) <= _MOST_NAME_ROWS:
            return rows
        most = sum(len(row) for row in rows[:_MOST_NAME_ROWS])
        half = min(most, len(kept) - 1) // 2 - 2
        kept = f"{name[:half]} ... {name[-half:]}"


def _figure_lines(record: ScoreRecord) -> list[_Line]:
    if not record.quality.measurable:
        return [_Line("Not measurable", 1.5, _SEVERITY_COLOURS["reject"], space_before=0.0)]
    if not record.ulcers:
        return [_Line("No ulcer found", 1.5, space_before=0.0)]
    lines = [_Line(_area(record.total), 1.5, space_before=0.0)]
    if record.total.area_cm2 is not None:
        lines.append(_Line(_interval(record.total), 0.9, _SOFT_INK))
    if len(record.ulcers) == 1:
        lines += [_Line(shape) for shape in _shape(record.total)]
    else:
        lines[0] = _Line(f"{_area(record.total)}, {len(record.ulcers)} ulcers", 1.5)
        for ulcer in record.ulcers[:_MOST_LISTED]:
            lines.append(_Line("   ".join((ulcer.id, _area(ulcer), *_shape(ulcer)[:1]))))
        if len(record.ulcers) > _MOST_LISTED:
            lines.append(_Line(f"and {len(record.ulcers) - _MOST_LISTED} more", 0.9, _SOFT_INK))
    return lines + _response_lines(record)


def _response_lines(record: ScoreRecord) -> list[_Line]:
    facts = record.response
    if facts is None:
        return []
    if facts.percent_change is None:
        return [_Line(f"Change: {facts.code} ({facts.reason})")]
    which = f"{record.judged}: " if record.judged else ""
    told = [f"{which}{facts.percent_change:+.0f}% since baseline"]
    if facts.grown_since_baseline:
        growth = "grown" if facts.growth_percent is None else f"{facts.growth_percent:+.0f}%"
        told.append(f"{growth} since the smallest, {_rounded(facts.growth_from_cm2 or 0.0)} cm²")
    told[-1] += f": {facts.code}, unconfirmed"
    return [_Line(line) for line in told]


def _area(figures: UlcerFigures) -> str:
    if figures.area_cm2 is None:
        return f"{figures.area_px or 0:,} px (no scale)".replace(",", " ")
    return f"{_rounded(figures.area_cm2)} cm²"


def _interval(figures: UlcerFigures) -> str:
    low, high = figures.area_cm2_low, figures.area_cm2_high
    if low is None or high is None:
        return ""
    return f"95% interval {_rounded(low)} to {_rounded(high)} cm²"


def _shape(figures: UlcerFigures) -> list[str]:
    length, width, perimeter = figures.length_cm, figures.width_cm, figures.perimeter_cm
    if length is None or width is None or perimeter is None:
        return []
    return [f"{length:.1f} x {width:.1f} cm", f"perimeter {perimeter:.1f} cm"]


def _rounded(area_cm2: float) -> str:
    return f"{area_cm2:.2f}" if area_cm2 < 10 else f"{area_cm2:.1f}"


def _flag_lines(record: ScoreRecord) -> list[_Line]:
    """Gravest first; notes only as far as there is room for them."""
    flags: tuple[QualityFlag, ...] = record.quality.flags
    lines = [
        _Line(flag.advice, 0.9, badge=_SEVERITY_COLOURS[flag.severity], space_before=0.5)
        for flag in flags[:_MOST_LISTED]
    ]
    if len(flags) > _MOST_LISTED:
        lines.append(_Line(f"and {len(flags) - _MOST_LISTED} more flags", 0.9, _SOFT_INK))
    return lines


def _wrapped(lines: list[_Line], room: float, text_px: float) -> list[_Line]:
    """Lines broken at spaces so that each fits the room."""
    broken: list[_Line] = []
    for line in lines:
        indent = text_px if line.badge else 0.0
        rows: list[str] = [""]
        for word in line.text.split(" "):
            longer = f"{rows[-1]} {word}" if rows[-1] else word
            if rows[-1] and _text_length(longer, line.size * text_px) > room - indent:
                rows.append(word)
            else:
                rows[-1] = longer
        broken.append(_Line(rows[0], line.size, line.colour, line.badge, line.space_before))
        # A badge of the paper's own colour keeps the rows of one flag under each other.
        rest = PAPER if line.badge else None
        broken += [_Line(row, line.size, line.colour, rest, 0.0) for row in rows[1:]]
    return broken


def _height(lines: list[_Line], text_px: float) -> float:
    return sum((1.25 * line.size + line.space_before) * text_px for line in lines)


def _write(pen: ImageDraw, lines: list[_Line], at: tuple[float, float], text_px: float) -> float:
    x, y = at
    for line in lines:
        y += line.space_before * text_px
        indent = 0.0
        if line.badge:
            side, middle = 0.55 * text_px, y + 0.62 * line.size * text_px
            pen.ellipse((x, middle - side / 2, x + side, middle + side / 2), fill=line.badge)
            indent = text_px
        baseline = y + line.size * text_px
        _text(pen, (x + indent, baseline), line, text_px)
        y += 1.25 * line.size * text_px
    return y


def _text(pen: ImageDraw, at: tuple[float, float], line: _Line, text_px: float) -> None:
    """Text on a baseline; Pillow's own font has no ², so that is a small 2 set higher."""
    x, baseline = at
    size = line.size * text_px
    for part, piece in enumerate(line.text.split("²")):
        if part:
            small, up = font(_RAISED * size), baseline - 0.36 * size
            pen.text((x, up), "2", font=small, anchor="ls", fill=line.colour)
            x += small.getlength("2")
        face = face_for(piece, size)
        pen.text((x, baseline), piece, font=face, anchor="ls", fill=line.colour)
        x += face.getlength(piece)


def _text_length(text: str, size_px: float) -> float:
    raised = text.count("²") * font(_RAISED * size_px).getlength("2")
    plain = text.replace("²", "")
    return float(face_for(plain, size_px).getlength(plain) + raised)

"""A subject's photographs: squares at one scale, outlines on them, what was found beneath."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Final

from woundseg.pages.look import OUTLINE, OUTLINE_EDGE, rgb
from woundseg.pages.markup import Html, element, html, joined
from woundseg.pages.words import number
from woundseg.records import QualityFlag, VisitRow
from woundseg.report import views, words
from woundseg.report.course import natural
from woundseg.report.facts import Outlines, PhotoShown, SubjectReport
from woundseg.report.views import TILE, View

CSS: Final = f"""
.tiles{{display:grid;grid-template-columns:repeat(auto-fill,minmax(10rem,1fr));gap:1.1rem .8rem;
margin:1rem 0}}
@media (min-width:50rem){{.tiles{{grid-template-columns:repeat(auto-fill,minmax(11.5rem,1fr))}}}}
.tile{{margin:0;min-width:0}}
.tile svg{{background:var(--soft);border-radius:3px}}
.tile figcaption{{margin-top:.4rem;color:var(--ink);font-size:.86rem;overflow-wrap:anywhere}}
.tile b{{font-weight:600}}
.tile .why{{color:var(--muted)}}
.oe,.ol{{fill:none;stroke-linejoin:round}}
.oe{{stroke:{rgb(OUTLINE_EDGE)};stroke-width:5}}
.ol{{stroke:{rgb(OUTLINE)};stroke-width:2}}
.on{{font-size:22px;font-weight:600;fill:#fff;stroke:{rgb(OUTLINE_EDGE)};stroke-width:4;
paint-order:stroke;stroke-linejoin:round}}
.bar{{fill:#fff;stroke:{rgb(OUTLINE_EDGE)};stroke-width:2}}
.none{{font-size:24px;fill:var(--muted)}}
.cross{{stroke:var(--rule);stroke-width:2}}
"""


def tiles(report: SubjectReport, up: str = "") -> Html:
    """All photographs with their captions.

    Args:
        report: the subject.
        up: from the page to the folder of report.html, such as ``../``.
    """
    side_mm = views.common_mm(report.photos)
    named = len({row.ulcer for row in report.rows}) > 1
    rows = rows_by_path(report.rows)
    shown = [_tile(report, photo, rows.get(photo.path, ()), (side_mm, named, up))
             for photo in report.photos]  # fmt: skip
    return joined((element("div", *shown, class_="tiles"), note(report.photos, side_mm)))


def rows_by_path(rows: Sequence[VisitRow]) -> dict[str, tuple[VisitRow, ...]]:
    """The rows of each photograph, ulcers in order."""
    found: dict[str, tuple[VisitRow, ...]] = {}
    for row in sorted(rows, key=lambda row: natural(row.ulcer)):
        found[row.path] = (*found.get(row.path, ()), row)
    return found


def note(photos: Sequence[PhotoShown], side_mm: float | None) -> Html:
    """What the scale of the photographs is."""
    if side_mm is None:
        return html("")
    text = f"At one scale: each square is {number(side_mm / 10)} cm wide around the ulcers."
    whole = (not photo.mm_per_px or not (photo.outlines or photo.places) for photo in photos)
    if any(whole):
        text += " Photographs without a known place of an ulcer or without a scale are shown whole."
    return element("p", text, class_="note")


def _tile(
    report: SubjectReport,
    photo: PhotoShown,
    rows: Sequence[VisitRow],
    look: tuple[float | None, bool, str],
) -> Html:
    side_mm, named, up = look
    said = caption(rows, photo, report, named)
    first = rows[0] if rows else None
    title = f"{first.visit} · {first.date.isoformat()}" if first else photo.path
    alt = f"{report.subject}, {title}: {'; '.join(said)}"
    picture = _picture(photo, side_mm, named, alt)
    if photo.overlay:
        picture = element("a", picture, href=up + link(photo.overlay))
    found = [
        element("span", line, element("br"), class_=None if _is_area(line) else "why")
        for line in said
    ]
    found += [element("span", line, element("br"), class_="why read") for line in photo.read]
    badges = joined((badge(flag) for flag in photo.flags if flag.severity != "note"), " ")
    under = element("figcaption", element("b", title), element("br"), *found, badges)
    return element("figure", picture, under, class_="tile")


def link(path: str) -> str:
    """A relative path as a link: quoted, and never taken for an address."""
    from urllib.parse import quote

    return "./" + quote(path)


def badge(flag: QualityFlag) -> Html:
    """A flag's code in its severity's colour and sign."""
    return element("span", flag.code, class_=f"flag {flag.severity}", title=flag.advice)


def _is_area(line: str) -> bool:
    return "cm²" in line or line.endswith("closed")


def caption(
    rows: Sequence[VisitRow], photo: PhotoShown, report: SubjectReport, named: bool
) -> list[str]:
    """A line for each ulcer: area with interval, or why not; one line where all say the same."""
    told = [(row.ulcer, words.finding(row, photo, report.thresholds)) for row in rows]
    if not told:
        return ["no row"]
    texts = {text for _, text in told}
    if len(texts) == 1 and (not named or len(told) > 1):
        return [told[0][1]]
    return [f"{ulcer} {text}" if named else text for ulcer, text in told]


def _picture(photo: PhotoShown, side_mm: float | None, named: bool, alt: str) -> Html:
    pixels = views.decoded(photo.thumbnail)
    inside = _nothing()
    if pixels is not None:
        height, width = pixels.shape[:2]
        shown = views.view(photo, (width, height), side_mm)
        inside = _drawn(photo, pixels, shown)
        inside += _outlines(photo.outlines, shown, named)
        inside += _bar(shown)
    return _square(inside, alt)


def whole(
    photo: PhotoShown, outlines: Mapping[str, Outlines], colours: Mapping[str, str], alt: str
) -> Html:
    """A photograph in full, finer than in its tile, its outlines labelled.

    Args:
        photo: which.
        outlines: by label.
        colours: of the labels; the others have the usual one.
        alt: what it shows.
    """
    pixels = views.decoded(photo.thumbnail)
    inside = _nothing()
    if pixels is not None:
        height, width = pixels.shape[:2]
        shown = views.view(photo, (width, height), None)
        inside = _drawn(photo, pixels, shown, views.FINE)
        inside += _outlines(outlines, shown, True, colours)
        inside += _bar(shown)
    return _square(inside, alt)


def _drawn(photo: PhotoShown, pixels: views.ByteImage, shown: View, fine: float = 1) -> list[Html]:
    part = views.piece(pixels, photo.thumb_px_per_px, shown, fine)
    return [] if part is None else [_image(part)]


def _nothing() -> list[Html]:
    return [_cross(), _centred("no picture")]


def _square(inside: list[Html], alt: str) -> Html:
    return element("svg", *inside, viewBox=f"0 0 {TILE} {TILE}", role="img", aria_label=alt)


def _cross() -> Html:
    return element("path", d=f"M0 0L{TILE} {TILE}M{TILE} 0L0 {TILE}", class_="cross")


def _centred(text: str) -> Html:
    middle = TILE // 2
    return element("text", text, x=middle, y=middle, text_anchor="middle", class_="none")


def _image(part: views.Piece) -> Html:
    left, top, right, bottom = part.box
    data = base64.b64encode(part.jpeg).decode("ascii")
    return element(
        "image",
        x=f"{left:.1f}",
        y=f"{top:.1f}",
        width=f"{right - left:.1f}",
        height=f"{bottom - top:.1f}",
        preserveAspectRatio="none",
        href=f"data:image/jpeg;base64,{data}",
    )


def _outlines(
    outlines: Mapping[str, Outlines],
    shown: View,
    named: bool,
    colours: Mapping[str, str] | None = None,
) -> list[Html]:
    made: list[Html] = []
    names: list[Html] = []
    for ulcer in sorted(outlines, key=natural):
        lines = [spots for line in outlines[ulcer] if (spots := views.simplified(line, shown))]
        way = "".join(f"M{'L'.join(f'{x:.1f} {y:.1f}' for x, y in line)}Z" for line in lines)
        if not way:
            continue
        colour = (colours or {}).get(ulcer)
        style = None if colour is None else f"stroke:{colour}"
        made += [
            element("path", d=way, class_="oe"),
            element("path", d=way, class_="ol", style=style),
        ]
        if named and ulcer:
            names.append(_name(ulcer, [spot for line in lines for spot in line]))
    return made + names


def _name(ulcer: str, spots: Sequence[tuple[float, float]]) -> Html:
    """The ulcer's name above its outline, or below where there is no room."""
    x = sum(x for x, _ in spots) / len(spots)
    top, bottom = min(y for _, y in spots), max(y for _, y in spots)
    y = top - 9 if top > 34 else bottom + 26
    half = 7.0 * len(ulcer)
    x = min(max(x, half), TILE - half)
    return element("text", ulcer, x=f"{x:.0f}", y=f"{y:.0f}", text_anchor="middle", class_="on")


def _bar(shown: View) -> list[Html]:
    """A scale bar at the lower left, or that there is no scale."""
    long = views.bar_mm(shown)
    if long is None or shown.mm_per_unit is None:
        return [element("text", "no scale", x=12, y=TILE - 14, class_="on")]
    text = f"{long // 10} cm" if long >= 10 else f"{long} mm"
    wide = long / shown.mm_per_unit
    bar = element("rect", x=12, y=TILE - 18, width=f"{wide:.1f}", height=6, class_="bar")
    return [bar, element("text", text, x=12, y=TILE - 27, class_="on")]

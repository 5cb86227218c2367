"""Photographs whose ulcers cannot be told: both pictures, the candidates, what settles it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from woundseg.pages.look import BLUE, GREEN, ORANGE, OUTLINE, PURPLE, VERMILION, rgb
from woundseg.pages.markup import Html, dated, element
from woundseg.report import tiles, words
from woundseg.report.course import natural
from woundseg.report.facts import Panel, Question

MOST_SHOWN: Final = 6
"""Questions of one subject; when they are settled, the next run shows the others."""

_HUES: Final = (ORANGE, GREEN, PURPLE, BLUE, VERMILION)
"""Of the known ulcers, in order; an outline without a name has the report's own colour."""

CSS: Final = """
.ask{overflow-wrap:anywhere;background:var(--soft);border-left:4px solid var(--blue);
padding:.7rem 1rem;margin:1rem 0}
.ask h4{margin:0 0 .4rem;font-size:1rem}
.ask p{margin:.6rem 0 .2rem}
.ask .pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,17rem),1fr));
gap:.8rem;max-width:56rem}
.ask figure{margin:.4rem 0;min-width:0}
.ask svg{background:var(--paper);border-radius:3px}
.ask ul{list-style:none;padding:0;margin:.4rem 0}
.swatch{display:inline-block;width:.8em;height:.8em;border-radius:2px;margin-right:.45em;
border:1px solid var(--ink)}
.ask pre{margin:.2rem 0 .6rem;padding:.5rem .7rem;background:var(--paper);
border:1px solid var(--rule);white-space:pre-wrap;overflow-wrap:anywhere}
@media print{.ask{break-inside:avoid}}
"""


def section(questions: Sequence[Question]) -> Iterator[Html]:
    """All questions of one subject under their heading; nothing where there is none."""
    if not questions:
        return
    yield element("h3", "Which ulcer is it?")
    yield from (_article(question) for question in questions[:MOST_SHOWN])
    over = len(questions) - MOST_SHOWN
    if over > 0:
        told = f"{words.many(over, 'more photograph')}: settle these first, then run batch again."
        yield element("p", told, class_="note")


def _article(question: Question) -> Html:
    panels = (*question.before, question.now)
    labels = {label for panel in panels for label in panel.outlines}
    labels |= {*question.unsure, *question.known}
    known = sorted((label for label in labels if not label.isdecimal()), key=natural)
    colours = {name: _HUES[k % len(_HUES)] for k, name in enumerate(known)}
    steps = [
        part
        for step in question.steps
        for part in (element("p", step.when), element("pre", element("code", step.text)))
    ]
    return element(
        "article",
        element("h4", dated(question.title), " · ", element("code", question.now.photo.path)),
        element("div", *(_panel(panel, colours, question) for panel in panels), class_="pair"),
        element("ul", *_candidates(question, colours)),
        *steps,
        class_="ask",
    )


def _panel(panel: Panel, colours: dict[str, str], question: Question) -> Html:
    asked = panel is question.now
    said = "the photograph in question" if asked else "the last one that shows it"
    picture = tiles.whole(panel.photo, panel.outlines, colours, f"{panel.title}, {said}")
    under = element("figcaption", element("b", dated(panel.title)), f" · {said}")
    return element("figure", picture, under)


def _candidates(question: Question, colours: dict[str, str]) -> Iterator[Html]:
    for name in question.unsure:
        text = f"{name}: known from earlier visits, not placed here"
        yield element("li", _swatch(colours[name]), text)
    for name in question.known:
        yield element("li", _swatch(colours[name]), f"{name}: known from earlier visits")
    for name in sorted(set(question.now.outlines) & set(colours), key=natural):
        yield element("li", _swatch(colours[name]), f"{name}: found here")
    for number in question.unnamed:
        yield element("li", _swatch(rgb(OUTLINE)), f"outline {number}: has no name yet")
    if not question.now.outlines:
        yield element("li", "Nothing was outlined on the photograph in question.")


def _swatch(colour: str) -> Html:
    return element("span", "", class_="swatch", style=f"background:{colour}")

"""The front page: who is late, what was not measured, what needs an eye, and every subject."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from woundseg.pages.markup import Html, dated, element, joined
from woundseg.pages.words import NONE
from woundseg.report import tables, words
from woundseg.report.facts import StudyFacts
from woundseg.report.failures import Cause, Stage
from woundseg.report.summary import Summary
from woundseg.report.tables import Cell, Column

MOST_LINES: Final = 100
"""Of each list; the table of subjects holds the rest."""

FIRST_LINES: Final = 8
"""Of each list stand open; the others unfold."""

MOST_REASONS: Final = 4

STAGES: Final = {
    "plan": "not placed in the study",
    "read": "not readable",
    "measure": "not measured",
    "match": "not matched with earlier visits",
}

CSS: Final = """
.counts{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:.8rem;
margin:1.2rem 0}
.counts div{background:var(--soft);border-top:3px solid var(--muted);padding:.5rem .9rem}
.counts b{display:block;font-size:1.5rem;line-height:1.25;font-variant-numeric:tabular-nums}
.counts span{color:var(--muted);font-size:.86rem}
.todo{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,19rem),1fr));gap:1rem;
align-items:start}
.todo section{background:var(--soft);border-top:3px solid var(--c);padding:.7rem 1rem;min-width:0}
.todo h3,.stage h3{font-size:1rem;margin:0 0 .3rem}
.todo ul{list-style:none;padding:0;margin:0}
.todo summary{cursor:pointer;color:var(--link);font-size:.93rem;padding:.4rem 0}
td .who{display:inline-block;width:max-content;max-width:min(18rem,38vw);white-space:normal;
overflow-wrap:anywhere}
.todo li{padding:.3rem 0;border-top:1px solid var(--rule);font-size:.93rem}
.todo li:first-child{border-top:0}
.todo p{margin:0;color:var(--muted)}
.stage{margin:1rem 0}
.stage ul{max-width:60rem}
.paths{color:var(--muted);font-size:.86rem}
code{font:.86em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
@media print{.todo details::details-content{content-visibility:visible;display:block}
.todo summary{display:none}td .who{max-width:8rem}td.l{min-width:5rem}}
"""

COLUMNS: Final = (
    Column("Subject"),
    Column("Index ulcer"),
    Column("Baseline, cm²", True),
    Column("Last area, cm²", True, "of the index ulcer, with its 95 % interval"),
    Column("Change", True, "of the last area from baseline"),
    Column("Last visit"),
    Column("Visits", True, "dates with a photograph"),
    Column("Not measured", True, "dates on which an ulcer was not measured"),
    Column("To look at", True, "what needs a person’s eye"),
    Column("Late"),
    Column("Flags"),
)


@dataclass
class Listing:
    """A list that keeps its first lines and counts them all."""

    lines: list[Html] = field(default_factory=list)
    count: int = 0

    def add(self, line: Html) -> None:
        """One more."""
        self.count += 1
        if self.count <= MOST_LINES:
            self.lines.append(line)


@dataclass
class Front:
    """What the front page gathers while the subjects pass by.

    Attributes:
        late, unmeasured, to_look_at: the lists of what is to be done.
        subjects: how many have passed.
    """

    late: Listing = field(default_factory=Listing)
    unmeasured: Listing = field(default_factory=Listing)
    to_look_at: Listing = field(default_factory=Listing)
    subjects: int = 0

    def take(self, summary: Summary, link: str) -> Html:
        """Notes a subject and gives its row of the table.

        Args:
            summary: the subject.
            link: to its part of the report.
        """
        self.subjects += 1
        name = element("a", summary.subject, href=link, class_="who")
        if summary.overdue:
            self.late.add(_line(name, summary.overdue))
        if summary.unmeasured:
            self.unmeasured.add(_line(name, words.listed(summary.unmeasured, MOST_REASONS)))
        if summary.to_look_at:
            self.to_look_at.add(_line(name, *summary.to_look_at))
        return tables.row(COLUMNS, _cells(summary, name))


def _line(name: Html, *told: str) -> Html:
    texts = joined((dated(text) for text in told), "<br>")
    return element("li", element("b", name), " ", texts)


def _cells(summary: Summary, name: Html) -> list[Cell]:
    last = summary.last
    cm2 = None if last is None else last.area_cm2
    shown = summary.last_text.replace(" cm²", "")
    return [
        Cell(name),
        Cell(summary.index_ulcer or NONE),
        Cell(NONE if summary.baseline_cm2 is None else words.digits(summary.baseline_cm2),
             summary.baseline_cm2),
        Cell(shown, cm2),
        Cell(words.change(summary.change_percent), summary.change_percent),
        Cell(NONE if summary.last_visit is None else summary.last_visit.isoformat()),
        Cell(summary.visits, summary.visits),
        _count(len(summary.unmeasured)),
        _count(len(summary.to_look_at)),
        Cell("late" if summary.overdue else NONE),
        Cell(words.listed(summary.flags, 3) or NONE),
    ]  # fmt: skip


def _count(count: int) -> Cell:
    return Cell(count or NONE, float(count))


def head(facts: StudyFacts, front: Front) -> Iterator[Html]:
    """The page up to the rows of the table of subjects."""
    told = (
        f"As of {facts.as_of.isoformat()}", f"photographs in {facts.photos}", facts.software,
        f"weights {facts.weights}",
    )  # fmt: skip
    tiles = (
        element("div", element("b", words.grouped(count)), element("span", name))
        for name, count in facts.counts.items()
    )
    yield element(
        "header",
        element("h1", facts.title),
        element("p", " · ".join(told), class_="sub"),
        element("div", *tiles, class_="counts"),
    )
    yield Html("<main>\n")
    yield element("h2", "To act on")
    lists = (
        ("Late", "vermilion", front.late, "Nobody is late."),
        ("Visits not measured", "orange", front.unmeasured, "Every visit was measured."),
        ("Needs a person’s eye", "blue", front.to_look_at, "Nothing."),
    )
    yield element("div", *(_todo(*each) for each in lists), class_="todo")
    yield element("h2", f"Subjects: {words.grouped(front.subjects)}", id="subjects")
    if front.subjects:
        yield tables.start(COLUMNS, "Subjects", hidden=True)
    else:
        yield element("p", "No photograph could be placed: no subject is known.")


def _todo(title: str, colour: str, listing: Listing, nothing: str) -> Html:
    over = listing.count - len(listing.lines)
    more = f"and {words.many(over, 'more subject')}: see the table." if over else ""
    inside = _lines(listing.lines) if listing.lines else [element("p", nothing)]
    heading = f"{title}: {words.many(listing.count, 'subject')}" if listing.count else title
    under = element("p", more, class_="note") if more else None
    return element("section", element("h3", heading), *inside, under, style=f"--c:var(--{colour})")


def _lines(lines: list[Html]) -> list[Html]:
    """The first lines, and the others folded."""
    first = element("ul", *lines[:FIRST_LINES])
    rest = lines[FIRST_LINES:]
    if not rest:
        return [first]
    summary = element("summary", words.many(len(rest), "more subject"))
    return [first, element("details", summary, element("ul", *rest))]


def tail(facts: StudyFacts, front: Front) -> Iterator[Html]:
    """The page from the end of the table on, without the subjects themselves."""
    if front.subjects:
        yield tables.end("Areas in brackets: 95 % interval.")
    yield from _failures(facts.failures)
    if facts.warnings:
        yield element("h2", "Warnings")
        yield element("ul", *(element("li", line) for line in facts.warnings))
    yield element("h2", "Where this comes from")
    yield element("p", "Head of the chain of results: ", element("code", facts.head), class_="head")
    yield element(
        "p",
        "Keep it apart from the study’s folder. ",
        element("code", f"woundseg verify STUDY --head {facts.head}"),
        " says whether any result was altered since.",
        class_="note",
    )


def _failures(stages: Mapping[str, Stage]) -> Iterator[Html]:
    """A stage after the other, a line for each cause with its advice and the first files."""
    files = sum(stage.files for stage in stages.values())
    yield element("h2", f"Files not measured: {words.grouped(files)}")
    if not stages:
        yield element("p", "None.")
    order = list(STAGES)
    for name in sorted(stages, key=lambda s: (order.index(s) if s in order else 9, s)):
        stage = stages[name]
        lines = [_cause(cause) for cause in stage.causes.values()]
        over = stage.files - sum(cause.files for cause in stage.causes.values())
        if over:
            told_over = f"{words.many(over, 'more file')} with other causes: failures.csv."
            lines.append(element("li", told_over))
        title = f"{name.capitalize()}: {words.many(stage.files, 'file')} {STAGES.get(name, '')}"
        yield element(
            "section", element("h3", title.rstrip()), element("ul", *lines), class_="stage"
        )


def _cause(cause: Cause) -> Html:
    over = cause.files - len(cause.paths)
    more = f" and {words.grouped(over)} more" if over else ""
    return element(
        "li",
        f"{cause.error[:1].upper()}{cause.error[1:].rstrip('.')}. {cause.advice} ",
        element("span", ", ".join(cause.paths) + more, class_="paths"),
    )

"""One subject's part of the report: what to do, photographs, curves, figures, flags."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from woundseg.classes import TISSUES
from woundseg.pages.markup import Html, dated, element, joined
from woundseg.pages.words import NONE, number
from woundseg.records import QualityFlag, VisitRow
from woundseg.report import charts, questions, tiles, words
from woundseg.report.course import Course, courses, measured, natural
from woundseg.report.facts import PhotoShown, SubjectReport
from woundseg.report.summary import Summary
from woundseg.report.tables import Cell, Column, table
from woundseg.trial.healing_course import HALVED_PCT, HealingRow

CSS: Final = """
.subject h3{font-size:1.02rem;margin:2rem 0 .3rem}
.subject h1 a,.subject h2 a{font-size:.86rem;font-weight:400;margin-left:.8rem;white-space:nowrap}
.subject h1,.subject h2{overflow-wrap:anywhere}
.subject .sub{max-width:none}
.subject .warn{max-width:60rem}
.eye ul{margin:.2rem 0 0}
.subject .table{margin:.6rem 0}
.subject td.l{min-width:9rem}
.subject td .ends{display:block;color:var(--muted);font-size:.9em}
.subject table{font-size:.84rem}
.subject th,.subject td{padding-right:.6rem}
@media print{.subject table{font-size:.58rem}.subject td.l{min-width:4rem}
.subject th,.subject td{padding-right:.3rem}.subject h2 a{display:none}}
.flag{display:inline-block;font-size:.8rem;line-height:1.35;padding:.05rem .4rem;margin:.1rem 0;
border-radius:3px;border:1px solid currentColor;white-space:nowrap}
.flag.reject{color:var(--reject)}
.flag.warning{color:var(--warn)}
.flag.note{color:var(--link)}
.flag.reject::before{content:"\\2715\\a0"}
.flag.warning::before{content:"!\\a0"}
.flag.note::before{content:"i\\a0"}
dl.flags{display:grid;grid-template-columns:max-content 1fr;gap:.5rem 1rem;margin:.6rem 0;
font-size:.93rem;max-width:60rem}
dl.flags dd{margin:0;overflow-wrap:anywhere}
dl.flags .when{color:var(--muted);font-size:.86rem}
@media (max-width:40rem){dl.flags{grid-template-columns:1fr;gap:.1rem}
dl.flags dd{margin:0 0 .7rem}}
"""
MOST_DATES: Final = 8

_TEXT = Column("Date"), Column("Visit"), Column("Ulcer")
_FIGURES: Final = (
    *_TEXT,
    Column("Area, cm²", True),
    Column("95 % interval"),
    Column("Change", True, "from baseline"),
    Column("Length, cm", True),
    Column("Width, cm", True),
    Column("Perimeter, cm", True),
    *(
        Column(f"{each.name.capitalize()}, %", True, f"{each.meaning}; 95 % interval")
        for each in TISSUES
    ),
    Column("Scale"),
    Column("Flags"),
    Column("Read by"),
)
_HEALING: Final = (
    *_TEXT,
    Column("Weeks", True, "since the ulcer’s baseline"),
    Column("Area reduction, %", True, "from baseline"),
    Column("Log healing rate, 1/week", True, "ln(A0/A) a week"),
    Column("Margin advance, cm/week", True, "Gilman: since baseline"),
    Column("… since last visit", True, "Gilman: cm/week since the last evaluable visit"),
)


def section(report: SubjectReport, summary: Summary, place: int, up: str = "") -> Html:
    """All of one subject.

    Args:
        report: the subject.
        summary: of the same.
        place: its number in the report, for the link from the front page.
        up: from the page to the folder of report.html; blank where it stands in report.html.
    """
    found = courses(report)
    back = element("a", "↑ all subjects", href=f"{up}report.html" if up else "#subjects")
    parts = [
        element("h1" if up else "h2", report.subject, " ", back, id=f"s{place}"),
        element("p", dated(headline(summary)), class_="sub"),
        *_to_do(report),
        *questions.section(report.questions),
        element("h3", "Photographs"),
        tiles.tiles(report, up),
        *_curves(report, found),
        element("h3", "Figures"),
        _figure_table(report, found),
        *_healing(report),
        *_flags(report),
    ]
    return element("section", joined(parts, "\n"), class_="subject")


def headline(summary: Summary) -> str:
    """The subject in one line."""
    said = []
    if summary.index_ulcer is None:
        said.append("no index ulcer")
    else:
        said.append(f"index ulcer {summary.index_ulcer}")
    if summary.baseline_cm2 is not None and summary.baseline_date is not None:
        said.append(
            f"baseline {words.area(summary.baseline_cm2)} on {summary.baseline_date.isoformat()}"
        )
    else:
        said.append("no baseline")
    if summary.last is not None and summary.last.row.date != summary.baseline_date:
        told = f"last: {summary.last_text} on {summary.last.row.date.isoformat()}"
        if summary.change_percent is not None:
            told += f" ({words.change(summary.change_percent)})"
        said.append(told)
    said.append(words.many(summary.visits, "visit"))
    text = " · ".join(said)
    return text[0].upper() + text[1:]


def _to_do(report: SubjectReport) -> Iterator[Html]:
    if report.overdue:
        yield element("p", element("b", "Late: "), dated(report.overdue), class_="warn")
    if report.to_look_at:
        items = (element("li", dated(line)) for line in report.to_look_at)
        yield element(
            "div", element("b", "Needs a person’s eye"), element("ul", *items), class_="warn eye"
        )


def _curves(report: SubjectReport, found: Iterable[Course]) -> Iterator[Html]:
    shown = [course for course in found if course.points]
    if not shown:
        return
    yield element("h3", "Area and tissue")
    for course in shown:
        yield charts.charts(course, len(shown) > 1, course.ulcer == report.index_ulcer)
    if any(course.baseline_cm2 for course in shown):
        yield element("p", words.limits(report.thresholds), class_="note")


def _figure_table(report: SubjectReport, found: Iterable[Course]) -> Html:
    baselines = {course.ulcer: course.baseline_cm2 for course in found}
    ordered = sorted(report.rows, key=lambda row: (row.date, row.seq, natural(row.ulcer)))
    photos = {photo.path: photo for photo in report.photos}
    return table(
        _FIGURES,
        (_figure_cells(row, photos.get(row.path), baselines[row.ulcer], report) for row in ordered),
        f"Figures of {report.subject} by photograph and ulcer",
    )


def _figure_cells(
    row: VisitRow, photo: PhotoShown | None, baseline: float | None, report: SubjectReport
) -> list[Cell]:
    cm2 = measured(row)
    since = report.baseline_date is not None and row.date > report.baseline_date
    change = 100 * (cm2 - baseline) / baseline if since and baseline and cm2 is not None else None
    within = photo.tissue_within.get(row.ulcer, {}) if photo else {}
    area = NONE if cm2 is None else words.digits(cm2)
    return [
        Cell(row.date.isoformat()),
        Cell(row.visit),
        Cell(row.ulcer),
        Cell(area, cm2),
        Cell(words.why_not(row, photo) if cm2 is None else words.interval(row) or NONE),
        Cell(words.change(change), change),
        *(
            Cell(number(value) if cm2 is not None else NONE, value if cm2 is not None else None)
            for value in (row.length_cm, row.width_cm, row.perimeter_cm)
        ),
        *(_share_cell(getattr(row, each.name), within.get(each.name)) for each in TISSUES),
        Cell(row.scale),
        Cell(", ".join(row.flags) or NONE),
        Cell(row.reader or NONE),
    ]


def _share_cell(share: float | None, within: tuple[float, float] | None) -> Cell:
    """A tissue's percentage with its interval under it."""
    if share is None:
        return Cell(NONE)
    told = number(100 * share, 0)
    if within is None:
        return Cell(told, share)
    ends = "–".join(number(100 * end, 0) for end in within)
    return Cell(joined((told, element("span", ends, class_="ends")), " "), share)


def _healing(report: SubjectReport) -> Iterator[Html]:
    rows = sorted(report.healing, key=lambda row: (natural(row.ulcer), row.date))
    if not rows:
        return
    yield element("h3", "Healing")
    yield table(
        _HEALING,
        map(_healing_cells, rows),
        f"Healing figures of {report.subject} by ulcer and visit",
        " ".join([*_at_week_4(rows), "Supportive figures: no part of the response."]),
    )


def _healing_cells(row: HealingRow) -> list[Cell]:
    figures = (
        (row.weeks, 1), (row.par_pct, 0), (row.log_healing_rate_per_week, 3),
        (row.gilman_cm_per_week, 3), (row.gilman_from_last_cm_per_week, 3),
    )  # fmt: skip
    return [
        Cell(row.date.isoformat()),
        Cell(row.visit),
        Cell(row.ulcer),
        *(Cell(number(value, places), value) for value, places in figures),
    ]


def _at_week_4(rows: Iterable[HealingRow]) -> Iterator[str]:
    """The four-week line of each ulcer that was measured then."""
    told = {row.ulcer: row for row in rows if row.par4_pct is not None}
    for ulcer, row in told.items():
        side = "reached" if row.par50w4 else "not reached"
        reduction = number(row.par4_pct, 0)
        yield f"{ulcer} at week 4: area reduced by {reduction} %, the {HALVED_PCT:g} % line {side}."


def _flags(report: SubjectReport) -> Iterator[Html]:
    """Each flag once, the gravest first, with its advice and where it was raised."""
    when: dict[QualityFlag, list[str]] = {}
    rows = tiles.rows_by_path(report.rows)
    for photo in report.photos:
        own = rows.get(photo.path)
        name = f"{own[0].visit} ({own[0].date.isoformat()})" if own else photo.path
        for flag in photo.flags:
            when.setdefault(flag, []).append(name)
    if not when:
        return
    yield element("h3", "Flags")
    order = {"reject": 0, "warning": 1, "note": 2}
    lines: list[Html] = []
    for flag in sorted(when, key=lambda flag: (order[flag.severity], flag.code)):
        lines.append(element("dt", tiles.badge(flag)))
        lines.append(element("dd", flag.advice, " ", _when(when[flag], len(report.photos))))
    yield element("dl", *lines, class_="flags")


def _when(names: list[str], photos: int) -> Html:
    if len(names) == photos > 1:
        return element("span", f"All {photos} photographs.", class_="when")
    return element("span", dated(words.listed(names, MOST_DATES) + "."), class_="when")

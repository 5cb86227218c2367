"""Area curve and tissue of one ulcer as plain SVG.

By hand, for speed: a figure takes a millisecond, and colours follow the page by CSS classes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from woundseg.classes import TISSUES
from woundseg.pages.look import rgb
from woundseg.pages.markup import Html, element, html
from woundseg.report import words
from woundseg.report.course import Course, Point

WIDTH, HEIGHT = 440, 260
LEFT, RIGHT, TOP, BOTTOM = 46, 78, 26, 52
LANE: Final = 11
"""From the axis down to the marks of visits that are not evaluable."""

TICK_WEEKS: Final = (1, 2, 4, 8, 12, 26, 52, 104)
MOST_TICKS: Final = 8
LABEL_APART: Final = 13.0
LETTER_SHARE: Final = 0.09
"""A band at least this thick carries its tissue's letter."""

_SHADES: Final = "".join(
    f".t{tissue.id}{{fill:{rgb(tissue.colour)}}}" for tissue in TISSUES
)  # fmt: skip
CSS: Final = f"""
.charts{{display:grid;max-width:62rem;
grid-template-columns:repeat(auto-fill,minmax(min(100%,20rem),1fr));gap:1.2rem 2rem}}
.charts+.charts{{margin-top:1.4rem}}
.charts figure{{margin:0;min-width:0}}
.charts h4{{margin:0;font-size:.93rem;overflow-wrap:anywhere}}
.chart text{{font-size:12px;fill:var(--ink)}}
.chart .m{{fill:var(--muted)}}
.chart .e{{text-anchor:end}}
.chart .c{{text-anchor:middle}}
.grid{{stroke:var(--rule);stroke-width:1}}
.axis{{stroke:var(--muted);stroke-width:1}}
.curve{{fill:none;stroke:var(--blue);stroke-width:2;stroke-linejoin:round}}
.within{{stroke:var(--blue);stroke-width:1.5;opacity:.75}}
.dot{{fill:var(--blue)}}
.zero{{fill:var(--paper);stroke:var(--blue);stroke-width:2.5}}
.ne{{stroke:var(--vermilion);stroke-width:2}}
.least{{fill:none;stroke:var(--blue);stroke-width:2}}
.base{{stroke:var(--muted);stroke-width:1.2;stroke-dasharray:1 3}}
.pr{{stroke:var(--green);stroke-width:1.5;stroke-dasharray:7 4}}
.pd{{fill:none;stroke:var(--vermilion);stroke-width:1.5;stroke-dasharray:3 3}}
.chart .ltpr{{fill:var(--gain)}}
.chart .ltpd{{fill:var(--reject)}}
{_SHADES}
.band{{stroke:var(--paper);stroke-width:1.5;stroke-linejoin:round}}
.edge{{stroke:var(--muted);stroke-width:1}}
.hollow{{fill:none}}
.chart .letter{{font-weight:700;text-anchor:middle;fill:#fff}}
.chart .letter.dark{{fill:#1c2126}}
"""


@dataclass(frozen=True)
class Frame:
    """The inside of a chart's axes.

    Attributes:
        start: date of week 0.
        weeks: at the right end.
        top: value at the upper end; the lower is 0.
    """

    start: date
    weeks: float
    top: float

    def x(self, day: date) -> float:
        """Across, of a date."""
        return LEFT + (WIDTH - LEFT - RIGHT) * self.week(day) / self.weeks

    def y(self, value: float) -> float:
        """Down, of a value."""
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / self.top

    def week(self, day: date) -> float:
        """Weeks since the start."""
        return (day - self.start).days / 7.0


def charts(course: Course, named: bool, index: bool) -> Html:
    """The figures of one ulcer: its area, and its tissue where that is given.

    Args:
        course: the ulcer.
        named: the subject has several ulcers, so the titles name this one.
        index: it is the index ulcer.
    """
    name = f" of {course.ulcer}{', the index ulcer' if index else ''}" if named else ""
    made = [_figure(f"Area{name}", area_chart(course))]
    if any(has_tissue(point) for point in course.points):
        made.append(_figure(f"Tissue{name}", tissue_chart(course)))
    return element("div", *made, class_="charts")


def _figure(title: str, svg: Html) -> Html:
    return element("figure", element("h4", title), svg)


# --- area ----------------------------------------------------------------------------------------


def area_chart(course: Course) -> Html:
    """Area by week with 95% intervals, limits, lower bounds, closed and not evaluable dates."""
    frame = _frame(course, _highest(course))
    parts = [
        *_area_axis(frame),
        *_week_axis(frame),
        *_limits(course, frame),
        _curve(course, frame),
        *(mark for point in course.points for mark in _marks(point, frame)),
        *_key(course),
    ]
    return _svg(parts, f"{course.ulcer}: {_told(course)}")


def _svg(parts: Sequence[Html], alt: str) -> Html:
    box = f"0 0 {WIDTH} {HEIGHT}"
    return element("svg", *parts, viewBox=box, role="img", aria_label=alt, class_="chart")


def _told(course: Course) -> str:
    return ", ".join(f"{point.row.date.isoformat()} {_said(point)}" for point in course.points)


def _said(point: Point) -> str:
    if point.at_least_cm2 is not None:
        return f"at least {words.area(point.at_least_cm2)}"
    return "not evaluable" if point.area_cm2 is None else words.area(point.area_cm2)


def _frame(course: Course, top: float) -> Frame:
    days = [point.row.date for point in course.points]
    days += [course.baseline_date] if course.baseline_date else []
    start = min(days)
    return Frame(start, max(1.0, (max(days) - start).days / 7.0) * 1.02, top)


def _highest(course: Course) -> float:
    values = [0.1]
    for point in course.evaluable:
        values += [point.area_cm2 or 0.0, point.row.area_cm2_high or 0.0]
    values += [point.at_least_cm2 or 0.0 for point in course.points]
    values += [course.baseline_cm2 or 0.0, *(limit.area_cm2 for limit in course.progression)]
    return max(values) * 1.04


def ticks(top: float, most: int = 5) -> list[float]:
    """Round values from 0 up to ``top``, at most ``most`` steps."""
    power = 10.0 ** math.floor(math.log10(top))
    fitting = [
        step for step in (power * part for part in (0.1, 0.2, 0.25, 0.5, 1.0, 2.0, 2.5, 5.0))
        if top / step <= most
    ]  # fmt: skip
    step = fitting[0]
    return [number * step for number in range(math.floor(top / step + 1e-9) + 1)]


def _area_axis(frame: Frame) -> Iterator[Html]:
    yield element("text", "cm²", x=LEFT - 6, y=TOP - 10, class_="m e")
    for value in ticks(frame.top):
        yield from _rung(frame.y(value), f"{value:g}", value == 0)


def _rung(y: float, text: str, bottom: bool) -> Iterator[Html]:
    kind = "axis" if bottom else "grid"
    yield _line((LEFT, y), (WIDTH - RIGHT, y), kind)
    yield element("text", text, x=LEFT - 6, y=f"{y + 4:.1f}", class_="m e")


def _line(start: tuple[float, float], end: tuple[float, float], kind: str) -> Html:
    (x1, y1), (x2, y2) = start, end
    places = {"x1": f"{x1:.1f}", "y1": f"{y1:.1f}", "x2": f"{x2:.1f}", "y2": f"{y2:.1f}"}
    return element("line", class_=kind, **places)


def week_ticks(weeks: float) -> list[int]:
    """Weeks at round distances, at most ``MOST_TICKS`` steps; years beyond."""
    step = next((s for s in TICK_WEEKS if weeks / s <= MOST_TICKS), 0)
    if not step:
        step = 52 * math.ceil(weeks / 52 / MOST_TICKS)
    return list(range(0, math.floor(weeks + 1e-9) + 1, step))


def _week_axis(frame: Frame) -> Iterator[Html]:
    floor = HEIGHT - BOTTOM
    for week in week_ticks(frame.weeks):
        x = LEFT + (WIDTH - LEFT - RIGHT) * week / frame.weeks
        yield _line((x, floor), (x, floor + 4), "axis")
        yield element("text", week, x=f"{x:.1f}", y=floor + LANE + 18, class_="m c")
    middle = LEFT + (WIDTH - LEFT - RIGHT) / 2
    text = f"weeks since {frame.start.isoformat()}"
    yield element("text", text, x=f"{middle:.0f}", y=HEIGHT - 5, class_="m c")


def _limits(course: Course, frame: Frame) -> Iterator[Html]:
    """Baseline, response and progression as lines, named at their right ends."""
    right = float(WIDTH - RIGHT)
    labels: list[tuple[float, str, str]] = []
    if course.baseline_cm2:
        y = frame.y(course.baseline_cm2)
        yield _line((LEFT, y), (right, y), "base")
        labels.append((y, "baseline", "m"))
    if course.response_cm2 is not None:
        y = frame.y(course.response_cm2)
        yield _line((LEFT, y), (right, y), "pr")
        labels.append((y, "response", "ltpr"))
    if course.progression:
        way, y = "M", 0.0
        for limit in course.progression:
            y = frame.y(limit.area_cm2)
            end = right if limit.until is None else frame.x(limit.until)
            way += f"{frame.x(limit.since):.1f} {y:.1f}L{end:.1f} {y:.1f}L"
        yield element("path", d=way.rstrip("L"), class_="pd")
        labels.append((y, "progression", "ltpd"))
    for y, text, kind in spread(labels):
        yield element("text", text, x=WIDTH - RIGHT + 5, y=f"{y + 4:.1f}", class_=kind)


def spread(labels: Sequence[tuple[float, str, str]]) -> list[tuple[float, str, str]]:
    """Labels moved down, then up from the axis, until none covers another."""
    placed: list[tuple[float, str, str]] = []
    above = -math.inf
    for y, text, kind in sorted(labels):
        above = max(y, above + LABEL_APART)
        placed.append((above, text, kind))
    below = HEIGHT - BOTTOM + LABEL_APART - 4.0
    for place in range(len(placed) - 1, -1, -1):
        y, text, kind = placed[place]
        below = min(y, below - LABEL_APART)
        placed[place] = (below, text, kind)
    return placed


def _curve(course: Course, frame: Frame) -> Html:
    spots = [
        f"{frame.x(point.row.date):.1f} {frame.y(point.area_cm2 or 0.0):.1f}"
        for point in course.evaluable
    ]
    return element("path", d=f"M{'L'.join(spots)}", class_="curve") if len(spots) > 1 else html("")


def _marks(point: Point, frame: Frame) -> Iterator[Html]:
    """A date's mark: dot with its interval, ring on the axis for closed, cross below it.

    A lower bound has an arrow that points up.
    """
    x, floor = frame.x(point.row.date), float(HEIGHT - BOTTOM)
    title = element("title", f"{point.row.visit}, {point.row.date.isoformat()}: {_said(point)}")
    if point.at_least_cm2 is not None:
        yield element("path", title, d=_arrow(x, frame.y(point.at_least_cm2)), class_="least")
        return
    if point.area_cm2 is None:
        y = floor + LANE
        way = f"M{x - 4:.1f} {y - 4:.1f}l8 8m0 -8l-8 8"
        yield element("path", title, d=way, class_="ne")
        return
    low, high = point.row.area_cm2_low, point.row.area_cm2_high
    if low is not None and high is not None and high > low:
        ends = frame.y(low), frame.y(high)
        yield _line((x, ends[0]), (x, ends[1]), "within")
        for y in ends:
            yield _line((x - 3, y), (x + 3, y), "within")
    y = frame.y(point.area_cm2)
    kind, radius = ("zero", 5) if point.closed else ("dot", 3.5)
    yield element("circle", title, cx=f"{x:.1f}", cy=f"{y:.1f}", r=radius, class_=kind)


def _arrow(x: float, y: float) -> str:
    """Upwards from an area: its foot lies on it."""
    return f"M{x:.1f} {y:.1f}v-10m-4 4l4 -4l4 4"


def _key(course: Course) -> Iterator[Html]:
    """What the marks mean, as far as they occur."""
    y, x = TOP - 14, LEFT + 4
    if any(point.closed for point in course.points):
        yield element("circle", cx=x + 5, cy=y, r=5, class_="zero")
        yield element("text", "closed", x=x + 15, y=y + 4, class_="m")
        x += 70
    if any(point.at_least_cm2 is not None for point in course.points):
        yield element("path", d=_arrow(x + 4, y + 5), class_="least")
        yield element("text", "at least", x=x + 14, y=y + 4, class_="m")
        x += 76
    if any(point.area_cm2 is point.at_least_cm2 is None for point in course.points):
        yield element("path", d=f"M{x} {y - 4}l8 8m0 -8l-8 8", class_="ne")
        yield element("text", "not evaluable", x=x + 14, y=y + 4, class_="m")


# --- tissue --------------------------------------------------------------------------------------


def has_tissue(point: Point) -> bool:
    """Whether the bed's shares are known on this date."""
    return point.area_cm2 is not None and None not in shares(point)


def shares(point: Point) -> tuple[float | None, ...]:
    """Shares of the bed in the order of ``classes.TISSUES``."""
    return tuple(getattr(point.row, tissue.name) for tissue in TISSUES)


def tissue_chart(course: Course) -> Html:
    """Shares of the bed by week as areas on one another; closed dates leave a gap."""
    frame = _frame(course, 1.0)
    parts = [*_week_axis(frame)]
    for percent in (0, 25, 50, 75, 100):
        parts += _rung(frame.y(percent / 100), f"{percent}", percent == 0)
    for run in runs(course.evaluable):
        parts += _bands(run, frame)
    parts += _tissue_key(course)
    parts.append(element("text", "%", x=LEFT - 6, y=TOP - 10, class_="m e"))
    return _svg(parts, f"{course.ulcer}: {_shares_told(course)}")


def _shares_told(course: Course) -> str:
    said = []
    for point in course.points:
        if has_tissue(point):
            named = zip(TISSUES, shares(point), strict=True)
            each = (f"{tissue.name} {share:.0%}" for tissue, share in named if share)
            said.append(f"{point.row.date.isoformat()} {', '.join(each)}")
    return "; ".join(said)


def runs(points: Sequence[Point]) -> Iterator[list[Point]]:
    """Stretches of evaluable dates that follow one another and have tissue."""
    run: list[Point] = []
    for point in points:
        if has_tissue(point):
            run.append(point)
        elif run:
            yield run
            run = []
    if run:
        yield run


def _bands(run: Sequence[Point], frame: Frame) -> Iterator[Html]:
    xs = [frame.x(point.row.date) for point in run]
    if len(run) == 1:
        xs = [xs[0] - 6, xs[0] + 6]
        run = [run[0], run[0]]
    floors = [0.0] * len(run)
    for place, tissue in enumerate(TISSUES):
        tops = [floor + (shares(point)[place] or 0.0)
                for floor, point in zip(floors, run, strict=True)]  # fmt: skip
        if max(top - floor for top, floor in zip(tops, floors, strict=True)) > 0:
            outline = [*zip(xs, tops, strict=True), *reversed([*zip(xs, floors, strict=True)])]
            way = "L".join(f"{x:.1f} {frame.y(value):.1f}" for x, value in outline)
            yield element("path", d=f"M{way}Z", class_=f"band t{tissue.id}")
            yield from _letter(tissue.id, xs, list(zip(floors, tops, strict=True)), frame)
        floors = tops
    left, right = f"{xs[0]:.1f}", f"{xs[-1]:.1f}"
    way = f"M{left} {frame.y(1.0)}H{right}V{frame.y(0.0)}H{left}Z"
    yield element("path", d=way, class_="edge hollow")


def _letter(
    tissue: int, xs: Sequence[float], ends: Sequence[tuple[float, float]], frame: Frame
) -> Iterator[Html]:
    """The tissue's first letter where its band is thickest, so that colour is not needed."""
    thick = [high - low for low, high in ends]
    middle = (len(thick) - 1) / 2
    place = max(range(len(thick)), key=lambda n: (round(thick[n], 1), -abs(n - middle)))
    if thick[place] < LETTER_SHARE:
        return
    inset = 10.0 if xs[-1] - xs[0] > 30 else (xs[-1] - xs[0]) / 2
    x = min(max(xs[place], xs[0] + inset), xs[-1] - inset)
    y = frame.y(sum(ends[place]) / 2) + 4
    yield element(
        "text", _initial(tissue), x=f"{x:.1f}", y=f"{y:.1f}", class_=_letter_class(tissue)
    )


def _initial(tissue: int) -> str:
    return next(kind.name[0].upper() for kind in TISSUES if kind.id == tissue)


def _letter_class(tissue: int) -> str:
    red, green, blue = next(kind.colour for kind in TISSUES if kind.id == tissue)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return "letter dark" if luma > 150 else "letter"


def _tissue_key(course: Course) -> Iterator[Html]:
    """The tissues that occur, from the bottom up, each with its letter in its colour."""
    present = [
        place for place in range(len(TISSUES))
        if any(has_tissue(point) and shares(point)[place] for point in course.points)
    ]  # fmt: skip
    x = float(LEFT + 4)
    for place in present:
        tissue = TISSUES[place]
        yield element("rect", x=f"{x:.1f}", y=3, width=14, height=14, class_=f"edge t{tissue.id}")
        letter = {"x": f"{x + 7:.1f}", "y": 14.5, "class_": _letter_class(tissue.id)}
        yield element("text", _initial(tissue.id), **letter)
        yield element("text", tissue.name, x=f"{x + 19:.1f}", y=14.5)
        x += 34 + 6.4 * len(tissue.name)

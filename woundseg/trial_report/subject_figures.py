"""Figures with a mark for each subject: baseline, waterfall, spider, swimmer, visits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from woundseg.pages.look import BLUE, GREEN, GREY, INK, MUTED, PAPER, PURPLE, RULE, SKY, VERMILION
from woundseg.trial.protocol import Protocol
from woundseg.trial_report import parts
from woundseg.trial_report.facts import Subject, thinned, thinned_note
from woundseg.trial_report.style import CODE_COLOURS, CODE_WORDS, Box, Drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_BARS, MOST_LINES, MOST_LANES = 400, 150, 60
WATERFALL_TOP, SPIDER_TOP = 100.0, 150.0


def baseline(subjects: Sequence[Subject], protocol: Protocol) -> Drawing:
    """Each subject's baseline area on a logarithmic axis, with the quartiles."""
    areas = sorted(s.baseline_cm2 for s in subjects if not math.isnan(s.baseline_cm2))
    small = protocol.baseline.small_ulcer_cm2

    def draw(box: Box) -> None:
        axes = box.axes(0.35, 0.5, 0.35, 0.05)
        if not areas:
            parts.nothing_to_show(axes, "No subject has a baseline")
            return
        shown = thinned(areas, MOST_BARS)
        axes.scatter(
            shown, _swarm(np.log10(shown)), s=17, color=BLUE, edgecolors=PAPER, linewidths=0.5,
            zorder=3,
        )  # fmt: skip
        q1, median, q3 = np.quantile(areas, [0.25, 0.5, 0.75])
        axes.axvspan(q1, q3, ymax=0.86, color=RULE, alpha=0.6, linewidth=0, zorder=0)
        axes.axvline(median, ymax=0.86, color=INK, linewidth=1.2, zorder=1)
        _name_above(axes, median, f"median {median:.1f}")
        if areas[0] < 2 * small:
            dashes = (0, (4, 3))
            axes.axvline(small, ymax=0.86, color=INK, linewidth=0.8, linestyle=dashes)
            _name_above(axes, small, f"small below {small:g}")
        _area_axis(axes, areas)

    caption = (
        f"Baseline area of the {len(areas)} subjects with a valid baseline. Line: median; shaded: "
        f"quartiles. Ulcers below {small:g} cm² are called small."
        + thinned_note(min(len(areas), MOST_BARS), len(areas), "areas")
    )
    return Drawing(1.75, caption, "Baseline areas, one dot a subject", draw)


def _name_above(axes: Axes, x: float, text: str) -> None:
    axes.text(
        x, 0.89, text, transform=axes.get_xaxis_transform(), ha="center", va="bottom", fontsize=7.0,
        color=MUTED,
    )  # fmt: skip


def _area_axis(axes: Axes, areas: Sequence[float]) -> None:
    axes.set_xscale("log")
    axes.set_xlim(areas[0] / 1.25, areas[-1] * 1.25)
    wanted = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0]
    ticks = [t for t in wanted if areas[0] / 1.25 <= t <= areas[-1] * 1.25]
    axes.set_xticks(ticks, [f"{t:g}" for t in ticks])
    axes.set_xticks([], minor=True)
    axes.set_ylim(-1.15, 1.55)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("Baseline area (cm², logarithmic)")


def _swarm(values: np.ndarray) -> list[float]:
    """Heights that keep neighbouring dots apart, without chance: the first free of a ladder."""
    ladder = [0.0] + [sign * step * 0.26 for step in (1, 2, 3, 4) for sign in (1, -1)]
    width = max(float(values.max() - values.min()), 0.3) * 0.021
    last = dict.fromkeys(ladder, -math.inf)
    heights = []
    for value in values.tolist():
        free = [height for height in ladder if value - last[height] >= width]
        height = free[0] if free else min(ladder, key=lambda h: last[h])
        last[height] = value
        heights.append(height)
    return heights


def waterfall(subjects: Sequence[Subject], protocol: Protocol) -> Drawing:
    """Best percent change of each subject, worst first, coloured by confirmed best response."""
    cutoff = protocol.bor.cutoff_day
    measured = [s for s in subjects if not math.isnan(s.best_change(cutoff))]
    ordered = sorted(measured, key=lambda s: (-s.best_change(cutoff), s.name))
    shown = thinned(ordered, MOST_BARS)
    limits = _limits(protocol)

    def draw(box: Box) -> None:
        axes = box.axes(0.55, 0.35, 0.7, 0.35)
        if not shown:
            parts.nothing_to_show(axes, "No subject has a baseline and a measured visit after it")
            return
        _bars(axes, shown, cutoff)
        for value, text in limits:
            parts.limit_line(axes, value, text)
        axes.set_ylabel("Best change from baseline (%)")
        axes.set_xlabel("Subjects", labelpad=5)
        parts.code_key(axes, parts.counts_of([s.best for s in measured]))

    until = "over all follow-up" if cutoff is None else f"up to day {cutoff}"
    missing = len(subjects) - len(measured)
    caption = (
        f"Waterfall of the best change of area from baseline {until}, one bar a subject, coloured "
        f"by confirmed best response. A bar beyond −{protocol.category.pr.min_decrease_pct:g} % "
        "that is not confirmed, or is followed by progression first, is no response. "
        "*Progression is judged from the smallest area so far, not from the baseline. "
        f"Bars above +{WATERFALL_TOP:g} % are cut. "
        f"Not drawn: {missing} of {len(subjects)} without a measured visit (an area that is only "
        "a lower bound gives no change)." + thinned_note(len(shown), len(ordered), "bars")
    )
    return Drawing(3.3, caption, "Waterfall of best percent change", draw)


def _limits(protocol: Protocol) -> list[tuple[float, str]]:
    rules = protocol.category
    up, down = rules.pd.min_increase_pct, -rules.pr.min_decrease_pct
    return [(up, f"+{up:g} % (PD*)"), (down, f"−{-down:g} % (PR)")]


def _bars(axes: Axes, shown: Sequence[Subject], cutoff: int | None) -> None:
    from matplotlib.collections import PolyCollection

    heights = [min(s.best_change(cutoff), WATERFALL_TOP) for s in shown]
    # A bar of height 0 would not be seen; it stands for a subject all the same.
    tall = [h if abs(h) > 0.8 else 0.8 for h in heights]
    corners = [
        [(x - 0.4, 0.0), (x - 0.4, h), (x + 0.4, h), (x + 0.4, 0.0)] for x, h in enumerate(tall)
    ]
    colours = [CODE_COLOURS[s.best] for s in shown]
    axes.add_collection(PolyCollection(corners, facecolors=colours, linewidths=0.0, zorder=2))
    axes.axhline(0.0, color=MUTED, linewidth=0.7, zorder=2.5)
    axes.set_xlim(-0.8, len(shown) - 0.2)
    top = max([25.0, *heights])
    axes.set_ylim(-105.0, min(max(40.0, top + 8.0), WATERFALL_TOP + 4.0))
    axes.set_yticks([t for t in (-100, -75, -50, -25, 0, 25, 50, 75, 100) if t <= max(40.0, top)])
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)


def spider(subjects: Sequence[Subject], protocol: Protocol) -> Drawing:
    """Each subject's change from baseline over time, coloured by confirmed best response."""
    ordered = [s for s in subjects if s.changes]
    shown = thinned(ordered, MOST_LINES)
    rank = list(CODE_COLOURS)

    def draw(box: Box) -> None:
        axes = box.axes(0.55, 0.5, 0.7, 0.35)
        if not shown:
            parts.nothing_to_show(axes, "No subject has a baseline and a measured visit after it")
            return
        month = protocol.time.month_days
        for subject in sorted(shown, key=lambda s: rank.index(s.best), reverse=True):
            days, changes = zip((0, 0.0), *subject.changes, strict=True)
            colour = CODE_COLOURS[subject.best]
            x = np.asarray(days) / month
            axes.plot(x, changes, color=colour, linewidth=0.9, alpha=0.85, zorder=2)
            axes.plot(x[-1:], changes[-1:], "o", color=colour, markersize=2.8, zorder=3)
        for value, text in _limits(protocol):
            parts.limit_line(axes, value, text)
        axes.axhline(0.0, color=MUTED, linewidth=0.7)
        axes.set_ylim(-105.0, SPIDER_TOP)
        axes.set_yticks([-100, -50, 0, 50, 100, 150])
        axes.set_ylabel("Change from baseline (%)")
        longest = max(s.changes[-1][0] for s in shown) / month
        parts.month_axis(axes, longest, "Months since the first dose")
        parts.code_key(axes, parts.counts_of([s.best for s in ordered]))

    caption = (
        "Spider plot: each subject's area against baseline at every analysed visit, all follow-up; "
        f"dots: last measured visit. Lines leave the picture above +{SPIDER_TOP:g} %. An area that "
        "is only a lower bound gives no change. "
        "*Progression is judged from the smallest area so far, not from the baseline."
        + thinned_note(len(shown), len(ordered), "subjects")
    )
    return Drawing(3.4, caption, "Spider plot of percent change over time", draw)


# --- swimmer ------------------------------------------------------------------------------------

_ENDS = {
    "RECUR": ("D", VERMILION, "ulcer open again"),
    "NEWULC": ("D", PURPLE, "new ulcer"),
    "PD": ("v", VERMILION, "first progression"),
    "DEATH": ("X", INK, "death"),
    "AMPUT": ("s", INK, "amputation"),
    "RESCUE": ("P", PURPLE, "rescue therapy"),
}


def swimmer(subjects: Sequence[Subject], protocol: Protocol) -> Drawing:
    """A lane a subject: follow-up, response, remission, what ended them, who is censored."""
    rank = {code: place for place, code in enumerate(CODE_COLOURS)}
    ordered = sorted(subjects, key=lambda s: (rank[s.best], -s.last_day, s.name))
    shown = thinned(ordered, MOST_LANES)
    height = 1.15 + 0.118 * max(len(shown), 4)

    def draw(box: Box) -> None:
        axes = box.axes(0.75, 0.5, 0.2, 0.55)
        if not shown:
            parts.nothing_to_show(axes, "No subject is in the full analysis set")
            return
        month = protocol.time.month_days
        for lane, subject in enumerate(shown):
            _lane(axes, lane, subject, month)
        axes.set_ylim(len(shown) - 0.4, -0.6)
        names = [f"{box.letters(s.name)}  {s.best}" for s in shown]
        axes.set_yticks(range(len(shown)), names, fontsize=6.0)
        for label, subject in zip(axes.get_yticklabels(), shown, strict=True):
            label.set_color(INK if subject.best != "NE" else MUTED)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x")
        longest = max(s.last_day for s in shown) / month
        parts.month_axis(axes, longest + 0.3, "Months since the first dose")
        _swimmer_key(axes, shown)

    caption = (
        "Swimmer plot, by confirmed best response and length of follow-up. Thin: follow-up; light: "
        "confirmed response; dark: remission (closed, confirmed). An arrow marks a response or "
        "remission still lasting at the last evaluable visit (censored). Visits are intermittent, "
        "so that ends are seen late." + thinned_note(len(shown), len(ordered), "subjects")
    )
    return Drawing(height, caption, "Swimmer plot of response and remission", draw)


def _lane(axes: Axes, lane: int, subject: Subject, month: float) -> None:
    """One lane; day 0 to the last day known of."""
    axes.plot([0.0, subject.last_day / month], [lane, lane], color=GREY, linewidth=1.3, zorder=2)
    spans = ((subject.response, SKY, 5.0), (subject.remission, BLUE, 5.0))
    for span, colour, width in spans:
        if span is None:
            continue
        begins, ends = span.start / month, span.end / month
        axes.plot([begins, ends], [lane, lane], color=colour, linewidth=width, zorder=3)
        if span.cnsr:
            axes.plot([ends], [lane], ">", color=colour, markersize=5.0, zorder=4, clip_on=False)
    for kind, day in marks_of(subject):
        shape, colour, _ = _ENDS[kind]
        axes.plot(
            [day / month], [lane], shape, color=colour, markersize=4.2, markeredgecolor=PAPER,
            markeredgewidth=0.5, zorder=5, clip_on=False,
        )  # fmt: skip


def marks_of(subject: Subject) -> list[tuple[str, int]]:
    """What happened to a subject, and when: the first progression, the end of remission, and so on.

    Of several on one day the later in the list is drawn over the others.
    """
    marks = []
    progressed = [v.day for v in subject.visits if v.code == "PD"]
    ending = subject.remission
    recurred = ending is not None and ending.cnsr == 0 and ending.event in ("RECUR", "NEWULC")
    if progressed and not (recurred and ending is not None and ending.end == progressed[0]):
        marks.append(("PD", progressed[0]))
    if recurred and ending is not None:
        marks.append((ending.event, ending.end))
    others = (("RESCUE", subject.rescue), ("AMPUT", subject.amputation), ("DEATH", subject.death))
    return marks + [(kind, day) for kind, day in others if day is not None and day >= 0]


def _swimmer_key(axes: Axes, shown: Sequence[Subject]) -> None:
    from matplotlib.lines import Line2D

    met = {kind for subject in shown for kind, _ in marks_of(subject)}
    handles = [
        Line2D([], [], color=SKY, linewidth=5.0, label="response"),
        Line2D([], [], color=BLUE, linewidth=5.0, label="remission"),
        Line2D([], [], color=BLUE, marker=">", linestyle="none", markersize=5, label="censored"),
    ] + [
        Line2D([], [], color=colour, marker=shape, linestyle="none", markersize=4.5, label=text)
        for kind, (shape, colour, text) in _ENDS.items()
        if kind in met
    ]
    axes.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(-0.09, 1.004), ncols=5, fontsize=7.0
    )


# --- by scheduled visit -------------------------------------------------------------------------


def visits(subjects: Sequence[Subject], protocol: Protocol) -> Drawing:
    """Share of subjects in each category by scheduled visit."""
    names = [window.name for window in protocol.schedule]
    counts = {code: np.zeros(len(names), dtype=int) for code in CODE_COLOURS}
    for subject in subjects:
        # The last record of a window stands for it.
        for avisit, code in {v.avisit: v.code for v in subject.visits}.items():
            if avisit in names:
                counts[code if code in counts else "NE"][names.index(avisit)] += 1

    def draw(box: Box) -> None:
        axes = box.axes(0.55, 0.45, 0.15, 0.35)
        total = max(len(subjects), 1)
        base = np.zeros(len(names))
        for code, of_code in counts.items():
            axes.bar(
                np.arange(len(names)), of_code / total, 0.78, base, color=CODE_COLOURS[code],
                label=f"{code} {CODE_WORDS[code]}",
            )  # fmt: skip
            base += of_code / total
        parts.percent_axis(axes, "Subjects (%)")
        axes.set_xticks(range(len(names)), [box.letters(name) for name in names])
        axes.tick_params(axis="x", length=0)
        axes.set_xlim(-0.6, len(names) - 0.4)
        axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=5, fontsize=7.0)

    caption = (
        "Category at each scheduled visit (unconfirmed, last analysed record of the window), as a "
        f"share of the {len(subjects)} subjects in FAS. What is missing to 100 % had no analysed "
        "record: missed, not yet due, withdrawn, dead, after amputation or rescue."
    )
    return Drawing(2.6, caption, "Categories by scheduled visit", draw)


def trajectory(rows: Sequence[dict[str, float | int | str | None]], protocol: Protocol) -> Drawing:
    """Median and quartiles of the area reduction by scheduled visit."""
    known = [row for row in rows if row["n"]]

    def draw(box: Box) -> None:
        axes = box.axes(0.75, 0.72, 0.5, 0.15)
        if not known:
            parts.nothing_to_show(axes, "No measured visit")
            return
        at = np.arange(len(known))
        q1, median, q3 = (
            np.array([float(row[name] or 0.0) for row in known]) for name in ("q1", "median", "q3")
        )
        floor = max(-100.0, min(0.0, float(q1.min()) - 10.0))
        axes.fill_between(at, q1, q3, color=GREEN, alpha=0.22, linewidth=0)
        axes.plot(at, median, "o-", color=GREEN, markersize=3.6)
        parts.limit_line(axes, protocol.category.pr.min_decrease_pct, "PR")
        axes.axhline(0.0, color=MUTED, linewidth=0.7)
        axes.set_ylim(floor, 105.0)
        axes.set_xlim(-0.4, len(known) - 0.6)
        axes.set_xticks(at, [box.letters(str(row["avisit"])) for row in known])
        axes.set_ylabel("Area reduction (%)")
        axes.grid(axis="y")
        parts.numbers_below(
            axes, at.tolist(), [("measured", [int(r["n"] or 0) for r in known])], 28
        )

    caption = (
        "Trajectory: reduction of the area from baseline by scheduled visit, among those measured "
        "then. Line: median; band: quartiles. Those who leave are not in later medians."
    )
    return Drawing(2.7, caption, "Median area reduction by visit", draw)

"""Figures of the whole population: remission, closure, the forest of rates, Monte Carlo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from woundseg.pages.look import BLUE, GREEN, INK, MUTED, ORANGE, PURPLE, RULE, SKY, VERMILION
from woundseg.trial.protocol import Protocol
from woundseg.trial.survival import KaplanMeier
from woundseg.trial_report import parts, words
from woundseg.trial_report.style import CODE_COLOURS, Box, Drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RATES = ("ORR", "SDR", "DCR")
RATE_COLOURS = {"ORR": BLUE, "SDR": ORANGE, "DCR": GREEN}
RATE_TITLES = {
    "ORR": "ORR (CR + PR)", "SDR": "SDR (SD)", "DCR": "DCR = ORR + SDR",
}  # fmt: skip

ANALYSES: dict[str, str] = {
    "primary": "Primary: confirmed, FAS",
    "eval": "(a) Evaluable subjects",
    "unconfirmed": "(b) Unconfirmed",
    "accept_sd": "(c) One SD before confirming",
    "no_cutoff": "(d) No cut-off",
    "sd84": "(e) SD from day 84",
    "new_ulcer_pd": "(f) New ulcer is PD",
    "worst": "(g) Borderline: worse",
    "best": "(g) Borderline: better",
    "ne_responders": "(h) NE as responders",
    "no_small": "(j) Without small ulcers",
    "waiting_closed": "(k) Waiting counts as closed",
}
"""Names of the sensitivity analyses in summary.json, and how the report calls them."""


def remission(curve: KaplanMeier, protocol: Protocol) -> Drawing:
    """Kaplan-Meier curve of remission with its band and the numbers at risk."""
    month = protocol.time.month_days

    def draw(box: Box) -> None:
        axes = box.axes(0.95, 1.0, 0.25, 0.15)
        if not curve.n:
            parts.nothing_to_show(axes, "No remission: nobody has a confirmed closure")
            return
        _steps(axes, curve, month)
        ticks = parts.month_axis(axes, curve.time[-1] / month, "Months since remission began")
        parts.percent_axis(axes, "Still in remission (%)")
        axes.set_ylim(0.0, 1.03)
        _median(axes, curve, month, words.confidence(protocol))
        days = np.array(ticks) * month
        rows = [
            ("at risk", [int(_sum_from(curve, day)) for day in days]),
            ("events", [int(curve.n_event[curve.time <= day].sum()) for day in days]),
            ("censored", [int(curve.n_censor[curve.time <= day].sum()) for day in days]),
        ]
        parts.numbers_below(axes, ticks, rows)

    caption = (
        f"Duration of remission (DOR), Kaplan-Meier, {curve.n} subjects with a confirmed closure, "
        f"{curve.events} events; band: log-log limits at {100 * protocol.population.conf_level:g} "
        "% at each time. Ticks: censored. Below: at risk, events and censored up to each time. "
        "Visits are intermittent: recurrences are seen late (interval-censored)."
    )
    return Drawing(3.6, caption, "Kaplan-Meier curve of remission", draw)


def _sum_from(curve: KaplanMeier, day: float) -> int:
    return int((curve.n_event + curve.n_censor)[curve.time >= day].sum())


def _steps(axes: Axes, curve: KaplanMeier, month: float) -> None:
    time = np.concatenate([[0.0], curve.time]) / month
    survival = np.concatenate([[1.0], curve.survival])
    low = np.concatenate([[1.0], curve.low])
    high = np.concatenate([[1.0], curve.high])
    axes.fill_between(time, low, high, step="post", color=BLUE, alpha=0.18, linewidth=0)
    axes.step(time, survival, where="post", color=BLUE, linewidth=1.6)
    censored = curve.n_censor > 0
    axes.plot(
        curve.time[censored] / month, curve.survival[censored], "|", color=BLUE, markersize=6.5,
        markeredgewidth=1.0,
    )  # fmt: skip


def _median(axes: Axes, curve: KaplanMeier, month: float, confidence: str) -> None:
    def months(value: float | None) -> str:
        return "not reached" if value is None else f"{value / month:.1f}"

    if curve.median is not None:
        x = curve.median / month
        axes.plot([0.0, x, x], [0.5, 0.5, 0.0], color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
    limits = f"{months(curve.median_lo)} to {months(curve.median_hi)}"
    unit = "" if curve.median is None else " months"
    axes.text(
        0.985, 0.93, f"Median {months(curve.median)}{unit} ({confidence} {limits})", ha="right",
        va="top", transform=axes.transAxes,
    )  # fmt: skip


def closure(rows: Sequence[dict[str, float]], waiting: KaplanMeier, protocol: Protocol) -> Drawing:
    """Cumulative incidence of closure, and of death or amputation before it."""
    month = protocol.time.month_days

    def draw(box: Box) -> None:
        axes = box.axes(0.95, 0.8, 1.15, 0.15)
        if not rows:
            parts.nothing_to_show(axes, "No subject is in the full analysis set")
            return
        time = np.array([0.0, *(row["t"] for row in rows)]) / month
        for key, colour, text in (
            ("F1", GREEN, "closure"),
            ("F2", VERMILION, "death or\namputation"),
        ):
            share = np.array([0.0, *(row[key] for row in rows)])
            axes.fill_between(time, 0.0, share, step="post", color=colour, alpha=0.14, linewidth=0)
            axes.step(time, share, where="post", color=colour, linewidth=1.6)
            axes.annotate(
                f"{text}\n{share[-1]:.0%}", (time[-1], share[-1]), xytext=(5, 0),
                textcoords="offset points", va="center", color=colour, fontsize=7.5,
                annotation_clip=False,
            )  # fmt: skip
        ticks = parts.month_axis(axes, time[-1], "Months since the first dose")
        parts.percent_axis(axes, "Cumulative incidence (%)")
        at_risk = [_sum_from(waiting, tick * month) for tick in ticks]
        parts.numbers_below(axes, ticks, [("at risk", at_risk)])

    caption = (
        "Cumulative incidence of confirmed closure (Aalen-Johansen), with death and amputation "
        "before closure competing, all subjects in FAS. One minus Kaplan-Meier would overstate "
        "closure."
    )
    return Drawing(3.2, caption, "Cumulative incidence of closure", draw)


# --- forest -------------------------------------------------------------------------------------


def forest(summary: dict[str, Any]) -> Drawing:
    """ORR, SDR and DCR with their limits, in the primary and every sensitivity analysis."""
    blocks = analyses(summary)
    height = 0.95 + 0.27 * len(blocks)

    def draw(box: Box) -> None:
        first, width, gap = 1.8, 1.53, 0.24
        for number, name in enumerate(RATES):
            left = first + number * (width + gap)
            axes = box.axes(left, 0.45, box.width - left - width, 0.35)
            _forest_panel(axes, name, [block[name] for block in blocks.values()])
            axes.set_yticks(range(len(blocks)), list(blocks) if number == 0 else [])
            axes.tick_params(axis="y", length=0)

    caption = (
        "Rates over the sensitivity analyses, all of confirmed best response "
        "in FAS unless said otherwise; lines: Clopper-Pearson limits; dashed: the primary. "
        "Numbers: subjects counted of those in the analysis."
    )
    return Drawing(height, caption, "Forest of ORR, SDR and DCR over the analyses", draw)


def analyses(summary: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The block of the primary and of each sensitivity analysis, by its title."""
    found = {ANALYSES["primary"]: summary["bor_confirmed"]["FAS"]}
    for name, both in summary["sensitivity"].items():
        found[ANALYSES.get(name, name)] = both["EVAL" if name == "eval" else "FAS"]
    return found


def _forest_panel(axes: Axes, name: str, rates: Sequence[dict[str, Any]]) -> None:
    colour = RATE_COLOURS[name]
    primary = rates[0]["p"]
    if primary is not None:
        axes.axvline(primary, color=colour, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    for row, rate in enumerate(rates):
        if rate["p"] is None:
            continue
        axes.plot([rate["cp_lo"], rate["cp_hi"]], [row, row], color=colour, linewidth=1.5)
        axes.plot([rate["p"]], [row], "s" if row == 0 else "o", color=colour, markersize=5.0)
        after = rate["cp_hi"] < 0.72  # the numbers stand where the line leaves room
        axes.text(
            rate["cp_hi"] + 0.03 if after else rate["cp_lo"] - 0.03, row,
            f"{rate['n']}/{rate['N']}", fontsize=6.5, color=MUTED, va="center",
            ha="left" if after else "right",
        )  # fmt: skip
    axes.axhspan(-0.5, 0.5, color=RULE, alpha=0.55, linewidth=0, zorder=0)
    axes.set_xlim(0.0, 1.0)
    axes.set_ylim(len(rates) - 0.5, -0.5)
    axes.set_xticks([0.0, 0.5, 1.0], ["0", "50", "100 %"])
    axes.set_xticks([0.25, 0.75], minor=True)
    axes.grid(axis="x", which="both")
    axes.spines["left"].set_visible(False)
    axes.set_title(RATE_TITLES[name], color=colour, pad=6)


# --- Monte Carlo --------------------------------------------------------------------------------


def monte_carlo(simulated: dict[str, Any], block: dict[str, Any]) -> Drawing:
    """What the areas' error adds to each rate, and how sure each subject's category is."""
    shares = _shares(simulated["subjects"])

    def draw(box: Box) -> None:
        upper = box.axes(0.55, 2.8, 0.25, 0.3)
        _intervals(upper, simulated, block)
        lower = box.axes(0.55, 0.3, 0.25, 2.45)
        _certainty(lower, shares)

    caption = (
        f"Measurement error of the areas, {simulated['draws']} draws. Above, for each rate: "
        "sampling alone (Clopper-Pearson), measurement alone (2.5 to 97.5 % of the draws), both "
        "together. Below: share of the draws in which each subject has each confirmed best "
        "response; one column a subject, the surest at the left of its group."
    )
    return Drawing(4.7, caption, "Effect of the measurement error", draw)


def _shares(subjects: dict[str, dict[str, float]]) -> np.ndarray:
    """(subjects, 5) shares of CR, PR, SD, PD, NE; grouped by the likeliest, the surest first."""
    if not subjects:
        return np.zeros((0, len(CODE_COLOURS)))
    table = np.array([[shares[code] for code in CODE_COLOURS] for shares in subjects.values()])
    order = np.lexsort((-table.max(axis=1), table.argmax(axis=1)))
    if order.size > 400:
        order = order[np.linspace(0, order.size - 1, 400).round().astype(int)]
    return np.asarray(table[order])


def _intervals(axes: Axes, simulated: dict[str, Any], block: dict[str, Any]) -> None:
    kinds = (("sampling", INK), ("measurement", PURPLE), ("both", SKY))
    for row, name in enumerate(RATES):
        drawn, rate = simulated[name], block[name]
        spans = (
            (rate["cp_lo"], rate["p"], rate["cp_hi"]),
            (drawn["lo"], drawn["mean"], drawn["hi"]),
            (drawn["comb_lo"], drawn["mean"], drawn["comb_hi"]),
        )
        for (kind, colour), (low, middle, high) in zip(kinds, spans, strict=True):
            y = row + {"sampling": -0.24, "measurement": 0.0, "both": 0.24}[kind]
            if middle is None or not np.isfinite(middle):
                continue
            label = kind if row == 0 else None
            axes.plot([low, high], [y, y], color=colour, linewidth=2.2, label=label)
            axes.plot([middle], [y], "o", color=colour, markersize=4.2)
    axes.set_yticks(range(len(RATES)), RATES)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(RATES) - 0.5, -0.5)
    axes.set_xlim(0.0, 1.0)
    axes.set_xticks([0.0, 0.25, 0.5, 0.75, 1.0], ["0", "25", "50", "75", "100 %"])
    axes.grid(axis="x")
    axes.spines["left"].set_visible(False)
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3)


def _certainty(axes: Axes, shares: np.ndarray) -> None:
    base = np.zeros(len(shares))
    for place, (code, colour) in enumerate(CODE_COLOURS.items()):
        axes.bar(np.arange(len(shares)), shares[:, place], 0.86, base, color=colour, label=code)
        base += shares[:, place]
    parts.percent_axis(axes, "Draws (%)")
    axes.grid(visible=False)
    axes.set_xticks([])
    axes.set_xlim(-0.7, max(len(shares), 1) - 0.3)
    axes.set_xlabel("Subjects")
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=5)

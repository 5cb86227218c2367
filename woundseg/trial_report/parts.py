"""Pieces that several figures share: axes in months, percent axes, keys, numbers below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from woundseg.pages.look import INK, MUTED, RULE
from woundseg.trial_report.style import CODE_COLOURS, CODE_WORDS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MONTH_STEPS = (1, 2, 3, 6, 12, 24, 60, 120)


def month_ticks(longest: float) -> list[int]:
    """Months for an axis that reaches ``longest`` months: at most about ten ticks."""
    step = next((s for s in MONTH_STEPS if longest / s <= 10.5), MONTH_STEPS[-1])
    return list(range(0, int(longest) + step, step))


def month_axis(axes: Axes, longest: float, label: str) -> list[int]:
    """An x axis in months from 0 to the tick at or above ``longest``; gives the ticks."""
    ticks = month_ticks(max(longest, 1.0))
    axes.set_xlim(0, ticks[-1])
    axes.set_xticks(ticks)
    axes.set_xlabel(label)
    return ticks


def percent_axis(axes: Axes, label: str) -> None:
    """A y axis from 0 to 100 % with its grid."""
    axes.set_ylim(0.0, 1.0)
    axes.set_yticks([0.0, 0.25, 0.5, 0.75, 1.0], ["0", "25", "50", "75", "100"])
    axes.set_ylabel(label)
    axes.grid(axis="y")


def limit_line(axes: Axes, value: float, text: str, vertical: bool = False) -> None:
    """A dashed line at a limit, named at its end."""
    line = axes.axvline if vertical else axes.axhline
    line(value, color=INK, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1.5)
    if not vertical:
        axes.annotate(
            text, (1.0, value), xycoords=("axes fraction", "data"), xytext=(3, 0),
            textcoords="offset points", va="center", ha="left", fontsize=7.0, color=MUTED,
            annotation_clip=False,
        )  # fmt: skip


def code_key(axes: Axes, counts: dict[str, int]) -> None:
    """Above the axes: the response codes that occur, with how many subjects have each."""
    from matplotlib.patches import Patch

    handles = [
        Patch(facecolor=CODE_COLOURS[code], label=f"{code} {CODE_WORDS[code]} {n}")
        for code, n in counts.items()
        if n
    ]
    axes.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=5, fontsize=7.0,
        columnspacing=1.1,
    )  # fmt: skip


def counts_of(codes: Sequence[str]) -> dict[str, int]:
    """How often each response code occurs, in the order best to worst."""
    return {code: codes.count(code) for code in CODE_COLOURS}


def numbers_below(
    axes: Axes, at: Sequence[float], rows: Sequence[tuple[str, Sequence[int]]], down: float = 34.0
) -> None:
    """Rows of numbers under an axis, each under its tick, as under a Kaplan-Meier curve.

    Args:
        axes: above them.
        at: x of each column, in data.
        rows: title and numbers of each row.
        down: points from the axis to the first row.
    """
    for number, (title, values) in enumerate(rows):
        offset = -(down + 11.0 * number)
        style: dict[str, Any] = {"fontsize": 7.5, "va": "center", "annotation_clip": False}
        axes.annotate(
            title, (0.0, 0.0), xycoords="axes fraction", xytext=(-16, offset),
            textcoords="offset points", ha="right", color=MUTED, **style,
        )  # fmt: skip
        for x, value in zip(at, values, strict=True):
            axes.annotate(
                f"{value}", (x, 0.0), xycoords=("data", "axes fraction"), xytext=(0, offset),
                textcoords="offset points", ha="center", color=INK, **style,
            )  # fmt: skip


def nothing_to_show(axes: Axes, text: str) -> None:
    """Empty axes that say why they are empty."""
    axes.set_axis_off()
    axes.axhline(0.0, color=RULE)
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=MUTED)

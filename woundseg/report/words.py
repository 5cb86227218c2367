"""Areas, reasons and flags as the report says them."""

from __future__ import annotations

from collections.abc import Iterable

from woundseg.pages.words import NONE, number
from woundseg.quality import FLAGS
from woundseg.records import VisitRow
from woundseg.report.course import at_least, closed, measured
from woundseg.report.facts import PhotoShown
from woundseg.trial.protocol import CategoryRules

SEVERITY_WORDS = {"reject": "not measurable", "warning": "warning", "note": "note"}
UNSURE = "match_unsure"
_REJECTED = {kind.code: kind.meaning for kind in FLAGS if kind.severity == "reject"}


def area(cm2: float | None) -> str:
    """``4.20 cm²``; a dash for none."""
    return NONE if cm2 is None else f"{digits(cm2)} cm²"


def digits(cm2: float) -> str:
    """An area without its unit: two decimals below 10, else one."""
    return number(cm2, 2 if cm2 < 10 else 1)


def interval(row: VisitRow) -> str:
    """``3.90–4.50``; blank where the row has no interval."""
    if row.area_cm2_low is None or row.area_cm2_high is None:
        return ""
    return f"{digits(row.area_cm2_low)}–{digits(row.area_cm2_high)}"


def finding(row: VisitRow, photo: PhotoShown | None, rules: CategoryRules) -> str:
    """What the photograph says of one ulcer: its area with interval, closed, or why not."""
    cm2 = measured(row)
    if cm2 is None:
        return why_not(row, photo)
    if closed(row, rules):
        return "closed" if cm2 == 0 else f"closed ({area(cm2)})"
    within = interval(row)
    return f"{area(cm2)} ({within})" if within else area(cm2)


def why_not(row: VisitRow, photo: PhotoShown | None) -> str:
    """Why a row has no area, or of how much at least it has one."""
    bound = at_least(row)
    if bound is not None:
        return f"at least {area(bound)}"
    flags = () if photo is None else photo.flags
    rejects = [flag for flag in flags if flag.severity == "reject"]
    if rejects:
        return "; ".join(_REJECTED.get(flag.code, flag.advice) for flag in rejects)
    if UNSURE in row.flags:
        return "not sure which ulcer this is"
    if photo is not None and photo.failure is not None:
        return photo.failure.error.rstrip(".")
    if row.scale == "none" or row.calibrated == "N":
        return "has no scale"
    told = [_REJECTED[code] for code in row.flags if code in _REJECTED]
    return "; ".join(told) or ("said to be not evaluable" if row.evaluable == "N" else "no area")


def change(percent: float | None) -> str:
    """``−62 %``, with its sign."""
    if percent is None:
        return NONE
    text = number(percent, 0)
    return f"+{text} %" if percent > 0 and text != "0" else f"{text} %"


def many(count: int, one: str) -> str:
    """``1 visit``, ``3 visits``."""
    return f"{grouped(count)} {one if count == 1 else one + 's'}"


def grouped(count: int) -> str:
    """``12 345``: thousands apart by a narrow space that does not break."""
    return f"{count:,}".replace(",", "\u202f")


def listed(names: Iterable[str], most: int) -> str:
    """The first names, and how many more there are."""
    every = list(names)
    more = f" and {grouped(len(every) - most)} more" if len(every) > most else ""
    return ", ".join(every[:most]) + more


def limits(rules: CategoryRules) -> str:
    """The limits that the curves show, from the protocol's values."""
    over = "smallest area before" if rules.pd.ref == "nadir" else "baseline"
    return (
        f"Partial response from −{rules.pr.min_decrease_pct:g} % of baseline and "
        f"{rules.pr.min_decrease_cm2:g} cm²; progression from +{rules.pd.min_increase_pct:g} % "
        f"and {rules.pd.min_increase_cm2:g} cm² over the {over}. Unconfirmed."
    )

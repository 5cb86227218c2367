"""The category of a visit (section 3): eight rules, tried in order, the last a catch-all.

A rule's condition takes arrays of any shape that broadcast together and gives a boolean array,
so the same eight objects serve one visit, a study, and 2,000 Monte Carlo draws of a study.
A lower bound keeps only a progression (rule 2.6a): :func:`classify`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from woundseg.records import CategoryProbability, ResponseFacts
from woundseg.trial.codes import AnyArray, Bools, Code, Codes, Floats
from woundseg.trial.error import area_sd, log_sd, ratio_interval, straddles, z_value
from woundseg.trial.protocol import CategoryRules, ClosureRule, Protocol


@dataclass(frozen=True)
class VisitFacts:
    """What the rules look at; arrays that broadcast together.

    Attributes:
        baseline: A0 [cm²], NaN without a valid baseline.
        area: A [cm²], NaN where not evaluable.
        nadir: N [cm²], the smallest of A0 and all earlier evaluable areas, closed counting 0;
            lower bounds are left out.
        evaluable: the row can be judged.
        closed: see :func:`is_closed`.
        reopened: an earlier closure is already confirmed.
        new_ulcer: a new ulcer was first seen on this date.
        lower_bound: the true area may be larger than ``area`` (rule 2.6a).
    """

    baseline: Floats
    area: Floats
    nadir: Floats
    evaluable: Bools
    closed: Bools
    reopened: Bools
    new_ulcer: Bools
    lower_bound: Bools = field(default_factory=lambda: np.zeros((), dtype=np.bool_))


Condition = Callable[[VisitFacts, Protocol], Bools]


@dataclass(frozen=True)
class Rule:
    """One row of section 3's table.

    Attributes:
        order: its place in the table.
        code: the category it gives.
        reason: the reason it writes.
        condition: arrays to boolean array.
        text: the condition in words, with the protocol's dotted names in braces.
    """

    order: int
    code: Code
    reason: str
    condition: Condition
    text: str

    def describe(self, protocol: Protocol) -> str:
        """The rule in words, with the protocol's values in it."""
        return f"{self.code.text} ({self.reason}): {self.text.format(**_values(protocol))}"


def _values(protocol: Protocol) -> dict[str, object]:
    category = protocol.category
    return {
        "tol": f"{category.cr.closed_tol_cm2:g}",
        "closed_max": f"{category.cr.closed_max_cm2:g}",
        "blank": "does not count as closed"
        if category.cr.require_flag
        else f"counts from {category.cr.closed_max_cm2:g} cm² down",
        "pr_pct": f"{category.pr.min_decrease_pct:g}",
        "pr_cm2": f"{category.pr.min_decrease_cm2:g}",
        "pd_ref": category.pd.ref,
        "pd_pct": f"{category.pd.min_increase_pct:g}",
        "pd_cm2": f"{category.pd.min_increase_cm2:g}",
        "days": protocol.bor.confirm_days_cr,
        "reopen": "" if category.pd.reopen_after_confirmed_closure else " (not used)",
        "new": "" if protocol.ulcer.new_ulcer_response == "pd" else " (not used)",
    }


def is_closed(area: Floats, flag: AnyArray, rule: ClosureRule) -> Bools:
    """Closed (section 3, rule 3), for areas [cm²] and flags 1 (Y), 0 (blank), -1 (N).

    Y counts up to ``closed_tol_cm2``; blank up to ``closed_max_cm2``, unless the flag is
    required; N never.
    """
    with_flag = (flag == 1) & (area <= rule.closed_tol_cm2)
    if rule.require_flag:
        return np.asarray(with_flag)
    return np.asarray(with_flag | ((flag == 0) & (area <= rule.closed_max_cm2)))


def percent_change(area: Floats, reference: Floats) -> Floats:
    """100·(A - B)/B; NaN where B is 0 or either is absent."""
    shape = np.broadcast(area, reference).shape
    usable = np.broadcast_to(reference > 0.0, shape)
    change = np.divide(area - reference, reference, out=np.full(shape, np.nan), where=usable)
    return np.asarray(100.0 * change)


def _at_least(value: Floats, threshold: float, rules: CategoryRules) -> Bools:
    """Inclusive comparison after rounding, so that 4.4 to 5.5 is 25 % (section 3)."""
    rounded = np.round(value, rules.round_decimals)
    return np.asarray(rounded >= round(threshold, rules.round_decimals))


def _no_baseline(visit: VisitFacts, _: Protocol) -> Bools:
    return np.asarray(~(visit.baseline > 0.0))


def _not_evaluable(visit: VisitFacts, _: Protocol) -> Bools:
    return ~visit.evaluable


def _closed(visit: VisitFacts, _: Protocol) -> Bools:
    return visit.closed


def _reopened(visit: VisitFacts, protocol: Protocol) -> Bools:
    if not protocol.category.pd.reopen_after_confirmed_closure:
        return np.zeros_like(visit.reopened)
    return visit.reopened & ~visit.closed


def _growth_from(visit: VisitFacts, rules: CategoryRules) -> Floats:
    return visit.nadir if rules.pd.ref == "nadir" else visit.baseline


def _grown(visit: VisitFacts, protocol: Protocol) -> Bools:
    rules = protocol.category
    reference = _growth_from(visit, rules)
    enough_cm2 = _at_least(visit.area - reference, rules.pd.min_increase_cm2, rules)
    change = percent_change(visit.area, reference)
    enough_pct = (reference == 0.0) | _at_least(change, rules.pd.min_increase_pct, rules)
    return np.asarray(enough_cm2 & enough_pct)


def _new_ulcer(visit: VisitFacts, protocol: Protocol) -> Bools:
    if protocol.ulcer.new_ulcer_response == "ignore":
        return np.zeros_like(visit.new_ulcer)
    return visit.new_ulcer


def _shrunk(visit: VisitFacts, protocol: Protocol) -> Bools:
    rules = protocol.category
    enough_cm2 = _at_least(visit.baseline - visit.area, rules.pr.min_decrease_cm2, rules)
    change = percent_change(visit.area, visit.baseline)
    return enough_cm2 & _at_least(-change, rules.pr.min_decrease_pct, rules)


def _otherwise(visit: VisitFacts, _: Protocol) -> Bools:
    return np.ones_like(visit.evaluable)


RULES: tuple[Rule, ...] = (
    Rule(1, Code.NE, "NOBASE", _no_baseline, "no valid baseline"),
    Rule(2, Code.NE, "NOTEVAL", _not_evaluable, "the row is not evaluable"),
    Rule(
        3,
        Code.CR,
        "CLOSED",
        _closed,
        "closed: flag Y and at most {tol} cm²; a blank flag {blank}; flag N never",
    ),
    Rule(
        4,
        Code.PD,
        "REOPEN",
        _reopened,
        "not closed, after a closure that a second visit confirmed, {days} days later or more"
        "{reopen}",
    ),
    Rule(
        5,
        Code.PD,
        "GROWTH",
        _grown,
        "grown from the {pd_ref} by at least {pd_cm2} cm² and at least {pd_pct} % (any, from 0)",
    ),
    Rule(6, Code.PD, "NEWULC", _new_ulcer, "a new ulcer on this date{new}"),
    Rule(
        7,
        Code.PR,
        "PAR50",
        _shrunk,
        "shrunk from baseline by at least {pr_pct} % and at least {pr_cm2} cm²",
    ),
    Rule(8, Code.SD, "STABLE", _otherwise, "otherwise"),
)

CUT = len(RULES) + 1
"""Number of rule 2.6a, which turns the category of a lower bound into NE, reason CUT."""

CUT_TEXT = (
    "the area is a lower bound: the whole ulcer may be larger, so only progression can follow "
    "from it, and it shows none"
)

REASONS: dict[int, str] = {rule.order: rule.reason for rule in RULES} | {CUT: "CUT"}
_CODE_OF_RULE = np.array([Code.ABSENT, *(rule.code for rule in RULES), Code.NE], dtype=np.int8)


def classify(
    visit: VisitFacts, protocol: Protocol, rules: Sequence[Rule] = RULES
) -> tuple[Codes, Codes]:
    """The code and the number of the rule that gives it, for every cell of ``visit``.

    The first of ``rules`` that matches; a lower bound that would be CR, PR or SD is NE (2.6a).
    """
    matches = [rule.condition(visit, protocol) for rule in rules]
    shape = np.broadcast(*matches).shape
    order = np.zeros(shape, dtype=np.int8)
    for rule, match in zip(reversed(rules), reversed(matches), strict=True):
        np.copyto(order, np.int8(rule.order), where=match)
    if visit.lower_bound.any():
        needs_the_whole = np.isin(_CODE_OF_RULE[order], (Code.CR, Code.PR, Code.SD))
        order = np.where(visit.lower_bound & needs_the_whole, np.int8(CUT), order)
    return _CODE_OF_RULE[order], order


@dataclass(frozen=True)
class Measured:
    """One measured area, for :func:`compare`.

    Attributes:
        area_cm2: None where it was not evaluable.
        sd_cm2: standard deviation; None takes the protocol's default.
        lower_bound: the true area may be larger, as where the frame cuts the ulcer (rule 2.6a).
        closed: a person has seen it closed (``closed`` = Y of rule 3); of the current visit.
    """

    area_cm2: float | None
    sd_cm2: float | None = None
    lower_bound: bool = False
    closed: bool = False


def compare(
    earlier: Sequence[Measured], current: Measured, protocol: Protocol, seed: int | None = None
) -> ResponseFacts:
    """This visit against the earlier ones, unconfirmed: what ``woundseg score --baseline`` says.

    Args:
        earlier: earlier visits in order; the first is the baseline, the nadir is the smallest.
        current: the visit to judge.
        protocol: the rules in force.
        seed: of the Monte Carlo draws; ``uncertainty.seed`` when None.

    Returns:
        Code, reason, percent change with its interval (both areas' errors), borderline, the
        probability of each category over ``uncertainty.draws`` draws of all areas, judged by
        the same rules, and the change from the area that growth is told from.

        A lower bound among the earlier visits counts as not evaluable: it is no baseline and no
        nadir. Where ``current`` is one, only PD (or NE, reason CUT) is possible. Of a PD the
        changes are None then, but for ``percent_change_low``: the area has grown by at least
        that much, and ``probability`` says how sure PD is (its shares do not sum to 1).
    """
    known = [replace(visit, area_cm2=None) if visit.lower_bound else visit for visit in earlier]
    areas, spreads = _areas_and_errors([*known, current], protocol)
    visit = _facts(areas[None, :], protocol, current)
    codes, orders = classify(visit, protocol)
    code, reason = Code(int(codes[0])), REASONS[int(orders[0])]
    if code is Code.NE:
        return not_evaluable(reason, _known(areas))
    z = z_value(protocol.uncertainty.level)
    low, high = ratio_interval(areas[-1], areas[0], spreads[-1], spreads[0], z)
    growth_from = float(_growth_from(visit, protocol.category)[0])
    growth = float(percent_change(areas[-1], np.asarray(growth_from)))
    whole = not current.lower_bound
    near = _borderline(areas, spreads, z, protocol)
    return ResponseFacts(
        baseline_cm2=float(areas[0]),
        percent_change=float(percent_change(areas[-1], areas[0])) if whole else None,
        percent_change_low=100.0 * (float(low) - 1.0),
        percent_change_high=100.0 * (float(high) - 1.0) if whole else None,
        category=_CATEGORY[code][1],
        code=_CATEGORY[code][0],
        reason=reason,
        borderline=near if whole or near == "borderline_pd" else None,
        probability=_probability((areas, spreads, current), protocol, seed),
        growth_from_cm2=growth_from,
        growth_percent=None if np.isnan(growth) or not whole else growth,
    )


_CodeName = Literal["CR", "PR", "SD", "PD", "NE"]
_CategoryName = Literal["response", "stable", "progression", "not_evaluable"]
_CATEGORY: dict[Code, tuple[_CodeName, _CategoryName]] = {
    Code.CR: ("CR", "response"),
    Code.PR: ("PR", "response"),
    Code.SD: ("SD", "stable"),
    Code.PD: ("PD", "progression"),
    Code.NE: ("NE", "not_evaluable"),
}


def _areas_and_errors(visits: Sequence[Measured], protocol: Protocol) -> tuple[Floats, Floats]:
    """Areas (NaN where absent) and their log standard deviations, both of shape (visits,)."""
    areas = np.array([np.nan if v.area_cm2 is None else float(v.area_cm2) for v in visits])
    sds = np.array([np.nan if v.sd_cm2 is None else float(v.sd_cm2) for v in visits])
    blank = np.full_like(areas, np.nan)
    sds = area_sd(areas, sds, blank, blank, protocol.uncertainty)
    return areas, log_sd(areas, sds, _closed_visits(areas, visits[-1], protocol))


def _closed_visits(areas: Floats, last: Measured, protocol: Protocol) -> Bools:
    """Which visits are closed, for areas of shape (..., visits); ``last`` is the last of them."""
    flags = np.zeros(areas.shape[-1])
    flags[-1] = last.closed
    return is_closed(areas, flags, protocol.category.cr)


def _facts(areas: Floats, protocol: Protocol, last: Measured) -> VisitFacts:
    """Facts of the last of the visits in ``areas``, of shape (draws, visits)."""
    current = areas[:, -1]
    closed = _closed_visits(areas, last, protocol)
    nothing = np.zeros(current.shape, dtype=np.bool_)
    return VisitFacts(
        baseline=areas[:, 0],
        area=current,
        nadir=np.fmin.reduce(np.where(closed, 0.0, areas)[:, :-1], axis=1),
        evaluable=~np.isnan(current),
        closed=closed[:, -1],
        reopened=nothing,
        new_ulcer=nothing,
        lower_bound=np.full(current.shape, last.lower_bound),
    )


def _probability(
    measured: tuple[Floats, Floats, Measured], protocol: Protocol, seed: int | None
) -> CategoryProbability:
    """From the areas, their log standard deviations, and the last visit."""
    (areas, spreads, last), rules = measured, protocol.uncertainty
    random = np.random.default_rng(rules.seed if seed is None else seed)
    noise = random.standard_normal((rules.draws, areas.size))
    codes, _ = classify(_facts(areas * np.exp(spreads * noise), protocol, last), protocol)
    share = {code: float(np.mean(codes == code)) for code in (Code.CR, Code.PR, Code.SD, Code.PD)}
    return CategoryProbability(**{code.name: value for code, value in share.items()})


def borderline_flags(
    pr: tuple[Floats, Floats], pd: tuple[Floats, Floats], rules: CategoryRules
) -> tuple[Bools, Bools]:
    """Whether A/A0 straddles the threshold of PR, and A/N that of PD (section 5).

    Args:
        pr: interval of A/A0, low and high.
        pd: interval of A/N, low and high.
        rules: with 50 % and 25 % the thresholds are 0.50 and 1.25.
    """
    return (
        straddles(*pr, 1.0 - rules.pr.min_decrease_pct / 100.0),
        straddles(*pd, 1.0 + rules.pd.min_increase_pct / 100.0),
    )


def _borderline(
    areas: Floats, spreads: Floats, z: float, protocol: Protocol
) -> Literal["borderline_pr", "borderline_pd"] | None:
    """The flag of one visit; progression first, as it outranks a response."""
    if areas[-1] <= 0.0:
        return None
    lowest = int(np.nanargmin(areas[:-1]))
    near_pr, near_pd = borderline_flags(
        ratio_interval(areas[-1], areas[0], spreads[-1], spreads[0], z),
        ratio_interval(areas[-1], areas[lowest], spreads[-1], spreads[lowest], z),
        protocol.category,
    )
    if near_pd:
        return "borderline_pd"
    return "borderline_pr" if near_pr else None


def not_evaluable(reason: str, baseline_cm2: float | None) -> ResponseFacts:
    """The response of a visit that cannot be compared, and why."""
    return ResponseFacts(
        baseline_cm2=baseline_cm2,
        percent_change=None,
        percent_change_low=None,
        percent_change_high=None,
        category="not_evaluable",
        code="NE",
        reason=reason,
        borderline=None,
        probability=None,
    )


def _known(areas: Floats) -> float | None:
    """The baseline's area, where there is a baseline with one."""
    return float(areas[0]) if areas.size > 1 and np.isfinite(areas[0]) else None

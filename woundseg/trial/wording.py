"""The protocol in plain English, rendered from its values (never typed beside them)."""

from __future__ import annotations

from woundseg.trial.best import PARAMETERS
from woundseg.trial.protocol import Protocol
from woundseg.trial.response import CUT_TEXT, RULES


def sentences(protocol: Protocol) -> list[str]:
    """What the protocol says, one statement a sentence, for the report."""
    return [
        *_ulcer(protocol),
        *(f"Rule {rule.order}: {rule.describe(protocol)}." for rule in RULES),
        f"Rules 3, 7 and 8 give NE (CUT) instead where {CUT_TEXT}. A lower bound is never the "
        "baseline or the smallest area so far.",
        *_best(protocol),
        *_populations(protocol),
        *_time_to_event(protocol),
        *_uncertainty(protocol),
    ]


def sources(parameter: str) -> list[str]:
    """The ordered sources of one best-response parameter, such as ``cbor``."""
    return [source.describe() for source in PARAMETERS[parameter]]


def _ulcer(protocol: Protocol) -> list[str]:
    ulcer, baseline = protocol.ulcer, protocol.baseline
    which = {"index": "the index ulcer", "sum": "the sum of all ulcers present at baseline"}
    origin = {"area": "measured areas", "assessed": "assessed codes, taken as they are"}
    return [
        f"Categories come from {origin[protocol.source]}, for {which[ulcer.strategy]}.",
        f"The baseline is the last evaluable measurement in the {baseline.window_days} days up to "
        f"the first dose (day 0); below {baseline.small_ulcer_cm2:g} cm² the ulcer is small.",
        f"A new ulcer is {'progression' if ulcer.new_ulcer_response == 'pd' else 'no progression'}"
        f" and {'ends' if ulcer.new_ulcer_remission == 'event' else 'does not end'} remission.",
    ]


def _best(protocol: Protocol) -> list[str]:
    rules = protocol.bor
    until = "over all follow-up" if rules.cutoff_day is None else f"up to day {rules.cutoff_day}"
    window = protocol.landmark
    return [
        f"Best response is taken {until}{', until the first PD' if rules.stop_at_pd else ''}.",
        f"CR is confirmed by a later CR at least {rules.confirm_days_cr} days after it, PR by a "
        f"later CR or PR at least {rules.confirm_days_pr} days after it, with at most "
        f"{rules.max_ne_between} NE visit between"
        f"{' and at most one SD before a PR is confirmed' if rules.accept_sd_between else ''}.",
        f"SD counts from day {rules.sd_min_days}.",
        f"Disease control is {', '.join(protocol.cb.values)} at such a visit, or a response.",
        f"The month-6 landmark is the evaluable visit closest to day {window.target_day} within "
        f"days {window.lo} to {window.hi}.",
    ]


def _populations(protocol: Protocol) -> list[str]:
    rules = protocol.population
    return [
        f"The primary population is {rules.primary}; intervals are {rules.ci} at "
        f"{100 * rules.conf_level:g} %, with {rules.ci_alt} beside them.",
        "NE, missing, death and rescue stay in the denominator as failures.",
    ]


def _time_to_event(protocol: Protocol) -> list[str]:
    rules = protocol.tte
    return [
        f"Death {'is an event' if rules.death == 'event' else 'censors'} for remission and response"
        f"; an event after more than {rules.max_missed_windows} missed scheduled window is censored"
        f" at the last evaluable visit before it; follow-up ends on day {rules.last_day}.",
    ]


def _uncertainty(protocol: Protocol) -> list[str]:
    rules = protocol.uncertainty
    return [
        f"An area without a stated error has a standard deviation of {100 * rules.default_cv:g} %, "
        f"at least {rules.min_sd_cm2:g} cm²; closed ulcers have none.",
        f"Monte Carlo: {rules.draws} draws, seed {rules.seed}.",
    ]

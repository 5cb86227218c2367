"""The endpoint in a few lines, for the terminal."""

from __future__ import annotations

from typing import Any

from woundseg.trial.endpoint import Endpoint
from woundseg.trial.protocol import Protocol
from woundseg.trial_report import words

_MEANINGS = {
    "ORR": "objective response (CR + PR)",
    "SDR": "stable disease",
    "DCR": "their sum, disease control",
}


def told(endpoint: Endpoint) -> str:
    """ORR, SDR and DCR with their limits, and the median of remission; one line each."""
    summary, rules = endpoint.summary, endpoint.protocol
    population = rules.population.primary
    until = rules.bor.cutoff_day
    scope = "over all follow-up" if until is None else f"up to day {until}"
    lines = [f"Confirmed best response {scope}, {population}:"]
    lines += [_rate(name, summary["bor_confirmed"][population][name], rules) for name in _MEANINGS]
    lines.append(_remission(summary["tte"]["DOR"], rules))
    if summary["warnings"]:
        lines.append(f"{len(summary['warnings'])} warnings: see summary.json")
    return "\n".join(lines) + "\n"


def _rate(name: str, rate: dict[str, Any], rules: Protocol) -> str:
    prefix = "w" if rules.population.ci == "wilson" else "cp"
    limits = words.interval(rate[f"{prefix}_lo"], rate[f"{prefix}_hi"])
    within = f"{words.of(rate)}; {words.confidence(rules)} {limits}"
    return f"  {name}  {words.percent(rate['p']):>7}  ({within})  {_MEANINGS[name]}"


def _remission(found: dict[str, Any], rules: Protocol) -> str:
    median, low, high = (
        words.months(found[key], rules.time.month_days)
        for key in ("median", "median_lo", "median_hi")
    )
    unit = "" if found["median"] is None else " months"
    return (
        f"  Remission (DOR): median {median}{unit} ({words.confidence(rules)} {low} to {high}); "
        f"{found['n']} subjects, {found['events']} events"
    )

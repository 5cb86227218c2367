"""summary.json (section 10): rates, sensitivity analyses, curves, kinetics, Monte Carlo."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from woundseg.trial.assess import Assessment, assess, shifted
from woundseg.trial.best import pr_after_cr
from woundseg.trial.codes import Bools, Code, Codes
from woundseg.trial.durations import Duration, Durations
from woundseg.trial.healing import Healing, quartiles, supportive
from woundseg.trial.montecarlo import SUBJECT_CODES, MonteCarlo
from woundseg.trial.protocol import Protocol, variant
from woundseg.trial.rates import Block, block, tipping
from woundseg.trial.readings import as_closed, waiting
from woundseg.trial.study import Study, Warned, prepare
from woundseg.trial.survival import KaplanMeier, aalen_johansen, follow_up_median, km
from woundseg.trial.tables import Visits

VARIANTS = {
    "accept_sd": "(c) one SD may lie between a PR and its confirmation",
    "no_cutoff": "(d) no cut-off, so that the confirming visit may come after month 6",
    "sd84": "(e) stable disease must have lasted 84 days",
    "new_ulcer_pd": "(f) a new ulcer is progression",
}
"""Sensitivity analyses that are a shipped protocol variant of the same name."""

PARAMETERS = ("DOR", "RSD", "TTR", "TTC")


@dataclass(frozen=True)
class Parts:
    """All that the summary is made from."""

    found: Assessment
    durations: Durations
    healing: Healing
    simulated: MonteCarlo | None


def primary_population(found: Assessment) -> Bools:
    """Members of ``population.primary``."""
    in_fas = found.study.subjects.fasfl
    return found.evaluable if found.protocol.population.primary == "EVAL" else in_fas


def summarise(parts: Parts) -> dict[str, Any]:
    """The whole of summary.json as plain values."""
    found = parts.found
    protocol, fas = found.protocol, found.study.subjects.fasfl
    level = protocol.population.conf_level
    cbor = found.outcomes["cbor"].value[0]
    tips = tipping(cbor, fas, level)
    return {
        "protocol": {
            "id": protocol.protocol.id,
            "version": protocol.protocol.version,
            "sha256": protocol.sha256(),
        },
        "n": {
            "subjects": found.study.n,
            "fas": int(fas.sum()),
            "eval": int(found.evaluable.sum()),
        },
        "bor_unconfirmed": _both(found, found.outcomes["bor"].value[0]),
        "bor_confirmed": _both(found, cbor),
        "landmark_m6": _both(found, found.lm6.value[0]),
        "sensitivity": sensitivity(found),
        "tipping_orr_fas": tips,
        "tips": _tips(tips, protocol),
        "tte": {name: _tte(parts, name) for name in PARAMETERS},
        "cif": {name: _cif(parts, name) for name in ("TTC", "DOR")},
        "kinetics": {
            name: quartiles(values[fas])
            for name, values in (
                ("PAR4", parts.healing.par4),
                ("LHR4", parts.healing.lhr4),
                ("GILMAN4", parts.healing.gilman4),
            )
        },
        "supportive": supportive(found, parts.healing, fas),
        "mc": _monte_carlo(found.study, parts.simulated),
        "warnings": [asdict(warned) for warned in warnings_of(found)],
    }


def _both(found: Assessment, value: Codes, keep: Bools | None = None) -> dict[str, Block]:
    """The block of FAS and that of EVAL."""
    level = found.protocol.population.conf_level
    kept = np.ones(found.study.n, dtype=np.bool_) if keep is None else keep
    return {
        "FAS": block(value, found.study.subjects.fasfl & kept, level),
        "EVAL": block(value, found.evaluable & kept, level),
    }


def sensitivity(found: Assessment) -> dict[str, dict[str, Block]]:
    """Section 5 (a) to (k), each for FAS and EVAL, of the confirmed best response."""
    cbor = found.outcomes["cbor"].value[0]
    small = np.round(found.areas.baseline[0], 6) < found.protocol.baseline.small_ulcer_cm2
    closed = _rerun(found, found.protocol, as_closed(found.study))
    runs = {name: _rerun(found, variant(name, found.protocol)) for name in VARIANTS}
    runs |= {towards: shifted(found, towards) for towards in ("worst", "best")}
    blocks = {name: _both(run, run.outcomes["cbor"].value[0]) for name, run in runs.items()}
    return {
        "eval": _both(found, cbor),
        "unconfirmed": _both(found, found.outcomes["bor"].value[0]),
        **blocks,
        "ne_responders": _both(found, np.where(cbor == Code.NE, np.int8(Code.PR), cbor)),
        "no_small": _both(found, cbor, ~small),
        "waiting_closed": _both(closed, closed.outcomes["cbor"].value[0]),
    }


def _rerun(found: Assessment, protocol: Protocol, rows: Visits | None = None) -> Assessment:
    """The study under another protocol, or with other rows."""
    study = found.study
    again = prepare(study.rows if rows is None else rows, study.subjects, protocol)
    return assess(replace(again, warnings=()), protocol)


def _tips(table: list[dict[str, float | int | None]], protocol: Protocol) -> int | None:
    """First k whose lower limit exceeds ``population.p0_orr``; null if none, or not given."""
    p0 = protocol.population.p0_orr
    if p0 is None:
        return None
    over = (row for row in table if row["cp_lo"] is not None and row["cp_lo"] > p0)
    first = next(over, None)
    return None if first is None else int(first["k"] or 0)


def members_of(parts: Parts, name: str) -> list[Duration]:
    """The durations of one parameter in FAS."""
    durations: list[Duration | None] = getattr(parts.durations, name.lower())
    in_fas = parts.found.study.subjects.fasfl.tolist()
    return [d for d, member in zip(durations, in_fas, strict=True) if member and d is not None]


def curve(parts: Parts, name: str) -> KaplanMeier:
    """Kaplan-Meier curve of one parameter in FAS, in days."""
    members = members_of(parts, name)
    protocol = parts.found.protocol
    return km(
        [d.days for d in members],
        [d.cnsr == 0 for d in members],
        protocol.population.conf_level,
        protocol.tte.median_tie,
    )


def _tte(parts: Parts, name: str) -> dict[str, Any]:
    fitted = curve(parts, name)
    members = members_of(parts, name)
    protocol = parts.found.protocol
    rates = []
    for month in protocol.tte.rates_months:
        day = month * protocol.time.month_days
        shown = int(month) if float(month).is_integer() else month
        rates.append({"month": shown, "day": day, **fitted.at(day)})
    found: dict[str, Any] = {
        "n": fitted.n,
        "events": fitted.events,
        "median": fitted.median,
        "median_lo": fitted.median_lo,
        "median_hi": fitted.median_hi,
        "rates": rates,
        "followup_median": follow_up_median(
            [d.days for d in members], [d.cnsr == 0 for d in members]
        ),
    }
    if name == "TTR":
        reached = [d.days for d in members if d.cnsr == 0]
        found["responders"] = {
            "n": len(reached),
            "median": float(np.median(reached)) if reached else None,
            "min": min(reached, default=None),
            "max": max(reached, default=None),
        }
    return found


def _cif(parts: Parts, name: str) -> list[dict[str, float]]:
    """Cumulative incidence: F1 closure or recurrence, F2 what competes."""
    members = members_of(parts, name)
    curves = aalen_johansen([d.days for d in members], [d.kind for d in members])
    return [
        {"t": t, "F1": first, "F2": second}
        for t, first, second in zip(
            curves.time.tolist(), curves.first.tolist(), curves.second.tolist(), strict=True
        )
    ]


def _monte_carlo(study: Study, simulated: MonteCarlo | None) -> dict[str, Any] | None:
    if simulated is None:
        return None
    names = [code.name for code in SUBJECT_CODES]
    return {
        "draws": simulated.draws,
        "seed": simulated.seed,
        **{name: asdict(spread) for name, spread in simulated.rates.items()},
        "subjects": {
            subject: dict(zip(names, shares, strict=True))
            for subject, shares in zip(
                study.subjects.subject.tolist(), simulated.subjects.tolist(), strict=True
            )
        },
    }


def warnings_of(found: Assessment) -> list[Warned]:
    """Everything the reader should know, by subject and date."""
    study = found.study
    subject = study.subjects.subject
    warnings = [*study.warnings, *(visit.warned for visit in waiting(study))]
    for place in np.flatnonzero(pr_after_cr(found.history)[0]).tolist():
        text = "a PR is dated after a CR: check the data"
        warnings.append(Warned("CRPR", subject[place], "", text))
    for place in np.flatnonzero(np.isnan(found.areas.baseline[0])).tolist():
        if study.index[place] >= 0 and found.protocol.source == "area":
            text = "no valid baseline within the window: every visit is NE (NOBASE)"
            warnings.append(Warned("NO_BASELINE", subject[place], "", text))
    return sorted(warnings, key=lambda w: (w.subject, w.date, w.code, w.text))

"""The report's contents in the order of protocol section 9, every figure taken from the results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from woundseg import __version__
from woundseg.trial import readings
from woundseg.trial.cells import NEVER
from woundseg.trial.endpoint import Endpoint
from woundseg.trial.survival import KaplanMeier, km
from woundseg.trial.wording import sentences, sources
from woundseg.trial_report import rate_figures, subject_figures, words
from woundseg.trial_report.blocks import Block, Bullets, Rate, Report, Section, Table, Text
from woundseg.trial_report.facts import Subject, subjects_of

MOST_ROWS = 200
"""Longest listing in the report; the CSV files have every row."""

CAUTION = (
    "Stable disease is not part of an objective response, and in a trial of one arm it may be "
    "natural history. ORR and SDR are therefore given apart, and only then their sum, DCR."
)
SUPPORTIVE = "Supportive only: none of these figures takes part in the response."

_BLOCKS = (
    ("Confirmed (CBOR)", "bor_confirmed"),
    ("Unconfirmed (BOR)", "bor_unconfirmed"),
    ("Landmark month 6 (LM6)", "landmark_m6"),
)


def contents(endpoint: Endpoint, simulated: bool = False) -> Report:
    """The whole report of one endpoint.

    Args:
        endpoint: what was derived.
        simulated: the subjects are drawn, and the report says so.
    """
    summary, identity = endpoint.summary, endpoint.protocol.protocol
    subjects = subjects_of(endpoint)
    parts: list[tuple[str, list[Block]]] = [
        ("Disposition and analysis sets", _disposition(endpoint)),
        ("Baseline area", _baseline(endpoint, subjects)),
        ("Best change of area", [subject_figures.waterfall(subjects, endpoint.protocol)]),
        ("Best overall response", _best(endpoint)),
        ("Landmark at month 6", _landmark(endpoint)),
        ("Response, stable disease, disease control", _control(summary)),
        ("Sensitivity analyses", _sensitivity(summary)),
        ("Change of area over time", [subject_figures.spider(subjects, endpoint.protocol)]),
        ("Course of each subject", _courses(endpoint, subjects)),
        ("Duration of remission", _remission(endpoint)),
        ("Time to closure", _closure(endpoint)),
        ("Healing kinetics", _kinetics(endpoint)),
        ("Measurement error", _measurement_error(summary)),
        ("The protocol in plain English", _protocol(endpoint)),
        ("Warnings", _warnings(summary)),
        ("Listing by subject", [_listing(endpoint)]),
    ]
    return Report(
        title="Response, stable disease and remission",
        subtitle=f"Study {identity.study} · protocol {identity.id} {identity.version} · "
        f"woundseg {__version__}",
        notice="SIMULATED: the subjects are drawn, no patient stands behind them."
        if simulated
        else "",
        headline=_headline(endpoint),
        caution=CAUTION,
        sections=[Section(title, blocks) for title, blocks in parts],
    )


def _headline(endpoint: Endpoint) -> list[Rate]:
    population = endpoint.protocol.population.primary
    block = endpoint.summary["bor_confirmed"][population]
    confidence = words.confidence(endpoint.protocol)
    meanings = {
        "ORR": "objective response, CR + PR",
        "SDR": "stable disease",
        "DCR": "their sum: disease control",
    }
    return [
        Rate(
            name,
            f"{meaning}; confirmed, {population}",
            words.percent(block[name]["p"]),
            f"{words.of(block[name])}; {confidence} {_limits(endpoint, block[name])}",
        )
        for name, meaning in meanings.items()
    ]


def _limits(endpoint: Endpoint, rate: dict[str, Any]) -> str:
    prefix = "w" if endpoint.protocol.population.ci == "wilson" else "cp"
    return words.interval(rate[f"{prefix}_lo"], rate[f"{prefix}_hi"])


# --- who ----------------------------------------------------------------------------------------


def _disposition(endpoint: Endpoint) -> list[Block]:
    study, rows, n = endpoint.found.study, endpoint.subject_response, endpoint.summary["n"]
    fas = study.subjects.fasfl
    total = n["fas"]

    def line(text: str, members: Any) -> list[str]:
        return [text, words.share(int((np.asarray(members) & fas).sum()), total)]

    lines = [
        ["Subjects", str(n["subjects"])],
        ["Full analysis set (FAS)", str(total)],
        ["Response-evaluable set (EVAL)", words.share(n["eval"], total)],
        line("with a valid baseline", rows["base_date"] != ""),
        line("with a small ulcer", rows["small_ulcer"] == "Y"),
        line("with a new ulcer during the study", rows["new_ulcer_date"] != ""),
        line("rescue therapy", study.clock.rescue < NEVER),
        line("amputation of the index limb", study.clock.amputation < NEVER),
        line("died", study.clock.death < NEVER),
    ]
    cut = endpoint.visit_response["reason"] == "CUT"
    if cut.any():
        members = np.isin(np.arange(study.n), endpoint.origin["who"][cut])
        lines.append(line("with a visit not evaluable because its area is a lower bound", members))
    reasons = study.subjects.eos_reason[fas].astype(str)
    left = sorted(set(reasons.tolist()) - {""})
    lines += [line(f"left: {why.lower()}", study.subjects.eos_reason == why) for why in left[:8]]
    followed = endpoint.summary["tte"]["TTC"]["followup_median"]
    month = endpoint.protocol.time.month_days
    lines.append(["Median follow-up, months (reverse Kaplan-Meier)", words.months(followed, month)])
    note = "Percentages are of FAS. FAS: everyone with a first dose, but those with FASFL N."
    return [
        *_waiting(endpoint),
        Table("Disposition", ["", "n"], lines, note=note),
        subject_figures.visits(subjects_of(endpoint), endpoint.protocol),
    ]


def _waiting(endpoint: Endpoint) -> list[Block]:
    """A warning where visits wait for a reading: the rates are not final."""
    found = readings.waiting(endpoint.found.study)
    if not found:
        return []
    told = (
        f"{readings.sentence(found)}. The rates take them as they are in the table of "
        "visits and are not final; sensitivity analysis (k) counts them as closed."
    )
    return [Text(told, warning=True)]


def _baseline(endpoint: Endpoint, subjects: Sequence[Subject]) -> list[Block]:
    areas = np.array([s.baseline_cm2 for s in subjects])
    areas = areas[~np.isnan(areas)]
    if not areas.size:
        return [Text("No subject has a valid baseline.")]
    q1, median, q3 = np.quantile(areas, [0.25, 0.5, 0.75])
    values = (areas.mean(), median, q1, q3, areas.min(), areas.max())
    row = [str(areas.size), *(words.number(float(value), 2) for value in values)]
    header = ["n", "Mean", "Median", "1st quartile", "3rd quartile", "Smallest", "Largest"]
    return [
        subject_figures.baseline(subjects, endpoint.protocol),
        Table("Baseline area (cm²)", header, [row], text_columns=0),
    ]


# --- response -----------------------------------------------------------------------------------


def _counts(blocks: Sequence[tuple[str, dict[str, Any]]], title: str) -> Table:
    """Counts of each code, one column a block."""
    codes = ("CR", "PR", "SD", "PD", "NE")
    totals = [block["ORR"]["N"] for _, block in blocks]
    rows = [
        [code, *(words.share(b[code], n) for (_, b), n in zip(blocks, totals, strict=True))]
        for code in codes
    ]
    others = sorted({key for _, block in blocks for key, n in block["other"].items() if n})
    rows += [
        [key, *(words.share(b["other"][key], n) for (_, b), n in zip(blocks, totals, strict=True))]
        for key in others
    ]
    rows.append(["n", *(str(total) for total in totals)])
    return Table(title, ["", *(name for name, _ in blocks)], rows)


def _rates(blocks: Sequence[tuple[str, dict[str, Any]]], names: Sequence[str], title: str) -> Table:
    """Each rate of each block with both intervals."""
    rows = [
        [
            name,
            label,
            words.of(block[name]),
            words.percent(block[name]["p"]),
            words.interval(block[name]["cp_lo"], block[name]["cp_hi"]),
            words.interval(block[name]["w_lo"], block[name]["w_hi"]),
        ]
        for name in names
        for label, block in blocks
    ]
    header = ["", "Of", "n/N", "Rate", "Clopper-Pearson (%)", "Wilson (%)"]
    return Table(title, header, rows, text_columns=2)


def _both(summary: dict[str, Any], key: str, label: str) -> list[tuple[str, dict[str, Any]]]:
    return [(f"{label}, {name}", summary[key][name]) for name in ("FAS", "EVAL")]


def _best(endpoint: Endpoint) -> list[Block]:
    summary = endpoint.summary
    confirmed = _both(summary, "bor_confirmed", "CBOR")
    plain = _both(summary, "bor_unconfirmed", "BOR")
    level = f"{100 * endpoint.protocol.population.conf_level:g} %"
    names = ("CRR", "ORR", "SDR")
    return [
        Text(
            "CBOR is the best response with confirmation at a later visit, BOR that without. A "
            "response never confirmed counts as stable disease when it is late enough, else as "
            "not evaluable."
        ),
        _counts([*confirmed, *plain], "Best overall response: subjects"),
        _rates(confirmed, names, f"Confirmed best response (CBOR): rates with {level} limits"),
        _rates(plain, names, f"Unconfirmed best response (BOR): rates with {level} limits"),
    ]


def _landmark(endpoint: Endpoint) -> list[Block]:
    rules = endpoint.protocol.landmark
    blocks = _both(endpoint.summary, "landmark_m6", "LM6")
    return [
        Text(
            f"The category at the evaluable visit closest to day {rules.target_day} (days "
            f"{rules.lo} to {rules.hi}); an earlier progression, death or rescue stands instead. "
            "Nothing is carried forward."
        ),
        _counts(blocks, "Landmark at month 6: subjects"),
        _rates(blocks, ("CRR", "ORR", "SDR"), "Landmark at month 6: rates"),
    ]


def _control(summary: dict[str, Any]) -> list[Block]:
    primary = [(label, summary[key]["FAS"]) for label, key in _BLOCKS]
    second = [(label, summary[key]["EVAL"]) for label, key in _BLOCKS]
    return [
        Text(CAUTION, warning=True),
        _rates(primary, ("ORR",), "Objective response rate (ORR = CR + PR), FAS"),
        _rates(primary, ("SDR",), "Stable disease rate (SDR), FAS"),
        _rates(primary, ("DCR",), "Their sum: disease control rate (DCR = ORR + SDR), FAS"),
        _rates(second, ("ORR", "SDR", "DCR"), "The same in EVAL"),
    ]


def _sensitivity(summary: dict[str, Any]) -> list[Block]:
    tips = summary["tipping_orr_fas"]
    rows = [
        [
            str(row["k"]),
            str(row["n"]),
            words.percent(row["p"]),
            words.interval(row["cp_lo"], row["cp_hi"]),
        ]
        for row in tips[:MOST_ROWS]
    ]
    found = summary["tips"]
    note = "" if found is None else f"The lower limit exceeds the null rate from k = {found} on."
    return [
        rate_figures.forest(summary),
        Table(
            "Tipping table: ORR if k of the NE subjects had responded (FAS)",
            ["k", "Responders", "ORR", "Clopper-Pearson (%)"],
            rows,
            note=note,
        ),
    ]


def _courses(endpoint: Endpoint, subjects: Sequence[Subject]) -> list[Block]:
    return [
        subject_figures.swimmer(subjects, endpoint.protocol),
    ]


# --- time to event ------------------------------------------------------------------------------


def curve_of(endpoint: Endpoint, name: str) -> KaplanMeier:
    """Kaplan-Meier curve of DOR, RSD, TTR or TTC in FAS, in days."""
    durations = getattr(endpoint.durations, name.lower())
    in_fas = endpoint.found.study.subjects.fasfl.tolist()
    members = [d for d, member in zip(durations, in_fas, strict=True) if member and d is not None]
    rules = endpoint.protocol
    return km(
        [d.days for d in members],
        [d.cnsr == 0 for d in members],
        rules.population.conf_level,
        rules.tte.median_tie,
    )


def _remission(endpoint: Endpoint) -> list[Block]:
    lasting = endpoint.summary["tte"]
    month = endpoint.protocol.time.month_days
    titles = {
        "DOR": "Duration of remission (DOR)",
        "RSD": "Duration of confirmed response (RSD)",
        "TTR": "Time to confirmed response (TTR)",
        "TTC": "Time to confirmed closure (TTC)",
    }
    rows = [
        [
            title,
            str(lasting[name]["n"]),
            str(lasting[name]["events"]),
            *(words.months(lasting[name][key], month) for key in _MEDIAN),
        ]
        for name, title in titles.items()
    ]
    return [
        rate_figures.remission(curve_of(endpoint, "DOR"), endpoint.protocol),
        Table(
            "Medians in months (Kaplan-Meier, FAS)",
            ["", "n", "Events", "Median", "Lower", "Upper", "Follow-up"],
            rows,
            note="Follow-up: median by the reverse Kaplan-Meier. A month is "
            f"{month:g} days. Not reached: the curve or its band stays above 50 %.",
        ),
        _rates_at(lasting["DOR"]["rates"]),
    ]


_MEDIAN = ("median", "median_lo", "median_hi", "followup_median")


def _rates_at(rates: Sequence[dict[str, Any]]) -> Table:
    rows = [
        [
            f"{row['month']:g}",
            str(row["n_risk"]),
            words.percent(row["S"]),
            words.interval(row["lo"], row["hi"]),
        ]
        for row in rates
    ]
    header = ["Month", "At risk", "In remission", "Limits (%)"]
    note = "A dash: beyond the last observation."
    return Table("Share still in remission", header, rows, note=note)


def _closure(endpoint: Endpoint) -> list[Block]:
    rows = endpoint.summary["cif"]["TTC"]
    return [rate_figures.closure(rows, curve_of(endpoint, "TTC"), endpoint.protocol)]


# --- kinetics, Monte Carlo ----------------------------------------------------------------------


def _kinetics(endpoint: Endpoint) -> list[Block]:
    found, extra = endpoint.summary["kinetics"], endpoint.summary["supportive"]
    lines = (
        ("Area reduction at week 4 (%)", found["PAR4"], 1),
        ("Log healing rate to week 4 (per week)", found["LHR4"], 3),
        ("Gilman's margin advance to week 4 (cm per week)", found["GILMAN4"], 3),
        ("Slope of ln area through month 6 (per week)", extra["LN_SLOPE"], 3),
    )
    rows = [
        [text, str(row["n"]), *(words.number(row[key], digits) for key in ("median", "q1", "q3"))]
        for text, row, digits in lines
    ]
    shares = [("Area reduction at least 50 % at week 4", extra["PAR50W4"])]
    shares.append(("Area reduction at least 90 % at week 8", extra["PAR90W8"]))
    return [
        Text(SUPPORTIVE),
        subject_figures.trajectory(extra["trajectory"], endpoint.protocol),
        Table("Kinetics", ["", "n", "Median", "1st quartile", "3rd quartile"], rows),
        Table(
            "Early reduction, of those measured then",
            ["", "n/N", "Share", "Clopper-Pearson (%)"],
            [
                [
                    text,
                    words.of(rate),
                    words.percent(rate["p"]),
                    words.interval(rate["cp_lo"], rate["cp_hi"]),
                ]
                for text, rate in shares
            ],
        ),
    ]


def _measurement_error(summary: dict[str, Any]) -> list[Block]:
    simulated = summary["mc"]
    if simulated is None:
        return [Text("Not asked for: run again with --mc to carry the areas' error to the rates.")]
    rows = [
        [
            name,
            words.percent(simulated[name]["mean"]),
            words.interval(simulated[name]["lo"], simulated[name]["hi"]),
            words.interval(simulated[name]["comb_lo"], simulated[name]["comb_hi"]),
        ]
        for name in rate_figures.RATES
    ]
    return [
        rate_figures.monte_carlo(simulated, summary["bor_confirmed"]["FAS"]),
        Table(
            "Rates over the draws",
            ["", "Mean", "Measurement (%)", "With sampling (%)"],
            rows,
            note=f"{simulated['draws']} draws, seed {simulated['seed']}. With sampling: one draw "
            "of Beta(x + 0.5, n − x + 0.5) for each.",
        ),
    ]


# --- protocol, warnings, listing ----------------------------------------------------------------


def _protocol(endpoint: Endpoint) -> list[Block]:
    rules = endpoint.protocol
    windows = ", ".join(f"{w.name} {w.lo} to {w.hi}" for w in rules.schedule)
    return [
        Text(
            f"SHA-256 of protocol_used.yaml: {rules.sha256()}. The sentences are made from its "
            "values."
        ),
        Bullets(sentences(rules)),
        Text("Confirmed best response is the first of these sources that applies:"),
        Bullets(sources("cbor")),
        Text(f"Windows of the visits, in days: {windows}."),
    ]


def _warnings(summary: dict[str, Any]) -> list[Block]:
    found = summary["warnings"]
    if not found:
        return [Text("None.")]
    rows = [[w["code"], w["subject"], w["date"], w["text"]] for w in found[:MOST_ROWS]]
    note = _cut(len(found), "warnings", "summary.json")
    header = ["Code", "Subject", "Date", "What"]
    return [Table(f"{len(found)} warnings", header, rows, text_columns=4, note=note)]


def _cut(of: int, what: str, where: str) -> str:
    return "" if of <= MOST_ROWS else f"The first {MOST_ROWS} of {of} {what}; all are in {where}."


def _listing(endpoint: Endpoint) -> Table:
    table = endpoint.subject_response
    shown = table.head(MOST_ROWS)
    columns = {
        "Subject": "subject",
        "FAS": "fasfl",
        "EVAL": "evalfl",
        "Base cm²": "base_area",
        "BOR": "bor",
        "CBOR": "cbor",
        "on": "cbor_date",
        "LM6": "lm6",
        "First PD": "pd_date",
        "DOR days": "dor_days",
        "ended by": "dor_event",
    }
    cells = [[_cell(value) for value in shown[name].tolist()] for name in columns.values()]
    note = "woundseg endpoint --explain SUBJECT tells a subject's story in sentences."
    cut = _cut(len(table), "subjects", "subject_response.csv")
    return Table(
        "Subjects",
        list(columns),
        [list(row) for row in zip(*cells, strict=True)],
        text_columns=len(columns),
        note=f"{note} {cut}".strip(),
    )


def _cell(value: float | str | None) -> str:
    if isinstance(value, float):
        return words.number(value, 2)
    return words.NONE if value in (None, "") else str(value)

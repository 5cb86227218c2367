"""Population estimates (section 5): counts, rates with two intervals, the tipping table."""

from __future__ import annotations

from typing import Any

import numpy as np

from woundseg.trial.codes import Bools, Code, Codes
from woundseg.trial.intervals import clopper_pearson, wilson

COUNTED = (Code.CR, Code.PR, Code.SD, Code.PD, Code.NE)
OTHER = (Code.MISSING, Code.DEATH, Code.RESCUE, Code.NONCRPD, Code.ND)

Block = dict[str, Any]


def rate(n: int, total: int, level: float) -> dict[str, float | int | None]:
    """``n`` of ``total``: p with its Clopper-Pearson and Wilson limits; null without anyone."""
    if total == 0:
        return {"n": 0, "N": 0, **dict.fromkeys(("p", "cp_lo", "cp_hi", "w_lo", "w_hi"))}
    cp, score = clopper_pearson(n, total, level), wilson(n, total, level)
    return {
        "n": n,
        "N": total,
        "p": n / total,
        "cp_lo": float(cp[0]),
        "cp_hi": float(cp[1]),
        "w_lo": float(score[0]),
        "w_hi": float(score[1]),
    }


def block(value: Codes, members: Bools, level: float) -> Block:
    """Counts of each code, and ORR, SDR, DCR and CRR, of one population.

    NE, MISSING, DEATH and RESCUE stay in the denominator as failures.
    """
    counts = {code: int(np.sum(value[members] == code)) for code in (*COUNTED, *OTHER)}
    total = int(members.sum())
    response, stable = counts[Code.CR] + counts[Code.PR], counts[Code.SD]
    return {
        **{code.name: counts[code] for code in COUNTED},
        "other": {code.name: counts[code] for code in OTHER},
        "ORR": rate(response, total, level),
        "SDR": rate(stable, total, level),
        "DCR": rate(response + stable, total, level),
        "CRR": rate(counts[Code.CR], total, level),
    }


def tipping(value: Codes, members: Bools, level: float) -> list[dict[str, float | int | None]]:
    """ORR if k of the NE subjects had responded, for k = 0 to their number (section 5 i)."""
    response = int(np.isin(value[members], [Code.CR, Code.PR]).sum())
    missing = int((value[members] == Code.NE).sum())
    rows = []
    for k in range(missing + 1):
        found = rate(response + k, int(members.sum()), level)
        rows.append({"k": k, **{key: found[key] for key in ("n", "p", "cp_lo", "cp_hi")}})
    return rows

"""Confirmation of CR and PR by a later record (section 4), for arrays of codes.

Codes have the shape (D, T, K): draws, tracks, records in order of date; cells without a record
hold ``Code.ABSENT`` and are skipped. Days have the shape (T, K).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from woundseg.trial.codes import Bools, Code, Codes, Ints
from woundseg.trial.protocol import BestResponseRules


@dataclass(frozen=True)
class Confirmed:
    """Which records are confirmed, and by which.

    Attributes:
        by_cr: (D, T, K) a confirmed CR.
        by_pr: (D, T, K) a confirmed PR.
        witness_cr: (D, T, K) slot of the record that the CR rule looked at; K for none.
        witness_pr: the same for the PR rule.
    """

    by_cr: Bools
    by_pr: Bools
    witness_cr: Ints
    witness_pr: Ints


def next_slot(mask: Bools) -> Ints:
    """Slot of the first True at or after each slot; (D, T, K + 1), K for none."""
    width = mask.shape[-1]
    slots = np.where(mask, np.arange(width), width)
    coming = np.minimum.accumulate(slots[..., ::-1], axis=-1)[..., ::-1]
    return np.concatenate([coming, np.full((*mask.shape[:-1], 1), width)], axis=-1)


def last_slot(mask: Bools) -> Ints:
    """Slot of the last True at or before each slot; -1 for none."""
    return np.maximum.accumulate(np.where(mask, np.arange(mask.shape[-1]), -1), axis=-1)


def slot_after(day: Ints, days: int) -> Ints:
    """First later slot whose date is at least ``days`` later; (T, K), K for none."""
    width = day.shape[1]
    slots = [(day < day[:, [k]] + days).sum(axis=1) for k in range(width)]
    reached = np.stack(slots, axis=1) if slots else np.zeros_like(day)
    return np.maximum(reached, np.arange(1, width + 1))


def _at(values: Ints, slots: Ints) -> Ints:
    shape = (*values.shape[:-1], slots.shape[-1])
    return np.take_along_axis(values, np.broadcast_to(slots, shape), axis=-1)


def _between(mask: Bools, upto: Ints) -> Ints:
    """How many True lie after each slot up to slot ``upto``, that one included."""
    running = np.cumsum(mask, axis=-1)
    padded = np.concatenate([running, running[..., -1:]], axis=-1)
    return np.asarray(_at(padded, upto) - running)


def confirmed_cr(code: Codes, day: Ints, rules: BestResponseRules) -> tuple[Bools, Ints]:
    """CR confirmed by the first later CR at least ``confirm_days_cr`` after it.

    Only CR and NE may lie between, and at most ``max_ne_between`` NE. Where the segment to that
    first CR fails, no later one is tried.
    """
    is_cr, is_ne = code == Code.CR, code == Code.NE
    witness = _at(next_slot(is_cr), slot_after(day, rules.confirm_days_cr))
    breaks = next_slot((code != Code.ABSENT) & ~is_cr & ~is_ne)[..., 1:]
    unbroken = (witness < code.shape[-1]) & (breaks > witness)
    return is_cr & unbroken & (_between(is_ne, witness) <= rules.max_ne_between), witness


def confirmed_pr(code: Codes, day: Ints, rules: BestResponseRules) -> tuple[Bools, Ints]:
    """PR confirmed by the first later CR or PR at least ``confirm_days_pr`` after it.

    Only CR, PR, SD and NE may lie between: at most ``max_ne_between`` NE, one SD if
    ``accept_sd_between`` else none, and no PR after a CR.
    """
    is_cr, is_pr, is_sd, is_ne = (code == c for c in (Code.CR, Code.PR, Code.SD, Code.NE))
    witness = _at(next_slot(is_cr | is_pr), slot_after(day, rules.confirm_days_pr))
    allowed = is_cr | is_pr | is_sd | is_ne | (code == Code.ABSENT)
    unbroken = (witness < code.shape[-1]) & (next_slot(~allowed)[..., 1:] > witness)
    few_ne = _between(is_ne, witness) <= rules.max_ne_between
    few_sd = _between(is_sd, witness) <= int(rules.accept_sd_between)
    first_cr = next_slot(is_cr)[..., 1:]
    last = last_slot(is_pr)
    last_pr = _at(np.concatenate([last, last[..., -1:]], axis=-1), witness)
    in_order = (first_cr > witness) | (last_pr < first_cr)
    return is_pr & unbroken & few_ne & few_sd & in_order, witness


def confirmed(code: Codes, day: Ints, rules: BestResponseRules) -> Confirmed:
    """Both confirmations for every record."""
    by_cr, witness_cr = confirmed_cr(code, day, rules)
    by_pr, witness_pr = confirmed_pr(code, day, rules)
    return Confirmed(by_cr, by_pr, witness_cr, witness_pr)

"""Monte Carlo of the areas' measurement error through sections 2 to 5, vectorised over draws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from woundseg.trial import grid
from woundseg.trial.assess import Assessment
from woundseg.trial.best import CBOR, Outcome, first_match, history_of
from woundseg.trial.codes import Bools, Code, Codes, Floats, Ints
from woundseg.trial.course import follow
from woundseg.trial.grid import Grid
from woundseg.trial.protocol import Protocol
from woundseg.trial.study import Study, index_candidates

CELLS_AT_ONCE = 1_000_000
"""Draws are taken in blocks of about so many records, to bound the memory."""

VISIT_CODES = (Code.CR, Code.PR, Code.SD, Code.PD)
SUBJECT_CODES = (Code.CR, Code.PR, Code.SD, Code.PD, Code.NE)


@dataclass(frozen=True)
class Spread:
    """A rate over the draws: mean, range, and the range with sampling error too (section 5)."""

    mean: float
    lo: float
    hi: float
    comb_lo: float
    comb_hi: float


@dataclass(frozen=True)
class MonteCarlo:
    """What the measurement error does to the endpoint.

    Attributes:
        draws: how many.
        seed: of the generator.
        rates: ORR, SDR and DCR of the primary population.
        subjects: (subjects, 5) share of each CBOR: CR, PR, SD, PD, NE.
        visits: (T, K, 4) share of CR, PR, SD and PD of each record of the index ulcer.
    """

    draws: int
    seed: int
    rates: dict[str, Spread]
    subjects: Floats
    visits: Floats


def simulate(found: Assessment, population: Bools) -> MonteCarlo:
    """Redo sections 2 to 5 for ``uncertainty.draws`` draws of every positive area.

    Each row has its own error, the baseline row one in each draw; zeros stay. The index ulcer
    is chosen anew in every draw, a visit's shares are those of its own ulcer.

    Args:
        found: the study as measured.
        population: (subjects,) who counts in the rates.
    """
    study, rules = found.study, found.protocol.uncertainty
    tracks = _tracks(study, found.protocol)
    records = grid.build(study, found.protocol, tracks)
    random = np.random.default_rng(rules.seed)
    block = max(1, CELLS_AT_ONCE // max(records.day.size, study.who.size, 1))
    visit_counts = np.zeros((len(VISIT_CODES), *records.shape))
    best: list[Codes] = []
    for done in range(0, rules.draws, block):
        noise = random.standard_normal((min(block, rules.draws - done), study.who.size))
        factor = np.exp(study.spread * noise)
        cbor, codes = _one_block(study, records, found.protocol, factor)
        best.append(cbor)
        for place, code in enumerate(VISIT_CODES):
            visit_counts[place] += (codes == code).sum(axis=0)
    cbor = np.concatenate(best)
    return MonteCarlo(
        draws=rules.draws,
        seed=rules.seed,
        rates=_rates(cbor[:, population], random),
        subjects=np.stack([(cbor == code).mean(axis=0) for code in SUBJECT_CODES], axis=1),
        visits=_of_index(found, tracks[0], visit_counts / rules.draws),
    )


def _tracks(study: Study, protocol: Protocol) -> tuple[Ints, Ints]:
    """A track for every ulcer that may be the index ulcer, and one for a subject without rows."""
    if protocol.ulcer.strategy == "sum":
        return grid.sum_tracks(study)
    candidate = index_candidates(study)
    track = np.where(candidate, np.cumsum(candidate) - 1, -1)
    return track, np.concatenate([study.ulcers.who[candidate], np.flatnonzero(study.index < 0)])


def _one_block(
    study: Study, records: Grid, protocol: Protocol, factor: Floats
) -> tuple[Codes, Codes]:
    """CBOR of every subject (D, subjects) and code of every record (D, T, K)."""
    areas = grid.areas(study, records, protocol, factor)
    course = follow(study, records, areas, protocol)
    outcome = first_match(CBOR, history_of(records, course, protocol))
    return _of_subjects(records, areas.baseline, outcome), course.code


def _of_subjects(records: Grid, baseline: Floats, outcome: Outcome) -> Codes:
    """The value of each draw's index ulcer: the track with the largest baseline (rule 2.4)."""
    order = np.argsort(records.who, kind="stable")
    start = np.flatnonzero(np.append(True, np.diff(records.who[order]) > 0))[: order.size]
    value = np.where(outcome.value == Code.MISSING, np.int8(Code.NE), outcome.value)[:, order]
    if start.size == order.size:
        return value
    size = np.nan_to_num(baseline, nan=-1.0)[:, order]
    largest = np.maximum.reduceat(size, start, axis=1)
    group = np.repeat(np.arange(start.size), np.diff(np.append(start, order.size)))
    places = np.where(size == largest[:, group], np.arange(order.size), order.size)
    first = np.minimum.reduceat(places, start, axis=1)
    return np.take_along_axis(value, first, axis=1)


def _of_index(found: Assessment, track_of_ulcer: Ints, share: Floats) -> Floats:
    """The shares of the records of each subject's index ulcer, on the grid as measured."""
    tracks, width = found.grid.shape
    track = np.arange(tracks)
    if found.protocol.ulcer.strategy == "index":
        index = found.study.index
        at = np.append(track_of_ulcer, -1)[index]
        without_rows = np.cumsum(index < 0) - 1 + (track_of_ulcer >= 0).sum()
        track = np.where(index >= 0, at, without_rows)
    return np.moveaxis(share[:, track, :width], 0, -1)


def _rates(cbor: Codes, random: np.random.Generator) -> dict[str, Spread]:
    """ORR, SDR and DCR over the draws; the combined range adds one Beta draw to each."""
    response = np.isin(cbor, [Code.CR, Code.PR]).sum(axis=1)
    stable = (cbor == Code.SD).sum(axis=1)
    n = cbor.shape[1]
    if n == 0:
        nan = float("nan")
        return dict.fromkeys(("ORR", "SDR", "DCR"), Spread(nan, nan, nan, nan, nan))
    rates = {}
    for name, hits in (("ORR", response), ("SDR", stable), ("DCR", response + stable)):
        share = hits / n
        low, high = np.quantile(share, [0.025, 0.975])
        both = np.quantile(random.beta(hits + 0.5, n - hits + 0.5), [0.025, 0.975])
        rates[name] = Spread(
            float(share.mean()), float(low), float(high), float(both[0]), float(both[1])
        )
    return rates

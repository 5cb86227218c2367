"""Which photograph comes next: several sets in their shares, the same for the same seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from torch.utils.data import Sampler


@dataclass(frozen=True)
class Draw:
    """One visit to a photograph.

    Attributes:
        index: of the photograph.
        seed: of all that is drawn for this visit, whichever process makes it.
    """

    index: int
    seed: tuple[int, ...]


class SetSampler(Sampler[Draw]):
    """Draws from sets that stand one after the other, each in its share of an epoch.

    An epoch has as many draws as there are photographs in sets with a weight. In each set one
    goes through all photographs, in shuffled order, before one comes again. The draws of an epoch
    depend on seed and epoch alone, so a run that is resumed sees what it would have seen. Epochs
    are counted where nobody says which one begins.

    Args:
        counts: photographs in each set.
        weights: of each set, in any unit, not all 0; a set without photographs has no share.
        seed: of the run.
    """

    def __init__(self, counts: Sequence[int], weights: Sequence[float], seed: int) -> None:
        self._counts = np.asarray(counts)
        shares = np.where(self._counts > 0, np.asarray(weights, np.float64), 0.0)
        self._draws = int(self._counts[shares > 0].sum())
        self._shares = shares / shares.sum()
        self._seed = seed
        self._epoch = 0

    def __len__(self) -> int:
        return self._draws

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning as an epoch begins."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[Draw]:
        epoch, self._epoch = self._epoch, self._epoch + 1
        rng = np.random.default_rng((self._seed, epoch))
        starts = np.concatenate([[0], np.cumsum(self._counts)[:-1]])
        drawn: list[int] = []
        for start, count, wanted in zip(starts, self._counts, self._wanted(), strict=True):
            rounds = -(-wanted // count) if count else 0
            order = [int(place) for _ in range(rounds) for place in rng.permutation(count)]
            drawn += [int(start) + place for place in order[:wanted]]
        for number, place in enumerate(rng.permutation(len(drawn))):
            yield Draw(drawn[place], (self._seed, epoch, number))

    def _wanted(self) -> list[int]:
        """Draws of each set in an epoch: largest remainders, so that they add up."""
        exact = self._shares * self._draws
        whole = np.floor(exact).astype(int)
        for place in np.argsort(whole - exact, kind="stable")[: self._draws - whole.sum()]:
            whole[place] += 1
        return [int(number) for number in whole]

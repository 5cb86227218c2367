"""A run's progress on standard error: a bar with rate, time left and failures, or nothing."""

from __future__ import annotations

import sys
from typing import Any

from woundseg.batch.one import Outcome
from woundseg.batch.run import Watch
from woundseg.visits import Plan


class Quiet(Watch):
    """What is wrong with the plan, and nothing more."""

    def planned(self, plan: Plan) -> None:
        """Everything that is wrong, together, before work starts."""
        for failure in plan.failures:
            sys.stderr.write(f"{failure.path}: {failure.error}. {failure.advice}\n")
        for warning in plan.warnings:
            sys.stderr.write(f"{warning}\n")


class Shown(Quiet):
    """A bar, and a line for each stage."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._failed = 0

    def began(self, photos: int) -> None:
        """So many photographs have to be measured."""
        if photos:
            from tqdm import tqdm

            self._bar = tqdm(total=photos, unit="photo", file=sys.stderr, smoothing=0.05)

    def measured(self, outcome: Outcome) -> None:
        """One more photograph is in the store."""
        if outcome.failure is not None:
            self._failed += 1
            self._bar.set_postfix(failed=self._failed, refresh=False)
        self._bar.update()

    def stage(self, name: str) -> None:
        """A later stage begins."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        sys.stderr.write(f"{name} ...\n")

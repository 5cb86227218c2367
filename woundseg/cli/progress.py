"""A run's progress on standard error: a bar with rate, time left and failures, or nothing."""

from __future__ import annotations

import json
import sys
from typing import Any

from woundseg import visits
from woundseg.batch.one import Outcome
from woundseg.batch.run import Watch
from woundseg.cli.parts import say
from woundseg.errors import WoundsegError
from woundseg.visits import Plan


class Quiet(Watch):
    """What is wrong with the plan, and nothing more."""

    def planned(self, plan: Plan) -> None:
        """Everything that is wrong, together, before work starts."""
        for line in visits.faults(plan):
            sys.stderr.write(f"{line}\n")

    def told(self, line: str) -> None:
        """Something that was done to the study before the run began."""
        sys.stderr.write(f"{line}\n")

    def refused(self, error: WoundsegError) -> None:
        """One of several reasons not to start; the last is raised."""
        sys.stderr.write(f"{error.line()}\n")


class Dry(Quiet):
    """The whole plan on standard output."""

    def planned(self, plan: Plan) -> None:
        """A line for each photograph, then everything that is wrong."""
        for line in visits.table(plan):
            say(f"{line}\n")


class DryJson(Quiet):
    """The whole plan on standard output, as one JSON document."""

    def planned(self, plan: Plan) -> None:
        """Every photograph, and everything that is wrong."""
        say(json.dumps(visits.document(plan), indent=2, ensure_ascii=False) + "\n")


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

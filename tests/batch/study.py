"""A small study of drawn photographs, measured in this process with the toy network."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import toy_weights

from woundseg.batch import workers
from woundseg.batch.conclude import ConcludeOptions
from woundseg.batch.one import measure
from woundseg.batch.run import BatchOptions, Summary, run
from woundseg.batch.workers import Setup
from woundseg.trial import protocol
from woundseg.visits import VisitOptions

CLOCK = datetime(2026, 2, 1, 12, 0, tzinfo=UTC)


class Here:
    """Workers in this process; counts what they measure."""

    def __init__(self, setup: Setup) -> None:
        self._segmenter = workers.load(setup)
        self.measured: list[str] = []

    def outcomes(self, tasks):
        for task in tasks:
            self.measured.append(task.ref.relative)
            yield measure(task, self._segmenter)

    def ask(self, function: Callable[[Any], Any], argument: Any) -> Callable[[], Any]:
        answer = function(argument)
        return lambda: answer


def options(toy: Path, **more: Any) -> BatchOptions:
    visits = VisitOptions(**{k: more.pop(k) for k in ("manifest", "subjects") if k in more})
    conclude = ConcludeOptions(
        protocol=protocol.load(None),
        as_of=date(2026, 2, 1),
        study="toy",
        **{k: more.pop(k) for k in ("redcap", "fhir") if k in more},
    )
    return BatchOptions(
        visits=visits,
        setup=Setup(weights=toy),
        conclude=conclude,
        now=lambda: CLOCK,
        **more,
    )


def draw(photos: Path, *places: str) -> list[Path]:
    """One photograph with a card and an ulcer in each place; no two have the same bytes."""
    paths = []
    for number, place in enumerate(places):
        path = photos / place
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = toy_weights.photograph()
        pixels[0, 0] = number, 0, 0
        toy_weights.save(path, pixels)
        paths.append(path)
    return paths


def table(out: Path, name: str = "visits.csv") -> list[dict[str, str]]:
    """The rows of one of a study's tables."""
    with (out / name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def go(photos: Path, out: Path, toy: Path, **more: Any) -> tuple[Summary, Here]:
    """A whole run."""
    wanted = options(toy, **more)
    engine = Here(wanted.setup)
    return run(photos, out, wanted, engine), engine

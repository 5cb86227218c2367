"""Peak memory of the process that drives ``woundseg batch``, by the number of photographs."""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from woundseg.batch import workers
from woundseg.batch.conclude import ConcludeOptions
from woundseg.batch.follow import Following
from woundseg.batch.one import Outcome, Task, measure
from woundseg.batch.run import BatchOptions, Watch, run
from woundseg.batch.workers import Setup
from woundseg.match import Named
from woundseg.pipeline import ScoreOptions
from woundseg.records import PhotoRef
from woundseg.simulate.visits import Course, write_visits
from woundseg.trial import protocol
from woundseg.visits import VisitOptions

VISITS = 20
FIRST = date(2026, 1, 5)
LIMIT_MB = 25.0
"""By so much the peak may grow from the fewest photographs to the most."""


def draw_folder(root: Path, photographs: int) -> None:
    """Files laid out as visits, each with bytes of its own; nobody reads them as pictures."""
    for number in range(photographs):
        subject, visit = divmod(number, VISITS)
        day = FIRST + timedelta(weeks=visit)
        folder = root / f"S{subject:06d}" / f"V{visit}_{day.isoformat()}"
        folder.mkdir(parents=True)
        (folder / "foot.jpg").write_bytes(number.to_bytes(8, "big") + bytes(number % 50))


def measured_once(folder: Path) -> Outcome:
    """The outcome of one drawn photograph; run in a process of its own, which holds the network."""
    write_visits(folder / "one", Course(1, "S1"), 1)
    (path,) = (folder / "one").rglob("*.jpg")
    task = Task(PhotoRef(path, path.name, "S1", "V1", FIRST), ScoreOptions())
    return measure(task, workers.load(Setup()))


@dataclass(frozen=True)
class OneForAll:
    """Stands in for the workers: the same outcome for every photograph, so that it is quick."""

    outcome: Outcome

    def outcomes(self, tasks: Iterable[Task]) -> Iterator[Outcome]:
        """See ``workers.Engine``; the picture is left out, it is written and forgotten."""
        for task in tasks:
            sha256 = hashlib.sha256(task.ref.path.read_bytes()).hexdigest()
            yield replace(self.outcome, ref=task.ref, sha256=sha256, overlay=None)

    def ask(
        self, _function: Callable[[Any], Any], following: Following
    ) -> Callable[[], list[Named]]:
        """Names in order of size."""
        named = [
            Named(tuple(f"u{place}" for place, _ in enumerate(seen.outlines, 1)))
            for _, seen in following.photos
        ]
        return lambda: named


class Peaks(Watch):
    """Notes the peak at each stage."""

    def __init__(self) -> None:
        self.mb: list[tuple[str, float]] = [("start", peak_mb())]

    def began(self, photos: int) -> None:
        """See ``Watch``."""
        self.stage("planned")

    def stage(self, name: str) -> None:
        """See ``Watch``."""
        self.mb.append((name, peak_mb()))


def peak_mb() -> float:
    """Most memory that this process has held (VmHWM) [MB]."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def _drive(folder: Path, photographs: int) -> None:
    with get_context("spawn").Pool(1) as pool:
        outcome = pool.apply(measured_once, (folder / f"one{photographs}",))
    peaks, begin = Peaks(), time.perf_counter()
    run(
        folder / str(photographs),
        folder / f"study{photographs}",
        BatchOptions(
            visits=VisitOptions(),
            setup=Setup(),
            conclude=ConcludeOptions(protocol.load(None), FIRST),
            now=lambda: datetime.now(UTC),
        ),
        OneForAll(outcome),
        peaks,
    )
    peaks.stage("end")
    told = ", ".join(f"{name} {mb:.0f}" for name, mb in peaks.mb)
    print(f"{photographs:>9,} photographs: peak MB {told}; {time.perf_counter() - begin:.0f} s")
    (folder / f"{photographs}.mb").write_text(str(peaks.mb[-1][1]))


def run_all(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        peaks = []
        for count in sorted(options.photographs):
            draw_folder(folder / str(count), count)
            subprocess.run(
                [sys.executable, __file__, text, str(count)],
                check=True,
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
            )
            peaks.append(float((folder / f"{count}.mb").read_text()))
    grown = peaks[-1] - peaks[0]
    kept = grown <= LIMIT_MB
    print(f"grown by {grown:.0f} MB, target at most {LIMIT_MB:.0f}: {'met' if kept else 'MISSED'}")
    return int(not kept)


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "memory",
        help="the driver's peak memory by the number of photographs",
        description="Runs the driver of woundseg batch (plan, store, tables, report) over folders "
        "of more and more photographs. No worker measures them: one measured outcome stands for "
        "each, since what workers hold does not hang on how many there are.",
    )
    parser.add_argument("photographs", type=int, nargs="*", default=[1_000, 10_000])
    parser.set_defaults(run=run_all)


if __name__ == "__main__":
    _drive(Path(sys.argv[1]), int(sys.argv[2]))

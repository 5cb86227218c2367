"""Time of ``woundseg endpoint`` on simulated trials, each in a process of its own."""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from woundseg.simulate import trial
from woundseg.simulate.trial import TrialSpec, write_trial

Timed = tuple[float, float, float | None]
"""Seconds on the clock, of the processor, and the target."""

VISITS = 20
"""Visits a subject; every one takes place."""


def write_study(folder: Path, subjects: int) -> tuple[Path, Path]:
    """A trial of ``subjects`` with ``VISITS`` visits each."""
    days = [round(14 + step * (1826 - 14) / (VISITS - 2)) for step in range(VISITS - 1)]
    trial.PLANNED = tuple((f"V{number}", day) for number, day in enumerate(days, 1))
    spec = TrialSpec(subjects=subjects)
    cut = replace(spec, missed=0.0, leaves_days=1e9, data_cut=spec.data_cut.replace(year=2035))
    return write_trial(folder, cut)


def processor_s() -> float:
    """Seconds that finished runs have used the processor."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def seconds(tables: tuple[Path, Path], out: Path, options: list[str]) -> tuple[float, float]:
    """Of one run, start-up and writing included: on the clock, and of the processor."""
    visits, subjects = tables
    command = [sys.executable, "-m", "woundseg.cli", "endpoint", str(visits), "--subjects"]
    start, used = time.perf_counter(), processor_s()
    done = subprocess.run(
        [*command, str(subjects), "--out", str(out), *options],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(done.stderr.strip())
    return time.perf_counter() - start, processor_s() - used


def run(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        small = write_study(root / "small", 50)
        timed: dict[str, Timed] = {}
        for name, words, limit in (
            ("tables", [], 2.0),
            ("tables, 2,000 draws", ["--mc"], 20.0),
            ("tables, --report", ["--report"], None),
            ("tables, --report --pdf", ["--report", "--pdf"], None),
        ):
            taken = min(seconds(small, root / "out", words) for _ in range(options.runs))
            timed[f"50 x {VISITS}: {name}"] = *taken, limit
        plain, paged = (timed[f"50 x {VISITS}: tables{more}"] for more in ("", ", --report"))
        added = paged[0] - plain[0], paged[1] - plain[1]
        timed[f"50 x {VISITS}: what --report adds"] = *added, 5.0
        if options.subjects:
            large = write_study(root / "large", options.subjects)
            limit = 60.0 * options.subjects / 10_000
            taken = seconds(large, root / "big", [])
            timed[f"{options.subjects} x {VISITS}: tables"] = *taken, limit
    return report(timed)


def report(timed: dict[str, Timed]) -> int:
    """A line each; 1 when a limit is not kept."""
    kept = True
    for name, (taken, used, limit) in timed.items():
        target = "" if limit is None else f"  target {limit:g} s"
        missed = limit is not None and taken > limit
        kept = kept and not missed
        clock = f"{taken:7.2f} s  (processor {used:6.2f} s){target}"
        print(f"{name:<36} {clock}{'  NOT KEPT' if missed else ''}")
    return 0 if kept else 1


def add_to(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("endpoint", help="woundseg endpoint: tables, draws, report, size")
    parser.add_argument("--runs", type=int, default=2, help="the quickest of so many (default 2)")
    parser.add_argument(
        "--subjects", type=int, default=10_000, help="of the large trial; 0 leaves it out"
    )
    parser.set_defaults(run=run)

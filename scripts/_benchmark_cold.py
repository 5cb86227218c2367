"""Time and memory of ``woundseg score`` from a cold start."""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from woundseg.simulate import ViewRanges, draw_view, render

LIMIT_S, LIMIT_MB, LIMIT_OF_TORCH = 1.5, 700.0, 0.5


@dataclass(frozen=True)
class Timing:
    """Of one command: seconds of each run, and the peak resident memory over them in MB."""

    name: str
    seconds: tuple[float, ...]
    peak_mb: float

    @property
    def median_s(self) -> float:
        return statistics.median(self.seconds)


def run_once(command: list[str]) -> tuple[float, float]:
    """Seconds and peak resident MB of one run; its own process, waited for by wait4."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    message = process.stderr.read().decode(errors="replace") if process.stderr else ""
    if process.returncode not in (0, 4):
        sys.exit(f"{command[0]}: exit status {process.returncode}: {message.strip()[-500:]}")
    unit = 1024 if sys.platform.startswith("linux") else 1024**2  # KiB on Linux, bytes on macOS
    return seconds, usage.ru_maxrss / unit * 1.048576


def measure(name: str, command: list[str], runs: int) -> Timing:
    """The median needs files in the page cache: one run before is not counted."""
    run_once(command)
    results = [run_once(command) for _ in range(runs)]
    return Timing(name, tuple(r[0] for r in results), max(r[1] for r in results))


def draw_photo(path: Path, seed: int) -> None:
    ranges = ViewRanges(
        tilt_deg=(5, 15),
        blur_px=(0.5, 0.7),
        motion_px=(0, 0.5),
        exposure=(0.9, 1.0),
        sensors=(0, 0, 0, 1),
    )
    spec = draw_view(np.random.default_rng((seed, 0)), ranges)
    spec = replace(spec, capture=replace(spec.capture, jpeg_quality=92))
    path.write_bytes(render(spec).jpeg)


def draw_apart(path: Path, seed: int) -> None:
    """In a process of its own: on Linux a child's peak memory counts what its parent held."""
    subprocess.run([sys.executable, __file__, str(path), str(seed)], check=True)


def report(score: Timing, torch: Timing | None) -> str:
    lines = [f"{'':44}{'median':>9}{'fastest':>9}{'slowest':>9}{'peak':>9}"]
    for timing in (score, torch):
        if timing:
            lines.append(
                f"{timing.name:44}{timing.median_s:8.2f}s{min(timing.seconds):8.2f}s"
                f"{max(timing.seconds):8.2f}s{timing.peak_mb:7.0f}MB"
            )
    lines.append(_verdict("seconds", score.median_s, LIMIT_S))
    lines.append(_verdict("peak memory [MB]", score.peak_mb, LIMIT_MB))
    if torch:
        share = score.median_s / torch.median_s
        lines.append(_verdict("share of torch's import", share, LIMIT_OF_TORCH))
    return "\n".join(lines)


def _verdict(name: str, value: float, limit: float) -> str:
    met = "met" if value <= limit else "MISSED"
    return f"{name}: {value:.2f}, target at most {limit:g}: {met}"


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "cold",
        help="time and memory of woundseg score, process start included",
        description="Times `woundseg score` of a simulated 12-megapixel JPEG in new processes, with"
        " files in the page cache, beside `python -c 'import torch, torchvision'`. Run it with"
        " nothing else running.",
    )
    parser.add_argument("--runs", type=int, default=7, help="runs timed (default 7)")
    parser.add_argument("--seed", type=int, default=1, help="of the photograph (default 1)")
    parser.add_argument("--photo", type=Path, help="a photograph of yours instead")
    parser.add_argument("--torch-python", help="a Python that has torch and torchvision")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Exit status 0 when every target is met, 1 when one is missed."""
    with tempfile.TemporaryDirectory() as folder:
        photo = options.photo or Path(folder) / "photo.jpg"
        if not options.photo:
            draw_apart(photo, options.seed)
        beside = Path(sys.executable).with_name("woundseg")
        command = [str(beside)] if beside.exists() else [sys.executable, "-m", "woundseg"]
        score = measure("woundseg score", [*command, "score", str(photo), "--json"], options.runs)
    torch = None
    if options.torch_python:
        words = [options.torch_python, "-c", "import torch, torchvision"]
        torch = measure("python -c 'import torch, torchvision'", words, options.runs)
    text = report(score, torch)
    print(text)
    return int("MISSED" in text)


if __name__ == "__main__":
    draw_photo(Path(sys.argv[1]), int(sys.argv[2]))

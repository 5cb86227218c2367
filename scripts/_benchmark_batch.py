"""Wall time of ``woundseg batch`` against the processor time of its stages, each run alone."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from woundseg import photo, pipeline, segment
from woundseg.batch.one import drawn, sketch
from woundseg.files import write_bytes
from woundseg.masks import Segmentation
from woundseg.records import Scale
from woundseg.simulate import ViewRanges, draw_view, render

LIMIT_ON_TWO_CORES = 1.15
CORES = 2


def draw_study(folder: Path, subjects: int, visits: int) -> list[Path]:
    """Simulated photographs of 12 megapixels in a study's folders; no subject's are alike."""
    ranges = ViewRanges(tilt_deg=(5, 15), blur_px=(0.5, 0.7), sensors=(0, 0, 0, 1))
    paths = []
    for number in range(subjects * visits):
        who, visit = divmod(number, visits)
        day = date(2026, 1, 5) + timedelta(days=14 * visit)
        path = folder / f"S{who:03d}" / f"V{visit}_{day}" / "photo.jpg"
        path.parent.mkdir(parents=True)
        path.write_bytes(render(draw_view(np.random.default_rng((1, number)), ranges)).jpeg)
        paths.append(path)
    return paths


class Stages:
    """Processor seconds of each stage, one after the other, in this process with one thread."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def time(
        self, name: str, function: Callable[[Any], Any], arguments: Iterable[Any]
    ) -> list[Any]:
        """Runs a stage alone over all photographs."""
        begin = time.process_time()
        answers = [function(argument) for argument in arguments]
        self.seconds[name] = time.process_time() - begin
        return answers


def run_stages(paths: list[Path], folder: Path) -> dict[str, float]:
    """Processor seconds of each stage; photographs in fours, so that they fit into memory."""
    cv2.setNumThreads(1)
    segmenter = segment.load("cpu", threads=1)
    totals: dict[str, float] = {}
    for start in range(0, len(paths), 4):
        stages = Stages()
        _run_four(paths[start : start + 4], folder, segmenter, stages)
        for name, seconds in stages.seconds.items():
            totals[name] = totals.get(name, 0.0) + seconds
    return totals


def _run_four(
    paths: list[Path], folder: Path, segmenter: segment.Segmenter, stages: Stages
) -> None:
    options = pipeline.ScoreOptions()
    photos = stages.time("reading", photo.read, paths)
    scales = stages.time("scale", lambda p: pipeline.scale_of(p, options), photos)
    usable = [found if isinstance(found, Scale) else None for found in scales]
    looks = zip(photos, usable, strict=True)
    answers: list[Segmentation] = stages.time(
        "network", lambda look: segmenter(look[0].pixels, pipeline.card_outline(look[1])), looks
    )
    kept = iter(answers)

    def figures(index: int) -> pipeline.Scored:
        return pipeline.measured(photos[index], next(kept), scales[index], options)

    scored = stages.time("figures and flags", figures, range(len(photos)))
    pictures = stages.time("drawing", lambda one: (drawn(one), sketch(one)), scored)

    def write(pair: tuple[int, tuple[bytes, Any]]) -> None:
        write_bytes(folder / f"{pair[0]}.jpg", pair[1][0])

    stages.time("writing", write, enumerate(pictures))


def time_batch(photos: Path, study: Path) -> tuple[float, float]:
    """Wall seconds and peak resident MB of the largest process of a whole run."""
    words = ["-m", "woundseg.cli", "batch", str(photos), "--out", str(study), "--quiet", "--json"]
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, *words], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) not in (0, 1):
        sys.exit(f"woundseg batch: exit status {os.waitstatus_to_exitcode(status)}")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def run(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        paths = draw_study(root / "photos", options.subjects, options.visits)
        wall_s, driver_mb = time_batch(root / "photos", root / "study")
        seconds = run_stages(paths, root)
    for name, value in seconds.items():
        print(f"{name:<20} {value:8.2f} s of the processor")
    ideal = sum(seconds.values()) / CORES
    ratio = wall_s / ideal
    print(f"{'half of them':<20} {ideal:8.2f} s")
    print(f"{'woundseg batch':<20} {wall_s:8.2f} s on the clock, {len(paths)} photographs")
    print(f"{'driver':<20} {driver_mb:8.0f} MB at most")
    kept = ratio <= LIMIT_ON_TWO_CORES
    print(f"ratio {ratio:.2f}, target at most {LIMIT_ON_TWO_CORES}: {'met' if kept else 'MISSED'}")
    return int(not kept)


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "batch",
        help="wall time of woundseg batch beside its stages' processor time",
        description="Draws a study of 12-megapixel photographs, times a whole run of woundseg batch"
        " with its start, then each stage alone. Run it with nothing else running, on two cores.",
    )
    parser.add_argument("--subjects", type=int, default=10)
    parser.add_argument("--visits", type=int, default=6)
    parser.set_defaults(run=run)

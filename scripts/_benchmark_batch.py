"""Wall time of ``woundseg batch`` against the processor time of its stages, each run alone."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import IO, Any, cast

import cv2

from woundseg import photo, pipeline, segment, visits
from woundseg.batch.alone import STORE
from woundseg.batch.follow import Following, follow
from woundseg.batch.one import drawn, sketch
from woundseg.batch.seen import in_order, seen
from woundseg.files import write_bytes
from woundseg.masks import Segmentation
from woundseg.match import MatchOptions
from woundseg.records import Scale
from woundseg.simulate.visits import BEDSIDE, Course, write_visits
from woundseg.store import Store
from woundseg.visits import VisitOptions

LIMIT_ON_TWO_CORES = 1.15
CORES = 2


def draw_study(folder: Path, subjects: int, visits: int) -> None:
    """Simulated subjects with photographs of 12 megapixels, each of one foot that heals."""
    ranges = replace(BEDSIDE, sensors=(0.0, 0.0, 0.0, 1.0))
    for number in range(subjects):
        write_visits(folder, Course(number, f"S{number:03d}", ranges=ranges), visits)


def draw_apart(folder: Path, subjects: int, visits: int) -> list[Path]:
    """In a process of its own: on Linux a child's peak memory counts what its parent held."""
    words = [str(folder), str(subjects), str(visits)]
    subprocess.run([sys.executable, __file__, *words], check=True)
    return sorted(folder.rglob("*.jpg"))


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
    known = zip(photos, answers, scales, strict=True)
    seen = stages.time(
        "colour and tissue",
        lambda one: pipeline.with_tissue(*one, options, segmenter.tissue),
        known,
    )
    scored = stages.time(
        "figures and flags",
        lambda one: pipeline.measured(*one, options),
        zip(photos, seen, strict=True),
    )
    pictures = stages.time("drawing", lambda one: (drawn(one), sketch(one)), scored)

    def write(pair: tuple[int, tuple[bytes, Any]]) -> None:
        write_bytes(folder / f"{pair[0]}.jpg", pair[1][0])

    stages.time("writing", write, enumerate(pictures))


def follow_alone(photos: Path, study: Path) -> float:
    """Processor seconds of following every subject's ulcers, from the study's store."""
    plan = visits.plan(photos, study, VisitOptions(), photo.captured_at)
    seconds = 0.0
    with Store.open(study / STORE) as kept:
        for _, refs in groupby(plan.photos, key=lambda ref: ref.subject):
            entries = [(ref, kept.current(ref.relative)) for ref in refs]
            shown = in_order([seen(ref, entry) for ref, entry in entries if entry])
            thumbnails = [kept.thumbnail(one.entry.thumbnail_sha256) for one in shown]
            following = Following(tuple(zip(thumbnails, shown, strict=True)), MatchOptions())
            begin = time.process_time()
            follow(following)
            seconds += time.process_time() - begin
    return seconds


@dataclass(frozen=True)
class Run:
    """A whole run on the clock: seconds from its start to the end of each part, and its memory."""

    measured_s: float
    followed_s: float
    end_s: float
    driver_mb: float


def time_batch(photos: Path, study: Path) -> Run:
    """Runs ``woundseg batch`` and reads from its progress when each part is over."""
    words = ["-m", "woundseg.cli", "batch", str(photos), "--out", str(study), "--json"]
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    told, at = b"", {b"following ulcers": 0.0, b"writing exports": 0.0}
    pipe = cast(IO[bytes], process.stderr)
    while more := os.read(pipe.fileno(), 65536):
        told += more
        for part, when in at.items():
            if not when and part in told:
                at[part] = time.perf_counter() - start
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) not in (0, 1):
        sys.exit(f"woundseg batch: exit status {os.waitstatus_to_exitcode(status)}")
    return Run(*at.values(), time.perf_counter() - start, usage.ru_maxrss / 1024)


def run(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        if options.photos is None:
            draw_apart(root / "photos", options.subjects, options.visits)
        photos = options.photos or root / "photos"
        timed = time_batch(photos, root / "study")
        seconds = run_stages(sorted(photos.rglob("*.jpg")), root)
        following_s = follow_alone(photos, root / "study")
        count = len(list(photos.rglob("*.jpg")))
    for name, value in seconds.items():
        print(f"{name:<28} {value:8.2f} s of the processor")
    print(f"{'following ulcers':<28} {following_s:8.2f} s of the processor")
    told = f"s on the clock, {count} photographs"
    print(f"{'all measured and written':<28} {timed.measured_s:8.2f} {told}")
    print(f"{'ulcers followed, tables':<28} {timed.followed_s:8.2f} s on the clock")
    print(f"{'report written, end':<28} {timed.end_s:8.2f} s on the clock")
    print(f"{'driver':<28} {timed.driver_mb:8.0f} MB at most")
    stages_s = sum(seconds.values())
    whole = timed.end_s * CORES / (stages_s + following_s)
    ratio = timed.measured_s * CORES / stages_s
    kept = ratio <= LIMIT_ON_TWO_CORES
    print(f"the whole run beside half of all stages, following too: {whole:.2f}")
    print(
        f"measuring, start included, beside half of reading to writing: {ratio:.2f}, target at "
        f"most {LIMIT_ON_TWO_CORES}: {'met' if kept else 'MISSED'}"
    )
    print(f"the whole run beside half of reading to writing: {timed.end_s * CORES / stages_s:.2f}")
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
    parser.add_argument("--photos", type=Path, help="a study drawn before (this script draws one)")
    parser.set_defaults(run=run)


if __name__ == "__main__":
    draw_study(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))

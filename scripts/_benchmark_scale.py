"""Area error of the scale, and of the whole way, on simulated views of known truth."""

from __future__ import annotations

import argparse
import csv
import json
import math
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from woundseg import scale
from woundseg.engines import Device
from woundseg.records import NotEvaluable
from woundseg.simulate import Scene, SceneSpec, ViewRanges, draw_view, render
from woundseg.simulate.camera import DIAGONAL_35MM

TARGETS = {
    "true outline": {"refused": 5.0, "median": 1.0, "p95": 3.0, "max": 10.0},
    "end to end": {"refused": 5.0, "flagged": 5.0, "median": 5.0},
}
"""Per cent; at most."""

OFFSET_MM = 5.0
PRINT_SCALE = 0.97
BOW_MM = 1.0


@dataclass(frozen=True)
class Answer:
    """What one view gave.

    ``outcome`` is "measured", "flagged: …" or "refused: …"; ``error_pct`` is the signed relative
    area error; ``covered`` says whether the truth lies in the 95% interval.
    """

    outcome: str
    error_pct: float | None = None
    covered: bool | None = None
    half_width_pct: float | None = None
    residual_px: float | None = None
    tilt_error_deg: float | None = None


@dataclass(frozen=True)
class Row:
    """One view: the conditions that it was drawn under, and the answer."""

    series: str
    view: int
    megapixels: float
    card: str
    tilt_deg: float
    distance_mm: float
    k1: float
    blur: float
    motion: float
    noise: float
    jpeg: int
    gradient: float
    exposure: float
    px_per_mm: float
    area_cm2: float
    answer: Answer


Measurer = Callable[[Scene, float | None], Answer]


def focal_from_exif(spec: SceneSpec) -> float:
    """Focal length in px as a reader of the file knows it: EXIF holds whole millimetres."""
    lens = spec.camera.lens
    return round(lens.focal_35mm) / DIAGONAL_35MM * math.hypot(lens.width, lens.height)


def shoelace_cm2(points_mm: NDArray[np.float64]) -> float:
    x, y = points_mm[:, 0], points_mm[:, 1]
    return abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))) / 200


def measure_true_outline(scene: Scene, card_line_mm: float | None) -> Answer:
    """The scale alone: the true outline in px, taken to the card's plane."""
    options = scale.ScaleOptions(card_line_mm=card_line_mm, focal_px=focal_from_exif(scene.spec))
    found = scale.find(scene.pixels, options)
    if isinstance(found, NotEvaluable):
        return Answer(f"refused: {found.reason}")
    (truth,) = scene.ulcers
    area = shoelace_cm2(scale.to_plane_mm(found, truth.outline_px))
    x, y = truth.outline_px.mean(axis=0)
    spread = 1.959964 * scale.log_area_sd_at(found, float(x), float(y))
    tilt = scene.spec.camera.pose.tilt_deg
    return Answer(
        "measured",
        100 * (area / truth.area_cm2 - 1),
        abs(math.log(area / truth.area_cm2)) <= spread,
        100 * math.expm1(spread),
        found.residual_px,
        None if found.tilt_deg is None else found.tilt_deg - tilt,
    )


def end_to_end(device: Device, weights: Path | None) -> Measurer:
    """The whole way, as ``woundseg score`` goes it, on the file's bytes."""
    from _benchmark_pipeline import measure_with

    return measure_with(device, weights)


def row(series: str, view: int, scene: Scene, answer: Answer) -> Row:
    spec = scene.spec
    lens, capture = spec.camera.lens, spec.capture
    megapixels = lens.width * lens.height / 1e6
    finer = math.sqrt(megapixels / 2)
    return Row(
        series=series,
        view=view,
        megapixels=round(megapixels, 1),
        card=spec.card.size if spec.card else "none",
        tilt_deg=spec.camera.pose.tilt_deg,
        distance_mm=spec.camera.pose.distance_mm,
        k1=lens.k1,
        blur=capture.blur_px / finer,
        motion=capture.motion_px / finer,
        noise=capture.shot / finer,
        jpeg=capture.jpeg_quality,
        gradient=capture.gradient,
        exposure=capture.exposure,
        px_per_mm=spec.camera.px_per_mm(spec.ulcers[0].outline.centre_mm),
        area_cm2=scene.ulcers[0].area_cm2,
        answer=answer,
    )


@dataclass(frozen=True)
class Series:
    """A set of views: how each drawn specification is changed, and what the user states."""

    name: str
    change: Callable[[SceneSpec, int], SceneSpec]
    share: float = 1.0
    card_line_mm: float | None = None


def _lift(spec: SceneSpec, view: int) -> SceneSpec:
    height = OFFSET_MM if view % 2 else -OFFSET_MM
    return replace(spec, card=replace(spec.card, height_mm=height)) if spec.card else spec


def _shrink(spec: SceneSpec, _view: int) -> SceneSpec:
    return replace(spec, card=replace(spec.card, print_scale=PRINT_SCALE)) if spec.card else spec


def _bow(spec: SceneSpec, view: int) -> SceneSpec:
    bow = BOW_MM if view % 2 else -BOW_MM
    return replace(spec, card=replace(spec.card, bow_mm=bow)) if spec.card else spec


ALL_SERIES = (
    Series("views", lambda spec, _view: spec),
    Series("card 5 mm above or below", _lift, 0.2),
    Series("card bowed by 1 mm", _bow, 0.2),
    Series("printed at 97%, line given", _shrink, 0.1, 100 * PRINT_SCALE),
)


def draw_specs(views: int, seed: int) -> list[SceneSpec]:
    """Each view from its own stream: view 7 is the same however many are drawn."""
    return [draw_view(np.random.default_rng((seed, view)), ViewRanges()) for view in range(views)]


def run_series(series: Series, specs: list[SceneSpec], measurers: dict[str, Measurer]) -> list[Row]:
    rows = []
    count = max(1, round(series.share * len(specs)))
    start = time.perf_counter()
    for view, spec in enumerate(specs[:count]):
        scene = render(series.change(spec, view))
        for name, measure in measurers.items():
            answer = measure(scene, series.card_line_mm)
            rows.append(row(f"{series.name} | {name}", view, scene, answer))
        if sys.stderr.isatty() or (view + 1) % 50 == 0:
            left = (time.perf_counter() - start) / (view + 1) * (count - view - 1)
            line = f"{series.name}: {view + 1}/{count}, {left:.0f} s left"
            print(line, end="\r" if sys.stderr.isatty() else "\n", file=sys.stderr, flush=True)
    return rows


# --- summing up ---------------------------------------------------------------------------


def summary(rows: Iterable[Row]) -> dict[str, float | int]:
    """Figures of one set of rows, in per cent."""
    rows = list(rows)
    total = max(1, len(rows))
    kept = [r.answer for r in rows if r.answer.outcome == "measured"]
    errors = np.array([a.error_pct for a in kept if a.error_pct is not None])
    size = np.abs(errors)
    return {
        "views": len(rows),
        "refused": 100 * sum(r.answer.outcome.startswith("refused") for r in rows) / total,
        "flagged": 100 * sum(r.answer.outcome.startswith("flagged") for r in rows) / total,
        "median": float(np.median(size)) if size.size else math.nan,
        "p95": float(np.percentile(size, 95)) if size.size else math.nan,
        "max": float(size.max()) if size.size else math.nan,
        "bias": float(np.median(errors)) if size.size else math.nan,
        "covered": 100 * float(np.mean([bool(a.covered) for a in kept])) if kept else math.nan,
        "half_width": float(np.median([a.half_width_pct or 0 for a in kept])) if kept else math.nan,
    }


CONDITIONS: tuple[tuple[str, Callable[[Row], str]], ...] = (
    ("card", lambda r: r.card),
    ("megapixels", lambda r: f"{r.megapixels:.1f}"),
    ("tilt", lambda r: _bin(r.tilt_deg, (10, 20), "°")),
    ("distance", lambda r: _bin(r.distance_mm, (280, 350), " mm")),
    ("|k1|", lambda r: _bin(abs(r.k1), (0.007, 0.014), "")),
    ("blur at 2 MP", lambda r: _bin(r.blur, (0.87, 1.23), " px")),
    ("motion at 2 MP", lambda r: _bin(r.motion, (1, 2), " px")),
    ("noise at 2 MP", lambda r: _bin(r.noise, (0.009, 0.015), "")),
    ("JPEG", lambda r: _bin(r.jpeg, (72, 84), "")),
    ("uneven light", lambda r: _bin(r.gradient, (0.13, 0.27), "")),
    ("exposure", lambda r: _bin(r.exposure, (0.75, 0.9), "")),
)


def _bin(value: float, limits: tuple[float, float], unit: str) -> str:
    low, high = limits
    if value < low:
        return f"< {low}{unit}"
    return f"{low}–{high}{unit}" if value < high else f"≥ {high}{unit}"


HEADER = (
    f"{'':44}{'views':>6}{'refused':>9}{'flagged':>9}{'median':>8}{'p95':>8}{'max':>8}"
    f"{'bias':>8}{'covered':>9}{'±95%':>7}"
)


def line(name: str, figures: dict[str, float | int]) -> str:
    f = figures
    return (
        f"{name:44}{f['views']:6d}{f['refused']:8.1f}%{f['flagged']:8.1f}%{f['median']:7.2f}%"
        f"{f['p95']:7.2f}%{f['max']:7.2f}%{f['bias']:+7.2f}%{f['covered']:8.1f}%"
        f"{f['half_width']:6.1f}%"
    )


def verdicts(name: str, figures: dict[str, float | int]) -> list[str]:
    limits = next((v for key, v in TARGETS.items() if name.endswith(key)), {})
    return [
        f"  {key}: {figures[key]:.2f}%, target at most {limit:g}%: "
        f"{'met' if figures[key] <= limit else 'MISSED'}"
        for key, limit in limits.items()
    ]


def report(rows: list[Row], *, breakdown: bool) -> str:
    names = list(dict.fromkeys(r.series for r in rows))
    sets = {name: [r for r in rows if r.series == name] for name in names}
    lines = [HEADER, *(line(name, summary(sets[name])) for name in names)]
    for name in (n for n in names if n.startswith("views")):
        lines += ["", f"{name}: targets", *verdicts(name, summary(sets[name]))]
        lines += _other_outcomes(sets[name])
        if breakdown:
            lines += ["", HEADER, *_breakdown(sets[name])]
    return "\n".join(lines)


def _other_outcomes(rows: list[Row]) -> list[str]:
    outcomes = [r.answer.outcome for r in rows if r.answer.outcome != "measured"]
    return [f"  {outcomes.count(o)} × {o}" for o in sorted(set(outcomes))]


def _breakdown(rows: list[Row]) -> list[str]:
    lines = []
    for condition, label in CONDITIONS:
        groups: dict[str, list[Row]] = {}
        for r in rows:
            groups.setdefault(label(r), []).append(r)
        order = {"<": 0, "≥": 2}
        ordered = sorted(groups, key=lambda g: (order.get(g[0], 1), g))
        lines += [line(f"{condition} {group}", summary(groups[group])) for group in ordered]
    return lines


def write_csv(path: Path, rows: list[Row]) -> None:
    flat = [{**asdict(r), "answer": ""} | asdict(r.answer) for r in rows]
    for entry in flat:
        del entry["answer"]
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(flat[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(flat)


# --- the command --------------------------------------------------------------------------


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "scale",
        help="area error over seeded simulated views",
        description="Draws seeded views of ulcers of known area with the scale card, measures them"
        " with the true outline (and with the network), and prints errors in per cent.",
    )
    parser.add_argument("--views", type=int, default=500, help="views drawn (default 500)")
    parser.add_argument("--seed", type=int, default=1, help="of the views (default 1)")
    parser.add_argument("--end-to-end", action="store_true", help="with the network as well")
    parser.add_argument(
        "--device", default="cpu", choices=get_args(Device), help="for --end-to-end (default cpu)"
    )
    parser.add_argument("--weights", type=Path, help="for --end-to-end: other weights (ONNX)")
    parser.add_argument("--csv", type=Path, help="write a row for each view")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Exit status 0 when every target is met, 1 when one is missed."""
    measurers: dict[str, Measurer] = {"true outline": measure_true_outline}
    if options.end_to_end:
        measurers["end to end"] = end_to_end(options.device, options.weights)
    specs = draw_specs(options.views, options.seed)
    rows = [r for series in ALL_SERIES for r in run_series(series, specs, measurers)]
    if options.csv:
        write_csv(options.csv, rows)
    names = dict.fromkeys(r.series for r in rows)
    sums = {name: summary(r for r in rows if r.series == name) for name in names}
    print(json.dumps(sums, indent=2) if options.json else report(rows, breakdown=True))
    missed = [v for name, s in sums.items() if name.startswith("views") for v in verdicts(name, s)]
    return int(any("MISSED" in verdict for verdict in missed))

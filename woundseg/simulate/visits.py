"""One subject's visits: the same foot, an ulcer that heals, a photograph each time."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path

import numpy as np

from woundseg.classes import TISSUE_NAMES, TISSUES
from woundseg.files import make_folder, write_bytes, write_text
from woundseg.simulate.camera import Camera
from woundseg.simulate.foot import Foot
from woundseg.simulate.outline import Outline
from woundseg.simulate.scene import CardPlace, Scene, SceneSpec, render
from woundseg.simulate.ulcer import UlcerLook
from woundseg.simulate.views import (
    ViewRanges,
    aim,
    draw_camera,
    draw_capture,
    draw_ulcer,
    place_card,
)

VISIT_DAYS: tuple[int, ...] = (0, 14, 28, 56, 84, 112, 140, 183)
"""Days of the visits: baseline, then the target days of the default protocol's schedule."""

BEDSIDE = ViewRanges(
    tilt_deg=(2.0, 18.0),
    distance_mm=(270.0, 330.0),
    focal_35mm=(26.0, 28.0),
    k1=(-0.01, 0.01),
    k2=(0.0, 0.0),
    off_centre=(-0.005, 0.005),
    blur_px=(0.5, 0.8),
    motion_px=(0.0, 0.8),
    shot=(0.004, 0.008),
    exposure=(0.85, 1.0),
    gradient=(0.05, 0.2),
    vignette=(0.05, 0.2),
    white_balance=(0.96, 1.04),
    jpeg_quality=(88, 94),
    sensors=(0.0, 0.0, 1.0, 0.0),
)
"""A photograph taken with some care."""

FRAMED_CM2 = 60.0
"""The photograph shows a disc of this area around the ulcer."""

TRUTH_COLUMNS = (
    "path", "subject", "visit", "date", "ulcer",
    "area_cm2", "perimeter_cm", "length_cm", "width_cm", *TISSUE_NAMES,
)  # fmt: skip


@dataclass(frozen=True)
class Healing:
    """A healing curve: area · 2^(−day / half_time_days), and 0 below ``closed_below_cm2``."""

    start_cm2: float = 8.0
    half_time_days: float = 20.0
    closed_below_cm2: float = 0.2

    def area_cm2(self, day: float) -> float:
        """The area on a day; 0 is closed."""
        area = self.start_cm2 * 0.5 ** (day / self.half_time_days)
        return float(area) if area >= self.closed_below_cm2 else 0.0


@dataclass(frozen=True)
class Course:
    """Who is drawn, and how the ulcer goes.

    Attributes:
        seed: of everything.
        subject: name, used in paths.
        start: date of the first visit.
        healing: the curve.
        ranges: what the photographs are drawn from.
    """

    seed: int = 1
    subject: str = "S01"
    start: date = date(2025, 1, 6)
    healing: Healing = Healing()
    ranges: ViewRanges = BEDSIDE


@dataclass(frozen=True)
class Visit:
    """One visit: when, where its photograph belongs, and what is drawn."""

    name: str
    on: date
    path: str
    spec: SceneSpec


def draw_visits(course: Course, count: int = 6) -> list[Visit]:
    """The visits of one subject, not yet rendered.

    Args:
        course: who, and how the ulcer heals.
        count: 1 to 8 visits, on the first of ``VISIT_DAYS``.

    Returns:
        Visits in order; a closed ulcer is drawn as a scar and is not among the truth.
    """
    rng = np.random.default_rng((course.seed, 1))
    foot = Foot(
        seed=int(rng.integers(2**31)),
        tone=float(rng.uniform(0.3, 3.5)),
        left=bool(rng.random() < 0.5),
    )
    first = draw_ulcer(rng, foot.sites_mm()[0], course.healing.start_cm2)
    first = replace(first, slough=0.22, necrosis=0.0)
    visits = []
    for index, day in enumerate(VISIT_DAYS[:count]):
        name, on = f"V{index + 1}", course.start + timedelta(days=day)
        own = np.random.default_rng((course.seed, 2, index))
        spec = _draw_visit(own, course, foot, _healed(first, course.healing, day))
        spec = replace(spec, taken_at=datetime.combine(on, time(9, 30 + index)))
        visits.append(Visit(name, on, f"{course.subject}/{name}_{on.isoformat()}/photo.jpg", spec))
    return visits


def _healed(first: UlcerLook, healing: Healing, day: float) -> UlcerLook:
    """The ulcer on a day: smaller, its rim calmer, its bed cleaner."""
    area = healing.area_cm2(day)
    share = (area / healing.start_cm2) ** 0.5
    return replace(
        first,
        outline=first.outline.of_area(area),
        slough=first.slough * share,
        callus_mm=0.6 + (first.callus_mm - 0.6) * share if first.callus_mm > 0.6 else 0.6,
        flush=first.flush * (0.3 + 0.7 * share),
    )


def _draw_visit(rng: np.random.Generator, course: Course, foot: Foot, look: UlcerLook) -> SceneSpec:
    open_now = look.outline.area_cm2 > 0
    shown = look if open_now else replace(look, outline=look.outline.of_area(0.6))
    angle = float(rng.choice([0.0, 90.0, 180.0, 270.0]) + rng.normal(0, 8))
    card = place_card(rng, foot, shown, CardPlace(shown.outline.centre_mm, angle))
    camera = draw_camera(rng, course.ranges)
    upright = replace(camera.pose, roll_deg=float(rng.normal(0, 9)))
    # Frame the skin around the ulcer too, however small it has become.
    around = replace(shown, outline=Outline(shown.outline.centre_mm, FRAMED_CM2))
    camera = aim(Camera(camera.lens, upright), around, card)
    return SceneSpec(
        camera=camera,
        foot=foot,
        ulcers=(look,) if open_now else (),
        scars=() if open_now else (shown,),
        card=card,
        capture=draw_capture(rng, course.ranges, camera.lens),
        cloth="blue",
        light_deg=float(rng.uniform(-150, -60)),
        seed=int(rng.integers(2**31)),
    )


def write_visits(folder: Path, course: Course | None = None, count: int = 6) -> list[Path]:
    """Draws a subject's photographs, and ``truth.csv`` beside them.

    Args:
        folder: made if needed; photographs go into ``<subject>/<visit>_<date>/photo.jpg``.
        course: who, and how the ulcer heals.
        count: 1 to 8 visits.

    Returns:
        The photographs, in order of time.

    Raises:
        OutputError: a file cannot be written.
    """
    rows: list[tuple[str | float, ...]] = []
    paths = []
    course = course or Course()
    for visit in draw_visits(course, count):
        scene = render(visit.spec)
        path = folder / visit.path
        make_folder(path.parent)
        write_bytes(path, scene.jpeg)
        paths.append(path)
        where = (visit.path, course.subject, visit.name, visit.on.isoformat(), "u1")
        rows.append((*where, *_true_figures(scene), *_true_fractions(scene)))
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(TRUTH_COLUMNS)
    writer.writerows(rows)
    write_text(folder / "truth.csv", stream.getvalue())
    return paths


def _true_fractions(scene: Scene) -> list[float | str]:
    """Shares of the bed's pixels by tissue; blank when the ulcer has closed."""
    counts = [int((scene.tissue == tissue.id).sum()) for tissue in TISSUES]
    bed = sum(counts)
    return [round(count / bed, 4) if bed else "" for count in counts]


def _true_figures(scene: Scene) -> tuple[float, float, float, float]:
    """Area, perimeter, length and width of the ulcer; zeros when it has closed."""
    if not scene.ulcers:
        return 0.0, 0.0, 0.0, 0.0
    (ulcer,) = scene.ulcers
    return (
        round(ulcer.area_cm2, 6),
        round(ulcer.perimeter_cm, 6),
        round(ulcer.length_cm, 6),
        round(ulcer.width_cm, 6),
    )

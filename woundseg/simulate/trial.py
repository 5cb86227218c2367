"""A simulated trial: tables of visits and subjects drawn from stated healing curves.

No patient stands behind a row. The tables show what ``woundseg endpoint`` does with a whole
study; their rates say nothing of any treatment.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from woundseg.files import make_folder, write_text

PLANNED: tuple[tuple[str, int], ...] = (
    ("W2", 14), ("W4", 28), ("W8", 56), ("W12", 84), ("W16", 112), ("W20", 140), ("M6", 183),
    ("M9", 274), ("M12", 365), ("M18", 548), ("M24", 731), ("M36", 1096), ("M48", 1461),
    ("M60", 1826),
)  # fmt: skip
"""Names and days of the visits, those of the default protocol's schedule."""

VISIT_COLUMNS = (
    "subject", "visit", "date", "ulcer", "area_cm2", "area_sd", "evaluable", "closed",
    "perimeter_cm",
)  # fmt: skip
SUBJECT_COLUMNS = (
    "subject", "trt_start", "rescue_date", "amputation_date", "death_date", "eos_date",
    "eos_reason",
)  # fmt: skip

CLOSED_BELOW_CM2 = 0.15
NOBODY = 10**6
"""A day that never comes."""


@dataclass(frozen=True)
class Curve:
    """One kind of healing: area(day) = start · 2^(−day / half time), 0 below 0.15 cm².

    Attributes:
        name: of the kind.
        share: of the subjects, in the mean.
        half_days: range of the half time; negative doubles the area in that time.
        reopens_days: mean time after closure until the skin breaks again (exponential).
    """

    name: str
    share: float
    half_days: tuple[float, float]
    reopens_days: float = 650.0


CURVES: tuple[Curve, ...] = (
    Curve("closes early", 0.28, (13.0, 26.0)),
    Curve("closes late", 0.20, (30.0, 70.0)),
    Curve("stays", 0.28, (220.0, 2000.0)),
    Curve("grows", 0.24, (-220.0, -70.0)),
)
"""The stated healing curves."""


@dataclass(frozen=True)
class TrialSpec:
    """Who is drawn.

    Attributes:
        seed: of everything.
        subjects: how many.
        first_dose: date of the first subject's first dose; the others follow within two years.
        data_cut: visits after this date have not happened yet.
        area_cv: standard deviation of ln(measured / true area).
        missed: share of visits that did not take place.
        not_evaluable: share of photographs that cannot be measured.
        leaves_days: mean time to withdrawal or loss (exponential).
    """

    seed: int = 20240601
    subjects: int = 50
    first_dose: date = date(2019, 1, 14)
    data_cut: date = date(2024, 6, 28)
    area_cv: float = 0.05
    missed: float = 0.05
    not_evaluable: float = 0.03
    leaves_days: float = 2200.0


@dataclass(frozen=True)
class _Fate:
    """One subject's course, in days after the first dose."""

    curve: Curve
    start_cm2: float
    half_days: float
    reopens_after: float
    reopened_cm2: float
    rescue: int
    amputation: int
    death: int
    leaves: int

    def area_cm2(self, day: float) -> float:
        """True area on a day; 0 is closed."""
        area = float(self.start_cm2 * 0.5 ** (day / self.half_days))
        if area >= CLOSED_BELOW_CM2:
            return area
        closes = self.half_days * float(np.log2(self.start_cm2 / CLOSED_BELOW_CM2))
        again = day - closes - self.reopens_after
        if again < 0.0:
            return 0.0
        area = float(self.reopened_cm2 * 0.5 ** (again / (4.0 * self.half_days)))
        return area if area >= CLOSED_BELOW_CM2 else 0.0

    @property
    def ends(self) -> int:
        """No visit after this day."""
        return min(self.leaves, self.death)


def _fate(random: np.random.Generator, spec: TrialSpec) -> _Fate:
    shares = np.array([curve.share for curve in CURVES])
    curve = CURVES[int(random.choice(len(CURVES), p=shares / shares.sum()))]
    rescue = amputation = NOBODY
    if curve.name == "grows":
        rescue = int(random.integers(100, 400)) if random.random() < 0.5 else NOBODY
        amputation = int(random.integers(120, 600)) if random.random() < 0.3 else NOBODY
    return _Fate(
        curve=curve,
        start_cm2=float(np.clip(random.lognormal(np.log(3.2), 0.75), 0.4, 20.0)),
        half_days=float(random.uniform(*curve.half_days)),
        reopens_after=float(random.exponential(curve.reopens_days)),
        reopened_cm2=float(random.uniform(0.5, 1.6)),
        rescue=rescue,
        amputation=amputation,
        death=int(random.exponential(9000.0)) + 20,
        leaves=int(random.exponential(spec.leaves_days)) + 10,
    )


def draw_trial(spec: TrialSpec | None = None) -> tuple[list[list[str]], list[list[str]]]:
    """The rows of visits.csv and of subjects.csv, as text; the same spec gives the same rows."""
    spec = TrialSpec() if spec is None else spec
    random = np.random.default_rng(spec.seed)
    visits: list[list[str]] = []
    subjects: list[list[str]] = []
    for number in range(1, spec.subjects + 1):
        name = f"S{number:0{max(3, len(str(spec.subjects)))}d}"
        fate = _fate(random, spec)
        start = spec.first_dose + timedelta(days=int(random.integers(0, 730)))
        visits += [[name, *row] for row in _visits(random, fate, start, spec)]
        subjects.append([name, *_subject(fate, start, spec)])
    return visits, subjects


def _visits(
    random: np.random.Generator, fate: _Fate, start: date, spec: TrialSpec
) -> Iterable[list[str]]:
    days = [("BASELINE", -int(random.integers(0, 5)))]
    days += [(visit, day + int(random.integers(-3, 4))) for visit, day in PLANNED]
    for visit, day in days:
        missed, spoilt = random.random() < spec.missed, random.random() < spec.not_evaluable
        error = float(np.exp(spec.area_cv * random.standard_normal()))
        drift = float(np.exp(0.03 * random.standard_normal()))
        when = start + timedelta(days=day)
        if day > 0 and (missed or day > fate.ends or when > spec.data_cut):
            continue
        yield [visit, when.isoformat(), "u1", *_cells(fate, day, error * drift, spoilt and day > 0)]


def _cells(fate: _Fate, day: int, error: float, spoilt: bool) -> list[str]:
    """area_cm2, area_sd, evaluable, closed, perimeter_cm."""
    if spoilt:
        return ["", "", "N", "", ""]
    area = round(fate.area_cm2(max(day, 0)) * error, 3)
    if area == 0.0:
        return ["0", "0", "Y", "Y", "0"]
    rim = 1.12 * 2.0 * float(np.sqrt(np.pi * area))  # 12 % longer than a circle's
    return [f"{area:.3f}", f"{0.05 * area:.4f}", "Y", "N", f"{rim:.2f}"]


def _subject(fate: _Fate, start: date, spec: TrialSpec) -> list[str]:
    """The columns of subjects.csv after the first; what comes after the data cut is unknown."""

    def on(day: int) -> str:
        known = day <= fate.ends and start + timedelta(days=day) <= spec.data_cut
        return (start + timedelta(days=day)).isoformat() if known else ""

    left = on(fate.leaves) if fate.leaves < PLANNED[-1][1] else ""
    return [
        start.isoformat(),
        on(fate.rescue),
        on(fate.amputation),
        on(fate.death),
        left,
        "WITHDRAWN OR LOST" if left else "",
    ]


def write_trial(folder: Path, spec: TrialSpec | None = None) -> tuple[Path, Path]:
    """Writes ``folder/visits.csv`` and ``folder/subjects.csv``; gives their paths.

    Raises:
        OutputError: one of them cannot be written.
    """
    visits, subjects = draw_trial(spec)
    make_folder(folder)
    paths = folder / "visits.csv", folder / "subjects.csv"
    for path, header, rows in zip(
        paths, (VISIT_COLUMNS, SUBJECT_COLUMNS), (visits, subjects), strict=True
    ):
        write_text(path, _table(header, rows))
    return paths


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return stream.getvalue()

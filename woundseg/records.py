"""What travels between the rooms, and the one table of figures with unit and meaning.

Coordinates: a pixel position is ``(x, y)`` (column, row), counted from 0, and whole numbers
are pixel *centres*, so pixel (0, 0) covers −0.5 to 0.5. Plane positions are ``(X, Y)`` in mm.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION = "1.0"
DEFAULT_MIN_ULCER_CM2 = 0.05

Matrix3 = tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]
Severity = Literal["note", "warning", "reject"]
ScaleSource = Literal["card", "marker", "given", "none"]


class Figure(BaseModel):
    """A measured figure: its column name, unit and meaning."""

    model_config = ConfigDict(frozen=True)
    name: str
    unit: str
    meaning: str


FIGURES: dict[str, Figure] = {
    figure.name: figure
    for figure in (
        Figure(name="area_cm2", unit="cm²", meaning="area in the card's plane, islands subtracted"),
        Figure(name="area_sd", unit="cm²", meaning="standard deviation of the area"),
        Figure(name="area_cm2_low", unit="cm²", meaning="lower end of the 95% interval"),
        Figure(name="area_cm2_high", unit="cm²", meaning="upper end of the 95% interval"),
        Figure(name="perimeter_cm", unit="cm", meaning="length of the outline, islands' included"),
        Figure(name="length_cm", unit="cm", meaning="longest axis"),
        Figure(name="width_cm", unit="cm", meaning="widest extent at right angles to the length"),
        Figure(name="area_px", unit="px", meaning="area in pixels of the photograph"),
        Figure(name="granulation", unit="fraction", meaning="share of the bed: granulation"),
        Figure(name="slough", unit="fraction", meaning="share of the bed: slough (fibrin)"),
        Figure(name="necrosis", unit="fraction", meaning="share of the bed: necrosis (eschar)"),
        Figure(name="other", unit="fraction", meaning="share of the bed: what cannot be called"),
        Figure(name="mm_per_px", unit="mm", meaning="root of the area of a pixel at the ulcer"),
        Figure(name="tilt_deg", unit="°", meaning="camera axis to the normal of the card's plane"),
        Figure(name="residual_px", unit="px", meaning="root mean square misfit of the markers"),
    )
}


def _figure(name: str) -> str:
    figure = FIGURES[name]
    return f"{figure.meaning} [{figure.unit}]"


class Reason(StrEnum):
    """Why something could not be measured: the closed list."""

    UNREADABLE = "unreadable"
    SCALE_NOT_FOUND = "scale_not_found"
    SCALE_DISAGREES = "scale_disagrees"
    SCALE_TILTED = "scale_tilted"
    SCALE_CUT = "scale_cut"
    SCALE_SMALL = "scale_small"
    TOO_DARK = "too_dark"
    TOO_BRIGHT = "too_bright"
    BLURRED = "blurred"
    NO_SKIN = "no_skin"


@dataclass(frozen=True)
class NotEvaluable:
    """Something that cannot be measured: why, and what a nurse can do about it."""

    reason: Reason
    advice: str


@dataclass(frozen=True)
class PhotoRef:
    """One photograph of a study: the file, and who, which visit and when."""

    path: Path
    subject: str
    visit: str
    date: date
    ulcer: str | None = None


@dataclass(frozen=True)
class Scale:
    """From pixels to millimetres on the card's plane.

    Attributes:
        source: what the scale was taken from.
        px_to_mm: homography: (x, y, 1) in px to (X, Y, W), mm after division by W. It holds for
            positions straightened by ``radial``; ``scale.to_plane_mm`` does both.
        covariance: 8 by 8, of the first eight entries of ``px_to_mm`` row by row (the ninth is
            1); None when the homography was given.
        tilt_deg: angle between the camera's axis and the normal of the card's plane.
        residual_px: root mean square distance between found and fitted marker corners.
        distance_mm: camera to card; None when unknown.
        corners_px: the marker corners used, (x, y), for drawing and for distances.
        verified: the print's own size was checked (``--card-line-mm``, a measured marker side).
        radial: lens distortion as (cx, cy, kappa), px and px⁻²: a straight position at r from
            (cx, cy) is seen at r (1 + kappa r²) from it; None when it is not known.
    """

    source: Literal["card", "marker", "given"]
    px_to_mm: Matrix3
    covariance: tuple[tuple[float, ...], ...] | None = None
    tilt_deg: float | None = None
    residual_px: float | None = None
    distance_mm: float | None = None
    corners_px: tuple[tuple[float, float], ...] = ()
    verified: bool = True
    radial: tuple[float, float, float] | None = None


class Model(BaseModel):
    """Base of the parts of the score record: closed, immutable."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


Fraction = Annotated[float, Field(ge=0.0, le=1.0)]


class PhotoFacts(Model):
    """The photograph that was measured."""

    path: str
    sha256: str
    width: int = Field(description="after orientation [px]")
    height: int = Field(description="after orientation [px]")
    captured_at: str | None = Field(description="ISO 8601, from the file; null when it has none")


class ScaleFacts(Model):
    """Where the scale came from and how good it is."""

    source: ScaleSource
    mm_per_px: float | None = Field(description=_figure("mm_per_px"))
    tilt_deg: float | None = Field(description=_figure("tilt_deg"))
    residual_px: float | None = Field(description=_figure("residual_px"))


class ColourFacts(Model):
    """Where white balance came from."""

    source: Literal["card", "estimate", "none"]
    residual_de2000: float | None = Field(
        description="CIEDE2000 left after correction; null without measured patch values"
    )


class TissueFractions(Model):
    """Shares of the ulcer bed; they sum to 1."""

    granulation: Fraction
    slough: Fraction
    necrosis: Fraction
    other: Fraction


class UlcerFigures(Model):
    """The figures of one ulcer, or of all together. Null is "not measured", never zero."""

    area_cm2: float | None = Field(description=_figure("area_cm2"))
    area_sd: float | None = Field(description=_figure("area_sd"))
    area_cm2_low: float | None = Field(description=_figure("area_cm2_low"))
    area_cm2_high: float | None = Field(description=_figure("area_cm2_high"))
    perimeter_cm: float | None = Field(description=_figure("perimeter_cm"))
    length_cm: float | None = Field(description=_figure("length_cm"))
    width_cm: float | None = Field(description=_figure("width_cm"))
    area_px: int | None = Field(description=_figure("area_px"))
    bbox_px: tuple[int, int, int, int] | None = Field(description="x, y, width, height [px]")
    tissue: TissueFractions | None
    tissue_low: TissueFractions | None = Field(description="lower ends of the 95% intervals")
    tissue_high: TissueFractions | None = Field(description="upper ends of the 95% intervals")


class Ulcer(UlcerFigures):
    """One ulcer: ``u1`` is the largest."""

    id: str


class CategoryProbability(Model):
    """Probability of each category under the measurement error of both areas."""

    CR: Fraction
    PR: Fraction
    SD: Fraction
    PD: Fraction


class ResponseFacts(Model):
    """This visit against the baseline; always unconfirmed."""

    baseline_cm2: float | None
    percent_change: float | None
    percent_change_low: float | None
    percent_change_high: float | None
    category: Literal["response", "stable", "progression", "not_evaluable"]
    code: Literal["CR", "PR", "SD", "PD", "NE"]
    reason: str
    borderline: Literal["borderline_pr", "borderline_pd"] | None
    probability: CategoryProbability | None


class QualityFlag(Model):
    """One thing to know about the photograph, with advice a nurse can act on."""

    code: str
    severity: Severity
    advice: str


class Quality(Model):
    """Whether the photograph can be measured, and what to know about it."""

    measurable: bool
    flags: tuple[QualityFlag, ...]


class Settings(Model):
    """What was in force."""

    min_ulcer_cm2: float
    min_ulcer_px: int
    card_line_mm: float | None = None
    marker_mm: float | None = None
    marker_dict: str | None = None
    mm_per_px: float | None = None
    require_scale: bool = False
    threshold: Fraction = 0.5


class ModelFacts(Model):
    """The weights and what they ran on."""

    name: str
    version: str
    sha256: str
    device: str
    precision: str


class ScoreRecord(Model):
    """All that woundseg knows of one photograph (``woundseg score --json``)."""

    schema_version: str = SCHEMA_VERSION
    software: str
    photo: PhotoFacts
    scale: ScaleFacts
    colour: ColourFacts
    ulcers: tuple[Ulcer, ...]
    total: UlcerFigures
    response: ResponseFacts | None = None
    quality: Quality
    settings: Settings
    model: ModelFacts

"""What travels between the rooms, and the one table of figures with unit and meaning.

Coordinates: a pixel position is ``(x, y)`` (column, row), counted from 0, and whole numbers
are pixel *centres*, so pixel (0, 0) covers −0.5 to 0.5. Plane positions are ``(X, Y)`` in mm.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

SCHEMA_VERSION = "1.0"
DEFAULT_MIN_ULCER_CM2 = 0.05

Matrix3 = tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]
Severity = Literal["note", "warning", "reject"]
ScaleSource = Literal["card", "marker", "given", "none"]
YesNo = Literal["Y", "N", ""]

LEAST_TOLD = 0.005
"""A smaller share would be told as 0%."""


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

VISIT_COLUMNS: dict[str, Figure] = {
    figure.name: figure
    for figure in (
        Figure(name="subject", unit="", meaning="who, as the manifest or the path says"),
        Figure(name="visit", unit="", meaning="name of the visit"),
        Figure(name="date", unit="", meaning="of the visit, ISO 8601"),
        Figure(name="seq", unit="", meaning="order within the visit: capture time, then path"),
        Figure(name="ulcer", unit="", meaning="the ulcer's name, the same at every visit"),
        Figure(name="path", unit="", meaning="photograph, below the folder of photographs"),
        Figure(name="evaluable", unit="", meaning="Y, or N where nothing can be said of it"),
        *(FIGURES[name] for name in ("area_cm2", "area_sd", "area_cm2_low", "area_cm2_high")),
        *(FIGURES[name] for name in ("perimeter_cm", "length_cm", "width_cm")),
        *(FIGURES[name] for name in ("granulation", "slough", "necrosis", "other")),
        Figure(name="calibrated", unit="", meaning="Y where there is a scale, else N"),
        Figure(name="scale", unit="", meaning="the scale's source: card, marker, given, none"),
        FIGURES["mm_per_px"],
        Figure(name="flags", unit="", meaning="codes of the flags, joined by ;"),
        Figure(name="model", unit="", meaning="name and version of the weights, precision"),
        Figure(name="sha256", unit="", meaning="of the photograph's file"),
        Figure(name="closed", unit="", meaning="a person's word (manifest, correct): Y or N"),
        Figure(name="debrided", unit="", meaning="after debridement (manifest): Y or N"),
        Figure(name="target", unit="", meaning="the index ulcer (manifest): Y or N"),
        Figure(name="lower_bound", unit="", meaning="Y where the frame cuts the ulcer: at least"),
        Figure(
            name="reading_status",
            unit="",
            meaning="machine, waiting (for a person), read (by a person) or adjudicated",
        ),
        Figure(name="reader", unit="", meaning="the person who read the photograph; blank: none"),
    )
}
"""The columns of visits.csv in their order; they are the fields of ``VisitRow``."""


def _figure(name: str) -> str:
    figure = FIGURES[name]
    return f"{figure.meaning} [{figure.unit}]"


ReadingStatus = Literal["machine", "waiting", "read", "adjudicated"]

PUT_TO_A_PERSON = frozenset(
    {"ulcer_unsure", "possible_ulcer", "closed_unsure", "match_unsure", "implausible"}
)
"""Flags that leave a row to a person: it is ``waiting`` until somebody has read it."""


class Reason(StrEnum):
    """Why something could not be measured: the closed list."""

    UNREADABLE = "unreadable"
    SCALE_NOT_FOUND = "scale_not_found"
    SCALE_DISAGREES = "scale_disagrees"
    SCALE_TILTED = "scale_tilted"
    SCALE_CUT = "scale_cut"
    SCALE_SMALL = "scale_small"
    MIRRORED = "mirrored"
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
class Given:
    """What people, not photographs, say of a visit: the manifest's further columns.

    Attributes:
        evaluable: Y or N; blank leaves it to the photograph.
        mm_per_px: scale of this photograph, known otherwise.
        card_line_mm: what the 100 mm line of the card on this photograph measures in print.
        closed: the clinician's word that the ulcer is closed, Y or N.
        debrided: the photograph was taken after debridement, Y or N.
        target: this is the index ulcer, Y or N.
    """

    evaluable: YesNo = ""
    mm_per_px: float | None = None
    card_line_mm: float | None = None
    closed: YesNo = ""
    debrided: YesNo = ""
    target: YesNo = ""


@dataclass(frozen=True)
class Doubt:
    """Something about a photograph's visit that a person should look at.

    Attributes:
        code: of the flag in its rows.
        told: what is doubtful, on one line.
        advice: what to do; an imperative sentence.
    """

    code: str
    told: str
    advice: str


@dataclass(frozen=True)
class PhotoRef:
    """One photograph of a study: the file, and who, which visit and when.

    Attributes:
        path: the file.
        relative: its path below the folder of photographs, with ``/``.
        subject, visit, date: as the manifest or the path says.
        ulcer: a person's name for the ulcer shown (manifest, ``--names``); None leaves it to
            matching.
        dated_by: where subject, visit and date were taken from.
        given: what else the manifest says.
        doubts: about its visit and date, as the plan has them.
    """

    path: Path
    relative: str
    subject: str
    visit: str
    date: date
    ulcer: str | None = None
    dated_by: Literal["manifest", "path", "exif"] = "path"
    given: Given = Given()
    doubts: tuple[Doubt, ...] = ()


@dataclass(frozen=True, eq=False)
class Sketch:
    """What a study keeps of a photograph, to follow its ulcers and to draw its report.

    Attributes:
        thumbnail: JPEG, upright sRGB, without EXIF, at most 800 px long.
        thumb_px_per_px: pixels of the thumbnail for each pixel of the photograph.
        outlines: of each ulcer of the record, in its order, its closed outlines in pixels of the
            photograph, (x, y): the outer one first, islands of skin after it.
        hidden: convex outline of the card or marker, (x, y) px of the photograph; empty without.
    """

    thumbnail: bytes
    thumb_px_per_px: float
    outlines: tuple[tuple[tuple[tuple[float, float], ...], ...], ...]
    hidden: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Failure:
    """A row of failures.csv: a file that was not placed or not measured, why, what to do.

    Attributes:
        path: relative to the folder of photographs, with ``/``.
        stage: ``plan``, ``read``, ``measure`` or ``match``.
        error: what is wrong, on one line.
        advice: what to do; an imperative sentence.
    """

    path: str
    stage: str
    error: str
    advice: str


FAILURE_COLUMNS = ("path", "stage", "error", "advice")


@dataclass(frozen=True)
class VisitRow:
    """A row of visits.csv: one photograph and one ulcer. None is blank: not measured, never 0.

    The fields are the columns, in their order; ``VISIT_COLUMNS`` says what each means.
    """

    subject: str
    visit: str
    date: date
    seq: int
    ulcer: str
    path: str
    evaluable: YesNo
    area_cm2: float | None = None
    area_sd: float | None = None
    area_cm2_low: float | None = None
    area_cm2_high: float | None = None
    perimeter_cm: float | None = None
    length_cm: float | None = None
    width_cm: float | None = None
    granulation: float | None = None
    slough: float | None = None
    necrosis: float | None = None
    other: float | None = None
    calibrated: YesNo = ""
    scale: str = "none"
    mm_per_px: float | None = None
    flags: tuple[str, ...] = ()
    model: str = ""
    sha256: str = ""
    closed: YesNo = ""
    debrided: YesNo = ""
    target: YesNo = ""
    lower_bound: YesNo = ""
    reading_status: ReadingStatus = "machine"
    reader: str = ""


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
        by_card: where the scale was given, what a card in view says, to be compared at the ulcer.
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
    by_card: Scale | None = None


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

    def shares_told(self, dash: str = "–") -> dict[str, str]:
        """By tissue, its share and 95% interval: ``77% (13–99)``; none that would read as 0%."""
        if self.tissue is None:
            return {}
        shares: dict[str, float] = self.tissue.model_dump()
        told = {name: f"{share:.0%}" for name, share in shares.items() if share >= LEAST_TOLD}
        if self.tissue_low is None or self.tissue_high is None:
            return told
        low, high = self.tissue_low.model_dump(), self.tissue_high.model_dump()
        return {
            name: f"{text} ({100 * low[name]:.0f}{dash}{100 * high[name]:.0f})"
            for name, text in told.items()
        }


class Ulcer(UlcerFigures):
    """One ulcer: ``u1`` is the largest."""

    id: str
    lower_bound: bool = Field(
        default=False, description="the photograph's edge cuts it: its area is at least this"
    )


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
    growth_from_cm2: float | None = Field(
        default=None,
        description="area that growth (PD) is told from: the smallest before, or baseline",
    )
    growth_percent: float | None = Field(
        default=None,
        description="change from growth_from_cm2; null where that is 0, and of a lower bound",
    )
    ulcers: tuple[str, ...] = Field(
        default=(), description="ids of the ulcer judged, in this record; several are its parts"
    )
    place: Literal["found", "unchecked"] | None = Field(
        default=None,
        description="whether the ulcer's place was found by the skin around it on each photograph;"
        " unchecked where the baseline was given as a number; null where it was not found",
    )
    closed_by_person: bool = Field(
        default=False, description="a person has seen the ulcer closed (--closed)"
    )
    advice: str | None = Field(
        default=None, description="what to do where it cannot be judged, or what to look at"
    )

    @property
    def grown_since_baseline(self) -> bool:
        """A progression by growth that the change from baseline does not show."""
        return self.reason == "GROWTH" and self.growth_from_cm2 != self.baseline_cm2


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
    card_profile: dict[str, tuple[float, float, float]] | None = Field(
        None, description="measured L*, a*, b* of the card's patches, where they were given"
    )


class TissueModelFacts(Model):
    """The weights that told tissues apart."""

    name: str
    version: str
    sha256: str


class ModelFacts(Model):
    """The weights and what they ran on."""

    name: str
    version: str
    sha256: str
    device: str
    precision: str
    tissue: TissueModelFacts | None = None


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
    digest: str | None = Field(
        default=None,
        description="SHA-256 of the record's canonical JSON without this field (woundseg verify)",
    )

    @model_validator(mode="before")
    @classmethod
    def _cut_says_bound(cls, told: Any) -> Any:
        """Records of 0.1 have the flag alone: which of several ulcers is cut is not told."""
        if not isinstance(told, dict) or not isinstance(told.get("quality"), dict):
            return told
        codes = {f.get("code") for f in told["quality"].get("flags", ()) if isinstance(f, dict)}
        if "ulcer_cut" not in codes:
            return told
        ulcers = [
            {"lower_bound": True, **u} if isinstance(u, dict) else u for u in told.get("ulcers", ())
        ]
        return {**told, "ulcers": ulcers}

    @property
    def judged(self) -> str:
        """Which ulcer the response is of; blank where that need not be said."""
        if self.response is None or not self.ulcers:
            return ""
        if self.response.code == "CR" and not self.response.ulcers:
            return "index ulcer, closed here"  # what is in view are others
        return " and ".join(self.response.ulcers) if len(self.ulcers) > 1 else ""

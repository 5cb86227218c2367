"""What the study report is made from: plain values, one subject at a time.

Pixel positions are those of ``records``: (x, y), whole numbers are pixel centres.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from woundseg.records import Failure, QualityFlag, VisitRow
from woundseg.report.failures import Stage
from woundseg.trial.healing_course import HealingRow
from woundseg.trial.protocol import CategoryRules

Place = tuple[float, float]
Outlines = tuple[tuple[Place, ...], ...]
Within = Mapping[str, tuple[float, float]]
"""Lower and upper end of the 95% interval of each tissue's share, by the tissue's name."""


@dataclass(frozen=True, eq=False)
class PhotoShown:
    """One photograph as the report shows it.

    Attributes:
        path: as in the rows of the photograph, with ``/``.
        thumbnail: JPEG, upright sRGB, at most 800 px long; empty where nothing could be read.
        thumb_px_per_px: pixels of the thumbnail for each pixel of the photograph.
        mm_per_px: of the photograph at the ulcer; None without a scale.
        outlines: by the ulcer's name (blank before it has one), its closed outlines in px of the
            photograph, islands of skin among them.
        flags: of the photograph and of following its ulcers, each with advice.
        measurable: False where a flag rejects the photograph.
        failure: why it was not measured; None where it was.
        places: where ulcers without an outline here lie, (x, y) px, as far as following them
            told; the view of a healed ulcer is centred there.
        overlay: its large picture, relative to the folder of report.html with ``/``; blank
            without one.
        tissue_within: by the ulcer's name; none where the record has no intervals.
        read: what people said of it: who, when and why, a line each.
    """

    path: str
    thumbnail: bytes
    thumb_px_per_px: float
    mm_per_px: float | None
    outlines: Mapping[str, Outlines]
    flags: tuple[QualityFlag, ...] = ()
    measurable: bool = True
    failure: Failure | None = None
    places: Mapping[str, Place] = field(default_factory=dict)
    overlay: str = ""
    tissue_within: Mapping[str, Within] = field(default_factory=dict)
    read: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Panel:
    """A whole photograph with its outlines, to be compared with another.

    Attributes:
        title: visit and date.
        photo: which.
        outlines: by the ulcer's name, or by the number of one without a name.
    """

    title: str
    photo: PhotoShown
    outlines: Mapping[str, Outlines]


@dataclass(frozen=True)
class Step:
    """What a person may do: when, and the text to copy."""

    when: str
    text: str


@dataclass(frozen=True, eq=False)
class Question:
    """A photograph whose ulcers cannot be told from the known ones.

    Attributes:
        title: its visit and date.
        now: the photograph.
        before: the last photographs that show the ulcers in question; none where none does.
        unsure: known ulcers that could not be placed.
        known: other ulcers of earlier visits that have no outline on it.
        unnamed: numbers of the outlines without a name, the largest first.
        steps: what settles it.
    """

    title: str
    now: Panel
    before: tuple[Panel, ...]
    unsure: tuple[str, ...]
    known: tuple[str, ...]
    unnamed: tuple[str, ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class SubjectReport:
    """One subject.

    Attributes:
        subject: the name.
        rows: as in visits.csv.
        photos: in order of time; what is said under each is taken from the rows of its path.
        healing: figures by ulcer and date (protocol section 7).
        baseline_date: None where there is no baseline.
        index_ulcer: None where there is none.
        thresholds: the protocol's limits of closure, response and progression
            (``Protocol.category``).
        overdue: name and dates of the scheduled window that passed without a visit.
        to_look_at: what needs a person's eye, a sentence each.
        questions: photographs whose ulcers a person has to name.
    """

    subject: str
    rows: tuple[VisitRow, ...]
    photos: tuple[PhotoShown, ...]
    healing: tuple[HealingRow, ...]
    baseline_date: date | None
    index_ulcer: str | None
    thresholds: CategoryRules
    overdue: str | None = None
    to_look_at: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()


@dataclass(frozen=True)
class StudyFacts:
    """The study as a whole.

    Attributes:
        title: of the report.
        software: name and version.
        weights: hashes of the ulcer's and the tissue's weights, and the precision.
        head: hash at the head of the store's chain.
        photos: the folder of photographs, as the user wrote it.
        failures: what was not placed or not measured, by stage (``failures.gathered``).
        warnings: a sentence each.
        as_of: the day that lateness is told for.
        counts: what the head of the page counts, by name (``subjects``, ``photographs``).
    """

    title: str
    software: str
    weights: str
    head: str
    photos: str
    failures: Mapping[str, Stage]
    warnings: tuple[str, ...]
    as_of: date
    counts: Mapping[str, int]

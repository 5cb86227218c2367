"""From the photographs of one subject to the rows of visits.csv.

What a row says of an ulcer that is not there is the heart of it: 0 reads as healed, so it is
written only where the ulcer's place was seen and nothing was found (interface: Healing must show).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from woundseg.batch import doubtful
from woundseg.batch.elsewhere import MATCH_UNSURE, elsewhere
from woundseg.batch.readings import Word
from woundseg.batch.seen import CORRECTED, Seen
from woundseg.match import Named
from woundseg.pipeline import BY_HAND
from woundseg.records import (
    PUT_TO_A_PERSON,
    Failure,
    QualityFlag,
    ReadingStatus,
    Ulcer,
    UlcerFigures,
    VisitRow,
    YesNo,
)

FIRST_ULCER = "u1"
DATE_FROM_CAMERA = "date_from_camera"
"""Flag of a row whose date stands in neither manifest nor path."""

HEALED: dict[str, float | None] = {"area_cm2": 0.0}
"""Closed: the area is 0, and nothing else can be said of it."""

_SUMMED = ("area_cm2", "area_sd", "area_cm2_low", "area_cm2_high", "perimeter_cm")
_SINGLE = ("length_cm", "width_cm")
_TISSUES = ("granulation", "slough", "necrosis", "other")
_NO_FIGURES: dict[str, Any] = {
    **dict.fromkeys((*_SUMMED, *_SINGLE, *_TISSUES)),
    "lower_bound": "",
}


@dataclass(frozen=True)
class SubjectRows:
    """The rows of one subject, and what of the photographs gave none that counts."""

    rows: tuple[VisitRow, ...]
    failures: tuple[Failure, ...]


def subject_rows(photos: Sequence[Seen], named: Sequence[Named]) -> SubjectRows:
    """Rows and failures of one subject.

    Args:
        photos: in order of time (``seen.in_order``).
        named: for each of them, the names of its ulcers.
    """
    rows: list[VisitRow] = []
    failures: list[Failure] = []
    known = _Known()
    told = elsewhere(photos, named)
    for seq, photo, names, aside in zip(_sequence(photos), photos, named, told, strict=True):
        made = [
            flagged(row, doubtful.photo_flags(photo, names, photos))
            for row in _photo_rows(photo, names, seq, known)
        ]
        known = known.after(photo, names, made)
        kept = [row for row in made if row.ulcer not in aside or row.reader]
        rows += kept or made  # a photograph that was taken has a row
        failure = _failure(photo, kept) if kept else None
        failures += [failure] if failure else []
    doubts = doubtful.row_flags(rows)
    rows = [flagged(row, doubts.get(place, ())) for place, row in enumerate(rows)]
    return SubjectRows(tuple(rows), tuple(failures))


def flagged(row: VisitRow, flags: Iterable[QualityFlag]) -> VisitRow:
    """The row with further flags; one that these put to a person waits until it has been read."""
    flags = tuple(flags)
    codes = tuple(dict.fromkeys((*row.flags, *(flag.code for flag in flags))))
    put = PUT_TO_A_PERSON & {flag.code for flag in flags}
    waits = row.reading_status == "machine" and put
    return replace(row, flags=codes, reading_status="waiting" if waits else row.reading_status)


@dataclass(frozen=True)
class _Known:
    """What the earlier photographs leave behind.

    Attributes:
        rows: ulcers that have rows.
        met: whether an ulcer was ever named, by following or by the manifest, or seen on a
            photograph without figures that count (rejected, no scale, a person's word). A row
            alone does not say so: a photograph that shows none, or nothing, has a row of the
            first ulcer too.
    """

    rows: tuple[str, ...] = ()
    met: bool = False

    def after(self, photo: Seen, named: Named, made: list[VisitRow]) -> _Known:
        ulcers = dict.fromkeys([*self.rows, *(row.ulcer for row in made)])
        shown = photo.hides_ulcer or (photo.record is not None and photo.record.ulcers)
        met = self.met or photo.ref.ulcer or any(named.names) or (shown and not photo.speaks)
        return _Known(tuple(ulcers), bool(met))


def _sequence(photos: Iterable[Seen]) -> list[int]:
    """1, 2 … within each date."""
    counts: dict[Any, int] = {}
    numbers = []
    for photo in photos:
        counts[photo.ref.date] = counts.get(photo.ref.date, 0) + 1
        numbers.append(counts[photo.ref.date])
    return numbers


@dataclass(frozen=True)
class _Said:
    """What a photograph says of one ulcer: the row's own part."""

    ulcer: str
    evaluable: YesNo
    codes: tuple[str, ...] = ()
    figures: dict[str, float | None] = field(default_factory=dict)
    lower_bound: YesNo = ""


def _photo_rows(photo: Seen, named: Named, seq: int, known: _Known) -> list[VisitRow]:
    return _as_read(_rows_found(photo, named, seq, known), photo, seq)


def _as_read(rows: list[VisitRow], photo: Seen, seq: int) -> list[VisitRow]:
    """The rows, with those of ulcers that a person called closed or not evaluable."""
    read = {row.ulcer: row for row in rows}
    for ulcer, word in photo.reading.ulcers.items():
        if word.decision not in ("closed", "not_evaluable"):
            continue
        row = replace(read.get(ulcer) or _row(photo, seq, _Said(ulcer, "N")), **_NO_FIGURES)
        read[ulcer] = _closed(row) if word.decision == "closed" else replace(row, evaluable="N")
    return [*read.values()]


def _closed(row: VisitRow) -> VisitRow:
    """The row of an ulcer that a person has seen closed: its 0 needs no scale."""
    calibrated: YesNo = "" if row.calibrated == "N" else row.calibrated
    return replace(row, evaluable="Y", area_cm2=0.0, closed="Y", calibrated=calibrated)


def _rows_found(photo: Seen, named: Named, seq: int, known: _Known) -> list[VisitRow]:
    if not photo.speaks:
        ulcers = [photo.ref.ulcer] if photo.ref.ulcer else known.rows or [FIRST_ULCER]
        return _as_given([_row(photo, seq, _Said(ulcer, "N")) for ulcer in ulcers], photo)
    said = _found(photo, named)
    said += [
        _Said(ulcer, "Y", named.codes(ulcer), dict(HEALED))
        for ulcer in named.closed
        if ulcer not in {one.ulcer for one in said}
    ]
    said += [
        _Said(ulcer, "N", _with(named.codes(ulcer), MATCH_UNSURE))
        for ulcer in named.unsure
        if ulcer not in {one.ulcer for one in said}
    ]
    said = said or [_nothing_named(photo, named, known)]
    return _as_given([_row(photo, seq, one) for one in said], photo)


def _found(photo: Seen, named: Named) -> list[_Said]:
    """Every name with its figures; an ulcer that has parted in two has several parts."""
    return [
        _Said(ulcer, "Y", named.codes(ulcer), _together(figures), _lower_bound(figures))
        for ulcer, figures in parts_by_name(photo, named).items()
    ]


def _lower_bound(parts: Sequence[Ulcer]) -> YesNo:
    """Y where the frame cuts a part of the ulcer, so that its area may be larger."""
    return "Y" if any(part.lower_bound for part in parts) else ""


def parts_by_name(photo: Seen, named: Named) -> dict[str, list[Ulcer]]:
    """The photograph's ulcers by name; one that has parted in two has several parts."""
    parts: dict[str, list[Ulcer]] = {}
    ulcers = photo.record.ulcers if photo.record else ()
    for figures, name in zip(ulcers, named.names, strict=True):
        if name is not None:
            parts.setdefault(name, []).append(figures)
    return parts


def _nothing_named(photo: Seen, named: Named, known: _Known) -> _Said:
    """No ulcer has a name here: 0 only where the photograph gives it and none was ever met."""
    ulcer = photo.ref.ulcer or FIRST_ULCER
    record = photo.record
    if record is not None and not record.ulcers and not known.met:
        if record.total.area_cm2 is None:  # its flags say why no 0 may be written
            return _Said(ulcer, "N", named.codes(ulcer))
        return _Said(ulcer, "Y", named.codes(ulcer), dict(HEALED))
    return _Said(ulcer, "N", _with(named.codes(ulcer), MATCH_UNSURE))


def _together(parts: Sequence[UlcerFigures]) -> dict[str, float | None]:
    """Parts of one ulcer: areas, errors and perimeters add up, as if they erred together."""
    if len(parts) == 1:
        (one,) = parts
        figures: dict[str, float | None] = {name: getattr(one, name) for name in _SUMMED + _SINGLE}
    else:
        figures = {name: _sum([getattr(part, name) for part in parts]) for name in _SUMMED}
    return figures | tissue_together(parts, "tissue")


def _sum(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def tissue_together(
    parts: Sequence[UlcerFigures], name: Literal["tissue", "tissue_low", "tissue_high"]
) -> dict[str, float]:
    """Fractions, or interval ends, weighted by area in pixels; empty where a part has none."""
    weights = [part.area_px or 0 for part in parts]
    fractions = [getattr(part, name) for part in parts]
    if not all(fractions) or not sum(weights):
        return {}
    return {
        tissue: sum(w * getattr(f, tissue) for w, f in zip(weights, fractions, strict=True))
        / sum(weights)
        for tissue in _TISSUES
    }


def _row(photo: Seen, seq: int, said: _Said) -> VisitRow:
    ref, record = photo.ref, photo.record
    word = _word_on(photo, said)
    settled = word if _placed(photo, said, word) else None
    source = record.scale.source if record else "none"
    row = VisitRow(
        subject=ref.subject,
        visit=ref.visit,
        date=ref.date,
        seq=seq,
        ulcer=said.ulcer,
        path=ref.relative,
        evaluable=said.evaluable,
        calibrated="N" if source == "none" else "Y",
        scale=source,
        mm_per_px=record.scale.mm_per_px if record else None,
        flags=(flags := _flags(photo, said.codes, word)),
        model=_model(photo, word),
        sha256=photo.entry.sha256,
        debrided=ref.given.debrided,
        lower_bound=said.lower_bound,
        reading_status=_reading_status(photo, flags, settled, closed=said.figures == HEALED),
        reader=settled.by if settled else "",
    )
    figures: dict[str, Any] = dict(said.figures)
    return replace(row, **figures)


def _word_on(photo: Seen, said: _Said) -> Word | None:
    """What a person said of the row's ulcer; who accepts outlines says nothing of one unsure."""
    word = photo.word(said.ulcer)
    accepts = word is not None and word.decision == "accept"
    return None if accepts and said.evaluable == "N" else word


def _placed(photo: Seen, said: _Said, word: Word | None) -> bool:
    """Whether a word settles the row: an outline of the whole photograph names no ulcer."""
    whole = word is not None and word.decision == "mask" and not word.ulcer
    return word is not None and not (whole and photo.speaks and said.evaluable == "N")


def _flags(photo: Seen, codes: tuple[str, ...], word: Word | None) -> tuple[str, ...]:
    """Codes of the photograph's flags, then those of matching; each once."""
    own = [flag.code for flag in photo.record.quality.flags] if photo.record else []
    if photo.ref.dated_by == "exif":
        own.append(DATE_FROM_CAMERA)
    if photo.failure:
        own.append(photo.failure.stage if photo.failure.stage == CORRECTED else "unreadable")
    if word is not None and word.decision != "accept":
        own.append(CORRECTED)
    return tuple(dict.fromkeys([*own, *codes]))


def _reading_status(
    photo: Seen, flags: tuple[str, ...], word: Word | None, closed: bool
) -> ReadingStatus:
    """Who stands behind a row; one that is put to a person waits until it has been read.

    Doubt about an outline is doubt about another spot of the foot than a closed ulcer's place.
    """
    if word is not None:
        return "read"
    doubts = PUT_TO_A_PERSON - {"ulcer_unsure", "implausible"} if closed else PUT_TO_A_PERSON
    by_likeness = {"match_unregistered"}  # another foot may bear an ulcer of that size and shape
    return "waiting" if photo.speaks and (doubts | by_likeness) & set(flags) else "machine"


def _model(photo: Seen, word: Word | None) -> str:
    if photo.record is None:
        return ""
    model = BY_HAND if word is not None and word.decision == "mask" else photo.record.model
    return f"{model.name} {model.version} {model.precision}".strip()


def _as_given(rows: list[VisitRow], photo: Seen) -> list[VisitRow]:
    """The manifest's word on one ulcer goes to its row: the one named, or the only one.

    Where it says closed, and no ulcer is outlined, the area is 0 without further evidence.
    """
    given, named = photo.ref.given, photo.ref.ulcer
    meant = named or (rows[0].ulcer if len(rows) == 1 else None)
    told = [
        replace(row, closed=given.closed, target=given.target) if row.ulcer == meant else row
        for row in rows
    ]
    outlined = photo.hides_ulcer or (photo.record is not None and photo.record.ulcers)
    if given.closed != "Y" or given.evaluable == "N" or outlined or photo.reading.whole:
        return told
    return [
        replace(_closed(row), reading_status="read") if row.ulcer == meant else row for row in told
    ]


def _with(codes: tuple[str, ...], code: str) -> tuple[str, ...]:
    return codes if code in codes else (*codes, code)


def _failure(photo: Seen, rows: list[VisitRow]) -> Failure | None:
    """The line of failures.csv of a photograph that says nothing of any ulcer."""
    if any(row.evaluable == "Y" for row in rows):
        return None
    path, record = photo.ref.relative, photo.record
    if photo.failure is not None or record is None:
        return photo.failure
    if photo.ref.given.evaluable == "N":
        return Failure(path, "plan", "the manifest calls it not evaluable", "Nothing to do.")
    rejects = [flag for flag in record.quality.flags if flag.severity == "reject"]
    if rejects:
        codes = ", ".join(flag.code for flag in rejects)
        return Failure(path, "measure", f"not measurable ({codes})", rejects[0].advice)
    if record.scale.source == "none":
        return Failure(path, "measure", "has no scale", _scale_advice(photo))
    return Failure(
        path,
        "match",
        "which ulcer this is cannot be told from the earlier photographs",
        "The report shows both photographs and the command that settles it (--names).",
    )


def _scale_advice(photo: Seen) -> str:
    flags = photo.record.quality.flags if photo.record else ()
    about = [f.advice for f in flags if f.code == "card_missing" or f.code.startswith("scale_")]
    return about[0] if about else "Lay the scale card beside the ulcer."

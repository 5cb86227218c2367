"""FHIR R4 (4.0.1): a Bundle of Observations, written row by row.

A row of visits.csv becomes a wound size panel with its members: area, length, width, perimeter
and each tissue seen. docs/exchange.md says which code stands for what, and why.
"""

from __future__ import annotations

import json
import math
import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from woundseg import files
from woundseg.classes import TISSUE_NAMES
from woundseg.exchange.told import figures, rounded
from woundseg.records import VisitRow

Json = dict[str, Any]

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
UCUM = "http://unitsofmeasure.org"
ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
UUIDS = "urn:ietf:rfc:3986"

HOME = "https://woundseg.invalid/fhir"
"""Root of our own code system and identifiers: a name that nobody can own (RFC 2606)."""

FIGURE_CODES = f"{HOME}/CodeSystem/figure"
TISSUE_CODES = f"{HOME}/CodeSystem/tissue"
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, HOME)

STATUS = "preliminary"
"""Signed by nobody: "final" is for what somebody has signed, and a reading alone is not that."""

AT_LEAST = ">="
"""Comparator of a lower bound: "the actual value is greater than or equal to the given value"."""

READING = {
    "waiting": "Waits for a person's reading",
    "read": "Read by a person",
    "adjudicated": "Adjudicated between readers",
}
"""What the panel's note says of a row that is not the machine's alone."""

# Names as a terminology server gave them to HL7's skin wound guide (HL7/fhir-skin-wound-ig).
PANEL = (LOINC, "72287-6", "Wound size panel")
AREA = (LOINC, "89260-4", "Area of wound")
LENGTH = (LOINC, "39126-8", "Length of Wound")
WIDTH = (LOINC, "39125-0", "Width of Wound")
APPEARANCE = (LOINC, "72371-8", "Appearance of Wound base")
SHARE = (
    LOINC, "72370-0", "Area of identified wound bed appearance/Area of wound bed of Wound base",
)  # fmt: skip
EXAM = (CATEGORY, "exam", "Exam")
UNKNOWN = (ABSENT, "unknown", "Unknown")

# Ours: LOINC has no code that we could establish.
PERIMETER = (FIGURE_CODES, "perimeter", "Perimeter of the wound, islands' included")
INTERVAL = (FIGURE_CODES, "area-interval-95", "95% interval of the area")
DEVIATION = (FIGURE_CODES, "area-sd", "Standard deviation of the area")
PHOTOGRAPH = (FIGURE_CODES, "photograph-sha256", "SHA-256 of the photograph's file")
SAID = {
    "closed": (FIGURE_CODES, "closed", "Closed, as the clinician says"),
    "debrided": (FIGURE_CODES, "debrided", "Photographed after debridement"),
    "target": (FIGURE_CODES, "target", "The trial's index ulcer"),
}
TISSUE_TEXTS = {
    "granulation": "Granulation",
    "slough": "Slough (fibrin)",
    "necrosis": "Necrosis (eschar)",
    "other": "Other, cannot be called",
}
TISSUE_SNOMED = {  # from the same guide's value set woundBedAppearanceVS
    "granulation": (SNOMED, "225541009", "Granulation of tissue"),
    "slough": (SNOMED, "449746002", "Wound slough"),
    "necrosis": (SNOMED, "421306004", "Necrotic eschar"),
}

LENGTHS = (
    ("length_cm", "length", LENGTH), ("width_cm", "width", WIDTH),
    ("perimeter_cm", "perimeter", PERIMETER),
)  # fmt: skip

_NOT_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_START, _ENTRIES, _NEXT = '{"resourceType":"Bundle","type":"collection"', ',"entry":[\n', ",\n"

AddRow = Callable[[VisitRow], None]


def write(rows: Iterable[VisitRow], path: Path, study: str) -> None:
    """Write the rows to ``path`` as one Bundle, whole or not at all; memory does not grow.

    Args:
        rows: one for each photograph and ulcer; no two of the same.
        path: the JSON file.
        study: the study's name; identifiers are made from it.

    Raises:
        OutputError: the file cannot be written; what stood there before still stands.
    """
    with writing(path, study) as add:
        for row in rows:
            add(row)


@contextmanager
def writing(path: Path, study: str) -> Iterator[AddRow]:
    """:func:`write` for rows that come one after the other: lends what adds a row.

    Raises:
        OutputError: the file cannot be written; what stood there before still stands.
    """
    with files.writing(path) as part, part.open("w", encoding="utf-8", newline="") as stream:
        pieces = _Pieces(study)
        yield lambda row: stream.writelines(pieces.row(row))
        stream.write(pieces.end())


def bundle(rows: Iterable[VisitRow], study: str) -> Iterator[str]:
    """The Bundle's JSON text in pieces, made as the rows come; the same rows, the same text."""
    pieces = _Pieces(study)
    for row in rows:
        yield from pieces.row(row)
    yield pieces.end()


class _Pieces:
    """The Bundle's text: FHIR knows no empty list, so the first entry opens it."""

    def __init__(self, study: str) -> None:
        self._study, self._opened = study, False

    def row(self, row: VisitRow) -> Iterator[str]:
        for resource in observations(row, self._study):
            yield _NEXT if self._opened else _START + _ENTRIES
            self._opened = True
            entry = {"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource}
            yield json.dumps(entry, ensure_ascii=False, allow_nan=False, separators=(",", ":"))

    def end(self) -> str:
        return "\n]}\n" if self._opened else _START + "}\n"


def observations(row: VisitRow, study: str) -> list[Json]:
    """The Observations of one row: the panel, then its members.

    There is always an area: measured, or absent with the reason. What was not measured besides
    is left out, and so is a tissue that was not seen.
    """
    told, sign = figures(row), AT_LEAST if row.lower_bound == "Y" else ""
    make = partial(_observation, row, study, _shared(row, study))
    members = [make("area", _area(row, told, sign))]
    members += [
        make(part, {"code": _concept(code), **_quantity(told[name], "cm", sign)})
        for name, part, code in LENGTHS
        if name in told
    ]
    members += [make(name, _tissue(name, told[name])) for name in TISSUE_NAMES if told.get(name)]
    return [make("panel", _panel(row, members)), *members]


def _panel(row: VisitRow, members: list[Json]) -> Json:
    components: list[Json] = [
        {"code": _concept(code), "valueBoolean": getattr(row, name) == "Y"}
        for name, code in SAID.items()
        if getattr(row, name)
    ]
    if row.sha256:
        components.append({"code": _concept(PHOTOGRAPH), "valueString": text(row.sha256)})
    flags = text("; ".join(row.flags))
    notes = [f"Flags: {flags}"] if flags else []
    notes += [READING[row.reading_status]] if row.reading_status in READING else []
    return {
        "code": _concept(PANEL),
        "note": [{"text": note} for note in notes],
        "hasMember": [{"reference": f"urn:uuid:{member['id']}"} for member in members],
        "component": components,
    }


def _area(row: VisitRow, told: dict[str, float], sign: str) -> Json:
    """The area, with its interval and standard deviation as components; or why it is absent.

    A lower bound has a comparator, and an interval without an upper end.
    """
    code = {"code": _concept(AREA)}
    if "area_cm2" not in told:
        return code | {"dataAbsentReason": _concept(UNKNOWN) | {"text": _why_absent(row)}}
    components: list[Json] = []
    low, high = told.get("area_cm2_low"), told.get("area_cm2_high")
    if low is not None and high is not None and low <= high:
        ends = {"low": _measure(low, "cm2"), "high": _measure(high, "cm2")}
        components.append({"code": _concept(INTERVAL), "valueRange": ends})
    elif low is not None and sign:
        ends = {"low": _measure(low, "cm2")}
        components.append({"code": _concept(INTERVAL), "valueRange": ends})
    if "area_sd" in told:
        components.append({"code": _concept(DEVIATION), **_quantity(told["area_sd"], "cm2")})
    return code | _quantity(told["area_cm2"], "cm2", sign) | {"component": components}


def _why_absent(row: VisitRow) -> str:
    if row.evaluable == "N":
        return "Not evaluable"
    return "No scale on the photograph" if row.calibrated == "N" else "Not measured"


def _tissue(name: str, share: float) -> Json:
    """One tissue of the bed and its share [%]."""
    codings = [_coding((TISSUE_CODES, name, TISSUE_TEXTS[name]))]
    if name in TISSUE_SNOMED:
        codings.append(_coding(TISSUE_SNOMED[name]))
    return {
        "code": _concept(APPEARANCE),
        "valueCodeableConcept": {"coding": codings},
        "component": [{"code": _concept(SHARE), **_quantity(rounded(100.0 * share), "%")}],
    }


def _observation(row: VisitRow, study: str, shared: Json, part: str, content: Json) -> Json:
    """One Observation without what is empty: FHIR knows no empty list or object."""
    name = json.dumps([study, row.path, row.ulcer, part])  # ASCII, and no two alike
    identity = str(uuid.uuid5(_NAMESPACE, name))
    own = {
        "resourceType": "Observation",
        "id": identity,
        "identifier": [{"system": UUIDS, "value": f"urn:uuid:{identity}"}],
    }
    whole = own | shared | content
    return {name: value for name, value in whole.items() if value not in ([], {})}


def _shared(row: VisitRow, study: str) -> Json:
    """What panel and members share, so that each can stand alone."""
    subject, ulcer, visit = (_logical(row, study, kind) for kind in _TYPES)
    return {
        "contained": [_device(row.model)] if row.model else [],
        "status": STATUS,
        "category": [_concept(EXAM)],
        "subject": subject,
        "focus": [ulcer] if ulcer else [],
        "encounter": visit,
        "effectiveDateTime": row.date.isoformat(),
        "performer": [_reader(row.reader)] if row.reader else [],
        "method": {"text": _method(row)},
        "device": {"reference": "#weights"} if row.model else {},
    }


_TYPES = {"subject": "Patient", "ulcer": "BodyStructure", "visit": "Encounter"}


def _logical(row: VisitRow, study: str, kind: str) -> Json:
    """A reference by the study's own identifier: nobody's resource is made up."""
    own = getattr(row, kind)
    if not own:
        return {}
    system = f"{HOME}/study/{quote(text(study), safe='')}/{kind}"
    if kind == "subject":
        return {"type": _TYPES[kind], "identifier": {"system": system, "value": text(own)}}
    value = "/".join(_escaped(name) for name in (row.subject, own))
    identifier = {"system": system, "value": text(value)}
    return {"type": _TYPES[kind], "identifier": identifier, "display": text(own)}


def _reader(name: str) -> Json:
    """The person who read the photograph: a name, as the study knows no more of them."""
    return {"type": "Practitioner", "display": text(name)}


def _escaped(name: str) -> str:
    return name.replace("%", "%25").replace("/", "%2F")


def _device(model: str) -> Json:
    """The weights that outlined the ulcer."""
    return {
        "resourceType": "Device",
        "id": "weights",
        "deviceName": [{"name": text(model), "type": "model-name"}],
        "type": {"text": "Software that outlines and measures ulcers on photographs"},
    }


def _method(row: VisitRow) -> str:
    if row.calibrated == "N":
        return "Planimetry on a photograph without scale"
    if row.mm_per_px is None or not math.isfinite(row.mm_per_px):
        return "Planimetry on a photograph"
    return f"Planimetry on a photograph, scale: {text(row.scale)}, {row.mm_per_px:.6g} mm per pixel"


def _quantity(value: float, unit: str, comparator: str = "") -> Json:
    measure = _measure(value, unit)
    return {"valueQuantity": measure | ({"comparator": comparator} if comparator else {})}


def _measure(value: float, unit: str) -> Json:
    """A quantity whose unit is its UCUM code."""
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}


def _coding(code: tuple[str, str, str]) -> Json:
    system, value, display = code
    return {"system": system, "code": value, "display": display}


def _concept(code: tuple[str, str, str]) -> Json:
    return {"coding": [_coding(code)]}


def text(name: str) -> str:
    r"""``name`` as a FHIR string: what such a string may not hold is written out as ``\uXXXX``.

    Control characters other than tab and line ends, halves of surrogate pairs (file names that
    are not UTF-8), and everything in a name of nothing but spaces.
    """
    if name and not name.strip():
        return "".join(f"\\u{ord(letter):04x}" for letter in name)
    return _NOT_TEXT.sub(lambda found: f"\\u{ord(found[0]):04x}", name)

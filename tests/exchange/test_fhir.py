"""FHIR R4: shape checked by fhir.resources' R4B models and by R4 4.0.1's element names below."""

from __future__ import annotations

import json
import re
import uuid
import weakref
from dataclasses import replace
from itertools import islice

import pytest
from fhir.resources.R4B.bundle import Bundle
from hypothesis import given, settings
from hypothesis import strategies as st
from rows_made import BLURRED, CUT, HEALED, MEASURED, UNSCALED, any_row

from woundseg.errors import OutputError
from woundseg.exchange import fhir

# --- elements of R4 4.0.1 (hl7.org/fhir/R4, pages bundle, observation, device, datatypes) ------

RESOURCE = {"id", "meta", "implicitRules", "language"}
DOMAIN = RESOURCE | {"text", "contained", "extension", "modifierExtension"}
QUANTITY = {"value": None, "comparator": None, "unit": None, "system": None, "code": None}
CODING = {"system": None, "version": None, "code": None, "display": None, "userSelected": None}
CONCEPT = {"coding": [CODING], "text": None}
IDENTIFIER = {"use": None, "type": CONCEPT, "system": None, "value": None, "period": None}
REFERENCE = {"reference": None, "type": None, "identifier": IDENTIFIER, "display": None}
VALUES = {
    "valueQuantity": QUANTITY,
    "valueCodeableConcept": CONCEPT,
    "valueString": None,
    "valueBoolean": None,
    "valueRange": {"low": QUANTITY, "high": QUANTITY},
}
DEVICE = {
    **dict.fromkeys(DOMAIN | {"resourceType"}),
    "identifier": [IDENTIFIER],
    "status": None,
    "manufacturer": None,
    "deviceName": [{"name": None, "type": None}],
    "modelNumber": None,
    "type": CONCEPT,
    "version": [{"type": CONCEPT, "component": IDENTIFIER, "value": None}],
}
OBSERVATION = {
    **dict.fromkeys(DOMAIN | {"resourceType"}),
    "contained": [DEVICE],
    "identifier": [IDENTIFIER],
    "basedOn": [REFERENCE],
    "partOf": [REFERENCE],
    "status": None,
    "category": [CONCEPT],
    "code": CONCEPT,
    "subject": REFERENCE,
    "focus": [REFERENCE],
    "encounter": REFERENCE,
    "effectiveDateTime": None,
    "issued": None,
    "performer": [REFERENCE],
    **VALUES,
    "dataAbsentReason": CONCEPT,
    "interpretation": [CONCEPT],
    "note": [{"authorString": None, "time": None, "text": None}],
    "bodySite": CONCEPT,
    "method": CONCEPT,
    "specimen": REFERENCE,
    "device": REFERENCE,
    "hasMember": [REFERENCE],
    "derivedFrom": [REFERENCE],
    "component": [{"code": CONCEPT, **VALUES, "dataAbsentReason": CONCEPT}],
}
BUNDLE = {
    **dict.fromkeys(RESOURCE | {"resourceType"}),
    "identifier": IDENTIFIER,
    "type": None,
    "timestamp": None,
    "total": None,
    "link": None,
    "entry": [{"link": None, "fullUrl": None, "resource": OBSERVATION, "search": None}],
    "signature": None,
}
NAN = float("nan")
STRING = re.compile(r"[ \r\n\t\S]+", re.ASCII)  # R4's own pattern, with XSD's meaning of \S
R4_STATUS = {"registered", "preliminary", "final", "amended", "corrected", "cancelled",
             "entered-in-error", "unknown"}  # fmt: skip
R4_NAME_TYPES = {"udi-label-name", "user-friendly-name", "patient-reported-name",
                 "manufacturer-name", "model-name", "other"}  # fmt: skip


def check_elements(value, shape, where="Bundle"):
    """Nothing but R4's elements, lists where R4 has lists, and nothing empty."""
    if isinstance(shape, list):
        assert isinstance(value, list), where
        assert value, where
        for one in value:
            check_elements(one, shape[0], f"{where}[]")
    elif isinstance(shape, dict):
        assert isinstance(value, dict), where
        assert value, where
        assert value.keys() <= shape.keys(), (where, value.keys() - shape.keys())
        for name, inner in value.items():
            check_elements(inner, shape[name], f"{where}.{name}")
    else:
        assert isinstance(value, str | bool | int | float), where
        if isinstance(value, str):
            assert STRING.fullmatch(value), where
            assert value.strip(), where
            assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]", value), where


def check(document):
    """A Bundle as a whole: R4's elements, the R4B models, and R4's invariants."""
    check_elements(document, BUNDLE)
    Bundle.model_validate(document)
    entries = document.get("entry", [])
    urls = [entry["fullUrl"] for entry in entries]
    assert len(set(urls)) == len(urls)  # bdl-7
    for entry in entries:
        resource = entry["resource"]
        assert entry["fullUrl"] == f"urn:uuid:{uuid.UUID(resource['id'])}"
        check_observation(resource, urls)
    return [entry["resource"] for entry in entries]


def check_observation(resource, urls):
    assert resource["status"] in R4_STATUS
    assert not resource.keys() & {"interpretation", "derivedFrom", "referenceRange"}
    assert not ("dataAbsentReason" in resource and any(n.startswith("value") for n in resource))
    assert all(member["reference"] in urls for member in resource.get("hasMember", []))
    own = {code["code"] for code in resource["code"]["coding"]}
    for component in resource.get("component", []):
        assert not own & {code["code"] for code in component["code"]["coding"]}  # obs-7
        span = component.get("valueRange", {})
        if "high" in span:  # rng-2
            assert span["low"]["value"] <= span["high"]["value"]
    for device in resource.get("contained", []):
        assert resource["device"] == {"reference": f"#{device['id']}"}  # dom-3
        assert {name["type"] for name in device["deviceName"]} <= R4_NAME_TYPES
    for quantity in quantities(resource):
        assert quantity["system"] == "http://unitsofmeasure.org"
        assert quantity["code"] == quantity["unit"]
        assert quantity["code"] in {"cm2", "cm", "%"}


def quantities(value):
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in {"valueQuantity", "low", "high"}:
                yield inner
            else:
                yield from quantities(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from quantities(inner)


def observations(*rows, study="NCT1"):
    document = json.loads("".join(fhir.bundle(rows, study)))
    return check(document)


def code(observation):
    return observation["code"]["coding"][0]["code"]


def by_code(resources):
    """Observations by code; tissues by the tissue as well."""
    found = {}
    for one in resources:
        value = one.get("valueCodeableConcept")
        key = (code(one), value["coding"][0]["code"]) if value else code(one)
        assert key not in found
        found[key] = one
    return found


def test_a_measured_row_is_a_panel_with_its_members():
    found = by_code(observations(MEASURED))
    assert set(found) == {
        "72287-6", "89260-4", "39126-8", "39125-0", "perimeter",
        ("72371-8", "granulation"), ("72371-8", "slough"), ("72371-8", "necrosis"),
    }  # fmt: skip
    panel = found["72287-6"]
    members = {one["reference"] for one in panel["hasMember"]}
    assert members == {f"urn:uuid:{o['id']}" for o in found.values() if o is not panel}
    assert "valueQuantity" not in panel
    area = found["89260-4"]
    assert area["valueQuantity"] == {
        "value": 3.25, "unit": "cm2", "system": "http://unitsofmeasure.org", "code": "cm2",
    }  # fmt: skip
    assert found["39126-8"]["valueQuantity"]["value"] == 2.5
    assert found["39125-0"]["valueQuantity"]["value"] == 1.75
    assert found["39125-0"]["valueQuantity"]["code"] == "cm"
    assert found["perimeter"]["valueQuantity"]["value"] == 7.1


def test_interval_and_deviation_travel_with_the_area():
    area = by_code(observations(MEASURED))["89260-4"]
    parts = {part["code"]["coding"][0]["code"]: part for part in area["component"]}
    span = parts["area-interval-95"]["valueRange"]
    assert (span["low"]["value"], span["high"]["value"]) == (3.06, 3.45)
    assert parts["area-sd"]["valueQuantity"]["value"] == 0.1
    assert all(part["code"]["coding"][0]["system"] == fhir.FIGURE_CODES for part in parts.values())
    assert "referenceRange" not in area
    crossed = replace(MEASURED, area_cm2_low=4.0, area_cm2_high=3.0)
    area = by_code(observations(crossed))["89260-4"]
    assert [part["code"]["coding"][0]["code"] for part in area["component"]] == ["area-sd"]


def test_a_lower_bound_is_told_as_at_least():
    """R4: ">=" is "the actual value is greater than or equal to the given value"."""
    members = by_code(observations(CUT))
    assert members["89260-4"]["valueQuantity"] == {
        "value": 3.25, "comparator": ">=", "unit": "cm2", "system": fhir.UCUM, "code": "cm2",
    }  # fmt: skip
    (interval,) = members["89260-4"]["component"]
    assert list(interval["valueRange"]) == ["low"]
    assert members["39126-8"]["valueQuantity"]["comparator"] == ">="
    assert not members.keys() & {"39125-0", "perimeter"}  # a part has no width or rim of the whole
    assert "comparator" not in by_code(observations(MEASURED))["89260-4"]["valueQuantity"]


def test_who_read_the_photograph_is_the_performer():
    read = replace(MEASURED, reading_status="read", reader="Dr A", flags=())
    resources = observations(read)
    assert all(
        resource["performer"] == [{"type": "Practitioner", "display": "Dr A"}]
        and resource["status"] == "preliminary"
        for resource in resources
    )
    assert resources[0]["note"] == [{"text": "Read by a person"}]
    (panel, *_) = observations(replace(MEASURED, reading_status="waiting"))
    assert panel["note"][1] == {"text": "Waits for a person's reading"}
    assert "performer" not in panel
    assert len(observations(MEASURED)[0]["note"]) == 1


def test_a_tissue_says_which_and_how_much():
    found = by_code(observations(MEASURED))
    slough = found["72371-8", "slough"]
    assert slough["valueCodeableConcept"]["coding"] == [
        {"system": fhir.TISSUE_CODES, "code": "slough", "display": "Slough (fibrin)"},
        {"system": "http://snomed.info/sct", "code": "449746002", "display": "Wound slough"},
    ]
    (share,) = slough["component"]
    assert share["code"]["coding"][0]["code"] == "72370-0"
    assert share["valueQuantity"]["value"] == 20.0
    assert share["valueQuantity"]["code"] == "%"
    # a tissue that was not seen is not said to appear
    assert ("72371-8", "other") not in found
    assert ("72371-8", "other") in by_code(observations(replace(MEASURED, other=0.1)))


def test_names_of_codes_are_those_of_the_terminology_server():
    # HL7/fhir-skin-wound-ig, generated_output/txCache/loinc.cache
    named = {
        "72287-6": "Wound size panel",
        "39126-8": "Length of Wound",
        "39125-0": "Width of Wound",
        "89260-4": "Area of wound",
        "72371-8": "Appearance of Wound base",
        "72370-0": "Area of identified wound bed appearance/Area of wound bed of Wound base",
    }
    seen = {}
    for observation in observations(MEASURED):
        for part in (observation, *observation.get("component", [])):
            for coding in part["code"]["coding"]:
                if coding["system"] == "http://loinc.org":
                    seen[coding["code"]] = coding["display"]
    assert seen == named


def test_healed_is_a_value_of_zero():
    found = by_code(observations(HEALED))
    assert found["89260-4"]["valueQuantity"]["value"] == 0
    assert "dataAbsentReason" not in found["89260-4"]
    assert set(found) == {"72287-6", "89260-4", "perimeter"}
    said = {part["code"]["coding"][0]["code"]: part for part in found["72287-6"]["component"]}
    assert said["closed"]["valueBoolean"] is True


def test_not_evaluable_is_absent_with_the_reason_and_never_zero():
    panel, area = observations(BLURRED)
    assert code(area) == "89260-4"
    assert area["dataAbsentReason"] == {
        "coding": [{"system": fhir.ABSENT, "code": "unknown", "display": "Unknown"}],
        "text": "Not evaluable",
    }
    assert list(quantities([panel, area])) == []
    assert panel["note"] == [{"text": "Flags: blurred"}]
    # whatever figures stand in such a row, none is told
    panel, area = observations(replace(MEASURED, evaluable="N"))
    assert "valueQuantity" not in area
    panel, area = observations(replace(HEALED, evaluable="N"))
    assert "valueQuantity" not in area


def test_without_scale_there_is_tissue_and_no_area():
    found = by_code(observations(UNSCALED))
    assert found["89260-4"]["dataAbsentReason"]["text"] == "No scale on the photograph"
    assert set(found) == {
        "72287-6", "89260-4",
        ("72371-8", "granulation"), ("72371-8", "slough"), ("72371-8", "necrosis"),
    }  # fmt: skip
    stale = replace(MEASURED, calibrated="N")  # rule 2.2: an uncalibrated area is none
    assert "valueQuantity" not in by_code(observations(stale))["89260-4"]
    assert "length" not in by_code(observations(stale))
    nothing = by_code(observations(replace(MEASURED, area_cm2=None)))
    assert nothing["89260-4"]["dataAbsentReason"]["text"] == "Not measured"


def test_who_when_and_by_what():
    for one in observations(MEASURED, study="NCT1/a b"):
        home = "https://woundseg.invalid/fhir/study/NCT1%2Fa%20b"
        assert one["status"] == "preliminary"
        assert one["subject"] == {
            "type": "Patient",
            "identifier": {"system": f"{home}/subject", "value": "S01"},
        }
        assert one["focus"] == [
            {
                "type": "BodyStructure",
                "identifier": {"system": f"{home}/ulcer", "value": "S01/u1"},
                "display": "u1",
            }
        ]
        assert one["encounter"]["identifier"]["value"] == "S01/W4"
        assert one["effectiveDateTime"] == "2024-01-29"
        (device,) = one["contained"]
        assert device["deviceName"] == [{"name": "ulcer 1.0 fp32", "type": "model-name"}]
        assert one["method"] == {
            "text": "Planimetry on a photograph, scale: card, 0.052 mm per pixel"
        }
        text = json.dumps(one)
        assert MEASURED.path not in text  # folders may bear names of people
    methods = [
        observations(row)[0]["method"]["text"]
        for row in (UNSCALED, replace(MEASURED, mm_per_px=None), replace(MEASURED, mm_per_px=NAN))
    ]
    plain = "Planimetry on a photograph"
    assert methods == [f"{plain} without scale", plain, plain]
    panel = observations(MEASURED)[0]
    parts = {part["code"]["coding"][0]["code"]: part for part in panel["component"]}
    assert parts["photograph-sha256"]["valueString"] == "ab" * 32
    assert parts["debrided"]["valueBoolean"] is True
    assert parts["target"]["valueBoolean"] is False
    assert "closed" not in parts
    assert panel["note"] == [{"text": "Flags: card_unverified; speck"}]
    assert "device" not in observations(BLURRED)[0]


def test_the_same_study_gives_the_same_bytes_and_others_other_identifiers(tmp_path):
    first, second = tmp_path / "a.json", tmp_path / "b.json"
    fhir.write([MEASURED, HEALED], first, "NCT1")
    fhir.write(iter([MEASURED, HEALED]), second, "NCT1")
    assert first.read_bytes() == second.read_bytes()
    assert first.read_bytes() == "".join(fhir.bundle([MEASURED, HEALED], "NCT1")).encode()

    def ids(row, study):
        return {one["id"] for one in observations(row, study=study)}

    known = ids(MEASURED, "NCT1")
    assert ids(replace(MEASURED, area_cm2=1.0, visit="X"), "NCT1") == known
    assert known.isdisjoint(ids(MEASURED, "NCT2"))
    assert known.isdisjoint(ids(replace(MEASURED, ulcer="u2"), "NCT1"))
    assert known.isdisjoint(ids(replace(MEASURED, path="other.jpg"), "NCT1"))
    # the parts of a name are not run together
    one = replace(MEASURED, path="a", ulcer="bu1")
    assert ids(one, "NCT1").isdisjoint(ids(replace(MEASURED, path="ab", ulcer="u1"), "NCT1"))


def test_names_with_strokes_stay_apart():
    pair = replace(MEASURED, subject="a/b", visit="c"), replace(MEASURED, subject="a", visit="b/c")
    one, other = (observations(row)[0]["encounter"]["identifier"]["value"] for row in pair)
    assert one != other


def test_no_rows_are_a_bundle_without_entries(tmp_path):
    fhir.write([], tmp_path / "empty.json", "NCT1")
    document = json.loads((tmp_path / "empty.json").read_text())
    assert document == {"resourceType": "Bundle", "type": "collection"}
    check(document)


def test_a_figure_too_small_for_the_decimals_is_not_zero():
    area = by_code(observations(replace(MEASURED, area_cm2=4e-7)))["89260-4"]
    assert area["valueQuantity"]["value"] == 4e-7
    area = by_code(observations(replace(MEASURED, area_cm2=1 / 3)))["89260-4"]
    assert area["valueQuantity"]["value"] == 0.333333


def test_whole_or_not_at_all(tmp_path):
    target = tmp_path / "study.json"
    target.write_text("earlier")

    def rows():
        yield MEASURED
        raise RuntimeError("the store broke")

    with pytest.raises(RuntimeError):
        fhir.write(rows(), target, "NCT1")
    assert target.read_text() == "earlier"
    assert [path.name for path in tmp_path.iterdir()] == ["study.json"]
    with pytest.raises(OutputError):
        fhir.write([MEASURED], tmp_path / "none" / "study.json", "NCT1")


def test_rows_may_come_one_by_one(tmp_path):
    with fhir.writing(tmp_path / "a.json", "NCT1") as add:
        add(MEASURED)
        add(HEALED)
    fhir.write([MEASURED, HEALED], tmp_path / "b.json", "NCT1")
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_memory_does_not_grow_with_the_rows(tmp_path):
    seen = []

    def rows():
        for number in range(60):
            row = replace(MEASURED, path=f"{number}.jpg")
            seen.append(weakref.ref(row))
            yield row
            del row
            assert sum(ref() is not None for ref in seen) <= 1
        (part,) = tmp_path.iterdir()
        assert part.stat().st_size > 200_000  # it lies on the disk already

    fhir.write(rows(), tmp_path / "study.json", "NCT1")
    assert len(seen) == 60


def test_it_is_made_as_the_rows_come():
    def endless():
        number = 0
        while True:
            number += 1
            yield replace(MEASURED, path=f"{number}.jpg")

    assert len("".join(islice(fhir.bundle(endless(), "NCT1"), 100))) > 10_000


@given(rows=st.lists(any_row, max_size=3, unique_by=lambda r: (r.path, r.ulcer)), study=st.text())
@settings(max_examples=120, deadline=None)
def test_any_row_makes_a_valid_bundle(rows, study):
    resources = observations(*rows, study=study)
    areas = [one for one in resources if code(one) == "89260-4"]
    assert len(areas) == len(rows)
    for row, area in zip(rows, areas, strict=True):
        if row.evaluable == "N" or row.calibrated == "N" or row.area_cm2 is None:
            assert "valueQuantity" not in area
        if area.get("valueQuantity", {}).get("value") == 0:
            assert row.area_cm2 == 0


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("张伟 😀", "张伟 😀"),
        ('a "b"\r\n\tc', 'a "b"\r\n\tc'),
        ("a\x00\x1b", "a\\u0000\\u001b"),
        ("\udce4.jpg", "\\udce4.jpg"),
        ("\u3000", "\\u3000"),
        (" ", "\\u0020"),
        ("", ""),
    ],
)
def test_text_of_names(name, told):
    assert fhir.text(name) == told

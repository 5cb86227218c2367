"""Records as files: the digest that shows an edit."""

from __future__ import annotations

import hashlib
import json

import pytest
from made_records import record

from woundseg import record_files
from woundseg.canonical import canonical
from woundseg.errors import UsageError
from woundseg.record_files import digest_of, with_digest


def test_canonical_json_has_one_form():
    assert canonical({"b": [1, 2.5, None], "a": "é\n"}) == '{"a":"é\\n","b":[1,2.5,null]}'
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical([float("nan")])


def test_the_digest_is_the_hash_of_the_canonical_json_without_it():
    text = '{"a":1.5,"b":"é"}'
    assert digest_of({"b": "é", "digest": "x", "a": 1.5}) == (
        hashlib.sha256(text.encode()).hexdigest()
    )


def written(path, text):
    path.write_text(text, encoding="utf-8")
    return record_files.read(path)


def test_a_record_says_whether_it_is_as_written(tmp_path):
    path = tmp_path / "r.json"
    sealed = with_digest(record(3.0, 1.0))
    found = written(path, sealed.model_dump_json(indent=2))
    assert (found.record, found.state, found.path) == (sealed, "as_written", path)
    # Spaces and the order of keys say nothing.
    document = json.loads(path.read_text())
    turned = dict(reversed(document.items()))
    assert written(path, json.dumps(turned)).state == "as_written"
    assert written(path, record(3.0).model_dump_json()).state == "no_digest"


@pytest.mark.parametrize(
    "edit",
    [
        lambda record: record["total"].update(area_cm2=20.0),
        lambda record: record["ulcers"][0].update(area_cm2=3.01),
        lambda record: record["ulcers"].append({**record["ulcers"][0], "id": "u3"}),
        lambda record: record["ulcers"].pop(),
        lambda record: record["photo"].update(captured_at="2026-01-01T00:00:00"),
        lambda record: record.update(digest="0" * 64),
    ],
)
def test_an_edit_is_seen(tmp_path, edit):
    document = json.loads(with_digest(record(3.0, 1.0)).model_dump_json())
    edit(document)
    assert written(tmp_path / "r.json", json.dumps(document)).state == "edited"


def test_a_record_of_a_version_with_fewer_fields_keeps_its_digest(tmp_path):
    document = json.loads(record(3.0).model_dump_json(exclude={"digest"}))
    del document["ulcers"][0]["lower_bound"]
    document["digest"] = digest_of(document)
    assert written(tmp_path / "r.json", json.dumps(document)).state == "as_written"


def test_the_digest_is_renewed_with_the_record():
    once = with_digest(record(3.0))
    assert with_digest(once) == once
    other = with_digest(once.model_copy(update={"software": "woundseg 9"}))
    assert other.digest not in (None, once.digest)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"3", b'{"area_cm2": 3}', b"\xff\xfe", b"[" * 100_000],
)
def test_files_that_are_not_records(tmp_path, content):
    path = tmp_path / "r.json"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="is not a record of woundseg score") as caught:
        record_files.read(path)
    assert caught.value.subject == str(path)


def test_a_record_with_nan_is_not_one(tmp_path):
    text = record(3.0).model_dump_json().replace('"area_sd":0.15', '"area_sd":NaN', 1)
    with pytest.raises(UsageError, match="is not a record"):
        written(tmp_path / "r.json", text)


@pytest.mark.parametrize("place", ["gone.json", "r.json/x.json"])
def test_files_that_cannot_be_read(tmp_path, place):
    (tmp_path / "r.json").write_text("{}")
    with pytest.raises(UsageError, match="cannot be read"):
        record_files.read(tmp_path / place)


def test_a_record_of_before_takes_its_cut_ulcer_for_a_lower_bound(tmp_path):
    """0.1 wrote the flag ``ulcer_cut`` alone: which of several ulcers is cut is not known."""
    document = json.loads(record(3.0, 1.0).model_dump_json())
    document["software"] = "woundseg 0.1.0"
    document["quality"]["flags"] = [{"code": "ulcer_cut", "severity": "warning", "advice": "Move."}]
    for ulcer in document["ulcers"]:
        del ulcer["lower_bound"]
    found = written(tmp_path / "r.json", json.dumps(document)).record
    assert [ulcer.lower_bound for ulcer in found.ulcers] == [True, True]

"""The door: start-up, exit statuses, one line an error, nothing half-written."""

from __future__ import annotations

import io
import json
import os
import re
import statistics
import struct
import subprocess
import sys
import time
import tomllib
import zlib
from pathlib import Path

import cv2
import jsonschema
import numpy as np
import pytest
from PIL import Image
from pydantic import TypeAdapter

import woundseg
from woundseg import cli, files
from woundseg.records import ScoreRecord

toy_weights = pytest.importorskip("toy_weights", reason="needs onnx")

ROOT = Path(__file__).parent.parent


@pytest.fixture
def run(capfd, toy):
    """Runs a command in this process: exit status, standard output, standard error."""

    def call(*arguments, weights=True):
        words = [str(argument) for argument in arguments]
        if weights and words[0] in ("score", "segment", "demo"):
            words += ["--weights", str(toy)]
        try:
            status = cli.main(words)
        except SystemExit as stopped:
            status = stopped.code
        return status, *capfd.readouterr()

    return call


def assert_one_line(error: str, *names: str) -> None:
    """One line of the form "subject: cause. Remedy.", naming what it is about."""
    assert error.count("\n") == 1, error
    assert "Traceback" not in error
    assert re.fullmatch(r".+: .+\. .+\.\n", error), error
    for name in names:
        assert name in error


# --- start-up ---------------------------------------------------------------------------------

NUMERICAL = {"numpy", "cv2", "onnxruntime", "torch", "scipy", "pandas", "pydantic", "PIL"}


def modules_after(code: str, *arguments: str) -> set[str]:
    """Top-level modules that a fresh Python holds after ``code``."""
    script = f"import sys\n{code}\nsys.stderr.write('\\n@' + ' '.join(sys.modules))"
    command = [sys.executable, "-c", script, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in done.stderr.rpartition("@")[2].split()}


MAIN = "from woundseg.cli import main\ntry: main(sys.argv[1:])\nexcept SystemExit: pass"


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["score", "--help"]])
def test_help_and_version_are_quick_and_import_nothing_numerical(words):
    assert modules_after(MAIN, *words) & NUMERICAL == set()


def test_help_and_version_take_less_than_0_3_s():
    """Processor time, as the machine may be busy with other things."""
    script = Path(sys.executable).with_name("woundseg")
    times = []
    for words in (["--help"], ["--version"]) * 3:
        before = os.times()
        subprocess.run([script, *words], stdout=subprocess.DEVNULL, check=True)
        after = os.times()
        spent = after.children_user + after.children_system
        times.append(spent - before.children_user - before.children_system)
    assert statistics.median(times) < 0.3


def test_version_is_the_projects(run):
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert run("--version") == (0, f"woundseg {declared}\n", "")
    assert woundseg.__version__ == declared


def test_scores_path_imports_few_libraries(drawn, toy):
    names = modules_after(MAIN, "score", str(drawn / "foot.png"), "--weights", str(toy))
    known = names & set(sys.stdlib_module_names)
    own = {"numpy", "cv2", "onnxruntime", "pydantic", "PIL", "woundseg"}
    assert own <= names
    heavy = {
        *("torch", "torchvision", "scipy", "skimage", "pandas", "matplotlib", "hydra", "onnx"),
        *("sympy", "lightning", "yaml", "pyreadstat", "openvino", "ray"),
    }
    assert names & heavy == set()
    brought = {  # what these five bring along themselves
        *("pydantic_core", "typing_extensions", "annotated_types", "typing_inspection"),
    }
    assert {n for n in names - known - own - brought if not n.startswith("_")} == set()


# --- what comes out ---------------------------------------------------------------------------


def test_score_prints_the_record_alone(run, drawn):
    status, out, error = run("score", drawn / "foot.png", "--json")
    assert (status, error) == (0, "")
    record = ScoreRecord.model_validate_json(out)
    assert record.photo.path == str(drawn / "foot.png")
    assert record.model.name == "toy"
    (ulcer,) = record.ulcers
    # A disc of radius 9 mm: π 0.9² = 2.545 cm², its outline 2 π 0.9 = 5.65 cm.
    assert ulcer.area_cm2 == pytest.approx(2.545, rel=0.02)
    assert ulcer.perimeter_cm == pytest.approx(5.65, rel=0.02)
    assert ulcer.area_cm2_low < 2.545 < ulcer.area_cm2_high


def test_json_validates_against_the_printed_schema(run, drawn):
    schema = json.loads(run("schema")[1])
    record = json.loads(run("score", drawn / "foot.png", "--json", "--baseline", "6.2")[1])
    jsonschema.validate(record, schema)
    jsonschema.Draft202012Validator.check_schema(schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**record, "unknown": 1}, schema)


def test_schema_is_the_records_own(run):
    schema = json.loads(run("schema")[1])
    assert schema == TypeAdapter(ScoreRecord).json_schema()
    fields = "schema_version software photo scale colour ulcers total response quality settings"
    assert set(schema["properties"]) == {*fields.split(), "model", "digest"}


def test_the_same_photograph_twice_gives_the_same_bytes(run, drawn, tmp_path):
    for name in ("a", "b"):
        assert run("score", drawn / "foot.png", "--out", tmp_path / name)[0] == 0
    for name in ("foot.json", "foot_overlay.png"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert len(list(tmp_path.rglob("*.*"))) == 4


def test_text_names_the_figures_and_the_files(run, drawn, tmp_path):
    status, out, error = run("score", drawn / "foot.png", "--out", tmp_path)
    assert status == 0
    assert "cm²" in out
    assert "[card_unverified]" in out
    assert error.splitlines() == [
        f"wrote {tmp_path / 'foot.json'}",
        f"wrote {tmp_path / 'foot_overlay.png'}",
    ]


def test_without_a_scale_figures_in_cm_are_null(run, tmp_path):
    path = toy_weights.save(tmp_path / "bare.png", toy_weights.photograph(cards=0))
    status, out, _ = run("score", path, "--json")
    record = ScoreRecord.model_validate_json(out)
    assert status == 0
    assert record.scale.source == "none"
    assert record.total.area_cm2 is None
    assert record.total.area_px == pytest.approx(np.pi * 36**2, rel=0.02)


def test_baseline_forms(run, drawn, tmp_path):
    run("score", drawn / "foot.png", "--out", tmp_path)
    larger = toy_weights.photograph(((30.0, 24.0, 13.0),))  # π 1.3² = 5.31 cm²
    path = toy_weights.save(tmp_path / "before.png", larger)
    changes = []
    for baseline in ("5.31", path):
        _, out, _ = run("score", drawn / "foot.png", "--baseline", baseline, "--json")
        response = json.loads(out)["response"]
        assert (response["category"], response["code"]) == ("response", "PR")
        changes.append(response["percent_change"])
    assert changes == pytest.approx([-52.1, -52.1], abs=1.5)
    _, out, _ = run("score", drawn / "foot.png", "--baseline", tmp_path / "foot.json", "--json")
    assert json.loads(out)["response"]["code"] == "SD"


def test_a_zero_is_closed_at_its_place_alone(run, drawn, tmp_path):
    healed = toy_weights.save(tmp_path / "healed.png", toy_weights.photograph(()))

    def response(*words):
        status, out, _ = run("score", healed, "--json", *words)
        assert status == 0
        facts = json.loads(out)["response"]
        return facts["code"], facts["reason"], facts["place"], facts["closed_by_person"]

    first = ("--baseline", drawn / "foot.png")
    assert response(*first) == ("CR", "CLOSED", "found", False)
    assert response("--baseline", "2.5") == ("NE", "place_unchecked", "unchecked", False)
    assert response("--baseline", "2.5", "--closed") == ("CR", "CLOSED", "unchecked", True)
    covered = toy_weights.photograph(())
    covered[40:160, 60:180] = toy_weights.CLOTH  # 30 mm about the place at (30, 24) mm
    toy_weights.save(healed, covered)
    assert response(*first) == ("NE", "match_unsure", None, False)


def test_several_ulcers_are_matched_where_the_earlier_photograph_is_there(run, tmp_path):
    before = toy_weights.photograph(((30.0, 24.0, 9.0), (30.0, 100.0, 5.0)))
    after = toy_weights.photograph(((30.0, 24.0, 4.0), (30.0, 100.0, 6.0)))
    first = toy_weights.save(tmp_path / "first.png", before)
    now = toy_weights.save(tmp_path / "now.png", after)
    run("score", first, "--out", tmp_path)
    for earlier in (first, tmp_path / "first.json"):
        _, out, _ = run("score", now, "--baseline", earlier, "--json")
        response = json.loads(out)["response"]
        # 9 mm have become 4 mm: 1 - 16 / 81 = 80% less; the other is the larger now.
        assert (response["code"], response["ulcers"]) == ("PR", ["u2"])
        assert response["percent_change"] == pytest.approx(-80.2, abs=2)
    first.unlink()
    status, out, _ = run("score", now, "--baseline", tmp_path / "first.json")
    assert status == 0
    assert f"not evaluable (match_unsure): {first}, the photograph of a record, is not there" in out
    words = ("score", now, "--baseline", "2.5", "--json")
    assert json.loads(run(*words)[1])["response"]["reason"] == "match_unsure"
    named = json.loads(run(*words, "--ulcer", "u2")[1])["response"]
    assert (named["code"], named["ulcers"]) == ("PR", ["u2"])
    status, out, error = run(*words, "--ulcer", "u3", "--out", tmp_path / "out")
    assert (status, out) == (2, "")
    assert_one_line(error, "now.png", "its ulcers are u1, u2")
    assert not (tmp_path / "out").exists()


def edited(path: Path, **facts) -> Path:
    """The record with other facts of its photograph, its digest left as it was."""
    record = json.loads(path.read_text(encoding="utf-8"))
    record["photo"].update(facts)
    other = path.with_name("edited.json")
    other.write_text(json.dumps(record), encoding="utf-8")
    return other


def test_records_are_checked_by_their_digest(run, drawn, tmp_path):
    run("score", drawn / "foot.png", "--out", tmp_path)
    record = tmp_path / "foot.json"
    assert json.loads(run("score", drawn / "foot.png", "--json")[1]) == json.loads(
        record.read_text(encoding="utf-8")
    )
    assert run("verify", record)[0] == 0
    changed = edited(record, captured_at="2026-01-01T00:00:00")
    status, out, error = run("verify", changed)
    assert (status, error) == (1, "")
    assert out.startswith(f"{changed}: NOT AS WRITTEN: edited after woundseg")
    assert out.count("\n") == 1
    status, out, error = run("score", drawn / "foot.png", "--baseline", changed)
    assert (status, out) == (2, "")
    assert_one_line(error, "edited.json", "its digest does not match")


def test_an_older_record_has_no_digest(run, drawn, tmp_path):
    run("score", drawn / "foot.png", "--out", tmp_path)
    record = tmp_path / "foot.json"
    facts = json.loads(record.read_text(encoding="utf-8"))
    del facts["digest"]
    record.write_text(json.dumps(facts), encoding="utf-8")
    status, out, _ = run("verify", record)
    assert (status, "has no digest" in out) == (1, True)
    status, out, error = run("score", drawn / "foot.png", "--baseline", record, "--json")
    assert (status, json.loads(out)["response"]["code"]) == (0, "SD")
    assert_one_line(error, "foot.json", "has no digest")


def test_verify_of_what_is_no_record(run, drawn, tmp_path):
    path = tmp_path / "r.json"
    path.write_text("{}")
    for words, told in (((path,), "is not a record"), ((path, "--head", "3f9c"), "--head")):
        status, out, error = run("verify", *words)
        assert (status, out) == (2, "")
        assert_one_line(error, told)


def test_out_never_replaces_another_photographs_files(run, drawn, tmp_path):
    out = tmp_path / "out"
    assert run("score", drawn / "foot.png", "--out", out)[0] == 0
    first = {path.name: path.read_bytes() for path in out.iterdir()}
    assert run("score", drawn / "foot.png", "--out", out)[0] == 0  # its own may be renewed
    other = toy_weights.save(tmp_path / "foot.png", toy_weights.photograph(()))
    status, told, error = run("score", other, "--out", out)
    assert (status, told) == (5, "")
    assert_one_line(error, "foot.json", "of another photograph", str(drawn / "foot.png"))
    assert {path.name: path.read_bytes() for path in out.iterdir()} == first
    (out / "foot.json").write_text("{}")
    assert run("score", drawn / "foot.png", "--out", out)[0] == 5
    (out / "foot.json").unlink()  # a picture that nobody knows
    status, _, error = run("score", drawn / "foot.png", "--out", out)
    assert status == 5
    assert_one_line(error, "foot_overlay.png")


def test_two_scales_that_disagree(run, drawn, tmp_path):
    # The card is drawn at 4 px/mm: 0.25 mm for each pixel.
    assert run("score", drawn / "foot.png", "--mm-per-px", "0.25")[0] == 0
    # Near enough for the card as a whole, and 15% of the area wrong at the ulcer.
    status, out, error = run("score", drawn / "foot.png", "--mm-per-px", "0.268")
    assert (status, out) == (2, "")
    assert_one_line(error, "foot.png", "0.25 mm for each pixel at the ulcer")
    status, out, error = run("score", drawn / "foot.png", "--mm-per-px", "0.5")
    assert (status, out) == (2, "")
    assert_one_line(error, "foot.png", "card in view gives 0.24", "0.5 given")
    run("score", drawn / "foot.png", "--card-line-mm", "97", "--out", tmp_path)
    words = ("score", drawn / "foot.png", "--baseline", tmp_path / "foot.json")
    status, out, error = run(*words)
    assert (status, out) == (2, "")
    assert_one_line(error, "foot.json", "--card-line-mm")
    assert run(*words, "--card-line-mm", "97")[0] == 0


def test_a_given_scale_holds_for_its_own_photograph_only(run, tmp_path):
    bare = toy_weights.save(tmp_path / "bare.png", toy_weights.photograph(cards=0))
    words = ("score", bare, "--mm-per-px", "0.25", "--baseline", bare, "--json")
    record = json.loads(run(*words)[1])
    assert record["total"]["area_cm2"] == pytest.approx(2.545, rel=0.02)
    assert record["response"]["reason"] == "no_scale"


def test_card_and_schema_name_what_they_made(run, tmp_path):
    for name in ("card.pdf", "card.png"):
        status, out, error = run("card", tmp_path / name, "--size", "small")
        assert (status, out, error) == (0, f"{tmp_path / name}\n", "")
        assert (tmp_path / name).stat().st_size > 1000


# --- bad photographs --------------------------------------------------------------------------


def png_bomb() -> bytes:
    """30,000 × 30,000 pixels in a few kilobytes: the header says so, the data is never read."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(100_000)))
        + chunk(b"IEND", b"")
    )


def animated_gif() -> bytes:
    frames = [Image.new("RGB", (100, 100), colour) for colour in ("red", "blue")]
    stream = io.BytesIO()
    frames[0].save(stream, "GIF", save_all=True, append_images=frames[1:], duration=100)
    return stream.getvalue()


def jpeg() -> bytes:
    return cv2.imencode(".jpg", toy_weights.photograph())[1].tobytes()


BAD_FILES = {
    "text.jpg": lambda: b"Dear colleague,\nthe photograph follows.\n",
    "cut.jpg": lambda: jpeg()[:9000],
    "empty.jpg": lambda: b"",
    "bomb.png": png_bomb,
    "animated.gif": animated_gif,
    "noise.jpg": lambda: b"\xff\xd8\xff" + np.random.default_rng(0).bytes(500),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_what_is_no_photograph(run, tmp_path, name):
    path = tmp_path / name
    path.write_bytes(BAD_FILES[name]())
    start = time.process_time()
    status, out, error = run("score", path, "--out", tmp_path / "out", "--json")
    assert (status, out) == (3, "")
    assert_one_line(error, name)
    assert not (tmp_path / "out").exists()
    assert time.process_time() - start < 2  # refused before decoding


@pytest.mark.parametrize("place", ["", "missing.jpg", "\udcff.jpg"])
def test_a_folder_and_what_is_not_there(run, tmp_path, place):
    status, out, error = run("score", tmp_path / place)
    assert (status, out) == (3, "")
    assert_one_line(error)


def test_a_name_that_is_no_utf8(run, tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.png")
    try:
        toy_weights.save(path, toy_weights.photograph())
    except OSError:
        pytest.skip("this disk takes UTF-8 names only")
    status, out, _ = run("score", path, "--json")
    assert status == 0
    assert ScoreRecord.model_validate_json(out).photo.path.endswith("caf\\udce9.png")
    assert run("segment", path, "--out", tmp_path / "masks", "--json")[0] == 0


def wall() -> np.ndarray:
    paint = np.full((480, 640, 3), (120, 150, 170), np.float64)
    noise = np.random.default_rng(3).normal(0, 3, paint.shape)
    return np.clip(paint + noise, 0, 255).astype(np.uint8)


def test_a_wall_is_not_measurable_and_says_so(run, tmp_path):
    path = toy_weights.save(tmp_path / "wall.png", wall())
    status, out, error = run("score", path, "--json", "--out", tmp_path / "out")
    assert status == 4
    record = ScoreRecord.model_validate_json(out)
    assert not record.quality.measurable
    assert set(record.total.model_dump().values()) == {None}
    assert_one_line(error.splitlines(keepends=True)[-1], "wall.png", "no_skin")
    assert (tmp_path / "out" / "wall.json").read_text() == out


def test_two_cards_give_no_scale(run, tmp_path):
    path = toy_weights.save(tmp_path / "two.png", toy_weights.photograph(cards=2))
    status, out, error = run("score", path, "--json")
    record = ScoreRecord.model_validate_json(out)
    assert (status, error) == (0, "")
    assert record.scale.source == "none"
    assert "scale_disagrees" in {flag.code for flag in record.quality.flags}
    status, again, error = run("score", path, "--json", "--require-scale")
    assert status == 4
    assert json.loads(again)["settings"]["require_scale"] is True
    assert_one_line(error, "two.png", "scale")


# --- wrong usage ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ("--marker-mm", "0"),
        ("--marker-mm", "-3"),
        ("--marker-mm", "inf"),
        ("--mm-per-px", "nan"),
        ("--card-line-mm", "nan"),
        ("--card-line-mm", "10"),
        ("--min-ulcer-cm2", "nan"),
        ("--min-ulcer-cm2", "0"),
        ("--marker-dict", "DICT_9X9"),
        ("--marker-mm", "10", "--mm-per-px", "0.2"),
        ("--baseline", "-1"),
        ("--baseline", "nan"),
        ("--baseline", "missing.json"),
        ("--closed",),
        ("--ulcer", "u1"),
        ("--protocol", "missing.yaml"),
        ("--weights", "missing.onnx"),
        ("--precision", "int8"),
        ("--device", "tpu"),
        ("--marker-mm", "wide"),
        ("--unknown",),
    ],
)
def test_wrong_usage(run, drawn, toy, tmp_path, words):
    own = () if words[0] == "--weights" else ("--weights", toy)
    arguments = ("score", drawn / "foot.png", "--out", tmp_path / "out", *own, *words)
    status, out, error = run(*arguments, weights=False)
    assert (status, out) == (2, "")
    assert_one_line(error, words[1] if words[-1].startswith("missing") else words[0])
    assert not (tmp_path / "out").exists()


def test_a_missing_command_is_wrong_usage(run):
    status, out, error = run("frobnicate")
    assert (status, out) == (2, "")
    assert_one_line(error, "frobnicate")


def test_what_is_no_weight_file(run, drawn, toy, tmp_path):
    for name, content in (("text.onnx", b"weights"), ("foreign.onnx", b"")):
        path = tmp_path / name
        path.write_bytes(content)
        if not content:
            toy_weights.write(path, {})
        status, _, error = run("score", drawn / "foot.png", "--weights", path, weights=False)
        assert status == 2
        assert_one_line(error, name)


def test_photographs_that_a_baseline_cannot_be(run, drawn, tmp_path):
    record = tmp_path / "other.json"
    record.write_text('{"area": 3}')
    status, _, error = run("score", drawn / "foot.png", "--baseline", record)
    assert status == 2
    assert_one_line(error, "other.json")
    status, _, error = run("score", drawn / "foot.png", "--baseline", tmp_path / "gone.jpg")
    assert status == 3
    assert_one_line(error, "gone.jpg")


# --- results that cannot be written -----------------------------------------------------------


def places(tmp_path: Path) -> list[Path]:
    """Where not even root may write."""
    (tmp_path / "file").write_text("in the way")
    found = [tmp_path / "file", tmp_path / "file" / "deeper"]
    if sys.platform.startswith("linux"):
        found.append(Path("/proc/self/woundseg"))
    return found


def test_no_permission(run, drawn, tmp_path):
    for place in places(tmp_path):
        for command in ("score", "segment"):
            status, out, error = run(command, drawn / "foot.png", "--out", place)
            assert (status, out) == (5, ""), place
            assert_one_line(error, str(place))
        status, out, error = run("card", place / "card.pdf")
        assert (status, out) == (5, "")
        assert_one_line(error, str(place))
    assert (tmp_path / "file").read_text() == "in the way"


def test_a_full_disk_leaves_nothing_half_written(run, drawn, tmp_path, monkeypatch):
    assert run("score", drawn / "foot.png", "--out", tmp_path)[0] == 0
    yesterday = (tmp_path / "foot.json").read_bytes()

    def full(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    for words in (
        ("score", drawn / "foot.png", "--out", tmp_path),
        ("segment", drawn / "foot.png", "--out", tmp_path),
        ("card", tmp_path / "card.png"),
    ):
        status, out, error = run(*words)
        assert (status, out) == (5, "")
        assert_one_line(error, str(tmp_path), "disk is full")
    assert {path.name for path in tmp_path.iterdir()} == {"foot.json", "foot_overlay.png"}
    assert (tmp_path / "foot.json").read_bytes() == yesterday


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_standard_output_on_a_full_disk():
    script = Path(sys.executable).with_name("woundseg")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([script, "schema"], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 5
    assert_one_line(done.stderr.decode(), "standard output")


def test_a_reader_that_has_gone():
    script = Path(sys.executable).with_name("woundseg")
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([script, "schema"], stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (5, b"")


# --- faults, interruptions --------------------------------------------------------------------


def test_a_fault_of_ours(run, drawn, monkeypatch):
    def fail(*_arguments, **_options):
        raise ZeroDivisionError("division\nby zero")

    monkeypatch.setattr("woundseg.photo.read", fail)
    status, out, error = run("score", drawn / "foot.png")
    assert (status, out) == (70, "")
    assert_one_line(error, "ZeroDivisionError: division by zero", "--debug")
    status, _, error = run("score", drawn / "foot.png", "--debug")
    assert status == 70
    assert "Traceback" in error


def test_debug_shows_the_traceback_of_a_known_error(run, tmp_path):
    status, _, error = run("score", tmp_path / "gone.jpg", "--debug")
    assert status == 3
    assert "Traceback" in error


def test_interrupted(run, drawn, monkeypatch):
    def stop(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("woundseg.photo.read", stop)
    status, out, error = run("score", drawn / "foot.png")
    assert (status, out, error) == (130, "", "woundseg: interrupted.\n")


# --- segment ----------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path) -> Path:
    root = tmp_path / "photos"
    (root / "p01").mkdir(parents=True)
    toy_weights.save(root / "p01" / "a.png", toy_weights.photograph(cards=0))
    toy_weights.save(root / "b.jpg", toy_weights.photograph((), cards=0))
    (root / "notes.txt").write_text("not a photograph")
    return root


def test_segment_keeps_folders_sizes_and_values(run, folder, tmp_path):
    status, out, _ = run("segment", folder, "--out", tmp_path / "masks")
    assert status == 0
    assert out.splitlines() == [str(tmp_path / "masks" / n) for n in ("b.png", "p01/a.png")]
    for name, share in (("p01/a.png", np.pi * 36**2), ("b.png", 0)):
        with Image.open(tmp_path / "masks" / name) as mask:
            assert (mask.mode, mask.size) == ("L", (760, 520))
            values = np.array(mask)
        assert set(np.unique(values)) <= {0, 255}
        assert (values == 255).sum() == pytest.approx(share, rel=0.02)


def test_segment_as_json(run, folder, tmp_path):
    _, out, _ = run("segment", folder, "--out", tmp_path / "masks", "--json")
    first, second = json.loads(out)
    assert first == {
        "photo": str(folder / "b.jpg"),
        "mask": str(tmp_path / "masks" / "b.png"),
        "ulcer_px": 0,
        "tissue": None,
        "error": None,
    }
    assert second["ulcer_px"] == pytest.approx(np.pi * 36**2, rel=0.02)


def test_segment_lists_what_failed(run, folder, tmp_path):
    (folder / "cut.jpg").write_bytes(jpeg()[:9000])
    status, out, error = run("segment", folder, "--out", tmp_path / "masks")
    assert status == 1
    assert_one_line(error, "cut.jpg")
    assert len(out.splitlines()) == 2
    status, out, error = run("segment", folder / "cut.jpg", "--out", tmp_path / "masks")
    assert (status, out) == (3, "")
    assert_one_line(error, "cut.jpg")


def test_segment_refuses_two_of_one_stem(run, folder, tmp_path):
    toy_weights.save(folder / "b.png", wall())
    status, _, error = run("segment", folder, "--out", tmp_path / "masks")
    assert status == 2
    assert_one_line(error, "b.jpg", "b.png")
    assert not (tmp_path / "masks").exists()


def test_segment_never_replaces_a_photograph(run, folder):
    before = (folder / "p01" / "a.png").read_bytes()
    status, _, error = run("segment", folder, "--out", folder)
    assert status == 2
    assert_one_line(error, str(folder))
    assert (folder / "p01" / "a.png").read_bytes() == before


def test_segment_leaves_out_its_own_results(run, folder):
    for _ in range(2):
        status, out, _ = run("segment", folder, "--out", folder / "masks")
        assert status == 0
        assert len(out.splitlines()) == 2


def test_segment_of_a_folder_without_photographs(run, tmp_path):
    for place in (tmp_path, tmp_path / "missing"):
        status, _, error = run("segment", place, "--out", tmp_path / "masks")
        assert status == 2
        assert_one_line(error, str(place))


def label_map(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        assert picture.mode == "L"
        return np.array(picture)


def test_segment_writes_tissues_inside_the_mask_alone(run, folder, tmp_path):
    out = tmp_path / "masks"
    status, told, _ = run("segment", folder, "--out", out, "--tissue")
    assert status == 0
    assert told.splitlines() == [str(out / name) for name in ("b.png", "p01/a.png")]
    assert {str(path.relative_to(out)) for path in out.rglob("*.png")} == {
        "b.png",
        "b_tissue.png",
        "p01/a.png",
        "p01/a_tissue.png",
    }
    mask, tissue = label_map(out / "p01" / "a.png"), label_map(out / "p01" / "a_tissue.png")
    assert tissue.shape == mask.shape
    assert set(np.unique(tissue)) <= {0, 1, 2, 3, 4}
    assert tissue.any()
    assert not tissue[mask == 0].any()
    assert not label_map(out / "b_tissue.png").any()  # no ulcer


def test_segment_names_the_tissue_maps_as_json(run, folder, tmp_path):
    out = tmp_path / "masks"
    first, second = json.loads(run("segment", folder, "--out", out, "--tissue", "--json")[1])
    assert first["tissue"] == str(out / "b_tissue.png")
    assert second["tissue"] == str(out / "p01" / "a_tissue.png")
    assert (second["mask"], second["error"]) == (str(out / "p01" / "a.png"), None)


def test_segment_refuses_a_photograph_named_as_anothers_tissue_map(run, folder, tmp_path):
    toy_weights.save(folder / "b_tissue.jpg", wall())
    out = tmp_path / "masks"
    status, _, error = run("segment", folder, "--out", out, "--tissue")
    assert status == 2
    assert_one_line(error, "b.jpg", "b_tissue.jpg")
    assert not out.exists()
    assert run("segment", folder, "--out", out)[0] == 0  # masks alone do not meet


# --- measured colours of the card -------------------------------------------------------------


def profile_text(columns: str = "patch,L,a,b") -> str:
    """The colours of the card as drawn, as CSV."""
    rows = [f"{n},{lab[0]},{lab[1]},{lab[2]}" for n, lab in toy_weights.profile().items()]
    return "\n".join([columns, *rows]) + "\n"


def test_score_takes_the_cards_measured_colours(run, drawn, tmp_path):
    path = tmp_path / "card.csv"
    path.write_text(profile_text())
    status, out, _ = run("score", drawn / "foot.png", "--json", "--card-profile", path)
    record = ScoreRecord.model_validate_json(out)
    assert status == 0
    assert record.settings.card_profile == toy_weights.profile()
    assert record.colour.source == "card"
    assert record.colour.residual_de2000 == pytest.approx(0, abs=1)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("patch,L,a\nred,40,50\n", "no column b"),
        ("", "no column patch, L, a, b"),
        ("patch,L,a,b\n", "0 greys"),
        ("patch,L,a,b\nmauve,1,2,3\n", "mauve"),
        ("patch,L,a,b\nred,110,2,3\n", "110"),
        (None, "cannot be read"),
    ],
)
def test_a_profile_that_cannot_be_used_stops_before_any_work(run, drawn, tmp_path, text, named):
    path = tmp_path / "card.csv"
    if text is not None:
        path.write_text(text)
    words = ("score", drawn / "foot.png", "--out", tmp_path / "out", "--card-profile", path)
    status, out, error = run(*words)
    assert (status, out) == (2, "")
    assert_one_line(error, "card.csv", named)
    assert not (tmp_path / "out").exists()

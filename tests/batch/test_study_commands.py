"""batch, verify and correct at the command line: who is refused, in one line, with which status."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import signal
import subprocess
import sys

import pytest

toy_weights = pytest.importorskip("toy_weights", reason="needs onnx")

from study import draw, go, table
from test_store import tamper

from woundseg import cli, store
from woundseg.cli.progress import Quiet
from woundseg.errors import EXIT_DONE, EXIT_OUTPUT, EXIT_PARTLY, EXIT_USAGE

PHOTO = "S1/V1_2026-01-05/a.png"

RUNNER = """
import sys
from pathlib import Path
from woundseg.batch.alone import alone

with alone(Path(sys.argv[1]), sys.argv[2] or None, create=True):
    print("alone", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def photos(tmp_path):
    draw(tmp_path / "photos", PHOTO)
    return tmp_path / "photos"


@pytest.fixture
def out(photos, tmp_path, toy):
    """A study that was measured."""
    go(photos, tmp_path / "study", toy)
    return tmp_path / "study"


@pytest.fixture
def woundseg(capfd):
    """Runs a command in this process: exit status, standard output, standard error."""

    def call(*words):
        return cli.main([str(word) for word in words]), *capfd.readouterr()

    return call


@contextlib.contextmanager
def runner(out, where=""):
    """Another process, which has the study for itself."""
    command = [sys.executable, "-c", RUNNER, str(out), str(where)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as process:
        try:
            assert process.stdout.readline() == "alone\n"
            yield process
        finally:
            process.kill()


def batch(photos, out, toy, *more):
    return "batch", photos, "--out", out, "--weights", toy, "--jobs", "1", "--quiet", *more


def correct(out):
    return "correct", out, PHOTO, "--not-evaluable", "--by", "A. Nurse", "--reason", "dressed"


def contents(folder) -> dict[str, bytes]:
    """Every file but SQLite's passing ones and the lock, which a reader may touch."""
    passing = ("-wal", "-shm", ".lock")
    found = (path for path in folder.rglob("*") if not path.name.endswith(passing))
    return {str(path): path.read_bytes() for path in found if path.is_file()}


def assert_refused(done, *words) -> None:
    """One line of the form "subject: cause. Remedy.", status 2, nothing on standard output."""
    status, told, error = done
    assert (status, told) == (EXIT_USAGE, ""), error
    assert re.fullmatch(r".+: .+\. .+\.\n", error), error
    assert all(str(word) in error for word in words), error


# --- one run at a time --------------------------------------------------------------------------


def test_a_second_run_is_refused_before_it_writes(photos, out, toy, woundseg):
    """Half-written files are the first run's: it is at work on them."""
    (photos / "S9").mkdir()
    (photos / "S9" / "no_date.png").write_bytes(b"")  # a plan with something to say
    half = out / ".visits.csv.01234567.part.csv"
    half.write_text("subject,")
    with runner(out) as first:
        before = contents(out)
        busy = (out / "study.sqlite", "another run is writing", "Wait until it ends")
        assert_refused(woundseg(*batch(photos, out, toy)), *busy)
        assert_refused(woundseg(*correct(out)), *busy)
        assert contents(out) == before
        status, told, _ = woundseg("verify", out, "--sample", "0")
        assert (status, "consistent; give --head" in told) == (EXIT_DONE, True)
        first.send_signal(signal.SIGKILL)
        first.wait()
    assert woundseg(*correct(out))[0] == EXIT_DONE
    assert half.exists()
    assert woundseg(*batch(photos, out, toy))[0] != EXIT_USAGE
    assert not half.exists()


def test_one_folder_and_two_stores_or_one_store_and_two_folders(photos, out, toy, woundseg):
    elsewhere = f"sqlite:///{out.parent}/other/kept.sqlite"
    here = f"sqlite:///{out}/study.sqlite"
    with runner(out):
        same_folder = batch(photos, out, toy, "--store", elsewhere)
        assert_refused(woundseg(*same_folder), out, "another run is writing")
        same_store = batch(photos, out.parent / "third", toy, "--store", here)
        assert_refused(woundseg(*same_store), out / "study.sqlite", "another run is writing")
        assert not (out.parent / "third").exists()
    with runner(out, elsewhere):
        assert_refused(woundseg(*batch(photos, out, toy)), out, "another run is writing")
    assert woundseg(*batch(photos, out, toy, "--store", here))[0] == EXIT_DONE


def test_another_study_is_none_of_its_business(photos, out, toy, woundseg):
    with runner(out.parent / "other"):
        assert woundseg(*batch(photos, out, toy))[0] == EXIT_DONE


# --- what is wrong is said before the work starts, all of it --------------------------------------


def test_strict_lists_every_fault_then_refuses_in_one_line(photos, out, toy, woundseg):
    draw(photos, "S2/V1_01-02-2026/a.png", "S2/no_date.png")
    copy = photos / "S3" / "V1_2026-01-05" / "a.png"
    copy.parent.mkdir(parents=True)
    copy.write_bytes((photos / PHOTO).read_bytes())
    before = contents(out)
    status, told, error = woundseg(*batch(photos, out, toy, "--strict"))
    assert (status, told) == (EXIT_USAGE, "")
    lines = error.splitlines()
    assert lines[0] == "not in the plan: 3"
    assert [line.split(":")[0].strip() for line in lines[1:4]] == [
        "S2/V1_01-02-2026/a.png",
        "S2/no_date.png",
        "S3/V1_2026-01-05/a.png",
    ]
    assert lines[4:] == [
        f"{photos}: the plan has 3 faults. Mend what is listed, or leave out --strict."
    ]
    assert contents(out) == before
    status, told, error = woundseg(*batch(photos, out, toy, "--strict", "--dry-run"))
    assert (status, told.splitlines()[-4:], error.splitlines()) == (
        EXIT_USAGE,
        lines[:4],
        lines[4:],
    )


def test_an_export_that_cannot_be_written_is_refused_before_measuring(photos, toy, woundseg):
    fresh, none = photos.parent / "fresh", photos.parent / "none"
    wanted = ("--redcap", none / "r.csv", "--fhir", none / "o.json")
    for more in ((), ("--dry-run",)):
        status, _, error = woundseg(*batch(photos, fresh, toy, *wanted, *more))
        told = "its folder does not exist. Make the folder first."
        names = ("r.csv", "r_dictionary.csv", "o.json")
        assert (status, error.splitlines()) == (EXIT_OUTPUT, [f"{none / n}: {told}" for n in names])
    assert not fresh.exists()


def test_visits_that_would_be_one_event_are_refused_before_measuring(photos, toy, woundseg):
    draw(
        photos, PHOTO, "S1/X-2_2026-01-12/a.png", "S1/X2_2026-01-19/a.png", "S2/X2_2026-01-19/b.png"
    )
    fresh, redcap = photos.parent / "fresh", photos.parent / "r.csv"
    done = woundseg(*batch(photos, fresh, toy, "--redcap", redcap))
    assert_refused(done, redcap, "visits 'X-2' and 'X2' would be one event in REDCap, x2_arm_1")
    assert not fresh.exists()
    assert not redcap.exists()


def test_an_export_may_not_take_the_place_of_another_file_of_the_run(photos, out, toy, woundseg):
    same = photos.parent / "o.json"
    for wanted in (("--fhir", out / "visits.csv"), ("--fhir", same, "--redcap", same)):
        assert_refused(woundseg(*batch(photos, out, toy, *wanted)), "is another file of the same")


def test_an_export_goes_into_the_folder_that_the_run_makes(photos, toy, woundseg):
    fresh = photos.parent / "fresh"
    status, _, _ = woundseg(*batch(photos, fresh, toy, "--fhir", fresh / "o.json"))
    assert (status, (fresh / "o.json").exists()) == (EXIT_DONE, True)


def test_a_failing_export_costs_only_itself(photos, toy, woundseg, monkeypatch):
    """Its folder goes while photographs are measured: no look beforehand could tell."""
    fresh, gone = photos.parent / "fresh", photos.parent / "gone"
    gone.mkdir()
    monkeypatch.setattr(Quiet, "measured", lambda _self, _outcome: gone.rmdir(), raising=False)
    wanted = ("--redcap", gone / "r.csv", "--fhir", fresh / "o.json")
    status, told, error = woundseg(*batch(photos, fresh, toy, *wanted))
    assert status == EXIT_OUTPUT
    assert "1 rows in" in told
    assert "head of the chain: " in told
    assert error == f"{gone / 'r.csv'}: its folder does not exist. Make the folder first.\n"
    assert (fresh / "report.html").exists()
    assert (fresh / "o.json").exists()
    shutil.rmtree(fresh)
    gone.mkdir()
    status, told, _ = woundseg(*batch(photos, fresh, toy, *wanted, "--json"))
    assert (status, len(json.loads(told)["errors"])) == (EXIT_OUTPUT, 1)


# --- a newer study ------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["batch", "verify", "correct"])
def test_a_study_of_a_newer_version_is_refused(photos, out, toy, woundseg, command):
    tamper(out / "study.sqlite", f"UPDATE study SET value = '{store.SCHEMA + 1}'")
    words = {"batch": batch(photos, out, toy), "verify": ("verify", out), "correct": correct(out)}
    before = contents(out)
    done = woundseg(*words[command])
    assert_refused(done, out / "study.sqlite", "was made by a newer woundseg", "Update woundseg.")
    assert contents(out) == before


def add_newer_record(out, kind) -> None:
    """A row as a newer version would add it: the same tables, and a figure more in its record."""
    with store.Store.open(out / "study.sqlite") as kept:
        entry = kept.current(PHOTO)
        result = store.canonical({**json.loads(entry.result), "depth_mm": 3})
        made = store.canonical({"software": "woundseg 9.0"})
        same = {name: getattr(entry, name) for name in ("path", "sha256", "settings", "sketch")}
        kept.append([store.NewEntry(kind=kind, result=result, made=made, **same)])


def test_a_record_of_a_newer_version_in_a_study_of_ours(photos, out, toy, woundseg):
    add_newer_record(out, "corrected")
    told = (PHOTO, "was made by woundseg 9.0", "Update woundseg.")
    assert_refused(woundseg(*batch(photos, out, toy)), *told)


def test_a_record_of_a_newer_version_is_not_measured_again(out, toy, woundseg):
    add_newer_record(out, "measured")
    status, told, error = woundseg("verify", out, "--weights", toy)
    assert (status, "0 photographs measured again" in told) == (EXIT_DONE, True)
    assert "woundseg 9.0" in error


def test_a_dry_run_as_json_is_one_document(photos, out, toy, woundseg):
    (photos / "nowhere.png").write_bytes(b"no photograph")
    status, told, _ = woundseg(*batch(photos, out, toy, "--dry-run", "--json"))
    plan = json.loads(told)
    assert status == EXIT_PARTLY
    assert plan["photos"][0]["path"] == PHOTO
    assert set(plan["photos"][0]) == {"path", "subject", "visit", "date", "ulcer", "from"}
    assert [(one["path"], one["stage"]) for one in plan["failures"]] == [("nowhere.png", "plan")]


def test_a_named_ulcer_and_a_doubtful_date_come_into_table_and_messages(photos, toy, woundseg):
    study, names = photos.parent / "named", photos.parent / "names.csv"
    names.write_text(f"path,ulcer\n{PHOTO},heel\n", encoding="utf-8")
    asked = ("--names", names, "--as-of", "2026-01-01", "--weights", toy, "--jobs", 1, "--quiet")
    status, _, told = woundseg("batch", photos, "--out", study, *asked)
    assert status == EXIT_DONE
    assert "  subject S1: visit V1 is dated 2026-01-05, after today (2026-01-01)\n" in told
    (row,) = table(study)
    assert (row["ulcer"], row["evaluable"]) == ("heel", "Y")
    assert "date_future" in row["flags"].split(";")


def test_a_run_says_what_to_look_at(photos, toy, woundseg):
    """An ulcer of radius 9 mm that has one of 3 mm the next day: 4.2 cm a week."""
    other = photos / "S1/V2_2026-01-06/a.png"
    other.parent.mkdir()
    toy_weights.save(other, toy_weights.photograph(((30.0, 24.0, 3.0),)))
    names = photos.parent / "names.csv"
    names.write_text(f"path,ulcer\n{PHOTO},u1\nS1/V2_2026-01-06/a.png,u1\n", encoding="utf-8")
    asked = ("--names", names, "--weights", toy, "--jobs", 1, "--quiet")
    _, _, told = woundseg("batch", photos, "--out", photos.parent / "moved", *asked)
    assert "to look at:\n  subject S1: V2 2026-01-06: From 2.5" in told
    assert "the margin of u1 moved 4." in told
    assert table(photos.parent / "moved")[1]["reading_status"] == "waiting"


def test_a_dry_run_asks_nothing_of_the_store(photos, out, toy, woundseg):
    tamper(out / "study.sqlite", f"UPDATE study SET value = '{store.SCHEMA + 1}'")
    status, told, _ = woundseg(*batch(photos, out, toy, "--dry-run"))
    assert (status, PHOTO in told) == (EXIT_DONE, True)


# --- no study -----------------------------------------------------------------------------------


def test_a_study_that_is_not_there_is_not_made(tmp_path, woundseg):
    none = tmp_path / "none"
    for words in (("verify", none), correct(none)):
        assert_refused(woundseg(*words), "is not there", "run woundseg batch first")
    assert not none.exists()


def test_a_folder_that_is_no_study_is_left_as_it_is(tmp_path, woundseg):
    (tmp_path / "notes.txt").write_text("mine")
    assert_refused(woundseg(*correct(tmp_path)), "is not there")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]

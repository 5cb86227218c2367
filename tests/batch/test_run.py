"""A study's run: going on, changes, corrections, failures; nothing lost, nothing measured twice."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

toy_weights = pytest.importorskip("toy_weights", reason="needs onnx")

from study import CLOCK, Here, draw, go, options, table

from woundseg import masks, store, tissue_map
from woundseg.batch import provenance
from woundseg.batch.correct import Correction, correct, score_options
from woundseg.batch.run import run
from woundseg.batch.verify import VerifyOptions, verify
from woundseg.errors import OutputError, UsageError
from woundseg.measure import MeasureOptions
from woundseg.pipeline import ScoreOptions

FIRST, SECOND, OTHER = (
    "S1/V1_2026-01-05/a.png",
    "S1/V2_2026-01-19/a.png",
    "S2/V1_2026-01-06/a.png",
)


@pytest.fixture
def photos(tmp_path):
    draw(tmp_path / "photos", FIRST, SECOND, OTHER)
    return tmp_path / "photos"


@pytest.fixture
def out(tmp_path):
    return tmp_path / "study"


def history(out, path):
    with store.Store.open(out / "study.sqlite") as kept:
        return kept.history(path)


def test_a_study_is_measured_whole(photos, out, toy):
    summary, _engine = go(photos, out, toy)
    assert (summary.photos, summary.measured, summary.failures) == (3, 3, 0)
    rows = table(out)
    assert [(r["subject"], r["visit"], r["ulcer"], r["evaluable"]) for r in rows] == [
        ("S1", "V1", "u1", "Y"), ("S1", "V2", "u1", "Y"), ("S2", "V1", "u1", "Y"),
    ]  # fmt: skip
    # toy_weights draws a disc of known area; its own tests hold score to it
    assert all(abs(float(row["area_cm2"]) / float(rows[0]["area_cm2"]) - 1) < 0.02 for row in rows)
    assert (out / "overlays" / f"{FIRST}.jpg").read_bytes()[:2] == b"\xff\xd8"
    assert summary.head in (out / "report.html").read_text(encoding="utf-8")
    assert {path.name for path in out.iterdir()} == {
        "visits.csv", "failures.csv", "healing.csv", "report.html", "overlays", "study.sqlite",
        ".study.sqlite.lock",
    }  # fmt: skip


def test_run_again_measures_nothing_and_changes_nothing(photos, out, toy):
    before, _ = go(photos, out, toy)
    files = {p: p.read_bytes() for p in out.rglob("*") if p.is_file() and "sqlite" not in p.name}
    after, engine = go(photos, out, toy)
    assert (after.measured, engine.measured) == (0, [])
    assert after.head == before.head
    assert {path: path.read_bytes() for path in files} == files


def test_what_is_new_or_changed_is_measured_and_the_earlier_result_kept(photos, out, toy):
    go(photos, out, toy)
    changed = toy_weights.photograph()
    changed[0, 0] = 9, 9, 9
    toy_weights.save(photos / SECOND, changed)
    draw(photos, "S3/V1_2026-01-07/a.png")
    (photos / "S3/V1_2026-01-07/a.png").write_bytes(_other_photograph())
    _summary, engine = go(photos, out, toy)
    assert engine.measured == [SECOND, "S3/V1_2026-01-07/a.png"]
    earlier, now = history(out, SECOND)
    assert earlier.sha256 != now.sha256
    assert now.sha256 == table(out)[1]["sha256"]


def _other_photograph() -> bytes:
    import cv2

    pixels = toy_weights.photograph()
    pixels[0, 0] = 77, 0, 0
    return cv2.imencode(".png", pixels[..., ::-1])[1].tobytes()


def test_other_settings_measure_anew_and_the_first_ones_give_their_results_again(photos, out, toy):
    go(photos, out, toy)
    first = table(out)
    none_so_large = ScoreOptions(measure=MeasureOptions(min_ulcer_cm2=9.0))
    _, engine = go(photos, out, toy, score=none_so_large)
    assert len(engine.measured) == 3
    assert table(out)[0]["area_cm2"] == "0"
    go(photos, out, toy)  # measured again: pictures must show what the rows say
    assert table(out) == first


def test_a_run_that_breaks_off_goes_on_and_ends_like_a_clean_one(photos, out, toy, tmp_path):
    wanted = options(toy)

    class Breaks(Here):
        def outcomes(self, tasks):
            for number, outcome in enumerate(super().outcomes(tasks)):
                if number == 2:
                    raise KeyboardInterrupt
                yield outcome

    with pytest.raises(KeyboardInterrupt):
        run(photos, out, wanted, Breaks(wanted.setup))
    assert not (out / "visits.csv").exists()
    _summary, engine = go(photos, out, toy)
    assert engine.measured == [OTHER]
    go(photos, tmp_path / "clean", toy)
    for name in ("visits.csv", "failures.csv", "healing.csv"):
        assert (out / name).read_bytes() == (tmp_path / "clean" / name).read_bytes()


def test_killed_at_any_moment_nothing_is_lost_or_measured_twice(out, toy, tmp_path):
    photos = tmp_path / "many"
    draw(photos, *(f"S{n}/V1_2026-01-05/a.png" for n in range(12)))
    words = ["batch", str(photos), "--out", str(out), "--weights", str(toy), "--jobs", "2"]
    command = [sys.executable, "-m", "woundseg.cli", *words, "--quiet"]
    for wait_for in (1, 5):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and process.poll() is None:
            if (out / "study.sqlite").exists() and _count(out) >= wait_for:
                break
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.wait()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with store.Store.open(out / "study.sqlite") as kept:
        assert list(kept.alterations()) == []
        assert all(len(kept.history(path)) == 1 for path in kept.paths())
    assert len(table(out)) == 12
    assert list(out.rglob("*.part*")) == [] or os.name == "nt"


def test_what_a_killed_run_left_half_written_is_removed(photos, out, toy):
    (out / "overlays" / "S1").mkdir(parents=True)
    left = [out / ".visits.csv.01234567.part.csv", out / "overlays/S1/.a.png.jpg.89abcdef.part.jpg"]
    for path in left:
        path.touch()
    go(photos, out, toy)
    assert [path.exists() for path in left] == [False, False]


def test_a_study_of_which_nothing_can_be_placed(tmp_path, out, toy):
    draw(tmp_path / "photos", "S1/V1_01-02-2026/a.png")
    summary, _ = go(tmp_path / "photos", out, toy)
    assert (summary.photos, summary.rows, summary.failures) == (0, 0, 1)
    assert table(out) == []
    assert "01-02-2026" in (out / "report.html").read_text(encoding="utf-8")


def _count(out) -> int:
    try:
        with store.Store.open(out / "study.sqlite") as kept:
            return kept.count()
    except Exception:  # it is just being made
        return 0


def test_one_bad_photograph_costs_one_row(photos, out, toy):
    (photos / SECOND).write_bytes((photos / SECOND).read_bytes()[:400])
    summary, _ = go(photos, out, toy)
    assert summary.failures == 1
    (failure,) = table(out, "failures.csv")
    assert (failure["path"], failure["stage"]) == (SECOND, "read")
    assert failure["advice"].endswith(".")
    assert [row["evaluable"] for row in table(out)] == ["Y", "N", "Y"]
    _, engine = go(photos, out, toy)
    assert engine.measured == []  # it is as damaged as before


def test_a_photograph_that_is_gone_is_told_and_its_results_are_kept(photos, out, toy):
    go(photos, out, toy)
    shutil.rmtree(photos / "S2")
    _summary, _ = go(photos, out, toy)
    assert [(f["path"], f["stage"]) for f in table(out, "failures.csv")] == [(OTHER, "plan")]
    assert len(history(out, OTHER)) == 1


def test_strict_stops_before_anything_is_written(photos, out, toy):
    draw(photos, "S4/V1_01-02-2026/a.png")
    with pytest.raises(UsageError, match="the plan has 1 fault"):
        go(photos, out, toy, strict=True)
    assert not out.exists()


def test_a_correction_supersedes_and_overwrites_nothing(photos, out, toy, tmp_path):
    go(photos, out, toy)
    before = table(out)
    outline = np.zeros(toy_weights.photograph().shape[:2], bool)
    outline[100:200, 100:200] = True
    masks.write_mask(tmp_path / "mask.png", outline)
    said = Correction(FIRST, "A. Nurse", "callus was outlined", tmp_path / "mask.png", weights=toy)
    correct(out, said, CLOCK)
    _, engine = go(photos, out, toy)
    assert engine.measured == []
    row = table(out)[0]
    assert row["model"].startswith("outlined by hand")
    assert "corrected" in row["flags"].split(";")
    assert float(row["area_cm2"]) != float(before[0]["area_cm2"])
    assert [entry.kind for entry in history(out, FIRST)] == ["measured", "corrected"]
    told = json.loads(history(out, FIRST)[1].made)
    assert (told["by"], told["reason"]) == ("A. Nurse", "callus was outlined")


def test_called_not_evaluable_by_a_person(photos, out, toy):
    go(photos, out, toy)
    correct(out, Correction(FIRST, "A. Nurse", "dressing in view"), CLOCK)
    go(photos, out, toy)
    assert (table(out)[0]["evaluable"], table(out)[0]["area_cm2"]) == ("N", "")
    assert "dressing in view" in table(out, "failures.csv")[0]["error"]


def test_a_correction_of_an_earlier_file_does_not_count(photos, out, toy):
    go(photos, out, toy)
    correct(out, Correction(FIRST, "A. Nurse", "dressing in view"), CLOCK)
    (photos / FIRST).write_bytes(_other_photograph())
    go(photos, out, toy)
    assert table(out)[0]["evaluable"] == "Y"


@pytest.mark.parametrize(
    ("said", "match"),
    [
        (Correction("S9/nothing.png", "A", "b"), "no photograph of this study"),
        (Correction(FIRST, " ", "b"), "--by"),
        (Correction(FIRST, "A", ""), "--reason"),
    ],
)
def test_a_correction_that_cannot_be(photos, out, toy, said, match):
    go(photos, out, toy)
    with pytest.raises(UsageError, match=match):
        correct(out, said, CLOCK)
    assert len(history(out, FIRST)) == 1


def test_a_mask_of_another_size_is_refused(photos, out, toy, tmp_path):
    go(photos, out, toy)
    masks.write_mask(tmp_path / "mask.png", np.ones((70, 80), bool))
    with pytest.raises(UsageError, match="full size"):
        correct(out, Correction(FIRST, "A", "b", tmp_path / "mask.png", weights=toy), CLOCK)


def test_verify_finds_all_in_order_to_the_last_digit(photos, out, toy):
    summary, _ = go(photos, out, toy)
    verdict = verify(out, VerifyOptions(head=summary.head, weights=toy))
    assert verdict.sound
    assert (verdict.exact, verdict.near, verdict.notes) == (3, 0, [])
    assert verdict.head == summary.head


def test_verify_sees_a_table_changed_by_hand(photos, out, toy):
    go(photos, out, toy)
    text = (out / "visits.csv").read_text()
    (out / "visits.csv").write_text(text.replace(",Y,", ",N,", 1))
    verdict = verify(out, VerifyOptions(sample=0))
    assert not verdict.sound
    assert "visits.csv" in verdict.altered[0]


def test_verify_sees_a_head_that_is_not_of_this_chain(photos, out, toy):
    go(photos, out, toy)
    assert not verify(out, VerifyOptions(head="0" * 64, sample=0)).sound


def test_verify_says_when_a_photograph_is_gone(photos, out, toy):
    go(photos, out, toy)
    (photos / FIRST).unlink()
    verdict = verify(out, VerifyOptions(weights=toy))
    assert (verdict.exact, len(verdict.photographs), verdict.sound) == (2, 1, False)


def test_figures_that_do_not_come_out_again_are_seen(photos, out, toy, monkeypatch):
    from woundseg.batch import verify as looked

    go(photos, out, toy)
    real = looked.measure

    def off(task, segmenter):
        outcome = real(task, segmenter)
        record = json.loads(outcome.record)
        record["ulcers"][0]["area_px"] += 50
        object.__setattr__(outcome, "record", store.canonical(record))
        return outcome

    monkeypatch.setattr(looked, "measure", off)
    verdict = verify(out, VerifyOptions(weights=toy))
    assert len(verdict.differing) == 3
    assert not verdict.sound


def test_a_folder_that_cannot_be_written(photos, tmp_path, toy):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError):
        go(photos, tmp_path / "file" / "study", toy)


@pytest.mark.parametrize(
    "name", ["study/study.sqlite", "study/.study.sqlite.lock", "photos/" + FIRST, "who.csv"]
)
def test_an_export_takes_the_place_of_nothing_that_the_run_needs(photos, out, toy, tmp_path, name):
    told = f"path,subject,visit,date\n{FIRST},S1,V1,2026-01-05\n"
    (tmp_path / "who.csv").write_text(told, encoding="utf-8")
    go(photos, out, toy)
    target = tmp_path / name
    before = target.read_bytes()
    more = {"manifest": target} if name == "who.csv" else {}
    with pytest.raises(UsageError, match="Give it another name"):
        go(photos, out, toy, redcap=target, **more)
    assert target.read_bytes() == before


def test_exports_are_written_when_asked_for(photos, out, toy, tmp_path):
    fhir, redcap = tmp_path / "o.json", tmp_path / "r.csv"
    summary, _ = go(photos, out, toy, fhir=fhir, redcap=redcap)
    assert json.loads(fhir.read_text())["resourceType"] == "Bundle"
    assert redcap.read_text().startswith("record_id,redcap_event_name")
    assert {fhir, redcap} <= set(summary.paths)


# --- tissue and the card's colours ------------------------------------------------------------


@pytest.fixture
def single(tmp_path):
    """A study of one photograph."""
    draw(tmp_path / "single", FIRST)
    return tmp_path / "single"


def test_a_results_settings_hold_the_tissue_weights_and_the_cards_colours(single, out, toy):
    profile = toy_weights.profile()
    go(single, out, toy, score=ScoreOptions(card_profile=profile))
    (entry,) = history(out, FIRST)
    told = json.loads(entry.settings)
    assert told["tissue"] == tissue_map.weights_sha256()
    assert told["tissue_reading"] == tissue_map.READING
    assert told["card_profile"] == {name: list(lab) for name, lab in profile.items()}
    record = json.loads(entry.result)
    assert record["colour"]["residual_de2000"] is not None
    assert record["model"]["tissue"]["sha256"] == told["tissue"]
    # Whoever measures it again does so with the same settings, to the last digit.
    again = provenance.settings(told["weights"], told["precision"], score_options(entry))
    assert again == entry.settings
    verdict = verify(out, VerifyOptions(weights=toy))
    assert (verdict.exact, verdict.near, verdict.notes, verdict.sound) == (1, 0, [], True)


def test_another_way_of_reading_tissue_measures_anew(single, out, toy, monkeypatch):
    go(single, out, toy)
    monkeypatch.setattr(tissue_map, "READING", tissue_map.READING + 1)
    verdict = verify(out, VerifyOptions(weights=toy))
    assert verdict.notes == [
        f"{single / FIRST}: its colours and tissue were read by another version."
    ]
    _, engine = go(single, out, toy)
    assert len(engine.measured) == 1


def test_other_colours_of_the_card_measure_anew(single, out, toy):
    go(single, out, toy)
    assert json.loads(history(out, FIRST)[0].settings)["card_profile"] is None
    _, engine = go(single, out, toy, score=ScoreOptions(card_profile=toy_weights.profile()))
    assert len(engine.measured) == 1
    _, engine = go(single, out, toy, score=ScoreOptions(card_profile=toy_weights.profile()))
    assert engine.measured == []


def test_other_tissue_weights_measure_anew_and_are_told(single, out, toy, monkeypatch):
    go(single, out, toy)
    monkeypatch.setattr(tissue_map, "weights_sha256", lambda _weights=None: "f" * 64)
    verdict = verify(out, VerifyOptions(weights=toy))
    assert verdict.exact == 0
    (note,) = verdict.notes
    assert "other weights" in note
    assert verdict.sound
    _, engine = go(single, out, toy)
    assert len(engine.measured) == 1


def test_the_table_has_the_tissues_of_each_ulcer(single, out, toy):
    go(single, out, toy)
    record = json.loads(history(out, FIRST)[0].result)
    for name, share in record["ulcers"][0]["tissue"].items():
        assert float(table(out)[0][name]) == pytest.approx(share, abs=1e-6)
    shares = [float(table(out)[0][name]) for name in ("granulation", "slough", "necrosis", "other")]
    assert sum(shares) == pytest.approx(1, abs=1e-5)


def test_a_corrected_outline_has_its_own_tissue(single, out, toy, tmp_path):
    go(single, out, toy, score=ScoreOptions(card_profile=toy_weights.profile()))
    outline = np.zeros(toy_weights.photograph().shape[:2], bool)
    outline[100:200, 100:200] = True
    masks.write_mask(tmp_path / "mask.png", outline)
    correct(out, Correction(FIRST, "A", "b", tmp_path / "mask.png", weights=toy), CLOCK)
    corrected = json.loads(history(out, FIRST)[1].result)
    assert corrected["model"]["name"] == "outlined by hand"
    assert corrected["model"]["tissue"]["sha256"] == tissue_map.weights_sha256()
    assert sum(corrected["total"]["tissue"].values()) == pytest.approx(1)
    assert corrected["settings"]["card_profile"]["red"] == list(toy_weights.profile()["red"])

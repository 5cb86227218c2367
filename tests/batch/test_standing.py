"""What stands for a photograph: files that change in mid-run, corrections under other settings.

Expected values are interface.md's: a photograph that was taken has a row, a person's word
supersedes. Areas go with the square of the card's line: 95 mm for 100 mm is 0.9025.
"""

from __future__ import annotations

import numpy as np
import pytest

toy_weights = pytest.importorskip("toy_weights", reason="needs onnx")

import study
from study import CLOCK, Here, draw, go, options

from woundseg import masks, store
from woundseg.batch.correct import Correction, correct
from woundseg.batch.run import Watch, run
from woundseg.batch.verify import VerifyOptions, verify
from woundseg.pipeline import ScoreOptions
from woundseg.scale import ScaleOptions

V1, V2, V3 = (f"S1/V{n}_2026-01-{n + 4:02d}/a.png" for n in (1, 2, 3))


@pytest.fixture
def photos(tmp_path):
    draw(tmp_path / "photos", V1, V2, V3)
    return tmp_path / "photos"


@pytest.fixture
def out(tmp_path):
    return tmp_path / "study"


def table(out, name="visits.csv") -> dict[str, dict[str, str]]:
    return {row["path"]: row for row in study.table(out, name)}


def line(mm: float) -> ScoreOptions:
    return ScoreOptions(scale=ScaleOptions(card_line_mm=mm))


def overlay(out, path):
    return out / "overlays" / f"{path}.jpg"


class Meddling(Here):
    """Workers beside whom somebody does something after each photograph."""

    def __init__(self, setup, meddle):
        super().__init__(setup)
        self._meddle = meddle

    def outcomes(self, tasks):
        for outcome in super().outcomes(tasks):
            yield outcome
            self._meddle(outcome.ref.relative)


def go_meddled(photos, out, toy, meddle, watch=None):
    wanted = options(toy)
    return run(photos, out, wanted, Meddling(wanted.setup, meddle), watch)


# --- files that change or go while a run is at work -------------------------------------------


def test_a_file_that_changes_in_mid_run_keeps_the_row_of_what_was_read(photos, out, toy):
    before = (photos / V1).read_bytes()

    def meddle(path):
        if path == V1:
            pixels = toy_weights.photograph()
            pixels[0, 0] = 9, 9, 9
            toy_weights.save(photos / V1, pixels)

    summary = go_meddled(photos, out, toy, meddle)
    assert (summary.photos, summary.measured, summary.rows) == (3, 3, 3)
    assert (photos / V1).read_bytes() != before
    first = table(out)[V1]
    assert first["evaluable"] == "Y"
    summary, engine = go(photos, out, toy)
    assert engine.measured == [V1]
    assert table(out)[V1]["sha256"] != first["sha256"]


def test_a_file_that_changes_as_it_is_measured_is_measured_again(photos, out, toy, monkeypatch):
    """Same bytes' hash under the new file's size and time would hide the change for good."""
    from woundseg.batch import one

    real = one._measured

    def slow(task, segmenter):
        outcome = real(task, segmenter)
        if task.ref.relative == V2:
            pixels = toy_weights.photograph()
            pixels[0, 0] = 9, 9, 9
            toy_weights.save(photos / V2, pixels)
        return outcome

    monkeypatch.setattr(one, "_measured", slow)
    go(photos, out, toy)
    monkeypatch.undo()
    assert go(photos, out, toy)[1].measured == [V2]


def test_photographs_that_go_away_in_mid_run_lose_no_row(photos, out, toy):
    def meddle(path):
        if path == V2:
            photos.rename(photos.with_name("gone"))

    summary = go_meddled(photos, out, toy, meddle)
    assert (summary.rows, summary.failures) == (3, 1)
    rows = table(out)
    assert [rows[path]["evaluable"] for path in (V1, V2, V3)] == ["Y", "Y", "N"]
    assert table(out, "failures.csv")[V3]["stage"] == "read"
    photos.with_name("gone").rename(photos)
    summary, engine = go(photos, out, toy)
    assert (engine.measured, summary.failures) == ([V3], 0)


def test_photographs_that_go_away_before_the_report_cost_nothing(photos, out, toy):
    class Leaving(Watch):
        def stage(self, name):
            if photos.exists():
                photos.rename(photos.with_name("gone"))

    summary = go_meddled(photos, out, toy, lambda path: None, Leaving())
    assert (summary.rows, summary.failures) == (3, 0)
    assert (out / "report.html").exists()


# --- corrections ------------------------------------------------------------------------------


@pytest.fixture
def corrected(photos, out, toy, tmp_path):
    """The first photograph outlined by hand at a line of 100 mm; its row."""
    go(photos, out, toy, score=line(100))
    half = np.zeros(toy_weights.photograph().shape[:2], np.bool_)
    half[100:140, 100:160] = True
    masks.write_mask(tmp_path / "mask.png", half)
    outline(out, toy, tmp_path)
    go(photos, out, toy, score=line(100))
    return table(out)[V1]


def outline(out, toy, tmp_path, confirm=False):
    mask = tmp_path / "mask.png"
    correct(out, Correction(V1, "A. Nurse", "edge", mask, weights=toy, confirm=confirm), CLOCK)


def test_an_outline_under_another_scale_says_nothing_until_it_is_corrected_again(
    corrected, photos, out, toy, tmp_path
):
    go(photos, out, toy, score=line(95))
    row = table(out)[V1]
    assert (row["evaluable"], row["area_cm2"], row["flags"]) == ("N", "", "corrected")
    failure = table(out, "failures.csv")[V1]
    assert failure["error"] == "was corrected by A. Nurse under another scale or smallest area"
    assert not overlay(out, V1).exists()
    outline(out, toy, tmp_path)
    go(photos, out, toy, score=line(95))
    area = float(table(out)[V1]["area_cm2"])
    assert area == pytest.approx(0.9025 * float(corrected["area_cm2"]), rel=1e-5)


def test_settings_of_before_bring_the_outline_back_and_draw_the_pictures_anew(
    corrected, photos, out, toy
):
    before = overlay(out, V2).read_bytes()
    go(photos, out, toy, score=line(95))
    assert overlay(out, V2).read_bytes() != before
    go(photos, out, toy, score=line(100))
    assert overlay(out, V2).read_bytes() == before
    assert table(out)[V1] == corrected
    assert verify(out, VerifyOptions(weights=toy)).sound


def test_verify_tells_a_picture_that_was_changed(corrected, out):
    assert verify(out, VerifyOptions(sample=0)).sound
    overlay(out, V2).write_bytes(b"another picture")
    (told,) = verify(out, VerifyOptions(sample=0)).altered
    assert told.startswith(str(overlay(out, V2)))
    overlay(out, V1).write_bytes(b"no picture")
    assert len(verify(out, VerifyOptions(sample=0)).altered) == 2
    overlay(out, V1).unlink()
    overlay(out, V2).unlink()
    assert verify(out, VerifyOptions(sample=0)).sound


def test_a_picture_outlined_by_hand_stays_when_the_machine_measures_again(
    corrected, photos, out, toy
):
    picture = overlay(out, V1).read_bytes()
    other = ScoreOptions(scale=ScaleOptions(card_line_mm=100), require_scale=True)
    moved = ScoreOptions(measure=type(other.measure)(threshold=0.4), scale=other.scale)
    _, engine = go(photos, out, toy, score=moved)
    assert V1 in engine.measured
    assert overlay(out, V1).read_bytes() == picture
    assert table(out)[V1]["area_cm2"] == corrected["area_cm2"]


def test_another_content_and_back_leaves_no_picture_of_the_other(corrected, photos, out, toy):
    first, outlined = (photos / V1).read_bytes(), overlay(out, V1).read_bytes()
    pixels = toy_weights.photograph()
    pixels[0, 0] = 9, 9, 9
    toy_weights.save(photos / V1, pixels)
    go(photos, out, toy, score=line(100))
    assert overlay(out, V1).exists()
    (photos / V1).write_bytes(first)
    go(photos, out, toy, score=line(100))
    assert table(out)[V1] == corrected
    assert overlay(out, V1).read_bytes() == outlined  # drawn again from the mask that was kept
    assert verify(out, VerifyOptions(sample=0)).sound


def test_a_photograph_that_became_damaged_keeps_no_picture(photos, out, toy):
    go(photos, out, toy)
    (photos / V2).write_bytes((photos / V2).read_bytes()[:100])
    go(photos, out, toy)
    assert table(out)[V2]["evaluable"] == "N"
    assert not overlay(out, V2).exists()


class Killed(BaseException):
    """Nothing catches it, as nothing catches SIGKILL."""


def killed(*_: object) -> None:
    raise Killed


def test_a_run_that_is_killed_beside_a_picture_leaves_none_that_is_wrong(
    photos, out, toy, monkeypatch
):
    """Measured at 100 mm, killed as 95 mm is stored, then 100 mm again."""
    go(photos, out, toy, score=line(100))
    before = overlay(out, V1).read_bytes()
    monkeypatch.setattr(store.Store, "append", killed)
    with pytest.raises(Killed):
        go(photos, out, toy, score=line(95))
    monkeypatch.undo()
    go(photos, out, toy, score=line(100))
    assert not overlay(out, V1).exists() or overlay(out, V1).read_bytes() == before
    assert verify(out, VerifyOptions(sample=0)).sound


def test_a_correction_that_is_killed_leaves_no_picture_of_it(
    photos, out, toy, tmp_path, monkeypatch
):
    go(photos, out, toy)
    masks.write_mask(tmp_path / "mask.png", np.ones(toy_weights.photograph().shape[:2], np.bool_))
    monkeypatch.setattr(store.Store, "append", killed)
    with pytest.raises(Killed):
        outline(out, toy, tmp_path, confirm=True)
    monkeypatch.undo()
    assert verify(out, VerifyOptions(sample=0)).sound


def test_verify_beside_a_run_at_work_accuses_nobody(photos, out, toy):
    go(photos, out, toy)
    (out / "visits.csv").write_text("as a run is about to write it", encoding="utf-8")
    assert not verify(out, VerifyOptions(sample=0)).sound
    with store.Store.open(out / "study.sqlite") as kept, kept.alone():
        verdict = verify(out, VerifyOptions(sample=0))
    assert verdict.sound
    assert "a run is at work" in verdict.notes[0]


def test_an_ulcer_that_a_person_took_back_was_met(tmp_path, out, toy):
    """V2 shows no ulcer: no healed 0, though V1 has no figures any more."""
    draw(tmp_path / "photos", V1)
    (tmp_path / "photos" / V2).parent.mkdir(parents=True)
    toy_weights.save(tmp_path / "photos" / V2, toy_weights.photograph(ulcers=()))
    go(tmp_path / "photos", out, toy)
    correct(out, Correction(V1, "A. Nurse", "dressed"), CLOCK)
    go(tmp_path / "photos", out, toy)
    rows = table(out)
    assert [(rows[v]["evaluable"], rows[v]["area_cm2"]) for v in (V1, V2)] == [("N", "")] * 2


def test_a_photograph_called_not_evaluable_has_no_picture_with_figures(photos, out, toy):
    go(photos, out, toy)
    assert overlay(out, V1).exists()
    correct(out, Correction(V1, "A. Nurse", "dressed"), CLOCK)
    assert not overlay(out, V1).exists()
    go(photos, out, toy)
    assert not overlay(out, V1).exists()
    assert table(out)[V1]["evaluable"] == "N"

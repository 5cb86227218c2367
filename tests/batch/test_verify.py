"""``verify``: what it names, what it says it looked at, and what it says it did not."""

from __future__ import annotations

import shutil

import pytest

toy_weights = pytest.importorskip("toy_weights", reason="needs onnx")

from datetime import date

from study import CLOCK, draw, go, options

from woundseg.batch.correct import Correction, correct
from woundseg.batch.run import run
from woundseg.batch.verify import VerifyOptions, verify

V1, V2, V3 = (f"S1/V{n}_2026-01-{n + 4:02d}/a.png" for n in (1, 2, 3))


@pytest.fixture(scope="module")
def measured(tmp_path_factory, toy):
    folder = tmp_path_factory.mktemp("measured")
    draw(folder / "photos", V1, V2, V3)
    go(folder / "photos", folder / "study", toy)
    return folder


@pytest.fixture
def photos(measured, tmp_path):
    shutil.copytree(measured / "photos", tmp_path / "photos")
    return tmp_path / "photos"


@pytest.fixture
def out(measured, photos, tmp_path, toy):
    shutil.copytree(measured / "study", tmp_path / "study")
    return tmp_path / "study"


def at(photos, sample=0, **more):
    return VerifyOptions(sample=sample, photos=photos, **more)


def picture(out, path):
    return out / "overlays" / f"{path}.jpg"


def test_without_a_head_a_study_is_consistent_and_with_it_sound(photos, out):
    verdict = verify(out, at(photos))
    told = "consistent; give --head to show that nothing was rewritten"
    assert (verdict.sound, verdict.state()) == (True, told)
    verdict = verify(out, at(photos, head=verdict.head))
    assert verdict.state() == "sound: nothing was altered"


def test_what_was_looked_at_and_what_was_not(photos, out, toy):
    verdict = verify(out, at(photos, sample=2, weights=toy))
    again = "2 to the last digit, 0 within the engines' tolerance, 0 differ"
    assert verdict.checked == [
        "5 rows of the chain",
        "3 tables and the names of ulcers",
        "report.html",
        "3 pictures",
        "3 photographs",
        f"2 photographs measured again ({again})",
    ]
    assert [line.split(" (")[0] for line in verdict.unchecked] == [
        "whether rows were cut off or all made anew",
        "files of --redcap and --fhir",
        "the figures of 1 photograph",
    ]


def test_every_missing_or_replaced_photograph_is_named(photos, out):
    (photos / V1).unlink()
    (photos / V3).write_bytes((photos / V2).read_bytes())
    verdict = verify(out, at(photos))
    assert not verdict.sound
    missing, other = verdict.photographs
    assert missing.startswith(f"{photos / V1}: is missing")
    assert other.startswith(f"{photos / V3}: is another file than the one measured")


def test_a_folder_that_was_moved_is_said_once(photos, out):
    verdict = verify(out, at(photos.parent / "elsewhere"))
    told = "none of the 3 photographs is there. Say where they lie now with --photos."
    assert verdict.photographs == [f"{photos.parent / 'elsewhere'}: {told}"]
    assert not verdict.sound
    assert verify(out, at(photos)).sound


def test_a_report_that_was_changed_is_named_and_made_anew(photos, out, toy):
    page = out / "report.html"
    page.write_text(page.read_text(encoding="utf-8") + "<p>0 cm²</p>", encoding="utf-8")
    (line,) = verify(out, at(photos)).altered
    assert line.startswith(f"{page}: was changed since it was written")
    page.unlink()
    (line,) = verify(out, at(photos)).altered
    assert line.startswith(f"{page}: is missing")
    go(photos, out, toy)
    assert verify(out, at(photos)).sound


def test_a_report_of_another_day_is_in_order_and_the_chain_comes_to_rest(photos, out, toy):
    first = go(photos, out, toy)[0].head
    assert go(photos, out, toy)[0].head == first
    assert first in (out / "report.html").read_text(encoding="utf-8")
    wanted = options(toy)
    later = type(wanted.conclude)(**{**vars(wanted.conclude), "as_of": date(2026, 3, 1)})
    from dataclasses import replace

    from study import Here

    wanted = replace(wanted, conclude=later)
    summary = run(photos, out, wanted, Here(wanted.setup))
    assert summary.head == first
    assert verify(out, at(photos, head=first)).sound


# --- pictures -------------------------------------------------------------------------------------


def test_missing_pictures_are_named_and_drawn_again_without_a_new_row(photos, out, toy):
    go(photos, out, toy)  # the report names the folder of photographs, which was copied
    drawn = picture(out, V2).read_bytes()
    before = verify(out, at(photos)).entries
    picture(out, V2).unlink()
    verdict = verify(out, at(photos))
    assert verdict.sound
    (line,) = verdict.missing_pictures
    assert line.startswith(f"{picture(out, V2)}: is missing. Run woundseg batch again")
    summary, engine = go(photos, out, toy)
    assert (engine.measured, summary.measured) == ([V2], 0)
    assert picture(out, V2).read_bytes() == drawn
    assert verify(out, at(photos)).entries == before


def test_the_picture_of_an_outline_by_hand_is_drawn_again(photos, out, toy, tmp_path):
    import numpy as np

    from woundseg import masks

    rows, columns = np.mgrid[:520, :760]
    masks.write_mask(tmp_path / "mask.png", np.hypot(columns - 120, rows - 96) < 30)
    said = Correction(V1, "A. Nurse", "edge", tmp_path / "mask.png", photos, toy)
    correct(out, said, CLOCK)
    go(photos, out, toy)
    drawn = picture(out, V1).read_bytes()
    before = verify(out, at(photos)).entries
    picture(out, V1).unlink()
    go(photos, out, toy)
    assert picture(out, V1).read_bytes() == drawn
    assert verify(out, at(photos)).entries == before


def test_a_picture_that_comes_out_otherwise_is_noted(photos, out, toy, monkeypatch):
    """Another version draws otherwise: the figures are the same, and the new picture counts."""
    from woundseg.batch import one

    real = one.jpeg
    picture(out, V2).unlink()
    monkeypatch.setattr(one, "jpeg", lambda pixels, _quality: real(pixels, 40))
    go(photos, out, toy)
    monkeypatch.undo()
    verdict = verify(out, at(photos))
    assert (verdict.sound, verdict.missing_pictures) == (True, [])
    picture(out, V2).write_bytes(picture(out, V3).read_bytes())
    assert not verify(out, at(photos)).sound


def test_no_picture_is_drawn_of_what_a_person_took_back(photos, out, toy):
    correct(out, Correction(V1, "A. Nurse", "healed", decision="closed"), CLOCK)
    assert not picture(out, V1).exists()
    go(photos, out, toy)
    assert not picture(out, V1).exists()
    assert verify(out, at(photos)).missing_pictures == []
    correct(out, Correction(V1, "A. Nurse", "a slip", decision="undo"), CLOCK)
    go(photos, out, toy)
    assert picture(out, V1).exists()
    assert verify(out, at(photos)).sound

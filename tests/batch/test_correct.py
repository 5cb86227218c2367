"""A person's word on a photograph: accepted, closed, outlined, taken back; slips are refused.

Areas: discs of radius r mm have pi r² / 100 cm²; the drawn ulcers are 2.545 and 0.785 cm² and the
photographs have 4 px a mm. What must hold is interface.md's section on ``woundseg correct``.
"""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace

import numpy as np
import pytest

toy_weights = pytest.importorskip("toy_weights", reason="needs onnx")

from study import CLOCK, go, table

from woundseg import masks, measure, photo, segment, store
from woundseg.batch.correct import Correction, correct
from woundseg.batch.verify import VerifyOptions, verify
from woundseg.errors import UsageError

V1, V2 = (f"S1/V{n}_2026-0{n}-05/a.png" for n in (1, 2))
"""The first visit shows two ulcers, the second one, a month later, the larger alone."""
BOTH = toy_weights.ULCERS_MM
SHAPE = (520, 760)


def photograph(path, number, ulcers) -> None:
    pixels = toy_weights.photograph(ulcers=ulcers)
    pixels[0, 0] = number, 0, 0
    path.parent.mkdir(parents=True)
    toy_weights.save(path, pixels)


@pytest.fixture(scope="module")
def measured(tmp_path_factory, toy):
    """A study that was measured once; tests work on copies."""
    folder = tmp_path_factory.mktemp("measured")
    for number, (path, ulcers) in enumerate(((V1, BOTH), (V2, BOTH[:1]))):
        photograph(folder / "photos" / path, number, ulcers)
    go(folder / "photos", folder / "study", toy)
    return folder


@pytest.fixture
def place(measured, tmp_path):
    for name in ("photos", "study"):
        shutil.copytree(measured / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def said(place, toy):
    """Corrects a photograph, and gives the lines that are printed."""

    def say(path, decision, **more):
        words = {"by": "A. Nurse", "reason": "looked at it", **more}
        photos = place / "photos"
        word = Correction(path, decision=decision, weights=toy, photos=photos, **words)
        return list(correct(place / "study", word, CLOCK).lines)

    return say


@pytest.fixture
def rows(place, toy):
    """Runs again, and gives the rows by visit and ulcer."""

    def run():
        go(place / "photos", place / "study", toy)
        return {(row["visit"], row["ulcer"]): row for row in table(place / "study")}

    return run


def mask(place, *discs_mm, inverted=False):
    """A mask of discs (x, y, radius in mm)."""
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]] / toy_weights.PX_PER_MM
    inside = np.zeros(SHAPE, bool)
    for x, y, radius in discs_mm:
        inside |= np.hypot(columns - x, rows - y) < radius
    masks.write_mask(place / "mask.png", ~inside if inverted else inside)
    return place / "mask.png"


def figures(row):
    return {name: row[name] for name in row if name.startswith(("area", "perimeter", "length"))}


def before(place):
    return {(row["visit"], row["ulcer"]): row for row in table(place / "study")}


# --- accepted -------------------------------------------------------------------------------------


def test_accepted_figures_stay_and_the_row_is_read(place, said, rows):
    old = before(place)
    lines = said(V1, "accept")
    assert lines == [
        "u1: 2.53 cm² (2.39–2.69) before and after",
        "u2: 0.78 cm² (0.70–0.86) before and after",
    ]
    now = rows()
    for ulcer in ("u1", "u2"):
        row = now["V1", ulcer]
        assert figures(row) == figures(old["V1", ulcer])
        assert (row["reading_status"], row["reader"]) == ("read", "A. Nurse")
        assert row["flags"] == old["V1", ulcer]["flags"]
    assert now["V2", "u1"]["reading_status"] == "machine"
    assert (place / "study/overlays" / f"{V1}.jpg").exists()
    assert verify(place / "study", VerifyOptions(sample=0)).sound


def test_one_ulcer_accepted_leaves_the_others_to_the_machine(place, said, rows):
    old = before(place)
    said(V1, "accept", ulcer="u2")
    now = rows()
    assert [now["V1", u]["reader"] for u in ("u1", "u2")] == ["", "A. Nurse"]
    assert all(figures(now["V1", u]) == figures(old["V1", u]) for u in ("u1", "u2"))


def test_the_machines_own_mask_counts_as_accept_and_leaves_the_interval(place, said, rows, toy):
    """Handed back as woundseg segment writes it, and one pixel off at one place."""
    old = before(place)
    read = photo.read(place / "photos" / V1)
    own = measure.ulcers(segment.load("cpu", weights=toy)(read.pixels), None).labels > 0
    for edit in (False, True):
        own[96, np.flatnonzero(own[96])[0]] ^= edit
        masks.write_mask(place / "own.png", own)
        lines = said(V1, "mask", mask=place / "own.png")
        assert lines[-1] == "The mask is the machine's own outline: taken as --accept."
        now = rows()
        assert figures(now["V1", "u1"]) == figures(old["V1", "u1"])
        assert now["V1", "u1"]["reading_status"] == "read"
        assert now["V1", "u1"]["model"] == old["V1", "u1"]["model"]


def in_doubt(place, toy) -> None:
    """A third visit on which one ulcer is seen and nobody can tell which: the skin is mirrored."""
    path = place / "photos/S1/V3_2026-03-05/a.png"
    path.parent.mkdir(parents=True)
    pixels = toy_weights.photograph(ulcers=((40.0, 100.0, 6.0),))
    pixels[:, :236] = pixels[:, 235::-1].copy()
    toy_weights.save(path, pixels)
    go(place / "photos", place / "study", toy)


def test_a_row_in_doubt_is_accepted_only_by_the_ulcers_name(place, said, rows, toy):
    in_doubt(place, toy)
    third = "S1/V3_2026-03-05/a.png"
    doubtful = [row for row in table(place / "study") if row["visit"] == "V3"]
    assert all("match_unsure" in row["flags"] for row in doubtful if row["evaluable"] == "N")
    assert any(row["evaluable"] == "N" for row in doubtful)
    with pytest.raises(UsageError, match=r"no area on it: it is in doubt\. .*--ulcer"):
        said(third, "accept")
    said(third, "accept", ulcer="u2")
    row = rows()["V3", "u2"]
    assert (row["evaluable"], row["reading_status"]) == ("Y", "read")
    assert float(row["area_cm2"]) == pytest.approx(math.pi * 0.36, rel=0.02)


# --- closed, not evaluable ------------------------------------------------------------------------


def test_closed_is_a_zero_of_that_ulcer_alone(place, said, rows):
    old = before(place)
    lines = said(V1, "closed", ulcer="u2")
    assert lines[1] == "u2: 0.78 cm² (0.70–0.86) before, closed (0 cm²) after"
    now = rows()
    row = now["V1", "u2"]
    told = ("area_cm2", "closed", "evaluable", "reading_status", "reader", "area_cm2_high")
    assert [row[name] for name in told] == ["0", "Y", "Y", "read", "A. Nurse", ""]
    assert now["V1", "u1"] == old["V1", "u1"]
    assert now["V2", "u2"]["closed"] == ""


def test_closed_needs_the_name_where_there_are_several(said):
    with pytest.raises(UsageError, match=r"S1 has several ulcers \(u1, u2\)\. .*--ulcer"):
        said(V1, "closed")
    with pytest.raises(UsageError, match=r"u7 is no ulcer of S1 \(known: u1, u2\)"):
        said(V1, "closed", ulcer="u7", confirm=True)


def test_closed_counts_where_the_photograph_has_no_scale(tmp_path, toy):
    """A 0 needs no scale, and the endpoint passes over rows whose ``calibrated`` is N."""
    photograph(tmp_path / "photos" / V1, 0, BOTH[:1])
    path = tmp_path / "photos" / V2
    path.parent.mkdir(parents=True)
    toy_weights.save(path, toy_weights.photograph(ulcers=(), cards=0))
    go(tmp_path / "photos", tmp_path / "study", toy)
    assert table(tmp_path / "study")[1]["evaluable"] == "N"
    word = Correction(V2, "A. Nurse", "healed", decision="closed")  # u1 is the only one known
    correct(tmp_path / "study", word, CLOCK)
    go(tmp_path / "photos", tmp_path / "study", toy)
    row = table(tmp_path / "study")[1]
    assert [row[n] for n in ("ulcer", "area_cm2", "evaluable", "closed", "calibrated")] == [
        "u1", "0", "Y", "Y", "",
    ]  # fmt: skip


def test_one_ulcer_not_evaluable(place, said, rows):
    old = before(place)
    said(V1, "not_evaluable", ulcer="u1")
    now = rows()
    row = now["V1", "u1"]
    assert [row[n] for n in ("evaluable", "area_cm2", "reading_status")] == ["N", "", "read"]
    assert now["V1", "u2"] == old["V1", "u2"]


# --- taken back -----------------------------------------------------------------------------------


def test_undo_takes_back_the_newest_word_and_then_the_one_before(place, said, rows):
    old = before(place)
    said(V1, "mask", mask=mask(place, (30.0, 24.0, 7.5)), ulcer="u1")
    outlined = rows()
    said(V1, "not_evaluable")
    assert said(V1, "undo")[0] == "u1: not evaluable before, 1.76 cm² (1.66–1.86) after"
    assert rows() == outlined
    said(V1, "undo")
    assert rows() == old
    with pytest.raises(UsageError, match="has no correction to take back"):
        said(V1, "undo")
    with store.Store.open(place / "study/study.sqlite") as kept:
        told = [json.loads(entry.made).get("decision") for entry in kept.history(V1)]
        assert told == [None, "mask", "not_evaluable", "undo", "undo"]
    assert verify(place / "study", VerifyOptions(sample=0)).sound


# --- outlined -------------------------------------------------------------------------------------


def test_one_ulcer_outlined_leaves_the_others_as_they_are(place, said, rows):
    old = before(place)
    lines = said(V1, "mask", mask=mask(place, (30.0, 24.0, 7.5)), ulcer="u1")
    assert lines == [
        "u1: 2.53 cm² (2.39–2.69) before, 1.76 cm² (1.66–1.86) after",
        "u2: 0.78 cm² (0.70–0.86) before and after",
    ]
    now = rows()
    assert float(now["V1", "u1"]["area_cm2"]) == pytest.approx(math.pi * 0.5625, rel=0.01)
    assert now["V1", "u1"]["model"].startswith("outlined by hand")
    photographs = ("mm_per_px",)  # of the photograph: where its ulcers lie in the mean
    kept = {name for name in old["V1", "u2"] if name not in photographs}
    assert {n: now["V1", "u2"][n] for n in kept} == {n: old["V1", "u2"][n] for n in kept}


def test_a_whole_mask_replaces_all(place, said, rows):
    said(V1, "mask", mask=mask(place, (30.0, 24.0, 7.5)), confirm=True)
    now = rows()
    assert now["V1", "u1"]["reader"] == "A. Nurse"
    assert now.get(("V1", "u2"), {}).get("area_cm2", "") in ("", "0")


@pytest.mark.parametrize(
    ("discs", "inverted", "cause"),
    [
        ([(30, 24, 7.5)], True, "looks inverted"),
        ([(8, 120, 3)], False, "lies far from every earlier outline"),
        ([], False, "is black all over"),
    ],
)
def test_a_mask_that_looks_wrong_is_refused_until_it_is_confirmed(
    place, said, discs, inverted, cause
):
    drawn = mask(place, *discs, inverted=inverted)
    with pytest.raises(UsageError, match=cause) as refused:
        said(V1, "mask", mask=drawn)
    assert "--confirm" in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1
    assert said(V1, "mask", mask=drawn, confirm=True, ulcer="" if discs else "u2")


def test_a_mask_with_an_implausible_area_is_refused(place, said, monkeypatch):
    """The limits are quality's: what raises its flag is asked about here."""
    from woundseg.batch import outlining
    from woundseg.records import QualityFlag

    real = outlining.score_outlined

    def flagged(*words):
        scored = real(*words)
        flag = QualityFlag(code="implausible", severity="warning", advice="Look again.")
        quality = scored.record.quality.model_copy(update={"flags": (flag,)})
        return replace(scored, record=scored.record.model_copy(update={"quality": quality}))

    monkeypatch.setattr(outlining, "score_outlined", flagged)
    drawn = mask(place, (30.0, 24.0, 7.5))
    with pytest.raises(UsageError, match=r"gives an implausible area \(1\.8 cm²\)"):
        said(V1, "mask", mask=drawn)
    assert said(V1, "mask", mask=drawn, confirm=True)


def test_a_mask_that_holds_no_ulcer_is_no_zero(place, said):
    """Not even confirmed: closure is said with --closed."""
    with pytest.raises(UsageError, match="nothing as large as the smallest ulcer"):
        said(V1, "mask", mask=mask(place, (30.0, 24.0, 0.5)), confirm=True)
    with pytest.raises(UsageError, match="nothing as large as the smallest ulcer"):
        said(V1, "mask", mask=mask(place, (120.0, 100.0, 0.5)), confirm=True)  # far away as well


def test_an_outline_that_covers_an_ulcer_that_is_to_stay_is_refused(place, said):
    with pytest.raises(UsageError, match="covers or touches u2"):
        said(V1, "mask", mask=mask(place, (30, 24, 9), (30, 50, 3)), ulcer="u1", confirm=True)


def test_a_mask_that_leaves_out_an_ulcer_is_refused_until_it_is_confirmed(place, said, rows):
    """Its row would read 0 in the person's name, of an ulcer that nobody spoke of."""
    larger = mask(place, (30.0, 24.0, 7.5))
    with pytest.raises(UsageError, match="leaves out u2, which would count as closed"):
        said(V1, "mask", mask=larger)
    said(V1, "mask", mask=larger, ulcer="u1")
    assert rows()["V1", "u2"]["area_cm2"] not in ("", "0")

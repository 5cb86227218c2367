"""A study of the version before: copied, migrated, sound; people's words in it keep counting.

``fixtures/schema_1.sqlite.xz`` was written by woundseg at commit 93c3ce8: three drawn photographs,
the second outlined by hand (1.377503 cm²), the third called not evaluable, and a run after that.
"""

from __future__ import annotations

import lzma
import shutil
from pathlib import Path

import pytest

pytest.importorskip("toy_weights", reason="needs onnx")

from study import CLOCK, draw, go, table
from test_store import tamper

from woundseg import store
from woundseg.batch.correct import Correction, correct
from woundseg.batch.readings import reading
from woundseg.batch.seen import record_of
from woundseg.batch.verify import VerifyOptions, verify
from woundseg.errors import UsageError

FIXTURES = Path(__file__).parent / "fixtures"
HEAD = "457856a11b08ef86544999044d23be606881ce5143657a80a6d70046e5d96e03"
V1, V2, V3 = (f"S1/V{n}_2026-01-{n + 4:02d}/a.png" for n in (1, 2, 3))


@pytest.fixture
def old(tmp_path):
    """The old study, without its photographs and pictures."""
    out = tmp_path / "study"
    out.mkdir()
    packed = (FIXTURES / "schema_1.sqlite.xz").read_bytes()
    (out / "study.sqlite").write_bytes(lzma.decompress(packed))
    shutil.copy(FIXTURES / "schema_1_visits.csv", out / "visits.csv")
    return out


def test_verify_copies_and_migrates_an_old_study(old, tmp_path):
    said: list[str] = []
    options = VerifyOptions(head=HEAD, sample=0, photos=tmp_path)
    verdict = verify(old, options, said.append)
    (line,) = said
    assert line == (
        f"{old / 'study.sqlite'}: was made by an earlier woundseg and migrated from schema 1 to 2."
        " The study as it was is kept in study.schema-1.sqlite."
    )
    names = ("failures.csv", "healing.csv")  # the only things that are missing here
    assert [line.split(": ")[0] for line in verdict.altered] == [str(old / name) for name in names]
    assert (verdict.head, verdict.entries) == (HEAD, 7)
    verify(old, options, said.append)
    assert len(said) == 1
    with store.Store.open(old / "study.schema-1.sqlite") as copy:
        assert (copy.is_current(), copy.head()) == (False, HEAD)


def test_what_people_said_in_an_old_study_is_read(old):
    with store.Store.open(old / "study.sqlite") as kept:
        outlined, hidden = (
            reading(kept.corrections(path, kept.found(path).sha256)) for path in (V2, V3)
        )
        assert record_of(kept.found(V1)).total.area_cm2 == pytest.approx(2.543475, abs=1e-6)
    assert (outlined.whole.decision, outlined.whole.by) == ("mask", "A. Nurse")
    assert record_of(outlined.base).total.area_cm2 == pytest.approx(1.377503, abs=1e-6)
    assert (hidden.whole.decision, hidden.whole.reason) == ("not_evaluable", "dressing in view")


def test_correct_migrates_first_and_takes_an_old_word_back(old):
    said: list[str] = []
    word = Correction(V2, "C. Nurse", "the machine was right", decision="undo")
    done = correct(old, word, CLOCK, said.append)
    assert len(said) == 1
    assert done.lines == ("u1: 1.38 cm² (1.29–1.48) before, 2.54 cm² (2.40–2.70) after",)
    with store.Store.open(old / "study.sqlite") as kept:
        assert kept.is_current()
        assert kept.current(V2) == kept.found(V2)


def test_a_run_migrates_and_measures_nothing_again(tmp_path, toy):
    """Photographs of today in a study put back to schema 1: what a version before left."""
    photos, out = tmp_path / "photos", tmp_path / "study"
    draw(photos, V1, V2)
    go(photos, out, toy)
    correct(out, Correction(V2, "B. Nurse", "dressed"), CLOCK)
    go(photos, out, toy)
    rows = table(out)
    tamper(out / "study.sqlite", "UPDATE study SET value = '1' WHERE name = 'schema'")
    _, engine = go(photos, out, toy)
    assert engine.measured == []
    assert table(out) == rows
    assert (out / "study.schema-1.sqlite").is_file()
    verdict = verify(out, VerifyOptions(weights=toy))
    assert (verdict.sound, verdict.exact) == (True, 1)


def test_an_old_study_where_a_run_is_at_work_is_left_alone(old):
    said: list[str] = []
    with store.Store.open(old / "study.sqlite") as kept, kept.alone():
        verdict = verify(old, VerifyOptions(sample=0, photos=old), said.append)
        with pytest.raises(UsageError, match="another run is writing"):
            correct(old, Correction(V2, "A", "b"), CLOCK)
    assert said == []
    assert "a run is at work" in verdict.notes[0]
    assert not (old / "study.schema-1.sqlite").exists()

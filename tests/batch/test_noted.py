"""Names of ulcers are under the chain: a note that was changed by hand is seen and not believed."""

from __future__ import annotations

import sqlite3

import pytest

pytest.importorskip("toy_weights", reason="needs onnx")

from study import draw, go, table

from woundseg import store
from woundseg.batch import noted
from woundseg.batch.verify import VerifyOptions, verify

PATHS = [f"S1/V{n}_2026-01-{n + 4:02d}/a.png" for n in (1, 2)]


@pytest.fixture
def study(tmp_path, toy):
    draw(tmp_path / "photos", *PATHS)
    go(tmp_path / "photos", tmp_path / "study", toy)
    return tmp_path / "study"


def areas(study) -> list[str]:
    return [row["area_cm2"] for row in table(study)]


def forge(study) -> None:
    """What is found of the last photograph is called closed: healed."""
    with sqlite3.connect(study / "study.sqlite") as database:
        (text,) = database.execute("SELECT text FROM notes WHERE name = 'S1'").fetchone()
        before, _, after = text.rpartition('"closed":[]')
        forged = f'{before}"closed":["u1"]{after}'.rpartition('"names":["u1"]')
        forged_text = f'{forged[0]}"names":[null]{forged[2]}'
        database.execute("UPDATE notes SET text = ? WHERE name = 'S1'", (forged_text,))


def test_a_forged_name_is_told_by_verify_and_not_believed_by_batch(study, tmp_path, toy):
    honest = areas(study)
    assert verify(study, VerifyOptions(sample=0)).sound
    forge(study)
    (line,) = verify(study, VerifyOptions(sample=0)).altered
    assert line.startswith("names of ulcers are not as a run noted them")
    go(tmp_path / "photos", study, toy)
    assert areas(study) == honest
    assert verify(study, VerifyOptions(sample=0)).sound


def test_names_are_followed_once(study, tmp_path, toy, monkeypatch):
    from woundseg.batch import follow

    monkeypatch.setattr(follow, "follow", lambda following: pytest.fail("followed again"))
    head = go(tmp_path / "photos", study, toy)[0].head
    assert go(tmp_path / "photos", study, toy)[0].head == head


def test_a_long_run_seals_its_names_on_the_way(tmp_path, monkeypatch):
    monkeypatch.setattr(noted, "SEALED_EVERY", 2)
    with store.Store.open(tmp_path / "study.sqlite", create=True) as kept:
        names = noted.Noted(kept, lambda: "{}")
        names.seal({"visits.csv": "ab"})
        for number in range(3):
            names.keep_names(f"S{number}", "stamp", f"[{number}]")
        # Cut off here: two of three are sealed, so the third makes the notes doubtful.
        assert noted.last_noted(kept)["visits.csv"] == "ab"
        assert not noted.names_hold(kept)
        names.seal()
        assert noted.names_hold(kept)
        assert noted.Noted(kept, lambda: "{}").names("S2", "stamp") == "[2]"
        kept.remember("S0", "stamp", "[7]")
        again = noted.Noted(kept, lambda: "{}")
        assert [again.names(f"S{n}", "stamp") for n in range(3)] == [None] * 3

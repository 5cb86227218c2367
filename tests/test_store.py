"""The store of a study. ``Behaviour`` runs over SQLite here, over PostgreSQL in its own file."""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

import pytest
import sqlalchemy
from hypothesis import given, settings
from hypothesis import strategies as st

from woundseg.errors import (
    EXIT_OUTPUT,
    EXIT_USAGE,
    ConfigurationError,
    OutputError,
    UsageError,
    WoundsegError,
)
from woundseg.store import GENESIS, SCHEMA, Entry, NewEntry, Store, StudyBusyError, canonical
from woundseg.store import database as database_room
from woundseg.store.address import parse
from woundseg.store.chain import hash_of, link
from woundseg.store.faults import explain

A, B = "a" * 64, "b" * 64
JPEG = b"\xff\xd8\xff\xe0 a thumbnail"
NAME = hashlib.sha256(JPEG).hexdigest()
LETTERS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text('aé"\\\n日'), inner),
)  # fmt: skip
HALF_LETTER = "S1/foot\udcff.jpg"  # how Python writes the undecodable name b"foot\xff.jpg"


def new(path="S1/v1.jpg", kind="measured", sha256=A, threshold=0.5, area=1.25, **more) -> NewEntry:
    fields = {
        "settings": canonical({"threshold": threshold}),
        "result": canonical({"area_cm2": area}),
        "made": canonical({"software": "woundseg 0.1.0"}),
        **more,
    }
    return NewEntry(kind=kind, path=path, sha256=sha256, **fields)


@contextlib.contextmanager
def raw(where):
    """A connection that knows nothing of woundseg, in one transaction."""
    url = str(where) if "://" in str(where) else f"sqlite:///{where}"
    engine = sqlalchemy.create_engine(url)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def tamper(where, *statements: str) -> None:
    """Alter a study as one who may do anything to it: triggers off, and on again afterwards."""
    with raw(where) as connection:
        if connection.dialect.name == "sqlite":
            found = connection.exec_driver_sql(
                "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
            ).all()
            off, on = [f"DROP TRIGGER {name}" for name, _ in found], [sql for _, sql in found]
        else:
            tables = ("study", "entries", "thumbnails")
            off = [f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in tables]
            on = [f"ALTER TABLE {table} ENABLE TRIGGER USER" for table in tables]
        for statement in (*off, *statements, *on):
            connection.exec_driver_sql(statement)


def execute(where, statement: str) -> None:
    with raw(where) as connection:
        connection.exec_driver_sql(statement)


APPENDER = """
import sys
from woundseg.store import NewEntry, Store

where, label, batches, size = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
with Store.open(where, create=True, wait_s=60) as study:
    print("open", flush=True)
    for batch in range(batches):
        names = [f"{label}/{batch}/{i}.jpg" for i in range(size)]
        head = study.append(
            [
                NewEntry(
                    kind="measured", path=name, sha256="a" * 64, settings="{}",
                    result='"' + name * 50 + '"', made="{}",
                )
                for name in names
            ]
        )
        print(head, flush=True)
"""


def appender(where, label: str, batches: int, size: int) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-c", APPENDER, str(where), label, str(batches), str(size)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


RUNNER = """
import sys
from woundseg.store import Store

with Store.open(sys.argv[1], create=True) as study, study.alone():
    print("alone", flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def runner(where):
    """Another process, which holds the run's lock of the study."""
    command = [sys.executable, "-c", RUNNER, str(where)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as process:
        try:
            assert process.stdout.readline() == "alone\n"
            yield process
        finally:
            process.kill()


def one_line(error: pytest.ExceptionInfo[WoundsegError], *parts: str) -> None:
    text = str(error.value)
    assert all(part in text for part in parts), text
    assert len(text.splitlines()) == 1


class Behaviour:
    """What a store does, whatever database it lies in; ``where`` is an unused place."""

    @pytest.fixture
    def study(self, where):
        with Store.open(where, create=True) as opened:
            yield opened

    # --- the chain -----------------------------------------------------------------------------

    def test_an_empty_study(self, study):
        assert study.head() == GENESIS
        assert study.count() == 0
        assert study.append([]) == GENESIS
        assert (study.current("S1/v1.jpg"), study.measured("S1/v1.jpg", A, "{}")) == (None, None)
        assert study.history("S1/v1.jpg") == list(study.entries()) == list(study.paths()) == []
        assert list(study.alterations()) == list(study.alterations(GENESIS)) == []

    def test_what_was_appended_comes_back(self, where, study):
        first = study.append([new(sketch=canonical({"hidden": []}), thumbnail=JPEG)])
        second = study.append([new("S1/v2.jpg", "failed"), new("", "tables", sha256="")])
        study.close()
        with Store.open(where) as again:
            one, two, three = again.entries()
            assert again.head() == second == three.hash
            assert again.count() == 3
        assert (one.number, two.number, three.number) == (1, 2, 3)
        assert (one.previous, two.previous, three.previous) == (GENESIS, first, two.hash)
        assert one == Entry(
            number=1,
            kind="measured",
            path="S1/v1.jpg",
            sha256=A,
            settings='{"threshold":0.5}',
            result='{"area_cm2":1.25}',
            sketch='{"hidden":[]}',
            thumbnail_sha256=NAME,
            made='{"software":"woundseg 0.1.0"}',
            previous=GENESIS,
            hash=first,
        )
        assert (two.kind, two.sketch, two.thumbnail_sha256) == ("failed", "", "")
        assert (three.kind, three.path) == ("tables", "")

    def test_the_chain_can_be_recomputed_by_hand(self, study):
        path, made = 'Füße/日本 "a"\\b🦶.jpg', canonical({"by": "Zoë\n\x01"})
        study.append([new(), new(path, "corrected", made=made)])
        first, second = study.entries()
        genesis = hashlib.sha256(b"woundseg study, schema 1").hexdigest()
        one = (
            f'{genesis}{{"kind":"measured","made":"{{\\"software\\":\\"woundseg 0.1.0\\"}}",'
            '"number":1,"path":"S1/v1.jpg","result":"{\\"area_cm2\\":1.25}",'
            f'"settings":"{{\\"threshold\\":0.5}}","sha256":"{A}","sketch":"",'
            '"thumbnail_sha256":""}'
        )
        assert first.hash == hashlib.sha256(one.encode()).hexdigest()
        two = (
            f'{first.hash}{{"kind":"corrected","made":"{{\\"by\\":\\"Zoë\\\\n\\\\u0001\\"}}",'
            '"number":2,"path":"Füße/日本 \\"a\\"\\\\b🦶.jpg","result":"{\\"area_cm2\\":1.25}",'
            f'"settings":"{{\\"threshold\\":0.5}}","sha256":"{A}","sketch":"",'
            '"thumbnail_sha256":""}'
        )
        assert second.hash == hashlib.sha256(two.encode()).hexdigest()

    def test_any_text_comes_back(self, study):
        @settings(max_examples=25, deadline=None)
        @given(path=LETTERS, value=JSON_VALUES)
        def check(path, value):
            result = canonical(value)
            study.append([new(path, result=result)])
            assert study.measured(path, A, '{"threshold":0.5}').result == result
            assert json.loads(result) == value

        check()
        assert list(study.alterations()) == []

    def test_a_batch_is_kept_whole_or_not_at_all(self, study):
        head = study.append([new()])
        bad = {
            ValueError: [
                new(settings='{"b":1,"a":2}'),
                new(result='{"a": 1}'),
                new(result='{"a":NaN}'),
                new(made="no JSON"),
                new(kind="guessed"),
                new(thumbnail=JPEG, thumbnail_sha256=B),
                new(thumbnail_sha256=B),
            ],
            UsageError: [new(HALF_LETTER), new("S1/\0.jpg"), new(result='"\udcff"')],
        }
        for error, entries in bad.items():
            for entry in entries:
                with pytest.raises(error):
                    study.append([new("S2/v1.jpg"), entry, new("S3/v1.jpg")])
        assert (study.head(), study.count()) == (head, 1)
        assert list(study.alterations(head)) == []

    def test_a_path_that_is_not_unicode_is_shown_so_that_it_can_be_found(self, study):
        with pytest.raises(UsageError, match=r"^S1/foot\\udcff.jpg: .*Rename the file\.$"):
            study.append([new(HALF_LETTER)])
        assert study.current(HALF_LETTER) is None
        assert study.measured(HALF_LETTER, A, "{}") is None
        assert study.history(HALF_LETTER) == []
        study.remember_files([(HALF_LETTER, 1, 2, A)])
        assert study.known_file(HALF_LETTER, 1, 2) is None

    # --- looking up ----------------------------------------------------------------------------

    def test_a_correction_counts_for_the_content_that_it_was_made_for(self, study):
        def area() -> float | None:
            entry = study.current("S1/v1.jpg")
            return entry and json.loads(entry.result)["area_cm2"]

        study.append([new(kind="corrected", area=0)])
        assert area() is None  # no run has seen the photograph
        study.append([new(area=1), new("S1/v2.jpg", "corrected", area=9)])
        assert area() == 0
        study.append([new(kind="corrected", area=2), new(kind="corrected", area=3)])
        assert area() == 3  # the newest
        study.append([new(area=4, threshold=0.6)])
        assert area() == 3  # measured anew with other settings: the photograph is the same
        study.append([new(area=5, sha256=B)])
        assert area() == 5  # another photograph
        study.append([new(kind="corrected", area=6, sha256=A)])
        assert area() == 5  # the correction of the old one
        study.append([new(kind="corrected", area=7, sha256=B)])
        assert area() == 7
        study.append([new(kind="failed", area=8, sha256=B)])
        assert area() == 7
        study.append([new(area=9, sha256=A)])
        assert area() == 6  # the first content is back, and with it its newest correction
        assert [json.loads(e.result)["area_cm2"] for e in study.history("S1/v1.jpg")] == [
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
        ]  # fmt: skip

    def test_an_undo_takes_back_the_correction_that_it_names(self, study):
        def area() -> float:
            return json.loads(study.current("S1/v1.jpg").result)["area_cm2"]

        def undo(entry) -> None:
            made = canonical({"undoes": entry.hash})
            study.append([new(kind="corrected", result="{}", made=made)])

        study.append([new(area=1), new(kind="corrected", area=2), new(kind="corrected", area=3)])
        undo(study.corrected("S1/v1.jpg", A))
        assert area() == 2
        assert [entry.number for entry in study.corrections("S1/v1.jpg", A)] == [2]
        assert [entry.number for entry in study.corrections("S1/v1.jpg", A, before=4)] == [2, 3]
        undo(study.corrected("S1/v1.jpg", A))
        assert area() == 1
        assert study.corrections("S1/v1.jpg", A) == []
        study.append([new(kind="corrected", area=4)])
        assert area() == 4

    # --- an earlier schema ---------------------------------------------------------------------

    def test_a_study_of_schema_1_is_read_and_migrated(self, where, study):
        head = study.append([new(), new(kind="corrected", area=2)])
        study.close()
        tamper(where, "UPDATE study SET value = '1' WHERE name = 'schema'")
        with Store.open(where) as old:
            assert (old.is_current(), old.current("S1/v1.jpg").number) == (False, 2)
            with old.alone():
                line = old.migrate()
                assert old.migrate() == ""
            assert "was made by an earlier woundseg and migrated from schema 1 to 2" in line
            assert (line.count("\n"), "s%cret" in line) == (0, False)
            assert (old.is_current(), old.head()) == (True, head)
            assert list(old.alterations(head)) == []
            old.append([new("S1/v2.jpg")])
        with pytest.raises(sqlalchemy.exc.DBAPIError, match="append-only"):
            execute(where, "UPDATE study SET value = '1'")

    def test_measured_is_the_newest_of_exactly_this_content_and_settings(self, study):
        study.append([new(area=1), new(kind="failed", area=2), new(kind="corrected", area=3)])
        study.append([new(area=4, sha256=B), new(area=5, threshold=0.6), new("S1/v2.jpg", area=6)])
        half = '{"threshold":0.5}'
        assert study.measured("S1/v1.jpg", A, half).number == 2
        assert study.measured("S1/v1.jpg", B, half).number == 4
        assert study.measured("S1/v1.jpg", A, '{"threshold":0.6}').number == 5
        assert study.measured("S1/v2.jpg", A, half).number == 6
        assert study.measured("S1/v2.jpg", B, half) is None
        assert study.measured("s1/v1.jpg", A, half) is None

    def test_what_a_run_found_and_what_a_person_said_are_asked_for_by_themselves(self, study):
        assert (study.found("S1/v1.jpg"), study.corrected("S1/v1.jpg", A)) == (None, None)
        study.append([new(area=1), new(kind="corrected", area=2), new(kind="corrected", area=3)])
        study.append([new(kind="corrected", area=4, sha256=B), new("S1/v2.jpg", "failed")])
        assert study.found("S1/v1.jpg").number == 1
        assert study.found("S1/v2.jpg").kind == "failed"
        assert study.corrected("S1/v1.jpg", A).number == 3
        assert study.corrected("S1/v1.jpg", B).number == 4
        assert study.corrected("S1/v2.jpg", A) is None

    def test_paths_are_in_the_order_of_code_points(self, study, monkeypatch):
        monkeypatch.setattr(database_room, "PAGE", 2)
        paths = ["b.jpg", "a b.jpg", "B.jpg", "a.jpg", "é.jpg", "中/1.jpg", "🦶.jpg", "ab.jpg"]
        study.append([new(path) for path in [*paths, *paths]] + [new("", "tables", sha256="")])
        assert list(study.paths()) == sorted(paths)

    @pytest.mark.parametrize("count", [0, 1, 3, 4, 6])
    def test_pages_join_without_a_seam(self, study, monkeypatch, count):
        monkeypatch.setattr(database_room, "PAGE", 3)
        study.append([new(f"{i}.jpg", thumbnail=JPEG + bytes([i])) for i in range(count)])
        assert [entry.path for entry in study.entries()] == [f"{i}.jpg" for i in range(count)]
        assert [*study.paths()] == [f"{i}.jpg" for i in range(count)]
        assert [*study.alterations()] == []

    def test_reading_ends_although_entries_are_appended_meanwhile(self, study, monkeypatch):
        monkeypatch.setattr(database_room, "PAGE", 1)
        study.append([new(), new()])
        read = 0
        for _ in study.entries():
            study.append([new()])
            read += 1
            if read > 9:
                break
        assert (read, study.count()) == (2, 4)

    def test_memory_stays_flat(self, study):
        result = canonical("x" * 10_000)
        for _ in range(10):
            study.append([new(result=result) for _ in range(200)])  # 20 MB in all
        tracemalloc.start()
        try:
            assert sum(1 for _ in study.entries()) == 2000
            assert list(study.alterations()) == []
            assert tracemalloc.get_traced_memory()[1] < 8_000_000
        finally:
            tracemalloc.stop()

    # --- thumbnails, and the cache of files ----------------------------------------------------

    def test_a_thumbnail_is_kept_once(self, where, study):
        study.append([new(thumbnail=JPEG), new("S1/copy.jpg", thumbnail=JPEG)])
        study.append([new(thumbnail=JPEG, thumbnail_sha256=NAME)])
        study.append([new(kind="corrected", thumbnail_sha256=NAME)])
        assert {entry.thumbnail_sha256 for entry in study.entries()} == {NAME}
        assert study.thumbnail(NAME) == JPEG
        with raw(where) as connection:
            assert connection.exec_driver_sql("SELECT sha256 FROM thumbnails").all() == [(NAME,)]
        with pytest.raises(ConfigurationError, match=f"holds no thumbnail {B}"):
            study.thumbnail(B)

    def test_an_unchanged_file_is_known(self, study):
        study.remember_files([])
        study.remember_files([("a.jpg", 10, 2**62, A), ("b.jpg", 20, 2, B), ("b.jpg", 21, 2, B)])
        assert study.known_file("a.jpg", 10, 2**62) == A
        assert study.known_file("b.jpg", 21, 2) == B
        for changed in [("a.jpg", 11, 2**62), ("a.jpg", 10, 2**62 - 1), ("c.jpg", 10, 2**62)]:
            assert study.known_file(*changed) is None
        study.remember_files(iter([("a.jpg", 11, 3, B)]))
        assert study.known_file("a.jpg", 10, 2**62) is None
        assert study.known_file("a.jpg", 11, 3) == B
        assert (study.count(), list(study.alterations())) == (0, [])

    def test_a_text_is_recalled_with_its_stamp(self, study):
        assert study.recall("S1", "") is None
        study.remember("S1", "", "")
        study.remember("S2", "1", "zwei\n日")
        assert (study.recall("S1", ""), study.recall("S2", "1")) == ("", "zwei\n日")
        study.remember("S2", "2", "drei")
        assert (study.recall("S2", "1"), study.recall("S2", "2")) == (None, "drei")
        for name, stamp, text in [(HALF_LETTER, "", ""), ("S3", "\0", ""), ("S3", "", "\udcff")]:
            study.remember(name, stamp, text)
            assert study.recall(name, stamp) is None
        assert (study.count(), list(study.alterations())) == (0, [])

    def test_texts_with_a_stamp_are_hashed_in_order_and_forgotten_together(
        self, study, monkeypatch
    ):
        """Computed outside Python: ``printf %s '["S1","1","eins"]["S2","2","zwei"]' | sha256sum``.

        That of no bytes is FIPS 180-4's e3b0c442….
        """
        monkeypatch.setattr(database_room, "PAGE", 1)
        assert study.notes_sha256().startswith("e3b0c44298fc1c14")
        study.remember("S2", "2", "zwei")
        study.remember("S1", "1", "eins")
        study.remember("photos root", "", "/somewhere")
        whole = study.notes_sha256()
        assert whole.startswith("c11370965487543c")
        study.remember("S1", "1", "Eins")
        assert study.notes_sha256() != whole
        study.forget()
        assert (study.recall("S1", "1"), study.recall("S2", "2")) == (None, None)
        assert study.recall("photos root", "") == "/somewhere"
        assert study.notes_sha256().startswith("e3b0c44298fc1c14")

    # --- append-only, and what was altered all the same ---------------------------------------

    REFUSED: ClassVar = (
        "UPDATE entries SET path = 'x'",
        "UPDATE entries SET number = 9 WHERE number = 3",
        "DELETE FROM entries",
        "DELETE FROM entries WHERE number = 3",
        "UPDATE thumbnails SET jpeg = CAST('x' AS {blob})",
        "DELETE FROM thumbnails",
        "UPDATE study SET value = '2'",
        "DELETE FROM study",
        "INSERT INTO study VALUES ('schema', '2') ON CONFLICT (name) DO UPDATE SET value = '2'",
    )
    ONLY: ClassVar = {
        "sqlite": (
            "INSERT OR REPLACE INTO study VALUES ('schema', '2')",
            "REPLACE INTO thumbnails SELECT sha256, 'x' FROM thumbnails",
            "REPLACE INTO entries SELECT 2, kind, path, sha256, settings, result, sketch,"
            " thumbnail_sha256, made, previous, hash FROM entries WHERE number = 3",
            "UPDATE OR REPLACE entries SET number = 2 WHERE number = 3",
        ),
        "postgresql": ("TRUNCATE entries", "TRUNCATE thumbnails", "TRUNCATE study CASCADE"),
    }

    def test_the_database_itself_refuses_to_change_rows(self, where, study):
        head = study.append([new(thumbnail=JPEG), new(), new()])
        dialect = "postgresql" if "://" in str(where) else "sqlite"
        blob = {"postgresql": "BYTEA", "sqlite": "BLOB"}[dialect]
        for statement in (*self.REFUSED, *self.ONLY[dialect]):
            with pytest.raises(sqlalchemy.exc.DBAPIError, match="append-only"), raw(where) as other:
                other.exec_driver_sql(statement.format(blob=blob))
        assert list(study.alterations(head)) == []
        assert study.count() == 3

    ALTERED = (
        ("UPDATE entries SET path = 'x.jpg' WHERE number = 2", ["entry 2 was altered"]),
        ("UPDATE entries SET kind = 'failed' WHERE number = 1", ["entry 1 was altered"]),
        ("UPDATE entries SET made = ' ' WHERE number = 4", ["entry 4 was altered"]),
        ("UPDATE entries SET sketch = ' ' WHERE number = 4", ["entry 4 was altered"]),
        (
            f"UPDATE entries SET hash = '{B}' WHERE number = 2",
            ["entry 2 was altered", "entry 3 does not follow"],
        ),
        (
            f"UPDATE entries SET previous = '{B}' WHERE number = 1",
            ["entry 1 does not follow", "entry 1 was altered"],
        ),
        ("DELETE FROM entries WHERE number = 2", ["entry 2 is missing"]),
        ("DELETE FROM entries WHERE number IN (1, 2, 3)", ["entries 1 to 3 are missing"]),
        (
            "UPDATE entries SET number = -7 WHERE number = 4",
            ["entry -7 was slipped in", "entry -7 was altered"],
        ),
        (
            "UPDATE thumbnails SET jpeg = CAST('x' AS {blob})",
            [f"thumbnail {NAME} was altered"],
        ),
        ("DELETE FROM thumbnails", [f"thumbnail {NAME} of entry 1 is missing"]),
    )

    @pytest.mark.parametrize(("statement", "lines"), ALTERED)
    def test_what_was_altered_is_told(self, where, study, statement, lines):
        study.append([new(thumbnail=JPEG), new(), new("S2/v1.jpg"), new("S3/v1.jpg")])
        blob = "BYTEA" if "://" in str(where) else "BLOB"
        tamper(where, statement.format(blob=blob))
        found = list(study.alterations())
        assert [told[: len(line)] for told, line in zip(found, lines, strict=True)] == lines

    def test_an_entry_sealed_anew_breaks_the_chain_after_it(self, where, study):
        study.append([new(area=1), new(area=2), new(area=3)])
        second = list(study.entries())[1]
        forged = replace(second, result=canonical({"area_cm2": 0.1}))
        tamper(
            where,
            f"UPDATE entries SET result = '{forged.result}', hash = '{hash_of(forged)}'"
            " WHERE number = 2",
        )
        assert list(study.alterations()) == ["entry 3 does not follow the entry before it"]

    def test_rows_cut_off_the_end_are_seen_by_who_kept_the_head(self, where, study):
        early = study.append([new(), new()])
        late = study.append([new(), new()])
        assert list(study.alterations(early)) == []  # the study has grown since
        assert list(study.alterations(f"  {late.upper()}\n")) == []
        tamper(where, "DELETE FROM entries WHERE number > 2")
        assert list(study.alterations()) == []
        assert list(study.alterations(early)) == []
        (line,) = study.alterations(late)
        assert line == f"head {late} is not in the chain: entries were cut off or made anew"
        assert len(list(study.alterations("0"))) == 1

    def test_a_chain_made_anew_has_another_head(self, where, study):
        head = study.append([new(area=1), new(area=2)])
        tamper(where, "DELETE FROM entries")
        assert study.append([new(area=0.1), new(area=2)]) != head
        assert list(study.alterations()) == []
        assert len(list(study.alterations(head))) == 1

    def test_missing_triggers_are_told(self, where, study):
        with raw(where) as connection:
            if connection.dialect.name == "sqlite":
                body = "BEFORE DELETE ON entries BEGIN SELECT 1; END"
                statements = [
                    "DROP TRIGGER entries_no_update",
                    "DROP TRIGGER entries_no_delete",
                    f"CREATE TRIGGER entries_no_delete {body}",
                    f"CREATE TRIGGER slow {body}",
                ]
                expected = ["entries_no_update is missing", "entries_no_delete was altered"]
            else:
                body = "FOR EACH ROW EXECUTE FUNCTION woundseg_append_only()"
                statements = [
                    "DROP TRIGGER entries_append_only ON entries",
                    "ALTER TABLE thumbnails DISABLE TRIGGER thumbnails_append_only",
                    f"CREATE TRIGGER slow BEFORE INSERT ON study {body}",
                ]
                expected = ["entries_append_only is missing", "thumbnails_append_only was altered"]
            for statement in statements:
                connection.exec_driver_sql(statement)
        told = "\n".join(study.alterations())
        for line in [*expected, "slow is not woundseg's"]:
            assert f"trigger {line}" in told
        assert len(told.splitlines()) == 3

    # --- several writers, and the end of a process --------------------------------------------

    def test_a_second_writer_waits_and_then_is_told(self, where, study):
        head = study.append([new()])
        with (
            Store.open(where, wait_s=0.2) as second,
            study._database.writing(),
            pytest.raises(StudyBusyError) as caught,
        ):
            second.append([new()])
        assert "another run is writing" in str(caught.value)
        assert caught.value.exit_status == EXIT_USAGE
        assert "\n" not in str(caught.value)
        with Store.open(where, wait_s=0.2) as second:
            assert second.head() == head
            second.append([new()])
            study.append([new()])
        assert (study.count(), list(study.alterations())) == (3, [])

    def test_two_processes_never_fork_the_chain(self, where):
        both = [appender(where, label, batches=30, size=4) for label in "xy"]
        outputs = [process.communicate(timeout=300) for process in both]
        assert [process.returncode for process in both] == [0, 0], outputs
        heads = [line for out, _ in outputs for line in out.splitlines() if line != "open"]
        with Store.open(where) as study:
            entries = list(study.entries())
            assert list(study.alterations()) == []
        assert len(entries) == 240
        assert set(heads) == {entry.hash for entry in entries[3::4]}  # batches in one piece
        for label in "xy":
            own = [entry.path for entry in entries if entry.path.startswith(label)]
            assert own == [f"{label}/{batch}/{i}.jpg" for batch in range(30) for i in range(4)]

    def test_a_killed_writer_loses_nothing_that_was_acknowledged(self, where):
        moments, size, acknowledged = random.Random(4), 7, []
        for turn in range(6):
            process = appender(where, f"run{turn}", batches=10_000, size=size)
            out = process.stdout
            assert out.readline() == "open\n", process.stderr.read()
            time.sleep(moments.uniform(0.0, 0.4))
            process.send_signal(signal.SIGKILL)
            lines = out.read().splitlines(keepends=True)
            acknowledged += [line.strip() for line in lines if line.endswith("\n")]
            assert process.wait() == -signal.SIGKILL
            process.stderr.close()
            out.close()
            with Store.open(where) as study:
                entries = list(study.entries())
                assert list(study.alterations(study.head())) == []
            assert len(entries) % size == 0
            assert set(acknowledged) <= {entry.hash for entry in entries[size - 1 :: size]}
        assert len(acknowledged) > 5

    def test_two_processes_make_one_study(self, where):
        several = [appender(where, label, batches=1, size=1) for label in "wxyz"]
        outputs = [process.communicate(timeout=300) for process in several]
        assert [process.returncode for process in several] == [0, 0, 0, 0], outputs
        with Store.open(where) as study:
            assert (study.count(), list(study.alterations())) == (4, [])

    # --- one run at a time ---------------------------------------------------------------------

    def test_a_second_run_is_refused_while_the_first_lives(self, where):
        with runner(where) as first:
            with Store.open(where, create=True) as study:
                with pytest.raises(StudyBusyError) as caught, study.alone():
                    pass
                study.append([new()])  # a writer's turn is another matter
                assert study.count() == 1
            one_line(caught, "another run is writing", "Wait until it ends")
            assert caught.value.exit_status == EXIT_USAGE
            first.communicate("")
        with Store.open(where) as study, study.alone():
            study.append([new()])

    def test_a_killed_run_leaves_no_lock(self, where):
        with runner(where) as first:
            first.send_signal(signal.SIGKILL)
            assert first.wait() == -signal.SIGKILL
        deadline = time.monotonic() + 20  # a server needs a moment to see that the link is gone
        while True:
            with Store.open(where) as study:
                try:
                    with study.alone():
                        break
                except StudyBusyError:
                    assert time.monotonic() < deadline
                    time.sleep(0.02)

    def test_a_run_that_fails_gives_the_study_back(self, where):
        with Store.open(where, create=True) as study, Store.open(where) as other:
            with pytest.raises(KeyError), study.alone():
                raise KeyError
            with other.alone(), pytest.raises(StudyBusyError), study.alone():
                pass

    # --- what cannot be used -------------------------------------------------------------------

    def test_a_newer_study_is_refused(self, where, study):
        study.append([new()])
        study.close()
        tamper(where, f"UPDATE study SET value = '{SCHEMA + 1}'")
        for create in (False, True):
            with pytest.raises(ConfigurationError) as caught:
                Store.open(where, create=create)
            assert "was made by a newer woundseg. Update woundseg." in str(caught.value)

    @pytest.mark.parametrize(
        ("alter", "statement"),
        [
            (tamper, "UPDATE study SET value = 'x'"),
            (tamper, "DELETE FROM study"),
            (tamper, "ALTER TABLE study RENAME COLUMN value TO worth"),
            (execute, "DROP TABLE entries"),
        ],
    )
    def test_half_a_study_is_refused(self, where, study, alter, statement):
        study.close()
        alter(where, statement)
        for create in (False, True):
            with pytest.raises(ConfigurationError, match="is not a study of woundseg"):
                Store.open(where, create=create)

    def test_other_tables_are_not_touched(self, where):
        execute(where, "CREATE TABLE entries (x INTEGER)")
        for create in (False, True):
            with pytest.raises(ConfigurationError, match="is not a study of woundseg"):
                Store.open(where, create=create)
        with raw(where) as connection:
            assert sqlalchemy.inspect(connection).get_table_names() == ["entries"]
            if connection.dialect.name == "sqlite":
                assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "delete"

    def test_an_empty_place_is_no_study_until_one_is_made(self, where):
        if "://" not in str(where):
            Path(where).touch()
        with pytest.raises(ConfigurationError, match="is empty: no run has begun"):
            Store.open(where)
        with Store.open(where, create=True) as study:
            assert study.head() == GENESIS

    GONE: ClassVar = {
        "entries": (lambda s: s.append([new()]), Store.head, Store.count, lambda s: [*s.entries()]),
        "thumbnails": (lambda s: s.append([new(thumbnail=JPEG)]), lambda s: s.thumbnail(NAME)),
        "files": (
            lambda s: s.remember_files([("a", 1, 2, A)]),
            lambda s: s.known_file("a", 1, 2),
        ),
        "notes": (lambda s: s.remember("a", "", ""), lambda s: s.recall("a", "")),
    }

    @pytest.mark.parametrize("table", GONE)
    def test_a_table_that_goes_missing_gives_one_line(self, where, study, table):
        study.append([new()])
        execute(where, f"DROP TABLE {table}")
        write, *reads = self.GONE[table]
        for act, error in [(write, OutputError), *((read, ConfigurationError) for read in reads)]:
            with pytest.raises(error) as caught:
                act(study)
            one_line(caught, "the database refuses", table)
        told = "\n".join(study.alterations())
        assert ("cannot be read to its end" in told) == (table in ("entries", "thumbnails"))


def test_literal_hash_of_an_entry():
    """Computed outside Python: ``printf %s 'PREVIOUS{"kind":…}' | sha256sum``."""
    tables = NewEntry(kind="tables", path="", sha256="", settings="", result="{}", made="{}")
    entry = link(tables, 1, GENESIS)
    assert GENESIS == "322e7d725a9a1520a34e7979c13c18d365731880e852875a5a6a8d8c5ce7fa52"
    assert entry.hash == "2d54f84ad25fde0c2b4284ddc6a48c403048579d61c663b081768c2596347a78"


@given(st.sampled_from(["kind", "path", "sha256", "settings", "result", "sketch", "made"]))
def test_every_field_is_in_the_hash(name):
    entry = link(new(), 5, GENESIS)
    for other in ("", "x", getattr(entry, name) + " "):
        changed = replace(entry, **{name: other})
        assert (hash_of(changed) == entry.hash) == (changed == entry)
    assert hash_of(replace(entry, number=6)) != entry.hash
    assert hash_of(replace(entry, previous=B)) != entry.hash
    assert hash_of(replace(entry, thumbnail_sha256=B)) != entry.hash


# --- SQLite only ---------------------------------------------------------------------------------


@pytest.fixture
def where(tmp_path) -> Path:
    return tmp_path / "study.sqlite"


class TestSqlite(Behaviour):
    pass


def test_it_is_written_to_the_disk_before_append_returns(where):
    """https://sqlite.org/pragma.html#pragma_synchronous: 2 is FULL, 3 is EXTRA."""
    with Store.open(where, create=True) as study, study._database.reading() as connection:
        pragma = connection.exec_driver_sql
        assert pragma("PRAGMA journal_mode").scalar() == "wal"
        assert pragma("PRAGMA synchronous").scalar() == 2
    with sqlite3.connect(where) as other:
        other.execute("PRAGMA journal_mode = DELETE")  # as on a disk that cannot hold the log
    with Store.open(where) as study, study._database.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 3
    assert [p.name for p in where.parent.iterdir()] == ["study.sqlite"]  # closed: one file


def test_who_makes_a_study_waits_for_who_makes_it_at_once(where, monkeypatch):
    """SQLite says BUSY at once where two lock each other out: seen once in 1,200 tries."""
    engine = database_room._sqlite_engine(where, create=True, wait_s=5.0)
    connect, tries = engine.raw_connection, []

    def locked():
        tries.append(1)
        if len(tries) < 3:
            raise SqliteError(sqlite3.SQLITE_BUSY, "database is locked")
        return connect()

    monkeypatch.setattr(engine, "raw_connection", locked)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        database_room._use_log(engine, wait_s=-1.0)
    database_room._use_log(engine, wait_s=5.0)
    assert len(tries) == 3
    with sqlite3.connect(where) as other:
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)


@pytest.mark.parametrize(
    "name", ["a study #1?.sqlite", "100%25 ü 研究 🦶.sqlite", "file:x?mode=ro"]
)
def test_names_of_files(tmp_path, name):
    place = tmp_path / "new folder & more" / name
    with Store.open(place, create=True) as study:
        head = study.append([new()])
    assert [p.name for p in place.parent.iterdir()] == [name]
    with Store.open(str(place)) as study:
        assert study.head() == head


def test_a_url_of_sqlite_names_the_same_file(where, monkeypatch):
    with Store.open(where, create=True) as study:
        head = study.append([new()])
    monkeypatch.chdir(where.parent)
    for url in (f"sqlite:///{where}", "sqlite:///study.sqlite", f"sqlite+pysqlite:///{where}"):
        with Store.open(url) as study:
            assert study.head() == head


def test_what_is_not_there_or_no_file(tmp_path, where):
    with pytest.raises(UsageError) as caught:
        Store.open(where)
    one_line(caught, str(where), "is not there", "run woundseg batch first")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UsageError, match="is not there"):
        Store.open(tmp_path / "missing" / "study.sqlite")
    for create in (False, True):
        with pytest.raises(UsageError, match=r"is a folder\. Name the study\.sqlite inside it"):
            Store.open(tmp_path, create=create)
    (tmp_path / "file").touch()
    with pytest.raises(OutputError):
        Store.open(tmp_path / "file" / "study.sqlite", create=True)
    with pytest.raises(UsageError, match="File name too long"):
        Store.open(tmp_path / ("n" * 300), create=True)


@pytest.mark.parametrize(
    "content", [b"path,subject\n" * 99, JPEG * 99, b"\0" * 5000, b"SQLite format 3\0"]
)
def test_a_file_that_is_no_database_stays_as_it_is(where, content):
    where.write_bytes(content)
    for create in (False, True):
        with pytest.raises(ConfigurationError) as caught:
            Store.open(where, create=create)
        one_line(caught, str(where))
    assert where.read_bytes() == content


def filled(where) -> str:
    """A study of 40 entries with thumbnails, 1 MB; gives its head."""
    with Store.open(where, create=True) as study:
        return study.append([new(f"{i}.jpg", thumbnail=bytes([i]) * 25_000) for i in range(40)])


def test_a_damaged_file_is_told_of(where):
    filled(where)
    whole = where.read_bytes()
    for start in (4096 * 2, len(whole) // 2, len(whole) - 8192):
        where.write_bytes(whole[:start] + b"\xaa" * 4096 + whole[start + 4096 :])
        try:
            with Store.open(where) as study:
                assert [line for line in study.alterations() if "\n" not in line] != []
        except ConfigurationError as error:
            assert len(str(error).splitlines()) == 1
    where.write_bytes(whole[: len(whole) // 3])
    with pytest.raises(ConfigurationError, match="is damaged"), Store.open(where) as study:
        list(study.entries())
    where.write_bytes(whole)
    with Store.open(where) as study:
        assert list(study.alterations()) == []


@pytest.mark.parametrize("value", ["x'fffe'", "CAST(x'fffe' AS TEXT)", "CAST(path AS BLOB)"])
def test_a_row_may_hold_anything_once_it_is_altered(where, value):
    filled(where)
    tamper(where, f"UPDATE entries SET path = {value} WHERE number = 3")
    with Store.open(where) as study:
        (line,) = study.alterations()
        assert line.startswith("entry 3 was altered")
        assert study.count() == len(list(study.entries())) == 40


def test_an_index_that_says_something_else_is_told(where):
    """What ``current`` would find differs from what the rows say: seen by SQLite's own check."""
    filled(where)
    with sqlite3.connect(where) as other:
        other.execute("PRAGMA writable_schema = ON")
        other.execute(
            "UPDATE sqlite_master SET sql = replace(sql, 'path, number', 'sha256, number')"
            " WHERE name = 'entries_by_path'"
        )
    other.close()
    with Store.open(where) as study:
        assert any("the file is damaged" in line for line in study.alterations())


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 1 MB of its own, and a way to mount it anew with other options."""
    disk = tmp_path / "disk"
    disk.mkdir()

    def mount(options: str) -> bool:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    if shutil.which("mount") is None or not mount("size=1m"):
        pytest.skip("needs the right to mount a disk")
    try:
        yield disk, lambda options: mount(f"remount,{options}")
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_full_disk_keeps_what_was_acknowledged(small_disk):
    disk, remount = small_disk
    with Store.open(disk / "study.sqlite", create=True) as study:
        done = 0

        def go_on() -> None:
            nonlocal done
            for i in range(done, 100):
                head = study.append(
                    [new(f"{i}/{k}.jpg", thumbnail=bytes([i, k]) * 9000) for k in b"ab"]
                )
                heads.append(head)
                done = i + 1

        heads: list[str] = []
        with pytest.raises(OutputError) as caught:
            go_on()
        one_line(caught, str(disk / "study.sqlite"), "the disk is full. Free some space")
        assert caught.value.exit_status == EXIT_OUTPUT
        assert 2 < done < 100
        assert study.count() == 2 * done
        assert list(study.alterations(heads[-1])) == []
        assert remount("size=16m")
        go_on()
        assert study.count() == 200
        assert list(study.alterations(heads[-1])) == []


def test_a_disk_that_is_full_from_the_start(small_disk):
    disk, _ = small_disk
    (disk / "ballast").write_bytes(bytes(1_000_000))
    with pytest.raises(OutputError, match="the disk is full"):
        Store.open(disk / "study.sqlite", create=True)
    (disk / "ballast").unlink()
    with Store.open(disk / "study.sqlite", create=True) as study:
        study.append([new()])


def test_a_disk_that_can_only_be_read(small_disk):
    disk, remount = small_disk
    place = disk / "study.sqlite"
    with Store.open(place, create=True) as study:
        head = study.append([new(thumbnail=JPEG)])
    assert remount("ro")
    for target in (place, disk / "new.sqlite"):
        with pytest.raises(OutputError) as caught:
            Store.open(target, create=True)
        one_line(caught, str(target), "may not be written to")
    with Store.open(place) as study:  # a study on an archive's disk can be read and verified
        assert list(study.alterations(head)) == []
        assert study.thumbnail(NAME) == JPEG
        with pytest.raises(OutputError) as caught:
            study.append([new()])
        one_line(caught, str(place), "may not be written to")
        with pytest.raises(OutputError):
            study.remember_files([("a", 1, 2, A)])


def test_a_log_left_behind_on_a_disk_that_can_only_be_read_is_not_passed_over(small_disk):
    disk, remount = small_disk
    place = disk / "study.sqlite"
    with Store.open(place, create=True) as study:
        study.append([new()])
        copies = {p: p.read_bytes() for p in disk.iterdir()}  # as a killed run leaves them
    for path, content in copies.items():
        path.write_bytes(content)
    assert (disk / "study.sqlite-wal").stat().st_size > 0
    assert remount("ro")
    with Store.open(place) as study:
        assert study.count() == 1


class SqliteError(sqlite3.OperationalError):
    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.sqlite_errorcode = code


def postgresql_error(name: str, text: str) -> Exception:
    errors = pytest.importorskip("psycopg.errors", reason="needs psycopg")
    return getattr(errors, name)(text)


@pytest.mark.parametrize(
    ("make", "writing", "kind", "told"),
    [
        (lambda: SqliteError(778, "disk I/O error"), True, OutputError, "its disk fails (disk I/O"),
        (lambda: SqliteError(778, "disk I/O error"), False, ConfigurationError, "its disk fails"),
        (lambda: SqliteError(261, "locked"), True, StudyBusyError, "another run is writing"),
        (lambda: SqliteError(1, "odd\nDETAIL: S1"), True, OutputError, "refuses (odd)"),
        (lambda: postgresql_error("DiskFull", "no space"), True, OutputError, "the disk is full"),
        (
            lambda: postgresql_error("ConnectionException", "gone"),
            False,
            ConfigurationError,
            "cannot be reached (gone)",
        ),
        (
            lambda: postgresql_error("UniqueViolation", "twice\nDETAIL: S1/v1.jpg"),
            True,
            OutputError,
            "refuses (twice)",
        ),
        (lambda: OverflowError("pq1 is wrong"), True, OutputError, "refuses (*** is wrong)"),
    ],
)
def test_complaints_of_the_drivers(make, writing, kind, told):
    """Codes: https://sqlite.org/rescode.html, 778 is IOERR_WRITE, 261 BUSY_RECOVERY."""
    cause = make()
    for error in (cause, sqlalchemy.exc.DBAPIError("INSERT …", {"path": "S1/v1.jpg"}, cause)):
        line = str(explain(error, "study.sqlite", writing, secret="pq1"))
        assert type(explain(error, "study.sqlite", writing)) is kind
        assert told in line
        assert "S1" not in line


# --- addresses -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("mysql://me:hidden@host/study", "is no study's URL"),
        ("postgresql+psycopg2://me:hidden@host/study", "is no study's URL"),
        ("postgresql://me:hidden@host:port/study", "cannot be understood"),
        ("postgresql://me:hid/hidden@/study?host=/nowhere", "cannot be reached"),
        ("postgresql://me:hid@hidden@host/study", "more than one @"),
        ("postgresql://me:hid:hidden/study", "cannot be understood"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite:///file:hidden?uri=true", "names no file"),
        ("sqlite://host/hidden", "names no file"),
        ("://hidden", "is no study's URL"),
    ],
)
def test_urls_that_are_refused(url, part):
    pytest.importorskip("psycopg", reason="needs psycopg")
    with pytest.raises(UsageError) as caught:
        Store.open(url)
    one_line(caught, part)
    if "me:" in url:
        assert "hidden" not in str(caught.value)


SIGNS = st.text("abcXYZ019!$%&/()=?@:#[]+ äß", min_size=1)


@given(
    password=SIGNS,
    escaped=st.booleans(),
    form=st.sampled_from(
        ["{}@host/study", "{}@[::1]:5432/study?sslmode=require", "me@host/study?password={}"]
    ),
)
def test_a_password_is_never_shown(password, escaped, form):
    secret = f"Q{password}Q"
    written = quote(secret, safe="") if escaped else secret
    user = "" if "me@" in form else "me:"
    try:
        shown = parse(f"postgresql://{user}{form.format(written)}").name
    except UsageError as error:
        assert not escaped
        shown = str(error)
    assert "Q" not in shown


def test_importing_loads_no_driver_and_the_rest_no_database():
    code = (
        "import sys, woundseg.{}; names = set(sys.modules);"
        "print('sqlalchemy' in names, 'psycopg' in names, 'numpy' in names)"
    )
    for room, expected in {"store": "True False False", "records": "False False False"}.items():
        done = subprocess.run(
            [sys.executable, "-c", code.format(room)], capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == expected


def test_without_the_driver_the_remedy_is_named(monkeypatch):
    for name in [n for n in sys.modules if n.split(".")[0] == "psycopg"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "psycopg", None)  # import psycopg then fails
    with pytest.raises(UsageError) as caught:
        Store.open("postgresql+psycopg://me:hidden@host/study")
    one_line(caught, "postgresql+psycopg://me:***@host/study", 'pip install "woundseg[postgresql]"')


# --- an earlier schema: SQLite's file is copied first ---------------------------------------------


@pytest.fixture
def old_file(tmp_path):
    """A study of schema 1 in a file."""
    path = tmp_path / "study.sqlite"
    with Store.open(path, create=True) as study:
        study.append([new(thumbnail=JPEG)])
    tamper(path, "UPDATE study SET value = '1' WHERE name = 'schema'")
    return path


def test_the_file_is_copied_before_it_is_migrated_and_no_copy_is_overwritten(old_file):
    for name in ("study.schema-1.sqlite", "study.schema-1-2.sqlite"):
        with Store.open(old_file) as study, study.alone():
            assert study.migrate().endswith(f"The study as it was is kept in {name}.")
        with Store.open(old_file.with_name(name)) as copy:
            assert not copy.is_current()
            assert (copy.count(), copy.thumbnail(NAME)) == (1, JPEG)
            assert list(copy.alterations()) == []
        tamper(old_file, "UPDATE study SET value = '1' WHERE name = 'schema'")


def test_a_study_that_cannot_be_copied_stays_as_it_is(old_file, monkeypatch):
    nowhere = old_file.parent / "none" / "copy.sqlite"
    monkeypatch.setattr("woundseg.store.migration._free", lambda _: nowhere)
    with Store.open(old_file) as study, study.alone():
        with pytest.raises(OutputError):
            study.migrate()
        assert not study.is_current()
    assert [path.name for path in old_file.parent.glob("*schema*")] == []

"""The store of a study on a real PostgreSQL server, which these tests start and stop."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
import uuid
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy
from test_store import JPEG, A, B, Behaviour, execute, new, one_line, raw

from woundseg.batch.alone import alone
from woundseg.errors import ConfigurationError, OutputError, UsageError
from woundseg.store import Store, StudyBusyError

pytestmark = pytest.mark.postgresql

PASSWORD = "s%cret/@:wörd"
DEBIAN = Path("/usr/lib/postgresql")


def programs() -> Path | None:
    """The folder of initdb and pg_ctl: the newest of Debian's, else what the path has."""
    debian = sorted(DEBIAN.glob("*/bin/initdb"), key=lambda p: float(p.parts[-3]))
    on_path = shutil.which("initdb")
    found = [*([Path(on_path)] if on_path else []), *debian]
    return found[-1].parent if found else None


class Server:
    """A server of its own in a passing folder; reached by its socket there, never by network."""

    def __init__(self, folder: Path, binaries: Path) -> None:
        self.folder, self._bin, self._numbers = folder, binaries, count()
        self._as: list[str] = []
        if os.geteuid() == 0:  # the server refuses to run as root
            postgres = pwd.getpwnam("postgres")
            os.chown(folder, postgres.pw_uid, postgres.pw_gid)
            self._as = ["runuser", "-u", "postgres", "--"]
        word = folder / "password"
        word.write_text(PASSWORD, encoding="utf-8")
        word.chmod(0o644)  # the folder itself is closed to others
        self._run(
            "initdb", "--username=chief", "--auth=scram-sha-256", f"--pwfile={word}",
            "--encoding=UTF8", "--locale=C.UTF-8",
        )  # fmt: skip
        self.start()
        version = self.outside("SHOW server_version_num")
        self.icu = int(version) >= 150000  # a database may then sort as people do: a, B, c

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as, str(self._bin / program), "-D", str(self.folder / "data")]
        done = subprocess.run(
            [*command, *arguments], capture_output=True, text=True, cwd="/", check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self) -> None:
        options = f"-c listen_addresses='' -c unix_socket_directories={self.folder}"
        log = self.folder / "log"
        self._run("pg_ctl", "start", "-w", "-t", "300", "-l", str(log), "-o", options)

    def stop(self, mode: str) -> None:
        self._run("pg_ctl", "stop", "-w", "-m", mode)

    def url(self, database: str, user: str = "chief", password: str = PASSWORD) -> str:
        made = sqlalchemy.URL.create(
            "postgresql+psycopg",
            username=user,
            password=password,
            database=database,
            query={"host": str(self.folder)},
        )
        return made.render_as_string(hide_password=False)

    def outside(self, statement: str) -> str:
        """Runs what may not stand in a transaction; gives what a SHOW shows."""
        engine = sqlalchemy.create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            done = connection.exec_driver_sql(statement)
            shown = str(done.scalar()) if done.returns_rows else ""
        engine.dispose()
        return shown

    def drop(self, url: str) -> None:
        name = sqlalchemy.make_url(url).database
        self.outside(f"DROP DATABASE {name} WITH (FORCE)")

    def new_database(self, encoding: str = "UTF8") -> str:
        name = f"study{next(self._numbers)}"
        order = "LOCALE_PROVIDER icu ICU_LOCALE 'en-US'" if encoding == "UTF8" and self.icu else ""
        self.outside(
            f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C' {order}"
        )
        return self.url(name)


@pytest.fixture(scope="module")
def server():
    binaries = programs()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed (initdb, pg_ctl)")
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    folder = Path(tempfile.mkdtemp(prefix="woundseg-pg-"))  # short: sockets take 107 letters
    try:
        running = Server(folder, binaries)
        try:
            yield running
        finally:
            running.stop("immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def where(server):
    url = server.new_database()
    yield url
    server.drop(url)


@pytest.fixture(scope="module")
def shared(server) -> str:
    return server.new_database()


class TestPostgresql(Behaviour):
    @pytest.fixture
    def where(self, shared):
        """A schema of its own: quicker than a database, which must be checkpointed."""
        name = f"s{uuid.uuid4().hex}"
        execute(shared, f"CREATE SCHEMA {name}")
        return f"{shared}&options=-csearch_path%3D{name}"


def test_two_studies_of_one_database_do_not_wait_for_each_other(shared):
    several = []
    for name in ("one", "other"):
        execute(shared, f"CREATE SCHEMA {name}")
        several.append(f"{shared}&options=-csearch_path%3D{name}")
    one, other = (Store.open(where, create=True) for where in several)
    with one, other, one.alone(), other.alone():
        assert one.count() == other.count() == 0


def test_two_machines_with_a_folder_each_and_one_database(where, tmp_path):
    with (
        alone(tmp_path / "one", where, create=True),
        pytest.raises(StudyBusyError) as caught,
        alone(tmp_path / "other", where, create=True),
    ):
        pass
    one_line(caught, "postgresql+psycopg://chief:***@", "another run is writing")
    assert PASSWORD not in str(caught.value)
    assert not (tmp_path / "other").exists()


def test_a_run_whose_link_breaks_ends_in_peace_and_holds_nothing(server, where):
    with Store.open(where, create=True) as study, Store.open(where) as other:
        with study.alone():
            server.outside(
                "SELECT pg_terminate_backend(pid) FROM pg_locks"
                " WHERE locktype = 'advisory' AND granted"
            )
            study.append([new()])
        with other.alone():
            assert other.count() == 1


def test_a_server_that_ends_idle_sessions_does_not_end_the_runs(server, where):
    Store.open(where, create=True).close()
    name = sqlalchemy.make_url(where).database
    server.outside(f"ALTER DATABASE {name} SET idle_session_timeout = '300ms'")
    with Store.open(where) as study, study.alone():
        time.sleep(0.8)
        with Store.open(where) as other, pytest.raises(StudyBusyError), other.alone():
            pass


def test_the_server_is_at_another_address(tmp_path):
    with pytest.raises(UsageError) as caught:
        Store.open(f"postgresql://me:hidden@/study?host={tmp_path}")
    one_line(caught, "postgresql+psycopg://me:***@/study: the server cannot be reached")
    assert "hidden" not in str(caught.value)


def test_a_wrong_password_and_a_wrong_database(server, where):
    with Store.open(where, create=True) as study:
        study.append([new()])
    name = sqlalchemy.make_url(where).database
    for url, part in {
        server.url(name, password="letmein"): "password authentication failed",
        server.url("elsewhere"): 'database "elsewhere" does not exist',
    }.items():
        for create in (False, True):
            with pytest.raises((UsageError, OutputError)) as caught:
                Store.open(url, create=create)
            one_line(caught, "the server cannot be reached", part)
            assert PASSWORD not in str(caught.value)
            assert "letmein" not in str(caught.value)


def test_other_letters_are_refused(server):
    url = server.new_database("LATIN1")
    with pytest.raises(ConfigurationError) as caught:
        Store.open(url, create=True)
    one_line(caught, "LATIN1", "Create the database with ENCODING 'UTF8'")


def test_the_client_writes_utf8_whatever_the_environment_says(where, monkeypatch):
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    with Store.open(where, create=True) as study:
        study.append([new("研究/🦶.jpg")])
        assert list(study.paths()) == ["研究/🦶.jpg"]
        assert list(study.alterations()) == []


def test_who_may_only_add_can_run_a_study(server, where):
    """Rights to read and insert are enough: a server can take the others away."""
    name = sqlalchemy.make_url(where).database
    with Store.open(where, create=True) as study:
        study.append([new()])
    for statement in (
        f"CREATE ROLE nurse_{name} LOGIN PASSWORD 'n'",
        f"GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO nurse_{name}",
        f"CREATE ROLE guest_{name} LOGIN PASSWORD 'g'",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO guest_{name}",
    ):
        execute(where, statement)
    with Store.open(server.url(name, f"nurse_{name}", "n"), create=True) as study:
        head = study.append([new(), new("S2/v1.jpg", thumbnail=JPEG)])
        assert list(study.alterations(head)) == []
    with Store.open(server.url(name, f"guest_{name}", "g")) as study:
        assert (study.head(), study.count()) == (head, 3)
        with pytest.raises(OutputError) as caught:
            study.append([new()])
        one_line(caught, "may not be written to")
        assert list(study.alterations(head)) == []


def test_who_may_not_make_tables_is_told(server, where):
    name = sqlalchemy.make_url(where).database
    execute(where, f"CREATE ROLE visitor_{name} LOGIN PASSWORD 'v'")
    execute(where, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    with pytest.raises(OutputError, match="may not be written to"):
        Store.open(server.url(name, f"visitor_{name}", "v"), create=True)


def test_a_schema_for_each_study(where):
    places = {name: f"{where}&options=-csearch_path%3D{name}" for name in ("first", "second")}
    for name, place in places.items():
        execute(where, f"CREATE SCHEMA {name}")
        with Store.open(place, create=True) as study:
            head = study.append([new(f"{name}.jpg")])
            assert list(study.paths()) == [f"{name}.jpg"]
            assert list(study.alterations(head)) == []
    with Store.open(places["first"]) as first, Store.open(places["second"], wait_s=0.2) as second:
        with first._database.writing():
            second.append([new()])  # the lock is the first study's
        assert (first.count(), second.count()) == (1, 2)


def test_a_setting_of_the_server_does_not_make_it_forgetful(where):
    name = sqlalchemy.make_url(where).database
    execute(where, f"ALTER DATABASE {name} SET synchronous_commit = off")
    execute(where, f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'")
    with Store.open(where, create=True) as study, study._database.writing() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
        assert connection.exec_driver_sql("SHOW transaction_isolation").scalar() == "read committed"


def test_a_link_that_was_cut_is_made_anew(where):
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    with Store.open(where, create=True) as study:
        study.append([new()])
        execute(where, f"{cut} AND datname = current_database()")
        study.append([new()])
        with pytest.raises(OutputError) as caught, study._database.writing() as connection:
            execute(where, f"{cut} AND datname = current_database()")
            connection.exec_driver_sql("SELECT 1")
        one_line(caught, "the server cannot be reached")
        head = study.append([new()])
        assert study.count() == 3
        assert list(study.alterations(head)) == []


def test_a_server_that_crashes_keeps_what_was_acknowledged(server, where):
    with Store.open(where, create=True) as study:
        heads = [study.append([new(f"{i}.jpg"), new(f"{i}.jpg", sha256=B)]) for i in range(20)]
        server.outside("CHECKPOINT")
        heads.append(study.append([new("late.jpg"), new("late.jpg")]))
        server.stop("immediate")
        with pytest.raises(OutputError) as caught:
            study.append([new()])
        one_line(caught, "the server cannot be reached")
        with pytest.raises(ConfigurationError):
            study.head()
        server.start()
        assert study.head() == heads[-1]
        assert study.count() == 42
        assert study.measured("19.jpg", A, '{"threshold":0.5}') is not None
        assert list(study.alterations(heads[-1])) == []


def test_a_trigger_that_does_nothing_is_told(where):
    with Store.open(where, create=True) as study:
        assert list(study.alterations()) == []
        with raw(where) as connection:
            connection.exec_driver_sql(
                "CREATE OR REPLACE FUNCTION woundseg_append_only() RETURNS trigger"
                " LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$"
            )
        assert list(study.alterations()) == [
            f"trigger {table}_append_only was altered or switched off"
            for table in ("study", "entries", "thumbnails")
        ]

"""``woundseg endpoint`` at the door: files, statuses, one line an error, nothing half-written."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import woundseg
from woundseg import cli, demo
from woundseg.simulate.trial import TrialSpec, write_trial
from woundseg.trial import protocol

TABLES = {
    "visit_response.csv", "subject_response.csv", "summary.json", "km_dor.csv", "km_rsd.csv",
    "protocol_used.yaml", "tu.csv", "tr.csv", "rs.csv", "adsl.csv", "adrs.csv", "adtte.csv",
    "define.csv", "define.html",
}  # fmt: skip
HEADER = "subject,visit,date,ulcer,area_cm2,evaluable\n"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return write_trial(tmp_path_factory.mktemp("trial"), TrialSpec(subjects=10))


@pytest.fixture
def run(capfd):
    """Runs ``woundseg endpoint``: exit status, standard output, standard error."""

    def call(*arguments):
        try:
            status = cli.main(["endpoint", *(str(argument) for argument in arguments)])
        except SystemExit as stopped:
            status = stopped.code
        return status, *capfd.readouterr()

    return call


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_tables_are_written_and_the_rates_are_told(run, study, tmp_path):
    visits, subjects = study
    status, out, err = run(visits, "--subjects", subjects, "--out", tmp_path / "new" / "out")
    assert status == 0
    written = contents(tmp_path / "new" / "out")
    assert set(written) == TABLES
    assert [word in out for word in ("ORR", "SDR", "DCR", "Remission")] == [True] * 4
    assert out.index("ORR") < out.index("SDR") < out.index("DCR")
    assert err.count("\n") == 1
    sha256 = hashlib.sha256(written["protocol_used.yaml"]).hexdigest()
    assert json.loads(written["summary.json"])["protocol"]["sha256"] == sha256


def test_two_runs_give_the_same_bytes(study, tmp_path):
    """In processes of their own: hash seeds and dates of the environment change nothing."""
    visits, subjects = study
    found = []
    for number, seed in enumerate(("1", "2")):
        folder = tmp_path / f"out{number}"
        words = [visits, "--subjects", subjects, "--out", folder, "--xpt", "--report", "--pdf"]
        subprocess.run(
            [sys.executable, "-m", "woundseg.cli", "endpoint", *map(str, words)],
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": f"UTC-{5 * number}"},
            check=True,
            capture_output=True,
        )
        found.append(contents(folder))
    assert found[0] == found[1]
    xpt = {f"{name}.xpt" for name in ("tu", "tr", "rs", "adsl", "adrs", "adtte")}
    assert set(found[0]) == TABLES | xpt | {"report.html", "report.pdf"}


def test_json_is_the_summary(run, study, tmp_path):
    status, out, _ = run(study[0], "--out", tmp_path, "--json")
    assert status == 0
    assert out == (tmp_path / "summary.json").read_text(encoding="utf-8")


def test_monte_carlo_adds_its_columns(run, study, tmp_path):
    rules = tmp_path / "few.yaml"
    rules.write_text("uncertainty: {draws: 10}\n")
    assert run(study[0], "--out", tmp_path / "out", "--mc", "--protocol", rules)[0] == 0
    assert "p_cr" in pd.read_csv(tmp_path / "out" / "visit_response.csv").columns
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["mc"]["draws"] == 10


def test_a_story_alone_writes_nothing(run, study, tmp_path):
    status, out, _ = run(study[0], "--subjects", study[1], "--explain", "S001")
    assert status == 0
    assert out.startswith("Subject S001: first dose on ")
    status, out, err = run(study[0], "--out", tmp_path / "out", "--explain", "S0001")
    assert (status, out, (tmp_path / "out").exists()) == (2, "", False)
    assert "Did you mean S001" in err


WAITS = (
    "subject,visit,date,ulcer,area_cm2,evaluable,reading_status\n"
    "A,BASELINE,2024-01-01,u1,4,,\nA,W8,2024-02-26,u1,,N,waiting\n"
)


def test_a_visit_that_waits_for_a_reading_is_said(run, tmp_path):
    table = tmp_path / "visits.csv"
    table.write_text(WAITS)
    status, out, err = run(table, "--out", tmp_path / "out", "--json")
    assert status == 0
    told = "WAITING: 1 visit of 1 subject waits for a person's reading (A on 2024-02-26)"
    assert err.splitlines()[0] == told
    assert [warning["code"] for warning in json.loads(out)["warnings"]] == ["WAITING"]


def test_strict_stops_before_anything_is_written(run, tmp_path):
    table, queries = tmp_path / "visits.csv", tmp_path / "queries.csv"
    table.write_text(WAITS)
    status, out, err = run(table, "--out", tmp_path / "out", "--strict")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"{table}: 1 visit of 1 subject waits for a person's reading")
    table.write_text(WAITS.replace("waiting", "read"))
    queries.write_text("status\nopened\n")
    status, out, err = run(table, "--out", tmp_path / "out", "--strict")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"{queries}: 1 query is not closed (row 2)")
    assert not (tmp_path / "out").exists()
    queries.write_text("status\nclosed\n")
    assert run(table, "--out", tmp_path / "out", "--strict")[0] == 0


def test_subjects_may_come_through_a_pipe(study, tmp_path):
    """As ``--subjects <(cat subjects.csv)`` and ``/dev/stdin`` do."""
    found = []
    for place, name in enumerate((str(study[1]), "/dev/stdin")):
        folder = tmp_path / str(place)
        words = ["endpoint", study[0], "--subjects", name, "--out", folder]
        program = [sys.executable, "-m", "woundseg.cli", *words]
        subprocess.run(program, input=study[1].read_bytes(), check=True, capture_output=True)
        found.append((folder / "subject_response.csv").read_bytes())
    assert found[0] == found[1]


def test_assessed_codes_are_taken_as_they_are(run, tmp_path):
    table = tmp_path / "visits.csv"
    table.write_text(
        "subject,visit,date,ulcer,area_cm2,evaluable,response\n"
        "A,BASELINE,2024-01-01,u1,4,,\nA,V1,2024-03-01,u1,4,,PR\nA,V2,2024-04-01,u1,4,,PR\n"
    )
    assert run(table, "--out", tmp_path / "out", "--source", "assessed")[0] == 0
    found = pd.read_csv(tmp_path / "out" / "subject_response.csv")
    assert found["cbor"].tolist() == ["PR"]
    assert run(table, "--out", tmp_path / "out")[0] == 0
    found = pd.read_csv(tmp_path / "out" / "subject_response.csv")
    assert found["cbor"].tolist() == ["SD"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("A,V1,2024-13-01,u1,4,Y", ["row 2", "column date", "'2024-13-01'"]),
        ("A,V1,2024-01,u1,4,Y", ["row 2", "column date", "'2024-01'"]),
        ("A,V1,1889-01-01,u1,4,Y", ["row 2", "column date", "'1889-01-01'"]),
        ("A,V1,2024-01-01,u1,-4,Y", ["row 2", "column area_cm2", "'-4'"]),
        ("A,V1,2024-01-01,u1,nan,Y", ["row 2", "column area_cm2", "'nan'"]),
        ("A,V1,2024-01-01,u1,4,maybe", ["row 2", "column evaluable", "'maybe'"]),
        (",V1,2024-01-01,u1,4,Y", ["row 2", "column subject"]),
    ],
)
def test_a_bad_cell_is_named_and_nothing_is_written(run, tmp_path, text, names):
    table = tmp_path / "visits.csv"
    table.write_text(f"{HEADER}{text}\n")
    status, out, err = run(table, "--out", tmp_path / "out", "--report", "--pdf", "--xpt")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert re.fullmatch(r".+: .+\. .+\.\n", err)
    for name in ("visits.csv", *names):
        assert name in err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("table", "name"),
    [("subject,visit,date,ulcer,area_cm2\nA,V1,2024-01-01,u1,4\n", "evaluable"),
     ("subject;visit;date;ulcer;area_cm2;evaluable\nA;V1;2024-01-01;u1;4,5;Y\n", "Excel")],
)  # fmt: skip
def test_a_bad_table_is_named(run, tmp_path, table, name):
    path = tmp_path / "visits.csv"
    path.write_text(table)
    status, _, err = run(path, "--out", tmp_path / "out")
    assert status == 2
    assert name in err
    assert not (tmp_path / "out").exists()


def test_an_xpt_that_cannot_be_written_leaves_no_csv_either(run, tmp_path):
    path = tmp_path / "visits.csv"
    path.write_text(f"{HEADER}Ä,BASELINE,2024-01-01,u1,4,Y\n", encoding="utf-8")
    status, _, err = run(path, "--out", tmp_path / "out", "--xpt")
    assert status == 2
    assert "Ä" in err
    assert not (tmp_path / "out").exists()


def test_a_wrong_protocol_names_the_nearest_key(run, study, tmp_path):
    rules = tmp_path / "p.yaml"
    rules.write_text("bor: {sd_min_day: 84}\n")
    status, _, err = run(study[0], "--out", tmp_path / "out", "--protocol", rules)
    assert status == 2
    assert "bor.sd_min_days" in err


def test_a_missing_folder_option_is_wrong_usage(run, study):
    status, _, err = run(study[0])
    assert status == 2
    assert "--out" in err


def test_an_output_that_is_a_file_is_named(run, study, tmp_path):
    taken = tmp_path / "out"
    taken.write_text("mine")
    status, _, err = run(study[0], "--out", taken)
    assert status == 5
    assert str(taken) in err
    assert taken.read_text() == "mine"


def test_without_a_report_matplotlib_is_not_loaded(study, tmp_path):
    code = (
        "import sys\nfrom woundseg.cli import main\n"
        "main(sys.argv[1:])\nsys.exit('matplotlib' in sys.modules or 'cv2' in sys.modules)"
    )
    words = ["endpoint", study[0], "--subjects", study[1], "--out", tmp_path]
    subprocess.run([sys.executable, "-c", code, *map(str, words)], check=True, capture_output=True)


def test_data_frames_give_the_same_as_the_command(run, study, tmp_path):
    visits, subjects = (pd.read_csv(path, dtype=str, keep_default_na=False) for path in study)
    found = woundseg.endpoint(visits, subjects)
    assert run(study[0], "--subjects", study[1], "--out", tmp_path)[0] == 0
    assert found.texts["summary.json"] == (tmp_path / "summary.json").read_text(encoding="utf-8")
    assert list(found.subject_response["subject"]) == list(subjects["subject"])


def test_the_demo_ends_with_a_simulated_trial(tmp_path):
    told = demo.trial(tmp_path, protocol.load(None))
    assert "SIMULATED" in demo.TRIAL_TITLE
    assert [word in told for word in ("ORR", "SDR", "DCR", "95 % CI", "Remission")] == [True] * 5
    assert "SIMULATED" in (tmp_path / "endpoint" / "report.html").read_text(encoding="utf-8")

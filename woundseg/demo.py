"""The demonstration: a simulated subject's visits beside the truth, and a simulated trial."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from woundseg import trial_report
from woundseg.batch import tables
from woundseg.batch.conclude import ConcludeOptions
from woundseg.batch.local import LocalEngine
from woundseg.batch.run import BatchOptions, Watch, run
from woundseg.batch.workers import Setup
from woundseg.records import VisitRow
from woundseg.simulate import write_visits
from woundseg.simulate.trial import TrialSpec, write_trial
from woundseg.trial import endpoint
from woundseg.trial.protocol import Protocol
from woundseg.visits import VisitOptions

VISITS = 8
"""To month 6, so that the endpoint has something to say."""

TITLE = "One simulated subject (drawn, no patient): measured beside true"
TRIAL_TITLE = (
    f"A trial of {TrialSpec().subjects} SIMULATED subjects "
    "(areas drawn from stated healing curves, no patient)"
)
HEADER = (
    f"{'visit':<16} {'true cm²':>9} {'measured cm² (95%)':>24} {'error':>7}  "
    f"{'granulation':>11} {'called':>7}  response"
)


@dataclass(frozen=True)
class DemoVisit:
    """One visit of the demonstration: the truth, what was measured, and its category."""

    row: VisitRow
    true_cm2: float
    true_granulation: float | None
    code: str

    def line(self) -> str:
        """One row of the table."""
        row = self.row
        name = f"{row.visit} {row.date}"
        error = ""
        if row.evaluable != "Y" or row.area_cm2 is None:
            measured = "not measured"
        elif row.area_cm2_low is None or row.area_cm2_high is None:
            measured = f"{row.area_cm2:.2f}"
        else:
            measured = f"{row.area_cm2:.2f} ({row.area_cm2_low:.2f} to {row.area_cm2_high:.2f})"
            error = f"{row.area_cm2 / self.true_cm2 - 1:+.1%}" if self.true_cm2 else ""
        told = f"{name:<16} {self.true_cm2:>9.2f} {measured:>24} {error:>7}"
        shares = f"{_percent(self.true_granulation):>11} {_percent(row.granulation):>7}"
        return f"{told}  {shares}  {self.code}"


def subject(
    folder: Path,
    setup: Setup,
    protocol: Protocol,
    now: Callable[[], datetime],
    watch: Watch | None = None,
) -> Iterator[DemoVisit]:
    """Draws the visits into ``folder/photos`` and runs batch and endpoint on them.

    ``folder/study`` holds what batch writes, ``folder/study-endpoint`` what endpoint does.

    Raises:
        OutputError: a file cannot be written.
    """
    photos, study = folder / "photos", folder / "study"
    write_visits(photos, count=VISITS)
    options = BatchOptions(
        visits=VisitOptions(),
        setup=setup,
        conclude=ConcludeOptions(protocol=protocol, as_of=now().date(), study="demonstration"),
        now=now,
    )
    with LocalEngine(setup) as engine:
        done = run(photos, study, options, engine, watch)
    for error in done.errors:
        raise error
    found = endpoint.run(study / tables.VISITS, None, protocol)
    endpoint.write(found, folder / "study-endpoint")
    truth = _truth(photos / "truth.csv")
    codes = _codes(found)
    for row in tables.read_visits(study / tables.VISITS):
        true_cm2, granulation = truth[row.path]
        yield DemoVisit(row, true_cm2, granulation, codes.get(row.visit, ""))


def best_response(folder: Path) -> str:
    """What endpoint made of the subject's visits, in one line."""
    with (folder / "study-endpoint" / "subject_response.csv").open(encoding="utf-8") as stream:
        row = next(csv.DictReader(stream))
    return f"confirmed best overall response: {row['cbor']} ({row['cbor_date']})"


def trial(folder: Path, protocol: Protocol) -> str:
    """Draws a trial into ``folder/trial``, writes its endpoint and report into ``folder/endpoint``.

    Returns:
        ORR, SDR, DCR and the median of remission as lines of text.

    Raises:
        OutputError: a file cannot be written.
    """
    visits, subjects = write_trial(folder / "trial")
    found = endpoint.run(visits, subjects, protocol)
    pages = trial_report.texts(found, simulated=True)
    endpoint.write(found, folder / "endpoint")
    trial_report.write(pages, folder / "endpoint")
    return trial_report.told(found)


def _codes(found: endpoint.Endpoint) -> dict[str, str]:
    """Each visit's category; the baseline has none."""
    frame = found.visit_response
    pairs = zip(frame["visit"].tolist(), frame["response"].tolist(), strict=True)
    return {visit: code or "baseline" for visit, code in pairs}


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.0%}"


def _truth(table: Path) -> dict[str, tuple[float, float | None]]:
    """Area, and granulation's share of the bed where there is one, by path."""
    with table.open(encoding="utf-8", newline="") as stream:
        return {
            row["path"]: (float(row["area_cm2"]), _number(row["granulation"]))
            for row in csv.DictReader(stream)
        }


def _number(text: str) -> float | None:
    return float(text) if text else None

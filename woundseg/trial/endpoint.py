"""From visits.csv to the trial's endpoint: one function derives, one writes (section 10)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from woundseg import files
from woundseg.trial import durations as time_to_event
from woundseg.trial.assess import Assessment, assess
from woundseg.trial.cdisc import datasets as cdisc
from woundseg.trial.cdisc.shaping import Derived
from woundseg.trial.durations import Durations
from woundseg.trial.frames import csv_text, rounded
from woundseg.trial.healing import heal
from woundseg.trial.montecarlo import MonteCarlo, simulate
from woundseg.trial.protocol import Protocol, load
from woundseg.trial.study import prepare
from woundseg.trial.subject_table import evidence_table, subject_table
from woundseg.trial.summary import Parts, curve, primary_population, summarise
from woundseg.trial.tables import (
    Subjects,
    Visits,
    read_subjects,
    read_visits,
    subjects_from_frame,
    subjects_of,
    visits_from_frame,
)
from woundseg.trial.visit_table import visit_table

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Endpoint:
    """The trial's endpoint: protocol.md's tables as data frames, and the summary.

    Attributes:
        found: sections 2 to 4 applied, as arrays.
        durations: section 6 for each subject, in days after the first dose.
        simulated: Monte Carlo; None when not asked for.
        visit_response: visit_response.csv.
        origin: beside each of its rows: ``row`` of visits.csv (0 for an amputation or a sum),
            ``cell`` of the record (-1 for none), ``who``, ``lower_bound``.
        subject_response: subject_response.csv.
        evidence: which record and which rule made each best response.
        summary: summary.json.
        km_dor: km_dor.csv.
        km_rsd: km_rsd.csv.
    """

    found: Assessment
    durations: Durations
    simulated: MonteCarlo | None
    visit_response: pd.DataFrame
    origin: pd.DataFrame
    subject_response: pd.DataFrame
    evidence: pd.DataFrame
    summary: dict[str, Any]
    km_dor: pd.DataFrame
    km_rsd: pd.DataFrame

    @property
    def protocol(self) -> Protocol:
        """The rules that were in force."""
        return self.found.protocol

    @cached_property
    def datasets(self) -> dict[str, pd.DataFrame]:
        """TU, TR, RS, ADSL, ADRS and ADTTE (section 8) by name.

        Raises:
            TableError: an age that is not a number.
        """
        return cdisc.build(
            Derived(
                found=self.found,
                durations=self.durations,
                lines=self.visit_response,
                origin=self.origin,
                subjects=self.subject_response,
            )
        )

    @property
    def xpt(self) -> dict[str, bytes]:
        """The data sets as XPT version 5 files, by name of the file.

        Raises:
            TableError: a text that XPT cannot hold.
        """
        return cdisc.xpt_files(self.datasets, self.found.study.rows.source)

    @cached_property
    def texts(self) -> dict[str, str]:
        """Every file that :func:`write` writes, by name; the same input gives the same text."""
        return {
            "visit_response.csv": csv_text(self.visit_response),
            "subject_response.csv": csv_text(self.subject_response),
            "summary.json": summary_text(self.summary),
            "km_dor.csv": csv_text(self.km_dor),
            "km_rsd.csv": csv_text(self.km_rsd),
            "protocol_used.yaml": self.protocol.to_yaml(),
            **cdisc.texts(self.datasets),
        }


def summary_text(summary: dict[str, Any]) -> str:
    """summary.json as text: numbers with 12 significant digits, null where not reached."""
    return json.dumps(rounded(summary), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def derive_from(
    visits: Visits, subjects: Subjects | None, protocol: Protocol, monte_carlo: bool = False
) -> Endpoint:
    """The endpoint of tables that were read already; see :func:`derive`."""
    known = subjects_of(visits) if subjects is None else subjects
    found = assess(prepare(visits, known, protocol), protocol)
    lasting = time_to_event.derive(found.study, found.grid, found.course, protocol)
    simulated = simulate(found, primary_population(found)) if monte_carlo else None
    parts = Parts(found, lasting, heal(found), simulated)
    visit_response, origin = visit_table(found, simulated)
    return Endpoint(
        found=found,
        durations=lasting,
        simulated=simulated,
        visit_response=visit_response,
        origin=origin,
        subject_response=subject_table(found, lasting, parts.healing),
        evidence=evidence_table(found, origin),
        summary=summarise(parts),
        km_dor=curve(parts, "DOR").table,
        km_rsd=curve(parts, "RSD").table,
    )


def derive(
    visits: pd.DataFrame,
    subjects: pd.DataFrame | None = None,
    protocol: Protocol | None = None,
    monte_carlo: bool = False,
) -> Endpoint:
    """The endpoint of data frames with the columns of visits.csv and subjects.csv.

    Args:
        visits: one row a photograph and ulcer.
        subjects: one row a subject; None takes trt_start from the visit named BASELINE.
        protocol: the rules; None for the default.
        monte_carlo: propagate the areas' measurement error.

    Raises:
        TableError: a table that cannot be understood: row, column and value.
    """
    listed = None if subjects is None else subjects_from_frame(subjects)
    rules = load() if protocol is None else protocol
    return derive_from(visits_from_frame(visits), listed, rules, monte_carlo)


def run(
    visits: Path, subjects: Path | None, protocol: Protocol, monte_carlo: bool = False
) -> Endpoint:
    """The endpoint of visits.csv and subjects.csv; nothing is written.

    Raises:
        TableError: a file that cannot be understood: row, column and value.
    """
    listed = None if subjects is None else read_subjects(subjects)
    return derive_from(read_visits(visits), listed, protocol, monte_carlo)


def write(endpoint: Endpoint, folder: Path, xpt: bool = False) -> list[Path]:
    """Write the tables, the data sets, the summary and the protocol; gives the paths.

    Everything is made before the first file is written.

    Args:
        endpoint: what to write.
        folder: made if it is not there.
        xpt: write the data sets as XPT as well.

    Raises:
        TableError: an age that is not a number; with ``xpt`` a text that XPT cannot hold.
        OutputError: a file cannot be written.
    """
    contents = {name: text.encode("utf-8") for name, text in endpoint.texts.items()}
    contents |= endpoint.xpt if xpt else {}
    files.make_folder(folder)
    for name, content in contents.items():
        files.write_bytes(folder / name, content)
    return [folder / name for name in contents]

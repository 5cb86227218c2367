"""The demonstration: a simulated subject's visits beside the truth, and a simulated trial."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from woundseg import files, photo, results, trial_report
from woundseg.baseline import EarlierVisit, respond
from woundseg.pipeline import Scored, ScoreOptions, score
from woundseg.segment import Segmenter
from woundseg.simulate import write_visits
from woundseg.simulate.trial import TrialSpec, write_trial
from woundseg.trial import endpoint
from woundseg.trial.protocol import Protocol

TITLE = "One simulated subject (drawn, no patient): measured beside true"
TRIAL_TITLE = (
    f"A trial of {TrialSpec().subjects} SIMULATED subjects "
    "(areas drawn from stated healing curves, no patient)"
)
HEADER = f"{'visit':<24} {'true cm²':>9} {'measured cm² (95%)':>24} {'error':>7}  response"


@dataclass(frozen=True)
class DemoVisit:
    """One visit of the demonstration: its folder's name, the truth, and what was measured."""

    name: str
    true_cm2: float
    scored: Scored

    def line(self) -> str:
        """One row of the table."""
        total = self.scored.record.total
        response = self.scored.record.response
        code = f"{response.code} ({response.category})" if response else "baseline"
        if total.area_cm2 is None or total.area_cm2_low is None or total.area_cm2_high is None:
            measured = "not measured" if total.area_cm2 is None else f"{total.area_cm2:.2f}"
            return f"{self.name:<24} {self.true_cm2:>9.2f} {measured:>24} {'':>7}  {code}"
        measured = f"{total.area_cm2:.2f} ({total.area_cm2_low:.2f} to {total.area_cm2_high:.2f})"
        error = f"{total.area_cm2 / self.true_cm2 - 1:+.1%}" if self.true_cm2 else ""
        return f"{self.name:<24} {self.true_cm2:>9.2f} {measured:>24} {error:>7}  {code}"


def run(folder: Path, segmenter: Segmenter, protocol: Protocol) -> Iterator[DemoVisit]:
    """Draws the visits into ``folder/photos``, scores each into ``folder/scores``.

    Raises:
        OutputError: a file cannot be written.
    """
    photos = folder / "photos"
    paths = write_visits(photos)
    truth = _truth(photos / "truth.csv")
    out = files.make_folder(folder / "scores")
    earlier: list[EarlierVisit] = []
    for path in paths:
        scored = score(photo.read(path), segmenter, ScoreOptions())
        if earlier:
            response = respond(earlier, scored.record, protocol)
            scored = scored.with_response(response)
        earlier.append(EarlierVisit(record=scored.record))
        name = path.parent.name
        results.write(scored, out, name)
        yield DemoVisit(name, truth[path.relative_to(photos).as_posix()], scored)


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


def _truth(table: Path) -> dict[str, float]:
    with table.open(encoding="utf-8", newline="") as stream:
        return {row["path"]: float(row["area_cm2"]) for row in csv.DictReader(stream)}

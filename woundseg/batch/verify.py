"""Whether a study was altered, and whether its figures come out again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from woundseg import __version__, segment, store, tissue_map
from woundseg.batch import provenance, tables
from woundseg.batch.alone import STORE, Say, migrated, quiet
from woundseg.batch.correct import score_options
from woundseg.batch.noted import (
    NAMES,
    PAGES,
    REPORT,
    head_before_report,
    last_noted,
    names_hold,
    noted_report,
    report_sha256,
)
from woundseg.batch.one import Task, file_sha256, measure, overlay_path
from woundseg.batch.pictures import Pictures
from woundseg.batch.run import photos_root
from woundseg.batch.seen import record_of
from woundseg.errors import ConfigurationError, OutputError
from woundseg.records import PhotoRef, ScoreRecord
from woundseg.segment import Segmenter
from woundseg.store import Entry, Store, StudyBusyError

AREA_SHARE, AREA_PX = 0.005, 3.0
"""Engines agree within so much of an area, or so many pixels (docs/architecture.md)."""


@dataclass(frozen=True)
class VerifyOptions:
    """What is looked at.

    Attributes:
        head: the hash that the store ended with, as someone kept it; None trusts the store's own.
        sample: photographs measured again.
        photos: the folder of photographs; None takes that of the last run.
        weights: the weight file; None takes the shipped one.
        where: URL of the store; None takes ``study.sqlite`` in the study's folder.
    """

    head: str | None = None
    sample: int = 5
    photos: Path | None = None
    weights: Path | None = None
    where: str | None = None


@dataclass
class Verdict:
    """What was found.

    Attributes:
        entries: rows of the store.
        head: hash of the last one that is not about the report, as ``batch`` prints it.
        altered: one line for each thing that was altered.
        photographs: one line for each photograph that is missing or has been replaced.
        differing: one line for each photograph whose figures did not come out again.
        missing_pictures: one line for each picture that is missing; ``batch`` draws it again.
        notes: what could not be looked at, and why.
        checked, unchecked: what was looked at and what was not, a phrase each, with numbers.
        head_given: whether somebody's own head was looked for in the chain.
        exact: photographs that came out to the last digit.
        near: photographs that came out within the engines' tolerance.
    """

    entries: int
    head: str
    altered: list[str] = field(default_factory=list)
    photographs: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)
    missing_pictures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    checked: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    head_given: bool = False
    exact: int = 0
    near: int = 0

    @property
    def sound(self) -> bool:
        """Nothing was altered, no photograph is missing or another, and nothing differs."""
        return not self.altered and not self.photographs and not self.differing

    def state(self) -> str:
        """The verdict in a line."""
        if not self.sound:
            return "NOT SOUND"
        if self.head_given:
            return "sound: nothing was altered"
        return "consistent; give --head to show that nothing was rewritten"


def verify(study: Path, options: VerifyOptions, say: Say = quiet) -> Verdict:
    """Looks at the store, at all that runs wrote, at every photograph, and measures a sample again.

    Args:
        study: the study's folder.
        options: what is looked at.
        say: shows the line about a migration.

    Raises:
        UsageError: no such study.
    """
    with store.Store.open(options.where or study / STORE) as kept:
        busy = _busy(study, kept, say)
        verdict = Verdict(kept.count(), head_before_report(kept))
        verdict.notes += busy
        verdict.head_given = options.head is not None
        verdict.altered += kept.alterations(options.head)
        verdict.checked.append(f"{_many(verdict.entries, 'row')} of the chain")
        if options.head is None:
            verdict.unchecked.append("whether rows were cut off or all made anew (--head)")
        if busy:
            verdict.unchecked.append("tables, report and pictures (a run is at work)")
        else:
            _tables(study, kept, verdict)
            _report(study, kept, verdict)
            _pictures(study, kept, verdict)
        verdict.unchecked.append("files of --redcap and --fhir")
        gone = _photographs(kept, options, verdict)
        _measure_again(kept, options, verdict, gone)
        return verdict


def _many(count: int, one: str) -> str:
    return f"{count:,} {one if count == 1 else one + 's'}"


def _busy(study: Path, kept: Store, say: Say) -> list[str]:
    """Migrates a study of an earlier schema where no run is at work; else says that one is."""
    try:
        with kept.alone():
            if not kept.is_current():
                migrated(kept, say)
            return []
    except StudyBusyError:
        return [f"{study}: a run is at work; tables and pictures not looked at."]
    except OutputError as error:  # a study that can only be read has no run at work either
        return [] if kept.is_current() else [f"{error.line()} It was not migrated."]


def _tables(study: Path, kept: Store, verdict: Verdict) -> None:
    """Tables, and names behind them, that are not as the last run wrote them."""
    written = last_noted(kept)
    if NAMES in written and not names_hold(kept):
        verdict.altered.append(
            "names of ulcers are not as a run noted them: altered, or a run was cut off. "
            "Run woundseg batch again: it works them out anew."
        )
    noted = {name: sha256 for name, sha256 in written.items() if name != NAMES}
    verdict.altered += _changed(study, noted, {name: tables.sha256(study / name) for name in noted})
    names = " and the names of ulcers" if NAMES in written else ""
    verdict.checked.append(f"{_many(len(noted), 'table')}{names}")


def _report(study: Path, kept: Store, verdict: Verdict) -> None:
    noted = noted_report(kept)
    if not noted:
        verdict.unchecked.append(f"{REPORT} (no run has noted it)")
        return
    verdict.altered += _changed(study, noted, report_sha256(study))
    verdict.checked.append(REPORT + (" and its pages" if PAGES in noted else ""))


def _changed(study: Path, noted: dict[str, str], found: dict[str, str]) -> Iterator[str]:
    for name, sha256 in noted.items():
        if found.get(name, "") != sha256:
            told = "was changed since it was written" if found.get(name) else "is missing"
            yield f"{study / name}: {told}. Run woundseg batch again to make it anew."


def _pictures(study: Path, kept: Store, verdict: Verdict) -> None:
    pictures = Pictures(study, kept)
    paths = [*kept.paths()]
    verdict.altered += pictures.altered(paths)
    for path, _ in pictures.missing(paths):
        told = "is missing. Run woundseg batch again to draw it anew."
        verdict.missing_pictures.append(f"{overlay_path(study, path)}: {told}")
    there = sum(overlay_path(study, path).is_file() for path in paths)
    verdict.checked.append(_many(there, "picture"))


def _photographs(kept: Store, options: VerifyOptions, verdict: Verdict) -> set[str]:
    """Compares every photograph with what was measured; gives those not there or not the same."""
    found = (kept.found(path) for path in kept.paths())
    measured = {entry.path: entry.sha256 for entry in found if entry is not None and entry.sha256}
    if not measured:
        return set()
    root = options.photos or photos_root(kept)
    if not any((root / path).is_file() for path in measured):
        told = f"none of the {_many(len(measured), 'photograph')} is there"
        remedy = "Say where they lie now with --photos"
        verdict.photographs.append(f"{root}: {told}. {remedy}.")
        verdict.unchecked.append(f"{_many(len(measured), 'photograph')} (not found)")
        return set(measured)
    gone = set()
    for path, sha256 in measured.items():
        now = file_sha256(root / path)
        if now != sha256:
            gone.add(path)
            verdict.photographs.append(
                f"{root / path}: is another file than the one measured. Run woundseg batch "
                "again to measure it, or put the old one back."
                if now
                else f"{root / path}: is missing or cannot be read. Put it back."
            )
    verdict.checked.append(_many(len(measured), "photograph"))
    return gone


def _measure_again(kept: Store, options: VerifyOptions, verdict: Verdict, gone: set[str]) -> None:
    """Measures a sample of the photographs that are as they were."""
    paths = [path for path in kept.paths() if path not in gone]
    entries = _sample(kept, paths, options.sample) if options.sample else []
    if entries:
        root = options.photos or photos_root(kept)
        segmenter = segment.load("cpu", weights=options.weights, threads=1)
        for entry in entries:
            _compare(entry, root, segmenter, verdict)
    again = verdict.exact + verdict.near + len(verdict.differing)
    verdict.checked.append(
        f"{_many(again, 'photograph')} measured again ({verdict.exact} to the last digit,"
        f" {verdict.near} within the engines' tolerance, {len(verdict.differing)} differ)"
    )
    rest = len(paths) + len(gone) - again
    if rest:
        told = "--sample measures more again; never what a person has read"
        verdict.unchecked.append(f"the figures of {_many(rest, 'photograph')} ({told})")


def _sample(kept: Store, paths: list[str], size: int) -> list[Entry]:
    """Photographs spread evenly over the study, those that a person corrected left out."""
    step = max(1, len(paths) // size)
    found = (kept.current(path) for path in paths[::step])
    return [entry for entry in found if entry is not None and entry.kind == "measured"][:size]


def _compare(entry: Entry, root: Path, segmenter: Segmenter, verdict: Verdict) -> None:
    """Measures one photograph again."""
    path = root / entry.path
    told: dict[str, Any] = json.loads(entry.settings)
    if told.get("software") != __version__:
        verdict.notes.append(f"{path}: was measured by woundseg {told.get('software')}; not again.")
        return
    weights = told["weights"], told.get("tissue"), told["precision"]
    if weights != (segmenter.model.sha256, tissue_map.weights_sha256(), "fp32"):
        verdict.notes.append(f"{path}: was measured with other weights or another precision.")
        return
    if told.get("tissue_reading") != tissue_map.READING:
        verdict.notes.append(f"{path}: its colours and tissue were read by another version.")
        return
    try:
        earlier = record_of(entry)
    except ConfigurationError as error:
        verdict.notes.append(error.line())
        return
    ref = PhotoRef(path, entry.path, "", "", datetime.min.date())
    outcome = measure(Task(ref, score_options(entry)), segmenter)
    if outcome.record and _holds(json.loads(entry.result), json.loads(outcome.record)):
        verdict.exact += 1
    elif _same_maker(entry):
        verdict.differing.append(f"{path}: the same machine and versions give other figures.")
    elif outcome.record and _near(earlier, ScoreRecord.model_validate_json(outcome.record)):
        verdict.near += 1
    else:
        verdict.differing.append(f"{path}: its figures differ by more than engines do.")


def _holds(old: Any, new: Any) -> bool:
    """Whether a record says all that an earlier one says; fields may have been added since."""
    if isinstance(old, dict) and isinstance(new, dict):
        return all(name in new and _holds(value, new[name]) for name, value in old.items())
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return all(map(_holds, old, new))
    return bool(old == new)


def _same_maker(entry: Entry) -> bool:
    """Whether this machine with these versions made the entry."""
    then = json.loads(entry.made)
    now = json.loads(provenance.made(then["device"], datetime.min))
    return {**then, "time": ""} == {**now, "time": ""} and then["device"] == "cpu"


def _near(one: ScoreRecord, other: ScoreRecord) -> bool:
    """Whether each ulcer's area agrees as two engines do."""
    if len(one.ulcers) != len(other.ulcers):
        return False
    pairs = zip(one.ulcers, other.ulcers, strict=True)
    areas = [(a.area_px or 0, b.area_px or 0) for a, b in pairs]
    return all(abs(a - b) <= max(AREA_PX, AREA_SHARE * a) for a, b in areas)

"""Whether a study was altered, and whether its figures come out again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from woundseg import segment, store, tissue_map
from woundseg.batch import provenance, tables
from woundseg.batch.alone import STORE
from woundseg.batch.correct import score_options
from woundseg.batch.noted import NAMES, last_noted, names_hold
from woundseg.batch.one import Task, file_sha256, measure, overlay_path
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
        head: hash of the last one.
        altered: one line for each thing that was altered.
        differing: one line for each photograph whose figures did not come out again.
        notes: what could not be looked at, and why.
        exact: photographs that came out to the last digit.
        near: photographs that came out within the engines' tolerance.
    """

    entries: int
    head: str
    altered: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    exact: int = 0
    near: int = 0

    @property
    def sound(self) -> bool:
        """Nothing was altered and nothing differs."""
        return not self.altered and not self.differing


def verify(study: Path, options: VerifyOptions) -> Verdict:
    """Looks at every row of the store, at the tables, and measures a sample again.

    Raises:
        UsageError: no such study.
    """
    with store.Store.open(options.where or study / STORE) as kept:
        verdict = Verdict(kept.count(), kept.head())
        verdict.altered += kept.alterations(options.head)
        if _busy(kept):
            verdict.notes.append(f"{study}: a run is at work; tables and pictures not looked at.")
        else:
            verdict.altered += _tables(study, kept)
            verdict.altered += _pictures(study, kept)
        if options.sample:
            _measure_again(kept, options, verdict)
        return verdict


def _busy(kept: Store) -> bool:
    try:
        with kept.alone():
            return False
    except StudyBusyError:
        return True
    except OutputError:  # a study that can only be read has no run at work either
        return False


def _tables(study: Path, kept: Store) -> Iterator[str]:
    """Tables, and names behind them, that are not as the last run wrote them."""
    written = last_noted(kept)
    if NAMES in written and not names_hold(kept):
        yield (
            "names of ulcers are not as a run noted them: altered, or a run was cut off. "
            "Run woundseg batch again: it works them out anew."
        )
    for name, sha256 in written.items():
        if name == NAMES:
            continue
        found = tables.sha256(study / name)
        if found != sha256:
            told = "was changed since it was written" if found else "is missing"
            yield f"{study / name}: {told}. Run woundseg batch again to make it anew."


def _pictures(study: Path, kept: Store) -> Iterator[str]:
    """Large pictures that are not as they were drawn; one that is gone misleads nobody."""
    for path in kept.paths():
        entry = kept.current(path)
        told = json.loads(entry.sketch) if entry is not None and entry.sketch else {}
        picture = overlay_path(study, path)
        found = file_sha256(picture)
        expected = told.get("overlay_sha256", found) if told else ""
        if found and found != expected:
            yield f"{picture}: is not the one that was drawn. Remove it, or put the old one back."


def _measure_again(kept: Store, options: VerifyOptions, verdict: Verdict) -> None:
    entries = _sample(kept, options.sample)
    if not entries:
        return
    root = options.photos or photos_root(kept)
    segmenter = segment.load("cpu", weights=options.weights, threads=1)
    for entry in entries:
        _compare(entry, root, segmenter, verdict)


def _sample(kept: Store, size: int) -> list[Entry]:
    """Photographs spread evenly over the study, those that a person corrected left out."""
    paths = [path for path in kept.paths() if path]
    step = max(1, len(paths) // size)
    found = (kept.current(path) for path in paths[::step])
    return [entry for entry in found if entry is not None and entry.kind == "measured"][:size]


def _compare(entry: Entry, root: Path, segmenter: Segmenter, verdict: Verdict) -> None:
    """Measures one photograph again."""
    path = root / entry.path
    told: dict[str, Any] = json.loads(entry.settings)
    if file_sha256(path) != entry.sha256:
        verdict.notes.append(f"{path}: is gone or has changed; not measured again.")
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
    if outcome.record == entry.result:
        verdict.exact += 1
    elif _same_maker(entry):
        verdict.differing.append(f"{path}: the same machine and versions give other figures.")
    elif outcome.record and _near(earlier, ScoreRecord.model_validate_json(outcome.record)):
        verdict.near += 1
    else:
        verdict.differing.append(f"{path}: its figures differ by more than engines do.")


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

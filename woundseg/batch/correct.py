"""A person's word on one photograph: a row of the store that supersedes, and overwrites nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

from woundseg import files
from woundseg.batch import by_hand, outlining, provenance
from woundseg.batch.alone import Say, alone, quiet
from woundseg.batch.before_after import before_and_after
from woundseg.batch.lastrun import LastRun, last_run
from woundseg.batch.one import caption, file_sha256, overlay_path, write_overlay
from woundseg.batch.pictures import Pictures, picture_of
from woundseg.batch.readings import Decision, Reading, reading
from woundseg.batch.run import photos_root
from woundseg.batch.seen import CORRECTED, record_of
from woundseg.errors import UsageError
from woundseg.pipeline import ScoreOptions, options_from
from woundseg.records import PUT_TO_A_PERSON, Failure, ScoreRecord
from woundseg.store import Entry, NewEntry, Store, canonical
from woundseg.store.chain import link

_BATCH_FIRST = "Run woundseg batch first"


@dataclass(frozen=True)
class Correction:
    """What a person says of a photograph.

    Attributes:
        path: the photograph, as visits.csv names it.
        by: who says it.
        reason: why.
        mask: PNG of the photograph's size, 255 inside the ulcers.
        photos: the folder of photographs; None takes that of the last run.
        weights: the weight file; None takes the shipped one.
        where: URL of the store; None takes ``study.sqlite`` in the study's folder.
        decision: ``mask`` (outlined by hand), ``accept`` (the machine's figures are right),
            ``closed``, ``not_evaluable``, or ``undo`` (the newest correction no longer counts).
            None stands for ``mask`` where there is one, else for ``not_evaluable``.
        ulcer: the ulcer that is meant; blank means the whole photograph, of ``closed`` the only
            ulcer that the subject has.
        confirm: what looks wrong is meant.
    """

    path: str
    by: str
    reason: str
    mask: Path | None = None
    photos: Path | None = None
    weights: Path | None = None
    where: str | None = None
    decision: Decision | Literal["undo"] | None = None
    ulcer: str = ""
    confirm: bool = False


@dataclass(frozen=True)
class Corrected:
    """What a correction did.

    Attributes:
        head: the store's new head.
        lines: for each ulcer concerned, what was said of it before and what is said now.
    """

    head: str
    lines: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Case:
    """A correction and what it meets: what a run found, what people said, what a run wrote."""

    correction: Correction
    at: datetime
    machine: Entry
    standing: Sequence[Entry]
    last: LastRun
    picture_sha256: str

    @property
    def said(self) -> Reading:
        """What people said before."""
        return reading(self.standing)

    @property
    def base(self) -> Entry:
        """What is said of the photograph now."""
        return self.said.base or self.machine


@dataclass(frozen=True, eq=False)
class _Decided:
    """The row to append, and the picture that goes with an outline by hand."""

    new: NewEntry
    picture: bytes | None = None


def correct(study: Path, correction: Correction, at: datetime, say: Say = quiet) -> Corrected:
    """Adds the superseding row.

    Args:
        study: the study's folder.
        correction: what a person says.
        at: now.
        say: shows the line about a migration.

    Raises:
        UsageError: no such study, photograph, ulcer or mask; the photograph has changed since it
            was measured; a blank name or reason; nothing to accept or to undo; a mask that looks
            wrong and is not confirmed.
        StudyBusyError: a run is writing to the study.
        OutputError: the store or the picture cannot be written.
    """
    for option, text in (("--by", correction.by), ("--reason", correction.reason)):
        if not text.strip():
            raise UsageError(option, "is blank", "Say who corrects, and why")
    with alone(study, correction.where, say=say) as kept:
        case = _case(study, kept, correction, at)
        decided = _decided(case, kept)
        standing = _standing_after(case, decided.new)
        picture = overlay_path(study, correction.path)
        shown = picture_of(case.machine, reading(standing))
        if shown is None or json.loads(shown.sketch)["overlay_sha256"] != file_sha256(picture):
            files.remove(picture)  # cut off from here on it is missing, not another one's
        head = kept.append([decided.new])
        if decided.picture is not None:
            write_overlay(picture, decided.picture)
        lines = [*before_and_after(case.machine, (case.standing, standing), case.last)]
        if correction.mask is not None and '"decision":"accept"' in decided.new.made:
            lines.append("The mask is the machine's own outline: taken as --accept.")
        return Corrected(head, tuple(lines))


def _case(study: Path, kept: Store, correction: Correction, at: datetime) -> _Case:
    machine = kept.found(correction.path)  # with the settings of the last run
    if machine is None:
        raise UsageError(
            correction.path, "is no photograph of this study", "Name it as visits.csv does"
        )
    return _Case(
        correction,
        at,
        machine,
        kept.corrections(correction.path, machine.sha256),
        last_run(study, kept, correction.path),
        Pictures(study, kept).expected(correction.path).sha256,
    )


def _standing_after(case: _Case, new: NewEntry) -> list[Entry]:
    """The corrections that count once ``new`` is appended."""
    undoes = json.loads(new.made).get("undoes")
    kept = [entry for entry in case.standing if entry.hash != undoes]
    number = max(case.machine.number, case.last.number) + len(case.standing) + 1  # as if appended
    return kept if undoes else [*kept, link(new, number, "")]


def _decided(case: _Case, kept: Store) -> _Decided:
    correction = case.correction
    decision = correction.decision or ("not_evaluable" if correction.mask is None else "mask")
    if decision == "undo":
        return _Decided(_undo(case))
    if decision == "accept":
        return _Decided(_accept(case))
    if decision == "closed":
        return _Decided(_of_ulcer(case, "closed", _closed_ulcer(case)))
    if decision == "not_evaluable":
        return _Decided(_not_evaluable(case))
    return _mask(case, kept)


# --- what needs no outline ----------------------------------------------------------------------


def _undo(case: _Case) -> NewEntry:
    if case.correction.ulcer:
        cause = "does not go with --undo, which takes back the newest correction of the photograph"
        raise UsageError("--ulcer", cause, "Leave it out")
    if not case.standing:
        raise UsageError(
            case.correction.path, "has no correction to take back", "Look at its row in visits.csv"
        )
    undoes = case.standing[-1].hash
    return _entry(case, "undo", canonical({"undoes": undoes}), undoes=undoes)


def _not_evaluable(case: _Case) -> NewEntry:
    correction = case.correction
    if correction.ulcer:
        return _of_ulcer(case, "not_evaluable", _known_ulcer(case))
    told = f"called not evaluable by {correction.by}: {correction.reason}"
    failure = Failure(case.machine.path, CORRECTED, told, "Nothing to do.")
    return _entry(case, "not_evaluable", canonical(vars(failure)))


def _of_ulcer(case: _Case, decision: Decision, ulcer: str) -> NewEntry:
    """A word on one ulcer, and whether it takes away an outline that is, or may be, the ulcer's."""
    sketch = json.loads(case.base.sketch) if case.base.sketch else {"outlines": []}
    names = (case.last.names_of(case.base) if case.base.sketch else None) or [None]
    shown = bool(sketch["outlines"]) and (ulcer in names or None in names)
    result = {"decision": decision, "ulcer": ulcer, "shown": shown}
    return _entry(case, decision, canonical(result), ulcer=ulcer)


def _closed_ulcer(case: _Case) -> str:
    if case.correction.ulcer:
        return _known_ulcer(case)
    known = _known(case)
    if len(known) > 1:
        told = f"{case.last.subject} has several ulcers ({', '.join(known)})"
        raise UsageError("--closed", told, "Say which one with --ulcer")
    return known[0]


def _known(case: _Case) -> tuple[str, ...]:
    if not case.last.known:
        cause = "its ulcers are not known: visits.csv is not as the last run wrote it"
        raise UsageError(case.correction.path, cause, _BATCH_FIRST)
    return case.last.known


def _known_ulcer(case: _Case, new_ones: bool = False) -> str:
    """The ulcer meant; a new one can be opened where it has an outline and that is confirmed."""
    ulcer, known = case.correction.ulcer, _known(case)
    if ulcer in known or (new_ones and case.correction.confirm):
        return ulcer
    told = f"{ulcer} is no ulcer of {case.last.subject} (known: {', '.join(known)})"
    more = ", or add --confirm to open a new one" if new_ones else ""
    raise UsageError("--ulcer", told, f"Name one of them{more}")


# --- the machine's figures accepted -------------------------------------------------------------


def _accept(case: _Case) -> NewEntry:
    if case.correction.ulcer:
        return _accept_ulcer(case)
    _measured(case.machine, "--accept")
    _known(case)
    doubtful = [
        row.ulcer
        for row in case.last.rows
        if row.evaluable == "N" and PUT_TO_A_PERSON & set(row.flags)
    ]
    if doubtful:
        told = f"the machine gives {', '.join(doubtful)} no area on it: it is in doubt"
        remedy = "Name the ulcer that is outlined with --ulcer, or use --closed, --mask"
        raise UsageError(case.correction.path, told, remedy)
    return _outlines_of(case, case.machine, ())


def _accept_ulcer(case: _Case) -> NewEntry:
    """One outline of the machine's, which gets the ulcer's name where it has none."""
    ulcer = _known_ulcer(case, new_ones=True)
    word = case.said.of(ulcer)
    if word is not None and word.decision in ("mask", "not_evaluable"):
        told = f"{ulcer} was corrected by {word.by}: nothing of the machine's counts"
        raise UsageError(case.correction.path, told, "Take that back first with --undo")
    _same_scale(case)
    _measured(case.base, "--accept")
    names = _names(case)
    nameless = [place for place, name in enumerate(names) if name is None]
    if ulcer not in names:
        if len(nameless) != 1:
            count = "no outline" if not nameless else f"{len(nameless)} outlines"
            told = f"has {count} that could be {ulcer}"
            remedy = "Outline it with --mask, or say that it is closed with --closed"
            raise UsageError(case.correction.path, told, remedy)
        names[nameless[0]] = ulcer
    return _outlines_of(case, case.base, tuple(names))


def _outlines_of(case: _Case, entry: Entry, names: tuple[str | None, ...]) -> NewEntry:
    """An acceptance: record, outlines and picture are those of ``entry``."""
    sketch = {**json.loads(entry.sketch), "names": names}
    if entry is case.base and case.picture_sha256:
        sketch["overlay_sha256"] = case.picture_sha256
    ulcer = case.correction.ulcer
    new = _entry(case, "accept", entry.result, **({"ulcer": ulcer} if ulcer else {}))
    return replace(
        new,
        settings=entry.settings,
        sketch=canonical(sketch),
        thumbnail_sha256=entry.thumbnail_sha256,
    )


def _measured(entry: Entry, option: str) -> ScoreRecord:
    """The record behind an entry, with areas in cm²."""
    if "stage" not in json.loads(entry.result):
        record = record_of(entry)
        if record.quality.measurable and record.total.area_cm2 is not None:
            return record
    remedy = "Use --mask, --closed or --not-evaluable instead"
    raise UsageError(option, f"{entry.path} has no areas in cm² to agree with", remedy)


def _same_scale(case: _Case) -> None:
    """An outline under another scale says nothing at this one, nor do ulcers beside it."""
    if not provenance.same_given(case.base.settings, case.machine.settings):
        cause = "was corrected under another scale or smallest area"
        raise UsageError(case.correction.path, cause, "Take that back first with --undo")


def _names(case: _Case) -> list[str | None]:
    """Names of the outlines that count now."""
    names = case.last.names_of(case.base)
    if names is None:
        cause = "which outline is which ulcer is not known: no run has come after a correction"
        raise UsageError(case.correction.path, cause, _BATCH_FIRST)
    return names


# --- outlined by hand ---------------------------------------------------------------------------


def _mask(case: _Case, kept: Store) -> _Decided:
    correction = case.correction
    if correction.mask is None:
        raise UsageError("--mask", "names no file", "Name a PNG of the photograph's size")
    ulcer = _known_ulcer(case, new_ones=True) if correction.ulcer else ""
    others = _others(case, ulcer) if ulcer else outlining.Others()
    drawing = outlining.Drawing(
        photo=(correction.photos or photos_root(kept)) / correction.path,
        entry=case.machine,
        mask=correction.mask,
        others=others,
        weights=correction.weights,
    )
    drawn = outlining.draw(drawing, score_options(case.machine))
    if drawn.empty:
        if not correction.confirm:
            cause = "is black all over, which says that nothing is open"
            raise UsageError(correction.mask, cause, "Use --closed, or add --confirm")
        return _Decided(_of_ulcer(case, "closed", _closed_ulcer(case)))
    if drawn.is_machine(ulcer, _names(case) if ulcer else ()) and _may_accept(case):
        return _Decided(_accept(case))
    doubt = outlining.doubt(drawn, [*case.standing, case.machine], case.last.places)
    gone = [] if ulcer or doubt else _left_out(case, drawn)
    if gone and not correction.confirm:
        told = f"leaves out {', '.join(gone)}, which would count as closed"
        remedy = "Name the ulcer outlined with --ulcer, or add --confirm if they are closed"
        raise UsageError(correction.mask, told, remedy)
    if doubt and not correction.confirm:
        raise UsageError(correction.mask, doubt, "Look at it, or add --confirm if it is meant")
    whose = caption(case.last.rows[0]) if case.last.rows else None
    outlines = outlining.outlines(drawn, ulcer, whose)
    new = _entry(case, "mask", outlines.result, **({"ulcer": ulcer} if ulcer else {}))
    new = replace(new, sketch=outlines.sketch, thumbnail=outlines.thumbnail)
    return _Decided(new, outlines.picture)


def _left_out(case: _Case, drawn: outlining.Drawn) -> list[str]:
    """The ulcers with an outline now, no part of which a mask of the whole photograph touches."""
    if not case.base.sketch:
        return []
    outlines = json.loads(case.base.sketch)["outlines"]
    names = case.last.names_of(case.base) or [None] * len(outlines)
    touched: dict[str, bool] = {}
    for place, (name, lines) in enumerate(zip(names, outlines, strict=True), start=1):
        label = name or f"outline {place}"
        inside = bool((by_hand.filled([lines], drawn.mask.shape) & drawn.mask).any())
        touched[label] = touched.get(label, False) or inside
    return [label for label, one in touched.items() if not one]


def _may_accept(case: _Case) -> bool:
    """Whether there are areas of the machine's: what has none can be outlined all the same."""
    if "stage" in json.loads(case.machine.result):
        return False
    record = record_of(case.machine)
    return record.quality.measurable and record.total.area_cm2 is not None


def _others(case: _Case, ulcer: str) -> outlining.Others:
    """The other ulcers of the photograph, which stay as they are."""
    _same_scale(case)
    if "stage" in json.loads(case.base.result) or not record_of(case.base).quality.measurable:
        cause = "the photograph has no figures of other ulcers that could stay"
        raise UsageError("--ulcer", cause, "Leave it out, and outline every ulcer in view")
    record, sketch = record_of(case.base), json.loads(case.base.sketch)
    return outlining.Others(
        record,
        tuple(
            outlining.Other(figures, name, lines)
            for figures, name, lines in zip(
                record.ulcers, _names(case), sketch["outlines"], strict=True
            )
            if name != ulcer
        ),
    )


def _entry(case: _Case, decision: Decision | Literal["undo"], result: str, **more: str) -> NewEntry:
    said = case.correction
    return NewEntry(
        kind="corrected",
        path=case.machine.path,
        sha256=case.machine.sha256,
        settings=case.machine.settings,
        result=result,
        made=provenance.made(
            "", case.at, by=said.by, reason=said.reason, decision=decision, **more
        ),
    )


def score_options(entry: Entry) -> ScoreOptions:
    """How the photograph of a row was measured."""
    return options_from(json.loads(entry.settings))

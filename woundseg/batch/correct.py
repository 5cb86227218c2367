"""A person's word on one photograph: a row of the store that supersedes, and overwrites nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from woundseg import files, masks, photo, segment
from woundseg.batch import provenance
from woundseg.batch.alone import alone
from woundseg.batch.one import drawn, overlay_path, record_json, write_overlay
from woundseg.batch.run import photos_root
from woundseg.batch.seen import CORRECTED, sketch_json
from woundseg.errors import UsageError
from woundseg.pipeline import Scored, ScoreOptions, options_from, score_outlined
from woundseg.records import Failure
from woundseg.segment import Segmenter
from woundseg.sketch import sketch
from woundseg.store import Entry, NewEntry, canonical


@dataclass(frozen=True)
class Correction:
    """What a person says of a photograph.

    Attributes:
        path: the photograph, as visits.csv names it.
        by: who says it.
        reason: why.
        mask: PNG of the photograph's size, 255 inside the ulcers; all 0 says that there is none.
            None says that the photograph is not evaluable.
        photos: the folder of photographs; None takes that of the last run.
        weights: the weight file; None takes the shipped one.
        where: URL of the store; None takes ``study.sqlite`` in the study's folder.
    """

    path: str
    by: str
    reason: str
    mask: Path | None = None
    photos: Path | None = None
    weights: Path | None = None
    where: str | None = None


def correct(study: Path, correction: Correction, at: datetime) -> str:
    """Adds the superseding row; gives the store's new head.

    Raises:
        UsageError: no such study, photograph or mask; the photograph has changed since it was
            measured; a blank name or reason.
        StudyBusyError: a run is writing to the study.
        OutputError: the store or the picture cannot be written.
    """
    for option, text in (("--by", correction.by), ("--reason", correction.reason)):
        if not text.strip():
            raise UsageError(option, "is blank", "Say who corrects, and why")
    with alone(study, correction.where) as kept:
        entry = kept.found(correction.path)  # with the settings of the last run
        if entry is None:
            raise UsageError(
                correction.path, "is no photograph of this study", "Name it as visits.csv does"
            )
        made = provenance.made("", at, by=correction.by, reason=correction.reason)
        picture = overlay_path(study, correction.path)
        if correction.mask is None:
            files.remove(picture)  # its figures no longer count
            return kept.append([_not_evaluable(entry, correction, made)])
        root = correction.photos or photos_root(kept)
        read = photo.read(root / correction.path)
        if read.sha256 != entry.sha256:
            raise UsageError(
                correction.path, "has changed since it was measured", "Run woundseg batch first"
            )
        named = replace(read, path=Path(correction.path))
        segmenter = segment.load("cpu", weights=correction.weights, threads=1)
        scored = _outlined(named, correction.mask, segmenter, score_options(entry))
        overlay, kept_of_it = drawn(scored), sketch(scored)
        new = _superseding(entry, made, record_json(scored.record))
        told = sketch_json(kept_of_it, overlay)
        files.remove(picture)  # cut off from here on it is missing, not another one's
        head = kept.append([replace(new, sketch=told, thumbnail=kept_of_it.thumbnail)])
        write_overlay(picture, overlay)
        return head


def _outlined(read: photo.Photo, mask: Path, segmenter: Segmenter, options: ScoreOptions) -> Scored:
    return score_outlined(read, masks.read_mask(mask), segmenter, options)


def _not_evaluable(entry: Entry, correction: Correction, made: str) -> NewEntry:
    told = f"called not evaluable by {correction.by}: {correction.reason}"
    failure = Failure(entry.path, CORRECTED, told, "Nothing to do.")
    return _superseding(entry, made, canonical(vars(failure)))


def _superseding(entry: Entry, made: str, result: str) -> NewEntry:
    return NewEntry(
        kind="corrected",
        path=entry.path,
        sha256=entry.sha256,
        settings=entry.settings,
        result=result,
        made=made,
    )


def score_options(entry: Entry) -> ScoreOptions:
    """How the photograph of a row was measured."""
    return options_from(json.loads(entry.settings))

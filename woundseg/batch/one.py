"""One photograph of a study, from the file to what the store and the report keep of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from woundseg import files, overlay, photo
from woundseg.batch import by_hand
from woundseg.errors import UnreadablePhotoError, WoundsegError
from woundseg.pipeline import Scored, ScoreOptions, score, score_outlined
from woundseg.records import Failure, PhotoRef, ScoreRecord, Sketch, VisitRow
from woundseg.segment import Segmenter
from woundseg.sketch import jpeg, sketch
from woundseg.store import Entry, canonical

Stamp = tuple[int, int]
"""A file's size in bytes and its time of change in ns."""

OVERLAYS = "overlays"
TRY_AGAIN = "Run batch again; if it stays, look at the file"

_OVERLAY_QUALITY = 88


@dataclass(frozen=True)
class Task:
    """One photograph to be measured, and how.

    Attributes:
        ref: which.
        options: how.
        by_hand: an outline by hand whose picture is drawn again instead; its figures are those
            of the entry.
    """

    ref: PhotoRef
    options: ScoreOptions
    by_hand: Entry | None = None


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of a photograph.

    Attributes:
        ref: which.
        sha256: of the file's bytes; empty when it could not even be opened.
        record: the score record as JSON; None when there is none.
        failure: why there is no record.
        sketch: what is kept of the photograph; None without a record.
        overlay: the picture, JPEG.
        passing: the failure may be gone at the next run (no permission, a worker that died).
        stamp: size and time of the file before it was read (``stamp``).
    """

    ref: PhotoRef
    sha256: str
    record: str | None = None
    failure: Failure | None = None
    sketch: Sketch | None = None
    overlay: bytes | None = None
    passing: bool = False
    stamp: Stamp = (-1, -1)


def measure(task: Task, segmenter: Segmenter) -> Outcome:
    """Reads, measures and draws one photograph; whatever goes wrong is a failure, never raised."""
    before = stamp(task.ref.path)
    return replace(_measured(task, segmenter), stamp=before)


def _measured(task: Task, segmenter: Segmenter) -> Outcome:
    try:
        read = photo.read(task.ref.path)
    except UnreadablePhotoError as error:
        sha256 = file_sha256(task.ref.path)
        return failed(task.ref, "read", error.cause, error.remedy, sha256)
    except MemoryError:
        return failed(task.ref, "read", "memory ran out", "Run it again with fewer --jobs")
    named = replace(read, path=Path(task.ref.relative))
    try:
        return _outcome(task, named, segmenter)
    except WoundsegError as error:
        return failed(task.ref, "measure", error.cause, error.remedy, read.sha256)
    except MemoryError:
        return failed(task.ref, "measure", "memory ran out", "Run it again with fewer --jobs")
    except Exception as error:  # one photograph must not cost the others
        told = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        advice = "Run woundseg score --debug on it and report what it prints"
        return failed(task.ref, "measure", f"a fault of ours ({told})", advice, read.sha256)


def failed(ref: PhotoRef, stage: str, error: str, advice: str, sha256: str = "") -> Outcome:
    """A photograph without a record; without a hash it is tried again at the next run."""
    failure = Failure(ref.relative, stage, error.rstrip("."), f"{advice.rstrip('.')}.")
    return Outcome(ref, sha256, failure=failure, passing=not sha256)


def stamp(path: Path) -> Stamp:
    """As long as it stays, the file is not read again; −1 and −1 where there is none.

    Taken before the file is read: of one that changes meanwhile it then says too little, not
    too much.
    """
    try:
        found = path.stat()
    except OSError:
        return -1, -1
    return found.st_size, found.st_mtime_ns


def file_sha256(path: Path) -> str:
    """Of the file's bytes; empty when it cannot be read."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return ""


def _outcome(task: Task, named: photo.Photo, segmenter: Segmenter) -> Outcome:
    if task.by_hand is not None:
        return _drawn_again(task, task.by_hand, named, segmenter)
    scored = score(named, segmenter, task.options)
    return Outcome(
        task.ref,
        scored.photo.sha256,
        record=record_json(scored.record),
        sketch=sketch(scored),
        overlay=drawn(scored, caption(task.ref)),
    )


def _drawn_again(task: Task, entry: Entry, named: photo.Photo, segmenter: Segmenter) -> Outcome:
    outline = by_hand.outlined(entry, named.pixels.shape[:2])
    scored = score_outlined(named, outline, segmenter, task.options)
    shown = replace(scored, record=ScoreRecord.model_validate_json(entry.result))
    return Outcome(
        task.ref, named.sha256, record=entry.result, overlay=drawn(shown, caption(task.ref))
    )


def caption(of: PhotoRef | VisitRow) -> overlay.Caption:
    """Whose photograph it is and of which visit, for its picture."""
    return overlay.Caption(of.subject, of.visit, of.date.isoformat())


def drawn(scored: Scored, whose: overlay.Caption | None = None) -> bytes:
    """The photograph with its outlines, its figures and whose it is, JPEG."""
    picture = overlay.draw(
        scored.photo.pixels, scored.record, scored.measurement, scored.scale, whose
    )
    return jpeg(picture, _OVERLAY_QUALITY)


def record_json(record: ScoreRecord) -> str:
    """The record in the store's form: without a digest, as the chain guards it there."""
    return canonical(record.model_dump(mode="json", exclude={"digest"}))


def write_overlay(path: Path, jpeg: bytes) -> None:
    """Writes a photograph's picture, and the folders above it.

    Raises:
        OutputError: it cannot be written.
    """
    files.make_folder(path.parent)
    files.write_bytes(path, jpeg)


def overlay_path(out: Path, relative: str) -> Path:
    """Where the picture of a photograph stands."""
    suffix = "" if relative.lower().endswith((".jpg", ".jpeg")) else ".jpg"
    return out / OVERLAYS / f"{relative}{suffix}"

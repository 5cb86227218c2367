"""Writing what was found in one photograph: the record and the picture."""

from __future__ import annotations

from pathlib import Path

import cv2

from woundseg import files, overlay, record_files
from woundseg.errors import OutputError, UsageError
from woundseg.photo import Photo
from woundseg.pipeline import Scored

_OTHER_FOLDER = "Give another --out folder, or rename the photograph"


def to_json(scored: Scored) -> str:
    """The record with its digest as one JSON document, ending with a line end."""
    return record_files.with_digest(scored.record).model_dump_json(indent=2) + "\n"


def _paths(out: Path, stem: str) -> tuple[Path, Path]:
    """Of the record and of the picture."""
    return out / f"{stem}.json", out / f"{stem}_overlay.png"


def refuse_others(photo: Photo, out: Path, stem: str) -> None:
    """Sees to it that ``write`` will replace nothing but earlier results of this photograph.

    Raises:
        OutputError: a file of another photograph, or a file that is not a result, is in the way.
    """
    record, picture = _paths(out, stem)
    if _stands(record):
        try:
            found = record_files.read(record).record.photo
        except UsageError as error:
            raise OutputError(record, f"is in the way: it {error.cause}", _OTHER_FOLDER) from None
        if found.sha256 != photo.sha256:
            cause = f"is in the way: it is of another photograph ({found.path})"
            raise OutputError(record, cause, _OTHER_FOLDER)
    elif _stands(picture):
        raise OutputError(picture, "is in the way: its record is not beside it", _OTHER_FOLDER)


def _stands(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a folder that may not be entered: writing will say so
        return False


def write(scored: Scored, out: Path, stem: str) -> tuple[Path, Path]:
    """Writes ``out/<stem>.json`` and ``out/<stem>_overlay.png``, whole or not at all.

    Raises:
        OutputError: one of them cannot be written.
    """
    files.make_folder(out)
    record, picture = _paths(out, stem)
    drawn = overlay.draw(scored.photo.pixels, scored.record, scored.measurement, scored.scale)
    _, encoded = cv2.imencode(".png", cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR))
    files.write_text(record, to_json(scored))  # first: it says whose the picture is
    files.write_bytes(picture, encoded.tobytes())
    return record, picture

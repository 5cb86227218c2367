"""Writing what was found in one photograph: the record and the picture."""

from __future__ import annotations

from pathlib import Path

import cv2

from woundseg import files, overlay
from woundseg.pipeline import Scored


def to_json(scored: Scored) -> str:
    """The record as one JSON document, ending with a line end."""
    return scored.record.model_dump_json(indent=2) + "\n"


def write(scored: Scored, out: Path, stem: str) -> tuple[Path, Path]:
    """Writes ``out/<stem>.json`` and ``out/<stem>_overlay.png``, whole or not at all.

    Raises:
        OutputError: one of them cannot be written.
    """
    files.make_folder(out)
    record, picture = out / f"{stem}.json", out / f"{stem}_overlay.png"
    drawn = overlay.draw(scored.photo.pixels, scored.record, scored.measurement, scored.scale)
    _, encoded = cv2.imencode(".png", cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR))
    files.write_bytes(picture, encoded.tobytes())
    files.write_text(record, to_json(scored))
    return record, picture

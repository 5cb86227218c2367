"""Photographs of a study as the store would give them, made by hand."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from made_records import DARK, record

from woundseg.batch.readings import reading
from woundseg.batch.seen import Seen
from woundseg.match import Named
from woundseg.records import Failure, Given, PhotoRef, QualityFlag
from woundseg.store import Entry

MISSING = QualityFlag(code="card_missing", severity="warning", advice="Lay the card.")
LINE = (((0.0, 0.0), (4.0, 0.0), (4.0, 4.0)),)


def ref(visit: str = "V1", day: int = 1, name: str = "a.jpg", **more) -> PhotoRef:
    """A photograph of subject S1 in January 2026; what the manifest says may be among ``more``."""
    given = Given(**{key: more.pop(key) for key in list(more) if key in vars(Given())})
    relative = f"S1/{visit}_2026-01-{day:02d}/{name}"
    return PhotoRef(Path(relative), relative, "S1", visit, date(2026, 1, day), given=given, **more)


def entry(of: PhotoRef, kind: str = "measured", sha256: str = "ab") -> Entry:
    """A row of the store."""
    return Entry(
        number=1, kind=kind, path=of.relative, sha256=sha256, settings="{}", result="{}",
        sketch="{}", thumbnail_sha256="", made="{}", previous="", hash="h",
    )  # fmt: skip


def named(*names: str | None, **more: tuple) -> Named:
    """What matching says of a photograph."""
    return Named(**{"names": names, "closed": (), "unsure": (), "flags": (), **more})


def shown(
    of: PhotoRef, *areas_cm2: float, kind: str = "measured", taken: str | None = None
) -> Seen:
    """A measurable photograph with a card and ulcers of these areas."""
    made = record(*areas_cm2)
    photo = made.photo.model_copy(update={"captured_at": taken})
    made = made.model_copy(update={"photo": photo})
    row = entry(of, kind)
    said = reading([row] if kind == "corrected" else [])
    return Seen(of, row, made, None, outlines=(LINE,) * len(areas_cm2), reading=said)


def rejected(of: PhotoRef) -> Seen:
    """A photograph too dark to measure."""
    return Seen(of, entry(of), record(None, flags=(DARK,)), None)


def without_scale(of: PhotoRef) -> Seen:
    """A photograph with an ulcer and no card."""
    made = record(None, flags=(MISSING,), scale="none")
    return Seen(of, entry(of), made, None, outlines=(LINE,))


def unreadable(of: PhotoRef) -> Seen:
    """A photograph that could not be read."""
    failure = Failure(of.relative, "read", "is cut off", "Copy it again.")
    return Seen(of, entry(of, "failed"), None, failure)

"""What a result hangs on, and what made it: two texts beside each result in the store."""

from __future__ import annotations

import json
import platform
from dataclasses import replace
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version

from woundseg import __version__, tissue_map
from woundseg.pipeline import ScoreOptions
from woundseg.records import PhotoRef
from woundseg.store import canonical

RECORDED_PACKAGES = ("numpy", "opencv-python-headless", "onnxruntime", "pillow", "torch")


def settings(weights_sha256: str, precision: str, options: ScoreOptions) -> str:
    """All that changes a photograph's figures: measured again when this differs.

    The device is not among it: the engines agree within design's tolerance.
    """
    known = options.scale
    return canonical(
        {
            "software": __version__,
            "weights": weights_sha256,
            "tissue": tissue_map.weights_sha256(),
            "tissue_reading": tissue_map.READING,
            "precision": precision,
            "threshold": options.measure.threshold,
            "min_ulcer_cm2": options.measure.min_ulcer_cm2,
            "card_line_mm": known.card_line_mm,
            "marker_mm": known.marker_mm,
            "marker_dict": known.dictionary() if known.marker_mm is not None else None,
            "mm_per_px": known.mm_per_px,
            "card_profile": None if options.card_profile is None else dict(options.card_profile),
        }
    )


_GIVEN = ("min_ulcer_cm2", "card_line_mm", "marker_mm", "marker_dict", "mm_per_px", "card_profile")


def same_given(settings: str, others: str) -> bool:
    """Whether what people give is the same: the figures of an outline by hand hang on it."""
    one, other = json.loads(settings), json.loads(others)
    return all(one.get(name) == other.get(name) for name in _GIVEN)


def made(device: str, at: datetime, **more: str) -> str:
    """Software, machine and time of a result, and ``more`` (who corrected it, and why)."""
    return canonical(
        {
            "software": f"woundseg {__version__}",
            "python": platform.python_version(),
            "packages": {name: found for name in RECORDED_PACKAGES if (found := _version(name))},
            "machine": platform.node(),
            "system": platform.platform(),
            "processor": platform.machine(),
            "device": device,
            "time": at.isoformat(timespec="seconds"),
            **more,
        }
    )


def options_for(ref: PhotoRef, options: ScoreOptions) -> ScoreOptions:
    """The study's options with what the manifest says of one photograph.

    Raises:
        UsageError: a scale that cannot be.
    """
    given, known = ref.given, options.scale
    if given.mm_per_px is not None:
        known = replace(known, mm_per_px=given.mm_per_px, marker_mm=None)
    if given.card_line_mm is not None:
        known = replace(known, card_line_mm=given.card_line_mm)
    return replace(options, scale=known)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None

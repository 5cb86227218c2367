"""The whole way of `woundseg score` over simulated views, for `scripts/benchmark scale`."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

from _benchmark_scale import Answer, Measurer

from woundseg import photo, segment
from woundseg.engines import Device
from woundseg.pipeline import ScoreOptions, score
from woundseg.records import QualityFlag, ScoreRecord
from woundseg.scale import ScaleOptions
from woundseg.simulate import Scene


def measure_with(device: Device, weights: Path | None = None) -> Measurer:
    """A measurer that reads each view's file and scores it with the network."""
    segmenter = segment.load(device, weights=weights)

    def measure(scene: Scene, card_line_mm: float | None) -> Answer:
        options = ScoreOptions(scale=ScaleOptions(card_line_mm=card_line_mm))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "photo.jpg"
            path.write_bytes(scene.jpeg)
            scored = score(photo.read(path), segmenter, options)
        return judge(scored.record, sum(ulcer.area_cm2 for ulcer in scene.ulcers))

    return measure


def judge(record: ScoreRecord, true_cm2: float) -> Answer:
    """A record beside the truth: no area is a refusal, a warning is a flag."""
    total = record.total
    if total.area_cm2 is None:
        return Answer(f"refused: {_codes(record, ('reject', 'warning'))}")
    warned = _codes(record, ("warning",))
    low, high = total.area_cm2_low, total.area_cm2_high
    known = low is not None and high is not None and low > 0
    return Answer(
        outcome=f"flagged: {warned}" if warned else "measured",
        error_pct=100 * (total.area_cm2 / true_cm2 - 1),
        covered=low is not None and high is not None and low <= true_cm2 <= high,
        half_width_pct=100 * (math.sqrt(high / low) - 1) if known and high and low else None,
        residual_px=record.scale.residual_px,
    )


def _codes(record: ScoreRecord, severities: tuple[str, ...]) -> str:
    flags: tuple[QualityFlag, ...] = record.quality.flags
    return "+".join(sorted({flag.code for flag in flags if flag.severity in severities}))

"""The same photograph under two subjects, or under two visits of one, saved again."""

from __future__ import annotations

import pytest

toy_weights = pytest.importorskip("toy_weights", reason="needs onnx")

import cv2
import numpy as np
from drawn_foot import foot
from study import go, table


def draw(root, place, pixels):
    path = root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    toy_weights.save(path, np.ascontiguousarray(pixels))


def smaller(pixels):
    return cv2.resize(pixels, None, fx=0.8, fy=0.8, interpolation=cv2.INTER_AREA)


def flags(out):
    return {row["path"]: "same_photograph" in row["flags"].split(";") for row in table(out)}


def test_a_copy_is_found_within_a_subject_and_in_another(tmp_path, toy):
    photos, out = tmp_path / "photos", tmp_path / "study"
    draw(photos, "S1/V1_2026-01-05/a.png", foot(1))
    draw(photos, "S1/V2_2026-01-12/a.png", foot(3))
    draw(photos, "S1/V3_2026-01-19/a.jpg", foot(1)[20:380, 20:460])
    draw(photos, "S2/V1_2026-01-05/a.jpg", smaller(np.rot90(foot(3))))
    draw(photos, "S2/V2_2026-01-12/a.png", foot(2))
    summary, _ = go(photos, out, toy)
    assert flags(out) == {
        "S1/V1_2026-01-05/a.png": False,
        "S1/V2_2026-01-12/a.png": False,
        "S1/V3_2026-01-19/a.jpg": True,
        "S2/V1_2026-01-05/a.jpg": True,
        "S2/V2_2026-01-12/a.png": False,
    }
    again = "is the same photograph as"
    assert [line.partition(", saved again")[0] for line in summary.warnings] == [
        "subject S1: V3 2026-01-19: S1/V3_2026-01-19/a.jpg "
        f"{again} S1/V1_2026-01-05/a.png (V1 2026-01-05)",
        f"S2/V1_2026-01-05/a.jpg {again} S1/V2_2026-01-12/a.png (subject S1, V2 2026-01-12)",
    ]
    report = (out / "report.html").read_text(encoding="utf-8")
    assert report.count("is the same photograph as S1/V2_2026-01-12/a.png") >= 2
    # the names are kept: what they say of copies is too
    second, _ = go(photos, out, toy)
    assert second.measured == 0
    assert second.warnings == summary.warnings

"""A scale of the manifest beside the card in view."""

from __future__ import annotations

import pytest

pytest.importorskip("toy_weights", reason="needs onnx")

from study import draw, go, table

FIRST, SECOND = "S1/V1_2026-01-05/a.png", "S1/V2_2026-01-19/a.png"


def test_a_scale_that_the_card_contradicts_costs_one_photograph(tmp_path, toy):
    photos, out, manifest = tmp_path / "photos", tmp_path / "study", tmp_path / "m.csv"
    draw(photos, FIRST, SECOND)
    # The card is drawn at 4 px/mm: 0.25 mm for each pixel.
    manifest.write_text(
        "path,subject,visit,date,mm_per_px\n"
        f"{FIRST},S1,V1,2026-01-05,0.25\n{SECOND},S1,V2,2026-01-19,0.5\n"
    )
    summary, _ = go(photos, out, toy, manifest=manifest)
    assert summary.failures == 1
    (failure,) = table(out, "failures.csv")
    assert (failure["path"], failure["stage"]) == (SECOND, "measure")
    assert failure["error"] == "has two scales that disagree"
    assert "not the 0.5 given" in failure["advice"]
    rows = {row["path"]: row for row in table(out)}
    assert (rows[FIRST]["evaluable"], rows[FIRST]["scale"]) == ("Y", "given")
    assert (rows[SECOND]["evaluable"], rows[SECOND]["area_cm2"]) == ("N", "")

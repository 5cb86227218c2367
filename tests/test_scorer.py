"""The Python interface: paths and pixels in, typed records out."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import woundseg
from woundseg import scorer
from woundseg.errors import UnreadablePhotoError, UsageError
from woundseg.records import ScoreRecord

toy_weights = pytest.importorskip("toy_weights", reason="needs onnx")


@pytest.fixture(scope="module")
def measure(toy):
    return woundseg.load("cpu", weights=toy)


def test_a_path_or_pixels(measure, drawn):
    by_path, by_text = measure(drawn / "foot.png"), measure(str(drawn / "foot.png"))
    by_pixels = measure(toy_weights.photograph())
    assert isinstance(by_path, ScoreRecord)
    assert by_path == by_text
    assert by_pixels.total == by_path.total
    assert by_pixels.photo.path == "array"


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((100, 100), np.uint8),
        np.zeros((100, 100, 4), np.uint8),
        np.zeros((100, 100, 3), np.float32),
        np.zeros((10, 100, 3), np.uint8),
    ],
)
def test_other_arrays_are_wrong_usage(measure, pixels):
    with pytest.raises(UsageError):
        measure(pixels)


def test_what_is_no_photograph(measure, tmp_path):
    with pytest.raises(UnreadablePhotoError):
        measure(tmp_path / "gone.jpg")


def test_public_names():
    assert woundseg.load is scorer.load
    assert woundseg.Scorer is scorer.Scorer
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        woundseg.nothing  # noqa: B018
    code = "import sys, woundseg; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

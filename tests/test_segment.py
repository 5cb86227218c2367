"""Finding the ulcer: looks at the whole, closer looks, a mask of the photograph's own size."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from woundseg import segment
from woundseg.errors import ConfigurationError
from woundseg.segment import LookOptions, Segmenter

toy_weights = pytest.importorskip("toy_weights", reason="needs onnx")


class Red:
    """An engine that calls red ulcer, and notes what it was shown."""

    device, precision = "cpu", "fp32"
    facts = toy_weights.FACTS

    def __init__(self, near: float = 1.0) -> None:
        self.shown: list[np.ndarray] = []
        self.near = near

    def __call__(self, photos: np.ndarray) -> np.ndarray:
        self.shown.append(photos[0])
        red = photos[..., 0].astype(np.float32) / 255
        return red if photos.shape[1:3] != (384, 384) else red * self.near

    def sizes(self) -> list[tuple[int, int]]:
        return [look.shape[:2] for look in self.shown]


LOOKS = LookOptions(
    coarse_px=(512, 640),
    fine_px=(384,),
    mirrored=False,
    fine_share=1.0,
    candidate=0.3,
    smallest_candidate_px=12,
    context=3.0,
    most_windows=4,
    most_enlarged=2.0,
)
"""The defaults are chosen by the figures that they give; these stay."""


def looking(engine: Red, **changes) -> Segmenter:
    return Segmenter(engine, "hash", replace(LOOKS, **changes))


def picture(width: int, height: int, *discs: tuple[int, int, int]) -> np.ndarray:
    """Black, with red discs (x, y, radius)."""
    pixels = np.zeros((height, width, 3), np.uint8)
    for x, y, radius in discs:
        cv2.circle(pixels, (x, y), radius, (255, 0, 0), -1)
    return pixels


def area(found: segment.Segmentation) -> int:
    return int((found.probability >= 0.5).sum())


def test_the_whole_is_looked_at_in_every_size_padded_to_the_stride():
    engine = Red()
    found = looking(engine)(picture(1000, 700))
    # 512 and 640 long; 358 and 448 high; up to multiples of 32 with black.
    assert engine.sizes() == [(448, 640), (384, 512)]
    assert not engine.shown[1][358:].any()
    assert found.probability.shape == (700, 1000)
    assert found.looked_px_per_px == pytest.approx(0.64)
    assert found.tissue is None


def test_what_is_found_is_looked_at_again_closer():
    engine = Red()
    found = looking(engine)(picture(4000, 3000, (1500, 1200, 60)))
    # The window is three times the disc's 121 px; the mask is drawn at full resolution.
    assert engine.sizes()[2:] == [(384, 384)]
    assert found.looked_px_per_px == pytest.approx(384 / 363, rel=0.1)
    assert area(found) == pytest.approx(np.pi * 60**2, rel=0.02)
    assert found.probability[:1000].max() == 0


def test_a_closer_look_finds_a_tenth_of_what_the_coarse_one_blurs():
    discs = picture(4000, 3000, (1500, 1200, 20))
    coarse = looking(Red(), most_windows=0)(discs)
    fine = looking(Red())(discs)
    truth = int((discs[..., 0] > 0).sum())
    assert abs(area(fine) / truth - 1) < 0.03
    assert abs(area(coarse) / truth - 1) > abs(area(fine) / truth - 1)


@pytest.mark.parametrize(("x", "y"), [(0, 0), (3999, 2999), (30, 1500)])
def test_a_window_is_pushed_into_the_frame(x, y):
    engine = Red()
    pixels = picture(4000, 3000, (x, y, 60))
    found = looking(engine)(pixels)
    assert engine.sizes()[2:] == [(384, 384)]  # a whole square: nothing was cut off
    assert area(found) == pytest.approx(int((pixels[..., 0] > 0).sum()), rel=0.03)
    assert found.probability[y, x] > 0.9  # no fading where the frame ends the window


def test_the_closer_look_fades_into_the_coarse_one():
    half = picture(4000, 3000, (2000, 1500, 100))
    half[..., 0] //= 2
    found = looking(Red(near=2.0))(half).probability
    line = found[1500]
    assert line[2000] == pytest.approx(1.0, abs=0.02)
    assert np.abs(np.diff(line[1920:2080])).max() < 0.02
    assert not found[:, :1500].any()
    plain = np.full_like(half, 0)
    plain[..., 0] = 100
    plain[1400:1600, 1900:2100, 0] = 200
    line = looking(Red(near=0.5), candidate=0.5)(plain).probability[1250]
    # The window's rim: from 100/255 outside to half of it inside, over an eighth of 600 px.
    assert line[1600] == pytest.approx(100 / 255, abs=0.01)
    # Row 1250 lies 50 px inside the rim of 75.
    assert line[2000] == pytest.approx((100 - 50 * 50.5 / 75) / 255, abs=0.01)
    assert np.abs(np.diff(line)).max() < 1 / 75


def test_the_largest_finds_are_looked_at_again_and_no_more():
    discs = [(400 + 600 * i, 800, 40 + i) for i in range(6)]
    engine = Red()
    found = looking(engine)(picture(4000, 3000, *discs))
    assert engine.sizes()[2:] == [(384, 384)] * 4
    assert found.probability[800, 400] > 0.9  # the smallest keeps its coarse look


def test_neighbours_share_one_look():
    engine = Red()
    looking(engine)(picture(4000, 3000, (1500, 1500, 80), (1640, 1500, 30)))
    assert len(engine.sizes()) == 3


def test_a_speck_sends_no_closer_look():
    engine = Red()
    looking(engine)(picture(4000, 3000, (900, 900, 6)))
    assert len(engine.sizes()) == 2


def test_a_window_is_never_larger_than_the_photograph():
    engine = Red()
    found = looking(engine)(np.full((300, 400, 3), 255, np.uint8))
    assert engine.sizes()[2:] == [(288, 384)]
    assert found.probability.min() == 1


def test_looks_are_averaged_by_their_share():
    half = picture(4000, 3000, (2000, 1500, 100))
    half[..., 0] //= 2
    found = looking(Red(near=2.0), fine_share=0.25)(half).probability
    # 127/255 in the look at the whole, twice that in the closer one.
    assert found[1500, 2000] == pytest.approx(127 / 255 * 1.25, abs=0.01)


def test_no_ulcer_is_sought_on_the_card():
    pixels = picture(4000, 3000, (1000, 1500, 100), (3000, 1500, 100))
    card = np.array([[2800, 1300], [3200, 1300], [3200, 1700], [2800, 1700]], np.float64)
    engine = Red()
    found = looking(engine)(pixels, card).probability
    assert found[1500, 1000] > 0.9
    assert not found[1310:1690, 2810:3190].any()
    assert len(engine.sizes()) == 3  # one closer look, and none at the card


@given(width=st.integers(64, 500), height=st.integers(64, 500))
@settings(max_examples=15, deadline=None)
def test_the_mask_has_the_photographs_size(width, height):
    looks = LookOptions(coarse_px=(64, 96), fine_px=(64,))
    disc = picture(width, height, (width // 3, height // 2, 15))
    found = Segmenter(Red(), "hash", looks)(disc).probability
    assert found.shape == (height, width)
    assert found.dtype == np.float32
    assert found.min() >= 0
    assert found.max() <= 1
    assert found[height // 2, width // 3] > 0.9


def test_the_photograph_is_left_as_it_was():
    pixels = picture(600, 400, (300, 200, 30))
    pixels.flags.writeable = False
    before = pixels.copy()
    looking(Red())(pixels)
    assert np.array_equal(pixels, before)


def test_mirrored_looks_are_averaged_in_place():
    class Left:
        """Answers 1 in the left half of whatever it is shown."""

        device, precision, facts = "cpu", "fp32", toy_weights.FACTS

        def __call__(self, photos):
            answer = np.zeros(photos.shape[:3], np.float32)
            answer[:, :, : photos.shape[2] // 2] = 1
            return answer

    looks = replace(LOOKS, coarse_px=(512,), most_windows=0, mirrored=True)
    found = Segmenter(Left(), "hash", looks)(np.zeros((512, 512, 3), np.uint8)).probability
    # Half of it said once, the other half once more when seen in the mirror: 1/2 everywhere.
    assert np.all(found == 0.5)


def test_a_mirror_image_gives_the_mirrored_mask():
    disc = picture(600, 400, (150, 200, 40))
    looks = replace(LOOKS, mirrored=True)
    plain = Segmenter(Red(), "hash", looks)(disc).probability
    mirrored = Segmenter(Red(), "hash", looks)(np.ascontiguousarray(disc[:, ::-1])).probability
    assert np.abs(plain - mirrored[:, ::-1]).max() < 0.05


# --- weights ----------------------------------------------------------------------------------


def test_load_reads_the_card_in_the_file(toy):
    segmenter = segment.load("cpu", weights=toy)
    assert segmenter.model.name == "toy"
    assert len(segmenter.model.sha256) == 64
    assert (segmenter.model.device, segmenter.model.precision) == ("cpu", "fp32")
    assert (segmenter.border_sd_px, segmenter.min_ulcer_px) == (0.5, 12)
    found = segmenter(toy_weights.photograph(cards=0))
    assert area(found) == pytest.approx(np.pi * 36**2, rel=0.02)
    assert found.model == segmenter.model
    assert np.array_equal(found.probability, segmenter(toy_weights.photograph(cards=0)).probability)


def test_load_refuses_what_is_not_ours(tmp_path):
    with pytest.raises(ConfigurationError, match="is no file"):
        segment.load(weights=tmp_path / "gone.onnx")
    for gone in ("name", "border_sd_px"):
        facts = {key: value for key, value in toy_weights.FACTS.items() if key != gone}
        path = toy_weights.write(tmp_path / f"{gone}.onnx", facts)
        with pytest.raises(ConfigurationError, match="not exported by woundseg"):
            segment.load(weights=path)


def test_looks_are_options():
    engine = Red()
    Segmenter(engine, "", replace(LookOptions(), coarse_px=(96,), mirrored=False))(
        picture(300, 300)
    )
    assert engine.sizes() == [(96, 96)]


# --- large photographs ------------------------------------------------------------------------

MEASURE = """
import resource, sys
from pathlib import Path
from woundseg.cli import main
status = main(["score", sys.argv[1], "--weights", sys.argv[2]])
told = Path("/proc/self/status")
if told.exists():  # ru_maxrss counts what the parent held as it started this process
    line = next(x for x in told.read_text().splitlines() if x.startswith("VmHWM"))
    peak = int(line.split()[1]) * 1024
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
sys.stderr.write(f"{peak}")
sys.exit(status)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs getrusage")
def test_48_megapixels_stay_under_2_gb(toy, tmp_path):
    """With an ulcer so large that the closer look takes the largest window that there is."""
    small = toy_weights.photograph(((30.0, 65.0, 22.0),), cards=0, size_mm=(200, 150), px_per_mm=4)
    large = cv2.resize(small, (8000, 6000), interpolation=cv2.INTER_LINEAR)
    path = toy_weights.save(tmp_path / "large.jpg", large)
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, path, toy], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stderr.splitlines()[-1]) < 2e9
    assert "u1" in done.stdout

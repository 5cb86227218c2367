"""Engines: both read one weight file and give one answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from woundseg import engines, resources, segment
from woundseg.engines import torch_present
from woundseg.errors import ConfigurationError, UsageError

toy_weights = pytest.importorskip("toy_weights", reason="needs onnx")

SHIPPED = Path(__file__).parent.parent / segment.SHIPPED_WEIGHTS

MOST_PROBABILITY = 0.02  # design.md: at any pixel, between the engines in float32
MOST_AREA = (0.005, 3)  # of an ulcer's area: relative, or px, whichever is more


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch_present, "_driver_shows_device", lambda: False)


def looks(*shape: int) -> np.ndarray:
    """Smooth blobs of every colour, uint8 (N, H, W, 3)."""
    coarse = np.random.default_rng(11).integers(0, 256, (shape[0], 5, 6, 3), np.uint8)
    rows, columns = -(-shape[1] // 5), -(-shape[2] // 6)
    return coarse.repeat(rows, 1).repeat(columns, 2)[:, : shape[1], : shape[2]].copy()


def assert_same_answer(one: np.ndarray, other: np.ndarray, tolerance: float) -> None:
    assert one.dtype == other.dtype == np.float32
    assert one.shape == other.shape
    assert np.abs(one - other).max() <= tolerance
    areas = (one >= 0.5).sum(), (other >= 0.5).sum()
    assert abs(areas[0] - areas[1]) <= max(MOST_AREA[0] * areas[0], MOST_AREA[1])


def test_light_engine_gives_the_probability_worked_by_hand(toy):
    engine = engines.load(toy, "cpu")
    photos = np.zeros((2, 64, 96, 3), np.uint8)
    photos[0] = 200, 50, 65  # red + blue - 2 green = 165: the toy's logit is 0
    photos[1] = toy_weights.SKIN  # 20: 40 (20 - 165) / 128 = -45
    found = engine(photos)
    assert found.shape == (2, 64, 96)
    assert found.dtype == np.float32
    assert found[0, 2:-2, 2:-2] == pytest.approx(0.5, abs=1e-3)
    assert found[1].max() < 1e-6
    assert (engine.device, engine.precision) == ("cpu", "fp32")
    assert engine.facts == toy_weights.FACTS


def test_the_same_bits_twice(toy):
    photos = looks(1, 96, 128)
    assert np.array_equal(engines.load(toy)(photos), engines.load(toy)(photos))


def test_auto_takes_the_light_engine_where_there_is_no_gpu(toy, no_gpu):
    assert type(engines.load(toy)).__name__ == "OnnxEngine"


@pytest.mark.parametrize(("device", "precision"), [("cuda", "fp32"), ("cuda", "bf16")])
def test_cuda_where_there_is_none_is_wrong_usage(toy, no_gpu, device, precision):
    with pytest.raises(UsageError, match="no CUDA GPU works here") as caught:
        engines.load(toy, device, precision)
    assert caught.value.subject == "--device cuda"


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_precisions_that_a_processor_lacks(toy, no_gpu, precision):
    with pytest.raises(UsageError, match=f"--precision {precision}"):
        engines.load(toy, "cpu", precision)


@pytest.mark.parametrize("missing", ["torch", "onnx"])
def test_without_torch_or_onnx(toy, monkeypatch, missing):
    def find(name):
        return None if name == missing else object()

    monkeypatch.setattr(torch_present.importlib.util, "find_spec", find)
    assert engines.load(toy).device == "cpu"
    with pytest.raises(UsageError, match="torch or onnx is not installed"):
        engines.load(toy, "cuda")
    with pytest.raises(UsageError, match=r"woundseg\[cuda\]"):
        engines.load(toy, "cpu", "bf16")


# --- the torch engine -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def torch_engine():
    pytest.importorskip("torch")
    from woundseg.engines.torch_gpu import TorchEngine

    return TorchEngine


def test_torch_reads_the_same_file(toy, torch_engine):
    photos = looks(2, 96, 128)
    engine = torch_engine(toy, "cpu", "fp32")
    assert engine.facts == toy_weights.FACTS
    assert_same_answer(engines.load(toy, "cpu")(photos), engine(photos), 1e-4)


def test_bf16_on_a_processor_is_near_and_named(toy, torch_engine, no_gpu):
    engine = engines.load(toy, "cpu", "bf16")
    assert (type(engine), engine.precision) == (torch_engine, "bf16")
    photos = toy_weights.photograph(size_mm=(160, 128), px_per_mm=2)[None]
    exact, near = engines.load(toy, "cpu")(photos), engine(photos)
    assert near.dtype == np.float32
    assert not np.array_equal(exact, near)
    assert (near >= 0.5).sum() == pytest.approx((exact >= 0.5).sum(), rel=0.05)


def test_an_unknown_operation_is_refused_by_name(torch_engine, tmp_path):
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in ("a", "b")]
    graph = helper.make_graph([helper.make_node("Erf", ["a"], ["b"])], "g", values[:1], values[1:])
    onnx.save(helper.make_model(graph), tmp_path / "erf.onnx")
    with pytest.raises(ConfigurationError, match="Erf"):
        torch_engine(tmp_path / "erf.onnx", "cpu", "fp32")


def test_what_is_no_weight_file(torch_engine, tmp_path):
    path = tmp_path / "text.onnx"
    path.write_bytes(b"weights")
    told = r"is no weight file .*\. Name an \.onnx file that woundseg exported\.$"
    with pytest.raises(ConfigurationError, match=told):
        torch_engine(path, "cpu", "fp32")
    with pytest.raises(ConfigurationError, match=told):
        engines.load(path, "cpu")


def test_only_what_was_installed_is_installed_again():
    shipped = resources.path("models/ulcer.onnx")
    assert resources.weights_remedy(shipped) == "Reinstall woundseg"
    named = "Name an .onnx file that woundseg exported"
    assert resources.weights_remedy(shipped.with_suffix(".md")) == named
    assert resources.weights_remedy(Path("bad.jpg")) == named


def test_int8_is_not_served(toy, torch_engine):
    with pytest.raises(UsageError, match="int8"):
        torch_engine(toy, "cpu", "int8")


def test_torch_agrees_on_the_shipped_weights(torch_engine):
    photos = shipped_looks()
    light, torch = engines.load(SHIPPED, "cpu"), torch_engine(SHIPPED, "cpu", "fp32")
    assert_same_answer(light(photos), torch(photos), MOST_PROBABILITY)


@pytest.mark.cuda
@pytest.mark.parametrize("weights", ["toy", "shipped"])
def test_cuda_agrees_with_the_processor(toy, weights):
    if not torch_present.cuda_works():
        pytest.skip("needs a CUDA GPU")
    path = toy if weights == "toy" else SHIPPED
    photos = looks(1, 96, 128) if weights == "toy" else shipped_looks()
    engine = engines.load(path, "cuda")
    assert (engine.device, engine.precision) == ("cuda", "fp32")
    assert_same_answer(engines.load(path, "cpu")(photos), engine(photos), MOST_PROBABILITY)


def shipped_looks() -> np.ndarray:
    """A drawn foot, so that there is something to find, 256 × 320."""
    photo = toy_weights.photograph(((40.0, 60.0, 20.0),), cards=0, size_mm=(160, 128), px_per_mm=2)
    photo[photo[..., 1] < 60] = (150, 40, 40)
    return photo[None]

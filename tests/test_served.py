"""One process that answers for many: the same answers, whoever asks, however many at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from woundseg import engines, segment
from woundseg.engines import served
from woundseg.engines.served import ServedEngine
from woundseg.errors import ConfigurationError, UsageError


def looks(seed: int, count: int = 1, side: int = 64) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), np.uint8)


@pytest.fixture(scope="module")
def server(toy):
    with served.serving(toy, "fp32", "cpu") as address:
        yield address


def test_the_answers_are_those_of_the_engine_itself(toy, server):
    own, asked = engines.load(toy, "cpu"), ServedEngine(*server)
    assert asked.facts == own.facts
    assert (asked.device, asked.precision) == ("cpu", "fp32")
    for count, side in ((1, 64), (2, 96), (3, 64)):
        photos = looks(count, count, side)
        assert np.array_equal(asked(photos), own(photos))


def test_many_workers_get_their_own_answers(toy, server):
    own = engines.load(toy, "cpu")
    sides = [32 * (1 + number % 3) for number in range(12)]
    photos = [looks(number, side=side) for number, side in enumerate(sides)]

    def ask(look: np.ndarray) -> np.ndarray:
        return ServedEngine(*server)(look)

    with ThreadPoolExecutor(6) as pool:
        for answer, look in zip(pool.map(ask, photos), photos, strict=True):
            assert np.allclose(answer, own(look), atol=1e-6)


def test_looks_of_one_size_are_answered_in_one_batch():
    class Counting:
        def __init__(self):
            self.shapes = []

        def __call__(self, photos):
            self.shapes.append(photos.shape)
            return photos[..., 0].astype(np.float32)

    class Worker:
        def send_bytes(self, data):
            self.got = np.frombuffer(data, np.float32)

    workers = [Worker() for _ in range(3)]
    asked = [looks(0), looks(1, 2), looks(2, side=32)]
    engine = Counting()
    served._answer(engine, list(zip(workers, asked, strict=True)))
    assert engine.shapes == [(3, 64, 64, 3), (1, 32, 32, 3)]
    for worker, photos in zip(workers, asked, strict=True):
        assert np.array_equal(worker.got, photos[..., 0].astype(np.float32).ravel())


def test_a_segmenter_on_it_finds_the_same(toy, server):
    pixels = looks(7, side=160)[0]
    light = segment.load("cpu", weights=toy)(pixels)
    asked = segment.on_engine(ServedEngine(*server), toy)(pixels)
    assert np.array_equal(asked.probability, light.probability)
    assert asked.model == light.model


def test_what_the_process_cannot_load_is_said_here(tmp_path):
    bad = tmp_path / "bad.onnx"
    bad.write_bytes(b"nothing")
    with (
        pytest.raises(ConfigurationError, match="is no weight file"),
        served.serving(bad, "fp32", "cpu"),
    ):
        pass


@pytest.mark.skipif(engines.resolve("auto") == "cuda", reason="CUDA works here")
def test_no_gpu_is_said_here(toy):
    with pytest.raises(UsageError, match="--device cuda"), served.serving(toy, "fp32"):
        pass

"""One process holds the GPU and answers the looks of many workers, several in one batch.

Workers read, decode, measure and draw on the processor's cores; what they ask of the network
travels over a local connection. Looks of one size that wait at the same time are answered
together.
"""

from __future__ import annotations

import json
import secrets
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from woundseg import engines
from woundseg.engines import Engine, Precision
from woundseg.errors import WoundsegError

MOST_TOGETHER = 16
"""Looks in one batch."""

_HEADER = struct.Struct("<III")

Asked = tuple[Connection, NDArray[np.uint8]]
ServedDevice = Literal["cpu", "cuda"]


class ServedEngine:
    """An engine whose network runs in another process of this machine."""

    def __init__(self, address: str, key: bytes) -> None:
        self._connection = Client(address, authkey=key)
        told = json.loads(self._connection.recv_bytes())
        self.device: str = told["device"]
        self.precision: str = told["precision"]
        self.facts: dict[str, str] = told["facts"]

    def __call__(self, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Ulcer probabilities (N, H, W) of RGB photographs (N, H, W, 3)."""
        count, height, width = photos.shape[:3]
        self._connection.send_bytes(_HEADER.pack(count, height, width))
        self._connection.send_bytes(photos.tobytes())
        answer = np.frombuffer(self._connection.recv_bytes(), np.float32)
        return answer.reshape(count, height, width)


@contextmanager
def serving(
    weights: Path, precision: Precision, device: ServedDevice = "cuda"
) -> Iterator[tuple[str, bytes]]:
    """Runs the process; gives the address and the key that ``ServedEngine`` takes.

    Raises:
        UsageError, ConfigurationError: what the process says of device, precision or weights.
    """
    key = secrets.token_bytes(16)
    context = get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(
        target=_serve, args=(there, key, weights, device, precision), daemon=True
    )
    process.start()
    there.close()
    try:
        told = here.recv()
        if isinstance(told, WoundsegError):
            raise told
        yield told, key
    finally:
        process.terminate()
        process.join()


def _serve(
    door: Connection, key: bytes, weights: Path, device: ServedDevice, precision: Precision
) -> None:
    """The process: one thread a worker takes looks in, this one answers them in batches."""
    try:
        engine = engines.load(weights, device, precision)
    except WoundsegError as error:
        door.send(error)
        return
    with Listener(authkey=key) as listener:
        door.send(listener.address)
        asked: SimpleQueue[Asked] = SimpleQueue()
        threading.Thread(target=_welcome, args=(listener, engine, asked), daemon=True).start()
        while True:
            _answer(engine, _gathered(asked))


def _welcome(listener: Listener, engine: Engine, asked: SimpleQueue[Asked]) -> None:
    """A thread for each worker that comes."""
    told = {"device": engine.device, "precision": engine.precision, "facts": engine.facts}
    while True:
        worker = listener.accept()
        worker.send_bytes(json.dumps(told).encode())
        threading.Thread(target=_listen, args=(worker, asked), daemon=True).start()


def _listen(worker: Connection, asked: SimpleQueue[Asked]) -> None:
    """Takes one worker's looks until it goes."""
    try:
        while True:
            count, height, width = _HEADER.unpack(worker.recv_bytes())
            photos = np.frombuffer(worker.recv_bytes(), np.uint8)
            asked.put((worker, photos.reshape(count, height, width, 3)))
    except (EOFError, OSError):
        worker.close()


def _gathered(asked: SimpleQueue[Asked]) -> list[Asked]:
    """At least one look, and what else waits already."""
    looks = [asked.get()]
    while sum(len(photos) for _, photos in looks) < MOST_TOGETHER:
        try:
            looks.append(asked.get_nowait())
        except Empty:
            break
    return looks


def _answer(engine: Engine, looks: list[Asked]) -> None:
    """Answers looks, those of one size together."""
    sizes: dict[tuple[int, ...], list[Asked]] = {}
    for look in looks:
        sizes.setdefault(look[1].shape[1:], []).append(look)
    for same in sizes.values():
        answers = engine(np.concatenate([photos for _, photos in same]))
        begin = 0
        for worker, photos in same:
            part = answers[begin : begin + len(photos)].tobytes()
            begin += len(photos)
            try:
                worker.send_bytes(part)
            except OSError:  # a worker that died asks no more
                worker.close()

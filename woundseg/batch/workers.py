"""What a worker is, on this machine or another: a process that loads the weights once."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from multiprocessing import parent_process
from pathlib import Path
from typing import Any, Protocol

import cv2

from woundseg import segment, tissue_map
from woundseg.batch.one import Outcome, Task, measure
from woundseg.engines import Device, Precision
from woundseg.segment import Segmenter


@dataclass(frozen=True)
class Setup:
    """What every worker loads.

    Attributes:
        weights: an ONNX file of ours; None takes the shipped one.
        device: where the network runs.
        precision: what it computes in.
        server: address of the process that holds the GPU for all workers; None where each worker
            has an engine of its own.
    """

    weights: Path | None = None
    device: Device = "cpu"
    precision: Precision = "fp32"
    server: tuple[str, bytes] | None = None


class Engine(Protocol):
    """Where work is done: this machine's processes (``local``) or a cluster (``on_ray``)."""

    def outcomes(self, tasks: Iterable[Task]) -> Iterator[Outcome]:
        """One outcome for each task, as they are ready; tasks are taken as there is room."""
        ...

    def ask(self, function: Callable[[Any], Any], argument: Any) -> Callable[[], Any]:
        """Begins a function that needs no weights; what is given back waits for its answer."""
        ...


def load(setup: Setup) -> Segmenter:
    """The worker's segmenter: one thread, because there is a worker for each core."""
    cv2.setNumThreads(1)
    if setup.server is None:
        return segment.load(setup.device, setup.precision, setup.weights, threads=1)
    from woundseg.engines.served import ServedEngine

    # Tissue's network is small: each worker runs it on its own core, beside the GPU.
    tissue = partial(tissue_map.load, "cpu", threads=1)
    weights = segment.weights_path(setup.weights)
    return segment.on_engine(ServedEngine(*setup.server), weights, tissue=tissue)


_loaded: dict[Setup, Segmenter] = {}
"""Of this process; a worker serves one study at a time."""


def work(setup: Setup, task: Task) -> Outcome:
    """Runs in a worker: measures one photograph with the weights loaded once."""
    if setup not in _loaded:
        _loaded.clear()
        _loaded[setup] = load(setup)
    return measure(task, _loaded[setup])


def start(setup: Setup) -> None:
    """Runs as a worker starts: loads the weights, and ends the worker when its parent ends."""
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.join,), daemon=True).start()
    _loaded[setup] = load(setup)


def _end_with(wait: Callable[[], None]) -> None:
    """A parent that was killed cannot say goodbye: its workers must not live on."""
    wait()
    os._exit(1)

"""Work on this machine: a process for each core, so that every stage overlaps with every other.

A process reads, measures and draws whole photographs; the network runs in it with one thread.
With CUDA one process more holds the GPU and answers the looks of all workers in batches
(``engines.served``). A worker that dies (memory, a decoder's fault) costs its photograph alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures import TimeoutError as TooLong
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from typing import Any, Self

from pebble import ProcessExpired, ProcessPool

from woundseg import segment
from woundseg.batch import workers
from woundseg.batch.one import TRY_AGAIN, Outcome, Task, failed
from woundseg.batch.workers import Setup

AHEAD = 3
"""Photographs handed out for each worker: it never waits, and memory stays flat."""

LIMIT_S = 600.0
"""A photograph that takes longer is given up."""


def cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class LocalEngine:
    """Workers on this machine; a context manager.

    Args:
        setup: what each worker loads.
        jobs: workers; None takes one a core.
    """

    def __init__(self, setup: Setup, jobs: int | None = None) -> None:
        self._setup = setup
        self._jobs = jobs or cores()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Starts the workers, and with CUDA the process that holds the GPU.

        Raises:
            UsageError, ConfigurationError: what the workers would fail at.
        """
        if self._setup.device == "cuda":
            from woundseg.engines import served

            weights = segment.weights_path(self._setup.weights)

            server = self._stack.enter_context(served.serving(weights, self._setup.precision))
            self._setup = replace(self._setup, server=server)
        # A worker has one core: numpy's own threads would take the other workers' (on two cores
        # following ulcers took half as much processor time again). Read as a worker starts.
        for library in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
            os.environ.setdefault(library, "1")
        self._pool = ProcessPool(
            max_workers=self._jobs,
            initializer=workers.start,
            initargs=[self._setup],
            context=get_context("spawn"),
        )
        return self

    def __exit__(self, *_: object) -> None:
        """Ends the workers at once; what they have not given back is not recorded."""
        self._pool.stop()  # type: ignore[no-untyped-call] # pebble's own
        self._pool.join()
        self._stack.close()

    def outcomes(self, tasks: Iterable[Task]) -> Iterator[Outcome]:
        """One outcome for each task, as they are ready; tasks are taken as there is room."""
        running: dict[Future[Any], Task] = {}
        for task in tasks:
            running[self._asked(partial(workers.work, self._setup), task)] = task
            if len(running) >= AHEAD * self._jobs:
                yield from _ready(running)
        while running:
            yield from _ready(running)

    def ask(self, function: Callable[[Any], Any], argument: Any) -> Callable[[], Any]:
        """Begins a function that needs no weights; what is given back waits for its answer."""
        return self._asked(function, argument).result

    def _asked(self, function: Callable[[Any], Any], argument: Any) -> Future[Any]:
        future: Future[Any] = self._pool.schedule(function, args=[argument], timeout=LIMIT_S)
        return future


def _ready(running: dict[Future[Any], Task]) -> Iterator[Outcome]:
    """Waits for at least one; takes what is ready out of ``running``."""
    for future in wait(running, return_when=FIRST_COMPLETED).done:
        task = running.pop(future)
        error = future.exception()
        yield future.result() if error is None else _lost(task, error)


def _lost(task: Task, error: BaseException) -> Outcome:
    """A photograph whose worker gave no answer; it is tried again at the next run."""
    if isinstance(error, ProcessExpired):
        told = f"the process that measured it died (exit status {error.exitcode})"
    elif isinstance(error, TooLong):
        told = f"took longer than {LIMIT_S:g} s"
    else:
        raise error
    return failed(task.ref, "measure", told, TRY_AGAIN)

"""Work on a Ray cluster: the same photographs, a scorer in each of Ray's worker processes.

Every machine sees the folder of photographs under the same path. Only the driver writes to the
store. When a machine is lost, Ray gives its photographs to others.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Self

from woundseg.batch import workers
from woundseg.batch.one import TRY_AGAIN, Outcome, Task, failed
from woundseg.batch.workers import Setup
from woundseg.errors import UsageError

AHEAD = 2
"""Photographs handed out for each worker of the cluster."""

RETRIES = 3
"""Times that a photograph is given to another worker when one is lost with it."""


class RayEngine:
    """Workers of a Ray cluster; a context manager.

    Args:
        setup: what each worker loads.
        address: of the cluster (``host:6379``, ``auto``); None starts one on this machine.

    Raises:
        UsageError: Ray is not installed, or no cluster answers there.
    """

    def __init__(self, setup: Setup, address: str | None = None) -> None:
        # Read by Ray as it is imported: nothing is reported to its makers.
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        try:
            import ray
        except ModuleNotFoundError:
            raise UsageError(
                "--engine ray", "Ray is not installed", 'pip install "woundseg[ray]"'
            ) from None
        self._ray = ray
        self._setup = setup
        self._address = address

    def __enter__(self) -> Self:
        """Joins the cluster."""
        _knock(self._address)
        try:
            self._ray.init(
                address=self._address,
                log_to_driver=False,
                logging_level=logging.ERROR,
                include_dashboard=False if self._address is None else None,
                ignore_reinit_error=True,
            )
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise _no_cluster(self._address, str(error).strip().splitlines()[0][:120]) from error
        gpus = 1 if self._setup.device == "cuda" else 0
        self._work = self._ray.remote(num_cpus=1, num_gpus=gpus, max_retries=RETRIES)(workers.work)
        self._setup_ref = self._ray.put(self._setup)
        return self

    def __exit__(self, *_: object) -> None:
        """Leaves the cluster."""
        self._ray.shutdown()

    def outcomes(self, tasks: Iterable[Task]) -> Iterator[Outcome]:
        """One outcome for each task, as they are ready; tasks are taken as there is room."""
        running: dict[Any, Task] = {}
        for task in tasks:
            running[self._work.remote(self._setup_ref, task)] = task
            if len(running) >= AHEAD * self._workers():
                yield self._ready(running)
        while running:
            yield self._ready(running)

    def ask(self, function: Callable[[Any], Any], argument: Any) -> Callable[[], Any]:
        """Begins a function that needs no weights; what is given back waits for its answer."""
        begun = self._ray.remote(num_cpus=1, max_retries=RETRIES)(function).remote(argument)
        return lambda: self._ray.get(begun)

    def _workers(self) -> int:
        resources: dict[str, float] = self._ray.cluster_resources()  # type: ignore[no-untyped-call]
        return max(1, int(resources.get("CPU", 1)))

    def _ready(self, running: dict[Any, Task]) -> Outcome:
        """Waits for one answer and takes it out of ``running``."""
        (done,), _ = self._ray.wait(list(running), num_returns=1)
        task = running.pop(done)
        try:
            outcome: Outcome = self._ray.get(done)
        except self._ray.exceptions.RayTaskError:
            raise
        except self._ray.exceptions.RayError as error:
            told = f"{type(error).__name__}: {RETRIES + 1} workers were lost with it"
            return failed(task.ref, "measure", told, TRY_AGAIN)
        return outcome


def _knock(address: str | None) -> None:
    """Ray itself waits for minutes where nobody answers.

    Raises:
        UsageError: nobody does.
    """
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if not (host and port.isdigit()):
        return  # one of Ray's own words ("auto"), or a cluster on this machine
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except OSError as error:
        raise _no_cluster(address, error.strerror or "timed out") from error


def _no_cluster(address: str | None, why: str) -> UsageError:
    told = f"no cluster answers ({why})"
    return UsageError(f"--address {address}", told, "Start it with: ray start --head")

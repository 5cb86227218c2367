"""Fixtures that several rooms' tests share; standing here, ``tests`` is on the import path."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

NEVER_SKIPPED = ("postgresql", "chromium", "ray")
"""Markers of tests that CI has installed everything for (WOUNDSEG_SKIP_NOTHING)."""


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Where nothing may be skipped, a skipped test of these markers is a failed one."""
    outcome = yield
    report = outcome.get_result()
    marked = [name for name in NEVER_SKIPPED if item.get_closest_marker(name)]
    if report.skipped and marked and os.environ.get("WOUNDSEG_SKIP_NOTHING"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} ({marked[0]}) was skipped: {report.longrepr}"


@pytest.fixture(scope="session")
def toy(tmp_path_factory) -> Path:
    """A small real weight file (``toy_weights``)."""
    toy_weights = pytest.importorskip("toy_weights", reason="needs onnx")
    return toy_weights.write(tmp_path_factory.mktemp("weights") / "toy.onnx")


@pytest.fixture(scope="session")
def drawn(tmp_path_factory) -> Path:
    """A folder of drawn photographs: foot.png (one ulcer, card), and others made on demand."""
    toy_weights = pytest.importorskip("toy_weights", reason="needs onnx")
    folder = tmp_path_factory.mktemp("photos")
    toy_weights.save(folder / "foot.png", toy_weights.photograph())
    return folder


@pytest.fixture
def no_network(monkeypatch):
    """Every socket fails: what needs none does not notice."""
    import socket

    def refuse(*_args, **_kwargs):
        raise AssertionError("a socket was opened")

    for name in ("socket", "create_connection", "getaddrinfo", "gethostbyname"):
        monkeypatch.setattr(socket, name, refuse)

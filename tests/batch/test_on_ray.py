"""The same work on a Ray cluster of two nodes of which one is killed in mid-run."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

pytest.importorskip("toy_weights", reason="needs onnx")
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] = "0"
try:
    import ray
except ModuleNotFoundError:
    ray = None

from study import draw, go, options

from woundseg import store
from woundseg.batch.on_ray import RayEngine
from woundseg.batch.run import Watch, run
from woundseg.batch.workers import Setup
from woundseg.errors import UsageError

pytestmark = [
    pytest.mark.ray,
    pytest.mark.skipif(ray is None, reason="Ray is not installed (woundseg[ray])"),
]

SUBJECTS = 10


@pytest.fixture
def cluster(monkeypatch):
    """A head that only holds the cluster together, and a node that measures."""
    from ray.cluster_utils import Cluster

    here = os.pathsep.join([str(Path(__file__).parent.parent), *sys.path])
    monkeypatch.setenv("PYTHONPATH", here)
    made = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 1, "include_dashboard": False, "object_store_memory": 80 << 20},
    )
    yield made
    ray.shutdown()
    made.shutdown()


class KillsOne(Watch):
    """Kills a node when two photographs are in the store."""

    def __init__(self, cluster, node) -> None:
        self._cluster, self._node, self._measured = cluster, node, 0

    def measured(self, outcome) -> None:
        self._measured += 1
        if self._measured == 2:
            self._cluster.remove_node(self._node, allow_graceful=False)


def test_a_node_that_is_killed_costs_nothing(cluster, tmp_path, toy):
    photos = tmp_path / "photos"
    draw(photos, *(f"S{n}/V1_2026-01-05/a.png" for n in range(SUBJECTS)))
    node = cluster.add_node(num_cpus=1, object_store_memory=80 << 20)
    cluster.wait_for_nodes()
    wanted = options(toy)
    with RayEngine(Setup(weights=toy), cluster.address) as engine:
        assert ray.cluster_resources()["CPU"] == 2
        watch = KillsOne(cluster, node)
        summary = run(photos, tmp_path / "on_ray", wanted, engine, watch)
    assert len(cluster.list_all_nodes()) == 1  # one was killed indeed
    assert (summary.measured, summary.failures) == (SUBJECTS, 0)
    go(photos, tmp_path / "here", toy)
    for name in ("visits.csv", "failures.csv", "healing.csv"):
        one, other = (tmp_path / where / name for where in ("on_ray", "here"))
        assert one.read_bytes() == other.read_bytes()
    with store.Store.open(tmp_path / "on_ray" / "study.sqlite") as kept:
        assert list(kept.alterations()) == []
        assert all(len(kept.history(path)) == 1 for path in kept.paths())


def test_no_cluster_there_is_told_in_one_line_and_at_once(toy):
    engine = RayEngine(Setup(weights=toy), "127.0.0.1:1")
    with pytest.raises(UsageError, match="no cluster answers"), engine:
        pass

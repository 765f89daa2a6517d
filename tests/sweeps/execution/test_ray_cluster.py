"""A Ray cluster of two nodes on this machine, one of them removed in mid-sweep."""

import logging
import signal
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.domain.errors import BackendFailed
from core.domain.runs import ModelMetadata
from core.sweeps.execution.ray_cluster import RayCluster
from tests.sweeps.execution.fake_tools import FakeTools, Heard, make_trial, no_reference, wanted

MEMORY = 80 * 1024 * 1024


class Unreadable(ModelMetadata):
    """What a node can't take out of its parcel, as of a package that it lacks."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _missing, ()


def _missing() -> None:
    raise ModuleNotFoundError("a package that the node lacks")


@pytest.fixture
def cluster() -> Iterator[Any]:
    """A head without processors, for the coordinator; nodes are a test's to add."""
    pytest.importorskip("ray", reason="ray is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Ray's own making
        from ray.cluster_utils import Cluster

        made = Cluster(
            initialize_head=True,
            head_node_args={
                "num_cpus": 0,
                "object_store_memory": MEMORY,
                "include_dashboard": False,
                "_system_config": {
                    "health_check_initial_delay_ms": 0,
                    "health_check_period_ms": 300,
                    "health_check_failure_threshold": 2,
                },
            },
        )
        yield made
        made.shutdown()
    logging.getLogger("ray").setLevel(logging.NOTSET)


def test_a_node_that_goes_costs_nothing_but_time(tmp_path: Path, cluster: Any) -> None:
    nodes = [cluster.add_node(num_cpus=1, object_store_memory=MEMORY) for _ in range(2)]
    handlers = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    executor = RayCluster(cluster.address, FakeTools(tmp_path, delay=0.03), no_reference())
    try:
        assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == handlers
        trials = [make_trial(index, per_label=8) for index in range(4)]
        heard = Heard(executor, [*trials, make_trial(4, metadata=Unreadable())], seconds=100)

        def between() -> None:
            if len(nodes) == 2 and len({told.index for told in heard.told if told.samples}) == 2:
                cluster.remove_node(nodes.pop(), allow_graceful=False)

        heard.run(between)
    finally:
        executor.close()
    assert (len(nodes), heard.most, len(heard.lost)) == (1, 2, 1)
    assert [heard.facts(trial.index) for trial in trials] == [wanted(trial) for trial in trials]
    assert all(heard.ends[trial.index].assessment is not None for trial in trials)
    assert "could not begin" in str(heard.ends[4].error)


def test_without_the_package_it_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(BackendFailed, match=r"pip install '\.\[ray\]'"):
        RayCluster("local", FakeTools(tmp_path), no_reference())

"""Handlers on a real Ray cluster of two nodes on this machine."""

from __future__ import annotations

import logging
import sys
import time
import warnings
from typing import Any

import pytest

from graph_orch import RetryPolicy, Worker
from graph_orch.executors.ray import ray_handler
from tests.integration.test_worker import at_work, ended
from tests.waiting import eventually

pytestmark = [
    # Ray leaves sockets and processes to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


@pytest.fixture(scope="module")
def ray():
    """Ray, connected to two nodes; the second has the resource `second`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ray = pytest.importorskip("ray")
        from ray.cluster_utils import Cluster

        cluster = Cluster(
            initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}
        )
        cluster.add_node(num_cpus=1, resources={"second": 1})
        ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
        ray.init(address=cluster.address, logging_level=logging.ERROR, log_to_driver=False)
        yield ray
        ray.shutdown()
        cluster.shutdown()


def where(task: Any, results: Any) -> Any:
    import ray

    return {"node": ray.get_runtime_context().get_node_id(), "results": results, **task}


def broken(task: Any, results: Any) -> Any:
    raise LookupError(task["content"])


def endless(task: Any, results: Any) -> Any:
    while True:
        time.sleep(0.05)


def test_work_is_done_on_two_nodes(ray, orch, new_task):
    worker = Worker(orch, "dispatcher", [], 2)
    worker.task("here")(ray_handler(where))
    worker.task("there")(ray_handler(where, resources={"second": 0.1}, num_cpus=0.1))
    first = new_task("one", "there")
    second = new_task("two", "here", dependencies=[first])
    with at_work(worker):
        assert eventually(lambda: ended(orch, first, second))
    there, here = (task.result for task in orch.tasks.get_tasks([first, second]))
    nodes = {node["NodeID"]: node["Resources"] for node in ray.nodes()}
    assert len(nodes) == 2
    assert "second" in nodes[there["node"]]
    assert (here["content"], here["results"]) == ("two", {first: there})


def test_what_it_raises_fails_the_task(ray, orch, new_task):
    worker = Worker(orch, "dispatcher", [], 2)
    worker.task("any")(ray_handler(broken))
    task_id = new_task("lost", retry_policy=RetryPolicy(non_retryable=("LookupError",)))
    with at_work(worker):
        assert eventually(lambda: ended(orch, task_id))
    task = orch.tasks.get_task_status(task_id)
    assert (task.status, task.attempt) == ("failed", 1)
    assert "lost" in task.error_message


def test_cancelling_ends_it(ray, orch, new_task):
    worker = Worker(orch, "dispatcher", [], 2, lease_seconds=1.5)
    worker.task("any")(ray_handler(endless))
    worker.task("after")(ray_handler(where))
    task_id = new_task()
    with at_work(worker):
        assert eventually(lambda: orch.tasks.get_task_status(task_id).status == "running")
        orch.tasks.cancel_task(task_id)
        after = [new_task("x", "after"), new_task("y", "after")]  # there is room for both again
        assert eventually(lambda: ended(orch, *after))
    assert {task.status for task in orch.tasks.get_tasks(after)} == {"completed"}

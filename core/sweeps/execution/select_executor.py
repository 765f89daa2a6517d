"""Which executor suits a sweep, by what its models need."""

from collections.abc import Iterable

from core.domain.runs import ModelChoice
from core.domain.spending import SpendingTracker
from core.sweeps.execution.executors import Executor, InProcess, Tools
from core.sweeps.execution.processes import Processes, default_workers
from core.sweeps.execution.trial import RealTexts


def select_executor(
    models: Iterable[ModelChoice],
    real: RealTexts,
    *,
    trials: int,
    workers: int | None = None,
    ray: str | None = None,
    here: Tools,
    elsewhere: Tools,
    on_nodes: Tools,
    tracker: SpendingTracker | None = None,
) -> Executor:
    """The executor of a sweep.

    Args:
        models: what the trials generate with; none where runs are only assessed.
        real: the reference.
        trials: how many trials there are at most.
        workers: child processes; None takes one a core for models on the processor, and this
            process for others, which do many texts at once by themselves. 1 is this process. A
            server's model is always asked from this process, which keeps pace and cap.
        ray: address of a Ray cluster or "local"; None is this machine.
        here: opens models in this process.
        elsewhere: in its children.
        on_nodes: on a cluster's nodes.
        tracker: asked before every request to a server; None is no cap.

    Raises:
        BackendFailed: Ray is not installed or not to be reached.
    """
    # Nine parameters: what decides, each from another place.
    models = set(models)
    if any(model.backend != "local" for model in models):
        return InProcess(here, real, tracker=tracker)
    if ray is not None:
        from core.sweeps.execution.ray_cluster import RayCluster

        return RayCluster(ray, on_nodes, real)
    if workers is None:
        workers = default_workers() if all(map(_on_processor, models)) else 1
    count = min(workers, trials)
    return Processes(count, elsewhere, real) if count > 1 else InProcess(here, real)


def _on_processor(model: ModelChoice) -> bool:
    if model.backend != "local" or model.device not in ("auto", "cpu"):
        return False
    if model.device == "cpu":
        return True
    from core.models.devices import pick_device

    return pick_device("auto") == "cpu"

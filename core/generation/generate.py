"""Generating a run: the loop, and the recorder that its results go to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from core.domain.runs import FinishedRound, ModelMetadata, RunSpec, Sample
from core.generation.backends import Backend, check_identity
from core.generation.loop import Loop, Round

ENOUGH = 20
"""Answers of a server without a usable text among them after which a run asks for no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """A run's current state, from which generation continues as if it had never stopped.

    Args:
        run_id: the run.
        spec: what is asked for.
        history: samples that are stored already, in order of arrival.
        finished_rounds: (cycle, position) of the rounds that are complete already.
        metadata: the model's, None if the run has not begun before.
    """

    run_id: str
    spec: RunSpec
    history: Sequence[Sample] = ()
    finished_rounds: Sequence[tuple[int, int]] = ()
    metadata: ModelMetadata | None = None


class RunRecorder(Protocol):
    """Keeps what a generation makes: all that must survive goes through it as it comes."""

    def begin(self, metadata: ModelMetadata | None) -> None:
        """The model is loaded and generation begins.

        Args:
            metadata: the model's, None if the run has it already.
        """

    def round_begun(self, loop: Loop, current: Round) -> None:
        """A round begins."""

    def samples(self, samples: Sequence[Sample]) -> None:
        """Samples arrived."""

    def round_finished(self, finished: FinishedRound) -> None:
        """A round is complete; its samples came before."""


def generate_texts(
    state: RunState,
    backend: Backend,
    recorder: RunRecorder,
    *,
    between_steps: Callable[[], None],
    timer: Callable[[], float],
) -> Mapping[str, int]:
    """Generate what a run lacks.

    Args:
        state: the run's current state.
        backend: the loaded model.
        recorder: keeps what is made.
        between_steps: called between two steps of the model; what it raises ends the call.
        timer: monotonic seconds.

    Returns:
        How many texts each label lacks in the end; labels that lack none are missing.

    Raises:
        BackendFailed: the model failed, is no longer the run's, or wrote no usable text.
        BadInput: the run's settings don't fit the model.
    """
    check_identity(state.metadata, backend.metadata)
    recorder.begin(None if state.metadata is not None else backend.metadata)
    loop = Loop(
        state.spec,
        run_id=state.run_id,
        backend=backend,
        history=state.history,
        finished_rounds=state.finished_rounds,
        clock=timer,
    )
    under_way: Round | None = None
    names, started, tokens = state.spec.task.label_names, timer(), 0
    for current, samples in loop.rounds(between_steps=between_steps):
        if current != under_way:
            under_way = current
            recorder.round_begun(loop, current)
        if samples:
            tokens += sum(len(sample.token_ids) for sample in samples)
            recorder.samples(samples)
            continue
        requested = {names[each.label_index]: each.count for each in current.iterations}
        seconds = timer() - started
        recorder.round_finished(
            FinishedRound(current.cycle, current.position, requested, seconds, tokens)
        )
        started, tokens = timer(), 0
        if not backend.repeatable:  # each answer is paid for
            loop.check_usable(at_least=ENOUGH)
    loop.check_usable()
    return loop.shortfall()

"""Trial: one run of a sweep as work to be done anywhere, the updates it sends, and its end."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from core.diversity.measures.remote_clique import Vectors
from core.domain.errors import WidesetError
from core.domain.runs import Attempt, FinishedRound, ModelMetadata, RunSpec, Sample
from core.sweeps.assessment.recipe import Recipe
from core.sweeps.assessment.results import AssessmentResult


# Compared by identity, so that its oracle is trained once and kept as long as it lives.
@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class RealTexts:
    """The reference as a trial needs it, embedded once by the coordinator.

    Args:
        train: texts of the part to learn from; empty without a reference.
        train_labels: their labels.
        train_vectors: float32 (texts, size).
        test: texts of the part to be tested by.
        test_labels: their labels.
        test_vectors: float32 (texts, size).
        encoder: fingerprint of the encoder that embedded them; a node with another one refuses.
    """

    train: tuple[str, ...]
    train_labels: tuple[str, ...]
    train_vectors: Vectors
    test: tuple[str, ...]
    test_labels: tuple[str, ...]
    test_vectors: Vectors
    encoder: str


@dataclass(frozen=True, slots=True)
class Trial:
    """One run of a sweep: to be generated, then assessed.

    Args:
        index: its place in the sweep, from 0.
        run_id: of the run in the store, made before the trial begins.
        spec: what is generated.
        recipe: what is done with it then.
        history: samples that are stored already, in order of arrival (a resumed trial).
        finished_rounds: (cycle, position) of its rounds that are complete already.
        metadata: the model's, None if the run has not begun before.
        generate: False for a run that was made elsewhere or to its end: it is assessed as it is,
            and no language model is opened.
    """

    index: int
    run_id: str
    spec: RunSpec
    recipe: Recipe
    history: tuple[Sample, ...] = ()
    finished_rounds: tuple[tuple[int, int], ...] = ()
    metadata: ModelMetadata | None = None
    generate: bool = True


@dataclass(frozen=True, slots=True)
class TrialUpdate:
    """A message of a running trial; the coordinator stores them in the order they come.

    Args:
        index: of the trial.
        samples: new samples.
        metadata: the model's, once, before the first sample.
        round: a round that is complete; its samples were sent before.
        phase: what it does now: loading, generating, assessing.
        shortfall: texts that each label lacks in the end, sent once.
        attempt: a request to a server, as it was sent.
    """

    index: int
    samples: tuple[Sample, ...] = ()
    metadata: ModelMetadata | None = None
    round: FinishedRound | None = None
    phase: str | None = None
    shortfall: Mapping[str, int] | None = None
    attempt: Attempt | None = None


@dataclass(frozen=True, slots=True)
class TrialEnd:
    """How a trial ended.

    Args:
        index: of the trial.
        assessment: None if it failed or was stopped.
        vectors: the usable texts' embeddings, float32 (texts, size), for the store's cache, in the
            order of `texts`; None if none were made.
        texts: what was embedded.
        error: why it failed, else None. `Pausing` would occur in every other trial, too: the server
            is unavailable, or the spending limit is reached, and the sweep has to wait.
        lost: the process or node is gone, and the trial must run again elsewhere.
    """

    index: int
    assessment: AssessmentResult | None = None
    vectors: Vectors | None = None
    texts: tuple[str, ...] = ()
    error: WidesetError | None = None
    lost: bool = False


Sink = Callable[[TrialUpdate], None]

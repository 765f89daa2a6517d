"""Generating a run: its rounds as recorded, and that it goes on with its own model alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from core.domain.errors import BackendFailed
from core.domain.runs import FinishedRound, ModelMetadata, Sample
from core.generation.backends import check_identity
from core.generation.generate import RunState, generate_texts
from core.generation.loop import Loop, Round
from tests.generation.fake_backend import FakeBackend
from tests.generation.making import distinct, make_spec


@dataclass
class Recorder:
    """Takes two seconds over samples and five over a round, which don't count."""

    now: float = 10.0
    events: list[int | FinishedRound] = field(default_factory=list)

    def begin(self, metadata: ModelMetadata | None) -> None:
        assert metadata == FakeBackend().metadata

    def round_begun(self, loop: Loop, current: Round) -> None:
        pass

    def samples(self, samples: Sequence[Sample]) -> None:
        self.events.append(len(samples))
        self.now += 2.0

    def round_finished(self, finished: FinishedRound) -> None:
        self.events.append(finished)
        self.now += 5.0


def test_each_round_is_recorded_with_what_it_took() -> None:
    spec = make_spec(per_label=3, size=2, targets=[("neg", 2)])
    recorder = Recorder()
    state, backend = RunState(run_id="r", spec=spec), FakeBackend(distinct)
    generate_texts(state, backend, recorder, between_steps=int, timer=lambda: recorder.now)
    assert recorder.events == [
        4,
        FinishedRound(1, 0, {"pos": 2, "neg": 2}, 2.0, 8),
        1,
        FinishedRound(2, 0, {"pos": 1}, 2.0, 2),
    ]


def test_a_run_goes_on_with_its_own_model_alone() -> None:
    now = ModelMetadata(model="m", fingerprint="f", dtype="float32", threads=2)
    check_identity(None, now)
    check_identity(replace(now, threads=1), now)
    with pytest.raises(BackendFailed, match="The model's dtype was 'float16'") as caught:
        check_identity(replace(now, dtype="float16"), now)
    assert caught.value.remedy == "Start a new run with the same settings."

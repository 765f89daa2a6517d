"""A trial from its first text to its assessment, with a model that only pretends."""

from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.diversity.measures.results import encoder_name
from core.domain.conditions import Suppression
from core.domain.errors import BackendFailed
from core.domain.runs import Example, FinishedRound, Sample
from core.sweeps.assessment.assess import assess
from core.sweeps.assessment.recipe import Recipe
from core.sweeps.execution.run_trial import run_trial
from core.sweeps.execution.trial import RealTexts, Trial, TrialEnd, TrialUpdate
from tests.diversity.fake_encoder import FakeEncoder
from tests.generation.fake_backend import FakeBackend
from tests.generation.making import distinct, facts_of, follow, make_spec
from tests.sweeps.assessment.assessed import dataset_of

SPEC = make_spec(per_label=9, size=4, suppression=Suppression(0.2))
RECIPE = Recipe(reference="r", budgets=(0, 6, "all"), lr_repeats=2)
SIZE = 16


def real_texts() -> RealTexts:
    """ "pos" is told by reds, "neg" by blues."""
    texts = [f"{color} {more}" for color in ("red", "blue") for more in ("sun", "rain", "odd", "")]
    labels = ("pos",) * 4 + ("neg",) * 4
    vectors = FakeEncoder(size=SIZE).embed(texts)
    return RealTexts(tuple(texts), labels, vectors, tuple(texts), labels, vectors, f"fake-{SIZE}")


class Hearing:
    """Performs trials and keeps what they tell."""

    def __init__(self, backend: FakeBackend | None = None) -> None:
        self.backend = backend or FakeBackend()
        self.opened: list[Any] = []
        self.told: list[TrialUpdate] = []
        self.encoder = FakeEncoder(size=SIZE)

    def open(self, choice: Any, *, dtype: str | None = None) -> FakeBackend:
        self.opened.append((choice, dtype))
        return self.backend

    def run(self, trial: Trial, **more: Any) -> TrialEnd:
        ticks = count()
        options: dict[str, Any] = {
            "real": real_texts(),
            "between": lambda: None,
            "timer": lambda: float(next(ticks)),
            **more,
        }
        return run_trial(
            trial,
            open_backend=self.open,
            encoder=self.encoder,
            sink=self.told.append,
            **options,
        )

    @property
    def samples(self) -> list[Sample]:
        return [sample for told in self.told for sample in told.samples]

    @property
    def rounds(self) -> list[FinishedRound]:
        return [told.round for told in self.told if told.round is not None]


def test_samples_rounds_and_phases_are_told_as_they_come() -> None:
    heard = Hearing()
    end = heard.run(Trial(3, "r", SPEC, RECIPE))
    whole = follow(SPEC).run()
    assert [facts_of(s) for s in heard.samples] == [facts_of(s) for s in whole.samples]
    assert heard.opened == [(SPEC.model, None)]
    assert {told.index for told in heard.told} == {3}
    phases = [told.phase for told in heard.told if told.phase]
    assert phases == ["loading", "generating", "assessing"]
    assert [told.metadata for told in heard.told if told.metadata] == [heard.backend.metadata]
    assert heard.told[1].metadata is not None  # before the first sample
    assert heard.told[-1].shortfall == {}
    rounds = sorted({(s.cycle, 0) for s in whole.samples})
    assert [(r.cycle, r.position) for r in heard.rounds] == rounds
    assert heard.rounds[0].requested == {"pos": 4, "neg": 4}
    assert sum(r.tokens for r in heard.rounds) == sum(len(s.token_ids) for s in whole.samples)
    # A round is told after its samples and before the next one's.
    cycles = [
        t.samples[0].cycle if t.samples else t.round.cycle
        for t in heard.told
        if t.samples or t.round
    ]
    assert cycles == sorted(cycles)

    usable = [s for s in whole.samples if s.outcome == "usable"]
    assert (end.index, end.error, end.lost) == (3, None, False)
    # Each different text is embedded once.
    assert list(end.texts) == list(dict.fromkeys(s.text for s in usable)) == heard.encoder.calls[0]
    assert len(end.texts) < len(usable)
    assert end.vectors is not None
    vectors = FakeEncoder(size=SIZE).embed([s.text for s in usable])
    by_text = dict(zip(end.texts, end.vectors, strict=True))
    np.testing.assert_array_equal([by_text[s.text] for s in usable], vectors)
    dataset = dataset_of(
        [s.label for s in usable],
        ["pos", "neg"],
        texts=[s.text for s in usable],
        fluency=[s.fluency for s in usable],
    )
    assert end.assessment == assess(
        dataset, vectors, real_texts(), RECIPE, encoder=encoder_name(heard.encoder.facts)
    )
    assert [(s.inspected, s.repeat) for s in end.assessment.stages] == [
        ("0", 0),
        ("6", 0),
        ("6", 1),
        ("all", 0),
    ]


class Stopped(Exception):
    """What `between` raises."""


def test_a_trial_that_was_stopped_anywhere_ends_as_one_that_was_not() -> None:
    first = Hearing()
    whole = first.run(Trial(0, "r", SPEC, RECIPE))
    for at in (0, 3, 9, 17):
        steps = count()

        def stop(at: int = at, steps: Any = steps) -> None:
            if next(steps) == at:
                raise Stopped

        heard = Hearing()
        with pytest.raises(Stopped):
            heard.run(Trial(0, "r", SPEC, RECIPE), between=stop)
        rounds = tuple((r.cycle, r.position) for r in heard.rounds)
        metadata = next((told.metadata for told in heard.told if told.metadata), None)
        again = Hearing()
        history = tuple(heard.samples)
        end = again.run(
            Trial(0, "r", SPEC, RECIPE, history=history, finished_rounds=rounds, metadata=metadata)
        )
        assert not {s.id for s in history} & {s.id for s in again.samples}
        both = [facts_of(s) for s in [*history, *again.samples]]
        assert both == [facts_of(s) for s in first.samples]
        assert (end.assessment, end.texts) == (whole.assessment, whole.texts)
        if metadata:
            assert again.opened == [(SPEC.model, "float32")]
            assert [told.metadata for told in again.told if told.metadata] == []


def test_a_run_that_is_made_already_is_assessed_without_a_language_model() -> None:
    first = Hearing()
    whole = first.run(Trial(0, "r", SPEC, RECIPE))
    heard = Hearing()
    end = heard.run(Trial(0, "r", SPEC, RECIPE, history=tuple(first.samples), generate=False))
    assert end.assessment == whole.assessment
    assert heard.opened == []
    assert [(told.phase, told.samples) for told in heard.told] == [("assessing", ())]


def test_what_goes_wrong_is_told_in_two_sentences() -> None:
    other = FakeBackend(metadata=replace(FakeBackend().metadata, fingerprint="f2"))
    end = Hearing(other).run(Trial(5, "r", SPEC, RECIPE, metadata=FakeBackend().metadata))
    assert end.error is not None
    assert end.error.what.startswith("The model's fingerprint was 'f1' when this run began")
    assert (end.index, end.assessment, end.error.remedy) == (
        5,
        None,
        "Start a new run with the same settings.",
    )

    def refuse(*_: Any, **__: Any) -> Any:
        raise BackendFailed("No such model.", "Choose one.")

    heard = Hearing()
    heard.open = refuse  # type: ignore[method-assign]
    assert str(heard.run(Trial(0, "r", SPEC, RECIPE)).error) == "No such model. Choose one."

    heard = Hearing()
    end = heard.run(Trial(0, "r", SPEC, RECIPE), real=replace(real_texts(), encoder="other"))
    assert end.error is not None
    assert end.error.what.startswith(
        "The encoder here is fake-16, and the reference was embedded by"
    )
    assert heard.told == []  # before anything is spent


def test_without_a_reference_and_without_a_text() -> None:
    heard = Hearing()
    end = heard.run(Trial(0, "r", SPEC, Recipe()), real=None)
    assert end.assessment is not None
    assert end.assessment.reference is None
    assert end.assessment.stages[0].scores["diversity"].value > 0

    silent = Hearing(FakeBackend(lambda *_: None))
    end = silent.run(Trial(0, "r", SPEC, RECIPE))
    assert silent.told[-1].shortfall == {"pos": 9, "neg": 9}
    assert (end.texts, silent.encoder.calls) == ((), [])
    assert end.vectors is not None
    assert end.vectors.shape == (0, SIZE)
    assert end.assessment is not None
    assert end.assessment.n == 0


def test_a_recipe_s_fine_tuner_is_used() -> None:
    recipe = Recipe(reference="r", budgets=(0,), classifier="fine-tuning")
    end = Hearing(FakeBackend(distinct)).run(
        Trial(0, "r", SPEC, recipe), fine_tuner=lambda train, real, seed: real.test_labels
    )
    assert end.assessment is not None
    assert end.assessment.stages[0].scores["model_accuracy"].value == 1.0


@pytest.mark.model
@pytest.mark.data
def test_real_models_write_and_are_judged_by_real_texts(data: Path, model_cache: Path) -> None:
    import csv

    from core.diversity.embedding.encoder import EncoderChoice
    from core.diversity.embedding.loading import EncoderCache
    from core.domain.tasks import Label, Task
    from core.generation.local.backend import ModelCache

    def part(name: str, n: int) -> list[Example]:
        with (data / "clickbait" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            rows = [Example(row["text"], row["label"]) for row in csv.DictReader(file)]
        names = sorted({row.label for row in rows})
        return [one for name in names for one in [r for r in rows if r.label == name][:n]]

    train, test = part("train", 60), part("test", 30)
    names = sorted({example.label for example in train})
    task = Task("Headlines", "news headline", tuple(Label(name, name) for name in names))
    encoder = EncoderCache(model_cache).encoder(EncoderChoice(device="cpu"))
    vectors = encoder.embed([example.text for example in [*train, *test]])
    real = RealTexts(
        train=tuple(example.text for example in train),
        train_labels=tuple(example.label for example in train),
        train_vectors=vectors[: len(train)],
        test=tuple(example.text for example in test),
        test_labels=tuple(example.label for example in test),
        test_vectors=vectors[len(train) :],
        encoder=encoder.fingerprint,
    )
    seeds = tuple(train[::20])
    spec = make_spec(per_label=3, size=3, task=task, seeds=seeds, max_tokens=24, temperature=0.7)
    heard: list[TrialUpdate] = []
    end = run_trial(
        Trial(0, "r", spec, Recipe(reference="r", budgets=(0, "all"))),
        open_backend=ModelCache(model_cache).backend,
        encoder=encoder,
        real=real,
        sink=heard.append,
        between=lambda: None,
    )
    assert end.error is None
    assert end.assessment is not None
    assert end.assessment.oracle.accuracy > 0.8
    assert end.assessment.n >= 4
    plain, relabelled = end.assessment.stages
    assert 0.2 < plain.scores["diversity"].value < 1.1
    assert 0 < plain.scores["similarity"].value < 0.5
    assert relabelled.scores["label_accuracy"].value == 1.0

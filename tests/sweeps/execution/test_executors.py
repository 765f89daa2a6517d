"""The default executor: this process, one trial after the other."""

from pathlib import Path

import pytest

from core.domain.errors import StoreFull
from core.domain.runs import ModelChoice
from core.sweeps.execution.executors import InProcess
from core.sweeps.execution.processes import Processes
from core.sweeps.execution.select_executor import select_executor
from core.sweeps.execution.trial import TrialUpdate
from tests.sweeps.execution.fake_tools import FakeTools, Heard, make_trial, no_reference, wanted


class Halt(Exception):
    """What a caller ends the work with."""


def test_trials_are_carried_out_one_after_the_other(tmp_path: Path) -> None:
    trials = [make_trial(0), make_trial(1)]
    heard = Heard(InProcess(FakeTools(tmp_path), no_reference()), trials).run()
    assert [heard.facts(index) for index in (0, 1)] == [wanted(trial) for trial in trials]
    assert heard.most == 1
    places = [told.index for told in heard.told]
    assert places == sorted(places)
    end = heard.ends[0]
    usable = [sample.text for sample in heard.samples(0) if sample.outcome == "usable"]
    assert (end.error, list(end.texts), end.lost) == (None, usable, False)
    assert end.vectors is not None
    assert end.vectors.shape == (len(usable), 16)


def test_a_trial_that_fails_says_why_and_the_next_goes_on(tmp_path: Path) -> None:
    bad, good = make_trial(0), make_trial(1)
    object.__setattr__(bad.spec, "model", ModelChoice(model="bad"))
    tools = FakeTools(tmp_path, broken="bad")
    heard = Heard(InProcess(tools, no_reference()), [bad, good]).run()
    assert str(heard.ends[0].error) == "The model 'bad' is broken. Use another."
    assert (heard.ends[0].assessment, heard.samples(0)) == (None, [])
    assert heard.facts(1) == wanted(good)


def test_an_error_of_ours_is_a_sentence_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("core.sweeps.execution.run_trial.run_trial", fail)
    heard = Heard(InProcess(FakeTools(tmp_path), no_reference()), [make_trial(0)]).run()
    assert "an error in Wideset" in str(heard.ends[0].error)


def test_what_the_store_refuses_is_no_fault_of_the_trial(tmp_path: Path) -> None:
    executor = InProcess(FakeTools(tmp_path), no_reference())

    def full(told: TrialUpdate) -> None:
        if told.samples:
            raise StoreFull("The disk is full.")

    executor.submit(make_trial(0))
    with pytest.raises(StoreFull):
        executor.work(full, lambda end: pytest.fail("it did not end"), lambda: None)


def test_whoever_asks_for_the_end_gets_it(tmp_path: Path) -> None:
    steps: list[int] = []

    def between() -> None:
        steps.append(1)
        if len(steps) == 4:
            raise Halt

    with pytest.raises(Halt):
        Heard(InProcess(FakeTools(tmp_path), no_reference()), [make_trial(0)]).run(between)
    assert len(steps) == 4


def test_one_trial_is_dropped_and_the_next_goes_on(tmp_path: Path) -> None:
    executor = InProcess(FakeTools(tmp_path), no_reference())
    heard = Heard(executor, [make_trial(0), make_trial(1)])
    heard.run(lambda: executor.drop(0) if heard.samples(0) else None)
    assert (heard.ends[0].assessment, heard.ends[0].error) == (None, None)
    assert 0 < len(heard.samples(0)) < len(wanted(make_trial(0)))
    assert heard.facts(1) == wanted(make_trial(1))


@pytest.mark.parametrize(
    ("model", "workers", "trials", "expected"),
    [
        (ModelChoice(device="cpu"), 3, 9, 3),
        (ModelChoice(device="cpu"), 3, 2, 2),
        (ModelChoice(device="cpu"), 1, 9, None),
        (ModelChoice(device="cpu"), None, 1, None),
        (ModelChoice(device="cuda"), None, 9, None),
        (ModelChoice("openai", "m", base_url="http://127.0.0.1:1/v1"), None, 9, None),
    ],
)
def test_where_a_sweep_is_placed(
    tmp_path: Path, model: ModelChoice, workers: int | None, trials: int, expected: int | None
) -> None:
    tools = FakeTools(tmp_path)
    chosen = select_executor(
        [model],
        no_reference(),
        trials=trials,
        workers=workers,
        here=tools,
        elsewhere=tools,
        on_nodes=tools,
    )
    assert type(chosen) is (InProcess if expected is None else Processes)
    if isinstance(chosen, Processes):
        assert chosen.workers == expected

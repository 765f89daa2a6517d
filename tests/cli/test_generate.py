"""`generate` and `resume`: from the settings to the export, stopped and gone on with."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import pytest

from core.cli import main
from core.domain.errors import BackendFailed
from core.domain.registries.capabilities import Capabilities
from core.domain.runs import FinishedRound, ModelMetadata, RunSpec
from core.domain.settings import Home
from core.domain.tasks import Label, Task, preset
from core.generation.progress import GenerationProgress
from core.jobs import claims
from core.jobs.context import JobContext
from core.jobs.lease import living, renew, take
from core.jobs.queue import job_of_run, start_run
from core.jobs.worker import Worker
from core.store.connections import save_capabilities
from core.store.database import open_database
from core.store.generation.rounds import finish_round
from core.store.generation.runs import get_run, list_runs, set_metadata
from core.store.generation.samples import samples_of
from core.store.sweeps import find_run_of_spec
from core.store.tasks import save_task
from tests.cli.fake_generation import pretend, samples_for

ROOT = Path(__file__).parents[2]
Capture = pytest.CaptureFixture[str]


def generate(*arguments: str, handler: Any = None) -> int:
    handlers = {"generate": handler or pretend()}
    return main(["generate", "--task", "sst2", "--per-label", "3", *arguments], handlers=handlers)


def the_run(home: Home) -> Any:
    (summary,) = list_runs(open_database(home))
    return summary.run


def test_json_says_what_came_of_it(home: Home, capsys: Capture, tmp_path: Path) -> None:
    out = tmp_path / "texts.jsonl"
    assert generate("--json", "--name", "First", "--out", str(out)) == 0
    said = capsys.readouterr()
    assert said.out.count("\n") == 1
    run = the_run(home)
    assert json.loads(said.out) == {
        "run": run.id,
        "name": "First",
        "state": "done",
        "counts": {
            "usable": 6,
            "empty": 2,
            "truncated": 2,
            "duplicates": 2,
            "per_label": {"positive": 3, "negative": 3},
            "shortfall": {},
            "set_aside": [
                {"label": label, "reason": reason, "count": 1}
                for reason in ("length", "stop")
                for label in ("negative", "positive")
            ],
            "stripped": {},
        },
        "seconds": 5.0,
        "tokens": 30,
        "out": str(out),
    }
    texts = [json.loads(line)["text"] for line in out.read_text().splitlines()]
    assert texts == [s.text for s in samples_for(run.id, run.spec) if s.outcome == "usable"]


def test_without_json_one_paragraph_says_it(home: Home, capsys: Capture, tmp_path: Path) -> None:
    out = tmp_path / "texts.csv"
    assert generate("--out", str(out), "--all", handler=pretend(missing=1)) == 0
    run = the_run(home)
    said = capsys.readouterr()
    assert said.out == (
        f"Run {run.id} 'SST-2 sentiment, T 0.7, S 0' is done: 5 usable texts (2 positive, "
        "3 negative) in 4.5 s, 27 tokens; 2 of them duplicates; "
        "set aside: 2 cut off at the token limit (1 negative, 1 positive), "
        "2 empty (1 negative, 1 positive); "
        f"missing: 1 positive. Wrote 9 texts to {out}.\n"
    )
    assert said.err.startswith(f"Run {run.id}: 6 texts for 2 labels.\n")
    rows = list(csv.DictReader(io.StringIO(out.read_text("utf-8-sig"))))
    assert [row["outcome"] for row in rows].count("truncated") == 2
    assert [row["text"] for row in rows if row["label"] == "negative"][2] == "'=1+1"


def test_duplicates_are_missing_where_only_new_texts_count(home: Home, capsys: Capture) -> None:
    assert generate("--only-new", "--json") == 0
    counts = json.loads(capsys.readouterr().out)["counts"]
    assert counts["shortfall"] == {"positive": 1, "negative": 1}


def test_a_models_folder_means_the_same_wherever_the_worker_runs(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.json").write_text("{}")
    (tmp_path / "embedded").mkdir()  # is not what "embedded" means
    monkeypatch.chdir(tmp_path)
    assert generate("--model", "mine") == 0
    assert the_run(home).spec.model.model == str(tmp_path / "mine")
    assert generate("--model", "embedded", "--seed", "2") == 0
    models = {row.run.spec.model.model for row in list_runs(open_database(home))}
    assert models == {str(tmp_path / "mine"), "embedded"}


def test_every_knob_reaches_the_spec(home: Home, tmp_path: Path) -> None:
    rows = "".join(f"text {n},{('positive', 'negative')[n % 2]}\n" for n in range(40))
    examples = tmp_path / "real.csv"
    examples.write_text("text,label\n" + rows)
    knobs = (
        "--temperature 1.3 --suppression 7.5 --suppressed-tokens 50 --tally label --top-p 0.9 "
        "--min-p 0.05 --frequency-penalty -0.5 --max-tokens 60 --texts-a-request 5 --prompt C "
        "--strict-order --only-new --seed 11 --model some/model --device cpu --seed-count 4"
    )
    assert generate(*knobs.split(), "--seed-examples", str(examples)) == 0
    spec = the_run(home).spec.to_dict()
    drawn = spec.pop("seed_examples")
    assert sorted(label for _, label in drawn) == ["negative"] * 2 + ["positive"] * 2
    assert spec.pop("task")["name"] == "SST-2 sentiment"
    assert spec == {
        "condition": {
            "temperature": 1.3,
            "top_p": 0.9,
            "min_p": 0.05,
            "frequency_penalty": -0.5,
            "max_tokens": 60,
            "texts_a_request": 5,
            "suppression": {
                "strength": 7.5,
                "tokens": 50,
                "floor": None,
                "scope": "label",
                "method": "logit_bias",
            },
            "prompt": "C",
            "strict_order": True,
            "only_new": True,
            "logit_bias": [],
        },
        "per_label": 3,
        "targets": [],
        "seed": 11,
        "model": {"backend": "local", "model": "some/model", "device": "cpu"},
    }


def test_tasks_come_from_files_and_from_the_store(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('name = "Mine"\ntext_type = "note"\n[[labels]]\nname = "calm"\n')
    save_task(open_database(home), Task("My Task", "note", (Label("a", "b"),)))
    for wanted in (str(path), "My Task", "my task"):
        assert main(["generate", "--task", wanted], handlers={"generate": pretend()}) == 0
    names = [summary.run.spec.task.name for summary in list_runs(open_database(home))]
    assert sorted(names) == ["Mine", "My Task", "My Task"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--temperature", "nan"], "Temperature is nan, which is not a number from 0 to 2."),
        (["--temperature", "-1"], "Temperature is -1.0, which is not a number from 0 to 2."),
        (["--suppression", "21"], "Logit suppression is 21.0, which is not a number"),
        (["--suppressed-tokens", "301"], "Tokens to suppress is 301, which"),
        (["--per-label", "0"], "The number of texts a label is 0, which is not a whole number"),
        (["--seed", "-1"], "The seed is -1, which is not a whole number"),
        (["--model", " "], "The model's name is empty or unusable."),
        (["--task", "trec"], "There is no task 'trec'. Give a .toml file, the name of a saved"),
        (["--task", "none.toml"], "The task file none.toml can't be read (No such file"),
        (["--out", "texts.txt"], "The export file 'texts.txt' does not end in a format's name."),
        (["--out", "/none/texts.csv"], "The folder /none of the export does not exist."),
        (["--seed-examples", "none.csv"], "The file none.csv can't be read (No such file"),
        (["--seed-examples", "m.pkl"], "The file m.pkl is a Python pickle, which could run any"),
        (["--seed-count", "18"], "--seed-count has no file to draw from."),
    ],
)
def test_bad_input_is_one_line_and_2_and_makes_no_run(
    arguments: list[str], message: str, home: Home, capsys: Capture
) -> None:
    assert generate(*arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(message)
    assert said.err.count("\n") == 1
    assert list_runs(open_database(home)) == []


def test_the_seconds_are_those_of_all_sittings(home: Home, capsys: Capture) -> None:
    def second_sitting(context: JobContext) -> None:
        pretend()(context)
        assert isinstance(context.progress, GenerationProgress)
        context.report(replace(context.progress, seconds=0.125, elapsed=0.125), at_once=True)

    assert generate("--json", handler=second_sitting) == 0
    assert json.loads(capsys.readouterr().out)["seconds"] == 0.25  # when the last text came


def test_too_few_seed_examples_make_no_run(home: Home, capsys: Capture, tmp_path: Path) -> None:
    path = tmp_path / "few.jsonl"
    path.write_text('{"text": "a", "label": "positive"}\n')
    assert generate("--seed-examples", str(path)) == 2
    assert "need 9 different texts with the label 'positive', and there are 1" in (
        capsys.readouterr().err
    )
    assert list_runs(open_database(home)) == []


def test_a_failure_is_one_line_and_1_and_can_be_resumed(home: Home, capsys: Capture) -> None:
    def fail(context: JobContext) -> None:
        raise BackendFailed("The model is gone.", "Fetch it again.")

    assert generate("--json", handler=fail) == 1
    run = the_run(home)
    said = capsys.readouterr()
    assert said.err.splitlines()[1:] == [
        f"Run {run.id} failed: The model is gone. Fetch it again. 0 of 6 texts are kept; "
        f"python -m core resume {run.id} tries again."
    ]
    assert json.loads(said.out)["state"] == "failed"
    assert main(["resume", run.id, "--json"], handlers={"generate": pretend()}) == 0
    assert json.loads(capsys.readouterr().out)["counts"]["usable"] == 6
    assert main(["resume", run.id], handlers={"generate": pretend()}) == 2
    assert capsys.readouterr().err.startswith(f"Run {run.id} is done; there is nothing to resume.")


def test_resume_is_not_offered_where_it_asks_for_no_more(home: Home, capsys: Capture) -> None:
    def refuse(context: JobContext) -> None:
        # 3 texts of each label three times, and one request on top.
        requested = {"positive": 12, "negative": 12}
        finish_round(context.db, str(context.job.run_id), FinishedRound(1, 0, requested, 1.0, 0))
        raise BackendFailed("None is usable.", "Start a new run.")

    assert generate("--texts-a-request", "3", handler=refuse) == 1
    assert capsys.readouterr().err.endswith(
        "Start a new run. 0 of 6 texts are kept; each label was asked for as often as it may be.\n"
    )


SERVED = ("--backend", "openai", "--base-url", "http://127.0.0.1:9/v1", "--model", "old")


def test_a_renamed_model_of_a_server_is_resumed_by_its_new_name(
    home: Home, capsys: Capture
) -> None:
    def fail(context: JobContext) -> None:
        metadata = ModelMetadata(backend="openai", model="old")
        set_metadata(context.db, str(context.job.run_id), metadata)
        raise BackendFailed("There is no model 'old'.")

    assert generate(*SERVED, handler=fail) == 1
    run = the_run(home)
    renamed = ["resume", run.id, "--model", "new", "--json"]
    assert main(renamed, handlers={"generate": pretend()}) == 0
    after = the_run(home)
    assert after.spec == replace(run.spec, model=replace(run.spec.model, model="new"))
    assert after.metadata == ModelMetadata(backend="openai", model="new", earlier_models=("old",))
    assert find_run_of_spec(open_database(home), after.spec) is not None


def test_a_local_model_is_not_renamed(home: Home, capsys: Capture) -> None:
    def fail(context: JobContext) -> None:
        raise BackendFailed("The model is gone.")

    assert generate(handler=fail) == 1
    assert main(["resume", the_run(home).id, "--model", "new"]) == 2
    assert "this run's is on this machine" in capsys.readouterr().err


def test_what_is_known_to_fail_makes_no_run(home: Home, capsys: Capture, tmp_path: Path) -> None:
    assert generate("--model", str(tmp_path)) == 2
    assert "the folder holds no config.json" in capsys.readouterr().err
    db = open_database(home)
    found = Capabilities(base_url="http://127.0.0.1:9/v1", model="old", min_p="ignored")
    save_capabilities(db, found)
    assert generate(*SERVED, "--min-p", "0.1") == 2
    assert "would have no effect" in capsys.readouterr().err
    assert list_runs(db) == []


def test_an_error_of_ours_goes_to_the_log_and_not_to_the_terminal(
    home: Home, capsys: Capture
) -> None:
    def fail(context: JobContext) -> None:
        raise ZeroDivisionError("no such luck")

    assert generate(handler=fail) == 1
    said = capsys.readouterr()
    assert "Traceback" not in said.err + said.out
    assert f"an error in Wideset. What it made so far is kept; {home.worker_log} has" in said.err
    assert "ZeroDivisionError: no such luck" in home.worker_log.read_text()


class Start(Protocol):
    def __call__(self, delay: float | str, *arguments: str) -> "subprocess.Popen[str]": ...


@pytest.fixture
def start(home: Home) -> Iterator[Start]:
    """Starts the command line with a pretended model as a process; ends what is left of it."""
    processes = []

    def begin(delay: float | str, *arguments: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.cli.fake_generation", str(delay), *arguments],
            cwd=ROOT,
            env={**os.environ, "WIDESET_HOME": str(home.folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield begin
    for process in processes:
        process.kill()
        process.communicate()


def wait_for_samples(home: Home, least: int) -> str:
    db = open_database(home)
    end = time.monotonic() + 30
    while time.monotonic() < end:
        for summary in list_runs(db):
            if summary.counts.total >= least:
                return summary.run.id
        time.sleep(0.02)
    raise AssertionError("no samples came")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_keeps_what_arrived_and_resume_finishes_it(
    number: signal.Signals, start: Start, home: Home, capsys: Capture, tmp_path: Path
) -> None:
    out = tmp_path / "texts.parquet"
    process = start(0.05, "generate", "--task", "sst2", "--per-label", "100", "--out", str(out))
    run_id = wait_for_samples(home, 3)
    process.send_signal(number)
    printed, said = process.communicate(timeout=30)
    assert (process.returncode, printed) == (1, "")
    db = open_database(home)
    kept = samples_of(db, run_id)
    assert 3 <= len(kept) < 204
    *_, stopping, last = said.splitlines()
    assert stopping == "Stopping; what arrived is kept. Ctrl-C again leaves at once."
    usable = sum(sample.outcome == "usable" for sample in kept)
    assert last == (
        f"Run {run_id} was stopped. {usable} of 200 texts are kept; "
        f"python -m core resume {run_id} continues it."
    )
    assert not out.exists()
    job = job_of_run(db, run_id)
    assert job is not None
    assert job.state == "cancelled"
    assert living(db) is None

    resumed = ["resume", run_id[:14], "--out", str(out), "--json"]
    assert main(resumed, handlers={"generate": pretend()}) == 0
    assert json.loads(capsys.readouterr().out)["counts"]["usable"] == 200
    spec = get_run(db, run_id).spec
    assert samples_of(db, run_id) == samples_for(run_id, spec)
    assert samples_of(db, run_id)[: len(kept)] == kept
    assert out.exists()


def test_a_second_ctrl_c_leaves_at_once_and_loses_nothing(start: Start, home: Home) -> None:
    process = start("deaf-0.05", "generate", "--task", "sst2", "--per-label", "500")
    run_id = wait_for_samples(home, 3)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    said = ""
    while "Stopping" not in said:
        said = process.stderr.readline()
    # It goes on, past whatever the first one made it load.
    wait_for_samples(home, len(samples_of(open_database(home), run_id)) + 5)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=10)
    assert (process.returncode, said) == (1, "Interrupted.\n")
    assert len(samples_of(open_database(home), run_id)) >= 3


def test_labels_with_targets_of_their_own_are_missing_by_those(home: Home, capsys: Capture) -> None:
    spec = RunSpec(preset("sst2"), per_label=3, targets=(("positive", 5),))
    run, _ = start_run(open_database(home), spec)
    assert main(["resume", run.id, "--json"], handlers={"generate": pretend()}) == 0
    assert json.loads(capsys.readouterr().out)["counts"]["shortfall"] == {"positive": 2}


def test_resume_waits_for_a_dead_workers_lease_and_goes_on(home: Home, capsys: Capture) -> None:
    db = open_database(home)
    run, _ = start_run(db, RunSpec(preset("sst2"), per_label=3))
    assert take(db, "dead", 1, seconds=1.0)
    assert claims.claim(db, "dead") is not None
    assert main(["resume", run.id, "--json"], handlers={"generate": pretend()}) == 0
    said = capsys.readouterr()
    assert said.err.splitlines()[1] == "The worker that ran it is gone; it continues here."
    assert json.loads(said.out)["counts"]["usable"] == 6


def test_paths_that_are_no_unicode_are_written_and_said(start: Start, tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff.jsonl")
    for ending in ([], ["--json"]):
        out = str(tmp_path / name)
        process = start(0, "generate", "--task", "sst2", "--name", name, "--out", out, *ending)
        printed, _ = process.communicate(timeout=30)
        assert process.returncode == 0
        assert ("\\udcff" if ending else "\N{REPLACEMENT CHARACTER}.jsonl") in printed
        assert (tmp_path / name).exists()


def test_a_living_worker_runs_it_and_the_command_follows(home: Home, capsys: Capture) -> None:
    def never(context: JobContext) -> None:
        raise AssertionError("this process must leave the job to the worker")

    worker = Worker(home, {"generate": pretend(0.02)}, idle_seconds=60)
    thread = threading.Thread(target=worker.run_forever)
    thread.start()
    try:
        db = open_database(home)
        while living(db) is None:
            time.sleep(0.01)
        assert generate("--json", handler=never) == 0
    finally:
        worker.stop()
        thread.join()
    said = capsys.readouterr()
    assert json.loads(said.out)["counts"]["usable"] == 6
    assert "Waiting" not in said.err  # it had nothing else to do


def test_a_worker_with_another_job_is_waited_for(home: Home, capsys: Capture) -> None:
    db = open_database(home)
    assert take(db, "other", 1, seconds=1.0)
    assert renew(db, "other", note="busy another", seconds=1.0)
    assert generate() == 0
    assert capsys.readouterr().err.splitlines()[1] == (
        "Waiting for the worker, which is running another job."
    )


def test_when_the_worker_is_told_to_end_the_run_is_paused(home: Home, capsys: Capture) -> None:
    worker = Worker(home, {"generate": pretend(0.05)}, idle_seconds=60)
    thread = threading.Thread(target=worker.run_forever)
    thread.start()
    db = open_database(home)
    while living(db) is None:
        time.sleep(0.01)
    ending = threading.Timer(0.5, worker.stop)
    ending.start()
    try:
        assert generate("--per-label", "200") == 1
    finally:
        ending.join()
        thread.join()
    said = capsys.readouterr().err.splitlines()[-1]
    run = the_run(home)
    assert said.startswith(f"Run {run.id} is paused: The worker was told to end.")
    assert said.endswith(f"of 400 texts are kept; python -m core resume {run.id} continues it.")


@pytest.mark.parametrize("place", ["full", "not to be opened"])
def test_a_log_that_cannot_be_written_changes_nothing(
    home: Home, capsys: Capture, place: str
) -> None:
    if place == "full":
        home.prepare().worker_log.unlink()
        home.worker_log.symlink_to("/dev/full")
    else:
        home.prepare().worker_log.unlink()
        home.worker_log.mkdir()

    def fail(context: JobContext) -> None:
        raise BackendFailed("The model failed.", "Try again.")

    assert generate("--json", handler=fail) == 1
    captured = capsys.readouterr()
    assert "The model failed. Try again." in captured.err
    assert "Traceback" not in captured.err
    assert "Logging error" not in captured.err
    assert job_of_run(open_database(home), the_run(home).id).state == "failed"

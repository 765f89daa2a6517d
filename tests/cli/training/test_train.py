"""`train` and `classify`: files, settings and what comes out; models are stand-ins or tiny."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.classification.fine_tuning.checkpoints import earlier_recipe_of
from core.cli import main
from core.domain.settings import Home
from core.services.progress import TrainingProgress
from tests.classification.making import reviews, save_tiny_bert
from tests.diversity.fake_encoder import FakeEncoders

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def encoders(monkeypatch: pytest.MonkeyPatch) -> FakeEncoders:
    made = FakeEncoders()
    monkeypatch.setattr("core.diversity.embedding.loading.EncoderCache", lambda models: made)
    return made


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_bert(tmp_path_factory.mktemp("tiny-bert"))


def write(path: Path, rows: Sequence[tuple[str, str]]) -> str:
    path.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in rows))
    return str(path)


@pytest.fixture
def train(tmp_path: Path) -> str:
    return write(tmp_path / "train.csv", reviews(60))


@pytest.fixture
def test(tmp_path: Path) -> str:
    return write(tmp_path / "test.csv", [("superb great one", "pos"), ("dire dull one", "neg")] * 3)


def said(capsys: Capture, *arguments: str, code: int = 0) -> str:
    assert main(arguments) == code
    output = capsys.readouterr()
    if code:
        assert output.out == ""
        assert output.err.count("\n") == 1
    return output.err if code else output.out


def test_a_probe_in_json_and_in_words(home: Home, train: str, test: str, capsys: Capture) -> None:
    data = json.loads(said(capsys, "train", train, "--test", test, "--probe", "--json"))
    assert set(data["accuracy"]) >= {"mean", "low", "high"}
    assert set(data["macro_f1"]) >= {"mean", "low", "high"}
    assert data["accuracy"]["low"] <= data["accuracy"]["mean"] <= data["accuracy"]["high"]
    assert (data["kind"], data["seeds"], data["n_train"], data["n_test"]) == ("probe", [0], 60, 6)
    assert list(data["per_label"]) == ["pos", "neg"]
    assert data["per_label"]["pos"]["support"] == 3
    words = said(capsys, "train", train, "--test", test, "--probe")
    assert "Linear probe of encoder embedded, 60 training and 6 test texts, 1 repeat." in words
    assert f"Accuracy {data['accuracy']['mean']:.3f} (95% interval" in words


@pytest.mark.parametrize(("size", "words"), [("60", ""), ("61", "all are used, not 61")])
def test_a_size_that_leaves_nothing_out_draws_nothing(
    home: Home, train: str, test: str, size: str, words: str, capsys: Capture
) -> None:
    options = ["--probe", "--json", "--seeds", "3"]
    whole = json.loads(said(capsys, "train", train, "--test", test, *options))
    assert main(["train", train, "--test", test, *options, "--size", size]) == 0
    output = capsys.readouterr()
    assert json.loads(output.out)["accuracy"] == whole["accuracy"]
    assert words in output.err
    drawn = json.loads(said(capsys, "train", train, "--test", test, *options, "--size", "59"))
    assert (whole["seeds"], drawn["seeds"]) == ([0], [0, 1, 2])


def test_fine_tuning_saves_what_transformers_loads(
    home: Home, train: str, test: str, encoder: Path, tmp_path: Path, capsys: Capture
) -> None:
    from transformers import AutoModelForSequenceClassification

    options = ["--model", str(encoder), "--rate", "0.005", "--epochs", "5", "--batch-size", "8"]
    folder = tmp_path / "saved"
    arguments = ["train", train, "--test", test, *options, "--seeds", "2", "--device", "cpu"]
    data = json.loads(said(capsys, *arguments, "--json", "--save", str(folder)))
    assert data["seeds"] == [0, 1]
    assert data["accuracy"]["interval"] == "t over seeds"
    assert len(data["accuracy"]["values"]) == 2
    assert "history" not in data["repeats"][0]
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    assert model.config.id2label == {0: "pos", 1: "neg"}
    kept = json.loads((folder / "result.json").read_text())
    assert kept["accuracy"] == data["accuracy"]
    best = max(kept["repeats"], key=lambda repeat: max(e["accuracy"] for e in repeat["history"]))
    state = json.loads((folder / "training.json").read_text())
    assert state["history"] == best["history"]
    assert list((home.folder / "trainings").iterdir()) == []  # nothing is left behind
    refusal = said(capsys, *arguments, "--save", str(folder), code=2)
    assert "exists already" in refusal


@pytest.mark.parametrize("earlier", [False, True])
def test_a_command_that_was_cut_off_goes_on(
    earlier: bool,
    home: Home,
    train: str,
    test: str,
    encoder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
) -> None:
    from core.cli.progress import WorkProgress
    from core.services.training import train as training

    recipes: list[str] = []

    def recipe_of(*parts: Any) -> str:
        recipes.append(earlier_recipe_of(*parts))
        return recipes[-1]

    monkeypatch.setattr(training, "earlier_recipe_of", recipe_of)
    report = WorkProgress.report
    epochs: list[int] = []

    def cut(self: WorkProgress, now: TrainingProgress) -> None:
        if now.epoch == 3:
            raise KeyboardInterrupt
        report(self, now)

    def watch(self: WorkProgress, now: TrainingProgress) -> None:
        if now.epoch is not None:
            epochs.append(now.epoch)
        report(self, now)

    options = ["--model", str(encoder), "--rate", "0.005", "--epochs", "4", "--seeds", "1"]
    arguments = ["train", train, "--test", test, *options, "--json"]
    monkeypatch.setattr(WorkProgress, "report", cut)
    assert main(arguments) == 1
    assert "Interrupted" in capsys.readouterr().err
    if earlier:  # as the folder was named by a hash of JSON text
        (folder,) = (home.folder / "trainings").iterdir()
        folder.rename(folder.with_name(f"command-{recipes[0][:16]}"))
    monkeypatch.setattr(WorkProgress, "report", watch)
    said(capsys, *arguments)
    assert min(epochs) == 3
    assert len(set(recipes)) == 1


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        ([("a", "x"), ("b", "x")], [], "at least two labels"),
        ([("a", "x"), ("b", "x"), ("c", "y")], [], "single training text"),
        ([("a", "x"), ("b", "x"), ("c", "y"), ("d", "y")], [], "none of the labels trained on"),
        (reviews(8), ["--seeds", "0"], "--seeds is 0"),
        (reviews(8), ["--epochs", "0"], "number of epochs is 0"),
        (reviews(8), ["--majority", "--save", "x"], "nothing to save"),
    ],
)
def test_bad_input_is_one_sentence_and_code_2(
    home: Home,
    tmp_path: Path,
    test: str,
    rows: list[tuple[str, str]],
    options: list[str],
    message: str,
    capsys: Capture,
) -> None:
    path = write(tmp_path / "bad.csv", rows)
    assert message in said(capsys, "train", path, "--test", test, *options, code=2)


def test_repeated_texts_are_told_and_counted(
    home: Home, train: str, tmp_path: Path, capsys: Capture
) -> None:
    path = write(tmp_path / "leaky.csv", [*reviews(4), ("superb one", "pos")])
    assert main(["train", train, "--test", path, "--probe", "--json"]) == 0
    output = capsys.readouterr()
    assert "4 of 5 test texts are training texts, too" in output.err
    data = json.loads(output.out)
    assert data["leakage"]["exact"] == 4
    assert "training texts, too" in data["warnings"][0]


def test_the_majority(home: Home, train: str, test: str, capsys: Capture) -> None:
    data = json.loads(said(capsys, "train", train, "--test", test, "--majority", "--json"))
    assert data["accuracy"]["mean"] == 0.5


class FakeScorer:
    facts = {"model": "fake"}  # noqa: RUF012

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def score(
        self,
        texts: Sequence[str],
        phrases: Sequence[str],
        *,
        before: str,
        after: str,
        between: Callable[[], None],
    ) -> np.ndarray:
        self.asked.append({"texts": list(texts), "before": before})
        return np.array([[-1.0, -2.0] if "superb" in text else [-2.0, -1.0] for text in texts])


@pytest.fixture
def scorer(monkeypatch: pytest.MonkeyPatch) -> FakeScorer:
    made = FakeScorer()
    monkeypatch.setattr(
        "core.classification.llm.phrase_scorer.load_scorer", lambda choice, models: made
    )
    return made


def films(tmp_path: Path, name: str, count: int) -> str:
    words = ("superb", "positive"), ("dire", "negative")
    return write(
        tmp_path / name, [(f"{words[n % 2][0]} {name} {n}", words[n % 2][1]) for n in range(count)]
    )


def test_a_language_model_is_asked_zero_shot(
    home: Home, scorer: FakeScorer, tmp_path: Path, capsys: Capture
) -> None:
    path = films(tmp_path, "films.csv", 10)
    data = json.loads(said(capsys, "classify", "--test", path, "--task", "sst2", "--json"))
    assert data["accuracy"]["mean"] == 1.0
    assert (data["kind"], data["n_train"], data["n_test"]) == ("llm", 0, 10)
    assert data["repeats"][0]["facts"]["calibration"] == "batch"
    assert len(scorer.asked[0]["texts"]) == 10


def test_examples_are_balanced_and_a_limit_is_drawn(
    home: Home, scorer: FakeScorer, tmp_path: Path, capsys: Capture
) -> None:
    path, examples = films(tmp_path, "films.csv", 40), films(tmp_path, "shots.csv", 30)
    arguments = ["classify", "--test", path, "--task", "sst2", "--examples", examples]
    words = said(capsys, *arguments, "--shots", "6", "--limit", "8")
    assert "Language model embedded, 6 examples, 6 training and 8 test texts" in words
    before = scorer.asked[0]["before"]
    assert before.count(": positive sentiment\n") == before.count(": negative sentiment\n") == 3
    assert len(scorer.asked[0]["texts"]) == 8


def test_labels_that_the_task_lacks_are_told(
    home: Home, scorer: FakeScorer, train: str, capsys: Capture
) -> None:
    refusal = said(capsys, "classify", "--test", train, "--task", "sst2", code=2)
    assert "label 'neg', which the task" in refusal
    assert scorer.asked == []

"""`relabel` and `filter`: files, runs and versions, by an encoder without a model."""

import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.classification.evaluation.intervals import Interval
from core.cli import main
from core.cli.data.filter import _score_words
from core.domain.conditions import Condition
from core.domain.runs import RunSpec, Sample
from core.domain.settings import Home
from core.domain.tasks import Label, Task
from core.files.labelled import read_labelled
from core.interventions.relabelling.oracle import noisy
from core.store.database import Database, open_database
from core.store.datasets import load_dataset
from core.store.generation.runs import create_run
from core.store.generation.samples import add_samples, samples_of
from core.store.interventions.versions import get_version, head, list_versions, version_rows
from tests.diversity.fake_encoder import FakeEncoder, FakeEncoders
from tests.store.making import make_sample

Capture = pytest.CaptureFixture[str]
TASK = Task("Moods", "note", (Label("joy", "joy"), Label("grief", "grief"), Label("calm", "calm")))
WORDS = {
    "joy": ("happy", "glad", "cheerful", "merry"),
    "grief": ("sad", "lost", "crying", "lonely"),
    "calm": ("quiet", "still", "restful", "slow"),
}


def text_of(label: str, number: int) -> str:
    one, two = WORDS[label][number % 4], WORDS[label][number // 4 % 4]
    return f"{f'{one} {two} ' * 4}{number}"


def true_rows(count: int, start: int = 0) -> list[tuple[str, str]]:
    return [
        (text_of(label, number), label)
        for number in range(start, start + count)
        for label in TASK.label_names
    ]


def write(path: Path, rows: Sequence[tuple[str, str]], column: str = "label") -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", column), *rows])
    return path


@pytest.fixture
def db(home: Home) -> Database:
    return open_database(home)


@pytest.fixture(autouse=True)
def encoders(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> FakeEncoders:
    made = FakeEncoders(FakeEncoder(size=64))
    if request.node.get_closest_marker("model") is None:
        monkeypatch.setattr("core.diversity.embedding.loading.EncoderCache", lambda models: made)
    return made


@pytest.fixture
def real(tmp_path: Path) -> str:
    return str(write(tmp_path / "real.csv", true_rows(20, start=100)))


@pytest.fixture
def texts(tmp_path: Path) -> str:
    """120 texts, every fourth label wrong."""
    rows = true_rows(40)
    names = TASK.label_names
    wrong = [
        (text, names[(names.index(label) + 1) % 3] if place % 4 == 0 else label)
        for place, (text, label) in enumerate(rows)
    ]
    return str(write(tmp_path / "texts.csv", wrong))


@pytest.fixture
def run_id(db: Database, texts: str) -> str:
    run_id = create_run(db, RunSpec(TASK, Condition(), per_label=40), name="Mine").id
    examples = read_labelled(Path(texts), name="texts.csv", task=TASK)
    made: list[Sample] = []
    for number, example in enumerate(examples):
        sample = make_sample(run_id, number, text=example.text, label=example.label)
        made.append(replace(sample, outcome="empty") if number == 119 else sample)
    add_samples(db, made)
    return run_id


def said(capsys: Capture, *arguments: str, code: int = 0) -> str:
    assert main(arguments) == code
    output = capsys.readouterr()
    if code:
        assert output.out == ""
        assert output.err.count("\n") == 1
    return output.err if code else output.out


def written(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_all_texts_of_a_file_are_relabelled(
    db: Database, texts: str, real: str, tmp_path: Path, capsys: Capture
) -> None:
    out = tmp_path / "out.jsonl"
    data = json.loads(
        said(capsys, "relabel", texts, "--reference", real, "--all", "--out", str(out), "--json")
    )
    assert (data["n"], data["inspected"], data["changed"], data["removed"]) == (120, 120, 30, 0)
    # Where the oracle labels all, it can't measure what comes of it.
    assert data["label_accuracy"] == {"before": 0.75, "after": None, "n": 120}
    assert data["oracle"]["accuracy"]["n"] == 60
    assert (data["version"], data["source"]) == (None, "texts.csv")
    assert sum(count for _, _, count in data["flows"]) == 30
    rows = written(out)
    assert [row["label"] for row in rows] == [label for _, label in true_rows(40)]
    assert rows[0]["id"] == "texts.csv:1"
    assert (rows[0]["specified"], rows[0]["oracle"], rows[0]["who"]) == ("grief", "joy", "oracle")
    assert 0 < float(str(rows[0]["confidence"])) <= 1


def test_proxies_learn_from_a_seeded_sample(
    db: Database, texts: str, real: str, tmp_path: Path, capsys: Capture
) -> None:
    out = tmp_path / "out.csv"
    asked = ["relabel", texts, "--reference", real, "--inspect", "40", "--out", str(out), "--json"]
    data = json.loads(said(capsys, *asked))
    assert (data["inspected"], data["weight"], data["seed"]) == (40, 0.3, 0)
    assert data["label_accuracy"]["n"] == 80  # those that it did not label itself
    assert data["label_accuracy"]["before"] == 0.7625
    assert data["label_accuracy"]["after"] > 0.95
    first = out.read_bytes()
    assert json.loads(said(capsys, *asked)) == data
    assert out.read_bytes() == first
    said(capsys, *asked, "--seed", "1")
    assert out.read_bytes() != first
    kept = json.loads(said(capsys, *asked, "--weight", "1"))
    rows = list(csv.DictReader(out.read_text("utf-8-sig").splitlines()))
    assert sum(row["oracle"] != "" for row in rows) == 40
    # With all weight on the label that a text bears, only inspected ones change.
    assert all(row["label"] == (row["oracle"] or row["specified"]) for row in rows)
    assert kept["changed"] == sum(row["label"] != row["specified"] for row in rows)


def test_a_person_who_errs_is_simulated(
    db: Database, texts: str, real: str, tmp_path: Path, capsys: Capture
) -> None:
    out = str(tmp_path / "out.jsonl")
    asked = ["relabel", texts, "--reference", real, "--all", "--out", out, "--json"]
    data = json.loads(said(capsys, *asked, "--error-rate", "0.25"))
    labels = [row["label"] for row in written(Path(out))]
    right = sum(a == b for a, (_, b) in zip(labels, true_rows(40), strict=True))
    assert data["label_accuracy"]["after"] is None
    assert right / len(labels) == pytest.approx(0.75, abs=0.16)
    assert written(Path(out))[0]["confidence"] is None


def test_a_run_gets_a_version_and_keeps_its_texts(
    db: Database, run_id: str, real: str, tmp_path: Path, capsys: Capture
) -> None:
    out, page = tmp_path / "out.jsonl", tmp_path / "card.md"
    before = samples_of(db, run_id)
    data = json.loads(
        said(
            capsys,
            *("relabel", "Mine", "--reference", real, "--all", "--out", str(out), "--json"),
            *("--card", str(page)),
        )
    )
    assert samples_of(db, run_id) == before
    assert data["n"] == 119  # an empty text is none
    version = get_version(db, data["version"])
    assert head(db, run_id) == version
    assert (version.kind, version.facts["changed"], version.spec["seed"]) == ("lr", 30, 0)
    dataset = load_dataset(db, f"version:{version.id}")
    assert [row["label"] for row in written(out)] == list(dataset.labels)
    assert [row["id"] for row in written(out)] == list(dataset.ids)
    assert "| joy | joy | 40 |" in page.read_text("utf-8").splitlines()
    assert "1. Label replacement:" in page.read_text("utf-8")


def test_a_version_is_filtered_and_derives_another(
    db: Database, run_id: str, real: str, tmp_path: Path, capsys: Capture
) -> None:
    out = tmp_path / "out.jsonl"
    relabelled = json.loads(
        said(capsys, "relabel", run_id, "--reference", real, "--all", "--out", str(out), "--json")
    )["version"]
    rows = [(text, "no" if label == "calm" else "yes") for text, label in true_rows(12)]
    judged = write(tmp_path / "judged.csv", rows, "in_scope")
    data = json.loads(
        said(
            capsys,
            *("filter", f"version:{relabelled}", "--judged", str(judged), "--out", str(out)),
            "--json",
        )
    )
    assert (data["n"], data["removed"], data["changed"]) == (119, 39, 0)
    assert (data["inspected"], data["judged"]) == (36, 36)
    assert data["removed_per_label"] == {"calm": 39}
    assert data["quality"]["recall"]["mean"] == 1
    assert [v.kind for v in list_versions(db, run_id)] == ["raw", "lr", "oosf"]
    rows_kept = [row for row in version_rows(db, data["version"]) if row.kept]
    assert len(rows_kept) == len(written(out)) == 80
    assert {row["label"] for row in written(out)} == {"joy", "grief"}
    again = tmp_path / "again.jsonl"
    assert "Wrote 80 texts" in said(
        capsys, "export", f"version:{data['version']}", "--out", str(again)
    )
    assert again.read_bytes() == out.read_bytes()
    # What label replacement found stays on record.
    assert all(row.human_label == row.label for row in rows_kept)
    # A second relabelling works on what was kept.
    last = json.loads(
        said(
            capsys,
            *("relabel", f"version:{data['version']}", "--reference", real, "--inspect", "30"),
            *("--out", str(out), "--json"),
        )
    )
    assert (last["n"], last["changed"]) == (80, 0)
    assert len(version_rows(db, last["version"])) == 119


def test_a_judged_text_goes_with_its_copies_and_teaches_once(
    db: Database, tmp_path: Path, capsys: Capture
) -> None:
    rows = [(text, label) for text, label in true_rows(12) if label != "calm"]
    strange = text_of("calm", 0)
    source = write(tmp_path / "texts.csv", [*rows, (strange, "joy"), (strange, "grief")])
    said_of = [(text, "1") for text, _ in rows[:10]]
    said_of += [(text_of("calm", number), "0") for number in range(6)]
    judged = write(tmp_path / "judged.csv", said_of, "in_scope")
    out = tmp_path / "out.jsonl"
    printed = said(capsys, "filter", str(source), "--judged", str(judged), "--out", str(out))
    assert "2 of 26 texts are out of scope and were removed (16 texts judged)" in printed
    assert "5 judged texts are none of these." in printed
    assert "The paper found no consistent gain" in printed
    assert strange not in {row["text"] for row in written(out)}


def test_in_words(db: Database, texts: str, real: str, tmp_path: Path, capsys: Capture) -> None:
    out = str(tmp_path / "out.jsonl")
    printed = said(capsys, "relabel", texts, "--reference", real, "--all", "--out", out)
    lines = printed.splitlines()
    assert lines[0] == "texts.csv: 30 of 120 labels changed, 120 texts inspected by the oracle."
    assert lines[1].startswith(
        "Label accuracy according to the oracle: 75.0% before. The oracle gave these labels itself"
    )
    assert "5-fold cross-validation on the reference" in lines[2]
    assert lines[-1] == f"Wrote 120 texts to {out}."


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--inspect", "0"], "--inspect is 0, and there are 120 texts"),
        (["--inspect", "121"], "--inspect is 121"),
        (["--all", "--weight", "2"], "--weight is 2.0"),
        (["--all", "--error-rate", "-1"], "--error-rate is -1.0"),
        (["--all", "--seed", "-1"], "--seed is -1"),
        (["--all", "--inspect", "9"], "Either --all or --inspect is required"),
        ([], "Either --all or --inspect is required"),
        (["--inspect", "1"], "Give a number from 2 to that"),
        (["--all", "--card", "card.txt"], "neither .md nor .json"),
    ],
)
def test_what_can_t_be_used_changes_nothing(
    more: list[str],
    message: str,
    db: Database,
    texts: str,
    real: str,
    tmp_path: Path,
    capsys: Capture,
) -> None:
    out = tmp_path / "out.jsonl"
    asked = ["relabel", texts, "--reference", real, "--out", str(out), *more]
    assert message in said(capsys, *asked, code=2)
    assert not out.exists()


def test_a_reference_of_other_labels_is_refused_or_named(
    db: Database, run_id: str, texts: str, tmp_path: Path, capsys: Capture
) -> None:
    out = str(tmp_path / "out.jsonl")
    rows = true_rows(20)
    other = str(write(tmp_path / "other.csv", [(text, f"{label}!") for text, label in rows]))
    more = str(write(tmp_path / "more.csv", [*rows, ("a b", "odd"), ("b c", "odd")]))
    less = str(write(tmp_path / "less.csv", [row for row in rows if row[1] != "calm"]))
    asked = ["--all", "--out", out]
    said_ = said(capsys, "relabel", texts, "--reference", other, *asked, code=2)
    assert "The reference has the label 'joy!', which texts.csv lacks" in said_
    said_ = said(capsys, "relabel", run_id, "--reference", more, *asked, code=2)
    assert "The reference has the label 'odd', which Mine lacks" in said_
    assert list_versions(db, run_id) == []
    printed = said(capsys, "relabel", texts, "--reference", more, *asked)
    assert "The reference has the label 'odd', which no text had." in printed
    printed = said(capsys, "relabel", texts, "--reference", less, *asked)
    assert "The reference has no text of 'calm': the oracle never predicts it." in printed


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("a", "maybe")], "says 'maybe' in the column in_scope"),
        ([("a", "yes"), ("a", "no")], "the text 'a' both in and out of scope"),
        ([("a", "yes")], "All 1 judged texts are in scope"),
        ([("a", "no"), ("b", "no")], "All 2 judged texts are out of scope"),
        ([("a", "no"), ("b", "yes")], "need at least 5 of each"),
    ],
)
def test_judgements_that_teach_nothing_remove_nothing(
    rows: list[tuple[str, str]],
    message: str,
    db: Database,
    texts: str,
    tmp_path: Path,
    encoders: FakeEncoders,
    capsys: Capture,
) -> None:
    judged = str(write(tmp_path / "judged.csv", rows, "in_scope"))
    out = tmp_path / "out.jsonl"
    assert message in said(capsys, "filter", texts, "--judged", judged, "--out", str(out), code=2)
    assert not out.exists()
    assert encoders.asked == []
    wrong = ["filter", texts, "--judged", judged, "--out", str(out), "--threshold", "1.5"]
    assert "--threshold is 1.5" in said(capsys, *wrong, code=2)


def test_a_filter_that_takes_all_or_that_is_hardly_measured(
    db: Database, run_id: str, tmp_path: Path, capsys: Capture
) -> None:
    rows = [(f"a stranger of {n}", "yes" if n % 2 else "no") for n in range(10)]
    judged = str(write(tmp_path / "judged.csv", rows, "in_scope"))
    out = tmp_path / "out.jsonl"
    options = ("--judged", judged, "--out", str(out), "--threshold")
    assert main(["filter", run_id, *options, "1"]) == 2
    assert "Every text would be removed; none was." in capsys.readouterr().err
    assert not out.exists()
    assert list_versions(db, run_id) == []
    printed = said(capsys, "filter", run_id, *options, "0")
    assert "nothing was out of scope by this threshold; all 119 texts stay" in printed
    assert "no version was made (10 texts judged)" in printed
    assert "Stored as" not in printed
    assert len(written(out)) == 119
    assert list_versions(db, run_id) == []
    data = json.loads(said(capsys, "filter", run_id, *options, "0", "--json"))
    assert (data["removed"], data["version"]) == (0, None)


def test_a_precision_of_one_split_has_no_interval() -> None:
    assert _score_words("precision", Interval(0.5, None, None)) == "precision 50.0%"


def test_a_reference_in_the_store_is_measured_on_its_test_part(
    db: Database, texts: str, tmp_path: Path, capsys: Capture
) -> None:
    from core.domain.runs import Example
    from core.store.references import add_reference

    train, test = (
        [Example(text, label) for text, label in true_rows(10, start)] for start in (100, 120)
    )
    kept = add_reference(db, TASK, "Real", train, test, {})
    data = json.loads(
        said(
            capsys,
            *("relabel", texts, "--reference", f"reference:{kept.id}:train", "--all", "--json"),
            *("--out", str(tmp_path / "out.jsonl")),
        )
    )
    assert data["oracle"]["measured_on"] == "the reference's test part"
    assert data["oracle"]["accuracy"]["n"] == 30
    assert data["label_accuracy"]["before"] == 0.75


def test_an_oracle_that_errs_more_than_the_labels_is_doubted(
    db: Database, real: str, tmp_path: Path, capsys: Capture
) -> None:
    # A reference whose labels are swapped half of the time teaches little.
    rows = true_rows(40)
    names = TASK.label_names
    bad = [
        (text, names[(names.index(label) + place % 2) % 3])
        for place, (text, label) in enumerate(true_rows(20, start=100))
    ]
    texts = str(write(tmp_path / "texts.csv", rows))
    poor = str(write(tmp_path / "poor.csv", bad))
    asked = ["--all", "--out", str(tmp_path / "out.jsonl")]
    doubt = "The oracle seems to err at least as often as the labels do"
    assert doubt in said(capsys, "relabel", texts, "--reference", poor, *asked)
    wrong = [(text, names[(names.index(label) + 1) % 3]) for text, label in rows[:60]]
    mixed = str(write(tmp_path / "mixed.csv", [*wrong, *rows[60:]]))
    assert doubt not in said(capsys, "relabel", mixed, "--reference", real, *asked)


@pytest.mark.model
@pytest.mark.data
def test_real_questions_are_mended_and_strangers_go(
    db: Database, data: Path, tmp_path: Path, capsys: Capture
) -> None:
    train, test, strangers = (
        read_labelled(data / name, name="x.csv", task=None)
        for name in ("trec/train.csv", "trec/test.csv", "carer_emotion/test.csv")
    )
    names = sorted({example.label for example in test})
    rng = np.random.default_rng(0)
    told = noisy([e.label for e in test], 0.3, rng, label_names=names)
    mixed = [(e.text, label) for e, label in zip(test, told, strict=True)]
    texts = str(write(tmp_path / "texts.csv", mixed))
    real_ = str(write(tmp_path / "real.csv", [(e.text, e.label) for e in train[:700]]))
    out = tmp_path / "out.jsonl"
    asked = ["relabel", texts, "--reference", real_, "--inspect", "180", "--out", str(out)]
    assert main([*asked, "--json"]) == 0
    accuracy = json.loads(capsys.readouterr().out)["label_accuracy"]
    assert accuracy["after"] > accuracy["before"] + 0.15
    # The true labels say so, too, which neither oracle nor proxies saw.
    right = sum(row["label"] == e.label for row, e in zip(written(out), test, strict=True))
    assert right / len(test) > 0.82

    odd = [(e.text, names[0]) for e in strangers[:60]]
    both = str(write(tmp_path / "both.csv", [*mixed, *odd]))
    judged = [(text, "yes") for text, _ in mixed[:80]] + [(text, "no") for text, _ in odd[:20]]
    said_ = str(write(tmp_path / "judged.csv", judged, "in_scope"))
    assert main(["filter", both, "--judged", said_, "--out", str(out), "--json"]) == 0
    quality = json.loads(capsys.readouterr().out)["quality"]
    assert quality["precision"]["mean"] > 0.9
    assert quality["recall"]["mean"] > 0.9
    left = {str(row["text"]) for row in written(out)}
    assert sum(text in left for text, _ in odd) <= 4
    assert sum(text not in left for text, _ in mixed) <= 10

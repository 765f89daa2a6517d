"""`measure`: files and runs, by an encoder without a model; real texts by the real one."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.cli import main
from core.diversity.embedding.encoder import EncoderChoice, embedded
from core.diversity.embedding.loading import EncoderCache
from core.diversity.measures.remote_clique import remote_clique, similarity
from core.domain.conditions import Condition
from core.domain.runs import RunSpec
from core.domain.settings import Home, home_from
from core.domain.tasks import preset
from core.files.labelled import read_labelled
from core.jobs.queue import start_run
from core.store.database import Database, open_database
from core.store.generation.samples import add_samples
from tests.cli.fake_generation import samples_for
from tests.diversity.fake_encoder import FakeEncoder, FakeEncoders

Capture = pytest.CaptureFixture[str]
SPEC = RunSpec(preset("sst2"), Condition(temperature=0.9), per_label=3)
ROWS = [
    ("I'm so happy about the new garden", "joy"),
    ("the train was late again", "grief"),
    ("I'm so sad about the old garden", "grief"),
    ("The train was  late again", "grief"),
    ("a warm welcome", "joy"),
]


@pytest.fixture
def db(home: Home) -> Database:
    return open_database(home)


@pytest.fixture
def encoders(monkeypatch: pytest.MonkeyPatch) -> FakeEncoders:
    made = FakeEncoders()
    monkeypatch.setattr("core.diversity.embedding.loading.EncoderCache", lambda models: made)
    return made


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    path = tmp_path / "texts.csv"
    path.write_text("label,text\n" + "".join(f'{label},"{text}"\n' for text, label in ROWS))
    return path


def said(capsys: Capture, *arguments: str, code: int = 0) -> str:
    assert main(["measure", *arguments]) == code
    output = capsys.readouterr()
    if code:
        assert output.out == ""
        assert output.err.count("\n") == 1
    return output.err if code else output.out


def test_a_file_is_measured(
    texts: Path, db: Database, encoders: FakeEncoders, capsys: Capture
) -> None:
    data = json.loads(said(capsys, str(texts), "--json"))
    assert encoders.asked == [EncoderChoice()]
    assert (data["n"], data["distance"], data["name"]) == (5, "cosine", "texts.csv")
    assert data["labels"] == {"joy": 2, "grief": 3}
    vectors = FakeEncoder().embed([text for text, _ in ROWS])
    assert data["remote_clique"]["value"] == pytest.approx(remote_clique(vectors))
    grief = data["remote_clique"]["per_label"]["grief"]
    assert grief["n"] == 3
    assert grief["value"] == pytest.approx(remote_clique(vectors[[1, 2, 3]]))
    assert grief["low"] <= grief["value"] <= grief["high"]
    assert data["exact_duplicates"]["count"] == 1
    assert "texts" not in data
    more = json.loads(said(capsys, str(texts), "--json", "--texts"))
    assert more["texts"]["id"] == [f"texts.csv:{n}" for n in range(1, 6)]
    # The second time the store knew all vectors.
    assert sum(len(call) for call in encoders.made.calls) == 5


def test_jsonl_parquet_columns_and_integer_labels(
    tmp_path: Path, db: Database, encoders: FakeEncoders, capsys: Capture
) -> None:
    import pandas as pd

    frame = pd.DataFrame({"said": [text for text, _ in ROWS], "class": [0, 1, 1, 1, 0]})
    frame.to_parquet(tmp_path / "texts.parquet")
    frame.to_json(tmp_path / "texts.jsonl", orient="records", lines=True)
    columns = ("--text-column", "said", "--label-column", "class")
    for name in ("texts.parquet", "texts.jsonl"):
        data = json.loads(said(capsys, str(tmp_path / name), *columns, "--json"))
        assert data["labels"] == {"0": 2, "1": 3}
    only = json.loads(said(capsys, str(tmp_path / name), *columns, "--label", "1", "--json"))
    assert (only["n"], only["labels"]) == (3, {"1": 3})
    assert only["remote_clique"]["value"] == data["remote_clique"]["per_label"]["1"]["value"]


def test_a_run_is_found_as_in_other_commands(
    db: Database, encoders: FakeEncoders, capsys: Capture
) -> None:
    run, _ = start_run(db, SPEC, name="Mine")
    add_samples(db, samples_for(run.id, SPEC))
    found = [
        json.loads(said(capsys, wanted, "--json", "--pooling", "cls", "--encoder", "my/encoder"))
        for wanted in (run.id, "Mine", f"run:{run.id}")
    ]
    assert found[0] == found[1] == found[2]
    assert (found[0]["key"], found[0]["n"]) == (f"run:{run.id}", 6)
    assert encoders.asked[0] == EncoderChoice("my/encoder", "cls")
    assert said(capsys, "Yours", code=2).startswith("There is no run 'Yours'.")
    assert "no run" in said(capsys, "run:zzz", code=2)


def test_in_words(texts: Path, db: Database, encoders: FakeEncoders, capsys: Capture) -> None:
    lines = said(capsys, str(texts)).splitlines()
    assert lines[0].startswith("texts.csv: 5 texts. Encoder: fake, ")
    clique = next(line for line in lines if line.startswith("Remote-Clique"))
    expected = remote_clique(FakeEncoder().embed([text for text, _ in ROWS]))
    assert clique.split()[1] == f"{expected:.4f}"
    assert clique.endswith("5  higher is more diverse")
    duplicates = next(line for line in lines if line.startswith("Exact duplicates"))
    assert " ".join(duplicates.split()) == "Exact duplicates 20.0% 5 lower is more diverse *"
    grief = next(line for line in lines if line.startswith("grief"))
    value = remote_clique(FakeEncoder().embed([text for text, label in ROWS if label == "grief"]))
    assert grief.split()[1:3] == ["3", f"{value:.4f}"]
    assert grief.split()[3].startswith("[")
    assert "Fluency: The fluency of these texts is not known." in lines
    assert 'Commonest openings: "i\'m so" 40.0%, "the train" 40.0%.' in lines


def test_beside_a_reference_of_another_size(
    texts: Path, tmp_path: Path, db: Database, encoders: FakeEncoders, capsys: Capture
) -> None:
    real = tmp_path / "real.csv"
    rows = [f"a real text of {n},joy" for n in range(9)]
    real.write_text("\n".join(["text,label", *rows]))
    data = json.loads(said(capsys, str(texts), "--reference", str(real), "--json"))
    vectors = FakeEncoder().embed([text for text, _ in ROWS])
    others = FakeEncoder().embed([f"a real text of {n}" for n in range(9)])
    near = similarity(vectors, others, np.random.default_rng(0)).value
    assert data["similarity"]["value"] == pytest.approx(near)
    assert data["size_matched"]["n"] == 5
    lines = said(capsys, str(texts), "--reference", str(real)).splitlines()
    value = data["size_matched"]["reference"]["value"]
    sized = next(line for line in lines if line.startswith("The two differ in size; at 5 texts"))
    assert f"{value:.4f}" in sized
    assert "The reference has no texts of: grief." in lines


def test_a_reference_of_other_labels_is_refused_with_the_names(
    texts: Path, tmp_path: Path, db: Database, encoders: FakeEncoders, capsys: Capture
) -> None:
    real = tmp_path / "real.csv"
    real.write_text("text,label\nsome,happy\nother,sad\n")
    told = said(capsys, str(texts), "--reference", str(real), code=2)
    assert "(happy, sad) are none of the dataset's (joy, grief)" in told
    assert encoders.asked == []


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (("--label", "fear"), "has no text with the label 'fear'. Its labels are joy, grief."),
        (("--seed", "-1"), "--seed is -1"),
        (("--text-column", "said"), "no column 'said'"),
        (("--pooling", "max"), "--pooling"),
    ],
)
def test_what_can_not_be_used_is_told_in_a_line(
    texts: Path,
    db: Database,
    encoders: FakeEncoders,
    capsys: Capture,
    more: tuple[str, ...],
    expected: str,
) -> None:
    assert expected in said(capsys, str(texts), *more, code=2)


def test_a_missing_file_and_an_encoder_that_is_not_to_be_had(
    texts: Path, db: Database, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    assert "nowhere.csv" in said(capsys, "nowhere.csv", code=2)
    broken = FakeEncoders(problem="There is no encoder 'x'.")
    monkeypatch.setattr("core.diversity.embedding.loading.EncoderCache", lambda models: broken)
    assert said(capsys, str(texts), code=1).startswith("There is no encoder 'x'.")


@pytest.mark.parametrize("count", [1, 2])
def test_a_file_too_small_explains_itself(
    tmp_path: Path, db: Database, encoders: FakeEncoders, capsys: Capture, count: int
) -> None:
    path = tmp_path / "few.jsonl"
    path.write_text('{"text": "the same", "label": "joy"}\n' * count)
    told = said(capsys, str(path))
    assert ("Remote-Clique: One text alone" in told) == (count == 1)
    json.loads(said(capsys, str(path), "--json"), parse_constant=pytest.fail)


def test_hostile_labels_stay_on_their_line(
    tmp_path: Path, db: Database, encoders: FakeEncoders, capsys: Capture
) -> None:
    path = tmp_path / "hostile.jsonl"
    rows: list[dict[str, Any]] = [
        {"text": "\x1b[2J one", "label": "a\nb\x1b[31m"},
        {"text": "\x1b[2J one more", "label": "c"},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    told = said(capsys, str(path))
    assert "\x1b" not in told
    assert any(line.startswith("a b") for line in told.splitlines())


def test_a_folder_and_a_name_too_long_for_a_file_are_told(
    tmp_path: Path, db: Database, capsys: Capture
) -> None:
    assert "is a folder, and no run goes by that name." in said(capsys, str(tmp_path), code=2)
    assert "There is no run" in said(capsys, "x" * 5000, code=2)
    assert "can't be read" in said(capsys, "x" * 5000 + ".csv", code=2)


def test_one_label_alone_is_named_and_has_no_rows_of_others(
    texts: Path, db: Database, encoders: FakeEncoders, capsys: Capture
) -> None:
    words = said(capsys, str(texts), "--label", "joy")
    assert words.startswith("texts.csv, joy: 2 texts.")
    assert "grief" not in words


@pytest.mark.parametrize(("fluency", "told"), [(-4.4, False), (-4.5, True), (-6.0, True)])
def test_gibberish_is_not_praised(
    fluency: float, told: bool, db: Database, encoders: FakeEncoders, capsys: Capture
) -> None:
    run, _ = start_run(db, SPEC)
    add_samples(db, [replace(one, fluency=fluency) for one in samples_for(run.id, SPEC)])
    assert ("is that of gibberish" in said(capsys, run.id)) == told


@pytest.mark.model
@pytest.mark.data
@pytest.mark.parametrize("name", ["sst2", "carer_emotion", "hwu64", "clickbait"])
def test_real_texts_agree_with_a_naive_double_loop(
    home: Home, data: Path, tmp_path: Path, capsys: Capture, name: str
) -> None:
    examples = read_labelled(data / name / "test.csv", name="test.csv", task=None)
    rows = np.random.default_rng(0).choice(len(examples), 60, replace=False)
    some = [examples[row] for row in rows]
    path = tmp_path / "some.jsonl"
    path.write_text("".join(json.dumps({"text": e.text, "label": e.label}) + "\n" for e in some))
    result = json.loads(said(capsys, str(path), "--json"))
    texts = [example.text for example in some]
    encoder = EncoderCache(home_from().models).encoder(EncoderChoice())
    vectors = embedded(open_database(home), encoder, texts).astype(np.float64)
    far = [
        1 - one @ other / np.sqrt((one @ one) * (other @ other))
        for i, one in enumerate(vectors)
        for j, other in enumerate(vectors)
        if i != j
    ]
    assert result["n"] == 60
    assert result["encoder"] == "all-MiniLM-L6-v2, mean pooling"
    assert result["remote_clique"]["value"] == pytest.approx(np.mean(far), abs=1e-6)
    assert result["remote_clique"]["low"] < np.mean(far) < result["remote_clique"]["high"]
    nearest = np.array(far).reshape(60, 59).min(axis=1).mean()
    assert result["nearest_distance"]["value"] == pytest.approx(nearest, abs=1e-5)

"""Tasks: the presets, of which eight are the paper's, and what a task file may hold."""

import csv
import os
from pathlib import Path

import pytest

from core.domain.errors import BadInput
from core.domain.serialization import to_json
from core.domain.tasks import (
    Label,
    Task,
    preset,
    preset_names,
    read_task_file,
    task_from_dict,
    task_from_toml,
)

HWU64 = """
news weather play datetime iot cooking recommendation calendar music takeaway lists
transport qa social general alarm email audio
""".split()  # noqa: SIM905

# Appendix B of the paper: id, text type, labels' phrases in its order.
PAPER = {
    "carer": (
        "emotional tweet",
        [
            "expressing joy",
            "expressing anger",
            "expressing fear",
            "expressing sadness",
            "expressing love",
            "expressing surprise",
        ],
    ),
    "cb": ("news headline", ["valid news", "clickbait"]),
    "cola": ("sentence", ["grammatically correct sentence", "grammatically incorrect sentence"]),
    "fo": ("sentence", ["informal", "formal"]),
    "hwu64": ("human utterance to a chatbot", HWU64),
    "pubmed": (
        "sentence from a medical paper",
        [
            "sentence about objective",
            "sentence about methods",
            "sentence about results",
            "sentence about conclusions",
            "sentence about background",
        ],
    ),
    "sst2": ("movie review", ["positive sentiment", "negative sentiment"]),
    "subj": ("sentence from a movie review", ["objective statement", "subjective statement"]),
}


def test_the_presets_are_the_papers_eight_and_the_example() -> None:
    assert preset_names() == sorted([*PAPER, "support"])


@pytest.mark.parametrize("name", PAPER)
def test_preset_equals_the_papers_table(name: str) -> None:
    task = preset(name)
    assert (task.text_type, [label.phrase for label in task.labels]) == PAPER[name]


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "folder"),
    [("carer", "carer_emotion"), ("cb", "clickbait"), ("hwu64", "hwu64"), ("sst2", "sst2")],
)
def test_preset_has_the_label_names_of_the_data(name: str, folder: str, data: Path) -> None:
    with (data / folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        names = {row["label"] for row in csv.DictReader(file)}
    assert set(preset(name).label_names) == names


@pytest.mark.parametrize("name", ["SST2", "sst2", " SST-2 ", "Sst-2"])
def test_preset_is_found_however_it_is_written(name: str) -> None:
    assert preset(name).name == "SST-2 sentiment"


@pytest.mark.parametrize("name", ["", "trec", "../tasks/sst2", "sst2.toml", "sst2\0", "*"])
def test_what_is_no_preset_is_a_key_error(name: str) -> None:
    with pytest.raises(KeyError):
        preset(name)


@pytest.mark.parametrize("name", [*PAPER, "support"])
def test_a_task_survives_its_dictionary(name: str) -> None:
    assert task_from_dict(to_json(preset(name))) == preset(name)


def test_a_label_without_phrase_uses_its_name() -> None:
    task = task_from_toml('name = "N"\ntext_type = "note"\n[[labels]]\nname = " calm "\n')
    assert task == Task("N", "note", (Label("calm", "calm"),))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = ", "is not valid TOML"),
        ("name = " + "[" * 5000, "is nested too deeply"),
        ("name = " + "1" * 5000, "is not valid TOML"),
        ('name = "N"\n', "lacks the text 'text_type'"),
        ('name = "N"\ntext_type = "t"\n', "has no [[labels]] tables"),
        ('name = "N"\ntext_type = "t"\nlabels = []\n', "The task has no labels."),
        ('name = "N"\ntext_type = "t"\nlabels = [{}]\n', "Label 1 of the task file has no name."),
        (
            'name = "N"\ntext_type = "t"\nlabels = [{name = "a", weight = 1}]\n',
            "Label 'a' has something other than a name and a phrase.",
        ),
        (
            'name = "N"\ntext_type = "t"\nlabels = [{name = "a"}, {name = "a"}]\n',
            "The label 'a' stands twice in the task.",
        ),
        ('name = "N"\ntext_type = "t"\nlabels = [{name = "a"}]\nkind = 1\n', "unknown key 'kind'"),
        (
            'name = "N"\ntext_type = "t"\nlabels = [{name = "a", phrase = \'"\'}]\n',
            "The phrase of label 'a' holds a double quote",
        ),
        (
            'name = "N"\ntext_type = "a\\nb"\nlabels = [{name = "a"}]\n',
            "The text type holds a line break or a control character.",
        ),
        (f'name = "{"n" * 201}"\ntext_type = "t"\nlabels = [{{name = "a"}}]\n', "over 200 char"),
    ],
)
def test_a_bad_task_file_is_refused_with_the_reason(text: str, message: str) -> None:
    with pytest.raises(BadInput) as refused:
        task_from_toml(text)
    assert message in str(refused.value)


def test_201_labels_are_refused() -> None:
    labels = tuple(Label(f"l{n}", "p") for n in range(201))
    with pytest.raises(BadInput, match="The task has 201 labels"):
        Task("N", "t", labels)


def test_a_task_file_may_start_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "t.toml"
    path.write_bytes(b'\xef\xbb\xbfname = "N"\ntext_type = "t"\nlabels = [{name = "\xc3\xa4"}]')
    assert read_task_file(path).label_names == ("ä",)


def test_unreadable_task_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b'name = "\xe4"')
    (tmp_path / "large.toml").write_bytes(b"#" * 1_000_001)
    os.mkfifo(tmp_path / "pipe.toml")
    for name, message in [
        ("none.toml", "can't be read (No such file or directory)"),
        ("latin.toml", "is not UTF-8"),
        ("large.toml", "is over 1 MB"),
        ("pipe.toml", "is not a plain file"),
        (".", "is not a plain file"),
        ("nul\0.toml", "can't be read"),
    ]:
        with pytest.raises(BadInput) as refused:
            read_task_file(tmp_path / name)
        assert message in str(refused.value)

"""What the tests of this folder make: datasets, a tiny BERT."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.classification.evaluation.evaluation import Confusion, LabelScores, Score
from core.classification.results import DatasetName, RepeatResult, TrainingResult
from core.domain.datasets import Dataset

GOOD = ["good", "fine", "great", "lovely", "superb"]
BAD = ["bad", "poor", "awful", "dull", "dire"]
FILLERS = ["the", "a", "film", "story", "cast", "plot", "was", "is", "and"]


def dataset(
    rows: Sequence[tuple[str, str]],
    *,
    key: str = "file:x.csv",
    label_names: tuple[str, ...] | None = None,
) -> Dataset:
    """A dataset of (text, label)."""
    labels = tuple(label for _, label in rows)
    return Dataset(
        key,
        key,
        tuple(dict.fromkeys(labels)) if label_names is None else label_names,
        ids=tuple(f"{key}-{n}" for n in range(len(rows))),
        texts=tuple(text for text, _ in rows),
        labels=labels,
        fluency=(None,) * len(rows),
    )


def reviews(count: int) -> list[tuple[str, str]]:
    """Short texts whose label a few words decide, alternately positive and negative."""
    rows = []
    for n in range(count):
        word = (BAD if n % 2 else GOOD)[n // 2 % 5]
        start = [FILLERS[(n * 7 + k * 3) % len(FILLERS)] for k in range(1 + n % 5)]
        rows.append((" ".join([*start, word]), "neg" if n % 2 else "pos"))
    return rows


def save_tiny_bert(folder: Path, *, seed: int = 0, **changes: Any) -> Path:
    """A loadable folder of a tiny random BERT without a head, and its tokenizer."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *GOOD, *BAD, *FILLERS]
    (folder / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=32).save_pretrained(folder)
    sizes: dict[str, Any] = {
        "vocab_size": len(vocabulary),
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "max_position_embeddings": 32,
        "hidden_dropout_prob": 0.1,
    }
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        BertModel(BertConfig(**(sizes | changes))).save_pretrained(folder)
    return folder


def training_result(*repeats: RepeatResult, n_test: int = 4) -> TrainingResult:
    """A probe's result with these repeats; half of the test texts are given their own label."""
    half = Score(mean=0.5, low=0.2, high=0.8, values=(0.5,), interval="Wilson over texts")
    return TrainingResult(
        accuracy=half,
        macro_f1=half,
        per_label={"pos": LabelScores(0.5, 0.5, 0.5, n_test)},
        confusion=Confusion(("pos",), ((n_test,),)),
        n_test=n_test,
        kind="probe",
        model="embedded",
        train=DatasetName("run:a", "A"),
        test=DatasetName("run:b", "B"),
        label_names=("pos",),
        seeds=tuple(repeat.seed for repeat in repeats),
        n_train=100,
        repeats=repeats,
    )

"""The example: how many texts, how varied they are, and that their labels can be learnt."""

import csv
import re
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from core.domain.runs import Example
from core.domain.tasks import preset
from core.domain.texts import fold
from core.services.references import (
    REFERENCE_FOLDER,
    example_reference,
    example_task,
)

TRAIN, TEST = example_reference()
OUT_OF_SCOPE_FILE = REFERENCE_FOLDER / "out_of_scope.csv"
with OUT_OF_SCOPE_FILE.open(encoding="utf-8", newline="") as lines:
    OUT_OF_SCOPE = [row["text"] for row in csv.DictReader(lines)]
LABELS = ("refund", "delivery", "fault", "account", "praise")


def words(text: str) -> list[str]:
    return re.findall(r"[\w']+", text.casefold())


def texts_of(label: str, examples: list[Example]) -> list[str]:
    return [example.text for example in examples if example.label == label]


def test_the_example_is_a_preset() -> None:
    assert example_task() == preset("support")
    assert example_task().text_type == "message to customer support"
    assert example_task().label_names == LABELS


def test_every_label_has_60_texts_to_train_on_and_30_to_test() -> None:
    assert Counter(example.label for example in TRAIN) == dict.fromkeys(LABELS, 60)
    assert Counter(example.label for example in TEST) == dict.fromkeys(LABELS, 30)
    assert len(OUT_OF_SCOPE) == 30


def test_no_text_stands_twice_nor_in_two_files() -> None:
    everything = [example.text for example in TRAIN + TEST] + OUT_OF_SCOPE
    assert len({fold(text) for text in everything}) == 480


def test_no_text_holds_what_would_end_it_in_a_prompt() -> None:
    everything = [example.text for example in TRAIN + TEST] + OUT_OF_SCOPE
    assert not [text for text in everything if '"' in text or len(text.splitlines()) != 1]
    assert not [text for text in everything if text != " ".join(text.split())]


@pytest.mark.parametrize("label", LABELS)
def test_few_texts_of_a_label_open_alike(label: str) -> None:
    texts = texts_of(label, TRAIN + TEST)
    pairs = Counter(" ".join(words(text)[:2]) for text in texts)
    assert max(pairs.values()) <= 0.04 * len(texts)
    first = Counter(words(text)[0] for text in texts)
    assert max(first.values()) <= 0.1 * len(texts)


@pytest.mark.parametrize("part", [TRAIN, TEST], ids=["train", "test"])
@pytest.mark.parametrize("label", LABELS)
def test_lengths_are_spread(label: str, part: list[Example]) -> None:
    lengths = sorted(len(text.split()) for text in texts_of(label, part))
    lower, middle, upper = np.quantile(lengths, [0.25, 0.5, 0.75])
    assert 1 < lengths[0] <= 8
    assert 50 <= lengths[-1] <= 60
    assert lower <= 14 <= upper
    assert 12 <= middle <= 20


@pytest.mark.parametrize(
    ("what", "is_so"),
    [
        ("in lower case", lambda text: text == text.lower()),
        ("without a full stop", lambda text: text[-1].isalnum()),
        ("a question", lambda text: text.endswith("?")),
        ("an exclamation", lambda text: "!" in text),
    ],
)
def test_registers_vary(what: str, is_so: Callable[[str], bool]) -> None:
    share = np.mean([is_so(example.text) for example in TRAIN + TEST])
    assert 0.03 < share < 0.5, what


def test_no_two_texts_are_nearly_the_same() -> None:
    everything = [example.text for example in TRAIN + TEST] + OUT_OF_SCOPE
    vectors = TfidfVectorizer().fit_transform(everything)
    cosines = (vectors @ vectors.T).toarray()
    np.fill_diagonal(cosines, 0.0)
    assert cosines.max() < 0.65


def test_what_is_out_of_scope_says_why() -> None:
    with OUT_OF_SCOPE_FILE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert all(set(row) == {"text", "reason"} and row["text"].strip() for row in rows)
    notes = (REFERENCE_FOLDER / "README.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"^- \*([\w ]+)\*", notes, flags=re.MULTILINE))
    assert {row["reason"] for row in rows} == explained
    assert min(Counter(row["reason"] for row in rows).values()) >= 2


def test_words_alone_tell_the_labels_apart_for_the_most_part() -> None:
    # Chance is 0.2. Borderline texts and varied words keep it well below 1.
    vectorizer = TfidfVectorizer()
    model = LogisticRegression(max_iter=1000)
    model.fit(
        vectorizer.fit_transform([example.text for example in TRAIN]),
        [example.label for example in TRAIN],
    )
    found = model.predict(vectorizer.transform([example.text for example in TEST]))
    wanted = np.array([example.label for example in TEST])
    assert 0.65 <= np.mean(found == wanted) < 0.95
    for label in LABELS:
        assert np.mean(found[wanted == label] == label) >= 0.45

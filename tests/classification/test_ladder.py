"""The ladder's rows: in which order, of which size, and where a stored one belongs."""

from typing import Any

import pytest

from core.classification.ladder import Model, Source, kind_of, refuse_nothing, rungs, smallest
from core.domain.errors import BadInput
from core.domain.runs import Example, ModelChoice
from tests.store.making import TASK

RAW = Source("run:a", "A", "raw", 100)
LR = Source("version:b", "A: LR", "lr", 90)
REAL = Source("reference:r:train", "Real data", "real", 300)
SHOWN = (Example("x", "pos"), Example("y", "neg"))


def ladder(*sources: Source, **changes: Any) -> list[tuple[str, str, int, int | None]]:
    settings: dict[str, Any] = {
        "test": "reference:r:test",
        "models": [Model("fine-tuning"), Model("probe")],
        "tuning": {"max_epochs": 3},
        "seeds": (4, 5),
        "matched": True,
        "baselines": ["majority", "zero-shot", "few-shot"],
        "task": TASK,
        "examples": SHOWN,
    }
    found = rungs(sources, **(settings | changes))
    return [(one.name, one.kind, one.n_train, one.spec.size) for one in found]


def test_cheap_rows_first_and_all_cut_to_the_smallest() -> None:
    assert ladder(RAW, LR, REAL) == [
        ("Majority class", "majority", 100, None),
        ("A · MiniLM probe", "raw", 90, 90),
        ("A: LR · MiniLM probe", "lr", 90, None),  # nothing is left out, so nothing is drawn
        ("Real data · MiniLM probe", "real", 90, 90),
        ("LLM zero-shot", "llm", 0, None),
        ("LLM 2-shot", "llm", 2, None),
        ("A · MiniLM", "raw", 90, 90),
        ("A: LR · MiniLM", "lr", 90, None),
        ("Real data · MiniLM", "real", 90, 90),
    ]


def test_whole_and_without_what_is_not_wanted() -> None:
    probe = [Model("probe")]
    assert ladder(RAW, REAL, matched=False, models=probe, baselines=[]) == [
        ("A · MiniLM probe", "raw", 100, None),
        ("Real data · MiniLM probe", "real", 300, None),
    ]
    assert [row[0] for row in ladder(RAW, models=probe, examples=())] == [
        "Majority class",
        "A · MiniLM probe",
        "LLM zero-shot",
    ]
    assert [row[0] for row in ladder(models=[])] == ["LLM zero-shot", "LLM 2-shot"]


def test_a_servers_model_is_named_and_carried() -> None:
    served = ModelChoice(backend="openai", model="big", base_url="http://h:8080/v1")
    asked = {"models": [Model("probe")], "baselines": ["zero-shot", "few-shot"]}
    assert [row[0] for row in ladder(**asked, language=served)] == [
        "LLM zero-shot · big at h:8080",
        "LLM 2-shot · big at h:8080",
    ]
    (rung, _) = rungs(
        [],
        test="t",
        models=[],
        tuning={},
        seeds=(0,),
        matched=True,
        baselines=["zero-shot", "few-shot"],
        task=TASK,
        examples=SHOWN,
        language=served,
    )
    assert rung.spec.language_choice == served


def test_what_stands_twice_is_done_once() -> None:
    two = [Model("fine-tuning"), Model("fine-tuning", "bert"), Model("fine-tuning")]
    rows = [row[0] for row in ladder(RAW, models=two, baselines=["zero-shot"])]
    assert rows == ["LLM zero-shot", "A · MiniLM", "A · bert"]


def test_the_specs_are_whole() -> None:
    one = rungs(
        [RAW],
        test="t",
        models=[Model("fine-tuning", "bert")],
        tuning={"max_epochs": 3},
        seeds=(4, 5),
        matched=True,
        baselines=["few-shot"],
        task=TASK,
        examples=SHOWN,
    )
    asked, tuned = (rung.spec for rung in one)
    assert (asked.kind, asked.seeds, asked.examples, asked.task) == ("llm", (4,), SHOWN, TASK)
    assert (tuned.kind, tuned.seeds, tuned.train, tuned.test) == (
        "fine-tuning",
        (4, 5),
        "run:a",
        "t",
    )
    assert (tuned.fine_tuning.model, tuned.fine_tuning.max_epochs) == ("bert", 3)


def test_smallest() -> None:
    assert smallest([RAW, LR]) == 90
    assert smallest([Source("run:z", "z", "raw", 1)]) == 4  # the fewest that can be drawn
    assert smallest([]) is None


def test_nothing_is_refused() -> None:
    refuse_nothing([RAW], [])
    refuse_nothing([], ["zero-shot"])
    with pytest.raises(BadInput, match="Nothing is chosen"):
        refuse_nothing([], ["majority"])


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        ({"kind": "majority", "train": "run:a"}, "majority"),
        ({"kind": "llm", "train": None}, "llm"),
        ({"kind": "probe", "train": "run:a"}, "raw"),
        ({"kind": "probe", "train": "version:b"}, "lr"),
        ({"kind": "probe", "train": "version:raw"}, "raw"),
        ({"kind": "probe", "train": "version:gone"}, "raw"),
        ({"kind": "fine-tuning", "train": "reference:r:train"}, "real"),
    ],
)
def test_where_a_stored_one_belongs(spec: dict[str, Any], kind: str) -> None:
    assert kind_of(spec, {"b": "lr", "raw": "raw"}) == kind

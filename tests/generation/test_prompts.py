"""Prompts: the paper's very words, and which examples stand before them."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.conditions import Condition, PromptForm
from core.domain.runs import Example, RunSpec
from core.domain.tasks import Label, Task, preset
from core.generation.prompts import Message, Prompt, build_prompt, draw_examples, prompt_for

TASK = Task(
    "CARER",
    "emotional tweet",
    (
        Label("joy", "expressing joy"),
        Label("anger", "expressing anger"),
        Label("fear", "expressing fear"),
    ),
)
SEEDS = (
    Example("so happy", "joy"),
    Example("so cross", "anger"),
    Example("sunny", "joy"),
    Example("boo", "fear"),
)
WRITTEN = {"joy": ["j1", "j2"], "anger": ["a1"], "fear": ["f1", "f2"]}


def spec_with(
    *,
    form: PromptForm = "A",
    seed: int = 5,
    seeds: Sequence[Example] = (),
    strict: bool = False,
    task: Task = TASK,
) -> RunSpec:
    condition = Condition(prompt=form, strict_order=strict)
    return RunSpec(task, condition, seed=seed, seed_examples=tuple(seeds))


def test_prompt_a_is_the_papers() -> None:
    assert build_prompt(TASK, label="joy", form="A") == Prompt(
        text=(
            "Write a emotional tweet to cover all following elements\n"
            "Elements: expressing joy\n"
            'Emotional tweet: "'
        )
    )


def test_prompt_c_is_the_papers() -> None:
    assert build_prompt(preset("hwu64"), label="music", form="C").text == (
        "Show me a human utterance to a chatbot that has the following characteristics\n"
        "Characteristics: music\n"
        'Human utterance to a chatbot: "'
    )


def test_examples_are_closed_blocks_of_the_same_shape_in_the_order_given() -> None:
    examples = (Example("grr", "anger"), Example("yay", "joy"))
    assert build_prompt(TASK, label="fear", form="A", examples=examples).text == (
        "Write a emotional tweet to cover all following elements\n"
        "Elements: expressing anger\n"
        'Emotional tweet: "grr"\n'
        "\n"
        "Write a emotional tweet to cover all following elements\n"
        "Elements: expressing joy\n"
        'Emotional tweet: "yay"\n'
        "\n"
        "Write a emotional tweet to cover all following elements\n"
        "Elements: expressing fear\n"
        'Emotional tweet: "'
    )


def test_a_chat_says_prompt_a_as_turns() -> None:
    def asked(what: str) -> str:
        return (
            "Write a emotional tweet to cover all following elements\n"
            f"Elements: expressing {what}\n"
            "Emotional tweet:"
        )

    prompt = build_prompt(TASK, label="fear", form="chat", examples=[Example("grr", "anger")])
    assert prompt.is_chat
    assert prompt.text == ""
    assert prompt.messages == (
        Message("user", asked("anger")),
        Message("assistant", '"grr"'),
        Message("user", asked("fear")),
    )
    assert prompt.preview() == (
        f'[user]\n{asked("anger")}\n\n[assistant]\n"grr"\n\n[user]\n{asked("fear")}'
        '\n\n[assistant]\n"'
    )


def test_only_the_first_letter_is_raised_and_braces_are_no_fields() -> None:
    odd = Task("T", "{phrase} iPad review", (Label("a", "{0} {text_type}"),))
    assert build_prompt(odd, label="a", form="A").text == (
        "Write a {phrase} iPad review to cover all following elements\n"
        "Elements: {0} {text_type}\n"
        '{phrase} iPad review: "'
    )
    assert build_prompt(Task("T", "iPad", odd.labels), label="a", form="A").text.endswith(
        '\nIPad: "'
    )


@pytest.mark.parametrize("form", ["A", "C", "chat"])
@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ('she said "no"', "she said 'no'"),
        ("one\ntwo\r\n\n  three\t4", "one two three 4"),
        ("a\u2028b\u2029c\x85d\x0be", "a b c d e"),
        ('  "  ', "'"),
    ],
)
def test_nothing_in_an_example_ends_or_breaks_its_block(
    form: PromptForm, written: str, shown: str
) -> None:
    hostile = build_prompt(TASK, label="joy", form=form, examples=[Example(written, "fear")])
    harmless = build_prompt(TASK, label="joy", form=form, examples=[Example(shown, "fear")])
    assert hostile == harmless
    assert f'"{shown}"' in hostile.preview()


@settings(deadline=None)
@given(st.text())
def test_a_block_has_its_two_quotes_and_its_lines_whatever_the_example(text: str) -> None:
    prompt = build_prompt(TASK, label="joy", form="A", examples=[Example(text, "fear")]).text
    assert prompt.count('"') == 3
    assert len(prompt.splitlines()) == 7


def test_an_unknown_label_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        build_prompt(TASK, label="envy", form="A")
    with pytest.raises(KeyError):
        build_prompt(TASK, label="joy", form="A", examples=[Example("x", "envy")])


@settings(deadline=None)
@given(
    st.fixed_dictionaries(
        {}, optional={name: st.lists(st.text(), max_size=4) for name in TASK.label_names}
    ),
    st.integers(0, 99),
)
def test_one_example_for_each_label_that_has_any(pool: Mapping[str, list[str]], seed: int) -> None:
    names = TASK.label_names
    drawn = draw_examples(pool, labels=names, rng=np.random.default_rng(seed))
    assert Counter(e.label for e in drawn) == {name: 1 for name in names if pool.get(name)}
    assert all(e.text in pool[e.label] for e in drawn)


def test_draws_and_orders_are_even() -> None:
    rng = np.random.default_rng(1)
    found = Counter(
        tuple((e.text, e.label) for e in draw_examples(WRITTEN, labels=TASK.label_names, rng=rng))
        for _ in range(2400)
    )
    # 2 x 1 x 2 draws in 3! orders: 24 ways, 100 each on average, so +-50 is five deviations.
    assert len(found) == 24
    assert all(50 < count < 150 for count in found.values())


@pytest.mark.parametrize("strict", [False, True])
def test_the_first_cycle_without_seeding_is_zero_shot(strict: bool) -> None:
    spec = spec_with(strict=strict)
    for place, name in enumerate(TASK.label_names):
        prompt = prompt_for(spec, cycle=1, label_index=place, written=WRITTEN)
        assert prompt == build_prompt(TASK, label=name, form="A")


def texts_shown(prompt: Prompt) -> list[str]:
    """The examples of a prompt A, in order."""
    return prompt.text.split('"')[1:-1:2]


def test_with_seeding_the_first_cycle_shows_seed_examples_only() -> None:
    spec = spec_with(seeds=SEEDS)
    seen = set()
    for seed in range(40):
        shown = texts_shown(
            prompt_for(spec_with(seeds=SEEDS, seed=seed), cycle=1, label_index=0, written=WRITTEN)
        )
        assert len(shown) == 3
        seen |= set(shown)
    assert seen == {"so happy", "so cross", "sunny", "boo"}
    assert prompt_for(spec, cycle=1, label_index=0, written={}) == prompt_for(
        spec, cycle=1, label_index=0, written=WRITTEN
    )


def test_from_the_second_cycle_on_both_what_was_written_and_the_seeds_are_drawn() -> None:
    seen = {
        text
        for cycle in range(2, 60)
        for text in texts_shown(
            prompt_for(spec_with(seeds=SEEDS), cycle=cycle, label_index=1, written=WRITTEN)
        )
    }
    assert seen == {"so happy", "so cross", "sunny", "boo", "j1", "j2", "a1", "f1", "f2"}


def test_a_label_without_any_text_is_left_out() -> None:
    prompt = prompt_for(
        spec_with(), cycle=2, label_index=2, written={"joy": ["j1"], "anger": [], "fear": ["f1"]}
    )
    assert sorted(texts_shown(prompt)) == ["f1", "j1"]


def test_draws_hang_on_seed_cycle_and_label_alone() -> None:
    big = {name: [f"{name}{n}" for n in range(1000)] for name in TASK.label_names}

    def shown(seed: int, cycle: int, place: int, form: PromptForm = "A") -> Prompt:
        spec = spec_with(seed=seed, form=form)
        return prompt_for(spec, cycle=cycle, label_index=place, written=big)

    first = texts_shown(shown(5, 2, 0))
    assert texts_shown(shown(5, 2, 0)) == first
    for other in (shown(6, 2, 0), shown(5, 3, 0), shown(5, 2, 1)):
        assert len(set(texts_shown(other)) & set(first)) == 0
    assert texts_shown(shown(5, 2, 0, "C")) == first
    chat = [m.content.strip('"') for m in shown(5, 2, 0, "chat").messages if m.role == "assistant"]
    assert chat == first

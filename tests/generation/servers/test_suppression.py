"""What stands in for suppression: numbers worked out by hand, words counted by a naive loop."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.conditions import Condition, Suppression
from core.domain.registries.capabilities import Canary, Capabilities, Support
from core.domain.runs import RunSpec
from core.domain.tasks import Label, Task
from core.generation.prompts import Message, Prompt
from core.generation.servers.suppression import (
    approximate_methods,
    avoiding,
    condition_error,
    method_used,
    sent_condition,
    sent_prompt,
    suppression_support,
    words_to_avoid,
)

WORDS = Suppression(strength=7.5, tokens=3, method="avoid_words")
TASK = Task("T", "review", (Label("pos", "good"), Label("neg", "bad")))


@pytest.mark.parametrize(
    ("penalty", "strength", "method", "sent"),
    [
        (0.02, 7.5, "frequency_penalty", 1.02),
        (0.0, 3.75, "frequency_penalty", 0.5),
        (0.5, 15, "frequency_penalty", 2.0),
        (0.02, 0, "frequency_penalty", 0.02),
        (0.02, 7.5, "logit_bias", 0.02),
        (0.02, 7.5, "avoid_words", 0.02),
    ],
)
def test_a_frequency_penalty_is_raised_by_the_strength(
    penalty: float, strength: float, method: str, sent: float
) -> None:
    suppression = Suppression(strength=strength, method=method)  # type: ignore[arg-type]
    condition = Condition(frequency_penalty=penalty, suppression=suppression)
    assert sent_condition(condition).frequency_penalty == pytest.approx(sent)
    assert method_used(condition) == (method if strength else "none")


def test_the_most_frequent_words_of_at_least_four_letters() -> None:
    texts = ["A film, a FILM and don't know", "The film's plot: plot plot 2024", "don't; know_it"]
    # plot 3, film 2, don't 2, know 2 (an underscore parts words); film's, 2024 and "and" are out.
    assert words_to_avoid(texts, WORDS) == ("plot", "don't", "film")
    assert words_to_avoid(texts, Suppression(strength=7.5, method="avoid_words")) == (
        "plot",
        "don't",
        "film",
        "know",
    )
    assert words_to_avoid(texts, Suppression(strength=7.5)) == ()
    assert words_to_avoid(texts, Suppression(strength=0, method="avoid_words")) == ()


@given(st.lists(st.lists(st.sampled_from(["film", "plot", "cast", "of"]), max_size=6), max_size=8))
def test_words_agree_with_a_naive_count(texts: list[list[str]]) -> None:
    flat = [word for text in texts for word in text if len(word) >= 4]
    often = sorted({w for w in flat if flat.count(w) > 1}, key=lambda w: (-flat.count(w), w))
    assert words_to_avoid([" ".join(text) for text in texts], WORDS) == tuple(often[:3])


def test_the_wish_stands_on_top_of_the_last_block() -> None:
    prompt = Prompt(text='Write A "x"\n\nWrite B\nElements: c\nReview: "')
    assert avoiding(prompt, ["film", "plot"]).text == (
        'Write A "x"\n\nAvoid these words: film, plot.\nWrite B\nElements: c\nReview: "'
    )
    assert avoiding(Prompt(text='B: "'), ["film"]).text == 'Avoid these words: film.\nB: "'
    assert avoiding(prompt, []) == prompt
    chat = Prompt(messages=(Message("user", "a"), Message("assistant", "b"), Message("user", "c")))
    last = avoiding(chat, ["film"]).messages
    assert last[:2] == chat.messages[:2]
    assert last[2] == Message("user", "Avoid these words: film.\nc")


@pytest.mark.parametrize(("scope", "words"), [("dataset", "plot, film"), ("label", "film")])
def test_a_runs_prompt_counts_the_dataset_or_the_label(scope: str, words: str) -> None:
    written = {"pos": ["film film"], "neg": ["plot plot plot"]}
    suppression = Suppression(strength=1, scope=scope, method="avoid_words")  # type: ignore[arg-type]
    spec = RunSpec(TASK, Condition(suppression=suppression))
    text = sent_prompt(spec, cycle=2, label_index=0, written=written).text
    assert text.count("Avoid these words") == 1
    assert f"Avoid these words: {words}.\nWrite a review" in text
    plain = RunSpec(TASK, Condition())
    assert "Avoid" not in sent_prompt(plain, cycle=2, label_index=0, written=written).text


URL = "http://127.0.0.1:9/v1"


def found(*, tokenizer: str = "server", canary: Canary = Canary(), **more: Support) -> Capabilities:  # noqa: B008
    return Capabilities(base_url=URL, model="m", tokenizer=tokenizer, canary=canary, **more)


def test_suppression_is_exact_by_a_living_canary_and_a_tokenizer_alone() -> None:
    lives = Canary(verdict="exact")
    assert suppression_support(None) == "untested"
    assert suppression_support(found(canary=lives)) == "exact"
    assert suppression_support(found(canary=lives, tokenizer="")) == "approximate"
    for verdict in ("ignored", "refused", "reversed", "partial", "unknown"):
        assert suppression_support(found(canary=Canary(verdict=verdict))) == "approximate"


@pytest.mark.parametrize("support", ["exact", "unknown"])
def test_a_penalty_stands_in_unless_it_is_known_to_do_nothing(support: Support) -> None:
    both = ("frequency_penalty", "avoid_words")
    assert approximate_methods(found(frequency_penalty=support)) == both
    for lacking in ("ignored", "refused", "wrong"):
        assert approximate_methods(found(frequency_penalty=lacking)) == ("avoid_words",)  # type: ignore[arg-type]


def test_a_knob_without_effect_is_refused_and_suppression_is_not_asked_about() -> None:
    strong = Condition(temperature=1.3, suppression=Suppression(strength=7.5))
    assert condition_error(strong, found()) is None
    told = condition_error(strong, found(temperature="ignored"))
    assert told is not None
    assert told.what.startswith("The temperature 1.3 would have no effect: 'm' on ")
    assert condition_error(Condition(temperature=1.0), found(temperature="ignored")) is None
    assert condition_error(Condition(min_p=0.1), found(min_p="refused")) is not None

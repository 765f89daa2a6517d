"""Outcomes: what a text counts as, and what it repeats."""

import pytest

from core.domain.runs import Example, Outcome
from core.domain.texts import MAX_TEXT
from core.generation.backends import Completion
from core.generation.outcomes import Arrivals, outcome_of
from tests.generation.making import follow, make_spec


@pytest.mark.parametrize(
    ("text", "reason", "outcome"),
    [
        ("A good film.", "stop", "usable"),
        ("7", "stop", "usable"),
        ("😀", "stop", "usable"),
        ("好", "stop", "usable"),
        ("$", "stop", "usable"),
        ("", "stop", "empty"),
        ("  \n", "stop", "empty"),
        ("...!?", "stop", "empty"),
        ("—\u202e\u200b", "stop", "empty"),
        ("", "length", "empty"),
        ("A good", "length", "truncated"),
        ("A good", "content_filter", "truncated"),
        ("A good", "", "truncated"),
    ],
)
def test_what_a_text_counts_as(text: str, reason: str, outcome: Outcome) -> None:
    assert outcome_of(text, reason) == outcome


def completion(text: str, *, index: int = 0, reason: str = "stop") -> Completion:
    return Completion(0, index, text, reason, -1.25, (2, 3))


def test_a_sample_says_where_it_came_from() -> None:
    arrivals = Arrivals(make_spec(), run_id="run")
    sample = arrivals.sample(completion("hi", index=4), cycle=7, label="neg", seconds=1.5)
    assert sample.id == "run-7-1-4"
    assert (sample.run_id, sample.cycle, sample.label, sample.index) == ("run", 7, "neg", 4)
    assert (sample.order, sample.fluency, sample.seconds) == (0, -1.25, 1.5)
    assert (sample.token_ids, sample.finish_reason) == ((2, 3), "stop")


def test_a_text_that_is_too_long_is_cut_and_says_so() -> None:
    arrivals = Arrivals(make_spec(), run_id="run")
    long = arrivals.sample(completion("x" * (MAX_TEXT + 1)), cycle=1, label="pos", seconds=0)
    assert (len(long.text), long.finish_reason, long.outcome) == (MAX_TEXT, "length", "truncated")
    fits = arrivals.sample(completion("x" * MAX_TEXT, index=1), cycle=1, label="pos", seconds=0)
    assert (fits.outcome, fits.duplicate_of) == ("usable", None)


def test_what_can_not_be_stored_is_replaced_before_it_is_compared() -> None:
    arrivals = Arrivals(make_spec(), run_id="run")
    first = arrivals.sample(completion("a\0b"), cycle=1, label="pos", seconds=0)
    again = arrivals.sample(completion("a\ud800b", index=1), cycle=1, label="pos", seconds=0)
    assert first.text == again.text == "a\ufffdb"
    assert again.duplicate_of == first.id


def test_only_usable_texts_repeat_and_are_repeated() -> None:
    arrivals = Arrivals(make_spec(seeds=[Example("...", "pos")]), run_id="run")

    def flag(text: str, reason: str, index: int) -> str | None:
        given = completion(text, index=index, reason=reason)
        return arrivals.sample(given, cycle=1, label="pos", seconds=0).duplicate_of

    assert flag("...", "stop", 0) is None
    assert flag("...", "stop", 1) is None
    assert flag("half", "length", 2) is None
    assert flag("half", "stop", 3) is None
    assert flag("half", "length", 4) is None
    assert flag("half", "stop", 5) == "run-1-0-3"


def test_history_is_remembered() -> None:
    history = follow(make_spec(per_label=3)).run().samples
    usable = next(s for s in history if s.outcome == "usable")
    arrivals = Arrivals(make_spec(), run_id="r", history=history)
    sample = arrivals.sample(completion(usable.text.upper()), cycle=9, label="pos", seconds=0)
    assert sample.duplicate_of == (usable.duplicate_of or usable.id)
    assert sample.order == len(history)


def test_what_was_cut_off_in_the_history_is_not_repeated_either() -> None:
    first = Arrivals(make_spec(), run_id="r")
    half = first.sample(completion("half", reason="length"), cycle=1, label="pos", seconds=0)
    arrivals = Arrivals(make_spec(), run_id="r", history=[half])
    whole = arrivals.sample(completion("half", index=1), cycle=1, label="pos", seconds=0)
    assert (whole.outcome, whole.duplicate_of) == ("usable", None)

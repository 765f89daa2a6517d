"""The loop: who is asked for how much, from what, and what counts."""

import pytest

from core.domain.conditions import Suppression
from core.domain.runs import Example, Outcome, RunSpec
from core.domain.tasks import Label, Task
from core.domain.texts import MAX_TEXT
from core.generation.backends import Completion, Request
from core.generation.loop import Arrivals, outcome_of
from core.generation.prompts import build_prompt, prompt_for
from tests.generation.fake_backend import END, QUOTE_TOKEN, FakeBackend, Written
from tests.generation.making import TASK, distinct, follow, make_spec, place_of

THREE = Task("T", "text", tuple(Label(name, name) for name in "abc"))


def biases(backend: FakeBackend, call: int, place: int = 0) -> dict[int, float]:
    return dict(backend.calls[call][0][place].biases)


def test_a_cycle_asks_every_label_for_as_much_until_each_has_its_number() -> None:
    done = follow(make_spec(per_label=5, size=2, task=THREE), distinct).run()
    assert done.asked == [[(0, 2), (1, 2), (2, 2)]] * 2 + [[(0, 1), (1, 1), (2, 1)]]
    assert {name: len(done.usable(name)) for name in "abc"} == {"a": 5, "b": 5, "c": 5}
    assert [round_.cycle for round_, samples in done.events if not samples] == [1, 2, 3]
    assert [s.order for s in done.samples] == list(range(15))
    assert len({s.id for s in done.samples}) == 15
    assert done.loop.shortfall() == {}


def test_targets_that_differ_drop_labels_from_the_cycle_as_they_are_met() -> None:
    spec = make_spec(per_label=2, size=3, task=THREE, targets=[("a", 0), ("c", 7)])
    done = follow(spec, distinct).run()
    assert done.asked == [[(1, 2), (2, 3)], [(2, 3)], [(2, 1)]]
    assert {name: len(done.usable(name)) for name in "abc"} == {"a": 0, "b": 2, "c": 7}
    assert done.loop.shortfall() == {}


def test_nothing_wanted_is_nothing_asked() -> None:
    backend = FakeBackend(distinct)
    spec = make_spec(targets=[("pos", 0), ("neg", 0)])
    assert follow(spec, backend=backend).run().events == []
    assert backend.calls == []


def test_what_is_empty_cut_off_or_missing_is_asked_for_again() -> None:
    def write(request: Request, index: int) -> Written | None:
        cycle, place = place_of(request)
        if cycle > 1 or place == 1:
            return distinct(request, index)
        return [Written(" ... ", ()), Written("cut", (2,), "length"), None, Written("ok", (3,))][
            index
        ]

    done = follow(make_spec(per_label=4, size=4), write).run()
    assert done.asked == [[(0, 4), (1, 4)], [(0, 3)]]
    assert [(s.index, s.outcome) for s in done.samples if (s.cycle, s.label) == (1, "pos")] == [
        (0, "empty"),
        (1, "truncated"),
        (3, "usable"),
    ]
    assert len(done.usable("pos")) == len(done.usable("neg")) == 4
    assert done.loop.shortfall() == {}


def test_twenty_asked_and_seven_returned() -> None:
    def seven(request: Request, index: int) -> Written | None:
        return distinct(request, index) if index < 7 else None

    done = follow(make_spec(per_label=20, size=20), seven).run()
    assert done.asked == [[(0, 20), (1, 20)], [(0, 13), (1, 13)], [(0, 6), (1, 6)]]
    assert len(done.usable("pos")) == len(done.usable("neg")) == 20


@pytest.mark.parametrize(
    ("per_label", "size", "asked"),
    # at most three times the target and a request
    [(20, 20, [20, 20, 20, 20]), (5, 20, [5] * 7), (3, 2, [2] * 5 + [1])],
)
def test_asking_ends_when_nothing_comes(per_label: int, size: int, asked: list[int]) -> None:
    def half(request: Request, index: int) -> Written | None:
        return distinct(request, index) if place_of(request)[1] == 1 else None

    done = follow(make_spec(per_label=per_label, size=size), half).run()
    assert [count for round_ in done.asked for place, count in round_ if place == 0] == asked
    assert done.loop.shortfall() == {"pos": per_label}
    assert len(done.usable("neg")) == per_label


def same(request: Request, index: int) -> Written:
    return Written("Again", (2,))


def test_a_duplicate_counts_unless_only_new_ones_do() -> None:
    plain = follow(make_spec(per_label=3), same).run()
    assert plain.loop.shortfall() == {}
    assert [s.duplicate_of for s in plain.samples] == [None] + ["r-1-0-0"] * 5

    strict = follow(make_spec(per_label=3, only_new=True), same).run()
    assert strict.loop.shortfall() == {"pos": 2, "neg": 3}
    assert [s.duplicate_of for s in strict.samples].count(None) == 1
    assert sum(count for round_ in strict.asked for _, count in round_) == 2 * (3 * 3 + 2)


def test_case_and_white_space_make_no_new_text_and_a_seed_example_is_told() -> None:
    texts = ["Sun  up", "sun UP ", "the  SEED", "ThE seed", "new", "..."]

    def write(request: Request, index: int) -> Written:
        return Written(texts[index], (2,), steps=index + 1)

    seeds = [Example("other", "neg"), Example("The Seed", "neg"), Example("the seed", "pos")]
    spec = make_spec(per_label=5, size=5, seeds=seeds, targets=[("neg", 0)])
    done = follow(spec, write).run()
    assert [(s.text, s.duplicate_of) for s in done.samples] == [
        ("Sun  up", None),
        ("sun UP ", "r-1-0-0"),
        ("the  SEED", "example:1"),
        ("ThE seed", "example:1"),
        ("new", None),
    ]


def two_texts(request: Request, index: int) -> Written:
    """pos: (2, 2, 3); neg: (4) with tokens that close, the second of them cut off."""
    cycle, place = place_of(request)
    name = f"{cycle} {place} {index}"
    if place == 0:
        return Written(name, (2, 2, 3))
    return Written(name, (4, QUOTE_TOKEN, END), "length" if (cycle, index) == (1, 1) else "stop")


def test_the_second_cycle_suppresses_what_the_first_one_wrote() -> None:
    backend = FakeBackend(two_texts)
    done = follow(
        make_spec(per_label=3, suppression=Suppression(strength=0.1, floor=-100)), backend=backend
    )
    done.run()
    assert biases(backend, 0, 0) == biases(backend, 0, 1) == {}
    # 2 four times, 3 and 4 twice each: 50 %, 25 %, 25 % of 8, times -0.1 a percent.
    wanted = {2: pytest.approx(-5.0), 3: pytest.approx(-2.5), 4: pytest.approx(-2.5)}
    assert biases(backend, 1, 0) == biases(backend, 1, 1) == wanted
    assert done.loop.suppressed()[0].token == 2


def test_a_tally_by_label_suppresses_the_labels_own() -> None:
    backend = FakeBackend(two_texts)
    spec = make_spec(per_label=3, suppression=Suppression(strength=0.1, floor=-100, scope="label"))
    done = follow(spec, backend=backend)
    done.run()
    assert biases(backend, 1, 0) == {2: pytest.approx(-20 / 3), 3: pytest.approx(-10 / 3)}
    assert biases(backend, 1, 1) == {4: pytest.approx(-10.0)}
    assert {row.token for row in done.loop.suppressed("neg")} == {4}


def test_in_strict_order_each_iteration_learns_from_the_one_before() -> None:
    backend = FakeBackend(two_texts)
    spec = make_spec(
        per_label=3, strict_order=True, suppression=Suppression(strength=0.1, floor=-100)
    )
    done = follow(spec, backend=backend)
    done.run()
    assert [(r.cycle, r.position) for r, samples in done.events if not samples] == [
        (1, 0),
        (1, 1),
        (2, 0),
        (2, 1),
    ]
    assert all(len(requests) == 1 for requests, _, _ in backend.calls)
    assert biases(backend, 0) == {}
    assert biases(backend, 1) == {2: pytest.approx(-20 / 3), 3: pytest.approx(-10 / 3)}
    wanted = {2: pytest.approx(-5.0), 3: pytest.approx(-2.5), 4: pytest.approx(-2.5)}
    assert biases(backend, 2) == wanted
    # then pos wrote one more, (2, 2, 3): 6, 3 and 2 of 11
    third = {2: pytest.approx(-60 / 11), 3: pytest.approx(-30 / 11), 4: pytest.approx(-20 / 11)}
    assert biases(backend, 3) == third


def test_in_strict_order_a_tally_by_label_is_the_labels_own() -> None:
    backend = FakeBackend(two_texts)
    spec = make_spec(
        per_label=4,
        strict_order=True,
        suppression=Suppression(strength=0.1, floor=-100, scope="label"),
    )
    follow(spec, backend=backend).run()
    assert biases(backend, 3) == {4: pytest.approx(-10.0)}


def shown(spec: RunSpec, cycle: int, place: int, written: dict[str, list[str]]) -> str:
    return prompt_for(spec, cycle=cycle, label_index=place, written=written).text


def test_the_pool_of_the_second_cycle_is_what_was_usable_in_the_first() -> None:
    def write(request: Request, index: int) -> Written:
        cycle, place = place_of(request)
        # later places are finished first: the pool goes by place, not by arrival
        kinds = [Written("!", ()), Written("cut", (2,), "length")]
        text = Written(f"t{cycle}{place}{index}", (2,), steps=9 - index)
        return kinds[index] if place == 1 and cycle == 1 and index < 2 else text

    for seed in range(4):
        backend = FakeBackend(write)
        spec = make_spec(per_label=4, size=3, seed=seed)
        follow(spec, backend=backend).run()
        zero_shot = [build_prompt(TASK, label=name, form="A") for name in ("pos", "neg")]
        assert [request.prompt for request in backend.calls[0][0]] == zero_shot
        written = {"pos": ["t100", "t101", "t102"], "neg": ["t112"]}
        for place, request in enumerate(backend.calls[1][0]):
            assert request.prompt.text == shown(spec, 2, place, written)
            assert '"t112"' in request.prompt.text
            assert "cut" not in request.prompt.text


def test_in_strict_order_the_pool_grows_within_the_second_cycle_but_not_the_first() -> None:
    for seed in range(6):
        backend = FakeBackend(distinct)
        spec = make_spec(per_label=4, size=2, seed=seed, strict_order=True)
        follow(spec, backend=backend).run()
        prompts = [requests[0].prompt for requests, _, _ in backend.calls]
        assert prompts[1] == build_prompt(TASK, label="neg", form="A")
        first = {"pos": ["text 1 0 0", "text 1 0 1"], "neg": ["text 1 1 0", "text 1 1 1"]}
        assert prompts[2].text == shown(spec, 2, 0, first)
        grown = first | {"pos": [*first["pos"], "text 2 0 0", "text 2 0 1"]}
        assert prompts[3].text == shown(spec, 2, 1, grown)


def test_each_request_has_its_places_and_its_own_random_stream() -> None:
    backend = FakeBackend(distinct)
    follow(make_spec(per_label=3, size=2, seed=77), backend=backend).run()
    requests = [request for listed, _, _ in backend.calls for request in listed]
    assert [request.indices for request in requests] == [(0, 1), (0, 1), (0,), (0,)]
    assert len({request.entropy for request in requests}) == 4
    assert all(request.entropy[0] == 77 for request in requests)
    assert [first_soon for _, _, first_soon in backend.calls] == [True, False]


def test_a_completion_that_comes_twice_is_one_sample() -> None:
    class Doubling(FakeBackend):
        def complete(self, *args: object, **kwargs: object) -> object:  # type: ignore[override]
            for batch in super().complete(*args, **kwargs):  # type: ignore[arg-type]
                yield [*batch, *batch]
                yield batch

    done = follow(make_spec(), backend=Doubling(distinct)).run()
    assert len(done.samples) == 8
    assert all(samples or n % 2 for n, (_, samples) in enumerate(done.events))


def test_what_between_steps_raises_ends_the_run() -> None:
    calls = []

    def stop() -> None:
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt

    run = follow(
        make_spec(per_label=8), lambda r, i: Written(f"{r.entropy} {i}", (2,), steps=i + 1)
    )
    with pytest.raises(KeyboardInterrupt):
        run.run(stop)
    # two rounds of two steps; the fourth step of all is not taken
    assert [(s.cycle, s.index) for s in run.samples] == [
        (1, 0),
        (1, 0),
        (1, 1),
        (1, 1),
        (2, 0),
        (2, 0),
    ]


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

"""The local backend around a tiny random model, and what needs no real one."""

import copy
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch

from core.domain.conditions import Condition
from core.domain.errors import BackendFailed, BadInput
from core.generation.backends import Completion, Request
from core.generation.local.backend import LocalBackend
from core.generation.local.engines import ExpandedCacheEngine, SharedPrefixEngine, pick_engine
from core.generation.local.loading import LoadedModel
from core.generation.prompts import Message, Prompt
from tests.generation.local.tiny import (
    VOCABULARY,
    tiny_gpt2,
    tiny_llama,
    tiny_mistral,
    tiny_tokenizer,
)

PROMPTS = ('Elements: a good review\nMovie review: "', 'a film: "', 'Elements:\n\n"was" the "')


@pytest.fixture
def backend(tiny_loaded: LoadedModel) -> LocalBackend:
    return LocalBackend(tiny_loaded)


def request(
    prompt: str | Prompt,
    *,
    count: int = 6,
    number: int = 0,
    biases: Sequence[tuple[int, float]] = (),
) -> Request:
    words = Prompt(text=prompt) if isinstance(prompt, str) else prompt
    return Request(words, tuple(range(count)), tuple(biases), (5, 2, 1, number))


def complete(
    backend: LocalBackend, requests: Sequence[Request], condition: Condition
) -> dict[tuple[int, int], Completion]:
    """All completions by request and index; none may come twice."""
    found: dict[tuple[int, int], Completion] = {}
    for batch in backend.complete(requests, condition, between_steps=lambda: None):
        assert batch
        for completion in batch:
            assert (completion.request, completion.index) not in found
            found[completion.request, completion.index] = completion
    assert set(found) == {(n, i) for n, r in enumerate(requests) for i in r.indices}
    return found


def quote_of(backend: LocalBackend) -> int:
    (quote,) = tiny_tokenizer()('"')["input_ids"]
    assert backend.token_text(quote) == '"'
    return int(quote)


def lively_condition(backend: LocalBackend, **knobs: Any) -> Condition:
    """Closes after some tokens, as a random model by itself hardly ever would."""
    settings = {"temperature": 0.8, "max_tokens": 12, "logit_bias": ((quote_of(backend), 2.0),)}
    return Condition(**(settings | knobs))


def test_every_token_that_holds_a_quote_and_every_special_one_closes(
    backend: LocalBackend,
) -> None:
    special = {"<end>", "<|im_start|>", "<|im_end|>"}
    expected = {
        token
        for token in range(VOCABULARY)
        if '"' in backend.token_text(token) or backend.token_text(token) in special
    }
    assert backend.exempt_tokens == expected
    assert len(expected) > 4  # the tokenizer has learned tokens such as ` "`


@pytest.mark.parametrize(
    "knobs", [{}, {"top_p": 0.8, "min_p": 0.05}, {"frequency_penalty": 1.5}, {"temperature": 0}]
)
def test_completions_are_what_their_tokens_say(
    backend: LocalBackend, tiny_loaded: LoadedModel, knobs: dict[str, Any]
) -> None:
    requests = [request(p, number=n, count=8) for n, p in enumerate(PROMPTS)]
    found = complete(backend, requests, lively_condition(backend, **knobs))
    plain, tokenizer = tiny_llama(), tiny_tokenizer()
    closed = 0
    for (number, _), done in found.items():
        assert not set(done.token_ids) & backend.exempt_tokens
        assert (done.finish_reason == "length") == (
            len(done.token_ids) == 12
        )  # a text of twelve tokens had no room for a closing one
        decoded = tokenizer.decode(done.token_ids)
        prompt = tokenizer(PROMPTS[number])["input_ids"]
        context = torch.tensor([prompt + list(done.token_ids)])
        with torch.inference_mode():
            scores = plain(context).logits[0].double().log_softmax(-1)
        own = [float(scores[len(prompt) - 1 + n, token]) for n, token in enumerate(done.token_ids)]
        assert done.fluency is not None
        if done.finish_reason == "length":
            assert done.text == decoded.strip()
            assert done.fluency == pytest.approx(sum(own) / len(own), abs=1e-3)
            continue
        closed += 1
        assert done.text.startswith(decoded.strip())  # and what a closing token brings before it
        closing = done.fluency * (len(own) + 1) - sum(own)
        ends = scores[-1][sorted(backend.exempt_tokens)]
        assert (ends - closing).abs().min() < 1e-2
    assert '"' not in "".join(done.text for done in found.values())
    if knobs != {"temperature": 0}:
        assert 0 < closed < len(found)


def test_a_closing_token_gives_what_stands_before_its_quote(
    backend: LocalBackend,
) -> None:
    tokenizer = tiny_tokenizer()
    (dot_quote,) = [
        t for t in range(VOCABULARY) if backend.token_text(t) == '."'
    ]  # learned from the texts that the tokenizer was trained with
    (word,) = tokenizer("w")["input_ids"]
    forced = Condition(
        temperature=0, max_tokens=3, logit_bias=((dot_quote, 99.0),), frequency_penalty=0
    )
    (done,) = complete(backend, [request(PROMPTS[0], count=1)], forced).values()
    assert (done.text, done.finish_reason, done.token_ids) == (".", "stop", ())
    forced = replace(forced, logit_bias=((word, 99.0),))
    (done,) = complete(backend, [request(PROMPTS[0], count=1)], forced).values()
    assert (done.text, done.finish_reason, done.token_ids) == ("www", "length", (word,) * 3)
    forced = replace(forced, logit_bias=((0, 99.0),))
    (done,) = complete(backend, [request(PROMPTS[0], count=1)], forced).values()
    assert (done.text, done.finish_reason, done.token_ids) == ("", "stop", ())


def test_a_text_does_not_hang_on_what_decodes_beside_it(backend: LocalBackend) -> None:
    requests = [request(p, number=n) for n, p in enumerate(PROMPTS)]
    condition = lively_condition(backend)
    together = complete(backend, requests, condition)
    for number, alone in enumerate(requests):
        some = replace(alone, indices=(4, 1))
        for (_, index), done in complete(backend, [some], condition).items():
            beside = together[number, index]
            assert (done.text, done.token_ids) == (beside.text, beside.token_ids)
            assert done.fluency == pytest.approx(beside.fluency, abs=1e-4)


def test_entropy_and_index_decide_what_is_drawn(backend: LocalBackend) -> None:
    condition = lively_condition(backend, temperature=1.2)

    def texts(number: int) -> list[str]:
        found = complete(backend, [request(PROMPTS[0], number=number)], condition)
        return [done.text for done in found.values()]

    assert texts(1) == texts(1)
    assert len(set(texts(1) + texts(2))) > 8
    greedy = replace(condition, temperature=0)
    found = complete(backend, [request(PROMPTS[0], number=n) for n in (1, 2)], greedy)
    assert len({done.text for done in found.values()}) == 1


def test_biases_of_a_request_and_of_the_condition_add_up(backend: LocalBackend) -> None:
    (word,) = tiny_tokenizer()("w")["input_ids"]
    (other,) = tiny_tokenizer()("z")["input_ids"]
    condition = Condition(
        temperature=0, max_tokens=2, frequency_penalty=0, logit_bias=((word, 90.0), (other, 60.0))
    )
    found = complete(
        backend,
        [
            request(PROMPTS[0], count=1),
            request(PROMPTS[0], count=1, biases=[(word, -50.0)]),
            request(PROMPTS[1], count=1, biases=[(word, -50.0)]),
        ],
        condition,
    )
    assert [found[n, 0].text for n in range(3)] == ["ww", "zz", "zz"]


@pytest.mark.parametrize("place", ["request", "condition"])
def test_a_token_outside_the_vocabulary_is_refused(backend: LocalBackend, place: str) -> None:
    entry = (VOCABULARY, -1.0)
    condition = Condition(logit_bias=(entry,) if place == "condition" else ())
    biases = [entry] if place == "request" else []
    with pytest.raises(BadInput, match="Token 320 is outside the model's vocabulary of 320"):
        complete(backend, [request("a", biases=biases)], condition)


def test_a_prompt_that_passes_the_context_is_refused(backend: LocalBackend) -> None:
    (word,) = tiny_tokenizer()("w")["input_ids"]
    fits = Condition(temperature=0, max_tokens=2, logit_bias=((word, 99.0),))
    (done,) = complete(backend, [request("z" * 510, count=1)], fits).values()
    assert len(done.token_ids) == 2
    with pytest.raises(
        BadInput, match="A prompt of 511 tokens and 2 new ones pass the model's 512"
    ):
        complete(backend, [request("z", count=1), request("z" * 511, count=1)], fits)


CHAT = Prompt(
    messages=(Message("user", "Say:"), Message("assistant", '"hm"'), Message("user", "?"))
)


def test_a_chat_is_put_into_the_models_template_and_begun_with_a_quote(
    backend: LocalBackend,
) -> None:
    tokens = backend.prompt_tokens(CHAT)
    assert tiny_tokenizer().decode(tokens) == (
        "<|im_start|>user\nSay:<|im_end|>\n"
        '<|im_start|>assistant\n"hm"<|im_end|>\n'
        "<|im_start|>user\n?<|im_end|>\n"
        '<|im_start|>assistant\n"'
    )
    assert tokens.count(1) == 4  # the special token, not its letters
    found = complete(backend, [request(CHAT)], lively_condition(backend))
    assert any(done.text for done in found.values())


def test_a_chat_needs_a_template(tiny_loaded: LoadedModel) -> None:
    bare = LocalBackend(replace(tiny_loaded, tokenizer=tiny_tokenizer(chat=False)))
    with pytest.raises(BadInput, match=r"has no chat template\. Use prompt A or C"):
        complete(bare, [request(CHAT)], Condition())
    assert bare.prompt_tokens(Prompt(text="ab"))


def other_engine(loaded: LoadedModel, model: Any) -> LocalBackend:
    return LocalBackend(replace(loaded, model=model, engine=partial(ExpandedCacheEngine, model)))


def test_both_engines_write_the_same_texts(backend: LocalBackend, tiny_loaded: LoadedModel) -> None:
    assert tiny_loaded.metadata.engine == "shared prefix"
    requests = [request(p, number=n) for n, p in enumerate(PROMPTS)]
    condition = lively_condition(backend)
    mixed = complete(backend, requests, condition)
    expanded = complete(other_engine(tiny_loaded, tiny_llama()), requests, condition)
    for key, done in mixed.items():
        assert (done.text, done.token_ids) == (expanded[key].text, expanded[key].token_ids)


def test_a_model_of_another_make_does_too(tiny_loaded: LoadedModel) -> None:
    model = tiny_gpt2()
    backend = other_engine(tiny_loaded, copy.deepcopy(model))
    found = complete(backend, [request(PROMPTS[0])], lively_condition(backend))
    assert len({done.token_ids for done in found.values()}) > 3


@pytest.mark.parametrize(
    "error",
    [RuntimeError("CUDA out of memory. Tried to allocate"), MemoryError(), "DefaultCPUAllocator"],
    ids=["cuda", "python", "cpu"],
)
def test_a_lack_of_memory_is_told_in_words(
    backend: LocalBackend, monkeypatch: pytest.MonkeyPatch, error: Exception | str
) -> None:
    # torch's own words on a CPU
    words = (
        "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory"
    )
    raised = (
        RuntimeError(f"{words}: you tried to allocate 9 bytes.")
        if error == "DefaultCPUAllocator"
        else error
    )

    def fail(*_: Any) -> None:
        raise raised  # type: ignore[misc]

    monkeypatch.setattr(SharedPrefixEngine, "step", fail)
    with pytest.raises(BackendFailed, match="ran out of memory"):
        complete(backend, [request("a")], Condition(max_tokens=3))


@pytest.mark.parametrize("cores", [1, 2])
def test_fewer_rows_at_once_write_the_same_and_that_is_recorded(
    tiny_loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch, cores: int
) -> None:
    requests = [request(p, number=n) for n, p in enumerate(PROMPTS)]
    condition = lively_condition(with_cores(tiny_loaded, 1))
    whole = complete(with_cores(tiny_loaded, 1), requests, condition)
    step = SharedPrefixEngine.step

    def limited(self: SharedPrefixEngine, tokens: Any) -> Any:
        if len(tokens) > 3:
            raise RuntimeError("CUDA out of memory. Tried to allocate")
        return step(self, tokens)

    monkeypatch.setattr(SharedPrefixEngine, "step", limited)
    backend = with_cores(tiny_loaded, cores)
    found = complete(backend, requests, condition)
    assert {key: done.token_ids for key, done in found.items()} == {
        key: done.token_ids for key, done in whole.items()
    }
    assert backend.metadata.rows_at_once is not None
    assert 1 <= backend.metadata.rows_at_once // cores <= 3  # in each lane
    again = complete(backend, requests, condition)  # it goes on with what fitted
    assert again.keys() == whole.keys()


def test_another_error_is_not_taken_for_a_lack_of_memory(
    backend: LocalBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(SharedPrefixEngine, "step", fail)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        complete(backend, [request("a")], Condition(max_tokens=3))


def test_what_between_steps_raises_comes_out(backend: LocalBackend) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(backend.complete([request("a")], Condition(), between_steps=stop))


def with_cores(loaded: LoadedModel, cores: int) -> LocalBackend:
    return LocalBackend(replace(loaded, metadata=replace(loaded.metadata, threads=cores)))


@pytest.mark.parametrize("cores", [2, 3, 16])
def test_lanes_side_by_side_write_what_one_writes_and_in_an_order_of_their_own(
    tiny_loaded: LoadedModel, cores: int
) -> None:
    requests = [request(p, number=n) for n, p in enumerate(PROMPTS)]
    condition = lively_condition(with_cores(tiny_loaded, 1))
    one = complete(with_cores(tiny_loaded, 1), requests, condition)
    orders = []
    for _ in range(3):
        found = complete(with_cores(tiny_loaded, cores), requests, condition)
        orders.append(list(found))
        assert {key: done.token_ids for key, done in found.items()} == {
            key: done.token_ids for key, done in one.items()
        }
    assert orders[0] == orders[1] == orders[2]


@pytest.mark.parametrize(
    ("make", "kind"),
    [(tiny_gpt2, "shared prefix"), (lambda: tiny_mistral(16), "expanded cache")],
    ids=["transformers' forward pass", "expanded cache"],
)
def test_lanes_share_a_model_of_transformers(
    tiny_loaded: LoadedModel, make: Callable[[], Any], kind: str
) -> None:
    # Both lanes are inside the same modules at once.
    model = make()
    picked = pick_engine(model)
    assert (picked.kind, picked.forward) == (kind, "transformers")
    loaded = replace(tiny_loaded, model=model, engine=picked.make)
    condition = lively_condition(with_cores(loaded, 1))
    requests = [request(p, number=n) for n, p in enumerate(PROMPTS)]
    one = complete(with_cores(loaded, 1), requests, condition)
    for _ in range(3):
        found = complete(with_cores(loaded, 2), requests, condition)
        assert {key: done.token_ids for key, done in found.items()} == {
            key: done.token_ids for key, done in one.items()
        }


def test_a_failure_in_a_lane_comes_out_in_words(
    tiny_loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(SharedPrefixEngine, "step", fail)
    with pytest.raises(BackendFailed, match="ran out of memory"):
        complete(with_cores(tiny_loaded, 2), [request("a"), request("b")], Condition(max_tokens=3))


@pytest.mark.parametrize("cores", [1, 2])
def test_stopping_ends_every_lane(tiny_loaded: LoadedModel, cores: int) -> None:
    class Stopped(Exception):
        pass

    pauses = []

    def stop() -> None:
        pauses.append(1)
        if len(pauses) == 4:
            raise Stopped

    before = threading.active_count()
    backend = with_cores(tiny_loaded, cores)
    with pytest.raises(Stopped):
        list(
            backend.complete(
                [request("a"), request("b")], Condition(max_tokens=400), between_steps=stop
            )
        )
    assert len(pauses) == 4
    assert threading.active_count() == before


def test_the_double_quotes_byte_closes_a_text(tiny_loaded: LoadedModel) -> None:
    class ByteFallback:
        all_special_ids = (0,)

        def get_vocab(self) -> dict[str, int]:
            return {"a": 5, '."': 6, "<0x22>": 7, "<0x23>": 8}

    backend = LocalBackend(replace(tiny_loaded, tokenizer=ByteFallback()))
    assert backend.exempt_tokens >= {0, 6, 7}
    assert not backend.exempt_tokens & {5, 8}

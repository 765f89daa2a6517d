"""Asking a served model many short questions at once, each answered by one text."""

from collections.abc import Callable, Iterator, Sequence

from core.conditions import Condition
from core.generation.backends import Request
from core.generation.prompts import Prompt
from core.generation.served.answers import Text
from core.generation.served.attempts import Record, record_nothing
from core.generation.served.backend import ServedBackend
from core.generation.served.line import Purse, Unit
from core.generation.served.parameters import biases_of, check_condition, left_out
from core.generation.served.redaction import without_key
from core.generation.served.round import Round


def asked(
    backend: ServedBackend,
    prompts: Sequence[Prompt],
    *,
    max_tokens: int,
    logit_bias: tuple[tuple[int, float], ...] = (),
    top_logprobs: int = 0,
    record: Record = record_nothing,
    purse: Purse | None = None,
    between: Callable[[], None] = lambda: None,
) -> Iterator[tuple[int, Text]]:
    """The answers, each as soon as it comes; a question whose tries are spent has none.

    They are asked for at temperature 0 where the server has that knob.

    Args:
        backend: of the model.
        prompts: chats.
        max_tokens: of an answer.
        logit_bias: (token id, bias), the same for all.
        top_logprobs: how many of the likeliest first tokens come with an answer.
        record: told of every attempt.
        purse: asked before every request.
        between: called at least every few hundredths of a second; what it raises ends the call.

    Yields:
        (position of the prompt, answer).

    Raises:
        BadInput: the server has no exact logit bias, and one is wanted.
        BackendFailed: the server refuses.
        Pausing: it does not answer now, or the cap is reached.
    """
    found, tokens = backend.capabilities, backend.tokens
    condition = Condition(
        temperature=1.0 if "temperature" in left_out(found) else 0.0,
        frequency_penalty=0.0,
        max_tokens=max_tokens,
        prompt="chat",
        logit_bias=logit_bias,
    )
    check_condition(condition, found, tokens, backend.model)
    requests = [Request(prompt, (0,), (), (place,)) for place, prompt in enumerate(prompts)]
    round_ = Round(
        backend.line,
        requests,
        [Unit(place, (0,)) for place in range(len(requests))],
        condition=condition,
        biases=[biases_of(request, condition, tokens) for request in requests],
        record=record,
        purse=purse,
        top_logprobs=top_logprobs,
    )
    secrets = backend.server.secrets
    for unit, answer in backend.drive(round_, between_steps=between):
        for text in answer.texts[:1]:
            kept = tuple((without_key(token, secrets), value) for token, value in text.likeliest)
            yield unit.request, Text(without_key(text.text, secrets), text.finish_reason, kept)

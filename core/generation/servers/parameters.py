"""What a request to a server says: a condition's knobs under the names that the server knows.

A knob that is known to have no effect there is refused before anything is sent, unless it stands
where it changes nothing: no run claims a setting that never was.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.domain.conditions import MAX_BIAS_ENTRIES, Condition
from core.domain.errors import BadInput
from core.domain.registries.capabilities import CAPABILITIES, Capabilities
from core.domain.serialization import Json
from core.generation.backends import Request
from core.generation.prompts import QUOTE, Prompt
from core.generation.servers.answers import Api, ExpectedAnswer
from core.generation.servers.known_limits import check_known, is_biased
from core.generation.servers.tokenizers import Tokenizer, check_ids


def api_for(condition: Condition, capabilities: Capabilities) -> Api:
    """The route that a condition's prompt takes; prompts A and C go as a chat where the server is
    known to have no Completions."""
    is_text = condition.prompt != "chat" and not capabilities.lacks("completions")
    return "completions" if is_text else "chat"


def unsupported_knobs(capabilities: Capabilities) -> list[str]:
    """The knobs that are not sent, as the server is known not to have them, and `stop`."""
    knobs = [capability.key for capability in CAPABILITIES if capability.knob is not None]
    return [key for key in (*knobs, "stop") if capabilities.lacks(key)]


def check_condition(
    condition: Condition, capabilities: Capabilities, tokenizer: Tokenizer | None
) -> None:
    """Refuse what could only be pretended.

    Raises:
        BadInput: as `check_known`, or suppression has no tokenizer.
    """
    check_known(condition, capabilities)
    if not is_biased(condition):
        return
    if tokenizer is None:
        raise BadInput(
            f"The token ids of '{capabilities.model}' on {capabilities.base_url} are not known, "
            "and they are never guessed: suppression is not possible.",
            "Name a tokenizer in the connection, or choose an approximation.",
        )
    check_ids(tokenizer, [token for token, _ in condition.logit_bias])


def biases_of(
    request: Request, condition: Condition, tokenizer: Tokenizer | None
) -> dict[str, float]:
    """The `logit_bias` to send: token id to the sum of what suppression and the user want.

    Raises:
        BadInput: there are more than 300 entries, or an id is none of the model's.
    """
    summed: dict[int, float] = {}
    suppressed = request.biases if condition.suppression.method == "logit_bias" else ()
    for token, bias in (*suppressed, *condition.logit_bias):
        summed[token] = summed.get(token, 0.0) + bias
    if len(summed) > MAX_BIAS_ENTRIES:
        raise BadInput(
            f"There are {len(summed)} logit biases, suppressed tokens and fixed ones together.",
            f"Suppress fewer tokens: at most {MAX_BIAS_ENTRIES} in all.",
        )
    if tokenizer is not None:
        check_ids(tokenizer, summed)
    return {str(token): max(-100.0, min(100.0, bias)) for token, bias in summed.items()}


def body_of(
    request: Request,
    condition: Condition,
    capabilities: Capabilities,
    *,
    api: Api,
    indices: tuple[int, ...],
    biases: Mapping[str, float],
) -> dict[str, Json]:
    """The parameters of one request.

    Args:
        request: whose prompt and random stream it takes.
        condition: the knobs.
        capabilities: of the model.
        api: the route.
        indices: which of the request's texts it asks for.
        biases: as `biases_of` gives them.
    """
    body: dict[str, Json] = {"model": capabilities.model}
    if api == "completions":
        body["prompt"] = request.prompt.text
        if not capabilities.lacks("stop"):
            body["stop"] = [QUOTE]
    else:
        body["messages"] = _as_messages(request.prompt)
    body[capabilities.token_field if api == "chat" else "max_tokens"] = condition.max_tokens
    for capability in CAPABILITIES:
        works = getattr(capabilities, capability.key) == "exact"
        if capability.constant is not None and works:
            body[capability.key] = capability.constant
        if capability.knob is None or capabilities.lacks(capability.key):
            continue
        value = capability.value(condition)
        if works or not capability.extension or value not in capability.neutral:
            body[capability.key] = value
    if len(indices) > 1:
        body["n"] = len(indices)
    elif capabilities.seed == "exact":
        # Several texts of one request would all share it, on some servers as the same text.
        sequence = np.random.SeedSequence([*request.entropy, indices[0]])
        body["seed"] = int(sequence.generate_state(1)[0]) >> 1
    if biases:
        body["logit_bias"] = dict(biases)
    return body


def _as_messages(prompt: Prompt) -> list[dict[str, str]]:
    if prompt.is_chat:
        return [{"role": turn.role, "content": turn.content} for turn in prompt.messages]
    return [{"role": "user", "content": prompt.text}]


_BYTES_A_TOKEN = 2
# What a server's chat template may put around it, such as a system turn of the model's own.
_AROUND = 16


def max_prompt_tokens(prompt: Prompt) -> int:
    """How many tokens a prompt takes, rather too many: about half more for English.

    A token is seldom shorter than two bytes. Of a chat, the words that name its turns stand for
    what the server's template puts there.
    """
    return len(prompt.preview().encode()) // _BYTES_A_TOKEN + _AROUND


# Texts that one request asks for at most, where the server gives several; OpenAI's own limit.
_MAX_TEXTS_PER_REQUEST = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerRequest:
    """One HTTP request for texts.

    Args:
        position: of the `Request` that it serves, among those that are asked together.
        indices: which of its texts it asks for.
        body: the parameters, as `body_of` gives them.
        expected: what they ask for, by which the answer is read.
        max_tokens_in: tokens of its prompt at most.
        max_tokens_out: tokens of all its texts at most.
        usage_known: whether the server reports the tokens of all its texts.
        cycle: of the iteration it serves, from 1; None outside of a run.
        label: the name of the label it asks texts for; None outside of a run.
    """

    position: int
    indices: tuple[int, ...]
    body: Mapping[str, Json]
    expected: ExpectedAnswer
    max_tokens_in: int
    max_tokens_out: int
    usage_known: bool
    cycle: int | None
    label: str | None


def server_requests(
    requests: Sequence[Request],
    condition: Condition,
    capabilities: Capabilities,
    tokenizer: Tokenizer | None,
    *,
    several: bool,
    label_names: Sequence[str] = (),
    top_logprobs: int = 0,
    unwrap: bool = False,
) -> list[ServerRequest]:
    """The HTTP requests that ask for the texts of these requests.

    Args:
        requests: as given to `Backend.complete`.
        condition: the knobs.
        capabilities: of the model.
        tokenizer: the model's; None is unknown.
        several: whether one may ask for several texts.
        label_names: of the run's task, in its order; empty outside of a run.
        top_logprobs: how many of the likeliest first tokens a chat's answers come with.
        unwrap: as in `answers.ExpectedAnswer`.

    Raises:
        BadInput: the server can't do what is wanted.
    """
    check_condition(condition, capabilities, tokenizer)
    api = api_for(condition, capabilities)
    size = _MAX_TEXTS_PER_REQUEST if several else 1
    odds: dict[str, Json] = {"logprobs": True, "top_logprobs": top_logprobs}
    divided = []
    for position, request in enumerate(requests):
        biases = biases_of(request, condition, tokenizer)
        cycle, label = None, None
        if label_names:
            cycle, label_index = request.entropy[-2:]
            label = label_names[label_index]
        for start in range(0, len(request.indices), size):
            indices = request.indices[start : start + size]
            body = body_of(
                request, condition, capabilities, api=api, indices=indices, biases=biases
            )
            divided.append(
                ServerRequest(
                    position=position,
                    indices=indices,
                    body=body | odds if top_logprobs else body,
                    expected=ExpectedAnswer(
                        api,
                        n=len(indices),
                        open_quote=not request.prompt.is_chat,
                        max_tokens=condition.max_tokens,
                        unwrap=unwrap,
                    ),
                    max_tokens_in=max_prompt_tokens(request.prompt),
                    max_tokens_out=condition.max_tokens * len(indices),
                    usage_known=len(indices) == 1 or capabilities.usage_of_several == "exact",
                    cycle=cycle,
                    label=label,
                )
            )
    return divided

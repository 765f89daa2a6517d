"""What a request to a server says: a condition's knobs under the names that the server knows.

A knob that is known to have no effect there is refused before anything is sent, unless it stands
where it changes nothing: no run claims a setting that never was.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from core.domain.conditions import MAX_BIAS_ENTRIES, Condition
from core.domain.errors import BadInput
from core.generation.backends import Request
from core.generation.prompts import QUOTE, Prompt
from core.generation.servers.answers import Api
from core.generation.servers.capabilities import Capabilities, Support
from core.generation.servers.tokenizers import Tokenizer, check_ids

_LACKING: tuple[Support, ...] = ("ignored", "refused", "wrong")
# Knob, its words, and the value at which it does nothing.
_NEUTRAL = (("temperature", "The temperature", 1.0), ("top_p", "top_p", 1.0), ("min_p", "min_p", 0))
# The paper's penalty (section 4.1) is too small to be worth refusing a server for.
PAPERS_PENALTY = 0.02
_ANYWHERE = "Choose another model or server"


def api_for(condition: Condition, found: Capabilities) -> Api:
    """The route that a condition's prompt takes; prompts A and C go as a chat where the server is
    known to have no Completions."""
    text = condition.prompt != "chat" and found.completions not in _LACKING
    return "completions" if text else "chat"


def left_out(found: Capabilities) -> list[str]:
    """The knobs that are not sent, as the server is known not to have them."""
    names = ("temperature", "top_p", "min_p", "frequency_penalty", "stop")
    return [name for name in names if getattr(found, name) in _LACKING]


def check_condition(
    condition: Condition, found: Capabilities, tokens: Tokenizer | None, model: str
) -> None:
    """Refuse what could only be pretended.

    Raises:
        BadInput: a knob has no effect on this server, or suppression has no tokenizer or no living
            canary.
    """
    for name, words, neutral in _NEUTRAL:
        value = getattr(condition, name)
        if value != neutral and getattr(found, name) in _LACKING:
            raise BadInput(
                f"{words} {value:g} would have no effect: '{model}' on {found.base_url} does not "
                "honour it.",
                f"Set it to {neutral:g}, or choose another model or server.",
            )
    penalty = condition.frequency_penalty
    by_penalty = condition.suppression.on and condition.suppression.method == "frequency_penalty"
    if (by_penalty or penalty not in (0, PAPERS_PENALTY)) and (found.frequency_penalty in _LACKING):
        raise BadInput(
            f"The frequency penalty would have no effect: '{model}' on {found.base_url} does not "
            "honour it.",
            f"Leave it out. {_ANYWHERE} for it.",
        )
    by_bias = condition.suppression.on and condition.suppression.method == "logit_bias"
    if not by_bias and not condition.logit_bias:
        return
    if found.canary.verdict != "exact":
        verdict = found.canary.verdict
        known = "was not tested yet" if verdict == "unknown" else f"is {verdict}"
        raise BadInput(
            f"Logit bias {known} for '{model}' on {found.base_url}, so suppression could only be "
            "pretended.",
            "Test the connection, or choose an approximation: frequency penalty or words to avoid.",
        )
    if tokens is None:
        raise BadInput(
            f"The token ids of '{model}' on {found.base_url} are not known, and they are never "
            "guessed: suppression is not possible.",
            "Name a tokenizer in the connection, or choose an approximation.",
        )
    check_ids(tokens, [token for token, _ in condition.logit_bias])


def biases_of(request: Request, condition: Condition, tokens: Tokenizer | None) -> dict[str, float]:
    """The `logit_bias` to send: token id to the sum of what suppression and the user want.

    Raises:
        BadInput: there are more than 300 entries, or an id is none of the model's.
    """
    wanted: dict[int, float] = {}
    own = request.biases if condition.suppression.method == "logit_bias" else ()
    for token, bias in (*own, *condition.logit_bias):
        wanted[token] = wanted.get(token, 0.0) + bias
    if len(wanted) > MAX_BIAS_ENTRIES:
        raise BadInput(
            f"There are {len(wanted)} logit biases, suppressed tokens and fixed ones together.",
            f"Suppress fewer tokens: at most {MAX_BIAS_ENTRIES} in all.",
        )
    if tokens is not None:
        check_ids(tokens, wanted)
    return {str(token): max(-100.0, min(100.0, bias)) for token, bias in wanted.items()}


def body_of(
    request: Request,
    condition: Condition,
    found: Capabilities,
    *,
    model: str,
    api: Api,
    indices: tuple[int, ...],
    biases: Mapping[str, float],
) -> dict[str, Any]:
    """The parameters of one request for the `openai` package.

    Args:
        request: whose prompt and random stream it takes.
        condition: the knobs.
        found: what the server can do.
        model: the server's name.
        api: the route.
        indices: which of the request's texts it asks for.
        biases: as `biases_of` gives them.
    """
    missing = left_out(found)
    body: dict[str, Any] = {"model": model}
    if api == "completions":
        body["prompt"] = request.prompt.text
        if "stop" not in missing:
            body["stop"] = [QUOTE]
    else:
        body["messages"] = _as_messages(request.prompt)
    field = found.token_field if api == "chat" else "max_tokens"
    body[field] = condition.max_tokens
    knobs = {
        "temperature": condition.temperature,
        "top_p": condition.top_p,
        "frequency_penalty": condition.frequency_penalty,
    }
    body |= {name: value for name, value in knobs.items() if name not in missing}
    if len(indices) > 1:
        body["n"] = len(indices)
    elif found.seed == "exact":
        # Several texts of one request would all hang on it, on some servers as the same text.
        sequence = np.random.SeedSequence([*request.entropy, indices[0]])
        body["seed"] = int(sequence.generate_state(1)[0]) >> 1
    if biases:
        body["logit_bias"] = dict(biases)
    extra: dict[str, Any] = {}
    # Servers' own defaults (llama.cpp: 40 and 0.05) would narrow every text in silence.
    if found.top_k == "exact":
        extra["top_k"] = 0
    if found.min_p == "exact" or (condition.min_p > 0 and "min_p" not in missing):
        extra["min_p"] = condition.min_p
    if extra:
        body["extra_body"] = extra
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

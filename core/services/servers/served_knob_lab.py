"""What a question of the knob lab is about: the very prompt, and what is suppressed in it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from core.domain.errors import BadInput, NoAnswer
from core.domain.runs import RunSpec, Sample
from core.generation.backends import Backend
from core.generation.local.next_token import change
from core.generation.local.sampling import Knobs
from core.generation.prompts import Prompt, prompt_for
from core.generation.servers.backend import ServedBackend, ask_all
from core.generation.suppression import SuppressedToken, Tally, suppressed_tokens


def prompt_of(
    spec: RunSpec, label_index: int, samples: Sequence[Sample], *, cycle: int | None = None
) -> Prompt:
    """The prompt for a label as a run sends it, its examples drawn from these samples.

    Args:
        spec: the run.
        label_index: in task order.
        samples: what was written before.
        cycle: counted from 1; None is the second where anything was written, else the first.

    Raises:
        BadInput: there is no such label.
    """
    if not 0 <= label_index < len(spec.task.labels):
        raise BadInput("There is no such label.", "Choose one of the task's.")
    written: dict[str, list[str]] = {}
    for sample in sorted(samples, key=lambda sample: (sample.cycle, sample.index)):
        if sample.outcome == "usable":
            written.setdefault(sample.label, []).append(sample.text)
    number = cycle if cycle is not None else (2 if written else 1)
    return prompt_for(spec, cycle=number, label_index=label_index, written=written)


def suppressed_of(
    backend: Backend, spec: RunSpec, label_index: int, samples: Sequence[Sample]
) -> list[SuppressedToken]:
    """What is suppressed after these samples, for a label where labels are tallied apart."""
    tally = Tally(backend.exempt_tokens)
    label = spec.task.label_names[label_index]
    for sample in samples:
        if spec.condition.suppression.scope == "dataset" or sample.label == label:
            tally.add(sample.token_ids)
    return suppressed_tokens(tally, spec.condition.suppression)


_PIECES = str.maketrans({"\u0120": " ", "\u2581": " "})  # how tokenizers write a leading space


def first_tokens(
    backend: Backend,
    spec: RunSpec,
    *,
    label_index: int,
    prefix: str,
    samples: Sequence[Sample],
    cache: dict[tuple[str, ...], Any],
    seconds: Callable[[], float],
) -> dict[str, Any]:
    """One short request, and the answer of `core.services.servers.knob_lab.Lab.next_token` from it.

    Args:
        backend: of the server's model.
        spec: with the knobs as they stand; its prompt is sent as a chat.
        label_index: the label asked for.
        prefix: must be empty: a chat can't be gone on with.
        samples: whose tokens are tallied, and who are the examples.
        cache: likeliest tokens by prompt; added to here, so that changing a knob costs no request.
        seconds: since the question came.

    Raises:
        NoAnswer: the server does not tell its likeliest tokens, or a prefix was given.
    """
    import torch

    if not isinstance(backend, ServedBackend) or backend.capabilities.top_logprobs != "exact":
        raise NoAnswer(
            "This server does not tell its likeliest tokens, as far as its test found.",
            "Test it on Connect, or choose a local model.",
        )
    if prefix:
        raise NoAnswer(
            "A server tells the first token of an answer alone.", "Clear the text so far."
        )
    chat = replace(spec, condition=replace(spec.condition, prompt="chat"))
    prompt = prompt_of(chat, label_index, samples)
    most = backend.capabilities.most_logprobs
    key = (spec.model.base_url, spec.model.model, prompt.preview())
    if key not in cache:
        answers = [text for _, text in ask_all(backend, [prompt], max_tokens=1, top_logprobs=most)]
        cache.clear()  # one prompt is on view at a time
        cache[key] = answers[0].likeliest if answers else ()
    likeliest = cache[key]
    if not likeliest:
        raise NoAnswer("The server told no likeliest token.", "Try again, or test it on Connect.")
    texts = [text.translate(_PIECES) for text, _ in likeliest]
    rows = suppressed_of(backend, spec, label_index, samples)
    # By their texts, as the server reports no ids; of equal texts the first, likelier token counts.
    by_text = {backend.token_text(row.token): row for row in reversed(rows)}
    held = {place: by_text[text] for place, text in enumerate(texts) if text in by_text}
    changed = change(
        torch.tensor([value for _, value in likeliest], dtype=torch.float32),
        Knobs.of(spec.condition),
        biases={place: row.bias for place, row in held.items()},
        top=len(likeliest),
    )
    places = [row.token for row in changed.tokens]
    return {
        "tokens": {
            "token": places,
            "text": [texts[place] for place in places],
            "before": [row.before for row in changed.tokens],
            "after": [row.after for row in changed.tokens],
            "bias": [row.bias for row in changed.tokens],
            "share": [held[place].share if place in held else None for place in places],
        },
        "moved": changed.moved,
        "suppressed_before": changed.suppressed_before,
        "suppressed_after": changed.suppressed_after,
        "bits_before": changed.bits_before,
        "bits_after": changed.bits_after,
        "possible": changed.possible,
        "suppressed": len(held),
        "known": min(1.0, sum(math.exp(value) for _, value in likeliest)),
        "prompt": prompt.preview(),
        "prompt_tokens": None,
        "seconds": seconds(),
    }

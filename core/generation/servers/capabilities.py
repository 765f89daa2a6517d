"""What a model behind a server can do, as probing found it (`probing`), and how that is shown.

Nothing here talks to a server.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from core.domain.connections import TokenizerKind

Support = Literal["exact", "ignored", "refused", "wrong", "unknown"]
"""`exact`: it did what it says. `ignored`: accepted, without effect. `refused`: the server turned
the request down. `wrong`: it had an effect, and another than it says. `unknown`: not to be told."""

Verdict = Literal["exact", "ignored", "refused", "reversed", "partial", "unknown"]
"""A canary's: `reversed` turns biases round; `partial` passed one of its two trials."""

TokenField = Literal["max_tokens", "max_completion_tokens"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """Whether logit bias works: +100 on a token must force it, -100 must remove it.

    Args:
        verdict: see `Verdict`; logit suppression is for `exact` alone.
        untouched: the answer without a bias.
        forced: the text of the token that got +100.
        forced_answer: what came back.
        removed: the texts of the tokens that got -100.
        removed_answer: what came back.
        why: a sentence on what the verdict rests on.
    """

    verdict: Verdict = "unknown"
    untouched: str = ""
    forced: str = ""
    forced_answer: str = ""
    removed: tuple[str, ...] = ()
    removed_answer: str = ""
    why: str = ""

    @property
    def support(self) -> Support:
        """The verdict as a knob's."""
        if self.verdict in ("reversed", "partial"):
            return "wrong"
        return self.verdict  # type: ignore[return-value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What one model on one server can do. What was not probed is `unknown`.

    Args:
        base_url: of the connection.
        model: the server's name for it.
        temperature, top_p, top_k, min_p, frequency_penalty, logit_bias, seed, stop: the knobs.
        n: several texts a request.
        top_logprobs: the likeliest tokens of each place, with their log-probabilities.
        completions: the legacy route /completions, which prompts A and C need.
        streaming: the answer piece by piece.
        usage: the numbers of tokens of every answer.
        usage_of_several: the same where a request asks for several texts; some servers report the
            tokens of one of them.
        system_role: messages of the role `system`.
        token_field: the name under which the limit on new tokens is accepted.
        most_logprobs: how many of the likeliest tokens came back at most; 0 for none.
        server: what it seems to be, such as `llama.cpp`; empty where unknown.
        latency_ms: of the quickest short request; None where none came back.
        models: the models that the server lists, the first 200.
        tokenizer: where token ids come from, as `Tokens.name`; empty for nowhere.
        tokenizer_kind: the same as a connection's `tokenizer`.
        tokenizer_note: why there is none.
        vocabulary: number of token ids, if known.
        canary: of logit bias.
        notes: sentences on what went wrong or stays unknown.
        requests: how many requests the probe took.
        tokens_in: what it took as the server reported it; None where it reported nothing.
        tokens_out: the same of generated tokens.
        probed_at: seconds since 1970, UTC; the store's when it was saved.
    """

    base_url: str
    model: str
    temperature: Support = "unknown"
    top_p: Support = "unknown"
    top_k: Support = "unknown"
    min_p: Support = "unknown"
    frequency_penalty: Support = "unknown"
    logit_bias: Support = "unknown"
    n: Support = "unknown"
    seed: Support = "unknown"
    stop: Support = "unknown"
    top_logprobs: Support = "unknown"
    completions: Support = "unknown"
    streaming: Support = "unknown"
    usage: Support = "unknown"
    usage_of_several: Support = "unknown"
    system_role: Support = "unknown"
    token_field: TokenField = "max_tokens"
    most_logprobs: int = 0
    server: str = ""
    latency_ms: float | None = None
    models: tuple[str, ...] = ()
    tokenizer: str = ""
    tokenizer_kind: TokenizerKind = "none"
    tokenizer_note: str = ""
    vocabulary: int | None = None
    canary: Canary = Canary()
    notes: tuple[str, ...] = ()
    requests: int = 0
    tokens_in: int | None = None
    tokens_out: int | None = None
    probed_at: float | None = None

    @property
    def can_suppress(self) -> bool:
        """Whether logit suppression is exact: the canary lives and token ids are known."""
        return self.canary.verdict == "exact" and bool(self.tokenizer)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, the inverse of `capabilities_from_dict`."""
        return asdict(self)


def capabilities_from_dict(data: Mapping[str, Any]) -> Capabilities:
    """Build them from JSON data; keys that this version does not know are left out."""
    known = {field.name for field in fields(Capabilities)}
    values = {name: value for name, value in data.items() if name in known}
    for name in ("models", "notes"):
        values[name] = tuple(values.get(name, ()))
    canary = values.get("canary")
    if isinstance(canary, Mapping):
        names = {field.name for field in fields(Canary)}
        kept = {name: value for name, value in canary.items() if name in names}
        values["canary"] = Canary(**{**kept, "removed": tuple(kept.get("removed", ()))})
    return Capabilities(**values)


_SAID: dict[Support, str] = {
    "exact": "works",
    "ignored": "accepted, without effect",
    "refused": "refused",
    "wrong": "does something else",
    "unknown": "unknown",
}

# Field, its name for people, and what is lost without it.
_ROWS: tuple[tuple[str, str, str], ...] = (
    ("temperature", "Temperature", "The main knob of diversity has no effect."),
    ("logit_bias", "Logit bias", "Logit suppression is not possible; approximations are."),
    ("n", "Several texts a request", "Each text is a request of its own, with its own prompt."),
    ("seed", "Seed", "A run can't be repeated exactly."),
    ("stop", "Stop text", "Texts run on to the limit and are cut at the quote afterwards."),
    ("top_p", "top_p", "The knob has no effect."),
    ("min_p", "min_p", "The knob has no effect."),
    ("top_k", "top_k", "The server's own top_k may narrow every text."),
    ("frequency_penalty", "Frequency penalty", "The knob has no effect."),
    ("top_logprobs", "Likeliest tokens", "The next tokens' odds can't be drawn."),
    ("completions", "Completions", "Prompts A and C are sent as a chat."),
    ("streaming", "Streaming", "Answers arrive whole."),
    ("usage", "Token usage", "What is spent stays unknown, and a cap in money is refused."),
    (
        "usage_of_several",
        "Token usage of several texts",
        "What such a request took stays unknown; with a cap in money or tokens each text is a "
        "request of its own.",
    ),
    ("system_role", "System role", "Instructions stand in the user's message."),
)


@dataclass(frozen=True, slots=True)
class CapabilityRow:
    """A line of the capability table.

    Args:
        key: the field of `Capabilities`.
        what: its name for people.
        support: see `Support`.
        said: the support in plain words.
        meaning: what is lost, or a detail; may be empty.
    """

    key: str
    what: str
    support: Support
    said: str
    meaning: str


def capability_table(found: Capabilities) -> list[CapabilityRow]:
    """The capability table, the knobs that matter most first."""
    rows = []
    for key, what, lost in _ROWS:
        support: Support = getattr(found, key)
        meaning = "" if support in ("exact", "unknown") else lost
        if key == "logit_bias" and found.canary.why:
            meaning = " ".join([found.canary.why, meaning]).strip()
        elif key == "logit_bias" and support == "unknown":
            meaning = found.tokenizer_note
        elif key == "top_logprobs" and support == "exact":
            meaning = f"{found.most_logprobs} at most."
        rows.append(CapabilityRow(key, what, support, _SAID[support], meaning))
    return rows

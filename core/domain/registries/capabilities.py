"""What a model behind a server can do, as probing found it (`probing`), and how that is shown.

Nothing here talks to a server.
"""
# ruff: noqa: RUF009 -- a field that declares a capability is made by a function

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import reduce
from typing import Any, Literal

from core.domain.conditions import Condition
from core.domain.connections import TokenizerKind
from core.domain.registries.knob import Knob
from core.domain.registries.knobs import KNOBS

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
class Capability:
    """One thing that a server may be able to do, declared at the field of `Capabilities`.

    Args:
        key: of that field; of a knob the name of its parameter in requests.
        title: for people; of a knob its own.
        lost: what is lost without it.
        knob: the knob whose value is sent under `key`, by its `server_names`; None for none.
        neutral: values of the knob that are not worth refusing a server for that lacks it; the
            first is proposed in its place.
        extension: the parameter is not one of OpenAI's own, and is sent where it is known to work
            or needed.
        constant: sent wherever the parameter is known to work; None for nothing.
        narrowest: value at which it makes a hot model as cold as temperature 0; None where it has
            none.
    """

    key: str
    title: str
    lost: str
    knob: Knob | None = None
    neutral: tuple[float, ...] = ()
    extension: bool = False
    constant: float | None = None
    narrowest: float | None = None

    def value(self, condition: Condition) -> float:
        """The knob's value in a condition."""
        assert self.knob is not None
        value = reduce(getattr, self.knob.path[1:], condition)
        assert isinstance(value, int | float)
        return value


def _capability(title: str, lost: str, **declared: Any) -> Any:
    """A field that holds a `Support` and declares a `Capability`."""
    declaration = {"title": title, "lost": lost, **declared}
    return field(default="unknown", metadata={"capability": declaration})


def _knob(*neutral: float, lost: str = "The knob has no effect.", **declared: Any) -> Any:
    """The same of the knob that servers know by the field's name."""
    return _capability("", lost, neutral=neutral, **declared)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What one model on one server can do. What was not probed is `unknown`.

    The order of the fields that declare a `Capability` is that of the table.

    Args:
        base_url: of the connection.
        model: the server's name for it.
        logit_bias: as the canary found it.
        n: several texts per request.
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
    temperature: Support = _knob(1.0, lost="The main knob of diversity has no effect.")
    logit_bias: Support = _capability(
        "Logit bias", "Logit suppression is not possible; approximations are."
    )
    n: Support = _capability(
        "Several texts per request", "Each text is a request of its own, with its own prompt."
    )
    seed: Support = _capability("Seed", "A run can't be repeated exactly.")
    stop: Support = _capability(
        "Stop text", "Texts run on to the limit and are cut at the quote afterwards."
    )
    top_p: Support = _knob(1.0, narrowest=0.0001)
    min_p: Support = _knob(0.0, extension=True, narrowest=1.0)
    # Servers' own defaults (llama.cpp: top_k 40) would narrow every text in silence.
    top_k: Support = _capability(
        "top_k", "The server's own top_k may narrow every text.", constant=0, narrowest=1
    )
    # The paper's penalty (0.02, section 4.1) is too small to be worth refusing a server for.
    frequency_penalty: Support = _knob(0.0, 0.02)
    top_logprobs: Support = _capability("Likeliest tokens", "The next tokens' odds can't be drawn.")
    completions: Support = _capability("Completions", "Prompts A and C are sent as a chat.")
    streaming: Support = _capability("Streaming", "Answers arrive whole.")
    usage: Support = _capability(
        "Token usage", "What is spent stays unknown, and a cap in money is refused."
    )
    usage_of_several: Support = _capability(
        "Token usage of several texts",
        "What such a request took stays unknown; with a cap in money or tokens each text is a "
        "request of its own.",
    )
    system_role: Support = _capability("System role", "Instructions stand in the user's message.")
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

    def lacks(self, key: str) -> bool:
        """Whether a capability is known to be missing."""
        return getattr(self, key) in ("ignored", "refused", "wrong")


def _declared(key: str, declaration: Mapping[str, Any]) -> Capability:
    capability = Capability(key=key, **declaration)
    if not capability.neutral:
        return capability
    knob = next(knob for knob in KNOBS if key in knob.server_names)
    return replace(capability, knob=knob, title=knob.title)


CAPABILITIES: tuple[Capability, ...] = tuple(
    _declared(item.name, item.metadata["capability"])
    for item in fields(Capabilities)
    if "capability" in item.metadata
)
"""All capabilities, in the order of display."""

SUPPORT_WORDS: dict[Support, str] = {
    "exact": "works",
    "ignored": "accepted, without effect",
    "refused": "refused",
    "wrong": "does something else",
    "unknown": "unknown",
}


@dataclass(frozen=True, slots=True)
class CapabilityRow:
    """A line of the capability table.

    Args:
        key: the field of `Capabilities`.
        title: its name for people.
        support: see `Support`.
        words: the support in plain words.
        meaning: what is lost, or a detail; may be empty.
    """

    key: str
    title: str
    support: Support
    words: str
    meaning: str


def capability_table(capabilities: Capabilities) -> list[CapabilityRow]:
    """The capability table, the knobs that matter most first."""
    rows = []
    for capability in CAPABILITIES:
        support: Support = getattr(capabilities, capability.key)
        meaning = capability.lost if capabilities.lacks(capability.key) else ""
        if capability.key == "logit_bias" and capabilities.canary.why:
            meaning = " ".join([capabilities.canary.why, meaning]).strip()
        elif capability.key == "logit_bias" and support == "unknown":
            meaning = capabilities.tokenizer_note
        elif capability.key == "top_logprobs" and support == "exact":
            meaning = f"{capabilities.most_logprobs} at most."
        words = SUPPORT_WORDS[support]
        rows.append(CapabilityRow(capability.key, capability.title, support, words, meaning))
    return rows

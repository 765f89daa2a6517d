"""What the knob lab answers: the next token's distribution, and a text token by token."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ListedToken:
    """One of the likeliest next tokens.

    Args:
        token: its id; of a server's, its place in the list, as ids are unknown.
        before: probability under the model alone (temperature 1, no bias), 0 to 1.
        after: probability of being drawn with the knobs, 0 to 1; 0 where it was cut.
        bias: its logit bias, 0 without.
        text: how it reads.
        share: of the counted tokens, above 0 to 1; None where it is not suppressed.
    """

    token: int
    before: float
    after: float
    bias: float
    text: str = ""
    share: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What the knobs make of a distribution.

    Args:
        tokens: the likeliest with or without the knobs, the likeliest without them first.
        moved: total variation distance, 0 to 1: how much probability lies elsewhere now.
        suppressed_before: probability of the tokens with a negative bias, without the knobs.
        suppressed_after: the same with them.
        bits_before: entropy without the knobs.
        bits_after: entropy with them.
        possible: tokens that can be drawn.
    """

    tokens: tuple[ListedToken, ...]
    moved: float
    suppressed_before: float
    suppressed_after: float
    bits_before: float
    bits_after: float
    possible: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NextToken:
    """The next token's distribution without and with the knobs.

    Args:
        change: from the one to the other.
        suppressed: how many tokens are suppressed.
        prompt: as a person reads it.
        prompt_tokens: its length; None where it is unknown.
        known: of a server's, the probability of the listed tokens, to which the rest refers.
    """

    change: Change
    suppressed: int
    prompt: str
    prompt_tokens: int | None = None
    known: float | None = None


@dataclass(frozen=True, slots=True)
class WalkedToken:
    """A token of a generated text.

    Args:
        text: how it reads.
        before: its probability under the model alone, 0 to 1.
        after: its probability with the run's knobs, 0 to 1.
        rank: its rank with the knobs, from 1.
        bias: its logit bias, 0 without.
        others: (text, probability with the knobs) of the likeliest tokens, itself included.
    """

    text: str
    before: float
    after: float
    rank: int
    bias: float
    others: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Walk:
    """A generated text token by token; `shortened` where only its beginning is listed."""

    tokens: tuple[WalkedToken, ...]
    shortened: bool

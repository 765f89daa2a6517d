"""Condition: one setting of all knobs, validated before anything is spent."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, get_args

from core.errors import BadInput

MAX_BIAS_ENTRIES = 300
MAX_TEXTS_A_REQUEST = 100

PromptForm = Literal["A", "C", "chat"]
TallyScope = Literal["dataset", "label"]
Method = Literal["logit_bias", "frequency_penalty", "avoid_words"]


@dataclass(frozen=True, slots=True)
class Suppression:
    """Logit suppression (paper, section 4.1): frequent tokens get a negative logit bias.

    Args:
        strength: bias for each percent of share; 0 is off, the paper uses 7.5; range 0 to 20.
        tokens: how many of the most frequent tokens are suppressed; 0 to 300, the paper uses 100.
        floor: the lowest bias; None stands for -strength as in the paper, else -100 to 0.
        scope: what the tally counts: the whole dataset so far (paper) or the label's own texts.
        method: how it is brought about. `logit_bias` is the paper's. Where a server does not honour
            it, two approximations stand in, under their own names: `frequency_penalty` raises that
            knob by the strength over 7.5, at most to 2; `avoid_words` asks in the prompt to avoid
            the most frequent words.
    """

    strength: float = 0.0
    tokens: int = 100
    floor: float | None = None
    scope: TallyScope = "dataset"
    method: Method = "logit_bias"

    def __post_init__(self) -> None:
        _check_range("The suppression strength", self.strength, 0, 20)
        _check_whole("The number of suppressed tokens", self.tokens, 0, MAX_BIAS_ENTRIES)
        if self.floor is not None:
            _check_range("The suppression floor", self.floor, -100, 0)
        if self.scope not in ("dataset", "label"):
            raise BadInput(f"The tally '{self.scope}' is unknown.", "Use dataset or label.")
        if self.method not in get_args(Method):
            raise BadInput(
                f"The suppression method '{self.method}' is unknown.",
                f"Use {', '.join(get_args(Method))}.",
            )

    @property
    def lowest(self) -> float:
        """The lowest bias that a token can get, in logits (at most 0)."""
        return -self.strength if self.floor is None else self.floor

    @property
    def on(self) -> bool:
        """Whether any token can be suppressed at all."""
        return self.strength > 0 and self.tokens > 0


@dataclass(frozen=True, slots=True)
class Condition:
    """One setting of all knobs (paper, section 4.1, for the defaults named so).

    Args:
        temperature: 0 to 2; 0 is greedy.
        top_p: nucleus kept, above 0 to 1; the paper uses 1.
        min_p: least probability as a share of the likeliest token's, 0 to 1; 0 is off.
        frequency_penalty: taken from a token's logit for each time the text holds it already;
            -2 to 2, the paper uses 0.02.
        max_tokens: new tokens a text at most, 1 to 1000; the paper uses 100.
        texts_a_request: texts of one iteration, 1 to 100; the paper uses 20.
        suppression: logit suppression.
        prompt: prompt A (section 4.1), prompt C (appendix F), or the same words as a chat.
        strict_order: tally and example pool move on after every iteration, as in the paper,
            instead of after every cycle (which decodes a cycle's labels together).
        only_new: a duplicate does not count towards the target.
        logit_bias: fixed biases of the user's own, token id to -100..100, at most 300 entries.

    Raises:
        BadInput: a value is out of its range, not a number, or of the wrong kind.
    """

    temperature: float = 0.7
    top_p: float = 1.0
    min_p: float = 0.0
    frequency_penalty: float = 0.02
    max_tokens: int = 100
    texts_a_request: int = 20
    suppression: Suppression = field(default_factory=Suppression)
    prompt: PromptForm = "A"
    strict_order: bool = False
    only_new: bool = False
    logit_bias: tuple[tuple[int, float], ...] = ()

    def __post_init__(self) -> None:
        _check_range("The temperature", self.temperature, 0, 2)
        _check_range("top_p", self.top_p, 0, 1)
        if self.top_p == 0:
            raise BadInput("top_p is 0, which keeps no token.", "Set it above 0; 1 is off.")
        _check_range("min_p", self.min_p, 0, 1)
        _check_range("The frequency penalty", self.frequency_penalty, -2, 2)
        _check_whole("The number of tokens a text", self.max_tokens, 1, 1000)
        _check_whole("The number of texts a request", self.texts_a_request, 1, MAX_TEXTS_A_REQUEST)
        if not isinstance(self.suppression, Suppression):
            raise BadInput("The suppression is no set of knobs.", "Give strength and the like.")
        for name in ("strict_order", "only_new"):
            if not isinstance(getattr(self, name), bool):
                raise BadInput(f"The knob '{name}' is neither true nor false.", "Set it to one.")
        if self.prompt not in ("A", "C", "chat"):
            raise BadInput(f"The prompt '{self.prompt}' is unknown.", "Use A, C or chat.")
        if len(self.logit_bias) > MAX_BIAS_ENTRIES:
            raise BadInput(
                f"There are {len(self.logit_bias)} logit biases.",
                f"Give at most {MAX_BIAS_ENTRIES}.",
            )
        if len({token for token, _ in self.logit_bias}) < len(self.logit_bias):
            raise BadInput("A logit bias names a token twice.", "Give each token one bias.")
        for token, bias in self.logit_bias:
            _check_whole("A logit bias's token id", token, 0, 2**31 - 1)
            _check_range(f"The logit bias of token {token}", bias, -100, 100)

    def to_dict(self) -> dict[str, Any]:
        """The condition as JSON-ready data, the inverse of `condition_from_dict`."""
        data = asdict(self)
        data["logit_bias"] = [list(pair) for pair in self.logit_bias]
        return data


def condition_from_dict(data: Mapping[str, Any]) -> Condition:
    """Build a condition from JSON data; keys left out keep their defaults.

    Raises:
        BadInput: a key is unknown, or `Condition` refuses a value.
    """
    unknown = sorted(set(data) - {f.name for f in fields(Condition)})
    if unknown:
        raise BadInput(f"The knob '{unknown[0]}' is unknown.", "Check its name.")
    values = dict(data)
    suppression = values.get("suppression")
    if isinstance(suppression, Mapping):
        unknown = sorted(set(suppression) - {f.name for f in fields(Suppression)})
        if unknown:
            raise BadInput(f"The knob 'suppression.{unknown[0]}' is unknown.", "Check its name.")
        values["suppression"] = Suppression(**suppression)
    if "logit_bias" in values:
        pairs = values["logit_bias"]
        if not isinstance(pairs, list | tuple) or any(
            not isinstance(pair, list | tuple) or len(pair) != 2 for pair in pairs
        ):
            raise BadInput("The logit biases are no list of pairs.", "Give [token id, bias] pairs.")
        values["logit_bias"] = tuple((pair[0], pair[1]) for pair in pairs)
    return Condition(**values)


def _check_range(what: str, value: float, low: float, high: float) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not low <= value <= high:  # a NaN is in no range
        raise BadInput(
            f"{what} is {value}, which is not a number from {low:g} to {high:g}.",
            "Choose a value in that range.",
        )


def _check_whole(what: str, value: int, low: int, high: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise BadInput(
            f"{what} is {value}, which is not a whole number from {low} to {high}.",
            "Choose a value in that range.",
        )

"""Condition: one setting of all knobs, validated before anything is spent."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from core.domain.errors import BadInput
from core.domain.registries.knob import Knob, check_number, declared_knobs, knob

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

    strength: float = knob(
        0.0,
        name="suppression",
        title="Logit suppression",
        help="Makes frequently used tokens less likely: 0 is off, the paper uses 7.5.",
        high=20,
        step=0.5,
        short="S {:g}",
        off=0.0,
        off_words="no suppression",
        paper=(0.0, 7.5),
        widens=1,
        axis=True,
        axis_values=(0.0, 7.5),
        axis_choices=(0.0, 2.5, 5.0, 7.5, 10.0),
        server_names=("logit_bias",),
        group="main",
        order=2,
        read=lambda spec: _effective_strength(spec),
    )
    tokens: int = knob(
        100,
        name="suppressed_tokens",
        title="Tokens to suppress",
        help="How many of the most frequent tokens are suppressed.",
        high=MAX_BIAS_ENTRIES,
        step=10,
        short="{:g} suppressed tokens",
        paper=(100,),
    )
    floor: float | None = knob(
        None,
        name="suppression_floor",
        title="Suppression floor",
        help="The lowest bias a token can get; by default minus the strength, as in the paper.",
        kind="number",
        low=-100,
        high=0,
        short="suppression floor {:g}",
        optional=True,
        flag="",
        group="none",
    )
    scope: TallyScope = knob(
        "dataset",
        name="tally",
        title="Count tokens over",
        help="Where suppression counts frequent tokens.",
        choices={"dataset": "Whole dataset", "label": "Each label"},
        short="tokens counted by {}",
        paper=("dataset",),
    )
    method: Method = knob(
        "logit_bias",
        name="suppression_method",
        title="Suppression method",
        help="How suppression is brought about on a server that ignores logit_bias.",
        choices={
            "logit_bias": "Logit bias",
            "frequency_penalty": "Frequency penalty (approximate)",
            "avoid_words": "Avoid these words (approximate)",
        },
        short="suppression by {}",
        paper=("logit_bias",),
        flag="",
        group="none",
    )

    def __post_init__(self) -> None:
        check_knobs(self)

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

    temperature: float = knob(
        0.7,
        title="Temperature",
        help="Higher is more varied and more error-prone; 0 always picks the likeliest token.",
        high=2,
        step=0.05,
        short="T {:g}",
        paper=(0.3, 0.7, 0.9, 1.3),
        widens=1,
        axis=True,
        axis_values=(0.3, 0.7, 0.9, 1.3),
        axis_choices=(0.3, 0.5, 0.7, 0.9, 1.1, 1.3, 1.5),
        server_names=("temperature",),
        group="main",
        order=1,
    )
    top_p: float = knob(
        1.0,
        title="top_p",
        help="Keeps the likeliest tokens that make up this share of the probability; 1 keeps all.",
        high=1,
        step=0.01,
        open_low=True,
        short="top_p {:g}",
        off=1.0,
        paper=(1.0,),
        widens=1,
        truncates=True,
        server_names=("top_p",),
    )
    min_p: float = knob(
        0.0,
        title="min_p",
        help="Drops tokens less likely than this share of the likeliest token; 0 is off.",
        high=1,
        step=0.01,
        short="min_p {:g}",
        off=0.0,
        off_words="min_p off",
        paper=(0.0,),
        widens=-1,
        axis=True,
        axis_choices=(0.0, 0.02, 0.05, 0.1),
        truncates=True,
        server_names=("min_p",),
        order=4,
    )
    frequency_penalty: float = knob(
        0.02,
        title="Frequency penalty",
        help="Discourages repeating a token within one text; the paper uses 0.02.",
        low=-2,
        high=2,
        step=0.02,
        short="frequency penalty {:g}",
        off=0.0,
        paper=(0.02,),
        widens=1,
        server_names=("frequency_penalty",),
    )
    max_tokens: int = knob(
        100,
        title="Max tokens per text",
        help="A longer text is cut off and set aside as truncated.",
        low=1,
        high=1000,
        step=10,
        short="max tokens {:g}",
        paper=(100,),
        server_names=("max_tokens", "max_completion_tokens"),
        group="requests",
    )
    texts_a_request: int = knob(
        20,
        title="Texts per request",
        help="How many texts one request asks for; the paper uses 20.",
        low=1,
        high=MAX_TEXTS_A_REQUEST,
        short="{:g} texts per request",
        paper=(20,),
        server_names=("n",),
        group="requests",
    )
    suppression: Suppression = field(default_factory=Suppression)
    prompt: PromptForm = knob(
        "A",
        title="Prompt",
        help="A and C are the paper's; Chat is for models that only accept chats.",
        choices={"A": "A", "C": "C", "chat": "Chat"},
        short="prompt {}",
        paper=("A", "C"),
        group="requests",
    )
    strict_order: bool = knob(
        False,
        title="Strict order",
        help="Generates one label after the other as in the paper, not all labels of a cycle "
        "together; slower.",
        paper=(True,),
        group="requests",
    )
    only_new: bool = knob(
        False,
        title="Unique texts only",
        help="A duplicate stays in the run but does not count towards the target.",
        widens=1,
    )
    logit_bias: tuple[tuple[int, float], ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.suppression, Suppression):
            raise BadInput("Suppression is not a table of settings.", "Give strength and the like.")
        check_knobs(self)
        if len(self.logit_bias) > MAX_BIAS_ENTRIES:
            raise BadInput(
                f"There are {len(self.logit_bias)} logit biases.",
                f"Give at most {MAX_BIAS_ENTRIES}.",
            )
        if len({token for token, _ in self.logit_bias}) < len(self.logit_bias):
            raise BadInput("A logit bias names a token twice.", "Give each token one bias.")
        for token, bias in self.logit_bias:
            check_number("A logit bias's token id", token, 0, 2**31 - 1, whole=True)
            check_number(f"The logit bias of token {token}", bias, -100, 100)


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


def check_knobs(holder: Condition | Suppression) -> None:
    """See that the knobs held directly by a condition or its suppression have allowed values.

    Raises:
        BadInput: one has not.
    """
    for item in _OWN_KNOBS[type(holder)]:
        value = getattr(holder, item.path[-1])
        if value is not None or not item.optional:
            item.check(value)


def _effective_strength(spec: Any) -> float:
    suppression: Suppression = spec.condition.suppression
    return suppression.strength if suppression.on else 0.0


_OWN_KNOBS: Mapping[type, list[Knob]] = {
    Suppression: declared_knobs(Suppression),
    Condition: [item for item in declared_knobs(Condition) if len(item.path) == 1],
}

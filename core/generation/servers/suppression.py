"""Logit suppression on a served model: exact by logit bias, or approximated.

Neither approximation is the paper's method, and a run's metadata says which one it used: a higher
frequency penalty bears on repetitions within one text only, and a list of words is a request that
the model may ignore.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from core.domain.conditions import Condition, Method, Suppression
from core.domain.errors import BadInput
from core.domain.registries.capabilities import Capabilities
from core.domain.registries.knobs import KNOB
from core.domain.runs import RunSpec
from core.generation.prompts import Prompt, prompt_for
from core.generation.servers.known_limits import check_known

SuppressionSupport = Literal["exact", "approximate", "untested"]

METHOD_TITLES: Mapping[str, str] = {
    method: title[:1].lower() + title[1:]
    for method, title in (KNOB["suppression_method"].choices or {}).items()
}
"""How each method is called within a line of choices."""

FULL_STRENGTH = 7.5
"""The paper's strength (section 4.1), which raises the frequency penalty by one."""

HIGHEST_PENALTY = 2.0
MOST_WORDS = 50
SHORTEST_WORD = 4
"""Letters: nobody writes without the shorter words, so that asking to avoid them is no use."""

_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*")


def method_used(condition: Condition) -> str:
    """How suppression is brought about, for a run's metadata; `none` where it is off."""
    return condition.suppression.method if condition.suppression.on else "none"


def sent_condition(condition: Condition) -> Condition:
    """The condition that a backend gets: with `frequency_penalty`, that knob is raised.

    By strength / 7.5, at most to 2.
    """
    suppression = condition.suppression
    if not suppression.on or suppression.method != "frequency_penalty":
        return condition
    raised = condition.frequency_penalty + suppression.strength / FULL_STRENGTH
    return replace(condition, frequency_penalty=min(HIGHEST_PENALTY, raised))


def sent_prompt(
    spec: RunSpec, *, cycle: int, label_index: int, written: Mapping[str, Sequence[str]]
) -> Prompt:
    """The prompt of an iteration as it is sent; arguments as of `prompts.prompt_for`.

    With the method `avoid_words` it asks to avoid what was written most often: by the dataset, or
    where the tally is by label, by that label.
    """
    prompt = prompt_for(spec, cycle=cycle, label_index=label_index, written=written)
    suppression, names = spec.condition.suppression, spec.task.label_names
    counted = [names[label_index]] if suppression.scope == "label" else names
    texts = [text for name in counted for text in written.get(name, ())]
    return avoiding(prompt, words_to_avoid(texts, suppression))


def words_to_avoid(texts: Iterable[str], suppression: Suppression) -> tuple[str, ...]:
    """The most frequent words of at least four letters that occur more than once.

    Args:
        texts: what was written so far.
        suppression: `tokens` is how many words at most, up to 50.

    Returns:
        In lower case, the most frequent first, ties by the alphabet; none unless the method is
        `avoid_words`.
    """
    if not suppression.on or suppression.method != "avoid_words":
        return ()
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(word for word in _WORD.findall(text.lower()) if len(word) >= SHORTEST_WORD)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    frequent = [word for word, count in ranked if count > 1]
    return tuple(frequent[: min(suppression.tokens, MOST_WORDS)])


def avoiding(prompt: Prompt, words: Iterable[str]) -> Prompt:
    """A prompt that asks to avoid these words: a line on top of its last block or turn."""
    listed = ", ".join(words)
    if not listed:
        return prompt
    request = f"Avoid these words: {listed}."
    if prompt.is_chat:
        *before, last = prompt.messages
        return Prompt(messages=(*before, replace(last, content=f"{request}\n{last.content}")))
    examples, gap, asked = prompt.text.rpartition("\n\n")
    return Prompt(text=f"{examples}{gap}{request}\n{asked}")


def suppression_support(capabilities: Capabilities | None) -> SuppressionSupport:
    """What suppression is on a model: the paper's own, approximations only, or not known yet.

    Args:
        capabilities: as stored; None where the model was never probed.
    """
    if capabilities is None:
        return "untested"
    return "exact" if capabilities.can_suppress else "approximate"


def approximate_methods(capabilities: Capabilities) -> tuple[Method, ...]:
    """What can stand in for logit bias, as far as is known; a list of words always can."""
    if not capabilities.lacks("frequency_penalty"):
        return ("frequency_penalty", "avoid_words")
    return ("avoid_words",)


def condition_error(condition: Condition, capabilities: Capabilities) -> BadInput | None:
    """Why a condition can't be sent to a model, suppression and biases aside; None if it can."""
    knobs = replace(condition, suppression=Suppression(), logit_bias=())
    try:
        check_known(knobs, capabilities)
    except BadInput as error:
        return error
    return None

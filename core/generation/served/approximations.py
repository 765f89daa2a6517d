"""What stands in for logit suppression where a server does not honour a logit bias.

Neither is the paper's method, and a run's facts say which one it used: a higher frequency penalty
bears on repetitions within one text only, and a list of words is a wish.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from core.conditions import Condition, Suppression
from core.generation.prompts import Prompt, prompt_for
from core.runs import RunSpec

FULL_STRENGTH = 7.5
"""The paper's strength (section 4.1), which raises the frequency penalty by one."""

HIGHEST_PENALTY = 2.0
MOST_WORDS = 50
SHORTEST_WORD = 4
"""Letters: nobody writes without the shorter words, so that asking to avoid them is no use."""

_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*")


def method_used(condition: Condition) -> str:
    """How suppression is brought about, for a run's facts; `none` where it is off."""
    return condition.suppression.method if condition.suppression.on else "none"


def condition_sent(condition: Condition) -> Condition:
    """The condition that a backend gets: with `frequency_penalty`, that knob is raised.

    By strength / 7.5, at most to 2.
    """
    suppression = condition.suppression
    if not suppression.on or suppression.method != "frequency_penalty":
        return condition
    raised = condition.frequency_penalty + suppression.strength / FULL_STRENGTH
    return replace(condition, frequency_penalty=min(HIGHEST_PENALTY, raised))


def asked_prompt(
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
    """The most frequent words of at least four letters that more than one place holds.

    Args:
        texts: what was written so far.
        suppression: `tokens` is how many words at most, up to 50.

    Returns:
        In small letters, the most frequent first, ties by the alphabet; none unless the method is
        `avoid_words`.
    """
    if not suppression.on or suppression.method != "avoid_words":
        return ()
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(word for word in _WORD.findall(text.lower()) if len(word) >= SHORTEST_WORD)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    often = [word for word, count in ranked if count > 1]
    return tuple(often[: min(suppression.tokens, MOST_WORDS)])


def avoiding(prompt: Prompt, words: Iterable[str]) -> Prompt:
    """A prompt that asks to avoid these words: a line on top of its last block or turn."""
    listed = ", ".join(words)
    if not listed:
        return prompt
    wish = f"Avoid these words: {listed}."
    if prompt.is_chat:
        *before, last = prompt.messages
        return Prompt(messages=(*before, replace(last, content=f"{wish}\n{last.content}")))
    examples, gap, asked = prompt.text.rpartition("\n\n")
    return Prompt(text=f"{examples}{gap}{wish}\n{asked}")

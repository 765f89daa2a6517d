"""Prompts A and C of the paper, and the same words as a chat.

A prompt asks for texts of one label and ends in an open quotation mark; a text ends at the closing
one (section 4.1; prompt C: appendix F). Examples stand before it as blocks of the same shape, each
closed, one for each label, with an empty line between blocks (not stated in the paper).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.domain.conditions import PromptForm
from core.domain.runs import Example, RunSpec
from core.domain.tasks import Task

QUOTE = '"'
# Tells the random streams of examples from those of texts (see `loop`).
_EXAMPLES = 1

_WORDS: dict[PromptForm, tuple[str, str]] = {
    "A": ("Write a {text_type} to cover all following elements", "Elements: {phrase}"),
    "C": (
        "Show me a {text_type} that has the following characteristics",
        "Characteristics: {phrase}",
    ),
}


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat; role is `user` or `assistant`."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is sent for one iteration.

    Args:
        text: the prompt as one text, ending in an open quotation mark; empty for a chat.
        messages: the turns of a chat, the last one the user's; empty for a text. The answer is
            begun with an open quotation mark where the backend can do so.
    """

    text: str = ""
    messages: tuple[Message, ...] = ()

    @property
    def is_chat(self) -> bool:
        """Whether the prompt is a chat."""
        return bool(self.messages)

    def preview(self) -> str:
        """The prompt as a person reads it, a chat with its roles named."""
        if not self.is_chat:
            return self.text
        turns = [f"[{message.role}]\n{message.content}" for message in self.messages]
        return "\n\n".join([*turns, f"[assistant]\n{QUOTE}"])


def build_prompt(
    task: Task, *, label: str, form: PromptForm, examples: Sequence[Example] = ()
) -> Prompt:
    """The prompt for texts of one label.

    Args:
        task: text type and label phrases.
        label: name of the label asked for.
        form: `A`, `C` or `chat` (prompt A's words as turns).
        examples: shown in this order. Double quotes in them become single ones and line breaks
            spaces, as either would end or break the block.

    Raises:
        KeyError: the label, or an example's, is none of the task's.
    """
    asked = _instruction(task, label, form)
    if form == "chat":
        turns = []
        for example in examples:
            turns.append(Message("user", _instruction(task, example.label, form)))
            turns.append(Message("assistant", f"{QUOTE}{_inline(example.text)}{QUOTE}"))
        return Prompt(messages=(*turns, Message("user", asked)))
    blocks = [
        f"{_instruction(task, example.label, form)} {QUOTE}{_inline(example.text)}{QUOTE}"
        for example in examples
    ]
    return Prompt(text="\n\n".join([*blocks, f"{asked} {QUOTE}"]))


def draw_examples(
    pool: Mapping[str, Sequence[str]], *, labels: Sequence[str], rng: np.random.Generator
) -> list[Example]:
    """Draw one example for each label, in random order (section 4.1: one for each label).

    Args:
        pool: texts by label; a label without texts is left out.
        labels: names in task order.
        rng: decides the draw and the order (the order is not stated in the paper).
    """
    drawn = [
        Example(pool[label][int(rng.integers(len(pool[label])))], label)
        for label in labels
        if pool.get(label)
    ]
    return [drawn[place] for place in rng.permutation(len(drawn))]


def prompt_for(
    spec: RunSpec, *, cycle: int, label_index: int, written: Mapping[str, Sequence[str]]
) -> Prompt:
    """The very prompt of an iteration, its examples drawn by the run's seed.

    Args:
        spec: the run.
        cycle: counted from 1. In the first cycle only seed examples are shown: without any it is
            zero-shot (section 4.1); from the second on the pool holds what was written, too.
        label_index: the label asked for, in task order.
        written: usable texts by label as they stood when the cycle (in strict order: the
            iteration) began.
    """
    names = spec.task.label_names
    pool = {name: list(written.get(name, ())) if cycle > 1 else [] for name in names}
    for example in spec.seed_examples:
        pool[example.label].append(example.text)
    entropy = (spec.seed, _EXAMPLES, cycle, label_index)
    rng = np.random.Generator(np.random.Philox(np.random.SeedSequence(entropy)))
    return build_prompt(
        spec.task,
        label=names[label_index],
        form=spec.condition.prompt,
        examples=draw_examples(pool, labels=names, rng=rng),
    )


def _instruction(task: Task, label: str, form: PromptForm) -> str:
    first, second = _WORDS["A" if form == "chat" else form]
    text_type = task.text_type
    capitalised = text_type[:1].upper() + text_type[1:]
    lines = (
        first.format(text_type=text_type),
        second.format(phrase=task.label(label).phrase),
        f"{capitalised}:",
    )
    return "\n".join(lines)


def _inline(text: str) -> str:
    return " ".join(text.replace(QUOTE, "'").split())

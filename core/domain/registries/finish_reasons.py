"""Why a generated text ended, or why none came: each reason, what it is called, what it means."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from core.domain.wording import counted


@dataclass(frozen=True, slots=True)
class FinishReason:
    """A reason.

    Args:
        key: as samples have it.
        title: what a set-aside sample of it is called where a person reads.
        has_text: whether what came can be a text, whole or in part.
    """

    key: str
    title: str
    has_text: bool = True


FINISH_REASONS = (
    FinishReason("stop", "empty"),
    FinishReason("length", "cut off at the token limit"),
    FinishReason("cut_off", "cut off with the connection"),
    FinishReason("unknown", "without a finish reason"),
    FinishReason("content_filter", "stopped by a content filter"),
    FinishReason("refusal", "refused by the model", has_text=False),
    FinishReason("reasoning", "reasoning without a text", has_text=False),
    FinishReason("tool_calls", "tool call instead of a text", has_text=False),
    FinishReason("no_choices", "answer without texts", has_text=False),
)
_BY_KEY = {reason.key: reason for reason in FINISH_REASONS}


def find_finish_reason(key: str) -> FinishReason:
    """A reason by its key; a server's own, such as `recitation`, is called by that name."""
    return _BY_KEY.get(key) or FinishReason(key, f"finish reason {key}")


@dataclass(frozen=True, slots=True)
class SetAside:
    """Samples of a label that are no usable texts, for one reason.

    Args:
        label: its name.
        reason: the reason's key.
        count: how many.
    """

    label: str
    reason: str
    count: int


def set_aside_words(rows: Iterable[SetAside]) -> str:
    """ "3 refused by the model (2 pos, 1 neg), 2 empty (2 neg)"; empty where there are none."""
    by_reason: dict[str, list[SetAside]] = {}
    for row in rows:
        by_reason.setdefault(row.reason, []).append(row)
    parts = []
    for reason, found in by_reason.items():
        labels = ", ".join(f"{row.count:,} {row.label}" for row in found)
        count = sum(row.count for row in found)
        parts.append(f"{count:,} {find_finish_reason(reason).title} ({labels})")
    return ", ".join(parts)


def stripped_words(counts: Mapping[str, int]) -> str:
    """ "Removed around texts: 3 preambles, 1 code fence", from texts by what they lost."""
    parts = ", ".join(counted(count, name) for name, count in counts.items())
    return f"Removed around texts: {parts}"

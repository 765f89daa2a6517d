"""What several annotators said of the same texts, side by side."""

from collections.abc import Iterable
from dataclasses import dataclass

from core.interventions.agreement import Agreement, pairwise
from core.store.judgements import Judgement, Verdict, by_person

OUT_OF_SCOPE = "out of scope"


@dataclass(frozen=True, slots=True)
class Difference:
    """A text on which annotators differ.

    Args:
        id: the text's.
        said: what each said, by name; those who did not judge it are missing.
    """

    id: str
    said: dict[str, str]


def in_one_word(verdict: Verdict) -> str | None:
    """A verdict as one of the labels or `out of scope`; None for a skip or a mere "in scope"."""
    if verdict.in_scope is False:
        return OUT_OF_SCOPE
    return verdict.label


def said_by(judgements: Iterable[Judgement]) -> dict[str, dict[str, str]]:
    """What each annotator said, by name and text id; annotators in the order they began.

    Args:
        judgements: those in effect, oldest first.
    """
    words: dict[str, dict[str, str]] = {}
    for who, given in by_person(judgements).items():
        own = ((key, in_one_word(one.verdict)) for key, one in given.items())
        words[who] = {key: word for key, word in own if word is not None}
    return {who: said for who, said in words.items() if said}


def agreements(judgements: Iterable[Judgement]) -> list[Agreement]:
    """The agreement of every two annotators, `out of scope` counting as one more label.

    Args:
        judgements: those in effect, oldest first.
    """
    return pairwise(said_by(judgements))


def differences(judgements: Iterable[Judgement]) -> list[Difference]:
    """The texts on which not all annotators agree, in the order they were first judged.

    Args:
        judgements: those in effect, oldest first.
    """
    of_text: dict[str, dict[str, str]] = {}
    for who, said in said_by(judgements).items():
        for key, word in said.items():
            of_text.setdefault(key, {})[who] = word
    return [Difference(key, said) for key, said in of_text.items() if len(set(said.values())) > 1]

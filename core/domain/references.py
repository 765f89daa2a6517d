"""Reference: real labelled texts of a task, in a part to learn from and a part to be measured by.

No text is in both parts: texts that `core.domain.texts.fold` makes equal are one text here, and
all of its copies go to one part.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from core.domain.errors import BadInput
from core.domain.runs import Example
from core.domain.texts import fold

TEST_SHARE = 0.3


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference as stored.

    Args:
        id: made by us, only a-z and 0-9, later references sort later.
        name: for display only.
        task_key: `Task.key` of the tasks that it belongs to.
        label_names: the labels in the order of the task that it was added for.
        origin: where it is from (JSON-ready): file or hub id, columns, map, and what `Division`
            says of its parts.
        created_at: seconds since 1970, UTC.
        train: texts by label name in the part to learn from; labels without any have 0.
        test: the same of the part to be measured by.
        deleted_at: when it was deleted, None for a living one.
    """

    id: str
    name: str
    task_key: str
    label_names: tuple[str, ...]
    origin: Mapping[str, object]
    created_at: float
    train: Mapping[str, int]
    test: Mapping[str, int]
    deleted_at: float | None = None


@dataclass(frozen=True, slots=True)
class Division:
    """A reference's two parts, and how they came about.

    Args:
        train: to learn from, in the order of the file.
        test: to be measured by, in the order of the file.
        test_share: of the split; None where the test part was a file of its own.
        seed: likewise.
        copies: examples whose text came before in the same part.
        contradictory: different texts that have more than one label.
        left_out: examples of the train file whose text is in the test file.
    """

    train: tuple[Example, ...]
    test: tuple[Example, ...]
    test_share: float | None
    seed: int | None
    copies: int
    contradictory: int
    left_out: int

    @property
    def origin(self) -> dict[str, float | None]:
        """What `Reference.origin` says of the parts."""
        names = ("test_share", "seed", "copies", "contradictory", "left_out")
        return {name: getattr(self, name) for name in names}


def divided(
    examples: Sequence[Example],
    *,
    test: Sequence[Example] | None = None,
    test_share: float = TEST_SHARE,
    seed: int = 0,
) -> Division:
    """The two parts of a reference, split off or given.

    Args:
        examples: all of the reference; its train part alone if `test` is given.
        test: the test part, if it is a file of its own. It stays whole; what is in both leaves
            the train part.
        test_share: see `split`.
        seed: see `split`.

    Raises:
        BadInput: a part would be empty, or `split` refuses.
    """
    if test is None:
        train, rest = split(examples, test_share=test_share, seed=seed)
    else:
        known = {fold(example.text) for example in test}
        train, rest = [e for e in examples if fold(e.text) not in known], list(test)
        if not train or not rest:
            raise BadInput(
                "All texts of the train file are in the test file too."
                if rest
                else "The test file has no texts.",
                "Give two files with different texts, or one file to be split.",
            )
    return Division(
        tuple(train),
        tuple(rest),
        test_share=test_share if test is None else None,
        seed=seed if test is None else None,
        copies=sum(len(part) - len({fold(e.text) for e in part}) for part in (train, rest)),
        contradictory=len(contradictory([*train, *rest])),
        left_out=0 if test is None else len(examples) - len(train),
    )


def split(
    examples: Sequence[Example], *, test_share: float, seed: int
) -> tuple[list[Example], list[Example]]:
    """Split examples into train and test, label by label, no text in both.

    Of a label's n different texts, round(n * test_share) are drawn for the test part, at least one
    and at most n - 1, with all of their copies. A label's only text stays in the train part, and
    so does every text that has more than one label: nothing can be measured by it.

    Args:
        examples: what to split.
        test_share: over 0, below 1.
        seed: 0 to 2**63 - 1; equal arguments give equal parts.

    Returns:
        Train and test, each in the order given; together all that was given.

    Raises:
        BadInput: the share is out of range, or no label has two different texts.
    """
    import numpy as np

    if not 0 < test_share < 1:  # False for NaN too
        raise BadInput(
            f"The share of test texts is {test_share}.", "Choose one over 0 and below 1."
        )
    twofold = contradictory(examples)
    texts: dict[str, dict[str, None]] = {}
    for example in examples:
        text = fold(example.text)
        if text not in twofold:
            texts.setdefault(example.label, {})[text] = None
    generator = np.random.default_rng(seed)
    drawn: set[str] = set()
    for different in map(list, texts.values()):
        if len(different) > 1:
            count = min(max(1, int(len(different) * test_share + 0.5)), len(different) - 1)
            places = generator.choice(len(different), size=count, replace=False)
            drawn.update(different[place] for place in places)
    if not drawn:
        raise BadInput(
            "These texts can't be split into train and test: no label has two different texts "
            "of its own.",
            "Add texts, or give the test texts as a file of their own.",
        )
    train = [example for example in examples if fold(example.text) not in drawn]
    return train, [example for example in examples if fold(example.text) in drawn]


def contradictory(examples: Iterable[Example]) -> set[str]:
    """The texts, folded, that have more than one label."""
    labels: dict[str, str] = {}
    repeated = set()
    for example in examples:
        text = fold(example.text)
        if labels.setdefault(text, example.label) != example.label:
            repeated.add(text)
    return repeated

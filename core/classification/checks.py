"""What is wrong with a pair of training and test texts, before any time is spent on them."""

from collections import Counter

from core.datasets import Dataset
from core.errors import BadInput

_SHOWN = 5


def check(train: Dataset, test: Dataset) -> list[str]:
    """Refuse what can't be trained on or tested with; say what is odd.

    Returns:
        Warnings, one sentence or two each, for the result.

    Raises:
        BadInput: either is empty or holds an empty text, training has one label only or a label
            with a single text, or the test shares no label with it.
    """
    for what, dataset in (("training", train), ("test", test)):
        check_texts(what, dataset)
    count = check_training(train)
    tested = Counter(test.labels)
    warnings = []
    unseen = {name: n for name, n in tested.items() if name not in count}
    if len(unseen) == len(tested):
        raise BadInput(
            f"The test texts have none of the labels trained on: {_listed(tested)} against"
            f" {_listed(count)}.",
            "Give both the same labels, written alike.",
        )
    if unseen:
        warnings.append(
            f"No training text has the label {_listed(unseen)}, so all {sum(unseen.values())} test"
            " texts with it count as wrong. Add such texts to training, or take them out of the"
            " test."
        )
    untested = [name for name in count if name not in tested]
    if untested:
        warnings.append(
            f"No test text has the label {_listed(untested)}: how well it is recognised can't be"
            " measured. Add such texts to the test, or leave the label out of training."
        )
    return warnings


def check_training(train: Dataset) -> Counter[str]:
    """Refuse labels that can't be learned; the texts of each label that has any.

    Raises:
        BadInput: one label only, or a label with a single text.
    """
    counts = Counter(train.labels)
    if len(counts) < 2:
        raise BadInput(
            f"All {len(train)} training texts have the label {_listed(counts)}; a classifier needs"
            " at least two labels.",
            "Add texts with another label.",
        )
    single = [name for name, n in counts.items() if n < 2]
    if single:
        one = len(single) == 1
        raise BadInput(
            f"The label{'' if one else 's'} {_listed(single)} {'has' if one else 'have'} a single"
            f" training text{'' if one else ' each'}; at least 2 are needed, one to train and one"
            " to validate.",
            f"Add texts with {'the label, or leave it' if one else 'these labels, or leave them'}"
            " out.",
        )
    return counts


def check_texts(what: str, dataset: Dataset) -> None:
    """Refuse a dataset without texts, or with an empty one.

    Args:
        what: what the texts are for, in the message: `training` or `test`.
        dataset: the texts.

    Raises:
        BadInput: as above.
    """
    if not len(dataset):
        raise BadInput(f"There are no {what} texts.", "Choose a dataset with texts.")
    empty = [row for row, text in enumerate(dataset.texts) if not text.strip()]
    if empty:
        numbers = ", ".join(f"{row + 1:,}" for row in empty[:_SHOWN])
        more = ", ..." if len(empty) > _SHOWN else ""
        raise BadInput(
            f"{len(empty)} of the {what} texts are empty (text {numbers}{more}).",
            "Fill them in or take them out.",
        )


def _listed(names: "list[str] | dict[str, int] | Counter[str]") -> str:
    listed = [f"'{name}'" for name in names]
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return ", ".join(listed[:_SHOWN]) + more

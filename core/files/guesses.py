"""What the columns and labels of a person's file probably are: choices to begin with.

A person sees and confirms them where there is one to ask; otherwise what can't be guessed is
refused with the names.
"""

from collections.abc import Iterable, Sequence

TEXT_COLUMNS = (
    "text",
    "sentence",
    "review",
    "utterance",
    "tweet",
    "headline",
    "title",
    "comment",
    "message",
    "content",
    "body",
    "document",
    "query",
    "question",
)
LABEL_COLUMNS = (
    "label",
    "labels",
    "label_text",
    "category",
    "class",
    "intent",
    "emotion",
    "sentiment",
    "target",
    "topic",
    "tag",
    "rating",
    "coarse_label",
)


def guessed_columns(columns: Sequence[str]) -> tuple[str | None, str | None]:
    """The columns of the texts and of the labels, each None where no name tells it.

    By the first of the usual names that is a column's, else is a word of one ("review_body");
    never one column for both.
    """
    text = _first(columns, TEXT_COLUMNS)
    label = _first([column for column in columns if column != text], LABEL_COLUMNS)
    return text, label


def guessed_map(labels: Iterable[str], names: Sequence[str]) -> dict[str, str]:
    """The task's name for each label of a file that reads the same but for case and spacing.

    Args:
        labels: the file's.
        names: the task's; one that reads like another of them is guessed only where it is exact.
    """
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(_plain(name), []).append(name)
    found = {}
    for label in labels:
        same = alike.get(_plain(label), [])
        if label in same:
            found[label] = label
        elif len(same) == 1:
            found[label] = same[0]
    return found


def _first(columns: Sequence[str], usual: Sequence[str]) -> str | None:
    plain = {column: _plain(column) for column in columns}
    for name in usual:
        for column in columns:
            if plain[column] == _plain(name):
                return column
    for name in usual:
        for column in columns:
            if name in plain[column].split():
                return column
    return None


def _plain(word: str) -> str:
    return " ".join(word.casefold().replace("_", " ").replace("-", " ").split())

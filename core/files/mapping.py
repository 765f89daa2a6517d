"""What the columns and labels of a person's file probably are: choices to begin with.

A person sees and confirms them where there is one to ask; otherwise what can't be guessed is
refused with the names.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.domain.errors import BadInput
from core.domain.runs import Example
from core.domain.tasks import Task
from core.files.labelled import columns_of, read_labelled
from core.files.rows import MAX_ROWS, shown

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
    mapping = {}
    for label in labels:
        same = alike.get(_plain(label), [])
        if label in same:
            mapping[label] = label
        elif len(same) == 1:
            mapping[label] = same[0]
    return mapping


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


Source = tuple[str, Path | bytes]
"""A file's name and its path or content."""


@dataclass(frozen=True, slots=True)
class MappedTexts:
    """What files hold, in the task's words.

    Args:
        examples: the labelled texts, in order.
        text_column: where the texts stand.
        label_column: where the labels stand.
        label_map: the task's name for each label of the files that has another one there.
    """

    examples: tuple[Example, ...]
    text_column: str
    label_column: str
    label_map: Mapping[str, str]

    @property
    def origin(self) -> dict[str, object]:
        """What `core.domain.references.Reference.origin` says of the columns and labels."""
        return {name: getattr(self, name) for name in ("text_column", "label_column", "label_map")}


def read_mapped(
    sources: Sequence[Source],
    *,
    task: Task,
    text_column: str | None = None,
    label_column: str | None = None,
    label_map: Mapping[str, str] | None = None,
) -> MappedTexts:
    """Read labelled texts; what is not told of columns and labels is guessed (`guesses`).

    Args:
        sources: the files, at least one, all with the same columns.
        task: whose labels the texts have.
        text_column: where the texts stand; None guesses it from the first file's columns.
        label_column: the same of the labels.
        label_map: the task's name for a label of the files; one that it lacks and that is none of
            the task's counts as the task's that reads the same but for case.

    Raises:
        BadInput: a file or row is refused, a column can't be guessed, a label is none of the
            task's (with all names), or there are over 500,000 rows.
    """
    first, content = sources[0]
    text, label = text_column, label_column
    if text is None or label is None:
        text, label = _columns(columns_of(content, name=first), shown(first), text, label)
    given = {name.strip(): meant for name, meant in (label_map or {}).items()}
    examples: list[Example] = []
    renamed: dict[str, str] = {}
    for name, source in sources:
        read = read_labelled(source, name=name, task=None, text_column=text, label_column=label)
        labels = {example.label for example in read}
        meant = {**guessed_map(labels, task.label_names), **given}
        if labels - set(meant) or set(meant.values()) - set(task.label_names):
            # Read as what it should be, it is refused with the rows.
            read_labelled(
                source,
                name=name,
                task=task,
                text_column=text,
                label_column=label,
                label_map=meant,
            )
        renamed |= {label: meant[label] for label in labels if meant[label] != label}
        examples += [Example(example.text, meant[example.label]) for example in read]
        if len(examples) > MAX_ROWS:
            raise BadInput(
                f"The files have over {MAX_ROWS:,} rows.", "Give fewer, or draw from them."
            )
    return MappedTexts(tuple(examples), text, label, renamed)


def _columns(
    columns: Sequence[str], file_name: str, text: str | None, label: str | None
) -> tuple[str, str]:
    left = [column for column in columns if column not in (text, label)]
    guessed_text, guessed_label = guessed_columns(left)
    text, label = text or guessed_text, label or guessed_label
    if text is None or label is None:
        what = "texts" if text is None else "labels"
        listed = ", ".join(shown(column) for column in columns[:20])
        raise BadInput(
            f"Which column of {file_name} holds the {what} is unclear; its columns are: {listed}.",
            f"Name the column of the {what}.",
        )
    return text, label

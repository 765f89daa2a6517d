"""Task: what is to be written, and the labels it is written for."""

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.domain.errors import BadInput
from core.domain.serialization import parse_toml

PRESET_FOLDER = Path(__file__).parent.parent.parent / "assets" / "tasks"
MAX_LABELS = 200
MAX_LENGTH = 200
MAX_FILE_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Label:
    """A class of the task: its name in the data and its phrase in the prompt."""

    name: str
    phrase: str


@dataclass(frozen=True, slots=True)
class Task:
    """A text type and its labels, the first noun of everything.

    Args:
        name: how the task is listed and stored; 1 to 200 characters.
        text_type: what a text is, as the prompt says it ("movie review").
        labels: 1 to 200 labels with distinct names, in the order in which cycles visit them.

    Raises:
        BadInput: a rule above is broken, or a part holds a line break, a control character or a
            double quote (which would end the text in the prompt).
    """

    name: str
    text_type: str
    labels: tuple[Label, ...]

    def __post_init__(self) -> None:
        _check_words("The task's name", self.name, quotes=True)
        _check_words("The text type", self.text_type)
        if not self.labels:
            raise BadInput("The task has no labels.", "Give at least one label with its phrase.")
        if len(self.labels) > MAX_LABELS:
            raise BadInput(
                f"The task has {len(self.labels)} labels.", f"Give at most {MAX_LABELS}."
            )
        seen: set[str] = set()
        for label in self.labels:
            _check_words("A label's name", label.name)
            _check_words(f"The phrase of label '{label.name}'", label.phrase)
            if label.name in seen:
                raise BadInput(
                    f"The label '{label.name}' stands twice in the task.",
                    "Give every label a name of its own.",
                )
            seen.add(label.name)

    @property
    def label_names(self) -> tuple[str, ...]:
        """The labels' names in task order."""
        return tuple(label.name for label in self.labels)

    @property
    def key(self) -> str:
        """What makes texts and references of two tasks the same kind: text type and label names.

        16 hexadecimal digits; name, phrases and the order of labels don't count.
        """
        words = json.dumps([self.text_type, sorted(self.label_names)])
        return hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def label(self, name: str) -> Label:
        """The label of that name.

        Raises:
            KeyError: the task has no such label.
        """
        for label in self.labels:
            if label.name == name:
                return label
        raise KeyError(name)


def task_from_dict(data: Mapping[str, Any], *, source: str = "The task") -> Task:
    """Build a task from TOML or JSON data.

    Args:
        data: `name`, `text_type` and `labels`, a list of tables with `name` and `phrase`. A label
            without a phrase uses its name as phrase.
        source: how a message names where the data came from.

    Raises:
        BadInput: a key is missing, unknown or of the wrong kind, or `Task` refuses the values.
    """
    unknown = sorted(set(data) - {"name", "text_type", "labels"})
    if unknown:
        raise BadInput(
            f"{source} has the unknown key '{unknown[0]}'.",
            "The keys are name, text_type and [[labels]] with name and phrase.",
        )
    for key in ("name", "text_type"):
        if not isinstance(data.get(key), str):
            raise BadInput(f"{source} lacks the text '{key}'.", f'Add a line {key} = "...".')
    rows = data.get("labels")
    if not isinstance(rows, list):
        raise BadInput(
            f"{source} has no [[labels]] tables.", "Add one [[labels]] table for each label."
        )
    labels = []
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, Mapping) or not isinstance(row.get("name"), str):
            raise BadInput(
                f"Label {number} of {source[0].lower() + source[1:]} has no name.",
                'Give every [[labels]] table name = "..." and phrase = "...".',
            )
        phrase = row.get("phrase", row["name"])
        if not isinstance(phrase, str) or set(row) - {"name", "phrase"}:
            raise BadInput(
                f"Label '{row['name']}' has something other than a name and a phrase.",
                "Keep only these two keys, both texts.",
            )
        labels.append(Label(row["name"].strip(), phrase.strip()))
    return Task(data["name"].strip(), data["text_type"].strip(), tuple(labels))


def task_from_toml(text: str, *, source: str = "The task file") -> Task:
    """Read a task from the text of a TOML file.

    Raises:
        BadInput: the text is no TOML (with the line), or `task_from_dict` refuses it.
    """
    try:
        data = parse_toml(text)
    except ValueError as error:  # TOMLDecodeError is one; so is a number of over 4,300 digits
        raise BadInput(
            f"{source} is not valid TOML: {error}.", "Mend that line and try again."
        ) from error
    except RecursionError as error:
        raise BadInput(f"{source} is nested too deeply.", "A task file has no nesting.") from error
    return task_from_dict(data, source=source)


def read_task_file(path: Path) -> Task:
    """Read a task from a TOML file (UTF-8, at most 1 MB).

    Raises:
        BadInput: the file is missing, no plain file, too large, not UTF-8, or not a task.
    """
    try:
        if path.exists() and not path.is_file():  # a pipe or a device could be endless
            raise BadInput(f"The task file {path} is not a plain file.", "Check its path.")
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise BadInput(f"The task file {path} can't be read ({reason}).", "Check its path.") from (
            error
        )
    if len(raw) > MAX_FILE_BYTES:
        raise BadInput(f"The task file {path} is over 1 MB.", "A task file is a page of text.")
    try:
        return task_from_toml(raw.decode("utf-8-sig"), source=f"The task file {path.name}")
    except UnicodeDecodeError as error:
        raise BadInput(f"The task file {path} is not UTF-8.", "Save it as UTF-8.") from error


def preset_names() -> list[str]:
    """The ids of the presets, sorted: the stems of their files.

    They are the paper's eight tasks (appendix B) and the example, `support`.
    """
    return sorted(path.stem for path in PRESET_FOLDER.glob("*.toml"))


def preset(name: str) -> Task:
    """One of the tasks that come with Wideset.

    Args:
        name: an id of `preset_names`; case, hyphens and surrounding white space don't matter
            ("SST-2" is "sst2").

    Raises:
        KeyError: no preset has that name.
    """
    wanted = name.strip().casefold().replace("-", "")
    if wanted not in preset_names():  # so that a path is only ever made from an id
        raise KeyError(name)
    return read_task_file(PRESET_FOLDER / f"{wanted}.toml")


def _check_words(what: str, words: str, *, quotes: bool = False) -> None:
    if not words.strip():
        raise BadInput(f"{what} is empty.", "Write a word or a short phrase.")
    if len(words) > MAX_LENGTH:
        raise BadInput(f"{what} is over {MAX_LENGTH} characters long.", "Shorten it.")
    if any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in words):
        raise BadInput(
            f"{what} holds a line break or a control character.", "Write it on one line."
        )
    if '"' in words and not quotes:
        raise BadInput(
            f"{what} holds a double quote, which ends a text in the prompt.",
            "Leave it out or use single quotes.",
        )

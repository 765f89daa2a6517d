"""`reference`: real labelled texts, to learn from and to be measured by."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from core.cli.app import App, OptionGroup, Session
from core.cli.lookup import find_reference, find_task
from core.cli.options import JsonListOption, JsonOption, TaskOption, check_seed
from core.cli.output import date_time, one_line, print_json, print_lines
from core.domain.errors import BadInput
from core.domain.references import TEST_SHARE, Reference
from core.domain.tasks import Task
from core.services.references import FileMapping, HubRequest, add_from_hub, reference_from_files
from core.store.references import delete_reference, list_references, restore_reference

ReferenceArgument = Annotated[
    str, Argument(metavar="REFERENCE", help="Its id, the start of it, or its name.")
]

app = App(
    help="References: real labelled texts of a task, in a train and a test part without a text in "
    "common. The newest one of a task is the task's.",
    epilog="Example: python -m core reference add reviews.csv --task sst2 --label-column stars "
    "--map good=positive --map bad=negative",
)


@dataclass(frozen=True)
class PartOptions(OptionGroup):
    """How the texts become a train and a test part."""

    panel = "Parts"

    test: Annotated[
        Path | None,
        Option(
            help="The test part as a file of its own; its texts are left out of the train part."
        ),
    ] = None
    test_share: Annotated[
        float | None,
        Option(
            show_default=str(TEST_SHARE),
            help="Without --test: share of each label that becomes the test part, 0 to 1.",
        ),
    ] = None
    seed: Annotated[int | None, Option(show_default="0", help="Seed of that draw.")] = None

    def check(self, *, from_hub: bool) -> None:
        """See that the options do not exclude each other.

        Raises:
            BadInput: they do, or the seed is out of its range.
        """
        if self.test is not None:
            if from_hub:
                raise BadInput("--test goes with a file, not with --hub.", "Give two files.")
            if self.test_share is not None or self.seed is not None:
                raise BadInput(
                    "--test-share and --seed split one file, but --test gives the test part.",
                    "Leave out either.",
                )
        check_seed(self.seed)

    @property
    def share(self) -> float:
        """The share of the test part."""
        return TEST_SHARE if self.test_share is None else self.test_share


@dataclass(frozen=True)
class MappingOptions(OptionGroup):
    """Where texts and labels are, and what the labels are in the task."""

    panel = "Columns and labels"

    text_column: Annotated[
        str | None, Option(metavar="NAME", show_default="guessed", help="Column of the texts.")
    ] = None
    label_column: Annotated[
        str | None, Option(metavar="NAME", show_default="guessed", help="Column of the labels.")
    ] = None
    pairs: Annotated[
        list[str] | None,
        Option(
            "--map",
            metavar="FILE_LABEL=TASK_LABEL",
            help="What a label of the file is in the task; can be repeated. Labels that differ in "
            "case alone need none.",
        ),
    ] = None

    def label_map(self) -> dict[str, str]:
        """The task's label by the file's.

        Raises:
            BadInput: a pair is not one.
        """
        names: dict[str, str] = {}
        for pair in self.pairs or ():
            label, separator, name = pair.rpartition("=")  # a file's label may contain the sign
            if not separator or not label.strip() or not name.strip():
                raise BadInput(f"--map {pair!r} is no map.", "Write --map FILE_LABEL=TASK_LABEL.")
            names[label.strip()] = name.strip()
        return names


@dataclass(frozen=True)
class HubOptions(OptionGroup):
    """A dataset of the Hugging Face hub."""

    panel = "From the Hugging Face hub, in place of FILE"

    hub: Annotated[str | None, Option(metavar="ID", help="A dataset, owner/name.")] = None
    config: Annotated[
        str | None,
        Option(metavar="NAME", show_default="the only or default one", help="Its configuration."),
    ] = None
    split: Annotated[
        str | None, Option(metavar="NAME", show_default="the only one or train", help="Its split.")
    ] = None


@app.add("add", short_help="Add a reference to a task.")
def add(
    session: Session,
    task: TaskOption,
    parts: PartOptions,
    mapping: MappingOptions,
    hub: HubOptions,
    file: Annotated[
        Path | None, Argument(metavar="FILE", help="The labelled texts.", show_default=False)
    ] = None,
    name: Annotated[str, Option(show_default="the file's", help="Its name in lists.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Add real labelled texts to a task: a CSV, JSONL or Parquet file, or a dataset of the Hugging
    Face hub, of at most 50 MB.
    """
    if (file is None) == (hub.hub is None):
        what = "nothing to add" if file is None else "both a file and a dataset of the hub"
        raise BadInput(f"There is {what}.", "Give either FILE or --hub ID.")
    if hub.hub is None and (hub.config is not None or hub.split is not None):
        raise BadInput("--config and --split are of a dataset of the hub.", "Add --hub ID.")
    parts.check(from_hub=hub.hub is not None)
    its_task, label_map = find_task(task), mapping.label_map()
    columns = {"text_column": mapping.text_column, "label_column": mapping.label_column}
    share, seed = parts.share, parts.seed or 0
    if file is None:
        assert hub.hub is not None
        request = HubRequest(
            hub=hub.hub,
            task=its_task,
            config=hub.config,
            split=hub.split,
            map=label_map,
            test_share=share,
            seed=seed,
            name=name,
            **columns,
        )
        reference = add_from_hub(session.db, request)
    else:
        prepared = reference_from_files(
            (file.name, file),
            None if parts.test is None else (parts.test.name, parts.test),
            its_task,
            FileMapping(label_map=label_map, **columns),
            name=name,
            test_share=share,
            seed=seed,
        )
        reference = prepared.attached(session.db, its_task)
    if as_json:
        print_json(_to_dict(reference))
    else:
        print_lines(_in_words(reference, its_task))


@app.add("list")
def list_all(
    session: Session,
    as_json: JsonListOption = False,
    deleted: Annotated[bool, Option("--all", help="Show deleted references, too.")] = False,
) -> None:
    """List the references, the newest first."""
    references = list_references(session.db, include_deleted=deleted)
    if as_json:
        print_json([_to_dict(reference) for reference in references])
        return
    if not references:
        print("There are no references yet. Add one: python -m core reference add FILE --task NAME")
    for reference in references:
        when = date_time(reference.created_at)
        texts = f"{sum(reference.train.values())}+{sum(reference.test.values())}"
        state = "" if reference.deleted_at is None else "deleted "
        name = one_line(f"{reference.name} ({', '.join(reference.label_names)})")
        print(f"{reference.id}  {when}  {texts:>11} texts  {state}{name}")


@app.add("delete")
def delete(session: Session, reference: ReferenceArgument) -> None:
    """Hide a reference; restore brings it back."""
    record = find_reference(session.db, reference)
    delete_reference(session.db, record.id)
    print_lines(
        f"Deleted reference {record.id} '{record.name}'; "
        f"python -m core reference restore {record.id} brings it back."
    )


@app.add("restore")
def restore(session: Session, reference: ReferenceArgument) -> None:
    """Bring a deleted reference back."""
    record = find_reference(session.db, reference)
    restore_reference(session.db, record.id)
    print_lines(f"Restored reference {record.id} '{record.name}'.")


def _to_dict(reference: Reference) -> dict[str, object]:
    """A reference as JSON-ready data."""
    return {
        "reference": reference.id,
        "name": reference.name,
        "task_key": reference.task_key,
        "labels": list(reference.label_names),
        "train": dict(reference.train),
        "test": dict(reference.test),
        "origin": dict(reference.origin),
        "created_at": reference.created_at,
        "deleted": reference.deleted_at is not None,
    }


def _in_words(reference: Reference, task: Task) -> str:
    origin = reference.origin
    labels = [f"{reference.train[n]}+{reference.test[n]} {n}" for n in task.label_names]
    parts = [
        f"Reference {reference.id} '{reference.name}' is now that of {task.name}:",
        f"{sum(reference.train.values())} train and {sum(reference.test.values())} test texts",
        f"({', '.join(labels)}), from the columns",
        f"{origin['text_column']} and {origin['label_column']}.",
    ]
    if origin["left_out"]:
        parts.append(f"{origin['left_out']} train texts are left out: they are in the test file.")
    if origin["copies"]:
        parts.append(f"{origin['copies']} are copies of others.")
    if origin["contradictory"]:
        parts.append(f"{origin['contradictory']} different texts have more than one label.")
    return " ".join(parts)

"""A version's files: its texts with where each label comes from, and its data card."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from core.domain.serialization import to_json
from core.domain.tasks import Task
from core.files.exports import ExportFormat, export_table
from core.interventions.versions import Subject
from core.store.database import Database
from core.store.generation.runs import get_run
from core.store.interventions.judgements import MACHINES
from core.store.interventions.versions import VersionRecord, VersionRow, kind_name, lineage

COLUMNS = (
    "id",
    "text",
    "label",
    "specified",
    "proxy",
    "oracle",
    "human",
    "who",
    "proposed",
    "confidence",
    "in_scope",
    "scope_confidence",
    "scope_who",
)
"""`label` is the version's, `specified` the one the text was generated for, `proxy` the proxies',
`oracle` the inspecting oracle's, `human` that of the people named in `who`, `proposed` what the
text would be labelled had they not corrected it; `scope_who` are those who judged its scope.
What nobody said is unknown."""


def provenance_rows(
    texts: Sequence[str], specified: Sequence[str], rows: Sequence[VersionRow]
) -> Iterator[dict[str, str | float | bool | None]]:
    """The texts that a version keeps, a value for each of `COLUMNS`.

    Args:
        texts: of all the version's rows, in their order.
        specified: the labels that they were generated for.
        rows: the version's rows.
    """
    for text, label, row in zip(texts, specified, rows, strict=True):
        if row.kept:
            by_machine = row.who in MACHINES
            yield {
                "id": row.sample_id,
                "text": text,
                "label": row.label,
                "specified": label,
                "proxy": row.proxy_label,
                "oracle": row.human_label if by_machine else None,
                "human": None if by_machine else row.human_label,
                "who": None if row.human_label is None else row.who,
                "proposed": row.proposed_label,
                "confidence": row.confidence,
                "in_scope": row.in_scope,
                "scope_confidence": row.scope_confidence,
                "scope_who": row.who if row.human_label is None else None,
            }


def export_version(
    texts: Sequence[str],
    specified: Sequence[str],
    rows: Sequence[VersionRow],
    *,
    format: ExportFormat,
) -> bytes:
    """The content of a version's export; arguments as `provenance_rows`."""
    table = list(provenance_rows(texts, specified, rows))
    fractions = ("confidence", "scope_confidence")
    return export_table(table, columns=COLUMNS, format=format, fractions=fractions)


# What Markdown or HTML could take for markup within a line, or for an address.
_MARKUP = re.compile(r"([\\`*_\[\]<>#!|$~&@]|:(?=//)|(?<=www)\.)")


@dataclass(frozen=True, slots=True, kw_only=True)
class CardStep:
    """An intervention of a card's lineage."""

    id: str
    kind: str
    name: str
    settings: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class CardTexts:
    """How many texts the version keeps, without how many, and how many of each label."""

    n: int
    removed: int
    per_label: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class CardEdits:
    """Counts of inspected texts and of changed labels, and who inspected."""

    inspected: int
    inspected_by_people: int
    inspected_by_machines: int
    annotators: Sequence[str]
    labels_changed: int
    labels_changed_by_judgement: int
    labels_changed_by_proxies: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DataCard:
    """What a dataset is, how it was made and what was done to it.

    Args:
        name: the dataset's.
        made: when, as it is to be read.
        task: None for texts from a file.
        generation: the run's spec without the task, and its facts, JSON-ready; None for texts from
            a file.
        lineage: the interventions, the raw version first; empty for texts from a file.
        texts: how many.
        edits: how many.
        measures: by name, JSON-ready (label accuracy, diversity, the oracle's accuracy, ...).
    """

    name: str
    made: str
    task: Task | None
    generation: Mapping[str, object] | None
    lineage: Sequence[CardStep]
    texts: CardTexts
    edits: CardEdits
    measures: Mapping[str, object]


def data_card(
    *,
    name: str,
    task: Task | None,
    generation: Mapping[str, object] | None,
    lineage: Sequence[VersionRecord],
    rows: Sequence[VersionRow],
    specified: Sequence[str],
    measures: Mapping[str, object],
    made: str,
) -> DataCard:
    """The card of a version; arguments as `DataCard`, and:

    Args:
        lineage: the versions.
        rows: the version's rows.
        specified: the labels that the texts were generated for, in the order of the rows.
    """
    kept = [row for row in rows if row.kept]
    counts = Counter(row.label for row in kept)
    inspected = [row for row in rows if row.human_label is not None]
    by_machine = sum(row.who in MACHINES for row in inspected)
    pairs = zip(rows, specified, strict=True)
    changed = [row for row, label in pairs if row.kept and row.label != label]
    by_judgement = sum(row.human_label == row.label for row in changed)
    return DataCard(
        name=name,
        made=made,
        task=task,
        generation=generation,
        lineage=[
            CardStep(
                id=version.id,
                kind=version.kind,
                name=version.name,
                settings={**version.spec},
            )
            for version in lineage
        ],
        texts=CardTexts(
            n=len(kept),
            removed=len(rows) - len(kept),
            per_label={
                label: counts[label] for label in (task.label_names if task else sorted(counts))
            },
        ),
        edits=CardEdits(
            inspected=len(inspected),
            inspected_by_people=len(inspected) - by_machine,
            inspected_by_machines=by_machine,
            annotators=sorted({row.who for row in inspected if row.who}),
            labels_changed=len(changed),
            labels_changed_by_judgement=by_judgement,
            labels_changed_by_proxies=len(changed) - by_judgement,
        ),
        measures=measures,
    )


def card_markdown(card: DataCard) -> str:
    """The card as Markdown; names from outside are plain text in it, whatever they hold."""
    lines = [f"# {_plain(card.name)}", "", f"Made {_plain(card.made)} with Wideset.", ""]
    per_label = card.texts.per_label
    if card.task is not None:
        lines += ["## Task", "", f"Text type: {_plain(card.task.text_type)}", ""]
        labels = [(label.name, label.phrase, per_label[label.name]) for label in card.task.labels]
        lines += _table(("label", "phrase in the prompt", "texts"), labels)
    else:
        lines += ["## Labels", "", *_table(("label", "texts"), per_label.items())]
    lines += [f"{card.texts.n} texts; {card.texts.removed} were removed.", ""]
    if card.generation is not None:
        lines += ["## Generation", "", *_table(("setting", "value"), _flat(card.generation))]
    if card.lineage:
        lines += ["## Interventions", ""]
        for step in card.lineage:
            settings = ", ".join(f"{key} {value}" for key, value in _flat(step.settings))
            kind = kind_name(step.kind)
            named = "" if step.name == kind else f" ({_plain(step.name)})"
            lines.append(f"1. {kind}{named}" + (f": {_plain(settings)}" if settings else ""))
        lines.append("")
    lines += ["## Edits", "", *_table(("what", "count"), _flat(to_json(card.edits)))]
    if card.measures:
        lines += ["## Measures", "", *_table(("measure", "value"), _flat(card.measures))]
    return "\n".join(lines)


def card_file(card: DataCard, *, as_json: bool) -> bytes:
    """The content of a card's file: JSON or Markdown."""
    if as_json:
        return json.dumps(to_json(card), ensure_ascii=False, indent=1).encode("utf-8")
    return card_markdown(card).encode("utf-8")


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(_plain(cell) for cell in row) + " |" for row in rows]
    return [*lines, ""]


def _flat(data: Mapping[str, object], before: str = "") -> list[tuple[str, object]]:
    """Nested values as rows, in order: `condition temperature`, 0.7; lists on one line."""
    rows: list[tuple[str, object]] = []
    for key, value in data.items():
        name = f"{before}{key}".replace("_", " ")
        if isinstance(value, Mapping):
            rows += _flat(value, f"{name} ")
        elif isinstance(value, list | tuple):
            rows.append((name, ", ".join(map(str, value)) or "none"))
        else:
            rows.append((name, value))
    return rows


def _plain(value: object) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    line = " ".join("".join(c if c.isprintable() else " " for c in str(value)).split())
    return _MARKUP.sub(r"\\\1", line)


def version_card(
    db: Database, subject: Subject, *, measures: Mapping[str, object], made: str
) -> DataCard:
    """The card of texts as a version has them, of a run or of none; see `DataCard`."""
    generation = task = None
    if subject.run_id:
        run = get_run(db, subject.run_id)
        task = run.spec.task
        metadata = {} if run.metadata is None else run.metadata.to_dict()
        generation = {**run.spec.to_dict(), "facts": metadata}
        del generation["task"]
        # Real texts are not to leak into a card.
        generation["seed_examples"] = len(run.spec.seed_examples)
    return data_card(
        name=subject.dataset.name,
        task=task,
        generation=generation,
        lineage=() if subject.version is None else lineage(db, subject.version.id),
        rows=subject.rows,
        specified=subject.specified,
        measures=measures,
        made=made,
    )

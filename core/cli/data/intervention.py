"""What `relabel` and `filter` share: the texts they work on, and the version they make of them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from typer import Option

from core.cli.app import OptionGroup, Session
from core.cli.lookup import find_dataset
from core.cli.options import ExportOption, JsonOption, check_seed
from core.cli.output import print_json, print_lines
from core.cli.progress import WorkProgress
from core.diversity.embedding.encoder import EncoderChoice
from core.domain.datasets import Dataset
from core.domain.errors import BadInput
from core.files.exports import check_export, format_of, write_whole
from core.interventions.versions.card import card_markdown, data_card, export_version
from core.services.embedding import Embedder
from core.store.database import Database
from core.store.datasets import load_dataset, run_key
from core.store.generation.runs import get_run
from core.store.interventions.versions import (
    VersionRow,
    derive,
    get_version,
    lineage,
    raw_version,
    version_rows,
)

WHO = "command line"


@dataclass(frozen=True)
class InterventionOptions(OptionGroup):
    """What an intervention writes."""

    out: ExportOption
    card: Annotated[Path | None, Option(help="Write a data card to FILE.md or FILE.json.")] = None
    as_json: JsonOption = False
    seed: Annotated[int, Option(help="Seed of every random draw and of training.")] = 0

    def check(self) -> None:
        """See that everything can be written, before anything is spent.

        Raises:
            BadInput: it can't, or the seed is negative.
        """
        check_export(self.out)
        if self.card is not None:
            if self.card.suffix.lower() not in (".md", ".json"):
                raise BadInput(
                    f"The card '{self.card.name}' is neither .md nor .json.", "Rename it."
                )
            check_export(self.card.with_suffix(".jsonl"))  # the folder is what counts
        check_seed(self.seed)


@dataclass(frozen=True, slots=True)
class Subject:
    """What an intervention works on.

    Args:
        dataset: the texts, under their current labels.
        rows: as rows of a version, including those that a version removed; `dataset` holds the
            kept ones in their order.
        texts: of all rows.
        specified: the labels that all rows' texts were generated for.
        run_id: the run they are of; None for a file's.
        parent_id: the version they are; None for a file's, and for a run as it was generated.
    """

    dataset: Dataset
    rows: Sequence[VersionRow]
    texts: Sequence[str]
    specified: Sequence[str]
    run_id: str | None = None
    parent_id: str | None = None


@dataclass(frozen=True, slots=True)
class Intervention:
    """What an intervention did.

    Args:
        kind: which one.
        rows: all rows of the new version.
        spec: its settings, JSON-ready.
        facts: what came of it, JSON-ready; printed with --json.
        words: the same as sentences.
        keep: whether a run gets the version; not where it would equal the one before.
    """

    kind: str
    rows: Sequence[VersionRow]
    spec: Mapping[str, Any]
    facts: Mapping[str, Any]
    words: Sequence[str]
    keep: bool = True


def embedder_of(session: Session, progress: WorkProgress) -> Embedder:
    """Embeds texts by the embedded encoder, with progress on stderr."""
    return Embedder(session.db, session.encoders, EncoderChoice(), progress)


def find_subject(db: Database, wanted: str) -> Subject:
    """The texts that a person means.

    Raises:
        BadInput: there are none.
    """
    dataset = find_dataset(db, wanted)
    if not len(dataset):
        raise BadInput(f"{dataset.name} has no usable texts.", "Choose another.")
    kind, _, key = dataset.key.partition(":")
    if kind != "version":
        rows = [
            VersionRow(id_, label) for id_, label in zip(dataset.ids, dataset.labels, strict=True)
        ]
        run_id = key if kind == "run" else None
        return Subject(dataset, rows, dataset.texts, dataset.labels, run_id)
    version = get_version(db, key)
    rows = version_rows(db, key)
    whole = load_dataset(db, run_key(version.run_id))
    place_of = {sample_id: place for place, sample_id in enumerate(whole.ids)}
    places = [place_of[row.sample_id] for row in rows]
    return Subject(
        dataset,
        rows,
        [whole.texts[place] for place in places],
        [whole.labels[place] for place in places],
        version.run_id,
        version.id,
    )


def conclude(
    db: Database, options: InterventionOptions, subject: Subject, result: Intervention
) -> None:
    """Store the version of a run, write the files, and print what came of it."""
    version_id = None
    if subject.run_id is not None and result.keep:
        version_id = _store_version(db, subject, result)
    content = export_version(
        subject.texts, subject.specified, result.rows, format=format_of(options.out)
    )
    write_whole(options.out, content)
    if options.card is not None:
        write_whole(options.card, _card(db, options.card, subject, result, version_id))
    if options.as_json:
        names = {"source": subject.dataset.name, "version": version_id, "out": str(options.out)}
        print_json({**result.facts, **result.spec, **names})
        return
    print_lines(*result.words)
    kept = sum(row.kept for row in result.rows)
    stored = "" if version_id is None else f" Stored as version:{version_id}."
    print_lines(f"Wrote {kept} texts to {options.out}.{stored}")


def _store_version(db: Database, subject: Subject, result: Intervention) -> str:
    assert subject.run_id is not None
    with db.write():
        parent_id = subject.parent_id or raw_version(db, subject.run_id).id
        return derive(
            db, parent_id, result.kind, result.rows, who=WHO, spec=result.spec, facts=result.facts
        ).id


def _card(
    db: Database, path: Path, subject: Subject, result: Intervention, version_id: str | None
) -> bytes:
    run = None if subject.run_id is None else get_run(db, subject.run_id)
    generation = None if run is None else {**run.spec.to_dict(), "facts": dict(run.facts)}
    task = None if generation is None else generation.pop("task")
    if generation is not None:  # real texts are not to leak into a card
        generation["seed_examples"] = len(generation["seed_examples"])
    card = data_card(
        name=subject.dataset.name,
        task=task,
        generation=generation,
        lineage=() if version_id is None else lineage(db, version_id),
        rows=result.rows,
        specified=subject.specified,
        measures={"settings": dict(result.spec), **result.facts},
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )
    if path.suffix.lower() == ".json":
        return json.dumps(card, ensure_ascii=False, indent=1).encode("utf-8")
    return card_markdown(card).encode("utf-8")

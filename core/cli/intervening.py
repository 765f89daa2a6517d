"""What `relabel` and `filter` share: which texts, and what is written."""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.cli.parser import Parser, one_line
from core.cli.sources import SOURCE_HELP, find_dataset
from core.domain.errors import BadInput
from core.files.exports import check_export, format_of, write_whole

if TYPE_CHECKING:
    from core.domain.datasets import Dataset
    from core.store.database import Database
    from core.store.interventions.versions import Kind, VersionRow

WHO = "command line"


@dataclass(frozen=True, slots=True)
class Work:
    """What an intervention works on.

    Args:
        dataset: the texts, under the labels that they bear.
        rows: as rows of a version, those that a version has let go included; `dataset` holds the
            kept ones in their order.
        texts: of all rows.
        specified: the labels that all rows' texts were generated for.
        run_id: the run they are of; None for a file's.
        parent_id: the version they are; None for a file's, and for a run as it was generated.
    """

    dataset: "Dataset"
    rows: "Sequence[VersionRow]"
    texts: Sequence[str]
    specified: Sequence[str]
    run_id: str | None = None
    parent_id: str | None = None


def add_options_to(parser: Parser) -> None:
    """Give a command the source and what it writes."""
    parser.add_argument("wanted", metavar="FILE_OR_RUN", help=SOURCE_HELP)
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FILE",
        help="write the texts to FILE.jsonl, FILE.csv or FILE.parquet, with where each label is "
        "from; replaced if it exists",
    )
    parser.add_argument(
        "--card", type=Path, metavar="FILE", help="write a data card to FILE.md or FILE.json"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def check_options(args: argparse.Namespace) -> None:
    """See that everything can be written, before anything is spent.

    Raises:
        BadInput: it can't, or the seed is negative.
    """
    check_export(args.out)
    if args.card is not None:
        if args.card.suffix.lower() not in (".md", ".json"):
            raise BadInput(f"The card '{args.card.name}' is neither .md nor .json.", "Rename it.")
        check_export(args.card.with_suffix(".jsonl"))  # the folder is what counts
    if not 0 <= args.seed < 2**63:
        raise BadInput(f"--seed is {args.seed}.", "Give a whole number from 0 on.")


def work_on(db: "Database", wanted: str) -> Work:
    """The texts that a person means.

    Raises:
        BadInput: there are none.
    """
    from core.store.datasets import load_dataset, run_key
    from core.store.interventions.versions import VersionRow, get_version, version_rows

    dataset = find_dataset(db, wanted)
    if not len(dataset):
        raise BadInput(f"{dataset.name} has no usable texts.", "Choose another.")
    kind, _, key = dataset.key.partition(":")
    if kind != "version":
        rows = [VersionRow(k, lab) for k, lab in zip(dataset.ids, dataset.labels, strict=True)]
        run_id = key if kind == "run" else None
        return Work(dataset, rows, dataset.texts, dataset.labels, run_id)
    version = get_version(db, key)
    rows = version_rows(db, key)
    whole = load_dataset(db, run_key(version.run_id))
    place = {sample_id: at for at, sample_id in enumerate(whole.ids)}
    places = [place[row.sample_id] for row in rows]
    return Work(
        dataset,
        rows,
        [whole.texts[at] for at in places],
        [whole.labels[at] for at in places],
        version.run_id,
        version.id,
    )


def conclude(
    db: "Database",
    args: argparse.Namespace,
    work: Work,
    kind: "Kind",
    rows: "Sequence[VersionRow]",
    *,
    spec: Mapping[str, Any],
    facts: Mapping[str, Any],
    words: Sequence[str],
    keep: bool = True,
) -> int:
    """Store the version of a run, write the files, and say what came of it.

    Args:
        db: the store.
        args: the command's.
        work: what was worked on.
        kind: the intervention.
        rows: all rows of the new version.
        spec: its settings, JSON-ready.
        facts: what came of it, JSON-ready; printed with --json.
        words: the same as sentences.
        keep: whether a run gets the version; not where it would equal the one before.

    Returns:
        The exit code 0.
    """
    from core.interventions.versions.card import export_version
    from core.store.interventions.versions import derive, raw_version

    version_id = None
    if work.run_id is not None and keep:
        with db.write():
            parent_id = work.parent_id or raw_version(db, work.run_id).id
            version_id = derive(db, parent_id, kind, rows, who=WHO, spec=spec, facts=facts).id
    content = export_version(work.texts, work.specified, rows, format=format_of(args.out))
    write_whole(args.out, content)
    if args.card is not None:
        write_whole(args.card, _card(db, args, work, rows, version_id, spec, facts))
    if args.json:
        named = {"source": work.dataset.name, "version": version_id, "out": str(args.out)}
        print(json.dumps({**facts, **spec, **named}, allow_nan=False))
        return 0
    for line in words:
        print(one_line(line))
    kept = sum(row.kept for row in rows)
    stored = "" if version_id is None else f" Stored as version:{version_id}."
    print(one_line(f"Wrote {kept} texts to {args.out}.{stored}"))
    return 0


def _card(
    db: "Database",
    args: argparse.Namespace,
    work: Work,
    rows: "Sequence[VersionRow]",
    version_id: str | None,
    spec: Mapping[str, Any],
    facts: Mapping[str, Any],
) -> bytes:
    from core.interventions.versions.card import card_markdown, data_card
    from core.store.generation.runs import get_run
    from core.store.interventions.versions import lineage

    run = None if work.run_id is None else get_run(db, work.run_id)
    generation = None if run is None else {**run.spec.to_dict(), "facts": dict(run.facts)}
    task = None if generation is None else generation.pop("task")
    if generation is not None:  # real texts are not to leak into a card
        generation["seed_examples"] = len(generation["seed_examples"])
    card = data_card(
        name=work.dataset.name,
        task=task,
        generation=generation,
        lineage=() if version_id is None else lineage(db, version_id),
        rows=rows,
        specified=work.specified,
        measures={"settings": dict(spec), **facts},
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )
    if args.card.suffix.lower() == ".json":
        return json.dumps(card, ensure_ascii=False, indent=1).encode("utf-8")
    return card_markdown(card).encode("utf-8")

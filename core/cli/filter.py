"""`filter`: take out what is out of scope, as learned from judged texts."""

import argparse
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.cli.annotating import Embedding
from core.cli.intervening import add_options_to, check_options, conclude, work_on
from core.cli.parser import Commands
from core.domain.errors import BadInput

_YES = ("true", "1", "yes", "y", "in")
_NO = ("false", "0", "no", "n", "out")
_SHOWN = 5


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "filter",
        help="take out texts that are out of scope",
        description="Out-of-scope filtering. A linear SVC learns from texts that were judged in "
        "or out of scope and takes the others of their kind out. The paper found no consistent "
        "gain from it. A run gets a version; the texts as generated stay.",
        epilog="Example: python -m core filter reviews.jsonl --judged judged.csv --out kept.jsonl",
    )
    add_options_to(parser)
    parser.add_argument(
        "--judged",
        type=Path,
        required=True,
        metavar="FILE",
        help="a file with the columns text and in_scope (true or false, 1 or 0, yes or no)",
    )
    parser.add_argument(
        "--threshold",
        type=float,
        default=0.5,
        metavar="P",
        help="confidence that a text is in scope below which it goes, 0 to 1 (%(default)s)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="K", help="of splits and training (%(default)s)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command.

    Raises:
        WidesetError: a file is refused, there is no such run, or there is too little to learn from.
    """
    check_options(args)
    if not 0 <= args.threshold <= 1:
        raise BadInput(f"--threshold is {args.threshold}.", "Give 0 to 1.")
    judged = read_judged(args.judged)

    from core.domain.settings import home_from
    from core.interventions.scope_filter.out_of_scope import check_enough, train_filter
    from core.interventions.versions.apply import filtered
    from core.store.database import open_database

    check_enough(judged.values())
    db = open_database(home_from())
    work = work_on(db, args.wanted)
    dataset = work.dataset
    # A judged text teaches whether or not it is one of these.
    keys = [text.strip() for text in dataset.texts]
    first = {key: row for row, key in reversed(list(enumerate(keys)))}
    elsewhere = [text for text in judged if text not in first]
    verdicts = {row: judged[key] for row, key in enumerate(keys) if key in judged}
    # It teaches once, however many copies it has: a copy held out would be no test.
    taught = {first[text]: said for text, said in judged.items() if text in first}
    taught |= {len(dataset) + row: judged[text] for row, text in enumerate(elsewhere)}
    vectors = Embedding(db)([*dataset.texts, *elsewhere])
    trained = train_filter(vectors, taught, seed=args.seed)
    scope = replace(trained.first(len(dataset)), judged=verdicts)
    going = scope.going(args.threshold)
    if len(going) == len(dataset):
        raise BadInput("Every text would go; none was removed.", "Lower --threshold.")
    facts: dict[str, Any] = {
        "n": len(dataset),
        "inspected": len(scope.judged),
        "judged": len(judged),
        "changed": 0,
        "removed": len(going),
        "removed_per_label": dict(Counter(dataset.labels[row] for row in going)),
        "quality": scope.quality(args.threshold).to_dict(),
        "explanations": [
            *([f"{len(elsewhere)} judged texts are none of these."] if elsewhere else []),
            *scope.explanations,
        ],
    }
    boundary = [dataset.texts[row] for row in going if row not in scope.judged][:_SHOWN]
    return conclude(
        db,
        args,
        work,
        "oosf",
        filtered(work.rows, scope, threshold=args.threshold, who=args.judged.name),
        spec={"threshold": args.threshold, "seed": args.seed},
        facts=facts,
        words=_in_words(dataset.name, facts, boundary),
        keep=bool(going),
    )


def read_judged(path: Path) -> dict[str, bool]:
    """Whether texts are in scope, by text.

    Raises:
        BadInput: the file is refused, a judgement is neither yes nor no, or a text has both.
    """
    from core.files.labelled import read_labelled

    judged: dict[str, bool] = {}
    for example in read_labelled(path, name=path.name, task=None, label_column="in_scope"):
        said = example.label.casefold()
        if said not in (*_YES, *_NO):
            raise BadInput(
                f"{path.name} says '{example.label[:60]}' in the column in_scope.",
                "Write true or false, 1 or 0, yes or no.",
            )
        if judged.setdefault(example.text, said in _YES) != (said in _YES):
            raise BadInput(
                f"{path.name} has the text '{example.text[:60]}' both in and out of scope.",
                "Settle it, or take it out.",
            )
    return judged


def _in_words(name: str, facts: dict[str, Any], boundary: list[str]) -> list[str]:
    quality = facts["quality"]
    precision, recall = (_interval(what, quality[what]) for what in ("precision", "recall"))
    went = (
        f"{facts['removed']} of {facts['n']} texts are out of scope and go"
        if facts["removed"]
        else f"nothing was out of scope by this threshold; all {facts['n']} texts stay, and no "
        "version was made"
    )
    lines = [
        f"{name}: {went} ({facts['judged']} texts judged).",
        f"On judged texts held out in {quality['splits']} splits: {precision}, {recall}.",
        "The paper found no consistent gain from filtering; compare what a classifier makes of it.",
    ]
    lines += [f"  from {label}: {count}" for label, count in facts["removed_per_label"].items()]
    lines += [f"  at the boundary: {text[:100]}" for text in boundary]
    return [*lines, *facts["explanations"]]


def _interval(what: str, found: dict[str, Any] | None) -> str:
    if found is None:
        return f"{what} unknown, as nothing would have gone"
    if found["low"] is None:  # one split alone
        return f"{what} {found['mean']:.1%}"
    return f"{what} {found['mean']:.1%} ({found['low']:.1%} to {found['high']:.1%})"

"""`relabel`: label replacement by an oracle, or by what proxies learn from it."""

import argparse
from typing import TYPE_CHECKING, Any

from core.cli.annotating import Embedding, oracle_of
from core.cli.intervening import add_options_to, check_options, conclude, work_on
from core.cli.parser import Commands
from core.domain.errors import BadInput

if TYPE_CHECKING:
    from core.interventions.relabelling.oracle import Oracle
    from core.interventions.relabelling.relabel import Replacement

_SHOWN_FLOWS = 10


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "relabel",
        help="replace labels by an oracle's, or by what proxies learn from some of them",
        description="Label replacement. An oracle learns from real labelled texts and stands in "
        "for a person: it labels all texts, or a random sample, from which one linear SVC a label "
        "learns to relabel the rest. A run gets a version; the texts as generated stay.",
        epilog="Example: python -m core relabel reviews.jsonl --reference real.csv --inspect 180 "
        "--out repaired.jsonl",
    )
    add_options_to(parser)
    parser.add_argument(
        "--reference",
        required=True,
        metavar="FILE",
        help="real texts that the oracle learns from: a file with the columns text and label, or "
        "reference:ID:train",
    )
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--all", action="store_true", help="the oracle labels every text")
    how.add_argument(
        "--inspect", type=int, metavar="N", help="it labels N texts drawn at random (paper: 180)"
    )
    parser.add_argument(
        "--weight",
        type=float,
        default=0.3,
        metavar="W",
        help="of the label that a text bears against the proxies', 0 to 1 (%(default)s)",
    )
    parser.add_argument(
        "--error-rate",
        type=float,
        default=0.0,
        metavar="P",
        help="chance that an inspected text gets a wrong label, to simulate people (%(default)s)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="K", help="of all draws (%(default)s)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command.

    Raises:
        WidesetError: a file is refused, there is no such run, or there is too little to learn from.
    """
    check_options(args)
    if not 0 <= args.weight <= 1:
        raise BadInput(f"--weight is {args.weight}.", "Give 0 to 1; the paper has 0.3.")
    if not 0 <= args.error_rate <= 1:
        raise BadInput(f"--error-rate is {args.error_rate}.", "Give 0 to 1.")

    import numpy as np

    from core.domain.settings import home_from
    from core.interventions.relabelling.label_accuracy import label_accuracy
    from core.interventions.relabelling.oracle import noisy
    from core.interventions.relabelling.relabel import relabel_all, replace_labels
    from core.interventions.versions.apply import relabelled
    from core.store.database import open_database

    db = open_database(home_from())
    work = work_on(db, args.wanted)
    dataset = work.dataset
    if args.inspect is not None and not 2 <= args.inspect <= len(dataset):
        raise BadInput(
            f"--inspect is {args.inspect}, and there are {len(dataset)} texts.",
            "Give a number from 2 to that, or --all.",
        )
    embed = Embedding(db)
    oracle, names, notes = oracle_of(embed, args.reference, work, seed=args.seed)
    vectors = embed(dataset.texts)
    opinion = oracle.judge(dataset.texts, vectors)
    rng = np.random.default_rng(args.seed)
    told = noisy(opinion.labels, args.error_rate, rng, label_names=names)
    if args.all:
        sure = opinion.confidence if args.error_rate == 0 else None
        result = relabel_all(dataset.labels, told, label_names=names, confidence=sure)
    else:
        sample = rng.permutation(len(dataset))[: args.inspect].tolist()
        result = replace_labels(
            vectors,
            dataset.labels,
            {row: told[row] for row in sample},
            label_names=names,
            weight=args.weight,
            seed=args.seed,
        )
    before, after = (
        label_accuracy(labels, opinion.labels, label_names=names)
        for labels in (result.old, result.new)
    )
    spec = {
        "weight": None if args.all else args.weight,
        "error_rate": args.error_rate,
        "seed": args.seed,
    }
    accuracies = (before.overall.hits / len(dataset), after.overall.hits / len(dataset))
    doubts = _doubts(oracle, accuracies[0], len(names)) if result.changed else []
    notes += [*doubts, *result.explanations]
    facts = _facts(result, oracle, accuracies, notes)
    return conclude(
        db,
        args,
        work,
        "lr",
        relabelled(work.rows, result, who=oracle.name),
        spec=spec,
        facts=facts,
        words=_in_words(dataset.name, facts),
    )


def _facts(
    result: "Replacement", oracle: "Oracle", accuracies: tuple[float, float], notes: list[str]
) -> dict[str, Any]:
    from core.interventions.relabelling.preview import changes_of, flows_of

    flows = flows_of(changes_of([str(row) for row in range(len(result.old))], result))
    return {
        "n": len(result.old),
        "inspected": result.inspected,
        "changed": len(result.changed),
        "removed": 0,
        "label_accuracy": dict(zip(("before", "after"), accuracies, strict=True)),
        "oracle": {"accuracy": oracle.accuracy.to_dict(), "measured_on": oracle.measured_on},
        "flows": [[flow.old, flow.new, flow.count] for flow in flows],
        "explanations": notes,
    }


def _doubts(oracle: "Oracle", agreement: float, labels: int) -> list[str]:
    from core.interventions.relabelling.label_accuracy import behind_the_oracle

    own = oracle.accuracy.interval
    if own is None or labels < 2:
        return []
    behind = behind_the_oracle(agreement, own.mean, labels=labels)
    if behind is not None and behind < own.mean:
        return []
    return [
        "The oracle seems to err at least as often as the labels do, so they may be worse after "
        "than before; judge some texts yourself."
    ]


def _in_words(name: str, facts: dict[str, Any]) -> list[str]:
    own = facts["oracle"]["accuracy"]["interval"]
    before, after = facts["label_accuracy"]["before"], facts["label_accuracy"]["after"]
    lines = [
        f"{name}: {facts['changed']} of {facts['n']} labels changed, "
        f"{facts['inspected']} texts inspected by the oracle.",
        f"Label accuracy as the oracle sees it: {before:.1%} before, {after:.1%} after. The oracle "
        f"itself is right on {own['mean']:.1%} ({own['low']:.1%} to {own['high']:.1%}; "
        f"{facts['oracle']['measured_on']}).",
    ]
    lines += [f"  {old} -> {new}: {count}" for old, new, count in facts["flows"][:_SHOWN_FLOWS]]
    rest = sum(count for _, _, count in facts["flows"][_SHOWN_FLOWS:])
    if rest:
        lines.append(f"  other pairs: {rest}")
    return [*lines, *facts["explanations"]]

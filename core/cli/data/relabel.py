"""`relabel`: label replacement by an oracle, or by what proxies learn from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from typer import Option

from core.cli.app import App, OptionGroup, Session
from core.cli.data.intervention import (
    Embedding,
    Intervention,
    InterventionOptions,
    Subject,
    conclude,
    find_subject,
)
from core.cli.lookup import find_dataset
from core.cli.options import SourceArgument, check_range
from core.domain.errors import BadInput
from core.interventions.relabelling.label_accuracy import behind_the_oracle, label_accuracy
from core.interventions.relabelling.oracle import Oracle, noisy, train_oracle
from core.interventions.relabelling.preview import changes_of, flows_of
from core.interventions.relabelling.relabel import Replacement, relabel_all, replace_labels
from core.interventions.versions.rows import relabelled
from core.store.datasets import load_dataset

_SHOWN_FLOWS = 10

app = App()


@dataclass(frozen=True)
class AnnotationOptions(OptionGroup):
    """What the oracle labels, and how far its labels and the present ones are followed."""

    everything: Annotated[bool, Option("--all", help="The oracle labels every text.")] = False
    inspect: Annotated[
        int | None, Option(help="The oracle labels N texts drawn at random (the paper uses 180).")
    ] = None
    weight: Annotated[
        float,
        Option(help="Weight of a text's current label against the proxies' prediction, 0 to 1."),
    ] = 0.3
    error_rate: Annotated[
        float, Option(help="Share of inspected texts that get a wrong label, to simulate people.")
    ] = 0.0

    def check(self) -> None:
        """See that the settings are usable, as far as that does not depend on the texts.

        Raises:
            BadInput: they are not.
        """
        if self.everything == (self.inspect is not None):
            raise BadInput("Either --all or --inspect is required.", "Give one of the two.")
        check_range("--weight", self.weight, 0, 1, remedy="Give 0 to 1; the paper uses 0.3.")
        check_range("--error-rate", self.error_rate, 0, 1)


@app.add(
    epilog="Example: python -m core relabel reviews.jsonl --reference real.csv --inspect 180 "
    "--out repaired.jsonl",
)
def relabel(
    session: Session,
    source: SourceArgument,
    reference: Annotated[
        str,
        Option(
            metavar="FILE",
            help="Real texts that the oracle learns from: a file with the columns text and label, "
            "or reference:ID:train.",
        ),
    ],
    annotation: AnnotationOptions,
    options: InterventionOptions,
) -> None:
    """Label replacement. An oracle, which learns from real labelled texts, stands in for a person:
    it labels all texts, or a random sample, from which one linear SVC per label learns to relabel
    the rest. A run gets a version; the texts as generated stay.
    """
    options.check()
    annotation.check()
    db = session.db
    subject = find_subject(db, source)
    n = len(subject.dataset)
    if annotation.inspect is not None and not 2 <= annotation.inspect <= n:
        raise BadInput(
            f"--inspect is {annotation.inspect}, and there are {n} texts.",
            "Give a number from 2 to that, or --all.",
        )
    embed = Embedding(db)
    trained = train_oracle_on(embed, reference, subject, seed=options.seed)
    result = relabel_by_oracle(embed, trained, subject, annotation, seed=options.seed)
    conclude(db, options, subject, result)


@dataclass(frozen=True, slots=True)
class TrainedOracle:
    """An oracle that learned from a reference.

    Args:
        oracle: the classifier.
        label_names: all labels, the dataset's first.
        notes: sentences on labels that only one of reference and dataset has.
    """

    oracle: Oracle
    label_names: tuple[str, ...]
    notes: tuple[str, ...]


def train_oracle_on(embed: Embedding, wanted: str, subject: Subject, *, seed: int) -> TrainedOracle:
    """Train an oracle on a reference.

    Args:
        embed: embeds the reference.
        wanted: the reference, as `find_dataset` takes it; of one in the store the train part.
        subject: whose labels it is to know.
        seed: of its evaluation.

    Raises:
        BadInput: the reference is refused, or its labels are others.
    """
    dataset = subject.dataset
    reference = find_dataset(embed.db, wanted)
    known = dict.fromkeys(reference.labels)
    extra = [name for name in known if name not in dataset.label_names]
    missing = [name for name in dict.fromkeys(dataset.labels) if name not in known]
    if extra and (subject.run_id is not None or len(extra) == len(known)):
        raise BadInput(
            f"The reference has the label '{extra[0]}', which {dataset.name} lacks.",
            f"Its labels are {', '.join(dataset.label_names[:20])}.",
        )
    vectors = embed(reference.texts)
    test = None
    if reference.key.startswith("reference:") and reference.key.endswith(":train"):
        held_out = load_dataset(embed.db, reference.key.removesuffix("train") + "test")
        test = (embed(held_out.texts), held_out.labels)
    oracle = train_oracle(vectors, reference.labels, test=test, seed=seed)
    notes = []
    if missing:
        notes.append(
            f"The reference has no text of {_quoted(missing)}: the oracle never predicts it."
        )
    if extra:
        notes.append(f"The reference has the label {_quoted(extra)}, which no text had.")
    return TrainedOracle(oracle, (*dataset.label_names, *extra), tuple(notes))


def relabel_by_oracle(
    embed: Embedding,
    trained: TrainedOracle,
    subject: Subject,
    annotation: AnnotationOptions,
    *,
    seed: int,
) -> Intervention:
    """Replace labels by the oracle's, or by those of proxies that learn from a sample of them."""
    dataset, oracle, names = subject.dataset, trained.oracle, trained.label_names
    vectors = embed(dataset.texts)
    opinion = oracle.judge(dataset.texts, vectors)
    rng = np.random.default_rng(seed)
    annotated = noisy(opinion.labels, annotation.error_rate, rng, label_names=names)
    if annotation.everything:
        confidence = opinion.confidence if annotation.error_rate == 0 else None
        replacement = relabel_all(
            dataset.labels, annotated, label_names=names, confidence=confidence
        )
    else:
        sample = rng.permutation(len(dataset))[: annotation.inspect].tolist()
        replacement = replace_labels(
            vectors,
            dataset.labels,
            {row: annotated[row] for row in sample},
            label_names=names,
            weight=annotation.weight,
            seed=seed,
        )
    before, after = (
        label_accuracy(labels, opinion.labels, label_names=names).overall.hits / len(dataset)
        for labels in (replacement.old, replacement.new)
    )
    doubts = _doubts(oracle, before, len(names)) if replacement.changed else []
    notes = [*trained.notes, *doubts, *replacement.explanations]
    facts = _facts(replacement, oracle, before, after, notes)
    return Intervention(
        "lr",
        relabelled(subject.rows, replacement, who=oracle.name),
        spec={
            "weight": None if annotation.everything else annotation.weight,
            "error_rate": annotation.error_rate,
            "seed": seed,
        },
        facts=facts,
        words=_in_words(dataset.name, facts),
    )


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names[:5])


def _facts(
    replacement: Replacement, oracle: Oracle, before: float, after: float, notes: list[str]
) -> dict[str, Any]:
    rows = [str(row) for row in range(len(replacement.old))]
    flows = flows_of(changes_of(rows, replacement))
    return {
        "n": len(replacement.old),
        "inspected": replacement.inspected,
        "changed": len(replacement.changed),
        "removed": 0,
        "label_accuracy": {"before": before, "after": after},
        "oracle": {"accuracy": oracle.accuracy.to_dict(), "measured_on": oracle.measured_on},
        "flows": [[flow.old, flow.new, flow.count] for flow in flows],
        "explanations": notes,
    }


def _doubts(oracle: Oracle, agreement: float, labels: int) -> list[str]:
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
        f"Label accuracy according to the oracle: {before:.1%} before, {after:.1%} after. The "
        f"oracle's own accuracy is {own['mean']:.1%} ({own['low']:.1%} to {own['high']:.1%}; "
        f"{facts['oracle']['measured_on']}).",
    ]
    lines += [f"  {old} -> {new}: {count}" for old, new, count in facts["flows"][:_SHOWN_FLOWS]]
    rest = sum(count for _, _, count in facts["flows"][_SHOWN_FLOWS:])
    if rest:
        lines.append(f"  other pairs: {rest}")
    return [*lines, *facts["explanations"]]

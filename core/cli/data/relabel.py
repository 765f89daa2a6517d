"""`relabel`: label replacement by an oracle, or by what proxies learn from it."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from typer import Option

from core.cli.app import App, OptionGroup, Session
from core.cli.data.intervention import (
    Intervention,
    InterventionOptions,
    Subject,
    conclude,
    embedder_of,
    find_subject,
)
from core.cli.lookup import find_dataset
from core.cli.options import SourceArgument, check_range
from core.cli.progress import WorkProgress
from core.domain.datasets import Dataset
from core.domain.errors import BadInput
from core.interventions.relabelling.label_accuracy import behind_the_oracle, label_accuracy
from core.interventions.relabelling.oracle import Oracle, OracleInspection, relabel_by_oracle
from core.interventions.relabelling.preview import changes_of, flows_of
from core.interventions.relabelling.relabel import Replacement
from core.interventions.versions.rows import relabelled
from core.services.embedding import Embedder
from core.services.judge import train_oracle_on
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
    with WorkProgress(sys.stderr) as progress:
        embedder = embedder_of(session, progress)
        result = relabel_by_reference(
            embedder, find_dataset(db, reference), subject, annotation, seed=options.seed
        )
    conclude(db, options, subject, result)


def relabel_by_reference(
    embedder: Embedder,
    reference: Dataset,
    subject: Subject,
    annotation: AnnotationOptions,
    *,
    seed: int,
) -> Intervention:
    """Train an oracle on a reference and replace labels by it, or by what proxies learn from it.

    Args:
        embedder: embeds the texts.
        reference: what the oracle learns from; of one in the store the train part.
        subject: whose labels are replaced.
        annotation: what the oracle inspects.
        seed: of its evaluation, errors, draws and proxies.

    Raises:
        BadInput: the reference's labels are others, or it teaches nothing.
    """
    dataset = subject.dataset
    known = dict.fromkeys(reference.labels)
    extra = [name for name in known if name not in dataset.label_names]
    if extra and (subject.run_id is not None or len(extra) == len(known)):
        raise BadInput(
            f"The reference has the label '{extra[0]}', which {dataset.name} lacks.",
            f"Its labels are {', '.join(dataset.label_names[:20])}.",
        )
    test = None
    if reference.key.startswith("reference:") and reference.key.endswith(":train"):
        test = load_dataset(embedder.db, reference.key.removesuffix("train") + "test")
    present = tuple(dict.fromkeys(dataset.labels))
    trained = train_oracle_on(embedder, reference, test, label_names=present, seed=seed)
    oracle, names = trained.oracle, (*dataset.label_names, *extra)
    vectors = embedder.embed(dataset.texts)
    opinion = oracle.judge(dataset.texts, vectors)
    inspection = OracleInspection(
        count=None if annotation.everything else annotation.inspect,
        error_rate=annotation.error_rate,
        weight=annotation.weight,
        seed=seed,
    )
    replacement = relabel_by_oracle(
        dataset.labels, opinion, inspection, label_names=names, vectors=vectors
    )
    before, after = (
        label_accuracy(labels, opinion.labels, label_names=names).overall.hits / len(dataset)
        for labels in (replacement.old, replacement.new)
    )
    doubts = _doubts(oracle, before, len(names)) if replacement.changed else []
    notes = [*trained.notes, *doubts, *replacement.explanations]
    if extra:
        notes.insert(
            len(trained.notes), f"The reference has the label {_quoted(extra)}, which no text had."
        )
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

"""`relabel`: label replacement by an oracle, or by what proxies learn from it."""

from dataclasses import dataclass
from typing import Annotated

from typer import Option

from core.cli.app import App, OptionGroup, Session
from core.cli.data.intervention import (
    InterventionOptions,
    embedder,
    find_subject,
    finish_intervention,
)
from core.cli.lookup import find_dataset
from core.cli.options import SourceArgument, check_range
from core.domain.errors import BadInput
from core.domain.wording import counted, percent
from core.interventions.registry import Proposal
from core.interventions.relabelling.oracle import OracleInspection
from core.interventions.relabelling.oracle_quality import SELF_JUDGED, AccuracyChange
from core.services.interventions import RelabelResult, relabel_subject
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

    def inspection(self, n: int, seed: int) -> OracleInspection:
        """What the oracle inspects of so many texts.

        Raises:
            BadInput: these are too few texts, or it is to inspect too few.
        """
        if self.inspect is not None and not 2 <= self.inspect <= n:
            raise BadInput(
                f"--inspect is {self.inspect}, and there are {n} texts.",
                "Give a number from 2 to that, or --all.",
            )
        return OracleInspection(
            count=self.inspect, error_rate=self.error_rate, weight=self.weight, seed=seed
        )


@app.add(
    epilog="Example: python -m core relabel reviews.jsonl --reference real.csv --inspect 180 "
    "--out repaired.jsonl"
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
    subject = find_subject(session, source)
    inspection = annotation.inspection(len(subject.dataset), options.seed)
    train, test = find_dataset(session.db, reference), None
    if train.key.startswith("reference:") and train.key.endswith(":train"):
        test = load_dataset(session.db, train.key.removesuffix("train") + "test")
    with embedder(session) as embed:
        result = relabel_subject(subject, train, test, inspection, embedder=embed)
    spec = {
        "weight": None if annotation.everything else annotation.weight,
        "error_rate": annotation.error_rate,
        "seed": options.seed,
    }
    proposal = Proposal(rows=result.rows, spec=spec, facts=result.facts)
    lines = _words(subject.dataset.name, result)
    finish_intervention(session, options, subject, "lr", proposal, lines)


def _change_words(change: AccuracyChange) -> str:
    if change.after is None:
        return f"{percent(change.before)} before. {SELF_JUDGED}"
    return (
        f"{percent(change.before)} before, {percent(change.after)} after, of the "
        f"{counted(change.n, 'text')} that it did not label itself."
    )


def _words(name: str, result: RelabelResult) -> list[str]:
    replacement, flows = result.replacement, result.replacement.flows
    lines = [
        f"{name}: {len(replacement.changed)} of {len(replacement.old)} labels changed, "
        f"{replacement.inspected} texts inspected by the oracle.",
        f"Label accuracy according to the oracle: {_change_words(result.change)}",
        f"The oracle's own accuracy: {result.oracle.words(replacement.old)}.",
    ]
    lines += [f"  {flow.old} -> {flow.new}: {flow.count}" for flow in flows[:_SHOWN_FLOWS]]
    rest = sum(flow.count for flow in flows[_SHOWN_FLOWS:])
    if rest:
        lines.append(f"  other pairs: {rest}")
    return [*lines, *result.explanations]

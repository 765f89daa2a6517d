"""`filter`: remove what is out of scope, as learned from judged texts."""

from pathlib import Path
from typing import Annotated

from typer import Option

from core.classification.evaluation.intervals import Interval
from core.cli.app import App, Session
from core.cli.data.intervention import (
    InterventionOptions,
    embedder,
    find_subject,
    finish_intervention,
)
from core.cli.options import SourceArgument, check_range
from core.domain.datasets import Dataset
from core.domain.errors import BadInput
from core.domain.wording import percent, percent_interval
from core.files.labelled import read_labelled
from core.interventions.registry import Proposal
from core.interventions.scope_filter import check_enough
from core.services.interventions import FilterResult, filter_subject

_YES = ("true", "1", "yes", "y", "in")
_NO = ("false", "0", "no", "n", "out")
_SHOWN = 5

app = App()


@app.add(epilog="Example: python -m core filter reviews.jsonl --judged judged.csv --out kept.jsonl")
def filter_(
    session: Session,
    source: SourceArgument,
    judged: Annotated[
        Path,
        Option(
            help="A file with the columns text and in_scope (true or false, 1 or 0, yes or no)."
        ),
    ],
    options: InterventionOptions,
    threshold: Annotated[
        float, Option(help="In-scope probability below which a text is removed, 0 to 1.")
    ] = 0.5,
) -> None:
    """Out-of-scope filtering. A linear SVC learns from texts that were judged in or out of scope
    and removes the texts like the latter. The paper found no consistent gain from it. A run gets a
    version; the texts as generated stay.
    """
    options.check()
    check_range("--threshold", threshold, 0, 1)
    judgements = read_judged(judged)
    check_enough(judgements.values())
    subject = find_subject(session, source)
    with embedder(session) as embed:
        result = filter_subject(
            subject,
            judgements,
            threshold=threshold,
            who=judged.name,
            seed=options.seed,
            embedder=embed,
        )
    spec = {"threshold": threshold, "seed": options.seed}
    proposal = Proposal(rows=result.rows, spec=spec, facts=result.facts)
    lines = _words(subject.dataset, result)
    store = bool(result.removed)
    finish_intervention(session, options, subject, "oosf", proposal, lines, store=store)


def read_judged(path: Path) -> dict[str, bool]:
    """Whether texts are in scope, by text.

    Raises:
        BadInput: the file is refused, a judgement is neither yes nor no, or a text has both.
    """
    judgements: dict[str, bool] = {}
    for example in read_labelled(path, name=path.name, task=None, label_column="in_scope"):
        verdict = example.label.casefold()
        if verdict not in (*_YES, *_NO):
            raise BadInput(
                f"{path.name} says '{example.label[:60]}' in the column in_scope.",
                "Write true or false, 1 or 0, yes or no.",
            )
        if judgements.setdefault(example.text, verdict in _YES) != (verdict in _YES):
            raise BadInput(
                f"{path.name} has the text '{example.text[:60]}' both in and out of scope.",
                "Decide, or remove it.",
            )
    return judgements


def _words(dataset: Dataset, result: FilterResult) -> list[str]:
    n, quality = len(dataset), result.quality
    outcome = (
        f"{len(result.removed)} of {n} texts are out of scope and were removed"
        if result.removed
        else f"nothing was out of scope by this threshold; all {n} texts stay, and no version was "
        "made"
    )
    boundary = [row for row in result.removed if row not in result.scope.judged][:_SHOWN]
    return [
        f"{dataset.name}: {outcome} ({result.judged} texts judged).",
        f"On judged texts held out in {quality.splits} splits: "
        f"{_score_words('precision', quality.precision)}, "
        f"{_score_words('recall', quality.recall)}.",
        "The paper found no consistent gain from filtering; compare classifiers with and without.",
        *(f"  from {label}: {count}" for label, count in result.removed_per_label.items()),
        *(f"  at the boundary: {dataset.texts[row][:100]}" for row in boundary),
        *result.explanations,
    ]


def _score_words(what: str, score: Interval | None) -> str:
    if score is None:
        return f"{what} unknown, as nothing would have been removed"
    words = f"{what} {percent(score.mean)}"
    if score.low is None:  # a single split
        return words
    return f"{words} ({percent_interval(score.low, score.high)})"

"""`filter`: remove what is out of scope, as learned from judged texts."""

import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from typer import Option

from core.cli.app import App, Session
from core.cli.data.intervention import (
    Intervention,
    InterventionOptions,
    Subject,
    conclude,
    embedder_of,
    find_subject,
)
from core.cli.options import SourceArgument, check_range
from core.cli.progress import WorkProgress
from core.domain.errors import BadInput
from core.files.labelled import read_labelled
from core.interventions.scope_filter.out_of_scope import check_enough, learn_filter
from core.interventions.versions.rows import filtered
from core.services.embedding import Embedder

_YES = ("true", "1", "yes", "y", "in")
_NO = ("false", "0", "no", "n", "out")
_SHOWN = 5

app = App()


@app.add(
    epilog="Example: python -m core filter reviews.jsonl --judged judged.csv --out kept.jsonl",
)
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
    db = session.db
    subject = find_subject(db, source)
    with WorkProgress(sys.stderr) as progress:
        result = filter_by_judgements(
            embedder_of(session, progress),
            subject,
            judgements,
            threshold=threshold,
            who=judged.name,
            seed=options.seed,
        )
    conclude(db, options, subject, result)


def filter_by_judgements(
    embedder: Embedder,
    subject: Subject,
    judgements: Mapping[str, bool],
    *,
    threshold: float,
    who: str,
    seed: int,
) -> Intervention:
    """Train the filter on judged texts and remove what is out of scope.

    Args:
        embedder: embeds the texts.
        subject: what is filtered.
        judgements: whether a text is in scope, by text; also of texts that are not the subject's.
        threshold: in-scope probability below which a text is removed.
        who: whose judgements they are.
        seed: of splits and training.

    Raises:
        BadInput: nothing would be left.
    """
    dataset = subject.dataset
    texts = [text.strip() for text in dataset.texts]
    elsewhere = [text for text in judgements if text not in set(texts)]
    vectors = embedder.embed([*dataset.texts, *elsewhere])
    texts += elsewhere
    verdicts = {row: judgements[text] for row, text in enumerate(texts) if text in judgements}
    scope = learn_filter(texts, vectors, verdicts, count=len(dataset), seed=seed)
    removed = scope.going(threshold)
    if len(removed) == len(dataset):
        raise BadInput("Every text would be removed; none was.", "Lower --threshold.")
    facts: dict[str, Any] = {
        "n": len(dataset),
        "inspected": len(scope.judged),
        "judged": len(judgements),
        "changed": 0,
        "removed": len(removed),
        "removed_per_label": dict(Counter(dataset.labels[row] for row in removed)),
        "quality": scope.quality(threshold).to_dict(),
        "explanations": [
            *([f"{len(elsewhere)} judged texts are none of these."] if elsewhere else []),
            *scope.explanations,
        ],
    }
    boundary = [dataset.texts[row] for row in removed if row not in scope.judged][:_SHOWN]
    return Intervention(
        "oosf",
        filtered(subject.rows, scope, threshold=threshold, who=who),
        spec={"threshold": threshold, "seed": seed},
        facts=facts,
        words=_in_words(dataset.name, facts, boundary),
        keep=bool(removed),
    )


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


def _in_words(name: str, facts: dict[str, Any], boundary: list[str]) -> list[str]:
    quality = facts["quality"]
    precision, recall = (_interval(what, quality[what]) for what in ("precision", "recall"))
    outcome = (
        f"{facts['removed']} of {facts['n']} texts are out of scope and were removed"
        if facts["removed"]
        else f"nothing was out of scope by this threshold; all {facts['n']} texts stay, and no "
        "version was made"
    )
    lines = [
        f"{name}: {outcome} ({facts['judged']} texts judged).",
        f"On judged texts held out in {quality['splits']} splits: {precision}, {recall}.",
        "The paper found no consistent gain from filtering; compare classifiers with and without.",
    ]
    lines += [f"  from {label}: {count}" for label, count in facts["removed_per_label"].items()]
    lines += [f"  at the boundary: {text[:100]}" for text in boundary]
    return [*lines, *facts["explanations"]]


def _interval(what: str, score: dict[str, Any] | None) -> str:
    if score is None:
        return f"{what} unknown, as nothing would have been removed"
    if score["low"] is None:  # one split alone
        return f"{what} {score['mean']:.1%}"
    return f"{what} {score['mean']:.1%} ({score['low']:.1%} to {score['high']:.1%})"

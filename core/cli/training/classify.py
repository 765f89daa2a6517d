"""`classify`: ask a language model for the labels, as a baseline of training."""

import sys
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import numpy as np
from typer import Option

from core.classification.llm.cost_estimate import asking_ahead
from core.classification.llm.llm import draw_examples
from core.classification.settings import FineTuning, TrainingSpec
from core.classification.splitting import stratified_draw
from core.cli.app import App, OptionGroup, Session
from core.cli.lookup import find_task
from core.cli.options import (
    SOURCE_HELP,
    ColumnOptions,
    JsonOption,
    ModelOptions,
    SpendingOptions,
    TaskOption,
    check_range,
    check_seed,
)
from core.cli.output import one_line, print_json, spending_words
from core.cli.progress import WorkProgress
from core.cli.training.results import in_words, train_here, without_history
from core.domain.datasets import Dataset
from core.domain.errors import BadInput
from core.domain.runs import Example, ModelChoice
from core.domain.serialization import to_json
from core.domain.spending import SpendingLimit, check_spending_limit
from core.domain.tasks import Task
from core.files.labelled import SEED_COUNT
from core.generation.backends import Backend
from core.generation.servers.backend import ServedBackend
from core.services.servers.served_models import ServedLabelModel
from core.store.connections import find_capabilities

app = App()


@dataclass(frozen=True)
class DrawOptions(OptionGroup):
    """Which texts are drawn: examples for the prompt, and test texts."""

    examples: Annotated[
        str | None, Option(metavar="FILE", help="Labelled texts to draw examples from; likewise.")
    ] = None
    shots: Annotated[int, Option(help="Number of examples, balanced over the labels.")] = SEED_COUNT
    sample: Annotated[
        int | None, Option("--limit", help="Ask about N test texts only, drawn by the seed.")
    ] = None
    seed: Annotated[int, Option(help="Seed of every random draw.")] = 0


@app.add(
    epilog="Example: python -m core classify --test real.csv --task sst2 --examples train.csv",
)
def classify(
    session: Session,
    test: Annotated[str, Option(metavar="FILE", help=SOURCE_HELP)],
    task: TaskOption,
    draw: DrawOptions,
    model: ModelOptions,
    columns: ColumnOptions,
    limits: SpendingOptions,
    as_json: JsonOption = False,
) -> None:
    """Ask a language model for the label of each test text, zero-shot or with examples in the
    prompt, by the probability of each label's phrase; a server's model by that of a letter per
    label, or by its answer. It is the baseline that a trained classifier has to beat.
    """
    check_seed(draw.seed)
    choice, limit = model.choice(), limits.limit() or SpendingLimit()
    if limit.on and choice.backend == "local":
        raise BadInput(
            "A cap is for a server's model; one on this machine costs nothing.", "Leave it out."
        )
    its_task = find_task(task)
    db = session.db
    test_set = _test_set(columns.find_dataset(db, test), its_task, draw.sample, draw.seed)
    examples: tuple[Example, ...] = ()
    if draw.examples is not None:
        pool = columns.find_dataset(db, draw.examples)
        examples = draw_examples(pool, task=its_task, count=draw.shots, seed=draw.seed)
    model.remember_connection(db)
    spec = TrainingSpec(
        kind="llm",
        test=test_set.key,
        fine_tuning=FineTuning(device=choice.device),
        seeds=(draw.seed,),
        task=its_task,
        examples=examples,
        language_model=choice.model,
        language_server=choice.base_url,
    )
    with WorkProgress(sys.stderr) as progress:
        served = None
        if choice.backend != "local":
            served = ServedLabelModel(
                db, partial(_open_model, session, spec, test_set, limit, progress), limit=limit
            )
        try:
            trained = train_here(session, spec, None, test_set, progress=progress, served=served)
        finally:
            if served is not None:
                served.close()
            spending = None if served is None else served.spending(len(test_set))
            if spending is not None and spending.requests:
                progress.note(spending_words(spending))
    if as_json:
        data = without_history(trained.result)
        print_json(data if spending is None else {**data, "spending": to_json(spending)})
    else:
        print(in_words(trained.result))


def _test_set(dataset: Dataset, task: Task, sample: int | None, seed: int) -> Dataset:
    """The test texts, or a stratified sample of them.

    Raises:
        BadInput: the task lacks one of their labels, or the sample is empty.
    """
    unknown = sorted(set(dataset.labels) - set(task.label_names))
    if unknown:
        raise BadInput(
            f"The test texts have the label '{unknown[0]}', which the task {task.name} lacks.",
            f"Its labels are {', '.join(task.label_names[:20])}.",
        )
    if sample is None:
        return dataset
    check_range("--limit", sample, 1)
    rng = np.random.default_rng(seed)
    return dataset.take(stratified_draw(dataset.labels, sample, rng=rng).tolist())


def _open_model(
    session: Session,
    spec: TrainingSpec,
    test: Dataset,
    limit: SpendingLimit,
    progress: WorkProgress,
    choice: ModelChoice,
) -> Backend:
    """Open a server's model; what asking it is thought to take is shown first.

    Raises:
        BadInput: there is no such connection, its key is refused, or the limit can't be kept.
        BackendFailed: the server does not answer.
    """
    name = one_line(choice.model)
    if find_capabilities(session.db, choice.base_url, choice.model) is None:
        progress.note(f"What {name} can do is not known yet: it is tested first.")
    backend = session.tools.models.backend(choice)
    assert isinstance(backend, ServedBackend)
    assert spec.task is not None
    prices = backend.connection.prices
    check_spending_limit(limit, prices=prices, usage=backend.capabilities.usage)
    estimate = asking_ahead(
        test.texts, spec.task, spec.examples, found=backend.capabilities, prices=prices
    )
    money = estimate.money
    cost = "an unknown cost" if money is None else f"{money:.4g} {prices.currency}"
    progress.note(
        f"Asking {name} at {choice.base_url}: {estimate.requests:,} requests; at most "
        f"{estimate.tokens_in:,} tokens in and {estimate.tokens_out:,} out, {cost}."
    )
    return backend

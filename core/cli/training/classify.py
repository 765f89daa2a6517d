"""`classify`: ask a language model for the labels, as a baseline of training."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from typer import Option

from core.classification.llm.cost_estimate import asking_ahead
from core.classification.llm.llm import shuffled
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
from core.cli.output import one_line, print_json
from core.cli.progress import WorkProgress
from core.cli.training.results import in_words, train_here, without_history
from core.domain.datasets import Dataset
from core.domain.errors import BadInput
from core.domain.runs import Example, ModelChoice
from core.domain.settings import Home
from core.domain.spending import SpendingLimit, SpendingTracker, check_spending_limit
from core.domain.tasks import Task
from core.files.labelled import SEED_COUNT, balanced_examples
from core.generation.servers.backend import ServedBackend
from core.generation.servers.probing.probe import probe
from core.services.served_models import ServedLabelModel, ServedModels
from core.store.connections import find_capabilities
from core.store.database import Database, open_database

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
    choice, limit = model.choice(), limits.limit()
    if limit is not None and choice.backend == "local":
        raise BadInput(
            "A cap is for a server's model; one on this machine costs nothing.", "Leave it out."
        )
    its_task = find_task(task)
    home, db = session.home, session.db
    test_set = _test_set(columns.find_dataset(db, test), its_task, draw.sample, draw.seed)
    examples: tuple[Example, ...] = ()
    if draw.examples is not None:
        pool = columns.find_dataset(db, draw.examples)
        examples = draw_examples(pool, its_task, draw.shots, draw.seed)
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
        asking = served_label_model(
            home, db, spec, test_set, limit=limit or SpendingLimit(), note=progress.note
        )
        try:
            trained = train_here(session, spec, None, test_set, progress=progress, asking=asking)
        finally:
            asking.close()
            took = spending_words(asking.tracker)
            if took:
                progress.note(took)
    if not as_json:
        print(in_words(trained.result))
        return
    data = without_history(trained.result)
    if asking.tracker is not None:
        data["spending"] = asking.tracker.progress(written=1, target=1).to_dict()
    print_json(data)


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


def draw_examples(pool: Dataset, task: Task, count: int, seed: int) -> tuple[Example, ...]:
    """Examples for the prompt, balanced over the labels, in a random order.

    Raises:
        BadInput: the pool has too few of a label.
    """
    examples = [Example(text, label) for text, label in zip(pool.texts, pool.labels, strict=True)]
    drawn = balanced_examples(examples, task=task, count=count, seed=seed)
    return shuffled(drawn, rng=np.random.default_rng(seed))


def served_label_model(
    home: Home,
    db: Database,
    spec: TrainingSpec,
    test: Dataset,
    *,
    limit: SpendingLimit,
    note: Callable[[str], None],
) -> ServedLabelModel:
    """Opens a server's model for the questions of one command; shows the estimated cost first.

    Args:
        home: where the store lies.
        db: the store, in which every request is recorded.
        spec: names the model, the task and the examples in each prompt.
        test: the texts.
        limit: what it may take.
        note: shows lines that stay.
    """
    models = ServedModels(lambda: open_database(home), probe=probe)

    def open_backend(choice: ModelChoice) -> ServedBackend:
        if find_capabilities(db, choice.base_url, choice.model) is None:
            note(f"What {one_line(choice.model)} can do is not known yet: it is tested first.")
        backend = models.open(choice)
        prices = backend.connection.prices
        check_spending_limit(limit, prices=prices, usage=backend.capabilities.usage)
        assert spec.task is not None
        estimate = asking_ahead(
            test.texts, spec.task, spec.examples, found=backend.capabilities, prices=prices
        )
        money = estimate.money
        cost = "an unknown cost" if money is None else f"{money:.4g} {prices.currency}"
        note(
            f"Asking {one_line(choice.model)} at {choice.base_url}: {estimate.requests:,} "
            f"requests; at most {estimate.tokens_in:,} tokens in and {estimate.tokens_out:,} out, "
            f"{cost}."
        )
        return backend

    return ServedLabelModel(db, open_backend, limit=limit)


def spending_words(tracker: SpendingTracker | None) -> str:
    """What was taken so far, in words; empty before anything was asked."""
    if tracker is None or not tracker.spent.requests:
        return ""
    spending = tracker.progress(written=1, target=1)
    tokens = (
        "an unknown number of tokens"
        if spending.tokens_in is None
        else f"{spending.tokens_in:,} tokens in, {spending.tokens_out:,} out"
    )
    money = spending.money
    cost = "cost unknown" if money is None else f"{money:.4g} {spending.currency}"
    return f"It took {spending.requests:,} requests, {tokens}, {cost}."

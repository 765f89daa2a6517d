"""`generate`: a run from its settings to its export."""

import argparse
import sys
from pathlib import Path

from core.cli.model_choice import add_model_to, chosen_model, remember_connection
from core.cli.outcome import add_ending_to, check_ending, conclude
from core.cli.parser import Commands
from core.cli.spending_cap import add_cap_to, chosen_cap
from core.domain.conditions import Condition, Suppression
from core.domain.errors import BadInput
from core.domain.runs import Example, RunSpec
from core.domain.tasks import Task
from core.files.labelled import SEED_COUNT, balanced_examples, read_labelled


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "generate",
        help="generate texts for every label of a task",
        description=(
            "Generate texts for every label of a task. The run is kept in the store text by text; "
            "Ctrl-C stops it and keeps what arrived."
        ),
        epilog="Example: python -m core generate --task sst2 --temperature 0.9 --suppression 7.5 "
        "--per-label 50 --seed 1 --out reviews.jsonl",
    )
    knobs, spec = Condition(), RunSpec.__dataclass_fields__
    what = parser.add_argument_group("what to generate")
    what.add_argument(
        "--task",
        required=True,
        metavar="NAME|FILE.toml",
        help="a preset, a saved task (see tasks), or a file",
    )
    what.add_argument(
        "--per-label",
        type=int,
        default=spec["per_label"].default,
        metavar="N",
        help="texts for each label (%(default)s)",
    )
    what.add_argument(
        "--seed",
        type=int,
        default=spec["seed"].default,
        metavar="K",
        help="seed of every random draw (%(default)s)",
    )
    what.add_argument(
        "--seed-examples",
        type=Path,
        metavar="FILE",
        help="real labelled texts (CSV, JSONL or Parquet with text and label) for the prompts",
    )
    what.add_argument(
        "--seed-count",
        type=int,
        metavar="N",
        help=f"how many of them to draw, balanced over the labels ({SEED_COUNT})",
    )
    what.add_argument(
        "--name", default="", help="the run's name in lists (the task and its main knobs)"
    )
    diversity = parser.add_argument_group("diversity")
    diversity.add_argument(
        "--temperature",
        type=float,
        default=knobs.temperature,
        metavar="T",
        help="0 to 2 (%(default)s)",
    )
    diversity.add_argument(
        "--suppression",
        type=float,
        default=knobs.suppression.strength,
        metavar="S",
        help="logit suppression of frequent tokens, 0 (off) to 20; the paper's is 7.5 "
        "(%(default)s)",
    )
    diversity.add_argument(
        "--suppressed-tokens",
        type=int,
        default=knobs.suppression.tokens,
        metavar="N",
        help="how many tokens it bears on, 0 to 300 (%(default)s)",
    )
    diversity.add_argument(
        "--tally",
        choices=("dataset", "label"),
        default=knobs.suppression.scope,
        help="where it counts tokens: the whole dataset or each label (%(default)s)",
    )
    diversity.add_argument(
        "--top-p", type=float, default=knobs.top_p, metavar="P", help="above 0 to 1 (%(default)s)"
    )
    diversity.add_argument(
        "--min-p", type=float, default=knobs.min_p, metavar="P", help="0 (off) to 1 (%(default)s)"
    )
    diversity.add_argument(
        "--frequency-penalty",
        type=float,
        default=knobs.frequency_penalty,
        metavar="F",
        help="-2 to 2 (%(default)s)",
    )
    diversity.add_argument(
        "--only-new", action="store_true", help="don't count duplicates as texts"
    )
    requests = parser.add_argument_group("requests and model")
    add_model_to(requests)
    requests.add_argument(
        "--prompt",
        choices=("A", "C", "chat"),
        default=knobs.prompt,
        help="the paper's prompt A or C, or the same words as a chat (%(default)s)",
    )
    requests.add_argument(
        "--max-tokens",
        type=int,
        default=knobs.max_tokens,
        metavar="M",
        help="tokens a text at most (%(default)s)",
    )
    requests.add_argument(
        "--texts-a-request",
        type=int,
        default=knobs.texts_a_request,
        metavar="N",
        help="texts of one iteration (%(default)s)",
    )
    requests.add_argument(
        "--strict-order",
        action="store_true",
        help="update tally and examples after every iteration, as the paper does; slower",
    )
    add_cap_to(parser.add_argument_group("what a server's model may take"))
    add_ending_to(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command.

    Raises:
        WidesetError: the input is refused (before anything is spent), or the run did not finish.
    """
    condition = _condition(args)
    model, cap = chosen_model(args), chosen_cap(args)
    check_ending(args)
    from core.cli.lookup import find_task

    task = find_task(args.task)
    spec = RunSpec(
        task=task,
        condition=condition,
        per_label=args.per_label,
        seed=args.seed,
        seed_examples=_seed_examples(args, task),
        model=model,
    )
    from core.cli.following import see_through
    from core.cli.progress import ProgressLine
    from core.domain.settings import home_from
    from core.jobs.queue import start_run
    from core.store.database import open_database

    home = home_from()
    db = open_database(home)
    remember_connection(db, args, model)
    record, job = start_run(db, spec, name=args.name, cap=cap)
    progress = ProgressLine(sys.stderr)
    progress.note(f"Run {record.id}: {spec.target} texts for {len(task.labels)} labels.")
    if spec.idle_knob:
        progress.note(f"{spec.idle_knob} Raise --per-label or lower --texts-a-request.")
    job, state = see_through(home, db, job.id, handlers=args.handlers, progress=progress)
    return conclude(db, record, job, state, args)


def _condition(args: argparse.Namespace) -> Condition:
    return Condition(
        temperature=args.temperature,
        top_p=args.top_p,
        min_p=args.min_p,
        frequency_penalty=args.frequency_penalty,
        max_tokens=args.max_tokens,
        texts_a_request=args.texts_a_request,
        suppression=Suppression(
            strength=args.suppression, tokens=args.suppressed_tokens, scope=args.tally
        ),
        prompt=args.prompt,
        strict_order=args.strict_order,
        only_new=args.only_new,
    )


def _seed_examples(args: argparse.Namespace, task: Task) -> tuple[Example, ...]:
    if args.seed_examples is None:
        if args.seed_count is not None:
            raise BadInput("--seed-count has no file to draw from.", "Add --seed-examples FILE.")
        return ()
    path: Path = args.seed_examples
    examples = read_labelled(path, name=path.name, task=task)
    count = SEED_COUNT if args.seed_count is None else args.seed_count
    return balanced_examples(examples, task=task, count=count, seed=args.seed)

"""`classify`: ask a language model for the labels, as a baseline of training."""

import argparse
import json
import sys

from core.cli.model_choice import add_model_to, chosen_model, remember_connection
from core.cli.parser import Commands
from core.cli.sources import SOURCE_HELP, find_dataset
from core.cli.spending_cap import add_cap_to, chosen_cap
from core.domain.errors import BadInput

_EXAMPLES = 18


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "classify",
        help="ask the language model for labels and count how often it is right",
        description="Ask a language model for the label of each test text, zero-shot or with "
        "examples in the prompt, by the probability of each label's phrase; a server's model by "
        "that of a letter for each label, or by what it answers. It is the baseline that a "
        "trained classifier has to beat.",
        epilog="Example: python -m core classify --test real.csv --task sst2 --examples train.csv",
    )
    parser.add_argument("--test", required=True, metavar="FILE", help=SOURCE_HELP)
    parser.add_argument(
        "--task",
        required=True,
        metavar="NAME|FILE.toml",
        help="a preset, a saved task (see tasks), or a file",
    )
    parser.add_argument(
        "--examples", metavar="FILE", help="labelled texts to draw examples from; named likewise"
    )
    parser.add_argument(
        "--shots",
        type=int,
        default=_EXAMPLES,
        metavar="N",
        help="how many, balanced over the labels (%(default)s)",
    )
    add_model_to(parser.add_argument_group("the model"))
    parser.add_argument(
        "--limit", type=int, metavar="N", help="ask about N test texts only, drawn by the seed"
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="K", help="of all draws (%(default)s)"
    )
    parser.add_argument(
        "--text-column", default="text", metavar="NAME", help="of files (%(default)s)"
    )
    parser.add_argument(
        "--label-column", default="label", metavar="NAME", help="of files (%(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    add_cap_to(parser.add_argument_group("what a server's model may take"))
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command.

    Raises:
        WidesetError: the texts or settings are refused, or the model is not to be had.
    """
    from core.classification.settings import FineTuning, TrainingSpec
    from core.cli.lookup import find_task
    from core.domain.settings import home_from
    from core.store.database import open_database

    if args.seed < 0:
        raise BadInput(f"--seed is {args.seed}.", "Give 0 or more.")
    choice, cap = chosen_model(args), chosen_cap(args)
    if cap is not None and choice.backend == "local":
        raise BadInput(
            "A cap is for a server's model; one on this machine costs nothing.", "Leave it out."
        )
    task = find_task(args.task)
    home = home_from()
    db = open_database(home)
    columns = {"text_column": args.text_column, "label_column": args.label_column}
    test = find_dataset(db, args.test, **columns)
    unknown = sorted(set(test.labels) - set(task.label_names))
    if unknown:
        raise BadInput(
            f"The test texts have the label '{unknown[0]}', which the task {task.name} lacks.",
            f"Its labels are {', '.join(task.label_names[:20])}.",
        )

    import numpy as np

    from core.classification.llm.llm import shuffled
    from core.classification.splitting import stratified_draw
    from core.cli.asking import Asked
    from core.cli.classification_report import TrainProgress, in_words, plain_data
    from core.cli.classifying import train_here
    from core.domain.runs import Example
    from core.files.labelled import balanced_examples

    if args.limit is not None:
        if args.limit < 1:
            raise BadInput(f"--limit is {args.limit}.", "Give 1 or more.")
        rng = np.random.default_rng(args.seed)
        test = test.take(stratified_draw(test.labels, args.limit, rng=rng).tolist())
    examples: tuple[Example, ...] = ()
    if args.examples is not None:
        pool = find_dataset(db, args.examples, **columns)
        drawn = balanced_examples(
            [Example(text, label) for text, label in zip(pool.texts, pool.labels, strict=True)],
            task=task,
            count=args.shots,
            seed=args.seed,
        )
        examples = shuffled(drawn, rng=np.random.default_rng(args.seed))
    remember_connection(db, args, choice)
    spec = TrainingSpec(
        kind="llm",
        test=test.key,
        fine_tuning=FineTuning(device=choice.device),
        seeds=(args.seed,),
        task=task,
        examples=examples,
        language_model=choice.model,
        language_server=choice.base_url,
    )
    with TrainProgress(sys.stderr) as progress:
        progress.say("Asking the model")
        asked = Asked(home, db, task=task, examples=examples, test=test, cap=cap, say=progress.note)
        try:
            result, _ = train_here(home, db, spec, None, test, progress=progress, served=asked.open)
        finally:
            asked.close()
            if asked.took():
                progress.note(asked.took())
    data = plain_data(result)
    if asked.tracker is not None:
        data["spending"] = asked.tracker.progress(written=1, target=1)
    print(json.dumps(data, allow_nan=False) if args.json else in_words(result))
    return 0

"""A real process that trains, for a test that kills it: python -m ... ENCODER FOLDER MODELS."""

import sys
from pathlib import Path

from core.classification.fine_tuning.fine_tuning import Step, fine_tune
from core.classification.settings import FineTuning
from tests.classification.making import reviews

SETTINGS = {"learning_rate": 5e-3, "warmup_epochs": 1, "max_epochs": 5, "batch_size": 8}


def main() -> None:
    """Train; say every step on stdout, and wait to be let on in the middle of the third epoch."""
    import torch

    encoder, folder, models = map(Path, sys.argv[1:])
    torch.set_num_threads(1)
    rows = reviews(60)

    def watch(step: Step) -> None:
        print(step.epoch, step.step, flush=True)
        if (step.epoch, step.step) == (3, 4):
            sys.stdin.readline()

    fine_tune(
        [text for text, _ in rows],
        [label for _, label in rows],
        label_names=("neg", "pos"),
        settings=FineTuning(model=str(encoder), **SETTINGS),  # type: ignore[arg-type]
        seed=7,
        folder=folder,
        models=models,
        watch=watch,
    )


if __name__ == "__main__":
    main()

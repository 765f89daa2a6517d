"""Generation that only pretends, for the command line: `python -m tests.cli.fake_generation DELAY
ARGUMENTS...` is `python -m core ARGUMENTS...` with a model that takes DELAY seconds a text, and
hears no Stop if DELAY begins with "deaf-".
"""

import sys
import time

from core.cli import main
from core.domain.runs import Outcome, RunSpec, Sample
from core.generation.progress import GenerationProgress
from core.jobs.context import Handler, JobContext
from core.store.generation.runs import get_run
from core.store.generation.samples import add_samples, counts, samples_of


def pretend(delay: float = 0.0, *, missing: int = 0, deaf: bool = False) -> Handler:
    """A handler that writes each label's texts one by one.

    The second usable text of a label repeats its first; the third one is "=1+1". Each label gets
    an empty and a truncated text besides.

    Args:
        delay: seconds a text.
        missing: texts that the first label stays short of.
        deaf: never stop when asked.
    """

    def handler(context: JobContext) -> None:
        assert context.job.run_id is not None
        run = get_run(context.db, context.job.run_id)
        known = {(s.label, s.index) for s in samples_of(context.db, run.id)}
        for order, sample in enumerate(samples_for(run.id, run.spec, missing)):
            if (sample.label, sample.index) not in known:
                time.sleep(delay)
                if context.should_stop() and not deaf:
                    return
                add_samples(context.db, [sample])
            found = counts(context.db, run.id).values()
            context.report(
                GenerationProgress(
                    phase="generating",
                    usable=sum(label.usable for label in found),
                    target=run.spec.target,
                    texts_per_second=2.0,
                    tokens_per_second=30.0,
                    seconds=(order + 1) * 0.5,
                    elapsed=(order + 1) * 0.5,
                    seconds_left=None,
                )
            )

    return handler


def samples_for(run_id: str, spec: RunSpec, missing: int = 0) -> list[Sample]:
    """What `pretend` writes for a spec, in order."""
    made: list[Sample] = []
    for place, label in enumerate(spec.task.label_names):
        usable = spec.per_label - (missing if place == 0 else 0)
        outcomes: list[Outcome] = ["usable"] * usable + ["empty", "truncated"]
        for index, outcome in enumerate(outcomes):
            texts = {"empty": "", "truncated": f"{label} cut"}
            text = texts.get(
                outcome, "=1+1" if index == 2 else f"{label} {0 if index == 1 else index}"
            )
            made.append(
                Sample(
                    id=f"{run_id}-{place}-{index}",
                    run_id=run_id,
                    cycle=1,
                    label=label,
                    index=index,
                    order=len(made),
                    text=text,
                    finish_reason="length" if outcome == "truncated" else "stop",
                    outcome=outcome,
                    fluency=-0.5,
                    token_ids=(1, 2, 3),
                    duplicate_of=f"{run_id}-{place}-0" if index == 1 < usable else None,
                    seconds=0.25,
                )
            )
    return made


if __name__ == "__main__":
    pace = sys.argv[1].removeprefix("deaf-")
    fake = pretend(float(pace), deaf=pace != sys.argv[1])
    sys.exit(main(sys.argv[2:], handlers={"generate": fake}))

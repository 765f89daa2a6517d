"""A worker process that writes what it is told, when it is told: `python -m ... fake_worker`.

It takes the place of `python -m core worker`: same store, lease, queue and samples, no model. It
measures and maps as the real one does, by an encoder without a model, and by two axes in place of
UMAP. The file `script.json` in the home folder is its only other channel (see `Script`).
"""

import json
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path

from core.diversity.embedding.encoder import EncoderChoice
from core.diversity.map.projection import principal_axes
from core.diversity.map.umap import FittedMap, MapCache, Progress
from core.diversity.measures.live import LiveClique
from core.diversity.measures.remote_clique import Vectors
from core.domain.runs import FinishedRound, Sample
from core.domain.settings import Home, home_from
from core.generation.progress import Meter
from core.jobs.context import JobContext
from core.jobs.questions import Answerer
from core.jobs.registry import JobHandlers
from core.jobs.tools import WorkerTools
from core.jobs.worker import Worker
from core.store.generation.rounds import finish_round, rounds_of
from core.store.generation.runs import get_run
from core.store.generation.samples import add_samples, samples_of
from tests.diversity.fake_encoder import FakeEncoders, nothing

IDLE_SECONDS = 120.0  # what a test forgets ends by itself
SCRIPT = "script.json"
PIDS = "pids"
ENCODERS = FakeEncoders()
AS_REAL = (
    "measure",
    "project",
    "judge",
    "relabel",
    "filter",
    "filter_effect",
    "budget",
    "train",
    "apply",
)
"""Kinds of jobs that are done as the real worker does them."""


@dataclass(frozen=True)
class Script:
    """What the worker does.

    Args:
        upto: it writes until a run has so many samples, and then waits for a greater number.
        texts: written in turn; without any, texts that name label, cycle and index.
    """

    upto: int = 1_000_000
    texts: tuple[str, ...] = ()

    def write(self, home: Home) -> None:
        """Put it in the place of the last one."""
        partial = home.folder / f"{SCRIPT}.part"
        partial.write_text(json.dumps({"upto": self.upto, "texts": self.texts}))
        partial.replace(home.folder / SCRIPT)


def read_script(folder: Path) -> Script:
    """The script of a home folder."""
    try:
        data = json.loads((folder / SCRIPT).read_text())
    except FileNotFoundError:
        return Script()
    return Script(data["upto"], tuple(data["texts"]))


def generate(context: JobContext) -> None:
    """Write the run's texts, 20 a label and cycle at most, in the order of the paper."""
    db = context.db
    run = get_run(db, context.job.run_id or "")
    history = samples_of(db, run.id)
    live = LiveClique(db, ENCODERS, EncoderChoice())
    live.add([sample.text for sample in history])
    done = {(r.cycle, r.position) for r in rounds_of(db, run.id)}
    known = {(s.cycle, s.label, s.index) for s in history}
    meter = Meter(run.spec, history=history)
    meter.begin()
    order, cycle = len(history), 0
    left = dict(run.spec.wanted)
    while any(left.values()):
        cycle += 1
        asked = {label: min(20, wanted) for label, wanted in left.items() if wanted}
        for label, count in asked.items():
            left[label] -= count
            for index in range(count):
                if (cycle, label, index) in known:
                    continue
                while order >= (script := read_script(db.path.parent)).upto:
                    context.serve_questions()
                    if context.should_stop():
                        return
                    time.sleep(0.02)
                if context.should_stop():
                    return
                text = f"{label} {cycle} {index}"
                if script.texts:
                    text = script.texts[order % len(script.texts)]
                sample = Sample(
                    id=f"{run.id}-{order}",
                    run_id=run.id,
                    cycle=cycle,
                    label=label,
                    index=index,
                    order=order,
                    text=text,
                    finish_reason="stop",
                    outcome="usable",
                    fluency=-1.0,
                    token_ids=(1, 2, 3),
                    duplicate_of=None,
                    seconds=meter.seconds(),
                )
                meter.add(add_samples(db, [sample]))
                order += 1
                live.add([text])
                live.catch_up(between=nothing, at_once=True)
                now = replace(meter.progress("generating"), diversity=live.progress())
                context.report(now, at_once=True)
        if (cycle, 0) not in done:
            finish_round(db, run.id, FinishedRound(cycle, 0, asked, 1.0, 3))
    context.report(replace(meter.progress("done"), diversity=live.progress()))


class PlainMaps(MapCache):
    """Fits two axes, at once and without importing UMAP."""

    def fit(
        self,
        vectors: Vectors,
        *,
        seed: int,
        neighbours: int,
        min_dist: float,
        progress: Progress | None = None,
    ) -> FittedMap:
        axes = principal_axes(vectors)
        return FittedMap("umap", axes.place(vectors), "", axes)


MAPS = PlainMaps()


def main() -> None:
    home = home_from()
    with (home.folder / PIDS).open("a") as file:
        file.write(f"{os.getpid()}\n")
    jobs = JobHandlers(home, WorkerTools(home, encoders=ENCODERS, maps=MAPS))
    handlers = {kind: handler for kind, handler in jobs.handlers().items() if kind in AS_REAL}
    answerers: dict[str, Answerer] = {
        "prompt": lambda _: {"tokens": 42},
        "classify": jobs.answerers()["classify"],
    }
    handlers["generate"] = generate
    Worker(home, handlers, idle_seconds=IDLE_SECONDS, answerers=answerers).run_forever()


if __name__ == "__main__":
    main()

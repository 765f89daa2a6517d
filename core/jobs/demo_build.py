"""Building the demo project: a sweep of the example's task, repaired, mapped and trained on.

Every step is a job, as the pages would start it, in a home folder of its own.
"""

import hashlib
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from core import __version__
from core.analysis.frames.results import results_frame, stored_results
from core.classification.ladder import BASELINES, Model, Source, rungs
from core.diversity.embedding.encoder import EncoderChoice
from core.domain.conditions import Condition
from core.domain.errors import WidesetError
from core.domain.runs import Example
from core.domain.serialization import to_json
from core.domain.settings import Home
from core.domain.texts import text_hash
from core.files.labelled import SEED_COUNT, balanced_examples
from core.interventions.previews import (
    BudgetRequest,
    JudgeRequest,
    P,
    PreviewRequest,
    RelabelRequest,
)
from core.interventions.registry import AcceptedLabels, apply_intervention
from core.interventions.versions import subject_of
from core.jobs.handlers.conclusions import studied
from core.jobs.handlers.interventions import preview_state, request_preview
from core.jobs.handlers.measurements import mapped, measured
from core.jobs.handlers.sweep import start_sweep
from core.jobs.handlers.train import start_training
from core.services.demo import BUNDLE, demo_task
from core.services.references import prepare_example
from core.store.bundle import pack
from core.store.database import Database, open_database
from core.store.datasets import load_dataset, reference_key, run_key, version_key
from core.store.generation.runs import RunRecord
from core.store.sweeps import trials_of
from core.sweeps.assessment.recipe import ALL, Recipe
from core.sweeps.grid.spec import Grid

PER_LABEL = 16
TEXTS_A_REQUEST = 4
SEED = 18
INSPECTED = 40
TUNED_EPOCHS = 10
# (temperature, suppression, seed examples): least diverse, one in between, most diverse.
SHOWN = ((0.3, 0.0, 0), (0.7, 7.5, 18), (1.3, 7.5, 18))


RunJob = Callable[[Home, Database, str, str], None]
"""Runs the job of that id to its end; the last argument names it for people.

Raises:
    WidesetError: it did not finish.
"""


def build_demo(folder: Path, *, models: Path, run_job: RunJob) -> None:
    """Build the demo and write the bundle with its manifest.

    Args:
        folder: where to, which is made.
        models: folder of models.
        run_job: runs each step.

    Raises:
        WidesetError: a step failed.
    """
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="wideset-demo-") as folder_name:
        home = Home(Path(folder_name), models)
        with closing(open_database(home)) as db:
            _Builder(home, db, run_job).build()
            folder.mkdir(parents=True, exist_ok=True)
            pack(db, folder / BUNDLE.name)
            manifest = _manifest(db, folder / BUNDLE.name, time.monotonic() - start)
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", "utf-8")


class _Builder:
    def __init__(self, home: Home, db: Database, run_job: RunJob) -> None:
        self._home, self._db, self._run_job = home, db, run_job
        self._task = demo_task()
        self._encoder = EncoderChoice()

    def build(self) -> None:
        """All of it, in order."""
        example = prepare_example()
        reference = example.attached(self._db, self._task)
        grid = Grid(
            task=self._task,
            name="Demo: 16 conditions",
            per_label=PER_LABEL,
            seed=SEED,
            base=Condition(texts_a_request=TEXTS_A_REQUEST),
            recipe=Recipe(reference=reference.id, budgets=(0, 20, 40, 60, ALL), filter=True),
        )
        sweep, job = start_sweep(self._db, grid)
        self._wait(job.id, f"{grid.conditions} conditions")
        trials = trials_of(self._db, sweep.id)
        failures = [trial.message for trial in trials if trial.state != "done"]
        if failures or len(trials) < grid.runs:
            raise WidesetError(f"The sweep is not complete. {' '.join(failures[:1])}".strip())
        runs = [trial.run for trial in trials]
        study = studied(
            self._db, [sweep.id], results_frame(stored_results(self._db, sweep_ids=[sweep.id]))
        )
        if study.work is not None:
            self._wait(study.work.job.id, "what the results support")
        shown = [self._run_at(runs, *where) for where in SHOWN]
        self._measure(runs, shown, reference.id)
        versions = [self._relabel(run, reference.id) for run in shown]
        sources = [
            Source(run_key(run.id), _short(run), "raw", self._count(run_key(run.id)))
            for run in shown
        ]
        sources += [
            Source(
                version_key(version),
                f"{_short(run)}, LR {INSPECTED}",
                "lr",
                self._count(version_key(version)),
            )
            for run, version in zip(shown, versions, strict=True)
        ]
        key = reference_key(reference.id, "train")
        sources.append(Source(key, "Example messages", "real", self._count(key)))
        self._train(
            sources,
            reference.id,
            balanced_examples(example.train, task=self._task, count=SEED_COUNT, seed=0),
        )

    def _measure(self, runs: list[RunRecord], shown: list[RunRecord], reference: str) -> None:
        """Measures of every run, and one map of all."""
        beside = reference_key(reference, "train")
        keys = [run_key(run.id) for run in runs]
        hashes = []
        for key in [*keys, beside]:
            dataset = load_dataset(self._db, key)
            hashes += [text_hash(text) for text in dataset.texts]
            against = None if key == beside else beside
            measures = measured(
                self._db, key, n=len(dataset), choice=self._encoder, reference=against
            )
            if measures.work is not None:
                self._wait(measures.work.job.id, f"measures of {dataset.name}")
            if key in [run_key(run.id) for run in shown]:  # as Intervene asks for them
                measures = measured(
                    self._db, key, n=len(dataset), choice=self._encoder, reference=None
                )
                if measures.work is not None:
                    self._wait(measures.work.job.id, f"measures of {dataset.name} alone")
        map_ = mapped(
            self._db, [*keys, beside], hashes, task_key=self._task.key, choice=self._encoder
        )
        if map_.work is not None:
            self._wait(map_.work.job.id, "the map")

    def _relabel(self, run: RunRecord, reference: str) -> str:
        """Label replacement as the Intervene page does it; the id of the version."""
        key = run_key(run.id)
        n = self._count(key)
        encoder = self._encoder
        self._ask(key, JudgeRequest(n=n, encoder=encoder, reference=reference))
        self._ask(key, BudgetRequest(n=n, encoder=encoder, annotator="oracle", reference=reference))
        request = RelabelRequest(
            n=n, encoder=encoder, annotator="oracle", reference=reference, inspect=INSPECTED
        )
        self._ask(key, request)
        preview = preview_state(self._db, key, request).result
        assert preview is not None
        replacement = preview.replacement
        subject = subject_of(self._db, run.id, None)
        changed = {subject.dataset.ids[row] for row in replacement.changed}
        decision = AcceptedLabels(
            replacement=replacement,
            accepted=changed,
            spec={**to_json(request), "confidence": [0.0, 1.0]},
            facts={"explanations": list(replacement.explanations)},
        )
        return apply_intervention(self._db, subject, "lr", decision, who="demo").id

    def _train(self, sources: list[Source], reference: str, examples: Sequence[Example]) -> None:
        """Probes of all, the language model asked, and two fine-tunings, which take longest."""
        test = reference_key(reference, "test")
        wanted = rungs(
            sources,
            test=test,
            models=[Model("probe")],
            tuning={},
            seeds=(0, 1, 2),
            matched=False,
            baselines=BASELINES,
            task=self._task,
            examples=examples,
        )
        wanted += rungs(
            sources[-2:],
            test=test,
            models=[Model("fine-tuning")],
            tuning={"max_epochs": TUNED_EPOCHS},
            seeds=(0,),
            matched=False,
            baselines=(),
            task=self._task,
        )
        for rung in wanted:
            _, job = start_training(self._db, rung.spec, task_key=self._task.key, name=rung.name)
            self._wait(job.id, rung.name)

    def _ask(self, key: str, request: PreviewRequest[P]) -> None:
        work = request_preview(self._db, key, request)
        self._wait(work.job.id, f"{work.job.kind} of {key}")

    def _run_at(
        self, runs: list[RunRecord], temperature: float, suppression: float, seeding: int
    ) -> RunRecord:
        return next(
            run
            for run in runs
            if run.spec.condition.temperature == temperature
            and run.spec.condition.suppression.strength == suppression
            and len(run.spec.seed_examples) == seeding
        )

    def _count(self, key: str) -> int:
        return len(load_dataset(self._db, key))

    def _wait(self, job_id: str, name: str) -> None:
        self._run_job(self._home, self._db, job_id, name)


def _short(run: RunRecord) -> str:
    condition = run.spec.condition
    return f"T {condition.temperature:g}, S {condition.suppression.strength:g}"


def _manifest(db: Database, bundle: Path, seconds: float) -> dict[str, object]:
    """What is in the bundle and how it was made."""
    with db.read() as connection:
        counts = {
            table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("runs", "samples", "versions", "trainings", "assessments", "embeddings")
        }
        facts = json.loads(connection.execute("SELECT facts FROM runs LIMIT 1").fetchone()[0])
    return {
        "made_by": f"Wideset {__version__}, python -m core demo --build",
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "seconds": round(seconds),
        "texts_by": facts,
        "seed": SEED,
        "texts_a_label": PER_LABEL,
        "reference": "assets/reference",
        "rows": counts,
        "bytes": bundle.stat().st_size,
        "sha256": hashlib.sha256(bundle.read_bytes()).hexdigest(),
    }

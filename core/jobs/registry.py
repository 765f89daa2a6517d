"""Who runs which kind of job, and who answers which question.

Heavy modules are imported when the first such job runs, so that whoever only queues jobs never
loads them.
"""

from collections.abc import Callable, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

from core.domain.runs import spec_from_dict
from core.domain.settings import Home
from core.jobs.context import Handler, JobContext
from core.jobs.questions import Answerer

if TYPE_CHECKING:
    from core.classification.trained import TrainedKeeper
    from core.domain.runs import ModelChoice
    from core.generation.backends import Backend
    from core.jobs.handlers.lab import Lab
    from core.services.served_models import ServedLabelModel


def served_label_model(
    context: JobContext, open_backend: "Callable[[ModelChoice], Backend]"
) -> "ServedLabelModel":
    """A served model that a job asks for labels, within the job's spending limit."""
    from core.domain.spending import spending_limit_from_dict
    from core.services.served_models import ServedLabelModel

    limit = spending_limit_from_dict(context.spec.get("cap"))
    return ServedLabelModel(context.db, open_backend, limit=limit, job_id=context.job.id)


class Desk:
    """The worker's handlers, around the one model, encoder and map that it keeps loaded.

    Args:
        home: where converted models lie.
    """

    def __init__(self, home: Home) -> None:
        from core.diversity.embedding.loading import EncoderKeeper
        from core.diversity.map.umap import MapKeeper
        from core.generation.local.keeper import ModelKeeper
        from core.generation.servers.probing.probe import probe
        from core.services.served_models import ServedModels
        from core.store.database import open_database

        self._home = home
        self._models = home.models
        servers = ServedModels(lambda: open_database(home), probe=probe)
        self._keeper = ModelKeeper(home.models, open_served=servers.open)
        self._encoders = EncoderKeeper(home.models)
        self._maps = MapKeeper(home.models / "numba")
        self._classifiers: TrainedKeeper | None = None
        self._the_lab: Lab | None = None
        self._generating = False

    def handlers(self) -> dict[str, Handler]:
        """The handlers of this version, by kind of job."""
        return {
            "generate": self.generate,
            "measure": self.measure,
            "project": self.project,
            "fetch": self.fetch,
            "judge": self.judge,
            "relabel": self.relabel,
            "filter": self.filter,
            "filter_effect": self.filter_effect,
            "budget": self.budget,
            "llm_judge": self.llm_judge,
            "train": self.train,
            "apply": self.apply,
            "sweep": self.sweep,
            "probe": self.probe,
            "study": self.study,
            "report": self.report,
        }

    def answerers(self) -> dict[str, Answerer]:
        """Who answers which kind of question, while a job runs and while none does."""
        return {
            "prompt": self.prompt_size,
            "classify": self.classify,
            "next_token": self.next_token,
            "walk": self.walk,
        }

    def generate(self, context: JobContext) -> None:
        """Run a generation."""
        from core.jobs.handlers.generate import generate

        self._generating = True
        try:
            generate(context, self._keeper, self._encoders)
        finally:
            self._generating = False

    def measure(self, context: JobContext) -> None:
        """Measure a dataset."""
        from core.jobs.handlers.measure import measure_job

        measure_job(context, self._encoders)

    def project(self, context: JobContext) -> None:
        """Place datasets on their task's map."""
        from core.jobs.handlers.project import project_job

        project_job(context, self._encoders, self._maps)

    def fetch(self, context: JobContext) -> None:
        """Fetch a reference from the Hugging Face hub."""
        from core.jobs.handlers.fetch import fetch

        fetch(context)

    def judge(self, context: JobContext) -> None:
        """Let the oracle judge a dataset."""
        from core.jobs.handlers.judge import judge_job

        judge_job(context, self._encoders)

    def relabel(self, context: JobContext) -> None:
        """Preview label replacement."""
        from core.jobs.handlers.relabel import relabel_job

        relabel_job(context, self._encoders)

    def filter(self, context: JobContext) -> None:
        """Preview out-of-scope filtering."""
        from core.jobs.handlers.filter import filter_job

        filter_job(context, self._encoders)

    def filter_effect(self, context: JobContext) -> None:
        """Show what a classifier makes of a filter."""
        from core.jobs.handlers.filter import filter_effect_job

        filter_effect_job(context, self._encoders)

    def budget(self, context: JobContext) -> None:
        """Draw the annotation-budget curve."""
        from core.jobs.handlers.budget import budget_job

        budget_job(context, self._encoders)

    def llm_judge(self, context: JobContext) -> None:
        """Let the language model judge texts."""
        from core.classification.tools import StoreTools
        from core.jobs.handlers.judge import llm_judge_job

        with closing(served_label_model(context, self._keeper.backend)) as asking:
            tools = StoreTools(context.db, self._encoders, self._models, served=asking.open)
            llm_judge_job(context, tools.label_model, asking=asking)

    def train(self, context: JobContext) -> None:
        """Train a classifier, or ask the language model, and test it."""
        from core.jobs.handlers.train import train_job

        with closing(served_label_model(context, self._keeper.backend)) as asking:
            train_job(context, self._encoders, self._home, asking=asking)

    def apply(self, context: JobContext) -> None:
        """Let a trained classifier answer another dataset's texts."""
        from core.jobs.handlers.apply_classifier import apply_job

        apply_job(context, self._encoders, self._trained(), self._home)

    def sweep(self, context: JobContext) -> None:
        """Run a sweep."""
        from core.jobs.handlers.sweep import DeskTools, sweep_job

        sweep_job(context, DeskTools(self._keeper, self._encoders), self._home)

    def study(self, context: JobContext) -> None:
        """Conclude from sweeps what matters."""
        from core.jobs.handlers.study import study_job

        study_job(context)

    def report(self, context: JobContext) -> None:
        """Write a report."""
        from core.jobs.handlers.report import report_job

        report_job(context, self._home)

    def probe(self, context: JobContext) -> None:
        """Test a connection."""
        from core.jobs.handlers.probe import probe_job

        probe_job(context)

    def classify(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        """What a trained classifier says of a text: `{"training": id, "text": ...}` to
        `{"labels": [...], "probabilities": [...]}`, the most probable first."""
        from core.classification.fine_tuning.encoders import seeded
        from core.jobs.handlers.apply_classifier import answer
        from core.store.database import open_database

        # Loading a model may draw random numbers, which a training under way must not notice.
        with closing(open_database(self._home)) as db, seeded(0, "cpu"):
            return answer(db, self._home, self._trained(), spec)

    def _trained(self) -> "TrainedKeeper":
        from core.classification.trained import TrainedKeeper

        if self._classifiers is None:
            self._classifiers = TrainedKeeper(self._encoders)
        return self._classifiers

    def next_token(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        """See `core.jobs.handlers.lab.Lab.next_token`."""
        return self._lab().next_token(spec)

    def walk(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        """See `core.jobs.handlers.lab.Lab.walk`."""
        return self._lab().walk(spec)

    def _lab(self) -> "Lab":
        from core.jobs.handlers.lab import Lab

        if self._the_lab is None:
            self._the_lab = Lab(self._keeper, self._home, busy=lambda: self._generating)
        return self._the_lab

    def prompt_size(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        """Tokens of a run's first prompt: `{"spec": ..., "label_index": 0}` to `{"tokens": n}`.

        None while the run's model is not loaded: a question is no reason to load it.
        """
        from core.generation.prompts import prompt_for

        run = spec_from_dict(spec["spec"])
        backend = self._keeper.kept(run.model)
        if backend is None:
            return {"tokens": None}
        prompt = prompt_for(run, cycle=1, label_index=int(spec["label_index"]), written={})
        return {"tokens": len(backend.prompt_tokens(prompt))}

"""Who runs which kind of job, and who answers which question.

Heavy modules are imported when the first such job runs, so that whoever only queues jobs never
loads them.
"""

from collections.abc import Mapping
from typing import Any

from core.jobs.ask import Answerer
from core.jobs.context import Handler, JobContext
from core.runs import spec_from_dict
from core.settings import Home


class Desk:
    """The worker's handlers, around the one model that it keeps loaded.

    Args:
        home: where converted models lie.
    """

    def __init__(self, home: Home) -> None:
        from core.generation.keeper import ModelKeeper

        self._keeper = ModelKeeper(home.models)

    def handlers(self) -> dict[str, Handler]:
        """The handlers of this version, by kind of job."""
        return {"generate": self.generate}

    def answerers(self) -> dict[str, Answerer]:
        """Who answers which kind of question, while a job runs and while none does."""
        return {"prompt": self.prompt_size}

    def generate(self, context: JobContext) -> None:
        """Run a generation."""
        from core.jobs.generate import generate

        generate(context, self._keeper)

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

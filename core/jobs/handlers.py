"""Who runs which kind of job. Heavy modules are imported when the first such job runs."""

from core.jobs.ask import Answerer
from core.jobs.context import Handler, JobContext


def default_handlers() -> dict[str, Handler]:
    """The handlers of this version, by kind of job."""
    return {"generate": _generate}


def question_kinds() -> dict[str, Answerer]:
    """Who answers which kind of question while no job runs; none yet."""
    return {}


def _generate(context: JobContext) -> None:
    from core.jobs.generate import generate

    generate(context)

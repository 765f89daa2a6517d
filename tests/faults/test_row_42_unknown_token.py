"""Fault 42: a token id outside the vocabulary: refused by us, with the id and the size."""

from pathlib import Path

from core.domain.runs import ModelChoice, RunSpec
from core.domain.settings import Home
from core.generation.local.backend import LocalBackend, ModelCache
from core.jobs.queue import start_run
from core.store.database import Database
from core.store.generation.samples import samples_of
from tests.generation.local.tiny import VOCABULARY, save_tiny
from tests.generation.making import make_spec, work_off


class Keeper(ModelCache):
    """The real one; remembers that it was asked."""

    def backend(self, choice: ModelChoice, *, dtype: str | None = None) -> LocalBackend:
        return super().backend(choice, dtype=dtype or "float32")


def spec_with(folder: Path, token: int) -> RunSpec:
    spec = make_spec(per_label=1, max_tokens=2, logit_bias=((3, 1.0), (token, -5.0)))
    choice = ModelChoice(model=str(folder), device="cpu")
    return RunSpec(spec.task, spec.condition, per_label=1, model=choice)


def test_the_job_says_so_and_nothing_is_generated(
    home: Home, real_db: Database, tmp_path: Path
) -> None:
    folder = save_tiny(tmp_path / "tiny")
    keeper = Keeper(home.models)
    _, job = start_run(real_db, spec_with(folder, VOCABULARY))
    job = work_off(home, job, keeper)
    assert (job.state, job.message, job.remedy) == (
        "failed",
        f"Token {VOCABULARY} is outside the model's vocabulary of {VOCABULARY}.",
        "Give token ids of this model's own tokenizer.",
    )
    assert samples_of(real_db, str(job.run_id)) == []

    _, last = start_run(real_db, spec_with(folder, VOCABULARY - 1))
    last = work_off(home, last, keeper)
    # Two tokens of a random model are no text; the token was taken.
    assert last.message.startswith("None of the ")
    assert len(samples_of(real_db, str(last.run_id))) >= 2

"""Asking a server's model for labels on the command line: what it may take, and what it took."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from core.cli.parser import one_line
from core.domain.runs import Example, ModelChoice
from core.domain.spending import SpendingLimit, SpendingTracker, check_spending_limit
from core.domain.tasks import Task

if TYPE_CHECKING:
    from core.classification.llm.served_labels import ServedLabels
    from core.domain.datasets import Dataset
    from core.domain.settings import Home
    from core.generation.servers.backend import ServedBackend
    from core.generation.servers.requests import Attempt
    from core.store.database import Database


class Asked:
    """Opens a server's model for one sitting of questions, and counts what they take.

    Args:
        home: where the store lies.
        db: the store, in which every request is put on record.
        task: whose labels are asked for.
        examples: shown in each prompt.
        test: the texts.
        cap: what it may take; None is no cap.
        say: told of lines that stay.
    """

    def __init__(
        self,
        home: "Home",
        db: "Database",
        *,
        task: Task,
        examples: tuple[Example, ...],
        test: "Dataset",
        cap: SpendingLimit | None,
        say: Callable[[str], None],
    ) -> None:
        self._home, self._db, self._say = home, db, say
        self._task, self._examples, self._test = task, examples, test
        self._cap = cap or SpendingLimit()
        self.tracker: SpendingTracker | None = None
        self._backend: ServedBackend | None = None

    def open(self, choice: ModelChoice) -> "ServedLabels":
        """The model; says first what asking it is thought to take.

        Raises:
            BadInput: the cap can't be kept, or the key or the model is refused.
            BackendFailed: the server does not answer.
        """
        from core.classification.llm.cost_estimate import asking_ahead
        from core.classification.llm.served_labels import ServedLabels
        from core.generation.servers.probing.probe import probe
        from core.jobs.server_runs import ServedModels
        from core.store.connections import find_capabilities
        from core.store.database import open_database

        if find_capabilities(self._db, choice.base_url, choice.model) is None:
            self._say(f"What {one_line(choice.model)} can do is not known yet: it is tested first.")
        backend = ServedModels(lambda: open_database(self._home), probe=probe).open(choice)
        self._backend = backend
        prices = backend.connection.prices
        check_spending_limit(self._cap, prices=prices, usage=backend.capabilities.usage)
        self.tracker = SpendingTracker(self._cap, prices=prices)
        labels = ServedLabels(backend, record=self._record, tracker=self.tracker)
        ahead = asking_ahead(
            self._test.texts,
            self._task,
            self._examples,
            found=backend.capabilities,
            prices=prices,
        )
        cost = "an unknown cost" if ahead.money is None else f"{ahead.money:.4g} {prices.currency}"
        self._say(
            f"Asking {one_line(choice.model)} at {choice.base_url}: {ahead.requests:,} requests; "
            f"at most {ahead.tokens_in:,} tokens in and {ahead.tokens_out:,} out, {cost}."
        )
        return labels

    def took(self) -> str:
        """What it took so far, in words; empty before anything was asked."""
        if self.tracker is None or not self.tracker.spent.requests:
            return ""
        told = self.tracker.progress(written=1, target=1)
        tokens = (
            "an unknown number of tokens"
            if told["tokens_in"] is None
            else f"{told['tokens_in']:,} tokens in, {told['tokens_out']:,} out"
        )
        money = told["money"]
        cost = "cost unknown" if money is None else f"{money:.4g} {told['currency']}"
        return f"It took {told['requests']:,} requests, {tokens}, {cost}."

    def close(self) -> None:
        """Close the connections."""
        if self._backend is not None:
            self._backend.close()

    def _record(self, attempt: "Attempt") -> None:
        from core.jobs.server_runs import stored_attempt
        from core.store.generation.attempts import add_attempt

        add_attempt(self._db, stored_attempt(attempt), run_id=None)

"""Which texts a run asks for in its next cycles, all at once: what a file of requests holds.

The loop plans a cycle when the one before it is in. A file can't wait: tally and example pool are
those of now for all of its cycles, and every text asked for is taken to be usable.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.domain.errors import BadInput
from core.domain.runs import FinishedRound, RunSpec, Sample
from core.generation.loop import PATIENCE

_ID = re.compile(r"([0-9a-z]{1,40})/(\d{1,7})/(\d{1,4})/(\d{1,4})/(\d{1,4})")


@dataclass(frozen=True, slots=True, order=True)
class BatchRequestId:
    """Where the texts of one request belong.

    Args:
        run_id: the run.
        cycle: counted from 1.
        label_index: in task order.
        first: index of its first text.
        count: how many texts; their indices follow one another.
    """

    run_id: str
    cycle: int
    label_index: int
    first: int
    count: int

    @property
    def custom_id(self) -> str:
        """What names the request in a file: `run/cycle/label/first/count`."""
        return f"{self.run_id}/{self.cycle}/{self.label_index}/{self.first}/{self.count}"

    @property
    def indices(self) -> range:
        """Of its texts."""
        return range(self.first, self.first + self.count)


def parse_custom_id(custom_id: object) -> BatchRequestId | None:
    """The place that a custom id names; None if it is none of ours."""
    match = _ID.fullmatch(custom_id) if isinstance(custom_id, str) else None
    if match is None:
        return None
    cycle, label_index, first, count = (int(part) for part in match.groups()[1:])
    request = BatchRequestId(match[1], cycle, label_index, first, count)
    # As we write them: no leading zeros, no empty request.
    return request if request.custom_id == custom_id and cycle >= 1 and count >= 1 else None


def plan_cycles(
    spec: RunSpec, *, history: Sequence[Sample], rounds: Sequence[FinishedRound], cycles: int
) -> dict[int, dict[str, int]]:
    """Texts to ask for by label, by cycle, from the first unfinished cycle on.

    Args:
        spec: the run.
        history: its samples.
        rounds: its finished rounds.
        cycles: how many cycles at most; fewer come where the run needs no more.

    Raises:
        BadInput: it moves on after every iteration, which a file can't do.
    """
    if spec.condition.strict_order:
        raise BadInput(
            "A run in strict order waits for every answer before it asks on, which a file can't.",
            "Make the run without strict order.",
        )
    finished = {done.cycle for done in rounds}
    asked: Counter[str] = Counter()
    for done in rounds:
        asked.update(done.requested)
    accepted = Counter(
        sample.label
        for sample in history
        if sample.cycle in finished
        and sample.outcome == "usable"
        and not (spec.condition.only_new and sample.duplicate_of)
    )
    size = spec.condition.texts_a_request
    first = max(finished, default=0) + 1
    planned: dict[int, dict[str, int]] = {}
    for cycle in range(first, first + cycles):
        counts = {
            name: min(size, wanted - accepted[name], PATIENCE * wanted + size - asked[name])
            for name, wanted in spec.wanted.items()
        }
        counts = {name: count for name, count in counts.items() if count > 0}
        if not counts:
            break
        planned[cycle] = counts
        accepted.update(counts)
        asked.update(counts)
    return planned


def request_ids(
    run_id: str,
    spec: RunSpec,
    planned: Mapping[int, Mapping[str, int]],
    *,
    history: Sequence[Sample],
    several: bool,
) -> list[BatchRequestId]:
    """The requests of a plan, without the texts that are there already.

    Args:
        run_id: the run.
        spec: its spec.
        planned: from `plan_cycles`.
        history: the run's samples.
        several: whether a request may ask for several texts.
    """
    stored = {(sample.cycle, sample.label, sample.index) for sample in history}
    requests = []
    for cycle, counts in planned.items():
        for label_index, name in enumerate(spec.task.label_names):
            missing = [i for i in range(counts.get(name, 0)) if (cycle, name, i) not in stored]
            for first, count in _stretches(missing) if several else ((i, 1) for i in missing):
                requests.append(BatchRequestId(run_id, cycle, label_index, first, count))
    return requests


def _stretches(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Rising numbers as (first, how many) of stretches without a gap."""
    stretches: list[tuple[int, int]] = []
    for number in numbers:
        if stretches and number == sum(stretches[-1]):
            stretches[-1] = (stretches[-1][0], stretches[-1][1] + 1)
        else:
            stretches.append((number, 1))
    return stretches

"""Files for OpenAI's Batch API: the requests of a run's next cycles, to be sent by hand.

Format: one JSON object per line with `custom_id`, `method`, `url` and `body`
(https://platform.openai.com/docs/guides/batch). `batch_results` reads what comes back.

The loop plans a cycle when the one before it is in. A file can't wait: tally and example pool are
those of now for all of its cycles, and every text asked for is taken to be usable.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from core.domain.errors import BadInput
from core.domain.registries.capabilities import Capabilities
from core.domain.runs import FinishedRound, RunSpec, Sample
from core.generation.backends import Request
from core.generation.loop import PATIENCE, TEXTS
from core.generation.servers.parameters import biases_of, body_of, check_condition
from core.generation.servers.suppression import sent_condition, sent_prompt
from core.generation.servers.tokenizers import Tokenizer, exempt_tokens
from core.generation.suppression import Tally, suppressed_tokens
from core.store.generation.runs import RunRecord

URL = "/v1/chat/completions"
MAX_REQUESTS = 50_000
"""That OpenAI takes in one file."""


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
    requested: Counter[str] = Counter()
    for done in rounds:
        requested.update(done.requested)
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
            name: min(size, wanted - accepted[name], PATIENCE * wanted + size - requested[name])
            for name, wanted in spec.wanted.items()
        }
        counts = {name: count for name, count in counts.items() if count > 0}
        if not counts:
            break
        planned[cycle] = counts
        accepted.update(counts)
        requested.update(counts)
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
    gapless = groupby(enumerate(numbers), key=lambda place: place[1] - place[0])
    stretches = [[number for _, number in group] for _, group in gapless]
    return [(stretch[0], len(stretch)) for stretch in stretches]


@dataclass(frozen=True, slots=True)
class BatchFile:
    """What a file of requests holds.

    Args:
        lines: JSON, one per request, without line breaks.
        cycles: the cycles in it.
        texts: asked for.
        notes: sentences for whoever sends it.
    """

    lines: tuple[str, ...]
    cycles: tuple[int, ...]
    texts: int
    notes: tuple[str, ...]


def write_batch(
    run: RunRecord,
    *,
    history: Sequence[Sample],
    rounds: Sequence[FinishedRound],
    capabilities: Capabilities,
    tokenizer: Tokenizer | None,
    cycles: int = 1,
) -> BatchFile:
    """The requests of a run's next cycles.

    Args:
        run: whose.
        history: its samples in order of arrival.
        rounds: its finished rounds.
        capabilities: what the server can do; n texts per request only where that is known to work.
        tokenizer: the model's tokenizer, for suppression by logit bias.
        cycles: how many, at least 1.

    Raises:
        BadInput: nothing is missing, a knob could only be pretended, or there are too many.
    """
    spec = run.spec
    condition = spec.condition
    if cycles < 1:
        raise BadInput(f"{cycles} cycles are none.", "Ask for at least one.")
    check_condition(condition, capabilities, tokenizer)
    planned = plan_cycles(spec, history=history, rounds=rounds, cycles=cycles)
    requests = request_ids(
        run.id, spec, planned, history=history, several=capabilities.n == "exact"
    )
    if not requests:
        raise BadInput("The run needs no more texts.", "Export it, or make another run.")
    if len(requests) > MAX_REQUESTS:
        raise BadInput(
            f"The file would hold {len(requests):,} requests; {MAX_REQUESTS:,} are taken at once.",
            "Write fewer cycles.",
        )
    finished = {done.cycle for done in rounds}
    finished_samples = sorted(
        (sample for sample in history if sample.cycle in finished),
        key=lambda sample: (sample.cycle, sample.index),
    )
    notes = []
    if len(planned) > 1:
        notes.append(
            f"All {len(planned)} cycles draw their examples from the texts that are there now."
        )
    if condition.suppression.on:
        notes.append(
            "Suppression counts the texts that are there now, for the whole file; a file of one "
            "cycle each comes closest to a run that is generated text by text."
        )
    if spec.idle_knob and not history:
        notes.append(spec.idle_knob)
    return BatchFile(
        tuple(_lines(spec, requests, finished_samples, capabilities, tokenizer)),
        tuple(planned),
        sum(request_id.count for request_id in requests),
        tuple(notes),
    )


def _lines(
    spec: RunSpec,
    requests: Sequence[BatchRequestId],
    finished_samples: Sequence[Sample],
    capabilities: Capabilities,
    tokenizer: Tokenizer | None,
) -> Iterator[str]:
    """A line for each request, its prompt and biases by the samples of finished cycles."""
    names = spec.task.label_names
    written: dict[str, list[str]] = {name: [] for name in names}
    exempt = exempt_tokens(tokenizer)
    whole, tallies = Tally(exempt), {name: Tally(exempt) for name in names}
    for sample in finished_samples:
        whole.add(sample.token_ids)
        tallies[sample.label].add(sample.token_ids)
        if sample.outcome == "usable":
            written[sample.label].append(sample.text)
    suppression, condition = spec.condition.suppression, sent_condition(spec.condition)
    for request_id in requests:
        tally = tallies[names[request_id.label_index]] if suppression.scope == "label" else whole
        rows = suppressed_tokens(tally, suppression) if suppression.method == "logit_bias" else []
        request = Request(
            prompt=sent_prompt(
                spec, cycle=request_id.cycle, label_index=request_id.label_index, written=written
            ),
            indices=tuple(request_id.indices),
            biases=tuple((row.token, row.bias) for row in rows),
            entropy=(spec.seed, TEXTS, request_id.cycle, request_id.label_index),
        )
        body = body_of(
            request,
            condition,
            capabilities,
            api="chat",
            indices=request.indices,
            biases=biases_of(request, condition, tokenizer),
        )
        line = {"custom_id": request_id.custom_id, "method": "POST", "url": URL, "body": body}
        yield json.dumps(line, allow_nan=False)

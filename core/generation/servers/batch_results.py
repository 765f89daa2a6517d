"""Results files of the Batch API, read into their run.

The order of lines does not matter, and a second reading adds nothing. A file with a line that does
not belong to the run is refused whole.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from core.domain.errors import BadInput
from core.domain.registries.capabilities import Capabilities
from core.domain.runs import FinishedRound, Sample
from core.domain.serialization import Json, parse_json, value_at
from core.generation.backends import Completion
from core.generation.loop import Arrivals
from core.generation.servers.answers import (
    Answer,
    ExpectedAnswer,
    GeneratedText,
    parse_answer,
)
from core.generation.servers.batch_requests import BatchRequestId, parse_custom_id, plan_cycles
from core.generation.servers.errors import (
    RequestFailed,
    ServerError,
    ServerInfo,
    error_from_object,
    error_from_status,
)
from core.generation.servers.requests import attempt_of
from core.generation.servers.tokenizers import Tokenizer
from core.store.database import Database
from core.store.generation.rounds import add_attempt, finish_round, rounds_of
from core.store.generation.runs import RunRecord, get_run
from core.store.generation.samples import add_samples, samples_of


@dataclass(frozen=True, slots=True)
class BatchResult:
    """A line of the file: a request and what came of it.

    Args:
        request: where its texts belong.
        number: of the line, from 1.
        result: the answer, or why there is none.
    """

    request: BatchRequestId
    number: int
    result: Answer | ServerError

    @property
    def texts(self) -> list[tuple[int, GeneratedText]]:
        """The texts that came, each with its index in its cycle and label."""
        texts = self.result.texts if isinstance(self.result, Answer) else ()
        return list(zip(self.request.indices, texts, strict=False))


def run_of(lines: Iterable[str]) -> str:
    """The run that a results file belongs to, by its first line.

    Raises:
        BadInput: the file is empty, or the line is none of ours.
    """
    for number, line in enumerate(lines, start=1):
        if line.strip():
            return _request_id(_object(line, number), number).run_id
    raise BadInput("The file holds no results.", "Give the results file of a batch.")


def parse_results(lines: Iterable[str], run: RunRecord) -> list[BatchResult]:
    """Every line of a run's file that is not blank, in the file's order.

    Raises:
        BadInput: one can't be read, is named twice, or belongs to another run.
    """
    results: list[BatchResult] = []
    numbers: dict[tuple[int, int, int], int] = {}
    server = ServerInfo(run.spec.model.base_url, run.spec.model.model)
    expected = ExpectedAnswer(
        "chat",
        open_quote=True,
        max_tokens=run.spec.condition.max_tokens,
        unwrap=run.metadata is not None and bool(run.metadata.unwraps),
    )
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        data = _object(line, number)
        request = _request_id(data, number)
        if request.run_id != run.id:
            raise BadInput(
                f"Line {number}: '{request.custom_id}' belongs to the run {request.run_id}.",
                "Read each run's file by itself.",
            )
        for index in request.indices:
            first = numbers.setdefault((request.cycle, request.label_index, index), number)
            if first != number:
                raise BadInput(
                    f"Line {number}: '{request.custom_id}' stands in line {first} already.",
                    "Give the results file as it came.",
                )
        asked = replace(expected, n=request.count)
        results.append(BatchResult(request, number, _result(data, asked, server)))
    return results


def _result(data: Json, expected: ExpectedAnswer, server: ServerInfo) -> Answer | ServerError:
    if not isinstance(value_at(data, "response"), dict):
        return error_from_object(server, {"error": value_at(data, "error") or "no response"})
    status, body = value_at(data, "response", "status_code"), value_at(data, "response", "body")
    if type(status) is int and status != 200:
        return error_from_status(server, status, data=body)
    try:
        return parse_answer(body, expected, server=server)
    except RequestFailed as failed:
        return failed.error


def _object(line: str, number: int) -> Json:
    data = parse_json(line)
    if not isinstance(data, dict):
        raise BadInput(f"Line {number} is no JSON object.", "Give the results file as it came.")
    return data


def _request_id(data: Json, number: int) -> BatchRequestId:
    custom_id = value_at(data, "custom_id")
    request = parse_custom_id(custom_id)
    if request is None:
        shown = " ".join(str(custom_id).split())[:80]
        raise BadInput(
            f"Line {number}: the custom id '{shown}' is none that Wideset wrote.",
            "Give the results of a file that batch write made.",
        )
    return request


MAX_CYCLES = 10_000
_MAX_MESSAGES = 5


@dataclass(frozen=True, slots=True)
class BatchSummary:
    """What reading a file brought.

    Args:
        run_id: the run it belongs to.
        lines: requests in the file.
        added: usable texts that were not there yet.
        duplicates: of these, such as repeat an earlier text or an example.
        empty: new samples without a word.
        truncated: new samples that were cut off, by the limit of tokens or a filter.
        known: samples that were there already.
        errors: requests that brought none.
        messages: what the first of them say.
        tokens_in: of the requests that brought new samples; None while any answer's are unknown.
        tokens_out: the same of generated ones; those of several texts are known only where the
            server was seen to report them all.
        cycles: that are finished by it.
    """

    run_id: str
    lines: int
    added: int
    duplicates: int
    empty: int
    truncated: int
    known: int
    errors: int
    messages: tuple[str, ...]
    tokens_in: int | None
    tokens_out: int | None
    cycles: tuple[int, ...]


def read_batch(
    db: Database,
    run_id: str,
    lines: Iterable[str],
    *,
    capabilities: Capabilities,
    tokenizer: Tokenizer | None,
) -> BatchSummary:
    """Read a results file into its run; all of it or, if it is refused, nothing.

    What a run does with an answer that it gets itself is done here, too: empty and truncated
    samples are kept and count towards nothing, and what is missing is made good in later cycles.

    Args:
        db: the store.
        run_id: the run.
        lines: of the file.
        capabilities: of the server.
        tokenizer: the model's, for the tally of later cycles.

    Raises:
        BadInput: a line can't be read, is named twice, or is none of this run's next cycles.
        StoreFull, StoreBusy: nothing was stored.
    """
    run = get_run(db, run_id)
    results = parse_results(lines, run)
    history, rounds = samples_of(db, run_id), rounds_of(db, run_id)
    finished = {done.cycle: dict(done.requested) for done in rounds}
    last = max((line.request.cycle for line in results), default=0)
    cycles = min(MAX_CYCLES, max(0, last - max(finished, default=0)))
    planned = plan_cycles(run.spec, history=history, rounds=rounds, cycles=cycles)
    names = run.spec.task.label_names
    _check_wanted(results, names, planned | finished)
    results.sort(key=lambda line: line.request)
    # Tokenizing may ask a server, which no transaction may wait for.
    added = _new_samples(run, results, history, tokenizer)
    samples = list(chain.from_iterable(added))
    attempts = [
        attempt_of(
            line.result,
            cycle=line.request.cycle,
            label=names[line.request.label_index],
            texts_asked=line.request.count,
            usage_known=line.request.count == 1 or capabilities.usage_of_several == "exact",
            model=run.spec.model.model,
        )
        for line, new in zip(results, added, strict=True)
        if new or (isinstance(line.result, ServerError) and line.request.cycle in planned)
    ]
    with db.write():
        add_samples(db, samples)
        for attempt in attempts:
            add_attempt(db, attempt, run_id=run_id)
        for cycle, counts in planned.items():
            tokens = sum(len(sample.token_ids) for sample in samples if sample.cycle == cycle)
            finish_round(db, run_id, FinishedRound(cycle, 0, counts, 0.0, tokens))
    errors = [line.result for line in results if isinstance(line.result, ServerError)]
    outcomes = Counter(sample.outcome for sample in samples)
    answered = [attempt for attempt in attempts if attempt.texts_returned]
    unknown = any(None in (attempt.tokens_in, attempt.tokens_out) for attempt in answered)
    return BatchSummary(
        run_id=run_id,
        lines=len(results),
        added=outcomes["usable"],
        duplicates=sum(sample.duplicate_of is not None for sample in samples),
        empty=outcomes["empty"],
        truncated=outcomes["truncated"],
        known=sum(len(line.texts) for line in results) - len(samples),
        errors=len(errors),
        messages=tuple(dict.fromkeys(error.what for error in errors))[:_MAX_MESSAGES],
        tokens_in=None if unknown else sum(attempt.tokens_in or 0 for attempt in answered),
        tokens_out=None if unknown else sum(attempt.tokens_out or 0 for attempt in answered),
        cycles=tuple(planned),
    )


def _check_wanted(
    results: Sequence[BatchResult],
    names: Sequence[str],
    wanted: Mapping[int, Mapping[str, int]],
) -> None:
    """Refuse texts that no cycle asks for, whether finished or next; counts by label, by cycle."""
    for line in results:
        request = line.request
        counts = wanted.get(request.cycle, {})
        label = names[request.label_index] if request.label_index < len(names) else ""
        if request.indices.stop > counts.get(label, 0):
            raise BadInput(
                f"Line {line.number}: '{request.custom_id}' asks for texts that the run does not "
                "want.",
                "Read a results file once its requests were written, before the run goes on.",
            )


def _new_samples(
    run: RunRecord,
    results: Sequence[BatchResult],
    history: Sequence[Sample],
    tokenizer: Tokenizer | None,
) -> list[list[Sample]]:
    """The samples of each result that the run does not have yet."""
    stored = {(sample.cycle, sample.label, sample.index) for sample in history}
    arrivals = Arrivals(run.spec, run_id=run.id, history=history)
    seconds = history[-1].seconds if history else 0.0

    def sample(line: BatchResult, label: str, index: int, text: GeneratedText) -> Sample:
        ids = () if tokenizer is None else tuple(tokenizer.encode(text.text))
        completion = Completion(0, index, text.text, text.finish_reason, None, ids, text.stripped)
        return arrivals.sample(completion, cycle=line.request.cycle, label=label, seconds=seconds)

    labels = [run.spec.task.label_names[line.request.label_index] for line in results]
    return [
        [
            sample(line, label, index, text)
            for index, text in line.texts
            if (line.request.cycle, label, index) not in stored
        ]
        for line, label in zip(results, labels, strict=True)
    ]

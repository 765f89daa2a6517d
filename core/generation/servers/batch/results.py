"""The lines of a results file of the Batch API: where each belongs, and what came back."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from core.domain.errors import BadInput
from core.generation.backends import Completion
from core.generation.outcomes import Arrivals
from core.generation.servers.answers import Answer, read_answer
from core.generation.servers.batch.plan import BatchRequestId, parse_custom_id, plan_cycles
from core.generation.servers.capabilities import Capabilities
from core.generation.servers.errors import (
    RequestFailed,
    ServerError,
    ServerInfo,
    error_from_object,
    error_from_status,
)
from core.generation.servers.tokenizers import Tokenizer
from core.store.database import Database
from core.store.generation.attempts import StoredAttempt, add_attempt
from core.store.generation.rounds import finish_round, rounds_of
from core.store.generation.runs import get_run
from core.store.generation.samples import add_samples, samples_of


@dataclass(frozen=True, slots=True)
class BatchResult:
    """A request of the file and what it brought.

    Args:
        place: where its texts belong.
        number: of the line, from 1.
        found: the answer, or why there is none.
    """

    place: BatchRequestId
    number: int
    found: Answer | ServerError


def run_of(lines: Iterable[str]) -> str:
    """The run that a results file belongs to, by its first line.

    Raises:
        BadInput: the file is empty, or the line is none of ours.
    """
    for number, line in enumerate(lines, start=1):
        if line.strip():
            return _place(_object(line, number), number).run_id
    raise BadInput("The file holds no results.", "Give the results file of a batch.")


def parse_results(lines: Iterable[str], run_id: str, server: ServerInfo) -> list[BatchResult]:
    """Every line of a run's file that is not blank, in the file's order.

    Raises:
        BadInput: one can't be read, is named twice, or belongs to another run.
    """
    found: list[BatchResult] = []
    taken: dict[tuple[int, int, int], int] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        told = _object(line, number)
        place = _place(told, number)
        if place.run_id != run_id:
            raise BadInput(
                f"Line {number}: '{place.custom_id}' belongs to the run {place.run_id}.",
                "Read each run's file by itself.",
            )
        for index in place.indices:
            before = taken.setdefault((place.cycle, place.label_index, index), number)
            if before != number:
                raise BadInput(
                    f"Line {number}: '{place.custom_id}' stands in line {before} already.",
                    "Give the results file as it came.",
                )
        found.append(BatchResult(place, number, _answer(told, place, server)))
    return found


def _answer(
    told: dict[str, Any], place: BatchRequestId, server: ServerInfo
) -> Answer | ServerError:
    response = told.get("response")
    if not isinstance(response, dict):
        return error_from_object(server, {"error": told.get("error") or "no response"})
    status, body = response.get("status_code"), response.get("body")
    if type(status) is int and status != 200:
        return error_from_status(server, status, data=body)
    try:
        return read_answer(
            json.dumps(body), server=server, api="chat", asked=place.count, open_quote=True
        )
    except RequestFailed as broken:
        return broken.fault


def _object(line: str, number: int) -> dict[str, Any]:
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise BadInput(f"Line {number} is no JSON object.", "Give the results file as it came.")
    return told


def _place(told: dict[str, Any], number: int) -> BatchRequestId:
    place = parse_custom_id(told.get("custom_id"))
    if place is None:
        shown = " ".join(str(told.get("custom_id")).split())[:80]
        raise BadInput(
            f"Line {number}: the custom id '{shown}' is none that Wideset wrote.",
            "Give the results of a file that batch write made.",
        )
    return place


MOST_CYCLES = 10_000
_SHOWN = 5


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
    found: Capabilities,
    tokens: Tokenizer | None,
) -> BatchSummary:
    """Read a results file into its run; all of it or, if it is refused, nothing.

    What a run does with an answer that it gets itself is done here, too: empty and truncated
    samples are kept and count towards nothing, and what is missing is made good in later cycles.

    Args:
        db: the store.
        run_id: the run.
        lines: of the file.
        found: what the server can do.
        tokens: the model's tokenizer, for the tally of later cycles.

    Raises:
        BadInput: a line can't be read, is named twice, or is none of this run's next cycles.
        StoreFull, StoreBusy: nothing was stored.
    """
    run = get_run(db, run_id)
    server = ServerInfo(run.spec.model.base_url, run.spec.model.model)
    answers = parse_results(lines, run_id, server)
    history, rounds = samples_of(db, run_id), rounds_of(db, run_id)
    asked = {done.cycle: dict(done.requested) for done in rounds}
    last = max((line.place.cycle for line in answers), default=0)
    ahead = min(MOST_CYCLES, max(0, last - max(asked, default=0)))
    planned = plan_cycles(run.spec, history=history, rounds=rounds, cycles=ahead)
    names = run.spec.task.label_names
    for line in answers:
        place = line.place
        label = names[place.label_index] if place.label_index < len(names) else None
        counts = asked.get(place.cycle) or planned.get(place.cycle) or {}
        if label is None or place.indices.stop > counts.get(label, 0):
            raise BadInput(
                f"Line {line.number}: '{place.custom_id}' asks for texts that the run does not "
                "want.",
                "Read a results file once its requests were written, before the run goes on.",
            )
    # Tokenizing may ask a server, which no transaction may wait for.
    ids = {
        text.text: tuple(tokens.encode(text.text))
        for line in answers
        if tokens is not None and isinstance(line.found, Answer)
        for text in line.found.texts
    }
    stored = {(sample.cycle, sample.label, sample.index) for sample in history}
    arrivals = Arrivals(run.spec, run_id=run_id, history=history)
    seconds = history[-1].seconds if history else 0.0
    samples, attempts, known = [], [], 0
    all_reported = found.usage_of_several == "exact"
    for line in sorted(answers, key=lambda one: one.place):
        place, came = line.place, line.found
        label = names[place.label_index]
        fresh = 0
        texts = came.texts if isinstance(came, Answer) else ()
        for index, text in zip(place.indices, texts, strict=False):
            if (place.cycle, label, index) in stored:
                known += 1
                continue
            completion = Completion(
                0, index, text.text, text.finish_reason, None, ids.get(text.text, ())
            )
            samples.append(
                arrivals.sample(completion, cycle=place.cycle, label=label, seconds=seconds)
            )
            fresh += 1
        if fresh or (isinstance(came, ServerError) and place.cycle in planned):
            attempts.append(_attempt(place, label, came, all_reported=all_reported))
    with db.write():
        add_samples(db, samples)
        for attempt in attempts:
            add_attempt(db, attempt, run_id=run_id)
        for cycle, counts in planned.items():
            finish_round(
                db,
                run_id,
                cycle=cycle,
                position=0,
                requested=counts,
                seconds=0.0,
                tokens=sum(len(sample.token_ids) for sample in samples if sample.cycle == cycle),
            )
    faults = [line.found for line in answers if isinstance(line.found, ServerError)]
    outcomes = Counter(sample.outcome for sample in samples)
    whole = [one for one in attempts if one.texts_returned]
    unknown = any(None in (one.tokens_in, one.tokens_out) for one in whole)
    return BatchSummary(
        run_id=run_id,
        lines=len(answers),
        added=outcomes["usable"],
        duplicates=sum(sample.duplicate_of is not None for sample in samples),
        empty=outcomes["empty"],
        truncated=outcomes["truncated"],
        known=known,
        errors=len(faults),
        messages=tuple(dict.fromkeys(fault.what for fault in faults))[:_SHOWN],
        tokens_in=None if unknown else sum(one.tokens_in or 0 for one in whole),
        tokens_out=None if unknown else sum(one.tokens_out or 0 for one in whole),
        cycles=tuple(planned),
    )


def _attempt(
    place: BatchRequestId, label: str, found: Answer | ServerError, *, all_reported: bool
) -> StoredAttempt:
    attempt = StoredAttempt(
        cycle=place.cycle,
        label=label,
        texts_asked=place.count,
        texts_returned=0,
        attempt=1,
        status=None,
        outcome="ok",
        message="",
        seconds=0.0,
        tokens_in=None,
        tokens_out=None,
    )
    if isinstance(found, ServerError):
        return replace(attempt, status=found.status, outcome=found.kind, message=found.what)
    return replace(
        attempt,
        texts_returned=len(found.texts),
        status=200,
        tokens_in=found.tokens_in,
        tokens_out=found.tokens_out if place.count == 1 or all_reported else None,
    )

"""OpenAI's Batch API by files: the requests of a run's next cycles, to be sent by hand.

Format: one JSON object per line with `custom_id`, `method`, `url` and `body`
(https://platform.openai.com/docs/guides/batch). `results` reads what comes back.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from core.domain.errors import BadInput
from core.domain.registries.capabilities import Capabilities
from core.domain.runs import FinishedRound, Sample
from core.generation.backends import Request
from core.generation.loop import TEXTS
from core.generation.servers.batch.plan import BatchRequestId, plan_cycles, request_ids
from core.generation.servers.parameters import biases_of, body_of, check_condition
from core.generation.servers.suppression import sent_condition, sent_prompt
from core.generation.servers.tokenizers import Tokenizer
from core.generation.suppression import Tally, suppressed_tokens
from core.store.generation.runs import RunRecord

URL = "/v1/chat/completions"
MAX_REQUESTS = 50_000
"""That OpenAI takes in one file."""


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
    wanted = request_ids(run.id, spec, planned, history=history, several=capabilities.n == "exact")
    if not wanted:
        raise BadInput("The run needs no more texts.", "Export it, or make another run.")
    if len(wanted) > MAX_REQUESTS:
        raise BadInput(
            f"The file would hold {len(wanted):,} requests; {MAX_REQUESTS:,} are taken at once.",
            "Write fewer cycles.",
        )
    lines = tuple(
        _lines(
            run,
            wanted,
            history=history,
            rounds=rounds,
            capabilities=capabilities,
            tokenizer=tokenizer,
        )
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
        lines, tuple(planned), sum(request_id.count for request_id in wanted), tuple(notes)
    )


def _lines(
    run: RunRecord,
    wanted: Sequence[BatchRequestId],
    *,
    history: Sequence[Sample],
    rounds: Sequence[FinishedRound],
    capabilities: Capabilities,
    tokenizer: Tokenizer | None,
) -> Iterator[str]:
    spec = run.spec
    names = spec.task.label_names
    finished = {done.cycle for done in rounds}
    known = sorted(
        (sample for sample in history if sample.cycle in finished),
        key=lambda sample: (sample.cycle, sample.index),
    )
    written: dict[str, list[str]] = {name: [] for name in names}
    exempt = (
        frozenset[int]() if tokenizer is None else tokenizer.end_tokens | tokenizer.quote_tokens
    )
    whole, tallies = Tally(exempt), {name: Tally(exempt) for name in names}
    for sample in known:
        whole.add(sample.token_ids)
        tallies[sample.label].add(sample.token_ids)
        if sample.outcome == "usable":
            written[sample.label].append(sample.text)
    suppression, condition = spec.condition.suppression, sent_condition(spec.condition)
    for request_id in wanted:
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
        body: dict[str, Any] = body_of(
            request,
            condition,
            capabilities,
            api="chat",
            indices=request.indices,
            biases=biases_of(request, condition, tokenizer),
        )
        body |= body.pop("extra_body", {})
        line = {"custom_id": request_id.custom_id, "method": "POST", "url": URL, "body": body}
        yield json.dumps(line, allow_nan=False)

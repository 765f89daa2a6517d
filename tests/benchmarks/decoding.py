"""Useful tokens a second on the real shape of the work, against the usual ways to do it.

A useful token is one of a text, its closing token included; what is computed behind that is not.
"""

import argparse
from collections.abc import Sequence
from typing import NamedTuple

from core.domain.runs import ModelChoice
from core.domain.settings import home_from
from core.generation.local.backend import ModelCache
from core.generation.local.loading import converted_embedded
from tests.benchmarks import contenders
from tests.benchmarks.contenders import Apart, Order, Setting, Texts
from tests.benchmarks.report import Report, Stopwatch, median
from tests.benchmarks.work import TEXTS_A_LABEL, carer_spec, requests_of

WANTED_RATIO = 2.5
# Mean lengths further apart than this are told: the longer the texts, the fuller the batches.
UNLIKE = 0.15
# The others go label by label, so their speed on some labels is their speed; with two labels a
# repeat, three repeats make a cycle and the benchmark stays short.
LABELS_A_REPEAT = 2
OURS = "wideset"


class _Turn(NamedTuple):
    """One contender's turn: tokens a second, and each label's mean length by label index."""

    speed: float
    lengths: dict[int, float]


def run(options: argparse.Namespace) -> Report:
    """Write the same labels with each contender in turn.

    The contenders alternate, so that what else the machine does falls on all of them alike.
    """
    home = home_from()
    backend = ModelCache(home.models).backend(ModelChoice(device="cpu"))
    spec = carer_spec(per_label=TEXTS_A_LABEL)
    setting = Setting(
        model=converted_embedded(home.models),
        dtype=backend.metadata.dtype,
        threads=backend.metadata.threads,
        closing=tuple(sorted(backend.exempt_tokens)),
    )
    others = [
        Apart("generate", contenders.generate, setting),
        Apart("generate, prompt once", contenders.generate_prefilled, setting),
        Apart("llama.cpp, one request", contenders.llama_cpp_shared, setting),
    ]
    if options.all:
        others.append(Apart("llama.cpp, 20 requests", contenders.llama_cpp_requests, setting))
    report = Report("decoding", ["", "tokens/s", "seconds", "tokens", "texts", "others' cpu"])

    def orders(cycle: int, count: int) -> list[Order]:
        requests = requests_of(spec, cycle, count=count)
        return [
            Order(backend.prompt_tokens(request.prompt), seed=cycle * 100 + label, count=count)
            for label, request in enumerate(requests)
        ]

    contenders.ours(backend, spec, cycle=99, count=1)
    for other in others:
        other.write(orders(99, 2)[:1])
    turns: dict[str, list[_Turn]] = {name: [] for name in (OURS, *(o.name for o in others))}
    for repeat in range(options.repeats):
        cycle = 2 + repeat
        with Stopwatch() as timing:
            texts = contenders.ours(backend, spec, cycle=cycle, count=TEXTS_A_LABEL)
        turns[OURS].append(_turn(report, OURS, texts, range(len(texts)), setting, timing))
        ordered = orders(cycle, TEXTS_A_LABEL)
        labels = [(repeat * LABELS_A_REPEAT + n) % len(ordered) for n in range(LABELS_A_REPEAT)]
        for other in others:
            with Stopwatch() as timing:
                texts = other.write([ordered[label] for label in labels])
            turns[other.name].append(_turn(report, other.name, texts, labels, setting, timing))
    for other in others:
        other.close()
    report.facts |= {
        key: getattr(backend.metadata, key) for key in ("dtype", "linear", "engine", "threads")
    }
    report.facts["prompt tokens"] = [len(order.prompt) for order in ordered]
    _judge(report, turns)
    return report


def _turn(
    report: Report,
    name: str,
    texts: Sequence[Texts],
    labels: Sequence[int],
    setting: Setting,
    timing: Stopwatch,
) -> _Turn:
    closing = set(setting.closing)
    useful = [[_useful(row, closing) for row in rows] for rows in texts]
    tokens, count = sum(map(sum, useful)), sum(map(len, useful))
    speed = tokens / timing.seconds
    report.add([name, speed, timing.seconds, tokens, count, f"{timing.others:.0%}"])
    means = {label: sum(row) / len(row) for label, row in zip(labels, useful, strict=True)}
    return _Turn(speed, means)


def _useful(row: Sequence[int], closing: set[int]) -> int:
    """Tokens of a text up to and with its closing one; all of them without one."""
    return next((place + 1 for place, token in enumerate(row) if token in closing), len(row))


def _judge(report: Report, turns: dict[str, list[_Turn]]) -> None:
    middle = {name: median([turn.speed for turn in own]) for name, own in turns.items()}
    for name, speed in middle.items():
        report.facts[f"median tokens/s of {name}"] = speed
    ours = turns[OURS]
    for name, own in turns.items():
        if name == OURS:
            continue
        ratios = [mine.speed / its.speed for mine, its in zip(ours, own, strict=True)]
        report.facts[f"ratio to {name}, by repeat"] = ratios
        # The same labels from the same prompts, so the means differ by chance alone.
        pairs = [
            (mine.lengths[label], length)
            for mine, its in zip(ours, own, strict=True)
            for label, length in its.lengths.items()
        ]
        longer = sum(its for _, its in pairs) / sum(mine for mine, _ in pairs) - 1
        report.facts[f"mean length of {name} against ours"] = f"{longer:+.0%}"
        if abs(longer) > UNLIKE:
            report.notes.append(f"Note: lengths of {name} and ours differ by over {UNLIKE:.0%}.")
    best = max((name for name in middle if name != OURS), key=middle.__getitem__)
    ratio = middle[OURS] / middle[best]
    report.facts["ratio of medians to the best other"] = ratio
    if ratio < WANTED_RATIO:
        report.failures.append(f"{ratio:.2f} times '{best}'; wanted {WANTED_RATIO}.")

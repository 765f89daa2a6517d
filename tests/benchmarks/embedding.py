"""Texts embedded a second, against the usual loop: float32, 32 texts at once in file order."""

import argparse
import csv
import itertools
import os
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from core.diversity.embedding.encoder import EncoderChoice
from core.diversity.embedding.loading import embedded_folder, load_encoder
from core.diversity.measures.remote_clique import Vectors, unit_vectors
from core.domain.settings import home_from
from tests.benchmarks.report import Report, Stopwatch, median
from tests.benchmarks.work import ROOT, carer_spec

WANTED_RATIO = 2.5
WANTED_AGREEMENT = 0.999
OURS, PLAIN = "wideset", "plain loop"
TEXTS = 1_000
_SETS = ("sst2", "carer_emotion")


def run(options: argparse.Namespace) -> Report:
    """Embed the same texts with both in turn, so that what else the machine does falls on both."""
    encoder = load_encoder(EncoderChoice(device="cpu"), models=home_from().models)
    texts, source = texts_of(TEXTS)
    plain = plain_loop(most_tokens=encoder.facts["max_tokens"])
    report = Report("embedding", ["", "texts/s", "seconds", "longest wait ms", "others' cpu"])
    contenders: dict[str, Callable[[Sequence[str], Waits], Vectors]] = {
        OURS: lambda texts, waits: encoder.embed(texts, between=waits),
        PLAIN: lambda texts, waits: plain(texts),
    }
    for embed in contenders.values():
        embed(texts[:64], Waits())
    speeds: dict[str, list[float]] = {name: [] for name in contenders}
    vectors: dict[str, Vectors] = {}
    for _ in range(options.repeats):
        for name, embed in contenders.items():
            with Stopwatch() as timing:
                waits = Waits()
                vectors[name] = embed(texts, waits)
            speeds[name].append(len(texts) / timing.seconds)
            figures = [speeds[name][-1], timing.seconds, waits.longest_ms]
            report.add([name, *figures, f"{timing.others:.0%}"])
    agreement = (unit_vectors(vectors[OURS]) * unit_vectors(vectors[PLAIN])).sum(axis=1)
    ratio = median(speeds[OURS]) / median(speeds[PLAIN])
    kept = ("model", "dtype", "threads", "batch_tokens", "max_tokens")
    report.facts |= {key: encoder.facts[key] for key in kept}
    report.facts |= {
        "texts": f"{len(texts)}, {source}",
        "ratios by repeat": [o / p for o, p in zip(speeds[OURS], speeds[PLAIN], strict=True)],
        "ratio of medians": ratio,
        "lowest cosine between both": f"{agreement.min():.6f}",
    }
    if ratio < WANTED_RATIO:
        report.failures.append(f"{ratio:.2f} times the plain loop; wanted {WANTED_RATIO}.")
    if not agreement.min() > WANTED_AGREEMENT:
        report.failures.append(f"A cosine of {agreement.min():.6f}; wanted {WANTED_AGREEMENT}.")
    return report


class Waits:
    """Called between batches: how long a question of somebody else would have had to wait."""

    def __init__(self) -> None:
        self._last = time.perf_counter()
        self.longest_ms: float | None = None

    def __call__(self) -> None:
        now = time.perf_counter()
        self.longest_ms = max(self.longest_ms or 0.0, (now - self._last) * 1000)
        self._last = now


def plain_loop(*, most_tokens: int) -> Callable[[Sequence[str]], Vectors]:
    """The embedded encoder as most programs run it: batches of 32, padded to their longest."""
    import torch  # after `load_encoder` has seen to it that threads sleep, for both alike
    import transformers

    folder = embedded_folder()
    tokenizer: Any = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32).eval()

    @torch.inference_mode()
    def embed(texts: Sequence[str]) -> Vectors:
        parts = []
        for start in range(0, len(texts), 32):
            batch = tokenizer(
                list(texts[start : start + 32]),
                padding=True,
                truncation=True,
                max_length=most_tokens,
                return_tensors="pt",
            )
            mask = batch["attention_mask"].unsqueeze(-1)
            hidden = model(**batch).last_hidden_state
            parts.append((hidden * mask).sum(1) / mask.sum(1))
        vectors: Vectors = torch.cat(parts).numpy()
        return vectors

    return embed


def texts_of(count: int) -> tuple[list[str], str]:
    """As many texts of two kinds in a mixed order, and where they are from."""
    folder = Path(os.environ.get("WIDESET_TEST_DATA") or ROOT.parent / "shared" / "data")
    files = [folder / name / "train.csv" for name in _SETS]
    if not all(file.is_file() for file in files):
        seeds = [example.text for example in carer_spec(per_label=1).seed_examples]
        rng = random.Random(0)
        return [" ".join(rng.choices(seeds, k=rng.randint(1, 3))) for _ in range(count)], "written"
    texts: list[str] = []
    for file in files:
        with file.open(encoding="utf-8", newline="") as opened:
            rows = csv.DictReader(opened)
            texts += [row["text"] for row in itertools.islice(rows, count // len(files))]
    random.Random(0).shuffle(texts)
    return texts, f"from {' and '.join(_SETS)}"

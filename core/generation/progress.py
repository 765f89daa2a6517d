"""How far a generation is: its counts and speeds."""

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from core.domain.progress import DiversityProgress, JobProgress
from core.domain.runs import RunSpec, Sample
from core.domain.spending import SpendingProgress
from core.generation.suppression import SuppressedToken

_RATE_TEXTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationProgress(JobProgress):
    """The progress of a run; `done` and `total` are `accepted` and `target`.

    Args:
        target: texts wanted.
        accepted: texts that count towards the target.
        usable: usable texts, as `empty`, `truncated`, `duplicates` and `texts` (all of them).
        tokens: all drawn but closing ones.
        mean_tokens: tokens per usable text; None without one.
        fluency: mean of the usable texts'; None without one.
        fluency_sd: standard deviation; None below two.
        texts_per_second: since the job began, as `tokens_per_second`.
        seconds: since the job began, loading not counted.
        elapsed: seconds of all jobs of the run.
        cycle: the latest one, from 1.
        per_label: accepted texts by label.
        shortfall: texts that labels lack in the end.
        suppressed: what the round suppresses.
        diversity: None if it is not followed.
        spending: of a server's model; None for a local one.
    """

    target: int = 0
    accepted: int = 0
    usable: int = 0
    empty: int = 0
    truncated: int = 0
    duplicates: int = 0
    texts: int = 0
    tokens: int = 0
    mean_tokens: float | None = None
    fluency: float | None = None
    fluency_sd: float | None = None
    texts_per_second: float = 0.0
    tokens_per_second: float = 0.0
    seconds: float = 0.0
    elapsed: float = 0.0
    cycle: int = 0
    per_label: Mapping[str, int] = field(default_factory=dict)
    shortfall: Mapping[str, int] = field(default_factory=dict)
    suppressed: Sequence[SuppressedToken] = ()
    diversity: DiversityProgress | None = None
    spending: SpendingProgress | None = None


class Meter:
    """Counts a run's samples and its time.

    Args:
        spec: for the target.
        history: samples stored before; they count, but not towards the speed.
        timer: monotonic seconds.
    """

    def __init__(
        self,
        spec: RunSpec,
        *,
        history: Sequence[Sample] = (),
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._spec = spec
        self._timer = timer
        self._start: float | None = None
        self._per_label: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()
        self._tokens = 0
        self._length = 0
        self._fluency = _Spread()
        self._cycle = 0
        self.suppressed: Sequence[SuppressedToken] = ()
        self._earlier = history[-1].seconds if history else 0.0
        self.add(history)
        self._before = (self._counts["accepted"], self._tokens, self._counts["texts"])

    def begin(self) -> None:
        """The model is loaded: the time that speeds refer to starts now."""
        self._start = self._timer()

    def seconds(self) -> float:
        """Seconds since `begin`, 0 before."""
        return 0.0 if self._start is None else self._timer() - self._start

    def add(self, samples: Sequence[Sample]) -> None:
        """Count samples."""
        for sample in samples:
            self._counts[sample.outcome] += 1
            self._counts["texts"] += 1
            self._tokens += len(sample.token_ids)
            self._cycle = max(self._cycle, sample.cycle)
            if sample.outcome != "usable":
                continue
            self._length += len(sample.token_ids)
            if sample.fluency is not None:
                self._fluency.add(sample.fluency)
            repeats = sample.duplicate_of is not None
            self._counts["duplicates"] += repeats
            if not (repeats and self._spec.condition.only_new):
                self._per_label[sample.label] += 1
                self._counts["accepted"] += 1

    @property
    def accepted(self) -> int:
        """Texts that count towards the target."""
        return self._counts["accepted"]

    def progress(
        self, phase: str, *, shortfall: Mapping[str, int] | None = None
    ) -> GenerationProgress:
        """The state of the run; phase is loading, generating, stopped or done."""
        counts = self._counts
        seconds = self.seconds()
        accepted, tokens, texts = self._before
        gained = counts["accepted"] - accepted
        rate = gained / seconds if seconds > 0 else 0.0
        left = self._spec.target - counts["accepted"]
        # Short texts arrive first, so the first few don't tell how long the rest will take.
        known = left == 0 or gained >= max(_RATE_TEXTS, left // 20)
        return GenerationProgress(
            phase=phase,
            done=counts["accepted"],
            total=self._spec.target,
            seconds_left=left / rate if known and rate > 0 else (0.0 if left == 0 else None),
            target=self._spec.target,
            accepted=counts["accepted"],
            usable=counts["usable"],
            empty=counts["empty"],
            truncated=counts["truncated"],
            duplicates=counts["duplicates"],
            texts=counts["texts"],
            tokens=self._tokens,
            mean_tokens=self._length / counts["usable"] if counts["usable"] else None,
            fluency=self._fluency.mean,
            fluency_sd=self._fluency.deviation,
            texts_per_second=(counts["texts"] - texts) / seconds if seconds > 0 else 0.0,
            tokens_per_second=(self._tokens - tokens) / seconds if seconds > 0 else 0.0,
            seconds=seconds,
            elapsed=self._earlier + seconds,
            cycle=self._cycle,
            per_label={n: self._per_label[n] for n in self._spec.task.label_names},
            shortfall=dict(shortfall or {}),
            suppressed=tuple(self.suppressed),
        )


class _Spread:
    """Mean and standard deviation of numbers that come one by one (Welford 1962)."""

    def __init__(self) -> None:
        self._n, self._mean, self._squares = 0, 0.0, 0.0

    def add(self, value: float) -> None:
        self._n += 1
        step = value - self._mean
        self._mean += step / self._n
        self._squares += step * (value - self._mean)

    @property
    def mean(self) -> float | None:
        return self._mean if self._n else None

    @property
    def deviation(self) -> float | None:
        return math.sqrt(self._squares / (self._n - 1)) if self._n > 1 else None

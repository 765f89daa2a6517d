"""Whether the knobs of sampling do what they say on a served model.

At temperature 0 a model gives one answer; a hot one with a knob at its narrowest
(`Capability.narrowest`) must give the same one.
"""

from collections.abc import Mapping
from typing import Any

from core.domain.registries.capabilities import CAPABILITIES
from core.generation.servers.http_client import HttpResponse
from core.generation.servers.probing.questions import (
    SHORT,
    STORY,
    ProbeClient,
    ProbeFindings,
    first_text,
)

_LONG = 24
_HOT = 2.0


def probe_sampling(
    questions: ProbeClient, findings: ProbeFindings, *, cold: Mapping[str, Any], greedy: str
) -> None:
    """Try temperature, seed, stop, the frequency penalty and all that can narrow sampling.

    Args:
        questions: asks.
        findings: gets what is found.
        cold: what makes the model cold; empty where it refuses a temperature.
        greedy: its answer to the story's question then.
    """
    _Sampling(questions, findings, cold, greedy).run()


class _Sampling:
    def __init__(
        self, questions: ProbeClient, findings: ProbeFindings, cold: Mapping[str, Any], greedy: str
    ) -> None:
        self._questions = questions
        self._findings = findings
        self._cold = cold
        self._greedy = greedy
        self._steady = True

    def run(self) -> None:
        self._temperature()
        self._narrowing()
        if self._steady:
            self._stop()
            self._penalty()

    def _temperature(self) -> None:
        """Temperature and seed: the same seed twice, then another."""
        if self._findings.capabilities.temperature == "refused" or not self._greedy.strip():
            return
        again = self._chat("temperature", **self._cold)
        if again is not None and first_text(again) != self._greedy:
            self._steady = False
            self._findings.note(
                "At temperature 0 the model gave two different answers: the server may not honour "
                "the temperature, and most knobs stay unknown."
            )
        if again is None or not self._steady:
            return
        seeds = []
        for seed in (1, 1, 2):
            response = self._chat("seed", seed=seed, temperature=_HOT)
            if response is None:
                return
            seeds.append(first_text(response))
        first, same, other = seeds
        if first != other:
            self._findings.record(seed="exact" if first == same else "ignored")
        hot = set(seeds)
        self._findings.record(temperature="ignored" if hot == {self._greedy} else "exact")
        if len(hot) == 1 and hot != {self._greedy}:
            self._findings.note("Two seeds gave one text: the server may repeat stored answers.")

    def _narrowing(self) -> None:
        """Each at its narrowest makes a hot model cold."""
        if self._findings.capabilities.temperature != "exact":
            return
        for capability in CAPABILITIES:
            if capability.narrowest is None:
                continue
            key = capability.key
            sent: dict[str, Any] = {"temperature": _HOT, key: capability.narrowest}
            response = self._chat(key, **sent)
            if response is not None:
                cold = first_text(response) == self._greedy
                self._findings.record(**{key: "exact" if cold else "ignored"})

    def _stop(self) -> None:
        words = self._greedy.split()
        if len(words) < 2 or words[1] in words[0]:
            return
        response = self._chat("stop", stop=[words[1]], **self._cold)
        if response is not None:
            answer = first_text(response)
            ended = words[1] not in answer and answer.split() == words[:1]
            self._findings.record(stop="exact" if ended else "ignored")

    def _penalty(self) -> None:
        """The lowest penalty makes a model repeat itself at temperature 0."""
        key = "frequency_penalty"
        plain = self._chat(key, most=_LONG, **self._cold)
        if plain is None or len(first_text(plain).split()) < SHORT:
            return
        response = self._chat(key, most=_LONG, frequency_penalty=-2.0, **self._cold)
        if response is not None:
            same = first_text(response) == first_text(plain)
            self._findings.record(**{key: "ignored" if same else "exact"})

    def _chat(self, key: str, *, most: int = SHORT, **sent: Any) -> HttpResponse | None:
        return self._findings.answered(key, lambda: self._questions.chat(STORY, most=most, **sent))

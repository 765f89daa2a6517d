"""Probing: about twenty short questions that tell what a served model can do.

A knob counts as `exact` only where its effect was seen: what a server merely accepts, it may drop.
At temperature 0 a model gives one answer; a hot one with a knob at its narrowest
(`Capability.narrowest`) must give the same one. `canary` tries the logit bias.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from core.domain.connections import Connection
from core.domain.errors import BackendFailed, BadInput
from core.domain.registries.capabilities import CAPABILITIES, Canary, Capabilities, Support
from core.domain.serialization import Json, value_at
from core.generation.servers.answers import Usage
from core.generation.servers.errors import ServerInfo
from core.generation.servers.http_client import HttpResponse, ServerClient
from core.generation.servers.keys import server_message
from core.generation.servers.probing.canary import run_canary
from core.generation.servers.probing.questions import (
    MAX_MODELS,
    SHORT,
    STORY,
    ListedModel,
    ProbeClient,
    ProbeFindings,
    check_answers,
    first_text,
    is_listed,
    parse_models,
    rejects_parameter,
    suggest_v1_url,
)
from core.generation.servers.tokenizers import find_tokenizer

_LONG = 24  # tokens of the longest answer
_HOT = 2.0  # temperature
_SEVERAL_TRIES = 4
_MAX_NAMED = 10  # models that an error names
_OWNERS = {
    "vllm": "vLLM",
    "llamacpp": "llama.cpp",
    "library": "Ollama",
    "organization_owner": "LM Studio",
}


def probe(connection: Connection, model: str, client: ServerClient) -> Capabilities:
    """Find out what a model on a server can do; takes about 20 requests of at most 24 tokens.

    Args:
        connection: its tokenizer is tried; where it names none, the server's own.
        model: the server's name for it. One that the server does not list is tried all the same,
            and a note says so.
        client: asks the server.

    Raises:
        BadInput: the key or the model is refused.
        BackendFailed: the server does not answer the plainest question.
    """
    return _Probe(connection, model, client).run()


class _Probe:
    def __init__(self, connection: Connection, model: str, client: ServerClient) -> None:
        self._connection = connection
        self._model = model
        self._client = client
        self._server = ServerInfo(connection.base_url, model, connection.key_variable)
        self._questions = ProbeClient(client, model)
        self._findings = ProbeFindings(self._server)
        self._cold: dict[str, Json] = {"temperature": 0}
        self._greedy = ""
        self._steady = True

    def run(self) -> Capabilities:
        base = self._plainest()
        self._greedy = first_text(base)
        self._models(base)
        questions, findings = self._questions, self._findings
        self._temperature()
        self._narrowing()
        if self._steady:
            self._stop()
            self._penalty()
        self._several()
        self._logprobs()
        self._routes()
        self._suppression()
        quickest = questions.quickest
        findings.record(
            token_field=questions.token_field,
            latency_ms=None if quickest is None else round(quickest * 1000, 1),
            notes=tuple(findings.notes),
            requests=questions.requests,
            tokens_in=questions.tokens_in,
            tokens_out=questions.tokens_out,
        )
        return findings.capabilities

    def _plainest(self) -> HttpResponse:
        """The question that everything rests on, after what the server wants it changed in."""
        questions = self._questions
        base = questions.chat(STORY, self._cold, most=SHORT)
        if not base.ok and rejects_parameter(base, "max_tokens"):
            questions.token_field = "max_completion_tokens"
            base = questions.chat(STORY, self._cold, most=SHORT)
        if not base.ok and rejects_parameter(base, "temperature"):
            self._findings.record(temperature="refused")
            self._cold = {}
            base = questions.chat(STORY, self._cold, most=SHORT)
            if not base.ok and rejects_parameter(base, "max_tokens"):
                questions.token_field = "max_completion_tokens"
                base = questions.chat(STORY, self._cold, most=SHORT)
        self._check(base)
        usage = base.usage
        reported = usage.tokens_in is not None and usage.tokens_out is not None
        self._findings.record(usage="exact" if reported else "ignored")
        if not first_text(base).strip():
            self._findings.note(
                f"The model spent {SHORT} tokens without a word of an answer, as those do that "
                "reason first: most knobs stay unknown."
            )
        return base

    def _check(self, base: HttpResponse) -> None:
        """Refuse to go on without an answer to the plainest question, and name what the server
        has where the base URL or the model's name may be wrong."""
        try:
            check_answers(base, self._server)
        except BadInput as error:
            if base.status in (401, 403):
                raise
            remedy = suggest_v1_url(self._connection, self._client)
            if remedy:
                raise BadInput(error.what, remedy) from None
            names = [model.name for model in self._list_models()]
            if not names or is_listed(self._model, names):
                raise
            more = ", ..." if len(names) > _MAX_NAMED else ""
            listed = server_message(", ".join(names[:_MAX_NAMED]) + more)
            raise BadInput(
                f"{error.what} It does not list '{self._model}'.",
                f"Choose one of those that it lists: {listed}",
            ) from None

    def _list_models(self) -> list[ListedModel]:
        try:
            return parse_models(self._client.ask("/models"))
        except BackendFailed as error:
            self._findings.note(f"The server lists no models. {error.what}")
            return []

    def _models(self, base: HttpResponse) -> None:
        models = self._list_models()
        names = [model.name for model in models]
        if names and not is_listed(self._model, names):
            self._findings.note(
                f"The server does not list '{self._model}'; it answered all the same. See that the "
                "name is meant: some servers answer to any."
            )
        server = next((_OWNERS[model.owner] for model in models if model.owner in _OWNERS), "")
        if urlsplit(self._connection.base_url).hostname == "api.openai.com":
            server = "OpenAI"
        elif base.headers.get("server", "").startswith("llama.cpp"):
            server = "llama.cpp"
        self._findings.record(models=tuple(names[:MAX_MODELS]), server=server)

    def _temperature(self) -> None:
        """Temperature and seed: the same seed twice, then another."""
        if self._findings.capabilities.temperature == "refused" or not self._greedy.strip():
            return
        again = self._chat("temperature", self._cold)
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
            response = self._chat("seed", {"seed": seed, "temperature": _HOT})
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
            response = self._chat(key, {"temperature": _HOT, key: capability.narrowest})
            if response is not None:
                cold = first_text(response) == self._greedy
                self._findings.record(**{key: "exact" if cold else "ignored"})

    def _stop(self) -> None:
        words = self._greedy.split()
        if len(words) < 2 or words[1] in words[0]:
            return
        response = self._chat("stop", {"stop": [words[1]], **self._cold})
        if response is not None:
            answer = first_text(response)
            ended = words[1] not in answer and answer.split() == words[:1]
            self._findings.record(stop="exact" if ended else "ignored")

    def _penalty(self) -> None:
        """The lowest penalty makes a model repeat itself at temperature 0."""
        key = "frequency_penalty"
        plain = self._chat(key, self._cold, most=_LONG)
        if plain is None or len(first_text(plain).split()) < SHORT:
            return
        response = self._chat(key, {key: -2.0, **self._cold}, most=_LONG)
        if response is not None:
            same = first_text(response) == first_text(plain)
            self._findings.record(**{key: "ignored" if same else "exact"})

    def _several(self) -> None:
        for _ in range(_SEVERAL_TRIES):
            response = self._chat("n", {"n": 2})
            if response is None:
                return
            choices = response.choices
            self._findings.record(n="exact" if len(choices) == 2 else "ignored")
            if len(choices) != 2:
                return
            # Texts that reached the limit took a known number of tokens; one that ended before it
            # tells nothing, and another draw may.
            if all(choice.finish_reason == "length" for choice in choices):
                self._usage_of_several(response.usage)
                return

    def _usage_of_several(self, usage: Usage) -> None:
        """Whether two texts of `SHORT` tokens each were reported as such."""
        support: Support = "ignored"
        if usage.tokens_in is not None and usage.tokens_out is not None:
            support = "exact" if usage.tokens_out == 2 * SHORT else "wrong"
        if support == "wrong":
            self._findings.note("Of several texts per request, it reports the tokens of one.")
        self._findings.record(usage_of_several=support)

    def _logprobs(self) -> None:
        for most in (20, 5):  # some servers allow 20, some 5
            response = self._chat("top_logprobs", {"logprobs": True, "top_logprobs": most}, most=1)
            if response is None:
                continue
            choices = response.choices
            count = len(choices[0].likeliest) if choices else 0
            self._findings.record(
                top_logprobs="exact" if count > 1 else "ignored", most_logprobs=count
            )
            return

    def _routes(self) -> None:
        body: dict[str, Json] = {"model": self._model, "prompt": "One, two,", "max_tokens": 2}
        response = self._ask("completions", "/completions", body)
        if response is not None:
            is_text = isinstance(value_at(response.data, "choices", 0, "text"), str)
            self._findings.record(completions="exact" if is_text else "ignored")
        body = {
            "model": self._model,
            "messages": [{"role": "user", "content": STORY}],
            self._questions.token_field: 2,
            "stream": True,
        }
        response = self._ask("streaming", "/chat/completions", body)
        if response is not None:
            streamed = response.text.lstrip().startswith("data:")
            self._findings.record(streaming="exact" if streamed else "ignored")
        if self._chat("system_role", {}, most=1, system="Be brief.") is not None:
            self._findings.record(system_role="exact")

    def _suppression(self) -> None:
        search = find_tokenizer(self._connection, self._model, self._client)
        tokenizer = search.tokenizer
        canary = Canary(why="Without a tokenizer there is no token to try a bias on.")
        if tokenizer is not None:
            self._findings.record(
                tokenizer=tokenizer.name,
                tokenizer_kind=search.kind,
                vocabulary=tokenizer.vocabulary_size,
            )
            try:
                canary = run_canary(self._bias, tokenizer)
            except BackendFailed as error:
                canary = Canary(why=f"The canary was broken off. {error.what}")
        self._findings.record(
            tokenizer_note=search.why_none, canary=canary, logit_bias=canary.support
        )

    def _bias(self, content: str, biases: Mapping[int, float], most: int) -> HttpResponse:
        return self._questions.chat(content, self._cold, most=most, biases=biases)

    def _chat(
        self, key: str, knobs: Mapping[str, Json], *, most: int = SHORT, system: str = ""
    ) -> HttpResponse | None:
        """An answer that used a capability, or None where it was refused or nothing came."""
        return self._findings.answered(
            key, lambda: self._questions.chat(STORY, knobs, most=most, system=system)
        )

    def _ask(self, key: str, path: str, body: Mapping[str, Json]) -> HttpResponse | None:
        return self._findings.answered(key, lambda: self._questions.ask(path, body))

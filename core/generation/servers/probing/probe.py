"""Probing: about twenty short questions that tell what a served model can do.

A knob counts as `exact` only where its effect was seen: what a server merely accepts, it may drop.
`sampling` tries the knobs of sampling, `canary` the logit bias.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from core.domain.connections import Connection
from core.domain.errors import BackendFailed, BadInput
from core.domain.registries.capabilities import Canary, Capabilities, Support
from core.generation.servers.errors import ServerInfo
from core.generation.servers.http_client import HttpResponse, ServerClient
from core.generation.servers.keys import server_message
from core.generation.servers.probing.canary import run_canary
from core.generation.servers.probing.models import (
    MAX_MODELS,
    ListedModel,
    is_listed,
    parse_models,
    suggest_v1_url,
)
from core.generation.servers.probing.questions import (
    SHORT,
    STORY,
    ProbeClient,
    ProbeFindings,
    check_answers,
    choices,
    first_text,
    rejects_parameter,
    reported_usage,
)
from core.generation.servers.probing.sampling import probe_sampling
from core.generation.servers.tokenizers import find_tokenizer

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
        self._cold: dict[str, Any] = {"temperature": 0}

    def run(self) -> Capabilities:
        base = self._plainest()
        self._models(base)
        questions, findings = self._questions, self._findings
        probe_sampling(questions, findings, cold=self._cold, greedy=first_text(base))
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
        base = questions.chat(STORY, most=SHORT, **self._cold)
        if not base.ok and rejects_parameter(base, "max_tokens"):
            questions.token_field = "max_completion_tokens"
            base = questions.chat(STORY, most=SHORT, **self._cold)
        if not base.ok and rejects_parameter(base, "temperature"):
            self._findings.record(temperature="refused")
            self._cold = {}
            base = questions.chat(STORY, most=SHORT)
            if not base.ok and rejects_parameter(base, "max_tokens"):
                questions.token_field = "max_completion_tokens"
                base = questions.chat(STORY, most=SHORT)
        self._check(base)
        usage = reported_usage(base)
        self._findings.record(usage="ignored" if usage is None else "exact")
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
            known = server_message(", ".join(names[:_MAX_NAMED]) + more)
            raise BadInput(
                f"{error.what} It does not list '{self._model}'.",
                f"Choose one of those that it lists: {known}",
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

    def _several(self) -> None:
        for _ in range(_SEVERAL_TRIES):
            response = self._chat("n", n=2)
            if response is None:
                return
            made = choices(response)
            self._findings.record(n="exact" if len(made) == 2 else "ignored")
            if len(made) != 2:
                return
            # Texts that reached the limit took a known number of tokens; one that ended before it
            # tells nothing, and another draw may.
            if all(choice.get("finish_reason") == "length" for choice in made):
                self._usage_of_several(reported_usage(response))
                return

    def _usage_of_several(self, usage: tuple[int, int] | None) -> None:
        """Whether two texts of `SHORT` tokens each were reported as such."""
        support: Support = "ignored" if usage is None else "exact"
        if usage is not None and usage[1] != 2 * SHORT:
            support = "wrong"
            self._findings.note("Of several texts per request, it reports the tokens of one.")
        self._findings.record(usage_of_several=support)

    def _logprobs(self) -> None:
        for most in (20, 5):  # some servers allow 20, some 5
            response = self._chat("top_logprobs", most=1, logprobs=True, top_logprobs=most)
            if response is None:
                continue
            count = _alternatives(response)
            self._findings.record(
                top_logprobs="exact" if count > 1 else "ignored", most_logprobs=count
            )
            return

    def _routes(self) -> None:
        body = {"model": self._model, "prompt": "One, two,", "max_tokens": 2}
        response = self._ask("completions", "/completions", body)
        if response is not None:
            made = choices(response)
            whole = bool(made) and isinstance(made[0].get("text"), str)
            self._findings.record(completions="exact" if whole else "ignored")
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
        if self._chat("system_role", most=1, system="Be brief.") is not None:
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

    def _bias(
        self, content: str, biases: Mapping[int, float], most: int
    ) -> tuple[HttpResponse, str]:
        response = self._questions.chat(content, most=most, biases=biases, **self._cold)
        return response, first_text(response)

    def _chat(self, key: str, *, most: int = SHORT, **sent: Any) -> HttpResponse | None:
        """An answer that used a capability, or None where it was refused or nothing came."""
        return self._findings.answered(key, lambda: self._questions.chat(STORY, most=most, **sent))

    def _ask(self, key: str, path: str, body: Mapping[str, Any]) -> HttpResponse | None:
        return self._findings.answered(key, lambda: self._questions.ask(path, body))


def _alternatives(response: HttpResponse) -> int:
    """How many of the likeliest tokens stand beside the first token."""
    made = choices(response)
    logprobs = made[0].get("logprobs") if made else None
    positions = logprobs.get("content") if isinstance(logprobs, dict) else None
    if not isinstance(positions, list) or not positions or not isinstance(positions[0], dict):
        return 0
    likeliest = positions[0].get("top_logprobs")
    return len(likeliest) if isinstance(likeliest, list) else 0

"""Probing: about twenty short questions that tell what a served model can do.

A knob counts as `exact` only where its effect was seen: what a server merely accepts, it may drop.
`sampling_probe` tries the knobs of sampling, `canary` the logit bias.
"""

from typing import Any
from urllib.parse import urlsplit

from core.domain.connections import Connection
from core.domain.errors import BackendFailed, BadInput
from core.generation.servers.capabilities import Canary, Capabilities
from core.generation.servers.errors import ServerInfo
from core.generation.servers.http_client import HttpResponse, ServerClient
from core.generation.servers.keys import said_by_server
from core.generation.servers.probing.canary import run_canary
from core.generation.servers.probing.models import (
    MOST,
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
_NAMED = 10  # models that an error names
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
        self._known = self._findings.known
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
        return Capabilities(
            base_url=self._connection.base_url,
            model=self._model,
            token_field=questions.token_field,
            latency_ms=None if quickest is None else round(quickest * 1000, 1),
            notes=tuple(findings.notes),
            requests=questions.requests,
            tokens_in=questions.tokens_in,
            tokens_out=questions.tokens_out,
            **self._known,
        )

    def _plainest(self) -> HttpResponse:
        """The question that everything rests on, after what the server wants it changed in."""
        questions = self._questions
        base = questions.chat(STORY, most=SHORT, **self._cold)
        if not base.ok and rejects_parameter(base, "max_tokens"):
            questions.token_field = "max_completion_tokens"
            base = questions.chat(STORY, most=SHORT, **self._cold)
        if not base.ok and rejects_parameter(base, "temperature"):
            self._known["temperature"] = "refused"
            self._cold = {}
            base = questions.chat(STORY, most=SHORT)
            if not base.ok and rejects_parameter(base, "max_tokens"):
                questions.token_field = "max_completion_tokens"
                base = questions.chat(STORY, most=SHORT)
        self._check(base)
        self._known["usage"] = "ignored" if reported_usage(base) is None else "exact"
        if not first_text(base).strip():
            self._findings.note(
                f"The model spent {SHORT} tokens without a word of an answer, as those do that "
                "reason first: most knobs stay unknown."
            )
        return base

    def _check(self, base: HttpResponse) -> None:
        """Refuse to go on without an answer to the plainest question, and tell what the server
        has where the base URL or the model's name may be wrong."""
        try:
            check_answers(base, self._server)
        except BadInput as error:
            if base.status in (401, 403):
                raise
            remedy = suggest_v1_url(self._connection, self._client)
            if remedy:
                raise BadInput(error.what, remedy) from None
            names_ = [listed.name for listed in self._listed()]
            if not names_ or is_listed(self._model, names_):
                raise
            more = ", ..." if len(names_) > _NAMED else ""
            known = said_by_server(", ".join(names_[:_NAMED]) + more)
            raise BadInput(
                f"{error.what} It does not list '{self._model}'.",
                f"Choose one of those that it lists: {known}",
            ) from None

    def _listed(self) -> list[ListedModel]:
        try:
            return parse_models(self._client.ask("/models"))
        except BackendFailed as error:
            self._findings.note(f"The server lists no models. {error.what}")
            return []

    def _models(self, base: HttpResponse) -> None:
        listed = self._listed()
        every = [model.name for model in listed]
        if every and not is_listed(self._model, every):
            self._findings.note(
                f"The server does not list '{self._model}'; it answered all the same. See that the "
                "name is meant: some servers answer to any."
            )
        self._known["models"] = tuple(every[:MOST])
        host = urlsplit(self._connection.base_url).hostname
        named = base.headers.get("server", "")
        guess = next((_OWNERS[model.owner] for model in listed if model.owner in _OWNERS), "")
        if host == "api.openai.com":
            guess = "OpenAI"
        elif named.startswith("llama.cpp"):
            guess = "llama.cpp"
        self._known["server"] = guess

    def _several(self) -> None:
        for _ in range(_SEVERAL_TRIES):
            reply = self._chat("n", n=2)
            if reply is None:
                return
            made = choices(reply)
            self._known["n"] = "exact" if len(made) == 2 else "ignored"
            if len(made) != 2:
                return
            # Texts that reached the limit took a known number of tokens; one that ended before it
            # tells nothing, and another draw may.
            if all(one.get("finish_reason") == "length" for one in made):
                self._counted(reported_usage(reply))
                return

    def _counted(self, used: tuple[int, int] | None) -> None:
        """Whether two texts of `SHORT` tokens each were reported as such."""
        right = used is not None and used[1] == 2 * SHORT
        self._known["usage_of_several"] = (
            "ignored" if used is None else "exact" if right else "wrong"
        )
        if self._known["usage_of_several"] == "wrong":
            self._findings.note("Of several texts a request, it reports the tokens of one.")

    def _logprobs(self) -> None:
        for most in (20, 5):  # some servers allow 20, some 5
            reply = self._chat("top_logprobs", most=1, logprobs=True, top_logprobs=most)
            if reply is None:
                continue
            got = _alternatives(reply)
            self._known["top_logprobs"] = "exact" if got > 1 else "ignored"
            self._known["most_logprobs"] = got
            return

    def _routes(self) -> None:
        questions = self._questions
        body = {"model": self._model, "prompt": "One, two,", "max_tokens": 2}
        reply = self._ask("completions", "/completions", body)
        if reply is not None:
            whole = bool(choices(reply)) and isinstance(choices(reply)[0].get("text"), str)
            self._known["completions"] = "exact" if whole else "ignored"
        turns = [{"role": "user", "content": STORY}]
        body = {"model": self._model, "messages": turns, questions.token_field: 2, "stream": True}
        reply = self._ask("streaming", "/chat/completions", body)
        if reply is not None:
            pieces = reply.text.lstrip().startswith("data:")
            self._known["streaming"] = "exact" if pieces else "ignored"
        if self._chat("system_role", most=1, system="Be brief.") is not None:
            self._known["system_role"] = "exact"

    def _suppression(self) -> None:
        tokens, kind, why = find_tokenizer(self._connection, self._model, self._client)
        canary = Canary(why="Without a tokenizer there is no token to try a bias on.")
        if tokens is not None:
            self._known["tokenizer"], self._known["tokenizer_kind"] = tokens.name, kind
            self._known["vocabulary"] = tokens.vocabulary_size
            try:
                canary = run_canary(self._bias, tokens)
            except BackendFailed as error:
                canary = Canary(why=f"The canary was broken off. {error.what}")
        self._known["tokenizer_note"] = why
        self._known["canary"] = canary
        self._known["logit_bias"] = canary.support

    def _bias(self, content: str, biases: Any, most: int) -> tuple[HttpResponse, str]:
        reply = self._questions.chat(content, most=most, biases=biases, **self._cold)
        return reply, first_text(reply)

    def _chat(self, knob: str, *, most: int = SHORT, **sent: Any) -> HttpResponse | None:
        """An answer that used a knob, or None where the knob was refused or nothing came."""
        return self._findings.answered(knob, lambda: self._questions.chat(STORY, most=most, **sent))

    def _ask(self, knob: str, path: str, body: dict[str, Any]) -> HttpResponse | None:
        return self._findings.answered(knob, lambda: self._questions.ask(path, body))


def _alternatives(reply: HttpResponse) -> int:
    """How many of the likeliest tokens stand beside the first token."""
    told = choices(reply)[0].get("logprobs") if choices(reply) else None
    places = told.get("content") if isinstance(told, dict) else None
    if not isinstance(places, list) or not places or not isinstance(places[0], dict):
        return 0
    listed = places[0].get("top_logprobs")
    return len(listed) if isinstance(listed, list) else 0

"""Probing: about twenty short questions that tell what a served model can do.

A knob counts as `exact` only where its effect was seen: what a server merely accepts, it may drop.
At temperature 0 a model gives one answer; a hot one with top_p, top_k or min_p at its narrowest
must give the same one.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from core.connections import Connection
from core.errors import BackendFailed
from core.generation.served.canary import fly
from core.generation.served.capabilities import Canary, Capabilities, Support
from core.generation.served.failures import Server
from core.generation.served.questions import (
    Questions,
    check_answers,
    choices,
    complaint,
    names,
    text,
    usage,
)
from core.generation.served.tokenizers import find_tokens
from core.generation.served.wire import Asking, Reply

STORY = "Tell a story in one line."
_SHORT, _LONG = 8, 24
_SEVERAL_TRIES = 4
_HOT = 2.0
_LISTED = 200
_PATIENCE = 2  # questions without an answer before the rest stays unknown
_OWNERS = {
    "vllm": "vLLM",
    "llamacpp": "llama.cpp",
    "library": "Ollama",
    "organization_owner": "LM Studio",
}


def probe(connection: Connection, model: str, client: Asking) -> Capabilities:
    """Find out what a model on a server can do; takes about 20 requests of at most 24 tokens.

    Args:
        connection: its tokenizer is tried; where it names none, the server's own.
        model: the server's name for it.
        client: asks the server.

    Raises:
        BadInput: the key or the model is refused.
        BackendFailed: the server does not answer the plainest question.
    """
    return _Probe(connection, model, client).run()


class _Probe:
    def __init__(self, connection: Connection, model: str, client: Asking) -> None:
        self._connection = connection
        self._model = model
        self._client = client
        self._server = Server(connection.base_url, model, connection.key_variable)
        self._questions = Questions(client, model)
        self._found: dict[str, Any] = {}
        self._notes: list[str] = []
        self._failed = 0
        self._cold: dict[str, Any] = {"temperature": 0}
        self._greedy = ""
        self._steady = True

    def run(self) -> Capabilities:
        base = self._plainest()
        self._models(base)
        self._sampling()
        self._narrowing()
        self._several()
        self._stop()
        self._penalty()
        self._logprobs()
        self._routes()
        self._suppression()
        questions = self._questions
        quickest = questions.quickest
        return Capabilities(
            base_url=self._connection.base_url,
            model=self._model,
            token_field=questions.token_field,
            latency_ms=None if quickest is None else round(quickest * 1000, 1),
            notes=tuple(dict.fromkeys(self._notes)),
            requests=questions.requests,
            tokens_in=questions.tokens_in,
            tokens_out=questions.tokens_out,
            **self._found,
        )

    def _plainest(self) -> Reply:
        """The question that everything rests on, after what the server wants it changed in."""
        questions = self._questions
        base = questions.chat(STORY, most=_SHORT, **self._cold)
        if not base.ok and names(base, "max_tokens"):
            questions.token_field = "max_completion_tokens"
            base = questions.chat(STORY, most=_SHORT, **self._cold)
        if not base.ok and names(base, "temperature"):
            self._found["temperature"] = "refused"
            self._cold = {}
            base = questions.chat(STORY, most=_SHORT)
            if not base.ok and names(base, "max_tokens"):
                questions.token_field = "max_completion_tokens"
                base = questions.chat(STORY, most=_SHORT)
        check_answers(base, self._server)
        self._greedy = text(base)
        self._found["usage"] = "ignored" if usage(base) is None else "exact"
        if not self._greedy.strip():
            self._notes.append(
                f"The model spent {_SHORT} tokens without a word of an answer, as those do that "
                "reason first: most knobs stay unknown."
            )
        return base

    def _models(self, base: Reply) -> None:
        owners: list[str] = []
        listed: list[str] = []
        try:
            reply = self._client.ask("/models")
            entries = reply.data.get("data") if reply.ok and isinstance(reply.data, dict) else None
            for entry in entries if isinstance(entries, list) else ():
                if isinstance(entry, dict) and isinstance(entry.get("id"), str):
                    listed.append(entry["id"][:500])
                    owners.append(str(entry.get("owned_by")))
        except BackendFailed as error:
            self._notes.append(f"The server lists no models. {error.what}")
        self._found["models"] = tuple(listed[:_LISTED])
        host = urlsplit(self._connection.base_url).hostname
        named = base.headers.get("server", "")
        guess = next((_OWNERS[owner] for owner in owners if owner in _OWNERS), "")
        if host == "api.openai.com":
            guess = "OpenAI"
        elif named.startswith("llama.cpp"):
            guess = "llama.cpp"
        self._found["server"] = guess

    def _sampling(self) -> None:
        """Temperature and seed: the same seed twice, then another."""
        if self._found.get("temperature") == "refused" or not self._greedy.strip():
            return
        cold = self._chat("temperature", **self._cold)
        if cold is not None and text(cold) != self._greedy:
            self._steady = False
            self._notes.append(
                "At temperature 0 the model gave two different answers: the server may not honour "
                "the temperature, and most knobs stay unknown."
            )
        if cold is None or not self._steady:
            return
        first = self._chat("seed", seed=1, temperature=_HOT)
        if first is None:
            return
        again = self._chat("seed", seed=1, temperature=_HOT)
        other = self._chat("seed", seed=2, temperature=_HOT)
        if again is None or other is None:
            return
        if text(first) != text(other):
            same = text(first) == text(again)
            self._found["seed"] = "exact" if same else "ignored"
        hot = {text(first), text(again), text(other)}
        self._found["temperature"] = "ignored" if hot == {self._greedy} else "exact"
        if len(hot) == 1 and hot != {self._greedy}:
            self._notes.append("Two seeds gave one text: the server may repeat stored answers.")

    def _narrowing(self) -> None:
        """top_p, top_k and min_p at their narrowest make a hot model cold."""
        if self._found.get("temperature") != "exact":
            return
        for knob, value in (("top_p", 0.0001), ("top_k", 1), ("min_p", 1.0)):
            hot: dict[str, Any] = {"temperature": _HOT, knob: value}
            reply = self._chat(knob, **hot)
            if reply is not None:
                self._found[knob] = "exact" if text(reply) == self._greedy else "ignored"

    def _several(self) -> None:
        for _ in range(_SEVERAL_TRIES):
            reply = self._chat("n", n=2)
            if reply is None:
                return
            made = choices(reply)
            self._found["n"] = "exact" if len(made) == 2 else "ignored"
            if len(made) != 2:
                return
            # Texts that reached the limit took a known number of tokens; one that ended before it
            # tells nothing, and another draw may.
            if all(one.get("finish_reason") == "length" for one in made):
                self._counted(usage(reply))
                return

    def _counted(self, used: tuple[int, int] | None) -> None:
        """Whether two texts of `_SHORT` tokens each were reported as such."""
        right = used is not None and used[1] == 2 * _SHORT
        self._found["usage_of_several"] = (
            "ignored" if used is None else "exact" if right else "wrong"
        )
        if self._found["usage_of_several"] == "wrong":
            self._notes.append("Of several texts a request, it reports the tokens of one.")

    def _stop(self) -> None:
        words = self._greedy.split()
        if not self._steady or len(words) < 2 or words[1] in words[0]:
            return
        reply = self._chat("stop", stop=[words[1]], **self._cold)
        if reply is not None:
            said = text(reply)
            ended = words[1] not in said and said.split() == words[:1]
            self._found["stop"] = "exact" if ended else "ignored"

    def _penalty(self) -> None:
        """The lowest penalty makes a model repeat itself at temperature 0."""
        if not self._steady:
            return
        plain = self._chat("frequency_penalty", most=_LONG, **self._cold)
        if plain is None or len(text(plain).split()) < _SHORT:
            return
        reply = self._chat("frequency_penalty", most=_LONG, frequency_penalty=-2.0, **self._cold)
        if reply is not None:
            same = text(reply) == text(plain)
            self._found["frequency_penalty"] = "ignored" if same else "exact"

    def _logprobs(self) -> None:
        for most in (20, 5):  # some servers allow 20, some 5
            reply = self._chat("top_logprobs", most=1, logprobs=True, top_logprobs=most)
            if reply is None:
                continue
            got = _alternatives(reply)
            self._found["top_logprobs"] = "exact" if got > 1 else "ignored"
            self._found["most_logprobs"] = got
            return

    def _routes(self) -> None:
        questions = self._questions
        body = {"model": self._model, "prompt": "One, two,", "max_tokens": 2}
        reply = self._ask("completions", "/completions", body)
        if reply is not None:
            whole = bool(choices(reply)) and isinstance(choices(reply)[0].get("text"), str)
            self._found["completions"] = "exact" if whole else "ignored"
        turns = [{"role": "user", "content": STORY}]
        body = {"model": self._model, "messages": turns, questions.token_field: 2, "stream": True}
        reply = self._ask("streaming", "/chat/completions", body)
        if reply is not None:
            pieces = reply.text.lstrip().startswith("data:")
            self._found["streaming"] = "exact" if pieces else "ignored"
        if self._chat("system_role", most=1, system="Be brief.") is not None:
            self._found["system_role"] = "exact"

    def _suppression(self) -> None:
        tokens, kind, why = find_tokens(self._connection, self._model, self._client)
        canary = Canary(why="Without a tokenizer there is no token to try a bias on.")
        if tokens is not None:
            self._found["tokenizer"], self._found["tokenizer_kind"] = tokens.name, kind
            self._found["vocabulary"] = tokens.vocabulary
            try:
                canary = fly(self._bias, tokens)
            except BackendFailed as error:
                canary = Canary(why=f"The canary was broken off. {error.what}")
        self._found["tokenizer_note"] = why
        self._found["canary"] = canary
        self._found["logit_bias"] = canary.support

    def _bias(self, content: str, biases: Any, most: int) -> tuple[Reply, str]:
        reply = self._questions.chat(content, most=most, biases=biases, **self._cold)
        return reply, text(reply)

    def _chat(self, knob: str, *, most: int = _SHORT, **sent: Any) -> Reply | None:
        """An answer that used a knob, or None where the knob was refused or nothing came."""
        return self._answered(knob, lambda: self._questions.chat(STORY, most=most, **sent))

    def _ask(self, knob: str, path: str, body: dict[str, Any]) -> Reply | None:
        return self._answered(knob, lambda: self._questions.ask(path, body))

    def _answered(self, knob: str, asked: Callable[[], Reply]) -> Reply | None:
        if self._failed >= _PATIENCE:
            return None
        try:
            return self._judged(knob, asked())
        except BackendFailed as error:
            self._failed += 1
            self._notes.append(f"{knob} stays unknown. {error.what}")
            if self._failed >= _PATIENCE:
                self._notes.append("The probe was broken off; what is missing stays unknown.")
            return None

    def _judged(self, knob: str, reply: Reply) -> Reply | None:
        if reply.ok:
            return reply
        refused = 400 <= reply.status < 500 and reply.status not in (401, 403, 408, 429)
        verdict: Support = "refused" if refused or reply.status == 501 else "unknown"
        self._found[knob] = verdict
        self._notes.append(f"{knob}: {complaint(reply, self._server)}")
        return None


def _alternatives(reply: Reply) -> int:
    """How many of the likeliest tokens stand beside the first token."""
    told = choices(reply)[0].get("logprobs") if choices(reply) else None
    places = told.get("content") if isinstance(told, dict) else None
    if not isinstance(places, list) or not places or not isinstance(places[0], dict):
        return 0
    listed = places[0].get("top_logprobs")
    return len(listed) if isinstance(listed, list) else 0

"""A server with OpenAI's API on loopback, around a model of a few lines that obeys every knob.

Its model has one likely token a place (logit 8) and many unlikely ones (0 to 5), so that a knob
that is honoured shows. `quirks` break it: see `Quirks`.
"""

import json
import threading
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

LETTERS = [chr(code) for code in range(32, 127)]
VOCABULARY = ["<end>", *LETTERS, "Once", " upon", " a", " time", " seven", " the", "One", " red"]
LIKELY = "Once upon a time there was a red fox in a red wood, and a red hen."
END = 0
KEY = "sk-sentinel-3141592653589793"


@dataclass
class Quirks:
    """How a server differs from a perfect one.

    Args:
        ignored: parameters that it accepts and drops.
        refused: parameters that it turns down with status 400, naming them.
        cold: it always writes as at temperature 0.
        reversed_bias: it takes each bias with the other sign.
        floor: biases below 0 are dropped.
        usage: whether it reports tokens.
        usage_of_one: it reports the tokens of the last of several texts alone.
        tokenizer: `llama.cpp`, `vLLM`, or none.
        status: of every answer of the chat route, with an error that repeats the key.
        silent: answers are cut off before their first byte, from that chat request on.
    """

    ignored: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    cold: bool = False
    reversed_bias: bool = False
    floor: bool = False
    usage: bool = True
    usage_of_one: bool = False
    tokenizer: str = "llama.cpp"
    status: int = 200
    silent: int | None = None


@dataclass
class Fake:
    """A running server.

    Args:
        url: the base URL.
        quirks: may be changed while it runs.
        asked: (path, body, authorization) of every request.
    """

    url: str
    quirks: Quirks
    asked: list[tuple[str, Any, str | None]] = field(default_factory=list)

    def bodies(self, path: str) -> list[Any]:
        """What was posted to a path."""
        return [body for asked, body, _ in self.asked if asked == path]


def encode(text: str) -> list[int]:
    """Token ids, the longest token first."""
    ids = []
    while text:
        piece = max((t for t in VOCABULARY[1:] if text.startswith(t)), key=len, default=None)
        ids.append(VOCABULARY.index(piece or "?"))
        text = text[len(piece or "?") :]
    return ids


def write(body: dict[str, Any], quirks: Quirks, number: int) -> tuple[str, str, int]:
    """(text, finish reason, tokens) of one choice."""
    knobs = {name: value for name, value in body.items() if name not in quirks.ignored}
    temperature = 0 if quirks.cold else knobs.get("temperature", 1.0)
    entropy = [knobs["seed"], number] if "seed" in knobs else None
    rng = np.random.default_rng(entropy)
    bias = np.zeros(len(VOCABULARY))
    for token, value in knobs.get("logit_bias", {}).items():
        value = -value if quirks.reversed_bias else value
        bias[int(token)] += 0 if quirks.floor and value < 0 else value
    likely, counts, written = encode(LIKELY), Counter[int](), []
    most = knobs.get("max_tokens", knobs.get("max_completion_tokens", 60))
    for place in range(most):
        noise = np.random.default_rng(zlib.crc32(b"%d" % place))
        logits = noise.uniform(0, 5, len(VOCABULARY))
        logits[END] = -50.0
        logits[likely[place] if place < len(likely) else END] = 8.0
        for token, count in counts.items():
            logits[token] -= knobs.get("frequency_penalty", 0.0) * count
        token = _draw(logits + bias, temperature, knobs, rng)
        if token == END:
            return "".join(written), "stop", place + 1
        counts[token] += 1
        written.append(VOCABULARY[token])
        for stop in knobs.get("stop", ()):
            if stop in "".join(written):
                return "".join(written).partition(stop)[0], "stop", place + 1
    return "".join(written), "length", most


def _draw(
    logits: np.ndarray, temperature: float, knobs: dict[str, Any], rng: np.random.Generator
) -> int:
    if temperature == 0:
        return int(logits.argmax())
    odds = np.exp((logits - logits.max()) / temperature)
    order = np.argsort(-odds)
    keep = knobs.get("top_k", 0) or len(odds)
    before = np.cumsum(odds[order]) / odds.sum() - odds[order] / odds.sum()
    kept = (np.arange(len(odds)) < keep) & (before < knobs.get("top_p", 1.0))
    kept &= odds[order] >= knobs.get("min_p", 0.0) * odds.max()
    odds = np.where(kept, odds[order], 0)
    return int(order[rng.choice(len(odds), p=odds / odds.sum())])


@contextmanager
def serving(quirks: Quirks | None = None) -> Iterator[Fake]:
    """A server that runs until the block ends."""
    fake = Fake("", quirks or Quirks())

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            fake.asked.append((self.path, None, self.headers["Authorization"]))
            if self.path == "/v1/models":
                meta = {"n_vocab": len(VOCABULARY)}
                models = [{"id": "fake", "owned_by": "llamacpp", "meta": meta}, {"id": "other"}]
                self._send(200, {"data": models})
            elif self.path == "/props" and fake.quirks.tokenizer == "llama.cpp":
                self._send(200, {"eos_token": "<end>"})
            else:
                self._send(404, {"error": "none"})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            fake.asked.append((self.path, body, self.headers["Authorization"]))
            quirks = fake.quirks
            chats = len(fake.bodies("/v1/chat/completions"))
            if self.path in ("/tokenize", "/detokenize"):
                self._send(*_tokenizer(self.path, body, quirks.tokenizer))
            elif quirks.silent is not None and chats >= quirks.silent:
                self.close_connection = True
            elif quirks.status != 200:
                said = f"no good: {self.headers['Authorization']}"
                self._send(quirks.status, {"error": {"message": said}})
            elif refused := sorted(quirks.refused & set(_parameters(body, self.path))):
                said = f"Unsupported parameter: '{refused[0]}' is not supported with this model."
                self._send(400, {"error": {"message": said, "param": refused[0]}})
            elif body.get("stream") and "stream" not in quirks.ignored:
                self._send(200, 'data: {"choices": [{"delta": {"content": "x"}}]}\n\ndata: [DONE]')
            else:
                self._send(200, _answer(body, quirks, chat="messages" in body))

        def _send(self, status: int, data: Any) -> None:
            written = (data if isinstance(data, str) else json.dumps(data)).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(written)))
            self.end_headers()
            self.wfile.write(written)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    fake.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _parameters(body: dict[str, Any], path: str) -> list[str]:
    """What a body uses, and whether it is the legacy route or has a system turn."""
    names = [name for name, value in body.items() if (name, value) != ("stream", False)]
    if path.endswith("/v1/completions"):
        names.append("completions")
    if any(turn["role"] == "system" for turn in body.get("messages", ())):
        names.append("system_role")
    return names


def _answer(body: dict[str, Any], quirks: Quirks, *, chat: bool) -> dict[str, Any]:
    choices, tokens = [], 0
    for number in range(1 if "n" in quirks.ignored else body.get("n", 1)):
        text, reason, count = write(body, quirks, number)
        tokens = count if quirks.usage_of_one else tokens + count
        said: dict[str, Any] = {"message": {"content": text}} if chat else {"text": text}
        choices.append({"index": number, "finish_reason": reason, **said})
    if body.get("logprobs") and "logprobs" not in quirks.ignored:
        told = [{"token": "x", "logprob": -1.0}] * body["top_logprobs"]
        choices[0]["logprobs"] = {"content": [{"token": "x", "top_logprobs": told}]}
    usage = {"prompt_tokens": 7, "completion_tokens": tokens}
    return {"choices": choices, **({"usage": usage} if quirks.usage else {})}


def _tokenizer(path: str, body: dict[str, Any], kind: str) -> tuple[int, Any]:
    asked, given = {"llama.cpp": ("content", "content"), "vLLM": ("prompt", "prompt")}.get(
        kind, ("", "")
    )
    if not kind or (path == "/tokenize" and asked not in body):
        return (404, {"error": "none"}) if not kind else (422, {"error": "a prompt is missing"})
    if path == "/tokenize":
        if body.get("parse_special") and body[asked] == "<end>":
            return 200, {"tokens": [END]}
        return 200, {"tokens": encode(body[asked])}
    if any(not 0 <= token < len(VOCABULARY) for token in body["tokens"]):
        return 400, {"error": {"message": "no such token"}}
    return 200, {given: "".join(VOCABULARY[token] for token in body["tokens"])}

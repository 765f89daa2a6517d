"""The server's own tokenizer: /tokenize and /detokenize of llama.cpp and of vLLM.

Both lie at the root of the server, not below /v1. llama.cpp takes `content` and vLLM `model` and
`prompt`; which one it is shows at the first question, and only a text that comes back whole counts.
"""

from typing import Any, Literal

from core.errors import BackendFailed, BadInput
from core.generation.prompts import QUOTE
from core.generation.served.wire import Asking

_SAMPLE = "A quick test, isn't it? 1234"
# What a quote usually stands beside in the texts that models write.
_QUOTED = ('"', ' "', '."', '!"', '?"', ',"', '",', '".', '"\n', '...")', '""')
_CACHE = 100_000


class ServerTokens:
    """Asks the server; see `tokenizers.Tokens` for the members.

    Args:
        client: asks it.
        model: the served model's name.

    Raises:
        BackendFailed: the server has no such routes, or they give other texts back.
    """

    name = "server"

    def __init__(self, client: Asking, model: str) -> None:
        self._client = client
        self._model = model
        self._texts: dict[int, str] = {}
        self._ids: dict[str, list[int]] = {}
        self._shape: Literal["llama.cpp", "vLLM"] = "llama.cpp"
        for shape in ("llama.cpp", "vLLM"):
            self._shape = shape
            ids = self._tokenize(_SAMPLE)
            if ids and (self._detokenize(ids) or "").strip() == _SAMPLE:
                break
        else:
            raise BackendFailed(
                "The server has no /tokenize and /detokenize that give a text back as it was.",
                "Choose another tokenizer for the connection: tiktoken, or a Hugging Face id.",
            )
        self.vocabulary = self._size()
        self.quotes = frozenset(
            token for text in _QUOTED for token in self.encode(text) if QUOTE in self.text(token)
        )
        self.ends = self._end_tokens()

    def encode(self, text: str) -> list[int]:
        """The ids of a text, as the server gives them."""
        if not text:
            return []
        known = self._ids.get(text)
        if known is None:
            known = self._tokenize(text)
            if known is None:
                raise BackendFailed(
                    "The server did not tokenize a text.", "Check that it still runs."
                )
            if len(self._ids) < _CACHE:
                self._ids[text] = known
        return list(known)

    def text(self, token: int) -> str:
        """How a token reads, as the server gives it.

        Raises:
            BadInput: the server knows no such token.
        """
        if token not in self._texts:
            found = self._detokenize([token])
            if found is None:
                raise BadInput(
                    f"The server knows no token {token}.",
                    "Give token ids of this model's own tokenizer.",
                )
            self._texts[token] = found
        return self._texts[token]

    def _tokenize(self, text: str, *, special: bool = False) -> list[int] | None:
        if self._shape == "llama.cpp":
            body: dict[str, Any] = {
                "content": text,
                "add_special": False,
                "parse_special": special,
            }
        else:
            body = {"model": self._model, "prompt": text, "add_special_tokens": False}
        ids = self._asked("/tokenize", body, "tokens")
        if not isinstance(ids, list) or not all(type(token) is int for token in ids):
            return None
        return ids

    def _detokenize(self, ids: list[int]) -> str | None:
        if self._shape == "llama.cpp":
            found = self._asked("/detokenize", {"tokens": ids}, "content")
        else:
            found = self._asked("/detokenize", {"model": self._model, "tokens": ids}, "prompt")
        return found if isinstance(found, str) else None

    def _asked(self, path: str, body: dict[str, Any], key: str) -> Any:
        reply = self._client.ask(path, body, root=True)
        return reply.data.get(key) if reply.ok and isinstance(reply.data, dict) else None

    def _size(self) -> int | None:
        """The vocabulary's size, which llama.cpp tells with its models."""
        if self._shape != "llama.cpp":
            return None
        data = self._client.ask("/models").data
        listed = data.get("data") if isinstance(data, dict) else None
        sizes = {
            entry["meta"].get("n_vocab")
            for entry in (listed if isinstance(listed, list) else ())
            if isinstance(entry, dict) and isinstance(entry.get("meta"), dict)
        }
        size = sizes.pop() if len(sizes) == 1 else None  # several models: whose is it?
        return size if type(size) is int and size > 0 else None

    def _end_tokens(self) -> frozenset[int]:
        """What llama.cpp tells of its end tokens; they can stand in no text anyway."""
        if self._shape != "llama.cpp":
            return frozenset()
        reply = self._client.ask("/props", root=True)
        told = reply.data if reply.ok and isinstance(reply.data, dict) else {}
        ends: set[int] = set()
        for key in ("bos_token", "eos_token"):
            text = told.get(key)
            ids = self._tokenize(text, special=True) if isinstance(text, str) and text else None
            if ids is not None and len(ids) == 1:
                ends.update(ids)
        return frozenset(ends)

"""The whole of it against a real server: llama.cpp with the embedded model, on loopback."""

from pathlib import Path

import pytest

from core.connections import Connection
from core.generation.served.capabilities import Capabilities
from core.generation.served.probing import probe
from core.generation.served.tokenizers import Tokens, tokens_for
from core.generation.served.wire import Wire

pytestmark = pytest.mark.model

TEXTS = (
    "A quiet, moving film about two sisters.",
    " I'm so glad I didn't leave early!",
    "Überraschend gut \u2013 wirklich? 100 %",
    "<|im_end|> is no end here",
)


@pytest.fixture(scope="module")
def connection(llama_cpp: str) -> Connection:
    return Connection(base_url=llama_cpp, tokenizer="server")


@pytest.fixture(scope="module")
def found(connection: Connection) -> Capabilities:
    return probe(connection, "smollm2", Wire(connection.base_url))


@pytest.fixture(scope="module")
def tokens(connection: Connection) -> Tokens:
    return tokens_for(connection, "smollm2", Wire(connection.base_url))


def test_probing_finds_every_knob_exact(found: Capabilities) -> None:
    knobs = ("temperature", "top_p", "top_k", "min_p", "frequency_penalty", "seed", "stop", "n")
    others = ("logit_bias", "top_logprobs", "completions", "streaming", "usage", "system_role")
    told = {name: getattr(found, name) for name in (*knobs, *others)}
    assert told == dict.fromkeys((*knobs, *others), "exact"), found.notes
    assert found.canary.verdict == "exact"
    assert found.canary.forced_answer.split() == [found.canary.forced.strip()] * 3
    assert (found.server, found.tokenizer, found.vocabulary) == ("llama.cpp", "server", 49152)
    assert found.most_logprobs == 20
    assert found.can_suppress


def test_its_tokenizer_is_the_embedded_models(tokens: Tokens, model_cache: Path) -> None:
    import transformers

    from core.generation.conversion import converted_embedded

    own = transformers.AutoTokenizer.from_pretrained(str(converted_embedded(model_cache)))
    for text in TEXTS[:3]:
        ids = tokens.encode(text)
        assert ids == own(text, add_special_tokens=False)["input_ids"]
        if text.isascii():  # a token may hold half a character
            assert "".join(tokens.text(token) for token in ids) == text
    assert tokens.vocabulary == len(own)
    quotes = {token for piece, token in own.get_vocab().items() if '"' in piece}
    assert tokens.quotes <= quotes
    assert len(tokens.quotes) >= 6
    assert tokens.ends <= set(own.all_special_ids)
    assert tokens.ends
    # What reads like an end token in a text is no end token.
    assert not tokens.ends & set(tokens.encode(TEXTS[3]))

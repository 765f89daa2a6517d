"""The whole of it against a real server: llama.cpp with the embedded model, on loopback."""

from pathlib import Path

import pytest

from core.diversity.embedding.encoder import EncoderChoice
from core.diversity.embedding.loading import load_encoder
from core.diversity.measures.lexical import distinct_n
from core.diversity.measures.remote_clique import remote_clique
from core.domain.conditions import Condition, Suppression
from core.domain.connections import Connection
from core.domain.registries.capabilities import Capabilities
from core.domain.runs import RunSpec
from core.domain.tasks import preset
from core.generation.loop import Loop
from core.generation.servers.backend import ServedBackend
from core.generation.servers.http_client import HttpClient
from core.generation.servers.probing.probe import probe
from core.generation.servers.tokenizers import Tokenizer, load_tokenizer

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
    return probe(connection, "smollm2", HttpClient(connection.base_url))


@pytest.fixture(scope="module")
def tokens(connection: Connection) -> Tokenizer:
    return load_tokenizer(connection, "smollm2", HttpClient(connection.base_url))


def test_probing_finds_every_knob_exact(found: Capabilities) -> None:
    knobs = ("temperature", "top_p", "top_k", "min_p", "frequency_penalty", "seed", "stop", "n")
    others = ("logit_bias", "top_logprobs", "completions", "streaming", "usage", "system_role")
    told = {name: getattr(found, name) for name in (*knobs, *others)}
    assert told == dict.fromkeys((*knobs, *others), "exact"), found.notes
    # It reports the tokens of one text alone; one that mends this may say "exact".
    assert found.usage_of_several == "wrong"
    assert found.canary.verdict == "exact"
    assert found.canary.forced_answer.split() == [found.canary.forced.strip()] * 3
    assert (found.server, found.tokenizer, found.vocabulary) == ("llama.cpp", "server", 49152)
    assert found.most_logprobs == 20
    assert found.can_suppress


def test_its_tokenizer_is_the_embedded_models(tokens: Tokenizer, model_cache: Path) -> None:
    import transformers

    from core.generation.local.loading import converted_embedded

    own = transformers.AutoTokenizer.from_pretrained(str(converted_embedded(model_cache)))
    for text in TEXTS[:3]:
        ids = tokens.encode(text)
        assert ids == own(text, add_special_tokens=False)["input_ids"]
        if text.isascii():  # a token may hold half a character
            assert "".join(tokens.token_text(token) for token in ids) == text
    assert tokens.vocabulary_size == len(own)
    quotes = {token for piece, token in own.get_vocab().items() if '"' in piece}
    assert tokens.quote_tokens <= quotes
    assert len(tokens.quote_tokens) >= 6
    assert tokens.end_tokens <= set(own.all_special_ids)
    assert tokens.end_tokens
    # What reads like an end token in a text is no end token.
    assert not tokens.end_tokens & set(tokens.encode(TEXTS[3]))


def test_diversity_rises_with_the_knobs_as_it_does_locally(
    connection: Connection, found: Capabilities, tokens: Tokenizer, model_cache: Path
) -> None:
    encoder = load_encoder(EncoderChoice(), models=model_cache)
    backend = ServedBackend(connection, "smollm2", tokenizer=tokens, capabilities=found)

    def measured(temperature: float, strength: float) -> tuple[float, float]:
        """(remote-clique, share of distinct pairs of words) of 30 texts, written in 5 cycles.

        Which texts share a batch there hangs on the moment: fewer differ much from run to run.
        """
        condition = Condition(
            temperature=temperature,
            max_tokens=16,
            texts_a_request=3,
            suppression=Suppression(strength=strength),
        )
        spec = RunSpec(preset("sst2"), condition, per_label=15, seed=1)
        rounds = Loop(spec, run_id="r", backend=backend).rounds(between_steps=lambda: None)
        samples = [sample for _, new in rounds for sample in new]
        texts = [sample.text for sample in samples if sample.outcome != "empty"][:30]
        assert len(texts) == 30
        assert all(sample.token_ids for sample in samples if sample.text)
        clique, pairs = remote_clique(encoder.embed(texts)), distinct_n(texts, 2)
        assert clique is not None
        assert pairs is not None
        return clique, pairs

    plain = measured(0.3, 0)
    hot = measured(1.3, 0)
    suppressed = measured(0.3, 7.5)
    backend.close()
    # The local backend at these settings, with 24 texts: 0.51 against 0.89 and 0.72.
    assert hot[0] > plain[0] + 0.1
    assert suppressed[0] > plain[0] + 0.1
    assert min(hot[1], suppressed[1]) > plain[1]

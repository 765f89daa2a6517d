"""Token ids from the server, from tiktoken, from Hugging Face; and refusals instead of guesses."""

from pathlib import Path
from typing import Any

import pytest

from core.domain.connections import Connection
from core.domain.errors import BackendFailed, BadInput
from core.generation.servers.http_client import HttpClient
from core.generation.servers.tokenizers import Tokenizer, check_ids, find_tokenizer, load_tokenizer
from tests.generation.servers.fake_server import END, VOCABULARY, Quirks, encode, serving

URL = "http://127.0.0.1:9/v1"


def connection(kind: Any, name: str = "", url: str = URL) -> Connection:
    return Connection(base_url=url, tokenizer=kind, tokenizer_name=name)


@pytest.mark.parametrize("kind", ["llama.cpp", "vLLM"])
def test_the_servers_own(kind: str) -> None:
    with serving(Quirks(tokenizer=kind)) as fake:
        tokens = load_tokenizer(connection("server", url=fake.url), "fake", HttpClient(fake.url))
        text = 'Once upon a time, "red"'
        ids = tokens.encode(text)
        assert ids == encode(text)
        assert "".join(tokens.token_text(token) for token in ids) == text
        asked = len(fake.asked)
        assert tokens.encode(text) == ids
        assert tokens.token_text(ids[0]) == "Once"
        assert len(fake.asked) == asked  # asked once
        assert tokens.encode("") == []
        assert tokens.quote_tokens == {VOCABULARY.index('"')}
        with pytest.raises(BadInput, match="knows no token 999"):
            tokens.token_text(999)
    paths = {path for path, _, _ in fake.asked}
    assert {"/tokenize", "/detokenize"} <= paths  # at the root, not below /v1
    if kind == "llama.cpp":
        assert (tokens.vocabulary_size, tokens.end_tokens) == (len(VOCABULARY), frozenset({END}))
    else:
        assert (tokens.vocabulary_size, tokens.end_tokens) == (None, frozenset())
        assert fake.bodies("/tokenize")[-1] == {
            "model": "fake",
            "prompt": text,
            "add_special_tokens": False,
        }


def test_a_server_without_one_is_said() -> None:
    with serving(Quirks(tokenizer="")) as fake:
        asked = connection("server", url=fake.url)
        with pytest.raises(BackendFailed, match="no /tokenize"):
            load_tokenizer(asked, "fake", HttpClient(fake.url))
        search = find_tokenizer(connection("none", url=fake.url), "fake", HttpClient(fake.url))
        assert (search.tokenizer, search.kind) == (None, "none")
        assert "no /tokenize" in search.why_none


def test_none_is_refused_with_the_reason() -> None:
    with pytest.raises(BadInput, match="never guessed: logit suppression is not possible"):
        load_tokenizer(connection("none"), "fake", HttpClient(URL))


def tiny_encoding(name: str = "tiny") -> Any:
    import tiktoken

    ranks = {bytes([number]): number for number in range(256)}
    ranks |= {b"re": 256, b"red": 257, b' "': 258}
    return tiktoken.Encoding(
        name, pat_str=r" ?\w+| ?[^\w ]+", mergeable_ranks=ranks, special_tokens={"<|end|>": 259}
    )


def test_tiktokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tiktoken.get_encoding", tiny_encoding)
    tokens: Tokenizer = load_tokenizer(connection("tiktoken", "tiny"), "any", HttpClient(URL))
    assert (tokens.name, tokens.vocabulary_size) == ("tiktoken tiny", 260)
    assert tokens.encode('red "') == [257, 258]
    assert tokens.encode("<|end|>")[0] == ord("<")  # a text is no command
    assert [tokens.token_text(token) for token in (257, 258, 200)] == ["red", ' "', "\ufffd"]
    assert tokens.quote_tokens == {ord('"'), 258}
    assert tokens.end_tokens == {259}
    check_ids(tokens, [0, 259])
    with pytest.raises(BadInput, match="Token 260 is outside the model's vocabulary of 260"):
        check_ids(tokens, [1, 260])


@pytest.mark.parametrize("encoding", ["", "o200k_base"])
def test_a_table_that_cant_be_downloaded_offers_other_tokenizers(
    encoding: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import requests
    import tiktoken.registry

    def offline(*_: object, **__: object) -> None:
        raise requests.exceptions.ConnectionError("no network")

    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr("requests.get", offline)
    monkeypatch.setattr(tiktoken.registry, "ENCODINGS", {})
    with pytest.raises(BackendFailed, match="its download failed") as caught:
        load_tokenizer(connection("tiktoken", encoding), "gpt-4o", HttpClient(URL))
    assert "Choose the server's own tokenizer" in caught.value.remedy


@pytest.mark.parametrize(("model", "encoding"), [("my-model", ""), ("gpt-4o", "nonsense")])
def test_what_tiktoken_does_not_know_is_not_guessed(model: str, encoding: str) -> None:
    with pytest.raises(BadInput, match="tiktoken does not know"):
        load_tokenizer(connection("tiktoken", encoding), model, HttpClient(URL))


def test_a_hugging_face_folder(tiny_folder: Path) -> None:
    from tests.generation.local.tiny import VOCABULARY as SIZE

    tokens = load_tokenizer(connection("huggingface", str(tiny_folder)), "any", HttpClient(URL))
    ids = tokens.encode('a "good" film')
    assert "".join(tokens.token_text(token) for token in ids) == 'a "good" film'
    assert tokens.vocabulary_size is not None
    assert max(ids) < tokens.vocabulary_size <= SIZE
    assert 0 in tokens.end_tokens
    assert {
        token for token in range(tokens.vocabulary_size) if '"' in tokens.token_text(token)
    } == (tokens.quote_tokens)


def test_a_folder_without_a_tokenizer(tmp_path: Path) -> None:
    with pytest.raises(BackendFailed, match="could not be loaded"):
        load_tokenizer(connection("huggingface", str(tmp_path)), "any", HttpClient(URL))


def test_where_the_size_is_unknown_only_negative_ids_are_refused() -> None:
    class Unsized:
        vocabulary_size = None

    check_ids(Unsized(), [10**9])  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="Token -1 is outside the model's vocabulary"):
        check_ids(Unsized(), [-1])  # type: ignore[arg-type]

"""Keys: where they are looked for, and what is said of a missing one."""

from pathlib import Path

import pytest

from core.domain.connections import Connection
from core.domain.errors import BadInput
from core.generation.servers.keys import key_of, looks_like_key

URL = "https://api.example.com/v1"
NAMED = Connection(base_url=URL, key_variable="MY_KEY")


def secrets(folder: Path, text: str) -> Path:
    (folder / ".streamlit").mkdir(parents=True)
    (folder / ".streamlit" / "secrets.toml").write_text(text, encoding="utf-8")
    return folder


def test_the_environment_comes_first_then_the_folders_in_order(tmp_path: Path) -> None:
    first = secrets(tmp_path / "one", 'OTHER = "x"\n')
    second = secrets(tmp_path / "two", 'MY_KEY = " from-a-file "\n[MY_TABLE]\nMY_KEY = "no"\n')
    folders = [tmp_path / "missing", first, second]
    found = key_of(NAMED, environment={"MY_KEY": "from-outside"}, folders=folders)
    assert found is not None
    assert found.value_for(URL) == "from-outside"
    found = key_of(NAMED, environment={"MY_KEY": " "}, folders=folders)
    assert found is not None
    assert found.value_for(URL) == "from-a-file"


def test_a_connection_without_a_variable_has_no_key() -> None:
    plain = Connection(base_url=URL)
    assert key_of(plain, environment={"OPENAI_API_KEY": "x"}, folders=[]) is None


def test_a_missing_key_names_the_variable_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as told:
        key_of(NAMED, environment={}, folders=[secrets(tmp_path, "MY_KEY = 3\n")])
    assert "MY_KEY is not set" in told.value.what
    assert "secrets.toml" in told.value.remedy


def test_a_broken_file_is_named_and_not_quoted(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as told:
        key_of(NAMED, environment={}, folders=[secrets(tmp_path, 'MY_KEY = "a-secret\n')])
    assert "secrets.toml is no TOML" in told.value.what
    assert "a-secret" not in str(told.value)
    assert told.value.__cause__ is None
    assert told.value.__suppress_context__


@pytest.mark.parametrize("value", ["two words", "line\nbreak", "k\u00e9y"])
def test_what_no_header_can_carry_is_refused_unseen(value: str) -> None:
    with pytest.raises(BadInput, match="holds no key") as told:
        key_of(NAMED, environment={"MY_KEY": value}, folders=[])
    assert value not in str(told.value)


@pytest.mark.parametrize(
    "text",
    [
        "sk-proj-abc123abc123abc123abc123",
        "key: sk-ant-0123456789abcdefghij",
        "gsk_abcdefghijklmnop1qrst",
        "hf_AbCdEfGhIjKlMnOpQrStUvWx1z",
        "AIzaSyD1234567890abcdefghijk",
        "Bearer something",
    ],
)
def test_marks_of_providers_are_known_anywhere(text: str) -> None:
    assert looks_like_key(text)
    assert looks_like_key(text, name=True)


@pytest.mark.parametrize(
    "text", ["a1b2c3d4e5f60718293a4b5c", "5f3e9a7c11d24b0e8f6a", "K9x2Lm4Qp7Zt1Vb8Nc3"]
)
def test_letters_and_digits_thrown_together_are_no_name(text: str) -> None:
    assert looks_like_key(text, name=True)
    assert not looks_like_key(text)


@pytest.mark.parametrize(
    "text",
    ["", "OPENAI_API_KEY", "key2", "deepseek_api_key_2024", "AzureOpenAiKeyEastUs2", "HF_TOKEN"],
)
def test_names_of_variables_are_none(text: str) -> None:
    assert not looks_like_key(text, name=True)


@pytest.mark.parametrize(
    "text",
    [
        "gpt-4o-mini-2024-07-18",
        "meta-llama/Llama-3.1-8B-Instruct",
        "hf.co/unsloth/gpt-oss-20b-GGUF:Q4_K_M",
        "https://api.openai.com/v1",
        "risk-assessment-model-2024-large",
    ],
)
def test_models_and_addresses_are_none(text: str) -> None:
    assert not looks_like_key(text)

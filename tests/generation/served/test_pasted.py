"""Keys that were typed where a variable's name belongs."""

import pytest

from core.generation.served.pasted import looks_like_key


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

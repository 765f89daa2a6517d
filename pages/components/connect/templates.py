"""Servers that people use, as a start for the form: a click fills it in."""

from dataclasses import dataclass

from core.connections import TokenizerKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A server's usual settings.

    Args:
        name: of the product.
        base_url: where it usually listens.
        key_variable: usual name of its key's variable; empty where it needs none.
        tokenizer: where token ids come from.
        note: a sentence on what to know.
    """

    name: str
    base_url: str
    key_variable: str = ""
    tokenizer: TokenizerKind = "none"
    note: str


TEMPLATES = (
    Template(
        name="OpenAI",
        base_url="https://api.openai.com/v1",
        key_variable="OPENAI_API_KEY",
        tokenizer="tiktoken",
        note="Token ids come from tiktoken, which fetches its table once. Models that reason "
        "refuse temperature and logit bias; the test tells.",
    ),
    Template(
        name="vLLM",
        base_url="http://127.0.0.1:8000/v1",
        tokenizer="server",
        note="Honours every knob; its own /tokenize gives token ids.",
    ),
    Template(
        name="llama.cpp",
        base_url="http://127.0.0.1:8080/v1",
        tokenizer="server",
        note="Honours every knob; its own /tokenize gives token ids.",
    ),
    Template(
        name="LM Studio",
        base_url="http://127.0.0.1:1234/v1",
        note="It gives no token ids: for logit suppression name the model's tokenizer on the "
        "Hugging Face hub.",
    ),
    Template(
        name="Ollama",
        base_url="http://127.0.0.1:11434/v1",
        note="It drops logit biases, so that suppression can only be approximated; the test tells.",
    ),
)

"""A tiny random BERT with a tokenizer of a few words, and the plain way to embed with it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from core.diversity.embedding import loading
from core.diversity.embedding.encoder import EncoderChoice
from core.diversity.embedding.loading import load_encoder
from core.diversity.embedding.local_encoder import LocalEncoder
from core.diversity.measures.remote_clique import Vectors, unit_vectors

WORDS = [
    *("the", "film", "was", "good", "bad", "and", "a", "plot", "made"),
    *("me", "laugh", "cry", "never", "again", "of", "it", "all"),
]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
TEXTS = [
    "the film was good and the plot made me laugh",
    "",
    "bad",
    " \n\t ",
    "never again",
    "a film of it all and me",
    "an unheard-of \u202eword\u202c \U0001f600",
    "the film was bad " * 40,
    "bad",
]


def tiny_bert(*, seed: int = 0, **changes: Any) -> Any:
    """Random weights large enough that every token shows in the vectors."""
    sizes = {
        "vocab_size": len(SPECIAL) + len(WORDS),
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "max_position_embeddings": 64,
        "pad_token_id": 0,
    }
    model = transformers.BertModel(transformers.BertConfig(**(sizes | changes)))
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        if parameter.dim() > 1:
            parameter.data.normal_(0, 0.3, generator=generator)
    return model.eval()


def tiny_tokenizer(*, most: int = 48, framed: bool = True) -> Any:
    """Words by white space; `framed` puts [CLS] and [SEP] around a text."""
    known = {word: place for place, word in enumerate([*SPECIAL, *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(known, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    if framed:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
        )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=most,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
    )


def save_tiny(folder: Path, *, seed: int = 0, most: int = 48, **changes: Any) -> Path:
    """A loadable folder of both."""
    tiny_bert(seed=seed, **changes).save_pretrained(folder)
    tiny_tokenizer(most=most).save_pretrained(folder)
    return folder


@torch.inference_mode()
def plainly(folder: Path, texts: Sequence[str], *, most: int, pooling: str = "mean") -> Vectors:
    """Each text by itself, in float32: nothing is padded, so nothing can be masked wrongly."""
    tokenizer: Any = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    rows = []
    for text in texts:
        batch = tokenizer([text], truncation=True, max_length=most, return_tensors="pt")
        hidden = model(**batch).last_hidden_state[0]
        rows.append(hidden.mean(dim=0) if pooling == "mean" else hidden[0])
    vectors: Vectors = torch.stack(rows).numpy()
    return vectors


def choice_of(folder: Path | str, **changes: Any) -> EncoderChoice:
    """The encoder of that folder on the CPU."""
    return EncoderChoice(model=str(folder), device="cpu", **changes)


def loaded(
    folder: Path | str, monkeypatch: pytest.MonkeyPatch, *, dtype: str = "float32", **changes: Any
) -> LocalEncoder:
    """That encoder, loaded in a number type as if it had been measured to be the best."""
    monkeypatch.setattr(loading, "half_precision_pays", lambda wide, narrow: dtype == "bfloat16")
    return load_encoder(choice_of(folder, **changes), models=Path("/dev/null/none"))


def lowest_cosine(ours: Vectors, theirs: Vectors) -> float:
    """Over pairs of vectors."""
    return float((unit_vectors(ours) * unit_vectors(theirs)).sum(axis=1).min())


def tiny_encoder(
    model: Any = None, tokenizer: Any = None, *, batch_tokens: int = 100, pooling: str = "mean"
) -> LocalEncoder:
    """An encoder of a tiny model, without any file."""
    facts = {"fingerprint": "tiny", "pooling": pooling, "max_tokens": 48, "dtype": "float32"}
    return LocalEncoder(
        model or tiny_bert(),
        tokenizer or tiny_tokenizer(),
        facts=facts,
        batch_tokens=batch_tokens,
    )

"""Tiny random models and a tiny tokenizer, made in a moment, for what needs a real forward pass."""

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    Lfm2Config,
    Lfm2ForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MambaConfig,
    MambaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedTokenizerFast,
)

VOCABULARY = 320
SIZES = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "bos_token_id": None,
    "eos_token_id": 0,
}


def lively(model: Any, *, seed: int = 0) -> Any:
    """Random weights large enough that every token of the context shows in the logits."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        if parameter.dim() > 1 or name.endswith("bias"):
            parameter.data.normal_(0, 0.3, generator=generator)
    return model.eval()


def tiny_llama(**changes: Any) -> Any:
    return lively(LlamaForCausalLM(LlamaConfig(**(SIZES | changes))))


def tiny_mistral(window: int | None, **changes: Any) -> Any:
    return lively(MistralForCausalLM(MistralConfig(sliding_window=window, **(SIZES | changes))))


def tiny_hybrid() -> Any:
    """Layers of convolution around one of attention."""
    return lively(Lfm2ForCausalLM(Lfm2Config(**SIZES, full_attn_idxs=[1])))


def tiny_mamba() -> Any:
    """A state-space model: no attention, no key-value cache."""
    sizes = {"vocab_size": VOCABULARY, "hidden_size": 32, "num_hidden_layers": 2, "state_size": 8}
    return lively(MambaForCausalLM(MambaConfig(**sizes, eos_token_id=0)))


def halved_precision(model: Any) -> Any:
    """The model with its weights rounded to what float16 holds, as those stored in it are."""
    for parameter in model.parameters():
        parameter.data = parameter.data.half().float()
    return model


def tiny_gpt2() -> Any:
    config = GPT2Config(
        vocab_size=VOCABULARY,
        n_embd=32,
        n_layer=2,
        n_head=4,
        n_positions=128,
        bos_token_id=None,
        eos_token_id=0,
    )
    return lively(GPT2LMHeadModel(config))


def tiny_tokenizer(*, chat: bool = True) -> PreTrainedTokenizerFast:
    """A byte-level BPE; token 0 is the end token, <|im_start|> and <|im_end|> are special too."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<end>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(
        ['Elements: "a good review" ."', 'Movie review: "the film was good."'] * 5, trainer
    )
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>")
    wrapped.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    if chat:
        wrapped.chat_template = (
            "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n"
            "{% endfor %}{{ '<|im_start|>assistant\n' }}"
        )
    return wrapped


def save_tiny(folder: Path, *, chat: bool = True, **changes: Any) -> Path:
    """A loadable folder of a tiny Llama with its tokenizer."""
    tiny_llama(**changes).save_pretrained(folder)
    tiny_tokenizer(chat=chat).save_pretrained(folder)
    return folder

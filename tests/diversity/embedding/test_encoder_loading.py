"""Loading an encoder: which files are taken, which number type, and what tells it from others."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertModel, RobertaConfig, RobertaModel, T5Config, T5Model

from core.diversity.embedding import loading
from core.diversity.embedding.encoder import EncoderChoice
from core.diversity.embedding.loading import (
    batch_tokens,
    embedded_folder,
    half_precision_pays,
    load_encoder,
    longest_text,
    remembered_dtype,
)
from core.diversity.measures.remote_clique import Vectors
from core.domain.errors import BackendFailed
from tests.diversity.tiny_bert import (
    TEXTS,
    WORDS,
    choice_of,
    loaded,
    save_tiny,
    tiny_bert,
    tiny_encoder,
    tiny_tokenizer,
)

pytestmark = pytest.mark.usefixtures("one_thread")

OFFLINE = "Without a network, 'embedded' and local folders with safetensors files work."


def test_a_folder_says_what_it_is(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = loaded(tiny_folder, monkeypatch)
    facts = encoder.facts
    json.dumps(dict(facts))
    assert facts["choice"] == choice_of(tiny_folder).to_dict()
    assert facts["model"] == str(tiny_folder)
    assert facts["fingerprint"] == encoder.fingerprint
    assert (facts["pooling"], facts["size"], facts["max_tokens"]) == ("mean", 16, 48)
    assert facts["truncation"] == "A text counts up to its first 48 tokens."
    assert (facts["device"], facts["dtype"], facts["halved"]) == ("cpu", "float32", 0)
    assert facts["torch"] == torch.__version__


def test_equal_files_have_one_fingerprint_wherever_they_lie(
    tmp_path: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = loaded(tiny_folder, monkeypatch).fingerprint
    copy = save_tiny(tmp_path / "copy")
    assert loaded(copy, monkeypatch).fingerprint == first
    (copy / "README.md").write_text("What it is.")
    assert loaded(copy, monkeypatch).fingerprint == first
    others = {
        loaded(save_tiny(tmp_path / "seed", seed=1), monkeypatch).fingerprint,
        loaded(save_tiny(tmp_path / "most", most=20), monkeypatch).fingerprint,
    }
    assert len(others | {first}) == 3


def no_folder(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()


def no_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def only_pickle(folder: Path) -> None:
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    no_weights(folder)


def cut_short(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1000])


def broken_config(folder: Path) -> None:
    (folder / "config.json").write_text("{")


def own_code(folder: Path) -> None:
    file = folder / "config.json"
    classes = {"AutoConfig": "own.Config", "AutoModel": "own.Model"}
    changed = json.loads(file.read_text()) | {"model_type": "unheard_of", "auto_map": classes}
    file.write_text(json.dumps(changed))
    (folder / "own.py").write_text("raise SystemExit('ran')")


@pytest.mark.parametrize(
    "spoil", [no_folder, no_weights, only_pickle, cut_short, broken_config, own_code]
)
def test_a_folder_that_is_no_encoder_is_told_with_what_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Path], None]
) -> None:
    folder = save_tiny(tmp_path / "tiny")
    spoil(folder)
    with pytest.raises(BackendFailed) as caught:
        loaded(folder, monkeypatch)
    assert caught.value.what.startswith(f"The encoder '{folder}' could not be loaded: ")
    assert "\n" not in caught.value.what
    assert caught.value.remedy == OFFLINE


def test_without_a_network_an_id_is_told_with_what_works(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BackendFailed) as caught:
        loaded("nobody/no-such-encoder", monkeypatch)
    assert caught.value.remedy == OFFLINE


def drop(folder: Path, prefix: str) -> None:
    file = folder / "model.safetensors"
    weights = {key: value for key, value in load_file(file).items() if not key.startswith(prefix)}
    save_file(weights, file, metadata={"format": "pt"})


def test_missing_weights_are_refused_but_for_the_head_that_is_not_used(
    tmp_path: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    headless = save_tiny(tmp_path / "headless")
    drop(headless, "pooler.")
    same = loaded(headless, monkeypatch).embed(TEXTS)
    assert (same == loaded(tiny_folder, monkeypatch).embed(TEXTS)).all()
    drop(headless, "encoder.layer.1.output.")
    with pytest.raises(BackendFailed, match=r"lacks weights, encoder\.layer\.1\.output"):
        loaded(headless, monkeypatch)


def test_a_model_that_needs_more_than_texts_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = T5Config(vocab_size=32, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2)
    T5Model(config).save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(BackendFailed, match=r"gives no vectors: .*Choose an encoder"):
        loaded(tmp_path, monkeypatch)


def test_a_text_is_cut_where_tokenizer_or_positions_end() -> None:
    endless = tiny_tokenizer(most=10**30)
    assert longest_text(tiny_bert(), tiny_tokenizer()) == 48
    assert longest_text(tiny_bert(), endless) == 64
    assert longest_text(tiny_bert(max_position_embeddings=2000), endless) == 512


def test_positions_that_begin_behind_padding_are_left_out() -> None:
    config = RobertaConfig(
        vocab_size=len(WORDS) + 4,
        hidden_size=8,
        intermediate_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=34,
        pad_token_id=1,
    )
    model = RobertaModel(config).eval()
    assert longest_text(model, tiny_tokenizer()) == 32
    with torch.inference_mode():
        model(torch.full((1, 32), 5))
        with pytest.raises((IndexError, RuntimeError)):
            model(torch.full((1, 33), 5))


def test_what_was_measured_first_holds(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[bool] = []

    def measuring(answer: bool) -> Callable[[Any, Any], bool]:
        return lambda wide, narrow: measured.append(answer) or answer  # type: ignore[func-returns-value]

    for answer in (True, False):
        monkeypatch.setattr(loading, "half_precision_pays", measuring(answer))
        encoder = load_encoder(choice_of(tiny_folder), models=tmp_path)
        assert encoder.facts["dtype"] == "bfloat16"
    assert measured == [True]


@pytest.mark.parametrize("memory", ['{"k": "float8"}', '{"k": ["float32"]}', "nonsense"])
def test_a_memory_that_makes_no_sense_is_measured_anew(tmp_path: Path, memory: str) -> None:
    (tmp_path / "encoders.json").write_text(memory)
    assert remembered_dtype(tmp_path, "k", measure=lambda: "float32") == "float32"
    assert json.loads((tmp_path / "encoders.json").read_text()) == {"k": "float32"}


def turned(vectors: Vectors) -> Vectors:
    return np.roll(vectors, 1, axis=1)


@pytest.mark.parametrize(
    ("seconds", "change", "answer"),
    [
        ((1.0, 0.5), lambda vectors: vectors, True),
        ((1.0, 0.5), lambda vectors: vectors * 2, True),  # directions count
        ((1.0, 0.9), lambda vectors: vectors, False),  # not clearly faster
        ((1.0, 0.5), turned, False),
        ((1.0, 0.5), lambda vectors: vectors * np.nan, False),
    ],
    ids=["faster", "longer", "barely faster", "elsewhere", "not finite"],
)
def test_half_precision_pays_if_it_is_faster_and_agrees(
    monkeypatch: pytest.MonkeyPatch,
    seconds: tuple[float, float],
    change: Callable[[Vectors], Vectors],
    answer: bool,
) -> None:
    class Narrow:
        def embed(self, texts: Any) -> Vectors:
            return change(wide.embed(texts))

    wide = tiny_encoder()
    times = iter(seconds)
    monkeypatch.setattr(loading, "seconds_of", lambda call, repeats: next(times))
    assert half_precision_pays(wide, Narrow()) is answer  # type: ignore[arg-type]


def test_larger_models_get_fewer_tokens_at_once() -> None:
    tiny = tiny_bert()
    assert batch_tokens(tiny, "cpu", "float32") == 768
    assert batch_tokens(tiny, "cpu", "bfloat16") == 1024
    assert batch_tokens(tiny, "cuda", "float16") == 16_384
    with torch.device("meta"):
        large = tiny_bert_of(hidden_size=768, intermediate_size=3072, num_hidden_layers=12)
    # 12 layers of 7.09 million weights and a pooler of 0.59: 85.6 of them against 10.7
    assert batch_tokens(large, "cpu", "bfloat16") == pytest.approx(1024 / 8.0, abs=1)
    with torch.device("meta"):
        huge = tiny_bert_of(hidden_size=4096, intermediate_size=16384, num_hidden_layers=40)
    assert batch_tokens(huge, "cpu", "float32") == 64


def tiny_bert_of(**sizes: int) -> Any:
    return BertModel(BertConfig(vocab_size=50, num_attention_heads=4, **sizes))


@pytest.mark.model
def test_other_weights_in_the_embedded_ones_place_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_tiny(tmp_path)
    embedded_folder.cache_clear()
    monkeypatch.setattr(loading, "find_encoder_folder", lambda: tmp_path)
    with pytest.raises(BackendFailed, match="is not the one that Wideset was tested with"):
        load_encoder(EncoderChoice(device="cpu"), models=tmp_path)
    embedded_folder.cache_clear()

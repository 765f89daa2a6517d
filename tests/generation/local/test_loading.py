"""Loading: which files are taken and which are refused, and what is kept."""

import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from core.domain.errors import BackendFailed, BadInput
from core.domain.runs import ModelChoice, ModelMetadata
from core.domain.serialization import from_json
from core.generation.backends import check_identity
from core.generation.local import loading
from core.generation.local.backend import ModelCache
from core.generation.local.loading import (
    Arithmetic,
    converted_embedded,
    load,
    pick_dtype,
    recall_or_measure,
)
from core.models import devices
from core.models.embedded import LLM_SHA256
from core.models.pretrained import timed_mark
from tests.generation.local.tiny import save_tiny, tiny_llama

OFFLINE = "Without a network, 'embedded' and local folders with safetensors files work."


def load_folder(folder: Path | str, *, dtype: str | None = "float32") -> loading.LoadedModel:
    choice = ModelChoice(model=str(folder), device="cpu")
    return load(choice, models=Path("/nonexistent"), dtype=dtype)


def test_a_folder_is_loaded_and_says_what_it_is(tiny_folder: Path) -> None:
    loaded = load_folder(tiny_folder)
    assert not loaded.model.training
    assert loaded.model.dtype == torch.float32
    metadata = loaded.metadata
    assert from_json(ModelMetadata, json.loads(json.dumps(metadata.to_dict()))) == metadata
    assert metadata.model == str(tiny_folder)
    assert (metadata.backend, metadata.device, metadata.dtype) == ("local", "cpu", "float32")
    assert (metadata.engine, metadata.forward) == ("shared prefix", "llama")
    assert metadata.torch == torch.__version__
    assert re.fullmatch(r"files:[0-9a-f]{16}", metadata.fingerprint or "")
    assert load_folder(tiny_folder).metadata.fingerprint == metadata.fingerprint


def test_weights_are_told_by_their_content_and_not_by_their_time(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "model")
    file = folder / "model.safetensors"
    before = load_folder(folder).metadata
    earlier = replace(before, fingerprint=timed_mark(str(folder)))
    check_identity(earlier, before)  # of a run of an earlier version
    os.utime(file, (1, 1))
    copied = load_folder(folder).metadata
    assert copied.fingerprint == before.fingerprint
    with pytest.raises(BackendFailed, match="fingerprint"):
        check_identity(earlier, copied)
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    os.utime(file, (2, 1))  # as before, but for the content
    assert load_folder(folder).metadata.fingerprint != before.fingerprint


def test_other_weights_have_another_fingerprint(tmp_path: Path, tiny_folder: Path) -> None:
    other = save_tiny(tmp_path / "other", num_hidden_layers=1)
    prints = {load_folder(folder).metadata.fingerprint for folder in (tiny_folder, other)}
    assert len(prints) == 2


def test_a_number_type_that_is_asked_for_is_taken(tiny_folder: Path) -> None:
    loaded = load_folder(tiny_folder, dtype="bfloat16")
    assert loaded.model.dtype == torch.bfloat16
    assert loaded.metadata.dtype == "bfloat16"


@pytest.mark.parametrize(("pays", "dtype"), [(True, "bfloat16"), (False, "float32")])
def test_else_a_measurement_decides(
    monkeypatch: pytest.MonkeyPatch, pays: bool, dtype: str
) -> None:
    measured: list[Any] = []
    monkeypatch.setattr(loading, "bfloat16_pays", lambda linear: measured.append(linear) or pays)
    model = tiny_llama()
    assert pick_dtype(model, "cpu") == dtype
    # not the head, which runs once a step, but the largest layer of the repeated ones
    assert [tuple(linear.weight.shape) for linear in measured] in ([(48, 32)], [(32, 48)])


@pytest.mark.parametrize("model", ["nobody/no-such-model", "no-such-model", "/no/such/folder"])
def test_a_model_that_is_not_there_is_told_with_what_is(model: str) -> None:
    with pytest.raises(BackendFailed) as caught:
        load_folder(model)
    assert caught.value.what.startswith(f"The model '{model}' could not be loaded: ")
    assert caught.value.remedy == OFFLINE


def test_a_path_that_is_no_models_folder_is_told_in_our_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "model.gguf").touch()
    for model, reason in [
        (str(tmp_path / "none"), "there is no such folder."),
        ("./none", "there is no such folder."),
        ("~/none", "there is no such folder."),
        ("models/of/mine", "there is no such folder."),
        ("empty", "the folder holds no config.json."),
        ("model.gguf", "it is a file, not a folder."),
    ]:
        with pytest.raises(BackendFailed) as caught:
            load_folder(model)
        assert caught.value.what == f"The model '{model}' could not be loaded: {reason}"
    with pytest.raises(BackendFailed, match="File name too long"):
        load_folder("/" + "n" * 400)


@pytest.mark.parametrize("answers", [True, False])
def test_a_hub_that_does_not_answer_is_asked_for_no_file(
    monkeypatch: pytest.MonkeyPatch, answers: bool
) -> None:
    class Session:
        def head(self, address: str, *, timeout: float) -> None:
            assert address.startswith("https://")
            assert timeout <= 10
            if not answers:
                raise OSError("Name or service not known")

    asked: list[bool] = []

    def from_pretrained(name: str, **options: Any) -> None:
        asked.append(options["local_files_only"])
        raise OSError("no such file")

    monkeypatch.setattr(transformers.utils.hub, "get_session", Session)
    monkeypatch.setattr(transformers.AutoTokenizer, "from_pretrained", from_pretrained)
    with pytest.raises(BackendFailed, match="no such file"):
        load_folder("nobody/no-such-model")
    assert asked == [not answers]


def test_a_folder_needs_no_hub(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> bool:
        raise AssertionError("asked")

    monkeypatch.setattr(devices, "hub_answers", fail)
    load_folder(tiny_folder)


def only_pickle(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    torch.save(weights, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def cut_short(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1000])


def junk(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"\x80\x04" + b"x" * 500)


def other_shapes(folder: Path) -> None:
    change_config(folder, intermediate_size=64)


def broken_config(folder: Path) -> None:
    (folder / "config.json").write_text("{")


def broken_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text('{"version": "1.0", "added_tokens": [], "model": 1}')


def unknown_kind(folder: Path) -> None:
    change_config(folder, model_type="unheard_of")


def change_config(folder: Path, **changes: Any) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


@pytest.mark.parametrize(
    "spoil",
    [
        only_pickle,
        cut_short,
        junk,
        other_shapes,
        broken_config,
        broken_tokenizer,
        unknown_kind,
    ],
)
def test_a_folder_that_is_no_whole_model_is_refused(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    folder = save_tiny(tmp_path / "model")
    load_folder(folder)
    spoil(folder)
    with pytest.raises(BackendFailed) as caught:
        load_folder(folder)
    assert caught.value.what.startswith(f"The model '{folder}' could not be loaded: ")
    assert "\n" not in caught.value.what
    assert caught.value.remedy == OFFLINE


def test_a_model_that_lacks_weights_is_refused(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "model")
    weights = load_file(folder / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BackendFailed, match=r"lacks weights, model\.layers\.1\.mlp\.up_proj"):
        load_folder(folder)


def test_code_that_comes_with_a_model_is_never_run_nor_asked_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = save_tiny(tmp_path / "model")
    ran = tmp_path / "ran"
    (folder / "own.py").write_text(f"open({str(ran)!r}, 'w')")
    classes = {"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model"}
    change_config(folder, model_type="unheard_of", auto_map=classes)

    def ask(*_: Any) -> str:
        raise AssertionError("nobody is there to answer")

    monkeypatch.setattr("builtins.input", ask)
    with pytest.raises(BackendFailed) as caught:
        load_folder(folder)
    assert "custom code" in caught.value.what
    assert not isinstance(caught.value.__cause__.__context__, AssertionError)  # type: ignore[union-attr]
    assert not ran.exists()


def test_a_windowed_model_is_loaded_with_the_other_engine(
    tmp_path: Path, tiny_folder: Path
) -> None:
    folder = save_tiny(tmp_path / "model")
    change_config(folder, model_type="mistral", architectures=["MistralForCausalLM"])
    change_config(folder, sliding_window=16)
    loaded = load_folder(folder)
    assert loaded.metadata.engine == "expanded cache"


def test_the_keeper_keeps_the_last_model(tiny_folder: Path, tmp_path: Path) -> None:
    keeper = ModelCache(tmp_path)
    choice = ModelChoice(model=str(tiny_folder), device="cpu")
    assert keeper.kept(choice) is None
    backend = keeper.backend(choice, dtype="float32")
    assert keeper.kept(choice) is backend
    assert keeper.backend(choice) is backend
    assert keeper.backend(choice, dtype="float32") is backend
    narrow = keeper.backend(choice, dtype="bfloat16")
    assert narrow is not backend
    assert narrow.metadata.dtype == "bfloat16"
    assert keeper.backend(choice) is narrow
    with pytest.raises(BackendFailed):
        keeper.backend(ModelChoice(model="no-such-model"))
    assert keeper.kept(choice) is None  # it made room for the one that did not come
    with pytest.raises(BadInput, match="The backend 'telepathy' is unknown"):
        keeper.backend(ModelChoice(backend="telepathy"))


@pytest.fixture
def converting(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Replaces the conversion by one that writes two files; filled with its targets."""
    targets: list[Path] = []

    def convert(source: Path, target: Path) -> None:
        targets.append(target)
        (target / "model.safetensors").write_text("w")
        (target / "config.json").write_text("{}")

    monkeypatch.setattr(loading, "find_llm_file", lambda: Path("model.gguf"))
    monkeypatch.setattr(loading, "verify", lambda path, digest: None)
    monkeypatch.setattr(loading, "_convert", convert)
    return targets


def test_the_embedded_model_is_converted_once(tmp_path: Path, converting: list[Path]) -> None:
    models = tmp_path / "new" / "models"
    folder = converted_embedded(models)
    assert folder == models / f"smollm2-135m-instruct-{LLM_SHA256[:12]}"
    assert sorted(file.name for file in folder.iterdir()) == ["config.json", "model.safetensors"]
    assert converted_embedded(models) == folder
    assert len(converting) == 1
    assert list(models.iterdir()) == [folder]


def test_a_conversion_that_fails_leaves_nothing_and_is_told(
    tmp_path: Path, converting: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: Path, target: Path) -> None:
        (target / "config.json").write_text("{}")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(loading, "_convert", full)
        with pytest.raises(BackendFailed, match="No space left on device"):
            converted_embedded(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert (converted_embedded(tmp_path) / "model.safetensors").is_file()


def test_a_process_that_was_faster_is_taken_as_it_is(
    tmp_path: Path, converting: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def overtaken(source: Path, target: Path) -> None:
        (target / "config.json").write_text("slow")
        final = tmp_path / f"smollm2-135m-instruct-{LLM_SHA256[:12]}"
        final.mkdir()
        (final / "config.json").write_text("fast")

    monkeypatch.setattr(loading, "_convert", overtaken)
    folder = converted_embedded(tmp_path)
    assert (folder / "config.json").read_text() == "fast"
    assert list(tmp_path.iterdir()) == [folder]


PACKED = Arithmetic("float32", "packed")
PLAIN = Arithmetic("float32", "plain")
NARROW = Arithmetic("bfloat16", "plain")


def test_the_first_measurement_holds(tmp_path: Path) -> None:
    assert recall_or_measure(tmp_path, "m cpu", dtype=None, measure=lambda: PACKED) == PACKED
    assert recall_or_measure(tmp_path, "m cpu", dtype=None, measure=lambda: NARROW) == PACKED
    assert recall_or_measure(tmp_path, "m cuda", dtype=None, measure=lambda: NARROW) == NARROW


def test_a_resumed_run_keeps_its_type(tmp_path: Path) -> None:
    recall_or_measure(tmp_path, "m", dtype=None, measure=lambda: PACKED)
    assert recall_or_measure(tmp_path, "m", dtype="float32", measure=lambda: PLAIN) == PACKED
    assert recall_or_measure(tmp_path, "m", dtype="bfloat16", measure=lambda: NARROW) == NARROW


@pytest.mark.parametrize(
    "content",
    [
        "",
        "no json",
        "[]",
        '{"m": 5}',
        '{"m": {"dtype": "x"}}',
        '{"m": {"dtype": "float32", "linear": "of another version"}}',
    ],
)
def test_an_unreadable_memory_is_measured_anew(tmp_path: Path, content: str) -> None:
    (tmp_path / "arithmetic.json").write_text(content)
    assert recall_or_measure(tmp_path, "m", dtype=None, measure=lambda: PLAIN) == PLAIN


def test_where_nothing_can_be_written_it_is_measured_each_time() -> None:
    nowhere = Path("/dev/null/models")
    assert recall_or_measure(nowhere, "m", dtype=None, measure=lambda: PACKED) == PACKED
    assert recall_or_measure(nowhere, "m", dtype=None, measure=lambda: PLAIN) == PLAIN

"""Devices, the hub, and the words in which a failed load is told."""

import json
import os
from pathlib import Path

import pytest
import torch
import transformers

from core.domain.errors import BackendFailed
from core.models.devices import (
    give_memory_back,
    half_precision,
    hub_answers,
    loading_options,
    pick_device,
    recalled,
    remember,
    seconds_of,
    share_the_processor,
    why_not_loaded,
)


def test_a_device_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert pick_device("auto") == pick_device("cpu") == "cpu"
    for name in ("cuda", "mps"):
        with pytest.raises(BackendFailed, match=f"no device '{name}'.*Choose auto or cpu"):
            pick_device(name)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert pick_device("auto") == "mps"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert pick_device("auto") == "cuda"


def test_half_precision_is_the_devices_own(monkeypatch: pytest.MonkeyPatch) -> None:
    assert half_precision("cpu") is None
    assert half_precision("mps") == "float16"
    for supported, dtype in ((True, "bfloat16"), (False, "float16")):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda answer=supported: answer)
        assert half_precision("cuda") == dtype


def test_threads_sleep_unless_somebody_chose_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY")
    share_the_processor()
    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    share_the_processor()
    assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"


@pytest.mark.parametrize("answers", [True, False])
def test_the_hub_is_asked_once_and_code_is_never_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answers: bool
) -> None:
    asked: list[str] = []

    class Session:
        def head(self, address: str, *, timeout: float) -> None:
            asked.append(address)
            assert timeout <= 10
            if not answers:
                raise OSError("Name or service not known")

    monkeypatch.setattr(transformers.utils.hub, "get_session", Session)
    assert hub_answers() == answers
    assert len(asked) == 1
    assert asked[0].startswith("https://")
    options = loading_options("somebody/a-model")
    assert options == {"trust_remote_code": False, "local_files_only": not answers}
    assert len(asked) == 2
    assert loading_options(str(tmp_path))["local_files_only"]
    assert len(asked) == 2  # a folder needs no hub


def test_a_reason_is_one_line_that_ends(tmp_path: Path) -> None:
    error = OSError("no such thing\nand more of it")
    assert why_not_loaded("nobody/nothing", error) == "no such thing."
    assert why_not_loaded("nobody/nothing", OSError("It is gone.")) == "It is gone."
    assert len(why_not_loaded("nobody/nothing", OSError("x" * 900))) == 201
    (tmp_path / "file").touch()
    for source, reason in [
        (tmp_path / "file", "it is a file, not a folder."),
        (tmp_path, "the folder holds no config.json."),
        (tmp_path / "none", "there is no such folder."),
    ]:
        assert why_not_loaded(str(source), error) == reason


def test_memory_goes_back_on_any_system(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_library(name: str) -> None:
        raise OSError(f"{name} is not there")

    give_memory_back()
    monkeypatch.setattr("ctypes.CDLL", no_library)
    give_memory_back()


def test_what_is_remembered_is_recalled_by_its_key(tmp_path: Path) -> None:
    file = tmp_path / "new" / "memory.json"
    assert recalled(file, "a") is None
    remember(file, "a", "bfloat16")
    remember(file, "b", {"x": 1})
    remember(file, "a", "float32")
    assert json.loads(file.read_text()) == {"a": "float32", "b": {"x": 1}}
    assert (recalled(file, "a"), recalled(file, "b")) == ("float32", {"x": 1})
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize("content", [b"", b"no json", b"[1]", b"\xff\xfe"])
def test_an_unreadable_memory_is_empty_and_written_anew(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "memory.json"
    file.write_bytes(content)
    assert recalled(file, "a") is None
    remember(file, "a", 1)
    assert recalled(file, "a") == 1


def test_where_nothing_can_be_written_nothing_is_remembered() -> None:
    file = Path("/dev/null/models/memory.json")
    remember(file, "a", 1)
    assert recalled(file, "a") is None


def test_the_first_call_warms_and_the_shortest_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 5.0, 5.0, 7.0, 7.0, 10.0])
    monkeypatch.setattr("core.models.devices.time.perf_counter", lambda: next(clock))
    calls: list[int] = []
    assert seconds_of(lambda: calls.append(1), repeats=3) == 2.0
    assert len(calls) == 4

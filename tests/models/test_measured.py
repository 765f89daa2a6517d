"""Measurements are remembered beside the models, whatever the file was before."""

import json
from pathlib import Path

import pytest

from core.models.devices import recalled, remember, seconds_of


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

"""A measurement wavers; what was measured first holds for this machine from then on."""

from pathlib import Path

import pytest

from core.generation.local.loading import Arithmetic, remember, remembered, settled

PACKED = Arithmetic("float32", "packed")
PLAIN = Arithmetic("float32", "plain")
NARROW = Arithmetic("bfloat16", "plain")


def test_the_first_measurement_holds(tmp_path: Path) -> None:
    assert settled(tmp_path, "m cpu", dtype=None, measure=lambda: PACKED) == PACKED
    assert settled(tmp_path, "m cpu", dtype=None, measure=lambda: NARROW) == PACKED
    assert settled(tmp_path, "m cuda", dtype=None, measure=lambda: NARROW) == NARROW
    assert remembered(tmp_path, "m cpu") == PACKED


def test_a_resumed_run_keeps_its_type(tmp_path: Path) -> None:
    remember(tmp_path, "m", PACKED)
    assert settled(tmp_path, "m", dtype="float32", measure=lambda: PLAIN) == PACKED
    assert settled(tmp_path, "m", dtype="bfloat16", measure=lambda: NARROW) == NARROW


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
    assert remembered(tmp_path, "m") is None


def test_where_nothing_can_be_written_it_is_measured_each_time() -> None:
    nowhere = Path("/dev/null/models")
    assert settled(nowhere, "m", dtype=None, measure=lambda: PACKED) == PACKED
    assert settled(nowhere, "m", dtype=None, measure=lambda: PLAIN) == PLAIN

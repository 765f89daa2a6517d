"""What tells a model's weights from others'."""

import hashlib
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from core.models.pretrained import lacks_weights, mark_of, timed_mark


def model(commit: str | None = None) -> Any:
    return SimpleNamespace(config=SimpleNamespace(_commit_hash=commit))


def test_a_digest_a_commit_or_the_files(tmp_path: Path) -> None:
    assert mark_of("embedded", model("c0ffee"), embedded="0123456789abcdef99") == (
        "sha256:0123456789abcdef"
    )
    assert mark_of("org/name", model("c0ffee"), embedded="") == "commit:c0ffee"
    assert mark_of(str(tmp_path), model(), embedded="") == "files:unknown"
    for name, size in (("b", 3), ("a", 5)):
        file = tmp_path / f"{name}.safetensors"
        file.write_bytes(b"x" * size)
        os.utime(file, (size * 10, size * 10))
    own = [hashlib.sha256(b"x" * size).hexdigest() for size in (5, 3)]
    whole = hashlib.sha256(f"a.safetensors {own[0]}\nb.safetensors {own[1]}\n".encode())
    assert mark_of(str(tmp_path), model(), embedded="") == f"files:{whole.hexdigest()[:16]}"
    assert timed_mark(str(tmp_path)) == "files:5@50-3@30"


def test_missing_weights_are_named() -> None:
    error = lacks_weights("model 'm'", "layer.0", "Get its files again.")
    assert str(error) == "The model 'm' lacks weights, layer.0 for one. Get its files again."

"""Fixtures of the tests in this folder.

torch and what imports it is imported by the fixtures: this file may be read before
tests/conftest.py forbids downloads, and transformers looks at that only when it is imported.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from core.domain.runs import ModelChoice

if TYPE_CHECKING:
    from core.generation.local.loading import LoadedModel


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Small tensors only lose by a second thread, and twentyfold where others use the machine."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny random model and its tokenizer."""
    from tests.generation.local.tiny import save_tiny

    return save_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def tiny_loaded(tiny_folder: Path) -> "LoadedModel":
    """That model, loaded the usual way in float32."""
    from core.generation.local.loading import load

    choice = ModelChoice(model=str(tiny_folder), device="cpu")
    return load(choice, models=tiny_folder / "none", dtype="float32")

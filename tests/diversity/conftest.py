"""Fixtures of the tests in this folder; torch is imported by those that need it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.store.making import clock, db

__all__ = ["clock", "db"]


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Small tensors only lose by a second thread, and twentyfold where others use the machine."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny random encoder and its tokenizer."""
    from tests.diversity.tiny_bert import save_tiny

    return save_tiny(tmp_path_factory.mktemp("tiny"))

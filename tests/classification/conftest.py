"""Fixtures of the tests in this folder."""

from pathlib import Path

import pytest

from tests.generation.conftest import one_thread
from tests.store.making import clock, db, home, real_db

__all__ = ["clock", "db", "home", "one_thread", "real_db", "tiny_bert"]


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny random encoder."""
    from tests.classification.making import save_tiny_bert

    return save_tiny_bert(tmp_path_factory.mktemp("tiny-bert"))

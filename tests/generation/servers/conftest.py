"""Fixtures of the tests in this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.store.making import clock, db, home

__all__ = ["clock", "db", "home"]


@pytest.fixture(scope="session")
def llama_cpp(model_cache: Path) -> Iterator[str]:
    """The base URL of a real server: llama.cpp with the embedded model, on loopback."""
    import xllamacpp

    from core.models.embedded import find_llm_file

    params = xllamacpp.CommonParams()
    params.model.path = str(find_llm_file())
    params.n_parallel = 24
    params.n_ctx = 24 * 512
    params.kv_unified = True
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = (
        1  # idle threads of its own would spin against others
    )
    params.n_gpu_layers = 0
    params.verbosity = 0
    server = xllamacpp.Server(params)
    yield f"{server.listening_address}/v1"
    del server  # which ends it

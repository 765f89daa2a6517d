"""The encoder that was used last is kept."""

from pathlib import Path
from typing import Any

import pytest

from core.diversity.embedding import loading
from core.diversity.embedding.encoder import EncoderChoice
from core.diversity.embedding.loading import EncoderCache
from core.domain.errors import BackendFailed


def test_the_keeper_keeps_the_last_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[EncoderChoice] = []

    def load(choice: EncoderChoice, *, models: Path) -> object:
        asked.append(choice)
        assert models == Path("models")
        if choice.model == "broken":
            raise BackendFailed("It is broken.")
        return object()

    monkeypatch.setattr(loading, "load_encoder", load)
    keeper = EncoderCache(Path("models"))
    usual, cls = EncoderChoice(), EncoderChoice(pooling="cls")
    assert keeper.kept(usual) is None
    first: Any = keeper.encoder(usual)
    assert keeper.encoder(usual) is keeper.kept(usual) is first
    second: Any = keeper.encoder(cls)
    assert second is not first
    assert keeper.kept(usual) is None
    assert keeper.kept(cls) is second
    with pytest.raises(BackendFailed):
        keeper.encoder(EncoderChoice(model="broken"))
    assert keeper.kept(cls) is None  # it made room for the one that did not come
    assert asked == [usual, cls, EncoderChoice(model="broken")]

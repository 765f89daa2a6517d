"""A run goes on with the very model that it began with."""

import pytest

from core.domain.errors import BackendFailed
from core.generation.backends import check_identity


def test_a_run_goes_on_with_its_own_model_alone() -> None:
    now = {"model": "m", "fingerprint": "f", "dtype": "float32", "threads": 2}
    check_identity({}, now)
    check_identity(now | {"threads": 1}, now)
    with pytest.raises(BackendFailed, match="The model's dtype was 'float16'") as caught:
        check_identity(now | {"dtype": "float16"}, now)
    assert caught.value.remedy == "Start a new run with the same settings."

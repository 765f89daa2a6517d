"""Our measures beside what the packages `diversity` and `vendi-score` made of the same vectors.

How their values came about: reference_values/make.py.
"""

import json
from pathlib import Path

import pytest

from core.diversity.measures.neighbours import nearest_distances
from core.diversity.measures.remote_clique import remote_clique, vendi_score
from tests.diversity.measures.reference_values.vectors import VECTORS

THEIRS = json.loads((Path(__file__).parent / "reference_values" / "values.json").read_text("utf-8"))
ROUNDED = 0.0005  # `diversity` gives three decimals


def test_every_set_of_vectors_was_measured() -> None:
    assert THEIRS["packages"]["diversity"] == "0.3.1"
    assert list(THEIRS["vectors"]) == list(VECTORS)


@pytest.mark.parametrize("name", VECTORS)
def test_ours_are_theirs(name: str) -> None:
    vectors, theirs = VECTORS[name](), THEIRS["vectors"][name]
    n = len(vectors)
    assert n == theirs["n"]
    # Their rows hold the distance of 0 of a text to itself.
    factor = n / (n - 1)
    expected = theirs["remote_clique"] * factor
    assert remote_clique(vectors) == pytest.approx(expected, abs=ROUNDED * factor + 1e-5)
    nearest = nearest_distances(vectors).mean()
    assert nearest == pytest.approx(theirs["chamfer_dist"], abs=ROUNDED + 1e-5)
    assert vendi_score(vectors) == pytest.approx(theirs["vendi_score"], rel=1e-4)

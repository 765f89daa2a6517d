"""Writes values.json: Remote-Clique and two more as other packages compute them.

The package `diversity` needs transformers below 5 as a whole, hence an environment of its own:

    python3 -m venv /tmp/reference
    /tmp/reference/bin/pip install scikit-learn scipy tqdm
    /tmp/reference/bin/pip install --no-deps "diversity==0.3.1" "vendi-score==0.0.3"
    /tmp/reference/bin/python tests/diversity/measures/reference_values/make.py

Of `diversity` the module of embeddings alone is executed, as the package's own beginning imports
spaCy, NLTK and more. No model is loaded: where the module asks sentence-transformers for embeddings
it is handed the vectors of `vectors.py`, which the tests hand to ours.
"""

import importlib.util
import json
import sys
import types
from importlib.metadata import version
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from vectors import VECTORS  # noqa: E402


class Given:
    """Stands in for SentenceTransformer: its model's name is the name of a set of vectors."""

    def __init__(self, name: str) -> None:
        self.name = name

    def encode(self, data: list[str], **_: object) -> np.ndarray:
        """The vectors of the set, one a text."""
        vectors = VECTORS[self.name]()
        assert len(vectors) == len(data)
        return vectors


def main() -> None:
    """Compute all values and write them down."""
    stub = types.ModuleType("sentence_transformers")
    stub.SentenceTransformer = Given
    sys.modules["sentence_transformers"] = stub
    from vendi_score import vendi

    package = importlib.util.find_spec("diversity")
    path = Path(package.submodule_search_locations[0]) / "embedding.py"
    spec = importlib.util.spec_from_file_location("embedding", path)
    embedding = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(embedding)

    values = {}
    for name, make in VECTORS.items():
        texts = [f"text {place}" for place in range(len(make()))]
        values[name] = {
            "n": len(texts),
            # Both round to 3 decimals, and give a float32.
            "remote_clique": round(float(embedding.remote_clique(texts, name, False)), 3),
            "chamfer_dist": round(float(embedding.chamfer_dist(texts, name, False)), 3),
            "vendi_score": float(vendi.score_X(make().astype(np.float64), normalize=True)),
        }
    written = {
        "packages": {name: version(name) for name in ("diversity", "vendi-score", "numpy")},
        "vectors": values,
    }
    (HERE / "values.json").write_text(json.dumps(written, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()

"""What the tests of assessing make: datasets and references out of vectors and labels."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from core.diversity.measures.remote_clique import Vectors
from core.domain.datasets import Dataset
from core.sweeps.assessment import assess as assessing
from core.sweeps.assessment.results import AssessmentResult
from core.sweeps.execution.trial import RealTexts

ENCODER = "fake, mean pooling"
NO_VECTORS: Vectors = np.zeros((0, 8), dtype=np.float32)


def dataset_of(labels: Sequence[str], names: Sequence[str], **more: Any) -> Dataset:
    """A run's dataset; each text another one unless `texts` says so."""
    n = len(labels)
    columns = {
        "ids": tuple(f"s{row}" for row in range(n)),
        "texts": tuple(f"text {row}" for row in range(n)),
        "fluency": (None,) * n,
    }
    told = {**columns, **{name: tuple(value) for name, value in more.items()}}
    return Dataset("run:r", "r", tuple(names), labels=tuple(labels), **told)


def real_of(
    train: tuple[Vectors, Sequence[str]],
    test: tuple[Vectors, Sequence[str]] = (NO_VECTORS, ()),
    *,
    encoder: str = "fake",
) -> RealTexts:
    """A reference whose texts are numbers."""
    return RealTexts(
        train=tuple(f"train {row}" for row in range(len(train[1]))),
        train_labels=tuple(train[1]),
        train_vectors=train[0],
        test=tuple(f"test {row}" for row in range(len(test[1]))),
        test_labels=tuple(test[1]),
        test_vectors=test[0],
        encoder=encoder,
    )


def assess(*args: Any, **options: Any) -> dict[str, Any]:
    """An assessment as it is stored, and read again without a loss."""
    result = assessing.assess(*args, encoder=ENCODER, **options)
    stored = result.to_dict()
    assert AssessmentResult.from_dict(stored) == result
    return stored


def stage(assessment: dict[str, Any], inspected: str, **more: Any) -> dict[str, Any]:
    """The one stage that is meant."""
    wanted = {"inspected": inspected, "filtered": False, "repeat": 0, **more}
    (found,) = [s for s in assessment["stages"] if wanted.items() <= s.items()]
    return dict(found)

"""Rate, batches, weights and the end of training."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from core.classification.fine_tuning.fine_tuning import (
    batches_of_an_epoch,
    best_epoch,
    class_weights,
    is_enough,
    rate_factor,
)
from core.domain.progress import Epoch


def epochs(*scores: tuple[float, float]) -> list[Epoch]:
    return [
        Epoch(epoch=n, loss=1.0, accuracy=accuracy, validation_loss=loss)
        for n, (accuracy, loss) in enumerate(scores, 1)
    ]


def test_the_rate_grows_linearly_and_stays() -> None:
    assert [rate_factor(step, warmup_steps=4) for step in range(6)] == [0.25, 0.5, 0.75, 1, 1, 1]
    assert rate_factor(0, warmup_steps=0) == 1


def test_batches_hold_every_text_once_and_little_padding() -> None:
    lengths = np.random.default_rng(0).integers(4, 60, size=101).tolist()
    batches = batches_of_an_epoch(lengths, 16, rng=np.random.default_rng(1))
    assert sorted(np.concatenate(batches).tolist()) == list(range(101))
    assert sorted(map(len, batches)) == [5, 16, 16, 16, 16, 16, 16]
    cells = sum(len(rows) * max(lengths[row] for row in rows) for rows in batches)
    assert sum(lengths) <= cells < 1.25 * sum(lengths)
    longest = [max(lengths[row] for row in rows) for rows in batches]
    assert longest != sorted(longest)  # in random order


def test_an_epochs_batches_come_from_its_generator_alone() -> None:
    lengths = [5, 9, 7, 5, 6, 8, 5, 5]
    one, same, other = (
        [rows.tolist() for rows in batches_of_an_epoch(lengths, 3, rng=np.random.default_rng(s))]
        for s in (1, 1, 2)
    )
    assert one == same != other


def test_class_weights_are_scikit_learns() -> None:
    labels = [0] * 6 + [1] * 3 + [3]
    found = class_weights(labels, count=4)
    wanted = compute_class_weight("balanced", classes=np.array([0, 1, 3]), y=labels)
    assert found == pytest.approx([wanted[0], wanted[1], 0, wanted[2]])
    assert found[:2] == pytest.approx([10 / 18, 10 / 9])
    assert sum(found[label] for label in labels) == pytest.approx(10)


def test_the_best_epoch_is_accurate_first_and_sure_second() -> None:
    assert best_epoch(epochs((0.5, 0.1), (0.7, 0.4), (0.7, 0.3), (0.7, 0.3), (0.6, 0.2))) == 3


def test_training_ends_after_patience_or_at_the_last_epoch() -> None:
    history = epochs((0.5, 1), (0.7, 1), (0.6, 1), (0.6, 1))
    assert not is_enough([], patience=1, max_epochs=1)
    assert is_enough(history, patience=2, max_epochs=9)
    assert not is_enough(history, patience=3, max_epochs=9)
    assert is_enough(history, patience=3, max_epochs=4)


def test_training_goes_on_while_the_loss_still_falls() -> None:
    falling = epochs((0.8, 1.6), (0.6, 1.4), (0.6, 1.3), (0.6, 1.2))
    assert best_epoch(falling) == 1
    assert not is_enough(falling, patience=3, max_epochs=9)
    risen = [
        replace(epoch, epoch=number)
        for number, epoch in enumerate([*falling, *epochs(*[(0.6, 1.5)] * 3)], start=1)
    ]
    assert is_enough(risen, patience=3, max_epochs=9)
    assert not is_enough(risen[:-1], patience=3, max_epochs=9)

"""Which texts the oracle inspects, and what it says of them."""

import numpy as np

from core.interventions.relabelling.oracle import inspected_by_oracle, noisy

RIGHT = ["a", "b", "c", "b"] * 25


def test_the_draw_follows_the_errors_of_the_same_seed() -> None:
    told, rows = inspected_by_oracle(RIGHT, 30, label_names="abc", error_rate=0.3, seed=4)
    rng = np.random.default_rng(4)
    assert told == noisy(RIGHT, 0.3, rng, label_names="abc")
    assert rows == rng.permutation(100)[:30].tolist()
    assert told != tuple(RIGHT)


def test_who_never_errs_says_what_is_right_and_a_larger_sample_holds_the_smaller() -> None:
    told, rows = inspected_by_oracle(RIGHT, 30, label_names="abc", seed=4)
    assert told == tuple(RIGHT)
    assert inspected_by_oracle(RIGHT, 50, label_names="abc", seed=4)[1][:30] == rows
    assert inspected_by_oracle(RIGHT, 30, label_names="abc", seed=5)[1] != rows
    assert inspected_by_oracle(RIGHT, None, label_names="abc", seed=4)[1] == list(range(100))

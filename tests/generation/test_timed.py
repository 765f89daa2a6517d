"""What the rounds of a loop took."""

from core.generation.progress import FinishedRound, timed_rounds
from tests.generation.making import distinct, follow, make_spec


def test_each_round_is_told_with_what_it_took() -> None:
    spec = make_spec(per_label=3, size=2, targets=[("neg", 2)])
    loop = follow(spec, distinct).loop
    now = [10.0]
    found = []
    for current, samples, done in timed_rounds(loop, between_steps=int, timer=lambda: now[0]):
        found.append((current.cycle, len(samples), done))
        # Two seconds for what is done with samples, five between two rounds, which don't count.
        now[0] += 2.0 if done is None else 5.0
    assert found == [
        (1, 4, None),
        (1, 0, FinishedRound(1, 0, {"pos": 2, "neg": 2}, 2.0, 8)),
        (2, 1, None),
        (2, 0, FinishedRound(2, 0, {"pos": 1}, 2.0, 2)),
    ]

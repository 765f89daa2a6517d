"""The meter: counts and speeds, by hand."""

from dataclasses import replace

import pytest

from core.domain.runs import Outcome, Sample
from core.domain.serialization import to_json
from core.generation.progress import Meter
from tests.generation.making import make_spec
from tests.store.making import FakeClock, make_sample


def sample(
    number: int,
    *,
    outcome: Outcome = "usable",
    label: str = "pos",
    tokens: int = 4,
    repeats: bool = False,
    fluency: float | None = -9.0,
) -> Sample:
    made = make_sample("r", number, outcome=outcome, label=label, token_ids=(5,) * tokens)
    made = replace(made, fluency=fluency)
    return replace(made, duplicate_of="r-0" if repeats else None)


STORED = [
    sample(0, tokens=10, fluency=-1.0),
    replace(sample(1, outcome="empty", tokens=0), seconds=30.0),
]
NEW = [
    sample(2, tokens=6, fluency=-2.0),
    sample(3, tokens=2, repeats=True, label="neg", fluency=-3.0),
    sample(24, outcome="truncated", tokens=8, label="neg"),
]


def test_fluency_is_unknown_without_texts_that_have_one() -> None:
    meter = Meter(make_spec())
    assert to_json(meter.progress("generating"))["fluency"] is None
    meter.add([sample(0, fluency=None), sample(1, fluency=-3.0)])
    told = to_json(meter.progress("generating"))
    assert (told["fluency"], told["fluency_sd"]) == (-3.0, None)


def test_the_state_of_a_resumed_run() -> None:
    clock = FakeClock()
    meter = Meter(make_spec(per_label=5), history=STORED, timer=clock)
    clock.forward(100)  # loading is not generating
    meter.begin()
    clock.forward(4)
    meter.add(NEW)
    found = to_json(meter.progress("generating", shortfall={"pos": 2}))
    assert found == {
        "phase": "generating",
        "done": 3,
        "total": 10,
        "target": 10,
        "accepted": 3,
        "usable": 3,
        "empty": 1,
        "truncated": 1,
        "duplicates": 1,
        "texts": 5,
        "tokens": 26,
        "mean_tokens": pytest.approx(6.0),  # 10, 6 and 2
        "fluency": pytest.approx(-2.0),  # -1, -2 and -3; what is not usable does not count
        "fluency_sd": pytest.approx(1.0),
        "texts_per_second": pytest.approx(3 / 4),
        "tokens_per_second": pytest.approx(16 / 4),
        "seconds": pytest.approx(4.0),
        "elapsed": pytest.approx(34.0),
        "seconds_left": None,  # two texts tell little, see below
        "cycle": 2,
        "per_label": {"pos": 2, "neg": 1},
        "shortfall": {"pos": 2},
        "suppressed": [],
        "diversity": None,
        "spending": None,
    }


def test_where_only_new_texts_count() -> None:
    clock = FakeClock()
    meter = Meter(make_spec(per_label=5, only_new=True), timer=clock)
    meter.begin()
    clock.forward(1)
    meter.add(STORED + NEW)
    found = to_json(meter.progress("generating"))
    assert (found["accepted"], found["usable"], found["duplicates"]) == (2, 3, 1)
    assert found["per_label"] == {"pos": 2, "neg": 0}


@pytest.mark.parametrize(
    ("per_label", "gained", "left"),
    [
        (5, 4, None),  # fewer than five tell nothing
        (5, 5, 5 / 2.5),  # five in two seconds, five to go
        (100, 9, None),  # eight and a repeat; a twentieth of the 192 to go is nine
        (100, 10, 191 / 4.5),
        (5, 11, 0.0),
    ],
)
def test_the_time_left_is_told_once_enough_has_come(
    per_label: int, gained: int, left: float | None
) -> None:
    clock = FakeClock()
    meter = Meter(make_spec(per_label=per_label, only_new=True), timer=clock)
    meter.begin()
    clock.forward(2)
    repeats = per_label == 100 or gained > 5
    meter.add([sample(n, repeats=repeats and n == 1) for n in range(gained)])
    found = to_json(meter.progress("generating"))["seconds_left"]
    assert found == (None if left is None else pytest.approx(left))


def test_before_anything_is_known_nothing_is_claimed() -> None:
    found = to_json(Meter(make_spec()).progress("loading"))
    assert (found["mean_tokens"], found["seconds_left"]) == (None, None)
    assert (found["texts_per_second"], found["seconds"], found["cycle"]) == (0.0, 0.0, 0)

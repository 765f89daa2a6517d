"""Resuming: from every point at which a run can be cut, it ends with the very same dataset."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.conditions import Suppression
from core.domain.runs import Example, RunSpec, Sample
from core.generation.backends import Request
from tests.generation.fake_backend import Written, drawn_text
from tests.generation.making import Followed, facts_of, follow, make_spec

SEEDS = (Example("red", "pos"), Example("Blue  green", "neg"))

SPECS = st.builds(
    make_spec,
    per_label=st.integers(1, 6),
    size=st.integers(1, 4),
    seed=st.integers(0, 2**63 - 1),
    seeds=st.sampled_from([(), SEEDS]),
    targets=st.sampled_from([(), (("neg", 2),), (("pos", 0),)]),
    suppression=st.sampled_from(
        [None, Suppression(7.5), Suppression(0.05, tokens=3), Suppression(0.05, scope="label")]
    ),
    strict_order=st.booleans(),
    only_new=st.booleans(),
    prompt=st.sampled_from(["A", "chat"]),
)


def unreliable(request: Request, index: int) -> Written | None:
    """Now and then a text never comes."""
    rng = np.random.default_rng([*request.entropy, index, 99])
    return None if rng.random() < 0.2 else drawn_text(request, index)


def resumed(spec: RunSpec, whole: Followed, cut: int, *, marks: bool) -> list[Sample]:
    """The dataset of a run that was cut after so many samples and then resumed.

    Args:
        spec: the run.
        whole: the run that nobody cut.
        cut: samples that were stored.
        marks: whether the rounds that were finished by then had been marked as such.
    """
    history: list[Sample] = []
    finished = set()
    for round_, samples in whole.events:
        kept = samples[: cut - len(history)]
        history.extend(kept)
        if len(kept) < len(samples):
            break
        if not samples and marks:
            finished.add((round_.cycle, round_.position))
    rest = follow(spec, unreliable, history=history, finished=finished).run()
    assert rest.loop.shortfall() == whole.loop.shortfall()
    for round_, samples in rest.events:
        assert (round_.cycle, round_.position) not in finished
        assert not {s.id for s in samples} & {s.id for s in history}
    return [*history, *rest.samples]


@settings(max_examples=40, deadline=None)
@given(SPECS)
def test_every_cut_ends_in_the_dataset_of_the_run_that_was_not_cut(spec: RunSpec) -> None:
    whole = follow(spec, unreliable).run()
    wanted = [facts_of(sample) for sample in whole.samples]
    for cut in range(len(wanted) + 1):
        for marks in (True, False):
            found = resumed(spec, whole, cut, marks=marks)
            assert [facts_of(sample) for sample in found] == wanted


@settings(max_examples=15, deadline=None)
@given(SPECS, st.data())
def test_a_run_that_is_cut_again_and_again_ends_there_too(
    spec: RunSpec, data: st.DataObject
) -> None:
    wanted = follow(spec, unreliable).run().samples
    history: list[Sample] = []
    while len(history) < len(wanted):
        more = data.draw(st.integers(1, len(wanted) - len(history)))
        part = follow(spec, unreliable, history=history)
        for _, samples in part.loop.rounds(between_steps=lambda: None):
            history.extend(samples[:more])
            more -= len(samples)
            if more <= 0:
                break
    assert [facts_of(s) for s in history] == [facts_of(s) for s in wanted]


def test_the_specs_above_meet_what_makes_resuming_hard() -> None:
    outcomes, flags, cycles = set(), 0, 0
    for seed in range(5):
        spec = make_spec(per_label=6, size=3, seed=seed, only_new=True)
        done = follow(spec, unreliable).run()
        outcomes |= {s.outcome for s in done.samples}
        flags += sum(s.duplicate_of is not None for s in done.samples)
        cycles = max(cycles, done.samples[-1].cycle)
    assert outcomes == {"usable", "empty", "truncated"}
    assert flags >= 3
    assert cycles > 3


def test_the_same_seed_repeats_and_another_one_does_not() -> None:
    spec = make_spec(per_label=12, size=4, suppression=Suppression(7.5))
    one = [facts_of(s) for s in follow(spec).run().samples]
    assert [facts_of(s) for s in follow(spec).run().samples] == one
    other = follow(replace(spec, seed=4)).run().samples
    assert [s.text for s in other] != [fact[5] for fact in one]


def test_time_goes_on_where_it_stopped() -> None:
    spec = make_spec(per_label=6)
    whole = follow(spec).run().samples
    rest = follow(spec, history=whole[:5]).run().samples
    times = [s.seconds for s in [*whole[:5], *rest]]
    assert times == sorted(times)
    assert rest[0].seconds < whole[4].seconds + 10  # ticks, not the time in between

"""What the last step of a story says of the paper's claims where there are few runs."""

from typing import Any

import pytest

from core.analysis.contrasts import Contrast
from core.domain.registries.metrics import COLUMN
from core.reports.story.conclusions import supported_hypotheses
from core.reports.story.step import basis_sentence
from tests.analysis.made_results import results


def runs(seeds: int) -> list[dict[str, Any]]:
    """Suppression off and on; what it brings differs much between seeds."""
    return [
        {
            "suppression": strength,
            "seed": seed,
            "diversity": 0.3 + (strength > 0) * (0.1 + 0.1 * seed),
            "label_accuracy": 0.9 - (strength > 0) * (0.1 + 0.6 * (seed == 1)),
        }
        for strength in (0.0, 7.5)
        for seed in range(seeds)
    ]


def test_two_pairs_have_no_interval_worth_telling() -> None:
    one, two = (supported_hypotheses(results(runs(seeds)), "") for seeds in (1, 2))
    assert [support.interval for support in (*one, *two)] == ["too few for an interval"] * 4
    assert [support.n for support in two] == ["2 pairs of runs"] * 2
    assert two[1].effect == "-40.0 points"
    assert {support.verdict for support in two} == {"undecided"}


def test_no_end_lies_beyond_what_is_possible() -> None:
    diversity, accuracy = supported_hypotheses(results(runs(3)), "")
    # Differences 0.1, 0.2, 0.3: t(2) 4.303 times 0.1 / sqrt 3 is 0.248.
    assert diversity.interval == "-0.048 to +0.448"
    # -10, -70, -10 points: the mean is -30, and 4.303 * 20 is 86.
    assert accuracy.interval == "-100.0 to +56.1 points"
    assert COLUMN["diversity"].difference_interval_words(-3.0, 2.5) == "-2.000 to +2.000"


@pytest.mark.parametrize(
    ("runs_", "said"),
    [
        (1, "1 run per side is too few for an interval."),
        (2, "2 runs per side are too few for an interval."),
        (0, ""),
    ],
)
def test_a_note_says_why_there_is_no_interval(runs_: int, said: str) -> None:
    nothing = float("nan") if not runs_ else 0.5
    assert basis_sentence(Contrast(0.4, nothing, None, None, runs_, ""), conditions=2) == said

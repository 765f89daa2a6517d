"""The replication card, first of all on the paper's own values."""

import pandas as pd
import pytest

from core.analysis.findings.findings import FINDING_TITLES, POOLED, Finding, card
from core.analysis.frames.paper import (
    AVERAGE,
    paper_conditions,
    paper_filtering,
    paper_label_replacement,
    task_keys,
)
from tests.analysis.made_results import results


def test_the_papers_own_values_give_its_own_findings() -> None:
    found = {one.number: one for one in card(paper_conditions())}
    assert list(found) == list(FINDING_TITLES) == [1, 2, 3, 4, 5, 6, 7]
    assert [found[number].verdict for number in (1, 2, 3, 4)] == ["holds"] * 4
    for number in (1, 2, 3, 4):
        for hypothesis in found[number].hypotheses:
            if not hypothesis.missing:
                assert hypothesis.effect.mean == hypothesis.paper
        assert found[number].paper_of == "the eight tasks"
        assert found[number].notes == (POOLED,)
    assert [hypothesis.effect.n for hypothesis in found[1].hypotheses] == [8, 8, 0]
    assert [(one.independent, one.unit) for one in found[1].hypotheses[2:]] == [
        (None, "pairs of conditions")
    ]
    for hypothesis in found[1].hypotheses[:2]:
        assert hypothesis.independent is not None
        assert (hypothesis.unit, hypothesis.independent.n) == ("tasks", 64)
        assert hypothesis.independent_unit == "pairs of conditions"
        assert hypothesis.independent.mean == pytest.approx(hypothesis.effect.mean)
    assert found[1].missing == (
        "It can't be tested whether logit suppression (0 to 7.5) lowers similarity: similarity was "
        "not measured.",
    )
    # Similarity is read off the means alone; there it falls, too.
    means = card(paper_conditions(AVERAGE))[0]
    assert means.verdict == "holds"
    assert means.hypotheses[2].effect.mean == pytest.approx(-0.01225)
    assert means.hypotheses[2].verdict == "holds"


def test_effects_of_the_paper_are_the_means_of_its_figures() -> None:
    read = paper_conditions()
    on = read[read["suppression"] > 0]["diversity"].mean()
    off = read[read["suppression"] == 0]["diversity"].mean()
    assert paper_effects(card(read)[0])["diversity"] == pytest.approx(on - off)


def test_whether_suppression_costs_more_accuracy_is_open_in_the_paper_itself() -> None:
    found = {hypothesis.name: hypothesis for hypothesis in card(paper_conditions())[1].hypotheses}
    assert found["label_accuracy_less"].verdict == "undecided"
    assert not found["label_accuracy_less"].counts
    assert found["diversity_less"].verdict == "holds"


def test_the_papers_repairs() -> None:
    sixth = card(paper_label_replacement())[5]
    assert sixth.verdict == "holds"
    assert [hypothesis.name for hypothesis in sixth.hypotheses if hypothesis.counts] == [
        *(f"gain_{budget}" for budget in ("90", "180", "270", "all")),
        "gain_by_diversity",
    ]
    told = [hypothesis.name for hypothesis in sixth.hypotheses if not hypothesis.counts]
    assert told == [f"others_{budget}" for budget in ("90", "180", "270")]
    assert paper_effects(sixth)["gain_all"] == pytest.approx(0.11675)
    seventh = card(paper_filtering())[6]
    assert seventh.verdict == "holds"
    assert seventh.hypotheses[0].effect.mean == pytest.approx(-0.017 / 12)
    assert (seventh.hypotheses[1].effect.mean, seventh.hypotheses[1].effect.n) == (0.2, 10)


def test_one_task_stands_beside_its_own_values_in_the_paper() -> None:
    frame = paper_conditions("SST2")
    found = card(frame)
    assert found[0].paper_of == "SST2"
    assert found[0].hypotheses[0].effect.mean == found[0].hypotheses[0].paper
    assert POOLED not in found[0].notes
    assert set(frame["task_key"]) == {task_keys()["SST2"]}


def reversed_suppression() -> pd.DataFrame:
    return results(
        {
            "suppression": s,
            "seed": seed,
            "diversity": 0.3 - 0.1 * (s > 0) - 0.001 * seed * (s > 0),
            "label_accuracy": 0.9 - 0.2 * (s > 0) - 0.001 * seed * (s > 0),
            "similarity": 0.8 - 0.05 * (s > 0) - 0.001 * seed * (s > 0),
        }
        for s in (0.0, 7.5)
        for seed in range(3)
    )


def test_a_finding_that_does_not_hold() -> None:
    first = card(reversed_suppression())[0]
    assert first.verdict == "does not"
    assert [hypothesis.verdict for hypothesis in first.hypotheses] == ["does not", "holds", "holds"]
    assert first.sentence.startswith(
        "Does not hold here: logit suppression (0 to 7.5) raises diversity: does not (-0.101, "
    )
    assert "3 pairs of runs, paper +0.052)" in first.sentence
    assert first.missing == ()


def test_two_repeats_decide_nothing() -> None:
    frame = reversed_suppression()
    assert card(frame[frame["seed"] < 2])[0].verdict == "undecided"


def test_what_is_missing_is_said() -> None:
    found = {one.number: one for one in card(reversed_suppression())}
    assert [found[number].verdict for number in (2, 3, 4, 5, 6, 7)] == ["undecided"] * 6
    assert found[4].sentence == "Undecided: no two results differ in seed examples alone."
    assert "no regression: no result has model accuracy" in found[5].sentence
    assert "no result is repaired by LR" in found[6].sentence
    assert all(one.missing for number, one in found.items() if number > 1)
    assert paper_effects(found[6])["gain"] is None


def test_the_fifth_is_a_regression() -> None:
    fifth = card(paper_conditions())[4]
    assert fifth.verdict == "holds"
    assert [hypothesis.verdict for hypothesis in fifth.hypotheses] == [
        "holds",
        "holds",
        "undecided",
    ]
    assert fifth.hypotheses[2].missing == "similarity was not measured"
    assert (fifth.hypotheses[0].unit, fifth.hypotheses[0].effect.n) == ("tasks", 8)
    assert fifth.hypotheses[0].independent_unit == "conditions"
    assert paper_effects(fifth)["label_accuracy"] == 0.4797


def test_it_is_the_same_again_and_of_nothing_undecided() -> None:
    assert [finding.sentence for finding in card(paper_conditions())] == [
        finding.sentence for finding in card(paper_conditions())
    ]
    assert [finding.verdict for finding in card(results([]))] == ["undecided"] * 7


def paper_effects(finding: Finding) -> dict[str, float | None]:
    return {hypothesis.name: hypothesis.paper for hypothesis in finding.hypotheses}

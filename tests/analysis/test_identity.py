"""What tells results apart, and in which words."""

from dataclasses import replace

from core.analysis.frames.identity import classifier_name, other_settings, result_key
from core.domain.conditions import Condition, Suppression
from core.domain.runs import RunSpec
from core.sweeps.assessment.recipe import Recipe
from core.sweeps.grid.plan import condition_key
from tests.analysis.made_results import SST2, assessment, spec_of

SETTINGS = Recipe().to_dict()


def test_chance_and_effort_leave_the_key_as_it_is() -> None:
    spec, result = spec_of(0.7, 7.5, 4), assessment([])
    key = result_key(spec, SETTINGS, result)
    assert key.split("-")[0] == condition_key(spec)
    assert result_key(replace(spec, seed=9), SETTINGS, result) == key
    effort = Recipe(budgets=(0, 10), lr_repeats=2, seed=4, filter=True).to_dict()
    assert result_key(spec, effort, result) == key


def test_another_way_of_measuring_is_another_key() -> None:
    spec, result = spec_of(), assessment([])
    keys = {
        result_key(spec, SETTINGS, result),
        result_key(replace(spec, per_label=7), SETTINGS, result),
        result_key(spec, Recipe(weight=0.5).to_dict(), result),
        result_key(spec, Recipe(reference="r1").to_dict(), result),
        result_key(spec, SETTINGS, assessment([], encoder="bert, cls pooling")),
        result_key(spec, SETTINGS, assessment([], classifier="fine-tuning")),
    }
    assert len(keys) == 6


def test_classifiers_by_name() -> None:
    assert classifier_name(SETTINGS, {"classifier": "probe"}) == "linear probe"
    assert classifier_name(SETTINGS, {"classifier": "fine-tuning"}) == "fine-tuned embedded"
    assert classifier_name(SETTINGS, {"classifier": "none"}) == ""


def test_only_the_unusual_is_told() -> None:
    plain = spec_of()
    assert other_settings([(plain, SETTINGS), (spec_of(1.3, 7.5, 4), SETTINGS)]) == ["", ""]
    odd = RunSpec(
        task=SST2,
        condition=Condition(
            top_p=0.9, prompt="chat", only_new=True, suppression=Suppression(5, 50, scope="label")
        ),
        per_label=100,
    )
    assert other_settings([(odd, {**SETTINGS, "weight": 0.5})]) == [
        "top_p 0.9 · 50 suppressed tokens · tokens counted by label · prompt chat · "
        "unique texts only · LR weight 0.5"
    ]


def test_what_has_no_default_is_told_where_it_differs() -> None:
    runs = [(spec_of(), SETTINGS), (spec_of(per_label=7), {**SETTINGS, "reference": "abc"})]
    assert other_settings(runs) == [
        "texts per label 100 · no reference",
        "texts per label 7 · reference abc",
    ]


def test_a_suppression_next_to_without_effect_is_named() -> None:
    # All ten texts of a label come in one request: nothing was counted before.
    assert other_settings([(spec_of(0.7, 7.5, per_label=10), SETTINGS)]) == [
        "suppression has almost no effect"
    ]

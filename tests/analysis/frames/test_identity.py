"""What tells results apart, and in which words."""

from dataclasses import replace

from core.analysis.frames.results import classifier_name, other_settings, result_key
from core.domain.conditions import Condition, Suppression
from core.domain.runs import RunSpec
from core.sweeps.assessment.recipe import Recipe
from core.sweeps.assessment.results import AssessmentResult
from core.sweeps.grid.plan import condition_key
from tests.analysis.made_results import SST2, assessment, spec_of, stage

RECIPE = Recipe()


def result_of(**values: str) -> AssessmentResult:
    return AssessmentResult.from_dict(assessment([], **values))


def test_chance_and_effort_leave_the_key_as_it_is() -> None:
    spec, result = spec_of(0.7, 7.5, 4), result_of()
    key = result_key(spec, RECIPE, result)
    assert key.split("-")[0] == condition_key(spec)
    assert result_key(replace(spec, seed=9), RECIPE, result) == key
    effort = Recipe(budgets=(0, 10), lr_repeats=2, seed=4, filter=True)
    assert result_key(spec, effort, result) == key


def test_another_way_of_measuring_is_another_key() -> None:
    spec, result = spec_of(), result_of()
    keys = {
        result_key(spec, RECIPE, result),
        result_key(replace(spec, per_label=7), RECIPE, result),
        result_key(spec, Recipe(weight=0.5), result),
        result_key(spec, Recipe(reference="r1"), result),
        result_key(spec, RECIPE, result_of(encoder="bert, cls pooling")),
        result_key(spec, RECIPE, result_of(classifier="fine-tuning")),
    }
    assert len(keys) == 6


def test_classifiers_by_name() -> None:
    assert classifier_name(RECIPE, result_of(classifier="probe")) == "linear probe"
    assert classifier_name(RECIPE, result_of(classifier="fine-tuning")) == "fine-tuned embedded"
    assert classifier_name(RECIPE, result_of(classifier="none")) == ""


def test_only_the_unusual_is_told() -> None:
    plain = spec_of()
    assert other_settings([(plain, RECIPE), (spec_of(1.3, 7.5, 4), RECIPE)]) == ["", ""]
    odd = RunSpec(
        task=SST2,
        condition=Condition(
            top_p=0.9, prompt="chat", only_new=True, suppression=Suppression(5, 50, scope="label")
        ),
        per_label=100,
    )
    assert other_settings([(odd, Recipe(weight=0.5))]) == [
        "top_p 0.9 · 50 suppressed tokens · tokens counted by label · prompt chat · "
        "unique texts only · LR weight 0.5"
    ]


def test_what_has_no_default_is_told_where_it_differs() -> None:
    runs = [(spec_of(), RECIPE), (spec_of(per_label=7), Recipe(reference="abc"))]
    assert other_settings(runs) == [
        "texts per label 100 · no reference",
        "texts per label 7 · reference abc",
    ]


def test_a_suppression_next_to_without_effect_is_named() -> None:
    # All ten texts of a label come in one request: nothing was counted before.
    assert other_settings([(spec_of(0.7, 7.5, per_label=10), RECIPE)]) == [
        "suppression has almost no effect"
    ]


def test_a_metric_that_is_newer_than_a_result_is_unknown_there() -> None:
    stored = stage(diversity=0.5)
    del stored["diversity"]
    (read,) = AssessmentResult.from_dict(assessment([stored])).stages
    assert read.scores["diversity"].value is None
    assert "newer" in (read.scores["diversity"].why or "")

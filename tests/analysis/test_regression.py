"""The regression against statsmodels, numpy and coefficients put in by hand."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from statsmodels.stats.outliers_influence import variance_inflation_factor

from core.analysis.regression import PREDICTORS, CannotRegress, regress, sentence
from tests.analysis.made_results import results


def made(n: int = 40, *, tasks: int = 1, noise: float = 0.02, seed: int = 0) -> pd.DataFrame:
    """Model accuracy is 0.1 + 0.5 label accuracy + 0.8 diversity + 0 similarity + noise, and 0.2
    more in each further task, which is less diverse by 0.1."""
    rng = np.random.default_rng(seed)
    rows = []
    for k in range(n):
        task = k % tasks
        label, diverse, alike = rng.uniform(0.4, 1), rng.uniform(0.1, 0.4), rng.uniform(0.7, 0.9)
        target = 0.1 + 0.5 * label + 0.8 * diverse + 0.2 * task + noise * rng.normal()
        rows.append(
            {
                "task": f"task {task}",
                "task_key": f"t{task}",
                "seed": k,
                "label_accuracy": label,
                "diversity": diverse - 0.1 * task,
                "similarity": alike,
                "model_accuracy": target,
            }
        )
    return results(rows)


def test_raw_agrees_with_statsmodels_and_with_what_was_put_in() -> None:
    frame = made(200)
    found = regress(frame, specification="raw")
    reference = smf.ols("model_accuracy ~ label_accuracy + diversity + similarity", frame).fit()
    for one in found.coefficients:
        assert one.value == pytest.approx(reference.params[one.name])
        assert (one.low, one.high) == pytest.approx(tuple(reference.conf_int().loc[one.name]))
        assert one.p == pytest.approx(reference.pvalues[one.name], abs=1e-12)
    assert found.intercept == pytest.approx(reference.params["Intercept"])
    assert (found.r2, found.adjusted_r2) == pytest.approx(
        (reference.rsquared, reference.rsquared_adj)
    )
    assert found.fitted == pytest.approx(tuple(reference.fittedvalues))
    assert found.residuals == pytest.approx(tuple(reference.resid))
    assert found.points == tuple(frame["point"])
    values = {one.name: one.value for one in found.coefficients}
    assert values["label_accuracy"] == pytest.approx(0.5, abs=0.03)
    assert values["diversity"] == pytest.approx(0.8, abs=0.06)
    assert (found.n, found.runs, found.tasks, found.robust) == (200, 200, 1, False)


def test_by_hand() -> None:
    # Both predictors are -1 and 1 in all four combinations, twice: each slope is half a difference
    # of means, (5 - 1) / 2 = 2 and (4 - 2) / 2 = 1; the noise is orthogonal to both.
    values = [(1, 1, 6), (1, -1, 4), (-1, 1, 2), (-1, -1, 0)] * 2
    noise = [0.5, -0.5, -0.5, 0.5, -0.5, 0.5, 0.5, -0.5]
    frame = results(
        {"label_accuracy": a, "diversity": b, "model_accuracy": y + e, "seed": k}
        for k, ((a, b, y), e) in enumerate(zip(values, noise, strict=True))
    )
    found = regress(frame, specification="raw")
    assert [one.value for one in found.coefficients] == pytest.approx([2, 1])
    assert found.intercept == pytest.approx(3)
    assert [one.inflation for one in found.coefficients] == pytest.approx([1, 1])
    # All variance: 8 (2^2 + 1^2) + 8 * 0.25 = 42, of which 2 is left.
    assert found.r2 == pytest.approx(40 / 42)
    assert found.adjusted_r2 == pytest.approx(1 - 2 / 42 * 7 / 5)
    assert found.notes == ("No result has the similarity: it is left out.",)


def test_standardised_is_raw_in_other_units() -> None:
    frame = made()
    raw = regress(frame, specification="raw")
    found = regress(frame, specification="standardised")
    for one, other in zip(found.coefficients, raw.coefficients, strict=True):
        unit = frame[one.name].std() / frame["model_accuracy"].std()
        assert one.value == pytest.approx(other.value * unit)
        assert (one.low, one.high) == pytest.approx((other.low * unit, other.high * unit))
        assert one.p == pytest.approx(other.p)
    assert found.intercept is None
    assert found.r2 == pytest.approx(raw.r2)


def test_within_task_leaves_the_tasks_out() -> None:
    frame = made(90, tasks=3)
    columns = ["model_accuracy", *PREDICTORS]
    groups = frame.groupby("task_key")[columns]
    scaled = (frame[columns] - groups.transform("mean")) / groups.transform("std")
    found = regress(frame, specification="standardised within task")
    slopes = np.linalg.lstsq(scaled[list(PREDICTORS)], scaled["model_accuracy"], rcond=None)[0]
    assert [one.value for one in found.coefficients] == pytest.approx(list(slopes))
    # Each task's mean costs a degree of freedom, as dummies do.
    dummies = smf.ols(
        "model_accuracy ~ label_accuracy + diversity + similarity + C(task_key)",
        scaled.assign(task_key=frame["task_key"]),
    ).fit()
    for one in found.coefficients:
        assert (one.low, one.high) == pytest.approx(tuple(dummies.conf_int().loc[one.name]))
    assert found.r2 == pytest.approx(dummies.rsquared)
    assert found.tasks == 3
    # Between tasks accuracy rises as diversity falls; within them it rises with it.
    pooled = regress(frame, specification="raw")
    assert pooled.coefficients[1].value < 0 < found.coefficients[1].value


def test_a_task_that_does_not_vary_is_left_out_within() -> None:
    frame = made(30, tasks=2)
    frame.loc[frame["task_key"] == "t1", "diversity"] = 0.2
    found = regress(frame, specification="standardised within task")
    assert (found.n, found.tasks) == (15, 1)
    assert found.notes == ("task 1 is left out: its diversity does not vary.",)


def test_variance_inflation_agrees_with_statsmodels() -> None:
    frame = made()
    frame["similarity"] = 0.9 - 0.5 * frame["diversity"] + 0.02 * frame["similarity"]
    found = regress(frame, specification="raw")
    exog = sm.add_constant(frame[list(PREDICTORS)].to_numpy())
    reference = [variance_inflation_factor(exog, at) for at in (1, 2, 3)]
    assert [one.inflation for one in found.coefficients] == pytest.approx(reference)
    assert max(reference) > 10
    assert "hard to tell from the other predictors" in sentence(found)


def test_several_stages_of_a_run_are_clustered() -> None:
    frame = made(24)
    frame["run_id"] = [f"r{k // 3}" for k in range(24)]
    found = regress(frame, specification="raw")
    reference = smf.ols("model_accuracy ~ label_accuracy + diversity + similarity", frame).fit(
        cov_type="cluster", cov_kwds={"groups": np.arange(24) // 3}, use_t=True
    )
    for one in found.coefficients:
        assert (one.low, one.high) == pytest.approx(tuple(reference.conf_int().loc[one.name]))
    assert (found.n, found.runs, found.robust) == (24, 8, True)
    assert "cluster-robust by run, with 8 clusters" in found.notes[-1]


def test_too_little_is_refused_with_a_reason() -> None:
    frame = made(5)
    assert regress(made(6), specification="raw").n == 6
    with pytest.raises(CannotRegress, match=r"4 results are too few for 3 coefficients\."):
        regress(frame[:4], specification="raw")
    clustered = made(30)
    clustered["run_id"] = [f"r{k % 4}" for k in range(30)]
    with pytest.raises(CannotRegress, match=r"30 results of 4 runs are too few"):
        regress(clustered, specification="raw")
    with pytest.raises(CannotRegress, match=r"and the means of 3 tasks\."):
        regress(made(6, tasks=3), specification="standardised within task")


@pytest.mark.parametrize(
    ("column", "words"),
    [("diversity", "The diversity is the same"), ("model_accuracy", "The model accuracy is")],
)
def test_a_constant_column_is_refused(column: str, words: str) -> None:
    with pytest.raises(CannotRegress, match=words):
        regress(made().assign(**{column: 0.3}), specification="raw")


def test_predictors_that_determine_each_other_are_refused() -> None:
    frame = made()
    frame["similarity"] = 1 - 0.5 * frame["diversity"] + 0.1 * frame["label_accuracy"]
    with pytest.raises(CannotRegress, match="determine each other"):
        regress(frame, specification="raw")


def test_results_without_errors_are_refused() -> None:
    with pytest.raises(CannotRegress, match="without any error"):
        regress(made(noise=0.0), specification="raw")


def test_rows_that_lack_a_value_are_left_out() -> None:
    frame = made()
    frame.loc[3, "diversity"] = np.nan
    found = regress(frame, specification="raw")
    assert found.n == 39
    assert found.notes == ("1 of 40 results lack a value and are left out.",)
    with pytest.raises(CannotRegress, match="No result has model accuracy and a predictor"):
        regress(frame.assign(model_accuracy=np.nan), specification="raw")
    with pytest.raises(CannotRegress, match="No result has"):
        regress(frame[:0], specification="raw")


def test_the_sentence_says_what_holds_and_what_does_not() -> None:
    said = sentence(regress(made(200), specification="raw"))
    assert said.startswith("Over 200 runs, model accuracy rises with label accuracy (+0.5")
    assert " and rises with diversity (+0.8" in said
    assert "Nothing can be said about similarity (" in said
    assert "its interval includes 0" in said
    assert "are few for" not in said
    few = sentence(regress(made(12, noise=0.5), specification="standardised"))
    assert "12 runs are few for 3 predictors." in few
    assert few.endswith("Correlation is not causation.")


def test_the_papers_coefficients_stand_beside() -> None:
    fit = regress(made(), specification="standardised")
    assert [term.paper for term in fit.coefficients] == [0.4797, 0.226, 0.198]


def test_within_tasks_the_means_count_as_explained_nowhere() -> None:
    # Each task: x is -1, -1, 1, 1; y is x and a noise orthogonal to it. Both shift by the task.
    rows = [
        {"task_key": task, "diversity": x + shift, "model_accuracy": x + e - 9 * shift}
        for shift, task in enumerate("ab")
        for x, e in ((-1, 0.5), (-1, -0.5), (1, 0.5), (1, -0.5))
    ]
    found = regress(results(rows), specification="standardised within task")
    # Within: 8 of 10 is explained; 8 rows less 2 means to begin with, less 1 slope in the end.
    assert found.r2 == pytest.approx(8 / 10)
    assert found.adjusted_r2 == pytest.approx(1 - (2 / 5) / (10 / 6))
    assert any("the intervals are too narrow" in note for note in found.notes)
    alone = regress(results(rows[:4]), specification="standardised")
    assert not any("too narrow" in note for note in alone.notes)


def test_repaired_results_say_what_their_label_accuracy_is() -> None:
    frame = made(20)
    later = made(20, seed=1).assign(inspected="all", run_id=frame["run_id"])
    both = pd.concat([frame, later], ignore_index=True)
    assert any("right by definition" in note for note in regress(both, specification="raw").notes)
    assert not any("definition" in note for note in regress(frame, specification="raw").notes)


def test_several_tasks_are_said_to_be_taken_as_independent() -> None:
    told = sentence(regress(made(60, tasks=3), specification="standardised within task"))
    assert told.startswith("Over 60 runs of 3 tasks, as if they were independent, model accuracy ")

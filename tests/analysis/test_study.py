"""A study: everything together, fit for storing, the same again."""

import json
import subprocess
import sys

from core.analysis.regression import Regression, sentence
from core.analysis.study import NoRegression, Study, study
from tests.analysis.made_results import results
from tests.analysis.test_regression import made


def read_back(found: Study) -> Study:
    written = json.dumps(found.to_json(), allow_nan=False)
    again = Study.from_json(json.loads(written))
    assert again is not None
    assert json.dumps(again.to_json(), allow_nan=False) == written
    return again


def test_all_is_there_and_fit_for_storing() -> None:
    frame = made(40, tasks=2)
    found = study(frame)
    assert read_back(found).regression == found.regression
    assert study(frame).to_json() == found.to_json()
    assert (found.n, found.runs, found.tasks) == (40, 40, ("task 0", "task 1"))
    assert set(found.regression) == {"as generated", "all stages"}
    within = found.regression["as generated"]["standardised within task"]
    assert isinstance(within, Regression)
    assert found.sentence == sentence(within)
    assert [finding.number for finding in found.card] == [1, 2, 3, 4, 5, 6, 7]
    assert set(found.card_by_task) == {"task 0", "task 1"}
    assert found.mixtures == ()


def test_the_exported_shape_names_claims_and_the_papers_values() -> None:
    data = json.loads(json.dumps(study(made(40, tasks=2)).to_json()))
    assert set(data) == {
        "version", "n", "runs", "points", "tasks", "mixtures", "regression", "paper_coefficients",
        "paper_note", "sentence", "card", "card_by_task", "paper_source",
    }  # fmt: skip
    finding = data["card"][4]
    assert set(finding) == {
        "finding", "title", "verdict", "sentence", "claims", "paper_of", "missing", "notes",
    }  # fmt: skip
    claim = finding["claims"][0]
    assert set(claim) == {
        "name", "words", "measure", "direction", "verdict", "unit", "missing", "counts", "remark",
        "independent", "independent_unit", "mean", "low", "high", "n", "paper",
    }  # fmt: skip
    assert claim["paper"] == 0.4797
    assert set(claim["independent"]) == {"mean", "low", "high", "n"}
    fit = data["regression"]["as generated"]["raw"]
    assert {"specification", "coefficients", "r2", "paper_note", "sentence"} <= set(fit)
    assert "not stated" in data["paper_note"]


def test_a_study_of_another_version_is_none() -> None:
    data = study(results([])).to_json()
    assert Study.from_json({**data, "version": 3}) is None
    assert Study.from_json({}) is None


def test_repairs_count_in_the_regression_over_all_stages_alone() -> None:
    frame = made(20)
    repaired = made(20, seed=1).assign(inspected="all", run_id=frame["run_id"])
    rows = [*frame.to_dict("records"), *repaired.to_dict("records")]
    found = study(results(rows)).regression
    raw, every = found["as generated"]["raw"], found["all stages"]["raw"]
    assert isinstance(raw, Regression)
    assert isinstance(every, Regression)
    assert raw.n == 20
    assert (every.n, every.robust) == (40, True)


def test_too_little_gives_reasons_instead() -> None:
    for frame in (results([]), results([{"diversity": 0.2}])):
        found = study(frame)
        read_back(found)
        refused = found.regression["as generated"]["raw"]
        assert isinstance(refused, NoRegression)
        assert refused.refused.startswith("No result has")
        assert found.sentence.startswith("No regression: No result has")


def test_what_a_page_calls_loads_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from core.analysis import recommendation as advice, frontier, recommendation as target\n"
        "from core.analysis.frames import paper, results\n"
        "points = paper.paper_label_replacement()\n"
        "frontier.frontier(points)\n"
        "results.mixtures(points)\n"
        "results.points_frame(results.results_frame([]))\n"
        "wanted = target.Target(at_least={'label_accuracy': 0.9})\n"
        "advice.advise(points, wanted, conservative=True)\n"
        "print(*sorted({'scipy', 'statsmodels', 'sklearn', 'torch'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr

"""A study: everything together, fit for storing, the same again."""

import json
import subprocess
import sys

from core.analysis.study import study
from tests.analysis.made_results import results
from tests.analysis.test_regression import made


def test_all_is_there_and_fit_for_storing() -> None:
    frame = made(40, tasks=2)
    found = study(frame)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert study(frame) == found
    assert (found["n"], found["runs"], found["tasks"]) == (40, 40, ["task 0", "task 1"])
    assert set(found["regression"]) == {"as generated", "all stages"}
    within = found["regression"]["as generated"]["standardised within task"]
    assert found["sentence"] == within["sentence"]
    assert [one["finding"] for one in found["card"]] == [1, 2, 3, 4, 5, 6, 7]
    assert set(found["card_by_task"]) == {"task 0", "task 1"}
    assert found["mixtures"] == []


def test_repairs_count_in_the_regression_over_all_stages_alone() -> None:
    frame = made(20)
    repaired = made(20, seed=1).assign(inspected="all", run_id=frame["run_id"])
    rows = [*frame.to_dict("records"), *repaired.to_dict("records")]
    found = study(results(rows))["regression"]
    assert found["as generated"]["raw"]["n"] == 20
    assert (found["all stages"]["raw"]["n"], found["all stages"]["raw"]["robust"]) == (40, True)


def test_too_little_gives_reasons_instead() -> None:
    for frame in (results([]), results([{"diversity": 0.2}])):
        found = study(frame)
        assert json.loads(json.dumps(found, allow_nan=False)) == found
        assert found["regression"]["as generated"]["raw"]["refused"].startswith("No result has")
        assert found["sentence"].startswith("No regression: No result has")


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

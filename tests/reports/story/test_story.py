"""The story: what it says is what the numbers carry."""

import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pandas as pd
import pytest

from core.analysis.frames.results import points_frame, results_frame, stored_results
from core.domain.settings import Home
from core.reports.stored_report import story_texts
from core.reports.story.step import Step
from core.reports.story.story import Story, build_story
from core.store.database import open_database
from tests.analysis.made_results import SST2, measured, results, spec_of, stage
from tests.analysis.study_store import Values, finished_sweep, nothing_there, trade_off

KINDS = ["samples", "openings", "side_by_side", "frontier", "repairs", "utility", "recommendation"]


def made(values: Values, *, repeats: int = 2, ends: float | None = None) -> pd.DataFrame:
    """A results frame of two temperatures and two strengths."""
    rows = []
    for repeat in range(repeats):
        for heat in (0.3, 1.3):
            for strength in (0.0, 7.5):
                stages = []
                for inspected in ("0", "4", "all"):
                    told: dict[str, Any] = dict(values(heat, strength, repeat, inspected))
                    if ends is not None:
                        told = {k: (v, v - ends, v + ends) for k, v in told.items()}
                    stages.append(stage(inspected, n=12, **told))
                spec = spec_of(heat, strength, seed=repeat)
                rows.append(measured(f"r{repeat}-{heat}-{strength}", spec, stages))
    return results_frame(rows)


def tell(frame: pd.DataFrame, texts: Sequence[tuple[str, str]] = (), **more: Any) -> Story:
    samples = {one: list(texts) for one in frame["condition"]}
    return build_story(points_frame(frame), frame, samples, task=more.get("task", SST2))


def steps(found: Story) -> dict[str, Step]:
    assert [step.kind for step in found.steps] == KINDS
    return {step.kind: step for step in found.steps}


def test_a_trade_off_is_told_as_one() -> None:
    found = tell(made(trade_off), [("I am so happy.", "positive"), ("I am so sad.", "negative")])
    told = steps(found)
    assert told["samples"].left == (("I am so happy.", "positive"), ("I am so sad.", "negative"))
    assert told["samples"].numbers[1].value == "4"
    assert told["openings"].title == "Conservative settings: the model repeats itself"
    assert told["openings"].sentence.startswith("2 of 2 texts begin with “i am so”.")
    assert told["side_by_side"].title == "Turning up the knobs: texts become more diverse"
    assert told["side_by_side"].sentence == (
        "Temperature 0.3 to 1.3, logit suppression 0 to 7.5. "
        "Diversity rises from 0.300 to 0.500: +0.200 (+0.184 to +0.216)."
    )
    assert told["frontier"].title == "The cost: fewer labels are correct"
    assert "-20.0 points (-21.6 to -18.4 points)" in told["frontier"].sentence
    assert told["repairs"].title == "Correcting labels: inspecting 4 texts raises label accuracy"
    assert "from 70.0% to 82.0%" in told["repairs"].sentence
    assert told["repairs"].sentence.endswith("Turning up the knobs had cost 20.0 points.")
    assert told["utility"].title == "Worth it: corrected diverse data trains a better classifier"
    assert [(bar.kind, round(bar.value, 3)) for bar in told["utility"].bars] == [
        ("baseline", 0.6),
        ("most_diverse", 0.64),
        ("baseline repaired", 0.6),
        ("most_diverse repaired", 0.7),
        ("real", 0.9),
    ]
    assert "T 1.3 · S 7.5 · unseeded, LR with 4 inspected" in told["recommendation"].sentence
    assert "The best of 12 measured points is partly chance" in told["recommendation"].note
    assert {one.verdict for one in told["recommendation"].support} == {"holds"}
    assert found.inspected == "4"


def test_where_nothing_is_there_nothing_is_claimed() -> None:
    told = steps(tell(made(nothing_there)))
    assert told["openings"].title == "Conservative settings: the model repeats little"
    assert told["side_by_side"].title == "Turning up the knobs: no clear change in diversity"
    assert "includes 0" in told["side_by_side"].sentence
    assert told["frontier"].title == "The cost: no clear change in label accuracy"
    assert told["repairs"].title == "Correcting labels: inspecting 4 texts shows no clear gain"
    assert told["utility"].title == "Corrected diverse data shows no clear gain"
    assert {one.verdict for one in told["recommendation"].support} == {"undecided"}
    claims = " ".join(f"{step.title} {step.sentence}" for step in told.values())
    assert not any(word in claims for word in (" rises", " falls", "raises label", "Worth it"))


def test_the_opposite_is_said_where_it_is_so() -> None:
    def turned(heat: float, strength: float, repeat: int, inspected: str) -> dict[str, float]:
        told = trade_off(heat, strength, repeat, inspected)
        back = 0.0 if inspected == "0" else 0.2
        return {
            **told,
            "diversity": 1 - told["diversity"],
            "label_accuracy": 1.2 - trade_off(heat, strength, repeat, "0")["label_accuracy"] - back,
            "model_accuracy": 1.2 - told["model_accuracy"],
        }

    told = steps(tell(made(turned)))
    assert told["side_by_side"].title == "Turning up the knobs: texts become less diverse"
    assert "Diversity falls from 0.700 to 0.500" in told["side_by_side"].sentence
    assert told["frontier"].title == "No cost here: more labels are correct"
    assert told["repairs"].title == "Correcting labels: inspecting 4 texts lowers label accuracy"
    assert told["utility"].title == ("Not worth it here: corrected diverse data does worse")


def test_what_the_repair_did_is_not_taken_for_what_the_knobs_did() -> None:
    def by_repair_alone(
        heat: float, strength: float, repeat: int, inspected: str
    ) -> dict[str, float]:
        told = trade_off(heat, strength, repeat, inspected)
        chance = 0.01 if (repeat + (heat > 0.5)) % 2 else -0.01
        return told | {"model_accuracy": (0.5 if inspected == "0" else 0.7) + chance}

    told = steps(tell(made(by_repair_alone)))["utility"]
    assert told.title == "Corrected diverse data shows no clear gain"
    assert "70.0% to 70.0%: +0.0 points, but the interval" in told.sentence


def test_single_runs_say_that_another_seed_may_differ() -> None:
    told = steps(tell(made(trade_off, repeats=1, ends=0.03)))
    assert told["side_by_side"].title == "Turning up the knobs: texts become more diverse"
    assert "from the texts of 1 run per side: another seed may give" in told["side_by_side"].note
    bare = steps(tell(made(trade_off, repeats=1)))
    assert bare["side_by_side"].title == "Turning up the knobs: no clear change in diversity"
    assert "(+0.200); there are too few runs for an interval" in bare["side_by_side"].sentence


def test_what_was_not_measured_is_said() -> None:
    rows = [{"temperature": heat, "diversity": 0.2, "task_key": SST2.key} for heat in (0.3, 1.3)]
    told = steps(tell(results(rows)))
    assert told["frontier"].title == "Label accuracy was not measured"
    assert told["repairs"].title == "Correcting labels was not tried"
    assert told["utility"].title == "Downstream utility was not measured"
    assert told["utility"].sentence == "No classifier was trained."
    assert told["openings"].sentence == "The texts of this setting are not available."
    assert "highest diversity" in told["recommendation"].sentence


def test_one_setting_is_no_comparison() -> None:
    told = steps(tell(results([{"diversity": 0.2, "task_key": SST2.key}])))
    assert told["side_by_side"].title == "There is only one setting"


def test_all_looked_at_is_right_by_definition_and_said_so() -> None:
    frame = made(trade_off)
    told = steps(tell(frame[frame["inspected"] != "4"]))
    assert told["repairs"].title == "Correcting labels: inspecting all texts raises label accuracy"
    assert "all are correct by definition" in told["repairs"].sentence


def test_the_fewest_texts_with_a_clear_gain_are_chosen() -> None:
    def late(heat: float, strength: float, repeat: int, inspected: str) -> dict[str, float]:
        raw = trade_off(heat, strength, repeat, "0")
        if inspected == "4":  # no gain yet
            chance = 0.02 if (repeat + (heat > 0.5)) % 2 else -0.02
            return raw | {"label_accuracy": raw["label_accuracy"] + chance}
        return trade_off(heat, strength, repeat, inspected)

    frame = made(late)
    more = made(trade_off)
    more = more[more["inspected"] == "4"].assign(inspected="9")
    more["point"] = more["condition"] + "-9"
    found = tell(pd.concat([frame, more], ignore_index=True))
    assert found.inspected == "9"
    assert tell(frame).inspected == "4"  # none has a clear gain: the most that is not all


def test_nothing_to_tell_and_another_task() -> None:
    assert tell(results([])).steps == ()
    assert tell(results([{"diversity": 0.2}])).steps == ()  # a frame of another task


@pytest.mark.parametrize("hostile", ["</script>", "**bold**", "​"])
def test_texts_come_as_they_are(hostile: str) -> None:
    told = steps(tell(made(trade_off), [(hostile, "positive")] * 5))
    assert told["samples"].left == ((hostile, "positive"),)
    assert told["side_by_side"].left == ((hostile, "positive"),) * 4


def test_a_page_can_tell_it_without_anything_heavy() -> None:
    code = (
        "import sys\n"
        "from core.analysis.frames.paper import paper_conditions\n"
        "from core.reports.story.story import build_story\n"
        "from core.reports import stored_report\n"
        "from core.analysis.frames.results import points_frame, results_frame\n"
        "from core.domain.tasks import preset\n"
        "from tests.reports.story.test_story import made, tell, trade_off\n"
        "tell(made(trade_off))\n"
        "print(*sorted({'statsmodels', 'sklearn', 'torch', 'umap'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


def test_the_texts_of_the_ends_come_from_the_store(home: Home) -> None:
    db = open_database(home)
    finished_sweep(db)
    frame = results_frame(stored_results(db))
    points = points_frame(frame)
    found = story_texts(db, points, frame)
    assert sorted(len(texts) for texts in found.values()) == [12, 12]
    told = steps(build_story(points, frame, found, task=SST2))
    assert told["openings"].texts == 12
    assert told["side_by_side"].right[0] == ("Plot number 0: a marvel in 1.3 ways.", "positive")

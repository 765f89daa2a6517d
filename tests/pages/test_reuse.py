"""Use these settings: the side bar takes over what a run was made with."""

from dataclasses import replace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.domain.conditions import Condition, Suppression
from core.domain.runs import ModelChoice, RunSpec
from core.domain.tasks import preset
from core.store.database import Database
from core.store.generation.runs import list_runs
from core.store.tasks import save_task
from tests.pages.making import make_run, open_run
from tests.store.making import TASK, make_spec

REUSE = ":material/tune: Use these settings"


def reuse(app: AppTest, db: Database, spec: RunSpec) -> RunSpec:
    """The spec of a run started after taking over those of a run with `spec`."""
    run, _ = make_run(db, spec=spec, rows=())
    open_run(app, run)
    app.get_by_key("run_menu").click(REUSE).run()
    assert not app.exception
    app.button(key="start-primary").click().run()
    assert not app.exception
    return list_runs(db)[0].run.spec


def test_every_knob_is_taken_over(app: AppTest, db: Database) -> None:
    spec = RunSpec(
        preset("cola"),
        Condition(
            temperature=1.25,
            top_p=0.9,
            min_p=0.05,
            frequency_penalty=-0.5,
            max_tokens=60,
            suppression=Suppression(strength=3.5, tokens=40, scope="label"),
            prompt="chat",
            strict_order=True,
            only_new=True,
        ),
        per_label=9,
        seed=77,
        model=ModelChoice(model="HuggingFaceTB/SmolLM2-360M-Instruct", device="cpu"),
    )
    assert reuse(app, db, spec) == spec


def test_a_saved_task_is_found_again(app: AppTest, db: Database) -> None:
    save_task(db, TASK)
    spec = replace(make_spec(), task=TASK)
    assert reuse(app, db, spec) == spec


def test_what_a_widget_had_before_is_gone(app: AppTest, db: Database) -> None:
    app.query_params["temperature"] = "0.1"
    app.run()
    app.get_by_key("prompt").set_value("C").run()
    spec = RunSpec(preset("sst2"), Condition(temperature=0.9))
    assert reuse(app, db, spec) == spec


@pytest.mark.parametrize(
    "knobs",
    [
        {"max_tokens": 500},
        {"max_tokens": 1},
        {"max_tokens": 33},
        {"min_p": 0.9},
        {"top_p": 0.01},
        {"temperature": 0.333},
        {"suppression": Suppression(strength=7.25, tokens=33)},
        {"frequency_penalty": 0.015},
    ],
)
def test_values_that_the_command_line_allows(
    app: AppTest, db: Database, knobs: dict[str, Any]
) -> None:
    spec = RunSpec(preset("sst2"), Condition(**knobs))
    assert reuse(app, db, spec) == spec

"""Servers on the Generate page: the choice, suppression there, money, and what a run took."""

from dataclasses import replace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.domain.conditions import Condition, Suppression
from core.domain.connections import Connection, Prices
from core.domain.registries.capabilities import Canary, Capabilities
from core.domain.runs import Attempt, ModelChoice, ModelMetadata, RunSpec
from core.domain.serialization import to_json
from core.domain.spending import SpendingLimit, SpendingLimitReached
from core.jobs import claims
from core.jobs.lease import release, take
from core.jobs.queue import Job, get_job, job_of_run, start_run
from core.store.connections import delete_connection, save_capabilities, save_connection
from core.store.database import Database
from core.store.generation.rounds import add_attempt
from core.store.generation.runs import RunRecord, list_runs, set_metadata
from tests.pages.making import buttons, open_run, table, words
from tests.store.making import make_spec

URL = "http://127.0.0.1:9/v1"
MODEL = ModelChoice(backend="openai", model="m", base_url=URL)
PRICES = Prices(tokens_in=1.0, tokens_out=10.0, currency="EUR")
LIVES, DEAD = Canary(verdict="exact"), Canary(verdict="ignored", why="It does nothing.")
REUSE = ":material/tune: Use these settings"


def connect(db: Database, *, prices: Prices = PRICES) -> None:
    save_connection(db, Connection(base_url=URL, name="Mine", model="m", prices=prices))


def probed(db: Database, *, canary: Canary = LIVES, **more: Any) -> None:
    found = {"n": "exact", "usage": "exact", "frequency_penalty": "exact", **more}
    told = Capabilities(base_url=URL, model="m", tokenizer="server", canary=canary, **found)
    save_capabilities(db, told)


def at_server(app: AppTest) -> AppTest:
    app.run()
    app.selectbox(key="task").select("sst2").run()
    app.get_by_key("model_kind").set_value("Server").run()
    assert not app.exception
    return app


def suppressing(app: AppTest) -> AppTest:
    at_server(app).slider(key="suppression").set_value(7.5).run()
    assert not app.exception
    return app


def started(app: AppTest, db: Database) -> RunSpec:
    app.button(key="start-primary").click().run()
    assert not app.exception
    return list_runs(db)[0].run.spec


def attempt(**more: Any) -> Attempt:
    values: dict[str, Any] = {
        "cycle": 1,
        "label": "pos",
        "texts_asked": 4,
        "texts_returned": 4,
        "attempt": 1,
        "status": 200,
        "outcome": "ok",
        "message": "",
        "seconds": 0.5,
        "tokens_in": 30,
        "tokens_out": 40,
    }
    return Attempt(**{**values, **more})


def served_run(
    db: Database,
    *,
    spec: RunSpec | None = None,
    cap: SpendingLimit | None = None,
    paused: bool = True,
) -> tuple[RunRecord, Job]:
    """A run that its cap paused, or that is under way."""
    run, job = start_run(db, replace(spec or make_spec(), model=MODEL), cap=cap)
    assert take(db, "worker", 1, seconds=600)
    assert claims.claim(db, "worker", job_id=job.id)
    nothing = {"texts_returned": 0, "tokens_in": None, "tokens_out": None}
    for one in (
        attempt(),
        attempt(outcome="too_many_requests", status=429, **nothing),
        attempt(outcome="server_error", status=500, message="=cmd()", **nothing),
    ):
        add_attempt(db, one, run_id=run.id, job_id=job.id)
    told = {
        "phase": "generating",
        "target": 8,
        "accepted": 4,
        "spending": {
            "requests": 3,
            "tokens_in": 30,
            "tokens_out": 40,
            "money": 0.00043,
            "currency": "EUR",
            "projected_tokens": 140,
            "projected_money": 0.00086,
            "cap": None if cap is None else to_json(cap),
            "traffic": {"in_flight": 8, "retrying": 2},
        },
    }
    claims.report(db, job.id, "worker", told)
    if paused:
        why = SpendingLimitReached("The cap of 3 requests is reached.", "Resume with a higher cap.")
        claims.settle(db, job.id, "worker", "paused", why)
        release(db, "worker")
    return run, get_job(db, job.id)


def test_without_a_connection_the_way_to_one_is_shown(app: AppTest, db: Database) -> None:
    at_server(app)
    assert "No connection to a server yet." in words(app)
    assert not buttons(app)["start-primary"]


def test_a_run_of_the_chosen_connection(app: AppTest, db: Database) -> None:
    connect(db)
    probed(db)
    suppressing(app)
    assert "Logit suppression is exact." in words(app)
    assert not app.warning
    spec = started(app, db)
    assert spec.model == MODEL
    assert (spec.condition.suppression.strength, spec.condition.suppression.method) == (
        7.5,
        "logit_bias",
    )


def test_a_model_that_was_never_tested_says_that_the_canary_flies_first(
    app: AppTest, db: Database
) -> None:
    connect(db)
    suppressing(app)
    assert "Not tested yet" in words(app)
    assert "first checks that logit bias works" in words(app)
    assert started(app, db).condition.suppression.method == "logit_bias"


@pytest.mark.parametrize("method", ["frequency_penalty", "avoid_words", "off"])
def test_what_stands_in_for_a_dead_canary_has_to_be_chosen(
    app: AppTest, db: Database, method: str
) -> None:
    connect(db)
    probed(db, canary=DEAD)
    suppressing(app)
    assert "Logit suppression is unsupported" in words(app)
    assert "Choose an approximation" in words(app)
    assert not buttons(app)["start-primary"]
    pills = app.get_by_key("method")
    assert pills.options == [
        "frequency penalty (approximate)",
        "avoid these words (approximate)",
        "off",
    ]
    pills.set_value(method).run()
    assert not app.warning
    used = started(app, db).condition.suppression
    if method == "off":
        assert not used.on
    else:
        assert (used.on, used.method) == (True, method)
        assert f"S 7.5 · suppression by {method.replace('_', ' ')}" in words(app)


def test_a_penalty_that_does_nothing_stands_in_for_nothing(app: AppTest, db: Database) -> None:
    connect(db)
    probed(db, canary=DEAD, frequency_penalty="ignored")
    suppressing(app)
    assert app.get_by_key("method").options == ["avoid these words (approximate)", "off"]


def test_a_knob_without_effect_there_is_refused_before_the_start(
    app: AppTest, db: Database
) -> None:
    connect(db)
    probed(db, temperature="ignored")
    at_server(app)
    assert "The temperature 0.7 would have no effect" in words(app)
    assert not buttons(app)["start-primary"]
    app.slider(key="temperature").set_value(1.0).run()
    assert buttons(app)["start-primary"]


def test_a_prompt_that_goes_as_a_chat_is_told(app: AppTest, db: Database) -> None:
    connect(db)
    probed(db, completions="refused")
    at_server(app)
    assert "Prompt A is sent as a chat" in words(app)
    app.get_by_key("prompt").set_value("chat").run()
    assert "sent as a chat" not in words(app)


def test_the_estimate_is_unknown_until_a_trial_has_told(app: AppTest, db: Database) -> None:
    connect(db)
    probed(db)
    at_server(app).number_input(key="per_label").set_value(20).run()
    assert "At least 2 requests; tokens unknown until a trial has run" in words(app)
    spec = started(app, db)
    run = list_runs(db)[0].run
    add_attempt(db, attempt(texts_returned=10, tokens_in=40, tokens_out=100), run_id=run.id)
    app.button(key="all_runs").click().run()
    assert spec.target == 40
    assert "about 80 tokens in, 400 out; about 0.0041 EUR, based on SST-2 sentiment" in words(app)


def test_a_cap_goes_with_the_run(app: AppTest, db: Database) -> None:
    connect(db)
    probed(db)
    at_server(app).number_input(key="cap-money").set_value(0.5).run()
    app.number_input(key="cap-requests").set_value(3).run()
    started(app, db)
    job = job_of_run(db, list_runs(db)[0].run.id)
    assert job is not None
    assert job.spec["cap"] == {"money": 0.5, "tokens": None, "requests": 3}


@pytest.mark.parametrize(
    ("prices", "usage", "limit", "why"),
    [
        (Prices(), "exact", "money", "A cap in money needs the price"),
        (PRICES, "ignored", "tokens", "does not report the tokens"),
    ],
)
def test_a_cap_that_cant_be_kept_is_refused_with_the_reason(
    app: AppTest, db: Database, prices: Prices, usage: str, limit: str, why: str
) -> None:
    connect(db, prices=prices)
    probed(db, usage=usage)
    at_server(app).number_input(key=f"cap-{limit}").set_value(5).run()
    assert why in words(app)
    assert not buttons(app)["start-primary"]
    app.number_input(key=f"cap-{limit}").set_value(None).run()
    assert buttons(app)["start-primary"]


def test_no_cap_is_offered_for_this_machine(app: AppTest, db: Database) -> None:
    connect(db)
    app.run()
    assert not [one for one in app.number_input if one.key and one.key.startswith("cap-")]


def test_a_run_under_way_tells_what_it_took(app: AppTest, db: Database) -> None:
    connect(db)
    run, _ = served_run(db, paused=False)
    open_run(app, run)
    told = {one.label: one.value for one in app.metric}
    assert told["Spent"] == "0.00043 EUR"
    assert told["Projected"] == "0.00086 EUR"
    assert (told["Tokens in"], told["Tokens out"]) == ("30", "40")
    assert (told["Requests"], told["429s"]) == ("3", "1")
    assert (told["In flight"], told["Retrying"], told["Failed"]) == ("8", "2", "2")


def test_what_the_server_did_not_report_is_unknown_and_not_worked_out(
    app: AppTest, db: Database
) -> None:
    connect(db)
    run, _ = served_run(db)
    add_attempt(db, attempt(tokens_in=None, tokens_out=None), run_id=run.id)
    open_run(app, run)
    told = {one.label: one.value for one in app.metric}
    names = ("Spent", "Tokens in", "Tokens out")
    assert [told[name] for name in names] == ["unknown"] * 3
    assert told["Requests"] == "4"
    assert "Projected" not in told


def test_raising_the_cap_and_going_on_is_one_step(app: AppTest, db: Database) -> None:
    connect(db)
    probed(db)
    run, job = served_run(db, cap=SpendingLimit(requests=3))
    open_run(app, run)
    assert "The cap of 3 requests is reached." in words(app)
    assert "Capped at 3 requests." in words(app)
    assert not buttons(app)["resume_capped"]
    app.number_input(key=f"raise-{run.id}-requests").set_value(9).run()
    app.button(key="resume_capped").click().run()
    assert not app.exception
    job = get_job(db, job.id)
    assert (job.state, job.spec["cap"]["requests"]) == ("queued", 9)


def test_settings_tell_the_server_the_method_and_every_request(app: AppTest, db: Database) -> None:
    connect(db)
    spec = replace(
        make_spec(),
        condition=Condition(suppression=Suppression(strength=7.5, method="avoid_words")),
    )
    run, _ = served_run(db, spec=spec)
    used = ModelMetadata(backend="openai", base_url=URL, suppression="avoid_words")
    set_metadata(db, run.id, used)
    app.session_state["run_tabs"] = "Settings"
    open_run(app, run)
    model = next(f.value for f in app.dataframe if "Requested" in list(f.value.get("setting", ())))
    told = dict(zip(model["setting"], model["value"], strict=True))
    assert told["Base url"] == URL
    assert told["Suppression method used"] == "avoid these words (approximate)"
    requests = table(app, "outcome")
    assert list(requests["outcome"]) == ["server error", "too many requests", "ok"]
    assert [one for one in app.get("download_button") if one.key == "download_attempts"]


def test_settings_of_a_servers_run_are_taken_over(app: AppTest, db: Database) -> None:
    connect(db)
    probed(db, canary=DEAD)
    knobs = Condition(suppression=Suppression(strength=5.0, method="frequency_penalty"))
    spec = replace(make_spec(), condition=knobs, model=MODEL)
    run, _ = served_run(db, spec=spec)
    open_run(app, run)
    app.get_by_key("run_menu").click(REUSE).run()
    assert started(app, db).condition == knobs
    assert list_runs(db)[0].run.spec.model == MODEL
    delete_connection(db, URL)
    app.get_by_key("run_menu").click(REUSE).run()
    assert not app.exception
    assert "No connection to a server yet." in words(app)

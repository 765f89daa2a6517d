"""The Generate page without a run: the settings, the prompt, and starting."""

from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from core.domain.runs import Example
from core.domain.settings import Home
from core.domain.tasks import Label, Task, preset, preset_names
from core.jobs.queue import list_jobs
from core.store.database import Database
from core.store.generation.runs import get_run, list_runs
from core.store.references import add_reference
from core.store.tasks import delete_task, save_task
from pages.components.generate.setup import trial_of
from tests.pages.making import ROOT, buttons, make_run, markup, table, words
from tests.store.making import TASK, make_spec


@pytest.mark.parametrize("script", ["app.py", "pages/generate.py"])
def test_an_empty_store_offers_all_there_is(home: Home, script: str, spawned: list[Home]) -> None:
    # pages/generate.py is what a deep link as a server's first request runs.
    app = AppTest.from_file(str(ROOT / script), default_timeout=120)
    if script == "app.py":
        app.switch_page("pages/generate.py")
    app.run()
    assert not app.exception
    assert not app.error
    assert not app.warning
    assert buttons(app)["start-primary"]
    assert app.button(key="start-secondary").label == "Try 10 texts"
    assert "No runs yet." in words(app)
    assert app.selectbox(key="task").options == [preset(name).name for name in preset_names()]
    assert app.code[0].value.startswith("Write a ")
    assert [wanted.folder for wanted in spawned] == [home.folder]


def test_the_prompt_follows_task_label_and_form(app: AppTest, home: Home) -> None:
    app.run()
    app.selectbox(key="task").select("sst2").run()
    first, second = preset("sst2").labels
    text_type = preset("sst2").text_type
    assert app.code[0].value == (
        f"Write a {text_type} to cover all following elements\n"
        f'Elements: {first.phrase}\n{text_type.capitalize()}: "'
    )
    app.selectbox(key="preview_label").select(second.name).run()
    assert f"Elements: {second.phrase}" in app.code[0].value
    app.get_by_key("prompt").set_value("C").run()
    assert f"Characteristics: {second.phrase}" in app.code[0].value
    app.get_by_key("prompt").set_value("chat").run()
    assert app.code[0].value.startswith("[user]\nWrite a ")
    assert app.code[0].value.endswith('[assistant]\n"')
    app.selectbox(key="task").select("carer").run()
    assert not app.exception
    assert preset("carer").labels[0].phrase in app.code[0].value


def test_seeds_are_drawn_from_the_tasks_reference(app: AppTest, db: Database) -> None:
    app.run()
    app.selectbox(key="task").select("sst2").run()
    assert "Reference" not in app.get_by_key("seeding").options
    task = preset("sst2")
    train = [Example(f"{name} text {n}", name) for name in task.label_names for n in range(9)]
    test = [Example(f"{name} other {n}", name) for name in task.label_names for n in range(3)]
    add_reference(db, task, "Real", train, test, {})
    app.run()
    app.get_by_key("seeding").set_value("Reference").run()
    assert not app.exception
    app.button(key="start-primary").click().run()
    drawn = list_runs(db)[0].run.spec.seed_examples
    assert sorted(drawn, key=lambda e: e.text) == sorted(train, key=lambda e: e.text)
    app.selectbox(key="task").select("carer").run()
    assert not app.exception
    assert app.get_by_key("seeding").value == "None"


def test_starting_opens_the_run_and_wants_a_worker(
    app: AppTest, db: Database, spawned: list[Home]
) -> None:
    app.run()
    app.selectbox(key="task").select("sst2").run()
    app.slider(key="temperature").set_value(1.3).run()
    app.slider(key="suppression").set_value(7.5).run()
    app.number_input(key="per_label").set_value(7).run()
    app.number_input(key="seed").set_value(5).run()
    assert app.button(key="start-primary").label == "Generate 14 texts"
    app.button(key="start-primary").click().run()
    assert not app.exception
    (summary,) = list_runs(db)
    spec = summary.run.spec
    assert (spec.task, spec.per_label, spec.seed) == (preset("sst2"), 7, 5)
    assert (spec.condition.temperature, spec.condition.suppression.strength) == (1.3, 7.5)
    assert app.query_params["run"] == summary.run.id
    assert app.subheader[0].value == "SST\\-2 sentiment, T 1\\.3, S 7\\.5"
    assert len(spawned) == 1


def test_suppression_has_tokens_to_count_at_the_defaults(app: AppTest) -> None:
    app.run()
    app.selectbox(key="task").select("sst2").run()
    app.slider(key="suppression").set_value(7.5).run()
    assert app.button(key="start-primary").label == "Generate 200 texts"
    assert "almost no effect" not in "".join(info.value for info in app.info)
    # One request covers a label of 20: said beside the slider, wherever the page is.
    app.number_input(key="per_label").set_value(20).run()
    (info,) = app.sidebar.info
    assert info.value.startswith("Logit suppression has almost no effect: one request of up to 20")
    app.slider(key="suppression").set_value(0.0).run()
    assert not app.sidebar.info


def test_a_double_click_is_one_run(app: AppTest, db: Database) -> None:
    app.run()
    token = app.session_state["start_token"]
    app.button(key="start-primary").click().run()
    (job,) = list_jobs(db)
    assert job.token == token
    # The second click was made on the same page as the first.
    app.session_state["start_token"] = token
    app.query_params.pop("run")
    app.run()
    app.button(key="start-primary").click().run()
    assert [other.id for other in list_jobs(db)] == [job.id]
    assert app.query_params["run"] == job.run_id
    # The next click is another run.
    assert app.session_state["start_token"] != token


def test_a_click_that_comes_after_the_run_was_drawn_is_no_other_run(
    app: AppTest, db: Database
) -> None:
    app.run()
    app.button(key="start-primary").click().run()
    for key in ("start-primary", "start-secondary"):
        button = app.button(key=key)
        assert button.disabled
        # A slow double click: the server has drawn the button anew, the browser has not.
        button.proto.disabled = False
        button.click().run()
    assert len(list_jobs(db)) == 1


@pytest.mark.parametrize("labels", [1, 2, 3, 10, 54, 200])
def test_a_trial_is_ten_texts_spread_evenly(labels: int) -> None:
    task = Task("t", "text", tuple(Label(f"l{n}", f"l{n}") for n in range(labels)))
    spec = replace(make_spec(), task=task, per_label=500)
    trial = trial_of(spec)
    assert trial.target == 10
    numbers = list(trial.wanted.values())
    assert max(numbers) - min(numbers) <= 1
    assert numbers == sorted(numbers, reverse=True)
    assert replace(trial, targets=()) == spec


def test_try_starts_a_trial(app: AppTest, db: Database) -> None:
    app.run()
    app.selectbox(key="task").select("carer").run()
    app.button(key="start-secondary").click().run()
    (summary,) = list_runs(db)
    assert list(summary.run.spec.wanted.values()) == [2, 2, 2, 2, 1, 1]
    assert "trial" in summary.run.name.casefold()


def test_numbers_by_label_and_none_at_all(app: AppTest, db: Database) -> None:
    app.run()
    app.selectbox(key="task").select("sst2").run()
    app.toggle(key="own_targets").set_value(True).run()
    first, second = preset("sst2").label_names
    app.number_input(key=f"target-{first}").set_value(0).run()
    app.number_input(key=f"target-{second}").set_value(0).run()
    assert not app.exception
    assert not buttons(app)["start-primary"]
    app.number_input(key=f"target-{second}").set_value(3).run()
    app.button(key="start-primary").click().run()
    assert list_runs(db)[0].run.spec.wanted == {first: 0, second: 3}


def test_saved_tasks_are_offered_beside_the_presets(app: AppTest, db: Database) -> None:
    kept = save_task(db, TASK)
    app.run()
    assert "Reviews" in app.selectbox(key="task").options
    app.selectbox(key="task").select(f"saved-{kept.id}").run()
    assert not app.exception
    assert "2 × *movie review*: pos, neg" in words(app)
    assert app.button(key="edit_task").label == "Edit"
    app.button(key="start-primary").click().run()
    assert list_runs(db)[0].run.spec.task == TASK


def test_a_saved_task_that_is_gone_is_not_chosen_any_more(app: AppTest, db: Database) -> None:
    kept = save_task(db, TASK)
    app.query_params["task"] = TASK.name
    app.run()
    assert app.selectbox(key="task").value == f"saved-{kept.id}"
    delete_task(db, kept.id)
    app.run()
    assert not app.exception
    assert buttons(app)["start-primary"]


def test_a_saved_task_named_like_a_preset_is_told_from_it(app: AppTest, db: Database) -> None:
    kept = save_task(db, replace(TASK, name=preset("sst2").name))
    app.run()
    options = app.selectbox(key="task").options
    assert len(set(options)) == len(options) == len(preset_names()) + 1
    app.selectbox(key="task").select(f"saved-{kept.id}").run()
    assert "2 × *movie review*: pos, neg" in words(app)
    app.selectbox(key="task").select("sst2").run()
    assert app.button(key="edit_task").label == "Edit a copy"


@pytest.mark.parametrize(
    "params",
    [
        {"task": "no-such-task"},
        {"task": "saved-0"},
        {"temperature": "99"},
        {"temperature": "nan"},
        {"suppression": "-3"},
        {"per_label": "0"},
        {"per_label": "1e9"},
        {"seed": "x"},
        {"seed": "-1"},
    ],
)
def test_nonsense_in_the_address_is_harmless(
    app: AppTest, home: Home, params: dict[str, str]
) -> None:
    for name, value in params.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    assert buttons(app)["start-primary"]


def test_the_address_carries_the_main_settings(app: AppTest, home: Home) -> None:
    for name, value in {
        "task": preset("subj").name,
        "temperature": "0.9",
        "suppression": "2.5",
        "per_label": "33",
        "seed": "12",
    }.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    assert app.selectbox(key="task").value == "subj"
    assert app.slider(key="temperature").value == 0.9
    assert app.slider(key="suppression").value == 2.5
    assert app.number_input(key="per_label").value == 33
    assert app.number_input(key="seed").value == 12
    assert app.button(key="start-primary").label == "Generate 66 texts"


def test_one_label_is_a_task(app: AppTest, db: Database) -> None:
    one = Task("Alone", "haiku", (Label("haiku", "autumn"),))
    save_task(db, one)
    app.query_params["task"] = one.name
    app.run()
    assert not app.exception
    assert "1 × *haiku*: haiku" in words(app)
    app.button(key="start-secondary").click().run()
    assert not app.exception
    assert list_runs(db)[0].run.spec.wanted == {"haiku": 10}


def test_all_labels_of_the_largest_preset(app: AppTest, home: Home) -> None:
    app.run()
    largest = max(preset_names(), key=lambda name: len(preset(name).labels))
    app.selectbox(key="task").select(largest).run()
    app.toggle(key="own_targets").set_value(True).run()
    assert not app.exception
    count = len(preset(largest).labels)
    assert len([n for n in app.number_input if str(n.key).startswith("target-")]) == count


def test_hostile_names_of_tasks_and_labels_are_text(app: AppTest, db: Database) -> None:
    hostile = "![x](http://127.0.0.1:1/x.png) <img src=x> $x^2$ :red[a] `b`"
    task = Task(hostile, hostile, (Label(hostile, hostile), Label("<script>", "*b*")))
    save_task(db, task)
    app.query_params["task"] = task.name
    app.run()
    app.toggle(key="own_targets").set_value(True).run()
    assert not app.exception
    shown = markup(app)
    for part in ("![", "](", "<img", "$x", ":red[", "`b`", "<script"):
        assert part not in shown, part
    assert hostile in words(app)
    run, _ = make_run(db, "done", spec=replace(make_spec(), task=task), rows=(), name=hostile)
    app.run()
    assert table(app, "condition")["name"][0] == hostile
    app.query_params["run"] = run.id
    app.run()
    assert not app.exception
    assert get_run(db, run.id).name == hostile
    assert app.subheader[0].value.count("\\") > 10
    for part in ("![", "](", "<img", "$x", ":red[", "`b`", "<script"):
        assert part not in markup(app), part


def test_numbers_by_label_outlast_a_model_without_a_name(app: AppTest, db: Database) -> None:
    app.run()
    app.selectbox(key="task").select("sst2").run()
    app.toggle(key="own_targets").set_value(True).run()
    first, second = preset("sst2").label_names
    app.number_input(key=f"target-{first}").set_value(3).run()
    app.get_by_key("model_kind").set_value("Hugging Face").run()
    assert not buttons(app)["start-primary"]
    assert app.button(key="start-primary").label == "Generate"
    app.get_by_key("model_kind").set_value("Embedded").run()
    app.button(key="start-primary").click().run()
    assert list_runs(db)[0].run.spec.wanted == {first: 3, second: 100}

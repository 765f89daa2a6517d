from pathlib import Path

import pytest

from core.classification.settings import FineTuning
from core.domain.conditions import Condition, Suppression
from core.domain.errors import BadInput
from core.domain.runs import ModelChoice
from core.domain.spending import SpendingLimit
from core.domain.tasks import Task, preset
from core.sweeps.assessment.recipe import Recipe
from core.sweeps.grid.file import grid_from_toml, read_grid_file
from core.sweeps.grid.spec import Grid


def find_task(name: str) -> Task:
    if name == "sst2":
        return preset("sst2")
    raise BadInput(f"There is no task '{name}'.", "Choose another.")


FULL = """
name = "Knobs"
study = "Spring"
task = "sst2"
reference = "real"
per_label = 30
seed = 7
repeats = 2

[axes]
temperature = [0, 1]
suppression = [0, 5]
seeding = [0, 4]
min_p = [0, 0.1]
model = [
  "embedded",
  { backend = "openai", model = "m", base_url = "HTTP://Localhost:8000/v1/" },
]

[condition]
top_p = 1
prompt = "C"
texts_a_request = 10
only_new = true
logit_bias = [[5, -1]]

[condition.suppression]
tokens = 50
scope = "label"
floor = -3

[repair]
inspect = ["all", 0, 20]
repeats = 3
weight = 0.5
out_of_scope = true

[train]
kind = "fine-tuning"
seeds = 2
max_epochs = 4
learning_rate = 1e-4

[limits]
conditions = 50
money = 2.5
requests = 900
"""


def test_every_key_finds_its_place() -> None:
    read = grid_from_toml(FULL, find_task=find_task)
    assert read.reference == "real"
    assert read.grid == Grid(
        task=preset("sst2"),
        name="Knobs",
        study="Spring",
        per_label=30,
        seed=7,
        repeats=2,
        axes={
            "temperature": (0.0, 1.0),
            "suppression": (0.0, 5.0),
            "seeding": (0, 4),
            "min_p": (0.0, 0.1),
            "model": (
                ModelChoice(),
                ModelChoice(backend="openai", model="m", base_url="http://localhost:8000/v1"),
            ),
        },
        base=Condition(
            top_p=1.0,
            prompt="C",
            texts_a_request=10,
            only_new=True,
            logit_bias=((5, -1),),
            suppression=Suppression(tokens=50, scope="label", floor=-3.0),
        ),
        recipe=Recipe(
            budgets=(0, 20, "all"),
            lr_repeats=3,
            weight=0.5,
            filter=True,
            classifier="fine-tuning",
            fine_tuning=FineTuning(max_epochs=4, learning_rate=1e-4),
            train_seeds=2,
            seed=7,
        ),
        cap=50,
        spend=SpendingLimit(money=2.5, requests=900),
    )
    assert type(read.grid.base.top_p) is float
    assert type(read.grid.base.suppression.floor) is float


def test_a_short_file_is_the_papers_grid() -> None:
    read = grid_from_toml('task = "sst2"\nreference = "example"\n', find_task=find_task)
    assert read.grid == Grid(task=preset("sst2"))
    assert read.reference == "example"


HEAD = 'task = "sst2"\nreference = "r"\n'  # so that what follows begins on line 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[axes]\ntemperature = [0.3, 3]", "line 4, axes.temperature: 3 is above 2."),
        ("[axes]\nmin_p = [\n0,\n-1]", "line 4, axes.min_p: -1 is below 0."),
        ("axes.temperature = [nan]", "line 3, axes.temperature: nan is not a number."),
        ("[axes]\ntemperature = [[1]]", "line 4, axes.temperature: [1] is not a number."),
        ('[axes]\nmodel = [""]', "line 4, axes.model: The model's name is empty or unusable."),
        ("[axes]\nseeding = [1.5]", "line 4, axes.seeding: 1.5 is not a whole number."),
        ("[axes]\nseeding = []", "line 4, axes.seeding: it has no value."),
        ("[axes]\nsuppression = 7.5", "line 4, axes.suppression: it must be a list."),
        ("[axes]\nmodel = [1]", "line 4, axes.model: a model must be a name or a table."),
        (
            '[axes]\nmodel = [{modl="x"}]',
            "line 4, axes.model.modl: there is no such key. Is it model?",
        ),
        ('[axes]\nmodel = [{backend="openai"}]', "line 4, axes.model: A server's model needs"),
        (
            '[axes]\nmodel = [{backend="openai", base_url="ftp://x"}]',
            "line 4, axes.model: The base URL is no address of http or https.",
        ),
        (
            "[axes]\ntemprature = [1]",
            "line 4, axes.temprature: there is no such key. Is it temperature?",
        ),
        ("repeat = 3", "line 3, repeat: there is no such key. Is it repeats?"),
        ("zzz = 3", "line 3, zzz: there is no such key. The keys here are name, study,"),
        ("repeats = 0", "line 3, repeats: 0 is below 1."),
        ("seed = -1", "line 3, seed: -1 is below 0."),
        ("seed = 9_999_999_999", "line 3, seed: 9999999999 is above 2,147,483,647."),
        ('name = ["a"]', "line 3, name: it is not one line of up to 200 characters."),
        ("axes = 3", "line 3, axes: it must be a table."),
        ("[condition]\ntemperature = 1", "line 4, condition.temperature: it is an axis."),
        (
            "[condition]\nsuppression = 7.5",
            "line 4, condition.suppression: it must be a table.",
        ),
        (
            "[condition.suppression]\nstrength = 7.5",
            "line 4, condition.suppression.strength: it is an axis.",
        ),
        (
            "[condition.suppression]\n\ntokens = 301",
            "line 5, condition.suppression.tokens: Tokens to suppress is 301",
        ),
        ("[condition]\ntop_p = 1.5", "line 4, condition.top_p: top_p is 1.5"),
        ('[condition]\nprompt = "B"', "line 4, condition.prompt: Prompt 'B' is unknown."),
        ("[condition]\nlogit_bias = [[[], 1]]", "line 4, condition.logit_bias: it is of the"),
        ("[repair]\ninspect = [0, 1]", "line 4, repair.inspect: The budgets [0, 1]"),
        ('[repair]\ninspect = "all"', "line 4, repair.inspect: it must be a list."),
        ("[repair]\nout_of_scope = 1", "line 4, repair.out_of_scope: it must be true or false"),
        ('[repair]\nweight = "x"', "line 4, repair.weight: it must be a number."),
        ('[train]\nkind = "svm"', "line 4, train.kind: The classifier 'svm' is unknown."),
        ("[train]\nmodel = 3", "line 4, train.model: it must be text."),
        ("[train]\nmax_epoch = 3", "line 4, train.max_epoch: there is no such key. Is it max_ep"),
        ("[train]\nbatch_size = 0", "line 4, train.batch_size: The batch size is 0"),
        ("[limits]\nconditions = 0", "line 4, limits.conditions: 0 is below 1."),
        ("[limits]\nmoney = 0", "line 4, limits.money: A cap of 0 in money is not a number"),
        ("[limits]\ntokens = 1.5", "line 4, limits.tokens: A cap of 1.5 tokens is not a whole"),
        ("a = ]", "line 3: it is not valid TOML (Invalid value)."),
    ],
)
def test_a_mistake_is_named_with_line_and_key(text: str, said: str) -> None:
    with pytest.raises(BadInput) as caught:
        grid_from_toml(HEAD + text, find_task=find_task, source="g.toml")
    assert str(caught.value).startswith(f"g.toml, {said}")


def test_what_is_not_in_the_file_has_no_line() -> None:
    with pytest.raises(BadInput, match=r"^g.toml, task: it is missing\. Add a line"):
        grid_from_toml("seed = 1", find_task=find_task, source="g.toml")
    with pytest.raises(BadInput, match=r"^g.toml, axes.seeding: 18 real examples need a ref"):
        grid_from_toml('task = "sst2"', find_task=find_task, source="g.toml")


def test_without_a_reference_nothing_is_seeded() -> None:
    read = grid_from_toml('task = "sst2"\n[axes]\nseeding = [0]', find_task=find_task)
    assert (read.reference, read.grid.axes["seeding"]) == (None, (0,))


def test_an_unknown_task_is_named_with_its_line() -> None:
    with pytest.raises(BadInput, match=r"^g.toml, line 2, task: There is no task 'x'\. Choose"):
        grid_from_toml('\ntask = "x"', find_task=find_task, source="g.toml")


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(BadInput, match="nested too deeply"):
        grid_from_toml("a = " + "[" * 100_000, find_task=find_task)


def test_a_folder_is_sought_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "sst2").mkdir()  # a preset's name means the preset
    (tmp_path / "example").mkdir()  # and this word the example
    for name, meant in (("real", str(tmp_path / "real")), ("other", "other"), ("example",) * 2):
        (tmp_path / "g.toml").write_text(f'\ufefftask = "sst2"\nreference = "{name}"\n', "utf-8")
        assert read_grid_file(tmp_path / "g.toml", find_task=find_task).reference == meant


def test_a_file_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b"name = '\xe9'")
    (tmp_path / "huge.toml").write_bytes(b"#" * 1_000_001)
    for name, said in (
        ("none.toml", r"can't be read \(No such file"),
        ("", "is not a plain file"),
        ("latin.toml", "is not UTF-8"),
        ("huge.toml", "is over 1 MB"),
    ):
        with pytest.raises(BadInput, match=said):
            read_grid_file(tmp_path / name, find_task=find_task)

"""Adding a knob, a metric or an intervention: a few lines, and it is found everywhere.

The lines are inserted into a copy of the code, as a contributor would write them; then pages, the
command line, grid files, charts and reports of that copy are asked for what was added.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core.domain.settings import Home
from tests.test_layers import ROOT

KNOB = """
    pretend: float = knob(
        0.0,
        title="Pretend knob",
        help="Changes nothing; it only exists in a test.",
        high=1,
        step=0.1,
        short="pretend {:g}",
        off=0.0,
        off_words="pretend off",
        widens=1,
        axis=True,
    )
"""
METRIC = """
    Metric(
        "pretend_length",
        "Pretend length",
        "value",
        "none",
        "0 and above",
        "The mean number of characters in a text; it only exists in a test.",
        "counted",
        low=0.0,
        column="pretend_length",
    ),
"""
MEASURE = """


def _pretend_length(part: Part) -> Measurement:
    lengths = [len(text) for text in part.dataset.texts]
    return Measurement(value=float(np.mean(lengths)) if lengths else None, n=len(lengths))


MEASURES["pretend_length"] = _pretend_length
"""
STAGE = """
    Intervention(
        kind="pretend",
        title="Pretend repair",
        short="PR",
        help="Drops the shortest texts; it only exists in a test.",
        for_stakeholders="dropping short texts",
        color="#cc79a7",
        icon=":material/content_cut:",
        order=9,
        past={"removed": "removed"},
    ),
"""
IMPLEMENTATION = """

def _propose_pretend(subject: Subject, settings: Mapping[str, float]) -> Proposal:
    longest = settings["characters"]
    rows = [
        replace(row, kept=row.kept and len(text) >= longest)
        for row, text in zip(subject.rows, subject.texts, strict=True)
    ]
    return Proposal(rows=rows, spec=dict(settings))


INTERVENTIONS["pretend"] = Implementation(
    propose=_propose_pretend,
    settings=(
        NumberSetting(name="characters", title="Min characters", low=0, high=100, default=10),
    ),
)
"""


def insert(path: Path, before: str, lines: str) -> None:
    """Put lines before a line that stands in the file exactly once."""
    text = path.read_text("utf-8")
    assert text.count(before) == 1, f"{path}: {before!r} stands there {text.count(before)} times"
    path.write_text(text.replace(before, lines + before), "utf-8")


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the code with a pretend knob, metric and intervention."""
    copy = tmp_path_factory.mktemp("extended")
    for name in ("core", "pages", "tests"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "app.py", copy)
    for name in ("assets", ".streamlit"):
        (copy / name).symlink_to(ROOT / name)
    insert(copy / "core/domain/conditions.py", "    prompt: PromptForm = knob(", KNOB.lstrip("\n"))
    insert(copy / "core/domain/registries/metrics.py", ')\n"""Every metric, in the order', METRIC)
    insert(copy / "core/domain/registries/stages.py", ')\n"""Every kind of intervention', STAGE)
    for file, lines in (
        ("core/diversity/measures/registry.py", MEASURE),
        ("core/interventions/registry.py", IMPLEMENTATION),
    ):
        with (copy / file).open("a", encoding="utf-8") as stream:
            stream.write(lines)
    return copy


def ask(extended: Path, home: Home, code: str) -> Any:
    """What a program in the copy prints as its last line, read as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=extended,
        env={"PATH": "", "WIDESET_HOME": str(home.folder), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_a_knob_is_a_widget_of_the_page(extended: Path, home: Home) -> None:
    code = """
import json
import core.jobs.launch
core.jobs.launch.spawn_worker = lambda home: None
from streamlit.testing.v1 import AppTest
app = AppTest.from_file("app.py", default_timeout=120).run()
app.switch_page("pages/generate.py").run()
assert not app.exception, app.exception
print(json.dumps([slider.label for slider in app.slider]))
"""
    assert "Pretend knob" in ask(extended, home, code)


def test_a_knob_and_a_metric_are_on_the_command_line(extended: Path, home: Home) -> None:
    code = """
import json, subprocess, sys
command = [sys.executable, "-m", "core", "generate", "--help"]
done = subprocess.run(command, capture_output=True, text=True)
from core.domain.registries.metrics import MEASURED
print(json.dumps([done.stdout, [metric.name for metric in MEASURED]]))
"""
    help_text, measured = ask(extended, home, code)
    assert "--pretend" in help_text
    assert "Changes nothing" in help_text
    assert "pretend_length" in measured


def test_a_knob_is_an_axis_of_a_grid_file(extended: Path, home: Home) -> None:
    code = """
import json
from core.domain.tasks import preset
from core.sweeps.grid.file import grid_from_toml
from core.sweeps.grid.plan import plan_runs
axes = "temperature = [0.7]\\nsuppression = [0]\\nseeding = [0]\\npretend = [0, 0.5]"
grid = grid_from_toml(f'task = "sst2"\\n[axes]\\n{axes}\\n', find_task=preset).grid
runs = plan_runs(grid, train=())
print(json.dumps([[run.spec.condition.pretend for run in runs], [run.name for run in runs]]))
"""
    values, names = ask(extended, home, code)
    assert values == [0, 0.5]
    assert "pretend 0.5" in names[1]


def test_all_are_in_frames_charts_and_the_report(extended: Path, home: Home) -> None:
    code = """
import json
from dataclasses import replace
from core.analysis.frames.results import points_frame, results_frame
from core.analysis.study import study
from core.domain.registries.knobs import AXES, KNOB
from core.domain.registries.stages import STAGES
from core.figures.compare.grid_heatmap import grid_heatmap
from core.reports.html.report import report_html
from tests.analysis.made_results import measured, spec_of, stage
rows = []
for place, value in enumerate((0.0, 0.5)):
    spec = KNOB["pretend"].within(spec_of(0.7), value)
    rows.append(measured(f"r{place}", spec, [stage(diversity=0.2, pretend_length=10.0 + place)]))
results = results_frame(rows)
points = points_frame(results)
figure = grid_heatmap(points, metric="pretend_length", x="pretend", y="temperature").to_json()
html = report_html("x", results, study(results), {}, now=0)
columns = [points[name].tolist() for name in ("pretend", "pretend_length")]
print(json.dumps([*columns, figure, html.count("pretend 0.5")]))
"""
    knob, metric, figure, named = ask(extended, home, code)
    assert knob == [0, 0.5]
    assert metric == [10, 11]
    assert "Pretend length" in figure
    assert "retend knob" in figure
    assert named > 0


def test_a_measure_is_taken_of_texts(extended: Path, home: Home) -> None:
    code = """
import json
import numpy as np
from core.diversity.measures.measure import measure
from core.domain.datasets import Dataset
from core.domain.registries.metrics import METRIC
texts = {"ids": ("1", "2"), "texts": ("four", "sixsix"), "fluency": (None, None)}
data = Dataset("k", "n", ("a", "b"), labels=("a", "b"), **texts)
vectors = np.eye(2, dtype=np.float32)
result = measure(data, vectors, rng=np.random.default_rng(0), encoder={"model": "x"}).to_dict()
print(json.dumps([result["pretend_length"]["value"], METRIC["pretend_length"].words(5.0)]))
"""
    value, words = ask(extended, home, code)
    assert value == 5.0
    assert words == "5.000"


def test_an_intervention_has_a_tab_and_a_preview(extended: Path, home: Home) -> None:
    code = """
import json
import core.jobs.launch
core.jobs.launch.spawn_worker = lambda home: None
from streamlit.testing.v1 import AppTest
from core.domain.settings import home_from
from core.store.database import open_database
from tests.pages.evidence import run_of
run = run_of(open_database(home_from()))
app = AppTest.from_file("app.py", default_timeout=120)
app.query_params["run"] = run.id
app.run()
app.switch_page("pages/intervene.py").run()
assert not app.exception, app.exception
print(json.dumps([[tab.label for tab in app.tabs], [slider.label for slider in app.slider]]))
"""
    tabs, sliders = ask(extended, home, code)
    assert any("Pretend repair" in label for label in tabs) or "Min characters" in sliders

"""The arrows of the design: who may import whom, and what the Streamlit process never loads.

That only app.py and pages/ import streamlit, and that the heavy packages are imported inside
functions, is ruff's to say (TID251, TID253 in pyproject.toml).
"""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from core.domain.settings import Home

ROOT = Path(__file__).parent.parent

# A room imports its own rank and lower ones. A module directly in core/ is a noun, rank 0.
RANKS = {
    "domain": 0,
    "files": 1,
    "models": 1,
    "store": 1,
    "classification": 2,
    "diversity": 2,
    "figures": 2,
    "generation": 2,
    "interventions": 2,
    "sweeps": 3,
    "analysis": 4,
    "reports": 5,
    "services": 6,
    "jobs": 7,
    "cli": 8,
    "__main__": 9,
}
HEAVY = {
    "accelerate",
    "gguf",
    "numba",
    "openai",
    "ray",
    "sklearn",
    "statsmodels",
    "tiktoken",
    "torch",
    "transformers",
    "umap",
}
DISTRIBUTIONS = {
    "httpx2": "openai",  # its HTTP client, which takes a transport of ours
    "huggingface_hub": "huggingface-hub",
    "sklearn": "scikit-learn",
    "umap": "umap-learn",
}

Imports = Mapping[str, Iterable[str]]


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(source: str) -> set[str]:
    """Every name imported anywhere in the source, in functions too: `a.b` for `from a import b`."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def to_modules(names: Iterable[str], modules: set[str]) -> set[str]:
    """Our own modules among the imported names; the last part may be a name inside a module."""
    return {
        module
        for name in names
        for module in (name, name.rpartition(".")[0])
        if module in modules and not (module != name and name in modules)
    }


def imports_of(folder: str) -> dict[str, set[str]]:
    paths = {module_name(path): path for path in (ROOT / folder).rglob("*.py")}
    read = {module: imported(path.read_text("utf-8")) for module, path in paths.items()}
    return {module: to_modules(names, set(paths)) - {module} for module, names in read.items()}


def room(module: str) -> str:
    parts = module.split(".")
    is_room = len(parts) > 1 and (parts[1] in RANKS or len(parts) > 2)
    return parts[1] if is_room else "nouns"


def backward_arrows(imports: Imports) -> list[str]:
    rank = {"nouns": 0} | RANKS
    return sorted(
        f"{module} -> {other}"
        for module, others in imports.items()
        for other in others
        if rank[room(other)] > rank[room(module)]
    )


def circle(imports: Imports) -> list[str]:
    """The nodes of one circle, the first again at the end; empty if there is none."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found
    return []


def between_rooms(imports: Imports) -> dict[str, set[str]]:
    rooms: dict[str, set[str]] = {}
    for module, others in imports.items():
        rooms.setdefault(room(module), set()).update({room(o) for o in others} - {room(module)})
    return rooms


def test_the_checks_see_what_they_look_for() -> None:
    source = "import a.b\ndef f():\n    from core.jobs import queue, X\n"
    assert imported(source) == {"a.b", "core.jobs.queue", "core.jobs.X"}
    ours = {"core.jobs", "core.jobs.queue"}
    assert to_modules(imported(source), ours) == {"core.jobs", "core.jobs.queue"}
    assert to_modules({"core.jobs.queue", "core.jobs.queue.claim"}, ours) == {"core.jobs.queue"}
    wrong = {
        "core.domain.tasks": ["core.store.generation.runs", "core.domain.errors"],
        "core.store.generation.runs": ["core.jobs.queue", "core.domain.tasks"],
        "core.jobs.queue": ["core.store.generation.runs"],
    }
    assert backward_arrows(wrong) == [
        "core.domain.tasks -> core.store.generation.runs",
        "core.store.generation.runs -> core.jobs.queue",
    ]
    assert set(circle(wrong)) == {"core.domain.tasks", "core.store.generation.runs"} or set(
        circle(wrong)
    ) == {
        "core.store.generation.runs",
        "core.jobs.queue",
    }
    assert circle({"a": ["b"], "b": []}) == []
    assert between_rooms(wrong)["jobs"] == {"store"}


def test_every_room_has_a_rank() -> None:
    rooms = {room(module) for module in imports_of("core")}
    assert rooms - {"nouns"} <= set(RANKS), "give the new room its rank above"


def test_arrows_within_core_point_down() -> None:
    assert backward_arrows(imports_of("core")) == []


def test_there_are_no_circles() -> None:
    core = imports_of("core")
    assert circle(core) == []
    assert circle(between_rooms(core)) == []
    assert circle(imports_of("pages")) == []


def test_core_imports_neither_pages_nor_tests() -> None:
    above = {"app", "pages", "tests"}
    for path in (ROOT / "core").rglob("*.py"):
        names = imported(path.read_text("utf-8"))
        assert {name.split(".")[0] for name in names}.isdisjoint(above), path


def test_the_streamlit_process_loads_no_heavy_package() -> None:
    core = set(imports_of("core"))
    wanted = {
        module
        for module in core
        if room(module) in ("nouns", "store", "figures")
        or module in ("core.jobs.queue", "core.jobs.launch")
        or module.startswith("core.jobs.handlers")  # titles of jobs come from there
    }
    for path in [*ROOT.glob("app.py"), *(ROOT / "pages").rglob("*.py")]:
        wanted |= to_modules(imported(path.read_text("utf-8")), core)
    code = (
        "import importlib, sys\n"
        f"for module in {sorted(wanted)!r}: importlib.import_module(module)\n"
        f"print(*sorted({HEAVY!r} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


EXPLORED = """
import sys
from core.domain.settings import home_from
from core.store.database import open_database
from streamlit.testing.v1 import AppTest
from tests.pages.evidence import map_all, measure_all, run_of
import core.jobs.launch
core.jobs.launch.spawn_worker = lambda home: None
db = open_database(home_from())
run = run_of(db)
measure_all(db, run)
map_all(db, run)
app = AppTest.from_file("app.py", default_timeout=120).switch_page("pages/explore.py")
drawn = 0
for tab in ("Map", "Scores", "As they arrived", "Why", "All measures"):
    app.session_state["explore_tabs"] = tab
    app.run()
    assert not app.exception
    drawn += len(app.get("plotly_chart"))
assert drawn > 3
"""


def test_exploring_loads_no_heavy_package(home: Home) -> None:
    # What it draws from is made in the same process, and needs none of them either.
    code = f"{EXPLORED}\nprint('heavy:', *sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].split() == ["heavy:"]


def test_what_is_imported_is_declared_and_explained() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    runtime = {_name(r) for r in [*project["dependencies"], *extras["ray"]]}
    everything = runtime | {_name(r) for r in extras["dev"]}
    ours = {"app", "core", "pages"}
    for path in [
        *ROOT.glob("app.py"),
        *(ROOT / "core").rglob("*.py"),
        *(ROOT / "pages").rglob("*.py"),
    ]:
        tops = {name.split(".")[0] for name in imported(path.read_text("utf-8"))}
        packages = {DISTRIBUTIONS.get(t, t) for t in tops - ours - sys.stdlib_module_names}
        assert packages <= runtime, f"{path} imports what pyproject.toml does not name"
    guide = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    assert {name for name in everything if f"| {name} |" not in guide} == set()
    pins = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    assert everything <= {pin.partition("==")[0] for pin in pins}
    assert "torch==2.13.0" in pins


def _name(requirement: str) -> str:
    return requirement.partition("=")[0].partition(">")[0].partition("<")[0].strip()

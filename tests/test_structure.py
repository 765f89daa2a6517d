"""Promises about the structure of the code, counted: what one change touches, and what hides it."""

import ast
import re
from collections import Counter
from collections.abc import Iterator

import pytest

from core.domain.registries.knobs import KNOBS
from tests.test_layers import ROOT

SOURCES = sorted(path for top in ("core", "pages") for path in (ROOT / top).rglob("*.py"))
TEXTS = {path: path.read_text("utf-8") for path in SOURCES}

WORDS = {"max_tokens", "texts_a_request"}
"""Knobs that decide what a request is, wherever requests are made."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions() -> Iterator[tuple[str, Function, str]]:
    """Every function with its file and its source."""
    for path, text in TEXTS.items():
        lines = text.splitlines()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, Function):
                source = "\n".join(lines[node.lineno - 1 : node.end_lineno])
                yield str(path.relative_to(ROOT)), node, source


def parameters(node: Function) -> int:
    return len([*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs])


@pytest.mark.parametrize(
    "name", [knob.name for knob in KNOBS if knob.name not in WORDS and "_" in knob.name]
)
def test_a_knob_is_named_in_few_files(name: str) -> None:
    # A decoding knob, end to end, touches at most six source files (migrations name what was).
    pattern = re.compile(rf"\b{name}\b")
    named = [
        str(path.relative_to(ROOT))
        for path, text in TEXTS.items()
        if pattern.search(text) and "migrations" not in path.parts
    ]
    assert len(named) <= 6, named


def test_folders_stay_small_enough_to_read() -> None:
    counts = Counter(path.parent for path in SOURCES if path.name != "__init__.py")
    large = {str(folder.relative_to(ROOT)): n for folder, n in counts.items() if n > 15}
    assert large == {}


def test_files_are_as_long_as_their_subject() -> None:
    lengths = {str(path.relative_to(ROOT)): len(text.splitlines()) for path, text in TEXTS.items()}
    assert {name: n for name, n in lengths.items() if n > 500} == {}


def test_a_function_with_many_parameters_or_lines_says_why() -> None:
    # The reason is a comment within the function: "# Nine parameters: ..." or "# Long: ...".
    reason = re.compile(r"# (?:\w+ parameters(?:, and long)?|Long): \w")
    silent = [
        f"{name}:{node.lineno} {node.name}"
        for name, node, source in functions()
        if (parameters(node) > 8 or (node.end_lineno or 0) - node.lineno + 1 > 80)
        and not reason.search(source)
    ]
    assert silent == []


def test_what_crosses_a_border_has_a_type() -> None:
    # JSON is made and read at the store's and the files' edge; few signatures need to say so.
    pattern = re.compile(r"\b(?:Mapping|dict)\[str, Any\]")
    total = 0
    for text in TEXTS.values():
        for node in ast.walk(ast.parse(text)):
            notes: list[ast.expr | None] = []
            if isinstance(node, Function):
                arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                notes = [node.returns, *(argument.annotation for argument in arguments)]
            elif isinstance(node, ast.ClassDef):
                notes = [item.annotation for item in node.body if isinstance(item, ast.AnnAssign)]
            total += sum(len(pattern.findall(ast.unparse(note))) for note in notes if note)
    assert total <= 45  # measured; it only ever goes down

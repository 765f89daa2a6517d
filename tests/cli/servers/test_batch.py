"""`batch`: from settings to a file, and from its results to a run that can be exported."""

import json
from pathlib import Path
from typing import Any

import pytest

from core.cli import main
from core.domain.conditions import Condition
from core.domain.runs import ModelChoice, RunSpec
from core.domain.settings import Home
from core.domain.tasks import preset
from core.jobs.queue import start_run
from core.store.database import Database, open_database
from core.store.generation.runs import create_run, get_run
from core.store.generation.samples import counts
from tests.generation.servers.test_batch import failed, result

Capture = pytest.CaptureFixture[str]
CHOICE = ModelChoice(backend="openai", model="m", base_url="http://127.0.0.1:9/v1")
SPEC = RunSpec(preset("sst2"), Condition(texts_a_request=2), per_label=3, model=CHOICE)


@pytest.fixture
def db(home: Home) -> Database:
    return open_database(home)


def said(capsys: Capture, *arguments: str | Path, code: int = 0) -> str:
    assert main([str(argument) for argument in arguments]) == code
    output = capsys.readouterr()
    if code:
        assert output.err.count("\n") == 1
    return output.err if code else output.out


def requests_in(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_from_settings_to_the_texts(db: Database, capsys: Capture, tmp_path: Path) -> None:
    settings, out, results = (tmp_path / n for n in ("s.json", "requests.jsonl", "results.jsonl"))
    settings.write_text(json.dumps(SPEC.to_dict()), "utf-8")
    told = said(capsys, "batch", "write", settings, "--out", out, "--cycles", "5", "--name", "B")
    run_id = told.split()[1].rstrip(":")
    # No texts a request are known to work: one request a text.
    assert f"Run {run_id}: 6 requests for 6 texts written to {out}" in told
    lines = requests_in(out)
    assert len(lines) == 6
    run = get_run(db, run_id)
    assert (run.name, run.spec) == ("B", SPEC)
    assert run.metadata is not None
    assert run.metadata.to_dict() == {
        **CHOICE.to_dict(),
        "batch": True,
        "suppression": "none",
        "tally": "none",
        "unwraps": True,
    }

    results.write_text(
        "\ufeff" + "\r\n".join([failed(lines[0]), *map(result, lines[:0:-1])]), "utf-8"
    )
    told = json.loads(said(capsys, "batch", "read", results, "--json"))
    assert (told["run_id"], told["added"], told["errors"]) == (run_id, 5, 1)
    assert sum(label.usable for label in counts(db, run_id).values()) == 5
    told = said(capsys, "batch", "read", results)
    assert told == (
        f"Run {run_id}: 0 new texts of 6 requests, 0 of them duplicates; 0 empty and 0 truncated "
        "besides; 5 known already, 1 requests failed; tokens: 0 in, 0 out.\n"
    )
    # What failed is asked for in the next file, by the run's name too.
    said(capsys, "batch", "write", "B", "--out", tmp_path / "more.jsonl")
    assert [line["custom_id"] for line in requests_in(tmp_path / "more.jsonl")] == [
        f"{run_id}/3/0/0/1"
    ]


def test_what_cant_be_used_is_one_line(db: Database, capsys: Capture, tmp_path: Path) -> None:
    local = create_run(db, RunSpec(preset("sst2"), per_label=1))
    out = tmp_path / "o.jsonl"
    assert "not behind a server" in said(capsys, "batch", "write", local.id, "--out", out, code=2)
    running, _ = start_run(db, SPEC)
    assert "is queued" in said(capsys, "batch", "write", running.id, "--out", out, code=2)
    assert "no run" in said(capsys, "batch", "write", "nonsense", "--out", out, code=2)
    wrong = tmp_path / "wrong.json"
    for content in ("{", "[]", '{"task": 1}', '{"spec": 5}'):
        wrong.write_text(content, "utf-8")
        assert "holds no settings" in said(capsys, "batch", "write", wrong, "--out", out, code=2)
    wrong.write_text(json.dumps(RunSpec(preset("sst2")).to_dict()), "utf-8")
    assert "name no server's model" in said(capsys, "batch", "write", wrong, "--out", out, code=2)
    assert "can't be read" in said(capsys, "batch", "write", "no.json", "--out", out, code=2)
    assert not out.exists()
    out.write_text("x", "utf-8")
    other = create_run(db, SPEC)
    assert "exists already" in said(capsys, "batch", "write", other.id, "--out", out, code=2)
    assert out.read_text("utf-8") == "x"

    assert "Line 1 is no JSON" in said(capsys, "batch", "read", out, code=2)
    assert "can't be read" in said(capsys, "batch", "read", tmp_path / "none", code=2)
    out.write_bytes(b"\xff")
    assert "not UTF-8" in said(capsys, "batch", "read", out, code=2)
    out.write_text('{"custom_id": "0unknown/1/0/0/1"}', "utf-8")
    assert "no run '0unknown'" in said(capsys, "batch", "read", out, code=2)

"""Exports: exactly the given samples in the given order, and nothing a spreadsheet would run."""

import csv
import io
import json
import math
import os
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from core.domain.errors import BadInput, WidesetError
from core.domain.runs import Sample
from core.files.exports import (
    COLUMNS,
    check_export,
    export_samples,
    export_table,
    format_of,
    guarded_cell,
    unguarded_cell,
    write_export,
)

SAMPLE = Sample(
    id="s1",
    run_id="r1",
    cycle=1,
    label="joy",
    index=0,
    order=0,
    text='So "happy",\ntoday ü',
    finish_reason="stop",
    outcome="usable",
    fluency=-1.25,
    token_ids=(5, 6, 7),
    duplicate_of=None,
    seconds=0.5,
)
OTHER = replace(
    SAMPLE, id="s2", order=1, text="=1+1", fluency=None, token_ids=(), duplicate_of="example:0"
)

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60)
risky = st.builds(
    lambda before, sign, rest: before + sign + rest,
    st.text("' \t\u00a0", max_size=4),
    st.sampled_from("=+-@\t\r\n\uff1d"),
    texts,
)
# A label is no empty text, which CSV could not tell from an unknown one.
samples = st.lists(
    st.builds(
        Sample,
        id=st.text("abc012", min_size=1),
        run_id=st.just("r1"),
        cycle=st.integers(1, 10**6),
        label=risky,
        index=st.integers(0, 99),
        order=st.integers(0, 2**62),
        text=texts | risky,
        finish_reason=st.sampled_from(["stop", "length", "content_filter"]),
        outcome=st.sampled_from(["usable", "empty", "truncated"]),
        fluency=st.none() | st.floats(max_value=0, allow_nan=False, allow_infinity=False),
        token_ids=st.lists(st.integers(0, 50_000), max_size=5).map(tuple),
        duplicate_of=st.none() | st.sampled_from(["s1", "example:3"]),
        seconds=st.floats(0, 1e6),
        stripped=st.sampled_from(["", "code fence"]),
    ),
    max_size=8,
)


def expected(given: Sequence[Sample]) -> list[dict[str, Any]]:
    rows = []
    for sample in given:
        row = {field.name: getattr(sample, field.name) for field in fields(Sample)}
        row["tokens"] = len(row.pop("token_ids"))
        rows.append(row)
    return rows


def csv_rows(raw: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline="")))


def test_every_part_of_a_sample_is_exported() -> None:
    parts = {field.name for field in fields(Sample)} - {"token_ids"} | {"tokens"}
    assert set(COLUMNS) == parts
    assert len(COLUMNS) == len(parts)


def test_csv_is_exactly_this() -> None:
    assert export_samples([OTHER, SAMPLE], format="csv") == (
        b"\xef\xbb\xbfid,text,label,cycle,index,order,outcome,finish_reason,fluency,duplicate_of,"
        b"tokens,seconds,run_id,stripped\r\n"
        b"s2,'=1+1,joy,1,0,1,usable,stop,,example:0,0,0.5,r1,\r\n"
        b's1,"So ""happy"",\ntoday \xc3\xbc",joy,1,0,0,usable,stop,-1.25,,3,0.5,r1,\r\n'
    )


def test_jsonl_is_exactly_this() -> None:
    assert export_samples([OTHER], format="jsonl").decode() == (
        '{"id": "s2", "text": "=1+1", "label": "joy", "cycle": 1, "index": 0, "order": 1, '
        '"outcome": "usable", "finish_reason": "stop", "fluency": null, '
        '"duplicate_of": "example:0", "tokens": 0, "seconds": 0.5, "run_id": "r1", '
        '"stripped": ""}\n'
    )


@given(samples)
def test_jsonl_is_exact(given: list[Sample]) -> None:
    lines = export_samples(given, format="jsonl").decode("utf-8").split("\n")
    assert lines.pop() == ""
    assert [json.loads(line) for line in lines] == expected(given)


@given(samples)
def test_parquet_is_exact(given: list[Sample]) -> None:
    table = parquet.read_table(io.BytesIO(export_samples(given, format="parquet")))
    assert table.column_names == list(COLUMNS)
    assert table.to_pylist() == expected(given)
    kinds = {name: str(table.schema.field(name).type) for name in COLUMNS}
    assert kinds["tokens"] == kinds["order"] == kinds["cycle"] == kinds["index"] == "int64"
    assert kinds["fluency"] == kinds["seconds"] == "double"
    assert {kinds[name] for name in ("id", "text", "label", "duplicate_of")} == {"string"}


@given(samples)
def test_csv_is_exact_once_the_guard_is_off(given: list[Sample]) -> None:
    rows = csv_rows(export_samples(given, format="csv"))
    assert len(rows) == len(given)
    for row, values in zip(rows, expected(given), strict=True):
        for name, value in values.items():
            if isinstance(value, int | float):
                assert math.isclose(float(row[name]), value, rel_tol=0, abs_tol=0)
            else:
                assert unguarded_cell(row[name]) == (value or "")


@given(samples)
def test_no_text_in_the_csv_can_be_a_formula(given: list[Sample]) -> None:
    for row in csv_rows(export_samples(given, format="csv")):
        for name in ("text", "label", "duplicate_of", "finish_reason"):
            assert not row[name].startswith(("\t", "\r", "\n"))
            assert not row[name].lstrip().startswith(tuple("=+-@\uff1d\uff0b\uff0d\uff20"))


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=SUM(A1)", "'=SUM(A1)"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@cmd", "'@cmd"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("  =1", "'  =1"),
        ("\u00a0@x", "'\u00a0@x"),
        ("\uff1d1", "'\uff1d1"),
        ("'=1", "''=1"),
        ("'tis", "'tis"),
        ("a=1", "a=1"),
        (" x", " x"),
        ("", ""),
    ],
)
def test_the_guard(text: str, cell: str) -> None:
    assert guarded_cell(text) == cell
    assert unguarded_cell(cell) == text


@given(texts | risky)
def test_the_guard_comes_off_exactly(text: str) -> None:
    assert unguarded_cell(guarded_cell(text)) == text


@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet"])
def test_no_samples_are_an_export_too(format: Any, tmp_path: Path) -> None:
    path = tmp_path / f"none.{format}"
    write_export(path, [])
    assert path.read_bytes() == export_samples([], format=format)


@pytest.mark.parametrize(
    ("name", "format"), [("a.csv", "csv"), ("b.JSONL", "jsonl"), ("../c.x.parquet", "parquet")]
)
def test_the_ending_decides_the_format(name: str, format: str) -> None:
    assert format_of(name) == format


@pytest.mark.parametrize("name", ["a", "a.json", "csv", ".csv", "a.csv.gz"])
def test_other_endings_are_refused(name: str) -> None:
    with pytest.raises(BadInput, match=r"End it in \.csv, \.jsonl or \.parquet\."):
        format_of(name)


def test_a_check_leaves_nothing_behind(tmp_path: Path) -> None:
    assert check_export(tmp_path / "a.csv") == "csv"
    assert list(tmp_path.iterdir()) == []


def test_paths_that_cannot_be_written_are_refused_beforehand(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe.csv")
    for name, message in [
        ("none/a.csv", "none of the export does not exist. Create it first."),
        ("folder.csv", "is no file. Give a file's name."),
        ("pipe.csv", "is no file."),
        ("loop.csv", "can't be written"),
        ("file/a.csv", "file of the export does not exist"),
        ("nul\0.csv", "can't be written"),
    ]:
        for use in (check_export, lambda path: write_export(path, [SAMPLE])):
            with pytest.raises(BadInput) as refused:
                use(tmp_path / name)
            assert message in str(refused.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "file",
        "folder.csv",
        "loop.csv",
        "pipe.csv",
    ]


def test_a_folder_without_permission_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(self: Path, *args: Any, **kwargs: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "touch", denied)
    with pytest.raises(BadInput, match=r"can't be written \(Permission denied\)"):
        check_export(tmp_path / "a.csv")


def test_a_full_disk_leaves_the_old_file_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.jsonl"
    write_export(path, [SAMPLE])
    before = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WidesetError, match="No space left on device") as failed:
        write_export(path, [OTHER])
    assert failed.value.exit_code == 1
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_an_export_replaces_the_file_behind_a_link(tmp_path: Path) -> None:
    target, link = tmp_path / "real.jsonl", tmp_path / "link.jsonl"
    target.write_text("old")
    link.symlink_to(target)
    write_export(link, [SAMPLE, OTHER])
    assert link.is_symlink()
    assert [json.loads(line)["id"] for line in target.read_text().splitlines()] == ["s1", "s2"]


def test_the_longest_name_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 251 + ".csv")
    write_export(path, [SAMPLE])
    assert len(csv_rows(path.read_bytes())) == 1


def test_any_table_keeps_its_values_and_their_types() -> None:
    rows = [
        {"text": "=1", "n": 1, "share": 0.5, "kept": True, "note": None, "left out": 1},
        {"text": "b", "n": None, "share": 1, "kept": False},
    ]
    columns = ["text", "n", "share", "kept", "note"]
    lines = export_table(rows, columns=columns, format="jsonl").decode().splitlines()
    assert json.loads(lines[0]) == {"text": "=1", "n": 1, "share": 0.5, "kept": True, "note": None}
    table = parquet.read_table(io.BytesIO(export_table(rows, columns=columns, format="parquet")))
    kinds = [str(field.type) for field in table.schema]
    assert kinds == ["string", "int64", "double", "bool", "string"]
    assert table.to_pylist()[1] == {
        "text": "b",
        "n": None,
        "share": 1.0,
        "kept": False,
        "note": None,
    }
    sheet = export_table(rows, columns=columns, format="csv").decode("utf-8-sig")
    assert sheet.splitlines()[1] == "'=1,1,0.5,True,"

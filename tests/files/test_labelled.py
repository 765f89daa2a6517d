"""Labelled files: every format and encoding that is read, and every row that is refused."""

import csv
import io
import json
import os
import pickle
import tracemalloc
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from core.domain.errors import BadInput
from core.domain.runs import Example
from core.domain.tasks import Label, Task, preset
from core.files.labelled import balanced_examples, columns_of, read_labelled

TASK = Task("T", "note", (Label("calm", "calm"), Label("loud", "loud")))
TWO = [Example("Hello, you", "calm"), Example("süß €", "loud")]
TWO_CSV = 'text,label\n"Hello, you",calm\nsüß €,loud\n'


def read(content: bytes | str, name: str = "notes.csv") -> list[Example]:
    raw = content.encode() if isinstance(content, str) else content
    return read_labelled(raw, name=name, task=TASK)


def refusal(content: bytes | str, name: str = "notes.csv") -> str:
    with pytest.raises(BadInput) as refused:
        read(content, name)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def as_parquet(table: dict[str, Any], *, features: Any = None) -> bytes:
    """`features` as the package datasets keeps them in the files that it writes."""
    made = pa.table(table)
    if features is not None:
        about = json.dumps({"info": {"features": features}})
        made = made.replace_schema_metadata({b"huggingface": about.encode()})
    buffer = io.BytesIO()
    parquet.write_table(made, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]
)
def test_encodings_are_told_apart(encoding: str) -> None:
    mark = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(encoding, b"")
    assert read(mark + TWO_CSV.encode(encoding)) == TWO


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (TWO_CSV.encode("utf-16-le"), "is in UTF-32, in UTF-16 without a mark, or no text at all"),
        (TWO_CSV.encode("utf-32"), "is in UTF-32, in UTF-16 without a mark, or no text at all"),
        # 0x81 means nothing in Windows-1252.
        (b"text,label\na\x81,calm\n", "is damaged: line 2 is neither UTF-8 nor"),
        # UTF-8 in which one character was cut would be nonsense as Windows-1252.
        ("text,label\nä,calm\n".encode() + b"\xc3,calm\n", "is damaged: line 3 is neither"),
        (b"text,label\n\xe9\x01,calm\n", "is damaged: line 2 is neither"),
        (b"\xff\xfe" + "text,label\na,calm\n".encode("utf-16-le") + b"a", "line 3 is neither"),
    ],
)
def test_uncertain_encodings_are_refused(raw: bytes, message: str) -> None:
    assert message in refusal(raw)


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_separators_and_line_ends(separator: str, ending: str) -> None:
    lines = ["id;TEXT ; Label", "1;a;calm", "", '2;"b\nc";loud']
    content = ending.join(lines).replace(";", separator)
    assert read(content) == [Example("a", "calm"), Example("b\nc", "loud")]


def test_white_space_around_values_is_dropped_and_within_is_kept() -> None:
    assert read(" text , label \n  a  b\t, calm \n") == [Example("a  b", "calm")]
    line = json.dumps({"text": " a\u2028b\n", "label": " loud"}, ensure_ascii=False)
    assert read(f"\n{line}\r\n", "n.jsonl") == [Example("a\u2028b", "loud")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "The file notes.csv is empty."),
        (" \n", "The file notes.csv is empty."),
        ("text,label\n", "The file notes.csv holds no rows."),
        ("text,tag\na,b\n", "has no column 'label'; its columns are: text, tag."),
        ("text,label,TEXT\na,calm,b\n", "has more than one column 'text'"),
        ("text,label\na,calm\nb, c,loud\n", "Row 3 of notes.csv has 3 cells, but the header has 2"),
        ("text,label\n\nb\n", "Row 3 of notes.csv has 1 cells, but the header has 2."),
        ('text,label\n"a\nb",calm\nc\n', "Row 3 of notes.csv has 1 cells"),
        ('text,label\na,calm\n"b,loud\n', "Row 3 of notes.csv is not valid CSV (unexpected end"),
        ('text,label\n"a"b,calm\n', "Row 2 of notes.csv is not valid CSV"),
        ("text,label\na,calm\n ,loud\n", "Row 3 of notes.csv has no text."),
        ("text,label\na,\n", "Row 2 of notes.csv has no label."),
        (
            "text,label\na,Calm\n",
            "Row 2 of notes.csv has the label 'Calm', which the task lacks. "
            "Its labels are calm, loud.",
        ),
        ("text,label\na\0b,calm\n", "Row 2 of notes.csv: the text holds a NUL character at char"),
        (
            b"text,label\na,calm\nb\xed\xa0\x80,calm\n",
            "Row 3 of notes.csv: the text holds half of a surrogate pair at character 2",
        ),
        (
            "text,label\n" + "a" * 100_001 + ",calm\n",
            "Row 2 of notes.csv: the text is 100,001 characters long, over the limit of 100,000",
        ),
        ("text,label\na,calm\n" + "a" * 131_073 + ",calm\n", "Row 3 of notes.csv is not valid CSV"),
    ],
)
def test_bad_csv_rows_are_refused_with_their_number(content: str | bytes, message: str) -> None:
    assert message in refusal(content)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "Row 2 of n.jsonl is not valid JSON (Expecting property name"),
        ("[" * 100_000, "Row 2 of n.jsonl is not valid JSON (out of bounds)"),
        ('{"text": ' + "1" * 5000 + "}", "Row 2 of n.jsonl is not valid JSON (out of bounds)"),
        ('["a", "calm"]', "Row 2 of n.jsonl is not a JSON object."),
        ('{"text": "a"}', "Row 2 of n.jsonl has no 'label'."),
        ('{"text": null, "label": "calm"}', "Row 2 of n.jsonl has no text."),
        ('{"text": "a", "label": 1}', "has a label that is no text but of type int. Give labels"),
        ('{"text": "a\\ud800", "label": "calm"}', "holds half of a surrogate pair at character 2"),
        ('{"text": "a\\u0000", "label": "calm"}', "holds a NUL character at character 2"),
        ('{"text": "a", "label": "c\\u001b[2J"}', "Row 2 of n.jsonl has the label 'c\ufffd[2J'"),
        ('{"text": "' + "a" * 2_000_000 + '"}', "Row 2 of n.jsonl is over 2,000,000 characters"),
    ],
)
def test_bad_jsonl_rows_are_refused_with_their_number(line: str, message: str) -> None:
    good = '{"text": "a", "label": "calm", "more": {"x": [1]}}\n'
    assert read(good, "n.jsonl") == [Example("a", "calm")]
    assert message in refusal(good + line + "\n", "n.jsonl")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"text": ["a", None], "label": ["calm", "calm"]}, "Row 2 of n.parquet has no text."),
        ({"text": ["a", "b"], "label": [0, 1]}, "Row 1 of n.parquet has a label that is no text"),
        ({"text": ["a"], "label": ["cool"]}, "Row 1 of n.parquet has the label 'cool', which"),
        ({"text": ["a"]}, "has no column 'label'"),
        ({"text": [["a"]], "label": ["calm"]}, "columns text and label of n.parquet are no texts"),
        ({"text": pa.array([], pa.string()), "label": pa.array([], pa.string())}, "holds no rows"),
        ({"text": ["a" * 100_001], "label": ["calm"]}, "Row 1 of n.parquet: the text is 100,001"),
    ],
)
def test_bad_parquet_is_refused(table: dict[str, Any], message: str) -> None:
    assert message in refusal(as_parquet(table), "n.parquet")


def test_damaged_parquet_is_refused() -> None:
    raw = as_parquet({"text": ["a", "b"] * 100, "label": ["calm"] * 200})
    assert read(raw, "n.PARQUET") == [Example("a", "calm"), Example("b", "calm")] * 100
    for broken in (raw[:-9], b"PAR1" + bytes(40) + b"PAR1", raw[:40] + bytes(60) + raw[100:]):
        assert "Parquet file" in refusal(broken, "n.parquet")
    # A footer length beyond the limit is refused before the footer is looked at.
    assert "is over 5 MB" in refusal(raw[:-8] + b"\xff\xff\xff\x7fPAR1", "n.parquet")


good_texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)
examples = st.lists(
    st.builds(
        Example,
        text=good_texts.map(str.strip).filter(bool),
        label=st.sampled_from(TASK.label_names),
    ),
    min_size=1,
    max_size=20,
)


@given(examples)
def test_every_storable_text_survives_every_format(given: list[Example]) -> None:
    rows = [{"text": e.text, "label": e.label} for e in given]
    sheet = io.StringIO(newline="")
    writer = csv.DictWriter(sheet, ["text", "label"])
    writer.writeheader()
    writer.writerows(rows)
    assert read(sheet.getvalue(), "n.csv") == given
    for ascii_only in (True, False):
        lines = "".join(json.dumps(row, ensure_ascii=ascii_only) + "\n" for row in rows)
        assert read(lines, "n.jsonl") == given
    columns = {key: [row[key] for row in rows] for key in ("text", "label")}
    assert read(as_parquet(columns), "n.parquet") == given


class Trap:
    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("the pickle was opened",))


@pytest.mark.parametrize("name", ["m.pkl", "m.pickle", "m.joblib", "m.JOBLIB", "m.pt"])
def test_pickles_are_refused_by_name(name: str) -> None:
    said = "is a Python pickle, which could run any program; it was not opened."
    assert said in refusal(TWO_CSV, name)


@pytest.mark.parametrize("name", ["m.csv", "m.jsonl", "m.parquet"])
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_are_refused_by_content(protocol: int, name: str) -> None:
    assert "is a Python pickle" in refusal(pickle.dumps(Trap(), protocol=protocol), name)


def test_old_and_wrapped_pickles_are_not_opened_either() -> None:
    raw = pickle.dumps(Trap(), protocol=0)
    assert "has no column 'text'" in refusal(raw, "m.csv")
    assert "compressed archive" in refusal(zlib.compress(raw), "m.csv")
    assert "workbook, not CSV" in refusal(b"PK\x03\x04" + bytes(50), "m.csv")


@pytest.mark.parametrize("name", ["notes", "notes.txt", "notes.csv.exe", "\0.xls"])
def test_unknown_endings_are_refused(name: str) -> None:
    assert "is of an unknown kind. Give a .csv, .jsonl or .parquet file." in refusal("a", name)


def peak_of(content: bytes, name: str) -> tuple[str, int]:
    tracemalloc.start()
    try:
        message = refusal(content, name)
        return message, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b"text,label" + b",x" * 900_000, "n.csv", "has over 1,000 columns"),
        (b"text,label\n" + b"," * 20_000_000, "n.csv", "Row 2 of n.csv is over 2,000,000 char"),
        (b"text,label\n" + b',,"\n",,\n"' * 1_000_000, "n.csv", "Row 2 of n.csv"),
        (b"text,label\n" + b'"' + b"a\n" * 10_000_000, "n.csv", "Row 2 of n.csv is not valid CSV"),
        (b'{"a":[' + b"{}," * 5_000_000, "n.jsonl", "Row 1 of n.jsonl is over 2,000,000 char"),
        (
            json.dumps({str(n): n for n in range(1001)}).encode(),
            "n.jsonl",
            "has over 1,000 columns",
        ),
        (b"\n" * 500_001, "n.jsonl", "is empty"),
        (b"\n" * 500_001 + b"{}", "n.jsonl", "has over 500,000 rows"),
        (b"text,label\n" + b"\n" * 500_001, "n.csv", "has over 500,000 rows"),
    ],
    ids=["columns", "cells", "lines", "quote", "nested", "keys", "blank", "rows", "csv-rows"],
)
def test_huge_content_is_refused_with_bounded_memory(
    content: bytes, name: str, message: str
) -> None:
    said, peak = peak_of(content, name)
    assert message in said
    # What is refused took no more than the row limit's worth of cells beside the file itself.
    assert peak < len(content) + 60_000_000


def test_parquet_with_too_many_columns_or_rows_or_text_is_refused() -> None:
    many = {f"c{n}": ["a"] for n in range(1001)}
    assert "has over 1,000 columns" in refusal(as_parquet(many), "n.parquet")
    rows = pa.array(["a"] * 500_001)
    assert "has over 500,000 rows" in refusal(
        as_parquet({"text": rows, "label": rows}), "n.parquet"
    )
    # 600 rows of one text are small in the file, and 60 MB for whoever uses them.
    bomb = as_parquet({"text": ["a" * 100_000] * 600, "label": ["calm"] * 600})
    assert len(bomb) < 1_000_000
    assert "holds over 50 MB" in refusal(bomb, "n.parquet")


def test_large_files_and_endless_ones_are_refused(tmp_path: Path) -> None:
    large = tmp_path / "large.csv"
    with large.open("wb") as file:
        file.truncate(50_000_001)
    os.mkfifo(tmp_path / "pipe.csv")
    for path, message in [
        (large, "The file large.csv holds over 50 MB."),
        (tmp_path / "pipe.csv", "pipe.csv is not a plain file."),
        (Path("/dev/zero"), "is not a plain file."),
        (tmp_path / "none.csv", "The file none.csv can't be read (No such file or directory)."),
        (tmp_path / "a\0.csv", "can't be read"),
    ]:
        with pytest.raises(BadInput) as refused:
            read_labelled(path, name=path.name if path.suffix else "zero.csv", task=TASK)
        assert message in str(refused.value)


def test_a_path_reads_like_its_content(tmp_path: Path) -> None:
    path = tmp_path / "notes.csv"
    path.write_text(TWO_CSV, encoding="utf-8")
    assert read_labelled(path, name="notes.csv", task=TASK) == TWO
    assert read_labelled(str(path), name="notes.csv", task=TASK) == TWO


@pytest.mark.data
@pytest.mark.parametrize(
    ("folder", "name", "rows"),
    [("carer_emotion", "carer", 6000), ("clickbait", "cb", 6000), ("sst2", "sst2", 6000)],
)
def test_the_example_data_is_read(folder: str, name: str, rows: int, data: Path) -> None:
    path = data / folder / "train.csv"
    examples = read_labelled(path, name=path.name, task=preset(name))
    with path.open(encoding="utf-8", newline="") as file:
        expected = [(row["text"].strip(), row["label"]) for row in csv.DictReader(file)]
    assert len(examples) == rows
    assert [(e.text, e.label) for e in examples] == expected


# --- other columns, other labels


@pytest.mark.parametrize(
    ("content", "name", "columns"),
    [
        ("text,label\na,b\n", "n.csv", ["text", "label"]),
        (" Review ;Mood, if any;\n", "n.csv", ["Review", "Mood, if any", ""]),
        ('"a, b"\tc\n', "n.csv", ["a, b", "c"]),
        ("text\na\n", "n.csv", ["text"]),
        ("\ufeffa,b;c\n", "n.csv", ["a", "b;c"]),  # a tie goes to the comma
        ('\n{"Review": "a", "more": {"x": 1}}\nno json', "n.jsonl", ["Review", "more"]),
        (as_parquet({"Review": ["a"], "n": [[1]]}), "n.parquet", ["Review", "n"]),
    ],
)
def test_columns_are_listed(content: str | bytes, name: str, columns: list[str]) -> None:
    raw = content.encode() if isinstance(content, str) else content
    assert columns_of(raw, name=name) == columns


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b"x," * 2_000, "n.csv", "has over 1,000 columns"),
        (b"x" * 3_000_000, "n.csv", "Row 1 of n.csv is over 2,000,000 characters long"),
        (b"[1]", "n.jsonl", "Row 1 of n.jsonl is not a JSON object"),
        (b"PAR1" + bytes(40) + b"PAR1", "n.parquet", "is a damaged Parquet file"),
        (pickle.dumps([1]), "n.csv", "is a Python pickle"),
    ],
)
def test_columns_of_a_bad_file_are_refused(content: bytes, name: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        columns_of(content, name=name)


THREE = [Example("a", "0"), Example("b", "1"), Example("c", "true")]


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("Review,mood\na,0\nb,1\nc,true\n", "n.csv"),
        (
            '{"REVIEW": "a", "Mood": 0, "text": 5}\n{"review": "b", "mood": 1}\n'
            '{"review": "c", "mood": true}\n',
            "n.jsonl",
        ),
        (as_parquet({"review": ["a", "b", "c"], "MOOD": ["0", "1", "true"]}), "n.parquet"),
    ],
)
def test_without_a_task_labels_come_as_they_are(content: str | bytes, name: str) -> None:
    raw = content.encode() if isinstance(content, str) else content
    chosen = {"text_column": "review", "label_column": "mood"}
    assert read_labelled(raw, name=name, task=None, **chosen) == THREE
    renamed = {" 0": "calm", "1": "loud", "true": "loud", "not there": "calm"}
    assert read_labelled(raw, name=name, task=TASK, label_map=renamed, **chosen) == [
        Example("a", "calm"),
        Example("b", "loud"),
        Example("c", "loud"),
    ]


def test_numbers_of_parquet_are_labels_without_a_task() -> None:
    for values, words in (([7, -1], ["7", "-1"]), ([True, False], ["true", "false"])):
        raw = as_parquet({"text": ["a", "b"], "label": values})
        found = read_labelled(raw, name="n.parquet", task=None)
        assert [example.label for example in found] == words
    with pytest.raises(BadInput, match=r"Row 1 of n.parquet has a label .* of type float"):
        read_labelled(as_parquet({"text": ["a"], "label": [0.5]}), name="n.parquet", task=None)


def test_numbers_that_a_parquet_file_names_come_by_these_names() -> None:
    features = {
        "text": {"dtype": "string", "_type": "Value"},
        "label": {"names": ["calm", "loud"], "_type": "ClassLabel"},
    }
    table = {"text": ["a", "b"], "label": [1, 0]}
    raw = as_parquet(table, features=features)
    expected = [Example("a", "loud"), Example("b", "calm")]
    assert read_labelled(raw, name="n.parquet", task=TASK) == expected
    assert read_labelled(raw, name="n.parquet", task=None) == expected
    missing = as_parquet({"text": ["a", "b"], "label": [1, -1]}, features=features)
    assert "Row 2 of n.parquet has no label." in refusal(missing, "n.parquet")
    beyond = as_parquet({"text": ["a", "b"], "label": [1, 2]}, features=features)
    assert read_labelled(beyond, name="n.parquet", task=None)[1].label == "2"
    for nonsense in ({"label": []}, [], {"label": {"_type": "ClassLabel", "names": [1, 2]}}, 5):
        raw = as_parquet(table, features=nonsense)
        assert [e.label for e in read_labelled(raw, name="n.parquet", task=None)] == ["1", "0"]


def test_all_unknown_labels_are_named_with_their_first_rows() -> None:
    content = "text,label\na,Calm\nb,calm\nc,Calm\nd,soft\n"
    assert refusal(content) == (
        "The file notes.csv has 2 labels that the task lacks: 'Calm' (row 2), 'soft' (row 5). "
        "Its labels are calm, loud."
    )
    with pytest.raises(BadInput, match=r"Row 5 of notes.csv has the label 'soft', which the task"):
        read_labelled(content.encode(), name="notes.csv", task=TASK, label_map={"Calm": "calm"})
    many = "text,label\n" + "".join(f"a,l{n}\n" for n in range(25))
    assert "'l19' (row 21) and 5 more." in refusal(many)


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("text,label\na,b\n", {"label_map": {"b": "cool"}}, "The label 'cool', which a label is"),
        ("text,tag\na,b\n", {"label_column": "Text"}, "The column 'text' can't hold both"),
        ("text,tag\na,b\n", {"label_column": "mood"}, "has no column 'mood'; its columns are: te"),
        ("a,a,tag\na,b,c\n", {"text_column": "a", "label_column": "tag"}, "more than one column"),
    ],
)
def test_maps_and_columns_that_lead_nowhere(
    content: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        read_labelled(content.encode(), name="n.csv", task=TASK, **options)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("text,label\na,\ud800\n", "Row 2 of n.csv: the label holds half of a surrogate pair"),
        ("text,label\na," + "b" * 201, "Row 2 of n.csv has a label of 201 characters"),
        (
            "text,label\n" + "".join(f"a,{n}\n" for n in range(1_001)),
            "The column 'label' of n.csv holds over 1,000 different labels. Choose the column",
        ),
    ],
)
def test_labels_that_are_none_are_refused(content: str, message: str) -> None:
    raw = content.encode("utf-8", "surrogatepass")
    with pytest.raises(BadInput, match=message):
        read_labelled(raw, name="n.csv", task=None)


# --- draws


def pool(calm: int, loud: int) -> list[Example]:
    return [Example(f"c{n}", "calm") for n in range(calm)] + [
        Example(f"l{n}", "loud") for n in range(loud)
    ]


def test_draws_are_balanced_in_task_order_and_repeat_by_seed() -> None:
    drawn = balanced_examples(pool(50, 50), task=TASK, seed=3)
    assert [e.label for e in drawn] == ["calm"] * 9 + ["loud"] * 9
    assert len(set(drawn)) == 18
    assert drawn == balanced_examples(pool(50, 50), task=TASK, seed=3)
    assert drawn != balanced_examples(pool(50, 50), task=TASK, seed=4)


def test_the_draw_depends_on_the_order_of_the_rows() -> None:
    drawn = balanced_examples(pool(50, 50), task=TASK, seed=3)
    assert drawn != balanced_examples(pool(50, 50)[::-1], task=TASK, seed=3)


def test_the_remainder_goes_to_labels_drawn_by_the_seed() -> None:
    favoured = set()
    for seed in range(20):
        counts = Counter(
            e.label for e in balanced_examples(pool(5, 5), task=TASK, count=5, seed=seed)
        )
        assert sorted(counts.values()) == [2, 3]
        favoured.add(counts.most_common(1)[0][0])
    assert favoured == {"calm", "loud"}


@given(st.integers(0, 40), st.integers(0, 2**63 - 1))
def test_no_label_gets_two_more_than_another(count: int, seed: int) -> None:
    task = preset("carer")
    all_of = [Example(f"{label} {n}", label) for n in range(8) for label in task.label_names]
    drawn = balanced_examples(all_of, task=task, count=count, seed=seed)
    counts = Counter(e.label for e in drawn)
    assert len(drawn) == count
    assert {counts[label] for label in task.label_names} <= {count // 6, count // 6 + 1}
    assert set(drawn) <= set(all_of)


def test_too_few_different_texts_are_refused_with_their_number() -> None:
    repeated = [*pool(20, 3), Example("L0", "loud"), Example(" l0 ", "loud"), Example("x", "gone")]
    with pytest.raises(BadInput) as refused:
        balanced_examples(repeated, task=TASK, seed=0)
    assert str(refused.value) == (
        "18 balanced seed examples need 9 different texts with the label 'loud', and there are 3. "
        "Add texts with that label or ask for fewer examples."
    )


@pytest.mark.parametrize("count", [-1, 1001, True])
def test_counts_out_of_range_are_refused(count: int) -> None:
    with pytest.raises(BadInput, match=f"The number of seed examples is {count}"):
        balanced_examples(pool(5, 5), task=TASK, count=count, seed=0)

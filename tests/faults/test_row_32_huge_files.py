"""Fault 32: a huge or endless file, a million columns: refused early, memory bounded.

The memory is that of a process of its own, as the system counts it.
"""

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

ROOT = Path(__file__).parents[2]

SCRIPT = """
import resource, sys
import pyarrow.parquet
from core.domain.errors import BadInput
from core.files.labelled import columns_of, read_labelled
path = sys.argv[1]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for read in (lambda: columns_of(path, name=path),
             lambda: read_labelled(path, name=path, task=None, text_column="a")):
    try:
        read()
    except BadInput as error:
        print(error)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def as_parquet(table: dict[str, object]) -> bytes:
    buffer = io.BytesIO()
    parquet.write_table(pa.table(table), buffer)
    return buffer.getvalue()


HUGE: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "columns": ("n.csv", lambda: b"a,label" + b"," * 1_000_000 + b"\n", "has over 1,000 columns"),
    "keys": (
        "n.jsonl",
        lambda: json.dumps(dict.fromkeys(map(str, range(100_000)))).encode(),
        "has over 1,000 columns",
    ),
    "line": ("n.csv", lambda: b"a" * 49_000_000, "Row 1 of n.csv is over 2,000,000 characters"),
    "quote": ("n.csv", lambda: b'a,label\n"' + b"x\n" * 20_000_000, "is not valid CSV"),
    "rows": ("n.csv", lambda: b"a,label\n" + b"x,y\n" * 500_001, "has over 500,000 rows"),
    "labels": (
        "n.csv",
        lambda: b"a,label\n" + b"".join(b"x,%d\n" % n for n in range(500_000)),
        "holds over 1,000 different labels",
    ),
    "nested": ("n.jsonl", lambda: b'{"a": ' + b"[" * 40_000_000, "is over 2,000,000 characters"),
    "parquet": (
        "n.parquet",
        lambda: as_parquet({f"c{n}": ["x"] for n in range(2_000)}),
        "has over 1,000 columns",
    ),
    "unpacked": (
        "n.parquet",
        # 100,000 rows of one text: a small file, and 10 GB for whoever unpacks it.
        lambda: as_parquet(
            {
                "a": pa.DictionaryArray.from_arrays([0] * 100_000, ["x" * 100_000]),
                "label": ["y"] * 100_000,
            }
        ),
        "holds over 50 MB",
    ),
}


@pytest.mark.parametrize("kind", HUGE)
def test_huge_content_is_refused_early(tmp_path: Path, kind: str) -> None:
    name, make, message = HUGE[kind]
    path = tmp_path / name
    path.write_bytes(make())
    size = path.stat().st_size
    assert size < 50_000_000
    said, grown = refusal(path)
    assert message in said
    # The file itself, once as bytes and once as the reader's copy, and 150 MB for 500,000 rows.
    assert grown < 2 * size + 150_000_000


def test_a_file_without_an_end_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "zero.csv").symlink_to("/dev/zero")
    with (tmp_path / "large.csv").open("wb") as file:
        file.truncate(10**12)  # a terabyte of holes
    for name, message in [
        ("pipe.csv", "pipe.csv is not a plain file."),
        ("zero.csv", "zero.csv is not a plain file."),
        ("large.csv", "The file large.csv holds over 50 MB."),
    ]:
        begun = time.monotonic()
        said, grown = refusal(tmp_path / name)
        assert said.count(message) == 2
        assert grown < 200_000_000
        assert time.monotonic() - begun < 10


def refusal(path: Path) -> tuple[str, int]:
    """What is said of a file, and by how many bytes the process grew while it was read."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    *said, grown = done.stdout.splitlines()
    return "\n".join(said), int(grown) * (1 if sys.platform == "darwin" else 1024)

"""A Hugging Face hub that has what a test gives it, behind the interface of huggingface_hub."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import huggingface_hub
import pyarrow as pa
from huggingface_hub.hf_api import RepoSibling
from pyarrow import parquet

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REVIEWS = {"text": ["fine", "dull", "good", "bad"], "label": [1, 0, 1, 0]}
NAMES = ("neg", "pos")


def as_parquet(table: Mapping[str, Any], *, names: tuple[str, ...] | None = NAMES) -> bytes:
    """A Parquet file as the hub makes it: ClassLabels are numbers named in its metadata."""
    made = pa.table(dict(table))
    if names is not None:
        features = {
            "text": {"dtype": "string", "_type": "Value"},
            "label": {"names": list(names), "_type": "ClassLabel"},
        }
        about = json.dumps({"info": {"features": features}})
        made = made.replace_schema_metadata({b"huggingface": about.encode()})
    buffer = io.BytesIO()
    parquet.write_table(made, buffer)
    return buffer.getvalue()


@dataclass
class FakeHub:
    """Has one dataset `owner/reviews`.

    Args:
        folder: where it puts what is downloaded.
        files: content by path in the branch.
        sizes: what it says of a file's size, if not the truth.
        error: what its first call raises, instead.
    """

    folder: Path
    files: Mapping[str, bytes]
    sizes: Mapping[str, int | None] = field(default_factory=dict)
    error: Exception | None = None
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    errors: Any = huggingface_hub.errors

    def HfApi(self) -> "FakeHub":  # noqa: N802
        """As the real one: an object with the calls below."""
        return self

    def dataset_info(
        self, repo_id: str, *, revision: str | None = None, files_metadata: bool = False
    ) -> Any:
        """The branch's commit and files."""
        self.calls.append(("dataset_info", repo_id, revision, files_metadata))
        if self.error is not None:
            raise self.error
        siblings = [
            RepoSibling(rfilename=path, size=self.sizes.get(path, len(content)))
            for path, content in self.files.items()
        ]
        return _Info(COMMIT, siblings)

    def hf_hub_download(
        self, repo_id: str, filename: str, *, repo_type: str | None = None, revision: str | None
    ) -> str:
        """A file's path on this machine."""
        self.calls.append(("hf_hub_download", repo_id, filename, repo_type, revision))
        path = self.folder / str(len(self.calls))
        path.write_bytes(self.files[filename])
        return str(path)


@dataclass
class _Info:
    sha: str
    siblings: list[RepoSibling]

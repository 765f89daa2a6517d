"""Datasets of the hub, from a fake of it; the real package says that it is offline."""

import inspect
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub
import pytest
from huggingface_hub import errors

from core.domain.errors import BadInput, WidesetError
from core.domain.runs import Example
from core.files.hub import REVISION, fetch_dataset
from core.files.mapping import read_mapped
from tests.fake_hub import COMMIT, REVIEWS, FakeHub, as_parquet
from tests.store.making import TASK

ROOT = Path(__file__).parents[2]
FILES = {
    ".gitattributes": b"",
    "default/test/0000.parquet": as_parquet({"text": ["so so"], "label": [0]}),
    # As the hub names them where there are many: in order.
    "default/train/0001.parquet": as_parquet({"text": ["great"], "label": [1]}),
    "default/train/0000.parquet": as_parquet(REVIEWS),
}


def here() -> bool:
    return True


def refused(kind: type[Exception]) -> Exception:
    if issubclass(kind, errors.HfHubHTTPError):
        response = SimpleNamespace(headers={}, request=None, status_code=404)
        return kind("sentinel", response=response)  # type: ignore[arg-type]
    return kind("sentinel")


def test_a_split_is_fetched_at_one_commit_and_read_by_its_own_names(tmp_path: Path) -> None:
    hub = FakeHub(tmp_path, FILES)
    dataset = fetch_dataset("owner/reviews", hub=hub, answers=here)
    assert (dataset.id, dataset.config, dataset.split, dataset.commit) == (
        "owner/reviews",
        "default",
        "train",
        COMMIT,
    )
    assert hub.calls == [
        ("dataset_info", "owner/reviews", REVISION, True),
        ("hf_hub_download", "owner/reviews", "default/train/0000.parquet", "dataset", COMMIT),
        ("hf_hub_download", "owner/reviews", "default/train/0001.parquet", "dataset", COMMIT),
    ]
    assert read_mapped(dataset.files, task=TASK).examples == (
        Example("fine", "pos"),
        Example("dull", "neg"),
        Example("good", "pos"),
        Example("bad", "neg"),
        Example("great", "pos"),
    )
    test = fetch_dataset("owner/reviews", split="test", hub=hub, answers=here)
    assert [name for name, _ in test.files] == ["default/test/0000.parquet"]


@pytest.mark.parametrize(
    ("paths", "config", "split", "chosen"),
    [
        (["a/b/0000.parquet"], None, None, ("a", "b")),
        (["a/train/0.parquet", "default/train/0.parquet"], None, None, ("default", "train")),
        (["a/train/0.parquet", "b/c/train/0.parquet"], "b/c", None, ("b/c", "train")),
        (["a/x/0.parquet", "a/partial-train/0.parquet"], "a", "x", ("a", "x")),
    ],
)
def test_configuration_and_split_are_chosen(
    tmp_path: Path,
    paths: list[str],
    config: str | None,
    split: str | None,
    chosen: tuple[str, str],
) -> None:
    hub = FakeHub(tmp_path, dict.fromkeys(paths, as_parquet(REVIEWS)))
    dataset = fetch_dataset("owner/reviews", config=config, split=split, hub=hub, answers=here)
    assert (dataset.config, dataset.split) == chosen


@pytest.mark.parametrize(
    ("paths", "config", "split", "message"),
    [
        ([], None, None, "The dataset 'owner/reviews' has no Parquet form on the Hugging Face hub"),
        (["readme.md"], None, None, "has no Parquet form"),
        (
            ["a/train/0.parquet", "b/train/0.parquet"],
            None,
            None,
            "There is no configuration of 'owner/reviews' named 'default'. There is a, b.",
        ),
        (
            ["a/x/0.parquet", "a/y/0.parquet"],
            None,
            None,
            r"There is no split of 'owner/reviews' \(a\) named 'train'. There is x, y.",
        ),
        (["a/x/0.parquet"], None, "y", "named 'y'. There is x."),
        (["a/x/0.parquet"], "../x", "y", "named '../x'. There is a."),
    ],
)
def test_what_is_not_there_is_told_with_what_is(
    tmp_path: Path, paths: list[str], config: str | None, split: str | None, message: str
) -> None:
    hub = FakeHub(tmp_path, dict.fromkeys(paths, b""))
    with pytest.raises(BadInput, match=message):
        fetch_dataset("owner/reviews", config=config, split=split, hub=hub, answers=here)
    assert len(hub.calls) == 1


@pytest.mark.parametrize(
    ("size", "message"),
    [
        (30_000_000, "The split 'train' of 'owner/reviews' has 60 MB; nothing over 50 MB is fetch"),
        (None, "has no stated size"),
    ],
)
def test_too_large_a_split_is_refused_before_it_is_fetched(
    tmp_path: Path, size: int | None, message: str
) -> None:
    hub = FakeHub(tmp_path, FILES, sizes=dict.fromkeys(FILES, size))
    with pytest.raises(BadInput, match=message):
        fetch_dataset("owner/reviews", hub=hub, answers=here)
    assert len(hub.calls) == 1


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (errors.GatedRepoError, "is only for those whom its owners let in. Ask for access"),
        (errors.RepositoryNotFoundError, "There is no public dataset 'owner/reviews' on the Huggi"),
        (errors.HFValidationError, "There is no public dataset 'owner/reviews'"),
        (errors.RevisionNotFoundError, "has no Parquet form"),
        (errors.HfHubHTTPError, r"did not give the dataset 'owner/reviews' \(HfHubHTTPError\)"),
        (ConnectionError, r"\(ConnectionError\). Try again later. Without a network, files"),
    ],
)
def test_refusals_of_the_hub_are_told_without_its_words(
    tmp_path: Path, error: type[Exception], message: str
) -> None:
    hub = FakeHub(tmp_path, FILES, error=refused(error))
    with pytest.raises(WidesetError, match=message) as told:
        fetch_dataset("owner/reviews", hub=hub, answers=here)
    assert "sentinel" not in str(told.value)


def test_without_a_network_it_is_told_what_works() -> None:
    # The real package, in a process that has loaded nothing of it yet.
    script = (
        "from core.files.hub import _hub, fetch_dataset\n"
        "try: fetch_dataset('owner/reviews')\n"
        "except Exception as error: print(error)\n"
        "hub = _hub()\n"
        "print(hub.HfApi.__name__, hub.hf_hub_download.__name__, hub.errors.__name__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.splitlines() == [
        "The Hugging Face hub can't be reached, so the dataset 'owner/reviews' can't be fetched. "
        "Without a network, files (CSV, JSONL, Parquet) work: give one by upload or path.",
        "HfApi hf_hub_download huggingface_hub.errors",
    ]


def test_the_real_package_has_what_the_fake_has() -> None:
    info = inspect.signature(huggingface_hub.HfApi.dataset_info).parameters
    assert {"repo_id", "revision", "files_metadata"} <= set(info)
    download = inspect.signature(huggingface_hub.hf_hub_download).parameters
    assert {"repo_id", "filename", "repo_type", "revision"} <= set(download)

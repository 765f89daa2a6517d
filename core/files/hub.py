"""Labelled texts out of a dataset of the Hugging Face hub, without running any of its code.

The hub keeps a Parquet form of every dataset that it could read, in a branch of its own
(https://huggingface.co/docs/dataset-viewer/parquet); only that one is fetched.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from core.domain.errors import BadInput, WidesetError
from core.files.labelled import MAX_BYTES
from core.files.rows import shown
from core.models.devices import hub_answers

REVISION = "refs/convert/parquet"
_FILE = re.compile(r"(?P<config>.+)/(?P<split>[^/]+)/[^/]+\.parquet")
_OFFLINE = "Without a network, files (CSV, JSONL, Parquet) work: give one by upload or path."


@dataclass(frozen=True, slots=True)
class HubDataset:
    """The Parquet files of one split of a dataset.

    Args:
        id: on the hub, `owner/name` or `name`.
        config: which of its configurations (subsets).
        split: which of its splits.
        commit: of the branch with the Parquet files.
        files: name and content of each, in order.
    """

    id: str
    config: str
    split: str
    commit: str
    files: tuple[tuple[str, bytes], ...]


def fetch_dataset(
    dataset_id: str,
    *,
    config: str | None = None,
    split: str | None = None,
    hub: Any = None,
    answers: Callable[[], bool] = hub_answers,
) -> HubDataset:
    """Fetch a split of a dataset, at most 50 MB: its size is known before it is fetched.

    Args:
        dataset_id: `owner/name` or `name`.
        config: which configuration; without one the only one, else `default`.
        split: which split; without one the only one, else `train`.
        hub: what behaves as the package `huggingface_hub`, by default itself.
        answers: whether there is a hub.

    Raises:
        BadInput: there is no such dataset, configuration or split (with the names), it has no
            Parquet form, or it is too large.
        WidesetError: the hub can't be reached or failed.
    """
    if hub is None:
        hub = _hub()
    shown_id = shown(dataset_id)
    if not answers():
        raise WidesetError(
            f"The Hugging Face hub can't be reached, so the dataset '{shown_id}' can't be fetched.",
            _OFFLINE,
        )
    try:
        info = hub.HfApi().dataset_info(dataset_id, revision=REVISION, files_metadata=True)
    except Exception as error:  # what fails below the hub's own errors is of every kind
        _refuse(hub, error, shown_id)
    chosen, config, split = _chosen(info.siblings or [], shown_id, config, split)
    sizes = [file.size for file in chosen]
    if None in sizes or sum(sizes) > MAX_BYTES:
        raise BadInput(
            f"The split '{shown(split)}' of '{shown_id}' has "
            f"{'no stated size' if None in sizes else f'{sum(sizes) / 1e6:,.0f} MB'}; nothing over "
            f"{MAX_BYTES // 10**6} MB is fetched.",
            "Choose a smaller split, or draw from it and give a file.",
        )
    files = []
    for file in chosen:
        try:
            path = hub.hf_hub_download(
                dataset_id, file.rfilename, repo_type="dataset", revision=info.sha
            )
            with Path(path).open("rb") as content:
                files.append((file.rfilename, content.read(MAX_BYTES + 1)))
        except Exception as error:
            _refuse(hub, error, shown_id)
    return HubDataset(dataset_id, config, split, info.sha, tuple(files))


def _chosen(
    files: Iterable[Any], shown_id: str, config: str | None, split: str | None
) -> tuple[list[Any], str, str]:
    tree: dict[str, dict[str, list[Any]]] = {}
    for file in sorted(files, key=lambda file: str(file.rfilename)):
        match = _FILE.fullmatch(file.rfilename)
        if match is not None:
            tree.setdefault(match["config"], {}).setdefault(match["split"], []).append(file)
    if not tree:
        raise _no_parquet(shown_id)
    config = _one_of(tree, config, usual="default", what=f"configuration of '{shown_id}'")
    splits = tree[config]
    split = _one_of(splits, split, usual="train", what=f"split of '{shown_id}' ({shown(config)})")
    return splits[split], config, split


def _one_of(names: Iterable[str], wanted: str | None, *, usual: str, what: str) -> str:
    known = list(names)
    if wanted is None:
        wanted = known[0] if len(known) == 1 else usual
    if wanted not in known:
        listed = ", ".join(shown(name) for name in known[:20])
        more = f" and {len(known) - 20} more" if len(known) > 20 else ""
        raise BadInput(f"There is no {what} named '{shown(wanted)}'.", f"There is {listed}{more}.")
    return wanted


def _refuse(hub: Any, error: Exception, shown_id: str) -> NoReturn:
    """Tell in our words what the hub raised; its own are of addresses and ids of requests."""
    if isinstance(error, hub.errors.GatedRepoError):
        raise BadInput(
            f"The dataset '{shown_id}' is only for those whom its owners let in.",
            "Ask for access on its page and log in by `hf auth login`, or choose another.",
        ) from error
    if isinstance(error, hub.errors.RevisionNotFoundError):
        raise _no_parquet(shown_id) from error
    if isinstance(error, hub.errors.RepositoryNotFoundError | hub.errors.HFValidationError):
        raise BadInput(
            f"There is no public dataset '{shown_id}' on the Hugging Face hub.",
            "An id reads owner/name, as on the dataset's page.",
        ) from error
    raise WidesetError(
        f"The Hugging Face hub did not give the dataset '{shown_id}' ({type(error).__name__}).",
        f"Try again later. {_OFFLINE}",
    ) from error


def _no_parquet(shown_id: str) -> BadInput:
    return BadInput(
        f"The dataset '{shown_id}' has no Parquet form on the Hugging Face hub.",
        "Download it and give it as a file (CSV, JSONL, Parquet).",
    )


def _hub() -> Any:
    import huggingface_hub.errors  # the package loads its parts only when they are named
    import huggingface_hub.utils

    hub: Any = huggingface_hub
    hub.utils.disable_progress_bars()  # on a terminal, ours is the only one
    return hub

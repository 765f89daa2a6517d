"""Pretrained models of transformers: read from safetensors alone, told from others by a mark."""

import functools
import hashlib
from pathlib import Path
from typing import Any, Literal

from core.domain.errors import BackendFailed
from core.models.devices import WORKS_OFFLINE, loading_options, why_not_loaded

Loader = Literal["AutoModelForCausalLM", "AutoModelForSequenceClassification"]


def read_pretrained(loader: Loader, source: str, *, called: str, **asked: Any) -> tuple[Any, ...]:
    """A model in float32 on the CPU, its tokenizer, and what transformers says of the loading.

    Args:
        loader: the class of transformers that makes it.
        source: a Hugging Face id or a folder.
        called: what it is called in an error, such as "model 'x'".
        asked: more for the loader.

    Raises:
        BackendFailed: it is not to be had; the message says what is.
    """
    import torch
    import transformers

    try:
        options = loading_options(source)
        tokenizer = transformers.AutoTokenizer.from_pretrained(source, **options)
        model, loading_info = getattr(transformers, loader).from_pretrained(
            source,
            dtype=torch.float32,
            use_safetensors=True,
            output_loading_info=True,
            **asked,
            **options,
        )
    except Exception as error:  # damaged files raise of every kind, safetensors one of its own
        raise BackendFailed(
            f"The {called} could not be loaded: {why_not_loaded(source, error)}", WORKS_OFFLINE
        ) from error
    return model, tokenizer, loading_info


def lacks_weights(called: str, key: str, remedy: str) -> BackendFailed:
    """The error of a model without some weights: random numbers would stand in their place."""
    return BackendFailed(f"The {called} lacks weights, {key} for one.", remedy)


def mark_of(name: str, model: Any, *, embedded: str) -> str:
    """What tells a model's weights from others': a digest or a commit, as far as is known.

    Args:
        name: `embedded`, a Hugging Face id, or a local folder.
        model: as it was read.
        embedded: sha256 of the embedded one's file.
    """
    if name == "embedded":
        return f"sha256:{embedded[:16]}"
    commit = getattr(model.config, "_commit_hash", None)
    if commit:
        return f"commit:{commit}"
    folder = Path(name)
    return f"files:{folder_digest(folder) or 'unknown'}"


def timed_mark(folder: str) -> str:
    """The mark that a local folder had before marks were made of its content: sizes and times."""
    stats = [file.stat() for file in sorted(Path(folder).glob("*.safetensors"))]
    return f"files:{'-'.join(f'{stat.st_size}@{int(stat.st_mtime)}' for stat in stats)}"


def folder_digest(folder: Path) -> str:
    """16 hexadecimal digits over weights, configuration and tokenizer: all that a model is.

    Empty where the folder has no such file, or is none.
    """
    digest = hashlib.sha256()
    files = [
        file
        for file in (sorted(folder.iterdir()) if folder.is_dir() else ())
        if file.suffix in (".safetensors", ".json", ".txt", ".model") and file.is_file()
    ]
    for file in files:
        stat = file.stat()
        own = _file_digest(file, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
        digest.update(f"{file.name} {own}\n".encode())
    return digest.hexdigest()[:16] if files else ""


@functools.lru_cache(maxsize=256)
def _file_digest(file: Path, *_stat: int) -> str:
    """A file's sha256, computed once per process while its size and times stay."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()

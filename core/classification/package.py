"""A trained model as one file to hand on."""

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.errors import BadInput


def packed(folder: Path, name: str, result: Mapping[str, Any]) -> io.BytesIO:
    """A classifier's folder and its `result.json` as a ZIP file, in a folder called `name`.

    Weights hardly shrink, so nothing is compressed.

    Raises:
        BadInput: the folder is gone or can't be read.
    """
    content = io.BytesIO()
    try:
        files = [path for path in sorted(folder.iterdir()) if path.is_file()]
        with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as file:
            for path in files:
                file.write(path, f"{name}/{path.name}")
            file.writestr(f"{name}/result.json", json.dumps(dict(result), indent=2))
    except OSError as error:
        raise BadInput(
            f"The trained model is not to be had ({error.strerror}).", "Train it again."
        ) from error
    content.seek(0)
    return content

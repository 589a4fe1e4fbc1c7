"""What a user wrote down about a model file: the `.json` beside it, in AUTOMATIC1111's form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_LARGEST = 1024 * 1024


def read_user_metadata(model: Path) -> dict[str, Any]:
    """`description`, `vae`, `sd version` …; empty where there is none, or where it is no JSON object."""
    try:
        with user_metadata_file(model).open("rb") as stream:
            found = json.loads(stream.read(_LARGEST).decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def user_metadata_file(model: Path) -> Path:
    """Where it lies, or would lie."""
    return model / f"{model.name}.json" if model.is_dir() else model.with_suffix(".json")

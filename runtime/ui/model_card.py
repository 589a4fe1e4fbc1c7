"""What a model file says of itself, for the Models tab; no tensor is read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from runtime.library import DEMO_FOLDER
from runtime.request import RequestError
from runtime.safetensors_header import Header, read_header
from runtime.studio import Studio
from runtime.ui import words
from runtime.ui.real_model import real_model

#: what is worth showing of a file's metadata, and under which name
_SHOWN: Mapping[str, str] = {
    "modelspec.title": "Title",
    "modelspec.description": "Description",
    "modelspec.author": "Author",
    "modelspec.license": "Licence",
    "modelspec.architecture": "Architecture",
    "modelspec.resolution": "Resolution",
    "modelspec.date": "Date",
    "modelspec.usage_hint": "Usage",
    "modelspec.trigger_phrase": "Trigger words",
    "modelspec.tags": "Tags",
    "ss_output_name": "Name",
    "ss_base_model_version": "Made for",
    "ss_sd_model_name": "Trained on",
    "ss_network_module": "Kind",
    "ss_network_dim": "Rank",
    "ss_network_alpha": "Alpha",
}
_MOST_LETTERS = 2000
_MEGABYTE = 1_000_000


def checkpoint_card(studio: Studio, title: str) -> str:
    """The file's own words; the demo model says what it is, and how to come by a real one."""
    found = studio.library.find(title)
    if found is None:
        return words.remark(words.FILE_GONE)
    if found.path.parent == DEMO_FOLDER:
        folder = str(studio.settings.models_dir / "Stable-diffusion")
        return real_model(folder) + card(found.path)
    return card(found.path)


def card(file: Path | None) -> str:
    """Size, family, metadata, and the description of the `.json` beside the file."""
    if file is None:
        return ""
    rows: dict[str, str] = {}
    try:
        rows[words.FILE] = str(file)
        rows[words.SIZE] = f"{file.stat().st_size / _MEGABYTE:,.1f} MB"
    except OSError:
        return words.remark(words.FILE_GONE)
    remark = ""
    if file.suffix.lower() == ".safetensors":
        try:
            header = read_header(file)
            rows |= _metadata(header)
        except RequestError as unreadable:
            remark = words.remark(words.UNREADABLE, unreadable)
    return remark + words.table(rows | _beside(file))


def _metadata(header: Header) -> dict[str, str]:
    found = {shown: header.metadata[key] for key, shown in _SHOWN.items() if header.metadata.get(key)}
    return {key: value[:_MOST_LETTERS] for key, value in found.items()}


def _beside(file: Path) -> dict[str, str]:
    """The user's own words, which AUTOMATIC1111 keeps in NAME.json."""
    try:
        found = json.loads(file.with_suffix(".json").read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return {}
    names = {
        "description": "Description",
        "sd version": "Made for",
        "activation text": "Trigger words",
        "notes": "Notes",
    }
    return {shown: str(found[key]) for key, shown in names.items() if isinstance(found, dict) and found.get(key)}

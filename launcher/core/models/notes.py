"""What is written about a model, in its own metadata and beside it: title, words that trigger it, its preview."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from launcher.core.models.outline import open_plainly

_MOST_WORDS, _LONGEST_WORD = 20, 200
_LARGEST_NOTES = 4 * 1024 * 1024
_PICTURES = ("png", "jpg", "jpeg", "webp", "gif", "avif")
#: files beside a model, in the order in which their words count: A1111's own, Civitai Helper's, StabilityMatrix's
_BESIDE = (".json", ".civitai.info", ".cm-info.json")


@dataclass(frozen=True)
class Notes:
    """`triggers`: words that bring a LoRA or an embedding to bear, the most telling first."""

    title: str | None = None
    triggers: tuple[str, ...] = ()


def sidecars(stem: str, there: Collection[str]) -> tuple[str, ...]:
    """The names of those files beside the model that tell about it; `there` is what its folder holds."""
    return tuple(stem + ending for ending in _BESIDE if stem + ending in there)


def preview(stem: str, there: Collection[str]) -> str | None:
    """The picture that A1111 shows for a model: its name, or its name with `.preview`."""
    names = (f"{stem}{middle}.{ending}" for middle in ("", ".preview") for ending in _PICTURES)
    return next((name for name in names if name in there), None)


def read_notes(metadata: Mapping[str, str], beside: Collection[Path]) -> Notes:
    """The words in the files beside count before those in the file; nonsense counts as nothing."""
    words: list[str] = []
    for file in beside:
        words += _beside(_read(file))
    words += _split(metadata.get("modelspec.trigger_phrase", ""))
    words = words or _tags(metadata.get("ss_tag_frequency", ""))
    title = metadata.get("modelspec.title") or metadata.get("ss_output_name")
    return Notes(title[:_LONGEST_WORD] if title else None, _tidy(words))


def _tidy(words: list[str]) -> tuple[str, ...]:
    plain = (" ".join(word.split())[:_LONGEST_WORD] for word in words)
    return tuple(dict.fromkeys(word for word in plain if word))[:_MOST_WORDS]


def _beside(found: Any) -> list[str]:
    if not isinstance(found, dict):
        return []
    words = _split(found.get("activation text", ""))
    for key in ("trainedWords", "TrainedWords"):
        listed = found.get(key)
        for entry in listed if isinstance(listed, list) else ():
            words += _split(entry)
    return words


def _split(written: object) -> list[str]:
    return [part for part in written.split(",") if part.strip()] if isinstance(written, str) else []


def _tags(written: str) -> list[str]:
    """kohya's `{folder: {tag: how often}}`: the most frequent, which the trainer's captions had in common."""
    counted: Counter[str] = Counter()
    found = _parsed(written)
    for tags in found.values() if isinstance(found, dict) else ():
        for tag, count in tags.items() if isinstance(tags, dict) else ():
            if isinstance(count, int):
                counted[tag] += count
    return [tag for tag, _ in counted.most_common(_MOST_WORDS)]


def _read(file: Path) -> Any:
    try:
        with open_plainly(file) as stream:
            return _parsed(stream.read(_LARGEST_NOTES).decode("utf-8-sig"))
    except (OSError, ValueError):
        return None


def _parsed(text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None

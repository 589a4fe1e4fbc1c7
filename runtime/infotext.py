"""Infotext: how a picture says what it was made with, in AUTOMATIC1111's grammar; written and parsed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping

#: never starts with a digit: AUTOMATIC1111 turns on compatibility modes for versions that it can read as old
VERSION = "gesso-0.1.0"
KEY_ORDER = (
    "Steps",
    "Sampler",
    "Schedule type",
    "CFG scale",
    "Image CFG scale",
    "Seed",
    "Face restoration",
    "Size",
    "Model hash",
    "Model",
    "VAE hash",
    "VAE",
    "Variation seed",
    "Variation seed strength",
    "Seed resize from",
    "Denoising strength",
    "Conditional mask weight",
    "Clip skip",
    "ENSD",
    "Init image hash",
    "RNG",
    "Tiling",
)
LAST_KEYS = ("Version", "User")
_ITEM = re.compile(r'\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])*"|[^,]*)(?:,|$)')
_PAIR = re.compile(r"(\d+)x(\d+)")
_NEGATIVE = "Negative prompt:"


def write_infotext(prompt: str, negative_prompt: str, items: Mapping[str, object]) -> str:
    """Prompt, negative prompt and one line of `key: value`; None is left out, keys come in AUTOMATIC1111's order."""
    line = ", ".join(_item(key, items[key]) for key in _ordered(items) if items[key] is not None)
    negative = f"\n{_NEGATIVE} {negative_prompt}" if negative_prompt else ""
    return f"{prompt}{negative}\n{line}".strip()


def _ordered(keys: Iterable[str]) -> list[str]:
    """Known keys first, the others as they were set, `Version` and `User` last."""
    given = list(keys)
    first = [key for key in KEY_ORDER if key in given]
    last = [key for key in LAST_KEYS if key in given]
    return [*first, *(key for key in given if key not in first and key not in last), *last]


def _item(key: str, value: object) -> str:
    text = str(value)
    return key if text == key else f"{key}: {quoted(text)}"


def quoted(text: str) -> str:
    """As it is, or as a JSON string where a comma, a colon or a line break would mislead a reader."""
    return json.dumps(text, ensure_ascii=False) if any(mark in text for mark in ",:\n") else text


def _unquoted(text: str) -> str:
    try:
        return str(json.loads(text)) if text.startswith('"') else text
    except ValueError:
        return text


def parse_infotext(text: str) -> dict[str, str]:
    """Items by key, values as strings, plus `Prompt` and `Negative prompt`; `Size: 8x9` also gives `Size-1`, `Size-2`.

    The last line holds the parameters if it has at least three items; otherwise everything is prompt.
    """
    lines = text.strip().split("\n")
    items = _ITEM.findall(lines[-1])
    if len(items) < 3:
        items = []
    else:
        lines.pop()
    start = next((number for number, line in enumerate(lines) if line.strip().startswith(_NEGATIVE)), len(lines))
    negative = "\n".join(line.strip() for line in lines[start:]).removeprefix(_NEGATIVE)
    found = {"Prompt": "\n".join(line.strip() for line in lines[:start]).strip(), "Negative prompt": negative.strip()}
    for key, value in items:
        found |= _pair_or_value(key.strip(), _unquoted(value.strip()))
    return found


def _pair_or_value(key: str, value: str) -> dict[str, str]:
    pair = _PAIR.fullmatch(value)
    if pair:
        return {f"{key}-1": pair[1], f"{key}-2": pair[2]}
    return {key: value} if value else {}

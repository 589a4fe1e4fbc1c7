"""Infotext as it is written: prompt, negative prompt, one line of `key: value`."""

from __future__ import annotations

import json
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
    "FP8 weight",
    "Cache FP16 weight for LoRA",
    "VAE hash",
    "VAE",
    "Variation seed",
    "Variation seed strength",
    "Seed resize from",
    "Denoising strength",
    "Conditional mask weight",
    "Clip skip",
    "ENSD",
    "Token merging ratio",
    "Token merging ratio hr",
    "Init image hash",
    "RNG",
    "Tiling",
)
LAST_KEYS = ("Version", "User")


def write_infotext(prompt: str, negative_prompt: str, items: Mapping[str, object]) -> str:
    """Prompt, negative prompt and one line of `key: value`; None is left out, keys come in AUTOMATIC1111's order."""
    line = ", ".join(_item(key, items[key]) for key in _ordered(items) if items[key] is not None)
    negative = f"\nNegative prompt: {negative_prompt}" if negative_prompt else ""
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

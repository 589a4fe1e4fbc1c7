"""Infotext as it is read: every file of AUTOMATIC1111 since 2022, of Forge and of SD.Next.

One pass over the last line; every value stays a string.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from runtime.infotext.old_forms import renewed

_KEY = re.compile(r"\s*(\w[\w \-/]+):\s*")
_STRING = re.compile(r'"(?:\\.|[^\\"])*"')
_END = re.compile(r"\s*(?:,|$)")
_PAIR = re.compile(r"(\d+)x(\d+)")
_NEGATIVE = "Negative prompt:"

#: what a text that does not say otherwise was made with; numbers and a truth as AUTOMATIC1111 answers them
DEFAULTS: Mapping[str, str | int] = {
    "Clip skip": "1",
    "Hires resize-1": 0,
    "Hires resize-2": 0,
    "Hires sampler": "Use same sampler",
    "Hires schedule type": "Use same scheduler",
    "Hires checkpoint": "Use same checkpoint",
    "Hires prompt": "",
    "Hires negative prompt": "",
    "Mask mode": "Inpaint masked",
    "Masked content": "original",
    "Inpaint area": "Whole picture",
    "Masked area padding": 32,
    "RNG": "GPU",
    "Schedule type": "Automatic",
    "Schedule max sigma": 0,
    "Schedule min sigma": 0,
    "Schedule rho": 0,
    "VAE Encoder": "Full",
    "VAE Decoder": "Full",
    "FP8 weight": "Disable",
    "Emphasis": "Original",
    "Refiner switch by sampling steps": False,
}


def parse_infotext(text: str) -> dict[str, str]:
    """Items by key, plus `Prompt` and `Negative prompt`; `Size: 8x9` gives `Size-1` and `Size-2`.

    The last line holds the parameters if it has at least three items; otherwise everything is prompt. Old forms come
    out in their present shape: "DPM++ 2M Karras" as sampler and schedule, `Hypernet` as a tag in the prompt.
    """
    lines = text.strip().split("\n")
    items = tuple(_items(lines[-1]))
    if len(items) < 3:
        items = ()
    else:
        lines.pop()
    start = next((number for number, line in enumerate(lines) if line.strip().startswith(_NEGATIVE)), len(lines))
    negative = "\n".join(line.strip() for line in lines[start:]).removeprefix(_NEGATIVE)
    found = {"Prompt": "\n".join(line.strip() for line in lines[:start]).strip(), "Negative prompt": negative.strip()}
    for key, value in items:
        found |= _pair_or_value(key, value)
    return renewed(found) if items else found


def with_defaults(found: Mapping[str, str]) -> dict[str, str]:
    """Everything that a reader may rely on, as strings: what fills the page's form."""
    return {key: str(value) for key, value in parameters(found).items()}


def parameters(found: Mapping[str, str]) -> dict[str, str | int]:
    """The same as /sdapi/v1/png-info answers it: what the text says as strings, the defaults in their own types.

    `Emphasis` is told only where the prompts use weights, as AUTOMATIC1111 does.
    """
    weighted = any(mark in found.get(key, "") for key in ("Prompt", "Negative prompt") for mark in "([")
    missing = {key: value for key, value in DEFAULTS.items() if key not in found}
    if not weighted:
        missing.pop("Emphasis", None)
    return {**found, **missing}


def _items(line: str) -> Iterator[tuple[str, str]]:
    """`key: value` up to the next comma, or a string in double quotes; what is neither is passed over."""
    position = 0
    while position < len(line):
        key = _KEY.match(line, position)
        if key is None:
            comma = line.find(",", position)
            if comma < 0:
                return
            position = comma + 1
            continue
        string = _STRING.match(line, key.end())
        if string is not None and _END.match(line, string.end()):
            value, end = _unquoted(string[0]), string.end()
        else:
            end = key.end()
            value = ""
        comma = line.find(",", end)
        stop = len(line) if comma < 0 else comma
        yield key[1].strip(), value or line[end:stop].strip()
        position = stop + 1


def _unquoted(text: str) -> str:
    """A JSON string's content; what only looks like one stays as it is."""
    try:
        return str(json.loads(text))
    except ValueError:
        return text


def _pair_or_value(key: str, value: str) -> dict[str, str]:
    pair = _PAIR.fullmatch(value)
    if pair:
        return {f"{key}-1": pair[1], f"{key}-2": pair[2]}
    return {key: value} if value else {}

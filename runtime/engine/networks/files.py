"""A LoRA file as layers: keys read, numbers taken out of tensors."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from runtime.engine.networks.deltas import Layer
from runtime.engine.networks.keys import Key, read_key
from runtime.engine.tensors import read_tensors
from runtime.networks import lora_hash
from runtime.request import RequestError

_NUMBERS = ("alpha", "scale", "on_input")


@dataclass(frozen=True, eq=False)
class LoraFile:
    """`layers`: (holder, layer with underscores) -> its tensors on the CPU; `sha12`: the hash in infotexts."""

    path: Path
    layers: Mapping[tuple[str, str], Layer]
    metadata: Mapping[str, str]
    sha12: str
    #: keys of no known spelling, as they are in the file
    unread: tuple[str, ...] = ()


def read_lora(path: Path) -> LoraFile:
    """Every tensor under its layer; RequestError `network-…` where the file cannot be read."""
    found, metadata = read_tensors(path, "network")
    grouped: dict[tuple[str, str], dict[str, Tensor]] = {}
    unread = []
    for name, tensor in found.items():
        key = read_key(str(name))
        if key.part and isinstance(tensor, Tensor):
            grouped.setdefault((key.holder, key.layer), {})[_part(key, name)] = tensor
        else:
            unread.append(str(name))
    adapter = _adapter(metadata)
    layers = {place: _layer(parts, adapter.get(place[0], {})) for place, parts in grouped.items()}
    return LoraFile(path, layers, metadata, lora_hash(path, metadata), tuple(unread))


def _part(key: Key, name: str) -> str:
    """PEFT's magnitudes lie along the outputs whatever their shape, LyCORIS' where their shape says."""
    return "magnitude" if key.part == "dora_scale" and "lora_magnitude_vector" in name else key.part


def _layer(parts: dict[str, Tensor], adapter: Mapping[str, Any]) -> Layer:
    numbers = {name: _number(parts[name]) for name in _NUMBERS if name in parts}
    layer = Layer(
        {name: tensor for name, tensor in parts.items() if name not in _NUMBERS},
        numbers.get("alpha"),
        numbers.get("scale"),
        bool(numbers.get("on_input", False)),
    )
    alpha = adapter.get("lora_alpha")
    if layer.alpha is None and isinstance(alpha, (int, float)) and "lora_down.weight" in layer.parts:
        return replace(layer, alpha=float(alpha), root=bool(adapter.get("use_rslora")))
    return layer


def _number(tensor: Tensor) -> float:
    """RequestError `network-damaged` for none, and for what would make every weight no number."""
    number = float(tensor.reshape(-1)[0]) if tensor.numel() else math.nan
    if not math.isfinite(number):
        what = "A layer of this LoRA has a scale that is no number."
        raise RequestError("network-damaged", what, "Download the file again, or take its tag out of the prompt.")
    return number


def _adapter(metadata: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """diffusers' note of how PEFT was set up: holder -> setting -> value."""
    try:
        found = json.loads(metadata.get("lora_adapter_metadata", "{}"))
    except (ValueError, RecursionError):
        return {}
    holders = {"unet.": "unet", "text_encoder.": "text", "text_encoder_2.": "text2"}
    settings: dict[str, dict[str, Any]] = {}
    for key, value in found.items() if isinstance(found, dict) else ():
        for prefix, holder in holders.items():
            if key.startswith(prefix):
                settings.setdefault(holder, {})[key.removeprefix(prefix)] = value
    return settings

"""The names that published files give to the same weights, and the network that names and shapes describe."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isqrt

import torch
from torch import Tensor, nn

from runtime.engine.upscale.networks import Compact, Esrgan

#: where training programs put the weights in their files, best first
_WRAPPERS = ("params_ema", "params", "state_dict", "model_state_dict", "model", "generator", "net_g", "netG")
_OLD_BLOCK = re.compile(r"model\.1\.sub\.(\d+)\.RDB([123])\.conv([1-5])\.0\.(weight|bias)")
_OLD_AFTER = re.compile(r"model\.1\.sub\.(\d+)\.(weight|bias)")
_OLD_CONV = re.compile(r"model\.(\d+)\.(weight|bias)")
_NEW_BLOCK = re.compile(r"(?:body|RRDB_trunk)\.(\d+)\.(?:rdb|RDB)([123])\.conv([1-5])\.(weight|bias)")
_NEW_UP = re.compile(r"(?:conv_up|upconv)(\d+)\.(weight|bias)")
_NEW_CONVS = {
    "conv_first": "first",
    "conv_body": "after",
    "trunk_conv": "after",
    "conv_hr": "high",
    "HRconv": "high",
    "conv_last": "last",
}
_COMPACT = re.compile(r"body\.(\d+)\.(weight|bias)")

Weights = Mapping[str, Tensor]


def unwrapped(found: Mapping[str, object]) -> dict[str, Tensor]:
    """The weights themselves, without what training programs wrap around them or write before their names."""
    for name in _WRAPPERS:
        inner = found.get(name)
        if isinstance(inner, Mapping) and any(isinstance(value, Tensor) for value in inner.values()):
            found = inner
            break
    weights = {name: value for name, value in found.items() if isinstance(value, Tensor)}
    if weights and all(name.startswith("module.") for name in weights):
        weights = {name.removeprefix("module."): value for name, value in weights.items()}
    return weights


def network_of(weights: Weights) -> nn.Module | None:
    """The network with its weights, on their device and in their type; None if it is of another family."""
    names = esrgan_names(weights)
    if names is not None:
        return _filled(_esrgan({ours: weights[theirs] for ours, theirs in names.items()}))
    if weights and all(_COMPACT.fullmatch(name) for name in weights):
        return _compact(weights)
    return None


def esrgan_names(weights: Weights) -> dict[str, str] | None:
    """Our name -> the file's, for both of ESRGAN's layouts; None unless every name is one of them."""
    ours = _old_names(weights) if "model.0.weight" in weights else {_new_name(name): name for name in weights}
    return {name: theirs for name, theirs in ours.items() if name} if None not in ours and ours else None


def _old_names(weights: Weights) -> dict[str | None, str]:
    """`model.N`: 0 is the first convolution, 1 the trunk; of the others the last two end, the rest double."""
    numbers = sorted({int(found[1]) for name in weights if (found := _OLD_CONV.fullmatch(name))} - {0})
    places = {0: "first"} | {number: f"ups.{k}" for k, number in enumerate(numbers[:-2])}
    places |= dict(zip(numbers[-2:], ("high", "last"), strict=False))
    return {_old_name(name, places): name for name in weights}


def _old_name(name: str, places: Mapping[int, str]) -> str | None:
    if found := _OLD_BLOCK.fullmatch(name):
        return _block(found)
    if found := _OLD_AFTER.fullmatch(name):
        return f"after.{found[2]}"
    if (found := _OLD_CONV.fullmatch(name)) and int(found[1]) in places:
        return f"{places[int(found[1])]}.{found[2]}"
    return None


def _new_name(name: str) -> str | None:
    if found := _NEW_BLOCK.fullmatch(name):
        return _block(found)
    if found := _NEW_UP.fullmatch(name):
        return f"ups.{int(found[1]) - 1}.{found[2]}"
    conv, _dot, kind = name.rpartition(".")
    return f"{_NEW_CONVS[conv]}.{kind}" if conv in _NEW_CONVS else None


def _block(found: re.Match[str]) -> str:
    return f"trunk.{found[1]}.{int(found[2]) - 1}.{int(found[3]) - 1}.{found[4]}"


def _esrgan(weights: Weights) -> tuple[nn.Module, Weights]:
    width, folded = weights["first.weight"].shape[:2]
    channels = weights["last.weight"].shape[0]
    shuffle = isqrt(folded // channels) if folded > channels else 1
    blocks = 1 + max(int(name.split(".")[1]) for name in weights if name.startswith("trunk."))
    doublings = len({name.split(".")[1] for name in weights if name.startswith("ups.")})
    growth = weights["trunk.0.0.0.weight"].shape[0]
    with torch.device("meta"):
        network = Esrgan(folded // shuffle**2, channels, width, growth, blocks, doublings, shuffle)
    return network, weights


def _compact(weights: Weights) -> nn.Module | None:
    first, last = weights.get("body.0.weight"), max(int(name.split(".")[1]) for name in weights)
    if first is None or "body.1.weight" not in weights:
        return None  # an activation without weights: which one, the names do not tell
    width, channels = first.shape[:2]
    scale = isqrt(weights[f"body.{last}.weight"].shape[0] // channels)
    with torch.device("meta"):
        network = Compact(channels, width, last // 2 - 1, scale)
    return _filled((network, weights))


def _filled(described: tuple[nn.Module, Weights]) -> nn.Module:
    """ValueError if the weights do not fit each other."""
    network, weights = described
    try:
        network.load_state_dict(weights, assign=True)
    except RuntimeError as unfit:
        raise ValueError(str(unfit).splitlines()[-1].strip()) from unfit
    return network.eval().requires_grad_(False)

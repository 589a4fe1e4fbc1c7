"""Hypernetworks: two small networks per width, through which attention's keys and values see their input.

The idea is NovelAI's (2022), the file AUTOMATIC1111's: {width: (for keys, for values), "activation_func": …}.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.hooks import RemovableHandle

from runtime.engine.tensors import read_tensors
from runtime.request import RequestError

_Activation = Callable[[Tensor], Tensor]
#: by their names in files; "swish" is what AUTOMATIC1111 calls the hard variant
_ACTIVATIONS: dict[str, _Activation] = {
    "linear": lambda x: x,
    "relu": functional.relu,
    "relu6": functional.relu6,
    "leakyrelu": functional.leaky_relu,
    "elu": functional.elu,
    "celu": functional.celu,
    "selu": functional.selu,
    "gelu": functional.gelu,
    "silu": functional.silu,
    "mish": functional.mish,
    "swish": functional.hardswish,
    "hardswish": functional.hardswish,
    "hardsigmoid": functional.hardsigmoid,
    "hardtanh": functional.hardtanh,
    "hardshrink": functional.hardshrink,
    "softshrink": functional.softshrink,
    "softplus": functional.softplus,
    "softsign": functional.softsign,
    "tanhshrink": functional.tanhshrink,
    "logsigmoid": functional.logsigmoid,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
}
#: width of the text that cross-attention reads -> family
_CONTEXTS = {768: "Stable Diffusion 1.x", 1024: "Stable Diffusion 2.x", 2048: "SDXL"}


@dataclass(frozen=True)
class _Stage:
    """A matrix and what follows it: the activation, then the layer norm, where there are any."""

    weight: Tensor
    bias: Tensor
    activation: _Activation | None = None
    norm: tuple[Tensor, Tensor] | None = None


@dataclass(frozen=True)
class Branch:
    """x + strength * network(x); dropout is for training and does nothing here."""

    stages: tuple[_Stage, ...]

    def __call__(self, x: Tensor, strength: float) -> Tensor:
        seen = x.float()
        for stage in self.stages:
            seen = functional.linear(seen, stage.weight.to(x.device), stage.bias.to(x.device))
            if stage.activation is not None:
                seen = stage.activation(seen)
            if stage.norm is not None:
                scale, shift = (value.to(x.device) for value in stage.norm)
                seen = functional.layer_norm(seen, seen.shape[-1:], scale, shift)
        return (x.float() + strength * seen).to(x.dtype)


@dataclass(frozen=True)
class Hypernetwork:
    """`branches`: width of attention's input -> (for keys, for values)."""

    name: str
    branches: Mapping[int, tuple[Branch, Branch]]


def read_hypernetwork(path: Path) -> Hypernetwork:
    """RequestError `network-unreadable` says why not."""
    found = read_tensors(path, "network")[0]
    try:
        branches = {
            width: (_branch(states[0], width, found), _branch(states[1], width, found))
            for width, states in found.items()
            if isinstance(width, int)
        }
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as broken:
        raise _unreadable(path.name, f"it is no hypernetwork ({broken})") from broken
    if not branches:
        raise _unreadable(path.name, "it is no hypernetwork")
    return Hypernetwork(path.stem, branches)


def _branch(state: Mapping[str, Tensor], width: int, file: Mapping[Any, Any]) -> Branch:
    """The order of a file's numbers is that of the layers; what has a matrix is linear, what has a vector a norm."""
    stages: list[_Stage] = []
    for number in _numbers(state):
        weight, bias = (_of_layer(state, number, what).float() for what in ("weight", "bias"))
        if weight.ndim == 2:
            stages.append(_Stage(weight, bias))
        else:
            stages[-1] = replace(stages[-1], norm=(weight, bias))
    activation = _ACTIVATIONS[str(file.get("activation_func") or "linear").lower()]
    to_activate = len(stages) if file.get("activate_output", True) else len(stages) - 1
    stages = [replace(one, activation=activation) if k < to_activate else one for k, one in enumerate(stages)]
    _check_widths(stages, width)
    return Branch(tuple(stages))


def _numbers(state: Mapping[str, Tensor]) -> list[int]:
    """Of `linear.0.weight`, or of `linear1.weight` as the first files had it."""
    found = (re.fullmatch(r"linear\.?(\d+)\.weight", name) for name in state)
    return sorted({int(name.group(1)) for name in found if name})


def _of_layer(state: Mapping[str, Tensor], number: int, what: str) -> Tensor:
    dotted = f"linear.{number}.{what}"
    return state[dotted] if dotted in state else state[f"linear{number}.{what}"]


def _check_widths(stages: Sequence[_Stage], width: int) -> None:
    """Each matrix reads what the one before it writes, and the last writes what the first reads."""
    before = width
    for stage in stages:
        if stage.weight.shape[1] != before or stage.bias.shape != stage.weight.shape[:1]:
            raise ValueError("its layers do not fit together")
        before = stage.weight.shape[0]
    if before != width or not stages:
        raise ValueError("its layers do not fit together")


def hook(unet: nn.Module, networks: Sequence[tuple[Hypernetwork, float]]) -> list[RemovableHandle]:
    """Every attention's `to_k` and `to_v` read through the networks, in order, until the handles are removed."""
    worn = [(one.branches, strength) for one, strength in networks]
    readers = _readers(unet) if networks else ()
    return [layer.register_forward_pre_hook(_seen(worn, 0 if path.endswith("to_k") else 1)) for path, layer in readers]


def check_family(network: Hypernetwork, unet: nn.Module, title: str, family: str) -> None:
    """RequestError `network-wrong-family` where the widths that it knows are another family's."""
    widths = {module.in_features for _path, module in _readers(unet)}
    read = {module.in_features for path, module in _readers(unet) if ".attn2." in path}
    context = {width for width in network.branches if width in _CONTEXTS}
    if network.branches.keys() & widths and (not context or context & read):
        return
    made = " or ".join(_CONTEXTS[width] for width in sorted(context)) or "a model of other widths"
    raise RequestError(
        "network-wrong-family",
        f"The hypernetwork {network.name} is for {made}, and the checkpoint {title} is of {family}.",
        "Take its tag out of the prompt, or choose a checkpoint that it was made for.",
    )


def _readers(unet: nn.Module) -> Iterator[tuple[str, nn.Linear]]:
    """The layers that make keys and values of attention's input."""
    for path, module in unet.named_modules():
        if path.endswith((".to_k", ".to_v")) and isinstance(module, nn.Linear):
            yield path, module


def _seen(
    networks: Sequence[tuple[Mapping[int, tuple[Branch, Branch]], float]], which: int
) -> Callable[[nn.Module, tuple[Any, ...]], tuple[Any, ...]]:
    def see(_module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        x: Tensor = inputs[0]
        for branches, strength in networks:
            pair = branches.get(x.shape[-1])
            if pair is not None:
                x = pair[which](x, strength)
        return (x, *inputs[1:])

    return see


def _unreadable(name: str, why: str) -> RequestError:
    what = f"{name} cannot be used: {why}."
    return RequestError("network-unreadable", what, "Take its tag out of the prompt, or download the file again.")

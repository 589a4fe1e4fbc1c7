"""What one layer of a LoRA file adds to a weight: LoRA, LoCon, LoHa, LoKr, (IA)3, GLoRA, DoRA, plain differences.

Sources: Hu et al. 2021 (LoRA), Hyeon-Woo et al. 2021 (FedPara, which LoHa is), Edalati et al. 2022 (KronA, which LoKr
is), Liu et al. 2022 ((IA)3), Chavan et al. 2023 (GLoRA), Liu et al. 2024 (DoRA); names as LyCORIS writes them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from runtime.engine.shortage import lacks_memory

Parts = Mapping[str, Tensor]


class MisfitError(ValueError):
    """A layer of the file has not the shape of the model's layer."""


class UnknownKindError(ValueError):
    """A layer of the file is written in a way that nothing here computes."""


@dataclass(frozen=True)
class Layer:
    """The tensors of one layer, under their part's name, and its numbers."""

    parts: Parts
    alpha: float | None = None
    #: written instead of alpha / rank
    scale: float | None = None
    #: (IA)3: does it weigh the layer's inputs, or its outputs?
    on_input: bool = False
    #: PEFT's rsLoRA divides alpha by the root of the rank
    root: bool = False


@dataclass(frozen=True)
class Change:
    """What is added to weight and bias at strength 1, float32, in the shapes of both; None where nothing is."""

    weight: Tensor | None = None
    bias: Tensor | None = None


@dataclass(frozen=True)
class _Product:
    """A difference before its scale, and the rank that the scale counts by; None: no scale."""

    matrix: Tensor
    rank: int | None = None


def change(layer: Layer, weight: Tensor, bias: Tensor | None = None, rank: int | None = None) -> Change:
    """The layer's change at strength 1 to `weight` (any floating dtype) and `bias`; `rank` cuts a LoRA's rank.

    Shapes alone are judged when all tensors lie on the meta device. MisfitError, UnknownKindError.
    """
    if layer.parts.keys() - _KNOWN:
        raise UnknownKindError(min(layer.parts.keys() - _KNOWN))
    kind = next((make for marker, make in _KINDS if marker in layer.parts), None)
    added = layer.parts.get("diff_b", layer.parts.get("b_norm"))
    if kind is None and added is None:
        raise UnknownKindError("no difference")
    try:
        on_weight = None if kind is None else _scaled(layer, kind(layer, weight.float(), rank), weight.float())
    except (RuntimeError, IndexError, KeyError) as misshapen:
        if lacks_memory(misshapen):
            raise
        raise MisfitError(str(misshapen).splitlines()[0]) from misshapen
    if added is not None and (bias is None or added.numel() != bias.numel()):
        raise MisfitError("bias")
    return Change(on_weight, None if added is None or bias is None else added.float().reshape(bias.shape))


def _scaled(layer: Layer, product: _Product, weight: Tensor) -> Tensor:
    scale = 1.0
    if layer.scale is not None:
        scale = layer.scale
    elif layer.alpha is not None and product.rank:
        scale = layer.alpha / (math.sqrt(product.rank) if layer.root else product.rank)
    difference = _shaped(product.matrix, weight) * scale
    return _decomposed(layer.parts, difference, weight)


def _shaped(product: Tensor, weight: Tensor) -> Tensor:
    """In the weight's shape: a matrix may serve a 1x1 convolution and the reverse; further input channels get 0."""
    if product.shape[0] != weight.shape[0]:
        raise MisfitError(f"{tuple(product.shape)} for {tuple(weight.shape)}")
    if product.numel() == weight.numel():
        return product.reshape(weight.shape)
    # inpainting models read mask and picture beside the latents' 4 channels, which a LoRA for 4 knows nothing of
    inner = weight.numel() // (weight.shape[0] * weight.shape[1]) if weight.ndim == 4 else 0
    if inner and weight.shape[1] in (8, 9) and product.numel() == weight.shape[0] * 4 * inner:
        padded = torch.zeros_like(weight)
        padded[:, :4] = product.reshape(weight.shape[0], 4, *weight.shape[2:])
        return padded
    raise MisfitError(f"{tuple(product.shape)} for {tuple(weight.shape)}")


def _decomposed(parts: Parts, difference: Tensor, weight: Tensor) -> Tensor:
    """DoRA: the directions of weight + difference, in the magnitudes of the file, less the weight.

    LyCORIS keeps one magnitude per input (1, in, …) or per output (out, 1, …), PEFT per output.
    """
    magnitude = parts.get("dora_scale", parts.get("magnitude"))
    if magnitude is None:
        return difference
    axis = 0 if "magnitude" in parts or magnitude.ndim == 1 or magnitude.shape[0] > 1 else 1
    if magnitude.numel() != weight.shape[axis]:
        raise MisfitError("magnitude")
    merged = weight + difference
    others = tuple(k for k in range(weight.ndim) if k != axis)
    length = torch.linalg.vector_norm(merged, dim=others, keepdim=True)
    length = length.clamp_min(torch.finfo(torch.float32).tiny)
    along = [1] * weight.ndim
    along[axis] = -1
    turned: Tensor = merged / length * magnitude.float().reshape(along) - weight
    return turned


def _lora(layer: Layer, _weight: Tensor, rank: int | None) -> _Product:
    """up @ down; a convolution's kernel is in `down`, or between the two (Tucker)."""
    up, down = _part(layer, "lora_up.weight").flatten(1), _part(layer, "lora_down.weight")
    full = down.shape[0]
    if "lora_mid.weight" in layer.parts:
        middle = _part(layer, "lora_mid.weight")
        return _Product(torch.einsum("op,pqhw,qi->oihw", up, middle, down.flatten(1)), full)
    return _Product(up[:, :rank] @ down.flatten(1)[:rank], full)


def _loha(layer: Layer, _weight: Tensor, _rank: int | None) -> _Product:
    factors = []
    for k in ("1", "2"):
        a, b = _part(layer, f"hada_w{k}_a"), _part(layer, f"hada_w{k}_b")
        if f"hada_t{k}" in layer.parts:
            factors.append(_tucker(_part(layer, f"hada_t{k}"), a, b))
        else:
            factors.append(a @ b)
    return _Product(factors[0] * factors[1], layer.parts["hada_w1_b"].shape[0])


def _lokr(layer: Layer, _weight: Tensor, _rank: int | None) -> _Product:
    """The Kronecker product of two matrices, either of which may itself be a product; a full one has no rank."""
    parts, rank = layer.parts, None
    if "lokr_w1" in parts:
        first = _part(layer, "lokr_w1")
    else:
        first, rank = _part(layer, "lokr_w1_a") @ _part(layer, "lokr_w1_b"), parts["lokr_w1_b"].shape[0]
    if "lokr_w2" in parts:
        second = _part(layer, "lokr_w2")
    else:
        a, b = _part(layer, "lokr_w2_a"), _part(layer, "lokr_w2_b")
        second = _tucker(_part(layer, "lokr_t2"), a, b) if "lokr_t2" in parts else a @ b
        rank = b.shape[0]
    first = first.reshape(*first.shape, *[1] * (second.ndim - first.ndim))
    return _Product(torch.kron(first, second.contiguous()), rank)


def _tucker(core: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """A kernel (out, in, h, w) from its core (p, q, h, w), a (p, out) and b (q, in)."""
    return torch.einsum("pqhw,po,qi->oihw", core, a, b)


def _ia3(layer: Layer, weight: Tensor, _rank: int | None) -> _Product:
    """A factor per input or output, less 1: the weight times it is the difference."""
    factor = _part(layer, "weight").flatten()
    axis = 1 if layer.on_input else 0
    if factor.numel() != weight.shape[axis]:
        raise MisfitError("factors")
    along = [1] * weight.ndim
    along[axis] = -1
    return _Product(weight * factor.reshape(along))


def _glora(layer: Layer, weight: Tensor, _rank: int | None) -> _Product:
    """B + W A, both of low rank."""
    a1, a2, b1, b2 = (_part(layer, f"{name}.weight").flatten(1) for name in ("a1", "a2", "b1", "b2"))
    return _Product(b2 @ b1 + weight.flatten(1) @ a2 @ a1, b1.shape[0])


def _full(layer: Layer, _weight: Tensor, _rank: int | None) -> _Product:
    return _Product(_part(layer, "diff"))


def _norm(layer: Layer, _weight: Tensor, _rank: int | None) -> _Product:
    return _Product(_part(layer, "w_norm"))


def _part(layer: Layer, name: str) -> Tensor:
    return layer.parts[name].float()


_Make = Callable[[Layer, Tensor, "int | None"], _Product]
#: the part that tells the kind, and how its difference is made
_KINDS: tuple[tuple[str, _Make], ...] = (
    ("lora_up.weight", _lora),
    ("hada_w1_a", _loha),
    ("lokr_w1", _lokr),
    ("lokr_w1_a", _lokr),
    ("b1.weight", _glora),
    ("weight", _ia3),
    ("diff", _full),
    ("w_norm", _norm),
)
_KNOWN = frozenset(
    (
        *("lora_up.weight", "lora_down.weight", "lora_mid.weight", "dora_scale", "magnitude"),
        *("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "hada_t1", "hada_t2"),
        *("lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b", "lokr_t2"),
        *("a1.weight", "a2.weight", "b1.weight", "b2.weight", "weight", "diff", "diff_b", "w_norm", "b_norm"),
    )
)

"""Small computations of every kind that drawing needs, on a device, against float64 on the processor."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from runtime.prove_devices import Device, ProofError

#: largest relative error (Frobenius norm): four times the rounding of the result, with room for TensorFloat-32
_TOLERANCES = {torch.float32: 2e-3, torch.float16: 4e-3, torch.bfloat16: 3e-2}
_HEADS, _TOKENS, _WIDTH = 2, 96, 40
_CHANNELS, _SIDE = 128, 32


def multiply(device: Device, dtype: torch.dtype) -> float:
    """The relative error of a product of two 128 x 128 matrices; ProofError `proof-matmul`."""
    left, right = _numbers((128, 128), dtype, 1), _numbers((128, 128), dtype, 2)
    made = left.to(device.name) @ right.to(device.name)
    return _close("proof-matmul", "A product of matrices", made, left.double() @ right.double(), device, dtype)


def attend(device: Device, dtype: torch.dtype) -> float:
    """torch's own attention against softmax(q kᵀ / √d) v (Vaswani et al. 2017); ProofError `proof-attention`."""
    query, key, value = (_numbers((1, _HEADS, _TOKENS, _WIDTH), dtype, seed) for seed in (3, 4, 5))
    there = [each.to(device.name) for each in (query, key, value)]
    made = functional.scaled_dot_product_attention(there[0], there[1], there[2])
    return _close("proof-attention", "Attention", made, _attention(query, key, value), device, dtype)


def convolve(device: Device, dtype: torch.dtype) -> float:
    """One 3 x 3 convolution as wide as the VAE's last ones; ProofError `proof-convolution`."""
    picture = _numbers((1, _CHANNELS, _SIDE, _SIDE), dtype, 6)
    weights = _numbers((_CHANNELS, _CHANNELS, 3, 3), dtype, 7) / 32
    made = functional.conv2d(picture.to(device.name), weights.to(device.name), padding=1)
    right = functional.conv2d(picture.double(), weights.double(), padding=1)
    return _close("proof-convolution", "A convolution", made, right, device, dtype)


def attend_with_xformers(device: Device) -> float | None:
    """xFormers' attention on a card; None where it is not installed or has no say. ProofError `proof-xformers`."""
    if importlib.util.find_spec("xformers") is None:
        return None
    try:
        from xformers.ops import memory_efficient_attention  # type: ignore[import-not-found,unused-ignore]
    # whatever a package that was made for another torch raises
    except Exception as broken:
        raise ProofError("proof-xformers", f"xFormers cannot be imported: {_first_line(broken)}") from broken
    if device.kind != "cuda":
        return None
    shape = (1, _TOKENS, _HEADS, _WIDTH)
    query, key, value = (_numbers(shape, torch.float16, seed) for seed in (3, 4, 5))
    made = memory_efficient_attention(*(each.to(device.name) for each in (query, key, value)))
    right = _attention(*(each.transpose(1, 2) for each in (query, key, value))).transpose(1, 2)
    return _close("proof-xformers", "xFormers' attention", made, right, device, torch.float16)


#: name, what is computed
COMPUTATIONS: tuple[tuple[str, Callable[[Device, torch.dtype], float]], ...] = (
    ("matmul", multiply),
    ("attention", attend),
    ("convolution", convolve),
)


def _attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    scores = query.double() @ key.double().transpose(-1, -2) / math.sqrt(query.shape[-1])
    return scores.softmax(-1) @ value.double()


def _numbers(shape: tuple[int, ...], dtype: torch.dtype, seed: int) -> Tensor:
    """The same on every device: drawn and rounded on the processor."""
    return torch.randn(shape, generator=torch.Generator("cpu").manual_seed(seed)).to(dtype)


def _close(code: str, what: str, made: Tensor, right: Tensor, device: Device, dtype: torch.dtype) -> float:
    """The relative error; ProofError with `code`, ending in `-nan` where there are no numbers."""
    # first to the processor: Apple's and some of Intel's graphics know no float64
    found, kind = made.cpu().double(), str(dtype).removeprefix("torch.")
    if not bool(torch.isfinite(found).all()):
        raise ProofError(f"{code}-nan", f"{what} in {kind} on {device.title} gives no numbers.")
    error = float((found - right).norm() / right.norm())
    if error > _TOLERANCES[dtype]:
        raise ProofError(code, f"{what} in {kind} comes out wrong on {device.title} (relative error {error:.2g}).")
    return error


def _first_line(failure: Exception) -> str:
    return f"{type(failure).__name__}: {str(failure).splitlines()[0] if str(failure) else ''}".rstrip(": ")

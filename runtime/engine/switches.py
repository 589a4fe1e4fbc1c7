"""What is faster or smaller at a price, and therefore off unless a flag asks for it.

Their gains depend on the card and have not been measured: no GPU was at hand (docs/performance.md).
"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from runtime.engine.architecture.convolution import Convolution
from runtime.engine.architecture.residual import Downsample, ResnetBlock, Upsample
from runtime.engine.architecture.transformer import TransformerBlock

FP8 = torch.float8_e4m3fn
#: shapes that are compiled for, one after the other; later ones are drawn without
_SHAPES = 32
_LAYERS = (nn.Linear, nn.Conv2d, Convolution)
_BLOCKS = (ResnetBlock, TransformerBlock, Downsample, Upsample)


@dataclass(frozen=True)
class Switches:
    """The flags of the same names."""

    #: fuses the U-Net's small steps; the first picture of each size waits for the compiler
    compile: bool = False
    #: sums of products in float16; other digits, and twice the rate on GeForce cards
    fp16_accumulation: bool = False
    #: the U-Net's large weights in eight bits: half the memory, another picture
    fp8_storage: bool = False

    @classmethod
    def of(cls, flags: argparse.Namespace) -> Switches:
        return cls(flags.compile, flags.fp16_accumulation, flags.fp8_storage)


def turn(switches: Switches, unet: nn.Module, cuda: bool, triton: bool | None = None) -> list[str]:
    """Do what they ask of a model that was just loaded; a sentence for each that cannot be had.

    `triton` None: look whether the package is there.
    """
    wanted = [name for name in ("compile", "fp16_accumulation", "fp8_storage") if getattr(switches, name)]
    if not cuda:
        return [f"--{name.replace('_', '-')} does nothing: it is for NVIDIA GPUs." for name in wanted]
    sentences = []
    there = importlib.util.find_spec("triton") is not None if triton is None else triton
    if switches.fp16_accumulation:
        torch.backends.cuda.matmul.allow_fp16_accumulation = True
    if switches.fp8_storage:
        narrow(unet)
    if switches.compile and there:
        fuse(unet)
    elif switches.compile:
        sentences.append("--compile does nothing: Triton is not installed.")
    return sentences


def fuse(unet: nn.Module) -> None:
    """Compile the U-Net when it is first asked; what cannot be compiled runs as it is."""
    import torch._dynamo

    torch._dynamo.config.suppress_errors = True  # noqa: SLF001 - the module's documented name
    torch._dynamo.config.recompile_limit = _SHAPES  # noqa: SLF001
    # a size of its own each: kernels for any size are slower, and steps are captured by size anyway
    unet.compile(dynamic=False)


class _NarrowLinear(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.weight.to(x.dtype), self.bias)


class _NarrowConv(nn.Conv2d):
    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self._conv_forward(x, self.weight.to(x.dtype), self.bias)
        return made


def narrow(unet: nn.Module) -> None:
    """Keep the weights of the blocks in eight bits (a sign, four of exponent, three of mantissa); widened when used.

    What is small or comes first and last (ways in and out, norms, biases) keeps its precision.
    """
    largest = torch.finfo(FP8).max
    for layer in _large(unet):
        weight = layer.weight.detach().clamp(-largest, largest).to(FP8)
        layer.weight = nn.Parameter(weight, requires_grad=False)
        layer.__class__ = _NarrowConv if isinstance(layer, nn.Conv2d) else _NarrowLinear


def _large(unet: nn.Module) -> Iterator[nn.Linear | nn.Conv2d]:
    """Layers that are run as modules, with the whole of their weights at once."""
    for block in unet.modules():
        if isinstance(block, _BLOCKS):
            yield from (layer for layer in block.modules() if type(layer) in _LAYERS)  # type: ignore[misc]

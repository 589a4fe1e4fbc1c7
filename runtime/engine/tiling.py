"""Pictures whose edges meet: every convolution of U-Net and autoencoder looks round the edge, for one job."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def wrapped(*models: nn.Module) -> Iterator[None]:
    """All `nn.Conv2d` pad circularly inside; afterwards each pads as it did before."""
    layers = [layer for model in models for layer in model.modules() if isinstance(layer, nn.Conv2d)]
    before = [(layer, layer.padding_mode) for layer in layers]
    try:
        for layer, _mode in before:
            layer.padding_mode = "circular"
        yield
    finally:
        for layer, mode in before:
            layer.padding_mode = mode

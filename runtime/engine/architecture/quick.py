"""Ways that are quicker on a processor in float32 are taken where the weights lie as they need them."""

from __future__ import annotations

from torch import nn


def quicken(model: nn.Module) -> None:
    """Let every layer of `model`, channels-last on a processor, take its quickest way."""
    for module in model.modules():
        if hasattr(module, "quick"):
            setattr(module, "quick", True)  # noqa: B010 - torch's own types know modules and tensors alone

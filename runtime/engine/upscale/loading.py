"""An upscaling network from its file: the ESRGAN family by ourselves, others through spandrel where it is installed."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from runtime.engine.tensors import read_tensors
from runtime.engine.upscale.layouts import network_of, unwrapped
from runtime.engine.upscale.networks import Network
from runtime.request import RequestError


def load_network(path: Path) -> Network:
    """The file's network on the CPU in float32; RequestError `upscaler-…` says what is wrong with it."""
    found, _metadata = read_tensors(path, "upscaler")
    weights = {name: tensor.float() for name, tensor in unwrapped(found).items() if tensor.is_floating_point()}
    try:
        network: Any = network_of(weights)
    except (ValueError, KeyError, IndexError) as unfit:
        message = f"The weights in {path.name} do not fit each other ({unfit})."
        raise RequestError("upscaler-damaged", message, "Download the file again.") from unfit
    if network is None:
        network = _foreign(path.name, unwrapped(found))
    if network.channels not in (1, 3):
        message = f"{path.name} takes pictures of {network.channels} channels."
        raise RequestError("upscaler-unfit", message, "Choose a model for colour pictures.")
    return network  # type: ignore[no-any-return]


class _Foreign:
    """A network of spandrel's, which knows SwinIR, DAT, ScuNET, HAT and more.

    Written from spandrel's documentation: it needs torchvision, which Gesso does not install, so this has no test
    with a real file.
    """

    def __init__(self, described: Any) -> None:
        self._described = described
        self.scale: int = described.scale
        self.channels: int = described.input_channels

    def __call__(self, x: Tensor) -> Tensor:
        enlarged: Tensor = self._described(x)
        return enlarged

    def to(self, device: torch.device, dtype: torch.dtype) -> _Foreign:
        half = dtype == torch.float16 and not self._described.supports_half
        self._described.to(device, torch.float32 if half else dtype)
        return self


def _foreign(name: str, weights: Mapping[str, Tensor]) -> _Foreign:
    try:
        spandrel = importlib.import_module("spandrel")
    except ImportError as absent:
        raise RequestError(
            "upscaler-family",
            f"{name} is no file of the ESRGAN family; others (SwinIR, DAT, ScuNET, HAT …) need spandrel.",
            "Install spandrel and torchvision into this engine environment, or choose an ESRGAN or Real-ESRGAN file.",
        ) from absent
    try:
        described = spandrel.ModelLoader(device="cpu").load_from_state_dict(dict(weights))
        return _Foreign(described)
    except Exception as unknown:  # spandrel's errors are its own
        message = f"No network is known for the weights in {name} ({unknown})."
        raise RequestError("upscaler-family", message, "Choose another upscaler.") from unknown

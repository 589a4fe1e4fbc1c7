"""Are the U-Net's estimates numbers? Asked after every call, without waiting for the device."""

from __future__ import annotations

import torch
from torch import Tensor

from runtime.request import RequestError


def refuse() -> RequestError:
    """What is raised where they are none."""
    return RequestError(
        "nan-unet",
        "The U-Net produced numbers that are no numbers, so there is no picture.",
        "Start with --no-half, or with --precision full --no-half on GTX 16xx cards; else try another checkpoint.",
    )


class FiniteWatch:
    """Of one run of a sampler.

    What was found lies on the device and is copied into pinned memory behind the work of each call. On CUDA it is
    read there as far as it has come, so that a refusal may follow a call or two late but no call waits for another.
    """

    def __init__(self, device: torch.device) -> None:
        self._cuda = device.type == "cuda"
        self._lost = torch.zeros((), dtype=torch.bool, device=device)
        self._told = torch.zeros((), dtype=torch.bool, pin_memory=self._cuda)

    def look(self, estimate: Tensor) -> None:
        """RequestError `nan-unet` once an estimate is known to hold anything but finite numbers."""
        self._lost.logical_or_(estimate.isfinite().all().logical_not_())
        self._told.copy_(self._lost, non_blocking=self._cuda)
        if self._told:
            raise refuse()

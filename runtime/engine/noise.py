"""Random numbers that belong to one picture each, so that a batch changes nothing."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class Noise:
    """One float32 generator per picture, on the CPU: picture i's numbers depend on its seed alone."""

    def __init__(self, seeds: Sequence[int], shape: tuple[int, int, int], device: torch.device) -> None:
        self._generators = [torch.Generator("cpu").manual_seed(seed) for seed in seeds]
        self._shape, self._device = shape, device

    def __call__(self) -> Tensor:
        """The next standard normal numbers, (pictures, *shape), float32."""
        drawn = [torch.randn(self._shape, generator=one, dtype=torch.float32) for one in self._generators]
        return torch.stack(drawn).to(self._device)

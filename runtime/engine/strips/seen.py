"""What a pass over the strips of a map tells of the whole: the norms' statistics and the outermost rows."""

from __future__ import annotations

import torch
from torch import Tensor


class Seen:
    """What a pass over a map tells: count, mean and squared deviations of each channel, and the outermost rows."""

    def __init__(self) -> None:
        self._told: list[tuple[int, Tensor, Tensor]] = []
        self.first = self.last = torch.empty(0)

    def note(self, strip: Tensor) -> Tensor:
        """The next strip below; it is returned."""
        if not self._told:
            self.first = strip[:, :, :1].clone()
        self.last = strip[:, :, -1:].clone()
        flat = strip.permute(0, 2, 3, 1).reshape(-1, strip.shape[1]).float()
        mean = flat.mean(0)
        self._told.append((len(flat), mean, flat.square().sum(0) - len(flat) * mean.square()))
        return strip

    def statistics(self, groups: int) -> tuple[Tensor, Tensor]:
        """Mean and variance for each channel, those of its group of channels (Chan, Golub and LeVeque 1979)."""
        counts = torch.tensor([count for count, _mean, _squares in self._told], dtype=torch.float32)
        means = torch.stack([mean for _count, mean, _squares in self._told])
        counts = (counts / counts.sum()).to(means.device)[:, None, None]
        size = means.shape[1] // groups
        means = means.view(-1, groups, size)
        total = sum(count for count, _mean, _squares in self._told)
        squares = torch.stack([squares for _count, _mean, squares in self._told]).view(-1, groups, size) / total
        mean = (means * counts).sum(0).mean(1)
        variance = ((means - mean[:, None]).square() * counts + squares).sum(0).mean(1)
        return mean.repeat_interleave(size), variance.repeat_interleave(size)

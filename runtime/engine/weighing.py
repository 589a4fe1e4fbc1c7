"""Emphasis on the text model's states: tokens made heavier or lighter."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

#: a quotient of means beyond this is no correction of the weights but rounding noise
LARGEST_FACTOR = 100.0


def weighted(
    states: Sequence[Tensor], weights: Sequence[Sequence[float]], counts: Sequence[float], normed: bool = True
) -> list[Tensor]:
    """Multiply each token's state, then bring the mean of all states back to what it was ("Original" emphasis).

    States are (1, tokens, width) each and count `counts` times in the mean. A mean that vanishes, or changes its
    sign, under the weights says nothing about their size: the states are left as they are ("No norm"), since the
    rescale would turn the picture inside out or drown it.
    """
    if all(weight == 1.0 for row in weights for weight in row):
        return list(states)
    heavier = [
        state * torch.tensor(row, device=state.device).view(1, -1, 1)
        for state, row in zip(states, weights, strict=True)
    ]
    after = _mean(heavier, counts)
    factor = _mean(states, counts) / after if after else 0.0
    if not normed or not 1 / LARGEST_FACTOR <= factor <= LARGEST_FACTOR:
        return heavier
    return [state * factor for state in heavier]


def _mean(states: Sequence[Tensor], counts: Sequence[float]) -> float:
    means = (float(state.mean()) * count for state, count in zip(states, counts, strict=True))
    return sum(means) / sum(counts)

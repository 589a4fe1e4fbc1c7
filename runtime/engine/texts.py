"""What the U-Net reads of the prompts, made once for all steps that read the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from runtime.engine.architecture import Attention
from runtime.engine.conditioning import Condition

#: calls of the denoiser after which texts that were not asked for are let go: words that alternate come every second
KEPT_CALLS = 2


@dataclass(eq=False)
class Texts:
    """The texts of one batch; cross-attention's keys and values are made when a layer first asks and then remembered.

    A layer makes them as it would at every step, of the same batch, so that pictures stay the same to the last bit.
    Good as long as the weights and what hooks into them stay as they are: for one run of a sampler.
    """

    #: (batch, tokens, width)
    states: Tensor
    #: SDXL's (batch, projection) and (batch, 6 or 5)
    pooled: Tensor | None = None
    sizes: Tensor | None = None
    made: dict[Attention, tuple[Tensor, Tensor]] = field(default_factory=dict)

    def keys_values(self, attention: Attention) -> tuple[Tensor, Tensor]:
        found = self.made.get(attention)
        if found is None:
            found = self.made[attention] = attention.keys_values(self.states)
        return found

    @classmethod
    def of(cls, conditions: Sequence[Condition], count: int, dtype: torch.dtype) -> Texts:
        """Each condition for `count` pictures, one condition after the other."""
        pooled = [one.pooled for one in conditions if one.pooled is not None]
        sizes = [one.time_ids for one in conditions if one.time_ids is not None]
        states = torch.cat([one.states.expand(count, -1, -1) for one in conditions]).to(dtype)
        if not pooled or not sizes:
            return cls(states)
        told = torch.cat([one.expand(count, -1) for one in pooled]).to(dtype)
        return cls(states, told, torch.cat([one.expand(count, -1) for one in sizes]))


class Bookshelf:
    """The texts that the calls of one run read, and will likely read again."""

    def __init__(self) -> None:
        self._held: dict[tuple[int, ...], tuple[int, Texts]] = {}

    def take(self, conditions: Sequence[Condition], count: int, dtype: torch.dtype, call: int) -> Texts:
        """Of conditions that live as long as this does, for `count` pictures, a number that never changes."""
        self._held = {key: (used, texts) for key, (used, texts) in self._held.items() if call - used <= KEPT_CALLS}
        key = tuple(id(one) for one in conditions)
        texts = self._held[key][1] if key in self._held else Texts.of(conditions, count, dtype)
        self._held[key] = (call, texts)
        return texts

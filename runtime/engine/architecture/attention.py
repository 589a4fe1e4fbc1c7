"""Attention with heads, whose function can be exchanged and whose keys and values can be had from elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor, nn
from torch.nn import functional

#: (query, key, value), each (batch, heads, tokens, width of a head) -> as the query; scaled by 1/sqrt(width)
AttentionFunction = Callable[[Tensor, Tensor, Tensor], Tensor]


class Context(Protocol):
    """What cross-attention reads."""

    def keys_values(self, attention: Attention) -> tuple[Tensor, Tensor]:
        """Keys and values of `attention`, each (batch, heads, tokens, width of a head)."""


@dataclass(frozen=True)
class Projected:
    """`states` (batch, tokens, width), from which every attention makes its keys and values when it is run."""

    states: Tensor

    def keys_values(self, attention: Attention) -> tuple[Tensor, Tensor]:
        return attention.keys_values(self.states)


class Attention(nn.Module):
    """Queries from one sequence; keys and values from the same, or from a context.

    `to_k` and `to_v` are always called as modules and with their own input each, so that what hooks into them
    (hypernetworks) changes what they see.
    """

    def __init__(self, width: int, heads: int, context_width: int | None = None, bias: bool = False) -> None:
        super().__init__()
        read = width if context_width is None else context_width
        self.heads = heads
        self.to_q = nn.Linear(width, width, bias=bias)
        self.to_k = nn.Linear(read, width, bias=bias)
        self.to_v = nn.Linear(read, width, bias=bias)
        self.to_out = nn.ModuleList([nn.Linear(width, width)])
        #: torch's own unless another is set
        self.attend: AttentionFunction = functional.scaled_dot_product_attention

    def forward(self, x: Tensor, context: Context | None = None) -> Tensor:
        """`x` (batch, tokens, width); without a context it attends to itself."""
        key, value = self.keys_values(x) if context is None else context.keys_values(self)
        made = self.attend(self._split(self.to_q(x)), key, value)
        out: Tensor = self.to_out[0](made.transpose(1, 2).flatten(2))
        return out

    def keys_values(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """Made of `states` (batch, tokens, width): each (batch, heads, tokens, width of a head)."""
        return self._split(self.to_k(states)), self._split(self.to_v(states))

    def _split(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:2], self.heads, -1).transpose(1, 2)

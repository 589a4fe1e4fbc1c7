"""The ways to compute attention: the same numbers, at another cost in time and memory."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from runtime.engine.architecture.attention import AttentionFunction

#: heads whose scores are held at once
SLICE = 4
#: of torch's, all that keep no more than they need but the one that is not the same from run to run
_DETERMINISTIC = [SDPBackend.FLASH_ATTENTION, SDPBackend.CUDNN_ATTENTION, SDPBackend.MATH]

sdp: AttentionFunction = functional.scaled_dot_product_attention


def sdp_no_mem(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """torch's own without its memory-efficient kernel."""
    with sdpa_kernel(_DETERMINISTIC):
        return sdp(query, key, value)


def plain(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """All scores at once."""
    scores = query @ key.transpose(-1, -2)
    return scores.mul_(query.shape[-1] ** -0.5).softmax(-1) @ value


def sliced(query: Tensor, key: Tensor, value: Tensor, rows: int = SLICE) -> Tensor:
    """`rows` heads at a time, of one picture after the other."""
    out = torch.empty_like(query)
    for of_picture in zip(query, key, value, out, strict=True):
        parts = (torch.split(each, rows) for each in of_picture)
        for one, its_key, its_value, place in zip(*parts, strict=True):
            place.copy_(plain(one, its_key, its_value))
    return out


def xformers(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """The package's own, which has the heads behind the tokens."""
    from xformers.ops import memory_efficient_attention

    turned = (each.transpose(1, 2) for each in (query, key, value))
    made: Tensor = memory_efficient_attention(*turned)
    return made.transpose(1, 2)


_most_sliced: Callable[[Tensor, Tensor, Tensor], Tensor] = partial(sliced, rows=1)
#: by the names of `engine/attention.py`
FUNCTIONS: dict[str, AttentionFunction] = {
    "sdp": sdp,
    "sdp-no-mem": sdp_no_mem,
    "plain": plain,
    "sliced": sliced,
    "most-sliced": _most_sliced,
    "xformers": xformers,
}

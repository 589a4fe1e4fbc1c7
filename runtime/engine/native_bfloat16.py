"""Does this processor multiply bfloat16 faster than float32? Tried, for not every processor tells it."""

from __future__ import annotations

import time
from functools import lru_cache

import torch

#: matrices of this width fit a core's cache, and each dtype is tried for so many seconds
_WIDTH, _SECONDS = 256, 0.02
#: emulated it takes five times as long as float32, multiplied natively half as long
_AT_LEAST = 1.25


@lru_cache(maxsize=1)
def multiplies_bfloat16() -> bool:
    """Takes about 50 ms the first time."""
    return _AT_LEAST * _seconds(torch.bfloat16) <= _seconds(torch.float32)


def _seconds(dtype: torch.dtype) -> float:
    """The fastest of the products that fit the time; the first makes ready and does not count."""
    one = torch.ones(_WIDTH, _WIDTH, dtype=dtype)
    one @ one
    best, end = float("inf"), time.perf_counter() + _SECONDS
    while best == float("inf") or time.perf_counter() < end:
        began = time.perf_counter()
        one @ one
        best = min(best, time.perf_counter() - began)
    return best

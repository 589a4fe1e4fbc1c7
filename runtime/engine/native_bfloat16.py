"""Does this processor multiply bfloat16 faster than float32? Tried, for not every processor tells it."""

from __future__ import annotations

import time
from functools import lru_cache

import torch

#: matrices of this width, and how often each dtype has its turn
_WIDTH, _ROUNDS = 512, 8
#: emulated it takes twice to five times as long as float32, multiplied natively half as long
_AT_LEAST = 1.25


@lru_cache(maxsize=1)
def multiplies_bfloat16() -> bool:
    """Takes 20 to 200 ms the first time."""
    wide, narrow = (torch.ones(_WIDTH, _WIDTH, dtype=dtype) for dtype in (torch.float32, torch.bfloat16))
    # by turns, and the best of each: what else the computer does slows now one, now the other
    turns = [(_seconds(wide), _seconds(narrow)) for _ in range(_ROUNDS)]
    return _AT_LEAST * min(of_narrow for _, of_narrow in turns) <= min(of_wide for of_wide, _ in turns)


def _seconds(one: torch.Tensor) -> float:
    began = time.perf_counter()
    one @ one
    return time.perf_counter() - began

"""NVIDIA's random numbers on any machine: Philox-4x32-10 (Salmon et al. 2011) and the Box-Muller transform.

torch's CUDA generator keys Philox with the seed; element e of call c takes the counter (c, 0, e, 0). This holds
while every element has a thread of its own, which is so for latents of common sizes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
#: added to the two halves of the key after every round: the golden ratio and sqrt(3) - 1
WEYL = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10
LOW = 0xFFFFFFFF
#: 2^-32, and 2 pi 2^-32, as cuRAND has them in float32
STEP = np.float64(np.float32(2.3283064e-10))
TURN = np.float64(np.float32(2.3283064e-10 * 6.2831855))

Words = NDArray[np.uint64]


def philox(counter: Sequence[Words], key: tuple[int, int]) -> tuple[Words, Words, Words, Words]:
    """Four random words of 32 bits for each counter of four words."""
    zero, one, two, three = counter
    low, high = key
    for _ in range(ROUNDS):
        first, second = zero * np.uint64(MULTIPLIERS[0]), two * np.uint64(MULTIPLIERS[1])
        zero, one, two, three = (
            (second >> np.uint64(32)) ^ one ^ np.uint64(low),
            second & np.uint64(LOW),
            (first >> np.uint64(32)) ^ three ^ np.uint64(high),
            first & np.uint64(LOW),
        )
        low, high = (low + WEYL[0]) & LOW, (high + WEYL[1]) & LOW
    return zero, one, two, three


class PhiloxGenerator:
    """The stream of `torch.Generator("cuda").manual_seed(seed)`."""

    def __init__(self, seed: int) -> None:
        self._key = (seed & LOW, (seed >> 32) & LOW)
        self._call = 0

    def normal(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """The next standard normal numbers."""
        count = math.prod(shape)
        nought = np.zeros(count, dtype=np.uint64)
        counter = (nought + np.uint64(self._call), nought, np.arange(count, dtype=np.uint64), nought)
        self._call += 1
        radius, angle, _, _ = philox(counter, self._key)
        return box_muller(radius, angle).reshape(shape)


def box_muller(radius: NDArray[Any], angle: NDArray[Any]) -> NDArray[np.float32]:
    """One normal number of two words, each taken at the middle of its 2^-32."""
    distance = np.sqrt(-2.0 * np.log(radius * STEP + STEP / 2))
    normal: NDArray[np.float32] = (distance * np.sin(angle * TURN + TURN / 2)).astype(np.float32)
    return normal

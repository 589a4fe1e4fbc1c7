"""Files as a torn disk, a careless editor or another program leaves them."""

from __future__ import annotations

import random

#: what often stands where it should not
_STRAYS = (b"\x00", b"\xff", b'"', b"{", b"[" * 3000, b"1e999", b"-", b"\r\n", "图".encode(), b"NaN", b"\\ud800", b",")


def mutated(data: bytes, seed: int) -> bytes:
    """Cut, repeated, overwritten or with strays in it."""
    chance = random.Random(seed)
    found = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        place = chance.randint(0, len(found))
        how = chance.randrange(5)
        if how == 0:
            del found[place:]
        elif how == 1:
            found[place:place] = chance.choice(_STRAYS)
        elif how == 2:
            del found[place : place + chance.randint(1, 30)]
        elif how == 3 and found:
            found[min(place, len(found) - 1)] = chance.randrange(256)
        else:
            found[place:place] = found[: chance.randint(0, 200)]
    return bytes(found)

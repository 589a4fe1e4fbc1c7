"""The autoencoder in strips: the picture that it makes in one piece, in a quarter of the memory.

The layers run one after the other, each from the picture's top to its bottom. What a 3 x 3 convolution sees of the
strips above and below is handed over as single rows, so nothing is computed twice and there are no seams. A GroupNorm's
mean and variance are those of the whole map: they are gathered strip by strip while the map is made, and used when it
is read (two passes). So one map, held as strips, lies between two residual blocks, and nothing beside it but a strip.

Inside a block the second norm has to know the first convolution's whole result. That would be a second map: it is held
for as many strips as there is `room`, and for the others made once more. In the same way the last level's input is not
held at twice its size but doubled when it is read. With `room` for 1 map of the finest level a decoding makes three
tenths of its products twice; with room for 4 it makes none.
"""

from __future__ import annotations

from runtime.engine.strips.way import Strips, decode, encode

__all__ = ["Strips", "decode", "encode"]

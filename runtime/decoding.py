"""Pictures that the server decodes: few at once, and their memory goes back to the system."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

#: each may take 256 MiB for as long
_TWO = threading.BoundedSemaphore(2)
#: bytes; the C library keeps freed pieces of up to 32 MiB for the thread that had them, and there are many threads
_BLOCK = 64 << 20


@contextmanager
def few_at_once() -> Iterator[None]:
    """Whatever Pillow opens here is decoded beside one other picture at most."""
    from PIL import _imaging

    with _TWO:
        _imaging.set_block_size(_BLOCK)
        yield

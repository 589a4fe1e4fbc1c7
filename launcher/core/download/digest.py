"""The SHA-256 of a file while it comes, in a thread of its own: on many processors it is slower than a good line."""

from __future__ import annotations

import hashlib
import queue
import threading

#: chunks that may wait to be counted: a few MiB
_WAITING = 16


class Digest:
    """Takes chunks in their order; `hexdigest` waits for the last of them."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._chunks: queue.Queue[bytes | None] = queue.Queue(_WAITING)
        self._thread: threading.Thread | None = None

    def add(self, chunk: bytes) -> None:
        """The next bytes; waits while too many are still to be counted."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._count, daemon=True)
            self._thread.start()
        self._chunks.put(chunk)

    def hexdigest(self) -> str:
        """Of all chunks; nothing can be added any more."""
        self.end()
        if self._thread is not None:
            self._thread.join()
        return self._hash.hexdigest()

    def end(self) -> None:
        """No more chunks come; the thread ends by itself."""
        self._chunks.put(None)

    def _count(self) -> None:
        while (chunk := self._chunks.get()) is not None:
            self._hash.update(chunk)

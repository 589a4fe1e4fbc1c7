"""What is wrong with an answer, or with what the server wrote down meanwhile."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tests.fakes.serving import CHECKOUT, Served
from tests.runtime.gate.lines import Answer, Asking, Line, NoAnswerError

#: they tell where files lie, as in AUTOMATIC1111
LISTINGS = (
    *(
        "/sdapi/v1/sd-models",
        "/sdapi/v1/sd-vae",
        "/sdapi/v1/upscalers",
        "/sdapi/v1/realesrgan-models",
        "/sdapi/v1/loras",
    ),
    *("/sdapi/v1/hypernetworks", "/sdapi/v1/cmd-flags"),
)
_TRACES = (b"Traceback (most recent call last)", b'File "', b"site-packages", b'File \\"')
_UNCAUGHT = ("Traceback (most recent call last)", "Exception in ASGI application", "Task exception was never retrieved")
#: seconds that any answer may take, on a computer that does much else
LONGEST = 100.0


@dataclass
class Watch:
    """Asks a server and tells what is wrong with its answers."""

    served: Served
    line: Line
    _read: int = 0

    def __post_init__(self) -> None:
        self._read = self.served.errors.stat().st_size
        folders = (self.served.output.parent, CHECKOUT, Path(sys.prefix), Path(os.__file__).parent)
        self._places = [str(folder).encode() for folder in folders]

    def ask(self, asking: Asking) -> tuple[Answer | None, list[str]]:
        """The answer, and what is wrong with it."""
        try:
            answer = self.line.ask(asking)
        except NoAnswerError as none:
            return None, [f"no answer ({none})", *self.logged()]
        return answer, [*faults(answer, asking, self._places, urlsplit(self.line.url).netloc.encode()), *self.logged()]

    def logged(self) -> list[str]:
        """What the server's log has had to say since it was read last, where that is a failure nobody caught."""
        size = self.served.errors.stat().st_size
        if size == self._read:
            return []
        with self.served.errors.open("rb") as log:
            log.seek(self._read)
            said = log.read().decode("utf-8", "replace")
        self._read = size
        return [said] if any(word in said for word in _UNCAUGHT) else []


def faults(answer: Answer, asking: Asking, places: list[bytes], here: bytes) -> list[str]:
    """What no answer may be or hold, whatever was asked."""
    found = []
    if answer.status >= 500 and answer.status != 503:
        found.append(f"status {answer.status}: {answer.body[:500]!r}")
    if answer.status == 503 and "retry-after" not in answer.headers:
        found.append(f"503 without Retry-After: {answer.body[:300]!r}")
    if not 200 <= answer.status < 600:
        found.append(f"status {answer.status}")
    found += [f"it shows {trace!r}" for trace in _TRACES if trace in answer.body]
    if answer.status >= 400 or not unquote(asking.target.decode("latin-1")).startswith(LISTINGS):
        found += [f"it names {place!r}" for place in places if place in answer.body]
    where = urlsplit(answer.headers.get("location", ""))
    if where.netloc and where.netloc.encode() not in (dict(asking.headers).get(b"Host"), here):
        found.append(f"it leads to {answer.headers['location']:.200}")
    if answer.seconds > LONGEST:
        found.append(f"it took {answer.seconds:.1f} s")
    return found

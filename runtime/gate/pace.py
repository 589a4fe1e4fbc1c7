"""How often one place may ask for work, where the server can be reached from outside; asked before the work is done."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from runtime.gate.guesses import place_of

#: requests that start work, all at once and then each second; looking on, interrupting and settings do not count
_AT_ONCE, _PER_SECOND = 60.0, 2.0
_WORK = (
    *("/sdapi/v1/txt2img", "/sdapi/v1/img2img", "/sdapi/v1/extra-", "/sdapi/v1/png-info", "/sdapi/v1/interrogate"),
    *("/sdapi/v1/reload-checkpoint", "/sdapi/v1/unload-checkpoint", "/sdapi/v1/options"),
    *("/gradio_api/call/", "/gradio_api/run/", "/gradio_api/api/", "/gradio_api/upload"),
)
#: every key and every tab of the page goes through here: a tenth of a job each
_PAGE, _OF_PAGE = "/gradio_api/queue/join", 0.1
_MOST = 10_000


@dataclass
class Pace:
    """A bucket of tokens an address; `clock` in seconds."""

    clock: Callable[[], float] = time.monotonic
    _left: dict[str, tuple[float, float]] = field(default_factory=dict)

    def wait(self, address: str, method: str, path: str) -> float:
        """Seconds to wait; 0 lets it in and counts it."""
        cost = _OF_PAGE if path.startswith(_PAGE) else 1.0 if path.startswith(_WORK) else 0.0
        if method != "POST" or not cost:
            return 0.0
        address, now = place_of(address), self.clock()
        left, then = self._left.pop(address, (_AT_ONCE, now))
        left = min(_AT_ONCE, left + (now - then) * _PER_SECOND)
        self._left[address] = (left - cost if left >= cost else left, now)
        while len(self._left) > _MOST:
            del self._left[next(iter(self._left))]
        return 0.0 if left >= cost else (cost - left) / _PER_SECOND

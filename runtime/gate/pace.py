"""How often one who asks may ask for work, where others can reach the server; asked before the work is done."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

#: requests that start work, all at once and then each second; looking on and interrupting do not count
_AT_ONCE, _PER_SECOND = 120.0, 10.0
_WORK = (
    *("/sdapi/v1/txt2img", "/sdapi/v1/img2img", "/sdapi/v1/extra-", "/sdapi/v1/png-info", "/sdapi/v1/interrogate"),
    *("/sdapi/v1/reload-checkpoint", "/sdapi/v1/unload-checkpoint", "/sdapi/v1/options"),
    *("/gradio_api/call/", "/gradio_api/upload"),
)
#: every key and every tab of the page goes through these: a fiftieth of a job each
_PAGE, _OF_PAGE = ("/gradio_api/queue/join", "/gradio_api/run/", "/gradio_api/api/"), 0.02
_MOST = 10_000


@dataclass
class Pace:
    """A bucket of tokens for each who asks; `clock` in seconds."""

    clock: Callable[[], float] = time.monotonic
    _left: dict[str, tuple[float, float]] = field(default_factory=dict)

    def wait(self, who: str, method: str, path: str) -> float:
        """Seconds to wait; 0 lets it in and counts it."""
        cost = _OF_PAGE if path.startswith(_PAGE) else 1.0 if path.startswith(_WORK) else 0.0
        if method != "POST" or not cost:
            return 0.0
        now = self.clock()
        left, then = self._left.pop(who, (_AT_ONCE, now))
        left = min(_AT_ONCE, left + (now - then) * _PER_SECOND)
        self._left[who] = (left - cost if left >= cost else left, now)
        while len(self._left) > _MOST:
            del self._left[next(iter(self._left))]
        return 0.0 if left >= cost else (cost - left) / _PER_SECOND

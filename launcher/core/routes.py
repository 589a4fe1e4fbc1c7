"""Which way each address is asked for: directly or through the proxy, as it is set and as it works."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from launcher.core.proxies import Proxies
from launcher.core.proxy_address import masked
from launcher.core.proxy_trial import Trial, origin, try_way
from launcher.core.text import Text, t

#: the way tried: (address, proxy or None) -> how it went
Try = Callable[[str, "str | None"], Trial]
#: seconds for which a way that worked, and one that did not, is believed
_GOOD, _BAD = 300.0, 30.0


@dataclass(frozen=True)
class Way:
    """How one address is asked for, and why."""

    proxy: str | None
    reason: Text
    #: it would have gone otherwise, if that worked
    detour: bool = False


@dataclass
class Router:
    """A `Route` (address -> proxy or None) that tries each way once per host and service and remembers it for a while.

    A proxy that dies is noticed when a download asks for its way again. What the user told Gesso itself is not gone
    round; what the environment or the system says is, where the direct way works. Any thread may ask.
    """

    proxies: Proxies
    #: hosts of mirrors near the user, which are asked directly where that works
    mirrors: frozenset[str] = frozenset()
    #: hosts that the user's settings take past the proxy
    direct: frozenset[str] = frozenset()
    attempt: Try = try_way
    clock: Callable[[], float] = time.monotonic
    _known: dict[tuple[str, str | None], tuple[float, Trial]] = field(default_factory=dict)
    _locks: dict[tuple[str, str | None], threading.Lock] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, url: str) -> str | None:
        return self.way(url).proxy

    def way(self, url: str) -> Way:
        """The decision; it may take the time of two trials."""
        proxy = self.proxies.of(url)
        host = urlsplit(url).hostname or ""
        if proxy is None:
            return Way(None, t("no proxy is set for it"))
        if host in self.direct:
            return Way(None, t("the settings take it past the proxy"))
        if self.proxies.source == "settings":
            return Way(proxy, t("the settings say so"))
        if host in self.mirrors and self._trial(url, None).works:
            return Way(None, t("a mirror that answers without the proxy"))
        through = self._trial(url, proxy)
        if through.works:
            return Way(proxy, t("the proxy works"))
        if self._trial(url, None).works:
            return Way(None, _round(proxy, through), detour=True)
        return Way(proxy, t("neither the proxy nor the direct way works"))

    def forget(self) -> None:
        """Try everything anew: the network has changed."""
        with self._lock:
            self._known.clear()

    def _trial(self, url: str, proxy: str | None) -> Trial:
        key = (origin(url), proxy)
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            until, known = self._known.get(key, (0.0, None))
            if known is None or self.clock() >= until:
                known = self.attempt(url, proxy)
                self._known[key] = (self.clock() + (_GOOD if known.works else _BAD), known)
            return known


def _round(proxy: str, trial: Trial) -> Text:
    return t("the proxy {proxy} is gone round: {why}", proxy=masked(proxy), why=trial.sentence)

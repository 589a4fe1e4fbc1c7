"""Which way each address is asked for: directly or through the proxy, as it is set and as it works."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import get_args
from urllib.parse import urlsplit

from launcher.core.network.mirrors import PYTHON_BUILDS, Kind, Mirrors, kind_of
from launcher.core.network.proxies import Proxies, find_proxies, only_plain, proxy_environment
from launcher.core.network.proxy_trial import Trial, reachable, try_way
from launcher.core.packages.pip_default import official_index
from launcher.core.packages.pip_settings import PipSettings
from launcher.core.proxy_address import masked
from launcher.core.proxy_bypass import is_named
from launcher.core.pytorch.table import read_torch_table
from launcher.core.settings import ProxySettings
from launcher.core.text import Text, t
from launcher.core.web_address import is_address, origin

#: the way tried: (address, proxy or None) -> how it went
Try = Callable[[str, "str | None"], Trial]
_KINDS: tuple[Kind, ...] = get_args(Kind)
#: seconds for which a way that worked, and one that did not, is believed
_GOOD, _BAD = 300.0, 30.0
#: seconds after which it is looked whether a proxy that worked still takes connections
_FRESH = 5.0


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
    #: services, and rules as NO_PROXY has them, that the user's settings take past the proxy
    direct: frozenset[str] = frozenset()
    attempt: Try = try_way
    #: does the proxy still take connections?
    alive: Callable[[str], bool] = reachable
    clock: Callable[[], float] = time.monotonic
    #: when it was tried, when the proxy was last seen alive, and how it went
    _known: dict[tuple[str, str | None], tuple[float, float, Trial]] = field(default_factory=dict)
    _locks: dict[tuple[str, str | None], threading.Lock] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, url: str, led_by: str | None = None) -> str | None:
        return self.way(url, led_by).proxy

    def way(self, url: str, led_by: str | None = None) -> Way:
        """The decision; it may take the time of two trials. `led_by`: the address that was asked before it led here."""
        proxy = self.proxies.of(url)
        host = urlsplit(url).hostname or ""
        if proxy is None:
            return Way(None, t("no proxy is set for it"))
        if any(each and self._past(each) for each in (url, led_by)):
            return Way(None, t("the settings take it past the proxy"))
        if self.proxies.source == "settings":
            return Way(proxy, t("the settings say so"))
        if host in self.mirrors and self._trial(url, None).works:
            return Way(None, t("a mirror that answers without the proxy"))
        through = self._trial(url, proxy)
        if through.works:
            return Way(proxy, t("the proxy works"))
        for other in (*self.proxies.others(url), None):
            if self._trial(url, other).works:
                return Way(other, _round(proxy, through), detour=True)
        return Way(proxy, t("neither the proxy nor the direct way works"))

    def learn(self, url: str, direct: Trial, through: Trial | None) -> None:
        """Trials that somebody else has made."""
        now = self.clock()
        with self._lock:
            self._known[origin(url), None] = (now, now, direct)
            if through is not None:
                self._known[origin(url), self.proxies.of(url)] = (now, now, through)

    def _past(self, url: str) -> bool:
        """Do the settings say so?"""
        services = {kind_of(url), "python" if url.startswith(PYTHON_BUILDS) else None}
        return bool(services & self.direct) or is_named(url, self.direct)

    def _trial(self, url: str, proxy: str | None) -> Trial:
        key = (origin(url), proxy)
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            tried, seen, known = self._known.get(key, (0.0, 0.0, None))
            if known is not None and self._believed(proxy, tried, seen, known):
                if self.clock() - seen > _FRESH:
                    self._known[key] = (tried, self.clock(), known)
                return known
            known = self.attempt(url, proxy)
            self._known[key] = (self.clock(), self.clock(), known)
            return known

    def _believed(self, proxy: str | None, tried: float, seen: float, known: Trial) -> bool:
        """A program such as Clash that was ended takes no connections: that is seen at once, in mid-download too."""
        now = self.clock()
        if not known.works or proxy is None:
            return now - tried < (_GOOD if known.works else _BAD)
        return now - tried < _GOOD and (now - seen <= _FRESH or self.alive(proxy))


def find_route(
    mirrors: Mirrors,
    settings: ProxySettings,
    environ: Mapping[str, str] = os.environ,
    *,
    pip: PipSettings | None = None,
) -> Router:
    """The router of this user, here: every source of proxies asked, mirrors directly where that works, the services of
    the setting proxy.direct always. LauncherError `proxy-not-usable` if Gesso's own setting is none.
    """
    proxies = find_proxies(environ, settings=settings, pip=pip)
    past = (host for service in settings.direct for host in (*hosts_of(mirrors, service), *_indexes(service, pip)))
    near = (host for kind in _KINDS for host in hosts_of(mirrors, kind))
    return Router(proxies, frozenset(near), frozenset((*settings.direct, *past)))


def hosts_of(mirrors: Mirrors, service: str) -> tuple[str, ...]:
    """The mirrors' hosts of one service; () for a name that is none."""
    if service not in _KINDS:
        return ()
    return tuple(host for mirror in getattr(mirrors, service) if (host := _host(mirror.url)))


def _indexes(service: str, pip: PipSettings | None) -> tuple[str, ...]:
    """The hosts of a service's official indexes; the files in them go the way of the page that names them."""
    urls: set[str | None] = set()
    if service == "packages":
        urls = {(pip and pip.index_url) or official_index()}
    elif service == "torch":
        urls = {build.index for build in read_torch_table().builds}
    return tuple(host for url in urls if (host := _host(url)))


def variables_for(router: Router, url: str) -> dict[str, str]:
    """Proxy variables for a child that asks the host of `url`; {} where nobody says anything about proxies."""
    if router.proxies.chosen is None:
        return {}
    way = router(url)
    return proxy_environment(way, way, router.proxies.chosen.bypass)


def engine_variables(environ: Mapping[str, str], settings: ProxySettings) -> dict[str, str]:
    """Proxy variables for the engine, which asks nobody in particular: of the proxies that take connections those that
    httpx understands; {} where nobody says anything about proxies.
    """
    proxies = find_proxies(environ, settings=settings)
    if proxies.chosen is None:
        return {}
    alive = {each for each in proxies.addresses if reachable(each)}
    http, https = (each if each in alive else None for each in (proxies.chosen.http, proxies.chosen.https))
    return only_plain(proxy_environment(http, https, proxies.chosen.bypass))


def _host(url: str | None) -> str | None:
    return urlsplit(url).hostname if url and is_address(url) else None


def _round(proxy: str, trial: Trial) -> Text:
    return t("the proxy {proxy} is gone round: {why}", proxy=masked(proxy), why=trial.sentence)

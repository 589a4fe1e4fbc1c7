"""Does a way out work? Tried by use: one real request for the service at hand, through the proxy or directly."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from launcher.core.download.stream import certificates
from launcher.core.hardware.inquiry import Inquiry
from launcher.core.text import Text, t
from launcher.core.web_address import origin

if TYPE_CHECKING:
    import requests

#: refused: nothing listens there; silent: no answer in time; password: it asks for one; blocked: it answers itself
#: instead of the service; certificate: what comes through it is not the service's own; scheme: a package is missing
Kind = Literal["works", "refused", "silent", "password", "blocked", "certificate", "unresolved", "scheme"]
#: what proxies themselves answer when they cannot or will not reach a server
_OF_THE_PROXY = (502, 503, 504)


@dataclass(frozen=True)
class Trial:
    """How it went; `seconds` until the first answer."""

    kind: Kind
    seconds: float

    @property
    def works(self) -> bool:
        return self.kind == "works"

    @property
    def sentence(self) -> Text:
        """In words."""
        return t("it works, {seconds} s", seconds=f"{self.seconds:.1f}") if self.works else _SENTENCES[self.kind]


_SENTENCES: dict[Kind, Text] = {
    "refused": t("nothing answers there"),
    "silent": t("no answer came in time"),
    "password": t("it asks for a user name and a password"),
    "blocked": t("it does not let this address through"),
    "certificate": t("what comes through is not the service's own (its certificate is not right)"),
    "unresolved": t("its name is not known"),
    "scheme": t("this kind of proxy is not supported here"),
}


def try_way(url: str, proxy: str | None, *, seconds: float = 5.0) -> Trial:
    """One request for `url`'s own host, redirects not followed. Never raises."""
    start = time.monotonic()
    kind = Inquiry(lambda: _asked(url, proxy, seconds)).within(seconds + 0.5) or "silent"
    return Trial(kind, time.monotonic() - start)


def listens(port: int, host: str = "127.0.0.1", seconds: float = 0.3) -> bool:
    """Does anything take connections there?"""
    try:
        with socket.create_connection((host, port), timeout=seconds):
            return True
    except OSError:
        return False


def reachable(proxy: str, seconds: float = 1.0) -> bool:
    """Does the proxy take connections?"""
    parts = urlsplit(proxy)
    usual = {"http": 80, "https": 443}.get(parts.scheme, 1080)
    return parts.hostname is not None and listens(parts.port or usual, parts.hostname, seconds)


def _asked(url: str, proxy: str | None, seconds: float) -> Kind:
    # Slow to import, and most commands try no way.
    import requests

    ways = {"http": proxy, "https": proxy} if proxy else {}
    with requests.Session() as session:
        # The way is given here alone: no variables, no ~/.netrc.
        session.trust_env = False
        session.verify = certificates()
        try:
            answer = session.get(
                origin(url),
                proxies=ways,
                timeout=seconds,
                stream=True,
                allow_redirects=False,
            )
        except requests.exceptions.InvalidSchema:
            return "scheme"
        except requests.exceptions.SSLError:
            return "certificate"
        except requests.exceptions.Timeout:
            return "silent"
        except requests.exceptions.RequestException as error:
            return _why(error)
        with answer:
            return _judged(answer, url, proxy)


def _judged(answer: requests.Response, url: str, proxy: str | None) -> Kind:
    """Through a tunnel only the service itself can answer; a plain request a proxy may answer in its stead."""
    if proxy is None or urlsplit(url).scheme == "https":
        return "works"
    if answer.status_code == 407:
        return "password"
    elsewhere = urlsplit(answer.headers.get("Location", "")).netloc
    sent_away = answer.is_redirect and bool(elsewhere) and elsewhere != urlsplit(origin(url)).netloc
    return "blocked" if answer.status_code in _OF_THE_PROXY or sent_away else "works"


def _why(error: requests.exceptions.RequestException) -> Kind:
    """The reason, which requests gives only as the words of what lies beneath."""
    text = str(error)
    if " 407 " in text or "407 Proxy" in text:
        return "password"
    if "Tunnel connection failed" in text:
        return "blocked"
    if "timed out" in text or "TTL expired" in text:
        return "silent"
    if "resol" in text or "getaddrinfo" in text or "Name or service" in text:
        return "unresolved"
    return "refused"

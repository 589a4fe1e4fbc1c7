"""One request to one address, its redirects followed: the answer and its body; the only place that knows `requests`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from launcher.core.download.answer import Answer
from launcher.core.download.request import Address, Patience, Route, TroubleError, host
from launcher.core.text import t
from launcher.core.web_address import origin

if TYPE_CHECKING:
    import requests

_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_HOPS = 10
#: variables that name a bundle of certificates, a company's own; pip's user has set it for the same places
_CERTIFICATES = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "PIP_CERT")


@dataclass(frozen=True)
class Body:
    """What follows the headers, as it comes."""

    _raw: Any

    def read(self, most: int, unpack: bool) -> bytes:
        """What has come, `most` bytes of it; empty at the end. Raises TroubleError."""
        # Imported where they are used: slow to import, and most runs download nothing.
        import requests
        import urllib3

        try:
            read: bytes = self._raw.read1(most, decode_content=unpack)
        except (urllib3.exceptions.HTTPError, requests.RequestException, OSError, ValueError) as error:
            raise _trouble(error) from error
        return read

    def interrupt(self) -> None:
        """Ends a `read` that waits in another thread."""
        with contextlib.suppress(OSError, ValueError, RuntimeError):
            self._raw.shutdown()


def certificates() -> str | bool:
    """What servers' certificates are checked against: the user's bundle, or True for the one that comes along."""
    return next(filter(None, map(os.environ.get, _CERTIFICATES)), True)


@contextlib.contextmanager
def opened(
    address: Address, headers: Mapping[str, str], route: Route, patience: Patience, *, method: str = "GET"
) -> Iterator[tuple[Answer, Body]]:
    """Ask `address` and whatever it redirects to; `method` HEAD for the headers alone. Raises TroubleError."""
    import requests

    with requests.Session() as session:
        # Nothing from the environment: routes are given, and a netrc file could send a password to a mirror.
        session.trust_env = False
        session.verify = certificates()
        url = address.url
        for _ in range(_MOST_HOPS):
            sent = {"User-Agent": "gesso", "Accept": "*/*", "Accept-Encoding": "identity", **headers}
            if address.authorization and origin(url) == origin(address.url):
                sent["Authorization"] = address.authorization
            response = _ask(session, method, url, sent, route(url, address.led_by or address.url), patience)
            with contextlib.closing(response):
                if response.status_code not in _REDIRECTS or "location" not in response.headers:
                    names = {name.lower(): value for name, value in response.headers.items()}
                    yield Answer(response.status_code, names, url), Body(response.raw)
                    return
                url = next_hop(url, response.headers["location"])
    raise TroubleError("redirects", t("it redirects in a circle"), final=True)


def next_hop(url: str, location: str) -> str:
    """Where a redirect leads. TroubleError if it leads out of an encrypted connection or to no web address."""
    try:
        target = urljoin(url, location)
        scheme = urlsplit(target).scheme
    except ValueError:
        raise TroubleError("redirects", t("its address cannot be used"), final=True) from None
    if scheme == "https" or (scheme == "http" and urlsplit(url).scheme == "http"):
        return target
    raise TroubleError(
        "redirects", t("it redirects to an address without encryption ({host})", host=host(target)), final=True
    )


def _ask(
    session: requests.Session, method: str, url: str, headers: dict[str, str], proxy: str | None, patience: Patience
) -> requests.Response:
    import requests

    try:
        return session.request(
            method,
            url,
            headers=headers,
            stream=True,
            allow_redirects=False,
            proxies={"http": proxy, "https": proxy} if proxy else None,
            timeout=(patience.connect, patience.silence),
        )
    except requests.exceptions.ProxyError as error:
        why = t("the proxy {proxy} does not let it through", proxy=host(proxy or ""))
        raise TroubleError("proxy", why) from error
    except (requests.RequestException, OSError, ValueError) as error:
        raise _trouble(error) from error


def _trouble(error: Exception) -> TroubleError:
    """In words; the library wraps one error into the next, so the names of all of them count."""
    names = {type(each).__name__ for each in _chain(error)}
    if names & {"SSLError", "SSLCertVerificationError"}:
        return TroubleError("certificate", t("the encrypted connection to it cannot be trusted"), final=True)
    if names & {"ReadTimeout", "ReadTimeoutError"}:
        return TroubleError("stalled", t("it fell silent"))
    if names & {"ConnectTimeout", "ConnectTimeoutError", "NewConnectionError", "NameResolutionError", "gaierror"}:
        return TroubleError("unreachable", t("it cannot be reached"))
    if names & {"InvalidURL", "InvalidSchema", "MissingSchema", "LocationParseError"}:
        return TroubleError("bad-address", t("its address cannot be used"), final=True)
    if names & {"DecodeError"}:
        return TroubleError("broken", t("what it sent cannot be unpacked"), final=True)
    return TroubleError("cut", t("the connection broke off"))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    for _ in range(8):
        if error is None:
            return
        yield error
        inner = [each for each in error.args if isinstance(each, BaseException)]
        reason = getattr(error, "reason", None)
        error = error.__cause__ or (reason if isinstance(reason, BaseException) else None) or next(iter(inner), None)

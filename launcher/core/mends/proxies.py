"""The mends of the proxy, each after a trial: `repair-proxy` writes it as it works, `without-proxy` uses none."""

from __future__ import annotations

import re
import threading
from collections.abc import Generator, Iterator
from functools import partial
from urllib.parse import urlsplit

from launcher.core.errors import LauncherError
from launcher.core.events import Event
from launcher.core.hardware.inquiry import Inquiry
from launcher.core.mends.mend import Change, Here, Mend, Preview, Record, Values, cannot_mend, nothing_to_mend
from launcher.core.mends.setting import put, put_back, setting
from launcher.core.network.mirrors import read_mirrors
from launcher.core.network.proxies import Proxies, find_proxies
from launcher.core.network.proxy_check import USUAL_PORTS, service_addresses
from launcher.core.network.proxy_trial import listens, try_way
from launcher.core.packages.pip_settings import read_pip_settings
from launcher.core.proxy_address import masked, repaired
from launcher.core.settings import ProxySettings, read_settings
from launcher.core.text import Text, t
from launcher.core.web_address import is_address

KEY = "proxy.address"
REPAIR = t("Write the proxy's address as it works")
WITHOUT = t("Go without the proxy")
#: seconds for a trial; all that are wanted run at once
_PATIENCE = 4.0
#: what one program of today may speak at the same port, the likeliest first
_SPOKEN = ("http", "socks5h")


def _preview_repair(here: Here, values: Values) -> Preview | None:
    written = _written(here)
    targets = _targets(here, values)
    if written is None or _is_well(here, written, targets):
        return None
    found = _that_works(_candidates(written), targets)
    if found is None:
        raise cannot_mend(
            t("No way of writing {proxy} makes a proxy that works.", proxy=masked(written)),
            t("Start your proxy program and look there for its HTTP port, then: `gesso proxy set 127.0.0.1:PORT`."),
        )
    what = t("The proxy that Gesso uses (the setting {key})", key=KEY)
    remark = t("It was tried just now, and works. Other programs keep what they are set to.")
    return Preview("repair-proxy", REPAIR, (Change(what, masked(written), masked(found)),), remark)


def _apply_repair(here: Here, values: Values, cancel: threading.Event | None) -> Generator[Event, None, Record]:  # noqa: ARG001
    written = _written(here)
    found = _that_works(_candidates(written), _targets(here, values)) if written else None
    if found is None:
        raise nothing_to_mend(REPAIR)
    record = yield from put(here, KEY, found)
    return record


def _preview_without(here: Here, values: Values) -> Preview | None:
    written = _written(here)
    if written is None:
        return None
    if not _works(None, _targets(here, values)):
        raise cannot_mend(
            t("Without the proxy nothing can be reached either."),
            t("Start your proxy program, or look whether this computer is online."),
        )
    what = t("The proxy that Gesso uses (the setting {key})", key=KEY)
    remark = t("The way out without it was tried just now, and works. Other programs keep what they are set to.")
    return Preview("without-proxy", WITHOUT, (Change(what, masked(written), "none"),), remark)


def _apply_without(here: Here, values: Values, cancel: threading.Event | None) -> Generator[Event, None, Record]:  # noqa: ARG001
    if _written(here) is None:
        raise nothing_to_mend(WITHOUT)
    record = yield from put(here, KEY, "none")
    return record


def _verify(here: Here, values: Values) -> Text | None:
    targets = _targets(here, values)
    proxies = _proxies(here)
    for proxy in dict.fromkeys(proxies.addresses or (None,)):
        if not _works(proxy, targets):
            return t("Still nothing comes through: {way}.", way=masked(proxy) if proxy else t("directly"))
    return None


def _undo(here: Here, record: Record) -> Iterator[Event]:
    yield from put_back(here, record)


def _written(here: Here) -> str | None:
    """The proxy that counts, as it was written; None: there is none. LauncherError `bad-settings`."""
    own = setting(here, KEY)
    if own:
        return None if own.strip().lower() == "none" else str(own)
    for name in ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        if here.environ.get(name):
            return here.environ[name]
    addresses = _proxies(here).addresses
    return addresses[0] if addresses else None


def _proxies(here: Here) -> Proxies:
    """As they count. A setting that nobody can use counts as none: it is what is to be mended."""
    settings = read_settings(here.workspace).proxy
    try:
        return find_proxies(here.environ, settings=settings, pip=read_pip_settings(here.environ))
    except LauncherError:
        return find_proxies(here.environ, settings=ProxySettings(), pip=read_pip_settings(here.environ))


def _targets(here: Here, values: Values) -> tuple[str, ...]:
    """What a way out is tried with: the address that failed, else one of each service. A `host` may be the proxy's."""
    if is_address(values.get("url", "")):
        return (values["url"],)
    addresses = service_addresses(read_mirrors(workspace=here.workspace), read_pip_settings(here.environ))
    return tuple(addresses.values())


def _is_well(here: Here, written: str, targets: tuple[str, ...]) -> bool:
    """Does it work as Gesso understands it?"""
    try:
        return repaired(written) in _proxies(here).addresses and _works(repaired(written), targets)
    except LauncherError:
        return False


def _candidates(written: str) -> tuple[str, ...]:
    """What may have been meant: the other kinds of proxy at the same place, a bare port on this computer, and the
    ports that proxy programs use if something listens there.
    """
    place = re.sub(r"^[a-z0-9+.\-]*:/*", "", written.strip(), flags=re.IGNORECASE) if "/" in written else written
    place = place.strip().strip("/")
    if re.fullmatch(r":?\d{2,5}", place):
        place = f"127.0.0.1:{place.lstrip(':')}"
    found = [_understood(f"{scheme}://{place}") for scheme in _SPOKEN]
    own = urlsplit(next(filter(None, found), "")).hostname in ("127.0.0.1", "localhost", "::1", None)
    ports = [port for port in USUAL_PORTS if own and listens(port)]
    found += [f"{scheme}://127.0.0.1:{port}" for port in ports for scheme in _SPOKEN]
    return tuple(dict.fromkeys(each for each in found if each))


def _understood(written: str) -> str | None:
    try:
        return repaired(written)
    except LauncherError:
        return None


def _that_works(candidates: tuple[str, ...], targets: tuple[str, ...]) -> str | None:
    """The first of them, in their order."""
    asked = {proxy: Inquiry(partial(_works, proxy, targets)) for proxy in candidates}
    return next((proxy for proxy, inquiry in asked.items() if inquiry.within(_PATIENCE + 1.5)), None)


def _works(proxy: str | None, targets: tuple[str, ...]) -> bool:
    """Does at least one answer? All are asked at once."""
    asked = [Inquiry(partial(try_way, url, proxy, seconds=_PATIENCE)) for url in targets]
    trials = [inquiry.within(_PATIENCE + 1.0) for inquiry in asked]
    return any(trial is not None and trial.works for trial in trials)


REPAIR_PROXY = Mend("repair-proxy", REPAIR, _preview_repair, _apply_repair, _verify, _undo)
WITHOUT_PROXY = Mend("without-proxy", WITHOUT, _preview_without, _apply_without, _verify, _undo)

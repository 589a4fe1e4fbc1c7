"""The mends of the proxy, each after a trial: `repair-proxy` writes it as it works, `without-proxy` uses none."""

from __future__ import annotations

import re
import threading
from collections.abc import Generator, Iterator
from functools import partial
from urllib.parse import urlsplit

from launcher.core.errors import LauncherError
from launcher.core.events import Event, Notice
from launcher.core.hardware.inquiry import Inquiry
from launcher.core.mends.mend import (
    Change,
    Here,
    Mend,
    Preview,
    Record,
    Values,
    cannot_mend,
    changed_since,
    nothing_to_mend,
)  # fmt: skip
from launcher.core.mends.proxy_places import Rewrite, changed, places, rewrite, to_record, write_back
from launcher.core.mends.setting import kept_setting, put, put_back, setting
from launcher.core.mends.way_out import Need, needs, silent
from launcher.core.network.proxies import Proxies, find_proxies
from launcher.core.network.proxy_check import USUAL_PORTS
from launcher.core.network.proxy_trial import listens, try_way
from launcher.core.packages.pip_settings import read_pip_settings
from launcher.core.proxy_address import masked, repaired
from launcher.core.settings import ProxySettings, read_settings
from launcher.core.text import Text, t

KEY = "proxy.address"
REPAIR = t("Write the proxy's address as it works")
WITHOUT = t("Go without the proxy")
_START_IT = t(
    "Start your proxy program, or look whether this computer is online. If that program is gone for good: "
    "gesso proxy set none"
)
#: seconds for a trial; all that are wanted run at once
_PATIENCE = 4.0
#: what one program of today may speak at the same port, the likeliest first
_SPOKEN = ("http", "socks5h")


def _preview_repair(here: Here, values: Values) -> Preview | None:
    own, others = _repairs(here, values)
    changes = [each.change for each in others]
    if own:
        changes.insert(0, Change(_of_gesso(), masked(own[0]), masked(own[1])))
    remark = t("It was tried just now, and works. Other programs keep what they are set to.") if not others else t(
        "Programs that are started from now on see it."
    )  # fmt: skip
    return Preview("repair-proxy", REPAIR, tuple(changes), remark) if changes else None


def _apply_repair(here: Here, values: Values, cancel: threading.Event | None) -> Generator[Event, None, Record]:  # noqa: ARG001
    own, others = _repairs(here, values)
    if own is None and not others:
        raise nothing_to_mend(REPAIR)
    record = yield from _written_down(here, own[1] if own else None, others)
    return record


def _preview_without(here: Here, values: Values) -> Preview | None:
    own, others = _in_the_way(here, values)
    if own is None and not others:
        return None
    wanted = needs(here, values)
    mute = silent(None, wanted, _PATIENCE)
    if mute:
        raise cannot_mend(_told(wanted, mute), _START_IT)
    changes = [] if own is None else [Change(_of_gesso(), masked(own), "none")]
    remark = t("What is needed was tried just now without it, and answers: {names}. Other programs keep what they are "
               "set to.", names=_names(wanted))  # fmt: skip
    return Preview("without-proxy", WITHOUT, (*changes, *(each.change for each in others)), remark)


def _apply_without(here: Here, values: Values, cancel: threading.Event | None) -> Generator[Event, None, Record]:  # noqa: ARG001
    own, others = _in_the_way(here, values)
    if own is None and not others:
        raise nothing_to_mend(WITHOUT)
    record = yield from _written_down(here, None if own is None else "none", others)
    return record


def _in_the_way(here: Here, values: Values) -> tuple[str | None, tuple[Rewrite, ...]]:
    """Gesso's proxy, unless git's own at which nothing answers explain what failed and it lets everything through."""
    written, others = _written(here), dead_of_git(here)
    understood = _understood(written) if written and others else None
    well = understood is not None and not silent(understood, needs(here, values), _PATIENCE)
    return None if well else written, others


def _told(wanted: tuple[Need, ...], mute: tuple[str, ...]) -> Text:
    """Which answer and which do not."""
    if len(mute) == len(wanted):
        return t("Without the proxy nothing can be reached either.")
    answering = _names(tuple(each for each in wanted if each.name not in mute))
    return t("Without the proxy these answer: {names}. These do not: {silent}.", names=answering,
             silent=", ".join(mute))  # fmt: skip


def _names(wanted: tuple[Need, ...]) -> str:
    return ", ".join(each.name for each in wanted)


def _verify_repair(here: Here, values: Values) -> Text | None:
    targets = _targets(here, values)
    still = [each.place.where for each in _wrong_elsewhere(here, targets)]
    return t("It is still not right: {where}", where=still[0]) if still else _tried(here, targets)


def _verify_without(here: Here, values: Values) -> Text | None:
    still = [each.place.where for each in dead_of_git(here)]
    if still:
        return t("It is still not right: {where}", where=still[0])
    for proxy in dict.fromkeys(_proxies(here).addresses or (None,)):
        if mute := silent(proxy, needs(here, values), _PATIENCE):
            return t("Still these do not answer ({way}): {silent}.", way=masked(proxy) if proxy else t("directly"),
                     silent=", ".join(mute))  # fmt: skip
    return None


def _tried(here: Here, targets: tuple[str, ...]) -> Text | None:
    """The way that Gesso goes now."""
    for proxy in dict.fromkeys(_proxies(here).addresses or (None,)):
        if not _works(proxy, targets):
            return t("Still nothing comes through: {way}.", way=masked(proxy) if proxy else t("directly"))
    return None


def _undo(here: Here, record: Record) -> Iterator[Event]:
    """What nobody has changed since goes back; what somebody has stays, and is said."""
    own, others = record["own"], record["others"]
    stays = [place.where for place in changed(here, others)]
    others_go = len(others) > len(stays)
    own_goes = own and setting(here, KEY) in (own["before"], own["after"])
    if own and not own_goes:
        stays.append(t("The setting {key}", key=KEY))
    if not own_goes and not others_go:
        raise changed_since(stays[0])
    if own_goes:
        yield from put_back(here, own)
    write_back(here, others)
    for where in stays:
        yield Notice("proxy-stays", "warning", t("{what} has been changed since, and stays as it is now.", what=where))
    if others_go:
        yield Notice("proxy-changed", "info", t("The proxy of other programs is as it was before."))


def _written_down(here: Here, own: str | None, others: tuple[Rewrite, ...]) -> Generator[Event, None, Record]:
    """Gesso's setting and the other places; none of them, if one cannot be written."""
    record: Record = {"own": kept_setting(here, KEY, own) if own else None, "others": to_record(others)}
    here.begin(record)
    done = rewrite(here, others)
    try:
        if own:
            # The whole way back is kept already.
            yield from put(Here(here.workspace, here.environ), KEY, own)
    except LauncherError:
        write_back(here, done)
        raise
    return record


def _repairs(here: Here, values: Values) -> tuple[tuple[str, str] | None, tuple[Rewrite, ...]]:
    """Gesso's proxy as it is and as it should be, None where it is well; and what is wrong for other programs.

    LauncherError `cannot-mend` where something is wrong and nothing helps.
    """
    targets = _targets(here, values)
    others = _wrong_elsewhere(here, targets)
    written = _written(here)
    if written is None or _is_well(here, written, targets):
        return None, others
    found = _that_works(_candidates(written), targets)
    if found is None and not others:
        raise cannot_mend(
            t("No way of writing {proxy} makes a proxy that works.", proxy=masked(written)),
            t("Start your proxy program and look there for its HTTP port, then: `gesso proxy set 127.0.0.1:PORT`."),
        )
    return (written, found) if found else None, others


def _wrong_elsewhere(here: Here, targets: tuple[str, ...]) -> tuple[Rewrite, ...]:
    """Proxies of other programs that they do not understand, or that do not work as they are written."""
    found = places(here)
    better = {value: _better(value, targets) for value in {each.value for each in found}}
    # git takes an address without its scheme for what it is.
    return tuple(
        Rewrite(each, better[each.value])
        for each in found
        if better[each.value] and not (each.of_git and better[each.value] == _understood(each.value))
    )


def _better(value: str, targets: tuple[str, ...]) -> str | None:
    """None: it is well, or nothing better is known."""
    understood = _understood(value)
    if understood == value.strip().rstrip("/") and _works(understood, targets):
        return None
    found = _that_works(_candidates(value), targets)
    # One whose program does not run now is at least to be written so that others understand it.
    return found or (understood if understood != value.strip().rstrip("/") else None)


def dead_of_git(here: Here) -> tuple[Rewrite, ...]:
    """git's own proxies at which nothing answers."""

    def dead(value: str) -> bool:
        parts = urlsplit(_understood(value) or "")
        return parts.hostname is None or not listens(parts.port or 80, parts.hostname, 1.0)

    return tuple(Rewrite(each, None) for each in places(here) if each.of_git and dead(each.value))


def _of_gesso() -> Text:
    return t("The proxy that Gesso uses (the setting {key})", key=KEY)


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
    settings, pip = read_settings(here.workspace).proxy, read_pip_settings(here.environ)
    try:
        return find_proxies(here.environ, settings=settings, pip=pip)
    except LauncherError:
        return find_proxies(here.environ, settings=ProxySettings(), pip=pip)


def _targets(here: Here, values: Values) -> tuple[str, ...]:
    """What a proxy is tried with: one that lets any of them through is one."""
    return tuple(each.urls[0] for each in needs(here, values))


def _is_well(here: Here, written: str, targets: tuple[str, ...]) -> bool:
    """Does it work as Gesso understands it?"""
    understood = _understood(written)
    return understood is not None and understood in _proxies(here).addresses and _works(understood, targets)


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


REPAIR_PROXY = Mend("repair-proxy", REPAIR, _preview_repair, _apply_repair, _verify_repair, _undo)
WITHOUT_PROXY = Mend("without-proxy", WITHOUT, _preview_without, _apply_without, _verify_without, _undo)

"""What the network's screens ask of core: mirrors and their measuring, proxies and their trial, the limit."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from launcher.core.events import Event
from launcher.tui.asks import Place
from launcher.tui.jobs import Cancel

if TYPE_CHECKING:
    from launcher.core.network.mirror_table import MirrorTable
    from launcher.core.network.mirrors import Kind
    from launcher.core.network.proxies import Proxies
    from launcher.core.network.proxy_check import Checked


@dataclass(frozen=True)
class MirrorsSeen:
    """One look at what is known of the mirrors; nobody on the network was asked."""

    tables: tuple[MirrorTable, ...]
    #: KiB per second; None: as fast as it goes
    limit_kib: int | None
    #: the proxy that counts, without its password; None: everything goes directly
    proxy: str | None


@dataclass(frozen=True)
class ProxiesSeen:
    """One look at what is set where; nobody was asked."""

    proxies: Proxies
    #: the services and hosts that the settings take past it
    direct: tuple[str, ...]
    #: service -> the address it is tried with
    services: tuple[tuple[str, str], ...]
    #: ports of this computer where something listens that may be a proxy
    offers: tuple[int, ...]


@dataclass(frozen=True)
class NetworkAsks:
    """The mirrors' screen."""

    look: Callable[[], MirrorsSeen]
    #: asks every mirror of these kinds for a file, remembers how it fared, and looks again
    measure: Callable[[tuple[Kind, ...], Cancel], Generator[Event, None, MirrorsSeen]]
    #: a name, an address, or None for what is measured; looks again. LauncherError `bad-mirror`
    use: Callable[[Kind, str | None], MirrorsSeen]
    #: an address of the user's own; LauncherError `bad-mirror` for what cannot be used
    check: Callable[[Kind, str], object]
    #: KiB per second, None as fast as it goes; looks again
    limit: Callable[[int | None], MirrorsSeen]

    @classmethod
    def real(cls, place: Place) -> NetworkAsks:
        """Core itself."""
        from launcher.core.network.mirrors import own_mirror
        from launcher.core.settings import change_setting

        def look() -> MirrorsSeen:
            return _mirrors_seen(place)

        def use(kind: Kind, wanted: str | None) -> MirrorsSeen:
            _use(place, kind, wanted)
            return look()

        def limit(kib: int | None) -> MirrorsSeen:
            change_setting(place.workspace, "downloads.limit_kib", kib)
            return look()

        return cls(look, lambda kinds, cancel: _measure(place, kinds, cancel), use, own_mirror, limit)


@dataclass(frozen=True)
class ProxyAsks:
    """The proxy's screen."""

    look: Callable[[], ProxiesSeen]
    #: every service tried directly and through the proxy; no longer than some seconds
    test: Callable[[], tuple[Checked, ...]]
    #: an address, "none" for no proxy at all, None as the system says; looks again
    set: Callable[[str | None], ProxiesSeen]
    #: of an address; LauncherError `proxy-not-usable`
    check: Callable[[str], object]

    @classmethod
    def real(cls, place: Place) -> ProxyAsks:
        """Core itself."""
        from launcher.core.proxy_address import repaired
        from launcher.core.settings import change_setting

        def choose(address: str | None) -> ProxiesSeen:
            kept = address if address in (None, "none") else repaired(address)
            change_setting(place.workspace, "proxy.address", kept)
            return _proxies_seen(place)

        return cls(lambda: _proxies_seen(place), lambda: _try_proxies(place), choose, repaired)


def _mirrors_seen(place: Place) -> MirrorsSeen:
    from launcher.core.network.mirror_choice import look_around
    from launcher.core.network.mirror_table import mirror_table
    from launcher.core.network.mirrors import KINDS
    from launcher.core.network.proxies import find_proxies
    from launcher.core.packages.pip_settings import read_pip_settings
    from launcher.core.proxy_address import masked
    from launcher.core.settings import read_settings

    settings = read_settings(place.workspace)
    pip = read_pip_settings(os.environ)
    around = look_around(place.workspace, os.environ, pip=pip)
    addresses = find_proxies(os.environ, settings=settings.proxy, pip=pip).addresses
    tables = tuple(mirror_table(around, kind) for kind in KINDS)
    return MirrorsSeen(tables, settings.downloads.limit_kib or None, masked(addresses[0]) if addresses else None)


def _measure(place: Place, kinds: tuple[Kind, ...], cancel: Cancel) -> Generator[Event, None, MirrorsSeen]:
    from launcher.core.environments.environments import installed
    from launcher.core.network.mirror_choice import look_around
    from launcher.core.network.mirror_survey import samples, survey
    from launcher.core.network.routes import find_route
    from launcher.core.packages.pip_settings import read_pip_settings
    from launcher.core.plan.options import Options
    from launcher.core.proposal import propose
    from launcher.core.settings import read_settings

    workspace = place.workspace
    pip = read_pip_settings(os.environ)
    around = look_around(workspace, os.environ, kinds, pip=pip)
    # Torch's file and the engine's Python are what a plan for this computer says.
    plan = propose(workspace, Options(), installed(workspace)).plan
    wanted = samples(around, kinds, plan.python, plan.torch)
    route = find_route(around.mirrors, read_settings(workspace).proxy, pip=pip)
    found = yield from survey(workspace, around, wanted, pip=pip, route=route, cancel=cancel)
    seen = _mirrors_seen(place)
    # What nobody could give is not remembered; who has just asked wants to see it all the same.
    fresh = {each.key.partition(":")[0]: each for each in found if not each.ranking}
    tables = tuple(replace(each, measured=fresh.get(each.kind, each.measured)) for each in seen.tables)
    return replace(seen, tables=tables)


def _use(place: Place, kind: Kind, wanted: str | None) -> None:
    from launcher.core.network.mirror_choice import named
    from launcher.core.network.mirror_git import take_back
    from launcher.core.network.mirror_words import git_base
    from launcher.core.network.mirrors import read_mirrors
    from launcher.core.settings import change_setting

    workspace = place.workspace
    mirror = None if wanted is None else named(read_mirrors(workspace=workspace), kind, wanted)
    if kind == "github" and (mirror is None or git_base(mirror) is None):
        # What `gesso mirrors use github --for-git` wrote goes with the choice.
        take_back(workspace, os.environ)
    change_setting(workspace, f"mirrors.{kind}", wanted)


def _proxies_seen(place: Place) -> ProxiesSeen:
    from launcher.core.network.mirrors import read_mirrors
    from launcher.core.network.proxies import find_proxies
    from launcher.core.network.proxy_check import offers, service_addresses
    from launcher.core.packages.pip_settings import read_pip_settings
    from launcher.core.settings import read_settings

    pip, settings = read_pip_settings(os.environ), read_settings(place.workspace).proxy
    proxies = find_proxies(os.environ, settings=settings, pip=pip)
    services = service_addresses(read_mirrors(workspace=place.workspace), pip)
    return ProxiesSeen(proxies, settings.direct, tuple(services.items()), offers(proxies))


def _try_proxies(place: Place) -> tuple[Checked, ...]:
    from launcher.core.network.mirrors import read_mirrors
    from launcher.core.network.proxy_check import check, service_addresses
    from launcher.core.network.routes import find_route
    from launcher.core.packages.pip_settings import read_pip_settings
    from launcher.core.settings import read_settings

    mirrors, pip = read_mirrors(workspace=place.workspace), read_pip_settings(os.environ)
    router = find_route(mirrors, read_settings(place.workspace).proxy, os.environ, pip=pip)
    return check(router, service_addresses(mirrors, pip))

"""Every service tried, directly and through the proxy at once; and programs on this computer that might be a proxy."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from launcher.core.hardware.inquiry import Inquiry
from launcher.core.network.mirrors import Mirrors
from launcher.core.network.proxies import Proxies
from launcher.core.network.proxy_trial import Trial, listens, try_way
from launcher.core.network.routes import Router, Way
from launcher.core.packages.pip_default import official_index
from launcher.core.packages.pip_settings import PipSettings
from launcher.core.web_address import is_address

#: where Clash, Clash Verge, V2Ray and Shadowsocks listen if nobody told them otherwise
USUAL_PORTS = (7890, 7897, 10808, 10809, 1080)


@dataclass(frozen=True)
class Checked:
    """One service: both ways tried (`through` None: no proxy is set for it), and the way it goes."""

    service: str
    url: str
    direct: Trial
    through: Trial | None
    way: Way

    @property
    def works(self) -> bool:
        return self.direct.works if self.way.proxy is None else bool(self.through and self.through.works)


def service_addresses(mirrors: Mirrors, pip: PipSettings) -> dict[str, str]:
    """One official address of each service; of packages the index that pip uses here."""
    samples = mirrors.samples
    packages = pip.index_url or official_index()
    addresses = {"packages": packages} if packages and is_address(packages) else {}
    more = {"huggingface": samples.huggingface, "github": samples.github, "modelscope": samples.modelscope}
    return addresses | {service: sample.url for service, sample in more.items()}


def check(router: Router, addresses: Mapping[str, str], *, seconds: float = 5.0) -> tuple[Checked, ...]:
    """All at once; not much longer than `seconds`."""
    deadline = time.monotonic() + seconds + 1
    direct = {service: Inquiry(partial(try_way, url, None, seconds=seconds)) for service, url in addresses.items()}
    through = {
        service: Inquiry(partial(try_way, url, proxy, seconds=seconds))
        for service, url in addresses.items()
        if (proxy := router.proxies.of(url))
    }
    silent = Trial("silent", seconds)
    found: list[Checked] = []
    for service, url in addresses.items():
        near = direct[service].by(deadline) or silent
        far = through[service].by(deadline) or silent if service in through else None
        router.learn(url, near, far)
        found.append(Checked(service, url, near, far, router.way(url)))
    return tuple(found)


def offers(proxies: Proxies, ports: tuple[int, ...] = USUAL_PORTS) -> tuple[int, ...]:
    """Ports of this computer where something listens that is no set proxy yet: to be offered, never used unasked."""
    known = {urlsplit(address).port for address in proxies.addresses}
    asked = {port: Inquiry(partial(listens, port)) for port in ports if port not in known}
    return tuple(port for port, inquiry in asked.items() if inquiry.within(1.0))

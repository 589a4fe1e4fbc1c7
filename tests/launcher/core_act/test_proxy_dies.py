"""A proxy that is ended in the middle of a download: the rest comes another way, nothing is fetched twice."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest

from launcher.core.download.door import Address, Patience, Wanted, download
from launcher.core.events import Downloaded, Progress
from launcher.core.network import proxies, routes
from launcher.core.network.proxies import Proxies
from launcher.core.network.proxy_settings import Said
from launcher.core.network.proxy_trial import Trial, reachable
from launcher.core.network.routes import Router
from tests.fakes.fake_proxy import FakeProxy
from tests.fakes.fault_server import FaultServer

DATA = random.Random(7).randbytes(600_000)
BRIEF = Patience(connect=1.0, silence=1.0, slow_rate=1000, slow_time=1.0, longest_pause=2.0, pause=0.02)


def tried(url: str, proxy: str | None) -> Trial:
    return Trial("works" if proxy is None or reachable(proxy) else "refused", 0.0)


@pytest.mark.parametrize("mode", ["works", "socks"])
def test_the_rest_comes_directly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    # The server is on this computer, which never is asked through a proxy, and no time passes in a test.
    monkeypatch.setattr(proxies, "passes_by", lambda url, rules: False)
    monkeypatch.setattr(routes, "_FRESH", 0.0)
    target = tmp_path / "模型.safetensors"
    with FaultServer(DATA) as server, FakeProxy(mode) as proxy:
        router = Router(Proxies((Said("environment", proxy.url, proxy.url),)), attempt=tried)
        address = Address(server.url("rate=600000", "file"))
        wanted = Wanted("file", target, (address,), hashlib.sha256(DATA).hexdigest(), len(DATA))
        events = []
        for event in download(wanted, route=router, patience=BRIEF):
            events.append(event)
            if isinstance(event, Progress) and event.done > 100_000:
                proxy.close()
        assert target.read_bytes() == DATA
        assert isinstance(events[-1], Downloaded)
        assert len(proxy.asked) == 1
        ranges = [request.headers.get("range") for request in server.requests]
        assert len(ranges) > 1, "the proxy died too late to matter"
        assert all(each is not None for each in ranges[1:])
        assert router.way(address.url).detour

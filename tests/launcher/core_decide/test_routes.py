"""Ways tried by use, on local proxies that work, hang, refuse, ask for a password, serve a page or die."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from launcher.core.network.mirrors import PYTHON_BUILDS, read_mirrors
from launcher.core.network.proxies import Proxies
from launcher.core.network.proxy_check import service_addresses
from launcher.core.network.proxy_settings import Said, Source
from launcher.core.network.proxy_trial import Trial, listens, try_way
from launcher.core.network.routes import Router, find_route, variables_for
from launcher.core.packages.pip_settings import PipSettings
from launcher.core.settings import ProxySettings
from launcher.core.web_address import origin
from tests.fakes.fake_proxy import PASSWORD, USER, FakeProxy

FAR, MIRROR = "https://far.example/file", "https://mirror.example/file"


class Service(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(404 if self.path == "/" else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/a/file?token=secret"
    server.shutdown()
    server.server_close()


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_a_working_proxy_carries_the_request(service: str) -> None:
    with FakeProxy() as proxy:
        trial = try_way(service, proxy.url)
        assert trial.works
        assert proxy.asked == [origin(service).removeprefix("http://").rstrip("/")]
    assert try_way(service, None).works


def test_socks_carries_the_request(service: str) -> None:
    with FakeProxy("socks") as proxy:
        assert try_way(service, proxy.url).works
        assert len(proxy.asked) == 1


@pytest.mark.parametrize(
    ("mode", "scheme", "kind"),
    [
        ("refuses", "https", "blocked"),
        ("gateway", "https", "blocked"),
        ("gateway", "http", "blocked"),
        ("password", "https", "password"),
        ("password", "http", "password"),
        # it answers the wish for a tunnel with its own page instead of letting bytes through
        ("page", "https", "certificate"),
        ("closes", "https", "refused"),
        ("hangs", "https", "silent"),
        ("hangs", "http", "silent"),
    ],
)
def test_why_a_proxy_does_not_work(mode: str, scheme: str, kind: str) -> None:
    with FakeProxy(mode) as proxy:
        start = time.monotonic()
        trial = try_way(f"{scheme}://127.0.0.1:{free_port()}/x", proxy.url, seconds=1.0 if mode == "hangs" else 5.0)
        assert trial.kind == kind
        assert not trial.works
        assert str(trial.sentence)
        # generous: hanging is the failure
        assert time.monotonic() - start < 4


def test_a_password_that_is_given_opens_the_proxy(service: str) -> None:
    with FakeProxy("password") as proxy:
        assert try_way(service, f"http://{USER}:{PASSWORD}@{proxy.place}").works


def test_nobody_there(service: str) -> None:
    port = free_port()
    assert try_way(service, f"http://127.0.0.1:{port}").kind == "refused"
    assert try_way(service, f"socks5h://127.0.0.1:{port}").kind == "refused"
    assert try_way(f"http://127.0.0.1:{port}/", None).kind == "refused"
    assert not listens(port)
    with FakeProxy() as proxy:
        assert listens(int(proxy.place.rpartition(":")[2]))


def test_the_variables_of_the_environment_do_not_count(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    assert try_way(service, None).works


class Ways:
    """Trials with a given outcome, and how often each was made."""

    def __init__(self, works: set[tuple[str, str | None]]) -> None:
        self.works, self.tried = works, list[tuple[str, str | None]]()

    def __call__(self, url: str, proxy: str | None) -> Trial:
        self.tried.append((origin(url), proxy))
        return Trial("works" if (origin(url), proxy) in self.works else "refused", 0.1)


PROXY = "http://me:secret@proxy:1"


def proxies(source: Source = "environment") -> Proxies:
    return Proxies((Said(source, PROXY, PROXY, ("past.example",)),))


def test_a_proxy_that_works_is_used_and_tried_once() -> None:
    ways = Ways({("https://far.example/", PROXY)})
    router = Router(proxies(), attempt=ways)
    assert [router(FAR), router(FAR + "/other")] == [PROXY, PROXY]
    assert ways.tried == [("https://far.example/", PROXY)]


def test_a_dead_proxy_is_gone_round_and_said() -> None:
    router = Router(proxies(), attempt=Ways({("https://far.example/", None)}))
    way = router.way(FAR)
    assert (way.proxy, way.detour) == (None, True)
    assert "gone round: nothing answers there" in str(way.reason)
    assert "secret" not in str(way.reason)


def test_a_proxy_of_another_source_comes_before_the_direct_way() -> None:
    gnome = Said("gnome", "http://gnome:2", "http://gnome:2")
    both = Proxies((*proxies().sources, gnome))
    ways = Ways({("https://far.example/", "http://gnome:2"), ("https://far.example/", None)})
    way = Router(both, attempt=ways).way(FAR)
    assert (way.proxy, way.detour) == ("http://gnome:2", True)
    assert variables_for(Router(both, attempt=ways), FAR)["HTTPS_PROXY"] == "http://gnome:2"


def test_where_nothing_works_the_proxy_stays() -> None:
    assert Router(proxies(), attempt=Ways(set())).way(FAR).proxy == PROXY


def test_a_mirror_is_asked_directly_where_that_works() -> None:
    everything = Ways(
        {(each, way) for each in ("https://mirror.example/", "https://far.example/") for way in (None, PROXY)}
    )
    router = Router(proxies(), mirrors=frozenset({"mirror.example"}), attempt=everything)
    assert (router(MIRROR), router(FAR)) == (None, PROXY)
    through = Router(
        proxies(), mirrors=frozenset({"mirror.example"}), attempt=Ways({("https://mirror.example/", PROXY)})
    )
    assert through(MIRROR) == PROXY


def test_the_users_own_word_is_not_gone_round() -> None:
    ways = Ways({("https://far.example/", None)})
    router = Router(proxies("settings"), direct=frozenset({"mirror.example"}), attempt=ways)
    assert (router(FAR), router(MIRROR)) == (PROXY, None)
    assert Router(Proxies((Said("settings", none=True), proxies().sources[0])), attempt=ways)(FAR) is None
    assert ways.tried == []


def test_exceptions_and_neighbours_go_directly_untried() -> None:
    ways = Ways(set())
    router = Router(proxies(), attempt=ways)
    assert [router("https://past.example/"), router("http://127.0.0.1:1/")] == [None, None]
    assert ways.tried == []


def test_a_proxy_that_dies_is_noticed_and_one_that_comes_back_too() -> None:
    now, alive = [0.0], [True]
    ways = Ways({("https://far.example/", PROXY), ("https://far.example/", None)})
    router = Router(proxies(), attempt=ways, clock=lambda: now[0], alive=lambda _: alive[0])
    assert router(FAR) == PROXY
    ways.works.remove(("https://far.example/", PROXY))
    now[0] = 4
    assert router(FAR) == PROXY
    now[0] = 6
    assert router(FAR) == PROXY
    alive[0] = False
    assert router(FAR) == PROXY
    now[0] = 12
    assert router(FAR) is None
    ways.works.add(("https://far.example/", PROXY))
    assert router(FAR) is None
    now[0] = 43
    assert router(FAR) == PROXY
    ways.works.clear()
    now[0] = 1000
    assert router.way(FAR).detour is False


def test_many_threads_make_one_trial() -> None:
    ways = Ways({("https://far.example/", PROXY)})

    def slow(url: str, proxy: str | None) -> Trial:
        time.sleep(0.05)
        return ways(url, proxy)

    router = Router(proxies(), attempt=slow)
    threads = [threading.Thread(target=router, args=(FAR,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ways.tried) == 1


def test_the_router_of_a_user() -> None:
    mirrors = read_mirrors()
    asked = {"https_proxy": "http://proxy:1"}
    router = find_route(mirrors, ProxySettings(direct=("github", "packages", "nonsense")), asked)
    assert "hf-mirror.com" in router.mirrors
    ways = Ways({("https://huggingface.co/", "http://proxy:1")})
    router.attempt = ways
    assert router("https://github.com/x") is None
    assert router("https://mirrors.aliyun.com/pypi/simple/torch/") is None
    assert router("https://huggingface.co/x") == "http://proxy:1"
    assert ways.tried == [("https://huggingface.co/", "http://proxy:1")]
    assert variables_for(router, "https://huggingface.co/")["https_proxy"] == "http://proxy:1"
    assert variables_for(Router(Proxies()), FAR) == {}
    dead = Router(proxies(), attempt=Ways({("https://far.example/", None)}))
    assert variables_for(dead, FAR)["HTTPS_PROXY"] == ""


def test_pips_index_that_is_no_address_stops_nothing() -> None:
    pip = PipSettings(index_url="http://[::1")
    router = find_route(read_mirrors(), ProxySettings(direct=("packages",)), {}, pip=pip)
    assert "mirrors.aliyun.com" in router.direct
    assert "packages" not in service_addresses(read_mirrors(), pip)


SERVICES = ("packages", "torch", "huggingface", "modelscope", "github", "python")


@pytest.mark.parametrize(
    ("direct", "url"),
    [
        (SERVICES, "https://index.example/simple/x/"),
        (("torch",), "https://download.pytorch.org/whl/cu130/torch/"),
        (("huggingface",), "https://huggingface.co/a/b/resolve/main/x"),
        (("python",), PYTHON_BUILDS + "releases/download/1/x"),
        (("github",), PYTHON_BUILDS + "releases/download/1/x"),
        (("models.example",), "https://www.models.example/x"),
        (("https://models.example/",), "https://models.example/x"),
    ],
)
def test_what_the_settings_take_past_the_proxy_goes_so_to_its_end(direct: tuple[str, ...], url: str) -> None:
    """The official places too, and whatever they redirect to or name: the bytes mostly come from another host."""
    pip = PipSettings(index_url="https://index.example/simple")
    router = find_route(read_mirrors(), ProxySettings("http://proxy:1", direct), {}, pip=pip)
    assert router(url, url) is None
    assert router("https://cdn.example/x", url) is None
    assert router("https://cdn.example/x") == "http://proxy:1"
    assert router("https://cdn.example/x", "http://127.0.0.1:1/x") == "http://proxy:1"


def test_a_service_that_is_not_named_goes_through_the_proxy() -> None:
    router = find_route(read_mirrors(), ProxySettings("http://proxy:1", ("python", "models.example")), {})
    for url in ("https://github.com/x", "https://download.pytorch.org/whl/", "https://notmodels.example/x"):
        assert router(url, url) == "http://proxy:1"

"""The mirrors' and the proxy's screens over stand-ins of core: messages and state first, then one look at each."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Generator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from textual.widgets import Input

from launcher.core.errors import LauncherError
from launcher.core.events import Event, Notice, Probed
from launcher.core.network.mirror_choice import Choice
from launcher.core.network.mirror_probe import Measurement
from launcher.core.network.mirror_table import MirrorTable
from launcher.core.network.mirror_verdicts import Verdict
from launcher.core.network.mirrors import Kind, Mirror, own_mirror
from launcher.core.network.proxies import Proxies
from launcher.core.network.proxy_check import Checked
from launcher.core.network.proxy_settings import Said
from launcher.core.network.proxy_trial import Trial
from launcher.core.network.routes import Way
from launcher.core.paths import Workspace
from launcher.core.plan.options import Options
from launcher.core.process import CancelledError
from launcher.core.proxy_address import repaired
from launcher.core.settings import read_settings
from launcher.core.text import minutes_ago, t
from launcher.tui.app import GessoApp
from launcher.tui.asks import Place, Wiring
from launcher.tui.asks_network import MirrorsSeen, NetworkAsks, ProxiesSeen, ProxyAsks
from launcher.tui.network_state import Network, bar, filtered, lines, sorted_next
from launcher.tui.screens.ask import AskScreen
from launcher.tui.screens.network import NetworkScreen
from launcher.tui.screens.proxy import ProxyScreen
from tests.launcher.tui.test_home_screen import screen_text, until

SIZE = (80, 24)
WIDE = (120, 40)


def table(kind: Kind, *names: str, measured: bool = False, first: int = 0) -> MirrorTable:
    mirrors = [Mirror("official", "official", official=True)]
    mirrors += [Mirror(name, name, url=f"https://{name}.example/simple", style="index") for name in names]
    verdicts = [Verdict("official", "official", "unreachable")]
    verdicts += [Verdict(name, name, "ok", 1e6 * (number + 1), 0.035) for number, name in enumerate(names)]
    choice = Choice(kind, (mirrors[first], *(each for each in mirrors if each is not mirrors[first])), "official",
                    t("Nothing has been measured in this network yet, so the official place comes first."))  # fmt: skip
    return MirrorTable(
        kind,
        tuple(mirrors),
        choice,
        None,
        Measurement(kind, "x 1.0", time.time() - 300, tuple(verdicts)) if measured else None,
    )


def seen(*, measured: bool = False) -> MirrorsSeen:
    packages = table("packages", "tencent", "aliyun", measured=measured, first=2 if measured else 0)
    return MirrorsSeen((packages, table("github", "ghfast")), 2048 if measured else None, None)


@dataclass
class FakeNetwork:
    """Answers as core does; `calls` says what was asked."""

    seen: MirrorsSeen = field(default_factory=lambda: seen())
    after: MirrorsSeen = field(default_factory=lambda: seen(measured=True))
    calls: list[str] = field(default_factory=list)
    go: threading.Event = field(default_factory=threading.Event)

    def look(self) -> MirrorsSeen:
        return self.seen

    def measure(self, kinds: tuple[Kind, ...], cancel: threading.Event) -> Generator[Event, None, MirrorsSeen]:
        self.calls.append("measure " + " ".join(kinds))
        yield Notice("measuring", "info", t("Measuring {count} places for {file} …", count=3, file="x 1.0"))
        yield Probed("packages", "tencent", 524288, 1048576, 2e6)
        yield Probed("packages", "aliyun", 1048576, 1048576, 4e6, over=True)
        while not self.go.wait(0.01):
            if cancel.is_set():
                raise CancelledError
        self.seen = self.after
        return self.seen

    def use(self, kind: Kind, wanted: str | None) -> MirrorsSeen:
        self.calls.append(f"use {kind} {wanted}")
        if wanted == "tencent":
            raise LauncherError("bad-mirror", t("Not running."), t("Press Enter to start."))
        return self.after

    def limit(self, kib: int | None) -> MirrorsSeen:
        self.calls.append(f"limit {kib}")
        return replace(self.seen, limit_kib=kib)

    def asks(self) -> NetworkAsks:
        return NetworkAsks(self.look, self.measure, self.use, own_mirror, self.limit)


@dataclass
class FakeProxies:
    """Two sources, a dead proxy, a port where something listens."""

    said: tuple[Said, ...] = (
        Said("environment", "http://me:s3cret@127.0.0.1:1", "http://me:s3cret@127.0.0.1:1", bypass=("intern.example",)),
        Said("gnome", script="http://wpad/wpad.dat"),
    )
    calls: list[str] = field(default_factory=list)

    def look(self) -> ProxiesSeen:
        services = (("packages", "https://packages.example/"), ("github", "https://intern.example/"))
        return ProxiesSeen(Proxies(self.said), ("github",), services, (7890,))

    def test(self) -> tuple[Checked, ...]:
        self.calls.append("test")
        bad, good = Trial("refused", 0.1), Trial("works", 0.4)
        return (
            Checked("packages", "https://x.example/", good, bad, Way(None, t("the proxy works"))),
            Checked("files.example", "https://y.example/", bad, None, Way(None, t("no proxy is set for it"))),
        )

    def set(self, address: str | None) -> ProxiesSeen:
        self.calls.append(f"set {address}")
        self.said = () if address is None else (Said("settings", address, address),)
        return self.look()

    def asks(self) -> ProxyAsks:
        return ProxyAsks(self.look, self.test, self.set, repaired)


def app_of(fake, stand_in: NetworkAsks | ProxyAsks, language: str = "en") -> GessoApp:
    place = Place(Workspace(Path("nowhere")), Options())
    return GessoApp(fake.core(), language, Wiring(place, {type(stand_in): stand_in}))


def write(pilot, text: str) -> None:
    pilot.app.screen.query_one(Input).value = text


def test_rows_are_filtered_and_ordered_and_bars_filled() -> None:
    seen = MirrorsSeen((table("packages", "b", "a", measured=True), table("github", "c")), None, None)
    network = Network(seen)
    assert [line.key for line in lines(network, str, wide=False)] == [
        "packages/official", "packages/b", "packages/a", "github/official", "github/c",
    ]  # fmt: skip
    fastest = sorted_next(network)
    assert fastest.sort == "speed"
    assert [line.cells[1] for line in lines(fastest, str, wide=False)][:3] == ["  a", "  b", "● official"]
    assert [line.cells[1] for line in lines(sorted_next(fastest), str, wide=False)][:3] == ["  a", "  b", "● official"]
    assert sorted_next(sorted_next(fastest)).sort == "listed"
    alone = filtered(network)
    assert {line.cells[0] for line in lines(alone, str, wide=True)} == {"packages"}
    kinds = [network]
    for _ in range(7):
        kinds.append(filtered(kinds[-1]))
    assert kinds[-1].kind is None
    assert bar(Probed("x", "y", 3, 10)) == "━━━─────── " + " 30%"
    assert bar(Probed("x", "y", 10, 10, over=True)).endswith("100% ■")
    assert [str(minutes_ago(each)) for each in (5, 59, 7200)] == ["just now", "1 min ago", "2 h ago"]


async def test_measuring_shows_a_bar_in_each_row_and_then_what_was_found(fake):
    network = FakeNetwork()
    async with app_of(fake, network.asks()).run_test(size=SIZE) as pilot:
        await until(pilot, "Press Enter to start.")
        pilot.app.go("network")
        await until(pilot, "not measured yet")
        await pilot.press("down", "down", "t")
        text = await until(pilot, "━━━━━━━━━━ 100% ■")
        assert "━━━━━─────  50%" in text
        assert "Measuring 3 places for x 1.0 …" in text
        assert "Stop measuring" in text
        screen = pilot.app.screen
        assert isinstance(screen, NetworkScreen)
        assert screen.network.probes["packages", "tencent"].rate == 2e6
        await pilot.press("enter", "a", "d")
        assert pilot.app.screen is screen, "nothing is changed while it is measured"
        network.go.set()
        text = await until(pilot, "35 ms")
        assert "cannot be reached" in text
        assert "at most 2.0 MB/s" in text
        assert screen.network.seen is network.after
        assert "aliyun" in str(screen.query_one("#mirrors").picked), "the cursor stays where it was"
    assert network.calls == ["measure packages torch huggingface modelscope github python"]


async def test_measuring_can_be_stopped_and_one_kind_be_measured_alone(fake):
    network = FakeNetwork()
    async with app_of(fake, network.asks()).run_test(size=SIZE) as pilot:
        await until(pilot, "Press Enter to start.")
        pilot.app.go("network")
        await until(pilot, "not measured yet")
        await pilot.press("f", "t")
        await until(pilot, "50%")
        await pilot.press("t")
        text = await until(pilot, "packages (f)")
        assert "━" not in text
        assert pilot.app.screen.network.error is None
        await pilot.press("t")
        await until(pilot, "50%")
        await pilot.press("escape")
        await until(pilot, "Press Enter to start.")
    assert network.calls == ["measure packages"] * 2


async def test_a_row_an_address_and_what_is_measured_are_chosen(fake):
    network = FakeNetwork()
    async with app_of(fake, network.asks()).run_test(size=SIZE) as pilot:
        await until(pilot, "Press Enter to start.")
        pilot.app.go("network")
        await until(pilot, "not measured yet")
        await pilot.press("down", "enter")
        text = await until(pilot, "Press Enter to start.")
        assert "✗ Not running." in text
        await pilot.press("down", "enter")
        await until(pilot, "● aliyun")
        await pilot.press("m", "a")
        await until(pilot, "An address of your own for packages")
        write(pilot, "http://mirror.example")
        await until(pilot, "does not begin with https://")
        await pilot.press("enter")
        assert isinstance(pilot.app.screen, AskScreen), "what is wrong is not kept"
        write(pilot, "https://m.example/simple")
        await pilot.press("enter")
        await until(pilot, "Measure")
        await pilot.press("d", "x", "1", "enter")
        await until(pilot, "A whole number is needed here")
        write(pilot, "512")
        await pilot.press("enter")
        await until(pilot, "at most 512 KB/s")
    assert network.calls == [
        "use packages tencent", "use packages aliyun", "use packages None", "use packages https://m.example/simple",
        "limit 512",
    ]  # fmt: skip


async def test_one_click_goes_to_a_row_and_two_take_it(fake):
    network = FakeNetwork()
    async with app_of(fake, network.asks()).run_test(size=SIZE) as pilot:
        await until(pilot, "Press Enter to start.")
        pilot.app.go("network")
        await until(pilot, "not measured yet")
        await pilot.click("#mirrors", offset=(20, 3))
        await pilot.pause()
        assert pilot.app.screen.query_one("#mirrors").picked == "packages/aliyun"
        assert network.calls == []
        await pilot.click("#mirrors", offset=(20, 3), times=2)
        await until(pilot, "● aliyun")
    assert network.calls == ["use packages aliyun"]


async def test_the_proxy_screen_tries_sets_and_takes_back(fake):
    proxies = FakeProxies()
    async with app_of(fake, proxies.asks()).run_test(size=SIZE) as pilot:
        await until(pilot, "Press Enter to start.")
        pilot.app.go("proxy")
        text = await until(pilot, "not tried yet")
        assert "variables of the environment: http://***@127.0.0.1:1 (this counts)" in text
        assert "s3cret" not in text
        assert "Always directly: github" in text
        assert re.search(r"packages +through the proxy", text)
        assert re.search(r"GitHub +directly", text), "what the source lets go past it"
        await pilot.press("t")
        text = await until(pilot, "it works, 0.4 s")
        assert "✓ directly: the proxy works" in text
        assert "✗ directly: no proxy is set for it" in text
        await pilot.press("m")
        await pilot.press("s")
        await until(pilot, "A proxy for Gesso")
        write(pilot, "socks5://")
        await pilot.press("enter")
        await until(pilot, "✗")
        write(pilot, "socks5://127.0.0.1:1080")
        await pilot.press("enter")
        await until(pilot, "Gesso's settings: socks5")
        screen = pilot.app.screen
        assert isinstance(screen, ProxyScreen)
        assert screen.ways.checked is None, "what was tried was tried with other settings"
        await pilot.press("m")
        await until(pilot, "No proxy is set")
        await pilot.press("o")
        await until(pilot, "7890 (this counts)")
        await pilot.press("x")
        await pilot.pause(0.2)
    assert proxies.calls == ["test", "set socks5://127.0.0.1:1080", "set None", "set 127.0.0.1:7890", "set none"]


async def test_a_setting_that_cannot_be_read_is_said(fake):
    def broken() -> ProxiesSeen:
        raise LauncherError("bad-settings", t("Not running."), t("Press Enter to start."))

    async with app_of(fake, replace(FakeProxies().asks(), look=broken)).run_test(size=SIZE) as pilot:
        await until(pilot, "Press Enter to start.")
        pilot.app.go("proxy")
        await until(pilot, "✗ Not running.")


@pytest.mark.parametrize("size", [SIZE, WIDE, (60, 20)])
@pytest.mark.parametrize("language", ["en", "zh"])
async def test_the_screens_in_both_languages_and_sizes(fake, language, size):
    network, proxies = FakeNetwork(), FakeProxies()
    network.seen = network.after
    place = Place(Workspace(Path("nowhere")), Options())
    wiring = Wiring(place, {NetworkAsks: network.asks(), ProxyAsks: proxies.asks()})
    async with GessoApp(fake.core(), language, wiring).run_test(size=size) as pilot:
        await until(pilot, "Gesso")
        pilot.app.go("network")
        text = await until(pilot, "35 ms")
        assert ("5 min ago" in text or "5 分钟前" in text) == (size == WIDE)
        assert "?" in text.splitlines()[-1]
        await pilot.press("p")
        await until(pilot, "127.0.0.1:7" if size[0] > 60 else "127.0.0.1")
        assert "s3cret" not in screen_text(pilot)


def test_the_real_network_is_looked_at_changed_and_taken_back(tmp_path, monkeypatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    workspace = Workspace(tmp_path)
    asks = NetworkAsks.real(Place(workspace, Options()))
    seen = asks.look()
    assert [each.kind for each in seen.tables][:3] == ["packages", "torch", "huggingface"]
    used = asks.use("huggingface", "hf-mirror")
    hub = next(each for each in used.tables if each.kind == "huggingface")
    assert hub.first is not None
    assert (hub.first.name, read_settings(workspace).mirrors.huggingface) == ("hf-mirror", "hf-mirror")
    with pytest.raises(LauncherError, match="bad-mirror"):
        asks.use("torch", "nobody")
    assert asks.limit(512).limit_kib == 512
    assert asks.limit(None).limit_kib is None
    assert asks.use("huggingface", None).tables[2].choice is not None
    assert read_settings(workspace).mirrors.huggingface is None


def test_the_real_proxy_is_set_and_taken_back(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    workspace = Workspace(tmp_path)
    asks = ProxyAsks.real(Place(workspace, Options()))
    assert asks.look().proxies.source == "environment"
    assert asks.set("127.0.0.1:7891").proxies.addresses == ("http://127.0.0.1:7891",)
    assert read_settings(workspace).proxy.address == "http://127.0.0.1:7891"
    assert asks.set("none").proxies.of("https://x.example/") is None
    assert asks.set(None).proxies.source == "environment"
    with pytest.raises(LauncherError, match="proxy-not-usable"):
        asks.set("http://a b")

"""Proxy, places and clock, with servers and proxies that are really asked."""

from __future__ import annotations

import shutil
import ssl
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from launcher.core.doctor import network
from launcher.core.doctor.ground import Ground
from launcher.core.doctor.network import of_clock, of_mirrors, proxy
from launcher.core.doctor.reach import Heard, Reach, Service, _validity, ask, reach
from launcher.core.download.request import TroubleError
from launcher.core.mends.mend import Here
from launcher.core.network.mirror_choice import Choice
from launcher.core.network.mirrors import KINDS, Kind, Mirror
from launcher.core.text import t
from tests.fakes.fake_proxy import PASSWORD, USER, FakeProxy
from tests.launcher.doctor.servers import nobody, server

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=timezone.utc)


def with_proxy(here: Here, address: str, name: str = "http_proxy") -> Ground:
    return Ground(Here(here.workspace, {**here.environ, name: address}), time.monotonic() + 6.0)


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service without encryption, so that a fake proxy can answer for it."""
    monkeypatch.setattr(network, "_PLACES", ("http://service.example/",))


def test_no_proxy(ground: Ground) -> None:
    assert str(proxy(ground).detail) == "None is set."


def test_a_proxy_that_works_and_one_without_its_scheme(here: Here) -> None:
    with FakeProxy("page") as working:
        found = proxy(with_proxy(here, working.url))
        assert (found.ok, found.fix) == (True, None)
        assert working.asked == ["service.example:80"]
        bare = proxy(with_proxy(here, working.place))
        assert bare.ok is True
        assert f"http://{working.place}" in str(bare.fix)


@pytest.mark.parametrize(("mode", "word"), [("gateway", "does not let"), ("password", "password")])
def test_a_proxy_that_lets_nothing_through(here: Here, mode: str, word: str) -> None:
    with FakeProxy(mode) as refusing:
        found = proxy(with_proxy(here, f"http://{USER}:wrong{PASSWORD}@{refusing.place}"))
        assert (found.ok, found.mend) == (False, "without-proxy")
        assert word in str(found.detail)
        assert PASSWORD not in f"{found.detail}{dict(found.values)}"


def test_a_proxy_that_takes_connections_and_then_falls_silent(here: Here) -> None:
    with FakeProxy("hangs") as silent:
        ground = with_proxy(here, silent.url)
        ground.until = time.monotonic() + 1.5
        found = proxy(ground)
    assert found.ok is None
    assert "gesso proxy test" in str(found.fix)


def test_a_proxy_that_is_dead(here: Here) -> None:
    with nobody() as address:
        found = proxy(with_proxy(here, address))
    assert (found.ok, found.mend) == (False, "without-proxy")
    assert "variables" in str(found.detail)
    # The mend takes `host` for what is to be reached.
    assert "host" not in found.values


def test_a_dead_proxy_where_another_port_listens(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    with nobody() as address, server() as other:
        port = int(other.rstrip("/").rpartition(":")[2])
        monkeypatch.setattr(network, "offers", lambda proxies: (port,))
        found = proxy(with_proxy(here, address))
    assert (found.ok, found.mend) == (False, "repair-proxy")
    assert str(port) in str(found.fix)


@pytest.mark.parametrize("written", ["vmess://abcdef", "http://:7890", "http://127.0.0.1:99999"])
def test_what_is_no_proxy(here: Here, written: str) -> None:
    found = proxy(with_proxy(here, written))
    assert (found.ok, found.mend) == (False, "repair-proxy")


def test_gessos_own_setting_that_is_no_proxy(here: Here, ground: Ground) -> None:
    here.workspace.config_file.write_text('[proxy]\naddress = "vmess://abc"\n', "utf-8")
    assert (proxy(ground).ok, proxy(ground).mend) == (False, "repair-proxy")
    here.workspace.config_file.write_text('[proxy]\naddress = "none"\n', "utf-8")
    assert "there is none" in str(proxy(ground).detail)


@pytest.mark.skipif(shutil.which("git") is None, reason="asks git")
def test_gits_own_proxy_and_pips_are_looked_at_too(here: Here, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "pip.conf").write_text("")
    with nobody() as address, FakeProxy("page") as working:
        at_home = {"HOME": str(home), "XDG_CONFIG_HOME": str(home), "PIP_CONFIG_FILE": str(home / "pip.conf")}
        there = Here(here.workspace, {**here.environ, **at_home})
        (home / ".gitconfig").write_text(f"[http]\n\tproxy = {working.url}\n")
        assert proxy(with_proxy(there, working.url)).ok is True
        (home / ".gitconfig").write_text(f"[http]\n\tproxy = {address.replace('//', '//me:pass@')}\n")
        for ground in (with_proxy(there, working.url), Ground(there, time.monotonic() + 6.0)):
            found = proxy(ground)
            assert (found.ok, found.mend) == (False, "without-proxy")
            assert "git's setting http.proxy" in str(found.detail)
            assert "pass" not in f"{found.detail}{dict(found.values)}"
        (home / ".gitconfig").unlink()
        (home / "pip.conf").write_text(f"[global]\nproxy = {address}\n")
        found = proxy(with_proxy(there, working.url))
        assert found.ok is True, "Gesso does not use it"
        assert "pip config unset" in str(found.fix)


def test_who_answers_and_what_time_it_is_there() -> None:
    with server(timedelta(hours=2)) as address:
        heard = ask(address, None, 5.0)
    assert heard.works
    assert abs((heard.ahead or timedelta()) + timedelta(hours=2)) < timedelta(seconds=20)
    with nobody() as address:
        silent = ask(address, None, 5.0)
    assert (silent.works, silent.ahead) == (False, None)
    assert str(silent.why)


def places(workspace_root: Path, address: str, kinds: tuple[Kind, ...]) -> None:
    """The user's own mirrors, all of them at `address`."""
    text = "".join(
        f'[[{kind}]]\nname = "mine"\ngroup = "mine"\nchecked = 2026-01-01\nurl = "{address}"\nstyle = "{style}"\n'
        for kind, style in (
            ("packages", "index"), ("torch", "index"), ("huggingface", "endpoint"), ("modelscope", "endpoint"),
            ("github", "prefix"), ("python", "release-folder"),
        )
        if kind in kinds
    )  # fmt: skip
    (workspace_root / "mirrors.toml").write_text(text, "utf-8")
    chosen = "".join(f'{kind} = "mine"\n' for kind in kinds)
    (workspace_root / "config.toml").write_text(f"[mirrors]\n{chosen}", "utf-8")


def test_the_place_that_counts_of_each_kind_is_asked(here: Here) -> None:
    with server() as address:
        places(here.workspace.root, address, KINDS)
        found = reach(here, time.monotonic() + 10.0)
    assert {each.kind for each in found.services} == set(KINDS)
    assert all(each.heard.works and each.host in address for each in found.services)
    assert of_clock(found, datetime.now(timezone.utc)).ok is True
    assert of_mirrors(found, ("packages", "torch")).ok is True


def test_a_place_that_is_silent_though_it_was_chosen(here: Here) -> None:
    with nobody() as address:
        places(here.workspace.root, address, KINDS)
        found = reach(here, time.monotonic() + 10.0)
    assert found.nothing


def service(kind: Kind, heard: Heard) -> Service:
    return Service(kind, f"{kind}.example", Choice(kind, (Mirror("official", "official", official=True),), "official",
                                                   t("There are none.")), heard)  # fmt: skip


DEAD, ALIVE = Heard(False, t("it fell silent")), Heard(True, ahead=timedelta(seconds=2))


def test_only_what_is_needed_is_wrong() -> None:
    some = Reach((service("packages", ALIVE), service("torch", DEAD), service("huggingface", DEAD),
                  service("modelscope", ALIVE), service("github", DEAD)))  # fmt: skip
    needed = of_mirrors(some, ("packages", "torch"))
    assert (needed.ok, needed.mend) == (False, "other-mirror")
    assert dict(needed.values) == {"kind": "torch", "host": "torch.example"}
    later = of_mirrors(some, ())
    assert later.ok is True
    assert "github.example" in str(later.detail)


def test_one_place_for_models_is_enough_and_none_is_not() -> None:
    none = Reach((service("packages", ALIVE), service("huggingface", DEAD), service("modelscope", DEAD)))
    found = of_mirrors(none, ())
    assert found.ok is False
    assert found.values["kind"] == "huggingface"
    assert "modelscope.example" in str(found.detail)


@pytest.mark.parametrize(
    ("ahead", "ok", "word"),
    [(timedelta(seconds=90), True, "90"), (timedelta(hours=8), False, "480 minutes fast"),
     (timedelta(minutes=-20), False, "20 minutes slow")],
)  # fmt: skip
def test_a_clock_beside_the_servers(ahead: timedelta, ok: bool, word: str) -> None:
    # One server may be wrong itself.
    told = [ahead, ahead, timedelta(days=300)]
    found = of_clock(Reach(tuple(service("github", Heard(True, ahead=each)) for each in told)), NOW)
    assert found.ok is ok
    assert word in str(found.detail)


def test_a_clock_that_no_certificate_agrees_with() -> None:
    early = Heard(False, t("it fell silent"), validity="early")
    both = Reach((service("github", early), service("huggingface", early)))
    assert of_clock(both, NOW).ok is False
    assert of_clock(Reach((service("github", early),)), NOW).ok is None, "one server may have an old certificate"
    assert of_clock(Reach((service("github", DEAD),)), NOW).ok is None


def test_a_clock_from_before_gesso_was_made() -> None:
    found = of_clock(Reach((service("github", DEAD),)), datetime(2015, 1, 1, tzinfo=timezone.utc))
    assert found.ok is False
    assert "2015-01-01" in str(found.detail)


def test_a_certificate_that_has_run_out_is_told_from_others() -> None:
    def trouble(words: str) -> TroubleError:
        made = TroubleError("certificate", t("the encrypted connection to it cannot be trusted"))
        made.__cause__ = ssl.SSLCertVerificationError(1, f"certificate verify failed: {words} (_ssl.c:1006)")
        return made

    assert _validity(trouble("certificate is not yet valid")) == "early"
    assert _validity(trouble("certificate has expired")) == "late"
    assert _validity(trouble("self-signed certificate")) is None

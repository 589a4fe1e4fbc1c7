"""`gesso proxy` as a user calls it: what is shown, set and tried; no password on the screen."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from launcher.__main__ import main
from launcher.core.network import proxies, proxy_check
from tests.fakes.fake_proxy import PASSWORD, USER, FakeProxy

Call = Callable[..., tuple[int, str]]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """The verb in a workspace with an awkward name; neither this computer's proxies nor its programs count."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(proxies, "ask_system", lambda environ: ())
    monkeypatch.setattr(proxy_check, "USUAL_PORTS", ())
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null" if sys.platform != "win32" else "nul")

    def called(*words: str) -> tuple[int, str]:
        code = main(["--root", str(tmp_path / "我的 画图 (新)"), "proxy", *words])
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return code, said.out + ("" if code == 0 else said.err)

    return called


def answer(call: Call, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(call(*words, "--json")[1].splitlines()[0])
    return found


def test_set_and_shown(call: Call, tmp_path: Path) -> None:
    assert call("set", f"{USER}:{PASSWORD}@127.0.0.1：7890")[0] == 0
    code, said = call("show")
    assert code == 0
    assert "http://***@127.0.0.1:7890" in said
    assert PASSWORD not in said + str(answer(call, "show"))
    assert f"{USER}:{PASSWORD}@" in (tmp_path / "我的 画图 (新)/config.toml").read_text(encoding="utf-8")
    assert answer(call, "show")["source"] == "settings"
    assert answer(call, "set", "none") == {"address": "none"}
    assert answer(call, "show")["sources"][0]["none"] is True
    assert answer(call, "set", "auto") == {"address": None}
    assert answer(call, "show")["source"] is None


def test_what_is_no_proxy_is_not_set(call: Call) -> None:
    code, said = call("set", "vmess://c2VjcmV0")
    assert code == 1
    assert "[proxy-not-usable]" in said
    assert "c2VjcmV0" not in said
    assert answer(call, "show")["sources"] == []


def test_every_source_is_shown_and_one_counts(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "socks://127.0.0.1:1080")
    monkeypatch.setenv("http_proxy", "ftp://h")
    monkeypatch.setenv("PIP_PROXY", "http://pip:1")
    found = answer(call, "show")
    assert found["source"] == "environment"
    first, second = found["sources"]
    assert (first["https"], first["http"], first["counts"]) == ("socks5h://127.0.0.1:1080", None, True)
    assert "ftp is no kind of proxy" in first["problems"][0]
    assert (second["source"], second["counts"]) == ("pip", False)
    assert "ftp is no kind of proxy" in call("show")[1]


def test_a_listening_port_is_offered_and_not_used(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeProxy() as proxy:
        port = int(proxy.place.rpartition(":")[2])
        monkeypatch.setattr(proxy_check.offers, "__defaults__", ((port,),))
        found = answer(call, "show")
        assert (found["offers"], found["source"]) == ([port], None)
        assert f"gesso proxy set 127.0.0.1:{port}" in call("show")[1]
        assert proxy.asked == []


def test_tried_by_use(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The local network never goes through a proxy, so the service needs a name that is not of it.
    monkeypatch.setattr("launcher.core.network.proxies.passes_by", lambda url, rules: False)
    service = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    threading.Thread(target=service.serve_forever, args=(0.05,), daemon=True).start()
    with contextlib.closing(service.socket), FakeProxy() as proxy:
        url = f"http://127.0.0.1:{service.server_port}/file"
        assert answer(call, "test", url)["services"][0]["way"] == "direct"
        monkeypatch.setenv("http_proxy", proxy.url)
        (found,) = answer(call, "test", url)["services"]
        assert (found["way"], found["proxy"]["kind"], found["direct"]["kind"]) == ("proxy", "works", "works")
        proxy.close()
        (found,) = answer(call, "test", url)["services"]
        assert (found["way"], found["proxy"]["kind"], found["works"]) == ("direct", "refused", True)
        assert "gone round" in call("test", url)[1]
        call("set", proxy.url)
        code, said = call("test", url)
        assert code == 1
        assert "the settings say so" in said
        service.shutdown()


@pytest.mark.parametrize("words", [("test", "ftp://x"), ("test", "nonsense"), ("set",), ("frobnicate",), ()])
def test_nonsense_is_usage(call: Call, words: tuple[str, ...]) -> None:
    code, said = call(*words)
    assert code == 2
    assert "[usage]" in said

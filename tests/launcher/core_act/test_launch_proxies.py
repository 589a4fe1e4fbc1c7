"""The proxies that the engine is started with: alive, of a kind that its libraries read, never for loopback."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from launcher.core.paths import Workspace
from launcher.core.serving.command_line import CommandLine
from launcher.core.serving.launch import _variables
from launcher.core.settings import change_setting
from tests.fakes.fake_proxy import FakeProxy


@pytest.fixture(autouse=True)
def _no_desktop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("launcher.core.network.proxies.ask_system", lambda environ: ())


def started(workspace: Workspace, environ: dict[str, str], variables: dict[str, str] | None = None) -> dict[str, str]:
    return _variables(workspace, CommandLine((), variables or {}), environ)


def test_a_proxy_that_lives_is_passed_on_and_a_dead_one_is_not(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with FakeProxy() as proxy:
        living = started(workspace, {"https_proxy": proxy.place})
        assert living["https_proxy"] == living["HTTPS_PROXY"] == proxy.url
        assert "127.0.0.1" in living["no_proxy"].split(",")
    dead = started(workspace, {"https_proxy": proxy.place})
    assert dead["https_proxy"] == dead["HTTPS_PROXY"] == ""


@pytest.mark.parametrize("name", ["ALL_PROXY", "all_proxy", "http_proxy"])
def test_no_socks_reaches_the_engine(tmp_path: Path, name: str) -> None:
    with FakeProxy("socks") as proxy:
        told = started(Workspace(tmp_path), {name: proxy.url.replace("socks5h", "socks")})
    assert not [value for each, value in told.items() if each.lower().endswith("_proxy") and "socks" in value]


def test_the_profiles_variables_and_the_setting_count(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with FakeProxy() as mine, FakeProxy() as other:
        assert started(workspace, {"https_proxy": other.url}, {"https_proxy": mine.url})["https_proxy"] == mine.url
        change_setting(workspace, "proxy.address", other.url)
        assert started(workspace, {"https_proxy": mine.url})["HTTPS_PROXY"] == other.url
        change_setting(workspace, "proxy.address", "none")
        assert started(workspace, {"https_proxy": mine.url})["https_proxy"] == ""


@pytest.mark.skipif("ENGINE_PYTHON" not in os.environ, reason="asks httpx, which only the engine has")
@pytest.mark.parametrize(
    "environ",
    [
        {"ALL_PROXY": "socks://127.0.0.1:1080"},
        {"https_proxy": "vmess://x", "no_proxy": "[::1],fe80::/10,例え.cn"},
        {"NO_PROXY": "<local>;host:*", "http_proxy": "u:p#x@127.0.0.1:9"},
    ],
)
def test_httpx_can_be_used_with_them(tmp_path: Path, environ: dict[str, str]) -> None:
    told = {**started(Workspace(tmp_path), {**environ, "PATH": os.environ["PATH"]})}
    code = "import httpx; httpx.Client().close(); httpx.AsyncClient()"
    subprocess.run([os.environ["ENGINE_PYTHON"], "-c", code], env=told, check=True, timeout=60)
    bare = subprocess.run(
        [os.environ["ENGINE_PYTHON"], "-c", code],
        env={"PATH": os.environ["PATH"], **environ}, capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    assert bare.returncode, "what is mended would have failed"

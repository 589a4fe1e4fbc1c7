"""The fault server itself: where it claims to be honest it is, for files, packages and git."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from launcher.core.download.door import Address, Patience, Wanted, download
from launcher.core.errors import LauncherError
from tests.fakes.certificates import self_signed
from tests.fakes.fault_modes import MODES
from tests.fakes.fault_server import FaultServer
from tests.fakes.fault_sockets import SOCKET_MODES

DATA = bytes(range(256)) * 100


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    served = tmp_path / "served"
    (served / "simple" / "thing").mkdir(parents=True)
    (served / "simple" / "thing" / "thing-1.0-py3-none-any.whl").write_bytes(DATA)
    return served


@pytest.fixture
def server(folder: Path) -> Iterator[FaultServer]:
    with FaultServer(folder) as server:
        yield server


def get(server: FaultServer, mode: str, path: str, method: str = "GET", **headers: str) -> requests.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.request(method, server.url(mode, path), headers=named, timeout=10, proxies={"http": ""})


WHEEL = "simple/thing/thing-1.0-py3-none-any.whl"


def test_each_mode_says_in_one_line_what_it_does() -> None:
    for function in (*MODES.values(), *SOCKET_MODES.values()):
        assert function.__doc__
        assert "\n" not in function.__doc__
    assert len(MODES) + len(SOCKET_MODES) >= 25


def test_ranges_and_validators_are_honest(server: FaultServer) -> None:
    whole = get(server, "ok", WHEEL)
    assert (whole.status_code, whole.content) == (200, DATA)
    tag = whole.headers["ETag"]
    part = get(server, "ok", WHEEL, Range="bytes=100-199", If_Range=tag)
    assert (part.status_code, part.content) == (206, DATA[100:200])
    assert part.headers["Content-Range"] == f"bytes 100-199/{len(DATA)}"
    assert get(server, "ok", WHEEL, Range="bytes=-10").content == DATA[-10:]
    assert get(server, "ok", WHEEL, Range="bytes=100-", If_Range='"other"').status_code == 200
    assert get(server, "ok", WHEEL, Range="bytes=999999-").headers["Content-Range"] == f"bytes */{len(DATA)}"
    assert get(server, "ok", WHEEL, "HEAD").headers["Content-Length"] == str(len(DATA))
    assert get(server, "no-head", WHEEL, "HEAD").status_code == 405


def test_it_counts_what_it_sends(server: FaultServer) -> None:
    get(server, "ok", WHEEL, Range="bytes=100-199")
    assert [(each.path, each.start, each.sent) for each in server.requests] == [(WHEEL, 100, 100)]
    assert server.sent("ok") == 100


def test_nothing_outside_the_folder_is_served(server: FaultServer) -> None:
    assert get(server, "ok", "%2e%2e/secret").status_code == 404
    assert get(server, "ok", "none").status_code == 404


def test_a_folder_is_a_page_of_a_simple_index(server: FaultServer) -> None:
    page = get(server, "ok", "simple/thing/").text
    assert f'<a href="thing-1.0-py3-none-any.whl#sha256={hashlib.sha256(DATA).hexdigest()}">' in page


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not there")
def test_git_clones_from_it(server: FaultServer, folder: Path, tmp_path: Path) -> None:
    environ = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "NO_PROXY": "127.0.0.1"}

    def git(*words: Any) -> int:
        command = ["git", "-c", "user.name=x", "-c", "user.email=x@y", *map(str, words)]
        return subprocess.run(command, env=environ, capture_output=True, check=False).returncode

    work, bare = tmp_path / "work", folder / "repo.git"
    assert git("init", "-q", work) == 0
    (work / "file").write_text("content")
    assert git("-C", work, "add", ".") == 0
    assert git("-C", work, "commit", "-qm", "first") == 0
    assert git("clone", "-q", "--bare", work, bare) == 0
    assert git("-C", bare, "update-server-info") == 0
    assert git("clone", "-q", server.url("ok", "repo.git"), tmp_path / "cloned") == 0
    assert (tmp_path / "cloned" / "file").read_text() == "content"
    for mode in ("404", "html", "500", "wrong-bytes"):
        assert git("clone", "-q", server.url(mode, "repo.git"), tmp_path / mode) != 0, mode


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For 127.0.0.1, signed by itself."""
    return self_signed(tmp_path_factory.mktemp("certificate"))


@pytest.mark.parametrize(
    ("mode", "trusted", "code"),
    [("ok", True, None), ("ok", False, "download-certificate"), ("redirect-plain", True, "download-redirects")],
)
def test_encrypted_connections(
    mode: str, trusted: bool, code: str | None, certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is trusted whom the user's authorities do not know, and no redirect leads out of the encryption."""
    if trusted:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with FaultServer(DATA, certificate=certificate) as server:
        address = Address(server.url(mode, "m.bin"))
        wanted = Wanted("m", tmp_path / "m.bin", (address,), hashlib.sha256(DATA).hexdigest())
        if code is None:
            list(download(wanted))
            assert wanted.target.read_bytes() == DATA
            return
        with pytest.raises(LauncherError) as failure:
            list(download(wanted, patience=Patience(pause=0.01)))
        assert failure.value.code == code

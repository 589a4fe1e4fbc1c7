"""A mirror that fails in every way of the fault server: git goes on elsewhere, and nothing wrong is ever laid out."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from launcher.core.errors import LauncherError
from launcher.core.update import find as update_find
from launcher.core.update import source as update_source
from launcher.core.update.find import Wish
from launcher.core.update.source import Source
from launcher.core.update.update import find_update
from tests.fakes.fault_modes import MODES
from tests.fakes.fault_server import FaultServer
from tests.fakes.fault_sockets import SOCKET_MODES
from tests.launcher.update.conftest import Copy, Upstream, clone, git, through

EVERY = sorted({**MODES, **SOCKET_MODES})
#: each costs the whole patience, and the other test has them
SILENT = {"endless", "silent", "header-trickle", "slow-first-byte", "trickle", "connect-hang"}
#: a list of tags that lost its end bears no mark of it where plain files are served
SHORT = {"no-length-cut", "says-shorter", "truncated"}


@pytest.fixture(scope="module")
def served(first: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultServer]:
    folder = tmp_path_factory.mktemp("served")
    git(first, "clone", "-q", "--bare", "--template=", first.as_uri(), str(folder / "gesso.git"))
    git(folder / "gesso.git", "update-server-info")
    with FaultServer(folder) as server:
        yield server


@pytest.fixture(scope="module")
def template(first: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone whose branch stands at 0.1.0."""
    return clone(Upstream(first), tmp_path_factory.mktemp("clone") / "c").root


@pytest.fixture
def copy(template: Path, tmp_path: Path, served: FaultServer, monkeypatch: pytest.MonkeyPatch) -> Copy:
    """A clone of the server's healthy address, without patience."""
    from tests.launcher.update.conftest import copy_at

    monkeypatch.setattr(update_source, "_PATIENCE", 1.5)
    monkeypatch.setattr(update_source, "_SILENCE", 1.0)
    root = Path(shutil.copytree(template, tmp_path / "c"))
    git(root, "config", "remote.origin.url", served.url("ok", "gesso.git"))
    return copy_at(root, tmp_path / "w")


def faulty(served: FaultServer, mode: str) -> Source:
    return Source("faulty", "faulty", served.url(mode, "gesso.git"), replaces=served.url("ok", "gesso.git"))


@pytest.mark.parametrize("mode", EVERY)
def test_another_source_takes_its_place(
    copy: Copy, served: FaultServer, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    sources = (faulty(served, mode), Source("official", "official", trusted=True))
    monkeypatch.setattr(update_find, "find_sources", lambda *_: sources)
    found = through(find_update(copy.place))
    assert found.version == "0.2.0"
    assert found.staged is not None
    assert (found.staged / "docs/说明 (v).md").read_text(encoding="utf-8") == "0.2.0"
    assert (found.staged / "launcher/new file.py").read_text() == "new"
    assert git(copy.root, "status", "--porcelain") == ""


@pytest.mark.parametrize("mode", sorted(set(EVERY) - SILENT))
def test_alone_it_is_named_or_gives_the_right_thing(
    copy: Copy, served: FaultServer, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setattr(update_find, "find_sources", lambda *_: (faulty(served, mode),))
    found, error = None, None
    try:
        found = through(find_update(copy.place, Wish(trust_mirror=True)))
    except LauncherError as raised:
        error = raised
    if error is not None:
        assert error.code in ("no-network", "update-no-releases"), error
        assert str(error.hint)
    elif found is not None and found.version is None:
        assert mode in SHORT
    elif found is not None:
        assert found.version == "0.2.0"
        assert found.staged is not None
        assert (found.staged / "launcher/new file.py").read_text() == "new"
    assert git(copy.root, "status", "--porcelain") == ""


def test_a_proxy_is_passed_on(copy: Copy) -> None:
    place = replace(copy.place, environ={**copy.place.environ, "http_proxy": "http://127.0.0.1:9"})
    with pytest.raises(LauncherError, match="no-network"):
        through(find_update(place))

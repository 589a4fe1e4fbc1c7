"""Wheels come over the network one by one, continued and judged by their SHA-256, and are installed without it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from launcher.core.download.door import Address, download
from launcher.core.environments.environments import current
from launcher.core.errors import LauncherError
from launcher.core.events import Event, Notice, Progress
from launcher.core.install import prefetch
from launcher.core.install.install import Making, install
from launcher.core.install.lock import install_lock
from launcher.core.install.prefetch import fetch
from launcher.core.packages.wheels import WheelFile
from launcher.core.paths import Workspace
from launcher.core.process import CancelledError, python_in
from tests.fakes.fault_server import FaultServer
from tests.launcher.core_act.test_download import ALONE, BRIEF
from tests.launcher.core_act.workshop import PROOF, from_wheel, lock_of, plan_with, sha256, wheel

NOISE = "".join(str(number) for number in range(60_000))


class Shop:
    """torch in a folder; one more package at an index, whose page is right and whose file comes in any mode."""

    def __init__(self, tmp_path: Path, workspace: Workspace, environ: dict[str, str], server: FaultServer) -> None:
        self.workspace, self.server, self.environ = workspace, server, environ
        self.torch = wheel(tmp_path / "links", "torch", "2.13.0")
        self.tiny = wheel(tmp_path / "index" / "files", "tiny", "1.0", text=NOISE)
        self.lock = lock_of(tmp_path / "engine.txt", self.tiny)

    def lead_to(self, mode: str) -> None:
        page = self.tiny.parents[1] / "tiny" / "index.html"
        page.parent.mkdir(exist_ok=True)
        address = self.server.url(mode, f"files/{self.tiny.name}")
        page.write_text(f'<a href="{address}#sha256={sha256(self.tiny)}">{self.tiny.name}</a>')

    def install(self, mode: str = "ok", index: str = "ok", *, anew: bool = False, **more: str) -> list[Event]:
        self.lead_to(mode)
        environ = {**self.environ, "PIP_INDEX_URL": self.server.url(index).rstrip("/"), **more}
        plan = plan_with(from_wheel(self.torch))
        making = Making(anew=anew)
        return list(install(plan, self.workspace, environ=environ, lock=self.lock, proof=PROOF, making=making))

    def fails(self, mode: str = "ok", index: str = "ok") -> LauncherError:
        with pytest.raises(LauncherError) as failure:
            self.install(mode, index)
        assert current(self.workspace) is None
        assert not [each for each in self.workspace.environments.iterdir() if each.is_dir()]
        assert not (self.workspace.cache / "wheels" / self.tiny.name).exists()
        return failure.value

    def works(self) -> bool:
        folder = current(self.workspace)
        return folder is not None and not subprocess.run([python_in(folder), "-c", "import torch, tiny"]).returncode

    def asked(self) -> int:
        """How often the file was."""
        return sum(each.path.endswith(".whl") for each in self.server.requests)


@pytest.fixture
def shop(
    tmp_path: Path, workspace: Workspace, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Shop]:
    monkeypatch.setattr(prefetch, "download", partial(download, patience=BRIEF))
    (tmp_path / "index").mkdir()
    with FaultServer(tmp_path / "index") as server:
        yield Shop(tmp_path, workspace, {**environ, "UV_HTTP_TIMEOUT": "1"}, server)


def slugs(events: list[Event]) -> list[str]:
    return [event.slug for event in events if isinstance(event, Notice)]


def test_a_package_is_fetched_into_the_wheelhouse_and_installed_from_there(shop: Shop) -> None:
    events = shop.install()
    assert shop.works()
    assert (shop.workspace.cache / "wheels" / shop.tiny.name).read_bytes() == shop.tiny.read_bytes()
    told = [event for event in events if isinstance(event, Progress) and event.name == "packages"]
    assert told[-1].done == told[-1].total == shop.tiny.stat().st_size
    assert "wheels-by-uv" not in slugs(events)


@pytest.mark.parametrize("more", [{}, {"PIP_EXTRA_INDEX_URL": "file:///nowhere/simple"}], ids=["one index", "two"])
def test_a_second_environment_asks_nobody_and_shares_the_files_of_the_first(shop: Shop, more: dict[str, str]) -> None:
    shop.environ.update(more)
    shop.install()
    before = len(shop.server.requests)
    shop.install(anew=True)
    assert len(shop.server.requests) == before
    folder = current(shop.workspace)
    assert folder is not None
    assert folder.name.endswith("-2")
    (module,) = folder.glob("lib/python3*/site-packages/tiny/__init__.py")
    assert module.stat().st_nlink > 1 or sys.platform == "win32"


def test_the_users_own_folder_serves_without_a_copy_and_without_a_network(shop: Shop) -> None:
    events = shop.install(index="404", PIP_FIND_LINKS=str(shop.tiny.parent))
    assert shop.works()
    assert not list((shop.workspace.cache / "wheels").glob("*.whl"))
    assert "wheels-by-uv" not in slugs(events)


def fetched(shop: Shop, house: Path, *urls: str) -> str:
    """`there`, or the code with which it ended."""
    digest = sha256(shop.tiny)
    file = WheelFile("tiny", "1.0", shop.tiny.name, urls[0], digest, shop.tiny.stat().st_size)
    places = tuple(Address(url, f"group-{number}", f"place {number}") for number, url in enumerate(urls))
    code = "there"
    try:
        list(fetch("packages", [file], house, lambda _: places))
    except LauncherError as error:
        code = error.code
    assert (house / file.name).exists() == (code == "there")
    assert code != "there" or sha256(house / file.name) == digest
    return code


def test_a_package_in_every_mode_of_the_fault_server(shop: Shop, tmp_path: Path) -> None:
    """From one address as every download: whole, or refused with its code. With another group behind it: whole."""
    path, right = f"files/{shop.tiny.name}", shop.server.url("ok", f"files/{shop.tiny.name}")
    # One that trickles for ever is left only where there is another place.
    urls = {mode: shop.server.url(mode, path) for mode in (*ALONE, "trickle")}
    with ThreadPoolExecutor(12) as pool:
        alone = pool.map(lambda mode: fetched(shop, tmp_path / f"1-{mode}", urls[mode]), ALONE)
        both = pool.map(lambda mode: fetched(shop, tmp_path / f"2-{mode}", urls[mode], right), urls)
        ends = dict(zip(ALONE, alone, strict=True))
        assert {mode for mode, code in ALONE.items() if ends[mode] != (code or "there")} <= {"captive"}
        assert ends["captive"].startswith("download-"), "its login page is not in this folder"
        assert set(both) == {"there"}


@pytest.mark.parametrize("mode", ["html", "wrong-bytes", "truncated", "404", "500", "refused"])
def test_a_file_that_does_not_come_ends_the_install_with_a_sentence_and_leaves_nothing(shop: Shop, mode: str) -> None:
    error = shop.fails(mode)
    assert error.code.startswith("download-")
    assert shop.tiny.name in str(error.message)
    assert str(error.hint)
    # uv believes a page for ten minutes; here it leads elsewhere at once.
    shop.environ["UV_CACHE_DIR"] += "-2"
    shop.install()
    assert shop.works(), "and the next run continues"


@pytest.mark.parametrize(
    ("index", "code"),
    [
        ("404", "package-not-found"), ("html", "package-not-found"), ("500", "source-refused"),
        ("silent", "no-network"), ("refused", "no-network"),
    ],
)  # fmt: skip
def test_an_index_that_does_not_answer_is_said(shop: Shop, index: str, code: str) -> None:
    assert shop.fails(index=index).code == code


def test_a_file_that_needs_a_password_nobody_gave_is_left_to_uv_which_may_know_it(shop: Shop) -> None:
    """A keyring, or a netrc file: uv asks those, and here has none."""
    shop.lead_to("401")
    heard: list[Event] = []
    environ = {**shop.environ, "PIP_INDEX_URL": shop.server.url("ok").rstrip("/")}
    with pytest.raises(LauncherError) as failure:
        heard.extend(
            iter(
                install(plan_with(from_wheel(shop.torch)), shop.workspace, environ=environ, lock=shop.lock, proof=PROOF)
            )
        )
    assert failure.value.code == "source-refused"
    assert "401" in str(failure.value.message)


def test_an_index_without_hashes_serves_too_for_the_lock_has_them(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.lead_to("ok")
    page = shop.tiny.parents[1] / "tiny" / "index.html"
    page.write_text(f'<a href="{shop.server.url("ok", f"files/{shop.tiny.name}")}">{shop.tiny.name}</a>')
    monkeypatch.setattr(shop, "lead_to", lambda mode: None)
    shop.install()
    assert shop.works()


def test_a_proxy_that_hangs_is_gone_round_or_said(shop: Shop) -> None:
    """Loopback is never asked through a proxy, so that the file itself comes whatever the proxy does."""
    proxy = shop.server.url("silent")
    shop.install(HTTP_PROXY=proxy, HTTPS_PROXY=proxy, http_proxy=proxy, https_proxy=proxy)
    assert shop.works()


def test_it_stops_at_once_when_asked_and_keeps_what_came(shop: Shop, tmp_path: Path) -> None:
    cancel = threading.Event()
    url = shop.server.url("rate=200000", f"files/{shop.tiny.name}")
    file = WheelFile("tiny", "1.0", shop.tiny.name, url, sha256(shop.tiny))
    began = time.monotonic()
    events = fetch("packages", [file], tmp_path / "house", lambda _: (Address(url),), cancel=cancel)
    next(event for event in events if isinstance(event, Progress) and event.done)
    cancel.set()
    with pytest.raises(CancelledError):
        list(events)
    assert time.monotonic() - began < 10
    assert (tmp_path / "house" / f"{file.name}.gesso-part").stat().st_size > 0
    before = len(shop.server.requests)
    list(
        fetch("packages", [file], tmp_path / "house", lambda _: (Address(shop.server.url("ok", url.split("/", 4)[4])),))
    )
    assert shop.server.requests[before:]


def test_several_files_come_side_by_side_and_the_first_error_ends_the_others(shop: Shop, tmp_path: Path) -> None:
    digest = sha256(shop.tiny)
    good = shop.server.url("rate=300000", f"files/{shop.tiny.name}")
    files = [WheelFile(str(n), "1", f"{n}.whl", good, digest, shop.tiny.stat().st_size) for n in range(8)]
    bad = WheelFile("bad", "1", "bad.whl", shop.server.url("404", "files/bad.whl"), digest, 10**9)
    with pytest.raises(LauncherError, match="bad"):
        list(fetch("packages", [*files, bad], tmp_path / "house", lambda file: (Address(file.url),)))
    list(fetch("packages", files, tmp_path / "house", lambda file: (Address(file.url.replace("rate=300000", "ok")),)))
    assert len(list((tmp_path / "house").glob("*.whl"))) == 8
    assert threading.active_count() < 20


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="needs a tiny file system")
@pytest.mark.parametrize("options", ["size=200k", "ro"])
def test_a_full_disk_and_a_read_only_folder_are_named(shop: Shop, tmp_path: Path, options: str) -> None:
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(small)], capture_output=True).returncode:
        pytest.skip("no file system may be mounted here")
    try:
        url = shop.server.url("ok", f"files/{shop.tiny.name}")
        assert fetched(shop, small / "wheels", url) == ("no-permission" if options == "ro" else "disk-full")
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_second_launcher_is_told_of_the_first(shop: Shop) -> None:
    with install_lock(shop.workspace), pytest.raises(LauncherError) as failure:
        shop.install()
    assert failure.value.code == "install-running"
    assert str(os.getpid()) in str(failure.value.message)

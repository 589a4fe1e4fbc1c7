"""The real uv, real environments, wheels of a few bytes from a folder or an index on the loopback."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from launcher.core.environments.environments import current, finished, installed
from launcher.core.errors import LauncherError
from launcher.core.events import Event, Notice, Step
from launcher.core.install import install as installing
from launcher.core.install.install import install
from launcher.core.paths import Workspace, checkout
from launcher.core.plan.plan import Finding, Plan
from launcher.core.process import python_in
from launcher.core.settings import change_setting
from launcher.core.text import t
from tests.launcher.core_act.workshop import (
    PROOF,
    from_index,
    from_wheel,
    index,
    lock_of,
    plan_with,
    sha256,
    stamp_text,
    wheel,
)


class Shop:
    """Wheels, a lock, and an install of them."""

    def __init__(self, tmp_path: Path, workspace: Workspace, environ: dict[str, str]) -> None:
        self.workspace, self.links = workspace, tmp_path / "links-中"
        self.torch = wheel(self.links, "torch", "2.13.0", needs=("tiny",))
        self.tiny = wheel(self.links, "tiny", "1.0")
        self.lock = lock_of(tmp_path / "engine.txt", self.tiny)
        self.environ = {**environ, "PIP_FIND_LINKS": str(self.links), "PIP_NO_INDEX": "1"}

    def install(self, plan: Plan | None = None) -> list[Event]:
        plan = plan or plan_with(from_wheel(self.torch))
        if plan.torch.index:
            # no mirror on the network is to be measured for a test's torch
            change_setting(self.workspace, "mirrors.torch", "official")
        return list(install(plan, self.workspace, environ=self.environ, lock=self.lock, proof=PROOF))

    def fails(self, plan: Plan | None = None) -> LauncherError:
        with pytest.raises(LauncherError) as failure:
            self.install(plan)
        return failure.value


@pytest.fixture
def shop(tmp_path: Path, workspace: Workspace, environ: dict[str, str]) -> Shop:
    return Shop(tmp_path, workspace, environ)


def states(events: list[Event]) -> list[tuple[str, str]]:
    return [(event.name, event.state) for event in events if isinstance(event, Step)]


def test_an_environment_is_made_filled_proven_and_put_to_use(shop: Shop) -> None:
    events = shop.install()
    names = ["environment", "torch", "packages", "verify", "switch"]
    assert states(events) == [(name, state) for name in names for state in ("started", "done")]
    folder = current(shop.workspace)
    assert folder is not None
    assert folder.name == "torch-2.13.0-cpu-1"
    command = [str(python_in(folder)), "-c", "import torch, tiny; print(torch.__version__, tiny.__version__)"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "2.13.0 1.0\n"
    stamped = stamp_text(folder)
    assert stamped["sha256"] == [sha256(shop.torch)]
    assert stamped["lock_sha256"] == sha256(shop.lock)
    assert installed(shop.workspace).verified


def test_a_lock_that_an_update_replaces_meanwhile_is_not_what_was_installed(shop: Shop) -> None:
    before = sha256(shop.lock)
    for event in install(plan_with(from_wheel(shop.torch)), shop.workspace, environ=shop.environ, lock=shop.lock,
                         proof=PROOF):  # fmt: skip
        if isinstance(event, Step) and (event.name, event.state) == ("verify", "started"):
            lock_of(shop.lock, shop.tiny, wheel(shop.links, "other", "1.0"))
    folder = current(shop.workspace)
    assert folder is not None
    assert stamp_text(folder)["lock_sha256"] == before != sha256(shop.lock), "so the plan says what is to do"


def test_the_first_use_of_a_source_is_shown_and_pinned_and_the_second_is_not_news(shop: Shop) -> None:
    first = [event for event in shop.install() if isinstance(event, Notice)]
    assert [notice.slug for notice in first] == ["torch-pinned"]
    assert str(shop.links) in str(first[0].text)
    wheel(shop.links, "tiny", "1.1")
    lock_of(shop.lock, shop.links / "tiny-1.1-py3-none-any.whl")
    second = shop.install()
    assert not [event for event in second if isinstance(event, Notice)]
    assert current(shop.workspace) == shop.workspace.environments / "torch-2.13.0-cpu-2"


def test_nothing_missing_is_nothing_done(shop: Shop) -> None:
    events = shop.install(plan_with(from_wheel(shop.torch), state="done"))
    assert {state for _, state in states(events)} == {"skipped"}
    assert not shop.workspace.root.exists()


def test_another_file_of_the_same_name_is_refused_the_second_time(shop: Shop) -> None:
    shop.install()
    before = current(shop.workspace)
    wheel(shop.links, "torch", "2.13.0", text="changed")
    lock_of(shop.lock, shop.tiny, shop.torch)
    assert shop.fails().code == "hash-mismatch"
    assert current(shop.workspace) == before
    assert finished(shop.workspace) == [before]


def test_a_package_whose_hash_the_lock_does_not_allow_is_refused(shop: Shop) -> None:
    wheel(shop.links, "tiny", "1.0", text="somebody else's")
    error = shop.fails()
    assert error.code == "hash-mismatch"
    assert "tiny==1.0" in str(error.message)
    assert current(shop.workspace) is None
    assert not list(shop.workspace.environments.iterdir())


def test_a_package_that_the_source_does_not_have_is_named(shop: Shop) -> None:
    shop.tiny.unlink()
    error = shop.fails()
    assert error.code == "package-not-found"
    assert "tiny" in str(error.message)


def test_torch_from_an_index_is_pinned_by_what_the_index_served(shop: Shop, tmp_path: Path) -> None:
    pages = tmp_path / "pages"
    wheel(pages / "torch", "torch", "2.13.99", needs=("tiny", "cublas"))
    wheel(pages / "cublas", "cublas", "1.0")
    with index(pages) as url:
        plan = plan_with(from_index(url, "2.13.99"))
        shop.install(plan)
        folder = current(shop.workspace)
        assert folder is not None
        assert stamp_text(folder)["sha256"] == [sha256(pages / "torch" / "torch-2.13.99-py3-none-any.whl")]
        pins = json.loads((shop.workspace.state / "pins.json").read_text())
        assert [sorted(names) for names in pins.values()] == [["cublas==1.0", "torch==2.13.99"]]
        wheel(pages / "cublas", "cublas", "1.0", text="changed on the server")
        lock_of(shop.lock, shop.tiny, shop.torch)
        shop.environ["UV_CACHE_DIR"] = str(tmp_path / "another-cache")
        error = shop.fails(plan)
    assert error.code == "hash-mismatch"
    assert "cublas" in str(error.message)
    assert current(shop.workspace) == folder


def test_no_network_is_one_sentence_and_leaves_nothing_half_made(shop: Shop) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/simple"
        error = shop.fails(plan_with(from_index(url)))
    assert error.code == "no-network"
    assert "127.0.0.1" in str(error.message)
    assert not list(shop.workspace.environments.iterdir())
    assert not (shop.workspace.state / "pins.json").exists()


def test_an_index_without_the_package_is_not_taken_for_a_network_fault(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with index(tmp_path / "empty") as url:
        assert shop.fails(plan_with(from_index(url))).code == "package-not-found"


def test_a_full_disk_is_said_before_anything_is_written(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installing, "free_mib", lambda folder: 2000)
    error = shop.fails(plan_with(from_wheel(shop.torch), needed=2674))
    assert error.code == "disk-full"
    assert "2000" in str(error.message)
    assert "2674" in str(error.message)
    assert not shop.workspace.root.exists()


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="needs a tiny file system")
def test_a_disk_that_fills_up_on_the_way_is_named_and_the_next_run_continues(shop: Shop, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(small)], capture_output=True).returncode:
        pytest.skip("no file system may be mounted here")
    try:
        shop.workspace = Workspace(small / "ws")
        filler = small / "filler"
        filler.write_bytes(b"x" * 960 * 1024)
        error = shop.fails()
        assert error.code == "disk-full"
        assert finished(shop.workspace) == []
        filler.unlink()
        shop.install()
        assert current(shop.workspace) is not None
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_folder_that_cannot_be_made_is_named(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    shop.workspace = Workspace(tmp_path / "file" / "ws")
    error = shop.fails()
    assert error.code == "no-permission"
    assert "file" in str(error.message)


def test_what_the_plan_finds_impossible_is_not_tried(shop: Shop) -> None:
    plan = replace(
        plan_with(from_wheel(shop.torch)), findings=(Finding("driver-too-old", "error", t("Put it to use")),)
    )
    assert shop.fails(plan).code == "driver-too-old"
    assert not shop.workspace.root.exists()


@pytest.mark.parametrize(
    "proof",
    [
        'print(\'{"ok": false, "error": "no kernel image"}\'); raise SystemExit(1)',
        "import sys; sys.stderr.write('no kernel image\\n'); sys.exit(139)",
        'print(\'{"ok": true, "torch": "no kernel image"}\')',
    ],
)
def test_an_environment_that_does_not_prove_itself_is_not_used(shop: Shop, proof: str) -> None:
    plan = plan_with(from_wheel(shop.torch))
    with pytest.raises(LauncherError) as failure:
        list(install(plan, shop.workspace, environ=shop.environ, lock=shop.lock, proof=("-c", proof)))
    assert failure.value.code == "environment-broken"
    assert "no kernel image" in str(failure.value.message)
    assert current(shop.workspace) is None
    assert not list(shop.workspace.environments.iterdir())


def test_one_that_was_proven_before_the_kill_is_only_switched_to(shop: Shop) -> None:
    shop.install()
    folder = current(shop.workspace)
    (shop.workspace.environments / "current.json").unlink()
    events = shop.install()
    assert states(events)[:4] == [(name, "skipped") for name in ("environment", "torch", "packages", "verify")]
    assert current(shop.workspace) == folder


CHILD = """
import json, os, sys
from pathlib import Path
from launcher.core.install.install import install
from launcher.core.paths import Workspace
from tests.launcher.core_act.workshop import PROOF, from_wheel, plan_with
root, torch, lock = map(Path, sys.argv[1:])
print("go", flush=True)
for event in install(plan_with(from_wheel(torch)), Workspace(root), environ=os.environ, lock=lock, proof=PROOF):
    print(event, flush=True)
"""


def once_it_is_free(shop: Shop) -> None:
    """What a killed one started may hold the lock for a moment more, which is said; then the same command works."""
    for _ in range(20):
        try:
            shop.install()
            return
        except LauncherError as error:
            if error.code != "install-running":
                raise
        time.sleep(0.5)
    raise AssertionError("the lock was never let go")


def test_killed_at_any_moment_it_is_continued_by_the_next(shop: Shop, tmp_path: Path) -> None:
    began = time.monotonic()
    shop.install()
    whole = time.monotonic() - began
    for number in range(20):
        shop.workspace = Workspace(tmp_path / f"killed {number}")
        arguments = [str(shop.workspace.root), str(shop.torch), str(shop.lock)]
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, *arguments], env=shop.environ, cwd=checkout(), stdout=subprocess.PIPE
        )
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(whole * (number + 0.5) / 20)
        child.send_signal(signal.SIGKILL)
        child.wait()
        half = current(shop.workspace)
        assert half is None or half in finished(shop.workspace)
        once_it_is_free(shop)
        folder = current(shop.workspace)
        assert folder is not None
        assert list(finished(shop.workspace)) == [folder] or half is not None
        subprocess.run([str(python_in(folder)), "-c", "import torch, tiny"], check=True)


def test_a_password_in_an_address_is_not_shown(shop: Shop, tmp_path: Path) -> None:
    pages = tmp_path / "pages"
    wheel(pages / "torch", "torch", "2.13.99")
    with index(pages) as url:
        shop.install(plan_with(from_index(url.replace("//", "//me:secret@"), "2.13.99")))
    folder = current(shop.workspace)
    assert folder is not None
    kept = [path for path in (folder / "gesso.json", *shop.workspace.state.iterdir()) if path.is_file()]
    assert not [path for path in kept if "secret" in path.read_text()]


def test_a_wheel_for_a_card_takes_its_libraries_from_the_cards_index_alone(shop: Shop, tmp_path: Path) -> None:
    pages = tmp_path / "pages"
    wheel(pages / "torch", "torch", "2.13.0", text="the index has one too")
    wheel(pages / "cublas", "cublas", "1.0")
    wheel(shop.links, "cublas", "2.0")
    shop.torch = wheel(shop.links, "torch", "2.13.0", needs=("tiny", "cublas"))
    with index(pages) as url:
        shop.install(plan_with(replace(from_wheel(shop.torch), index=url)))
    folder = current(shop.workspace)
    assert folder is not None
    command = [
        str(python_in(folder)),
        "-c",
        "import torch, cublas; print(open(torch.__file__).read(), cublas.__version__)",
    ]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "the index" not in said
    assert said.endswith("1.0\n")
    assert stamp_text(folder)["sha256"] == [sha256(shop.torch)]

"""Models that the launcher adds, links, downloads and hashes, each as a piece of work that can be cut off anywhere."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

from launcher.core.download.door import Address, Patience, Wanted, direct, download
from launcher.core.models.add import add_file, add_url
from launcher.core.models.addresses import Ways
from launcher.core.models.hashing import take_note
from launcher.core.models.linking import link, unlink
from launcher.core.network.mirror_choice import look_around
from launcher.core.paths import Workspace
from launcher.core.records import write_record
from tests.fakes.fault_server import FaultServer
from tests.fakes.model_files import lora, write_safetensors
from tests.release.kill_points import Work
from tests.release.launcher_works import LOCKS, MODEL, a_user, put, reads, said

A1111 = ("webui.py", "launch.py", "modules/x.py", "models/Stable-diffusion/a.txt", "models/Lora/a.txt",
         "outputs/mine.png", "styles.csv", "webui-user.sh")  # fmt: skip


def an_install(folder: Path) -> None:
    """Another program's, beside the workspace."""
    a_user(folder)
    for name in A1111:
        put(folder / "sd webui", name, "theirs")
    put(folder, "config.json", json.dumps({"their_own": 1}))


def a_linked_install(folder: Path) -> None:
    an_install(folder)
    link(Workspace(folder), folder / "sd webui")


def a_source(folder: Path) -> None:
    a_user(folder)
    write_safetensors(folder / "downloads/dream.safetensors", lora("sd1", layers=2))


class Served:
    """The loopback server's address, once it is there."""

    base = ""


@contextlib.contextmanager
def server(folder: Path) -> Iterator[None]:
    """In a process of its own, so that those who are killed fork from one without threads."""
    put(folder, "new.bin", MODEL)
    write_safetensors(folder / "dream.safetensors", lora("sd1", layers=2))
    inwards, outwards = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            with FaultServer(folder) as found:
                os.write(outwards, found.url("ok").rstrip("/").encode())
                os.close(outwards)
                signal.pause()
        finally:
            os._exit(0)
    os.close(outwards)
    try:
        with os.fdopen(inwards) as pipe:
            Served.base = pipe.read()
        yield
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def wanted(folder: Path) -> Wanted:
    digest = hashlib.sha256(MODEL).hexdigest()
    return Wanted("model", folder / "models/Stable-diffusion/new.bin", (Address(f"{Served.base}/new.bin"),), digest,
                  len(MODEL))  # fmt: skip


def by_address(folder: Path) -> list[str]:
    workspace = Workspace(folder)
    patience = Patience(connect=5.0, silence=5.0, pause=0.01, longest_pause=0.1, strikes=1)
    ways = Ways(look_around(workspace, {}), direct, None, {}, patience)
    return said(add_url(workspace, f"{Served.base}/dream.safetensors", ways))


def noted(folder: Path) -> None:
    model = folder / "models/Stable-diffusion/a.safetensors"
    take_note(Workspace(folder), model, "f" * 64)


def to_be_noted(folder: Path) -> None:
    a_user(folder)
    put(folder, "models/Stable-diffusion/a.safetensors", b"x" * 1000)
    put(folder, "cache.json", json.dumps({"hashes": {"checkpoint/b": {"mtime": 1.0, "sha256": "b"}}, "theirs": {}}))
    write_record(folder / "state/model-hashes.json", {"hashes": {"/b": [1, 2, "b", "b"]}})


WORKS = (
    Work("link", an_install, lambda folder: link(Workspace(folder), folder / "sd webui"), reads, own=LOCKS),
    Work("unlink", a_linked_install, lambda folder: unlink(Workspace(folder), folder / "sd webui"), reads, own=LOCKS,
         over=("not-linked",)),
    Work("add-link", a_source, lambda folder: list(add_file(
        Workspace(folder), folder / "downloads/dream.safetensors")), reads, own=LOCKS),
    Work("add-copy", a_source, lambda folder: list(add_file(
        Workspace(folder), folder / "downloads/dream.safetensors", copy=True)), reads, own=LOCKS),
    Work("hashes", to_be_noted, noted, reads, own=LOCKS),
    Work("download", a_user, lambda folder: said(download(wanted(folder))), reads, dear=True,
         own=("models/*.gesso-part*",)),
    Work("download-added", a_user, by_address, reads, dear=True, own=(*LOCKS, "cache/incoming/*"),
         varies=("state/model-hashes.json", "cache.json")),
)  # fmt: skip

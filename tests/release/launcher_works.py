"""What the launcher writes, each as one piece of work that can be cut off anywhere."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from launcher.core.environments import changes, environments
from launcher.core.environments.environments import Stamp
from launcher.core.errors import LauncherError, writing
from launcher.core.events import Notice
from launcher.core.install.lock import install_lock
from launcher.core.install.wheelhouse import write_index
from launcher.core.mends import journal
from launcher.core.mends.kept_text import write_kept
from launcher.core.mends.mend import Here
from launcher.core.packages.wheels import WheelFile
from launcher.core.paths import Workspace
from launcher.core.profiles.files import delete_profile, save_profile
from launcher.core.profiles.run_profiles import RunProfile, known_profiles
from launcher.core.report.bundle import write as write_report
from launcher.core.report.report import Part, Report
from launcher.core.running import (
    EVENTS,
    Running,
    forget_credentials,
    forget_start,
    read_running,
    write_running,
    write_start,
)  # fmt: skip
from launcher.core.settings import change_setting, read_settings
from launcher.core.setup import picture, places
from launcher.core.text import t
from runtime import protocol
from tests.launcher.core_act.workshop import PYTHON
from tests.release.kill_points import Work

CONFIG = '# mine\nlanguage = "en"  # 英文\ntheirs = 1\n\n[mirrors]\npackages = "tsinghua"\n'
PROFILE = '# 我的\ntitle = "Mine"\nflags = ["--gradio-auth", "me:old päss"]\n'
MODEL = bytes(range(256)) * 3000
STAMP = Stamp("2.13.0", "cpu", "here", ("0" * 64,), "1" * 64, PYTHON, "2026-11-20T00:00:00+00:00")


def put(folder: Path, name: str, content: str | bytes, mode: int = 0o644) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    file.chmod(mode)
    return file


def a_user(folder: Path) -> Workspace:
    """What is there and must stay, whatever is written beside it."""
    put(folder, "config.toml", CONFIG)
    put(folder, "profiles/mine.toml", PROFILE, 0o600)
    put(folder, "outputs/txt2img-images/00000-1.png", b"\x89PNG mine")
    put(folder, "models/Lora/我的.safetensors", b"mine")
    put(folder, "state/mends.json", json.dumps({"mends": []}))
    return Workspace(folder)


def said(work: Iterator[object]) -> list[str]:
    return [str(each.text) for each in work if isinstance(each, Notice)]


def reads(folder: Path) -> None:
    workspace = Workspace(folder)
    assert read_settings(workspace).language in ("en", "zh")
    assert known_profiles(folder / "profiles")
    environments.installed(workspace)
    journal.done(Here(workspace, {}))


def running(folder: Path) -> None:
    workspace = Workspace(folder)
    meant = Running(os.getppid(), 1.0, "local", "now", ("--api",), 7860)
    write_start(workspace, meant)
    write_running(workspace, meant)
    forget_start(workspace)


def credentials(folder: Path) -> None:
    a_user(folder)
    lines = [protocol.to_line(protocol.Phase("server")),
             protocol.to_line(protocol.Credentials("gesso", "geheim " * 9, "tokenvalue " * 9)),
             protocol.to_line(protocol.Serving("http://127.0.0.1:7860", True))]  # fmt: skip
    put(folder, f"state/{EVENTS}", "".join(lines))


def no_credentials(folder: Path) -> None:
    left = (folder / "state" / EVENTS).read_text()
    assert "geheim" not in left, left
    assert "tokenvalue" not in left, left
    assert "http://127.0.0.1:7860" in left


def an_environment(folder: Path, name: str, *, proven: bool = True) -> Path:
    place = folder / "environments" / name
    put(place, "bin/python", "#!/bin/sh\n", 0o755)
    put(place, "lib/site-packages/torch/__init__.py", "torch")
    if proven:
        put(place, environments.STAMP, json.dumps(asdict(STAMP)))
    else:
        put(place, environments.BEGUN, "")
    return place


def two_environments(folder: Path) -> None:
    a_user(folder)
    an_environment(folder, "torch-2.12.0-cpu-1")
    an_environment(folder, "torch-2.13.0-cpu-1")
    put(folder, "environments/current.json", json.dumps({"name": "torch-2.12.0-cpu-1"}))


def switched(folder: Path) -> None:
    environments.switch(Workspace(folder), folder / "environments/torch-2.13.0-cpu-1", by_hand=True)


def back(folder: Path) -> None:
    """As the user wishes it: a second start must not lead there and back."""
    if environments.named(Workspace(folder)) == folder / "environments/torch-2.12.0-cpu-1":
        changes.rollback(Workspace(folder))


def there_and_back(folder: Path) -> None:
    two_environments(folder)
    put(folder, "environments/current.json",
        json.dumps({"name": "torch-2.12.0-cpu-1", "previous": "torch-2.13.0-cpu-1"}))  # fmt: skip


def removed(folder: Path) -> None:
    workspace = Workspace(folder)
    with install_lock(workspace):
        try:
            changes.remove(workspace, folder / "environments/torch-2.13.0-cpu-1")
        finally:
            # What is half removed goes with the next install.
            environments.sweep(workspace)


def made(folder: Path) -> list[str]:
    """The skeleton of an install, all but uv's own work."""
    workspace, place = Workspace(folder), folder / "environments/torch-2.14.0-cpu-1"
    with install_lock(workspace):
        swept = environments.sweep(workspace)
        try:
            if environments.read_stamp(place) is None:
                environments.begin(place)
                # As uv says it, whose work is done by another test.
                with writing(place):
                    put(place, "bin/python", "#!/bin/sh\n", 0o755)
                    put(place, "lib/site-packages/torch/__init__.py", "torch")
                environments.stamp(place, STAMP)
            environments.switch(workspace, place)
        finally:
            environments.sweep(workspace)
    return [f"Removed {name}" for name in swept]


def current_is_usable(folder: Path) -> None:
    reads(folder)
    now = environments.current(Workspace(folder))
    assert now is not None
    assert (now / "lib/site-packages/torch/__init__.py").read_text() == "torch"


def leftovers(folder: Path) -> None:
    two_environments(folder)
    an_environment(folder, "torch-2.14.0-cpu-1", proven=False)
    old = put(folder, "cache/incoming/abc/model.gesso-part", "half")
    for path in (old, old.parent):
        os.utime(path, (1e9, 1e9))


def mended(folder: Path) -> None:
    list(journal.mend(Here(Workspace(folder), {}), "remove-leftovers", {}))


def a_mended(folder: Path) -> None:
    leftovers(folder)
    mended(folder)


def unmended(folder: Path) -> None:
    list(journal.undo(Here(Workspace(folder), {}), 1))


def all_mends_undo(folder: Path) -> None:
    """Every mend that was begun can be taken back, and then all lies where it lay."""
    reads(folder)
    copy = folder.with_name("looked at")
    shutil.copytree(folder, copy, symlinks=True)
    here = Here(Workspace(copy), {})
    try:
        for each in reversed(journal.done(here)):
            if not each.undone:
                list(journal.undo(here, each.number))
        assert (copy / "environments/torch-2.14.0-cpu-1" / environments.BEGUN).is_file()
        assert (copy / "cache/incoming/abc/model.gesso-part").read_text() == "half"
    finally:
        shutil.rmtree(copy)


def index_of(folder: Path) -> None:
    files = [WheelFile(name, "1.0", f"{name}-1.0-py3-none-any.whl", "http://x/", "0" * 64) for name in ("a", "b")]
    write_index(folder / "cache/wheels", files)


def a_report(folder: Path) -> None:
    try:
        write_report(Report((Part("a.txt", t("What"), "text " * 500), Part("b.txt", t("What"), "b"))),
                     folder / "report.zip")  # fmt: skip
    except LauncherError as error:
        # What a whole start has made stays.
        import zipfile

        if error.code != "file-exists" or zipfile.ZipFile(folder / "report.zip").testzip() is not None:
            raise


def moved_place(folder: Path) -> None:
    places.checkout = lambda: folder / "gesso"  # type: ignore[assignment]
    places.take_place(Workspace(folder / "old"), folder / "new place")


def an_old_place(folder: Path) -> None:
    put(folder, "old/config.toml", CONFIG)
    put(folder, "gesso/install.sh", "")


def latin(folder: Path) -> None:
    write_kept(folder / "pip.conf", "[global]\n# p\udce4ss\nindex-url = https://new.example\n" + "# x\n" * 99)


LOCKS = ("state/*.lock", "*/.*.lock", "cache/*.lock", "*.gesso-lock")
WORKS = (
    Work("settings", a_user, lambda folder: change_setting(Workspace(folder), "language", "zh"), reads, own=LOCKS),
    Work("settings-anew", lambda folder: put(folder, "mine.txt", "mine"),
         lambda folder: change_setting(Workspace(folder), "mirrors.packages", "official"), own=LOCKS),
    Work("secrets", a_user, lambda folder: save_profile(
        folder / "profiles", "mine", RunProfile(flags=("--gradio-auth", "me:new päss"))), reads, own=LOCKS),
    Work("profile-deleted", a_user, lambda folder: delete_profile(folder / "profiles", "mine"),
         lambda folder: read_settings(Workspace(folder)), own=LOCKS, over=("profile-unknown",)),
    Work("running", a_user, running, lambda folder: read_running(Workspace(folder)),
         own=(*LOCKS, "state/runtime-starting.json")),
    Work("credentials", credentials, lambda folder: forget_credentials(Workspace(folder)), reads,
         after=no_credentials, varies=(f"state/{EVENTS}",)),
    Work("switch", two_environments, switched, current_is_usable, own=LOCKS),
    Work("rollback", there_and_back, back, current_is_usable, own=LOCKS),
    Work("remove", two_environments, removed, current_is_usable, own=LOCKS, over=("no-such-environment", "not-ours")),
    Work("environment", two_environments, made, current_is_usable, own=LOCKS, says="Removed",
         varies=("environments/torch-2.14.0-cpu-1/bin/*", "environments/torch-2.14.0-cpu-1/lib/*")),
    Work("wheel-index", a_user, index_of, reads),
    Work("report", a_user, a_report, reads, full="cannot-write"),
    Work("first-picture", a_user, lambda folder: picture._kept(Workspace(folder), MODEL[:5000]), reads,
         full="not-drawn"),
    Work("place", an_old_place, moved_place, own=LOCKS),
    Work("kept-text", lambda folder: put(folder, "pip.conf", b"[global]\n# p\xe4ss\nindex-url = https://old\n"), latin),
    Work("mend", leftovers, mended, all_mends_undo, varies=("state/mends.json",), own=(*LOCKS, "set-aside/*"),
         moves=True, over=("nothing-to-mend",)),
    Work("mend-undone", a_mended, unmended, reads, varies=("state/mends.json",), own=(*LOCKS, "set-aside/*"),
         moves=True, over=("mend-already-undone",)),
)  # fmt: skip

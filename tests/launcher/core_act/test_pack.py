"""Everything for a computer without a network in one folder: made, whole, fitting, used; damage is found."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from launcher.core import proposal
from launcher.core.environments.environments import current
from launcher.core.environments.installed import Installed
from launcher.core.errors import LauncherError
from launcher.core.events import Event, Notice
from launcher.core.hardware.look import look
from launcher.core.install.install import install
from launcher.core.install.lock import install_lock
from launcher.core.pack import contents
from launcher.core.pack import making as pack_making
from launcher.core.pack.folder import open_folder
from launcher.core.pack.making import Wish, make_pack
from launcher.core.pack.manifest import (
    bring_models,
    check_fits,
    closed_to_the_network,
    read_pack,
    read_sums,
    verify,
    write_description,
    write_sums,
)
from launcher.core.pack.use import propose_with
from launcher.core.packages.sources import find_sources
from launcher.core.paths import Workspace, checkout
from launcher.core.plan.options import Options
from launcher.core.process import python_in
from tests.launcher.core_act.test_pack_models import pack_of_models
from tests.launcher.core_act.workshop import (
    MACHINE,
    PROOF,
    PYTHON,
    from_wheel,
    index_pages,
    lock_of,
    plan_with,
    sha256,
    wheel,
)


class Shop:
    """An environment of three sources: a folder, an index, and what was fetched before; and a small Gesso."""

    def __init__(self, tmp_path: Path, workspace: Workspace, environ: dict[str, str], index: str) -> None:
        self.workspace, self.target = workspace, tmp_path / "离线 pack"
        self.torch = wheel(tmp_path / "links", "torch", "2.13.0")
        self.lock = lock_of(tmp_path / "engine.txt", tmp_path / "pages/tiny/tiny-1.0-py3-none-any.whl")
        self.environ = {**environ, "PIP_INDEX_URL": index}
        self.gesso = tmp_path / "gesso"
        (self.gesso / "launcher").mkdir(parents=True)
        (self.gesso / "install.sh").write_text("#!/bin/sh\n")
        (self.gesso / "launcher" / "x.py").write_text("")
        for junk in (".launcher/bin", "workspace/models", "launcher/__pycache__"):
            (self.gesso / junk).mkdir(parents=True)
            (self.gesso / junk / "junk").write_text("")
        plan = plan_with(from_wheel(self.torch))
        list(install(plan, workspace, environ=self.environ, lock=self.lock, proof=PROOF))

    def pack(self, *models: str) -> list[Event]:
        folder = current(self.workspace)
        assert folder is not None
        wish = Wish(folder, self.target, models)
        plan = plan_with(from_wheel(self.torch))
        return list(make_pack(wish, self.workspace, plan, MACHINE, environ=self.environ, gesso=self.gesso))


@pytest.fixture
def shop(tmp_path: Path, workspace: Workspace, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    helper = wheel(tmp_path / "pages" / "helper", "helper", "1.0")
    wheel(tmp_path / "pages" / "tiny", "tiny", "1.0")
    monkeypatch.setattr(pack_making, "LAUNCHER_LOCK", lock_of(tmp_path / "launcher.txt", helper))
    # No Python is fetched in a test: neither found nor to be had.
    monkeypatch.setattr(pack_making, "python_variables", lambda work: ())
    with index_pages(tmp_path / "pages") as url:
        yield Shop(tmp_path, workspace, environ, url)


def listing(folder: Path) -> list[str]:
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in found if name != ".gesso-pack")


def test_it_holds_everything_and_each_file_is_in_the_list(shop: Shop) -> None:
    (shop.workspace.models / "Stable-diffusion").mkdir(exist_ok=True)
    (shop.workspace.models / "Stable-diffusion" / "mine 中.safetensors").write_bytes(b"model")
    events = shop.pack("Stable-diffusion/mine 中.safetensors")
    assert listing(shop.target) == sorted([
        "SHA256SUMS", "gesso/install.sh", "gesso/launcher/x.py", "models/Stable-diffusion/mine 中.safetensors",
        "pack.json", "python.txt", "wheels/helper-1.0-py3-none-any.whl", "wheels/tiny-1.0-py3-none-any.whl",
        "wheels/torch-2.13.0-py3-none-any.whl",
    ])  # fmt: skip
    assert sorted(read_sums(shop.target)) == [name for name in listing(shop.target) if name != "SHA256SUMS"]
    assert (shop.target / "python.txt").read_text() == f"{PYTHON}\n"
    assert read_pack(shop.target).torch == "2.13.0"
    assert "pack-without-python" in [event.slug for event in events if isinstance(event, Notice)]
    list(verify(shop.target))
    done = subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=shop.target, capture_output=True)
    assert done.returncode == 0 or sys.platform != "linux", done.stderr


def test_an_environment_comes_from_it_where_nothing_else_answers(shop: Shop, tmp_path: Path) -> None:
    shop.pack()
    closed = closed_to_the_network(shop.target, {**shop.environ, "PIP_INDEX_URL": "http://127.0.0.1:9/simple"})
    assert "PIP_INDEX_URL" not in closed
    there = Workspace(tmp_path / "another computer")
    closed["UV_CACHE_DIR"] = str(tmp_path / "cold")
    plan = plan_with(from_wheel(shop.target / "wheels" / shop.torch.name))
    list(install(plan, there, environ=closed, lock=shop.lock, proof=PROOF))
    folder = current(there)
    assert folder is not None
    subprocess.run([python_in(folder), "-c", "import torch, tiny"], check=True)


def test_the_libraries_of_a_cards_torch_come_from_it_too(shop: Shop, tmp_path: Path) -> None:
    """The plan names the card's index; with a pack nobody asks there."""
    shop.pack()
    wheels = shop.target / "wheels"
    torch = wheel(wheels, "torch", "2.13.1", needs=("tiny", "cublas"))
    wheel(wheels, "cublas", "1.0")
    closed = {**closed_to_the_network(shop.target, shop.environ), "UV_CACHE_DIR": str(tmp_path / "cold")}
    plan = plan_with(replace(from_wheel(torch), index="http://127.0.0.1:9/whl/cu126"))
    there = Workspace(tmp_path / "another computer")
    list(install(plan, there, environ=closed, lock=shop.lock, proof=PROOF))
    folder = current(there)
    assert folder is not None
    subprocess.run([python_in(folder), "-c", "import torch, tiny, cublas"], check=True)


def test_a_python_that_uv_installed_goes_along(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    home = shop.workspace.cache / "python" / f"cpython-{PYTHON}.7-linux-x86_64-gnu"
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "python3").write_text("python")
    monkeypatch.setattr(pack_making, "_home_of", lambda folder: home)
    shop.pack()
    (archive,) = (shop.target / "python").iterdir()
    with tarfile.open(archive) as packed:
        assert f"{home.name}/bin/python3" in packed.getnames()
    assert f"python/{archive.name}" in read_sums(shop.target)
    assert read_pack(shop.target).has_python


def test_a_pack_without_its_list_is_unfinished_and_made_on_by_the_next_run(shop: Shop) -> None:
    shop.pack()
    (shop.target / "SHA256SUMS").unlink()
    with pytest.raises(LauncherError) as failure:
        read_pack(shop.target)
    assert failure.value.code == "pack-missing"
    before = {path: path.stat().st_mtime_ns for path in (shop.target / "wheels").iterdir()}
    shop.gesso.joinpath("launcher", "x.py").unlink()
    shop.pack()
    list(verify(shop.target))
    assert not (shop.target / "gesso" / "launcher" / "x.py").exists(), "what is no longer Gesso's goes"
    assert {path: path.stat().st_mtime_ns for path in (shop.target / "wheels").iterdir()} == before


@pytest.mark.parametrize("damage", ["changed", "missing", "leads out", "no text"])
def test_damage_is_found_and_named(shop: Shop, damage: str) -> None:
    shop.pack()
    wheel_file = shop.target / "wheels" / "tiny-1.0-py3-none-any.whl"
    if damage == "changed":
        wheel_file.write_bytes(wheel_file.read_bytes()[:-1] + b"?")
    elif damage == "missing":
        wheel_file.unlink()
    elif damage == "no text":
        (shop.target / "SHA256SUMS").write_bytes(b"\xff\xfe\n")
    else:
        with (shop.target / "SHA256SUMS").open("a") as file:
            file.write(f"{'0' * 64}  ../../etc/passwd\n")
    with pytest.raises(LauncherError) as failure:
        list(verify(shop.target))
    assert failure.value.code == "pack-damaged"
    assert ("tiny" if damage in ("changed", "missing") else "SHA256SUMS") in str(failure.value.message)


def test_one_for_another_computer_or_another_gesso_is_refused(shop: Shop) -> None:
    shop.pack()
    pack, lock = read_pack(shop.target), sha256(shop.lock)
    plan = plan_with(from_wheel(shop.torch))
    check_fits(pack, MACHINE, lock, plan)
    for machine, digest in (
        (replace(MACHINE, os="windows"), lock),
        (replace(MACHINE, arch="arm64"), lock),
        (MACHINE, "0"),
    ):
        with pytest.raises(LauncherError) as failure:
            check_fits(pack, machine, digest, plan)
        assert failure.value.code == "pack-unfit"


def test_one_of_another_torch_or_python_says_which(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before its gigabytes are read, and instead of a sentence about pip's settings, which the pack has made."""
    shop.pack()
    monkeypatch.setattr(proposal, "find_sources", lambda pip: replace(find_sources(pip), lock_sha256=sha256(shop.lock)))
    pack = replace(read_pack(shop.target), os=look(shop.target).os, arch=look(shop.target).arch)
    write_description(shop.target, replace(pack, torch="2.13.0+cu130", python="3.13"))
    options = Options(memory="cpu", pack=shop.target, python=sys.executable)
    with pytest.raises(LauncherError) as failure:
        propose_with(Workspace(shop.target.parent / "there"), options, Installed(), shop.environ)
    assert failure.value.code == "pack-unfit"
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    for part in ("PyTorch 2.13.0+cu130 for Python 3.13", "PyTorch 2.13.0+cpu for Python " + here):
        assert part in str(failure.value.message)


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"format": 1}'])
def test_what_is_no_pack_is_said(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "pack.json").write_text(content)
        (tmp_path / "SHA256SUMS").write_text("")
    with pytest.raises(LauncherError) as failure:
        read_pack(tmp_path)
    assert failure.value.code == "pack-missing"


def test_a_folder_with_other_things_in_it_is_not_filled(shop: Shop) -> None:
    shop.target.mkdir()
    (shop.target / "thesis.doc").write_text("")
    with pytest.raises(LauncherError) as failure:
        shop.pack()
    assert failure.value.code == "pack-folder"
    assert listing(shop.target) == ["thesis.doc"]


@pytest.mark.parametrize("theirs", ["wheels/mine.whl", "pack.json", "gesso/thesis.doc"])
def test_what_only_looks_like_a_pack_is_not_touched(shop: Shop, theirs: str) -> None:
    (shop.target / theirs).parent.mkdir(parents=True)
    (shop.target / theirs).write_text("mine")
    with pytest.raises(LauncherError) as failure:
        shop.pack()
    assert failure.value.code == "pack-folder"
    assert listing(shop.target) == [theirs]


def test_in_a_pack_made_anew_only_what_we_made_is_removed(shop: Shop) -> None:
    shop.pack()
    mine = ["wheels/sub/mine.whl", "wheels/mine.whl", "gesso/notes.txt", "python/mine.tar.gz"]
    for name in mine:
        (shop.target / name).parent.mkdir(parents=True, exist_ok=True)
        (shop.target / name).write_text("mine")
    shop.pack()
    assert set(mine) <= set(listing(shop.target))


def test_a_pack_neither_holds_nor_lies_in_gesso_or_its_workspace(shop: Shop, tmp_path: Path) -> None:
    for place in (shop.gesso / "pack", shop.workspace.root / "pack", shop.workspace.models, tmp_path):
        shop.target = place
        before = set(tmp_path.rglob("*"))
        with pytest.raises(LauncherError) as failure:
            shop.pack()
        assert failure.value.code == "pack-folder"
        assert set(tmp_path.rglob("*")) == before


def test_nothing_else_changes_the_environments_meanwhile(shop: Shop) -> None:
    """An install, a switch or a removal would end the pack's own uv as a killed run's."""
    with install_lock(shop.workspace), pytest.raises(LauncherError) as failure:
        shop.pack()
    assert failure.value.code == "install-running"
    assert not shop.target.exists()


@pytest.mark.parametrize("name", ["gone.safetensors", "../config.toml", "/etc/passwd"])
def test_a_model_that_is_not_in_the_models_folder_is_not_packed(shop: Shop, name: str) -> None:
    with pytest.raises(LauncherError) as failure:
        shop.pack(name)
    assert failure.value.code == "no-such-model"


def test_a_pack_made_anew_mends_what_was_damaged_in_the_same_second(shop: Shop) -> None:
    shop.pack()
    damaged = shop.target / "wheels" / "tiny-1.0-py3-none-any.whl"
    whole, before = damaged.read_bytes(), damaged.stat()
    damaged.write_bytes(whole[:-1] + b"?")
    os.utime(damaged, ns=(before.st_atime_ns, before.st_mtime_ns))
    shop.pack()
    list(verify(shop.target))
    assert damaged.read_bytes() == whole


def test_what_a_kill_left_half_written_is_no_part_of_the_pack(shop: Shop) -> None:
    (shop.workspace.models / "Lora").mkdir(parents=True)
    for name in ("a", "b"):
        (shop.workspace.models / "Lora" / name).write_text(name)
    shop.pack("Lora/a", "Lora/b")
    (shop.target / "models" / "Lora" / "b").rename(shop.target / "models" / "Lora" / "b.part")
    (shop.target / "SHA256SUMS").rename(shop.target / "SHA256SUMS.part")
    shop.pack("Lora/a")
    list(verify(shop.target))
    assert not [name for name in listing(shop.target) if name.endswith(".part")]
    assert sorted(read_sums(shop.target)) == [name for name in listing(shop.target) if name != "SHA256SUMS"]


def test_what_a_kill_left_read_only_stands_in_nobodys_way(tmp_path: Path) -> None:
    half = tmp_path / "model.part"
    half.write_text("longer by half")
    half.chmod(0o400)
    with contents.written(tmp_path / "model") as file:
        file.write(b"whole")
    assert (tmp_path / "model").read_bytes() == b"whole"
    assert (tmp_path / "model").stat().st_mode & 0o200


@pytest.mark.parametrize("git", ["none", "of somebody else"])
def test_of_the_folder_that_holds_gesso_only_gessos_own_is_packed(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, git: str
) -> None:
    inside = shop.gesso / "launcher" / "我的 画图 (新)"
    shutil.move(shop.workspace.root, inside)
    shop.workspace = Workspace(inside)
    (inside / "config.toml").write_text('[proxy]\naddress = "http://me:geheim@h:1"\n')
    (shop.gesso / "my-tokens.txt").write_text("geheim")
    (shop.gesso / "another workspace" / "outputs").mkdir(parents=True)
    (shop.gesso / "another workspace" / "outputs" / "private.png").write_text("")
    if git != "none":
        (shop.gesso / ".git").mkdir()
    shop.pack()
    packed = [name for name in listing(shop.target) if name.startswith("gesso/")]
    assert packed == ["gesso/install.sh", "gesso/launcher/x.py"]


def test_gessos_own_names_are_those_of_the_repository() -> None:
    said = subprocess.run(["git", "ls-files"], cwd=checkout(), capture_output=True, text=True)
    tracked = {line.partition("/")[0] for line in said.stdout.splitlines()}
    assert said.returncode or set(pack_making.OURS) == {name for name in tracked if name != ".ci"}


@pytest.mark.parametrize("work", ["verify", "bring", "list", "copy", "archive"])
def test_a_wish_to_stop_is_heard_while_large_files_are_read(tmp_path: Path, work: str) -> None:
    pack, there, cancel = pack_of_models(tmp_path / "pack", "large"), Workspace(tmp_path / "there"), threading.Event()
    with (pack / "models" / "large").open("wb") as file:
        file.truncate(40 << 20)
    folder = open_folder(tmp_path / "another", (), cancel)
    works: dict[str, Callable[[], Iterable[Event]]] = {
        "verify": lambda: verify(pack, cancel),
        "bring": lambda: bring_models(pack, there, cancel),
        "list": lambda: write_sums(pack, ["models/large"], {}, cancel),
    }
    plain = {
        "copy": lambda: folder.copy(pack / "models" / "large", "models/large"),
        "archive": lambda: pack_making._archive(pack, folder, "python/p.tar.gz"),
    }

    def stopped_on_the_way() -> None:
        for _ in works.get(work, tuple)():
            cancel.set()
        cancel.set()
        plain[work]()

    with pytest.raises(LauncherError) as failure:
        stopped_on_the_way()
    assert failure.value.code == "interrupted"
    assert not list(there.models.rglob("*"))
    assert not (tmp_path / "another" / "models" / "large").exists()
    assert not (tmp_path / "another" / "python" / "p.tar.gz").exists()


def test_a_file_for_uv_that_cannot_be_replaced_is_named(shop: Shop) -> None:
    """As on a disk that has become read-only."""
    answer = shop.workspace.cache / "tmp" / "pylock.packages.toml"
    answer.unlink()
    answer.mkdir()
    with pytest.raises(LauncherError) as failure:
        shop.pack()
    assert failure.value.code == "no-permission"
    assert "pylock.packages.toml" in str(failure.value.message)


def test_a_wheel_of_torch_that_has_changed_since_is_not_packed(shop: Shop) -> None:
    shop.torch.write_bytes(b"another")
    with pytest.raises(LauncherError) as failure:
        shop.pack()
    assert failure.value.code == "wheel-unreadable"


def test_the_description_is_what_the_installers_read(shop: Shop) -> None:
    shop.pack()
    record = json.loads((shop.target / "pack.json").read_text())
    assert record["launcher_lock_sha256"] == sha256(pack_making.LAUNCHER_LOCK)
    assert record["engine_lock_sha256"] == sha256(shop.lock)
    shutil.rmtree(shop.target)

"""What is broken is named, the same is built again beside it; what an environment holds can be written down."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from launcher.core.environments.changes import check_new_name, next_name
from launcher.core.environments.environments import current, find, interpreter, previous, read_stamp, site_of, stamp
from launcher.core.environments.freeze import Differing, as_requirements, freeze
from launcher.core.environments.recipes import constraining, read_recipe
from launcher.core.environments.site_packages import Broken, installed_packages, site_packages
from launcher.core.errors import LauncherError
from launcher.core.events import Event, Step
from launcher.core.install.install import Making, install
from launcher.core.install.repair import Health, examine, plan_again, rebuild
from launcher.core.packages.own_python import OwnPython, own_python
from launcher.core.paths import Workspace
from launcher.core.plan.plan import Plan
from launcher.core.process import python_in
from tests.launcher.core_act.workshop import (
    PROOF,
    PYTHON,
    from_index,
    from_wheel,
    index_pages,
    lock_of,
    plan_with,
    sha256,
    wheel,
    with_fake_engine,
)


class Shop:
    """Wheels in a folder, and environments of them."""

    def __init__(self, tmp_path: Path, workspace: Workspace, environ: dict[str, str]) -> None:
        self.workspace, self.links = workspace, tmp_path / "links"
        self.torch = wheel(self.links, "torch", "2.13.0")
        self.tiny = wheel(self.links, "tiny", "1.0")
        self.lock = lock_of(tmp_path / "engine.txt", self.tiny)
        self.environ = {**environ, "PIP_FIND_LINKS": str(self.links), "PIP_NO_INDEX": "1"}

    def install(self, plan: Plan | None = None, **making: object) -> Path:
        wish = Making(**making)  # type: ignore[arg-type]
        plan = plan or plan_with(from_wheel(self.torch))
        list(install(plan, self.workspace, environ=self.environ, lock=self.lock, proof=PROOF, making=wish))
        return find(self.workspace, str(making["name"])) if "name" in making else self.current

    def mend(self, folder: Path, broken: tuple[Broken, ...] = ()) -> list[Event]:
        plan = plan_with(from_wheel(self.torch))
        return list(rebuild(self.workspace, folder, plan, broken, environ=self.environ, proof=PROOF))

    @property
    def current(self) -> Path:
        folder = current(self.workspace)
        assert folder is not None
        return folder


@pytest.fixture
def shop(tmp_path: Path, workspace: Workspace, environ: dict[str, str]) -> Shop:
    return Shop(tmp_path, workspace, environ)


def health(folder: Path) -> Health:
    *_, last = examine(folder)
    assert isinstance(last, Health)
    return last


def test_a_second_environment_is_made_beside_the_first_and_not_switched_to_unasked(shop: Shop) -> None:
    first = shop.install()
    wish = Making("另一个", use=False, anew=True)
    plan = plan_with(from_wheel(shop.torch))
    events = list(install(plan, shop.workspace, environ=shop.environ, lock=shop.lock, proof=PROOF, making=wish))
    said = [(event.name, event.count) for event in events if isinstance(event, Step) and event.state != "started"]
    assert said == [(name, 4) for name in ("environment", "torch", "packages", "verify")], "no switch is spoken of"
    second = find(shop.workspace, "另一个")
    assert second == shop.workspace.environments / "另一个"
    assert shop.current == first
    assert read_stamp(second) is not None
    subprocess.run([python_in(second), "-c", "import torch, tiny"], check=True)


def test_what_is_broken_is_named_and_not_what_is_not(shop: Shop) -> None:
    folder = shop.install()
    assert health(folder).whole
    site = site_packages(folder)
    assert site is not None
    (site / "tiny" / "__init__.py").write_text("ruined")
    (site / "torch" / "__init__.py").unlink()
    (site / "torch" / "extra.pyc").write_text("nobody recorded it")
    found = {(each.package, each.file, each.what) for each in health(folder).broken}
    assert found == {("tiny", "tiny/__init__.py", "changed"), ("torch", "torch/__init__.py", "missing")}
    shutil.rmtree(next(each.folder for each in installed_packages(site) if each.name == "tiny"))
    assert {each.package for each in health(folder).broken} == {"torch"}


def test_a_python_that_is_gone_is_named(shop: Shop) -> None:
    folder = shop.install()
    python_in(folder).unlink()
    assert health(folder).python_gone == str(python_in(folder))


@pytest.mark.parametrize("damage", [b"", b"x" * 200_000, b"\0" * 50, b"a,b\n"])
def test_a_list_of_files_that_is_none_is_named_and_stops_nothing(shop: Shop, damage: bytes) -> None:
    folder = shop.install()
    site = site_packages(folder)
    assert site is not None
    tiny = next(each.folder for each in installed_packages(site) if each.name == "tiny")
    (tiny / "RECORD").write_bytes(damage)
    assert health(folder).broken == (Broken("tiny", f"{tiny.name}/RECORD", "unreadable"),)
    (tiny / "RECORD").write_bytes(b"tiny/a\0b,sha256=abc,1\n")
    assert {each.what for each in health(folder).broken} == {"unreadable"}


def test_an_environment_whose_python_was_replaced_is_not_whole(shop: Shop) -> None:
    folder = shop.install()
    (folder / "pyvenv.cfg").rename(folder / "kept")
    assert health(folder).broken == (Broken("python", "pyvenv.cfg", "missing"),)
    (folder / "kept").rename(folder / "pyvenv.cfg")
    assert health(folder).whole
    made = read_stamp(folder)
    assert made is not None
    stamp(folder, replace(made, python="3.1"))
    assert health(folder).broken == (Broken("python", python_in(folder).name, "changed"),)


def test_the_same_again_tries_no_other_torch(shop: Shop) -> None:
    folder = shop.install()
    plan = plan_with(replace(from_wheel(shop.torch), others=(from_wheel(wheel(shop.links, "torch", "2.12.0")),)))
    assert plan_again(folder, plan).torch.others == ()


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"VENV_DIR": "~nobody-of-that-name/x"}, "no-such-user"),
        ({"VENV_DIR": "x" * 300}, "venv-dir-taken"),
        ({"PYTHON": "3.12.4"}, "python-not-found"),
        ({"PYTHON": "~/no/such/python"}, "python-not-found"),
    ],
)
def test_a_wish_that_cannot_be_meant_is_named(shop: Shop, given: dict[str, str], code: str) -> None:
    with pytest.raises(LauncherError) as failure:
        own_python(shop.workspace, {**shop.environ, "PYTHON": sys.executable, **given})
    assert failure.value.code == code


def test_a_version_with_a_folder_means_the_python_of_that_version(shop: Shop, tmp_path: Path) -> None:
    assert own_python(shop.workspace, {**shop.environ, "PYTHON": f" {PYTHON} "}) == OwnPython(PYTHON)
    named = tmp_path / "bin" / f"python{PYTHON}"
    named.parent.mkdir()
    named.symlink_to(sys.executable)
    environ = {**shop.environ, "PATH": str(named.parent), "PYTHON": PYTHON, "VENV_DIR": str(tmp_path / "v")}
    found = own_python(shop.workspace, environ)
    assert found is not None
    assert (found.version, found.venv) == (PYTHON, tmp_path / "v")


def test_a_failed_proof_outside_takes_back_what_was_said_of_that_python(shop: Shop, tmp_path: Path) -> None:
    named = {**shop.environ, "PYTHON": sys.executable, "VENV_DIR": str(tmp_path / "theirs")}
    own = own_python(shop.workspace, named)
    shop.install(replace(plan_with(from_wheel(shop.torch)), own_python=own))
    first = shop.current
    newer = replace(plan_with(from_wheel(wheel(shop.links, "torch", "2.14.0"))), own_python=own)
    with pytest.raises(LauncherError) as failure:
        list(install(newer, shop.workspace, environ=shop.environ, lock=shop.lock, proof=("-c", "raise SystemExit(1)")))
    assert "stay in" in str(failure.value.hint)
    assert current(shop.workspace) is None
    assert read_stamp(first) is None
    shop.install(replace(plan_with(from_wheel(shop.torch)), own_python=own))
    assert shop.current != first
    assert previous(shop.workspace) is None


def test_the_same_is_built_again_and_what_is_broken_in_the_cache_does_not_come_back(shop: Shop) -> None:
    """The environment's files are the cache's own where the file system can link them."""
    folder = shop.install()
    site = site_packages(folder)
    assert site is not None
    with (site / "tiny" / "__init__.py").open("a") as file:
        file.write("ruined = True\n")
    shop.mend(folder, health(folder).broken)
    new = shop.current
    assert new.name == "torch-2.13.0-cpu-2"
    assert previous(shop.workspace) == folder
    assert health(new).whole
    old, again = read_stamp(folder), read_stamp(new)
    assert old
    assert again
    assert again == replace(old, verified_at=again.verified_at)


def test_the_versions_are_those_it_had_though_gesso_has_moved_on(shop: Shop) -> None:
    folder = shop.install(name="mine")
    wheel(shop.links, "tiny", "2.0")
    lock_of(shop.lock, shop.links / "tiny-2.0-py3-none-any.whl")
    shop.mend(folder)
    assert shop.current.name == "mine-2"
    assert {(each.name, each.version) for each in freeze(shop.current)} == {("tiny", "1.0"), ("torch", "2.13.0")}


def test_one_that_is_not_current_is_mended_without_a_switch(shop: Shop) -> None:
    folder = shop.install(name="mine")
    with_fake_engine(shop.workspace, "now")
    shop.mend(folder)
    assert shop.current.name == "now"
    assert read_stamp(shop.workspace.environments / "mine-2") is not None


def test_without_a_recipe_it_is_said_that_nobody_knows(shop: Shop) -> None:
    folder = with_fake_engine(shop.workspace)
    with pytest.raises(LauncherError) as failure:
        plan_again(folder, plan_with(from_wheel(shop.torch)))
    assert failure.value.code == "recipe-missing"


def test_what_is_frozen_has_the_hashes_it_was_made_from_and_says_what_has_none(shop: Shop, tmp_path: Path) -> None:
    folder = shop.install()
    site = site_packages(folder)
    assert site is not None
    foreign = wheel(tmp_path, "foreign", "0.1")
    subprocess.run([sys.executable, "-m", "zipfile", "-e", str(foreign), str(site)], check=True)
    frozen = {each.name: each.sha256 for each in freeze(folder)}
    assert frozen == {"tiny": (sha256(shop.tiny),), "torch": (sha256(shop.torch),), "foreign": ()}
    text = as_requirements(freeze(folder))
    assert f"tiny==1.0 \\\n    --hash=sha256:{sha256(shop.tiny)}\n" in text
    assert "# foreign==0.1\n" in text


@pytest.mark.parametrize("family", [3, {"tiny==1.0": 3}, {"tiny==1.0": [3]}])
def test_a_recipe_of_another_shape_counts_as_none(shop: Shop, family: object) -> None:
    folder = shop.install()
    record = json.loads((folder / "recipe.json").read_text())
    (folder / "recipe.json").write_text(json.dumps({**record, "family": family}))
    assert read_recipe(folder) is None
    assert {each.name for each in freeze(folder)} == {"tiny", "torch"}


def test_a_package_that_was_removed_or_replaced_is_named_and_what_was_added_is_not(shop: Shop, tmp_path: Path) -> None:
    folder = shop.install()
    with (folder / "lock.txt").open("a") as lock:
        lock.write("elsewhere==1.0 ; sys_platform == 'beos' \\\n    --hash=sha256:" + "0" * 64 + "\n")
    uv = [sys.executable, "-m", "uv", "pip"]
    python, offline = ["--python", str(python_in(folder))], ["--no-index", "--no-deps"]
    others = [wheel(tmp_path, "tiny", "2.0"), wheel(tmp_path, "foreign", "0.1")]
    subprocess.run([*uv, "install", "-q", *python, *offline, *map(str, others)], env=shop.environ, check=True)
    subprocess.run([*uv, "uninstall", "-q", *python, "torch"], env=shop.environ, check=True)
    found = health(folder)
    assert not found.whole
    assert found.differing == (Differing("tiny", ("1.0",), "2.0"), Differing("torch", ("2.13.0",), None))
    shop.mend(folder)
    assert health(shop.current).whole


def test_a_recipe_holds_no_password(shop: Shop, tmp_path: Path) -> None:
    wheel(tmp_path / "pages" / "torch", "torch", "2.13.99")
    with index_pages(tmp_path / "pages") as url:
        folder = shop.install(plan_with(from_index(url.replace("//", "//me:secret@"), "2.13.99")))
    recipe = read_recipe(folder)
    assert recipe is not None
    assert recipe.build == "2.13.99"
    assert not [path for path in folder.iterdir() if path.is_file() and "secret" in path.read_text()]


def test_torchs_family_is_held_fast_for_whatever_runs_in_the_environment(shop: Shop) -> None:
    """Said as an address: pip and uv part the variable at its spaces, and this workspace has one."""
    folder = shop.install()
    told = constraining(folder, {"PIP_CONSTRAINT": "theirs.txt"})
    assert told["PIP_CONSTRAINT"].startswith("theirs.txt file://")
    wheel(shop.links, "torch", "2.14.0")
    command = ["pip", "install", "--python", str(python_in(folder)), "--no-index", "--find-links", str(shop.links)]
    environment = {**shop.environ, "UV_CONSTRAINT": told["UV_CONSTRAINT"]}
    done = subprocess.run([sys.executable, "-m", "uv", *command, "torch>=2.14"], env=environment, capture_output=True)
    assert done.returncode
    assert b"2.13.0" in done.stderr


def test_a_version_or_an_interpreter_may_be_wished(workspace: Workspace) -> None:
    assert own_python(workspace, {}) is None
    assert own_python(workspace, {}, setting="3.12") == OwnPython("3.12")
    assert own_python(workspace, {"PYTHON": "3.13"}, setting="3.12") == OwnPython("3.13")
    found = own_python(workspace, {"PYTHON": sys.executable}, wanted=None)
    assert found is not None
    assert (found.version, found.outside) == (PYTHON, False)
    assert Path(found.interpreter or "").exists()


@pytest.mark.parametrize("python", ["/nowhere/python", "no such program", os.devnull, __file__])
def test_what_is_no_python_is_said(workspace: Workspace, python: str) -> None:
    with pytest.raises(LauncherError) as failure:
        own_python(workspace, {"PYTHON": python})
    assert failure.value.code == "python-not-found"


def test_venv_dir_is_a_folder_of_the_users_own(shop: Shop, tmp_path: Path) -> None:
    place = tmp_path / "my venv"
    own = own_python(shop.workspace, {**shop.environ, "PYTHON": sys.executable, "VENV_DIR": str(place)})
    assert own is not None
    assert own.outside
    folder = shop.install(replace(plan_with(from_wheel(shop.torch)), own_python=own))
    assert interpreter(folder) == python_in(place)
    subprocess.run([python_in(place), "-c", "import torch, tiny"], check=True)
    assert site_packages(folder) is None
    again = shop.install(replace(plan_with(from_wheel(shop.torch)), own_python=own), anew=True)
    assert interpreter(again) == python_in(place), "what is there is used, not made anew"


def test_venv_dir_may_lie_among_our_own(shop: Shop) -> None:
    place = shop.workspace.environments / "theirs"
    own = own_python(shop.workspace, {**shop.environ, "PYTHON": sys.executable, "VENV_DIR": str(place)})
    folder = shop.install(replace(plan_with(from_wheel(shop.torch)), own_python=own))
    assert interpreter(folder) == python_in(place)
    shop.install(anew=True)
    subprocess.run([python_in(place), "-c", "import torch, tiny"], check=True)


def test_venv_dir_dash_means_the_python_itself(shop: Shop, tmp_path: Path) -> None:
    """A virtual environment stands for conda's: its own packages, and no environment of ours."""
    subprocess.run([sys.executable, "-m", "uv", "venv", "-q", str(tmp_path / "conda")], check=True)
    python = str(python_in(tmp_path / "conda"))
    own = own_python(shop.workspace, {**shop.environ, "PYTHON": python, "VENV_DIR": "-"})
    assert own is not None
    assert own.itself
    folder = shop.install(replace(plan_with(from_wheel(shop.torch)), own_python=own))
    subprocess.run([python, "-c", "import torch, tiny"], check=True)
    assert sorted(path.name for path in folder.iterdir()) == [
        "constraints.txt",
        "gesso.json",
        "lock.txt",
        "recipe.json",
    ]
    assert {each.name for each in freeze(folder)} == {"tiny", "torch"}


def test_what_lies_outside_is_mended_where_it_lies(shop: Shop, tmp_path: Path) -> None:
    """It cannot be built again beside: the broken files are put there anew."""
    place = tmp_path / "my venv"
    own = own_python(shop.workspace, {**shop.environ, "PYTHON": sys.executable, "VENV_DIR": str(place)})
    folder = shop.install(replace(plan_with(from_wheel(shop.torch)), own_python=own))
    site = site_of(folder)
    assert site is not None
    (site / "tiny" / "__init__.py").unlink()
    (site / "tiny" / "__init__.py").write_text("ruined")
    (site / "torch" / "__init__.py").unlink()
    shop.mend(folder, health(folder).broken)
    assert interpreter(shop.current) == python_in(place)
    mended = shop.current
    assert health(mended).whole
    assert read_stamp(folder) is None
    python_in(place).unlink()
    with pytest.raises(LauncherError) as failure:
        shop.mend(mended)
    assert failure.value.code == "python-not-found"


@pytest.mark.parametrize(
    ("name", "following"),
    [("mine", "mine-2"), ("lora-2024", "lora-2024-2"), ("torch-2.13.0-cpu-1", "torch-2.13.0-cpu-2"),
     ("x" * 60, "x" * 58 + "-2"), ("Taken", "Taken-3")],
)  # fmt: skip
def test_the_name_of_what_is_built_again_is_one_that_can_be_borne(shop: Shop, name: str, following: str) -> None:
    (shop.workspace.environments / "taken-2").mkdir(parents=True)
    assert next_name(shop.workspace, name) == following
    check_new_name(shop.workspace, following)


@pytest.mark.parametrize("inside", ["notes.txt", "sub/folder/file"])
def test_a_folder_of_other_things_is_no_place_for_an_environment(
    workspace: Workspace, tmp_path: Path, inside: str
) -> None:
    (tmp_path / "mine" / inside).parent.mkdir(parents=True)
    (tmp_path / "mine" / inside).write_text("")
    for place in (tmp_path / "mine", tmp_path / "mine" / inside):
        with pytest.raises(LauncherError) as failure:
            own_python(workspace, {"PYTHON": sys.executable, "VENV_DIR": str(place)})
        assert failure.value.code == "venv-dir-taken"


def test_a_python_that_the_system_manages_is_left_alone(workspace: Workspace, tmp_path: Path) -> None:
    python = tmp_path / "managed"
    python.write_text(f'#!/bin/sh\necho \'["{PYTHON}", "{python}", false, true]\'\n')
    python.chmod(0o755)
    with pytest.raises(LauncherError) as failure:
        own_python(workspace, {"PYTHON": str(python), "VENV_DIR": "-"})
    assert failure.value.code == "python-managed"

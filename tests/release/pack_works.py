"""Packs made, made again, and their models brought, each as one piece of work that can be cut off anywhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from launcher.core.environments.environments import current
from launcher.core.events import Notice
from launcher.core.pack import making
from launcher.core.pack.folder import MARK
from launcher.core.pack.making import Wish, make_pack
from launcher.core.pack.manifest import SUMS, bring_models, read_pack, read_sums, verify
from launcher.core.paths import Workspace, checkout
from tests.launcher.core_act.test_pack_models import pack_of_models
from tests.launcher.core_act.workshop import MACHINE, from_wheel, lock_of, plan_with, wheel
from tests.release.kill_points import Work
from tests.release.launcher_works import LOCKS, a_user, put, reads, said
from tests.release.programs import BEGIN, Program, an_install, the_new_one_works

DAMAGED = "damaged before"
PYTHON_HOME = "w/cache/python/cpython-3.11.7-test"
#: uv's own, and what the install lock says
OWN = ("w/cache/*", "w/state/*", "uv-cache/*")
#: with a time or the time of a file in it
DATED = ("pack/pack.json", f"pack/{SUMS}", f"pack/{MARK}", "pack/python/*.tar.gz")
USE = (
    BEGIN
    + """
from dataclasses import replace
from launcher.core.install import install as installing
from launcher.core.pack import use
from tests.launcher.core_act.workshop import PROOF, from_wheel, plan_with
wheels = folder / "pack/wheels"
plan = plan_with(from_wheel(wheels / "torch-2.13.0-py3-none-any.whl"))
def ours(*words, **named):
    return installing.install(*words, lock=folder / "lock.txt", proof=PROOF, **named)
use.install = ours
told(use.install_with(plan, Workspace(folder / "w"), folder / "pack", environ=os.environ))
"""
)


def closed(folder: Path) -> dict[str, str]:
    """Variables for pip and uv: this folder's wheels alone."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_", "GIT_"))}
    return {**kept, "PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "UV_OFFLINE": "1",
            "PIP_FIND_LINKS": (folder / "links").as_uri(), "UV_CACHE_DIR": str(folder / "uv-cache")}  # fmt: skip


def to_be_packed(folder: Path) -> None:
    """An environment, a Python of uv's, a small Gesso and a model."""
    an_install(folder)
    lock_of(folder / "launcher.txt", wheel(folder / "links", "helper", "1.0"))
    put(folder, f"{PYTHON_HOME}/bin/python3", "python", 0o755)
    put(folder, "gesso/install.sh", "#!/bin/sh\n", 0o755)
    put(folder, "gesso/launcher/x.py", "x = 1\n")
    put(folder, "w/models/Lora/我的.safetensors", b"mine" * 5000)


def packed(folder: Path) -> list[str]:
    workspace = Workspace(folder / "w")
    making._home_of = lambda _: folder / PYTHON_HOME  # type: ignore[assignment]
    making.LAUNCHER_LOCK = folder / "launcher.txt"
    environment = current(workspace)
    assert environment is not None
    wish = Wish(environment, folder / "pack", ("Lora/我的.safetensors",))
    plan = plan_with(from_wheel(folder / "links/torch-2.12.0-py3-none-any.whl"))
    done = make_pack(wish, workspace, plan, MACHINE, environ=closed(folder), gesso=folder / "gesso")
    return [str(each.text) for each in done if isinstance(each, Notice)]


def to_be_packed_again(folder: Path) -> None:
    """A file of Gesso is gone, another has come, a wheel was damaged, and the user keeps something in the pack."""
    to_be_packed(folder)
    packed(folder)
    (folder / "gesso/launcher/x.py").rename(folder / "gesso/launcher/y.py")
    put(folder, "pack/wheels/tiny-1.0-py3-none-any.whl", DAMAGED)
    put(folder, "pack/wheels/mine.whl", "mine")


def whole_or_unfinished(folder: Path) -> None:
    """What passes for a pack is one: every file that it lists is there, as it was packed."""
    reads(folder / "w")
    damaged = folder / "pack/wheels/tiny-1.0-py3-none-any.whl"
    if damaged.is_file() and damaged.read_text("latin-1") == DAMAGED:
        # Nothing has been done yet, or it is no pack any more.
        return
    if (folder / "pack" / SUMS).exists():
        read_pack(folder / "pack")
        list(verify(folder / "pack"))


def whole(folder: Path) -> None:
    reads(folder / "w")
    list(verify(folder / "pack"))
    theirs = {SUMS, MARK, "wheels/mine.whl"}
    there = {each.relative_to(folder / "pack").as_posix() for each in (folder / "pack").rglob("*") if each.is_file()}
    assert there - theirs == set(read_sums(folder / "pack"))


def a_pack_of_models(folder: Path) -> None:
    a_user(folder / "w")
    pack_of_models(folder / "pack", "Lora/a.safetensors", "Lora/b.safetensors", "VAE/c.safetensors")
    put(folder, "w/models/Lora/b.safetensors", "mine")


def a_pack_to_use(folder: Path) -> None:
    """Wheels, a model and their list, on a computer where an older torch is at work."""
    an_install(folder)
    pack, wheels = folder / "pack", folder / "pack/wheels"
    shutil.copytree(folder / "links", wheels)
    put(pack, "models/Lora/a.safetensors", b"packed" * 1000)
    names = [each.relative_to(pack).as_posix() for each in pack.rglob("*") if each.is_file()]
    code = "import sys; from pathlib import Path; from launcher.core.pack.manifest import write_sums; "
    code += "list(write_sums(Path(sys.argv[1]), sys.argv[2:], {}))"
    subprocess.run([sys.executable, "-c", code, str(pack), *names], cwd=checkout(), check=True)


def it_is_used(folder: Path) -> None:
    the_new_one_works(folder)
    assert (folder / "w/models/Lora/a.safetensors").read_bytes() == b"packed" * 1000
    assert [each.name for each in (folder / "w/models/Lora").iterdir()] == ["a.safetensors"]


WORKS = (
    Work("pack", to_be_packed, packed, whole_or_unfinished, dear=True, own=OWN, varies=DATED, after=whole,
         full="disk-full|pack-not-written"),
    Work("pack-again", to_be_packed_again, packed, whole_or_unfinished, dear=True, own=OWN, varies=DATED, after=whole,
         full="disk-full|pack-not-written"),
    Work("models-brought", a_pack_of_models,
         lambda folder: said(bring_models(folder / "pack", Workspace(folder / "w"))),
         lambda folder: reads(folder / "w"), own=("w/state/*.lock", *LOCKS), full="disk-full|model-not-copied"),
)  # fmt: skip
PROGRAMS = (
    Program("pack-used", USE, a_pack_to_use, it_is_used,
            ("w/environments/torch-2.12.0", "w/outputs", "w/config.toml", "links", "lock.txt", "pack"),
            says="swept", own=r"^uv-cache/|^w/(cache|state|logs)/|__pycache__", points=16),
)  # fmt: skip

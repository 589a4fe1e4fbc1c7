"""Forty workspaces with odd names: what is fetched is listed, found and installed in each."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest

from launcher.core.environments.environments import current
from launcher.core.environments.recipes import CONSTRAINTS, constraining
from launcher.core.install.install import install
from launcher.core.install.wheelhouse import pages, wheelhouse, write_index
from launcher.core.packages.wheels import WheelFile
from launcher.core.paths import Workspace
from launcher.core.process import python_in
from tests.launcher.core_act.workshop import PROOF, from_wheel, index_pages, lock_of, plan_with, wheel

#: the first of them are installed into for real; on Windows some cannot be names at all
ODD = [
    "我的 画图 (新)", "-dash", "it's #1 100% {x} [y]", "😀 emoji", "a,b;c&d", "x" * 200, " leading", "trailing ",
    "two  spaces", "tab\there", 'quote"double', "back`tick", "$HOME", "%41", "%", "?", "*", "a=b", "a:b", "a|b",
    "<angle>", "~tilde", "^caret", "!bang", "@at", "+plus", "ümlaut", "日本語", "한국어", "العربية", "עברית", "e\u0301",
    "\u00e9", "zero\u200bwidth", "..dots", "dots..", "con", "back\\slash", "new\nline", "CAPS lower",
]  # fmt: skip


def usable(name: str) -> bool:
    return sys.platform != "win32" or not (set(name) & set('<>:"|?*\\\n\t') or name[-1] in " ." or name == "con")


def test_there_are_forty() -> None:
    assert len(ODD) == len(set(ODD)) == 40


@pytest.mark.parametrize("name", [name for name in ODD if usable(name)], ids=ascii)
def test_the_index_and_the_constraints_are_found_again(tmp_path: Path, name: str) -> None:
    workspace = Workspace(tmp_path / name)
    house = wheelhouse(workspace)
    address = write_index(house, [WheelFile("tiny", "1.0", "tiny-1.0-py3-none-any.whl", "https://e.org/x", "a" * 64)])
    assert Path(url2pathname(urlsplit(address).path)) == pages(house)
    (line,) = (each for each in (pages(house) / "tiny/index.html").read_text("utf-8").splitlines() if "<a " in each)
    assert Path(url2pathname(urlsplit(line.split('"')[1]).path)) == house / "tiny-1.0-py3-none-any.whl"
    folder = workspace.environments / "mine"
    folder.mkdir(parents=True)
    (folder / CONSTRAINTS).write_text("")
    (told,) = set(constraining(folder, {}).values())
    assert not set(told) & set(" \t\n,"), "pip and uv would part it there"


@pytest.mark.parametrize("name", [name for name in ODD[:6] if usable(name)], ids=ascii)
def test_an_install_ends_well_in_the_oddest(tmp_path: Path, environ: dict[str, str], name: str) -> None:
    torch = wheel(tmp_path / "links", "torch", "2.13.0")
    tiny = wheel(tmp_path / "pages" / "tiny", "tiny", "1.0")
    workspace = Workspace(tmp_path / name)
    with index_pages(tmp_path / "pages") as url:
        environ = {**environ, "PIP_INDEX_URL": url}
        lock = lock_of(tmp_path / "lock.txt", tiny)
        list(install(plan_with(from_wheel(torch)), workspace, environ=environ, lock=lock, proof=PROOF))
    folder = current(workspace)
    assert folder is not None
    subprocess.run([python_in(folder), "-c", "import torch, tiny"], check=True)
    assert list(wheelhouse(workspace).glob("tiny-*.whl"))

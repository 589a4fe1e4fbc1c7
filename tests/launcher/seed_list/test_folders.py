"""Folders with spaces, folders of somebody else, no Python, and Pythons that are not the ones that were meant."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace

import pytest

from launcher.core.mends.mend import Here
from launcher.core.process import python_in
from launcher.core.running import find_running, stop
from launcher.core.serving.launch import launch
from tests.launcher.core_act.test_launch import PLAN, options
from tests.launcher.core_act.workshop import with_fake_engine
from tests.launcher.mends.shop import Shop, run
from tests.launcher.seed_list.staging import Patient, printed

SHELL = shutil.which("bash")
pytestmark = pytest.mark.skipif(sys.platform == "win32" or SHELL is None, reason="asks a shell of Unix")


def served(here: Here) -> bool:
    """Does Gesso start its engine here? The engine is the fake one, the start and the folder are real."""
    try:
        list(launch(here.workspace, options(), PLAN, environ=here.environ))
        return find_running(here.workspace) is not None
    finally:
        stop(here.workspace)


@pytest.mark.parametrize(
    "line", ["cd {folder} && ls", '{folder}/start.sh', "exec $(echo {folder}/venv/bin/python) launch.py"]
)  # fmt: skip
def test_spaces_in_the_path(patient: Patient, tmp_path, line):
    """Real: the shell, and what it says of a path that a script does not quote; Gesso's own start in the very same
    folder. Stand-in: the script, which is one line of those that other installs begin with.
    """
    folder = tmp_path / "my pictures" / "stable diffusion"
    folder.mkdir(parents=True)
    script = folder / "webui.sh"
    script.write_text(f"set -e\n{line.format(folder=folder)}\n")
    code, log = printed([SHELL or "", str(script)], patient.here.environ, tmp_path)
    assert code
    assert patient.diagnosed(log).slug == "env-bad-path"
    there = Here(replace(patient.here.workspace, root=folder / "绘 图"), patient.here.environ)
    with_fake_engine(there.workspace)
    assert served(there)


@pytest.mark.parametrize("name", ["python", "python3.10"])
def test_where_is_my_python(patient: Patient, tmp_path, name):
    """Real: a shell whose PATH knows no Python, and Gesso's own start with the same PATH: it has its own."""
    empty = tmp_path / "empty"
    empty.mkdir()
    here = Here(patient.here.workspace, {**patient.here.environ, "PATH": str(empty)})
    code, log = printed([SHELL or "", "-c", f"{name} launch.py"], here.environ, tmp_path)
    assert code == 127
    assert patient.diagnosed(log).slug == "py-not-found"
    with_fake_engine(here.workspace)
    assert served(here)


@pytest.mark.parametrize("alias", ["en", "zh"])
def test_where_is_my_python_on_windows(patient: Patient, alias):
    """Stand-in: what the alias of the Microsoft Store, and a Chinese command prompt in its own encoding, print."""
    words = {
        "en": "Python was not found; run without arguments to install from the Microsoft Store, or disable this "
        "shortcut from Settings > Manage App Execution Aliases.\r\n",
        "zh": "'python' 不是内部或外部命令，也不是可运行的程序\r\n或批处理文件。\r\n",
    }[alias]
    assert patient.diagnosed(words.encode("gbk")).slug == "py-not-found"


@pytest.mark.skipif(shutil.which("git") is None, reason="asks git")
def test_safe_directory(patient: Patient, tmp_path):
    """Real: git, its refusal, and the folder that it names itself. git pretends that another user owns it."""
    folder = tmp_path / "扩展 with spaces"
    folder.mkdir()
    environ = {**patient.here.environ, "GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"}
    patient.here = Here(patient.here.workspace, environ)
    subprocess.run(["git", "init", "-q"], cwd=folder, env=environ, check=True)
    code, log = printed(["git", "status"], environ, folder)
    assert code
    found = patient.diagnosed(log)
    assert (found.slug, found.mend) == ("git-dubious-ownership", "safe-directory")
    number = patient.mend(found)
    assert printed(["git", "status"], environ, folder)[0] == 0
    patient.undo(number)
    assert printed(["git", "status"], environ, folder)[0]


@pytest.fixture
def shop(tmp_path, monkeypatch, patient) -> Shop:
    made = Shop(tmp_path, monkeypatch)
    patient.here = made.here
    return made


def test_an_environment_whose_python_is_gone(patient: Patient, shop: Shop, tmp_path):
    """Real: an environment made by uv, its Python that was uninstalled, what the shell says, the building
    anew. Stand-ins: the wheels in it.
    """
    folder = shop.install()
    start = [SHELL or "", "-c", f'"{python_in(folder)}" -c "import tiny"']
    assert printed(start, shop.environ, tmp_path)[0] == 0
    python_in(folder).unlink()
    python_in(folder).symlink_to(tmp_path / "uninstalled" / "python3")
    code, log = printed(start, shop.environ, tmp_path)
    assert code
    found = patient.diagnosed(log)
    assert (found.slug, found.mend) == ("py-venv-broken", "rebuild-environment")
    number = patient.mend(found)
    assert run(shop.current, "import tiny, torch").returncode == 0
    patient.undo(number)


def test_a_python_that_conda_has_led_astray(patient: Patient, tmp_path):
    """Real: a Python whose home is a folder that is gone, as a removed conda leaves it in the variables; Gesso starts
    its engine with the same variables. Stand-in: conda.
    """
    gone = tmp_path / "miniconda3" / "envs" / "sd"
    astray = {
        **patient.here.environ, "PYTHONHOME": str(gone), "CONDA_PREFIX": str(gone), "CONDA_DEFAULT_ENV": "sd",
        "PYTHONPATH": str(gone),
    }  # fmt: skip
    code, log = printed([sys.executable, "-c", "import json"], astray, tmp_path)
    assert code
    assert patient.diagnosed(log).slug == "py-venv-broken"
    here = Here(patient.here.workspace, astray)
    with_fake_engine(here.workspace)
    assert served(here)

"""Finished or not there; the pointer is the old one or the new one, whenever the writer is killed."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from launcher.core.environments import environments
from launcher.core.environments.installed import Installed
from launcher.core.errors import LauncherError
from launcher.core.file_lock import only_one
from launcher.core.install.lock import end_orphans, install_lock
from launcher.core.paths import Workspace, checkout, child_environment
from launcher.core.process import created
from launcher.core.records import read_record, write_record
from tests.launcher.core_act.workshop import PYTHON, with_fake_engine


def holding(folder: Path) -> Installed:
    """What a fake engine's environment is known for."""
    return Installed(folder.name, "2.13.0", "1" * 64, proven=True, python=PYTHON, tag="cpu", source="here")


def test_nothing_is_installed_in_an_empty_workspace(workspace: Workspace) -> None:
    assert environments.current(workspace) is None
    assert environments.installed(workspace) == Installed()
    assert environments.sweep(workspace) == []


def test_the_current_one_is_what_the_pointer_names(workspace: Workspace) -> None:
    folder = with_fake_engine(workspace)
    assert environments.current(workspace) == folder
    assert json.loads((workspace.environments / "current.json").read_text()) == {"name": folder.name}
    assert environments.installed(workspace) == replace(holding(folder), verified=True)


def test_one_that_was_proven_but_not_switched_to_is_known(workspace: Workspace) -> None:
    folder = with_fake_engine(workspace)
    (workspace.environments / "current.json").unlink()
    assert environments.installed(workspace) == holding(folder)
    assert environments.matching(workspace, "2.13.0", "1" * 64) == folder
    assert environments.matching(workspace, "2.13.0", "2" * 64) is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"name": 3}', '{"name": "../../etc"}', '{"name": "gone"}', '"x"'])
def test_a_pointer_that_leads_nowhere_counts_as_none(workspace: Workspace, content: str) -> None:
    with_fake_engine(workspace)
    (workspace.environments / "current.json").write_text(content)
    assert environments.current(workspace) is None


def test_a_python_that_was_removed_under_it_makes_it_unusable(workspace: Workspace) -> None:
    folder = with_fake_engine(workspace)
    (folder / "bin" / "python").unlink()
    (folder / "bin" / "python").symlink_to("/nowhere/python3")
    assert environments.current(workspace) is None
    assert environments.matching(workspace, "2.13.0", "1" * 64) is None


def test_the_unfinished_are_swept_and_the_finished_left_alone(workspace: Workspace) -> None:
    folder = with_fake_engine(workspace)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    half = workspace.environments / "torch-2.13.0-cpu-2"
    environments.begin(half)
    (half / "bin").mkdir()
    assert environments.sweep(workspace) == ["torch-2.13.0-cpu-2"]
    assert not half.exists()
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


@pytest.mark.parametrize("content", ["", '{"torch": "2.1', '{"torch": "2.12.0", "source": "here"}', '{"sha256": 3}'])
def test_a_stamp_that_cannot_be_understood_is_no_reason_to_remove_what_it_stands_in(
    workspace: Workspace, content: str
) -> None:
    current = with_fake_engine(workspace)
    older = with_fake_engine(workspace, "torch-2.12.0-cpu-1")
    environments.switch(workspace, current)
    for folder in (current, older):
        (folder / "gesso.json").write_text(content)
    assert environments.sweep(workspace) == []
    assert (current / "bin" / "python").exists()
    assert (older / "bin" / "python").exists()


def test_what_we_did_not_begin_is_never_swept(workspace: Workspace) -> None:
    """A backup of the user's, or the environment that VENV_DIR names."""
    (workspace.environments / "my-backup").mkdir(parents=True)
    (workspace.environments / "my-backup" / "thesis.doc").write_text("mine")
    assert environments.sweep(workspace) == []
    assert (workspace.environments / "my-backup" / "thesis.doc").exists()


def test_what_was_proven_no_longer_counts_as_begun(workspace: Workspace) -> None:
    folder = workspace.environments / "mine"
    environments.begin(folder)
    environments.stamp(folder, environments.Stamp("2", "cpu", "", (), "", "3.11", "now"))
    (folder / "gesso.json").unlink()
    assert environments.sweep(workspace) == []


def test_what_the_pointer_names_is_never_swept(workspace: Workspace) -> None:
    current = with_fake_engine(workspace)
    (current / "gesso.json").unlink()
    assert environments.sweep(workspace) == []
    assert (current / "bin" / "python").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [("sha256", 3), ("sha256", None), ("tag", ...), ("python", 3), ("verified_at", []), ("advice", [1])],
)
def test_a_stamp_of_another_shape_counts_as_none(workspace: Workspace, name: str, value: object) -> None:
    folder = with_fake_engine(workspace)
    record = json.loads((folder / "gesso.json").read_text())
    record = {**record, name: value} if value is not ... else {key: record[key] for key in record if key != name}
    (folder / "gesso.json").write_text(json.dumps(record))
    assert environments.read_stamp(folder) is None
    assert environments.current(workspace) is None


def test_a_name_is_never_used_twice(workspace: Workspace) -> None:
    with_fake_engine(workspace)
    assert environments.fresh_name(workspace, "2.13.0+cpu", "cpu").name == "torch-2.13.0-cpu-2"


def test_the_unfinished_cannot_become_current(workspace: Workspace) -> None:
    old = with_fake_engine(workspace)
    new = workspace.environments / "torch-2.13.0-cpu-2"
    new.mkdir()
    with pytest.raises(LauncherError) as failure:
        environments.switch(workspace, new)
    assert failure.value.code == "environment-unfinished"
    assert environments.current(workspace) == old


def test_a_writer_killed_at_any_moment_leaves_the_old_record_or_the_new(tmp_path: Path) -> None:
    record = tmp_path / "current.json"
    write_record(record, {"name": "a" * 5000})
    code = (
        "import sys; from pathlib import Path; from launcher.core.records import write_record\n"
        "print('go', flush=True)\n"
        "while True:\n"
        "    for letter in 'abcdef': write_record(Path(sys.argv[1]), {'name': letter * 5000})\n"
    )
    chance = random.Random(20261120)
    for _ in range(12):
        child = subprocess.Popen([sys.executable, "-c", code, str(record)], stdout=subprocess.PIPE, cwd=checkout())
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(chance.uniform(0, 0.05))
        child.kill()
        child.wait()
        found = read_record(record)
        assert found is not None
        assert len(found["name"]) == 5000
        assert len(set(found["name"])) == 1
        assert record.stat().st_mode & 0o777 == 0o600


def test_what_killed_writers_left_beside_is_swept_later(tmp_path: Path) -> None:
    import os

    orphan = tmp_path / ".r.json.abc.tmp"
    orphan.write_text("{")
    os.utime(orphan, (1, 1))
    fresh = tmp_path / ".r.json.def.tmp"
    fresh.write_text("{")
    write_record(tmp_path / "r.json", {"a": 1})
    assert sorted(path.name for path in tmp_path.iterdir()) == [".r.json.def.tmp", "r.json"]


def test_what_cannot_be_written_is_a_named_failure_and_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "r.json").mkdir()
    with pytest.raises(LauncherError) as failure:
        write_record(tmp_path / "r.json", {"a": 1})
    assert failure.value.code == "no-permission"
    assert isinstance(failure.value, OSError)
    assert str(tmp_path / "r.json") in str(failure.value.message)
    assert [path.name for path in tmp_path.iterdir()] == ["r.json"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
def test_a_full_disk_is_said_and_a_lock_is_held_without_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    monkeypatch.setattr("tempfile.mkstemp", lambda **_: (os.dup(full), str(tmp_path / "beside")))
    with pytest.raises(LauncherError) as failure:
        write_record(tmp_path / "r.json", {"a": 1})
    assert failure.value.code == "disk-full"
    held = []
    with only_one(Path("/dev/full"), lambda _: AssertionError()):
        held.append(True)
    assert held
    os.close(full)


def test_a_record_of_a_hundred_thousand_brackets_is_none(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text("[" * 100_000)
    assert read_record(tmp_path / "r.json") is None


HOLDER = (
    "import sys, time; from pathlib import Path; from launcher.core.paths import Workspace\n"
    "from launcher.core.install.lock import install_lock\n"
    "with install_lock(Workspace(Path(sys.argv[1]))):\n"
    "    print('held', flush=True); time.sleep(60)\n"
)


def test_the_second_install_says_who_holds_the_first_and_a_killed_holder_holds_nothing(workspace: Workspace) -> None:
    command = [sys.executable, "-c", HOLDER, str(workspace.root)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=checkout())
    assert child.stdout is not None
    assert child.stdout.readline() == b"held\n"
    with pytest.raises(LauncherError) as failure, install_lock(workspace):
        pass
    assert failure.value.code == "install-running"
    assert str(child.pid) in str(failure.value.message)
    child.kill()
    child.wait()
    with install_lock(workspace):
        pass


def test_a_lock_file_with_a_living_strangers_number_in_it_is_no_lock(workspace: Workspace) -> None:
    workspace.state.mkdir(parents=True)
    (workspace.state / "install.lock").write_text('{"pid": 1, "created": 1.0}')
    with install_lock(workspace):
        pass


def test_a_uv_that_a_killed_install_left_is_ended_and_other_programs_are_not(
    workspace: Workspace, tmp_path: Path
) -> None:
    uv = tmp_path / "uv"
    shutil.copy(sys.executable if not Path(sys.executable).is_symlink() else Path(sys.executable).resolve(), uv)
    sleep = ["-c", "import time; time.sleep(60)"]
    inside = str(workspace.environments / "torch-2.13.0-cpu-1")
    home = {"PYTHONHOME": sys.base_prefix}
    left = subprocess.Popen([str(uv), *sleep, inside], env=child_environment(workspace, {}) | home)
    users = subprocess.Popen([str(uv), *sleep, inside], env=home)
    other = subprocess.Popen([sys.executable, *sleep, inside], env=child_environment(workspace, {}))
    try:
        time.sleep(0.2)
        assert end_orphans(workspace) == [left.pid]
        assert left.wait(20) != 0
        assert created(other.pid) is not None
        assert created(users.pid) is not None
    finally:
        for child in (left, users, other):
            child.kill()
            child.wait()

"""Back to the one before, away with one not in use, never through a link; what lies on the disk and is shared."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from launcher.core.environments import changes as environment_changes
from launcher.core.environments import environments
from launcher.core.environments.listing import environments_there, measure
from launcher.core.errors import LauncherError
from launcher.core.paths import Workspace, child_environment
from launcher.core.process import created
from launcher.core.running import Running, write_running
from tests.launcher.core_act.workshop import with_fake_engine


def refused(code: str, workspace: Workspace, folder: Path) -> None:
    with pytest.raises(LauncherError) as failure:
        environment_changes.remove(workspace, folder)
    assert failure.value.code == code


def test_one_command_leads_back_and_the_same_command_forth_again(workspace: Workspace) -> None:
    old, new = with_fake_engine(workspace, "old"), with_fake_engine(workspace, "new")
    assert environments.previous(workspace) == old
    assert environment_changes.rollback(workspace) == old
    assert environments.current(workspace) == old
    assert environment_changes.rollback(workspace) == new
    assert environments.current(workspace) == new


def test_switching_to_the_current_one_does_not_forget_the_one_before(workspace: Workspace) -> None:
    old, new = with_fake_engine(workspace, "old"), with_fake_engine(workspace, "new")
    environments.switch(workspace, new)
    assert environments.previous(workspace) == old


@pytest.mark.parametrize("fate", ["never there", "removed", "unfinished"])
def test_there_may_be_nothing_to_go_back_to(workspace: Workspace, fate: str) -> None:
    if fate != "never there":
        old = with_fake_engine(workspace, "old")
    with_fake_engine(workspace, "new")
    if fate == "removed":
        shutil.rmtree(old)
    elif fate == "unfinished":
        (old / "gesso.json").unlink()
    with pytest.raises(LauncherError) as failure:
        environment_changes.rollback(workspace)
    assert failure.value.code == "no-previous-environment"
    assert environments.current(workspace) == workspace.environments / "new"


def test_what_is_removed_is_gone_whole_and_the_others_are_untouched(workspace: Workspace) -> None:
    old, new = with_fake_engine(workspace, "old"), with_fake_engine(workspace, "new")
    environment_changes.remove(workspace, old)
    assert sorted(entry.name for entry in workspace.environments.iterdir()) == ["current.json", "new"]
    assert environments.usable(new)


def test_the_current_one_is_never_removed(workspace: Workspace) -> None:
    folder = with_fake_engine(workspace)
    refused("environment-in-use", workspace, folder)
    (folder / "gesso.json").unlink()
    refused("environment-in-use", workspace, folder)
    assert folder.is_dir()


def test_nothing_behind_a_link_is_removed(workspace: Workspace, tmp_path: Path) -> None:
    with_fake_engine(workspace)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").write_text("x")
    link = workspace.environments / "link"
    link.symlink_to(elsewhere, target_is_directory=True)
    refused("not-ours", workspace, link)
    refused("not-ours", workspace, elsewhere)
    refused("not-ours", workspace, workspace.environments)
    with pytest.raises(LauncherError):
        environments.find(workspace, "link")
    inside = with_fake_engine(workspace, "with-a-link")
    with_fake_engine(workspace, "now")
    (inside / "models").symlink_to(elsewhere, target_is_directory=True)
    environment_changes.remove(workspace, inside)
    assert (elsewhere / "precious").read_text() == "x"


def test_a_removal_that_was_cut_short_is_ended_by_the_next_install(workspace: Workspace) -> None:
    with_fake_engine(workspace)
    (workspace.environments / ".leaving-old" / "bin").mkdir(parents=True)
    (workspace.environments / ".leaving-old" / "gesso.json").write_text("{}")
    assert environments.sweep(workspace) == []
    assert not (workspace.environments / ".leaving-old").exists()


@pytest.mark.parametrize(
    "name", ["", "..", "a/b", "a\\b", "-rf", ".hidden", "con", "NUL.txt", "a b", "x" * 61, "dot.", "a\nb", "quote'"]
)
def test_a_name_that_some_system_cannot_bear_is_refused(workspace: Workspace, name: str) -> None:
    with pytest.raises(LauncherError) as failure:
        environment_changes.check_new_name(workspace, name)
    assert failure.value.code == "bad-name"


@pytest.mark.parametrize("name", ["mine", "我的环境", "torch-2.13.0-cpu-1", "Ünï.2"])
def test_a_name_may_be_of_any_language_and_is_there_once(workspace: Workspace, name: str) -> None:
    folder = environment_changes.check_new_name(workspace, name)
    assert folder == workspace.environments / name
    with_fake_engine(workspace, name)
    with pytest.raises(LauncherError) as failure:
        environment_changes.check_new_name(workspace, name.upper())
    assert failure.value.code == "environment-exists"
    assert environments.find(workspace, name) == folder


def test_a_name_that_a_killed_run_left_is_free(workspace: Workspace) -> None:
    environments.begin(workspace.environments / "mine")
    assert environment_changes.check_new_name(workspace, "mine") == workspace.environments / "mine"
    (workspace.environments / "theirs").mkdir()
    with pytest.raises(LauncherError):
        environment_changes.check_new_name(workspace, "theirs")


def test_one_that_is_not_there_is_said_with_those_that_are(workspace: Workspace) -> None:
    with_fake_engine(workspace, "mine")
    with pytest.raises(LauncherError, match="mine") as failure:
        environments.find(workspace, "../mine")
    assert failure.value.code == "no-such-environment"


@pytest.mark.skipif(sys.platform == "win32", reason="hard links need NTFS there")
def test_what_is_shared_is_counted_apart_and_each_file_once(tmp_path: Path) -> None:
    cache, folder = tmp_path / "cache", tmp_path / "env"
    cache.mkdir()
    folder.mkdir()
    (cache / "big").write_bytes(b"x" * 5000)
    os.link(cache / "big", folder / "big")
    os.link(cache / "big", folder / "again")
    (folder / "own").write_bytes(b"x" * 300)
    (folder / "link").symlink_to(cache, target_is_directory=True)
    size = measure(folder)
    links = (folder / "link").lstat().st_size
    assert (size.shared, size.total - size.shared) in ((5000, 300), (5000, 300 + links))


def test_the_list_begins_with_the_current_one_and_knows_those_that_cannot_be_used(workspace: Workspace) -> None:
    broken = with_fake_engine(workspace, "a-broken")
    with_fake_engine(workspace, "b-kept")
    with_fake_engine(workspace, "c-before")
    with_fake_engine(workspace, "d-now")
    (workspace.environments / "e-half").mkdir()
    (broken / "bin" / "python").unlink()
    found = [(one.folder.name, one.state) for one in environments_there(workspace)]
    assert found == [
        ("d-now", "current"), ("c-before", "previous"), ("b-kept", "kept"), ("a-broken", "unusable"),
        ("e-half", "unfinished"),
    ]  # fmt: skip


def test_what_another_python_or_conda_left_behind_does_not_reach_a_child(workspace: Workspace) -> None:
    foreign = {
        "PYTHONHOME": "/conda", "PYTHONPATH": "/theirs", "CONDA_PREFIX": "/conda", "VIRTUAL_ENV": "/v",
        "PYTHONSTARTUP": "/s.py", "__PYVENV_LAUNCHER__": "/p",
    }  # fmt: skip
    child = child_environment(workspace, {**foreign, "PATH": "/bin"})
    assert not foreign.keys() & child.keys()
    assert child["PYTHONNOUSERSITE"] == "1"
    assert child["PATH"] == "/bin"


def test_what_draws_right_now_is_not_removed_though_another_one_is_current(workspace: Workspace) -> None:
    old, _ = with_fake_engine(workspace, "old"), with_fake_engine(workspace, "new")
    own = os.getpid()
    write_running(workspace, Running(own, created(own) or 0.0, "local", "now", (), None, environment="old"))
    refused("environment-in-use", workspace, old)
    assert environments.usable(old)
    write_running(workspace, Running(own, 1.0, "local", "now", (), None, environment="old"))
    environment_changes.remove(workspace, old)
    assert not old.exists()


def test_what_the_user_went_to_by_hand_is_known_until_an_install_says_otherwise(workspace: Workspace) -> None:
    with_fake_engine(workspace, "old"), with_fake_engine(workspace, "new")
    assert not environments.installed(workspace).wished
    environment_changes.rollback(workspace)
    here = environments.installed(workspace)
    assert (here.environment, here.wished, [each.environment for each in here.others]) == ("old", True, ["new"])
    environments.switch(workspace, workspace.environments / "old")
    assert not environments.installed(workspace).wished
    assert environments.previous(workspace) == workspace.environments / "new"
    environments.switch(workspace, workspace.environments / "old", by_hand=True)
    assert environments.installed(workspace).wished


@pytest.mark.parametrize("name", ["current.json", "CURRENT.JSON"])
def test_the_pointers_name_is_no_environments(workspace: Workspace, name: str) -> None:
    with pytest.raises(LauncherError, match="bad-name"):
        environment_changes.check_new_name(workspace, name)


@pytest.mark.skipif(sys.platform == "win32", reason="needs links")
def test_a_dangling_link_and_what_cannot_be_removed_yet_take_a_name_too(workspace: Workspace) -> None:
    workspace.environments.mkdir(parents=True)
    (workspace.environments / "torch-2.13.0-cpu-1").symlink_to("/nowhere/at/all")
    (workspace.environments / f"{environments.LEAVING}torch-2.13.0-cpu-2").mkdir()
    folder = environments.fresh_name(workspace, "2.13.0+cpu", "cpu")
    assert folder.name == "torch-2.13.0-cpu-3"
    environments.begin(folder)

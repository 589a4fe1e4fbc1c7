"""config.toml: what is understood, what is refused, and that a change leaves the rest alone."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from launcher.core.errors import LauncherError
from launcher.core.paths import Workspace
from launcher.core.settings import Settings, Value, change_setting, read_settings, setting_names

WRITTEN = """\
# 我的设置
language = "zh"   # Chinese

[mirrors]
# the university's
packages = "tuna"
colour = "blue"

[later]
key = 1
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "我的 画图 (新)")


def write(workspace: Workspace, text: str) -> None:
    workspace.root.mkdir(parents=True, exist_ok=True)
    workspace.config_file.write_bytes(text.encode())


def test_no_file_chooses_nothing(workspace: Workspace) -> None:
    assert read_settings(workspace) == Settings()


def test_known_keys_are_read_and_strangers_named(workspace: Workspace) -> None:
    write(workspace, WRITTEN)
    found = read_settings(workspace)
    assert (found.language, found.mirrors.packages) == ("zh", "tuna")
    assert found.unknown == ("mirrors.colour", "later")


def test_a_file_saved_by_notepad(workspace: Workspace) -> None:
    write(workspace, "\ufefflanguage = 'en'\r\n[mirrors]\r\ntorch = 'nju'\r\n")
    assert read_settings(workspace).mirrors.torch == "nju"
    change_setting(workspace, "mirrors.github", "ghfast")
    assert read_settings(workspace).mirrors.torch == "nju"
    assert read_settings(workspace).mirrors.github == "ghfast"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('language = "fr"', "language"),
        ("[mirrors]\npackages = 3", "mirrors.packages"),
        ("mirrors = 3", "mirrors"),
        ('[downloads]\nlimit_kib = "fast"', "downloads.limit_kib"),
        ('[proxy]\ndirect = "github"', "proxy.direct"),
        ('[proxy]\ndirect = ["pakages"]', "packages, torch"),
        ("[downloads]\nlimit_kib = -5", "downloads.limit_kib"),
        ("language = ", "TOML"),
        ("\xff", "TOML"),
    ],
)
def test_what_cannot_be_understood_names_file_and_key(workspace: Workspace, text: str, key: str) -> None:
    workspace.root.mkdir()
    workspace.config_file.write_bytes(text.encode("latin-1"))
    with pytest.raises(LauncherError, match="bad-settings") as failure:
        read_settings(workspace)
    assert key in str(failure.value)
    assert str(workspace.config_file) in str(failure.value)


def test_a_change_leaves_comments_order_and_strangers(workspace: Workspace) -> None:
    write(workspace, WRITTEN)
    change_setting(workspace, "mirrors.packages", "aliyun")
    assert workspace.config_file.read_text("utf-8") == WRITTEN.replace("tuna", "aliyun")
    change_setting(workspace, "mirrors.packages", None)
    change_setting(workspace, "mirrors.packages", None)
    assert read_settings(workspace).mirrors.packages is None
    assert "# the university's" in workspace.config_file.read_text("utf-8")


def test_a_change_makes_file_and_table(workspace: Workspace) -> None:
    change_setting(workspace, "proxy.direct", ["github", "python"])
    change_setting(workspace, "downloads.limit_kib", 500)
    change_setting(workspace, "language", "zh")
    found = read_settings(workspace)
    assert (found.proxy.direct, found.downloads.limit_kib, found.language) == (("github", "python"), 500, "zh")
    if os.name == "posix":
        assert workspace.config_file.stat().st_mode & 0o077 == 0, "an address of a proxy may hold a password"


def test_taking_back_what_was_never_set_makes_nothing(workspace: Workspace) -> None:
    change_setting(workspace, "mirrors.torch", None)
    assert workspace.config_file.read_text() == ""


@pytest.mark.parametrize(("key", "value"), [("language", "fr"), ("mirrors.torch", 3), ("downloads.limit_kib", "1")])
def test_a_value_that_does_not_suit_is_not_written(workspace: Workspace, key: str, value: Value) -> None:
    write(workspace, WRITTEN)
    with pytest.raises(LauncherError, match="bad-settings"):
        change_setting(workspace, key, value)
    assert workspace.config_file.read_text("utf-8") == WRITTEN


@pytest.mark.parametrize("key", ["colour", "mirrors", "mirrors.npm", "", "unknown"])
def test_a_setting_nobody_knows(workspace: Workspace, key: str) -> None:
    with pytest.raises(LauncherError, match="no-such-setting") as failure:
        change_setting(workspace, key, "x")
    assert "mirrors.packages" in str(failure.value)


def test_a_broken_file_is_not_overwritten(workspace: Workspace) -> None:
    write(workspace, "language = ")
    with pytest.raises(LauncherError, match="bad-settings"):
        change_setting(workspace, "mirrors.torch", "nju")
    assert workspace.config_file.read_text() == "language = "


def test_two_at_once_lose_nothing(workspace: Workspace) -> None:
    keys = [name for name in setting_names() if name.startswith("mirrors.")]
    threads = [threading.Thread(target=change_setting, args=(workspace, key, "official")) for key in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert all(getattr(read_settings(workspace).mirrors, key.partition(".")[2]) == "official" for key in keys)


def test_a_file_that_is_a_link_stays_one(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    theirs = tmp_path / "dotfiles" / "gesso.toml"
    theirs.write_text("# mine\n")
    workspace.root.mkdir(parents=True)
    workspace.config_file.symlink_to(theirs)
    change_setting(workspace, "proxy.direct", ["packages", "models.example"])
    assert workspace.config_file.is_symlink()
    assert theirs.read_text().startswith("# mine\n")
    assert read_settings(workspace).proxy.direct == ("packages", "models.example")


@pytest.mark.parametrize("text", ['proxy = "x"\n', "[[proxy]]\n"])
def test_what_should_be_a_table_and_is_none_is_said(workspace: Workspace, text: str) -> None:
    workspace.config_file.parent.mkdir(parents=True, exist_ok=True)
    workspace.config_file.write_text(text)
    with pytest.raises(LauncherError, match="bad-settings"):
        change_setting(workspace, "proxy.address", "http://127.0.0.1:7890")
    assert workspace.config_file.read_text() == text


@pytest.mark.skipif(os.name == "nt", reason="a mode there says little")
def test_who_could_read_the_settings_still_can(workspace: Workspace) -> None:
    workspace.config_file.parent.mkdir(parents=True, exist_ok=True)
    workspace.config_file.write_text("")
    workspace.config_file.chmod(0o644)
    change_setting(workspace, "language", "zh")
    assert workspace.config_file.stat().st_mode & 0o777 == 0o644

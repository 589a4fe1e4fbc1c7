"""Long paths on a stand-in for Windows' registry and with git's real settings; an administrator, and everybody else."""

import subprocess

import pytest

from launcher.core.errors import LauncherError
from launcher.core.mends import journal, long_paths
from tests.launcher.mends.mending import exhaust, here_in


class Windows:
    """Its switch, and whether we may turn it."""

    def __init__(self, monkeypatch, switch, *, administrator):
        self.switch, self.administrator = switch, administrator
        monkeypatch.setattr(long_paths, "_applies", lambda: True)
        monkeypatch.setattr(long_paths, "read_switch", lambda: self.switch)
        monkeypatch.setattr(long_paths, "write_switch", self._write)
        monkeypatch.setattr(long_paths, "may_write", lambda: self.administrator)

    def _write(self, value):
        if not self.administrator:
            raise PermissionError(5, "Access is denied")
        self.switch = value


def git_setting(here):
    words = ["git", "config", "--global", "--get", "core.longpaths"]
    return subprocess.run(words, env=dict(here.environ), capture_output=True, text=True, check=False).stdout.strip()


@pytest.fixture
def here(tmp_path):
    return here_in(tmp_path)


@pytest.mark.parametrize("before", [None, 0])
def test_an_administrator_turns_both_on_and_back(here, monkeypatch, before):
    windows = Windows(monkeypatch, before, administrator=True)
    shown = journal.preview(here, "long-paths", {})
    assert [each.after for each in shown.changes] == ["1", "true"]
    assert shown.remark is None
    _, mended = exhaust(journal.mend(here, "long-paths", {}))
    assert mended.still is None
    assert (windows.switch, git_setting(here)) == (1, "true")
    assert journal.preview(here, "long-paths", {}) is None
    exhaust(journal.undo(here, mended.number))
    assert (windows.switch, git_setting(here)) == (before, "")


def test_everybody_else_gets_gits_setting_and_the_exact_step(here, monkeypatch):
    windows = Windows(monkeypatch, 0, administrator=False)
    shown = journal.preview(here, "long-paths", {})
    assert [each.after for each in shown.changes] == ["true"]
    assert "reg add" in str(shown.remark)
    _, mended = exhaust(journal.mend(here, "long-paths", {}))
    assert "reg add" in str(mended.still)
    assert (windows.switch, git_setting(here)) == (0, "true")
    with pytest.raises(LauncherError) as caught:
        journal.preview(here, "long-paths", {})
    assert caught.value.code == "cannot-mend"
    assert "reg add" in str(caught.value.hint)
    exhaust(journal.undo(here, mended.number))
    assert git_setting(here) == ""


def test_a_switch_that_cannot_be_turned_leaves_git_as_it_was(here, monkeypatch):
    windows = Windows(monkeypatch, 0, administrator=False)
    monkeypatch.setattr(long_paths, "may_write", lambda: True)
    with pytest.raises(LauncherError) as caught:
        exhaust(journal.mend(here, "long-paths", {}))
    assert caught.value.code == "no-permission"
    assert (windows.switch, git_setting(here)) == (0, "")


def test_what_somebody_has_changed_since_stays(here, monkeypatch):
    windows = Windows(monkeypatch, None, administrator=True)
    _, mended = exhaust(journal.mend(here, "long-paths", {}))
    windows.switch = 0
    with pytest.raises(LauncherError) as caught:
        exhaust(journal.undo(here, mended.number))
    assert caught.value.code == "mend-changed-since"
    assert git_setting(here) == "true"


def test_elsewhere_there_is_nothing_to_mend(here, monkeypatch):
    monkeypatch.setattr(long_paths, "_applies", lambda: False)
    assert journal.preview(here, "long-paths", {}) is None
    assert git_setting(here) == ""

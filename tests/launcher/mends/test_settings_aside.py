"""A config.toml that nobody can read, staged, set aside, read again, and brought back."""

from __future__ import annotations

import pytest

from launcher.core.errors import LauncherError
from launcher.core.mends import journal
from launcher.core.settings import change_setting, read_settings
from tests.launcher.mends.mending import exhaust, here_in

NAME = "settings-aside"


def broken(tmp_path, text: str = "[[[broken"):
    here = here_in(tmp_path)
    here.workspace.config_file.write_text(text, "utf-8")
    with pytest.raises(LauncherError, match="bad-settings"):
        read_settings(here.workspace)
    return here


def mended(here) -> int:
    shown = journal.preview(here, NAME, {})
    assert shown is not None
    _, found = exhaust(journal.mend(here, NAME, {}))
    assert found.still is None
    assert [each.name for each in here.workspace.root.glob("config.toml.broken-*")] == [shown.changes[0].after]
    number: int = found.number
    return number


@pytest.mark.parametrize("text", ["[[[broken", "language = 7\n", "\udcff"])
def test_the_settings_can_be_read_again_and_the_file_comes_back(tmp_path, text) -> None:
    here = here_in(tmp_path)
    written = text.encode("utf-8", "surrogateescape")
    here.workspace.config_file.write_bytes(written)
    number = mended(here)
    assert read_settings(here.workspace).language is None
    assert journal.preview(here, NAME, {}) is None
    exhaust(journal.undo(here, number))
    assert here.workspace.config_file.read_bytes() == written
    assert not list(here.workspace.root.glob("config.toml.broken-*"))


def test_what_was_chosen_since_is_not_lost_by_the_undo(tmp_path) -> None:
    here = broken(tmp_path)
    number = mended(here)
    change_setting(here.workspace, "language", "zh")
    with pytest.raises(LauncherError, match="mend-changed-since"):
        exhaust(journal.undo(here, number))
    assert read_settings(here.workspace).language == "zh"


def test_an_earlier_one_of_the_same_day_stays(tmp_path) -> None:
    here = broken(tmp_path)
    mended(here)
    here.workspace.config_file.write_text("]]", "utf-8")
    exhaust(journal.mend(here, NAME, {}))
    kept = sorted(each.read_text("utf-8") for each in here.workspace.root.glob("config.toml.broken-*"))
    assert kept == ["[[[broken", "]]"]


def test_settings_that_can_be_read_stay_where_they_are(tmp_path) -> None:
    here = here_in(tmp_path)
    here.workspace.config_file.write_text('language = "en"\n', "utf-8")
    with pytest.raises(LauncherError, match="nothing-to-mend"):
        exhaust(journal.mend(here, NAME, {}))
    assert read_settings(here.workspace).language == "en"

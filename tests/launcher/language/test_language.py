"""Which language is chosen, how the choice is kept, and what a missing sentence does."""

from __future__ import annotations

import sys
from datetime import datetime, timezone
from pathlib import Path

import pytest

from launcher import language
from launcher.core.paths import Workspace
from launcher.core.text import moment
from launcher.language import choose_language, read_saved_language, save_language, translator


@pytest.mark.parametrize(
    ("arg", "environ", "saved", "chosen"),
    [
        ("zh", {"LANG": "en_US.UTF-8"}, "en", "zh"),
        (None, {"LANG": "en_US.UTF-8"}, "zh", "zh"),
        (None, {"LANG": "zh_CN.UTF-8"}, None, "zh"),
        (None, {"LANG": "zh_TW.Big5"}, None, "zh"),
        (None, {"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "de_DE"}, None, "en"),
        (None, {"LC_ALL": "zh-Hans", "LC_MESSAGES": "en_GB"}, None, "zh"),
        (None, {"LC_ALL": "", "LANG": "zh_SG"}, None, "zh"),
        (None, {"LANG": "C.UTF-8"}, None, "en"),
        (None, {"LANG": "zhuang"}, None, "en"),
        (None, {}, None, "en"),
    ],
)
def test_asked_then_kept_then_the_system(arg, environ, saved, chosen, monkeypatch):
    monkeypatch.setattr(language, "_windows_language", lambda: None)
    assert choose_language(arg, environ, saved) == chosen


def test_windows_says_its_language_itself(monkeypatch):
    monkeypatch.setattr(language, "_windows_language", lambda: "zh_CN")
    assert choose_language(None, {}) == "zh"


@pytest.mark.skipif(sys.platform == "win32", reason="asks Windows")
def test_elsewhere_windows_is_not_asked():
    assert language._windows_language() is None


def test_a_sentence_without_an_entry_stays_english():
    assert translator("zh")("No such sentence, {name}.") == "No such sentence, {name}."
    assert translator("zh")("") == ""
    assert translator("zh")("Plan") == "方案"
    assert translator("en")("Plan") == "Plan"


def test_the_choice_is_kept_and_the_rest_of_the_file_with_it(tmp_path: Path):
    workspace = Workspace(tmp_path / "new")
    file = workspace.config_file
    save_language(workspace, "zh")
    assert read_saved_language(file) == "zh"
    file.write_text(
        '# mine\nprofile = "lan"\nlanguage = "zh"\n\n[proxy]\nlanguage = "not this one"\n', encoding="utf-8"
    )
    save_language(workspace, "en")
    assert read_saved_language(file) == "en"
    assert file.read_text(encoding="utf-8") == (
        '# mine\nprofile = "lan"\nlanguage = "en"\n\n[proxy]\nlanguage = "not this one"\n'
    )
    file.write_text('[proxy]\nlanguage = "not this one"\n', encoding="utf-8")
    save_language(workspace, "zh")
    assert read_saved_language(file) == "zh"
    assert '[proxy]\nlanguage = "not this one"' in file.read_text(encoding="utf-8")


@pytest.mark.parametrize("content", ["language = 3", 'language = "fr"', "language = ", "\xff", ""])
def test_a_file_that_says_nothing_useful_is_no_choice(tmp_path: Path, content: str):
    file = tmp_path / "config.toml"
    file.write_bytes(content.encode("latin-1"))
    assert read_saved_language(file) is None
    assert read_saved_language(tmp_path / "none.toml") is None


def test_a_moment_is_told_by_this_computers_clock():
    now = datetime(2026, 11, 22, 12, 0).astimezone()
    told = {
        "2026-11-22 05:25": "today 05:25",
        "2026-11-21 23:59": "yesterday 23:59",
        "2026-11-20 00:01": "2026-11-20 00:01",
        "2026-11-23 05:25": "2026-11-23 05:25",
    }
    for local, words in told.items():
        at = datetime.fromisoformat(local).astimezone(timezone.utc).isoformat(timespec="seconds")
        assert str(moment(at, now)) == words
    assert str(moment("never {x}")) == "never {x}"
    assert moment("2026-11-21T23:59:00", now).render(translator("zh")) == "昨天 23:59"

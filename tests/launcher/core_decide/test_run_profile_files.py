"""Profiles of one's own: written beside and renamed, comments kept, deleted only where nothing is lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from launcher.core import records
from launcher.core.errors import LauncherError
from launcher.core.profiles.files import delete_profile, draft_profile, save_profile, write_draft
from launcher.core.profiles.run_profiles import RunProfile, read_run_profile


def test_what_is_saved_is_read_again(tmp_path: Path) -> None:
    given = RunProfile(
        title='Mit "Anführung"', extends="lan", gpu="GPU-1", memory="medvram", attention="xformers",
        port=8000, share=False,
        auth=("me:geheim",), model="a b.safetensors", theme="dark", language="zh_CN", flags=("--ckpt-dir", "D:\\模型"),
        environment={"HF_ENDPOINT": "https://hf-mirror.com", "EMPTY": ""},
    )  # fmt: skip
    file = save_profile(tmp_path / "new", "我的 (新)", given)
    found = read_run_profile("我的 (新)", tmp_path / "new")
    assert found.listen is True
    assert (found.share, found.port, found.auth, found.flags) == (False, 8000, given.auth, given.flags)
    assert found.environment == given.environment
    assert found.title == given.title
    assert os.name == "nt" or file.stat().st_mode & 0o777 == 0o600


def test_comments_order_and_line_ends_stay(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_bytes(b'# my own\r\nport = 1  # the old one\r\n\r\n[environment]\r\nA = "1" # one\r\n')
    save_profile(tmp_path, "mine", RunProfile(port=2, environment={"B": "2"}))
    assert file.read_bytes() == (
        b'# my own\r\nport = 2  # the old one\r\n\r\n[environment]\r\nA = "1" # one\r\nB = "2"\n'
    ) or file.read_bytes().startswith(b'# my own\r\nport = 2  # the old one\r\n\r\n[environment]\r\nA = "1" # one\r\n')
    assert read_run_profile("mine", tmp_path).environment == {"A": "1", "B": "2"}


def test_a_file_with_variables_at_its_end_takes_a_further_setting(tmp_path: Path) -> None:
    save_profile(tmp_path, "mine", RunProfile(environment={"A": "1"}))
    save_profile(tmp_path, "mine", RunProfile(port=9, theme="dark"))
    found = read_run_profile("mine", tmp_path)
    assert (found.port, found.theme, found.environment) == (9, "dark", {"A": "1"})


@pytest.mark.parametrize(
    ("name", "given", "code"),
    [
        ("../x", RunProfile(), "profile-name"),
        ("x", RunProfile(port=0), "bad-facts"),
        ("x", RunProfile(extends="nobody"), "profile-unknown"),
        ("x", RunProfile(auth=("nobody",)), "bad-facts"),
    ],
)
def test_what_cannot_be_meant_is_not_written(tmp_path: Path, name: str, given: RunProfile, code: str) -> None:
    with pytest.raises(LauncherError, match=code):
        save_profile(tmp_path, name, given)
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_not_there_is_not_named(tmp_path: Path) -> None:
    with pytest.raises(LauncherError) as failure:
        save_profile(tmp_path, "x", RunProfile(auth=("geheim",)))
    said = str(failure.value.message) + str(failure.value.hint)
    assert said.startswith('"auth[0]" must be "name:password"')
    assert "x.toml" not in said
    assert "geheim" not in said


def test_a_broken_file_is_left_as_it_is(tmp_path: Path) -> None:
    for text in ("port = ", "prot = 1\n", 'environment = "x"\n'):
        (tmp_path / "mine.toml").write_text(text)
        with pytest.raises(LauncherError, match="bad-facts"):
            save_profile(tmp_path, "mine", RunProfile(port=1, environment={"A": "1"}))
        assert (tmp_path / "mine.toml").read_text() == text


def test_a_circle_is_refused_before_it_is_written(tmp_path: Path) -> None:
    save_profile(tmp_path, "a", RunProfile(port=1))
    save_profile(tmp_path, "b", RunProfile(extends="a"))
    with pytest.raises(LauncherError, match="profile-cycle"):
        save_profile(tmp_path, "a", RunProfile(extends="b"))
    assert read_run_profile("b", tmp_path).port == 1
    save_profile(tmp_path, "lan", RunProfile(extends="lan", port=2))
    assert read_run_profile("lan", tmp_path).listen


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_profile(tmp_path, "mine", RunProfile(port=1))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(records.os, "fsync", full)
    with pytest.raises(LauncherError) as failure:
        save_profile(tmp_path, "mine", RunProfile(port=2))
    assert failure.value.code == "disk-full"
    assert "No space left" in str(failure.value.message)
    assert read_run_profile("mine", tmp_path).port == 1
    assert [file.name for file in tmp_path.iterdir()] == ["mine.toml"]


@pytest.mark.parametrize("name", ["mine", "MINE", "LAN"])
def test_names_that_differ_in_capitals_alone_are_refused(tmp_path: Path, name: str) -> None:
    save_profile(tmp_path, "Mine", RunProfile(port=1))
    with pytest.raises(LauncherError, match="profile-exists"):
        save_profile(tmp_path, name, RunProfile(port=2))
    assert [file.name for file in tmp_path.iterdir()] == ["Mine.toml"]
    assert save_profile(tmp_path, "Mine", RunProfile(port=3)).name == "Mine.toml"


def test_a_draft_means_what_the_saved_file_will_mean(tmp_path: Path) -> None:
    given = RunProfile(extends="lan", port=2, flags=("--api",), environment={"A": "1"})
    for name in ("lan", "mine"):
        draft = draft_profile(tmp_path, name, given)
        assert not (tmp_path / f"{name}.toml").exists()
        write_draft(draft)
        assert read_run_profile(name, tmp_path) == draft.profile


def test_an_import_replaces_what_was_there(tmp_path: Path) -> None:
    save_profile(tmp_path, "old", RunProfile(title="Mine", listen=True, environment={"A": "1"}, flags=("--api",)))
    (tmp_path / "old.toml").write_text("# my own\n" + (tmp_path / "old.toml").read_text())
    write_draft(draft_profile(tmp_path, "old", RunProfile(port=2), afresh=True))
    assert read_run_profile("old", tmp_path) == RunProfile(title="Mine", port=2)
    assert (tmp_path / "old.toml").read_text().startswith("# my own\n")


def test_deleting(tmp_path: Path) -> None:
    with pytest.raises(LauncherError, match="profile-shipped"):
        delete_profile(tmp_path, "lan")
    with pytest.raises(LauncherError, match="profile-unknown"):
        delete_profile(tmp_path, "nobody")
    save_profile(tmp_path, "a", RunProfile(port=1))
    save_profile(tmp_path, "b", RunProfile(extends="a"))
    with pytest.raises(LauncherError, match="profile-needed") as failure:
        delete_profile(tmp_path, "a")
    assert "b" in str(failure.value.message)
    delete_profile(tmp_path, "b")
    delete_profile(tmp_path, "a")
    save_profile(tmp_path, "lan", RunProfile(port=1))
    save_profile(tmp_path, "c", RunProfile(extends="lan"))
    delete_profile(tmp_path, "lan")
    assert read_run_profile("c", tmp_path).listen


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_link_is_deleted_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    kept = tmp_path / "kept" / "real.toml"
    kept.parent.mkdir()
    kept.write_text("port = 1\n")
    own = tmp_path / "profiles"
    own.mkdir()
    (own / "mine.toml").symlink_to(kept)
    delete_profile(own, "mine")
    assert kept.read_text() == "port = 1\n"


def test_two_who_change_one_at_once_lose_nothing(tmp_path: Path) -> None:
    one = draft_profile(tmp_path, "mine", RunProfile(port=1))
    two = draft_profile(tmp_path, "mine", RunProfile(theme="dark"))
    write_draft(two)
    write_draft(one)
    assert "port = 1" in (tmp_path / "mine.toml").read_text()
    assert 'theme = "dark"' in (tmp_path / "mine.toml").read_text()
    assert [each.name for each in tmp_path.iterdir()] == ["mine.toml"]


def test_a_folder_of_a_profiles_name_is_named(tmp_path: Path) -> None:
    (tmp_path / "dir.toml").mkdir()
    with pytest.raises(LauncherError, match="profile-unknown") as failure:
        delete_profile(tmp_path, "dir")
    assert "is a folder" in str(failure.value.message)
    assert (tmp_path / "dir.toml").is_dir()

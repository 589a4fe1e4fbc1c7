"""Run profiles: the shipped ones, the user's own, built on each other, and broken in every way."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher.core.errors import LauncherError
from launcher.core.memory.choose import MemoryProfile, read_memory_profiles
from launcher.core.profiles.run_profiles import (
    ATTENTION_FLAGS,
    RunProfile,
    check_name,
    known_profiles,
    read_run_profile,
)
from runtime.flag_table import BY_NAME


def own(folder: Path, **files: str) -> Path:
    """Files by their names, each a profile's text."""
    for name, text in files.items():
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    return folder


def test_each_shipped_profile_says_what_it_is() -> None:
    runs = {each.name: each.profile for each in known_profiles()}
    assert {"local", "lan", "share", "api", "careful"} <= set(runs)
    profiles: dict[str, MemoryProfile | RunProfile | None] = {**read_memory_profiles(), **runs}
    for name, profile in profiles.items():
        assert profile is not None, name
        assert profile.title, name
        assert profile.why.endswith("."), name
    for profile in runs.values():
        assert profile is not None
        assert profile.memory is None or profile.memory in read_memory_profiles()
        assert all(flag in BY_NAME for flag in profile.flags if flag.startswith("--"))


def test_each_attention_has_a_flag_that_the_runtime_knows() -> None:
    assert all(BY_NAME[flag].effect == "worker" for flag in ATTENTION_FLAGS.values())


def test_a_child_has_what_its_parents_say_and_says_the_last_word(tmp_path: Path) -> None:
    own(
        tmp_path,
        base='listen = true\nport = 7000\nflags = ["--theme", "dark"]\nenvironment = { A = "1", B = "1" }\n',
        middle='extends = "base"\nmemory = "medvram"\nport = 7001\n',
        child='title = "Mine"\nextends = "middle"\nlisten = false\nflags = ["--no-half"]\nenvironment = { B = "" }\n',
    )
    child = read_run_profile("child", tmp_path)
    assert (child.title, child.listen, child.port, child.memory) == ("Mine", False, 7001, "medvram")
    assert child.flags == ("--theme", "dark", "--no-half")
    assert child.environment == {"A": "1", "B": ""}
    assert read_run_profile("middle", tmp_path).title == ""


def test_ones_own_profile_shadows_a_shipped_one_and_may_build_on_it(tmp_path: Path) -> None:
    own(tmp_path, lan='extends = "lan"\nport = 9\n', bad="prot = 9\n")
    lan = read_run_profile("lan", tmp_path)
    assert (lan.port, lan.listen) == (9, True)
    assert read_run_profile("lan").port is None
    known = {each.name: each for each in known_profiles(tmp_path)}
    assert (known["lan"].own, known["lan"].shadows) == (True, True)
    assert (known["local"].own, known["local"].shadows) == (False, False)
    assert known["bad"].profile is None
    assert '"prot" is unknown' in str(known["bad"].trouble)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prot = 9", '"prot" is unknown'),
        ('port = "9"', '"port" must be a whole number'),
        ("port = 70000", "1 to 65535"),
        ("port = 0", "1 to 65535"),
        ('attention = "fast"', '"attention" must be one of'),
        ('theme = "pink"', '"theme" must be one of'),
        ('auth = ["nobody"]', 'auth[0]" must be "name:password"'),
        ('auth = ["a:b,c:d"]', "without a comma"),
        ('environment = { "A=B" = "1" }', "environment.A=B"),
        ("environment = { A = 1 }", '"environment.A" must be text'),
        ('model = ""', '"model" is empty'),
        ('language = "--share"', '"language" must be'),
        ('extends = "nobody"', '"extends" names "nobody"'),
        ('listen = "yes"', '"listen" must be true or false'),
        ("flags = [1]", '"flags[0]" must be text'),
        ('flags = ["--api", "--theme dark"]', '"flags[1]" holds a flag and its value in one text'),
        ("port = ", "not valid TOML"),
    ],
)
def test_what_cannot_be_meant_is_named_with_file_key_and_remedy(tmp_path: Path, text: str, said: str) -> None:
    own(tmp_path, mine=text + "\n")
    with pytest.raises(LauncherError) as failure:
        read_run_profile("mine", tmp_path)
    assert failure.value.code == "bad-facts"
    assert "mine.toml" in str(failure.value.message)
    assert said in str(failure.value.message)
    assert str(failure.value.hint)


def test_a_circle_is_named(tmp_path: Path) -> None:
    own(tmp_path, a='extends = "b"\n', b='extends = "c"\n', c='extends = "a"\n', self='extends = "self"\n')
    with pytest.raises(LauncherError, match="profile-cycle") as failure:
        read_run_profile("a", tmp_path)
    assert "a → b → c → a" in str(failure.value.message)
    with pytest.raises(LauncherError, match='"extends" names "self"'):
        read_run_profile("self", tmp_path)


@pytest.mark.parametrize("name", ["../lan", "", "LAN?", "a/b"])
def test_a_name_that_is_no_profile_lists_what_there_is(name: str) -> None:
    with pytest.raises(LauncherError, match="profile-unknown") as failure:
        read_run_profile(name)
    assert "lan, local" in str(failure.value.hint)


@pytest.mark.parametrize(
    "name", ["", "-x", ".x", "a/b", "a\\b", "..", "con", "NUL.x", "a.", "a ", " a", "a\n", "a:b", "x" * 65, "a\x7f"]
)
def test_a_name_that_no_file_can_bear_everywhere_is_refused(name: str) -> None:
    with pytest.raises(LauncherError, match="profile-name"):
        check_name(name)


@pytest.mark.parametrize("name", ["lan", "我的 低显存", "a.b", "x" * 64, "3090-a", "été (2)"])
def test_a_name_may_be_in_any_language(name: str) -> None:
    check_name(name)

"""The shipped profiles, and the user's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher.core.errors import LauncherError
from launcher.core.memory import MemoryProfile, read_memory_profiles
from launcher.core.profiles import (
    RunProfile,
    read_run_profile,
    read_run_profiles,
)


def test_each_profile_says_what_it_is() -> None:
    profiles: dict[str, MemoryProfile | RunProfile] = {**read_memory_profiles(), **read_run_profiles()}
    assert {"full", "xformers", "medvram", "lowvram", "cpu", "local", "lan", "share"} <= set(profiles)
    for name, profile in profiles.items():
        assert profile.title, name
        assert profile.why.endswith("."), name


def test_ones_own_profile_wins(tmp_path: Path) -> None:
    (tmp_path / "lan.toml").write_text('title = "mine"\nwhy = "mine"\nport = 9\n')
    assert read_run_profile("lan", tmp_path).port == 9
    assert read_run_profiles(tmp_path)["lan"].title == "mine"
    assert read_run_profile("lan").listen
    (tmp_path / "bad.toml").write_text('title = "x"\nwhy = "x"\nprot = 9\n')
    assert read_run_profile("lan", tmp_path).port == 9  # a broken neighbour does not stop it
    with pytest.raises(LauncherError, match='"prot" is unknown'):
        read_run_profile("bad", tmp_path)
    for name in ("../lan", "", "LAN?"):
        with pytest.raises(LauncherError, match="profile-unknown"):
            read_run_profile(name, tmp_path)

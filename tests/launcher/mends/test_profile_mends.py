"""Run profiles that start with less memory, or in full precision, after a mend; and as they were after its undo."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from launcher.core.environments.environments import installed, read_stamp, stamp
from launcher.core.errors import LauncherError
from launcher.core.hardware.machine import Gpu, Machine
from launcher.core.mends import journal
from launcher.core.mends.mend import Here
from launcher.core.plan.options import Options
from launcher.core.profiles.chosen import keep_chosen
from launcher.core.profiles.files import save_profile
from launcher.core.profiles.run_profiles import RunProfile
from launcher.core.proposal import Proposal, propose
from launcher.core.running import Running, read_running, write_running
from launcher.core.serving.launch import launch, stop
from runtime.flags import UsageError, read_flags
from tests.launcher.core_act.workshop import with_fake_engine
from tests.launcher.mends.mending import exhaust, here_in

CARD = Gpu(0, "GPU-1", "nvidia", "NVIDIA GeForce RTX 3060", 12288, 11900, "8.6", seen_by="nvml")
MACHINE = Machine("linux", "x86_64", "3.11.7", 32000, 120_000, "580.65.06", (CARD,))
MINE = """# mine, by hand
title = "At night"   # when nobody looks
port = 7870
flags = [
    "--no-hashing",  # quicker
    "--upcast-sampling",
]

[environment]
PYTORCH_CUDA_ALLOC_CONF = "max_split_size_mb:128"
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("launcher.core.proposal.look", lambda _: MACHINE)
    return here_in(tmp_path)


def own(here: Here, name: str = "local") -> Path:
    return here.workspace.root / "profiles" / f"{name}.toml"


def mine(here: Here, text: str = MINE) -> Path:
    """A profile of the user's own, which is the chosen one."""
    file = own(here, "night")
    file.parent.mkdir(parents=True)
    file.write_text(text)
    keep_chosen(here.workspace, "night")
    return file


def proposed(here: Here, name: str = "local") -> Proposal:
    return propose(here.workspace, Options(profile=name), installed(here.workspace), here.environ)


def started(here: Here, name: str = "local"):
    """The flags of a start, as the runtime itself understands them."""
    return read_flags(proposed(here, name).command.words[3:], {})


def mode(here: Here, name: str = "local") -> str:
    settings, memory = started(here, name), proposed(here, name).plan.memory
    asked = [each for each in ("lowvram", "medvram") if settings.on(each)]
    assert asked == ([memory.mode] if memory.mode in ("lowvram", "medvram") else []), "the plan says what is started"
    return memory.mode


def mended(here: Here, name: str, **values: str):
    _, found = exhaust(journal.mend(here, name, values))
    assert found.still is None, str(found.still)
    return found.number


def test_a_start_that_ran_out_of_memory_has_enough_after_the_mend(here: Here) -> None:
    """The stand-in for the engine needs more than the card has, unless the model's parts take turns."""
    plan = proposed(here).plan
    folder = with_fake_engine(here.workspace)
    content = read_stamp(folder)
    assert content is not None
    stamp(folder, replace(content, torch=plan.torch.build or "", tag=plan.torch.tag or ""))
    save_profile(own(here).parent, "local", RunProfile(extends="local", flags=("--fake=tight",)))

    def start() -> None:
        now = proposed(here)
        done = replace(now.plan, steps=tuple(replace(step, state="done") for step in now.plan.steps))
        try:
            list(launch(here.workspace, replace(now.options, detach=True), done, environ=here.environ))
        finally:
            stop(here.workspace)

    with pytest.raises(LauncherError, match="out-of-memory"):
        start()
    number = mended(here, "smaller-memory", profile="local")
    start()
    assert "--medvram" in read_running(here.workspace).flags
    exhaust(journal.undo(here, number))
    with pytest.raises(LauncherError, match="out-of-memory"):
        start()


def test_rung_by_rung_down_to_the_processor_and_up_again(here: Here) -> None:
    modes, numbers = [mode(here)], []
    while journal.preview(here, "smaller-memory", {}):
        numbers.append(mended(here, "smaller-memory"))
        modes.append(mode(here))
    assert modes == ["full", "medvram", "lowvram", "cpu"]
    assert "--use-cpu" in proposed(here).command.words
    for number, before in zip(reversed(numbers), ("lowvram", "medvram", "full"), strict=True):
        exhaust(journal.undo(here, number))
        assert mode(here) == before
    assert not own(here).exists(), "there was none before"


def test_a_profile_of_the_users_own_keeps_every_other_line(here: Here) -> None:
    file = mine(here)
    number = mended(here, "smaller-memory")
    assert mode(here, "night") == "medvram"
    assert file.read_text().replace('memory = "medvram"\n', "") == MINE
    assert not own(here).exists()
    exhaust(journal.undo(here, number))
    assert file.read_text() == MINE


def test_a_mode_among_its_flags_gives_way_to_the_smaller_one(here: Here) -> None:
    text = 'flags = ["--no-hashing", "--medvram"]\n'
    file = mine(here, text)
    assert mode(here, "night") == "medvram"
    numbers = [mended(here, "smaller-memory"), mended(here, "smaller-memory")]
    assert mode(here, "night") == "cpu"
    assert "--no-hashing" in started(here, "night").flags or started(here, "night").on("no_hashing")
    for number in reversed(numbers):
        exhaust(journal.undo(here, number))
    assert mode(here, "night") == "medvram"
    assert file.read_text() == text


def test_what_stands_behind_the_profile_is_said_to_count_more(here: Here, tmp_path: Path) -> None:
    here = replace(here, environ={**here.environ, "COMMANDLINE_ARGS": "--medvram"})
    _, done = exhaust(journal.mend(here, "smaller-memory", {}))
    assert done.still is None, "lowvram wins over medvram"
    _, done = exhaust(
        journal.mend(replace(here, environ={**here.environ, "COMMANDLINE_ARGS": "--lowvram"}), "smaller-memory", {})
    )
    assert "COMMANDLINE_ARGS" in str(done.still)


@pytest.mark.parametrize(("name", "key"), [("full-vae", "no_half_vae"), ("full-precision", "no_half")])
def test_the_runtime_is_told_to_compute_in_full_precision_and_no_longer(here: Here, name: str, key: str) -> None:
    file = mine(here)
    assert not started(here, "night").on(key)
    shown = journal.preview(here, name, {})
    assert [(str(each.what), each.after) for each in shown.changes] == [
        ('the flags of the run profile "night"', f"--{key.replace('_', '-')}")
    ]
    number = mended(here, name)
    assert started(here, "night").on(key)
    assert journal.preview(here, name, {}) is None
    assert "# quicker" in file.read_text()
    exhaust(journal.undo(here, number))
    assert file.read_text() == MINE


def test_the_processor_computes_the_vae_in_full_precision_anyway(here: Here, monkeypatch) -> None:
    monkeypatch.setattr("launcher.core.proposal.look", lambda _: replace(MACHINE, gpus=()))
    assert journal.preview(here, "full-vae", {}) is None
    assert journal.preview(here, "smaller-memory", {}) is None
    assert "processor" in str(journal.preview(here, "full-precision", {}).remark)
    mended(here, "full-precision")
    assert started(here).on("no_half")


@pytest.mark.parametrize("name", ["full-vae", "full-precision"])
def test_half_precision_that_was_asked_for_gives_way(here: Here, name: str) -> None:
    """The runtime refuses to start with both."""
    text = 'flags = ["--precision", "half", "--no-hashing"]\n'
    file = mine(here, text)
    with pytest.raises(UsageError):
        read_flags([*proposed(here, "night").command.words[3:], "--no-half-vae"], {})
    number = mended(here, name)
    assert started(here, "night").text("precision") != "half"
    exhaust(journal.undo(here, number))
    assert started(here, "night").text("precision") == "half"
    assert sorted(file.read_text()) == sorted(text)
    inherited = replace(here, environ={**here.environ, "COMMANDLINE_ARGS": "--precision half"})
    _, done = exhaust(journal.mend(inherited, name, {}))
    assert "half precision" in str(done.still)


def test_other_edits_of_the_profile_survive_the_undo_and_an_edit_of_the_same_stops_it(here: Here) -> None:
    file = mine(here)
    first, second = mended(here, "smaller-memory"), mended(here, "full-vae")
    file.write_text(file.read_text().replace("7870", "7871"))
    exhaust(journal.undo(here, first))
    assert file.read_text() == MINE.replace("7870", "7871").replace(
        '"--upcast-sampling",', '"--upcast-sampling",\n    "--no-half-vae",'
    )
    other = MINE.replace("port =", 'memory = "lowvram"\nport =')
    third = mended(here, "smaller-memory")
    file.write_text(other)
    with pytest.raises(LauncherError) as refused:
        exhaust(journal.undo(here, third))
    assert refused.value.code == "mend-changed-since"
    assert file.read_text() == other
    file.write_text(MINE)
    exhaust(journal.undo(here, second))
    assert file.read_text() == MINE, "as it was already"
    third = mended(here, "smaller-memory")
    file.unlink()
    with pytest.raises(LauncherError, match="mend-changed-since"):
        exhaust(journal.undo(here, third))


def test_the_journal_holds_no_password_of_the_profile(here: Here) -> None:
    mine(here, 'auth = ["me:secret-word"]\nflags = ["--api-auth", "me:other-word", "--medvram"]\n')
    mended(here, "smaller-memory")
    mended(here, "full-vae")
    kept = (here.workspace.state / journal.FILE).read_text()
    assert "secret-word" not in kept
    assert "other-word" not in kept


def test_the_profile_of_the_last_start_is_the_one_that_is_changed(here: Here) -> None:
    mine(here)
    fake = Running(1, 0.0, "lan", "2026-11-22T00:00:00+00:00", (), None)
    write_running(here.workspace, fake)
    mended(here, "full-vae")
    assert started(here, "lan").on("no_half_vae")
    assert not started(here, "night").on("no_half_vae")
    mended(here, "full-vae", profile="night")
    assert started(here, "night").on("no_half_vae")


def test_the_last_that_is_taken_back_takes_the_made_file_away(here: Here) -> None:
    """In whatever order."""
    _, first = exhaust(journal.mend(here, "full-vae", {}))
    _, second = exhaust(journal.mend(here, "full-precision", {}))
    exhaust(journal.undo(here, first.number))
    assert own(here).exists()
    exhaust(journal.undo(here, second.number))
    assert not own(here).exists()

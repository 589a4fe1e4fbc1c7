"""What is other than at the last good start is told after a bad one: driver, torch, packages, Gesso, flags."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from launcher.core.environments.drift import Drift, gesso_version, remember_good_start, since_last_good
from launcher.core.errors import LauncherError
from launcher.core.events import Event, Notice, Ready, Stopped
from launcher.core.hardware.machine import Gpu, Machine
from launcher.core.paths import Workspace
from launcher.core.serving.drift import compared
from launcher.core.text import t
from tests.launcher.core_act.workshop import MACHINE, with_fake_engine

CARD = replace(MACHINE, driver="566.36", gpus=(Gpu(0, "GPU-1", name="NVIDIA GeForce RTX 3060"),))


def package(folder: Path, name: str, version: str) -> None:
    (folder / "lib" / "python3.11" / "site-packages" / f"{name}-{version}.dist-info").mkdir(parents=True)


def told(drift: Drift | None) -> list[str]:
    assert drift is not None
    return [str(change.sentence) for change in drift.changes]


def test_before_the_first_good_start_there_is_nothing_to_compare_with(workspace: Workspace) -> None:
    assert since_last_good(workspace, MACHINE, ()) is None


def test_nothing_has_changed(workspace: Workspace) -> None:
    package(with_fake_engine(workspace), "torch", "2.13.0")
    remember_good_start(workspace, CARD, ("--xformers",))
    assert told(since_last_good(workspace, CARD, ("--xformers",))) == []
    assert told(since_last_good(workspace, CARD)) == []


def test_everything_that_a_start_stands_on_is_compared(workspace: Workspace) -> None:
    old = with_fake_engine(workspace, "old")
    for name, version in (("torch", "2.12.0+cu126"), ("gone", "1.0"), ("same", "1.0"), ("aaa", "1")):
        package(old, name, version)
    remember_good_start(workspace, CARD, ("--medvram",))
    new = with_fake_engine(workspace, "new")
    for name, version in (("torch", "2.13.0"), ("fresh", "3.0"), ("same", "1.0"), ("aaa", "2")):
        package(new, name, version)
    assert told(since_last_good(workspace, replace(CARD, driver="596.02", gpus=()), ())) == [
        "the environment: old → new",
        "NVIDIA's driver: 566.36 → 596.02",
        "the graphics cards: NVIDIA GeForce RTX 3060 (no longer there)",
        "the flags of the run profile: --medvram (no longer there)",
        "torch: 2.12.0+cu126 → 2.13.0",
        "aaa: 1 → 2",
        "fresh: 3.0 (new)",
        "gone: 1.0 (no longer there)",
    ]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"packages": 3}'])
def test_a_damaged_record_counts_as_none(workspace: Workspace, content: str) -> None:
    workspace.state.mkdir(parents=True)
    (workspace.state / "last-good-start.json").write_text(content)
    assert since_last_good(workspace, MACHINE, ()) is None


def test_the_version_is_the_commit_or_what_the_copy_states(tmp_path: Path) -> None:
    assert gesso_version(tmp_path) is None
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "gesso"\nversion = "0.4.0"\n')
    assert gesso_version(tmp_path) == "0.4.0"
    git = tmp_path / ".git"
    git.mkdir()
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "packed-refs").write_text("# pack-refs\nabcdef0123456789 refs/heads/main\n")
    assert gesso_version(tmp_path) == "abcdef012345"
    (git / "refs/heads").mkdir(parents=True)
    (git / "refs/heads/main").write_text("123456789abcdef0\n")
    assert gesso_version(tmp_path) == "123456789abc"
    (git / "HEAD").write_text("fedcba9876543210\n")
    assert gesso_version(tmp_path) == "fedcba987654"


def machine(driver: str) -> Machine:
    return replace(CARD, driver=driver)


def run(workspace: Workspace, driver: str, *events: Event, fails: str | None = None) -> list[str]:
    """The notices of a start whose runtime says `events`."""

    def watched() -> Iterator[Event]:
        yield from events
        if fails:
            raise LauncherError(fails, t("Stopped."), t("Stopped."))

    heard = []
    try:
        for event in compared(workspace, (), watched(), lambda _: machine(driver)):
            heard.append(event)  # noqa: PERF402 - what came before the error counts too
    except LauncherError:
        assert fails
    return [str(event.text) for event in heard if isinstance(event, Notice)]


def test_a_bad_start_after_a_good_one_begins_with_what_has_changed(workspace: Workspace) -> None:
    with_fake_engine(workspace)
    assert run(workspace, "566.36", Stopped(1)) == [], "there was no good one before"
    assert run(workspace, "566.36", Ready("http://127.0.0.1:7860", 1, page=True), Stopped(0)) == []
    for ending in ((Stopped(1),), ()):
        head, *changes = run(workspace, "596.02", *ending, fails=None if ending else "runtime-died")
        assert head.startswith("Since the engine last started well (")
        assert changes == ["    NVIDIA's driver: 566.36 → 596.02"]


def test_one_that_got_ready_and_ended_later_was_a_good_start(workspace: Workspace) -> None:
    with_fake_engine(workspace)
    run(workspace, "566.36", Ready("http://127.0.0.1:7860", 1, page=True), Stopped(0))
    assert run(workspace, "596.02", Ready("http://127.0.0.1:7860", 1, page=True), Stopped(9)) == []
    assert told(since_last_good(workspace, machine("596.02"), ())) == []


def test_an_address_without_its_page_is_no_good_start_yet(workspace: Workspace) -> None:
    with_fake_engine(workspace)
    run(workspace, "566.36", Ready("http://127.0.0.1:7860", 1), fails="runtime-died")
    assert since_last_good(workspace, CARD, ()) is None

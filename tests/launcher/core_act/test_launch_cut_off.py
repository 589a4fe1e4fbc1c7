"""Starts and ends that go wrong half way: nobody's runtime is left behind, and none is taken for another."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from launcher.core import running as core_running
from launcher.core.errors import LauncherError, NotWrittenError
from launcher.core.events import Event, Lines, Notice
from launcher.core.paths import Workspace
from launcher.core.plan.options import Options
from launcher.core.plan.plan import Plan
from launcher.core.process import alive, created
from launcher.core.records import write_record
from launcher.core.running import RECORD, STARTING, find_running, status, stop
from launcher.core.serving import launch as acts
from launcher.core.serving.diary import recorded
from launcher.core.serving.launch import launch
from launcher.core.serving.results import RECORD as RESULTS
from launcher.core.text import t
from tests.launcher.core_act.test_launch import PLAN
from tests.launcher.core_act.workshop import with_fake_engine


@pytest.fixture
def engine(workspace: Workspace) -> Iterator[Workspace]:
    with_fake_engine(workspace)
    yield workspace
    stop(workspace)


def started(workspace: Workspace, *flags: str, plan: Plan = PLAN, **more: Any) -> list[str]:
    seen = launch(workspace, Options(runtime_flags=flags, detach=True, **more), plan)
    return [each.slug for each in seen if isinstance(each, Notice) and each.slug != "command"]


def on_card(number: int) -> Plan:
    return replace(PLAN, torch=replace(PLAN.torch, visible=(("CUDA_VISIBLE_DEVICES", str(number)),)))


def full(*_: object) -> None:
    raise NotWrittenError(Path("x"), OSError(errno.ENOSPC, "No space left on device"))


def test_a_full_disk_keeps_nobody_from_ending_it(engine: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    started(engine)
    running = find_running(engine)
    assert running
    monkeypatch.setattr(core_running, "write_record", full)
    assert stop(engine)
    assert not alive(running.pid, running.created)


def test_a_start_on_a_full_disk_leaves_nothing_behind(engine: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    began: list[int] = []
    real = acts.start_detached

    def noted(*words: Any, **more: Any) -> Any:
        child = real(*words, **more)
        began.append(child.pid)
        return child

    monkeypatch.setattr(acts, "start_detached", noted)
    with monkeypatch.context() as patch:
        patch.setattr(core_running, "write_record", full)
        with pytest.raises(LauncherError) as failure:
            started(engine)
    assert failure.value.code == "disk-full"
    assert not began, "it is known before anything is started"
    with monkeypatch.context() as patch:
        patch.setattr(acts, "write_running", full)
        with pytest.raises(LauncherError) as failure:
            started(engine)
    assert failure.value.code == "disk-full"
    assert began
    assert created(began[0]) is None
    assert status(engine).state == "stopped"


def test_one_whose_start_was_killed_before_its_record_is_found_and_ended(
    engine: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(acts, "write_running", killed)
        # What a kill does not do.
        patch.setattr(acts, "end_tree", lambda *_, **__: None)
        with pytest.raises(KeyboardInterrupt):
            started(engine)
    assert not (engine.state / RECORD).exists()
    running = find_running(engine)
    assert running
    assert running.profile == "local"
    assert status(engine).pid == running.pid
    assert started(engine) == ["already-running"]
    assert stop(engine)
    assert not alive(running.pid, running.created)
    assert find_running(engine) is None
    assert not (engine.state / STARTING).exists()


def test_results_that_cannot_be_written_end_nothing(engine: Workspace) -> None:
    (engine.state / RESULTS).mkdir(parents=True)
    assert started(engine) == ["started"]
    assert find_running(engine)


def test_another_wish_is_another_start(engine: Workspace) -> None:
    assert started(engine, "--api-auth", "a:b", plan=on_card(0), gpu="0") == ["started"]
    assert started(engine, "--api-auth", "a:b", plan=on_card(0), gpu="0") == ["already-running"]
    assert started(engine, "--api-auth", "a:b", plan=on_card(1)) == ["already-running"], "no card was asked for"
    other = ["already-running-otherwise"]
    assert started(engine, "--api-auth", "a:b", plan=on_card(1), gpu="1") == other
    assert started(engine, "--api-auth", "a:NEW", plan=on_card(0), gpu="0") == other
    assert started(engine, "--api-auth", "a:b", plan=on_card(0), gpu="0", variables=(("HF_ENDPOINT", "x"),)) == other
    assert "a:b" not in (engine.state / RECORD).read_text()


def test_what_will_not_end_is_not_said_to_have_ended(engine: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    started(engine)
    with monkeypatch.context() as patch:
        patch.setattr(core_running, "end_tree", lambda *_, **__: None)
        with pytest.raises(LauncherError, match="not-stopped"):
            stop(engine)


def test_an_address_that_is_none_is_not_believed(workspace: Workspace) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as child:
        record: dict[str, Any] = {"pid": child.pid, "created": created(child.pid), "profile": "local", "since": "x"}
        write_record(workspace.state / RECORD, {**record, "flags": [], "port": None, "url": "http://["})
        assert status(workspace).state == "starting"
        seen = next(iter(launch(workspace, Options(port=7000), PLAN)))
        child.kill()
    assert isinstance(seen, Notice)
    assert seen.slug == "already-running-otherwise"


def test_a_proxys_password_in_the_last_line_is_kept_nowhere(workspace: Workspace) -> None:
    running = core_running.Running(os.getpid(), 1.0, "local", "now", (), None)

    def watched() -> Iterator[Event]:
        yield Lines("runtime", ("well",))
        raise LauncherError("runtime-died", t("It ended: {line}", line="no http://me:geheim@proxy:3128"), t("Look."))

    with pytest.raises(LauncherError):
        list(recorded(workspace, running, (), watched()))
    assert "geheim" not in (workspace.state / RESULTS).read_text()


def test_nor_is_it_shown_on_the_way(engine: Workspace) -> None:
    seen = list(launch(engine, Options(runtime_flags=("http://me:geheim@proxy:3128",), detach=True), PLAN))
    lines = [text for each in seen if isinstance(each, Lines) for text in each.texts]
    assert any("proxy:3128" in line for line in lines)
    assert not any("geheim" in line for line in lines)

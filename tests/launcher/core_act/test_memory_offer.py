"""After an out-of-memory error the next step down is offered, with its exact option; on a terminal it is taken."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from launcher.carrying import serve
from launcher.core.errors import LauncherError
from launcher.core.events import Event, Notice
from launcher.core.hardware.machine import Gpu, Machine
from launcher.core.memory.choose import MemoryWish, choose_memory
from launcher.core.packages.pip_settings import PipSettings
from launcher.core.packages.sources import Sources
from launcher.core.paths import Workspace
from launcher.core.plan.options import Options
from launcher.core.plan.plan import Plan
from launcher.core.process import python_in
from launcher.core.proposal import Proposal
from launcher.core.pytorch.choice import TorchChoice
from launcher.core.running import read_running
from launcher.core.serving.command_line import command_line
from launcher.core.serving.launch import launch, stop
from launcher.core.text import t
from launcher.printing import Printer
from launcher.verb import Arguments, Call
from tests.launcher.core_act.workshop import plan_with, with_fake_engine

CHOICE = TorchChoice("2.13.0", "cu126", "here", t("The card was asked for."), build="2.13.0")
MACHINE = Machine(gpus=(Gpu(0, "GPU-a", "nvidia", "A", 4096, 3900, "8.6"),))


def planned(wanted: str | None = None) -> Plan:
    return replace(plan_with(CHOICE, state="done"), memory=choose_memory(MACHINE, MemoryWish(wanted), tag="cu126"))


@pytest.fixture
def engine(workspace: Workspace) -> Workspace:
    with_fake_engine(workspace)
    return workspace


def offers(workspace: Workspace, wanted: str | None = None) -> list[str]:
    """What is offered at a start that is short of memory."""
    seen: list[Event] = []
    with pytest.raises(LauncherError, match="out-of-memory"):
        seen.extend(launch(workspace, Options(runtime_flags=("--fake=short",), detach=True), planned(wanted)))
    notices = [event for event in seen if isinstance(event, Notice)]
    return [str(each.text) for each in notices if each.slug == "memory-step-down"]


def test_the_next_step_is_named_once_with_its_option(engine: Workspace) -> None:
    assert offers(engine) == ["Less memory is needed by `gesso up --memory medvram` (about 2.5 GB instead of 2.8 GB)."]


def test_below_the_last_step_there_is_advice(engine: Workspace) -> None:
    (advice,) = offers(engine, "lowvram")
    assert "smaller pictures" in advice


def test_a_model_that_the_computers_memory_does_not_hold_is_said(engine: Workspace) -> None:
    seen = list(launch(engine, Options(runtime_flags=("--fake=little-ram",), detach=True), planned()))
    (told,) = [event for event in seen if isinstance(event, Notice) and event.slug == "model-on-disk"]
    assert told.severity == "warning"
    assert "cannot hold fake (6.5 GB are needed, 3.9 GB are free): its weights are read from the disk" in str(told.text)
    stop(engine)


def serve_with(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, typed: str, *, yes: bool = False) -> str:
    """What is said, on a terminal where this is typed; the runtime is short of memory every time."""
    monkeypatch.setattr("launcher.verb.at_terminal", lambda: True)
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    said = io.StringIO()
    monkeypatch.setattr("sys.stderr", said)
    options, plan = Options(runtime_flags=("--fake=short",), detach=True), planned()
    command = command_line(workspace, python_in(workspace.environments / "x"), options, plan)
    proposal = Proposal(MACHINE, options, PipSettings(), Sources((), None), plan, command)
    printer = Printer(str, json_lines=False, quiet=False, out=said, err=said)
    call = Call(Arguments("up", options, yes=yes), workspace, "en", printer, str)
    with pytest.raises(LauncherError, match="out-of-memory"):
        serve(call, proposal)
    return said.getvalue()


def test_on_a_terminal_it_starts_again_that_way(engine: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    said = serve_with(engine, monkeypatch, "y\nn\n")
    assert said.count("Start again that way?") == 2
    assert "--memory medvram" in said
    assert "--memory lowvram" in said
    running = read_running(engine)
    assert running is not None
    assert "--medvram" in running.flags


def test_nobody_is_asked_with_yes(engine: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    said = serve_with(engine, monkeypatch, "y\n", yes=True)
    assert "Start again" not in said
    assert "--memory medvram" in said


def test_a_runtime_that_has_the_memory_is_no_other_wish(engine: Workspace) -> None:
    """What is free has shrunk by what the runtime itself took, so another mode would be chosen now."""
    options = Options(detach=True)
    list(launch(engine, options, planned()))
    full = Machine(gpus=(replace(MACHINE.gpus[0], vram_free_mib=900),))
    now = replace(planned(), memory=choose_memory(full, tag="cu126"))
    assert now.memory.mode == "lowvram"
    slugs = [event.slug for event in launch(engine, options, now) if isinstance(event, Notice)]
    assert "already-running" in slugs
    asked = replace(options, memory="lowvram")
    wished = replace(planned(), memory=choose_memory(full, MemoryWish("lowvram"), tag="cu126"))
    slugs = [event.slug for event in launch(engine, asked, wished) if isinstance(event, Notice)]
    assert "already-running-otherwise" in slugs
    stop(engine)

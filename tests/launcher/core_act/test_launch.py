"""The fake engine as a real process: started, followed, watched by a second one, stopped, dying in every way."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest

from launcher.core.diagnosis.diagnose import diagnose_file
from launcher.core.errors import LauncherError
from launcher.core.events import Credentials, Event, Lines, ModelLoaded, Notice, Phase, Ready, Stopped
from launcher.core.paths import Workspace
from launcher.core.plan.options import Options
from launcher.core.plan.plan import Plan
from launcher.core.ports import PortTakenError, is_free, who_holds
from launcher.core.process import created, python_in
from launcher.core.pytorch.choice import TorchChoice
from launcher.core.records import write_record
from launcher.core.running import Status, Tail, find_running, read_running
from launcher.core.serving.launch import launch, status, stop
from launcher.core.text import t
from tests.launcher.core_act.workshop import plan_with, with_fake_engine

T = TypeVar("T")
PLAN = plan_with(TorchChoice("2.13.0", "cpu", "here", t("The processor was asked for."), build="2.13.0"), state="done")


def options(*flags: str, detach: bool = True, port: int | None = None, listen: bool = False) -> Options:
    return Options(runtime_flags=flags, detach=detach, port=port, listen=listen)


def events(workspace: Workspace, wish: Options, plan: Plan = PLAN) -> list[Event]:
    return list(launch(workspace, wish, plan))


def of(kind: type[T], found: list[Event]) -> list[T]:
    return [event for event in found if isinstance(event, kind)]


def texts(found: list[Event]) -> list[str]:
    return [text for lines in of(Lines, found) for text in lines.texts]


@contextmanager
def squatter() -> Iterator[int]:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        yield int(held.getsockname()[1])


@pytest.fixture
def engine(workspace: Workspace) -> Workspace:
    with_fake_engine(workspace)
    return workspace


def test_a_detached_start_returns_when_it_serves_and_goes_on(engine: Workspace) -> None:
    found = events(engine, options("--fake=chatter"))
    ready = of(Ready, found)
    assert urllib.request.urlopen(ready[0].url + "/internal/ping").status == 200
    assert Phase("server") in found
    assert of(ModelLoaded, found) == [ModelLoaded("fake", 0.1)]
    running = find_running(engine)
    assert running is not None
    now = status(engine)
    assert now == Status("serving", ready[0].url, running.pid, "local", running.since)
    assert stop(engine)
    assert status(engine) == Status("stopped")
    assert not stop(engine)
    assert created(running.pid) is None


def test_that_anybody_may_come_in_is_said_at_every_start(engine: Workspace) -> None:
    for _ in range(2):
        wish = options("--i-accept-unprotected-remote", listen=True)
        (told,) = [each for each in of(Notice, events(engine, wish)) if each.slug == "unprotected-remote"]
        assert (told.severity, "whoever finds it comes in" in str(told.text)) == ("error", True)
        stop(engine)


def test_progress_bars_on_standard_error_cost_no_event(engine: Workspace) -> None:
    found = events(engine, options("--fake=chatter"))
    assert len(of(Ready, found)) >= 1
    assert "98 %" in texts(found)


def test_an_attached_launch_lasts_until_somebody_stops_it(engine: Workspace) -> None:
    seen: list[Event] = []
    for event in launch(engine, options(detach=False), PLAN):
        seen.append(event)
        if isinstance(event, Ready) and event.page:
            threading.Thread(target=stop, args=(engine,)).start()
    assert of(Stopped, seen)[0].code == 0


def test_cancelling_ends_the_watching_and_leaves_the_runtime(engine: Workspace) -> None:
    cancel = threading.Event()
    for event in launch(engine, options(detach=False), PLAN, cancel=cancel):
        if isinstance(event, Ready):
            cancel.set()
    assert status(engine).state == "serving"


def test_a_second_launcher_sees_what_the_first_saw(engine: Workspace) -> None:
    first = of(Ready, events(engine, options()))[0]
    second = events(engine, options())
    assert [notice.slug for notice in of(Notice, second)] == ["already-running"]
    assert of(Ready, second)[0] == first
    assert of(ModelLoaded, second) == [ModelLoaded("fake", 0.1)]
    other = launch(engine, options("--xformers"), PLAN)
    assert [notice.slug for notice in of(Notice, [next(other)])] == ["already-running-otherwise"]


def test_two_starts_at_once_start_one(engine: Workspace) -> None:
    found: list[list[Event]] = []
    threads = [threading.Thread(target=lambda: found.append(events(engine, options("--fake=slow")))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    slugs = sorted(notice.slug for each in found for notice in of(Notice, each) if notice.slug != "command")
    assert slugs == ["already-running", "already-running", "started"]
    assert len({ready.pid for each in found for ready in of(Ready, each)}) == 1


def test_credentials_are_told_once_and_kept_nowhere(engine: Workspace) -> None:
    found = events(engine, options(listen=True))
    assert of(Credentials, found) == [Credentials("sd", "correct horse battery")]
    kept = [path for path in engine.root.rglob("*") if path.is_file()]
    assert not [path for path in kept if b"correct horse" in path.read_bytes()]
    assert not of(Credentials, events(engine, options(listen=True)))
    assert (engine.state / "runtime-events.jsonl").stat().st_mode & 0o777 == 0o600


def test_one_that_dies_of_something_known_is_told_with_what_helps(engine: Workspace) -> None:
    with pytest.raises(LauncherError) as failure:
        list(launch(engine, options("--fake=old-driver"), PLAN))
    (advice,) = diagnose_file(engine.logs / "runtime.log")
    assert advice.slug == "gpu-driver-too-old"
    assert str(failure.value.hint).startswith(f"{advice.cause} {advice.steps[0]}")


def test_one_that_the_system_ends_is_told_why(engine: Workspace) -> None:
    with pytest.raises(LauncherError, match="-9 is SIGKILL"):
        list(launch(engine, options("--fake=killed"), PLAN))


def test_one_that_dies_before_it_serves_is_named_with_its_last_line(engine: Workspace) -> None:
    seen: list[Event] = []
    with pytest.raises(LauncherError) as failure:
        seen.extend(launch(engine, options("--fake=die"), PLAN))
    assert failure.value.code == "runtime-died"
    assert "7" in str(failure.value.message)
    assert "no torch here" in str(failure.value.message)
    stopped = of(Stopped, seen)[0]
    assert (stopped.code, stopped.last_lines[-1]) == (7, "ImportError: no torch here")
    assert status(engine).state == "stopped"


def test_one_that_says_why_it_ends_is_quoted(engine: Workspace) -> None:
    with pytest.raises(LauncherError) as failure:
        events(engine, options("--fake=fatal"))
    assert (failure.value.code, str(failure.value.message)) == ("cannot-start", "No such address.")


def test_one_that_ends_after_it_served_is_told_with_its_code(engine: Workspace) -> None:
    assert of(Stopped, events(engine, options("--fake=crash", detach=False)))[0].code == 9


def test_a_port_that_was_asked_for_and_is_taken_is_told_with_its_holder_and_a_free_one(engine: Workspace) -> None:
    with squatter() as port:
        with pytest.raises(PortTakenError) as failure:
            events(engine, options(port=port))
        assert str(os.getpid()) in str(failure.value.message)
        assert str(port) in str(failure.value.message)
        assert failure.value.free is not None
        assert is_free(failure.value.free, "127.0.0.1")
        assert str(failure.value.free) in str(failure.value.hint)
        with pytest.raises(PortTakenError):
            events(engine, options("--port", str(port)))
    assert who_holds(port) is None


def test_nobody_asked_for_a_port_so_the_runtime_takes_one_and_a_wish_for_that_one_is_the_same(
    engine: Workspace,
) -> None:
    found = events(engine, options())
    assert "--port" not in texts(found)[0]
    port = int(of(Ready, found)[0].url.rpartition(":")[2])
    assert [notice.slug for notice in of(Notice, events(engine, options(port=port)))] == ["already-running"]
    other = next(launch(engine, options(port=port + 1), PLAN))
    assert isinstance(other, Notice)
    assert other.slug == "already-running-otherwise"


def test_stop_ends_one_that_will_not_and_its_children(engine: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("launcher.core.running._GRACE", 0.3)
    found = events(engine, options("--fake=stubborn", "--fake=child"))
    child = int(next(line for line in texts(found) if line.startswith("child")).split()[1])
    running = find_running(engine)
    assert running is not None
    assert stop(engine)
    time.sleep(0.1)
    assert created(running.pid) is None
    assert created(child) is None


@pytest.mark.skipif(sys.platform == "win32", reason="Windows remembers no group of a process that has ended")
def test_what_a_runtime_that_has_ended_by_itself_leaves_behind_is_ended(engine: Workspace) -> None:
    """The tunnel of a public link is such a child: it would lead to whoever takes the port next."""
    found = events(engine, options("--fake=crash", "--fake=child", detach=False))
    child = int(next(line for line in texts(found) if line.startswith("child")).split()[1])
    assert of(Stopped, found)[0].code == 9
    deadline = time.monotonic() + 10
    while created(child) is not None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert created(child) is None


def test_a_named_checkpoint_that_is_refused_ends_the_start(engine: Workspace) -> None:
    with pytest.raises(LauncherError) as failure:
        events(engine, options("--ckpt", "broken.safetensors", detach=False))
    assert failure.value.code == "model-truncated"
    assert "broken.safetensors" in str(failure.value.message)
    assert status(engine).state == "stopped"


def test_without_an_installed_environment_nothing_is_started(workspace: Workspace) -> None:
    with pytest.raises(LauncherError) as failure:
        events(workspace, options())
    assert failure.value.code == "not-installed"
    assert read_running(workspace) is None


def test_the_flags_are_the_profiles_then_the_users_and_the_card_is_the_only_one(engine: Workspace) -> None:
    from dataclasses import replace

    torch = replace(PLAN.torch, visible=(("CUDA_VISIBLE_DEVICES", "GPU-123"),))
    plan = replace(PLAN, torch=torch, memory=replace(PLAN.memory, flags=("--medvram",)))
    found = events(engine, options("--theme", "dark", listen=True), plan)
    said = next(line for line in texts(found) if "fake engine:" in line)
    assert "--data-dir" in said
    assert said.index("--medvram") < said.index("--listen") < said.index("--theme dark")
    assert said.endswith("--events")
    from launcher.core.serving.command_line import command_line
    from launcher.core.serving.launch import _variables

    line = command_line(engine, python_in(engine.environments), options(), plan)
    assert _variables(engine, line, {})["CUDA_VISIBLE_DEVICES"] == "GPU-123"
    quiet = command_line(engine, python_in(engine.environments), replace(options(), variables=(("HOME", ""),)), plan)
    assert "HOME" not in _variables(engine, quiet, {"HOME": "/somewhere"})


def test_a_record_whose_number_belongs_to_somebody_else_now_is_nobody(engine: Workspace) -> None:
    engine.state.mkdir(parents=True)
    (engine.state / "runtime.json").write_text(
        f'{{"pid": {os.getpid()}, "created": 1.0, "profile": "local", "since": "", "flags": [], "port": 7860}}'
    )
    assert status(engine) == Status("stopped")
    assert not stop(engine)


@pytest.mark.parametrize(
    "wrong",
    [
        {"pid": "x"}, {"pid": -1}, {"pid": None}, {"pid": True}, {"pid": 1.5}, {"created": "now"}, {"created": None},
        {"flags": 3}, {"flags": [1]}, {"port": "7860"}, {"url": 5}, {"profile": None}, {"since": 0},
    ],
)  # fmt: skip
def test_a_record_with_something_of_another_kind_in_it_is_nobody(workspace: Workspace, wrong: dict[str, Any]) -> None:
    record = {"pid": 1, "created": 1.0, "profile": "local", "since": "now", "flags": [], "port": None}
    write_record(workspace.state / "runtime.json", record)
    assert read_running(workspace) is not None
    write_record(workspace.state / "runtime.json", {**record, **wrong})
    assert read_running(workspace) is None
    assert status(workspace) == Status("stopped")
    assert stop(workspace) is False


def test_a_line_that_has_not_ended_waits(tmp_path: object, workspace: Workspace) -> None:
    workspace.root.mkdir()
    file = workspace.root / "log"
    tail = Tail(file)
    assert list(tail.lines()) == []
    file.write_bytes("一半".encode()[:4])
    assert list(tail.lines()) == []
    with file.open("ab") as more:
        more.write("一半".encode()[4:] + b"\r\nrest")
    assert list(tail.lines()) == ["一半"]
    assert list(tail.lines(final=True)) == ["rest"]

"""Real children: two channels, cancellation while silent, and nobody left behind."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from launcher.core.errors import LauncherError
from launcher.core.process import CancelledError, Exit, Output, alive, created, end_tree, kept_log, run, start_detached

GRANDCHILD = (
    "import subprocess, sys, time; c = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); "
)


def python(code: str, tmp_path: Path, cancel: threading.Event | None = None) -> list[object]:
    return list(run([sys.executable, "-c", code], environment=os.environ, cwd=tmp_path, cancel=cancel))


def gone(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if created(pid) is None:
            return True
        time.sleep(0.02)
    return False


def test_the_channels_stay_apart_and_no_line_is_lost(tmp_path: Path) -> None:
    code = (
        "import sys, json\n"
        "for n in range(300):\n"
        "    sys.stderr.write(f'\\r{n}%'); sys.stderr.flush()\n"
        "    print(json.dumps({'n': n}), flush=True)\n"
    )
    events = python(code, tmp_path)
    out = [json.loads(event.text)["n"] for event in events if isinstance(event, Output) and event.channel == "out"]
    err = [event.text for event in events if isinstance(event, Output) and event.channel == "err"]
    assert out == list(range(300))
    assert err == [f"{n}%" for n in range(300)]
    assert events[-1] == Exit(0)


def test_any_bytes_are_lines(tmp_path: Path) -> None:
    events = python("import sys; sys.stdout.buffer.write(b'\\xff\\xfe caf\\xe9\\r\\n\\x00last')", tmp_path)
    assert [event.text for event in events if isinstance(event, Output)] == ["\ufffd\ufffd caf\ufffd", "\x00last"]


def test_a_child_that_never_ends_a_line_does_not_fill_the_memory(tmp_path: Path) -> None:
    events = python("import sys; sys.stdout.write('x' * 1_000_000)", tmp_path)
    lines = [event.text for event in events if isinstance(event, Output)]
    assert sum(map(len, lines)) == 1_000_000
    assert max(map(len, lines)) < 200_000


@pytest.mark.parametrize("code", ["import sys; sys.exit(7)", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"])
def test_the_exit_code_comes_last(code: str, tmp_path: Path) -> None:
    assert python(code, tmp_path)[-1] in (Exit(7), Exit(-9))


@pytest.mark.parametrize("manner", ["", "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); "])
def test_a_silent_tree_ends_at_once(manner: str, tmp_path: Path) -> None:
    code = manner + GRANDCHILD + "print(c.pid, flush=True); time.sleep(60)"
    cancel = threading.Event()
    pids: list[int] = []
    lines = run([sys.executable, "-c", code], environment=os.environ, cwd=tmp_path, cancel=cancel)
    pids.append(next(int(event.text) for event in lines if isinstance(event, Output)))
    began = time.monotonic()
    cancel.set()
    with pytest.raises(CancelledError):
        list(lines)
    assert time.monotonic() - began < 2  # 0.35 s, and the patience that a busy computer needs
    assert len(pids) == 1
    assert gone(pids[0])


def test_leaving_the_iterator_ends_the_tree(tmp_path: Path) -> None:
    code = GRANDCHILD + "print(c.pid, flush=True); time.sleep(60)"
    lines = run([sys.executable, "-c", code], environment=os.environ, cwd=tmp_path)
    pid = next(int(event.text) for event in lines if isinstance(event, Output))
    lines.close()  # type: ignore[attr-defined]
    assert gone(pid)


def test_a_grandchild_that_keeps_the_channel_open_does_not_keep_us(tmp_path: Path) -> None:
    began = time.monotonic()
    events = python(GRANDCHILD + "print(c.pid)", tmp_path)
    assert time.monotonic() - began < 20
    assert events[-1] == Exit(0)
    assert gone(next(int(event.text) for event in events if isinstance(event, Output)))


def test_no_shell_reads_the_arguments(tmp_path: Path) -> None:
    odd = ["$(touch made)", "; echo no", "a b", "中文", "%PATH%", ""]
    command = [sys.executable, "-c", "import sys, json; print(json.dumps(sys.argv[1:]))", *odd]
    events = list(run(command, environment=os.environ, cwd=tmp_path))
    assert json.loads(next(event.text for event in events if isinstance(event, Output))) == odd
    assert not list(tmp_path.iterdir())


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LauncherError) as failure:
        list(run([str(tmp_path / "nothing")], environment={}, cwd=tmp_path))
    assert failure.value.code == "cannot-start"
    assert "nothing" in str(failure.value.message)


def test_a_detached_child_writes_private_files_and_ends_as_a_tree(tmp_path: Path) -> None:
    out, err = tmp_path / "state" / "events", tmp_path / "logs" / "log"
    code = GRANDCHILD + "print(c.pid, flush=True); print('oops', file=sys.stderr, flush=True); time.sleep(60)"
    with kept_log(err, Path(sys.executable)) as (channel, keeper):
        child = start_detached([sys.executable, "-c", code], environment=os.environ, cwd=tmp_path, out=out, err=channel)
    since = created(child.pid)
    assert since is not None
    while not err.read_text():
        time.sleep(0.02)
    assert [each.stat().st_mode & 0o777 for each in (out, err)] == [0o600, 0o600]
    assert alive(child.pid, since)
    assert not alive(child.pid, since - 100)
    end_tree(child.pid, grace=1, child=child)
    assert not alive(child.pid, since)
    assert gone(int(out.read_text()))
    assert not psutil.pid_exists(child.pid)
    assert keeper.wait(10) == 0, "it ends after those whose log it keeps"


def test_a_child_that_closed_its_channels_and_works_on_can_be_cancelled(tmp_path: Path) -> None:
    cancel = threading.Event()
    code = "import os, time; print(os.getpid(), flush=True); os.close(1); os.close(2); time.sleep(60)"
    events = run([sys.executable, "-c", code], environment=os.environ, cwd=tmp_path, cancel=cancel)
    said = next(event for event in events if isinstance(event, Output))
    timer = threading.Timer(0.5, cancel.set)
    timer.start()
    started = time.monotonic()
    with pytest.raises(CancelledError):
        list(events)
    assert time.monotonic() - started < 20
    assert gone(int(said.text))


def test_a_child_that_closed_its_channels_is_waited_for(tmp_path: Path) -> None:
    code = "import os, sys, time; os.close(1); os.close(2); time.sleep(0.6); os._exit(7)"
    assert python(code, tmp_path)[-1] == Exit(7)

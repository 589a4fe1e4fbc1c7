"""Bad input with everything real: `gesso` in a terminal of the system, and a runtime that is a process of its own."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("a terminal of Windows is driven otherwise", allow_module_level=True)

from launcher.core.paths import Workspace
from launcher.core.running import status, stop
from tests.launcher.tui.terminals import SERVING, Terminal, gesso, workspace_in

#: a colour by its red, green and blue
_COLOURS = re.compile(r"[34]8;2;(\d+);(\d+);(\d+)")
WAITS = "log('engine says hello')\ntime.sleep(120)\n"


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Callable[[str], Workspace]]:
    """Makes a workspace with this runtime; what still runs in it is ended."""
    workspace = Workspace(tmp_path / "with space 中文")

    def make(body: str) -> Workspace:
        return workspace_in(workspace.root, SERVING + body)

    yield make
    stop(workspace)


def started(tty: Terminal, said: str) -> None:
    """Home, then Enter, until the runtime has said it."""
    tty.until("Press Enter to start")
    tty.send("\r")
    tty.until(said)


def test_a_lost_connection_leaves_the_runtime_running_and_gesso_finds_it_again(made):
    workspace = made(WAITS)
    with gesso(workspace, "--lang", "en") as tty:
        started(tty, "engine says hello")
        before = status(workspace)
        tty.hang_up()
        assert tty.ended() == 128 + signal.SIGHUP
    assert (before.state, status(workspace).pid) == ("serving", before.pid)
    with gesso(workspace, "--lang", "en") as tty:
        tty.until("It runs already")
        tty.send("c")
        tty.until("all levels")
        tty.send("\x1b")
        tty.until("Serving at")
        tty.send("q")
        assert tty.ended() == 0
    assert status(workspace).pid == before.pid


def test_a_wish_to_end_from_outside_gives_the_terminal_back_as_it_was(made):
    workspace = made(WAITS)
    with gesso(workspace, "--lang", "en") as tty:
        started(tty, "engine says hello")
        os.kill(tty.child.pid, signal.SIGTERM)
        assert tty.ended() == 128 + signal.SIGTERM
        assert "\x1b[?1049l" in tty.raw.decode("utf-8", "replace")
    assert status(workspace).state == "serving"


def test_a_runtime_that_dies_is_said_with_its_last_lines(made):
    workspace = made("log('on the brink')\ntime.sleep(1)\nlog('Segmentation fault')\nos.kill(os.getpid(), 9)\n")
    with gesso(workspace, "--lang", "en") as tty:
        started(tty, "ended by itself with code")
        tty.send("c")
        tty.until("Segmentation fault")
        tty.send("\x1b")
        tty.until("Enter  Start")
        tty.send("q")
        assert tty.ended() == 0
    assert status(workspace).state == "stopped"


def test_a_runtime_that_hangs_and_does_not_listen_is_ended_all_the_same(made):
    workspace = made("signal.signal(signal.SIGTERM, signal.SIG_IGN)\nlog('deaf now')\ntime.sleep(300)\n")
    with gesso(workspace, "--lang", "en") as tty:
        started(tty, "deaf now")
        pid = status(workspace).pid
        tty.send("s")
        tty.until("Stopping")
        # It still answers while it waits.
        tty.send("c")
        tty.until("all levels")
        tty.send("\x1b")
        tty.until("Press Enter to start", seconds=40)
        tty.send("q")
        assert tty.ended() == 0
    assert status(workspace).state == "stopped"
    with pytest.raises(ProcessLookupError):
        os.kill(pid or 0, 0)


FLOOD = """
number, began = 0, time.monotonic()
while True:
    due = int((time.monotonic() - began) * 50_000)
    sys.stderr.write(''.join(f'[red]line[/] {n} \\x1b[2J\\x1b]0;title\\x07 of a flood\\n' for n in range(number, due)))
    number = due
    time.sleep(0.01)
"""


def test_a_runtime_that_floods_can_be_read_searched_and_stopped(made):
    workspace = made(FLOOD)
    with gesso(workspace, "--lang", "en") as tty:
        started(tty, "of a flood")
        tty.send("c")
        tty.until("[red]line[/]")
        tty.send(" ")
        tty.until("paused")
        tty.resize(60, 20)
        tty.send("/")
        tty.until("Search for")
        tty.send("of a")
        tty.until("found (n, N)", seconds=60)
        tty.send("\r")
        tty.until("(n, N)", seconds=60)
        tty.resize(100, 30)
        written = tty.raw
        assert b"\x1b]0;" not in written
        tty.send("\x1b")
        tty.until("lines")
        tty.send("\x1b")
        time.sleep(0.5)
        tty.send("s")
        tty.until("Press Enter to start", seconds=60)
        tty.send("q")
        assert tty.ended() == 0
    assert status(workspace).state == "stopped"


def test_no_color_is_honoured(made):
    workspace = made(WAITS)
    with gesso(workspace, "--lang", "en", NO_COLOR="1") as tty:
        tty.until("Gesso")
        raw = b""
        end = time.monotonic() + 2
        while time.monotonic() < end:
            raw += tty.read(0.1)
        # Colours are parameters 38 and 48; grey (equal parts) is what Textual draws instead.
        colours = {tuple(map(int, found)) for found in _COLOURS.findall(raw.decode("utf-8", "replace"))}
        assert all(red == green == blue for red, green, blue in colours), colours
        tty.send("q")
        assert tty.ended() == 0


@pytest.mark.parametrize("terminal", ["dumb", "unknown"])
def test_a_terminal_that_cannot_draw_is_told_so_and_gets_lines(made, terminal):
    workspace = made(WAITS)
    with gesso(workspace, "--lang", "en", TERM=terminal) as tty:
        assert tty.ended() == 2
        assert "gesso up" in tty.text
        assert b"\x1b[" not in tty.raw

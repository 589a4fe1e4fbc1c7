"""The real `gesso` in a real terminal of the system (a pty), over a workspace whose runtime is a small script."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from pathlib import Path

from launcher.core.environments.environments import Stamp, stamp, switch
from launcher.core.environments.installed import Installed
from launcher.core.file_hash import sha256
from launcher.core.packages.sources import ENGINE_LOCK
from launcher.core.paths import Workspace, checkout
from launcher.core.plan.options import Options
from launcher.core.process import python_in
from launcher.core.proposal import propose
from tests.launcher.core_act.workshop import answering_with

_SEQUENCES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[P\]X^_].*?(?:\x1b\\|\x07)|\x1b[ -/]*[0-~]", re.DOTALL)

#: begins every runtime of a test: it says where it serves, as the real one does
SERVING = (
    f"import os, signal, sys, threading, time; sys.path.insert(0, {str(checkout())!r})\n"
    "from runtime.protocol import *\n"
    "say = lambda event: print(to_line(event), end='', flush=True)\n"
    "log = lambda line: print(line, file=sys.stderr, flush=True)\n"
    "say(Phase('server')); say(Serving('http://127.0.0.1:1')); say(Serving('http://127.0.0.1:1', True))\n"
)


def with_runtime(workspace: Workspace, body: str) -> None:
    """An installed environment whose Python runs `body` instead of the runtime."""
    torch = propose(workspace, Options(memory="cpu"), Installed()).plan.torch
    folder = workspace.environments / "torch-1"
    python_in(folder).parent.mkdir(parents=True)
    script = workspace.root / "stand_in.py"
    script.write_text(body, encoding="utf-8")
    answering_with(python_in(folder), script)
    record = Stamp(torch.build or "", torch.tag or "", "", (), sha256(ENGINE_LOCK), "3.11", "2026-01-01T00:00:00")
    stamp(folder, record)
    switch(workspace, folder)
    # A folder that has been used before is not asked the questions of a first start.
    workspace.config_file.write_text('language = "en"\n', encoding="utf-8")


class Terminal:
    """A program at the other end of a terminal; `text` is what it has written, without the sequences."""

    def __init__(self, command: Sequence[str], *, size: tuple[int, int] = (80, 24), **variables: str) -> None:
        self._master, slave = pty.openpty()
        self.resize(*size)
        inherited = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLORTERM")}
        environment = {**inherited, "TERM": "xterm-256color", "GESSO_LANG": "en", **variables}
        self.child = subprocess.Popen(
            list(command),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=checkout(),
            env=environment,
            preexec_fn=_own_terminal,
            close_fds=True,
        )
        os.close(slave)
        self.raw, self._hung_up = b"", False

    def send(self, keys: str) -> None:
        """As typed."""
        os.write(self._master, keys.encode())

    def resize(self, columns: int, rows: int) -> None:
        """The window is drawn larger or smaller; the system tells the program."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds: float = 0.05) -> bytes:
        """What comes within the time; less where something comes sooner."""
        if not select.select([self._master], [], [], seconds)[0]:
            return b""
        try:
            found = os.read(self._master, 1 << 16)
        except OSError:
            return b""
        self.raw += found
        return found

    def until(self, needle: str, seconds: float = 30.0) -> str:
        """Wait until it has written `needle` since the last call."""
        end = time.monotonic() + seconds
        while needle not in (text := self.text):
            if time.monotonic() > end:
                raise AssertionError(f"{needle!r} was not written:\n{text[-3000:]}")
            self.read()
        self.raw = b""
        return text

    @property
    def text(self) -> str:
        """What was written since the last find, without the sequences."""
        return _SEQUENCES.sub("", self.raw.decode("utf-8", "replace"))

    def hang_up(self) -> None:
        """The connection is lost: the other end of the terminal is gone."""
        if not self._hung_up:
            self._hung_up = True
            os.close(self._master)

    def ended(self, seconds: float = 20.0) -> int:
        """Its exit code, once it has ended."""
        end = time.monotonic() + seconds
        while self.child.poll() is None and time.monotonic() < end:
            if self._hung_up:
                time.sleep(0.02)
            else:
                self.read()
        assert self.child.poll() is not None, "it has not ended"
        return self.child.returncode

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        if self.child.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.child.pid, signal.SIGKILL)
            self.child.wait()
        self.hang_up()


def gesso(workspace: Workspace, *words: str, size: tuple[int, int] = (80, 24), **variables: str) -> Terminal:
    """`gesso` in a terminal of `size`."""
    command = [sys.executable, "-m", "launcher", "--root", str(workspace.root), *words]
    return Terminal(command, size=size, GESSO_ROOT=str(workspace.root), **variables)


def _own_terminal() -> None:
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def workspace_in(folder: Path, body: str) -> Workspace:
    """A workspace with a runtime of its own."""
    workspace = Workspace(folder)
    with_runtime(workspace, body)
    return workspace

"""The worker as the server sees it: a child process, its channel, and a thread that hands over what it says."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from runtime.channel import ChannelClosedError, Message, start_with_channel
from runtime.request import RequestError

_SECONDS_TO_LEAVE = 3.0
_CHECKOUT = Path(__file__).resolve().parent.parent
_SECRET = re.compile(r"(?:^|_)(?:TOKEN|SECRET|PASSWORD|PASSWD|KEY|AUTH|PROXY)$", re.IGNORECASE)
_LOGIN = re.compile(r"://[^/\s@]*:[^/\s@]*@")


class WorkerProcess:
    """One worker; `heard(self, message)` is called from its own thread, with None once the process has ended.

    RequestError if it cannot be started.
    """

    def __init__(self, command: Sequence[str], heard: Callable[[WorkerProcess, Message | None], None]) -> None:
        try:
            self._process, self._channel = start_with_channel(command, _environment(os.environ))
        except OSError as refused:
            why = f"The drawing process cannot be started: {refused}."
            raise RequestError("worker-cannot-start", why, "Is the environment whole, and memory left?") from refused
        self._sending = threading.Lock()
        self._heard = heard
        threading.Thread(target=self._listen, name="worker-listener", daemon=True).start()

    def send(self, body: dict[str, Any], blobs: tuple[bytes, ...] = ()) -> None:
        """Say something; silence if the worker is gone, for the listener notices that too."""
        with self._sending, contextlib.suppress(ChannelClosedError):
            self._channel.send(Message(body, blobs))

    def stop(self) -> None:
        """Ask it to end, and end it if it does not."""
        self.send({"do": "stop"})
        try:
            self._process.wait(_SECONDS_TO_LEAVE)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def kill(self) -> None:
        """End it at once, whatever it does."""
        self._process.kill()

    @property
    def exit_code(self) -> int | None:
        """Negative is the signal that ended it; None while it runs."""
        return self._process.poll()

    def _listen(self) -> None:
        while True:
            try:
                message = self._channel.receive()
            except ChannelClosedError:
                break
            self._heard(self, message)
        self._end()
        self._heard(self, None)

    def _end(self) -> None:
        """A worker that closed its channel is of no use: give it a moment, then end it, so that none is left over."""
        try:
            self._process.wait(_SECONDS_TO_LEAVE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The worker finds this package from whatever folder the server was started in.

    It fetches nothing, so that it needs neither tokens nor proxies, nor addresses with a password in them.
    """
    paths = [str(_CHECKOUT), *filter(None, [environ.get("PYTHONPATH")])]
    kept = {name: value for name, value in environ.items() if not _SECRET.search(name) and not _LOGIN.search(value)}
    return {**kept, "PYTHONPATH": os.pathsep.join(paths)}


_WINDOWS_CODES = {
    0xC0000005: "access violation",
    0xC000001D: "illegal instruction: the processor is too old for this build of torch",
    0xC0000017: "out of memory",
    0xC000013A: "closed by Ctrl-C",
    0xC0000135: "a DLL is missing",
    0xC00000FD: "stack overflow",
    0xC0000409: "stack buffer overrun",
}
_SIGNALS = {
    "SIGKILL": "ended by the system, most often because memory ran out",
    "SIGILL": "illegal instruction: the processor is too old for this build of torch",
    "SIGSEGV": "segmentation fault in a native library",
    "SIGBUS": "bus error, often a full disk or a file that was cut while in use",
    "SIGABRT": "aborted by a native library",
}


def died(code: int | None) -> RequestError:
    """What the job is told whose worker ended with this exit code."""
    words, name = explain_exit(code)
    said = f"The drawing process ended ({words}; {name})." if name else f"The drawing process ended ({words})."
    return RequestError("worker-died", said, "Another one takes its place; try a smaller picture.")


def explain_exit(code: int | None) -> tuple[str, str]:
    """(an exit code in words, its name where the words are not it)."""
    if code is None:
        return "it closed its channel", ""
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            return f"signal {-code}", ""
        return (_SIGNALS[name], name) if name in _SIGNALS else (name, "")
    if code < 0xC0000000:
        return f"exit code {code}", ""
    return _WINDOWS_CODES.get(code, "the system ended it"), f"0x{code:08X}"

"""A connection that is lost, and a wish to end from outside: what runs here is ended in order, the runtime goes on."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.driver import Driver

_SIGNALS = ("SIGHUP", "SIGTERM")


def on_hangup(leave: Callable[[int], object]) -> None:
    """Call `leave` with the exit code when the terminal goes away or somebody asks the process to end.

    Windows closes a console by ending what runs in it; the runtime has a group of its own there.
    """
    if sys.platform == "win32":
        return
    loop = asyncio.get_running_loop()
    for name in _SIGNALS:
        number = getattr(signal, name)
        loop.add_signal_handler(number, _gone, number, leave)


def patient_driver() -> type[Driver] | None:
    """Textual's driver for this system, which does not wait for a terminal that is gone; None: as it is."""
    if sys.platform == "win32":
        return None
    from textual.drivers.linux_driver import LinuxDriver

    class PatientDriver(LinuxDriver):
        """The signal comes a little after the first failed read and write; until then both are let go."""

        def __init__(self, *arguments: Any, **more: Any) -> None:
            super().__init__(*arguments, **more)
            self._file = _Lossy(self._file)  # type: ignore[assignment]

        def run_input_thread(self) -> None:
            """Until the end, or until nothing can be read any more."""
            try:
                super().run_input_thread()
            except OSError:
                return

    return PatientDriver


class _Lossy:
    """The terminal to write to; what cannot be written is lost."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, text: str) -> None:
        """As far as it goes."""
        try:
            self._file.write(text)
        except OSError:
            return

    def flush(self) -> None:
        """As far as it goes."""
        try:
            self._file.flush()
        except OSError:
            return

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _gone(number: int, leave: Callable[[int], object]) -> None:
    if number == signal.SIGHUP:
        # What is still written goes nowhere, and nothing comes: children and libraries would fail on either.
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nowhere, descriptor)
    leave(128 + number)

"""`up` and `launch` at the command line: shown until it ends; what was started here ends with it unless detached."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from dataclasses import asdict
from types import FrameType

from launcher.core import running
from launcher.core.errors import LauncherError
from launcher.core.events import Credentials, Event, ModelLoaded, Notice, Ready, Stopped
from launcher.core.paths import Workspace
from launcher.core.plan.options import Options
from launcher.core.plan.plan import Plan
from launcher.core.serving.launch import launch
from launcher.core.text import t
from launcher.printing import Printer

DONE, FAILED, INTERRUPTED = 0, 1, 130
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")


class Server:
    """One launch, or one look at the runtime that runs already."""

    def __init__(self, workspace: Workspace, printer: Printer, *, one_object: bool) -> None:
        """`one_object`: the answer is the status as one JSON object, not a line for each event."""
        self._workspace, self._printer, self._one_object = workspace, printer, one_object
        self._started = self._answered = self._model_failed = self._elsewhere = self._refused = self._told = False
        self._credentials: Credentials | None = None
        self._stopped: Stopped | None = None

    def serve(self, options: Options, plan: Plan) -> int:
        """Until it ends, is stopped, or serves detached; the exit code. LauncherError as `launch`."""
        with signals_cancel() as cancel:
            try:
                for event in launch(self._workspace, options, plan, cancel=cancel):
                    self._note(event)
                    self._show(event)
                    if self._elsewhere and self._answered:
                        break
                if self._answered and self._stopped is None:
                    self._answer()
            finally:
                kept = options.detach and self._answered and not cancel.is_set()
                if self._started and not kept and self._stopped is None:
                    running.stop(self._workspace)
            return INTERRUPTED if cancel.is_set() else self._verdict()

    def _note(self, event: Event) -> None:
        match event:
            case Notice(slug="started"):
                self._started = True
            case Notice(slug="already-running"):
                self._elsewhere = True
            case Notice(slug="already-running-otherwise", text=text):
                hint = t("`gesso status` says where it is; `gesso stop` ends it.")
                raise LauncherError("already-running", text, hint)
            case Notice(slug="model-failed"):
                self._model_failed = True
            case Credentials():
                self._credentials = event
            case Stopped():
                self._stopped = event
            case Ready():
                self._answered = True
            case _:
                pass

    def _show(self, event: Event) -> None:
        """As one object it is said once the model is decided too: until then the start may still fail."""
        if not self._one_object:
            self._printer.event(event)
        elif self._answered and (self._refused or isinstance(event, ModelLoaded)):
            self._answer()
        # After a refusal that ends the start there is no further event.
        self._refused = self._model_failed

    def _answer(self) -> None:
        if self._one_object and not self._told:
            made = {"credentials": asdict(self._credentials)} if self._credentials else {}
            self._printer.answer({**asdict(running.status(self._workspace)), **made})
            self._told = True

    def _verdict(self) -> int:
        if self._stopped and self._stopped.code:
            raise LauncherError(
                "runtime-ended",
                t("The runtime has ended by itself with code {code}.", code=self._stopped.code),
                t("The log says more: {log}", log=self._workspace.logs / running.LOG),
            )
        return FAILED if self._model_failed else DONE


@contextlib.contextmanager
def signals_cancel() -> Iterator[threading.Event]:
    """Ctrl-C, the end of the terminal and a polite kill set the event; a second one interrupts at once.

    A signal that we were started to ignore (nohup; a script's `&`) stays ignored.
    """
    cancel = threading.Event()

    def heard(_number: int, _frame: FrameType | None) -> None:
        if cancel.is_set():
            raise KeyboardInterrupt
        cancel.set()

    known = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    wanted = [number for number in known if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, heard) for number in wanted}
    try:
        yield cancel
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

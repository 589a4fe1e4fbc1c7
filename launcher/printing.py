"""What the command line shows: events and answers as sentences for people or as JSON for programs."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import fields
from typing import Any, TextIO

from launcher.amounts import in_bytes, in_time
from launcher.core.errors import LauncherError
from launcher.core.events import Credentials, Event, Line, Lines, ModelLoaded, Notice, Progress, Ready, Step
from launcher.core.text import Text, t
from launcher.core.untrusted import harmless
from launcher.core.web_address import discreet
from launcher.terminal import draws

_MIB = 1024**2
#: seconds between two lines of progress where lines cannot be overwritten
_PATIENCE = 10.0


class Printer:
    """Results go to standard output, what happens on the way to standard error."""

    def __init__(
        self, translate: Callable[[str], str], *, json_lines: bool, quiet: bool, out: TextIO | None = None,
        err: TextIO | None = None, redraws: bool | None = None,
    ) -> None:  # fmt: skip
        """`redraws`: a line may be written over; None: where standard error is a terminal that can."""
        self._translate, self.json, self._quiet = translate, json_lines, quiet
        self._out, self._err = out or sys.stdout, err or sys.stderr
        self._redraws = (self._err.isatty() and draws()) if redraws is None else redraws
        self._drawn = 0
        self._said_at = 0.0
        self._step: Step | None = None

    def text(self, sentence: Text | str) -> str:
        """Without what would move the cursor or colour the screen: names of cards and files come from elsewhere."""
        whole = sentence if isinstance(sentence, str) else sentence.render(self._translate)
        return harmless(whole)

    def answer(self, record: dict[str, Any]) -> None:
        """One JSON object on a line of its own; ASCII, because a console's encoding may know no Chinese."""
        self._out.write(json.dumps(record) + "\n")
        self._out.flush()

    def result(self, sentence: Text | str) -> None:
        """What the verb was called for."""
        self._clear()
        self._out.write(self.text(sentence) + "\n")
        self._out.flush()

    def aside(self, sentence: Text | str, *, always: bool = False, loud: bool = False) -> None:
        """What is good to know on the way; `always`: whatever is asked next needs it; `loud`: in red, and always."""
        if always or loud or not self._quiet:
            self._clear()
            text = self.text(sentence)
            self._err.write((f"\x1b[1;31m{text}\x1b[0m" if loud and self._redraws else text) + "\n")
            self._err.flush()

    def error(self, error: LauncherError) -> None:
        """Message, hint and code for people; with --json also `{"error": …}` on standard output."""
        message, hint = (discreet(self.text(each)) for each in (error.message, error.hint))
        record = {"code": error.code, "message": message, "hint": hint}
        self._clear()
        self._err.write(f"{record['message']}\n{record['hint']}\n[{record['code']}]\n")
        self._err.flush()
        if self.json:
            self.answer({"error": record})

    def event(self, event: Event) -> None:
        """One event of an install or a launch; lines that travelled together are said one by one."""
        if isinstance(event, Lines):
            for text in event.texts:
                self.event(Line(event.source, text))
            return
        if self.json:
            self.answer(event_record(event, self._translate))
            return
        match event:
            case Step():
                self._show_step(event)
            case Progress():
                self._show_progress(event)
            case Line(source, text):
                # uv's list of packages is of no use to people; what it warns of is
                if source != "uv" or text.startswith("warning"):
                    self.aside(text)
            case Notice(severity=severity, text=sentence):
                self.aside(sentence, loud=severity == "error")
            case _:
                self._show_serving(event)

    def _show_serving(self, event: Event) -> None:
        match event:
            case Credentials(user, password, token):
                self.result(t("Name: {user}   Password: {password}   (shown only now)", user=user, password=password))
                if token:
                    self.result(t("For programs: Authorization: Bearer {token}", token=token))
            case Ready(url=url, page=True):
                self.result(t("The page is ready: {url}", url=url))
            case Ready(url=url):
                self.result(t("Serving at {url}", url=url))
            case ModelLoaded(title, seconds):
                self.aside(t("The model {title} is loaded ({seconds} s).", title=title, seconds=round(seconds, 1)))
            case _:
                pass

    def _show_step(self, step: Step) -> None:
        self._step, self._said_at = step, time.monotonic()
        state = {
            "started": t("…"), "done": t("done"), "skipped": t("there already"), "failed": t("failed")
        }.get(step.state)  # fmt: skip
        if step.state == "started" and self._redraws:
            self._draw(f"[{step.number}/{step.count}] {self.text(step.title)} …")
            return
        self.aside(f"[{step.number}/{step.count}] {self.text(step.title)} {self.text(state) if state else step.state}")

    def _show_progress(self, progress: Progress) -> None:
        if progress.unit != "bytes":
            return
        if not self._redraws and time.monotonic() - self._said_at < _PATIENCE:
            return
        self._said_at = time.monotonic()
        step = self._step
        doing = f"[{step.number}/{step.count}] {self.text(step.title)}" if step else progress.name
        line = f"{doing}  {self._amount(progress)}"
        if self._redraws:
            self._draw(line)
        else:
            self.aside(line)

    def _amount(self, progress: Progress) -> str:
        """How much of it, how fast, and how long still, as far as that is known."""
        parts = [f"{progress.done / _MIB:.0f} MiB"]
        if progress.total:
            share = 100 * progress.done // progress.total
            parts = [f"{share} %", f"{progress.done / _MIB:.0f}/{progress.total / _MIB:.0f} MiB"]
        if progress.rate:
            parts.append(f"{in_bytes(int(progress.rate))}/s")
        if progress.seconds_left:
            parts.append(self.text(t("{time} left", time=in_time(progress.seconds_left))))
        return "  ".join(parts)

    def _draw(self, line: str) -> None:
        """Over what was drawn last."""
        if not self._quiet:
            self._clear()
            self._err.write(self.text(line))
            self._err.flush()
            self._drawn = 1

    def _clear(self) -> None:
        if self._drawn:
            self._err.write("\r\x1b[K")
            self._drawn = 0


def event_record(event: Event, translate: Callable[[str], str]) -> dict[str, Any]:
    """An event as JSON: its name in lower case with underscores, then its fields, sentences in the user's language."""
    name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in type(event).__name__)[1:]
    values = {field.name: getattr(event, field.name) for field in fields(event)}
    return {
        "event": name,
        **{key: value.render(translate) if isinstance(value, Text) else value for key, value in values.items()},
    }

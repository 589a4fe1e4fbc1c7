"""A side in a process of its own, with its own interpreter, environment and memory; only the standard library is used.

A side's module ends in `serve(answer)`; `Side` starts it and asks. Both speak JSON, one object a line.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, TextIO

from benchmarks.machine import ROOT

#: nobody may ask another machine for anything
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"}


class SideError(Exception):
    """The process ended instead of answering; what it said went to standard error."""


class Side:
    """`module` run by `python`; what it prints goes to standard error."""

    def __init__(self, module: str, *arguments: str, python: str = sys.executable, **environment: str) -> None:
        self._name = module
        self._process = subprocess.Popen(
            [python, "-m", module, *arguments], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env=os.environ | OFFLINE | environment, encoding="utf-8",
        )  # fmt: skip

    def ask(self, **asked: Any) -> dict[str, Any]:
        """The side's answer; SideError if it died."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(asked) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise SideError(f"{self._name} ended with exit code {self._process.wait()}.")
        found: dict[str, Any] = json.loads(line)
        return found

    def __enter__(self) -> Side:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._process.stdin is not None
        # one that died has closed its end
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def answers_to() -> TextIO:
    """The pipe to the one who asks; from now on what libraries print goes to standard error."""
    pipe = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return pipe


def asked() -> Iterator[dict[str, Any]]:
    """What is asked, until nobody does any more."""
    for line in sys.stdin:
        yield json.loads(line)


def serve(answer: Callable[..., dict[str, Any]]) -> None:
    """Answer every question with `answer(**question)`."""
    pipe = answers_to()
    for question in asked():
        pipe.write(json.dumps(answer(**question)) + "\n")
        pipe.flush()

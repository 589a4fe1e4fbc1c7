"""The proof's other half: what server and page import, in a process of its own beside the proof of torch.

Python writes the bytecode of whatever it imports. So both halves leave behind what the first start would otherwise
spend most of its time on, and only that: of an environment's modules four in five are never imported.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from types import TracebackType


class Imported:
    """`modules`, imported by a process that begins at once; one that still runs at the end is ended."""

    def __init__(self, modules: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", f"import {', '.join(modules)}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace",
        )  # fmt: skip

    def check(self) -> None:
        """Waits for it; ImportError with its last words if it failed."""
        _output, said = self._process.communicate()
        if self._process.returncode:
            lines = said.strip().splitlines()
            raise ImportError(lines[-1] if lines else f"the page's packages: exit code {self._process.returncode}")

    def __enter__(self) -> Imported:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._process.poll() is None:
            self._process.kill()
        if self._process.stderr:
            self._process.stderr.close()
        self._process.wait()

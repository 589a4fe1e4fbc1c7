"""Torch files read as their reader reads them, in this process: for many files at once, and to look inside."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from runtime.engine.pickles.child import told
from runtime.engine.pickles.reader import Reader, Stamp, _stamp


class Here(Reader):
    """No process is started."""

    def read(self, path: Path) -> tuple[Stamp, Any]:
        with path.open("rb") as file:
            return _stamp(os.fstat(file.fileno())), json.loads(json.dumps(told(file.read())))

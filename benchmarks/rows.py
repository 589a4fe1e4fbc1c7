"""The table's rows and the modules that measure them; a module is imported when its row is run."""

from __future__ import annotations

from importlib import import_module

from benchmarks.frame import Row

#: (name, module): the module has the row as `ROW`
ROWS = {
    "C1": "benchmarks.step",
    "C2": "benchmarks.whole_picture",
    "C3": "benchmarks.first_picture",
    "C4": "benchmarks.loading",
    "C5": "benchmarks.strips",
    "C6": "benchmarks.planner",
    "C7": "benchmarks.previews",
    "C8": "benchmarks.policies",
}


def row(name: str) -> Row:
    """ModuleNotFoundError where nobody has written it."""
    found: Row = import_module(ROWS[name]).ROW
    return found

"""Each module in a fresh interpreter: what it drags in, whatever import-linter could not see."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.house.tracked import ROOT, tracked_files

ENGINE = {"torch", "diffusers", "transformers", "gradio", "fastapi", "starlette", "numpy", "PIL", "safetensors"}
# Slow to import or not always there, so only the modules named here may import them at their top.
ALLOWED: dict[str, set[str]] = {
    "requests": set(),
    "textual": set(),
    "git": set(),
    "pynvml": set(),
}
CORE = [
    ".".join(path.with_suffix("").parts) for path in tracked_files()
    if path.parts[:2] == ("launcher", "core") and path.suffix == ".py" and path.stem != "__init__"
]  # fmt: skip
STANDARD = set(sys.stdlib_module_names)


def modules_after(statement: str) -> set[str]:
    """The top-level names in sys.modules once a fresh interpreter has run the statement."""
    code = f"import sys; before = set(sys.modules); {statement}; print(*(set(sys.modules) - before), sep='\\n')"
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert answer.returncode == 0, answer.stderr
    return {name.partition(".")[0] for name in answer.stdout.split()}


def test_the_core_is_found() -> None:
    assert "launcher.core.errors" in CORE


@pytest.mark.parametrize("module", CORE)
def test_a_core_module_drags_in_nothing_heavy(module: str) -> None:
    loaded = modules_after(f"import {module}")
    assert loaded & ENGINE == set()
    assert {name for name in loaded & ALLOWED.keys() if module not in ALLOWED[name]} == set()


def test_the_command_line_starts_without_the_screen() -> None:
    assert modules_after("import launcher.cli") & (ENGINE | {"textual", "git"}) == set()


def test_the_protocol_needs_the_standard_library_alone() -> None:
    assert modules_after("import runtime.protocol") - STANDARD == {"runtime"}


def test_the_bootstrap_needs_the_standard_library_alone() -> None:
    assert modules_after("import runpy; runpy.run_path('launcher/bootstrap.py')") - STANDARD == set()

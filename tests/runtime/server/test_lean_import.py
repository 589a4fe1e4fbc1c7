"""Gradio is imported without writing stubs and without pandas, and describes its components as ever."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

_LOOK = """
import inspect, json, sys
import runtime.ui
import gradio as gr
from gradio import caching, component_meta

import pathlib
pathlib.Path.read_text = None  # a class whose source is parsed for a stub would fail here
pathlib.Path.write_text = None

class Own(gr.Textbox):
    EVENTS = ["change"]
    def __init__(self, value: str = "x", *, lines: int = 2) -> None:
        super().__init__(value, lines=lines)

def told(of):
    return str(inspect.signature(of))

def read(of):
    known = [each for each in (of, inspect.unwrap(of)) if hasattr(each, "__signature__")]
    for each in known:
        del each.__signature__
    return told(of)

found = {"tables": "pandas" in sys.modules, "own": told(Own.__init__)}
found["same"] = [told(each.__init__) == read(each.__init__) for each in (Own, gr.Slider, gr.Row, gr.State)]
found["config"] = Own(lines=3).get_config()["lines"]
found["later"] = caching.pd.DataFrame.__name__
found["then"] = "pandas" in sys.modules
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found() -> dict[str, object]:
    """In a fresh interpreter: this one has Gradio already."""
    root = Path(__file__).parents[3]
    answer = subprocess.run([sys.executable, "-c", _LOOK], cwd=root, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    said: dict[str, object] = json.loads(answer.stdout)
    return said


def test_no_stub_is_written_and_signatures_are_as_the_code_has_them(found: dict[str, object]) -> None:
    assert found["own"] == "(self, value: str = 'x', *, lines: int = 2) -> None"
    assert found["same"] == [True] * 4
    assert found["config"] == 3


def test_pandas_comes_when_it_is_asked_for(found: dict[str, object]) -> None:
    assert (found["tables"], found["later"], found["then"]) == (False, "DataFrame", True)

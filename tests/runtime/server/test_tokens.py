"""The count of tokens beside a prompt: what it says, and what it leaves uncounted so that nobody waits for it."""

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from runtime.options import Options
from runtime.styles import StyleBook
from runtime.ui import words
from runtime.ui.fields import Fields
from runtime.ui.tokens import connect_counters, counted
from runtime.ui.ui_config import UiConfig

UNCOUNTED = words.tokens(None, None)
EDITED = "".join(f"[aaa:bbb:{number}]" for number in range(1, 1000))


@pytest.fixture
def studio(tmp_path: Path) -> Any:
    (tmp_path / "styles.csv").write_text(f"name,prompt,negative_prompt\nlong,{'cat ' * 100},\n", encoding="utf-8")
    stock = SimpleNamespace(with_styles=StyleBook([tmp_path / "styles.csv"]).merged)
    return SimpleNamespace(options=Options(tmp_path / "config.json"), stock=stock)


@pytest.mark.parametrize("steps", [20, None, 0, -3, 1e300, float("inf"), float("nan")])
def test_an_ordinary_prompt_is_counted_whatever_the_steps(studio: Any, steps: float | None) -> None:
    assert counted(studio, "a cat", steps) == words.tokens(2, 75)
    assert counted(studio, "cat " * 12_500, steps) == words.tokens(12_500, 12_525)
    assert counted(studio, "[red:blue:0.5] " * 200, 150) != UNCOUNTED


@pytest.mark.parametrize(("prompt", "steps"), [("cat " * 3_000_000, 20), (EDITED, 1000)])
def test_what_is_too_long_is_not(studio: Any, prompt: str, steps: int) -> None:
    began = time.process_time()
    assert counted(studio, prompt, steps) == UNCOUNTED
    assert time.process_time() - began < 0.5


def test_neither_a_long_prompt_nor_a_style_that_is_named_for_ever_holds_up_the_page(
    studio: Any, tmp_path: Path
) -> None:
    with gr.Blocks() as blocks:
        fields = Fields("txt2img", UiConfig(tmp_path / "ui-config.json"))
        fields.add("prompt", gr.Textbox())
        fields.add("negative_prompt", gr.Textbox())
        fields.add("steps", gr.Number())
        fields.add("styles", gr.Dropdown(multiselect=True))
        connect_counters(studio, fields, (gr.HTML(), gr.HTML()), gr.HTML())
    positive, negative = (function.fn for function in blocks.fns.values())
    assert positive("a", 20, ["long"]) == (words.tokens(102, 150), ""), "with what the style adds"
    began = time.process_time()
    for asked in (("a", 20, ["long"] * 100_000), ("圆" * 12_000_000, 20, ["long"]), ("x" * 12_000_000, 20, [])):
        positive(*asked)
        negative(*asked)
    assert positive("圆" * 12_000_000, 20, [])[0] == UNCOUNTED
    assert time.process_time() - began < 2

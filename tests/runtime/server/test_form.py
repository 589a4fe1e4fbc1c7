"""What the page's form asks the queue for."""

import json
import re
from functools import partial
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from PIL import Image

from runtime.advice import Advice
from runtime.flags import read_flags
from runtime.infotext import parse_infotext, to_fields
from runtime.options import Options
from runtime.request import Hires, MemoryUse, Request, RequestError, Result
from runtime.studio import Studio
from runtime.ui import words
from runtime.ui.form import Form
from runtime.ui.generation import in_order, with_aspect
from runtime.ui.overrides import overriding, read_overrides
from runtime.ui.page import build_blocks, tab_order
from runtime.ui.prompt_file import decoded
from runtime.ui.start_form import INPAINT, MASK_MODES, StartForm
from runtime.ui.ui_config import UiConfig


@pytest.mark.parametrize(("asked", "written"), [(7.0, "7"), (7.5, "7.5"), (None, "7")])
def test_the_scale_is_written_as_the_page_shows_it(tmp_path: Path, asked: float | None, written: str) -> None:
    assert str(ask(tmp_path, cfg_scale=asked).cfg_scale) == written


def test_the_form_obeys_the_settings(tmp_path: Path) -> None:
    settings = {"eta_ancestral": 0.5, "CLIP_stop_at_last_layers": 2, "live_previews_enable": False}
    asked = ask(tmp_path, settings)
    assert (asked.options.eta_ancestral, asked.options.CLIP_stop_at_last_layers, asked.preview_every) == (0.5, 2, 0)
    assert ask(tmp_path, dict.fromkeys(settings)).eta is None
    assert ask(tmp_path, {"eta_ddim": 0.25}, sampler_name="DDIM").options.eta_ddim == 0.25
    assert ask(tmp_path, {"show_progress_every_n_steps": 3}).preview_every == 3


def ask(folder: Path, settings: dict[str, Any] | None = None, **values: Any) -> Request:
    options = Options(folder / "config.json")
    options.update(settings or {})
    stock = SimpleNamespace(with_styles=lambda prompt, negative, names: (prompt, negative))
    studio: Any = SimpleNamespace(options=options, stock=stock, advice=Advice)
    return Form.of(values).request(studio)


def test_an_emptied_form_is_the_defaults_and_the_boxes_decide_what_counts(tmp_path: Path) -> None:
    asked = ask(tmp_path, subseed=5, subseed_strength=0.5, refiner_checkpoint="b", steps=None, seed=None)
    assert (asked.steps, asked.seed, asked.subseed, asked.subseed_strength) == (20, -1, -1, 0)
    assert (asked.hires, asked.refiner_checkpoint, asked.refiner_switch_at) == (None, None, None)
    asked = ask(tmp_path, seed_extra=True, subseed=5, subseed_strength=0.5, enable_refiner=True, refiner_checkpoint="b")
    assert (asked.subseed, asked.subseed_strength, asked.refiner_checkpoint) == (5, 0.5, "b")


def test_hires_fix_says_only_what_differs(tmp_path: Path) -> None:
    hires = ask(tmp_path, enable_hr=True, hr_resize_x=64.0, hr_sampler_name="DDIM").hires
    assert hires == Hires(resize_x=64, sampler_name="DDIM")


def test_override_settings_count_for_the_form_alone(tmp_path: Path) -> None:
    asked = ask(tmp_path, override_settings=["CLIP_stop_at_last_layers: 2", "sd_model_checkpoint: a: b"])
    assert asked.options.CLIP_stop_at_last_layers == 2
    assert read_overrides(["sd_model_checkpoint: a: b", "nonsense"]) == {"sd_model_checkpoint": "a: b"}
    typed = ["Clip skip: 2", "ENSD: 31337", "model hash: 6ce0161689", "Old prompt editing timelines: True"]
    assert read_overrides(typed) == {
        "CLIP_stop_at_last_layers": "2",
        "eta_noise_seed_delta": "31337",
        "sd_model_checkpoint": "6ce0161689",
        "use_old_scheduling": "True",
    }


def test_override_settings_are_shown_by_the_names_of_the_infotext(tmp_path: Path) -> None:
    other = SimpleNamespace(path=tmp_path / "other")
    studio: Any = SimpleNamespace(
        options=Options(tmp_path / "config.json"), library=SimpleNamespace(find=lambda _: other), chosen=None
    )
    pasted = to_fields(parse_infotext("x\nSteps: 2, Seed: 1, Clip skip: 2, ENSD: 31337, Model hash: 6ce0161689"))
    assert sorted(overriding(studio, pasted.options)) == ["Clip skip: 2", "ENSD: 31337", "Model hash: 6ce0161689"]
    assert overriding(studio, {"sd_model_checkpoint": "dream"}) == ["Model: dream"]
    assert read_overrides(overriding(studio, pasted.options)) == pasted.options


def test_what_is_painted_on_any_layer_is_the_mask() -> None:
    ground = Image.new("RGBA", (32, 16), "white")
    layers = [Image.new("RGBA", (32, 16)) for _ in range(2)]
    layers[0].putpixel((3, 4), (0, 0, 0, 255))
    layers[1].putpixel((20, 5), (255, 0, 0, 255))
    painted = {"background": ground, "layers": layers, "composite": ground}
    start = StartForm(mode=INPAINT, inpaint=painted, inpainting_mask_invert=MASK_MODES[1], mask_blur=2.0).start()
    assert start.mask is not None
    assert (start.mask.invert, start.mask.fill, start.mask.full_res, start.mask.blur_y) == (True, 1, False, 2)
    with Image.open(BytesIO(start.mask.image)) as mask:
        assert [(x, y) for y in range(16) for x in range(32) if mask.getpixel((x, y))] == [(3, 4), (20, 5)]


def test_resize_by_counts_in_whole_latents(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    Image.new("RGB", (100, 50)).save(file)
    assert StartForm(image=str(file), resize_by=True, scale=1.5).size() == (144, 72)
    assert StartForm(image=str(file)).size() is None
    with pytest.raises(RequestError) as refused:
        StartForm().start()
    assert refused.value.code == "no-start-image"


@pytest.mark.parametrize(("ratio", "size"), [("1:1", (512, 512)), ("2:3", (416, 624)), ("16:9", (680, 384))])
def test_another_shape_keeps_the_area(ratio: str, size: tuple[int, int]) -> None:
    assert with_aspect(ratio, 512, 512) == size


def test_the_readers_own_defaults_count_and_the_file_is_completed(tmp_path: Path) -> None:
    file = tmp_path / "ui-config.json"
    file.write_text('{"txt2img/Steps/value": 33, "txt2img/Steps/maximum": "many", "theirs": 1}', encoding="utf-8")
    config, slider = UiConfig(file), gr.Slider(1, 150, value=20, step=1, label="Steps")
    config.apply("txt2img", slider)
    config.write()
    assert (slider.value, slider.maximum) == (33, 150)
    written = json.loads(file.read_text(encoding="utf-8"))
    assert written["theirs"] == 1
    assert (written["txt2img/Steps/value"], written["txt2img/Steps/step"]) == (33, 1)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("一只猫\r\n--prompt b\n".encode("utf-8-sig"), "一只猫\n--prompt b"),
        ("一只猫".encode(), "一只猫"),
        ("一只橙色的猫".encode("gb18030"), "一只橙色的猫"),
        ("一只猫".encode("utf-16"), "一只猫"),
        (b"\x89PNG\0\0\0", None),
        (b"a" * 5_000_000, None),
    ],
)
def test_a_file_of_prompts_is_read_in_whatever_a_chinese_editor_writes(data: bytes, text: str | None) -> None:
    assert decoded(data) == text


@pytest.mark.parametrize(("seconds", "shown"), [(0, "0s"), (59.4, "59s"), (75, "01:15"), (3723, "1:02:03")])
def test_the_time_left_is_read_at_a_glance(seconds: float, shown: str) -> None:
    assert words.duration(seconds) == shown


def test_the_memory_line_is_as_upstream_prints_it() -> None:
    memory = MemoryUse(2570, 3338, 4096, 24268)
    told = re.sub("<[^>]+>", "", words.performance(Result(Request(), (), 8, 8, seconds=63.14, memory=memory)))
    assert told == "Time taken: 1 min. 3.1 sec.A: 2.51 GB, R: 3.26 GB, Sys: 4.0/23.7 GB (16.9%)"


def test_the_groups_that_the_settings_name_come_first() -> None:
    built: list[str] = []
    groups = {name: partial(built.append, name) for name in ("sampler", "seed", "cfg")}
    assert list(in_order(groups, ["cfg", "unknown"])) == built == ["cfg", "sampler", "seed"]
    assert tab_order(["Settings", "nothing", "img2img"])[:3] == ["settings", "img2img", "txt2img"]


def test_the_scripts_arguments_have_defaults_in_the_readers_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    file = tmp_path / "ui-config.json"
    file.write_text('{"customscript/xyz_grid.py/txt2img/X type/value": "Steps"}', encoding="utf-8")
    studio = Studio(read_flags(["--data-dir", str(tmp_path)], {}), ("none",), lambda event: None)
    blocks = build_blocks(studio, tmp_path)
    written = json.loads(file.read_text(encoding="utf-8"))
    assert written["customscript/xyz_grid.py/img2img/X type/value"] == "Seed"
    assert written["customscript/xyz_grid.py/txt2img/X values/value"] == ""
    assert written["customscript/sd_upscale.py/img2img/Tile overlap/maximum"] == 256
    shown = {one.elem_id: one for one in blocks.blocks.values()}
    assert shown["script_txt2img_x_y_z_plot_0"].value == "Steps"

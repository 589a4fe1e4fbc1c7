"""What the gallery's keys do with the pictures in it: one archive of all, one picture drawn again larger."""

import zipfile
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from runtime.infotext import write_infotext
from runtime.options import Options
from runtime.request import Picture, Request, RequestError, Result
from runtime.styles import StyleBook
from runtime.ui.archive import archive
from runtime.ui.drawing import finished
from runtime.ui.fields import Fields
from runtime.ui.hires_again import again
from runtime.ui.output import Shown
from runtime.ui.overrides import override_list
from runtime.ui.ui_config import UiConfig

ITEMS = {"Steps": 33, "Sampler": "DDIM", "Seed": 6, "Size": "256x192", "Clip skip": 2, "Hires upscale": 1.5}
TOLD = write_infotext("a star", "blurry", {**ITEMS, "Denoising strength": 0.4})


def picture(seed: int, text: str = "", data: bytes = b"x") -> Picture:
    return Picture(data, seed, text)


def test_the_archive_holds_every_picture_as_it_is(tmp_path: Path) -> None:
    shown = Shown(("/a/1.png", "/b/1.png"), (picture(1, data=b"one"), picture(2, data=b"two")))
    made = archive(shown, tmp_path)
    assert made is not None
    with zipfile.ZipFile(made) as found:
        assert {name: found.read(name) for name in found.namelist()} == {"1.png": b"one", "1-1.png": b"two"}
    assert archive(Shown(), tmp_path) is None


def test_a_picture_is_drawn_again_as_its_infotext_says_with_the_forms_hires_fix(tmp_path: Path) -> None:
    fields = Fields("txt2img", UiConfig(tmp_path / "ui-config.json"))
    with gr.Blocks():
        for name in ("prompt", "negative_prompt"):
            fields.add(name, gr.Textbox(label=name))
        fields.add("sampler_name", gr.Dropdown(["Euler a", "DDIM"], label="sampler"))
        for name in ("steps", "width", "seed", "n_iter", "batch_size", "denoising_strength", "hr_scale"):
            fields.add(name, gr.Number(label=name))
        override_list(fields)
    stock = SimpleNamespace(style_book=StyleBook(()))
    studio: Any = SimpleNamespace(options=Options(tmp_path / "config.json"), stock=stock)
    values = {"prompt": "other", "steps": 20, "n_iter": 4, "denoising_strength": 0.3, "hr_scale": 3, "styles": ["Oil"]}
    shown = Shown(("a", "b"), (picture(5), picture(7, TOLD)), selected=1)
    asked = again(studio, fields, shown, values | {"script_name": "X/Y/Z plot"})
    wanted = {
        "prompt": "a star", "negative_prompt": "blurry", "sampler_name": "DDIM", "steps": 33, "width": 256, "seed": 7,
        "n_iter": 1, "batch_size": 1, "denoising_strength": 0.3, "hr_scale": 3, "enable_hr": True, "styles": [],
        "script_name": "None", "override_settings": ["Clip skip: 2"],
    }  # fmt: skip
    assert {name: asked[name] for name in wanted} == wanted
    with pytest.raises(RequestError) as refused:
        again(studio, fields, Shown(), values)
    assert refused.value.code == "no-picture"


def test_where_no_file_can_be_written_the_pictures_are_on_the_page_all_the_same(tmp_path: Path) -> None:
    job: Future[Any] = Future()
    job.set_result(
        Result(Request(), (picture(9, "told", b"one"), picture(10, data=b"two")), 8, 8, comments=("remark",))
    )
    (tmp_path / "full").touch()
    _, message, text, _, _ = finished(job, tmp_path / "full")
    assert [coded in message for coded in ("base64,b25l", "base64,dHdv")] == [True, True]
    assert "files could not be written" in message
    assert str(tmp_path) not in message
    assert "told" in text
    assert "remark" in text


def test_the_new_picture_takes_the_old_ones_place(tmp_path: Path) -> None:
    job: Future[Any] = Future()
    job.set_result(Result(Request(), (picture(9, "new"),), 8, 8))
    before = Shown(("a", "b", "c"), tuple(picture(seed) for seed in (1, 2, 3)), selected=1)
    gallery, _, text, _, shown = finished(job, tmp_path, before)
    assert [one.seed for one in shown.pictures] == [1, 9, 3]
    assert (shown.files[0], shown.files[2], Path(shown.files[1]).read_bytes()) == ("a", "c", b"x")
    assert (shown.selected, gallery.selected_index) == (1, 1)
    assert "new" in text

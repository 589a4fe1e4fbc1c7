"""What the runtime writes, each as one piece of work that can be cut off anywhere; in the engine's environment."""

from __future__ import annotations

import contextlib
import csv
import json
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from PIL import Image

from runtime.engine import images, saving
from runtime.engine.filenames import JobFacts
from runtime.engine.saving import Outputs
from runtime.hashes import HashCache
from runtime.job_options import JobOptions
from runtime.options import Options
from runtime.paces import Paces
from runtime.request import Picture, Request, RequestError
from runtime.settings_table import DEFAULTS
from runtime.styles import Style, StyleBook
from tests.release.kill_points import Work

CONFIG = {"sd_model_checkpoint": "模型.safetensors [abc]", "their_own": [1, {"a": None}], "jpeg_quality": 70}
STYLES = 'name,prompt,negative_prompt\r\n"画风, a","a {prompt}, b","c\r\nd"\r\nb,x,\r\n'.encode("utf-8-sig")
IMAGE = Image.effect_mandelbrot((64, 48), (-2, -1.5, 1, 1.5), 50).convert("RGB")
TEXT = "猫\nSteps: 20, Sampler: Euler a, Seed: 5"
LOG = "prompt,seed\r\na cat,1\r\n"


def put(folder: Path, name: str, content: str | bytes) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def a_user(folder: Path) -> None:
    put(folder, "config.json", json.dumps(CONFIG, indent=4, ensure_ascii=False))
    put(folder, "styles.csv", STYLES)
    put(folder, "styles.csv.bak", "older")
    put(folder, "cache.json", json.dumps({"hashes": {"checkpoint/b": {"mtime": 1.0, "sha256": "b"}}, "theirs": {}}))
    put(folder, "params.txt", "before")
    put(folder, "outputs/txt2img-images/2026-01-02/00041-mine.png", b"\x89PNG mine")
    put(folder, "log/images/log.csv", LOG)
    put(folder, "models/Stable-diffusion/a.safetensors", b"x" * 1000)


def reads(folder: Path) -> None:
    options = Options(folder / "config.json")
    assert options["jpeg_quality"] in (70, 90)
    assert options.known().keys() == DEFAULTS.keys()
    assert "画风, a" in [style.name for style in StyleBook([folder / "styles.csv"]).styles()]
    HashCache(folder / "cache.json")
    Paces(folder / "step-times.json")


def stored(folder: Path) -> None:
    Options(folder / "config.json").update({"jpeg_quality": 90, "samples_filename_pattern": "图"})


def torn_config(folder: Path) -> None:
    a_user(folder)
    put(folder, "config.json", '{"jpeg_quality": 9')


def new_style(folder: Path) -> None:
    with refusing():
        StyleBook([folder / "styles.csv"]).save(Style("new", "n", ""))


def no_style(folder: Path) -> None:
    with refusing():
        StyleBook([folder / "styles.csv"]).delete("b")


class refusing(contextlib.AbstractContextManager[None]):  # noqa: N801 - it reads as a word
    """As the page says what the system refuses."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, OSError):
            raise RequestError("cannot-save", str(error), "") from error


def hashed(folder: Path) -> None:
    path = folder / "models/Stable-diffusion/a.safetensors"
    HashCache(folder / "cache.json").remember(path, path.name)


def facts(**options: Any) -> JobFacts:
    request = Request(prompt="a cat", seed=5, options=JobOptions(**options))
    return JobFacts(request, seeds=(5, 6), subseeds=(8, 9), began=datetime(2026, 1, 2))


def refuse(said: str) -> None:
    """The remark with which the picture is answered."""
    raise RequestError("cannot-save", said, "")


def drawn(folder: Path) -> None:
    """Who starts again draws again: what was kept whole stays, and another is kept beside it."""
    saving.keep(IMAGE, TEXT, facts(), 0, Outputs(folder, say=refuse))


def every_picture_is_whole(folder: Path) -> None:
    for file in folder.glob("outputs/**/*.png"):
        if "mine" not in file.name:
            assert images.texts_of(images.read_image(file.read_bytes())) == {"parameters": TEXT}, file.name


def with_text(folder: Path) -> None:
    saving.keep(IMAGE, TEXT, facts(save_txt=True), 0, Outputs(folder, say=refuse))


def saved(folder: Path) -> None:
    """The page's Save key."""
    from runtime.ui.output import Shown
    from runtime.ui.saving import save_picture

    picture = Picture(images.encode(IMAGE, "png", {"parameters": TEXT}), 5, TEXT)
    settings = SimpleNamespace(data_dir=folder)
    studio: Any = SimpleNamespace(settings=settings, options={"outdir_save": "log/images"})
    if not (folder / "log/images/00001-5.png").exists():
        said = save_picture(studio, Shown(("/x/00001-5.png",), (picture,)))
        if "00001-5" not in said:
            raise RequestError("cannot-save", said, "")


def every_row_is_whole(folder: Path) -> None:
    log = folder / "log/images/log.csv"
    assert log.read_bytes().startswith(LOG.encode())


def rows_are_whole(folder: Path) -> None:
    """Whatever was cut off, the next row stands on a line of its own."""
    every_row_is_whole(folder)
    (folder / "log/images/00001-5.png").unlink(missing_ok=True)
    saved(folder)
    rows = list(csv.reader((folder / "log/images/log.csv").read_text("utf-8").splitlines()))
    assert rows[-1][7] == "00001-5.png", rows


def page_defaults(folder: Path) -> None:
    import gradio as gr

    from runtime.ui.ui_config import UiConfig

    config = UiConfig(folder / "ui-config.json")
    config.apply("txt2img", gr.Slider(1, 150, 20, label="Sampling steps"))
    config.write()


def own_defaults(folder: Path) -> None:
    a_user(folder)
    put(folder, "ui-config.json", '{"txt2img/Prompt/value": "mine"}')


WORKS = (
    Work("runtime-settings", a_user, stored, reads, full="cannot-save"),
    Work("runtime-settings-torn", torn_config, stored, lambda folder: Options(folder / "config.json"),
         full="cannot-save", moves=True),
    Work("style-saved", a_user, new_style, reads, full="cannot-save"),
    Work("style-deleted", a_user, no_style, reads, full="cannot-save"),
    Work("runtime-hashes", a_user, hashed, reads),
    Work("last-infotext", a_user, lambda folder: saving.remember(TEXT, Outputs(folder)), reads),
    Work("picture", a_user, drawn, every_picture_is_whole, full="cannot-save",
         own=("outputs/*/*/0004[234]-5.png",)),
    Work("picture-with-text", lambda folder: put(folder, "a.txt", "mine"), with_text, every_picture_is_whole,
         full="cannot-save", own=("outputs/*/*/0000[0-4]-5.*",)),
)  # fmt: skip
#: these import Gradio
PAGE_WORKS = (
    Work("save-key", a_user, saved, every_row_is_whole, after=rows_are_whole, full="cannot-save",
         varies=("log/images/log.csv",), own=("log/images/00001-5-1.png",)),
    Work("page-defaults", own_defaults, page_defaults),
)  # fmt: skip

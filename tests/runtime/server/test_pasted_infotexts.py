"""An infotext counts for the pictures that are asked for with it: ten thousand of them change no setting."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import gradio as gr
import pytest
from fastapi import Request as Asking
from fastapi.routing import APIRoute

from runtime.api.models import Txt2ImgBody
from runtime.api.routes import acting_routes
from runtime.catalogue import SAMPLERS, SCHEDULERS
from runtime.flags import read_flags
from runtime.infotext import DEFAULTS, OPTIONS, to_fields
from runtime.infotext import fields as of_infotext
from runtime.options import Options
from runtime.request import Request, RequestError, Result
from runtime.setting import JOB_DEFAULTS
from runtime.settings_elsewhere import ELSEWHERE
from runtime.settings_table import DEFAULTS as SETTINGS
from runtime.studio import Studio
from runtime.styles import Style
from runtime.ui.drawing import hand_in
from runtime.ui.form import Form
from runtime.ui.frame import Frame
from runtime.ui.pasting import filled
from runtime.ui.txt2img import txt2img_tab
from runtime.ui.ui_config import UiConfig
from tests.fakes.serving import put_checkpoint

MANY = 10_000
#: as a person may have written it: whoever writes it again leaves other bytes
CONFIG = '{"samples_format":"jpg",\n "CLIP_stop_at_last_layers": 1.0, "theirs": [1,2],\t"eta_noise_seed_delta": 5 }\n\n'
SAMPLER_NAMES = [one.name for one in SAMPLERS] + [f"{one.name} Karras" for one in SAMPLERS[:3]]
#: all that infotexts know, and what some would like them to know
KEYS = sorted({
    *of_infotext._FIELDS, *of_infotext._MEANINGS, *OPTIONS, *OPTIONS.values(), *DEFAULTS, *SETTINGS, *ELSEWHERE,
    *("Size", "First pass size", "Hires resize", "Model", "Model hash", "Lora hashes", "TI hashes", "Version"),
    *("Hypernet", "override_settings", "override_settings_restore_afterwards", "save_images", "script_name"),
})  # fmt: skip
WORDS = (
    *("True", "False", "None", "null", "", "0", "-1", "1e999", "nan", "2", "12", "512x768", "0x0", "9" * 400),
    *("NV", "CPU", "No norm", "Original", "v1.5.2", "v1.10.1", "f2.0.1v1.10.1", "other", "model", "Only masked", "bh2"),
    *("/etc", "../../outside", "C:\\Windows", "<script>", "猫", "a\rb", "\x00", "ink: 0123456789ab", "🐈", "{}", "[1]"),
    *('{"samples_save": false}', '"outdir_samples": "/tmp"', 'a "b" c', "a: b, samples_save: False", "\\u0000", '"'),
)
#: what takes only words, one of which is no default
TAKEN = {
    "Emphasis": "None", "Noise Schedule": "Zero Terminal SNR", "UniPC skip type": "time_quadratic",
    "UniPC variant": "bh2", "RNG": "NV", "Tiling": "True", "SGM noise multiplier": "True",
}  # fmt: skip


def some_infotext(chance: random.Random) -> str:
    """A prompt, perhaps a negative one, and a last line of which most keys mean something."""
    prompt = " ".join(
        chance.choices(["cat", "<lora:ink:0.8>", "(on:1.2)", "Steps: 3, Seed: 1", "\n", "# no", "夜"], k=4)
    )
    negative = chance.choice(["", "\nNegative prompt: fog, blurry"])
    items = [f"Steps: {chance.randint(1, 60)}", f"Seed: {chance.randint(-1, 2**32)}", "Size: 64x64"]
    if chance.random() < 0.8:
        items.append(f"Sampler: {chance.choice(SAMPLER_NAMES)}, Schedule type: {chance.choice(SCHEDULERS).label}")
    keys = chance.sample(KEYS, chance.randint(0, 5)) + chance.sample(sorted(OPTIONS), chance.randint(0, 3))
    items += [f"{key}: {some_value(chance, key)}" for key in keys]
    chance.shuffle(items)
    return f"{prompt}{negative}\n{', '.join(items)}"


def some_value(chance: random.Random, key: str) -> str:
    value = chance.choice([chance.choice(WORDS), str(chance.randint(1, 12)), f"{chance.uniform(0, 1):.3f}"])
    # most texts are such that a job can be made of them
    value = value if chance.random() < 0.2 or key not in OPTIONS else TAKEN.get(key, chance.choice("12"))
    return json.dumps(value) if set(value) & set(',:"\n') and chance.random() < 0.7 else value


@dataclass
class Desk:
    """Page and API over one studio whose queue answers at once, with no picture."""

    studio: Studio
    paste: Callable[[str], dict[str, Any]]
    frame: Frame
    drawn: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.studio.jobs.generate = self.generate  # type: ignore[method-assign]
        routes = [route for route in acting_routes(self.studio).routes if isinstance(route, APIRoute)]
        self.txt2img: Callable[..., Awaitable[Any]] = next(one.endpoint for one in routes if one.path == "/txt2img")

    def generate(self, request: Request, *_rest: Any) -> Future[Result]:
        self.drawn.append(request)
        done: Future[Result] = Future()
        done.set_result(Result(request, (), 8, 8))
        return done

    def by_page(self, text: str) -> None:
        """Pasted into the form, and drawn."""
        hand_in(self.frame, lambda values: Form.of(values).request(self.studio), gr.Request(), self.paste(text))

    async def by_api(self, text: str, restore: bool) -> None:
        """The body's `infotext`, also where the client wants its own settings to stay."""
        body = Txt2ImgBody(infotext=text, override_settings_restore_afterwards=restore)
        await self.txt2img(body, Asking({"type": "http", "headers": []}, receive=asyncio.Event().wait))  # type: ignore[arg-type]

    async def ask(self, text: str, number: int) -> bool:
        """By page and API in turns; is it refused?"""
        try:
            if number % 2:
                self.by_page(text)
            else:
                await self.by_api(text, restore=number % 4 == 0)
        except RequestError:
            return True
        return False

    def state(self) -> str:
        """Everything that a setting may be kept in, in memory."""
        options = self.studio.options
        kept = (options.known(), options._stored, options._unusable, JOB_DEFAULTS, SETTINGS)
        chosen, styles = self.studio.chosen, self.studio.stock.style_book.styles()
        return repr((kept, vars(options.freeze), chosen and chosen.path, styles, self.studio.settings))


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    folder = tmp_path_factory.mktemp("pasted")
    put_checkpoint(folder, "model.safetensors", "other.safetensors")
    (folder / "config.json").write_bytes(CONFIG.encode())
    studio = Studio(read_flags(["--data-dir", str(folder)], {}), ("none",), lambda _event: None)
    studio.stock.style_book.save(Style("foggy", "{prompt}", "fog, blurry"))
    frame = Frame(studio, folder / "pictures", UiConfig(folder / "ui-config.json"), local=False)
    with gr.Blocks():
        fields = txt2img_tab(frame).fields
    standing = {name: getattr(control, "value", None) for name, control in fields.by_name.items()}

    def paste(text: str) -> dict[str, Any]:
        changes = dict(zip(fields.names, filled(studio, fields, text), strict=True))
        return standing | {name: value for name, value in changes.items() if value != gr.skip()}

    return Desk(studio, paste, frame)


def test_ten_thousand_infotexts_change_no_setting(desk: Desk) -> None:
    chance, folder = random.Random(30), desk.studio.settings.data_dir
    before, there = desk.state(), sorted(folder.rglob("*"))

    async def ask_all() -> int:
        refused = 0
        for number in range(MANY):
            text = some_infotext(chance)
            refused += await desk.ask(text, number)
            assert (folder / "config.json").read_bytes() == CONFIG.encode(), text
            assert number % 50 or desk.state() == before, text
        return refused

    refused = asyncio.run(ask_all())
    assert desk.state() == before
    assert sorted(folder.rglob("*")) == there, "nothing is written elsewhere"
    assert Options(folder / "config.json").known() == desk.studio.options.known()
    # the texts count for something: most become jobs, most of these by other settings than are stored
    assert len(desk.drawn) == MANY - refused > MANY / 2
    own = desk.studio.options.for_job({})
    assert sum(request.options != own for request in desk.drawn) > MANY / 4
    differing = {
        name for one in desk.drawn for name in JOB_DEFAULTS if getattr(one.options, name) != getattr(own, name)
    }
    assert differing >= set(OPTIONS.values()) - {"sd_vae"}


def test_what_a_text_would_set_is_a_short_list() -> None:
    """Nothing of it says where files lie, who may come in, or whether a picture is kept."""
    everything = dict.fromkeys(KEYS, "1")
    assert set(to_fields(everything).options) == {*OPTIONS.values(), "sd_model_checkpoint"}
    assert not [name for name in OPTIONS.values() if name.startswith(("outdir", "samples_", "save", "dir", "api_"))]

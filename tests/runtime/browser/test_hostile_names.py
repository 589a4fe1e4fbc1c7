"""Names of files and styles that are markup: the page shows them as text wherever they come up, the API as JSON."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from runtime.request import Request, Result
from runtime.ui import words
from tests.fakes.fake_worker import png
from tests.fakes.serving import Served
from tests.runtime.browser.conftest import Watched, expect_seen
from tests.runtime.browser.test_tabs import PROMPT, opened

pytestmark = pytest.mark.skipif(os.name == "nt", reason="no file of Windows can be named so")
MARKUP = "<img src=x onerror=alert(1)>"
STYLE = f"{MARKUP}<b>style"
#: folder and file of each kind; the fake worker refuses what is named broken, with its name in the sentence
FILES = (
    *(f"Stable-diffusion/{start}{MARKUP}.safetensors" for start in ("", "broken", "gone")),
    *(f"Lora/lora{MARKUP}.safetensors", f"VAE/vae{MARKUP}.safetensors", f"hypernetworks/hyper{MARKUP}.pt"),
    *(f"ESRGAN/4x_{MARKUP}.pth", f"embeddings/word{MARKUP}.pt"),
)
#: counts what a name has become an element of, also where it stood for a moment only
COUNT = """
window.made = 0;
const named = 'img[src="x"], [onerror]';
new MutationObserver((changes) => {
  for (const change of changes) for (const node of change.addedNodes)
    if (node.matches?.(named) || node.querySelector?.(named)) window.made += 1;
}).observe(document, { childList: true, subtree: true, attributes: true });
"""


@pytest.fixture
def named(server: Served) -> Iterator[Served]:
    """The server of the other tests, with these files as long as this one runs."""
    folder = server.output.parent
    files = [folder / "models" / name if "embeddings" not in name else folder / name for name in FILES]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(file.name.encode())
    server.post("/sdapi/v1/refresh-checkpoints")
    yield server
    for file in files:
        file.unlink(missing_ok=True)
    server.post("/sdapi/v1/refresh-checkpoints")
    server.post("/sdapi/v1/options", json={"sd_model_checkpoint": "a.safetensors"})


def chosen(page: Page, element: str, name: str) -> None:
    """From a list, whose entry reads as the name does."""
    page.locator(f"#{element} input").first.click()
    option = page.get_by_role("option", name=name).first
    expect_seen(option, name)
    option.click()


def test_names_that_are_markup_are_shown_as_text(watched: Watched, named: Served, tmp_path: Path) -> None:
    page, alerts = watched.page, []
    page.on("dialog", lambda dialog: (alerts.append(dialog.message), dialog.dismiss()))
    page.add_init_script(COUNT)
    opened(watched, named, "txt2img")
    status = page.locator("#model_status")
    chosen(page, "setting_sd_model_checkpoint", f"broken{MARKUP}.safetensors")
    expect_seen(status, f"broken{MARKUP}.safetensors is cut short.")
    chosen(page, "setting_sd_model_checkpoint", re.compile(rf"^✓?\s*{re.escape(MARKUP)}\.safetensors"))
    expect_seen(status, re.compile(rf"Ready.*{re.escape(MARKUP)}\.safetensors"))
    page.fill(PROMPT, f"<lora:lora{MARKUP}:1> {MARKUP}")
    page.click("#txt2img_generate")
    expect_seen(
        page.locator("#html_info_txt2img"), re.compile(rf"{re.escape(MARKUP)}\nSteps: .*Model: {re.escape(MARKUP)}")
    )
    a_style(page)
    (named.output.parent / "models" / FILES[2]).unlink()
    named.post("/sdapi/v1/refresh-checkpoints")
    chosen(page, "setting_sd_model_checkpoint", f"gone{MARKUP}.safetensors")
    expect_seen(page.get_by_test_id("toast-body"), f"model 'gone{MARKUP}.safetensors' not found")
    page.get_by_role("tab", name="Models", exact=True).click()
    for tab, element, name in (
        ("Checkpoints", "checkpoints", MARKUP), ("VAE", "vae", f"vae{MARKUP}"), ("Lora", "lora", f"lora{MARKUP}"),
        ("Textual Inversion", "textual_inversion", f"word{MARKUP}"),
        ("Hypernetworks", "hypernetworks", f"hyper{MARKUP}"),
    ):  # fmt: skip
        page.get_by_role("tab", name=tab, exact=True).click()
        chosen(page, f"models_{element}_list", name)
        expect_seen(page.locator(f"#models_{element} table"), f"{name}.")
    page.get_by_role("tab", name="PNG Info", exact=True).click()
    (tmp_path / "told.png").write_bytes(png(8, 8, parameters=MARKUP, **{MARKUP: f"value{MARKUP}"}))
    page.set_input_files("#pnginfo_image input[type=file]", tmp_path / "told.png")
    expect_seen(page.locator("#pnginfo_html2_info"), re.compile(rf"{re.escape(MARKUP)}\s*value{re.escape(MARKUP)}"))
    page.get_by_role("tab", name="Extras", exact=True).click()
    chosen(page, "extras_upscaler_1", f"4x_{MARKUP}")
    assert page.locator('img[src="x"], [onerror]').count() == 0
    assert (alerts, page.evaluate("window.made")) == ([], 0)


def a_style(page: Page) -> None:
    """Saved under its name, chosen, and deleted."""
    said = page.locator("#txt2img_style_said")
    page.click("#txt2img_styles_edit_button")
    page.fill("#txt2img_edit_style_prompt textarea", MARKUP)
    page.fill("#txt2img_style_name input", STYLE)
    page.keyboard.press("Enter")
    page.click("#txt2img_style_save")
    expect_seen(said, "The styles are saved.")
    chosen(page, "txt2img_styles", STYLE)
    expect_seen(page.locator("#txt2img_styles"), STYLE)
    page.click("#txt2img_style_delete")
    expect_seen(said, f"Deleted: {STYLE}")
    page.click("#txt2img_style_delete")
    expect_seen(said, f"There is no style of this name: {STYLE}")


def test_what_the_worker_remarks_of_a_name_is_text() -> None:
    assert "<img" not in words.notes(Result(Request(), (), 8, 8, comments=(f"{MARKUP} is not there.",)))


@pytest.mark.parametrize(
    ("path", "name"),
    [
        *(("sd-models", f"{MARKUP}.safetensors"), ("loras", f"lora{MARKUP}"), ("sd-vae", f"vae{MARKUP}.safetensors")),
        *(("hypernetworks", f"hyper{MARKUP}"), ("upscalers", f"4x_{MARKUP}")),
    ],
)
def test_the_api_tells_such_names_as_json(named: Served, path: str, name: str) -> None:
    answer = named.get(f"/sdapi/v1/{path}")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert name in [value for one in answer.json() for value in one.values()]


def test_a_refusal_that_repeats_a_name_is_json_too(named: Served) -> None:
    for answer in (
        named.post("/sdapi/v1/options", json={"sd_model_checkpoint": f"none{MARKUP}"}),
        named.post("/sdapi/v1/options", json={"sd_model_checkpoint": f"broken{MARKUP}.safetensors"}),
        named.draw(prompt="x", sampler_name=MARKUP),
        named.draw(prompt="x", override_settings={MARKUP: 1}),
        named.get(f"/sdapi/v1/{MARKUP}"),
    ):
        assert answer.status_code >= 400
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-content-type-options"] == "nosniff"

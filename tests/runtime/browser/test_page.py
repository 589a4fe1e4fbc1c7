"""The page in a browser: words, theme, a picture drawn, one interrupted."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from runtime import protocol
from tests.fakes.serving import CHECKOUT, Served, put_checkpoint, serve, until
from tests.runtime.browser.conftest import Watched, expect_seen

PROMPT = "#txt2img_prompt textarea"
PICTURE = "#txt2img_gallery img"
MESSAGE = "#txt2img_progress"
#: Gradio's own words; the page and its Chinese localization know them
LOST = "Connection to the server was lost. Attempting reconnection..."


def test_a_prompt_becomes_a_picture(watched: Watched, server: Served) -> None:
    page = watched.page
    page.goto(server.url)
    expect(page.locator("body.dark")).to_be_visible()
    for label in ("Sampling method", "Schedule type", "Sampling steps", "Width", "Height", "CFG Scale", "Seed"):
        expect(page.get_by_text(label, exact=True).first).to_be_visible()
    expect(page.get_by_label("Stable Diffusion checkpoint")).to_have_value(re.compile("a.safetensors"))
    expect(page.locator("#txt2img_width input[type=number]")).to_have_value("128")
    page.fill(PROMPT, "red circle 圆")
    page.fill("#txt2img_seed input", "77")
    page.click("#txt2img_generate")
    expect(page.locator(PICTURE).first).to_be_visible()
    expect_seen(page.locator("#html_info_txt2img"), re.compile("red circle 圆\nSteps: 20, .*Seed: 77, Size: 128x128"))
    expect(page.locator(MESSAGE)).to_have_text("")
    expect(page.locator(PICTURE).first).to_have_js_property("naturalWidth", 128)  # once it has been fetched
    shown = page.locator(PICTURE).first.get_attribute("src")
    assert "圆" in page.request.get(str(shown)).body().decode("utf-8", "ignore"), "a download keeps its infotext"


def test_interrupt_and_ctrl_enter(watched: Watched, server: Served) -> None:
    page = watched.page
    page.goto(server.url)
    page.fill(PROMPT, "snail")
    page.locator("#txt2img_steps input[type=number]").fill("150")
    page.locator("#txt2img_steps input[type=number]").press("Tab")
    page.locator(PROMPT).press("Control+Enter")
    until(lambda: server.progress()["state"]["sampling_step"] >= 3)
    assert server.progress()["state"]["sampling_steps"] == 150
    expect_seen(page.locator(f"{MESSAGE} [role=progressbar]"), "%")
    expect(page.locator(f"{MESSAGE} img")).to_be_visible()
    page.click("#txt2img_interrupt")
    expect_seen(page.locator("#html_info_txt2img"), "Interrupted")
    expect(page.locator(PICTURE).first).to_be_visible()
    assert server.progress()["state"]["job"] == ""


def test_a_failure_is_said_in_words_and_the_page_goes_on(watched: Watched, server: Served) -> None:
    page = watched.page
    page.goto(server.url)
    page.fill(PROMPT, "nan <b>")
    page.click("#txt2img_generate")
    expect_seen(page.locator(f"{MESSAGE} .gesso-message"), "The U-Net returned NaN. Try --no-half.")
    page.fill(PROMPT, "fine")
    page.click("#txt2img_generate")
    expect_seen(page.locator("#html_info_txt2img"), "fine")


def test_a_checkpoint_that_cannot_be_loaded(watched: Watched, server: Served) -> None:
    page = watched.page
    page.goto(server.url)
    chooser = page.get_by_label("Stable Diffusion checkpoint")
    expect(chooser).to_have_value(re.compile("a.safetensors"))
    chooser.click()
    page.get_by_role("option", name="b-broken.safetensors").click()
    expect_seen(page.locator("#model_status"), "b-broken.safetensors is cut short.")
    expect(chooser).to_have_value(re.compile("a.safetensors"))
    page.fill(PROMPT, "with the one before")
    page.click("#txt2img_generate")
    expect_seen(page.locator("#html_info_txt2img"), "with the one before")


def test_one_choice_of_a_checkpoint_is_asked_for_once(watched: Watched, server: Served) -> None:
    page = watched.page
    page.goto(server.url)
    chooser = page.get_by_label("Stable Diffusion checkpoint")
    expect(chooser).to_have_value(re.compile("a.safetensors"))
    joined: list[str] = []
    page.on("request", lambda request: joined.append(request.post_data or ""))
    chooser.click()
    page.get_by_role("option", name="a.safetensors").click()
    page.click(PROMPT)
    page.wait_for_timeout(1500)
    assert sum('"event_data":{' in body and "a.safetensors" in body for body in joined) == 1


@pytest.mark.parametrize("watched", ["zh-CN"], indirect=True)
def test_a_chinese_browser_reads_chinese(watched: Watched, server: Served) -> None:
    page = watched.page
    page.goto(server.url)
    expect(page.locator("#txt2img_generate")).to_have_text("生成")
    expect(page.get_by_text("采样方法", exact=True)).to_be_visible()
    expect(page.locator(PROMPT)).to_have_attribute("placeholder", re.compile("提示词"))
    page.fill(PROMPT, "Generate")
    page.click("#txt2img_generate")
    expect_seen(page.locator("#html_info_txt2img"), "Generate\nSteps")


def test_the_address_opened_at_once_becomes_the_page_and_asks_for_the_name(watched: Watched, tmp_path: Path) -> None:
    """Opened while Gradio is still being imported; with accounts, the form to log in comes first.

    In the end the server is gone: the page says so, and no longer how far its picture is.
    """
    assert LOST in json.loads((CHECKOUT / "runtime/assets/localizations/zh_CN.json").read_text(encoding="utf-8"))
    put_checkpoint(tmp_path, "slow.safetensors")
    page = watched.page
    with serve(tmp_path, "--events", "--gradio-auth", "me:secret") as served:
        page.goto(served.url)
        page.get_by_label("Name").fill("me")
        page.get_by_label("Password").fill("secret")
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("heading", name="Gesso is starting")).to_be_visible()
        until(lambda: protocol.Serving(served.url, True) in served.events(), 240)
        expect_seen(page.locator("#model_status"), "Ready")
        expect(page.locator("#txt2img_height input[type=number]")).to_have_value("128")
        page.fill(PROMPT, "snail")
        page.click("#txt2img_generate")
        expect_seen(page.locator(f"{MESSAGE} [role=progressbar]"), "%")
        served.process.kill()
        expect(page.get_by_test_id("toast-text")).to_have_text(LOST)
        expect(page.locator(MESSAGE)).to_have_text("")
        page.goto("about:blank")
        # Gradio reports the stream that was cut
        watched.complaints.clear()

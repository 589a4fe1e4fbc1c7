"""The page's tabs clicked through: img2img, inpainting, Extras, PNG Info, settings, styles, presets, a phone."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from runtime.infotext import write_infotext
from tests.fakes.fake_worker import png
from tests.fakes.serving import Served
from tests.runtime.browser.conftest import Watched, expect_seen

PROMPT = "#txt2img_prompt textarea"
ITEMS = {
    "Steps": 33, "Sampler": "DPM++ 2M", "Schedule type": "Karras", "CFG scale": 4.5, "Seed": 99, "Size": "256x192",
    "Clip skip": 2, "Denoising strength": 0.4, "Hires upscale": 1.5, "Hires steps": 7, "Hires upscaler": "Latent",
}  # fmt: skip
TOLD = write_infotext("a (blue:1.2) star", "blurry", ITEMS)


@pytest.fixture(scope="session")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("pictures") / "star.png"
    file.write_bytes(png(96, 64, parameters=TOLD))
    return file


def opened(watched: Watched, server: Served, tab: str) -> Page:
    watched.page.goto(server.url)
    watched.page.get_by_role("tab", name=tab, exact=True).first.click()
    return watched.page


def number(page: Page, element: str) -> Locator:
    return page.locator(f"#{element} input[type=number]")


def test_a_picture_is_drawn_over_and_a_factor_sets_its_size(watched: Watched, server: Served, picture: Path) -> None:
    page = opened(watched, server, "img2img")
    page.click("#img2img_generate")
    expect_seen(page.locator("#img2img_progress .gesso-message"), "There is no picture to start from.")
    page.set_input_files("#img2img_image input[type=file]", picture)
    expect(page.locator("#img2img_image img")).to_be_visible()
    page.get_by_role("tab", name="Resize by").click()
    number(page, "img2img_scale").fill("2")
    page.fill("#img2img_prompt textarea", "over it")
    page.locator("#img2img_prompt textarea").press("Control+Enter")
    told = page.locator("#html_info_img2img")
    expect_seen(told, re.compile(r"over it\nSteps.*Size: 192x128.*Denoising strength: 0.75.*From: 96x64"))


def test_what_is_painted_is_the_mask(watched: Watched, server: Served, picture: Path) -> None:
    page = opened(watched, server, "img2img")
    expect(page.locator("#inpaint_controls")).to_be_hidden()
    page.get_by_role("tab", name="Inpaint", exact=True).click()
    expect(page.locator("#inpaint_controls")).to_be_visible()
    canvas = page.locator("#img2maskimg canvas").first
    expect(canvas).to_be_visible()
    page.wait_for_timeout(1000)  # Gradio's editor has no sign of its own that it is ready
    page.set_input_files("#img2maskimg input[type=file]", picture)
    page.wait_for_timeout(1000)
    box = canvas.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.45, box["y"] + box["height"] * 0.5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.55, box["y"] + box["height"] * 0.5, steps=8)
    page.mouse.up()
    page.click("#img2img_generate")
    told = page.locator("#html_info_img2img")
    expect_seen(told, re.compile(r"From: 96x64, Mask blur: 4, Redrawn: [1-9]\d+"))
    white = int(re.search(r"Redrawn: (\d+)", told.inner_text())[1])  # type: ignore[index]
    assert 20 < white < 96 * 64 / 2, "a stroke, not the picture"


def test_extras_enlarge(watched: Watched, server: Served, picture: Path) -> None:
    page = opened(watched, server, "Extras")
    page.set_input_files("#extras_image input[type=file]", picture)
    expect(page.locator("#extras_image img")).to_be_visible()
    page.get_by_label("Upscaler 1").click()
    page.get_by_role("option", name="Lanczos").click()
    page.click("#extras_generate")
    expect(page.locator("#extras_gallery img").first).to_have_js_property("naturalWidth", 384)
    expect_seen(page.locator("#html_info_extras"), "Postprocess upscaler: Lanczos")


def test_png_info_tells_and_fills_the_form(watched: Watched, server: Served, picture: Path) -> None:
    page = opened(watched, server, "PNG Info")
    page.set_input_files("#pnginfo_image input[type=file]", picture)
    expect_seen(page.locator("#pnginfo_html2_info"), "a (blue:1.2) star\nNegative prompt: blurry\nSteps: 33")
    page.click("#pnginfo_send_to_txt2img")
    expect(page.locator(PROMPT)).to_have_value("a (blue:1.2) star")
    expect(page.locator("#txt2img_neg_prompt textarea")).to_have_value("blurry")
    expect(page.locator("#txt2img_sampling input")).to_have_value("DPM++ 2M")
    shown = {"steps": "33", "cfg_scale": "4.5", "width": "256", "height": "192", "hires_steps": "7", "hr_scale": "1.5"}
    for name, value in shown.items():
        expect(number(page, f"txt2img_{name}")).to_have_value(value)
    expect(page.locator("#txt2img_seed input")).to_have_value("99")
    expect(page.locator("#txt2img_hr-checkbox input")).to_be_checked()
    expect_seen(page.locator("#txt2img_override_settings"), "Clip skip: 2")


def test_a_pasted_infotext_fills_the_form_and_a_preset_changes_it(watched: Watched, server: Served) -> None:
    page = opened(watched, server, "txt2img")
    page.fill(PROMPT, f"{TOLD}")
    page.click("#paste")
    expect(page.locator(PROMPT)).to_have_value("a (blue:1.2) star")
    expect(number(page, "txt2img_steps")).to_have_value("33")
    expect(page.locator("#txt2img_token_counter")).to_have_text("3/75")
    page.click("#txt2img_preset_artistic")
    expect(page.locator("#txt2img_sampling input")).to_have_value("DDIM")
    for name, value in {"steps": "25", "cfg_scale": "9", "width": "512", "height": "768"}.items():
        expect(number(page, f"txt2img_{name}")).to_have_value(value)
    page.click("#txt2img_res_switch_btn")
    expect(number(page, "txt2img_width")).to_have_value("768")
    page.fill(PROMPT, "红色的圆")
    expect_seen(page.locator("#txt2img_prompt_hint"), "CLIP")


def test_a_drawn_picture_goes_to_inpainting(watched: Watched, server: Served) -> None:
    page = opened(watched, server, "txt2img")
    page.fill(PROMPT, "to be mended")
    page.click("#txt2img_generate")
    expect_seen(page.locator("#html_info_txt2img"), "to be mended")
    expect_seen(page.locator("#html_log_txt2img"), "Time taken: 0.1 sec.")
    page.click("#txt2img_reuse_seed")
    expect(page.locator("#txt2img_seed input")).to_have_value("1234")
    page.click("#save_txt2img")
    expect_seen(page.locator("#html_log_txt2img"), "Saved:")
    page.click("#txt2img_send_to_inpaint")
    expect(page.locator("#img2maskimg canvas").first).to_be_visible()
    expect(page.locator("#img2img_prompt textarea")).to_have_value("to be mended")
    page.click("#img2img_generate")
    expect_seen(page.locator("#html_info_img2img"), re.compile("From: 128x128, Mask blur: 4"))


def test_a_setting_is_found_by_its_words_and_applied(watched: Watched, server: Served) -> None:
    page = opened(watched, server, "Settings")
    expect(page.locator("#setting_samples_format")).to_be_visible()
    page.fill("#settings_search input, #settings_search textarea", "novelai")
    expect(page.locator("#setting_samples_format")).to_be_hidden()
    page.locator("#setting_eta_noise_seed_delta input").last.fill("31337")
    page.click("#settings_submit")
    expect_seen(page.locator("#settings_result"), "Settings stored: eta_noise_seed_delta")
    assert server.get("/sdapi/v1/options").json()["eta_noise_seed_delta"] == 31337
    page.locator("#setting_eta_noise_seed_delta input").last.fill("0")
    page.click("#settings_submit")
    page.click("#settings_submit")
    expect_seen(page.locator("#settings_result"), "No setting was changed.")


def test_the_language_of_the_settings_counts_after_a_reload(watched: Watched, server: Served) -> None:
    server.post("/sdapi/v1/options", json={"localization": "zh_CN"})
    try:
        page = watched.page
        page.goto(server.url)
        expect(page.locator("#txt2img_generate")).to_have_text("生成")
        expect(page.locator("#txt2img_random_seed")).to_have_attribute("title", re.compile("随机数"))
        page.get_by_role("tab", name="设置").click()
        expect(page.locator("#settings_submit")).to_have_text("保存设置")
    finally:
        server.post("/sdapi/v1/options", json={"localization": "None"})


def test_a_phone_shows_everything_in_one_column(watched: Watched, server: Served) -> None:
    watched.page.set_viewport_size({"width": 390, "height": 844})
    page = opened(watched, server, "txt2img")
    page.check("#txt2img_hr-checkbox input")
    expect(page.locator("#txt2img_hr_scale")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for element in ("#txt2img_generate", "#txt2img_seed input", "#txt2img_subseed_show", "#txt2img_hr_upscaler"):
        box = page.locator(element).first.bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390

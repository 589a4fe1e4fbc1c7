"""What is stored or lies in a folder is on the page as it is now, though the page was built long before."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from runtime import protocol
from tests.fakes.serving import Served, put_checkpoint, serve, until
from tests.runtime.browser.conftest import Watched, expect_seen
from tests.runtime.browser.test_tabs import PROMPT, number, opened


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Served]:
    put_checkpoint(tmp_path, "a.safetensors")
    with serve(tmp_path, "--events") as served:
        until(lambda: protocol.Serving(served.url, True) in served.events(), 240)
        yield served


def offered(page: Page, element: str) -> list[str]:
    """What a list offers."""
    page.locator(f"#{element} input").first.click()
    options = page.get_by_role("option")
    expect(options.first).to_be_visible()
    names = [one.strip() for one in options.all_inner_texts()]
    page.keyboard.press("Escape")
    return [name.removeprefix("✓").strip().split(" [")[0] for name in names]


def test_files_that_come_later_are_offered_after_a_refresh(own: Served, watched: Watched, tmp_path: Path) -> None:
    page = opened(watched, own, "txt2img")
    page.click("#txt2img_enable-checkbox input")
    assert offered(page, "txt2img_checkpoint") == ["None", "a.safetensors", "gesso-demo.safetensors"]
    put_checkpoint(tmp_path, "later.safetensors")
    esrgan = tmp_path / "models" / "ESRGAN" / "4x_later.pth"
    esrgan.parent.mkdir(parents=True, exist_ok=True)
    esrgan.write_bytes(b"")
    page.click("#refresh_sd_model_checkpoint")
    expect(page.locator("#txt2img_checkpoint input")).to_have_value("None")
    page.wait_for_timeout(1500)  # the lists follow once the checkpoints are read
    found = offered(page, "txt2img_checkpoint")
    assert sorted(found) == ["None", "a.safetensors", "gesso-demo.safetensors", "later.safetensors"]
    page.get_by_role("tab", name="Extras").click()
    assert "4x_later" in offered(page, "extras_upscaler_1")


def test_stored_settings_are_shown_and_what_is_not_touched_is_kept(own: Served, watched: Watched) -> None:
    own.post("/sdapi/v1/options", json={"eta_noise_seed_delta": 31337, "samples_format": "webp", "n_rows": 3})
    page = opened(watched, own, "Settings")
    expect(number(page, "setting_eta_noise_seed_delta")).to_have_value("31337")
    expect(page.locator("#setting_samples_format input")).to_have_value("webp")
    own.post("/sdapi/v1/options", json={"n_rows": 5})
    number(page, "setting_jpeg_quality").fill("70")
    page.click("#settings_submit")
    expect_seen(page.locator("#settings_result"), "Settings stored: jpeg_quality")
    stored = own.get("/sdapi/v1/options").json()
    wanted = {"eta_noise_seed_delta": 31337, "samples_format": "webp", "n_rows": 5, "jpeg_quality": 70}
    assert {name: stored[name] for name in wanted} == wanted


def test_a_style_is_saved_edited_deleted_and_joins_the_prompt(own: Served, watched: Watched) -> None:
    page = opened(watched, own, "txt2img")
    said = page.locator("#txt2img_style_said")
    page.fill(PROMPT, "{prompt}, oil on canvas")
    page.click("#txt2img_styles_edit_button")
    page.click("#txt2img_style_copy")
    page.fill("#txt2img_style_name input", "Oil")
    page.keyboard.press("Enter")
    page.click("#txt2img_style_save")
    expect_seen(said, "The styles are saved.")
    assert own.get("/sdapi/v1/prompt-styles").json()[0]["prompt"] == "{prompt}, oil on canvas"
    page.fill(PROMPT, "a star")
    page.locator("#txt2img_styles input").click()
    page.get_by_role("option", name="Oil").click()
    page.click("#txt2img_generate")
    expect_seen(page.locator("#html_info_txt2img"), "a star, oil on canvas")
    page.click("#txt2img_style_apply")
    expect(page.locator(PROMPT)).to_have_value("a star, oil on canvas")
    page.get_by_role("tab", name="img2img").first.click()
    assert offered(page, "img2img_styles") == ["Oil"]
    page.get_by_role("tab", name="txt2img").first.click()
    page.fill("#txt2img_edit_style_prompt textarea", "in oil")
    page.click("#txt2img_style_save")
    expect(said).to_be_visible()
    until(lambda: own.get("/sdapi/v1/prompt-styles").json()[0]["prompt"] == "in oil")
    page.click("#txt2img_style_delete")
    expect_seen(said, "Deleted: Oil")
    assert own.get("/sdapi/v1/prompt-styles").json() == []
    page.click("#txt2img_style_delete")
    expect_seen(said, "There is no style of this name: Oil")

"""Scripts, sketches and batches clicked: what the reader sets is what the worker is asked for."""

import re
from pathlib import Path

from PIL import Image
from playwright.sync_api import expect

from tests.fakes.serving import Served
from tests.runtime.browser.conftest import Watched
from tests.runtime.browser.test_tabs import PROMPT, opened, picture

__all__ = ["picture"]
PLOT = "#script_txt2img_x_y_z_plot_"


def test_the_plot_fills_in_values_swaps_axes_and_is_asked_for(watched: Watched, server: Served) -> None:
    page = opened(watched, server, "txt2img")
    page.locator("#txt2img_script_list input").click()
    page.get_by_role("option", name="X/Y/Z plot").click()
    key = page.locator("#txt2img_xyz_grid_fill_x_tool_button")
    expect(key).to_be_hidden()
    page.locator(f"{PLOT}0 input").click()
    offered = [one.strip() for one in page.get_by_role("option").all_inner_texts()]
    assert "Hires steps" in offered
    assert {"Image CFG Scale", "Cond. Image Mask Weight", "Face restore"}.isdisjoint(offered)
    page.get_by_role("option", name="Schedule type", exact=True).click()
    key.click()
    expect(page.locator(f"{PLOT}1 textarea")).to_have_value(re.compile("^Automatic,Uniform,Karras,"))
    page.fill(f"{PLOT}1 textarea", "Karras,Exponential")
    page.click("#txt2img_xy_grid_swap_axes_button")
    expect(page.locator(f"{PLOT}3 input")).to_have_value("Schedule type")
    expect(page.locator(f"{PLOT}0 input")).to_have_value("Nothing")
    expect(page.locator("#txt2img_xyz_grid_fill_y_tool_button")).to_be_visible()
    expect(key).to_be_hidden()
    page.fill(PROMPT, "plotted")
    page.click("#txt2img_generate")
    told = page.locator("#html_info_txt2img")
    expect(told).to_contain_text("Script: X/Y/Z plot")
    expect(told).to_contain_text("Nothing |  | None | Schedule type | Karras,Exponential | None | Nothing")


def test_a_file_of_prompts_fills_the_box(watched: Watched, server: Served, tmp_path: Path) -> None:
    file = tmp_path / "prompts.txt"
    file.write_bytes("一只橙色的猫\r\n--prompt b --steps 3\r\n".encode("gb18030"))
    page = opened(watched, server, "txt2img")
    page.locator("#txt2img_script_list input").click()
    page.get_by_role("option", name="Prompts from file or textbox").click()
    page.set_input_files("#script_txt2img_prompts_from_file_or_textbox_file input[type=file]", file)
    box = page.locator("#script_txt2img_prompts_from_file_or_textbox_3 textarea")
    expect(box).to_have_value("一只橙色的猫\n--prompt b --steps 3")


def test_an_inpaint_sketch_is_picture_and_mask(watched: Watched, server: Served, picture: Path) -> None:
    page = opened(watched, server, "img2img")
    page.get_by_role("tab", name="Inpaint sketch", exact=True).click()
    canvas = page.locator("#inpaint_sketch canvas").first
    expect(canvas).to_be_visible()
    page.wait_for_timeout(1000)  # Gradio's editor has no sign of its own that it is ready
    page.set_input_files("#inpaint_sketch input[type=file]", picture)
    page.wait_for_timeout(1000)
    box = canvas.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.45, box["y"] + box["height"] * 0.5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.55, box["y"] + box["height"] * 0.5, steps=8)
    page.mouse.up()
    page.click("#img2img_generate")
    told = page.locator("#html_info_img2img")
    expect(told).to_contain_text(re.compile(r"From: 96x64, Mask blur: 4, Redrawn: [1-9]\d+"))
    white = int(re.search(r"Redrawn: (\d+)", told.inner_text())[1])  # type: ignore[index]
    assert 20 < white < 96 * 64 / 2, "a stroke, not the picture"


def test_a_batch_draws_what_can_be_read_and_an_archive_holds_it(
    watched: Watched, server: Served, tmp_path: Path, picture: Path
) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    Image.new("RGB", (32, 32)).save(tmp_path / "small.png")
    page = opened(watched, server, "img2img")
    page.get_by_role("tab", name="Batch", exact=True).click()
    files = [picture, tmp_path / "broken.png", tmp_path / "small.png"]
    page.set_input_files("#img2img_batch_upload input[type=file]", files)
    expect(page.locator("#img2img_batch_upload")).to_contain_text(re.compile(r"small\s*\.png"))
    page.fill("#img2img_prompt textarea", "each")
    page.click("#img2img_generate")
    told = page.locator("#html_info_img2img")
    expect(told).to_contain_text(re.compile(r"broken\.png:.*cannot be read", re.DOTALL))
    expect(told).to_contain_text("From: 96x64")
    page.click("#save_zip_img2img")
    expect(page.locator("#download_files_img2img")).to_contain_text(re.compile(r"images\s*\.zip"))
    page.get_by_role("tab", name="Extras").click()
    page.get_by_role("tab", name="Batch from Directory").click()
    page.fill("#extras_batch_input_dir input, #extras_batch_input_dir textarea", str(tmp_path))
    page.click("#extras_generate")
    expect(page.locator("#html_info_extras")).to_contain_text(re.compile(r"broken\.png:"))
    expect(page.locator("#extras_gallery img").first).to_have_js_property("naturalWidth", 32)


def test_a_drawn_picture_is_drawn_again_larger(watched: Watched, server: Served) -> None:
    page = opened(watched, server, "txt2img")
    page.fill(PROMPT, "enlarge me")
    page.fill("#txt2img_seed input", "41")
    page.click("#txt2img_generate")
    told = page.locator("#html_info_txt2img")
    expect(told).to_contain_text(re.compile(r"enlarge me\n.*Size: 128x128"))
    page.fill(PROMPT, "something else")
    page.fill("#txt2img_seed input", "42")
    page.click("#txt2img_upscale")
    expect(told).to_contain_text(re.compile(r"enlarge me\n.*Seed: 41, Size: 256x256"))

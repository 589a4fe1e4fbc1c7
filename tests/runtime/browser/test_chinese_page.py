"""The whole page read in Chinese, in a browser that speaks English: Gradio's own words, errors and lists included."""

import html
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from runtime.api.errors import said as answer_of
from runtime.gate.bodies import Limit, too_large
from runtime.worker_process import died
from tests.fakes.fake_worker import png
from tests.fakes.serving import CHECKOUT, Served
from tests.runtime.browser.conftest import Watched

#: what can be seen or heard, but for names that are nobody's to translate: [kind, text, the id that it lies under]
READ = """() => {
  const found = [];
  const note = (kind, text, element) => {
    const said = (text || "").trim();
    if (/[A-Za-z]{2}/.test(said) && !/[\\u4e00-\\u9fff]/.test(said)) {
      found.push([kind, said, element.closest("[id]")?.id ?? ""]);
    }
  };
  const unread = "script, style, textarea, [data-untranslated], [role=option]";
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const element = node.nodeType === Node.TEXT_NODE ? node.parentElement : node;
    if (!element || element.closest(unread) || !element.checkVisibility()) continue;
    if (node === element) {
      for (const name of ["placeholder", "title", "aria-label"]) note(name, element.getAttribute(name), element);
    } else note("text", node.data, element);
  }
  return found;
}"""
NAMES = re.compile(r"VAE|Lora|A: .* GB|R: .* GB|Sys: .*|\d+ sec")


@pytest.fixture
def chinese(watched: Watched, server: Served) -> Iterator[Page]:
    server.post("/sdapi/v1/options", json={"localization": "zh_CN"})
    watched.page.goto(server.url)
    expect(watched.page.locator("#txt2img_generate")).to_have_text("生成")
    yield watched.page
    server.post("/sdapi/v1/options", json={"localization": "None"})


def english(page: Page) -> list[list[str]]:
    """What is still English after Gradio has drawn."""
    page.wait_for_timeout(500)
    return [found for found in page.evaluate(READ) if not NAMES.fullmatch(found[1])]


def test_no_tab_holds_an_english_word(chinese: Page, tmp_path: Path) -> None:
    picture = tmp_path / "plain.png"
    picture.write_bytes(png(64, 64))
    chinese.check("#txt2img_hr-checkbox input")
    chinese.check("#txt2img_subseed_show input")
    found = english(chinese)
    for tab in ("img2img", "extras", "pnginfo", "models", "settings"):
        chinese.click(f"#tab_{tab}-button")
        found += english(chinese)
        for inner in chinese.locator(f"#tab_{tab} button[role=tab]").all():
            inner.click()
            found += english(chinese)
    chinese.click("#tab_img2img-button")
    for number, element in ((1, "img2img_sketch"), (2, "img2maskimg")):
        chinese.locator("#mode_img2img button[role=tab], #tab_img2img button[role=tab]").nth(number).click()
        chinese.set_input_files(f"#{element} input[type=file]", picture)
        found += english(chinese)
        chinese.locator(f"#{element} button[title=橡皮擦]").click()
        found += english(chinese)
    assert found == []


def test_an_error_is_chinese(chinese: Page) -> None:
    chinese.click("#tab_img2img-button")
    chinese.click("#img2img_generate")
    expect(chinese.locator("#img2img_progress")).to_have_text("无法生成： 没有原图。 请在上方的框中放入一张图片。")
    assert english(chinese) == []


@pytest.mark.parametrize(
    ("status", "answer", "read"),
    [
        (413, answer_of(too_large(Limit(1 << 30))).body, "发来的内容超过 1024 MB。 请减少或缩小图片，"),
        (401, b'{"detail":"Not authenticated"}', "登录已失效。 请重新载入页面并登录。"),
    ],
)
def test_what_the_gate_refuses_is_told_in_two_sentences(
    chinese: Page, watched: Watched, status: int, answer: bytes, read: str
) -> None:
    """Gradio shows the answer as it came."""
    ended = {"status": status, "body": answer, "content_type": "application/json"}
    chinese.route("**/gradio_api/upload*", lambda route: route.fulfill(**ended))
    chinese.click("#tab_extras-button")
    picture = {"name": "a.png", "mimeType": "image/png", "buffer": png(8, 8)}
    chinese.set_input_files("#extras_image input[type=file]", picture)
    expect(chinese.get_by_test_id("toast-text")).to_contain_text(read)
    assert english(chinese) == []
    watched.complaints.clear()  # the browser's own, of the status


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("There is no LoRA named Generate; its tag is ignored.", "没有名为 Generate 的 LoRA；已忽略其标签。"),
        ("width 130 is no multiple of 8; 128 was drawn.", "width 130 不是 8 的倍数；实际使用 128。"),
        ("a.pt cannot be read: its end is missing.", "a.pt 无法读取：缺少结尾。"),
        ("3 of 5 pictures were made; the others were skipped or interrupted.",
         "5 张图片中完成了 3 张，其余被跳过或中止。"),
        ("A style cannot be called “$& (.*)”.", "样式不能命名为“$& (.*)”。"),
        ("The setting samples_save cannot be changed here.", "设置 samples_save 在这里不能更改。"),
        ("The server was started with --share. Start it without to change this, or leave the setting out.",
         "服务器启动时使用了 --share。要更改请去掉它重新启动，否则请不要更改这项设置。"),
        (died(-9).message, "绘图进程已退出（被系统终止，多半是内存不足；SIGKILL）。"),
        (died(0xC0000135).message, "绘图进程已退出（缺少 DLL；0xC0000135）。"),
        ("number input for Width", "Width（数值）"),
        ("Nobody knows this sentence.", "Nobody knows this sentence."),
    ],
)  # fmt: skip
def test_a_sentence_with_slots(browser: Browser, said: str, read: str) -> None:
    assets = CHECKOUT / "runtime" / "assets"
    words = (assets / "localizations" / "zh_CN.json").read_text(encoding="utf-8")
    page = browser.new_page()
    page.set_content(f"<p></p><b data-untranslated>{html.escape(said)}</b><input>")
    page.evaluate(f"window.gessoLocalization = {{words: {words}, always: true, rtl: false}}")
    page.evaluate((assets / "page" / "localize.js").read_text(encoding="utf-8"))
    page.evaluate("said => { document.querySelector('p').textContent = said }", said)
    page.evaluate("document.querySelector('input').ariaLabel = 'number input for Width'")
    expect(page.locator("p")).to_have_text(read, timeout=5000)
    expect(page.locator("b")).to_have_text(said)
    expect(page.get_by_label("宽度（数值）")).to_be_visible()
    page.close()


def test_refresh_keeps_what_is_chosen_and_a_broken_file_is_told(chinese: Page, server: Served) -> None:
    short = Path(server.output).parent / "models" / "Stable-diffusion" / "c-short.safetensors"
    short.write_bytes(b"short")
    chinese.click("#tab_models-button")
    chinese.click("#models_checkpoints_refresh")
    chosen = chinese.locator("#setting_sd_model_checkpoint input")
    expect(chosen).to_have_value(re.compile("safetensors"))
    before = chosen.input_value()
    expect(chinese.locator("#models_checkpoints_list input")).to_have_value(before)
    chinese.locator("#models_checkpoints_list input").click()
    chinese.get_by_role("option", name="c-short.safetensors").click()
    expect(chinese.get_by_text("c-short.safetensors 只有 5 字节，不完整。")).to_be_visible()
    chinese.click("#models_checkpoints_refresh")
    expect(chinese.locator("#models_checkpoints_list input")).to_have_value("c-short.safetensors")
    short.unlink()
    chinese.click("#models_checkpoints_refresh")
    expect(chinese.locator("#models_checkpoints_list input")).to_have_value(before)


def test_lists_translate_what_is_no_name(chinese: Page) -> None:
    def options(element: str) -> list[str]:
        chinese.locator(f"#{element} input").first.click()
        found = [text.replace("✓", "").strip() for text in chinese.get_by_role("option").all_inner_texts()]
        chinese.locator(f"#{element} input").first.blur()
        expect(chinese.get_by_role("option")).to_have_count(0)
        return found

    assert options("txt2img_scheduler")[:3] == ["自动", "Uniform", "Karras"]
    assert "Euler a" in options("txt2img_sampling")
    assert options("txt2img_script_list")[0] == "无"
    assert "X/Y/Z 图表" in options("txt2img_script_list")
    chinese.locator("#txt2img_script_list input").first.click()
    chinese.get_by_role("option", name="X/Y/Z 图表").click()
    expect(chinese.locator("#txt2img_script_list input").first).to_have_value("X/Y/Z plot")

"""What is said is seen: the live stylesheet, messages, a phone's width, the model's card, the keys."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.fakes.serving import Served
from tests.runtime.browser.conftest import Watched, expect_seen

PROMPT = "#txt2img_prompt textarea"
PHONE = {"width": 390, "height": 844}
#: every selector of page.css as the browser has it, Gradio's repetitions among them
SELECTORS = """() => {
  const all = [];
  const read = (rules) => { for (const rule of rules) {
    if (rule.selectorText) all.push(rule.selectorText); else if (rule.cssRules) read(rule.cssRules);
  } };
  for (const sheet of document.styleSheets) {
    const own = sheet.ownerNode.textContent.includes(".gesso-bar") || [...sheet.cssRules].some(
      (rule) => rule.selectorText?.includes(".gesso-bar"));
    if (own) read(sheet.cssRules);
  }
  return all;
}"""
PREFIX = re.compile(r"\.gradio-container\.gradio-container-[\d-]+ \.contain ")
CUT = "(e) => e.scrollWidth > e.clientWidth + 1 || e.parentElement.scrollWidth > e.parentElement.clientWidth + 1"


def opened(watched: Watched, server: Served, tab: str = "txt2img") -> Page:
    page = watched.page
    page.goto(server.url)
    page.locator("#txt2img_generate").wait_for()
    key = page.locator(f"#tab_{tab}-button")
    if not key.is_visible():
        page.get_by_label("More tabs").first.click()
        page.locator("#tabs .overflow-dropdown").first.get_by_text(tab.capitalize(), exact=True).click()
        return page
    key.click()
    return page


def test_no_selector_is_broken_on_its_way_to_the_browser(watched: Watched, server: Served) -> None:
    page = opened(watched, server)
    selectors = page.evaluate(SELECTORS)
    assert len(selectors) > 100
    assert any(PREFIX.match(one) for one in selectors)
    for selector in selectors:
        bare = PREFIX.sub("", selector)
        assert all(bare[:start].count("(") == bare[:start].count(")") for start in commas(bare)), selector


def commas(selector: str) -> list[int]:
    return [found.start() for found in re.finditer(",", selector)]


def test_the_ring_of_a_loading_model_is_drawn(watched: Watched, server: Served) -> None:
    page = opened(watched, server)
    page.evaluate("document.querySelector('#txt2img_progress .prose').innerHTML = '<p class=\"gesso-status loading\">'")
    ring = "getComputedStyle(document.querySelector('.gesso-status.loading'), '::before')"
    assert page.evaluate(f"{ring}.borderTopWidth") == "2px"
    assert page.evaluate(f"{ring}.borderTopColor") != page.evaluate(f"{ring}.borderRightColor")


def test_what_a_form_cannot_ask_for_is_said(watched: Watched, server: Served) -> None:
    page = opened(watched, server, "img2img")
    expect(page.locator("#img2img_progress")).to_be_hidden()
    page.click("#img2img_generate")
    expect_seen(page.locator("#img2img_progress .gesso-message"), "There is no picture to start from.")
    page.locator("#tab_extras-button").click()
    page.click("#extras_generate")
    expect_seen(page.locator("#extras_progress .gesso-message"), "There is no picture to enlarge.")


@pytest.mark.parametrize("tab", ["txt2img", "img2img"])
def test_nothing_is_cut_off_on_a_phone(watched: Watched, server: Served, tab: str) -> None:
    watched.page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page = opened(watched, server, tab)
    expect(page.get_by_label("Stable Diffusion checkpoint")).to_have_value(re.compile("a.safetensors"))
    assert not page.locator(f"#{tab}_subseed_show label").evaluate(CUT)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    name, arrow = (page.locator(f"#setting_sd_model_checkpoint {part}") for part in ("input", ".icon-wrap"))
    assert words_end(name) <= left(arrow)
    status = page.locator("#model_status .gesso-status").bounding_box()
    assert status
    assert status["width"] > PHONE["width"] / 2


def words_end(box: Locator) -> float:
    script = "(e) => e.getBoundingClientRect().right - parseFloat(getComputedStyle(e).paddingRight)"
    return float(box.evaluate(script))


def left(element: Locator) -> float:
    return float(element.evaluate("(e) => e.getBoundingClientRect().left"))


def test_the_models_card_has_no_frame(watched: Watched, server: Served) -> None:
    page = opened(watched, server, "models")
    row = page.locator("#models_checkpoints .gesso-table tr").first
    expect(row).to_be_visible()
    widths = (
        "(e) => { const s = getComputedStyle(e); return [s.borderLeftWidth, s.borderRightWidth, s.borderTopWidth]; }"
    )
    assert row.evaluate(widths) == ["0px"] * 3
    assert row.locator("th").evaluate("(e) => parseFloat(getComputedStyle(e).paddingLeft)") > 4


def test_every_key_has_a_name(watched: Watched, server: Served) -> None:
    """For those who hear the page."""
    page = opened(watched, server)
    page.locator("#tab_img2img-button").click()
    page.locator("#tab_extras-button").click()
    expect(page.locator("#extras_generate")).to_be_visible()
    nameless = "(all) => all.filter((e) => !(e.textContent.trim() || e.title || e.ariaLabel)).map((e) => e.outerHTML)"
    assert page.locator("button").evaluate_all(nameless) == []
    assert page.locator("button.tool").count() > 15


def test_save_keeps_the_time_taken(watched: Watched, server: Served) -> None:
    page = opened(watched, server)
    page.fill(PROMPT, "to be kept")
    page.click("#txt2img_generate")
    log = page.locator("#html_log_txt2img")
    expect_seen(log, "Time taken:")
    page.click("#save_txt2img")
    expect_seen(log, "Saved:")
    expect_seen(log, "Time taken:")


def test_the_folders_key_is_there_only_where_a_folder_can_be_shown(watched: Watched, server: Served) -> None:
    """The tests' server has no screen."""
    page = opened(watched, server)
    expect(page.locator("#save_txt2img")).to_be_visible()
    expect(page.locator("#txt2img_open_folder")).to_be_hidden()


def test_the_list_of_sections_leads_to_them_and_follows_the_search(watched: Watched, server: Served) -> None:
    page = opened(watched, server, "settings")
    places = page.locator("#settings_sections button")
    expect(places.filter(has_text="Live previews")).to_be_visible()
    assert places.all_inner_texts() == page.locator("#settings .gesso-section h2").all_inner_texts()
    places.filter(has_text="Live previews").click()
    expect(page.locator("#settings h2", has_text="Live previews")).to_be_in_viewport()
    expect(page.locator("#settings_submit")).to_be_in_viewport()
    page.fill("#settings_search input, #settings_search textarea", "eta_noise_seed_delta")
    expect(places).to_have_text(["Sampler parameters"])


@pytest.mark.parametrize("watched", ["zh-CN"], indirect=True)
def test_the_sections_have_their_chinese_names_on_a_phone_too(watched: Watched, server: Served) -> None:
    watched.page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page = watched.page
    page.goto(server.url)
    page.get_by_label("More tabs").first.click()
    page.locator("#tabs .overflow-dropdown").first.get_by_text("设置", exact=True).click()
    places = page.locator("#settings_sections button")
    expect(places.first).to_be_visible()
    expect(places.first).to_have_text(re.compile("[\u4e00-\u9fff]"))
    places.last.click()
    expect(page.locator("#settings h2").last).to_be_in_viewport()
    expect(places.last).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]

"""The keyboard: what draws, what stops, what weighs words."""

import pytest
from playwright.sync_api import Page, expect

from tests.fakes.serving import Served, until
from tests.runtime.browser.conftest import Watched, expect_seen

PROMPT = "#txt2img_prompt textarea"


def prompted(watched: Watched, server: Served, text: str, start: int, end: int) -> Page:
    """The page with a prompt, its letters from `start` to `end` marked."""
    page = watched.page
    page.goto(server.url)
    page.fill(PROMPT, text)
    page.locator(PROMPT).evaluate("(e, [start, end]) => e.setSelectionRange(start, end)", [start, end])
    return page


@pytest.mark.parametrize("keys", ["Control+Enter", "Alt+Enter"])
def test_the_prompts_keys_draw(watched: Watched, server: Served, keys: str) -> None:
    page = prompted(watched, server, f"drawn by {keys}", 0, 0)
    page.locator(PROMPT).press(keys)
    expect_seen(page.locator("#html_info_txt2img"), f"drawn by {keys}")


def test_control_enter_draws_from_any_field_of_the_tab(watched: Watched, server: Served) -> None:
    page = prompted(watched, server, "from the seed", 0, 0)
    page.locator("#txt2img_seed input").fill("5")
    page.locator("#txt2img_seed input").press("Control+Enter")
    expect_seen(page.locator("#html_info_txt2img"), "from the seed")


def test_escape_interrupts_but_closes_a_list_first(watched: Watched, server: Served) -> None:
    page = prompted(watched, server, "snail", 0, 0)
    steps = page.locator("#txt2img_steps input[type=number]")
    steps.fill("150")
    steps.press("Tab")
    page.click("#txt2img_generate")
    until(lambda: server.progress()["state"]["sampling_step"] >= 2)
    sampler = page.locator("#txt2img_sampling input")
    sampler.click()
    expect(page.get_by_role("listbox")).to_be_visible()
    sampler.press("Escape")
    expect(page.get_by_role("listbox")).to_be_hidden()
    assert not server.progress()["state"]["interrupted"]
    page.locator(PROMPT).press("Escape")
    expect_seen(page.locator("#html_info_txt2img"), "Interrupted")


@pytest.mark.parametrize(
    ("text", "start", "end", "keys", "after"),
    [
        ("a red circle", 2, 5, "Control+ArrowUp", "a (red:1.1) circle"),
        ("a red circle", 2, 6, "Control+ArrowDown", "a (red:0.9) circle"),
        ("a red circle", 4, 4, "Control+ArrowUp", "a (red:1.1) circle"),
        ("a (red:1.1) circle", 3, 6, "Control+ArrowUp", "a (red:1.2) circle"),
        ("a (dark red:1.1) circle", 6, 6, "Control+ArrowUp", "a (dark red:1.2) circle"),
        ("a (red:1.1) circle", 4, 4, "Control+ArrowDown", "a red circle"),
        ("a (red:1.1) circle", 14, 14, "Control+ArrowUp", "a (red:1.1) (circle:1.1)"),
        ("a , b", 2, 2, "Control+ArrowUp", "a , b"),
    ],
)
def test_words_are_weighed(
    watched: Watched, server: Served, text: str, start: int, end: int, keys: str, after: str
) -> None:
    page = prompted(watched, server, text, start, end)
    page.locator(PROMPT).press(keys)
    expect(page.locator(PROMPT)).to_have_value(after)


def test_weighed_twice_and_drawn(watched: Watched, server: Served) -> None:
    page = prompted(watched, server, "a red circle", 4, 4)
    page.locator(PROMPT).press("Control+ArrowUp")
    page.locator(PROMPT).press("Control+ArrowUp")
    expect(page.locator(PROMPT)).to_have_value("a (red:1.2) circle")
    page.locator(PROMPT).press("Control+Enter")
    expect_seen(page.locator("#html_info_txt2img"), "a (red:1.2) circle")

"""A real Chromium, without a window and without a way out: every request that leaves loopback is noted."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from re import Pattern
from urllib.parse import urlparse

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect, sync_playwright

from runtime import protocol
from tests.fakes.serving import Served, put_checkpoint, serve, until

# the patience of expect(); the tests may share two cores with much else
expect.set_options(timeout=90_000)
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("page")
    put_checkpoint(folder, "a.safetensors", "b-broken.safetensors")
    (folder / "config.json").write_text('{"show_progress_every_n_steps": 2}')
    with serve(folder, "--events", "--theme", "dark") as served:
        until(lambda: protocol.Serving(served.url, True) in served.events(), 240)
        yield served


class Watched:
    """A page with what it must not do: ask other hosts, or complain in the console."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.foreign: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self._note(request.url))
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, url: str) -> None:
        parts = urlparse(url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname != "127.0.0.1":
            self.foreign.append(url)

    def _hear(self, message: ConsoleMessage) -> None:
        # Gradio's own libraries warn of each other and of a computer without a GPU
        of_gradio = "/assets/" in message.location["url"] or "GL Driver" in message.text
        if message.type == "error" or (message.type == "warning" and not of_gradio):
            self.complaints.append(message.text)


def expect_seen(place: Locator, text: str | Pattern[str]) -> None:
    """A reader sees the text: hidden elements contain theirs too."""
    expect(place).to_contain_text(text)
    expect(place).to_be_visible()


@pytest.fixture
def watched(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Watched]:
    """In the language of the test's marker parameter, English without one; checked for silence at the end."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale=getattr(request, "param", "en-US"))
    context.set_default_timeout(90_000)
    found = Watched(context.new_page())
    yield found
    if folder := os.environ.get("GESSO_SCREENSHOTS"):
        found.page.screenshot(path=Path(folder) / f"{request.node.name}.png")
    context.close()
    assert found.foreign == []
    assert found.complaints == []

"""Draws docs/images/home-en.svg and home-zh.svg: the real interface over a simulated machine."""

from __future__ import annotations

import argparse
import asyncio
import html
import re
from collections.abc import Iterator
from pathlib import Path

from rich.cells import cell_len

from launcher.core.environments.installed import Installed
from launcher.core.events import Event, Line, ModelLoaded, Phase, Ready
from launcher.core.hardware.look import Gpu, Machine
from launcher.core.memory.choose import MemoryChoice
from launcher.core.plan.plan import Options, Plan, PlanStep
from launcher.core.pytorch.choice import TorchChoice
from launcher.core.running import Status
from launcher.core.text import t
from launcher.tui.app import GessoApp
from launcher.tui.home_jobs import Core
from launcher.tui.jobs import Cancel
from launcher.tui.state import Survey

CHECKOUT = Path(__file__).parents[1]
_FONTS = "Cascadia Mono, DejaVu Sans Mono, Menlo, Noto Sans Mono CJK SC,"
_LOG = (
    "Starting server on http://127.0.0.1:7860",
    "The API answers; the page is being loaded",
    "torch 2.13.0+cu130 on NVIDIA GeForce RTX 3060",
    "Loading gesso-demo.safetensors",
    "Model loaded in 1.4 s",
)


def survey() -> Survey:
    """A middling computer with everything installed."""
    gpu = Gpu(0, "GPU-0", "nvidia", "NVIDIA GeForce RTX 3060", 12288, 11870, "8.6")
    machine = Machine("linux", "x86_64", "3.12.11", 32100, 412000, "580.95.05", (gpu,))
    torch = TorchChoice("2.13.0", "cu130", None, t("The card and its driver can use it."))
    memory = MemoryChoice("full", "sdp", (), t("Everything fits into the card."))
    names = ("environment", "torch", "packages", "verify", "switch")
    steps = tuple(PlanStep(name, t("done"), "done") for name in names)
    plan = Plan(torch, memory, "3.12", steps, (), None, None, ())
    installed = Installed("torch-2.13.0-cu130-1", "2.13.0+cu130", "0" * 64, verified=True)
    status = Status("stopped")
    return Survey(machine, installed, plan, status, Options(), ("gesso-demo",))


def launch(_survey: Survey, _cancel: Cancel) -> Iterator[Event]:
    """A start that goes well."""
    url = "http://127.0.0.1:7860"
    yield Phase("server")
    yield from (Line("runtime", text) for text in _LOG)
    yield Ready(url, 4711)
    yield ModelLoaded("gesso-demo", 1.4)
    yield Ready(url, 4711, page=True)
    _cancel.wait()


def tidied(svg: str) -> str:
    """The drawing with Chinese as wide as a terminal shows it, and with fonts of the reader's computer only.

    Rich stretches every text to one cell for each character, and asks another host for a font.
    """
    svg = re.sub(r"@font-face\s*\{[^}]*\}", "", svg).replace("Fira Code,", _FONTS)
    return re.sub(r'textLength="([\d.]+)"([^>]*)>([^<]*)<', _widened, svg)


def _widened(found: re.Match[str]) -> str:
    text = html.unescape(found[3])
    width = float(found[1]) * cell_len(text) / max(len(text), 1)
    return f'textLength="{width:.1f}"{found[2]}>{found[3]}<'


async def draw(language: str) -> str:
    """The home screen while it serves, as SVG."""
    core = Core(
        look=survey,
        install=lambda _survey, _cancel: iter(()),
        launch=launch,
        stop=lambda: None,
        open_page=lambda _url: True,
        save_language=lambda _language: None,
    )
    app = GessoApp(core, language)
    async with app.run_test(size=(92, 24)) as pilot:
        await pilot.pause(0.3)
        await pilot.press("enter")
        await pilot.pause(0.3)
        return tidied(app.export_screenshot(title="gesso"))


def main() -> None:
    """Both languages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, default=CHECKOUT / "docs" / "images")
    folder = parser.parse_args().into
    folder.mkdir(parents=True, exist_ok=True)
    for language in ("en", "zh"):
        (folder / f"home-{language}.svg").write_text(asyncio.run(draw(language)), encoding="utf-8")


if __name__ == "__main__":
    main()

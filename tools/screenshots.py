"""Draws docs/images/: every screen of the interface over invented answers, in both languages and two sizes, as SVG."""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from textual.pilot import Pilot

from launcher.core.profiles.files import save_profile
from launcher.core.profiles.run_profiles import RunProfile
from launcher.tui.app import GessoApp
from launcher.tui.screens import SCREENS
from tests.fakes.model_files import checkpoint, lora, write_safetensors
from tools.scenes import Scene
from tools.terminal_svg import drawn

CHECKOUT = Path(__file__).parents[1]
SIZES = ((80, 24), (120, 40))
#: what the pictures show in the place of this computer's folder for what is temporary; of the same length
SHOWN = "/data/ming/gesso/workspace"


@dataclass(frozen=True)
class Shot:
    """`screen`: one of SCREENS, "home", or a step of the guided install; then the keys, a pause after each."""

    name: str
    screen: str
    keys: tuple[str, ...] = ()
    step: str = ""


SHOTS = (
    Shot("home", "home", ("enter",)),
    Shot("setup-machine", "setup", step="machine"),
    Shot("setup-network", "setup", step="network"),
    Shot("setup-place", "setup", step="place"),
    Shot("setup-plan", "setup", step="plan"),
    Shot("setup-install", "setup", ("enter",), step="plan"),
    Shot("setup-model", "setup", step="model"),
    Shot("setup-picture", "setup", step="picture"),
    Shot("profiles", "profiles"),
    Shot("profile-form", "profiles", ("a",)),
    Shot("models", "models"),
    Shot("catalogue", "catalogue"),
    Shot("environments", "environments"),
    Shot("network", "network"),
    Shot("network-measuring", "network", ("t",)),
    Shot("proxy", "proxy", ("t",)),
    Shot("console", "console"),
    Shot("troubleshooting", "troubleshooting"),
    Shot("mend", "troubleshooting", ("enter",)),
    Shot("handbook", "handbook", ("v", "a", "e")),
    Shot("report", "report", ("down", "down")),
    Shot("settings", "settings"),
    Shot("update", "update", ("enter",)),
    Shot("palette", "home", ("ctrl+p",)),
    Shot("help", "network", ("question_mark",)),
)


async def draw(shot: Shot, language: str, size: tuple[int, int], folder: Path) -> str:
    """One picture."""
    fill(folder)
    scene = Scene(folder, shot.step or "language")
    app = GessoApp(scene.core(), language, scene.wiring(), first="setup" if shot.screen == "setup" else None)
    async with app.run_test(size=size) as pilot:
        await rest(pilot, 0.6)
        if shot.screen not in ("home", "setup"):
            if shot.screen == "console":
                await pilot.press("enter")
                await rest(pilot)
            app.go(shot.screen)
            await rest(pilot, 0.8)
        for key in shot.keys:
            await pilot.press(key)
            await rest(pilot, 0.8)
        await rest(pilot)
        return drawn(app).replace(str(folder), SHOWN)


async def rest(pilot: Pilot[int], seconds: float = 0.4) -> None:
    """Until what the screen asks for is there."""
    await pilot.pause(seconds)
    await pilot.pause()


def fill(folder: Path) -> None:
    """Models with true headers and no weights, and a profile of the user's own."""
    shutil.rmtree(folder, ignore_errors=True)
    models = folder / "models"
    write_safetensors(models / "Stable-diffusion" / "梦境 dream.safetensors", checkpoint("sd1", blocks=12))
    write_safetensors(models / "Stable-diffusion" / "sd_xl_base_1.0.safetensors", checkpoint("sdxl", blocks=12))
    write_safetensors(models / "Lora" / "水墨 ink.safetensors", lora("sd1"))
    (models / "Lora" / "cut-off.safetensors").write_bytes(b"<html>404</html>")
    save_profile(folder / "profiles", "night", RunProfile(title="夜里 night", port=7861, listen=True))


def temporary() -> Path:
    """A folder whose path is as long as SHOWN."""
    start = Path(tempfile.gettempdir()) / "gesso"
    return Path(str(start).ljust(len(SHOWN), "0"))


def main() -> int:
    """All of them, or those whose names are given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="of SHOTS; otherwise all")
    parser.add_argument("--into", type=Path, default=CHECKOUT / "docs" / "images" / "interface")
    asked = parser.parse_args()
    for name in ("COMMANDLINE_ARGS", "DISPLAY", "http_proxy", "https_proxy", "all_proxy"):
        os.environ.pop(name, None)
    asked.into.mkdir(parents=True, exist_ok=True)
    folder = temporary()
    for shot in (each for each in SHOTS if each.screen in {"home", *SCREENS}):
        for language in ("en", "zh") if not asked.names or shot.name in asked.names else ():
            for width, height in SIZES:
                file = asked.into / f"{shot.name}-{language}-{width}.svg"
                file.write_text(asyncio.run(draw(shot, language, (width, height), folder)), encoding="utf-8")
                print(file.name, file.stat().st_size, file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

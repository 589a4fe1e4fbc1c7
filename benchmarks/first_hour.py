"""A newcomer in a real terminal: from a fresh clone to the demo picture with Enter alone, counted.

    .launcher/bin/python -m benchmarks.first_hour FOLDER [--language zh|en] [--size 80x24]

Clones this checkout's last commit into FOLDER/clone, starts `./gesso` in tmux, and presses Enter whenever a step says
that Enter does something, once for each, until the picture is drawn and the last step stands there. Nothing else is
pressed. Prints one JSON object: keystrokes, prompts (steps at which somebody has to press a key), and the seconds from
the start of the command to the first screen, to the picture and to the end, with those of every step. The clone has no
caches; what the network gives, and what pip and uv are told in the environment, is part of the figure.

The runtime that it started is stopped at the end. It needs tmux and git.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
STEP = re.compile(r"(?:Step|第) (\d+) (?:of|步，共) (\d+)")
#: how the last line of a step writes that Enter does something
ENTER = re.compile(r"Enter\s+\S")
LAST, PICTURE = 9, 8
#: seconds without any change of the screen's step, after which it has gone wrong
PATIENCE = 1800.0


class Terminal:
    """A tmux of its own with one window."""

    def __init__(self, command: list[str], folder: Path, size: str, environment: dict[str, str]) -> None:
        self._socket = str(folder / "tmux")
        width, _, height = size.partition("x")
        words = ["new-session", "-d", "-x", width, "-y", height, "-c", str(folder / "clone")]
        words += [word for name, value in environment.items() for word in ("-e", f"{name}={value}")]
        self._call(*words, *command)
        self.keystrokes = 0

    def press(self, key: str) -> None:
        self._call("send-keys", key)
        self.keystrokes += 1

    def screen(self) -> str:
        return self._call("capture-pane", "-p")

    def close(self) -> None:
        self._call("kill-server", check=False)

    def _call(self, *words: str, check: bool = True) -> str:
        done = subprocess.run(["tmux", "-S", self._socket, *words], capture_output=True, text=True, check=check)
        return done.stdout


def clone(folder: Path) -> Path:
    """The last commit, as somebody gets it who clones it now."""
    there = folder / "clone"
    subprocess.run(["git", "clone", "--quiet", str(CHECKOUT), str(there)], check=True)
    return there


def walk(terminal: Terminal, began: float) -> tuple[dict[int, float], set[int], float]:
    """Enter at every step; when each step was first seen, and when the picture was there."""
    seen: dict[int, float] = {}
    pressed: set[int] = set()
    drawn, news = 0.0, time.monotonic()
    while LAST not in seen:
        time.sleep(0.1)
        screen = terminal.screen()
        now = time.monotonic()
        if now - news > PATIENCE:
            raise SystemExit(f"nothing happens any more:\n{screen}")
        found = STEP.search(screen)
        if found is None:
            continue
        step = int(found[1])
        if step not in seen:
            seen[step] = now - began
            news = now
        lines = screen.rstrip().splitlines()
        if ENTER.search(lines[-1]) and step not in pressed and settled(terminal, step):
            if step == PICTURE:
                drawn = time.monotonic() - began
            pressed.add(step)
            terminal.press("Enter")
    return seen, pressed, drawn


def settled(terminal: Terminal, step: int) -> bool:
    """A person reads before pressing: what the step says stands still for a moment, and Enter still does something."""
    before = terminal.screen()
    for _ in range(20):
        time.sleep(0.4)
        now = terminal.screen()
        if now == before:
            break
        before = now
    found = STEP.search(now)
    return found is not None and int(found[1]) == step and bool(ENTER.search(now.rstrip().splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--language", default="zh", choices=("zh", "en"))
    parser.add_argument("--size", default="80x24")
    arguments = parser.parse_args()
    folder = arguments.folder.absolute()
    folder.mkdir(parents=True)
    checkout = clone(folder)
    environment = {"LANG": "zh_CN.UTF-8" if arguments.language == "zh" else "en_US.UTF-8", "PYTHONPATH": ""}
    began = time.monotonic()
    terminal = Terminal(["./gesso"], folder, arguments.size, environment)
    try:
        seen, answered, drawn = walk(terminal, began)
        ended = time.monotonic() - began
    finally:
        terminal.close()
        subprocess.run([str(checkout / "gesso"), "stop"], capture_output=True, check=False, env=_plain_environment())
    picture = checkout / "workspace" / "outputs" / "first-picture.png"
    if not picture.read_bytes().startswith(b"\x89PNG"):
        raise SystemExit("there is no picture")
    seconds = {"first_screen": seen[1], "picture": drawn, "end": ended}
    answer = {
        "keystrokes": terminal.keystrokes,
        "prompts": len(answered),
        "seconds": {name: round(value, 1) for name, value in seconds.items()},
        "steps": {str(step): round(value, 1) for step, value in sorted(seen.items())},
        "language": arguments.language,
        "size": arguments.size,
    }
    sys.stdout.write(json.dumps(answer, indent=2) + "\n")


def _plain_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


if __name__ == "__main__":
    main()

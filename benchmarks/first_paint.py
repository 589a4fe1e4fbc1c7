"""How soon `gesso` paints its first screen, against an empty Textual application.

    .launcher/bin/python -m benchmarks.first_paint [--rounds 9]

Both run in a terminal (a pty) of 80 by 24, started by the same Python, and take turns after one round that is not
counted. `gesso` has painted once the terminal has received its title line; the cards of the home screen follow, and
`home` is the time until they are there. The empty application has one Static with a word, and that word counts. The aim
is a ratio of 1.5 at most. Prints one JSON object: seconds by the clock and of the processor, medians and their ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.launcher.tui.terminals import SERVING, Terminal, gesso, workspace_in

EMPTY = """
from textual.app import App
from textual.widgets import Static
class Empty(App):
    def compose(self):
        yield Static("painted")
Empty().run()
"""


def painted(tty: Terminal, word: str) -> tuple[float, float]:
    """Seconds by the clock, and of the processor, until the word has come; the program is ended."""
    started = time.perf_counter()
    with tty:
        tty.until(word, seconds=60)
        took = time.perf_counter() - started
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    ours: list[tuple[float, float]] = []
    home: list[tuple[float, float]] = []
    empty: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        workspace = workspace_in(Path(folder) / "workspace", SERVING)
        for _ in range(arguments.rounds + 1):
            empty.append(painted(Terminal([sys.executable, "-c", EMPTY]), "painted"))
            ours.append(painted(gesso(workspace, "--lang", "en"), "Gesso"))
            home.append(painted(gesso(workspace, "--lang", "en"), "Enter"))
    told: dict[str, object] = {}
    for position, name in enumerate(("clock", "processor")):
        mine = [round(each[position], 3) for each in ours[1:]]
        base = [round(each[position], 3) for each in empty[1:]]
        ratio = statistics.median(mine) / statistics.median(base)
        told[name] = {"gesso": statistics.median(mine), "empty": statistics.median(base), "ratio": round(ratio, 2)}
        told[f"{name}_home"] = round(statistics.median(each[position] for each in home[1:]), 3)
        told[f"{name}_rounds"] = [round(a / b, 2) for a, b in zip(mine, base, strict=True)]
    told["load"] = [round(each, 1) for each in os.getloadavg()]
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()

"""How long from `gesso launch` to the first answer of the page, against importing the same libraries by hand.

    .launcher/bin/python -m benchmarks.first_answer [--root DIR] [--rounds 5]

Baseline: `python -c "import torch, diffusers, gradio"` in the same engine environment. The two take turns, after one
round that is not counted, so that a machine that warms up or slows down does so for both. Prints one JSON object:
`ping` is the API's first answer, `first_answer` the first answer at the page's address (a page that says "starting" and
becomes the real one by itself), `page` the whole page, its parts listed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from launcher.core.environments.environments import current
from launcher.core.paths import find_workspace
from launcher.core.process import python_in

BASELINE = "import torch, diffusers, gradio"


def gesso(*arguments: str, root: Path) -> None:
    subprocess.run([sys.executable, "-m", "launcher", *arguments, "--root", str(root)], check=True, capture_output=True)


def until_answer(url: str, mark: bytes = b"") -> float:
    """Wait for a 200 that holds `mark`; the clock time at which it came."""
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - loopback
                if mark in answer.read():
                    return time.perf_counter()
        except (urllib.error.URLError, OSError):
            pass
        time.sleep(0.02)


def one_launch(root: Path, port: int) -> dict[str, float]:
    """Seconds from the command to the API's first answer, and to the full page."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "launcher", "launch", "--detach", "--port", str(port), "--root", str(root)]
    launcher = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        ping = until_answer(f"http://127.0.0.1:{port}/internal/ping")
        first = until_answer(f"http://127.0.0.1:{port}/")
        page = until_answer(f"http://127.0.0.1:{port}/config", b"txt2img")
    finally:
        launcher.wait()
        gesso("stop", root=root)
    return {"ping": ping - started, "first_answer": first - started, "page": page - started}


def one_import(python: Path) -> float:
    started = time.perf_counter()
    subprocess.run([str(python), "-c", BASELINE], check=True, capture_output=True)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--port", type=int, default=7899)
    arguments = parser.parse_args()
    workspace = find_workspace(str(arguments.root) if arguments.root else None, {})
    environment = current(workspace)
    if environment is None:
        raise SystemExit("No engine environment: run `gesso install` first.")
    rounds = []
    for number in range(arguments.rounds + 1):
        baseline = one_import(python_in(environment))
        launch = one_launch(workspace.root, arguments.port)
        if number:
            rounds.append({"baseline": baseline, **launch})
    medians = {key: statistics.median(row[key] for row in rounds) for key in rounds[0]}
    ratios = {
        key: statistics.median(row[key] / row["baseline"] for row in rounds) for key in ("ping", "first_answer", "page")
    }
    print(
        json.dumps({"baseline": BASELINE, "rounds": len(rounds), "median_seconds": medians, "ratio": ratios}, indent=2)
    )


if __name__ == "__main__":
    main()

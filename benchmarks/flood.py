"""How soon a key answers while the runtime floods its log, and how much of the flood is taken in.

    .launcher/bin/python -m benchmarks.flood [--rate 50000] [--keys 200]

Everything is real: `gesso` in a terminal (a pty), the console open, a runtime that writes numbered lines to its log at
`--rate` lines a second. A key (Space: pause, follow) is pressed again and again; it has answered once the terminal has
received the word that it changes. The baseline is the same key in the same console while the runtime is silent. Prints
one JSON object: milliseconds at the 50th, 90th and 99th percentile and the longest, for both; the lines a second that
were written and that reached the console, and how far the console was behind at most.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import tempfile
import time
from pathlib import Path

from launcher.core.running import stop
from tests.launcher.tui.terminals import SERVING, Terminal, gesso, workspace_in

#: silent until the file is there, then a portion every ten milliseconds; a line says its number and when it was written
_FLOOD = """
log('silent')
while not os.path.exists({go!r}):
    time.sleep(0.05)
number, began = 0, time.monotonic()
while True:
    due = int((time.monotonic() - began) * {rate})
    now = time.monotonic()
    sys.stderr.write(''.join(f'line {{n}} at {{now:.3f}} of a flood that is as long as lines of a log are\\n'
                             for n in range(number, due)))
    sys.stderr.flush()
    number = due
    time.sleep(0.01)
"""
_LINE = re.compile(r"line (\d+) at (\d+\.\d{3}) of")


def answer(tty: Terminal, word: str, seen: list[tuple[float, int, float]]) -> float:
    """Seconds from the key to the word."""
    pressed = time.perf_counter()
    tty.raw = b""
    tty.send(" ")
    rest = ""
    while True:
        rest += tty.read(1.0).decode("utf-8", "replace")
        if word in rest:
            break
        if time.perf_counter() - pressed > 20:
            raise SystemExit(f"The key did not answer: {rest[-2000:]}")
    took = time.perf_counter() - pressed
    note(rest, seen)
    return took


def note(text: str, seen: list[tuple[float, int, float]]) -> None:
    """The newest line that was shown: when, its number, how long after it was written."""
    if found := _LINE.findall(text):
        number, written = max((int(number), float(written)) for number, written in found)
        now = time.monotonic()
        seen.append((now, number, now - written))


def rest(tty: Terminal, seconds: float, seen: list[tuple[float, int, float]]) -> None:
    """Read on for a while, as a terminal does."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        note(tty.read(min(left, 0.05)).decode("utf-8", "replace"), seen)
    tty.raw = b""


def keys(tty: Terminal, count: int, seen: list[tuple[float, int, float]]) -> list[float]:
    """The milliseconds of `count` keys, at uneven moments."""
    took = []
    for number in range(count):
        rest(tty, 0.03 + 0.07 * (number * 0.618 % 1), seen)
        took.append(1000 * answer(tty, "following" if number % 2 else "paused", seen))
    return took


def percentiles(took: list[float]) -> dict[str, float]:
    hundredths = statistics.quantiles(took, n=100, method="inclusive")
    found = {"p50": hundredths[49], "p90": hundredths[89], "p99": hundredths[98], "max": max(took)}
    return {name: round(value, 1) for name, value in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=50_000)
    parser.add_argument("--keys", type=int, default=200)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        go = Path(folder) / "go"
        workspace = workspace_in(Path(folder) / "workspace", SERVING + _FLOOD.format(go=str(go), rate=arguments.rate))
        try:
            with gesso(workspace, "--lang", "en") as tty:
                tty.until("Press Enter to start")
                tty.send("\r")
                tty.until("silent")
                tty.send("c")
                tty.until("all levels")
                rest(tty, 1.0, [])
                silent = keys(tty, arguments.keys, [])
                go.touch()
                seen: list[tuple[float, int, float]] = []
                # Until 100,000 lines are there, so that the oldest have to go as fast as the new ones come.
                rest(tty, 4.0, seen)
                seen.clear()
                flooded = keys(tty, arguments.keys, seen)
        finally:
            stop(workspace)
    lines, seconds = seen[-1][1] - seen[0][1], seen[-1][0] - seen[0][0]
    told = {
        "silent_ms": percentiles(silent),
        "flooded_ms": percentiles(flooded),
        "rate_written": arguments.rate,
        "rate_taken_in": round(lines / seconds),
        "seconds": round(seconds, 1),
        "behind_ms_p50": round(1000 * statistics.median(behind for *_, behind in seen)),
        "load": [round(each, 1) for each in os.getloadavg()],
    }
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()

"""Runs the program in its arguments and ends it once the server is gone, which closes this process's standard input.

    python keeper.py PROGRAM ARGUMENTS…

A server that is killed can end nothing itself, and a public link that outlives it leads to whoever takes its port next.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading


def main(command: list[str]) -> int:
    """Exit code of `command`; its channels are this process's own."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as kept:
        for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGBREAK"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), lambda *_: kept.kill())
        threading.Thread(target=_watch, args=(kept,), daemon=True).start()
        return kept.wait()


def _watch(kept: subprocess.Popen[bytes]) -> None:
    while os.read(0, 1):
        pass
    kept.kill()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

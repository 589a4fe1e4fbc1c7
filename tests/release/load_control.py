"""Control routes while others draw: `python -m tests.release.load_control URL NAME:PASSWORD`, until its input ends.

A process of its own, so that what it measures is the server and not the crowd. Prints its figures as JSON. Between them
it asks a third process that only gives back what it gets: a computer that lets that wait is too busy to judge by.
"""

from __future__ import annotations

import base64
import itertools
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection

from tests.release.measured import percentile

ROUTES = (("GET", "/sdapi/v1/progress"), ("GET", "/internal/ping"), ("POST", "/sdapi/v1/interrupt"))
PAUSE = 0.05


ECHO = """
import socket
with socket.create_server(("127.0.0.1", 0)) as listener:
    print(listener.getsockname()[1], flush=True)
    line = listener.accept()[0]
    while said := line.recv(1):
        line.sendall(said)
"""


@contextmanager
def echo() -> Iterator[Callable[[], float]]:
    """Yields a function that returns the seconds of a byte there and back."""
    with subprocess.Popen([sys.executable, "-c", ECHO], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        with socket.create_connection(("127.0.0.1", int(child.stdout.readline()))) as line:

            def asked() -> float:
                began = time.perf_counter()
                line.sendall(b"x")
                line.recv(1)
                return time.perf_counter() - began

            yield asked


def measure(url: str, account: str, ended: threading.Event) -> dict[str, object]:
    """Every route in turn, every other time over a new connection."""
    times: dict[str, list[float]] = {path: [] for _, path in ROUTES}
    bare: list[float] = []
    failed = 0
    headers = {"Authorization": f"Basic {base64.b64encode(account.encode()).decode()}"}
    kept = HTTPConnection(url.removeprefix("http://"), timeout=600)
    with echo() as asked:
        for number, (method, path) in enumerate(itertools.cycle(ROUTES)):
            line = HTTPConnection(url.removeprefix("http://"), timeout=600) if number % 2 else kept
            began = time.perf_counter()
            line.request(method, path, headers=headers)
            answer = line.getresponse()
            answer.read()
            times[path].append(time.perf_counter() - began)
            failed += answer.status != 200
            bare.append(asked())
            if line is not kept:
                line.close()
            if ended.wait(PAUSE):
                break
    every = [one for found in times.values() for one in found]
    return {
        "control_requests": len(every), "control_failed": failed,
        "control_median_ms": round(1000 * percentile(every, 0.5), 1),
        "control_p99_ms": round(1000 * percentile(every, 0.99), 1),
        "control_slowest_ms": round(1000 * max(every), 1),
        "bare_echo_p99_ms": round(1000 * percentile(bare, 0.99), 1),
        "bare_echo_slowest_ms": round(1000 * max(bare), 1),
        **{f"p99_ms {path}": round(1000 * percentile(found, 0.99), 1) for path, found in times.items() if found},
    }  # fmt: skip


def main(url: str, account: str) -> None:
    ended = threading.Event()

    def wait() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    print(json.dumps(measure(url, account, ended)))


if __name__ == "__main__":
    main(*sys.argv[1:3])

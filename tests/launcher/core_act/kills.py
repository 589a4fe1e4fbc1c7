"""A download by a real process that is killed (SIGKILL) again and again, and what each continuation fetched twice.

    .launcher/bin/python -m tests.launcher.core_act.kills --size 1G --kills 50 --rate 40M FOLDER

runs it by hand; the same in small is a test.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import random
import socket
import threading
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from urllib3.connection import HTTPConnection

from launcher.core.download.door import Address, Wanted, download
from launcher.core.events import Downloaded
from tests.fakes.fault_server import FaultServer

#: what lies unread in the network at the moment of the kill cannot be kept: for a small file its buffers are small too
_BUFFER = 16 * 1024
_SMALL = 10**8


@dataclass(frozen=True)
class Figures:
    """`again`: for each continuation, the bytes that the server sent a second time."""

    size: int
    again: tuple[int, ...]
    started_over: int
    right: bool
    seconds: float


def fetch(url: str, target: str, sha256: str, size: int) -> None:
    """What the child does; its side of the network is as narrow as the server's."""
    if size < _SMALL:
        HTTPConnection.default_socket_options.append((socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER))
    wanted = Wanted("model", Path(target), (Address(url),), sha256, size)
    assert any(isinstance(event, Downloaded) for event in download(wanted))


def killed_often(folder: Path, size: int, kills: int, rate: float) -> Figures:
    """A file of `size` bytes at `rate` bytes per second, its download killed at `kills` points spread evenly."""
    source = folder / "served" / "model.bin"
    sha256 = _make(source, size)
    target = folder / "fetched 我的" / "model.bin"
    began = time.monotonic()
    with FaultServer(source.parent, buffer=_BUFFER if size < _SMALL else None) as server:
        url = server.url(f"rate={rate:.0f}", source.name)
        for number in range(kills):
            _kill_at(server, (url, str(target), sha256, size), size * (number + 1) // (kills + 1))
        last = _start(url, str(target), sha256, size)
        last.join()
        visits = [(request.start, request.start + request.sent) for request in server.requests]
    again = tuple(max(0, end - start) for (_, end), (start, _) in pairwise(visits))
    right = target.exists() and _digest(target) == sha256
    return Figures(size, again, sum(start == 0 for start, _ in visits[1:]), right, time.monotonic() - began)


def _kill_at(server: FaultServer, what: tuple[Any, ...], point: int) -> None:
    """Start, and kill as soon as the server has sent the byte `point`."""
    before = len(server.requests)
    child = _start(*what)
    while child.is_alive() and not any(r.start + r.sent >= point for r in server.requests[before:]):
        time.sleep(0.001)
    child.kill()
    child.join()
    # The server notices at its next write; only then its count is final.
    sent = -1
    while sent != server.sent():
        sent = server.sent()
        time.sleep(0.005)


def _start(*what: Any) -> Any:
    # A server of forks has imported everything already; Windows has none and starts anew.
    method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    context = multiprocessing.get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload(["requests", "launcher.core.download.door"])
    child = context.Process(target=fetch, args=what, daemon=True)  # type: ignore[attr-defined]
    child.start()
    return child


def _make(file: Path, size: int) -> str:
    file.parent.mkdir(parents=True, exist_ok=True)
    chance, found = random.Random(size), hashlib.sha256()
    with file.open("wb") as out:
        for at in range(0, size, 1 << 20):
            piece = chance.randbytes(min(1 << 20, size - at))
            found.update(piece)
            out.write(piece)
    return found.hexdigest()


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        found = hashlib.sha256()
        while piece := opened.read(1 << 20):
            found.update(piece)
    return found.hexdigest()


def _amount(word: str) -> int:
    unit = {"K": 10**3, "M": 10**6, "G": 10**9}.get(word[-1], 1)
    return int(float(word.rstrip("KMG")) * unit)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", type=_amount, default=10**9)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--rate", type=_amount, default=40 * 10**6)
    asked = parser.parse_args()
    figures = killed_often(asked.folder, asked.size, asked.kills, asked.rate)
    record = {
        "size": figures.size, "kills": len(figures.again), "right": figures.right, "started_over": figures.started_over,
        "worst_share_again": max(figures.again) / figures.size, "sum_share_again": sum(figures.again) / figures.size,
        "seconds": round(figures.seconds, 1), "threads": threading.active_count(), "processor_count": os.cpu_count(),
    }  # fmt: skip
    print(json.dumps(record, indent=2))


if __name__ == "__main__":
    main()

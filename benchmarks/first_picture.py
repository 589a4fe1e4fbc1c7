"""C3: from the start of the program to a page that answers and to a model that can draw, bytecode and file warm."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.frame import Bench, Figure, Pair, Row, Target, Turn, alternate, at_most, share
from benchmarks.machine import ROOT
from benchmarks.peers import sd15_config
from benchmarks.side import OFFLINE
from benchmarks.weights import sd15

#: seconds since the start, by what was reached
Marks = Mapping[str, float]
_AGAINST = "one process: gradio, diffusers' StableDiffusionPipeline, page, from_single_file"
_QUIET = {"GRADIO_ANALYTICS_ENABLED": "False", "NO_PROXY": "127.0.0.1"}
_LIMIT = 600.0


def measure(bench: Bench) -> Iterator[Figure]:
    checkpoint, config = sd15(bench.cache), sd15_config(bench.cache)
    pairs = alternate(bench, _ours(checkpoint), _theirs(checkpoint, config))
    yield share(
        _at("page", pairs), "the page answers", _AGAINST, at_most(0.5), "its parts listed, not a page that waits"
    )
    yield share(pairs, "a picture can be drawn", _AGAINST, at_most(0.8), "the model is loaded")
    yield _seconds("the API answers", pairs)


def _at(mark: str, pairs: Sequence[Pair[Marks, Marks]]) -> list[Pair[Marks, Marks]]:
    return [Pair(*(Turn(side.output[mark], side.output) for side in (pair.ours, pair.theirs))) for pair in pairs]


def _seconds(what: str, pairs: Sequence[Pair[Marks, Marks]], target: Target | None = None) -> Figure:
    return Figure(what, "–", tuple(pair.ours.output["api"] for pair in pairs), target, unit="s")


def _ours(checkpoint: Path) -> Callable[[], Turn[Marks]]:
    """The server as a user starts it; one small picture afterwards shows that it can."""

    def start() -> Turn[Marks]:
        port = _free_port()
        with tempfile.TemporaryDirectory() as data, _started(
            "runtime", "--data-dir", data, "--ckpt", str(checkpoint), "--port", str(port), "--events", "--no-hashing"
        ) as (process, began):  # fmt: skip
            address = f"http://127.0.0.1:{port}"
            api = _until_answer(f"{address}/internal/ping", process) - began
            seen = _Events(process, began)
            page = seen.until(lambda event: event["event"] == "serving" and bool(event.get("page")))
            assert b"txt2img_prompt" in _get(f"{address}/config")
            ready = seen.until(lambda event: event["event"] == "model")
            asked = {"prompt": "x", "steps": 1, "width": 64, "height": 64}
            assert b"images" in _get(f"{address}/sdapi/v1/txt2img", asked)
        return Turn(max(ready, page), {"api": api, "page": page})

    return start


def _theirs(checkpoint: Path, config: Path) -> Callable[[], Turn[Marks]]:
    def start() -> Turn[Marks]:
        port = _free_port()
        with _started("benchmarks.one_process", str(checkpoint), str(config), str(port)) as (process, began):
            page = _until_answer(f"http://127.0.0.1:{port}/config", process) - began
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            return Turn(time.perf_counter() - began, {"page": page})

    return start


class _Events:
    """The event lines of the server, one after the other, remembered with their seconds."""

    def __init__(self, process: subprocess.Popen[str], began: float) -> None:
        self._process, self._began = process, began
        self._seen: list[tuple[float, dict[str, Any]]] = []

    def until(self, happened: Callable[[dict[str, Any]], bool]) -> float:
        for seconds, event in self._seen:
            if happened(event):
                return seconds
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._seen.append((time.perf_counter() - self._began, json.loads(line)))
            if happened(self._seen[-1][1]):
                return self._seen[-1][0]
        raise AssertionError(f"the server ended: {self._process.wait()}")


@contextmanager
def _started(module: str, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], float]]:
    """Both sides may keep their bytecode: what is measured is a start, not the first one after an install."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments], cwd=ROOT, env=environment | OFFLINE | _QUIET, encoding="utf-8",
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process, began
    finally:
        process.terminate()
        process.communicate()


def _until_answer(address: str, process: subprocess.Popen[str]) -> float:
    """The moment of the first answer that is no error."""
    end = time.perf_counter() + _LIMIT
    while time.perf_counter() < end and process.poll() is None:
        with contextlib.suppress(urllib.error.URLError, OSError):
            _get(address)
            return time.perf_counter()
        time.sleep(0.02)
    raise AssertionError(f"no answer from {address}")


def _get(address: str, body: Mapping[str, Any] | None = None) -> bytes:
    data = json.dumps(body).encode() if body else None
    asked = urllib.request.Request(address, data, {"Content-Type": "application/json"})  # noqa: S310 - loopback
    with urllib.request.urlopen(asked, timeout=_LIMIT) as answer:  # noqa: S310 - loopback
        found: bytes = answer.read()
        return found


def _free_port() -> int:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        return int(holder.getsockname()[1])


ROW = Row("C3", "From the start to the page and to a model that can draw", measure)

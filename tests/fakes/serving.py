"""Starts a runtime server for a test and ends it afterwards; its output lies in files."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from runtime import protocol

CHECKOUT = Path(__file__).resolve().parents[2]
PYTHON = os.environ.get("ENGINE_PYTHON", sys.executable)
FAKE = (str(CHECKOUT / "tests" / "fakes" / "fake_server.py"),)
REAL = ("-m", "runtime")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Served:
    """A running server: its process, its address, what it wrote."""

    process: subprocess.Popen[bytes]
    url: str
    output: Path
    errors: Path
    client: httpx.Client

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.client.get(f"{self.url}{path}", **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.client.post(f"{self.url}{path}", **options)

    def draw(self, **fields: Any) -> httpx.Response:
        return self.post("/sdapi/v1/txt2img", json=fields)

    def progress(self) -> dict[str, Any]:
        found: dict[str, Any] = self.get("/sdapi/v1/progress").json()
        return found

    def events(self) -> list[protocol.Event]:
        return [event for line in self.output.read_text().splitlines() if (event := protocol.from_line(line))]

    def log(self) -> str:
        return self.errors.read_text(encoding="utf-8", errors="replace")


def command(program: tuple[str, ...], *flags: str) -> list[str]:
    return [PYTHON, *program, *flags]


def environment(**more: str) -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key != "COMMANDLINE_ARGS"} | more


@contextmanager
def serve(folder: Path, *flags: str, program: tuple[str, ...] = FAKE, **environ: str) -> Iterator[Served]:
    """A server with DATA in `folder`, answering; ended at the end, and it must end by itself when asked to."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    output, errors = folder / "stdout.txt", folder / "stderr.txt"
    words = command(program, "--data-dir", str(folder), "--port", str(port), *flags)
    with output.open("wb") as out, errors.open("wb") as err:
        process = subprocess.Popen(words, cwd=CHECKOUT, env=environment(**environ), stdout=out, stderr=err)
    client = httpx.Client(timeout=120, trust_env=False)
    served = Served(process, f"http://127.0.0.1:{port}", output, errors, client)
    try:
        until(lambda: answers(served) or process.poll() is not None)
        assert process.poll() is None, served.log()
        yield served
    finally:
        client.close()
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate() if os.name == "nt" else process.send_signal(signal.SIGINT)
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        raise


def answers(served: Served) -> bool:
    try:
        return served.get("/internal/ping").status_code == 200
    except httpx.TransportError:
        return False


def until(happened: Callable[[], Any], seconds: float = 120.0) -> Any:
    """Waits (long, for a busy computer) until `happened` is true and returns that; AssertionError if it never is."""
    end = time.monotonic() + seconds
    while not (found := happened()):
        assert time.monotonic() < end, f"did not happen within {seconds} s"
        time.sleep(0.02)
    return found


def put_checkpoint(folder: Path, *names: str) -> None:
    """Small files under these names, each with its own content, where the server looks for checkpoints."""
    for name in names:
        file = folder / "models" / "Stable-diffusion" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(name.encode())

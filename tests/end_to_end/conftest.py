"""A served Gesso, started by install.sh in a fresh clone."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from launcher.core.process import python_in

CHECKOUT = Path(__file__).resolve().parents[2]
WORKSPACE = Path(os.environ.get("GESSO_TEST_WORKSPACE", CHECKOUT / "build" / "test-workspace"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def gesso(*arguments: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "launcher", *arguments, "--root", str(WORKSPACE)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, cwd=CHECKOUT)


@dataclass(frozen=True)
class Served:
    """The address of the server, and what `up --json` said on the way."""

    url: str
    events: tuple[dict[str, Any], ...]

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=60) as answer:
            return json.load(answer)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        request = urllib.request.Request(
            self.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=300) as answer:
            return json.load(answer)


@pytest.fixture(scope="session")
def python() -> str:
    """The engine's own."""
    pointer = json.loads((WORKSPACE / "environments" / "current.json").read_text(encoding="utf-8"))
    return str(python_in(WORKSPACE / "environments" / pointer["name"]))


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The first command of the README in a fresh clone; only the engine environment was there before, made by Gesso."""
    clone = tmp_path_factory.mktemp("a fresh 克隆") / "gesso"
    subprocess.run(["git", "clone", "--quiet", str(CHECKOUT), str(clone)], check=True)
    port = free_port()
    words = ["--yes", "--detach", "--json", "--port", str(port), "--root", str(WORKSPACE)]
    try:
        started = subprocess.run(["sh", str(clone / "install.sh"), *words], capture_output=True, text=True, timeout=900)
        assert started.returncode == 0, started.stdout + started.stderr
        events = tuple(json.loads(line) for line in started.stdout.splitlines())
        yield Served(f"http://127.0.0.1:{port}", events)
    finally:
        gesso("stop")

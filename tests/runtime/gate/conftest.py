"""A whole server, page and all, with a worker that takes no time: for what may be asked of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fakes.serving import CHECKOUT, Served, put_checkpoint, serve, until
from tests.runtime.gate.canary import write_secret
from tests.runtime.gate.spellings import leave_ways

QUICK = (str(CHECKOUT / "tests" / "fakes" / "quick_server.py"),)


@dataclass(frozen=True)
class Grounds:
    """A server, and beside its folder one with a file that it must not open; `seen` names what it opened there."""

    served: Served
    secret: Path
    inside: Path
    seen: Path

    def opened(self) -> list[str]:
        return self.seen.read_text(encoding="utf-8").splitlines() if self.seen.exists() else []


@pytest.fixture(scope="session")
def grounds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grounds]:
    folder = tmp_path_factory.mktemp("grounds")
    data, outside = folder / "data with space 数据", folder / "outside"
    put_checkpoint(data, "model.safetensors")
    secret = write_secret(outside)
    inside, seen = data / "cache" / "gradio", folder / "seen.txt"
    leave_ways(secret, inside)
    watched = {"GESSO_TEST_WATCHED": str(outside), "GESSO_TEST_SEEN": str(seen), "GRADIO_TEMP_DIR": str(inside)}
    with serve(data, "--no-hashing", program=QUICK, **watched) as served:
        until(lambda: served.get("/config").status_code == 200, 600)
        yield Grounds(served, secret, inside, seen)

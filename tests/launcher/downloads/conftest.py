"""A fault server, and what is wanted from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from launcher.core.download.door import Address, Wanted
from tests.fakes.fault_server import FaultServer
from tests.launcher.downloads.asked import DATA, SHA256


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer(DATA) as server:
        yield server


@pytest.fixture
def wanted(server: FaultServer, tmp_path: Path) -> Callable[..., Wanted]:
    """`wanted("stall", "ok", sha256=None)`: from these modes, each a group of its own."""

    def make(*modes: str, target: Path = tmp_path / "m.bin", **known: Any) -> Wanted:
        addresses = tuple(Address(server.url(mode, "m.bin"), f"group {mode}") for mode in modes)
        return Wanted("model", target, addresses, **{"sha256": SHA256, "size": len(DATA), **known})

    return make

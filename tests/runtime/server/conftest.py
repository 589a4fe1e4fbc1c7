"""One server with the fake worker for the tests that only ask; tests that break something start their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.serving import Served, put_checkpoint, serve, until


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("data with space 数据")
    put_checkpoint(folder, "model2.safetensors", "model10.safetensors", "sub/other.ckpt", "x.vae.safetensors")
    with serve(folder, "--nowebui", "--events") as served:
        until(lambda: any(event.event == "model" for event in served.events()))
        yield served


@pytest.fixture
def data(tmp_path: Path) -> Path:
    put_checkpoint(tmp_path, "model.safetensors")
    return tmp_path

"""One server with the fake worker, as the clients of AUTOMATIC1111 find it."""

import io
from collections.abc import Iterator

import pytest
from PIL import Image

from tests.fakes.serving import Served, put_checkpoint, serve, until


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("clients")
    put_checkpoint(folder, "v1-5-pruned-emaonly.safetensors", "anything.safetensors")
    with serve(folder, "--nowebui", "--events") as served:
        until(lambda: any(event.event == "model" for event in served.events()))
        yield served


@pytest.fixture(scope="session")
def picture() -> Image.Image:
    return Image.new("RGB", (64, 48), (200, 30, 30))


@pytest.fixture(scope="session")
def png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()

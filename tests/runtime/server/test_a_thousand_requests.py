"""A thousand requests in a row to the real worker: memory stays flat, and the same request gives the same bytes."""

from pathlib import Path

import psutil

from tests.fakes.serving import REAL, Served, serve

REQUESTS = 1000
#: after so many, caches are full
WARM = 250
#: MiB that server and worker may have grown by after that: far less than one picture per request would leave
MOST_GROWTH = 24
KINDS = (
    {"prompt": "a (red:1.2) circle, [blue:green:.5]", "sampler_index": "Euler a", "width": 64, "height": 64},
    {"prompt": "a square", "negative_prompt": "x", "sampler_index": "DPM++ 2M Karras", "width": 64, "height": 72},
    {"prompt": "猫 BREAK dog", "sampler_index": "DDIM", "width": 72, "height": 64, "cfg_scale": 1},
    {"prompt": "", "sampler_index": "Euler", "width": 64, "height": 64, "batch_size": 2},
)


def resident(served: Served) -> float:
    """MiB of the server and its worker."""
    server = psutil.Process(served.process.pid)
    return sum(one.memory_info().rss for one in (server, *server.children(recursive=True))) / 2**20


def test_memory_is_flat_and_the_same_request_gives_the_same_bytes(tmp_path: Path, checkpoint_file: Path) -> None:
    flags = ("--nowebui", "--use-cpu", "all", "--ckpt", str(checkpoint_file), "--no-hashing")
    first: dict[int, list[str]] = {}
    sizes: list[float] = []
    with serve(tmp_path, *flags, program=REAL, OMP_NUM_THREADS="1") as served:
        served.client.timeout = 180
        for number in range(REQUESTS):
            kind = number % len(KINDS)
            answer = served.draw(**KINDS[kind], steps=1, seed=7)
            assert answer.status_code == 200, answer.text
            images = answer.json()["images"]
            assert first.setdefault(kind, images) == images, f"request {number} differs from its like"
            if number % 50 == 0:
                sizes.append(resident(served))
    warm = max(sizes[: WARM // 50 + 1])
    assert max(sizes[WARM // 50 :]) - warm < MOST_GROWTH, [round(size) for size in sizes]

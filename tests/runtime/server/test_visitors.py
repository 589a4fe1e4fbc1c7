"""Who is here, and what is being drawn, as the launcher is told it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from runtime import protocol
from runtime.jobs import Jobs
from runtime.request import Request
from runtime.visitors import LINK, Visitors, address_of
from tests.fakes.serving import Served, until
from tests.runtime.server.test_jobs import SOON, WORKER, checkpoint


def scope(client: str, host: str = "", kind: str = "http") -> dict[str, Any]:
    return {"type": kind, "client": (client, 1), "headers": [(b"host", host.encode())] if host else []}


@pytest.mark.parametrize(
    ("client", "host", "said"),
    [
        ("192.168.1.7", "192.168.1.2:7860", "192.168.1.7"),
        ("127.0.0.1", "127.0.0.1:7860", "127.0.0.1"),
        ("127.0.0.1", "localhost:7860", "127.0.0.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("::1", "[::1]:7860", "::1"),
        ("127.0.0.1", "abc.gradio.live", LINK),
        ("192.168.1.7", "abc.gradio.live", "192.168.1.7"),
    ],
)
def test_an_address_is_the_other_sides(client: str, host: str, said: str) -> None:
    assert address_of(scope(client, host)) == said


def test_who_comes_and_goes_is_said_once_each() -> None:
    said: list[protocol.Event] = []

    async def quick(scope: Any, receive: Any, send: Any) -> None:
        if scope["client"][0] == "10.0.0.9":
            await asyncio.sleep(0.3)

    async def visits() -> None:
        app = Visitors(quick, said.append, linger=0.1, gather=0.01)
        long = asyncio.create_task(app(scope("10.0.0.9"), None, None))  # type: ignore[arg-type]
        await asyncio.gather(*(app(scope("10.0.0.1"), None, None) for _ in range(20)))  # type: ignore[arg-type]
        await long
        await asyncio.sleep(0.4)

    asyncio.run(visits())
    assert said == [
        protocol.Visitors(("10.0.0.1", "10.0.0.9")), protocol.Visitors(("10.0.0.9",)), protocol.Visitors(()),
    ]  # fmt: skip


def test_the_server_says_who_asked(server: Served) -> None:
    server.get("/sdapi/v1/progress")
    until(lambda: any(isinstance(each, protocol.Visitors) and "127.0.0.1" in each.addresses
                      for each in server.events()))  # fmt: skip


def test_a_job_says_what_is_drawn_and_never_its_words(tmp_path: Path) -> None:
    said: list[protocol.Event] = []
    queue = Jobs(WORKER, said.append)
    queue.start()
    model = checkpoint(tmp_path, "a.safetensors")
    first = queue.generate(Request("slow secret", steps=12, width=64, height=96, n_iter=2), model)
    until(lambda: queue.progress.sampling_step)
    second = queue.generate(Request(steps=1), model)
    first.result(SOON)
    second.result(SOON)
    queue.stop()
    jobs = [each for each in said if isinstance(each, protocol.Job)]
    assert jobs[0] == protocol.Job("started", 0.0, "txt2img", 64, 96, 1, 2, 0)
    going = [each for each in jobs if each.state == "progress"]
    assert {each.part for each in going} == {1, 2}
    assert going[-1].waiting == 1
    assert protocol.Job("started", 0.0, "txt2img", 0, 0, 1, 1, 0) in jobs
    assert not any("secret" in protocol.to_line(each) for each in said)

"""A checkpoint may take minutes to be judged: nobody else waits for that, and each file is judged once."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from runtime.api.app import build_api
from runtime.flags import read_flags
from runtime.refusals import Verdicts
from runtime.request import RequestError
from runtime.studio import Studio
from tests.fakes.serving import CHECKOUT, put_checkpoint, until

WORKER = (sys.executable, str(CHECKOUT / "tests" / "fakes" / "fake_worker.py"))
BAD = RequestError("checkpoint-damaged", "It is damaged.", "Choose another one.")
#: seconds after which a judge gives up waiting, so that a server that waits for him fails its test and ends
GIVEN_UP = 10


class Judge:
    """He begins, says so, and finds a file bad once he is let go."""

    def __init__(self) -> None:
        self.begun, self.go, self.ended = threading.Event(), threading.Event(), threading.Event()
        self.judged: list[str] = []

    def __call__(self, path: Path) -> RequestError | None:
        self.judged.append(path.name)
        self.begun.set()
        self.go.wait(GIVEN_UP)
        self.ended.set()
        return BAD


@pytest.fixture
def judge() -> Iterator[Judge]:
    found = Judge()
    yield found
    found.go.set()


def studio(folder: Path, judge: Callable[[Path], RequestError | None]) -> Studio:
    put_checkpoint(folder, "a.safetensors", "slow.ckpt")
    return Studio(read_flags(("--data-dir", str(folder)), {}), WORKER, lambda _event: None, judge)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("options", {"sd_model_checkpoint": "slow.ckpt"}),
        ("txt2img", {"override_settings": {"sd_model_checkpoint": "slow.ckpt"}}),
    ],
)
async def test_others_are_answered_while_a_checkpoint_is_judged(
    tmp_path: Path, judge: Judge, path: str, body: dict[str, object]
) -> None:
    app = build_api(studio(tmp_path, judge))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
        asked = asyncio.create_task(client.post(f"/sdapi/v1/{path}", json=body))
        assert await asyncio.to_thread(judge.begun.wait, GIVEN_UP)
        assert (await client.get("/internal/ping")).status_code == 200
        assert not judge.ended.is_set(), "the ping was answered before the file was judged"
        judge.go.set()
        answer = await asked
        assert (answer.status_code, answer.json()["error"]) == (400, BAD.code)


async def test_those_who_wait_for_a_slow_file_keep_nobody_from_another(tmp_path: Path, judge: Judge) -> None:
    found = studio(tmp_path, lambda path: judge(path) if path.name == "slow.ckpt" else BAD)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(build_api(found)), base_url="http://127.0.0.1"
    ) as client:

        async def asked(model: str) -> httpx.Response:
            return await client.post("/sdapi/v1/txt2img", json={"override_settings": {"sd_model_checkpoint": model}})

        waiting = [asyncio.create_task(asked("slow.ckpt")) for _ in range(8)]
        assert await asyncio.to_thread(judge.begun.wait, GIVEN_UP)
        assert (await asked("a.safetensors")).json()["error"] == BAD.code
        assert not judge.ended.is_set(), "the other one was answered before the slow file was judged"
        judge.go.set()
        assert {answer.json()["error"] for answer in await asyncio.gather(*waiting)} == {BAD.code}
    assert judge.judged == ["slow.ckpt"]


def test_the_start_does_not_wait_for_the_first_choice(tmp_path: Path, judge: Judge) -> None:
    found = studio(tmp_path, judge)
    found.start()
    try:
        assert judge.begun.wait(GIVEN_UP)
        assert not judge.ended.is_set()
        assert found.jobs.model.state == "none"
        judge.go.set()
        until(lambda: found.jobs.model.state == "failed")
        assert found.jobs.model.error is BAD
    finally:
        found.jobs.stop()


def test_a_verdict_that_comes_late_changes_nothing_of_what_was_chosen_meanwhile(tmp_path: Path) -> None:
    late = Judge()
    put_checkpoint(tmp_path, "a.safetensors", "b.safetensors")

    def judge(path: Path) -> RequestError | None:
        return late(path) if path.name == "a.safetensors" else None

    found = Studio(read_flags(("--data-dir", str(tmp_path)), {}), WORKER, lambda _event: None, judge)
    found.start()
    try:
        assert late.begun.wait(GIVEN_UP)
        assert found.choose("b.safetensors").result(60).path == tmp_path / "models/Stable-diffusion/b.safetensors"
        late.go.set()
        with pytest.raises(RequestError) as refused:
            found.choose("a.safetensors")
        assert refused.value is BAD
        assert (found.jobs.model.state, found.jobs.model.title) == ("ready", "b.safetensors")
    finally:
        late.go.set()
        found.jobs.stop()


def test_a_file_is_judged_once_for_all_who_ask(tmp_path: Path, judge: Judge) -> None:
    file = tmp_path / "slow.ckpt"
    file.write_bytes(b"x")
    verdicts = Verdicts(judge)
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(verdicts.of, file) for _ in range(8)]
        assert judge.begun.wait(GIVEN_UP)
        judge.go.set()
        assert {one.result(60) for one in asked} == {BAD}
    assert judge.judged == ["slow.ckpt"]
    os.utime(file, (1, 1))
    assert verdicts.of(file) is BAD
    assert len(judge.judged) == 2, "another file"
    verdicts.forget()
    assert verdicts.of(file) is BAD
    assert len(judge.judged) == 3


def test_memory_that_ran_out_is_no_verdict(tmp_path: Path) -> None:
    file = tmp_path / "large.ckpt"
    file.write_bytes(b"x")
    said = iter((RequestError("out-of-memory", "There is no memory.", ""), None))
    verdicts = Verdicts(lambda _path: next(said))
    assert verdicts.of(file) is not None
    assert verdicts.of(file) is None

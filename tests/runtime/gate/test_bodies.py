"""What bodies may bring together: values, bytes in memory, files on the disk; and that ordinary ones pass."""

from __future__ import annotations

import asyncio
import json
import re
import time
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send

from runtime.api.app import build_api
from runtime.api.errors import BodyError
from runtime.flags import read_flags
from runtime.gate import room
from runtime.gate.bodies import Bounded, Limit
from runtime.gate.gate import Gate
from runtime.gate.room import FREE, Room, Share, make_room
from runtime.gate.values import MOST, MOST_OF_THE_PAGE, Values
from runtime.studio import Studio
from tests.runtime.gate.asking import ask, came_through, gate, reached

TXT2IMG, IMG2IMG = "/sdapi/v1/txt2img", "/sdapi/v1/img2img"
OPTIONS, UPLOAD = "/sdapi/v1/options", "/gradio_api/upload"
MANY = MOST_OF_THE_PAGE + 10
JSON = st.recursive(
    st.none() | st.integers() | st.text(alphabet='a"\\[{,:∀\n', max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('k"\\,', max_size=3), inner, max_size=4),
    max_leaves=20,
)


def counted(parts: list[bytes], most: int) -> bool:
    """Are these parts of one body let through where so many marks are?"""
    counter = Values(most)
    return [counter.add(part) for part in parts][-1]


@settings(max_examples=300, deadline=None)
@given(value=JSON, ascii_only=st.booleans(), cuts=st.lists(st.integers(0, 300), max_size=6))
def test_marks_outside_of_texts_are_counted_however_a_body_is_cut(
    value: object, ascii_only: bool, cuts: list[int]
) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    marks = sum(map(re.sub(r'"(\\.|[^"\\])*"', "", text).count, "[{,:"))
    body = text.encode()
    edges = [0, *sorted(cuts), len(body)]
    parts = [body[start:end] for start, end in pairwise(edges)]
    assert counted(parts, marks)
    assert marks == 0 or not counted(parts, marks - 1)
    for wide in ("utf-16", "utf-16-le", "utf-32", "utf-32-be"):
        assert marks == 0 or not counted([text.encode(wide)], marks - 1), "never fewer than there are"


@pytest.mark.parametrize(
    "path", [TXT2IMG, IMG2IMG, "/sdapi/v1/png-info", "/gradio_api/queue/join", "/gradio_api/run/x"]
)
@pytest.mark.parametrize(
    "body",
    [b'{"script_args":[' + b"[]," * MANY + b"0]}", b"[" * MANY, b'{"":0,' * MANY, b'""' * MANY, b'["",' * MANY,
     ('{"a":"\u2200",' + "[]," * MANY).encode("utf-16-le")],
)  # fmt: skip
def test_more_values_than_can_be_parsed_quickly_are_refused(path: str, body: bytes) -> None:
    said = ask(gate(), "POST", path, headers={"Content-Type": "application/json"}, content=body)
    assert (said.status_code, said.json()["error"]) == (413, "too-many-values")


def test_the_api_says_why_it_reads_no_further_and_not_all_that_is_wrong(tmp_path: Path) -> None:
    guard = gate()
    guard.app = build_api(Studio(read_flags(("--data-dir", str(tmp_path)), {}), ("false",), lambda _event: None))

    async def pieces():
        yield b'{"script_args":['
        for _ in range(3):
            yield b"[]," * MOST

    answer = ask(guard, "POST", TXT2IMG, content=pieces())
    assert (answer.status_code, answer.json()["error"]) == (413, "too-many-values")
    assert "Send fewer" in answer.json()["hint"]
    assert answer.headers["connection"] == "close"
    faults = ask(guard, "POST", TXT2IMG, json={"styles": [[]] * (MOST // 2 - 10)})
    assert (faults.status_code, len(faults.json()["detail"])) == (422, 100)


def test_ordinary_bodies_pass() -> None:
    picture = "iVBORw0KGgo+/" * (20_000_000 // 13)
    scripts = {
        "controlnet": {"args": [{"image": picture, "weight": 1.0, "name": f'a "quoted" \\ {n}'} for n in range(2)]}
    }
    prompt = ", ".join(["(masterpiece:1.2), [a|b], {x}"] * 30_000)
    for path, body in (
        (IMG2IMG, {"init_images": [picture], "mask": picture[:1000], "prompt": prompt}),
        (TXT2IMG, {"prompt": prompt, "alwayson_scripts": scripts}),
        (
            "/sdapi/v1/extra-batch-images",
            {"imageList": [{"data": picture[:9999], "name": str(n)} for n in range(1000)]},
        ),
        ("/sdapi/v1/png-info", {"image": picture}),
        (OPTIONS, {f"of an extension {n}": [n, "text"] for n in range(2000)}),
    ):
        assert came_through(ask(gate(), "POST", path, json=body)), path


def test_what_takes_no_pictures_takes_a_megabyte() -> None:
    for path in (OPTIONS, "/internal/progress", "/sdapi/v1/interrupt"):
        said = ask(gate(), "POST", path, content=b" " * ((1 << 20) + 1))
        assert (said.status_code, said.json()["error"]) == (413, "body-too-large"), path
        assert "--body-limit" not in said.json()["hint"], "it would not help"
        assert came_through(ask(gate(), "POST", path, content=b" " * (1 << 20)))


def pace(parts: list[tuple[float, int]]) -> int | None:
    """The status after (seconds waited, bytes) that come one after the other; None if nothing is refused."""

    async def go() -> int | None:
        loop = asyncio.get_running_loop()
        began, later, left = loop.time(), [0.0], list(parts)

        async def receive():
            seconds, count = left.pop(0)
            later[0] += seconds
            return {"type": "http.request", "body": b"x" * count, "more_body": True}

        bounded = Bounded(receive, Limit(64 << 20))
        loop.time = lambda: began + later[0]  # type: ignore[method-assign]
        try:
            while left:
                await bounded()
        except BodyError as refused:
            return refused.refusal.status
        return None

    return asyncio.run(go())


def test_the_pace_is_that_of_the_last_seconds() -> None:
    assert pace([(1, 59 << 20), *[(10, 1)] * 7]) == 408, "what came quickly at first counts no more"
    assert pace([(10, 20_000)] * 60) is None, "a slow line"
    assert pace([(1, 10)] * 20 + [(5, 100_000)] * 20) is None, "a slow beginning"


def test_a_room_is_shared_by_those_who_ask() -> None:
    big = Room(most=10, of_one=6)
    assert big.take("a", 6)
    assert not big.take("a", 1)
    assert big.take("b", 4)
    assert not big.take("c", 1)
    big.leave("b", 4)
    assert big.take("c", 4)
    for who, count in (("a", 6), ("c", 4)):
        big.leave(who, count)
    assert big == Room(most=10, of_one=6), "nothing of anybody is left"


def test_a_share_grows_with_a_body_whose_length_nobody_told() -> None:
    shared = Room(most=FREE, of_one=FREE)
    one, other = Share(shared), Share(shared)
    assert one.grow(FREE)
    assert shared.held == 0, "the first megabyte is everybody's"
    assert one.grow(FREE + 10)
    assert other.grow(FREE * 2 - 10)
    assert not one.grow(FREE + 11)
    one.leave()
    assert other.grow(FREE * 2)


class Holding:
    """An application that holds on to what it has read until it is let go."""

    def __init__(self) -> None:
        self.inside, self.go = asyncio.Event(), asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if b"x-hold" in dict(scope["headers"]):
            self.inside.set()
            await self.go.wait()
        await reached(scope, receive, send)


@pytest.mark.parametrize("length", [True, False])
def test_large_bodies_find_no_room_while_others_are_held_and_small_ones_do(length: bool) -> None:
    async def go() -> None:
        app, guard = Holding(), gate("--listen", "--i-accept-unprotected-remote")
        guard.app, guard.room = app, Room(most=6 << 20, of_one=4 << 20)
        body = b'"' + b"x" * (4 << 20) + b'"'

        async def asked(client: str, content: bytes, **headers: str) -> httpx.Response:
            transport = httpx.ASGITransport(guard, client=(client, 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as asker:
                return await asker.post(IMG2IMG, content=content if length else pieces(content), headers=headers)

        async def pieces(content: bytes):
            yield content

        if not length:
            app.go.set()
        first = asyncio.create_task(asked("1.1.1.1", body, **{"x-hold": "1"}))
        await app.inside.wait()
        if length:
            again, other = await asked("1.1.1.1", body), await asked("2.2.2.2", body)
            for refused in (again, other):
                assert (refused.status_code, refused.json()["error"]) == (503, "no-room")
                assert int(refused.headers["retry-after"]) > 0
            assert came_through(await asked("1.1.1.1", b"{}"))
            app.go.set()
        assert came_through(await first)
        assert guard.room.held == 0
        assert came_through(await asked("2.2.2.2", body))
        guard.room = Room(most=2 << 20, of_one=2 << 20)
        assert (await asked("2.2.2.2", body)).status_code == 503
        assert guard.room.held == 0, "what was refused holds nothing"

    asyncio.run(go())


def test_here_one_may_have_all_the_room_and_elsewhere_half() -> None:
    assert gate().room.of_one == gate().room.most >= 1 << 30
    shared: Gate = gate("--listen", "--i-accept-unprotected-remote", "--body-limit", "1000")
    assert shared.room.of_one >= 1000 << 20


#: folders as Gradio and the page make them
COPIES = {"1" * 64: "first", "2" * 64: "second", f"pictures/{'3' * 32}": "third"}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three files of 100 bytes, of which 250 bytes may stay; nobody uses them."""
    folder = tmp_path / "cache"
    for name in COPIES:
        (folder / name).mkdir(parents=True)
        (folder / name / "a.png").write_bytes(b"x" * 100)
        time.sleep(0.02)
    monkeypatch.setattr(room, "_IN_THE_CACHE", 250)
    monkeypatch.setattr(room, "_IN_USE", -1.0)
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(folder))
    return folder


def left(cache: Path) -> list[str]:
    return sorted(COPIES[file.parent.relative_to(cache).as_posix()] for file in cache.rglob("a.png"))


def test_what_is_not_gradios_stays_where_the_folder_is_the_users_own(cache: Path) -> None:
    mine = [cache / "letter.txt", cache / "tunnel.pem", cache / "pictures/2024/cat.jpg", cache / ("4" * 63) / "x"]
    for file in mine:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x" * 1000)
    assert make_room(cache, 240)
    assert left(cache) == []
    assert all(file.exists() for file in mine)


def test_nothing_goes_in_vain(cache: Path) -> None:
    assert not make_room(cache, 251)
    assert left(cache) == ["first", "second", "third"]


def test_the_oldest_files_go_where_others_want_room(cache: Path) -> None:
    assert make_room(cache, 50)
    assert left(cache) == ["second", "third"]
    assert make_room(cache, 50), "and only as many as have to"
    assert left(cache) == ["second", "third"]
    assert not make_room(cache, 251)


def test_what_is_in_use_stays_and_what_is_too_much_is_refused(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_IN_USE", 600.0)
    assert not make_room(cache, 50)
    assert left(cache) == ["first", "second", "third"]
    files = {"Content-Type": "multipart/form-data; boundary=x"}
    said = ask(gate(), "POST", UPLOAD, headers=files, content=b"x" * 50)
    assert (said.status_code, said.json()["error"]) == (503, "disk-full")
    monkeypatch.setattr(room, "_IN_THE_CACHE", 350)
    assert came_through(ask(gate(), "POST", UPLOAD, headers=files, content=b"x" * 50))


def test_files_go_no_further_than_the_disk(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_IN_THE_CACHE", 1000)
    monkeypatch.setattr(room, "_SPARE", 500)
    monkeypatch.setattr(room.shutil, "disk_usage", lambda _path: SimpleNamespace(free=460))
    assert make_room(cache, 50), "one goes, and there is room"
    assert left(cache) == ["second", "third"]
    assert not make_room(cache, 500)
    assert make_room(cache / "not" / "there", 0) is False, "500 bytes stay free"


def test_files_that_are_sent_are_not_counted_as_values(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_IN_THE_CACHE", 1 << 30)
    files = {"Content-Type": "multipart/form-data; boundary=x"}
    assert came_through(ask(gate(), "POST", UPLOAD, headers=files, content=b"[," * MANY))


def test_two_lengths_are_refused_and_the_connection_ends() -> None:
    both = {"Content-Length": "6", "Transfer-Encoding": "chunked"}
    for method in ("POST", "GET"):
        said = ask(gate(), method, OPTIONS, headers=both, content=b"0\r\n\r\nx")
        assert (said.status_code, said.json()["error"]) == (400, "two-lengths")
        assert said.headers["connection"] == "close"


def test_a_batch_of_files_may_be_larger_than_a_body_that_lies_in_memory() -> None:
    files = {"Content-Type": "multipart/form-data; boundary=x"}
    guard = gate("--listen", "--i-accept-unprotected-remote")
    for size, status in ((900 << 20, 200), (1100 << 20, 413)):
        asked = {"headers": files | {"Content-Length": str(size)}, "content": b"x"}
        assert ask(guard, "POST", UPLOAD, **asked).status_code == status
    assert guard.files.held == guard.room.held == 0
    held = guard.files.take("9.9.9.9", 600 << 20)
    second = {"headers": files | {"Content-Length": str(900 << 20)}, "content": b"x"}
    assert held
    assert ask(guard, "POST", UPLOAD, client="9.9.9.9", **second).status_code == 503
    assert ask(guard, "POST", UPLOAD, client="8.8.8.8", **second).status_code == 200

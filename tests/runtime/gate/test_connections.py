"""Connections that hold on without asking, ask too slowly or do not read the answer; and how many there may be."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from runtime.__main__ import _uvicorn_config
from runtime.flags import read_flags
from runtime.gate.connections import Connection, Open, as_many_as, as_many_as_there_are_files, counted
from tests.fakes.serving import FAKE, answers, serve, until

Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]
HEAD = b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n"
#: for a busy computer
LONG = 60


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """/slow takes many times what a head may take, /large more than any socket holds."""
    if scope["path"] == "/slow":
        await asyncio.sleep(1)
    body = b"x" * (64 << 20) if scope["path"] == "/large" else b"done"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def serving(
    connections: Open, context: ssl.SSLContext | None = None, keep_alive: int = 5
) -> AsyncIterator[Callable]:
    """Yields a function that opens a connection to a server of its own, without TLS on this side."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        http = counted(connections, context)
        how = uvicorn.Config(app, http=http, ws="none", lifespan="off", log_config=None, timeout_keep_alive=keep_alive)
        server = uvicorn.Server(how)
        lines: list[Line] = []

        async def line() -> Line:
            lines.append(await asyncio.open_connection(*listener.getsockname()))
            return lines[-1]

        running = asyncio.create_task(server._serve([listener]))
        yield line
        for _, writer in lines:
            writer.close()
        server.should_exit = True
        await asyncio.wait_for(running, LONG)


async def rest(line: Line) -> bytes:
    """What comes until the server ends the connection."""
    return await asyncio.wait_for(line[0].read(), LONG)


def quick(unread: float = 0.3, rest: float = 60.0) -> Open:
    return Open(head=0.3, rest=rest, unread=unread, look=0.05)


async def test_who_says_nothing_is_given_up() -> None:
    async with serving(quick()) as line:
        assert await rest(await line()) == b""


async def test_a_head_that_trickles_is_given_up_however_steadily() -> None:
    async with serving(quick()) as line:
        reader, writer = await line()
        answer = asyncio.create_task(rest((reader, writer)))
        writer.write(HEAD[:-2] % b"/")
        while not answer.done():
            writer.write(b"X-More: 1\r\n")
            await asyncio.sleep(0.05)
        assert answer.result().startswith(b"HTTP/1.1 408 ")


async def test_so_is_a_second_head_and_what_follows_an_answer() -> None:
    async with serving(quick()) as line:
        reader, writer = await line()
        writer.write(HEAD % b"/")
        assert (await asyncio.wait_for(reader.readuntil(b"done"), LONG)).startswith(b"HTTP/1.1 200 ")
        writer.write(b"GET / HT")
        assert b"408" in await rest((reader, writer))


REFUSED = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"


async def test_a_body_that_is_answered_before_it_is_read_may_come_to_its_end() -> None:
    async with serving(quick()) as line:
        reader, writer = await line()
        writer.write(REFUSED + b"x" * 10)
        await asyncio.wait_for(reader.readuntil(b"done"), LONG)
        for _ in range(3):
            await asyncio.sleep(0.4)
            writer.write(b"x" * 30)
        writer.write(HEAD % b"/")
        assert (await asyncio.wait_for(reader.readuntil(b"done"), LONG)).startswith(b"HTTP/1.1 200 ")


async def test_after_such_a_body_an_idle_connection_ends_as_any_does() -> None:
    async with serving(quick(), keep_alive=1) as line:
        reader, writer = await line()
        writer.write(REFUSED)
        await asyncio.wait_for(reader.readuntil(b"done"), LONG)
        writer.write(b"x" * 100)
        assert await rest((reader, writer)) == b"", "no second answer"


async def test_such_a_body_that_never_ends_is_given_up() -> None:
    async with serving(quick(rest=0.5)) as line:
        reader, writer = await line()
        writer.write(REFUSED + b"x")
        await asyncio.wait_for(reader.readuntil(b"done"), LONG)
        writer.write(b"x")
        assert await rest((reader, writer)) == b""


async def test_who_waits_for_an_answer_is_not() -> None:
    async with serving(quick()) as line:
        reader, writer = await line()
        for _ in range(2):
            writer.write(HEAD % b"/slow")
            assert (await asyncio.wait_for(reader.readuntil(b"done"), LONG)).startswith(b"HTTP/1.1 200 ")


async def test_an_answer_that_nobody_reads_is_given_up_and_one_that_is_read_is_not() -> None:
    async with serving(quick(unread=1.0)) as line:
        reader, writer = await line()
        writer.write(HEAD % b"/large")
        whole = await asyncio.wait_for(reader.readexactly(64 << 20), LONG)
        assert len(whole) == 64 << 20

        held = socket.create_connection(writer.get_extra_info("peername"))
        held.sendall(HEAD % b"/large")
        await asyncio.sleep(2.5)
        held.setblocking(False)
        loop, came = asyncio.get_running_loop(), 0
        with held:
            try:
                while found := await asyncio.wait_for(loop.sock_recv(held, 1 << 20), LONG):
                    came += len(found)
            except ConnectionResetError:
                pass
        assert came < 64 << 20


async def test_there_are_so_many_and_no_more() -> None:
    async with serving(Open(most=3)) as line:
        lines = [await line() for _ in range(3)]
        for one in lines:
            one[1].write(HEAD % b"/")
            await asyncio.wait_for(one[0].readuntil(b"done"), LONG)
        refused = await rest(await line())
        assert refused.startswith(b"HTTP/1.1 503 ")
        assert b"Retry-After: 5" in refused
        lines[0][1].close()
        for _ in range(1000):
            reader, writer = await line()
            writer.write(HEAD % b"/")
            if b"200" in await asyncio.wait_for(reader.readline(), LONG):
                return
        pytest.fail("a place that was left is nobody's")


def test_one_place_has_a_share_of_them_and_this_computer_its_own() -> None:
    connections = Open(most=10, of_one_place=4)
    assert [connections.enter("192.0.2.1") is not None for _ in range(5)] == [True] * 4 + [False]
    assert [connections.enter(f"2001:db8::{n}") is not None for n in range(5)] == [True] * 4 + [False], "one /64"
    assert [connections.enter(f"198.51.100.{n}") is not None for n in range(3)] == [True, True, False]
    here = [connections.enter(one) for one in ("127.0.0.1", "::1", "127.9.9.9", "::ffff:127.0.0.1") * 3]
    assert here == ["here"] * 10 + [None] * 2
    connections.leave("192.0.2.1")
    assert connections.enter("198.51.100.9")
    assert connections.enter("198.51.100.9") is None


def test_the_server_is_started_with_them() -> None:
    how = _uvicorn_config(app, read_flags((), {}))
    how.load()
    assert issubclass(how.http_protocol_class, Connection)
    there = as_many_as_there_are_files()
    assert 2 <= there.most <= 1000
    assert how.backlog == there.arriving


@pytest.mark.parametrize("files", [None, 16, 32, 64, 128, 199, 200, 256, 1024, 4096, 1 << 20])
def test_no_burst_uses_up_the_files_and_few_are_said(files: int | None) -> None:
    found = as_many_as(files)
    assert (found.most <= 1000, found.of_one_place <= found.most) == (True, True)
    if files is None or files >= 4096:
        assert (found.most, found.of_one_place) == (1000, 250)
    if files is not None:
        # others' and this computer's, and those that are sent away one look after the other
        left = files - 2 * found.most - 4 * found.arriving
        assert left >= min(128, files // 2)
    assert (found.warning is not None) is (files in (16, 32, 64, 128, 199))
    assert found.warning is None or f" {files} files" in found.warning


@pytest.mark.skipif(sys.platform == "win32", reason="nobody counts them there")
def test_with_few_files_a_burst_leaves_the_server_and_its_log_as_they_are(tmp_path: Path) -> None:
    few = "import resource, runpy; resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64));"
    with serve(
        tmp_path, "--nowebui", program=("-c", f"{few} runpy.run_path({FAKE[0]!r}, run_name='__main__')")
    ) as served:
        where = ("127.0.0.1", httpx.URL(served.url).port)
        burst = [socket.socket() for _ in range(300)]
        for one in burst:
            one.setblocking(False)
            one.connect_ex(where)
        # after those that came before it
        with contextlib.suppress(httpx.TransportError):
            assert served.get("/internal/ping", timeout=10).status_code in (200, 503)
        for one in burst:
            one.close()
        until(lambda: answers(served))
    log = served.log()
    assert "Too many open files" not in log
    assert log.count("64 files open at once") == 1


def test_a_head_that_is_large_is_answered_by_the_gate(tmp_path: Path) -> None:
    with serve(tmp_path, "--nowebui") as served:
        assert served.get("/sdapi/v1/options", headers={"X-Large": "x" * 50_000}).status_code == 200
        refused = served.get("/sdapi/v1/options", headers={"X-Large": "x" * 70_000})
        assert (refused.status_code, refused.json()["error"]) == (431, "headers-too-large")

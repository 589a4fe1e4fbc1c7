"""TLS: a handshake counts and has its time, and an answer that nobody reads is seen through it."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path

import pytest

from runtime.__main__ import _uvicorn_config
from runtime.flags import read_flags
from runtime.gate.connections import Open
from tests.fakes.certificates import self_signed
from tests.runtime.gate.test_connections import HEAD, LONG, app, rest, serving


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1, signed by itself, and its key."""
    return self_signed(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def context(keys: Path) -> ssl.SSLContext:
    """The server's."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(keys)
    return made


@pytest.fixture
def trusting(keys: Path) -> ssl.SSLContext:
    """A client's."""
    return ssl.create_default_context(cafile=str(keys))


async def none_is_left(connections: Open, seconds: float = LONG) -> None:
    async def wait() -> None:
        while connections._places:  # noqa: ASYNC110 - a count wakes nobody
            await asyncio.sleep(0.01)

    await asyncio.wait_for(wait(), seconds)


async def test_who_begins_no_handshake_takes_a_place(context: ssl.SSLContext) -> None:
    async with serving(Open(most=2, handshake=1000), context) as line:
        silent = [await line(), await line()]
        # the beginning of a greeting
        silent[1][1].write(b"\x16\x03\x01\x02\x00\x01\x00")
        assert await rest(await line()) == b"", "there is no room for a third"


async def test_a_handshake_that_never_ends_is_given_up(context: ssl.SSLContext) -> None:
    connections = Open(handshake=0.5)
    async with serving(connections, context) as line:
        silent = [await line(), await line()]
        silent[1][1].write(b"\x16\x03\x01\x02\x00\x01\x00")
        # without our word it would take a minute
        assert await asyncio.wait_for(asyncio.gather(*(one[0].read() for one in silent)), 40) == [b"", b""]
        await none_is_left(connections)


async def test_what_is_agreed_on_counts_once(context: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    connections = Open()
    async with serving(connections, context) as line:
        _, plain = await line()
        where = plain.get_extra_info("peername")
        plain.close()
        for _ in range(3):
            reader, writer = await asyncio.open_connection(*where, ssl=trusting)
            for _ in range(2):
                writer.write(HEAD % b"/")
                assert (await asyncio.wait_for(reader.readuntil(b"done"), LONG)).startswith(b"HTTP/1.1 200 ")
                assert connections._places["here"] <= 2
            writer.close()
        await none_is_left(connections)
        assert connections._elsewhere == 0


async def test_an_answer_that_lies_unread_is_seen_through_tls(
    context: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    connections = Open(unread=1.0, look=0.05)
    async with serving(connections, context, keep_alive=1000) as line:
        _, plain = await line()
        held = await asyncio.to_thread(_asked, plain.get_extra_info("peername"), trusting)
        plain.close()
        with held:
            await none_is_left(connections)


def _asked(where: tuple[str, int], trusting: ssl.SSLContext) -> ssl.SSLSocket:
    """A connection that asks for much and reads nothing of it."""
    held = trusting.wrap_socket(socket.create_connection(where), server_hostname=where[0])
    held.sendall(HEAD % b"/large")
    return held


async def test_who_says_no_farewell_is_given_up(context: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    """A server that ends a connection of TLS waits for the other's word."""
    connections = Open(head=0.3, look=0.05)
    async with serving(connections, context) as line:
        _, plain = await line()
        where = plain.get_extra_info("peername")
        plain.close()
        held = await asyncio.to_thread(
            lambda: trusting.wrap_socket(socket.create_connection(where), server_hostname=where[0])
        )
        with held:
            # Python's own patience is half a minute, and without an end before 3.11
            await none_is_left(connections, 20)


def test_the_flags_bring_it_and_uvicorn_brings_none_of_its_own(keys: Path, tmp_path: Path) -> None:
    certificate = key = str(keys)
    how = _uvicorn_config(app, read_flags(("--tls-certfile", certificate, "--tls-keyfile", key), {}))
    how.load()
    assert how.ssl is None
    assert not isinstance(how.http_protocol_class, type), "uvicorn's own would be given no TLS"
    with pytest.raises(OSError, match="No such file"):
        _uvicorn_config(app, read_flags(("--tls-certfile", str(tmp_path / "none"), "--tls-keyfile", key), {}))

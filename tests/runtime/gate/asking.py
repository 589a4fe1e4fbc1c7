"""A gate around an application that says only that it was reached, asked without a socket."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from runtime.flags import read_flags
from runtime.gate.accounts import make_accounts
from runtime.gate.gate import Gate


async def reached(scope: Scope, receive: Receive, send: Send) -> None:
    """Reads the whole body, as a route would."""
    more = True
    while more:
        message = await receive()
        more = message["type"] == "http.request" and message.get("more_body", False)
    await PlainTextResponse(f"reached as {scope.get('gesso.user')}", headers={"x-reached": "yes"})(scope, receive, send)


def gate(*flags: str, folders: tuple[Path, ...] = ()) -> Gate:
    settings = read_flags(flags, {})
    return Gate(reached, settings, make_accounts(settings), folders)


def ask(
    gate: Gate, method: str, path: str, host: str = "127.0.0.1:7860", client: str = "127.0.0.1", **more: Any
) -> httpx.Response:
    """One request; `path` as it stands, unescaped parts and all, below --subpath if there is one."""
    root = gate.settings.text("subpath") or ""

    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(gate, client=(client, 5000), root_path=root)
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{host or '127.0.0.1'}") as asker:
            headers = {**({"host": host} if host else {}), **more.pop("headers", {})}
            return await asker.request(method, root + path, headers=headers, **more)

    return asyncio.run(go())


def opens_socket(gate: Gate, path: str, host: str = "127.0.0.1:7860", **headers: str) -> bool:
    """Does a web socket at this path come through? One that does not must have been closed for a breach of policy."""
    root = gate.settings.text("subpath") or ""
    given = [(name.lower().encode(), value.encode()) for name, value in {"Host": host, **headers}.items()]
    scope = {
        "type": "websocket", "path": root + path, "root_path": root, "query_string": b"", "headers": given,
        "client": ("127.0.0.1", 5000), "scheme": "ws", "subprotocols": [],
    }  # fmt: skip
    said: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        said.append(message)

    asyncio.run(gate(scope, receive, send))
    if said == [{"type": "websocket.close", "code": 1008}]:
        return False
    assert (b"x-reached", b"yes") in said[0]["headers"], said
    return True


def came_through(answer: httpx.Response) -> bool:
    return answer.headers.get("x-reached") == "yes"

"""Who looks how far it is, or stops it, never waits for those who ask for pictures."""

from __future__ import annotations

import asyncio
from pathlib import Path

import anyio.to_thread
import httpx
import pytest

from runtime.api.app import build_api
from runtime.flags import read_flags
from runtime.studio import Studio

CONTROL = (
    *(("GET", "/internal/ping"), ("GET", "/sdapi/v1/progress"), ("POST", "/sdapi/v1/interrupt")),
    *(("POST", "/sdapi/v1/skip"), ("POST", "/internal/progress"), ("GET", "/internal/pending-tasks")),
    ("GET", "/sdapi/v1/options"),
)


@pytest.mark.parametrize(("method", "path"), CONTROL)
async def test_control_routes_need_no_thread(tmp_path: Path, method: str, path: str) -> None:
    app = build_api(Studio(read_flags(("--data-dir", str(tmp_path)), {}), ("false",), lambda _event: None))
    threads = anyio.to_thread.current_default_thread_limiter()
    for _ in range(int(threads.total_tokens)):
        await threads.acquire_on_behalf_of(object())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
        body = {} if method == "POST" else None
        answer = await asyncio.wait_for(client.request(method, path, json=body), 30)
    assert answer.status_code == 200, answer.text

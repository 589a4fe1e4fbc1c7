"""--api-log: one request is one line, whatever its path holds."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from runtime.api.app import build_api
from runtime.flags import read_flags
from runtime.studio import Studio


async def test_a_path_ends_no_line_and_commands_no_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app = build_api(Studio(read_flags(("--data-dir", str(tmp_path), "--api-log"), {}), ("false",), lambda _event: None))
    paths = ("/internal/ping", "/sdapi/v1/%0aAPI%20200%20GET%20/fake", "/%1b[31m%0d%9b%e2%80%ae%c2%85%e2%80%a8", "/图")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
        for path in paths:
            await client.get(path)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == len(paths)
    assert lines[0].startswith("API 200 GET /internal/ping 127.0.0.1 0.")
    assert "/sdapi/v1/%0AAPI%20200%20GET%20/fake" in lines[1]
    assert all(line.isprintable() and line.isascii() and len(line.split()) == 6 for line in lines)

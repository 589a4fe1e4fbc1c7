"""What a request costs the server in time of the processor, which a busy computer changes little.

`python -m tests.release.cost` with $ENGINE_PYTHON. The stub worker draws; refusals are asked for with a full queue.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import psutil

from runtime.places import MOST_WAITING
from tests.fakes.serving import CHECKOUT, Served, put_checkpoint, serve, until
from tests.release.load import DRAW, STUB, account, accounts
from tests.release.load_client import Line
from tests.release.measured import computer

RESULT = CHECKOUT / "tests" / "release" / "results" / "cost.json"
TIMES = 100
SMALL = {"steps": 1, "width": 64, "height": 64}


class Cost:
    """Of one server, asked over one connection."""

    def __init__(self, served: Served) -> None:
        self._line, self._process = Line(served.url, *account(0)), psutil.Process(served.process.pid)

    async def measure(self, expected: int, path: str, fields: dict[str, Any] | None = None) -> float:
        """Milliseconds of the processor for one request; AssertionError for another status than expected."""
        before = self._process.cpu_times()
        for _ in range(TIMES):
            answer = await (self._line.get(path) if fields is None else self._line.post(path, **fields))
            assert answer.status == expected, answer
        after = self._process.cpu_times()
        spent: float = after.user + after.system - before.user - before.system
        return round(1000 * spent / TIMES, 2)


async def costs(served: Served) -> dict[str, float]:
    cost = Cost(served)
    found = {
        "a picture of 64 x 64": await cost.measure(200, DRAW, {"prompt": "x", **SMALL}),
        "progress": await cost.measure(200, "/sdapi/v1/progress"),
        "interrupt": await cost.measure(200, "/sdapi/v1/interrupt", {}),
        "ping": await cost.measure(200, "/internal/ping"),
    }
    waiting = await fill(served)
    found["a refusal"] = await cost.measure(503, DRAW, {"prompt": "x", **SMALL})
    for one in waiting:
        one.cancel()
    return found


async def fill(served: Served) -> list[asyncio.Task[Any]]:
    """So many long jobs of the same client that the next is refused."""
    waiting: list[asyncio.Task[Any]] = []
    done: set[asyncio.Task[Any]] = set()
    while not done:
        line = Line(served.url, *account(0))
        waiting.append(asyncio.create_task(line.post(DRAW, prompt="snail", **{**SMALL, "steps": 150})))
        done, _ = await asyncio.wait(waiting, timeout=0.05 if len(waiting) <= MOST_WAITING else 5)
    assert {one.result().status for one in done} == {503}
    return waiting


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        begun = Path(folder) / "drawn.txt"
        put_checkpoint(Path(folder), "model.safetensors")
        flags = ("--nowebui", "--no-hashing")
        auth = {"COMMANDLINE_ARGS": f"--api-auth {accounts(26)}"}
        with serve(Path(folder), *flags, program=STUB, GESSO_LOAD_DRAWN=str(begun), **auth) as served:
            until(lambda: served.get("/sdapi/v1/options", auth=account(0)).json()["sd_model_checkpoint"], 600)
            found = {**computer(), "requests_of_each_kind": TIMES, "milliseconds": asyncio.run(costs(served))}
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())

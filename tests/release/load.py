"""Five hundred who ask at once: `python -m tests.release.load` with $ENGINE_PYTHON.

The real server with a stub worker that speaks the real worker's protocol, 10,000 jobs through a queue of 100, clients
that leave in the middle and control routes beside; then 300 pictures that the real worker draws with the demo model.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runtime.places import FOR_LATECOMERS, MOST_WAITING
from runtime.protocol import Job
from tests.fakes.serving import CHECKOUT, PYTHON, REAL, Served, put_checkpoint, serve, until
from tests.release.load_client import Line
from tests.release.measured import Watching, computer, percentile

STUB = (str(CHECKOUT / "tests" / "release" / "load_server.py"),)
DEMO = CHECKOUT / "runtime" / "assets" / "demo" / "gesso-demo.safetensors"
RESULT = CHECKOUT / "tests" / "release" / "results" / "load.json"
DRAW = "/sdapi/v1/txt2img"
#: steps of the job that is left while it is drawn; nobody else's has so many
_LONG = 100
#: how lines of the log begin that say nothing of a fault
_PLAIN = ("Running on", "Model loaded")
#: what is demanded: seconds of a refusal, milliseconds of a control route, seconds until the card is free, MiB more
REFUSED, CONTROL, FREED, GROWN = 1.0, 250.0, 3.0, 24.0


@dataclass
class Crowd:
    """`clients` of `names` ask until `jobs` have been answered; `patience` is how long who was refused waits."""

    url: str
    clients: int
    jobs: int
    names: int
    patience: tuple[float, float]
    fields: dict[str, Any]
    #: of the jobs one in so many is left in the middle; 0: none
    left_of: int = 0
    #: after which nobody asks any more
    minutes: float = 60
    #: by seeds, no two of which are the same
    answered: Counter[int] = field(default_factory=Counter)
    interrupted: set[int] = field(default_factory=set)
    left: set[int] = field(default_factory=set)
    refused: list[float] = field(default_factory=list)
    refused_seeds: set[int] = field(default_factory=set)
    waited: list[float] = field(default_factory=list)
    freed: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._seeds, self._chance, self._open = itertools.count(1), random.Random(8), self.jobs
        self._end = time.monotonic() + 60 * self.minutes

    async def ask(self, leavers: int) -> None:
        """All at once, and beside them one who leaves what is being drawn `leavers` times."""
        crowd = [self._client(number) for number in range(self.clients)]
        await asyncio.gather(*crowd, *([self._leaver(leavers)] if leavers else []))

    async def _client(self, number: int) -> None:
        line = Line(self.url, *account(number % self.names))
        while self._open > 0 and time.monotonic() < self._end:
            self._open -= 1
            seed = next(self._seeds)
            if self.left_of and seed % self.left_of == 0:
                await self._leave(line, seed)
                self._open += 1
            elif not await self._draw(line, seed):
                self._open += 1
                await asyncio.sleep(self._chance.uniform(*self.patience))
        line.leave()

    async def _draw(self, line: Line, seed: int) -> bool:
        try:
            answer = await line.post(DRAW, prompt=f"job {seed}", seed=seed, **self.fields)
        except (OSError, asyncio.IncompleteReadError) as lost:
            self.wrong.append(f"{seed}: {type(lost).__name__}: {lost}")
            return False
        found = answer.json()
        if answer.status == 503 and found["error"] == "queue-full" and int(answer.headers.get("retry-after", 0)) > 0:
            self.refused.append(answer.seconds)
            self.refused_seeds.add(seed)
            return False
        if answer.status != 200 or not self._is_own(found, seed):
            self.wrong.append(f"{seed}: {answer.status} {answer.body[:200]!r}")
            return True
        self.answered[seed] += 1
        self.waited.append(answer.seconds)
        return True

    def _is_own(self, found: dict[str, Any], seed: int) -> bool:
        if not found["images"]:
            self.interrupted.add(seed)
            return bool(found["parameters"]["prompt"] == f"job {seed}")
        info = json.loads(found["info"])
        return bool(info["prompt"] == f"job {seed}" and info["all_seeds"] == [seed] and len(found["images"]) == 1)

    async def _leave(self, line: Line, seed: int) -> None:
        self.left.add(seed)
        await line.send("POST", DRAW, {"prompt": f"job {seed}", "seed": seed, **self.fields})
        await asyncio.sleep(self._chance.uniform(0, 0.2))
        line.leave()

    async def _leaver(self, times: int) -> None:
        """Waits until a long job of his is being drawn, leaves, and waits until the card is free of it."""
        line, looking = (Line(self.url, *account(self.names)) for _ in range(2))
        while len(self.freed) < times and time.monotonic() < self._end:
            seed = next(self._seeds)
            self.left.add(seed)
            asking = asyncio.create_task(line.post(DRAW, prompt="slow", seed=seed, steps=_LONG, width=64, height=64))
            # it ends before where it is refused, or interrupted by whoever looks at the control routes: once more
            while not (asking.done() or await self._is_drawn(looking)):  # noqa: ASYNC110 - only the server tells
                await asyncio.sleep(0.05)
            if asking.done():
                await asyncio.sleep(0.1)
                continue
            began = time.monotonic()
            asking.cancel()
            line.leave()
            while await self._is_drawn(looking):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            self.freed.append(time.monotonic() - began)
        looking.leave()

    async def _is_drawn(self, line: Line) -> bool:
        answer = await line.get("/sdapi/v1/progress")
        return bool(answer.json()["state"]["sampling_steps"] == _LONG)


def account(number: int) -> tuple[str, str]:
    return f"client{number}", f"password-of-{number}"


def accounts(count: int) -> str:
    return ",".join(":".join(account(number)) for number in range(count))


def stub(
    clients: int, jobs: int, names: int, leavers: int, patience: tuple[float, float] = (5, 10), minutes: float = 60
) -> dict[str, Any]:
    """The crowd before the stub worker, with its figures and what was wrong."""
    with tempfile.TemporaryDirectory() as folder:
        begun = Path(folder) / "drawn.txt"
        begun.touch()
        put_checkpoint(Path(folder), "model.safetensors")
        flags = ("--nowebui", "--no-hashing", "--events")
        auth = {"COMMANDLINE_ARGS": f"--api-auth {accounts(names + 1)}"}
        with serve(Path(folder), *flags, program=STUB, GESSO_LOAD_DRAWN=str(begun), **auth) as served:
            _wait_for_the_model(served, names)
            small = {"steps": 1, "width": 64, "height": 64}
            crowd = Crowd(served.url, clients, jobs, names, patience, small, left_of=40, minutes=minutes)
            with Watching(served.process.pid, every=0.5) as watching, control(served.url, names) as beside:
                began = time.monotonic()
                asyncio.run(crowd.ask(leavers))
                seconds = time.monotonic() - began
            # nobody is left in the queue, and whoever comes now is served
            until(lambda: not served.get("/sdapi/v1/progress", auth=account(names)).json()["state"]["job"])
            last = served.post("/sdapi/v1/txt2img", json={"prompt": "x", **small}, auth=account(names))
            log = served.log()
            most = max(one.waiting for one in served.events() if isinstance(one, Job))
        drawn = Counter(int(line) for line in begun.read_text().split())
    wrong = [*crowd.wrong, *faults(crowd, drawn)]
    wrong += [] if last.status_code == 200 else [f"afterwards: {last.status_code} {last.text[:200]}"]
    wrong += [f"log: {line}" for line in log.splitlines() if not line.startswith(_PLAIN)]
    return {
        "clients": clients, "jobs_answered": len(crowd.answered), "interrupted": len(crowd.interrupted),
        "refused": len(crowd.refused), "left_in_the_middle": len(crowd.left), "wrong": len(wrong), "told": wrong[:20],
        "seconds": round(seconds, 1), "jobs_a_second": round(len(crowd.answered) / seconds, 1),
        "refused_p99_ms": round(1000 * percentile(crowd.refused or [0], 0.99), 1),
        "refused_slowest_ms": round(1000 * max(crowd.refused, default=0), 1),
        "most_waiting": most, "longest_waited_s": round(max(crowd.waited), 1),
        "slowest_freed_s": round(max(crowd.freed, default=0), 2),
        **beside.figures, **memory(watching),
    }  # fmt: skip


def faults(crowd: Crowd, drawn: Counter[int]) -> Iterator[str]:
    """Jobs that were drawn twice, or answered without being drawn, or drawn though they were refused."""
    yield from (f"{seed}: drawn {times} times" for seed, times in drawn.items() if times > 1)
    yield from (f"{seed}: answered {times} times" for seed, times in crowd.answered.items() if times > 1)
    yield from (
        f"{seed}: answered, and never drawn" for seed in crowd.answered.keys() - crowd.interrupted - drawn.keys()
    )
    yield from (f"{seed}: refused, and drawn" for seed in crowd.refused_seeds & drawn.keys())


def memory(watching: Watching) -> dict[str, float]:
    """Of server and worker, after the first fifth."""
    sizes = [sum(one.memory) for one in watching.samples[len(watching.samples) // 5 :]] or [0.0]
    tenth = max(1, len(sizes) // 10)
    return {
        "memory_mib": round(sizes[-1]),
        "memory_grown_mib": round(statistics.median(sizes[-tenth:]) - statistics.median(sizes[:tenth]), 1),
        "most_files": max((one.files[0] for one in watching.samples), default=0),
        "most_threads": max((one.threads[0] for one in watching.samples), default=0),
    }


class Control:
    """The figures of the other process, once it has ended."""

    figures: dict[str, Any]


@contextmanager
def control(url: str, number: int) -> Iterator[Control]:
    words = [PYTHON, "-m", "tests.release.load_control", url, ":".join(account(number))]
    found = Control()
    child = subprocess.Popen(words, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield found
        found.figures = json.loads(child.communicate("", timeout=120)[0])
    finally:
        child.kill()
        child.wait()


def real(clients: int, jobs: int, minutes: float = 60) -> dict[str, Any]:
    """Pictures that are drawn, and kept as files."""
    with tempfile.TemporaryDirectory() as folder:
        flags = ("--nowebui", "--use-cpu", "all", "--ckpt", str(DEMO))
        auth = {"COMMANDLINE_ARGS": f"--api-auth {accounts(clients)}"}
        with serve(Path(folder), *flags, program=REAL, OMP_NUM_THREADS="1", **auth) as served:
            _wait_for_the_model(served, 0)
            fields = {"steps": 2, "width": 64, "height": 64, "save_images": True}
            crowd = Crowd(served.url, clients, jobs, clients, (5, 10), fields, minutes=minutes)
            with Watching(served.process.pid, every=0.5) as watching:
                began = time.monotonic()
                asyncio.run(crowd.ask(0))
                seconds = time.monotonic() - began
        kept = len(list((Path(folder) / "outputs").rglob("*.png")))
    wrong = [
        *crowd.wrong,
        *([] if kept == len(crowd.answered) else [f"{kept} files of {len(crowd.answered)} pictures"]),
    ]
    return {"clients": clients, "jobs_answered": len(crowd.answered), "files": kept, "wrong": len(wrong),
            "told": wrong[:20], "seconds": round(seconds, 1), **memory(watching)}  # fmt: skip


def _wait_for_the_model(served: Served, number: int) -> None:
    until(lambda: served.get("/sdapi/v1/options", auth=account(number)).json()["sd_model_checkpoint"], 600)


def met(rows: dict[str, dict[str, Any]], jobs: int, pictures: int) -> bool:
    stubbed, drawn = rows["stub worker"], rows["real worker"]
    return bool(
        not stubbed["wrong"] and not drawn["wrong"] and stubbed["jobs_answered"] >= jobs
        and drawn["jobs_answered"] == pictures and stubbed["refused_slowest_ms"] <= 1000 * REFUSED
        and stubbed["control_p99_ms"] <= CONTROL and not stubbed["control_failed"]
        and stubbed["most_waiting"] <= MOST_WAITING + FOR_LATECOMERS + 1
        and stubbed["slowest_freed_s"] <= FREED and stubbed["memory_grown_mib"] <= GROWN
    )  # fmt: skip


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, count in (("clients", 500), ("jobs", 10_000), ("pictures", 300)):
        parser.add_argument(f"--{name}", type=int, default=count)
    parser.add_argument("--minutes", type=float, default=60, help="after which nobody asks any more, in each part")
    asked = parser.parse_args(arguments)
    rows = {"stub worker": stub(asked.clients, asked.jobs, 25, 20, minutes=asked.minutes)}
    print(json.dumps(rows), file=sys.stderr, flush=True)
    rows["real worker"] = real(20, asked.pictures, asked.minutes)
    found = {**computer(), "met": met(rows, asked.jobs, asked.pictures),
             "findings": sum(row["wrong"] for row in rows.values()), "rows": rows}  # fmt: skip
    if (asked.clients, asked.jobs, asked.pictures) == (500, 10_000, 300):
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps(found, ensure_ascii=False))
    return 0 if found["met"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

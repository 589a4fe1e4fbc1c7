"""Bad inputs for the API: `python -m tests.release.bad_inputs [--count N] [--real N]` with $ENGINE_PYTHON.

All operations of the server's own openapi.json, with the stub worker; then `--real` drawing requests with the real
worker and a random checkpoint. The same numbers make the same requests. A run that was ended goes on where it was, and
what had a fault is sent once more: only what still has one is kept.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import psutil

from tests.fakes.serving import CHECKOUT, REAL, Served, put_checkpoint, serve
from tests.runtime.gate.bad_inputs import Maker, Operation
from tests.runtime.gate.lines import Asking, Line
from tests.runtime.gate.verdict import Watch

QUICK = (str(CHECKOUT / "tests" / "fakes" / "quick_server.py"),)
STATE = CHECKOUT / "build" / "release-bad-inputs"
RESULT = CHECKOUT / "tests" / "release" / "results" / "bad_inputs.json"
DRAWING = ("/sdapi/v1/txt2img", "/sdapi/v1/img2img", "/sdapi/v1/extra-single-image", "/sdapi/v1/extra-batch-images")
#: requests of an operation that has a body, for each one of an operation that has none
_SHARE = 6
_EVERY, _MOST_FINDINGS = 500, 40
#: so that a job of the real worker is small whatever else is asked
_SMALL = dict.fromkeys(("steps", "batch_size", "n_iter", "hr_second_pass_steps", "hr_scale", "upscaling_resize"), 1)
_SMALL |= dict.fromkeys(("width", "height", "upscaling_resize_w", "upscaling_resize_h"), 64)
_SMALL |= dict.fromkeys(("hr_resize_x", "hr_resize_y"), 0)


class SmallMaker(Maker):
    """Of the requests that draw; their sizes and counts are in order."""

    def _object(self, schema: Any, chance: Any) -> dict[str, Any]:
        found = super()._object(schema, chance)
        names = dict(self._fields(schema))
        return found | {name: value for name, value in _SMALL.items() if name in names}


class Run:
    """One kind of run: how far it is, and what it found. `name` is its state's file."""

    def __init__(self, name: str) -> None:
        self._file, self._digests = STATE / f"{name}.json", STATE / f"{name}.digests"
        STATE.mkdir(parents=True, exist_ok=True)
        stored = json.loads(self._file.read_text()) if self._file.exists() else {}
        self.next, self.sent = stored.get("next", 0), stored.get("sent", 0)
        self.seconds, self.grown = stored.get("seconds", 0.0), stored.get("grown", 0.0)
        self.statuses, self.kinds = Counter(stored.get("statuses", {})), Counter(stored.get("kinds", {}))
        self.times: list[float] = stored.get("times", [])
        self.findings: list[dict[str, str]] = stored.get("findings", [])
        kept = self._digests.read_bytes() if self._digests.exists() else b""
        self.seen = {kept[place : place + 8] for place in range(0, len(kept), 8)}

    def go(self, watch: Watch, maker: Maker, numbers: Iterator[tuple[Operation, int]], count: int) -> None:
        """Until `count` distinct requests have been sent."""
        self._again(watch, maker)
        process = psutil.Process(watch.served.process.pid)
        began, before, first = time.monotonic(), self.seconds, process.memory_info().rss
        fresh = b""
        for place, (operation, number) in enumerate(numbers):
            if self.sent >= count or len(self.findings) >= _MOST_FINDINGS:
                break
            if place < self.next:
                continue
            self.next = place + 1
            asking = maker.numbered(operation, number)
            digest = _digest(asking)
            if digest in self.seen:
                continue
            self.seen.add(digest)
            fresh += digest
            self._send(watch, operation, number, asking)
            if self.sent == 2000:
                first = process.memory_info().rss
            if self.sent % _EVERY == 0:
                self._sane(watch)
                self.seconds = before + time.monotonic() - began
                self.grown = max(self.grown, (process.memory_info().rss - first) / 2**20)
                fresh = self._save(fresh)
        self.seconds = before + time.monotonic() - began
        self._save(fresh)

    def _send(self, watch: Watch, operation: Operation, number: int, asking: Asking) -> None:
        answer, faults = watch.ask(asking)
        self.sent += 1
        self.kinds[asking.kind] += 1
        self.statuses[str(answer.status) if answer else "none"] += 1
        if answer:
            self.times.append(round(answer.seconds, 4))
        if faults:
            found = {"operation": str(operation), "number": str(number), "fault": "\n".join(faults)[-1500:]}
            self.findings.append(found | {"request": repr(asking)})
            print(json.dumps(self.findings[-1]), file=sys.stderr, flush=True)

    def _again(self, watch: Watch, maker: Maker) -> None:
        named = {str(one): one for one in maker.operations}
        found, self.findings = self.findings, []
        for one in found:
            _, faults = watch.ask(maker.numbered(named[one["operation"]], int(one["number"])))
            if faults:
                self.findings.append(one | {"fault": "\n".join(faults)[-1500:]})

    def _sane(self, watch: Watch) -> None:
        """A plain request is served as ever."""
        answer = watch.served.post("/sdapi/v1/txt2img", json={"prompt": "a cat", "steps": 1, "width": 64, "height": 64})
        assert answer.status_code == 200, answer.text
        assert answer.json()["images"]

    def _save(self, fresh: bytes) -> bytes:
        with self._digests.open("ab") as file:
            file.write(fresh)
        kept = ("next", "sent", "seconds", "grown", "statuses", "kinds", "times", "findings")
        self._file.write_text(json.dumps({name: getattr(self, name) for name in kept}))
        print(f"{self._file.stem}: {self.sent} sent, {self.seconds:.0f} s", file=sys.stderr, flush=True)
        return b""

    def row(self) -> dict[str, Any]:
        times = sorted(self.times)
        refused = sum(count for status, count in self.statuses.items() if status.startswith("4"))
        return {
            "requests": self.sent, "refused": refused, "answered_503": self.statuses["503"],
            "other_5xx": sum(count for status, count in self.statuses.items() if status > "5" and status != "503"),
            "findings": len(self.findings), "seconds": round(self.seconds),
            "median_ms": round(1000 * times[len(times) // 2], 1),
            "p99_ms": round(1000 * times[len(times) * 99 // 100], 1),
            "slowest_s": round(times[-1], 2), "memory_grown_mib": round(self.grown),
            "statuses": dict(sorted(self.statuses.items())), "kinds": dict(sorted(self.kinds.items())),
        }  # fmt: skip


def numbered(operations: list[Operation]) -> Iterator[tuple[Operation, int]]:
    """Round by round, without end."""
    number = 0
    while True:
        for operation in operations:
            if operation.body is None:
                yield operation, number
            else:
                yield from ((operation, number * _SHARE + part) for part in range(_SHARE))
        number += 1


def _digest(asking: Asking) -> bytes:
    said = repr((asking.method, asking.target, asking.headers, asking.body)).encode()
    return hashlib.blake2b(said, digest_size=8).digest()


def quick(count: int) -> tuple[Run, int]:
    """The whole API with the stub worker."""
    run = Run("quick")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "with space 数据"
        put_checkpoint(place, "model.safetensors")
        with serve(place, "--no-hashing", program=QUICK) as served:
            maker = Maker(served.get("/openapi.json").json())
            run.go(_watch(served), maker, numbered(maker.operations), count)
            return run, len(maker.operations)


def real(count: int) -> Run:
    """What draws, with the real worker."""
    from tests.runtime.tiny_checkpoint import write_tiny_checkpoint

    run = Run("real")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        models = place / "models" / "Stable-diffusion"
        models.mkdir(parents=True)
        write_tiny_checkpoint(models / "tiny.safetensors")
        with serve(place, "--nowebui", "--no-hashing", "--use-cpu", "all", program=REAL) as served:
            served.client.timeout = 600
            maker = SmallMaker(served.get("/openapi.json").json())
            drawing = [one for one in maker.operations if one.path in DRAWING]
            run.go(_watch(served), maker, numbered(drawing), count)
    return run


def _watch(served: Served) -> Watch:
    return Watch(served, Line(served.url, timeout=600))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000, help="requests to the stub worker's server")
    parser.add_argument("--real", type=int, default=3_000, help="requests to the real worker's")
    asked = parser.parse_args(arguments)
    runs: dict[str, Run] = {}
    operations = 0
    if asked.count:
        runs["stub worker"], operations = quick(asked.count)
    if asked.real:
        runs["real worker"] = real(asked.real)
    found = {
        "date": datetime.now(timezone.utc).date().isoformat(), "python": platform.python_version(),
        "system": platform.system(), "cores": os.cpu_count(), "operations": operations,
        "requests": sum(run.sent for run in runs.values()), "findings": sum(len(run.findings) for run in runs.values()),
        "rows": {name: run.row() for name, run in runs.items()},
    }  # fmt: skip
    if asked.count and asked.real and not found["findings"]:
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found))
    return 1 if found["findings"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

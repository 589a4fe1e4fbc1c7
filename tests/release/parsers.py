"""Every reader of strangers' input, fuzzed: `python -m tests.release.parsers [--executions N] [--only NAME]`.

Runs in `.launcher`; what needs the engine's tokenizer, in $ENGINE_PYTHON. A parser is done after its
executions, and not before its coverage has stood still for a tenth of them, or when it has stood still for 20 minutes.
A run that was ended goes on where it was.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import logging
import os
import platform
import random
import resource
import signal
import subprocess
import sys
import time
import traceback
import warnings
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from tests.release.mutator import Coverage, Mutator, pumped
from tests.release.target import Target

ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / "build" / "release-parsers"
RESULT = ROOT / "tests" / "release" / "results" / "parsers.json"
SIDES = ("launcher", "runtime")
#: seconds of the processor for one input, and after which it is taken off
LONGEST, HOPELESS = 1.0, 20.0
QUIET = 20 * 60
#: they need its tokenizer
_OF_THE_ENGINE = ("prompt", "network tags")
_CHECKPOINT = 30.0
_MOST_FINDINGS = 20
#: bytes; of longer inputs only what they end in and their time count: following every line takes ten times as long
_FOLLOWED = 4096
#: of the others the share that is followed line by line; what is new among the rest is met again
_SHARE = 0.25


def targets(side: str) -> dict[str, Target]:
    found: dict[str, Target] = importlib.import_module(f"tests.release.{side}_parsers").TARGETS
    return found


class _HopelessError(BaseException):
    """It does not end."""


def _give_up(*_: object) -> None:
    raise _HopelessError


class Hunt:
    """One parser's inputs, coverage and findings."""

    def __init__(self, name: str, target: Target, state: Path) -> None:
        self.name, self._target, self._state = name, target, state
        self._coverage = Coverage(target.code)
        self.done, self.seconds, self.slowest, self.largest = 0, 0.0, 0.0, 0
        self.last_new = 0
        self._since_new = 0.0
        self.findings: list[dict[str, str]] = []
        self._kinds: set[str] = set()
        self.corpus: list[bytes] = []
        self._chance = random.Random(name)
        self._before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        self._mutator = Mutator(self._chance, target.words)

    def run(self, executions: int) -> None:
        kept = self._read()
        for data in [*self._target.seeds, *kept, b""]:
            self._try(data, count=not kept)
        if not kept:
            for data in pumped(self._target.words, self._target.seeds):
                self._try(data)
        began = saved = time.monotonic()
        grown = time.monotonic()
        before = self.seconds
        while self.done < executions:
            if self._try(self._mutator.changed(self._chance.choice(self.corpus), self.corpus)):
                grown = time.monotonic()
            now = time.monotonic()
            self.seconds, self._since_new = before + now - began, now - grown
            if now - saved > _CHECKPOINT:
                saved = now
                self._save()
            if self._since_new > QUIET or len(self.findings) >= _MOST_FINDINGS:
                break
        self._save()

    def _try(self, data: bytes, *, count: bool = True) -> bool:
        """One execution; did it reach something new?"""
        self.done += count
        began, fault = time.thread_time(), None
        signal.setitimer(signal.ITIMER_VIRTUAL, HOPELESS)
        try:
            if len(data) > _FOLLOWED or (count and self.done > 500 and self._chance.random() > _SHARE):
                self._coverage.new = 0
                self._target.holds(data)
            else:
                self._coverage.of(lambda: self._target.holds(data))
        except _HopelessError:
            fault = "does not end"
        except Exception as error:  # noqa: BLE001 - whatever comes is what is looked for
            fault = f"{type(error).__name__}: {error}"[:300]
            fault += f" at {_place(error)}"
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        seconds = time.thread_time() - began
        if fault is None and seconds > LONGEST:
            seconds = min(seconds, self._untraced(data))
            fault = f"takes {seconds:.1f} s for {len(data):,} bytes" if seconds > LONGEST else None
        if seconds <= LONGEST:
            self.slowest = max(self.slowest, seconds)
        self.largest = max(self.largest, len(data))
        if fault is not None:
            self._note(fault, data)
        if self._coverage.new or len(self.corpus) < len(self._target.seeds):
            self.corpus.append(data[:_FOLLOWED])
            self.last_new = self.done
            return True
        return False

    def _untraced(self, data: bytes) -> float:
        """Following every line takes longer than the work."""
        began = time.thread_time()
        with contextlib.suppress(Exception):
            self._target.holds(data)
        return time.thread_time() - began

    def _note(self, fault: str, data: bytes) -> None:
        kind = fault.rpartition(" at ")[2]
        if kind in self._kinds:
            return
        self._kinds.add(kind)
        self.findings.append({"fault": fault, "input": repr(data[:2000]), "bytes": str(len(data))})
        print(self.name, fault, repr(data[:200]), len(data), file=sys.stderr, flush=True)

    def _read(self) -> list[bytes]:
        if not self._state.exists():
            return []
        found = json.loads(self._state.read_text())
        self.done, self.seconds, self.slowest = found["executions"], found["seconds"], found["slowest_seconds"]
        self.findings, self.largest, self.last_new = found["findings"], found["largest_bytes"], found["last_new_at"]
        return [bytes.fromhex(each) for each in found["corpus"]]

    def _save(self) -> None:
        self._state.parent.mkdir(parents=True, exist_ok=True)
        beside = self._state.with_suffix(".part")
        corpus = [each.hex() for each in self.corpus]
        beside.write_text(json.dumps({**self.told(), "corpus": corpus}))
        beside.replace(self._state)

    def _grown(self) -> int:
        """MiB at the peak, over what the process took before the first input."""
        return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - self._before) // 1024

    def told(self) -> dict[str, Any]:
        return {
            "parser": self.name, "executions": self.done, "seconds": round(self.seconds),
            "steps_covered": len(self._coverage.seen), "corpus_size": len(self.corpus), "last_new_at": self.last_new,
            "seconds_without_new": round(self._since_new), "slowest_seconds": round(self.slowest, 3),
            "largest_bytes": self.largest, "memory_grown_mib": self._grown(), "findings": self.findings,
        }  # fmt: skip


def _place(error: BaseException) -> str:
    """The last of our own lines that it went through."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "/runtime/" in frame.filename or "/launcher/" in frame.filename]
    frame = (own or list(frames))[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}"


def _state(side: str, name: str) -> Path:
    return STATE / f"{side}-{name.replace(' ', '-')}.json"


def _done(side: str, name: str, executions: int) -> dict[str, Any] | None:
    """The row of a parser that an earlier run has ended with."""
    file = _state(side, name)
    found: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {"executions": -1}
    found.pop("corpus", None)
    return found if found["executions"] >= executions else None


def hunt(side: str, name: str, executions: int) -> None:
    """In a process of its own, so that its memory is its own: prints one line of JSON."""
    warnings.simplefilter("ignore")
    logging.disable()
    signal.signal(signal.SIGVTALRM, _give_up)
    target = targets(side)[name]
    for seed in target.seeds:
        target.holds(seed)
    found = Hunt(name, target, _state(side, name))
    found.run(executions)
    print(json.dumps(found.told()))


def names() -> list[tuple[str, str]]:
    """Every parser, by the names that its module has in this interpreter or the other one."""
    return [(side, name) for side in SIDES for name in targets(side)]


def _row(side: str, name: str, executions: int) -> dict[str, Any]:
    """One parser in a process of its own, or what an earlier run ended with."""
    row = _done(side, name, executions)
    if row is None:
        python = os.environ["ENGINE_PYTHON"] if name in _OF_THE_ENGINE else sys.executable
        command = [python, "-m", "tests.release.parsers", "--executions", str(executions), "--hunt", side, name]
        child = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
        row = json.loads(child.stdout.splitlines()[-1])
    print(name, row["executions"], len(row["findings"]), file=sys.stderr, flush=True)
    return {"side": side, **row}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--executions", type=int, default=70_000, help="of each parser")
    parser.add_argument("--beside", type=int, default=1, help="how many at a time")
    parser.add_argument("--only", help="one parser's name")
    parser.add_argument("--hunt", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.hunt:
        hunt(*asked.hunt, asked.executions)
        return 0
    wanted = [(side, name) for side, name in names() if asked.only in (None, name)]
    with ThreadPoolExecutor(asked.beside) as pool:
        rows = list(pool.map(lambda one: _row(*one, asked.executions), wanted))
    found = {
        "date": datetime.now(timezone.utc).date().isoformat(), "python": platform.python_version(),
        "system": platform.system(), "cores": os.cpu_count(), "parsers": len(rows),
        "executions": sum(row["executions"] for row in rows), "findings": sum(len(row["findings"]) for row in rows),
        "slowest_seconds": max(row["slowest_seconds"] for row in rows),
        "memory_grown_mib": max(row["memory_grown_mib"] for row in rows), "rows": rows,
    }  # fmt: skip
    if asked.only is None:
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps({key: value for key, value in found.items() if key != "rows"}))
    return 1 if found["findings"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

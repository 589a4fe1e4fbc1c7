"""A kill at each durable step of everything that Gesso writes; from there on a full or closed disk; two at once.

    .launcher/bin/python -m tests.release.kills --engine PYTHON

takes all points and writes tests/release/results/kills.json; begun again, it goes on with the works that are not
through. The short form is in the suite (`test_kill_points.py`).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.release.kill_points import HOWS, Figures, Work, run_all

ROOT = Path(__file__).resolve().parents[2]
COUNTS = ("kills", "torn", "full", "locked", "held", "said")
RESULTS = ROOT / "tests/release/results/kills.json"
#: and how many processes share the points of each
PARTS = {"launcher": 2, "models": 1, "packs": 2, "start": 1, "update": 3, "runtime": 1, "page": 1, "programs": 3,
         "pack-programs": 1, "start-programs": 2}  # fmt: skip
#: the parts whose works are done by other programs, and what holds them
PROGRAMS = {"programs": "programs", "pack-programs": "pack_works", "start-programs": "start_programs"}
MODULES = {"packs": "pack_works", "start": "bootstrap_works", "update": "update_works"}
#: of an update each second start proves a version: all kills, and of the rest a share
ALL = dict.fromkeys(HOWS, 1.0) | {"dear-kill": 1.0, "dear-torn": 1.0, "dear-full": 0.25, "dear-locked": 0.25,
                                    "dear-hold": 0.1}  # fmt: skip


@contextlib.contextmanager
def works_of(part: str, folder: Path) -> Iterator[Sequence[Work]]:
    """Those of the launcher, or of the runtime: each in its own environment."""
    if part == "launcher":
        from tests.release import launcher_works

        yield launcher_works.WORKS
    elif part == "models":
        from tests.release import model_works

        with model_works.server(folder / "served"):
            yield model_works.WORKS
    elif part in ("packs", "start", "update"):
        yield import_module(f"tests.release.{MODULES[part]}").WORKS
    else:
        from tests.release import runtime_works

        if part == "page":
            # Once: its children have it then.
            import_module("runtime.ui.saving")
            import_module("runtime.ui.ui_config")
        yield runtime_works.WORKS if part == "runtime" else runtime_works.PAGE_WORKS


def run_part(
    part: str, folder: Path, shares: dict[str, float], wanted: Callable[[str], bool], share: tuple[int, int] = (0, 1)
) -> Iterator[Figures]:
    """The figures of each work whose name is `wanted`, as soon as it is through."""
    if part in PROGRAMS:
        from tests.release.programs import run_programs

        programs = import_module(f"tests.release.{PROGRAMS[part]}").PROGRAMS
        yield from run_programs([each for each in programs if wanted(each.name)], folder, shares, share)
        return
    with works_of(part, folder) as works:
        yield from run_all([each for each in works if wanted(each.name)], folder / "points", shares, share)


def through(file: Path) -> list[dict[str, Any]]:
    """What an earlier run has got done."""
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.exists() else []


def run_all_parts(engine: str, kept: Path) -> None:
    """Side by side, each in the interpreter that its works need; the figures go into files below `kept`."""
    kept.mkdir(parents=True, exist_ok=True)
    children = []
    for part, count in PARTS.items():
        python = engine if part in ("runtime", "page") else sys.executable
        for number in range(count):
            command = [python, "-m", "tests.release.kills", "--part", part, "--share", str(number), str(count),
                       "--kept", str(kept / f"{part}-{number}.jsonl"), "--engine", engine]  # fmt: skip
            children.append(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL))
    for child in children:
        child.wait()


def joined(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of one work that several processes have shared, as one."""
    found: dict[str, dict[str, Any]] = {}
    for part in parts:
        before = found.get(part["name"])
        if before is None:
            found[part["name"]] = part
            continue
        sums = {key: before[key] + part[key] for key in (*COUNTS, "faults", "seconds")}
        codes = Counter(before["codes"])
        codes.update(part["codes"])
        found[part["name"]] = {**part, **sums, "codes": dict(codes)}
    return list(found.values())


def summary(works: list[dict[str, Any]]) -> dict[str, Any]:
    sums = {key: sum(each[key] for each in works) for key in COUNTS}
    codes: Counter[str] = Counter()
    for each in works:
        codes.update(each["codes"])
    faults = [f"{each['name']}: {fault}" for each in works for fault in each["faults"]]
    return {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"), "system": platform.platform(),
        "python": platform.python_version(), "cores": os.cpu_count(), "works": len(works),
        "steps": sum(each["steps"] for each in works), "points": sum(sums.values()) - sums["said"], **sums,
        "refusals": dict(sorted(codes.items())), "faults": faults,
        "of": [{key: value for key, value in each.items() if key != "faults"} for each in works],
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", default=sys.executable, help="the Python of an engine environment")
    parser.add_argument("--part", choices=PARTS)
    parser.add_argument("--shares", type=json.loads, default=ALL, help="of the points of each kind, as JSON")
    parser.add_argument("--share", type=int, nargs=2, default=(0, 1), help="of the points: which, and of how many")
    parser.add_argument("--gather", action="store_true", help="run nothing: write what earlier runs have got done")
    parser.add_argument("--only", nargs="+", help="of a part: the works of these names")
    parser.add_argument("--kept", type=Path, help="where the figures of each work go as they come")
    asked = parser.parse_args()
    os.environ["ENGINE_PYTHON"] = asked.engine
    if asked.part is None:
        kept = asked.kept or ROOT / "build/kills"
        if not asked.gather:
            run_all_parts(asked.engine, kept)
        found = summary(joined([each for file in sorted(kept.glob("*.jsonl")) for each in through(file)]))
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
        print(json.dumps({key: value for key, value in found.items() if key != "of"}, ensure_ascii=False))
        return 1 if found["faults"] else 0
    done = [each["name"] for each in through(asked.kept)] if asked.kept else []

    def wanted(name: str) -> bool:
        return name not in done and (asked.only is None or name in asked.only)

    faults = 0
    with tempfile.TemporaryDirectory(prefix="gesso-kills-", ignore_cleanup_errors=True) as place:
        for figures in run_part(asked.part, Path(place), asked.shares, wanted, tuple(asked.share)):
            faults += len(figures.faults)
            line = json.dumps(asdict(figures), ensure_ascii=False)
            print(line, flush=True)
            if asked.kept:
                with asked.kept.open("a", encoding="utf-8") as file:
                    file.write(line + "\n")
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())

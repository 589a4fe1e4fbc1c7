"""Rows that this run does not measure: the launcher's, which need its environment, and those of a graphics card."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks import results
from benchmarks.frame import Figure, Target
from benchmarks.results import FOLDER, Result

#: (row, what): `benchmarks/gpu.py` measures them
GPU = {
    "G1": "Stable Diffusion 1.5, 512 × 512, 20 steps",
    "G2": "SDXL, 1024 × 1024, 30 steps",
    "G3": "Stable Diffusion 1.5 in 1.5 GiB, SDXL in 3 GiB",
    "G4": "the least memory in which a picture is finished",
    "G5": "50 pictures, each out of memory once",
}


def gpu() -> list[Result]:
    """What is kept of the card's rows; rows that were never measured say so."""
    kept = {result.row: result for result in results.read_all()}
    missing = "benchmarks/gpu.py has not been run on a graphics card"
    return [kept.get(name) or Result(name, what, (), 0, {}, missing) for name, what in GPU.items()]


def keep_gpu(path: Path, folder: Path = FOLDER) -> list[Path]:
    """Keep what `gpu.py --json` wrote, a file a row; a row that failed is kept with its reason."""
    told = json.loads(path.read_text(encoding="utf-8"))
    kept = []
    for row, what in GPU.items():
        found = [one for one in told["figures"] if one["row"] == row]
        broken = [one["note"] or one["what"] for one in found if not all(map(math.isfinite, one["values"]))]
        if found:
            figures = tuple(_figure(one) for one in found if all(map(math.isfinite, one["values"])))
            pairs = max((len(one.values) for one in figures), default=0)
            result = Result(row, what, figures, pairs, _machine(told["machine"]), "; ".join(broken) or None)
            kept.append(results.write(result, folder))
    return kept


def _figure(told: Mapping[str, Any]) -> Figure:
    target = None if told["target"] is None else Target(told["target"], told["at_most"])
    return Figure(told["what"], told["against"], tuple(told["values"]), target, told["unit"], note=told["note"])


def _machine(told: Mapping[str, Any]) -> dict[str, Any]:
    """In the words of machine.describe; processor and load of a machine elsewhere are not known."""
    versions = {name: told[name] for name in ("torch", "cuda", "diffusers", "transformers")}
    unknown = dict.fromkeys(("processor", "cores", "load", "commit", "measured"))
    return {**unknown, "gpu": told["card"], "python": told["python"], "versions": versions}


def launcher() -> Iterator[tuple[str, str, str, str]]:
    """(what, against, kept figures, how it is run)."""
    for told in json.loads((FOLDER / "launcher.json").read_text(encoding="utf-8")):
        figures = ", ".join(f"{what} {value}" for what, value in told["figures"])
        command = f".launcher/bin/python -m benchmarks.{told['name']} {told['command']}"
        yield told["what"], told["against"], f"{figures} ({told['measured']})", command

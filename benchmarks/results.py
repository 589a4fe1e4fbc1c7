"""The results that are kept: one JSON file per row in benchmarks/results/, read and written here alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.frame import Figure, Target

FOLDER = Path(__file__).resolve().parent / "results"


@dataclass(frozen=True)
class Result:
    """What came of one row: its figures, or why there are none."""

    row: str
    what: str
    figures: tuple[Figure, ...]
    pairs: int
    #: see machine.describe
    machine: dict[str, Any]
    #: why it did not run, or why it failed
    missing: str | None = None


def write(result: Result, folder: Path = FOLDER) -> Path:
    """NAME.json; numbers have six digits."""
    told = asdict(result)
    told["figures"] = [_told(one) for one in result.figures]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{result.row}.json"
    path.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def read(path: Path) -> Result:
    told = json.loads(path.read_text(encoding="utf-8"))
    return Result(**told | {"figures": tuple(map(_figure, told["figures"]))})


def read_all(folder: Path = FOLDER) -> list[Result]:
    """By name."""
    return [read(path) for path in sorted(folder.glob("[A-Z][0-9]*.json"))]


def _told(figure: Figure) -> dict[str, Any]:
    """The figure, with what follows from it for readers of the file."""
    told = {key: _short(value) for key, value in asdict(figure).items()}
    return told | {"value": _digits(figure.value), "met": figure.met}


def _figure(told: dict[str, Any]) -> Figure:
    known: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in told.items()}
    target = known.pop("target")
    del known["value"], known["met"]
    return Figure(**known, target=None if target is None else Target(**target))


def _short(value: Any) -> Any:
    return [_digits(one) for one in value] if isinstance(value, Sequence) and not isinstance(value, str) else value


def _digits(value: float) -> float:
    return float(f"{value:.6g}")

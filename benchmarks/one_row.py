"""Measure one row, in a process of its own: its memory is its own, and what fails in it costs no other row."""

from __future__ import annotations

import argparse
import gc
from dataclasses import replace
from pathlib import Path

from benchmarks import machine, results
from benchmarks.frame import Bench, NotHereError
from benchmarks.results import Result
from benchmarks.rows import row


def measure(name: str, bench: Bench) -> Result:
    """The row's figures, or why there are none."""
    empty = Result(name, "", (), bench.pairs, machine.describe())
    try:
        found = row(name)
    except ModuleNotFoundError as absent:
        return replace(empty, missing=f"the module {absent.name} is not there")
    try:
        figures = tuple(found.measure(bench))
    except NotHereError as reason:
        return replace(empty, what=found.what, missing=str(reason))
    finally:
        gc.collect()
    return replace(empty, what=found.what, figures=figures)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("row")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--to", type=Path, required=True)
    arguments = parser.parse_args()
    bench = Bench(arguments.pairs, arguments.quick, arguments.cache)
    results.write(measure(arguments.row, bench), arguments.to)


if __name__ == "__main__":
    main()

"""Measure what fits this computer, and print a table of ratios.

    ENGINE_PYTHON -m benchmarks [--row C1 --row C5] [--pairs 5] [--quick] [--show] [--to FOLDER]

In the engine environment, from the checkout. Each row runs in a process of its own, one after the other; nothing else
should be running. Results are kept as JSON in benchmarks/results/, those of `--quick` are not. `--show` measures
nothing and prints what is kept.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import elsewhere, machine, results, table
from benchmarks.results import FOLDER, Result
from benchmarks.rows import ROWS


def measured(name: str, arguments: argparse.Namespace) -> Result:
    """One row, in its own process; one that dies there says so in the table."""
    sys.stderr.write(f"{name}\n")
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.one_row", name, "--to", folder]
        command += ["--pairs", str(arguments.pairs), "--cache", str(arguments.cache)]
        ended = subprocess.run([*command, *(["--quick"] if arguments.quick else [])], cwd=machine.ROOT)
        path = Path(folder) / f"{name}.json"
        if path.exists():
            return results.read(path)
    return Result(name, "", (), arguments.pairs, machine.describe(), f"it failed (exit code {ended.returncode})")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--row", action="append", choices=sorted(ROWS), help="only this one; may be given again")
    parser.add_argument("--pairs", type=int, default=5, help="turns of each side that count; five at least are kept")
    parser.add_argument("--quick", action="store_true", help="small and few: shows that a row runs")
    parser.add_argument("--show", action="store_true", help="print what is kept, measure nothing")
    parser.add_argument("--to", type=Path, default=FOLDER, help="where results are kept")
    parser.add_argument("--cache", type=Path, default=machine.ROOT / "build" / "benchmarks")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.pairs = min(arguments.pairs, 2)
    found = []
    for name in [] if arguments.show else arguments.row or sorted(ROWS):
        found.append(measured(name, arguments))
        if found[-1].figures and arguments.pairs >= 5:
            results.write(found[-1], arguments.to)
    if arguments.show:
        found = [result for result in results.read_all(arguments.to) if result.row in ROWS]
    print(table.plain([*found, *([] if arguments.row else elsewhere.gpu())]))
    if not arguments.row:
        print("\nMeasured by the launcher's Python, not in this run; what is kept of them:")
        print(
            "\n".join(f"  {what}, against {peer}: {kept}\n    {run}" for what, peer, kept, run in elsewhere.launcher())
        )
    if hasattr(os, "getloadavg") and not arguments.show:
        print(f"Load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores.")
    return (
        1
        if any(result.missing or not all(one.met in (None, True) for one in result.figures) for result in found)
        else 0
    )


if __name__ == "__main__":
    sys.exit(main())

"""A download through Gesso's door against `curl` of the same file from the same server in the same run.

    .launcher/bin/python -m benchmarks.download [--size 512] [--rounds 5] [--rate 125000000] [--folder DIR]

The server (tests/fakes/fault_server.py, a process of its own) and both clients share this computer. The two take turns,
after one round that is not counted. Gesso computes the SHA-256, forces the file to the disk and renames it; curl does
none of this, so a second baseline does the same by hand: curl, then `sync FILE`, then `sha256sum`. `--rate` limits the
server to so many bytes per second, as a line would; without it the memory is the line. Prints one JSON object; ratios
are of rates: above 1, Gesso is faster.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from launcher.core.download.door import Address, Wanted, download
from launcher.core.events import Downloaded

MIB = 1024 * 1024


def make(file: Path, size: int) -> str:
    """`size` MiB that no compression makes smaller; their SHA-256."""
    found = hashlib.sha256()
    with file.open("wb") as out:
        for _ in range(size):
            piece = os.urandom(MIB)
            found.update(piece)
            out.write(piece)
    return found.hexdigest()


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The server's address."""
    command = [sys.executable, "-m", "tests.fakes.fault_server", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield next(line.strip() for line in process.stdout if line.startswith("http"))
    finally:
        process.terminate()
        process.wait()


def timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def one_round(url: str, folder: Path, sha256: str, size: int) -> dict[str, float]:
    """Seconds of each."""
    target = folder / "fetched.bin"

    def gesso() -> None:
        last = list(download(Wanted("benchmark", target, (Address(url),), sha256, size)))[-1]
        assert isinstance(last, Downloaded)

    def curl() -> None:
        subprocess.run(["curl", "--silent", "--fail", "--noproxy", "*", "--output", str(target), url], check=True)

    def curl_and_all() -> None:
        curl()
        subprocess.run(["sync", str(target)], check=True)
        said = subprocess.run(["sha256sum", str(target)], check=True, capture_output=True, text=True).stdout
        assert said.startswith(sha256)

    seconds = {}
    for name, work in (("curl", curl), ("gesso", gesso), ("curl_sync_sha256", curl_and_all)):
        target.unlink(missing_ok=True)
        os.sync()
        seconds[name] = timed(work)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=512, help="MiB")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rate", type=int, default=None)
    parser.add_argument("--folder", type=Path, default=None)
    asked = parser.parse_args()
    if shutil.which("curl") is None:
        raise SystemExit("curl is needed as the baseline.")
    with tempfile.TemporaryDirectory(dir=asked.folder) as name:
        folder = Path(name)
        (folder / "served").mkdir()
        sha256 = make(folder / "served" / "model.bin", asked.size)
        with served(folder / "served") as address:
            url = address.replace("/ok/", f"/rate={asked.rate}/" if asked.rate else "/ok/") + "model.bin"
            rounds = [one_round(url, folder, sha256, asked.size * MIB) for _ in range(asked.rounds + 1)][1:]
    record = {
        "mib": asked.size,
        "rate_limit": asked.rate,
        "rounds": len(rounds),
        "median_mib_per_second": {key: asked.size / statistics.median(row[key] for row in rounds) for key in rounds[0]},
        "ratio": {
            key: statistics.median(row[key] / row["gesso"] for row in rounds) for key in ("curl", "curl_sync_sha256")
        },
        "load_average": os.getloadavg() if hasattr(os, "getloadavg") else None,
    }
    print(json.dumps(record, indent=2))


if __name__ == "__main__":
    main()

"""A scan of the model library against the least that anybody could do: os.scandir, and each header read and parsed.

    .launcher/bin/python -m benchmarks.library_scan [--files 1000] [--rounds 5] [--folder DIR]

Makes files with true headers and holes for weights (a tenth checkpoints, the rest mostly LoRAs), then takes turns:
`baseline` lists the folders, opens every file and parses its header with json, judging nothing; `new` is a scan without
an index, `known` one with it. `listing`, os.scandir with the size and date of every file, is what `known` cannot beat.
Prints one JSON object with seconds (medians) and ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import struct
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from launcher.core.models.entry import Library, scan
from launcher.core.models.known import KnownHashes
from launcher.core.models.shelves import Shelf, folder_shelves
from tests.fakes.model_files import EMBEDDING, UPSCALER, VAE, checkpoint, lora, write_safetensors, write_torch

#: of 1000 files: folder, how many, what
_MIX = (
    ("Stable-diffusion", 60, lambda: checkpoint("sd1", blocks=42)),
    ("Stable-diffusion", 40, lambda: checkpoint("sdxl", blocks=96)),
    ("Lora", 500, lambda: lora("sd1", layers=264)),
    ("Lora", 250, lambda: lora("sdxl", layers=722)),
    ("VAE", 30, lambda: VAE),
    ("ESRGAN", 20, lambda: UPSCALER),
)
_TAGS = json.dumps({"8_cat": {f"tag {number}": number for number in range(120)}})


def make(models: Path, files: int) -> int:
    """How many files were made; a tenth are pickles."""
    made = 0
    for folder, count, shapes in _MIX:
        for number in range(count * files // 1000):
            metadata = {"ss_tag_frequency": _TAGS, "ss_output_name": f"model {number}"} if folder == "Lora" else {}
            write_safetensors(models / folder / f"{made:05}.safetensors", shapes(), metadata)
            made += 1
    for number in range(files // 10):
        old = number % 5 == 0
        write_torch(models / "hypernetworks" / f"{number:05}.pt", EMBEDDING, old=old)
        made += 1
    return made


def plain(folder: Path) -> int:
    """Headers read and parsed, nothing else; a torch file's first bytes alone."""
    seen = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                seen += plain(Path(entry.path))
                continue
            seen += 1
            with Path(entry.path).open("rb") as file:
                start = file.read(8)
                if entry.name.endswith(".safetensors"):
                    json.loads(file.read(struct.unpack("<Q", start)[0]))
    return seen


def listing(folder: Path) -> int:
    seen = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            seen += listing(Path(entry.path)) if entry.is_dir() else bool(entry.stat().st_size)
    return seen


def library(models: Path, index: Path) -> Library:
    shelves = (*folder_shelves(models, "workspace"), Shelf(None, models))
    work = scan(shelves, index, KnownHashes(index.with_name("hashes.json")))
    found: list[Library] = []

    def whole() -> Iterator[object]:
        found.append((yield from work))

    for _ in whole():
        pass
    return found[0]


def timed(name: str, work: Callable[[], object]) -> dict[str, float]:
    """Seconds by the clock, and of the processor: a busy computer stretches only the first."""
    started, used = time.perf_counter(), time.process_time()
    work()
    return {name: time.perf_counter() - started, f"{name}_cpu": time.process_time() - used}


def one_round(models: Path, index: Path, files: int) -> dict[str, float]:
    index.unlink(missing_ok=True)
    row = timed("baseline", lambda: plain(models)) | timed("new", lambda: library(models, index))
    row |= timed("listing", lambda: listing(models)) | timed("known", lambda: library(models, index))
    found = library(models, index)
    assert len(found.models) == files
    assert found.opened == 0
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=None, help="where the files are made, and taken away again")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as place:
        models, index = Path(place) / "models", Path(place) / "index.json"
        files = make(models, arguments.files)
        one_round(models, index, files)
        rows = [one_round(models, index, files) for _ in range(arguments.rounds)]
    medians = {key: round(statistics.median(row[key] for row in rows), 4) for key in rows[0]}
    ratios = {
        "new_to_baseline": statistics.median(row["new"] / row["baseline"] for row in rows),
        "known_to_baseline": statistics.median(row["known"] / row["baseline"] for row in rows),
        "known_to_listing": statistics.median(row["known"] / row["listing"] for row in rows),
    }
    print(json.dumps({"files": files, "rounds": len(rows), "median_seconds": medians, "ratio": ratios}, indent=2))


if __name__ == "__main__":
    main()

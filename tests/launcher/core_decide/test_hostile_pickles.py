"""Files that want to tire or to fill the launcher, which looks at a pickle's names: each costs seconds and little."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest

from launcher.core.models.outline import read_outline
from launcher.core.paths import checkout

if sys.platform == "win32":
    pytest.skip("the limits are a Unix system's", allow_module_level=True)

_MIB = 1 << 20
_LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
#: seconds of a processor, and bytes of memory beside what Python itself takes
_PATIENCE, _ROOM = 30, 700 * _MIB
#: in a process of its own, which may not take more
_LOOK = f"""
import json, resource, sys, time
from pathlib import Path
from launcher.core.models.outline import BrokenError, read_outline
resource.setrlimit(resource.RLIMIT_CPU, ({_PATIENCE}, {_PATIENCE}))
taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() if sys.platform == "linux" else 0
if taken:
    resource.setrlimit(resource.RLIMIT_AS, (taken + {_ROOM}, taken + {_ROOM}))
try:
    read_outline(Path(sys.argv[1]))
    told = "read"
except BrokenError as broken:
    told = broken.detail or broken.code
print(json.dumps([told, time.process_time()]))
"""


def text(said: bytes) -> bytes:
    return b"X" + struct.pack("<I", len(said)) + said


def memo(number: int) -> bytes:
    return struct.pack("<BI", ord("r"), number)


def recall(number: int) -> bytes:
    return struct.pack("<BI", ord("j"), number)


def pairs() -> bytes:
    """Every two of a few long texts name a global together."""
    kept = b"".join(text(b"%03d" % number + b"x" * 60_000) + memo(number) for number in range(400))
    return kept + b"".join(recall(one) + recall(two) + b"\x93" for one, two in product(range(400), repeat=2))


def medium_pairs() -> bytes:
    """As long as names may be."""
    kept = b"".join(text(b"%03d" % number + b"x" * 900) + memo(number) for number in range(570))
    return kept + b"".join(recall(one) + recall(two) + b"\x93" for one, two in product(range(570), repeat=2))


def digits() -> bytes:
    """A long number, which is looked at again with every storage."""
    return text(b"1" * (16 * _MIB)) + b"Q" * 900_000


def directory_of_one(name: str, size: int, copies: int, file: Path, content: bytes) -> None:
    """An archive that lists one entry under many names."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(name, content.ljust(size, b"\0"))
        (info,) = archive.filelist
        for number in range(copies):
            other = zipfile.ZipInfo(f"{number}/data.pkl")
            other.header_offset, other.CRC = info.header_offset, info.CRC
            other.file_size = other.compress_size = info.file_size
            archive.filelist.append(other)


HOSTILE: dict[str, Callable[[], bytes]] = {
    "pairs of long texts": pairs,
    "pairs of names": medium_pairs,
    "a number of many digits": digits,
    "a place of many digits": lambda: b"p" + b"9" * (40 * _MIB) + b"\n.",
    "one letter that makes all wide": lambda: text(b"a" * (60 * _MIB) + "😀".encode()) + b".",
    "escapes": lambda: b"V" + b"\\U0001f600" * (6 * _MIB) + b"\n.",
    "globals without an end": lambda: b"".join(b"cm%d\nn\n" % number for number in range(900_000)),
    "texts without an end": lambda: b"".join(text(b"%d" % number) + b"\x94" for number in range(490_000)),
    "five of the longest": lambda: _LEGACY + (b"N" * 999_000 + b".") * 5,
    "marks": lambda: b"(" * (60 * _MIB),
}


def look(file: Path) -> tuple[str, float]:
    """What is said of it, and seconds of a processor."""
    done = subprocess.run([sys.executable, "-c", _LOOK, str(file)], cwd=checkout(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()[-400:] or done.returncode
    told, seconds = json.loads(done.stdout)
    return told, seconds


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
def test_a_pickle_costs_seconds_and_little_memory(make: Callable[[], bytes], tmp_path: Path) -> None:
    file, content = tmp_path / "x.ckpt", make()
    file.write_bytes(content if content.startswith(_LEGACY) else b"\x80\x02" + content)
    look(file)


def test_so_does_one_in_an_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.ckpt", "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("a/data.pkl", b"\x80\x02" + medium_pairs())
    assert "globals" in look(tmp_path / "x.ckpt")[0]


@pytest.mark.parametrize(("size", "content"), [(_MIB, b"\x80\x02" + b"N" * 900_000 + b"."), (60 * _MIB, b"\x80\x02N.")])
def test_one_structure_under_many_names_is_read_a_few_times(size: int, content: bytes, tmp_path: Path) -> None:
    directory_of_one("data.pkl", size, 20_000, tmp_path / "x.ckpt", content)
    assert "20001 structures" in look(tmp_path / "x.ckpt")[0]


def test_a_name_that_is_too_long_to_be_one_is_distrusted(tmp_path: Path) -> None:
    for number, said in enumerate(
        (b"cposix\n" + b"system." * 200 + b"\n.", text(b"torch.nn." + b"A" * 2000) + text(b"B") + b"\x93.")
    ):
        file = tmp_path / f"{number}.pt"
        file.write_bytes(b"\x80\x02" + said)
        assert read_outline(file).strange.dangerous == ("?",)

"""Take CLIP's merge table and its licence from the open_clip_torch wheel into runtime/assets/clip.

    python -m tools.fetch_clip_merges

The wheel is opened, not installed: it wants torchvision, which Gesso does without.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

WHEEL = "open_clip_torch==3.3.0"
MERGES = "open_clip/bpe_simple_vocab_16e6.txt.gz"
MERGES_SHA256 = "924691ac288e54409236115652ad4aa250f48203de50a9e4722a6ecd48d6804a"
TARGET = Path(__file__).resolve().parent.parent / "runtime" / "assets" / "clip"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, WHEEL]
        subprocess.run(command, check=True)
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            merges = archive.read(MERGES)
            (licence,) = (name for name in archive.namelist() if name.endswith("/LICENSE"))
            licence_text = archive.read(licence)
    found = hashlib.sha256(merges).hexdigest()
    if found != MERGES_SHA256:
        raise SystemExit(f"{MERGES} has SHA-256 {found}, expected {MERGES_SHA256}")
    TARGET.mkdir(parents=True, exist_ok=True)
    (TARGET / "bpe_simple_vocab_16e6.txt.gz").write_bytes(merges)
    (TARGET / "LICENSE").write_bytes(licence_text)


if __name__ == "__main__":
    main()

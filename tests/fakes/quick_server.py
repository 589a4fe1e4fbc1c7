"""The fake server with the quick worker.

GESSO_TEST_WATCHED is a folder of which GESSO_TEST_SEEN notes, by a line each, every file that is opened or listed.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from runtime.__main__ import main


def watch(folder: str, seen: str) -> None:
    """Note what this process opens or lists under `folder`, by whatever way it is spelt."""
    root = os.path.realpath(folder)
    note = os.open(seen, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event not in ("open", "os.listdir", "os.scandir", "shutil.copyfile", "os.rename", "os.remove"):
            return
        for path in arguments[:2]:
            if isinstance(path, (str, bytes, os.PathLike)):
                try:
                    real = os.path.realpath(os.fsdecode(path))
                except ValueError:
                    continue
                if real == root or real.startswith(root + os.sep):
                    os.write(note, f"{event} {real}\n".encode("utf-8", "replace"))

    sys.addaudithook(hook)


if __name__ == "__main__":
    if "GESSO_TEST_WATCHED" in os.environ:
        watch(os.environ["GESSO_TEST_WATCHED"], os.environ["GESSO_TEST_SEEN"])
    raise SystemExit(main(worker=(sys.executable, str(Path(__file__).with_name("quick_worker.py"))), judging=False))

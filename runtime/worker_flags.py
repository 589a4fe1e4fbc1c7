"""What the worker's command line says: AUTOMATIC1111's flags, folders, and the handle of the channel."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.flag_table import FLAGS, Flag
from runtime.folders import Folders, find_folders


@dataclass(frozen=True)
class WorkerSettings:
    """What the flags say, in plain types."""

    folders: Folders
    hashing: bool
    handle: int
    flags: argparse.Namespace


def parse(arguments: list[str]) -> WorkerSettings:
    """AUTOMATIC1111's spellings; unknown flags are left alone, so that the server can pass on what it was given."""
    parser = argparse.ArgumentParser("runtime.worker", allow_abbrev=False)
    parser.add_argument("--data-dir", type=Path, default=Path.cwd())
    parser.add_argument("--models-dir", type=Path)
    for flag in FLAGS:
        if flag.effect == "worker":
            parser.add_argument(flag.name, **_shape(flag))
    # the handle first: a flag with several values must not swallow it
    flags, _unknown = parser.parse_known_args(arguments[:-1])
    folders = find_folders(vars(flags), flags.data_dir, flags.models_dir or flags.data_dir / "models")
    return WorkerSettings(folders, not flags.no_hashing, int(arguments[-1]), flags)


def _shape(flag: Flag) -> dict[str, Any]:
    """argparse's words for a flag of the table."""
    shapes: dict[str, dict[str, Any]] = {
        "switch": {"action": "store_true"},
        "words": {"nargs": "+", "default": []},
        "int": {"type": int, "default": flag.default},
        "repeat": {"action": "append", "default": []},
    }
    return shapes.get(flag.shape, {"default": flag.default})

"""The Save key's copies under log/images with AUTOMATIC1111's log.csv, and opening a folder on this computer."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from runtime.files import write_new
from runtime.infotext import parse_infotext
from runtime.request import Picture
from runtime.studio import Studio
from runtime.ui import words
from runtime.ui.output import Shown
from runtime.written_path import written_path

_HEAD = (
    *("prompt", "seed", "width", "height", "sampler", "cfgs", "steps", "filename", "negative_prompt"),
    *("sd_model_name", "sd_model_hash"),
)
_KEYS = ("Prompt", "Seed", "Size-1", "Size-2", "Sampler", "CFG scale", "Steps")
#: an opener that still runs after this many seconds has not failed
_OPENED_AFTER = 3.0
_FOLDERS = {"txt2img": "outdir_txt2img_samples", "img2img": "outdir_img2img_samples", "extras": "outdir_extras_samples"}


def save_picture(studio: Studio, shown: Shown) -> str:
    """Save the picture that is looked at; what the page says of it."""
    if shown.picture is None or shown.file is None:
        return words.remark(words.NOTHING_TO_SAVE)
    folder = _folder(studio, "outdir_save")
    try:
        file = write_new(folder, _names(Path(shown.file)), shown.picture.data)
        _note(folder / "log.csv", file.name, shown.picture)
    except OSError as refused:
        return words.remark(words.NOT_SAVED, str(refused))
    return words.remark(words.SAVED, str(file))


def _names(wanted: Path) -> Iterator[str]:
    """Its own, then `name-1`, `name-2` …"""
    yield wanted.name
    for number in count(1):
        yield wanted.with_stem(f"{wanted.stem}-{number}").name


def _note(log: Path, name: str, picture: Picture) -> None:
    items = parse_infotext(picture.infotext)
    first = not log.exists() or not log.stat().st_size
    with log.open("a", encoding="utf8", newline="") as file:
        if not first and log.read_bytes()[-1:] != b"\n":
            # One who was ended in the middle of a row: it ends here.
            file.write("\r\n")
        rows = csv.writer(file)
        if first:
            rows.writerow(_HEAD)
        told = (items.get(key, "") for key in _KEYS)
        rest = (items.get(key, "") for key in ("Negative prompt", "Model", "Model hash"))
        rows.writerow((*told, name, *rest))


def opener() -> list[str] | None:
    """The file manager's command, which takes a folder; None where there is none, or no screen to show it on."""
    if sys.platform == "win32":
        return ["explorer"]
    screen = sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    found = shutil.which("open" if sys.platform == "darwin" else "xdg-open")
    return [found] if found and screen else None


def open_folder(studio: Studio, kind: str) -> str:
    """Show the kind's folder in the computer's file manager; what the page says of it."""
    if studio.settings.exposed:
        return words.remark(words.FOLDER_ELSEWHERE)
    folder = _folder(studio, "outdir_samples" if studio.options["outdir_samples"] else _FOLDERS[kind])
    program = opener()
    if program is None or not folder.is_dir():
        return words.remark(words.NO_FOLDER, str(folder))
    try:
        # of its own group: it outlives a server that is ended with all that it has started
        command, silent = [*program, str(folder)], subprocess.DEVNULL
        started = subprocess.Popen(command, stdout=silent, stderr=silent, start_new_session=True)
        code = started.wait(_OPENED_AFTER)
    except subprocess.TimeoutExpired:
        code = 0  # some file managers are the command itself and stay
    except OSError as refused:
        return words.remark(words.NO_FOLDER, f"{folder}: {refused}")
    # Explorer ends with 1 when all is well
    if code and sys.platform != "win32":
        return words.remark(words.NO_FOLDER, f"{folder} ({Path(program[0]).name}: {code})")
    return words.remark(words.OPENED, str(folder))


def _folder(studio: Studio, option: str) -> Path:
    return studio.settings.data_dir / written_path(str(studio.options[option]))

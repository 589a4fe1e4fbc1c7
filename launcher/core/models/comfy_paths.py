"""ComfyUI's extra_model_paths.yaml, as far as people write it: sections, a base path, one or several folders a kind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from launcher.core.errors import LauncherError
from launcher.core.models.shelves import FOLDERS, Shelf
from launcher.core.paths import written_path

_LARGEST = 1024 * 1024
_LINE = re.compile(r"^(?P<indent> *)(?P<key>[\w-]+)[ \t]*:[ \t]*(?P<value>.*?)[ \t]*$")


def read_comfy_paths(file: Path, home: str) -> tuple[Shelf, ...]:
    """The folders of known kinds that it names; a file that is not there or not understood names none."""
    try:
        text = file.read_bytes()[:_LARGEST].decode("utf-8-sig", "replace")
    except OSError:
        return ()
    return tuple(_shelves(text, file.parent, home))


def _shelves(text: str, beside: Path, home: str) -> Iterator[Shelf]:
    for section in _sections(text):
        try:
            base = beside / written_path("".join(section.get("base_path", ["."])[:1]))
        except LauncherError:
            continue
        for key, folders in section.items():
            kind = FOLDERS.get(key.lower())
            if kind is not None:
                yield from (Shelf(kind, base / folder, home) for folder in folders if "\0" not in folder)


def _sections(text: str) -> Iterator[dict[str, list[str]]]:
    """Each top-level key's own keys with their values, a block (`|`) being several."""
    section: dict[str, list[str]] = {}
    key, depth = "", 0
    for line in text.splitlines():
        plain = line.split(" #", 1)[0].rstrip()
        if not plain.strip() or plain.lstrip().startswith("#"):
            continue
        found = _LINE.match(plain)
        indent = len(plain) - len(plain.lstrip())
        if found and indent == 0:
            yield section
            section, key = {}, ""
        elif key and indent > depth:
            # inside a block, where a Windows path has a colon too
            section[key].append(_bare(plain))
        elif found:
            key, depth = found["key"], indent
            value = _bare(found["value"])
            section[key] = [] if value in ("", "|", ">", "|-") else [value]
    yield section


def _bare(value: str) -> str:
    value = value.strip()
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value

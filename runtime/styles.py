"""Saved styles: texts that join a prompt by their names, kept in AUTOMATIC1111's styles.csv."""

from __future__ import annotations

import csv
import io
import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runtime.files import alone_with, write_whole, write_whole_bytes
from runtime.request import RequestError
from runtime.shelf import natural_order
from runtime.written_path import written_path

_LOG = logging.getLogger(__name__)
_HEADER = ("name", "prompt", "negative_prompt")
#: where a style's text has the prompt itself
PLACE = "{prompt}"


@dataclass(frozen=True)
class Style:
    """`prompt` and `negative_prompt` are None for a divider, which only names the file of those below it."""

    name: str
    prompt: str | None = ""
    negative_prompt: str | None = ""


def style_files(given: Sequence[str] | None, data: Path) -> tuple[Path, ...]:
    """The files of `--styles-file`, names with `*` or `?` among them, or styles.csv in the data folder."""
    return tuple(data / written_path(one) for one in given or ("styles.csv",))


class StyleBook:
    """The styles of some files, read anew when one has changed. A file that cannot be read counts as empty."""

    def __init__(self, files: Sequence[Path]) -> None:
        """A file's name may hold `*` and `?`; the first one that does not takes new styles and need not exist."""
        self._patterns = tuple(files)
        self._read: dict[Path, tuple[tuple[int, int], list[Style]]] = {}
        self._lock = threading.Lock()

    def styles(self) -> tuple[Style, ...]:
        """In the order of the files; of several each begins with a divider. Of two of one name the later holds."""
        shelves = [(path, self._rows(path)) for path in self._files()]
        found: dict[str, Style] = {}
        for path, rows in shelves:
            if len(shelves) > 1:
                divider = f"-------- {path.stem.upper()} --------"
                found[divider] = Style(divider, None, None)
            found |= {style.name: style for style in rows if style.name and not style.name.startswith("#")}
        return tuple(found.values())

    def merged(self, prompt: str, negative: str, names: Iterable[str]) -> tuple[str, str]:
        """Both prompts with these styles in turn; names that are not known change nothing."""
        known = {style.name: style for style in self.styles()}
        for style in (known[name] for name in names if name in known):
            prompt, negative = _merged(style.prompt, prompt), _merged(style.negative_prompt, negative)
        return prompt, negative

    def found_in(self, prompt: str, negative: str) -> tuple[tuple[str, ...], str, str]:
        """The styles whose texts both prompts hold, in the order to apply them, and the prompts without them."""
        names: list[str] = []
        rest = list(self.styles())
        while True:
            for style in rest:
                before, left = _without(style.prompt, prompt), _without(style.negative_prompt, negative)
                if before is not None and left is not None and (before, left) != (prompt, negative):
                    prompt, negative = before, left
                    names.insert(0, style.name)
                    rest.remove(style)
                    break
            else:
                return tuple(names), prompt, negative

    def save(self, style: Style) -> None:
        """Write a new style, or a new text for an old one, and keep the file as it was under `.bak`.

        Raises RequestError for a name that cannot be, or a file that cannot be read; OSError if it cannot be written.
        """
        if not style.name.strip() or style.name.startswith("#"):
            raise RequestError("style-name", f"A style cannot be called “{style.name}”.", "Give it another name.")
        with self._lock:
            path = self._home(style.name)
            with alone_with(path):
                rows = self._rows_to_change(path)
                if style in rows:
                    return
                kept = [style if one.name == style.name else one for one in rows]
                _write(path, kept if style in kept else [*rows, style])

    def delete(self, name: str) -> None:
        """Take a style out of its file; a name that is not known changes nothing. Errors as in `save`."""
        with self._lock:
            for path in self._files():
                if any(style.name == name for style in self._rows(path)):
                    self._delete(name, path)

    def _delete(self, name: str, path: Path) -> None:
        with alone_with(path):
            rows = self._rows_to_change(path)
            kept = [style for style in rows if style.name != name]
            # another may have taken it out meanwhile
            if kept != rows:
                _write(path, kept)

    def _files(self) -> list[Path]:
        found: dict[Path, None] = {}
        for pattern in self._patterns:
            if _is_pattern(pattern):
                found |= dict.fromkeys(
                    sorted(pattern.parent.glob(pattern.name), key=lambda one: natural_order(one.name))
                )
            elif pattern.is_file():
                found[pattern] = None
        return list(found)

    def _home(self, name: str) -> Path:
        """The last file that has a style of this name, else the file for new ones."""
        for path in reversed(self._files()):
            if any(style.name == name for style in self._rows(path)):
                return path
        plain = (pattern for pattern in self._patterns if not _is_pattern(pattern))
        return next(plain, self._patterns[0].parent / "styles.csv")

    def _rows(self, path: Path) -> list[Style]:
        """All rows of a file, comments too."""
        try:
            stat = path.stat()
            stamp = (stat.st_mtime_ns, stat.st_size)
            if path not in self._read or self._read[path][0] != stamp:
                self._read[path] = (stamp, _read(path))
            return self._read[path][1]
        except (OSError, ValueError, csv.Error) as broken:
            _LOG.warning("The styles in %s cannot be read: %s", path, broken)
            return []

    def _rows_to_change(self, path: Path) -> list[Style]:
        try:
            return _read(path) if path.exists() else []
        except (ValueError, csv.Error) as broken:
            message = f"The styles in {path.name} cannot be read: {broken}."
            raise RequestError("styles-unreadable", message, "Save that file as UTF-8, or move it away.") from broken


def _is_pattern(path: Path) -> bool:
    return any(sign in path.name for sign in "*?")


def _read(path: Path) -> list[Style]:
    """ValueError where it is no UTF-8, csv.Error where it is no table."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [_style(row) for row in csv.DictReader(file, strict=True)]


def _style(row: Mapping[str, str | None]) -> Style:
    """Files before the negative prompts have a column `text`."""
    prompt = row.get("prompt") if "prompt" in row else row.get("text")
    return Style(row.get("name") or "", prompt or "", row.get("negative_prompt") or "")


def _write(path: Path, styles: Iterable[Style]) -> None:
    if path.exists():
        write_whole_bytes(path.with_name(f"{path.name}.bak"), path.read_bytes())
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(_HEADER)
    writer.writerows((style.name, style.prompt, style.negative_prompt) for style in styles)
    write_whole(path, "\ufeff" + table.getvalue())


def _merged(style: str | None, prompt: str) -> str:
    """The prompt in its place in the style's text, else before it."""
    if style and PLACE in style:
        return style.replace(PLACE, prompt)
    return ", ".join(text for text in (prompt.strip(), (style or "").strip()) if text)


def _without(style: str | None, prompt: str) -> str | None:
    """The prompt that `_merged` made this one of; None if it did not."""
    style = (style or "").strip()
    before, place, after = style.partition(PLACE)
    if place:
        room = len(prompt) >= len(before) + len(after) and PLACE not in after
        fits = room and prompt.startswith(before) and prompt.endswith(after)
        return prompt[len(before) : len(prompt) - len(after)] if fits else None
    if not style or prompt == style:
        return "" if style else prompt
    return prompt.removesuffix(f", {style}") if prompt.endswith(f", {style}") else None

"""Writes the kept results into docs/reliability.md and its Chinese sister: `python -m tests.release.table`."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "tests" / "release" / "results"
PAGES = ("docs/reliability.md", "docs/reliability.zh.md")
_BLOCK = re.compile(r"(<!-- results -->\n).*?(<!-- /results -->)", re.DOTALL)
#: on what it was measured: told in one line
_WHERE = ("date", "system", "cores", "python", "load_at_end", "versions")
#: more columns, of fewer lines, are put as lines
_WIDEST = 8


def written(text: str, results: Path = RESULTS) -> str:
    """A page with all results between its marks."""
    told = "\n".join(section(file) for file in sorted(results.glob("*.json"))) or "Nothing has been measured yet.\n"
    return _BLOCK.sub(lambda found: f"{found[1]}\n{told}\n{found[2]}", text)


def section(file: Path) -> str:
    """One file's heading, its computer, its figures and its tables."""
    found = json.loads(file.read_text(encoding="utf-8"))
    found = {"rows": found} if isinstance(found, list) else found
    where = ", ".join(f"{_words(key)} {_cell(found[key])}" for key in _WHERE if key in found)
    rest = {key: value for key, value in found.items() if key not in _WHERE}
    plain = [f"{_words(key)} {_cell(value)}" for key, value in rest.items() if key != "told" and _is_plain(value)]
    tables = [table(key, value) for key, value in rest.items() if isinstance(value, (dict, list)) and value]
    lines = [f"### {file.stem}", _about(file.stem), f"{where}.", f"{', '.join(plain)}." if plain else ""]
    return "\n\n".join(filter(None, [*lines, *tables])) + "\n"


def table(name: str, value: Any) -> str:
    """Of an object of plain values, of an object of objects, or of a list of objects; nothing of any other."""
    if isinstance(value, Mapping) and all(map(_is_plain, value.values())):
        return _drawn([(name, ""), *value.items()])
    rows = _rows(value)
    if not rows:
        return ""
    columns = list(dict.fromkeys(key for _, row in rows for key, one in row.items() if _is_plain(one)))
    grid = [(name, *columns), *((each, *(row.get(key, "") for key in columns)) for each, row in rows)]
    return _drawn(grid if len(columns) <= max(_WIDEST, len(rows)) else list(zip(*grid, strict=True)))


def _rows(value: Any) -> list[tuple[str, Mapping[str, Any]]]:
    if isinstance(value, Mapping):
        return [(name, row) for name, row in value.items() if isinstance(row, Mapping)]
    rows = [row for row in value if isinstance(row, Mapping) and row]
    names = [next(iter(row)) for row in rows]
    return [
        (_cell(row[first]), {key: _counted(one) for key, one in row.items() if key != first})
        for first, row in zip(names, rows, strict=True)
    ]


def _counted(value: Any) -> Any:
    """Of a list, findings say, only how many there are."""
    return len(value) if isinstance(value, list) else value


def _drawn(grid: Iterable[Iterable[Any]]) -> str:
    head, *lines = [" | ".join(_words(_cell(cell)) if place == 0 or not row else _cell(cell)
                               for place, cell in enumerate(line)) for row, line in enumerate(grid)]  # fmt: skip
    return "\n".join(f"| {line} |" for line in (head, " | ".join(["---"] * (head.count(" | ") + 1)), *lines))


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, (str, int, float))


def _words(key: str) -> str:
    return key.replace("_", " ")


def _cell(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {one}" for key, one in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return f"{round(value, 3):,}"
    return "" if value is None else str(value).replace("|", "\\|").replace("\n", " ")[:120]


def _about(name: str) -> str:
    """The first sentence of the module that measures it."""
    module = ROOT / "tests" / "release" / f"{name}.py"
    said = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) if module.exists() else None
    return (said or "").split("\n")[0]


def main() -> None:
    for page in PAGES:
        path = ROOT / page
        path.write_text(written(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()

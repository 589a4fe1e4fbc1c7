"""Write the kept results into the pages that show them: tables between two marks, plots beside them.

    python -m benchmarks.pages [--gpu FILE]

`--gpu` first keeps what `gpu.py --json FILE` has measured on a graphics card. A mark is
`<!-- benchmarks: NAME -->`, the end `<!-- /benchmarks -->`; NAME is one of `TABLES`.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import elsewhere, plots, results, table
from benchmarks.machine import ROOT
from benchmarks.results import Result

PAGES = ("README.md", "README.zh.md", "docs/performance.md", "docs/performance.zh.md")
IMAGES = ROOT / "docs" / "images" / "performance"
_BLOCK = re.compile(r"(<!-- benchmarks: (\w+) -->\n).*?(<!-- /benchmarks -->)", re.DOTALL)
_CHINESE_HEAD = ("行", "量什么", "对照", "测得", "范围", "目标", "达到")
_CHINESE = {"yes": "是", "no": "否"}


def kept() -> list[Result]:
    """The rows that any computer can measure, then a card's."""
    return [*(one for one in results.read_all() if one.row not in elsewhere.GPU), *elsewhere.gpu()]


def _rows() -> str:
    return table.page(kept())


def _rows_zh() -> str:
    lines = table.page(kept(), _CHINESE_HEAD).split("\n")
    words = {**_CHINESE, "not measured: ": "没有测过："}
    return "\n".join(_told(line, words) for line in lines)


def _told(line: str, words: dict[str, str]) -> str:
    cells = [words.get(cell, cell) for cell in line.split(" | ")]
    return " | ".join(cell.replace("not measured: ", words["not measured: "]) for cell in cells)


def _short() -> str:
    """The figures that have a target, of the rows that were measured."""
    lines = [line for line in table.rows_of(kept()) if line[5]]
    head = [("row", "what", "against", "measured", "target"), ("---",) * 5]
    return "\n".join("| " + " | ".join(line) + " |" for line in [*head, *((*one[:4], one[5]) for one in lines)])


def _short_zh() -> str:
    """The same; the sentences are the rows' own."""
    _head, rule, *lines = _short().split("\n")
    return "\n".join(["| 行 | 量什么 | 对照 | 测得 | 目标 |", rule, *lines])


def _launcher() -> str:
    lines = [("what", "against", "kept", "how it is run"), ("---",) * 4, *elsewhere.launcher()]
    return "\n".join("| " + " | ".join([*line[:3], f"`{line[3]}`" if number > 1 else line[3]]) + " |"
                     for number, line in enumerate(lines))  # fmt: skip


def _machine() -> str:
    """On what the rows were measured; each has its own JSON with all of it."""
    told: dict[tuple[object, ...], list[str]] = {}
    for one in kept():
        if one.figures:
            processor, cores = one.machine["processor"], one.machine["cores"]
            parts = (
                f"{cores} cores" if cores else None,
                processor,
                one.machine["gpu"] or "no GPU",
                one.machine["measured"],
            )
            load = one.machine["load"]
            told.setdefault(parts, []).append(one.row if load is None else f"{one.row} (load {load})")
    lines = [f"- {', '.join(rows)}: {', '.join(str(part) for part in parts if part)}" for parts, rows in told.items()]
    return "\n".join(lines) or "- nothing has been measured yet"


TABLES: dict[str, Callable[[], str]] = {
    "rows": _rows, "rows_zh": _rows_zh, "short": _short, "short_zh": _short_zh,
    "launcher": _launcher, "machine": _machine,
}  # fmt: skip


def written(text: str) -> str:
    """A page with what is kept between its marks."""
    return _BLOCK.sub(lambda found: found[1] + TABLES[found[2]]() + "\n" + found[3], text)


def images() -> Iterator[tuple[str, str]]:
    """(file, SVG) of every plot that there are results for."""
    found = kept()
    if any(result.figures for result in found):
        note = "Bar: median of the pairs. Thin line: all pairs. Mark: the target. Red: missed."
        yield "ratios.svg", plots.ratios(found, "How many times as good as the peer", note)
    for result in found:
        timed = [one for one in result.figures if one.seconds_ours and one.unit == "x"]
        if timed and result.row in ("C1", "C2"):
            what = f"{result.row}: {timed[0].what}"
            yield f"{result.row}.svg", plots.seconds(result, timed[0], what, f"Green: Gesso. Grey: {timed[0].against}.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gpu", type=Path)
    arguments = parser.parse_args()
    if arguments.gpu:
        elsewhere.keep_gpu(arguments.gpu)
    for page in PAGES:
        path = ROOT / page
        path.write_text(written(path.read_text(encoding="utf-8")), encoding="utf-8")
    IMAGES.mkdir(parents=True, exist_ok=True)
    for name, drawn in images():
        Path(IMAGES / name).write_text(drawn, encoding="utf-8")


if __name__ == "__main__":
    main()

"""Writes docs/compatibility.md: `python -m tools.compatibility.write` in the engine's environment.

Flags, request fields, options, samplers and schedules come from the program's own tables, the rest from endpoints.py
and rows.py; a test compares the page with what this would write, and each row's proof with the tests that exist.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from runtime.api.models import Img2ImgBody, Txt2ImgBody
from runtime.catalogue import SAMPLERS, SCHEDULERS
from runtime.flag_table import FLAGS, Flag
from runtime.settings_table import SETTINGS
from tools.compatibility.endpoints import ENDPOINTS
from tools.compatibility.rows import FIELD_NOTES, OURS, SAMPLER_NOTES, TABLES, Row

PAGE = Path(__file__).resolve().parents[2] / "docs" / "compatibility.md"
_HEAD = """# Compatibility with AUTOMATIC1111

What people and programs rely on in AUTOMATIC1111 1.10, and what Gesso makes of it: **works**, **differs** (how) or
**absent** (why). This page is written by `python -m tools.compatibility.write`; a test compares it with the program.
"""


def page() -> str:
    """The whole page."""
    tables = (
        ("Flags", (_flag(one) for one in FLAGS if one.name not in OURS)),
        ("API", ENDPOINTS.values()),
        ("Fields of txt2img and img2img", _fields()),
        ("Options", (Row(f"`{one.name}`", note=one.effect) for one in SETTINGS)),
        ("Samplers", (_sampler(one.name) for one in SAMPLERS)),
        ("Schedules", (Row(one.label) for one in SCHEDULERS)),
        *TABLES.items(),
    )
    return "\n".join((_HEAD, *(_table(title, rows) for title, rows in tables)))


def _flag(flag: Flag) -> Row:
    state = "absent" if flag.effect == "accepted" else "works"
    return Row(f"`{flag.name}`", state, flag.help)  # type: ignore[arg-type]


def _fields() -> Iterator[Row]:
    names = dict.fromkeys((*Txt2ImgBody.model_fields, *Img2ImgBody.model_fields))
    return (FIELD_NOTES.get(name, Row(f"`{name}`")) for name in names)


def _sampler(name: str) -> Row:
    return SAMPLER_NOTES.get(name, Row(name))


def _table(title: str, rows: Iterable[Row]) -> str:
    lines = [f"## {title}", "", "| | | |", "|---|---|---|"]
    lines += [f"| {_cell(row.what)} | {row.state} | {_cell(row.note)} |" for row in rows]
    return "\n".join((*lines, ""))


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

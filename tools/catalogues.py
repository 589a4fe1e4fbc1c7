"""Collects every sentence that the launcher says, merges them into the Chinese catalogue and compiles it.

With --check it changes nothing and exits with 1 if anything is missing, stale or not compiled.
"""

from __future__ import annotations

import argparse
import ast
import gettext
import importlib
import io
import re
import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

# Python 3.10 has no tomllib; tomli is the same reader under its older name.
_TOML = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
CHECKOUT = Path(__file__).parents[1]
CATALOGUE = CHECKOUT / "launcher" / "data" / "locale" / "zh" / "LC_MESSAGES" / "gesso.po"
CALLS = {"t", "_"}
# The keys of our TOML facts whose values are sentences for people.
SENTENCE_KEYS = {"title", "why", "sentence", "reason", "cause", "hint", "note"}
# The header's dates stand still: the same sentences give the same bytes.
_NO_CLOCK = datetime(2000, 1, 1, tzinfo=timezone.utc)
_PLACEHOLDER = re.compile(r"\{[^{}]*\}")


def sentences(checkout: Path = CHECKOUT) -> dict[str, list[str]]:
    """Every English sentence with the files that say it (relative to the checkout, sorted)."""
    found: dict[str, set[str]] = {}
    for file in sorted((checkout / "launcher").rglob("*.py")):
        for sentence in from_python(file.read_text(encoding="utf-8")):
            found.setdefault(sentence, set()).add(file.relative_to(checkout).as_posix())
    facts = [*(checkout / "profiles").rglob("*.toml"), *(checkout / "launcher" / "data").rglob("*.toml")]
    facts += [file for file in (checkout / "mirrors.toml",) if file.exists()]
    for file in sorted(facts):
        for sentence in from_facts(_TOML.loads(file.read_text(encoding="utf-8"))):
            found.setdefault(sentence, set()).add(file.relative_to(checkout).as_posix())
    return {sentence: sorted(files) for sentence, files in sorted(found.items())}


def from_python(source: str) -> Iterator[str]:
    """The first argument of every `t("…")` and `_("…")`; read from the syntax tree, so nested calls count too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and node.args and _name(node.func) in CALLS:
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str) and first.value:
                yield first.value


def from_facts(facts: Any) -> Iterator[str]:
    """The sentences for people in a TOML file, at any depth."""
    for key, value in facts.items() if isinstance(facts, dict) else ():
        if key in SENTENCE_KEYS and isinstance(value, str) and value:
            yield value
        for inner in value if isinstance(value, list) else [value]:
            yield from from_facts(inner)


def merged(old: Catalog, said: dict[str, list[str]]) -> Catalog:
    """The catalogue with exactly the sentences of `said`, keeping the translations that `old` has."""
    new = Catalog(locale="zh", domain="gesso", project="Gesso", header_comment="# Gesso in Chinese.", fuzzy=False)
    new.creation_date = new.revision_date = _NO_CLOCK
    for sentence, files in said.items():
        known = old.get(sentence)
        new.add(sentence, known.string if known else "", locations=[(file, 0) for file in files])
    return new


def faults(catalogue: Catalog, said: dict[str, list[str]]) -> list[str]:
    """What is wrong with the translations, one line each; empty when the catalogue is complete."""
    entries: dict[str, Message] = {str(entry.id): entry for entry in catalogue if entry.id}
    found = [f"not translated: {sentence!r}" for sentence in said if not _text(entries.get(sentence))]
    found += [f"no longer said: {sentence!r}" for sentence in entries if sentence not in said]
    for sentence, entry in entries.items():
        if entry.fuzzy:
            found.append(f"fuzzy: {sentence!r}")
        if _text(entry) and set(_PLACEHOLDER.findall(sentence)) != set(_PLACEHOLDER.findall(_text(entry))):
            found.append(f"other placeholders: {sentence!r} -> {_text(entry)!r}")
    return found


def compiled_differs(catalogue: Catalog, compiled: Path) -> bool:
    """Whether the .mo file is missing or says something else than `catalogue`."""
    if not compiled.exists():
        return True
    spoken = gettext.GNUTranslations(io.BytesIO(compiled.read_bytes()))
    return any(spoken.gettext(str(entry.id)) != (_text(entry) or str(entry.id)) for entry in catalogue if entry.id)


def read_catalogue(file: Path = CATALOGUE) -> Catalog:
    """The catalogue in `file`, empty if there is no such file."""
    if not file.exists():
        return Catalog(locale="zh")
    with file.open("rb") as opened:
        return read_po(opened, locale="zh")


def write_catalogue(catalogue: Catalog, file: Path = CATALOGUE) -> None:
    """Write the .po and the .mo beside it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as opened:
        write_po(opened, catalogue, width=110, sort_output=True, include_lineno=False)
    with file.with_suffix(".mo").open("wb") as opened:
        write_mo(opened, catalogue)


def main() -> int:
    """Merge and compile, or with --check only look; 0 when nothing is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing")
    asked = parser.parse_args()
    said, catalogue = sentences(), read_catalogue()
    if not asked.check:
        catalogue = merged(catalogue, said)
        write_catalogue(catalogue)
    wrong = faults(catalogue, said)
    if compiled_differs(catalogue, CATALOGUE.with_suffix(".mo")):
        wrong.append("the .mo file is not made from the .po file")
    print("\n".join(wrong) or f"{len(said)} sentences, all in Chinese")
    return 1 if wrong else 0


def _name(function: ast.expr) -> str:
    match function:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def _text(entry: Message | None) -> str:
    return str(entry.string) if entry and entry.string else ""


if __name__ == "__main__":
    sys.exit(main())

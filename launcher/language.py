"""The language that people are spoken to in, and the catalogues that hold it."""

from __future__ import annotations

import gettext
import importlib
import locale
import os
import re
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

LANGUAGES = ("en", "zh")
CATALOGUES = Path(__file__).parent / "data" / "locale"
# Python 3.10 has no tomllib; tomli is the same reader under its older name.
_TOML = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
_POSIX_NAMES = ("LC_ALL", "LC_MESSAGES", "LANG")
_LANGUAGE_LINE = re.compile(r"^[ \t]*language[ \t]*=.*$", re.MULTILINE)
_FIRST_TABLE = re.compile(r"^[ \t]*\[", re.MULTILINE)


def choose_language(arg: str | None, environ: Mapping[str, str], saved: str | None = None) -> str:
    """`zh` or `en`: what was asked for on the command line, else the saved choice, else the system's language."""
    for name in (arg, saved):
        if name:
            return _nearest(name)
    for variable in _POSIX_NAMES:
        if environ.get(variable):
            return _nearest(environ[variable])
    return _nearest(_windows_language() or "en")


def translator(language: str) -> Callable[[str], str]:
    """The function that turns an English sentence into `language`; a sentence without an entry stays English."""
    catalogue = gettext.translation("gesso", CATALOGUES, languages=[language], fallback=True)

    def translate(sentence: str) -> str:
        # gettext answers the empty string with the catalogue's header.
        return catalogue.gettext(sentence) if sentence else sentence

    return translate


def read_saved_language(config_file: Path) -> str | None:
    """The language kept in config.toml; None if there is none or the file cannot be read."""
    try:
        kept: Any = _TOML.loads(config_file.read_text(encoding="utf-8")).get("language")
    except (OSError, ValueError):
        return None
    return kept if kept in LANGUAGES else None


def save_language(config_file: Path, language: str) -> None:
    """Keep the choice in config.toml and leave every other line as it is; raises OSError."""
    old = config_file.read_text(encoding="utf-8") if config_file.exists() else ""
    table = _FIRST_TABLE.search(old)
    head, rest = (old[: table.start()], old[table.start() :]) if table else (old, "")
    line = f'language = "{language}"'
    head = _LANGUAGE_LINE.sub(line, head, count=1) if _LANGUAGE_LINE.search(head) else f"{line}\n{head}"
    config_file.parent.mkdir(parents=True, exist_ok=True)
    handle, beside = tempfile.mkstemp(dir=config_file.parent, prefix=".config-", suffix=".toml")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(head + rest)
    Path(beside).replace(config_file)


def _nearest(name: str) -> str:
    return "zh" if name.replace("-", "_").lower().split("_")[0].split(".")[0] == "zh" else "en"


def _windows_language() -> str | None:
    """The language of the user's Windows (`zh_CN`); None elsewhere, where the environment says it."""
    if sys.platform != "win32":
        return None
    import ctypes

    return locale.windows_locale.get(ctypes.windll.kernel32.GetUserDefaultUILanguage())

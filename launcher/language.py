"""The language that people are spoken to in, and the catalogues that hold it."""

from __future__ import annotations

import gettext
import locale
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from launcher.core.errors import LauncherError
from launcher.core.facts import read_table
from launcher.core.paths import Workspace
from launcher.core.settings import change_setting

LANGUAGES = ("en", "zh")
CATALOGUES = Path(__file__).parent / "data" / "locale"
_POSIX_NAMES = ("LC_ALL", "LC_MESSAGES", "LANG")


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
    """The language kept in config.toml; None if there is none or the file cannot be read: that is said elsewhere."""
    try:
        kept = read_table(config_file).get("language")
    except LauncherError:
        return None
    return kept if kept in LANGUAGES else None


def save_language(workspace: Workspace, language: str) -> None:
    """Keep the choice in config.toml; LauncherError as of `change_setting`."""
    change_setting(workspace, "language", language)


def _nearest(name: str) -> str:
    return "zh" if name.replace("-", "_").lower().split("_")[0].split(".")[0] == "zh" else "en"


def _windows_language() -> str | None:
    """The language of the user's Windows (`zh_CN`); None elsewhere, where the environment says it."""
    if sys.platform != "win32":
        return None
    import ctypes

    return locale.windows_locale.get(ctypes.windll.kernel32.GetUserDefaultUILanguage())

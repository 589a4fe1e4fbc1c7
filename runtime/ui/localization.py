"""Labels in the reader's language: A1111's localization files, applied in the browser to exact English texts."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from runtime.studio import Studio

_ASSETS = Path(__file__).parent.parent / "assets"
#: where the page finds its language
LANGUAGE = "gesso-language.js"
_LOG = logging.getLogger(__name__)


def localization_script(studio: Studio) -> str:
    """What the page's head runs: the language of flag or option `localization`, else Chinese for Chinese browsers."""
    if studio.settings.on("localization_none"):
        return ""
    wanted = studio.settings.text("localization") or studio.options["localization"]
    automatic = wanted in (None, "", "None")
    words, rtl = read_localization("zh_CN" if automatic else str(wanted), localization_folders(studio))
    if not words:
        return ""
    found = {"words": words, "always": not automatic, "rtl": rtl}
    data = json.dumps(found, ensure_ascii=False)
    script = (_ASSETS / "page" / "localize.js").read_text(encoding="utf-8")
    return f"window.gessoLocalization = {data};\n{script}"


def read_localization(name: str, folders: tuple[Path, ...]) -> tuple[dict[str, str], bool]:
    """English text -> translation, and whether it is read from the right; files of this name are merged, later win."""
    found: dict[str, str] = {}
    rtl = False
    for folder in folders:
        file = folder / f"{Path(name).name}.json"
        try:
            read = json.loads(file.read_text(encoding="utf-8-sig"))
            found.update({key: value for key, value in read.items() if isinstance(value, str)})
            rtl = rtl or read.get("rtl") is True
        except FileNotFoundError:
            continue
        except (OSError, ValueError, AttributeError, RecursionError) as broken:
            _LOG.warning("The localization %s cannot be read: %s", file, broken)
    return found, rtl


def localization_folders(studio: Studio) -> tuple[Path, ...]:
    """Our own, the user's, and those of extensions, whose code is not run; later ones win."""
    data = studio.settings.data_dir
    own = studio.settings.path("localizations_dir") or data / "localizations"
    extensions = sorted(data.glob("extensions/*/localizations"), key=lambda folder: folder.as_posix().lower())
    return (_ASSETS / "localizations", own, *extensions)

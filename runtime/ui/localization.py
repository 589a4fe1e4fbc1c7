"""Labels in the reader's language: A1111's localization files, applied in the browser to exact English texts."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from runtime.studio import Studio

_ASSETS = Path(__file__).parent.parent / "assets"
_LOG = logging.getLogger(__name__)


def localization_head(studio: Studio) -> str:
    """The script for the page's head: the language of the option `localization`, else Chinese for Chinese browsers."""
    if studio.settings.on("localization_none"):
        return ""
    wanted = studio.options["localization"]
    automatic = wanted in (None, "", "None")
    words = read_localization("zh_CN" if automatic else str(wanted), _folders(studio))
    if not words:
        return ""
    data = json.dumps({"words": words, "always": not automatic}, ensure_ascii=False).replace("</", "<\\/")
    script = (_ASSETS / "page" / "localize.js").read_text(encoding="utf-8")
    return f"<script>window.gessoLocalization = {data};\n{script}</script>"


def read_localization(name: str, folders: tuple[Path, ...]) -> dict[str, str]:
    """English text -> translation, the files of this name merged, later folders winning; broken files are said."""
    found: dict[str, str] = {}
    for folder in folders:
        file = folder / f"{Path(name).name}.json"
        try:
            read = json.loads(file.read_text(encoding="utf-8-sig"))
            found.update({key: value for key, value in read.items() if isinstance(value, str)})
        except FileNotFoundError:
            continue
        except (OSError, ValueError, AttributeError) as broken:
            _LOG.warning("The localization %s cannot be read: %s", file, broken)
    return found


def _folders(studio: Studio) -> tuple[Path, ...]:
    own = studio.settings.path("localizations_dir") or studio.settings.data_dir / "localizations"
    return (_ASSETS / "localizations", own)

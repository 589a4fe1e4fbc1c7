"""What the settings' screen knows, as one frozen value, and what is drawn from it."""

from __future__ import annotations

from dataclasses import dataclass

from launcher.amounts import in_bytes
from launcher.core.errors import LauncherError
from launcher.core.proxy_address import masked
from launcher.core.text import Text, t
from launcher.core.web_address import shown as address
from launcher.setting_words import WORDS, SettingWords, written
from launcher.tui.asks_settings import SettingsSeen, Use
from launcher.tui.widgets.card import Say
from launcher.tui.widgets.row_table import Line

#: what lies in each folder of the workspace
_FOLDERS: dict[str, Text] = {
    "environments": t("environments"),
    "models": t("models"),
    "outputs": t("pictures"),
    "profiles": t("run profiles"),
    "cache": t("cache"),
    "logs": t("logs"),
    "state": t("notes of Gesso's"),
}


@dataclass(frozen=True)
class Chosen:
    """The whole state of the screen."""

    seen: SettingsSeen | None = None
    use: Use | None = None
    error: LauncherError | None = None

    @property
    def unread(self) -> bool:
        """The file is there and nobody can read it."""
        return self.seen is None and self.error is not None

    def value(self, key: str) -> object:
        """What config.toml says; None or (): nothing."""
        return dict(self.seen.values).get(key) if self.seen else None


def lines(chosen: Chosen, say: Say) -> list[Line]:
    """A row for each key: what is chosen, and what it is for."""
    return [
        Line(key, (key, shown(key, value, say), say(WORDS[key].meaning)), "bold" if written(value) else "")
        for key, value in (chosen.seen.values if chosen.seen else ())
    ]


def shown(key: str, value: object, say: Say) -> str:
    """The value as people read it; nothing chosen: what counts instead, in brackets."""
    words = WORDS[key]
    if not written(value):
        return f"({say(words.without)})"
    named = dict(words.choices).get(str(value))
    if named is not None:
        return say(named)
    if key == "proxy.address" and value != "none":
        return masked(str(value))
    return address(str(value)) if key.startswith("mirrors.") else written(value)


def editable(chosen: Chosen, key: str) -> str:
    """What stands in the field at first: the value, but no password of an address."""
    text = written(chosen.value(key))
    return "" if "@" in text else text


def about(chosen: Chosen, key: str | None) -> list[Text]:
    """The lines under the table."""
    if chosen.unread:
        return [t("t: troubleshooting can set this file aside; afterwards everything can be chosen again.")]
    if key is None or chosen.seen is None:
        return []
    words = WORDS[key]
    said = [words.meaning, t("Without a choice: {what}", what=words.without), dict(chosen.seen.stronger)[key]]
    if chosen.seen.unknown:
        said.append(t("Nobody knows what these in config.toml mean: {keys}", keys=", ".join(chosen.seen.unknown)))
    return said


def hint(words: SettingWords) -> Text:
    """What stands under the field in which it is edited."""
    return t("{meaning} Empty: {without}.", meaning=words.meaning, without=words.without)


def workspace(chosen: Chosen, say: Say) -> list[str]:
    """Where everything lies and how much it is, in lines."""
    use = chosen.use
    if use is None:
        return [say(t("Looking …"))]
    total = in_bytes(sum(size for _, size in use.sizes))
    free = t("{size} free", size=in_bytes(use.free)) if use.free is not None else t("not known")
    amount = t("{total} in all (shared files once); on this disk {free}", total=total, free=free)
    parts = [f"{say(_FOLDERS[name]) if name in _FOLDERS else name} {in_bytes(size)}" for name, size in use.sizes]
    return [str(use.root), say(amount if use.done else t("{amount}, counting …", amount=amount)), "   ".join(parts)]

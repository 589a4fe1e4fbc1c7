"""Which proxies this user has: the settings first, then variables, pip and the system; and what children are told."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from launcher.core.hardware.inquiry import Inquiry, answer_of
from launcher.core.network.proxy_settings import (
    Said,
    Source,
    from_environment,
    from_gnome,
    from_kde,
    from_macos,
    from_windows,
    said,
)
from launcher.core.packages.pip_settings import PipSettings
from launcher.core.paths import PROXIES
from launcher.core.proxy_address import is_plain, repaired
from launcher.core.proxy_bypass import exported, passes_by
from launcher.core.settings import ProxySettings

#: seconds for a desktop to tell its settings
_PATIENCE = 2.0
_GNOME = ("gsettings", "list-recursively", "org.gnome.system.proxy")
#: where Windows keeps them, for the user
_WINDOWS = r"Software\Microsoft\Windows\CurrentVersion\Internet Settings"


@dataclass(frozen=True)
class Proxies:
    """What every source says, in order; the first that says something counts."""

    sources: tuple[Said, ...] = ()

    @property
    def chosen(self) -> Said | None:
        """The source that counts: the first with a proxy, or with the word that there is none."""
        return next((source for source in self.sources if source.http or source.https or source.none), None)

    @property
    def source(self) -> Source | None:
        return self.chosen.source if self.chosen else None

    def of(self, url: str) -> str | None:
        """The proxy for `url`; None: directly."""
        chosen = self.chosen
        if chosen is None or passes_by(url, chosen.bypass):
            return None
        return chosen.http if urlsplit(url).scheme == "http" else chosen.https

    def others(self, url: str) -> tuple[str, ...]:
        """What further sources name for `url`, for when the proxy that counts is dead."""
        plain = urlsplit(url).scheme == "http"
        found = [source.http if plain else source.https for source in self.sources if not passes_by(url, source.bypass)]
        return tuple(dict.fromkeys(each for each in found if each and each != self.of(url)))

    @property
    def addresses(self) -> tuple[str, ...]:
        """The proxies that count, each once."""
        chosen = self.chosen
        return tuple(dict.fromkeys(each for each in (chosen.http, chosen.https) if each)) if chosen else ()


def find_proxies(
    environ: Mapping[str, str] = os.environ,
    *,
    settings: ProxySettings | None = None,
    pip: PipSettings | None = None,
    system: bool = True,
) -> Proxies:
    """Every source, asked; `system` False leaves the desktop out. Takes two seconds at the most, raises
    LauncherError `proxy-not-usable` only for what the user told Gesso itself.
    """
    asked = Inquiry(lambda: ask_system(environ)) if system else None
    sources = [from_settings(settings or ProxySettings()), from_environment(environ)]
    if pip and pip.proxy:
        sources.append(said("pip", http=pip.proxy, https=pip.proxy))
    if asked:
        sources += asked.within(_PATIENCE) or ()
    return Proxies(tuple(source for source in sources if source.something))


def from_settings(settings: ProxySettings) -> Said:
    """config.toml's; "none" means no proxy whatever the others say. LauncherError `proxy-not-usable`."""
    if settings.address is None:
        return Said("settings")
    if settings.address.strip().lower() == "none":
        return Said("settings", none=True)
    address = repaired(settings.address)
    return said("settings", http=address, https=address)


def ask_system(environ: Mapping[str, str], platform: str = sys.platform) -> tuple[Said, ...]:
    """What the system, or the desktop, is set to."""
    if platform == "win32":
        return (from_windows(_registry()),)
    if platform == "darwin":
        return (from_macos(answer_of(["scutil", "--proxy"], _PATIENCE, environ) or ""),)
    # Outside of a session its program would make a file in the home folder before it answers.
    asked = answer_of(_GNOME, _PATIENCE, environ) if environ.get("XDG_RUNTIME_DIR") else None
    gnome = from_gnome(asked or "")
    kde = from_kde(_kioslaverc(environ), environ)
    return (kde, gnome) if "KDE" in environ.get("XDG_CURRENT_DESKTOP", "") else (gnome, kde)


def proxy_environment(http: str | None, https: str | None, bypass: tuple[str, ...] = ()) -> dict[str, str]:
    """Variables for a child that is to go these ways, in both spellings; "" where it is to go directly."""
    ways = {"http_proxy": http, "https_proxy": https, "all_proxy": https or http, "no_proxy": exported(bypass)}
    told = {name: way or "" for name, way in ways.items()}
    return told | {name.upper(): value for name, value in told.items()}


def only_plain(variables: Mapping[str, str]) -> dict[str, str]:
    """`variables` with "" for what httpx does not understand: such a proxy ends Gradio when it is imported."""
    return {name: "" if name.lower() in PROXIES and not is_plain(value) else value for name, value in variables.items()}


def _registry() -> Mapping[str, object]:
    found: dict[str, object] = {}
    if sys.platform == "win32":
        import winreg

        with winreg.OpenKey(winreg.HKEY_CURRENT_USER, _WINDOWS) as key:
            for number in range(winreg.QueryInfoKey(key)[1]):
                name, value, _ = winreg.EnumValue(key, number)
                found[name] = value
    return found


def _kioslaverc(environ: Mapping[str, str]) -> str:
    folder = environ.get("XDG_CONFIG_HOME") or Path(environ.get("HOME") or "~").expanduser() / ".config"
    try:
        return (Path(folder) / "kioslaverc").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""

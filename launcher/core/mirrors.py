"""The mirrors in mirrors.toml, listed by kind and by who is behind them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import Literal

from launcher.core.errors import LauncherError
from launcher.core.facts import read_facts
from launcher.core.paths import checkout
from launcher.core.text import t

Kind = Literal["packages", "torch", "huggingface", "github", "python"]


@dataclass(frozen=True)
class Mirror:
    """One entry; either `official` (nothing is overridden) or with `url` and `style`."""

    name: str
    #: mirrors with the same upstream fail together
    group: str
    checked: date
    official: bool = False
    #: with {tag} for torch
    url: str | None = None
    #: index: a package index; find-links: a page of files; endpoint: takes the place of the host; prefix: put before
    #: the whole address; release-folder: holds the releases' folders
    style: Literal["index", "find-links", "endpoint", "prefix", "release-folder"] | None = None
    #: an English sentence, a key of the catalogues
    note: str | None = None


@dataclass(frozen=True)
class Mirrors:
    """mirrors.toml; the order within a kind is the order of the file."""

    packages: tuple[Mirror, ...]
    torch: tuple[Mirror, ...]
    huggingface: tuple[Mirror, ...]
    github: tuple[Mirror, ...]
    python: tuple[Mirror, ...]


def read_mirrors(file: Path | None = None) -> Mirrors:
    """All mirrors. LauncherError `bad-facts` if an entry contradicts itself or a name stands twice in its kind."""
    file = file or checkout() / "mirrors.toml"
    mirrors = read_facts(file, Mirrors)
    for kind in fields(Mirrors):
        entries: tuple[Mirror, ...] = getattr(mirrors, kind.name)
        for number, entry in enumerate(entries):
            _check(file, f"{kind.name}[{number}]", entry, {each.name for each in entries[:number]})
    return mirrors


def _check(file: Path, key: str, entry: Mirror, before: set[str]) -> None:
    if entry.name in before:
        what = t('the name "{name}" stands twice.', name=entry.name)
        remedy = t("Give each mirror of a kind its own name.")
    elif entry.official == (entry.url is not None) or (entry.url is None) != (entry.style is None):
        what = t('it needs either "official = true" or "url" with "style".')
        remedy = t("An official entry has no address: nothing is overridden then.")
    elif entry.url is not None and not entry.url.startswith("https://"):
        what = t('"{url}" does not begin with https://.', url=entry.url)
        remedy = t("Gesso asks mirrors only over an encrypted connection.")
    else:
        return
    raise LauncherError("bad-facts", t("{file}: {key}: {what}", file=file, key=key, what=what), remedy)

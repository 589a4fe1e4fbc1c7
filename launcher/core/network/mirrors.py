"""The mirrors in mirrors.toml and in the user's own file, listed by kind and by who is behind them."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from launcher.core.errors import LauncherError
from launcher.core.facts import as_facts, read_table
from launcher.core.paths import Workspace, checkout
from launcher.core.text import Text, t
from launcher.core.web_address import is_address, is_secret, shown

Kind = Literal["packages", "torch", "huggingface", "modelscope", "github", "python"]
KINDS: tuple[Kind, ...] = get_args(Kind)
TITLES: dict[str, Text] = {
    "packages": t("Packages"),
    "torch": Text("PyTorch"),
    "python": t("Python"),
    "huggingface": t("Models (Hugging Face)"),
    "modelscope": t("Models (ModelScope)"),
    "github": t("Gesso itself (GitHub)"),
}
Style = Literal["index", "find-links", "endpoint", "prefix", "release-folder"]
#: how an address of the user's own is used, where no mirror of that name says it
STYLES: dict[Kind, Style] = {
    "packages": "index",
    "torch": "index",
    "huggingface": "endpoint",
    "modelscope": "endpoint",
    "github": "prefix",
    "python": "release-folder",
}
OFFICIAL = "official"
#: where uv's Pythons officially lie
PYTHON_BUILDS = "https://github.com/astral-sh/python-build-standalone/"
#: GitHub's second host, with paths of its own
_RAW = "raw.githubusercontent.com"
_HOSTS: dict[str, Kind] = {
    "huggingface.co": "huggingface",
    "modelscope.cn": "modelscope",
    "www.modelscope.cn": "modelscope",
    "github.com": "github",
    _RAW: "github",
}


@dataclass(frozen=True)
class Mirror:
    """One entry; either `official` (nothing is overridden) or with `url` and `style`."""

    name: str
    #: mirrors with the same upstream fail together
    group: str
    #: None: the user's own, of which nobody asks it
    checked: date | None = None
    official: bool = False
    #: with {tag} for torch
    url: str | None = None
    #: index: a package index; find-links: a page of files; endpoint: takes the place of the host; prefix: put before
    #: the whole address; release-folder: holds the releases' folders
    style: Style | None = None
    #: torch: an index with the libraries that this place lacks
    libraries: str | None = None
    #: an English sentence, a key of the catalogues
    note: str | None = None

    def index(self, tag: str | None = None) -> str | None:
        """The address of an index or page of links, for torch that of `tag`; None where nothing is overridden."""
        return self.url.replace("{tag}", tag or "") if self.url else None

    def rewritten(self, official_url: str) -> str | None:
        """Where this mirror has the file that lies at `official_url`; None if it cannot be told from the address, or
        if the address may hold a secret, which is nobody's but the official place's.
        """
        if self.url is None:
            return official_url
        parts = urlsplit(official_url)
        if is_secret(official_url):
            return None
        if self.style == "prefix":
            return self.url.rstrip("/") + ("" if "?" in self.url else "/") + official_url
        if self.style == "endpoint":
            return None if parts.hostname == _RAW else self.url.rstrip("/") + parts.path
        _, found, release = parts.path.partition("/releases/download/")
        return f"{self.url.rstrip('/')}/{release}" if self.style == "release-folder" and found else None


@dataclass(frozen=True)
class SampleFile:
    """A file that all mirrors of its kind should have."""

    #: where it officially lies
    url: str
    bytes: int | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Samples:
    """What is asked for where no plan names a file."""

    packages: tuple[str, ...]
    huggingface: SampleFile
    modelscope: SampleFile
    github: SampleFile


@dataclass(frozen=True)
class Measuring:
    """How much is fetched, how long it may take, how long it counts."""

    mib: int
    seconds: float
    hours: int
    bench_minutes: int


@dataclass(frozen=True)
class Mirrors:
    """mirrors.toml; the order within a kind is the order of the file."""

    measuring: Measuring
    samples: Samples
    packages: tuple[Mirror, ...]
    torch: tuple[Mirror, ...]
    huggingface: tuple[Mirror, ...]
    modelscope: tuple[Mirror, ...]
    github: tuple[Mirror, ...]
    python: tuple[Mirror, ...]

    def of(self, kind: Kind) -> tuple[Mirror, ...]:
        found: tuple[Mirror, ...] = getattr(self, kind)
        return found

    def official(self, kind: Kind) -> Mirror:
        """The entry that overrides nothing."""
        return next(each for each in self.of(kind) if each.official)


@dataclass(frozen=True)
class _OwnMirrors:
    packages: tuple[Mirror, ...] = ()
    torch: tuple[Mirror, ...] = ()
    huggingface: tuple[Mirror, ...] = ()
    modelscope: tuple[Mirror, ...] = ()
    github: tuple[Mirror, ...] = ()
    python: tuple[Mirror, ...] = ()


def read_mirrors(file: Path | None = None, workspace: Workspace | None = None) -> Mirrors:
    """All mirrors, the user's own of `workspace` first (a name in both counts there).

    LauncherError `bad-facts` if an entry contradicts itself or a name stands twice in its kind.
    """
    file = file or checkout() / "mirrors.toml"
    mirrors = as_facts(read_table(file), Mirrors, file)
    for kind in KINDS:
        _check_all(file, kind, mirrors.of(kind), officials=1)
    own = workspace.root / "mirrors.toml" if workspace else None
    return _with_own(mirrors, own) if own and own.exists() else mirrors


def kind_of(url: str) -> Kind | None:
    """Whose file an official address names; None: no kind that has mirrors."""
    return _HOSTS.get(urlsplit(url).hostname or "") if is_address(url) else None


def own_mirror(kind: Kind, url: str, name: str | None = None) -> Mirror:
    """An address that the user gave. LauncherError `bad-mirror` if it is not one to fetch from."""
    if wrong := _wrong_address(url, STYLES[kind]):
        raise LauncherError(
            "bad-mirror",
            wrong,
            t("`gesso mirrors list {kind}` shows the names that there are.", kind=kind),
        )
    host = urlsplit(url).hostname or ""
    return Mirror(name or host, f"own:{name or shown(url)}", None, url=url, style=STYLES[kind])


def _with_own(mirrors: Mirrors, file: Path) -> Mirrors:
    try:
        own = as_facts(read_table(file), _OwnMirrors, file)
    except LauncherError as error:
        example = checkout() / "mirrors.toml"
        hint = t("Correct it with a text editor; {example} shows how entries are written.", example=example)
        raise LauncherError(error.code, error.message, hint) from None
    changed: dict[str, Any] = {}
    for kind in KINDS:
        entries: tuple[Mirror, ...] = getattr(own, kind)
        _check_all(file, kind, entries, officials=0)
        names = {entry.name for entry in entries}
        changed[kind] = (*entries, *(each for each in mirrors.of(kind) if each.name not in names or each.official))
    return replace(mirrors, **changed)


def _check_all(file: Path, kind: Kind, entries: tuple[Mirror, ...], *, officials: int) -> None:
    names: set[str] = set() if officials else {OFFICIAL}
    for number, entry in enumerate(entries):
        _check(file, f"{kind}[{number}]", entry, names)
        names.add(entry.name)
    if sum(entry.official for entry in entries) != officials:
        what = t("exactly {count} of its entries may be official.", count=officials)
        raise _bad(file, kind, what, t("The official entry stands in Gesso's own mirrors.toml alone."))


def _check(file: Path, key: str, entry: Mirror, before: set[str]) -> None:
    if entry.name in before:
        what = t('the name "{name}" stands twice.', name=entry.name)
        raise _bad(file, key, what, t("Give each mirror of a kind its own name."))
    if entry.official == (entry.url is not None) or (entry.url is None) != (entry.style is None):
        what = t('it needs either "official = true" or "url" with "style".')
        raise _bad(file, key, what, t("An official entry has no address: nothing is overridden then."))
    for url in filter(None, (entry.url, entry.libraries)):
        if wrong := _wrong_address(url, entry.style):
            raise _bad(file, key, wrong, t("Gesso asks mirrors only over an encrypted connection."))


def _bad(file: Path, key: str, what: Text, remedy: Text) -> LauncherError:
    return LauncherError("bad-facts", t("{file}: {key}: {what}", file=file, key=key, what=what), remedy)


def _wrong_address(url: str, style: Style | None) -> Text | None:
    """Encrypted, or in one's own house: what a company or a university runs inside needs no certificate."""
    usable = is_address(url)
    if usable and ("#" in url or ("?" in url and style != "prefix")):
        return t('"{url}" has a ? or # in it, behind which no file can be named.', url=shown(url))
    if usable and (urlsplit(url).scheme == "https" or _inside(urlsplit(url).hostname or "")):
        return None
    if (not usable and url.lower().startswith("http")) or "://" not in url:
        return t('"{url}" is no address.', url=shown(url))
    return t('"{url}" does not begin with https://.', url=shown(url))


def _inside(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
